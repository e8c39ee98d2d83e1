"""From records to a pandas DataFrame.

Columns are the fields that the service sent, in the order of the contract, whatever the page or generation they
came with; a frame of nothing has the columns too, with the same types. Lists stay lists, one for each cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cmsdials_api.records import Field, Record

from cmsdials import extras

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_pandas"]


def to_pandas(
    rows: Sequence[Record], record: type[Record], fields: Iterable[str] | None = None
) -> pd.DataFrame:
    """Make a DataFrame with a row for each record and a RangeIndex.

    Args:
        rows: The records.
        record: What they are.
        fields: The fields that were asked for, which are the columns of an empty frame; all if None.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    pandas = extras.pandas()
    sent = set(record_fields(record) if fields is None else fields)
    if rows:
        sent = set().union(*(row.__dict__.keys() for row in rows))
    columns = [field for field in record.FIELDS if field.name in sent]
    frame: pd.DataFrame = pandas.DataFrame(
        {
            field.name: _series(pandas, field, [row.__dict__.get(field.name) for row in rows])
            for field in columns
        },
        index=pandas.RangeIndex(len(rows)),
    )
    return frame


def record_fields(record: type[Record]) -> list[str]:
    """Names of all fields of a record, in order."""
    return [field.name for field in record.FIELDS]


def _series(pandas: Any, field: Field, values: list[Any]) -> Any:
    if field.kind in ("array", "object", "any"):
        return pandas.Series(values, dtype=object)
    if field.kind == "string":
        # pandas 2 holds text as object, pandas 3 as str: whatever it makes of text, also where there is none.
        return pandas.Series(values, dtype=pandas.Series(["text"]).dtype)
    if field.kind == "datetime":
        return pandas.Series(pandas.to_datetime(values, utc=True)).dt.as_unit("us")
    missing = any(value is None for value in values)
    if field.kind == "boolean":
        return pandas.Series(values, dtype=object if missing else bool)
    return pandas.Series(values, dtype="int64" if field.kind == "integer" and not missing else "float64")
