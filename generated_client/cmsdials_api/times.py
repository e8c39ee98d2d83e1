# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Times of the wire."""

import datetime as dt

from dateutil.parser import isoparse


def read_time(text: str) -> dt.datetime:
    """Read a date and time in any form of ISO 8601; a date alone is its first moment.

    Digits beyond microseconds are dropped. Offsets are `datetime.timezone`, UTC is `datetime.UTC`.

    Raises:
        ValueError: It is not a date and time.
        OverflowError: It is beyond the year 9999.
    """
    try:
        read = isoparse(text)
    except ValueError:
        return dt.datetime.fromisoformat(text)  # knows offsets with seconds
    offset = read.utcoffset()
    # pandas keeps the zone in the type of a column, and Parquet files bring back Python's own zones only.
    return read if offset is None else read.replace(tzinfo=dt.timezone(offset))
