"""The rows of the benchmark server: realistic, rendered once; answers are slices of them.

Each table keeps the JSON bytes of its rows in one buffer. A page of neighbouring rows is then a slice of that buffer:
answering copies and parses nothing, so that the clients are measured and not the server.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import operator
import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

__all__ = [
    "DATASETS",
    "FIRST_RUN",
    "ME_1D",
    "ME_2D",
    "Answer",
    "Element",
    "InvalidCursor",
    "Table",
    "Volume",
    "dataset_row",
    "element_rows",
    "histograms",
    "make_tables",
    "occupancy",
    "spectrum",
]

DATASETS = {
    14677060: "/ZeroBias/Run2024B-PromptReco-v1/DQMIO",
    15102369: "/ZeroBias/Run2024C-PromptReco-v1/DQMIO",
}
FIRST_RUN = 367112
FILE = 3393809397
_MODIFIED = "2024-05-12T08:30:00Z"
ME_1D, ME_2D = 1, 100
X_BINS_1D = 100
X_BINS, Y_BINS = 72, 26
DIFFERENT = 251
"""Number of different histogram contents before they repeat. A prime number, so that no run repeats another."""

SMALLEST_PAGE, DEFAULT_PAGE, LARGEST_PAGE = 1, 10, 500

Buffer = bytes | memoryview
Query = Mapping[str, str]


class InvalidCursor(ValueError):
    """A next_token that the server never sent."""


@dataclass(frozen=True)
class Volume:
    """How many rows there are.

    Attributes:
        runs: Runs of each dataset.
        ls: Lumisections of each run.
        th1: One-dimensional MEs, with a histogram in each lumisection.
        th2: Two-dimensional ones.
        datasets: Datasets, two at most.
    """

    runs: int
    ls: int
    th1: int = 0
    th2: int = 0
    datasets: int = 1


@dataclass(frozen=True)
class Answer:
    """The pieces of a body, in order, the number of its rows, and of those that its cursor skips."""

    pieces: tuple[Buffer, ...]
    rows: int
    skipped: int = 0


class _Block(NamedTuple):
    """Neighbouring rows of one run, or all rows of a table that is not by run: the first, and the positions."""

    first: dict[str, Any]
    start: int
    stop: int


class Table:
    """Rows of one kind, in listing order.

    Args:
        path: Its path, such as th1.
        rows: The rows.
        contents: The JSON of `data` for each row, if rows have it; it is last in a row.
        keys: What names one row, in its address; the rows are in the order of these.
        paginated: Whether it is sent in pages, or as a plain array.
    """

    def __init__(
        self,
        path: str,
        rows: Iterable[dict[str, Any]],
        contents: Iterable[bytes] = (),
        *,
        keys: Sequence[str] = (),
        paginated: bool = True,
    ) -> None:
        self.path = path
        self.rows = list(rows)
        self.paginated = paginated
        self._keys = keys
        self._contents = list(contents)
        rendered = [self._render(number) for number in range(len(self.rows))]
        self._starts = [0, *itertools.accumulate(len(row) + 1 for row in rendered)]
        self._buffer = memoryview(b",".join(rendered))
        self._blocks = [*_blocks(self.rows)]
        self._passed: dict[tuple[tuple[str, str], ...], Sequence[int]] = {}

    def answer(self, query: Query, address: str) -> Answer:
        """Answer a query.

        Args:
            query: Filters, page_size, next_token and fields, as received; unknown names are ignored.
            address: URL of the table, for the link to the next page.

        Raises:
            InvalidCursor: There is no such page.
            ValueError: A value is of the wrong kind.
        """
        selection = self.selection(query)
        fields = query["fields"].split(",") if "fields" in query else None
        if not self.paginated:
            return Answer((b"[", *self._bodies(selection, fields), b"]"), len(selection))
        size = max(SMALLEST_PAGE, min(LARGEST_PAGE, int(query.get("page_size", DEFAULT_PAGE))))
        start = bisect_left(selection, _position(query["next_token"])) if "next_token" in query else 0
        page = selection[start : start + size]
        link = "null"
        if start + size < len(selection):
            cursor = _cursor(selection[start + size])
            link = json.dumps(f"{address}?{urlencode({**query, 'next_token': cursor})}")
        head = f'{{"next":{link},"previous":null,"results":['.encode()
        return Answer((head, *self._bodies(page, fields), b"]}"), len(page), skipped=start)

    def single(self, keys: str) -> Answer | None:
        """Answer the address of a single row, such as 14677060/367112; None if there is no such row."""
        values = keys.split("/")
        if len(values) != len(self._keys) or not all(value.isdecimal() for value in values):
            return None
        found = self.selection(dict(zip(self._keys, values, strict=True)))
        return Answer((self._render(found[0]),), 1) if found else None

    def selection(self, query: Query) -> Sequence[int]:
        """Return the indices of the rows that pass the filters.

        Runs and lumisections are found by bisection: a listing in parts asks for other bounds in each request, and
        looking at all rows each time would cost as much as what is measured.
        """
        filters = sorted((name, value) for name, value in query.items() if name not in _PAGING)
        of_runs = [(name, value) for name, value in filters if self._field(name) in _OF_RUN]
        of_lumisections = [one for one in filters if one[0] in _LS_BOUNDS and self._field(one[0])]
        passed = self._passing(
            tuple(one for one in filters if one not in of_runs and one not in of_lumisections)
        )
        bounds = [(name, int(value)) for name, value in of_lumisections]
        tests = [test for name, value in of_runs if (test := self._test(name, value)) is not None]
        found: list[int] = []
        for first, start, stop in self._blocks:
            if all(test(first) for test in tests):
                low, high = bisect_left(passed, start), bisect_left(passed, stop)
                for name, value in bounds:
                    if not name.endswith("__lte"):
                        low = bisect_left(passed, value, low, high, key=self._lumisection)
                    if not name.endswith("__gte"):
                        high = bisect_right(passed, value, low, high, key=self._lumisection)
                found += passed[low:high]
        return found

    def _passing(self, filters: tuple[tuple[str, str], ...]) -> Sequence[int]:
        if filters not in self._passed:
            tests = [test for name, value in filters if (test := self._test(name, value)) is not None]
            self._passed[filters] = [
                number for number, row in enumerate(self.rows) if all(test(row) for test in tests)
            ]
        return self._passed[filters]

    def _field(self, name: str) -> str | None:
        """Return the field that a filter looks at, if rows have it and are in runs."""
        field = name.partition("__")[0]
        return field if self.rows and "run_number" in self.rows[0] and field in self.rows[0] else None

    def _lumisection(self, number: int) -> int:
        return int(self.rows[number]["ls_number"])

    def _test(self, name: str, value: str) -> Callable[[dict[str, Any]], bool] | None:
        field, _, operation = name.partition("__")
        if operation not in _OPERATIONS or not self.rows or field not in self.rows[0]:
            return None
        kind = type(self.rows[0][field])
        compare = _OPERATIONS[operation]
        wanted: Any = {kind(one) for one in value.split(",")} if operation == "in" else kind(value)
        return lambda row: compare(row[field], wanted)

    def _bodies(self, numbers: Sequence[int], fields: Sequence[str] | None) -> Iterator[Buffer]:
        if not numbers:
            return
        first, last = numbers[0], numbers[-1]
        if fields is None and last - first == len(numbers) - 1:
            yield self._buffer[self._starts[first] : self._starts[last + 1] - 1]
        elif fields is None:
            yield b",".join(self._buffer[self._starts[n] : self._starts[n + 1] - 1] for n in numbers)
        else:
            yield b",".join(self._render(number, fields) for number in numbers)

    def _render(self, number: int, fields: Sequence[str] | None = None) -> bytes:
        row = self.rows[number]
        members = [
            f"{json.dumps(name)}:{json.dumps(value)}".encode()
            for name, value in row.items()
            if fields is None or name in fields
        ]
        if self._contents and (fields is None or "data" in fields):
            members.append(b'"data":' + self._contents[number])
        return b"{" + b",".join(members) + b"}"


_PAGING = frozenset({"next_token", "page_size", "fields"})
_OF_RUN = frozenset({"dataset_id", "dataset", "run_number"})
_LS_BOUNDS = frozenset({"ls_number", "ls_number__gte", "ls_number__lte"})
_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "gte": operator.ge,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "regex": lambda value, wanted: re.search(wanted, value) is not None,
}


def _blocks(rows: Sequence[dict[str, Any]]) -> Iterator[_Block]:
    start = 0
    for _, block in itertools.groupby(
        rows, lambda row: (row["dataset_id"], row["run_number"]) if "run_number" in row else None
    ):
        first, *rest = block
        stop = start + 1 + len(rest)
        yield _Block(first, start, stop)
        start = stop


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"row={position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).removeprefix(b"row="))
    except (binascii.Error, ValueError):
        raise InvalidCursor(cursor) from None


@dataclass(frozen=True)
class Element:
    """A monitoring element.

    Attributes:
        me_id: Its id.
        me: Its name.
        axes: The members of its rows that say how it is binned.
        draw: Makes the contents of a histogram.
    """

    me_id: int
    me: str
    axes: Mapping[str, float]
    draw: Callable[[random.Random], list[Any]]

    @property
    def dim(self) -> int:
        """1 or 2."""
        return 2 if "y_bin" in self.axes else 1


def spectrum(me_id: int, me: str, low: float, high: float, bins: int) -> Element:
    """Return a one-dimensional ME: a steep rise and a long tail, as the charge of clusters has."""

    def draw(numbers: random.Random) -> list[float]:
        height = numbers.uniform(500, 2000)
        rising = (4.5 * bin / bins for bin in range(bins))
        return [
            _counts(numbers, height * math.exp(0.5 - 0.5 * (4 * (x - 1) + math.exp(-4 * (x - 1)))))
            for x in rising
        ]

    return Element(me_id, me, {"x_min": low, "x_max": high, "x_bin": float(bins)}, draw)


def occupancy(me_id: int, me: str, x: tuple[float, float, int], y: tuple[float, float, int]) -> Element:
    """Return a two-dimensional ME, each axis from a low to a high edge in a number of bins.

    Its modules count more in the middle, and some of them are dead.
    """
    (x_min, x_max, x_bins), (y_min, y_max, y_bins) = x, y

    def draw(numbers: random.Random) -> list[list[float]]:
        height = numbers.uniform(30, 60)
        return [
            [
                0.0
                if numbers.random() < 0.02
                else _counts(numbers, height * (1 + math.sin(math.pi * bin / x_bins)))
                for bin in range(x_bins)
            ]
            for _ in range(y_bins)
        ]

    axes = {"x_min": x_min, "x_max": x_max, "x_bin": float(x_bins)}
    return Element(me_id, me, {**axes, "y_min": y_min, "y_max": y_max, "y_bin": float(y_bins)}, draw)


def make_tables(volume: Volume) -> dict[str, Table]:
    """Make the tables of a service, by path."""
    datasets = dict(itertools.islice(DATASETS.items(), volume.datasets))
    runs = [
        {"dataset_id": identifier, "dataset": name, "run_number": FIRST_RUN + number}
        for identifier, name in datasets.items()
        for number in range(volume.runs)
    ]
    lumisections = [{**run, "ls_number": ls} for run in runs for ls in range(1, volume.ls + 1)]
    elements_1d = [
        spectrum(
            ME_1D + number,
            f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{number + 1}",
            0.0,
            80000.0,
            X_BINS_1D,
        )
        for number in range(volume.th1)
    ]
    elements_2d = [
        occupancy(
            ME_2D + number,
            "PixelPhase1/Phase1_MechanicalView/PXBarrel/"
            f"clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_{number + 1}",
            (0.5, X_BINS + 0.5, X_BINS),
            (0.5, Y_BINS + 0.5, Y_BINS),
        )
        for number in range(volume.th2)
    ]
    tables = [
        Table("dataset-index", (dataset_row(*one) for one in datasets.items()), keys=("dataset_id",)),
        Table("file-index", (_file_row(*one) for one in datasets.items()), keys=("dataset_id", "file_id")),
        Table(
            "run",
            ({**run, "ls_count": volume.ls, "ls_completeness": 1.0} for run in runs),
            keys=("dataset_id", "run_number"),
        ),
        Table(
            "lumisection",
            ({**one, "th1_count": volume.th1, "th2_count": volume.th2} for one in lumisections),
            keys=("dataset_id", "run_number", "ls_number"),
        ),
        Table(
            "mes",
            element_rows((*elements_1d, *elements_2d), lambda _: len(lumisections)),
            keys=("me_id",),
            paginated=False,
        ),
        *(
            histograms(
                path, (({**one, "file_id": FILE}, element) for one in lumisections for element in elements)
            )
            for path, elements in (("th1", elements_1d), ("th2", elements_2d))
        ),
    ]
    return {table.path: table for table in tables}


def dataset_row(identifier: int, name: str) -> dict[str, Any]:
    """Return the row of a dataset with this id and full name."""
    _, primary, processed, tier = name.split("/")
    era, _, version = processed.split("-")
    return {
        "dataset_id": identifier,
        "dataset": name,
        "era": era,
        "data_tier": tier,
        "primary_ds_name": primary,
        "processed_ds_name": processed,
        "processing_version": int(version[1:]),
        "last_modification_date": _MODIFIED,
    }


def _file_row(identifier: int, name: str) -> dict[str, Any]:
    """Return the row of the one file of a dataset."""
    return {
        "dataset_id": identifier,
        "dataset": name,
        "file_id": FILE,
        "file_size": 1_000_000,
        "creation_date": _MODIFIED,
        "last_modification_date": _MODIFIED,
        "logical_file_name": f"/store/data/{identifier}.root",
        "status": "FINISHED",
        "err_trace": None,
    }


def element_rows(elements: Iterable[Element], count: Callable[[int], int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of MEs; `count` says how many histograms a me_id has."""
    for one in elements:
        yield {"me_id": one.me_id, "me": one.me, "count": count(one.me_id), "dim": one.dim}


