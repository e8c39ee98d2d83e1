"""How commands write rows: a table for people, JSON and CSV for programs, and files, Parquet among them.

Rows are written page by page, so that what reads them can begin, or end, before all are there.
"""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from attrs import frozen

from cmsdials.cli.options import complain, console, option, say
from cmsdials.errors import ConfigurationError, DialsError
from cmsdials.redaction import printable
from cmsdials.runtime.console import is_terminal

__all__ = ["OutputOptions", "Row", "Source", "json_of", "replaced"]

Row = Mapping[str, Any]

SHOWN = 100
"""Rows that a terminal shows unless --limit says something else."""

_PANEL = "Output"
_SUFFIXES = ("parquet", "csv", "json")


@frozen(kw_only=True)
class Source:
    """Where rows come from.

    Attributes:
        columns: What they may have, in order.
        shown: The columns of a table for people.
        usual: The columns for programs.
        pages: Fetches rows, with these columns and at most so many (None: all), page by page.
        tables: The same as Arrow tables; None makes one of the pages.
    """

    columns: Sequence[str]
    shown: Sequence[str]
    usual: Sequence[str]
    pages: Callable[[Sequence[str], int | None], Iterable[Iterable[Row]]]
    tables: Callable[[Sequence[str], int | None], Iterable[Any]] | None = None


@frozen(kw_only=True)
class OutputOptions:
    """How rows are written."""

    as_json: Annotated[bool, option(None, "Write an array of JSON objects.", "--json", panel=_PANEL)] = False
    as_csv: Annotated[bool, option(None, "Write CSV with a header.", "--csv", panel=_PANEL)] = False
    output: Annotated[
        Path | None,
        option("FILE", "Write a file: .parquet, .csv or .json.", "--output", "-o", panel=_PANEL),
    ] = None
    columns: Annotated[
        str | None, option("NAMES", "Columns, separated by commas; default: the usual ones.", panel=_PANEL)
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help=f"Rows at most; default: {SHOWN} in a table on a terminal, else all. 0: all.",
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = None

    def check(self) -> None:
        """Raise a ConfigurationError if the options contradict each other, or a file has another ending."""
        _ = self.form

    @property
    def form(self) -> str:
        """What is written: table, json, csv or parquet.

        Raises:
            ConfigurationError: The options contradict each other, or a file has another ending.
        """
        asked = [name for name, is_asked in (("json", self.as_json), ("csv", self.as_csv)) if is_asked]
        if len(asked) > 1:
            message = "--json and --csv exclude each other"
            raise ConfigurationError(message, advice="Give one of them.")
        if self.output is None:
            return asked[0] if asked else "table"
        suffix = self.output.suffix.lower().removeprefix(".")
        if asked and suffix != asked[0]:
            if suffix in _SUFFIXES:
                message = f"--{asked[0]} contradicts the ending of {self.output}"
                raise ConfigurationError(message, advice=f"Leave --{asked[0]} out, or change the ending.")
            return asked[0]
        if suffix not in _SUFFIXES:
            message = f"the ending of {self.output} says no format"
            raise ConfigurationError(message, advice="End the name in .parquet, .csv or .json.")
        return suffix

    def wanted(self, source: Source) -> Sequence[str]:
        """Return the columns to write.

        Raises:
            ConfigurationError: --columns names none, or one twice.
        """
        named = self.named(source.columns)
        if named is None:
            return source.shown if self.form == "table" else source.usual
        return named

    def named(self, columns: Sequence[str]) -> Sequence[str] | None:
        """Return what --columns names among the columns that there are; None without it. Errors as of `wanted`."""
        if self.columns is None:
            return None
        named = [name.strip() for name in self.columns.split(",") if name.strip()]
        if not named or len({*named}) < len(named):
            message = f"--columns {self.columns!r} names {'a column twice' if named else 'no column'}"
            advice = f"Name some of {', '.join(columns)}, separated by commas."
            raise ConfigurationError(message, advice=advice)
        if unknown := [name for name in named if name not in columns]:
            message = f"there is no column {unknown[0]!r}"
            raise ConfigurationError(message, advice=f"There are {', '.join(columns)}.")
        return named

    def write(self, source: Source) -> None:
        """Write rows as the options say.

        Raises:
            ConfigurationError: The options contradict each other, or the file cannot be written.
            DialsError: The rows cannot be fetched.
        """
        form, columns = self.form, self.wanted(source)
        if self.output is not None:
            with replaced(self.output) as path:
                count = self._to_file(path, form, columns, source)
            say(f"{self.output}: {count} row{'' if count == 1 else 's'}")
        elif form == "table" and is_terminal(sys.stdout):
            self._on_terminal(columns, source)
        else:
            _WRITERS[form](sys.stdout, columns, source.pages(columns, self.limit or None))

    def _to_file(self, path: Path, form: str, columns: Sequence[str], source: Source) -> int:
        limit = self.limit or None
        if form != "parquet":
            with path.open("w", encoding="utf-8", newline="") as stream:
                return _WRITERS[form](stream, columns, source.pages(columns, limit))
        from cmsdials.runtime import extras  # noqa: PLC0415  # help does without it

        parquet = extras.require("pyarrow.parquet", needed_by="Parquet")
        arrow = extras.pyarrow()
        tables = [] if source.tables is None else [*source.tables(columns, limit)]
        if tables:
            whole = arrow.concat_tables(tables)
            table = whole.select([name for name in columns if name in whole.column_names])
        else:
            rows = [*chain.from_iterable(source.pages(columns, limit))]
            table = arrow.table({name: [row.get(name) for row in rows] for name in columns})
        parquet.write_table(table, path)
        count: int = table.num_rows
        return count

    def _on_terminal(self, columns: Sequence[str], source: Source) -> None:
        from rich.table import Table  # noqa: PLC0415  # as above
        from rich.text import Text  # noqa: PLC0415

        limit = SHOWN if self.limit is None else self.limit
        # One more than is shown tells whether there are more.
        rows = [*chain.from_iterable(source.pages(columns, limit + 1 if limit else None))]
        more = bool(limit) and len(rows) > limit
        shown = rows[:limit] if more else rows
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in columns:
            is_number = _are_numeric(row.get(name) for row in shown)
            table.add_column(name, justify="right" if is_number else "left", overflow="fold")
        for row in shown:
            table.add_row(*(Text(printable(_cell(row.get(name)))) for name in columns))
        console().print(table, soft_wrap=False)
        if more:
            complain(f"There are more rows than {limit}: see them with --limit, or all with --limit 0.")


def json_of(value: Any) -> str:
    """Return JSON in ASCII, without characters that a terminal would obey. Times are written as DIALS does."""
    try:
        text = json.dumps(value, default=_text, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), default=_text)
    return text.replace("\x7f", "\\u007f")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)  # of a file that was read, such as a date


