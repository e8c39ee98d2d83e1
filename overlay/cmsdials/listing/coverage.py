"""Is everything there? Compares the lumisections that the service lists for each run with those of a result.

That a file exists does not prove that a download is complete, and a complete listing does not prove that every
lumisection has its histogram. No I/O: from rows to a table; `Coverage` is what `dials.h1d.coverage` returns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen
from cmsdials_api.models.lumisection import Lumisection

from cmsdials.runtime import extras

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coverage", "CoverageRow", "covered", "lacking", "ranges", "summary"]

Ranges = list[tuple[int, int]]
_MOST_SHOWN = 4  # ranges
_MOST_ROWS = 20  # in a notebook
_COLUMNS = ("dataset_id", "run", "me_id", "expected", "retrieved", "missing", "empty", "duplicate")
_Run = tuple[int, int]


@frozen
class CoverageRow:
    """One monitoring element in one run.

    Attributes:
        dataset_id: The dataset.
        run_number: The run.
        me_id: The monitoring element; None where a run has no histogram at all.
        me: Its path.
        expected: Number of lumisections that the service lists.
        retrieved: How many of these have a histogram in the result.
        missing: Inclusive ranges of lumisections without one.
        empty: Inclusive ranges of lumisections whose histogram has no entries.
        duplicate: Inclusive ranges of lumisections with more than one.
        unlisted: Inclusive ranges of lumisections with a histogram that the service does not list.
    """

    dataset_id: int
    run_number: int
    me_id: int | None
    me: str | None
    expected: int
    retrieved: int
    missing: Ranges
    empty: Ranges
    duplicate: Ranges
    unlisted: Ranges

    @property
    def complete(self) -> bool:
        """Whether each lumisection has exactly one histogram, which may be empty, and no other has one."""
        return not self.missing and not self.duplicate and not self.unlisted


@frozen(repr=False)
class Coverage:
    """How much of the data a result holds.

    Attributes:
        rows: A row for each run and monitoring element.
        notes: What limits the comparison, such as a filter that hides histograms.
        listing_complete: Whether the result had all the rows of its query.
    """

    rows: tuple[CoverageRow, ...]
    notes: tuple[str, ...]
    listing_complete: bool

    @property
    def complete(self) -> bool:
        """Whether the listing ended and nothing is missing or doubled; False if there is nothing to compare with."""
        return self.listing_complete and bool(self.rows) and all(row.complete for row in self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame, a row for each run and monitoring element.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
        """
        columns = [one.name for one in CoverageRow.__attrs_attrs__]
        frame: pd.DataFrame = extras.pandas().DataFrame([asdict(row) for row in self.rows], columns=columns)
        return frame

    def __str__(self) -> str:
        table = [_COLUMNS, *map(_cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.rjust, line, widths)) for line in table]
        return "\n".join([*lines, *self.notes, self._verdict])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show in notebooks what is not complete."""
        from cmsdials.table.html import html_lines, html_rows  # noqa: PLC0415  # for notebooks only

        rows = [*map(_cells, lacking(self))]
        table = html_rows(_COLUMNS, rows, _MOST_ROWS)
        return html_lines([summary(self)]) + table + html_lines([*self.notes, self._verdict])

    @property
    def _verdict(self) -> str:
        verdict = "complete" if self.complete else "NOT complete"
        return verdict if self.listing_complete else f"{verdict}: the listing itself stopped early"


def lacking(coverage: Coverage) -> list[CoverageRow]:
    """Return the rows that are not complete."""
    return [row for row in coverage.rows if not row.complete]


def summary(coverage: Coverage) -> str:
    """Say how many rows are complete."""
    complete = len(coverage.rows) - len(lacking(coverage))
    return f"{complete} of {len(coverage.rows)} monitoring elements of runs are complete"


NOTHING_LISTED = "note: DIALS lists no lumisection for these filters in this workspace"


def covered(
    listed: Iterable[Lumisection], rows: Iterable[Any], *, listing_complete: bool, notes: Sequence[str] = ()
) -> Coverage:
    """Compare lumisections with histograms (`rows`, which may lack me and entries)."""
    expected: defaultdict[_Run, set[int]] = defaultdict(set)
    for one in listed:
        expected[_run(one)].add(one.ls_number)
    came: defaultdict[tuple[_Run, int | None], Counter[int]] = defaultdict(Counter)
    empty: defaultdict[tuple[_Run, int | None], set[int]] = defaultdict(set)
    names: dict[int | None, str | None] = {}
    runs = {*expected}
    for row in rows:
        key = (_run(row), row.me_id)
        runs.add(key[0])
        came[key][row.ls_number] += 1
        names.setdefault(row.me_id, getattr(row, "me", None))
        if getattr(row, "entries", None) == 0:
            empty[key].add(row.ls_number)
    made = [
        CoverageRow(
            dataset_id=run[0],
            run_number=run[1],
            me_id=me_id,
            me=names.get(me_id),
            expected=len(expected[run]),
            retrieved=len(expected[run] & came[run, me_id].keys()),
            missing=ranges(expected[run] - came[run, me_id].keys()),
            empty=ranges(empty[run, me_id]),
            duplicate=ranges(number for number, times in came[run, me_id].items() if times > 1),
            unlisted=ranges(came[run, me_id].keys() - expected[run]),
        )
        for run in sorted(runs)
        for me_id in sorted(names, key=lambda me_id: me_id or 0) or [None]  # also a run without any histogram
    ]
    if not made:
        notes = [*notes, NOTHING_LISTED]
    return Coverage(tuple(made), tuple(notes), listing_complete)


def notes_on(query: Mapping[str, Any]) -> list[str]:
    """Say which filters hide histograms that lumisections do have."""
    hiding = [name for name in query if name.startswith(("entries", "file_id", "logical_file_name"))]
    return [f"note: {name} hides histograms, which count as missing here" for name in hiding]


def ranges(numbers: Iterable[int]) -> Ranges:
    """Return sorted inclusive ranges of numbers: 1, 2, 3, 7 -> [(1, 3), (7, 7)]."""
    joined: Ranges = []
    for number in sorted(set(numbers)):
        if joined and number == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], number)
        else:
            joined.append((number, number))
    return joined


def _run(row: Any) -> _Run:
    return (row.dataset_id, row.run_number)


def _cells(row: CoverageRow) -> tuple[str, ...]:
    numbers = (row.dataset_id, row.run_number, row.me_id, row.expected, row.retrieved)
    shown = ("-" if number is None else str(number) for number in numbers)
    return (*shown, *map(_shown, (row.missing, row.empty, row.duplicate)))


def _shown(found: Ranges) -> str:
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in found]
    more = f" and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return ",".join(parts[:_MOST_SHOWN]) + more or "-"
