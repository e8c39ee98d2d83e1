"""The command that joins two tables by run and lumisection."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cmsdials.cli.options import option, with_options
from cmsdials.cli.output import OutputOptions, Row, Source
from cmsdials.errors import ConfigurationError, DialsError
from cmsdials.redaction import shortened
from cmsdials.runtime import extras
from cmsdials.runtime.background import load

__all__ = ["join"]

_AT_A_TIME = 1000  # rows


@with_options
def join(
    left: Annotated[
        Path,
        typer.Argument(
            metavar="LEFT",
            help="CSV, also of brilcalc --byls, Parquet, or a JSON array of objects; - is the standard input.",
            show_default=False,
        ),
    ],
    right: Annotated[
        Path,
        typer.Argument(metavar="RIGHT", help="The same.", show_default=False),
    ],
    on: Annotated[
        str | None,
        option("NAMES", "Columns to compare, separated by commas; default: the run and the lumisection."),
    ] = None,
    suffix: Annotated[
        str, option("TEXT", "Is added to the name of a column on the right that the left has too.")
    ] = "_right",
    *,
    output: OutputOptions,
) -> None:
    """Add to each row on the left the columns of the row on the right of the same run and lumisection.

    Every row on the left stays; what the right does not have for it is empty. Both files need not name the
    columns alike: the names of DIALS, OMS, the Run Registry, brilcalc and CMSSW are known.
    """
    from cmsdials import join as joined  # noqa: PLC0415  # help does without it

    names = None if on is None else [name.strip() for name in on.split(",") if name.strip()]
    if names == []:
        message = f"--on {on!r} names no column"
        raise ConfigurationError(message, advice="Name columns that both files have, separated by commas.")
    if not suffix:
        message = "--suffix is empty, so columns of one name could not be told apart"
        raise ConfigurationError(message, advice="Leave it out: the default is _right.")
    table = joined(_read(left), _read(right), on=names, suffix=suffix)
    columns = table.column_names

    def tables(wanted: Sequence[str], limit: int | None) -> Iterator[Any]:
        yield table.select(wanted).slice(0, limit)

    def pages(wanted: Sequence[str], limit: int | None) -> Iterator[list[Row]]:
        for chosen in tables(wanted, limit):
            for batch in chosen.to_batches(_AT_A_TIME):
                yield batch.to_pylist()

    output.write(Source(columns=columns, shown=columns, usual=columns, pages=pages, tables=tables))


def _read(file: Path) -> Any:
    """Read an Arrow table."""
    arrow = extras.pyarrow()
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.expanduser().read_bytes()
        table = _table(arrow, content, str(file))
    except DialsError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, RecursionError) as problem:  # as Arrow's are
        why = getattr(problem, "strerror", None) or " ".join(str(problem).split())
        message = f"{file} cannot be read as a table: {shortened(why, 200)}"
        advice = "Give CSV with a header, Parquet, or a JSON array of objects, such as other commands write."
        raise ConfigurationError(message, advice=advice) from None
    if len({*table.column_names}) < len(table.column_names):
        message = f"{file} has several columns of the same name"
        raise ConfigurationError(message, advice="Rename them.")
    return table


def _table(arrow: Any, content: bytes, name: str) -> Any:
    from cmsdials.table.documents import Documents  # noqa: PLC0415  # as above

    load("cmsdials.table.frames")
    from cmsdials.table.brilcalc import brilcalc_of  # noqa: PLC0415
    from cmsdials.table.frames import Arrow  # noqa: PLC0415  # it imports NumPy

    if content.startswith(b"PAR1"):
        return extras.require("pyarrow.parquet").read_table(io.BytesIO(content))
    if content.startswith(b"#"):  # as no other CSV begins
        return Arrow().of(brilcalc_of(content, name))
    if content.lstrip()[:1] == b"[":
        rows = json.loads(content)
        if not all(isinstance(row, dict) for row in rows):
            message = "it is not an array of objects"
            raise ValueError(message)
        return Arrow().of(Documents(rows))
    return _of_csv(arrow, content)


def _of_csv(arrow: Any, content: bytes) -> Any:
    """Read CSV: text stays what it is, even NA, and no text is missing."""
    csv = extras.require("pyarrow.csv")
    table = csv.read_csv(io.BytesIO(content))
    for at, field in enumerate(table.schema):
        if arrow.types.is_string(field.type):
            texts = [text or None for text in table.column(at).to_pylist()]
            table = table.set_column(at, field.name, arrow.array(texts, field.type))
    return table