def _finite(value: Any) -> Any:
    """Return a value with null for NaN and the infinities, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _cell(value: Any) -> str:
    """Return a value as text, for tables and CSV."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)  # nan and inf too, as programs read them in CSV
    return json_of(value) if isinstance(value, bool | int | list | tuple | Mapping) else _text(value)


def _are_numeric(column: Iterable[Any]) -> bool:
    return all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in column
    )


def _write_json(stream: IO[str], columns: Sequence[str], pages: Iterable[Iterable[Row]]) -> int:
    count = 0
    for page in pages:
        for row in page:
            said = json_of({name: row[name] for name in columns if name in row})
            stream.write(f"{',' if count else '['}\n{said}")
            count += 1
        stream.flush()
    stream.write("\n]\n" if count else "[]\n")
    return count


def _write_csv(stream: IO[str], columns: Sequence[str], pages: Iterable[Iterable[Row]]) -> int:
    shown = printable if is_terminal(stream) else str
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for page in pages:
        for row in page:
            writer.writerow([shown(_cell(row.get(name))) for name in columns])
            count += 1
        stream.flush()
    return count


def _write_table(stream: IO[str], columns: Sequence[str], pages: Iterable[Iterable[Row]]) -> int:
    """Write plain text in columns, which are as wide as the first page needs."""
    count = 0
    widths: list[int] = []
    for page in pages:
        rows = [[row.get(name) for name in columns] for row in page]
        lines = [[printable(_cell(value)) for value in row] for row in rows]
        if rows and not widths:
            are_numbers = [_are_numeric(column) for column in zip(*rows, strict=True)]
            for name, right, column in zip(columns, are_numbers, zip(*lines, strict=True), strict=True):
                width = max(len(name), *map(len, column))
                widths.append(width if right else -width)
            lines.insert(0, [*columns])
        for line in lines:
            cells = (
                cell.rjust(width) if width > 0 else cell.ljust(-width)
                for cell, width in zip(line, widths, strict=True)
            )
            stream.write(f"{'  '.join(cells).rstrip()}\n")
        count += len(rows)
        stream.flush()
    if not count:
        stream.write(f"{'  '.join(columns)}\n")
    return count


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the path to write a file to, which takes its place when it is whole; of a device, that itself.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        named = path.expanduser()
        is_device = named.exists() and not named.is_file() and not named.is_dir()
        target = named if is_device else named.resolve()  # a pipe such as /dev/stdout leads to no path
        new = target if is_device else target.with_name(f".{target.name}.{os.getpid()}.unfinished")
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        try:
            new.open("ab").close()  # before anything is fetched for it
            yield new
            if not is_device:
                new.replace(target)
        finally:
            if not is_device:
                new.unlink(missing_ok=True)
    except (BrokenPipeError, DialsError):  # some of ours are errors of the system too
        raise
    except (OSError, ValueError, RuntimeError) as problem:
        why = getattr(problem, "strerror", None) or problem
        message = f"{path} cannot be written ({why})"
        raise ConfigurationError(message, advice="Name another file with -o.") from None
