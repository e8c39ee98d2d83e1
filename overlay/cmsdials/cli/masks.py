"""The command that combines certification files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmsdials.cli.choice import number_range
from cmsdials.cli.options import complain, option, say, with_options
from cmsdials.cli.output import OutputOptions, Row, Source, replaced
from cmsdials.errors import ConfigurationError
from cmsdials.runtime.console import is_terminal

if TYPE_CHECKING:
    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["mask"]

_COLUMNS = ("run_number", "ls_count", "ranges")


@with_options
def mask(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Golden or DCS JSON; - is the standard input.", show_default=False
        ),
    ],
    either: Annotated[
        list[Path] | None, option("FILE", "Add the lumisections of this file; can be repeated.", "--or")
    ] = None,
    both: Annotated[
        list[Path] | None, option("FILE", "Keep only those in this file too; can be repeated.", "--and")
    ] = None,
    minus: Annotated[
        list[Path] | None, option("FILE", "Leave out those in this file; can be repeated.", "--minus")
    ] = None,
    runs: Annotated[
        str | None, option("A-B", "Keep only runs from A to B, or one.", "--runs", "--run", "-r")
    ] = None,
    *,
    output: OutputOptions,
) -> None:
    """Combine certification files: add, then keep, then leave out, whatever the order of the options.

    --json and -o FILE.json write a certification file; the table has the runs and how many lumisections each has.
    """
    found = _combined(_read(file), either or (), both or (), minus or ())
    if runs is not None:
        found = _within(found, *number_range("--runs", runs))
    if output.form == "json":
        _as_certification_file(found, output)
        return
    output.write(
        Source(columns=_COLUMNS, shown=_COLUMNS, usual=_COLUMNS, pages=lambda *asked: _pages(found, *asked))
    )
    if output.output is None and is_terminal(sys.stdout):
        complain(str(found), "dim")


def _read(file: Path) -> LumiMask:
    from cmsdials.table.lumi_mask import LumiMask  # noqa: PLC0415  # help does without it, as below

    return LumiMask(sys.stdin.buffer.read() if str(file) == "-" else file)


def _combined(
    found: LumiMask, either: Sequence[Path], both: Sequence[Path], minus: Sequence[Path]
) -> LumiMask:
    for file in either:
        found |= _read(file)
    for file in both:
        found &= _read(file)
    for file in minus:
        found -= _read(file)
    return found


def _within(found: LumiMask, first: int, last: int) -> LumiMask:
    from cmsdials.table.lumi_mask import LumiMask  # noqa: PLC0415

    return LumiMask({run: ranges for run, ranges in found.ranges.items() if first <= run <= last})


def _as_certification_file(found: LumiMask, output: OutputOptions) -> None:
    if output.columns is not None or output.limit is not None:
        message = "a certification file is written as a whole, without --columns and --limit"
        raise ConfigurationError(message, advice="Leave them out, or write CSV.")
    if output.output is None:
        say(found.to_json())
        return
    with replaced(output.output) as path:
        path.write_text(f"{found.to_json()}\n", encoding="ascii")
    say(f"{output.output}: {found}")


def _pages(found: LumiMask, columns: Sequence[str], limit: int | None) -> Iterator[list[Row]]:
    del columns
    counts = found.counts
    for run, ranges in islice(found.ranges.items(), limit):
        listed = ",".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges)
        yield [{"run_number": run, "ls_count": counts[run], "ranges": listed}]