def histograms(
    path: str, keys: Iterable[tuple[Mapping[str, Any], Element]], different: int = DIFFERENT
) -> Table:
    """Return a table of histograms.

    Args:
        path: th1 or th2.
        keys: For each histogram its dataset_id, dataset, file_id, run_number and ls_number, and its ME.
        different: Number of different contents of an ME before they repeat.
    """
    contents: dict[int, list[tuple[bytes, int]]] = {}
    rows: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    for number, (one, element) in enumerate(keys):
        if element.me_id not in contents:
            # The same contents each time, and no secret.
            numbers = random.Random(f"{path} {element.me_id}")  # noqa: S311
            contents[element.me_id] = [_rendered(element.draw(numbers)) for _ in range(different)]
        body, entries = contents[element.me_id][number % different]
        bodies.append(body)
        rows.append(
            {
                "dataset": one["dataset"],
                "me": element.me,
                "dataset_id": one["dataset_id"],
                "file_id": one["file_id"],
                "run_number": one["run_number"],
                "ls_number": one["ls_number"],
                "me_id": element.me_id,
                **element.axes,
                "entries": entries,
            }
        )
    return Table(path, rows, bodies, keys=("dataset_id", "run_number", "ls_number", "me_id"))


def _rendered(contents: list[Any]) -> tuple[bytes, int]:
    return json.dumps(contents, separators=(",", ":")).encode(), int(sum(_flat(contents)))


def _flat(contents: Iterable[Any]) -> Iterator[float]:
    for one in contents:
        if isinstance(one, list):
            yield from one
        else:
            yield one


def _counts(numbers: random.Random, expected: float) -> float:
    return float(max(0, round(numbers.gauss(expected, math.sqrt(expected)))))
