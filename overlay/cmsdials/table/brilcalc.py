"""The CSV file that ``brilcalc lumi -o`` writes.

Its lines of text, the names of the columns among them, begin with ``#``; runs and lumisections are written
``run:fill`` and ``ls:cmsls``.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from cmsdials.errors import ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.table.documents import Documents

__all__ = ["brilcalc_of", "read_brilcalc"]

_BEGIN = "#run:fill"
_GZIP = b"\x1f\x8b"
_ADVICE = "Write it with brilcalc lumi --byls -o FILE, or read the file with pandas and join the frame."


def read_brilcalc(path: str | os.PathLike[str]) -> Documents:
    """Return its rows, with `run`, `fill` and `ls` as numbers, and the other columns as brilcalc names them.

    Raises:
        ConfigurationError: It cannot be read, or brilcalc did not write it.
    """
    shown = shortened(repr(os.fspath(path)), 100)
    try:
        content = Path(path).expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        message = f"the file {shown} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigurationError(message, advice=_ADVICE) from error
    return brilcalc_of(content, shown)


def brilcalc_of(content: bytes, shown: str) -> Documents:
    """Return the rows of a file with this content; `shown` is its name in errors. See `read_brilcalc`."""
    if content.startswith(_GZIP):
        message = f"{shown} is compressed"
        raise ConfigurationError(message, advice="Unpack it with gunzip first.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        message = f"{shown} is not text in UTF-8, so it is not what brilcalc lumi writes"
        raise ConfigurationError(message, advice=_ADVICE) from error
    header = next((line for line in lines if line.replace(" ", "").startswith(_BEGIN)), None)
    if header is None:
        message = f"{shown} has no line {_BEGIN},ls,... , so it is not what brilcalc lumi writes"
        raise ConfigurationError(message, advice=_ADVICE)
    names = [name.strip() for name in next(csv.reader([header.lstrip("# ")]))]
    columns_of = [part for name in names for part in name.split(":")]
    if len({*columns_of}) < len(columns_of):
        message = f"{shown} has several columns of one name: {','.join(names)[:100]}"
        raise ConfigurationError(message, advice=_ADVICE)
    rows = [
        [value.strip() for value in row]
        for row in csv.reader(line for line in lines if line.strip() and not line.startswith("#"))
    ]
    if wrong := next((row for row in rows if len(row) != len(names)), None):
        message = (
            f"{shown} has a line of {len(wrong)} values for {len(names)} columns: {','.join(wrong)[:60]}"
        )
        raise ConfigurationError(message, advice=_ADVICE)
    columns: dict[str, list[Any]] = {}
    for name, values in zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True):
        first, *rest = name.split(":")
        parts = [value.split(":") for value in values]
        if rest:  # run:fill
            columns[first] = _typed([part[0] for part in parts])
            columns[rest[0]] = _typed([part[-1] for part in parts])
        else:
            columns[name] = _typed([part[0] for part in parts] if name == "ls" else [*values])
    each = zip(*columns.values(), strict=True)
    return Documents([dict(zip(columns, row, strict=True)) for row in each], known=[*columns])


def _typed(values: list[str]) -> list[Any]:
    """Return numbers, None where there is nothing, if all of them are, else text."""
    given = [value for value in values if value]
    for kind in (int, float) if given and not any("_" in value for value in given) else ():
        try:
            return [kind(value) if value else None for value in values]
        except ValueError:
            continue
    return [*values]
