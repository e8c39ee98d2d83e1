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
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

__all__ = [
    "DATASETS",
    "FIRST_RUN",
    "ME_1D",
    "ME_2D",
    "Answer",
    "InvalidCursor",
    "Table",
    "Volume",
    "make_tables",
]

DATASETS = {
    14677060: "/ZeroBias/Run2024B-PromptReco-v1/DQMIO",
    15102369: "/ZeroBias/Run2024C-PromptReco-v1/DQMIO",
}
FIRST_RUN = 367112
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
    """The pieces of a body, in order, and the number of its rows."""

    pieces: tuple[Buffer, ...]
    rows: int


class Table:
    """Rows of one kind, in listing order.

    Args:
        path: Its path, such as th1.
        rows: The rows.
        contents: The JSON of `data` for each row, if rows have it; it is last in a row.
        paginated: Whether it is sent in pages, or as a plain array.
    """

    def __init__(
        self,
        path: str,
        rows: Iterable[dict[str, Any]],
        contents: Iterable[bytes] = (),
        *,
        paginated: bool = True,
    ) -> None:
        self.path = path
        self.rows = list(rows)
        self.paginated = paginated
        self._contents = list(contents)
        rendered = [self._render(number) for number in range(len(self.rows))]
        self._starts = [0, *itertools.accumulate(len(row) + 1 for row in rendered)]
        self._buffer = memoryview(b",".join(rendered))
        self._selections: dict[tuple[tuple[str, str], ...], Sequence[int]] = {}

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
        return Answer((head, *self._bodies(page, fields), b"]}"), len(page))

    def selection(self, query: Query) -> Sequence[int]:
        """Return the indices of the rows that pass the filters."""
        filters = tuple(sorted((name, value) for name, value in query.items() if name not in _PAGING))
        if filters not in self._selections:
            tests = [test for name, value in filters if (test := self._test(name, value)) is not None]
            self._selections[filters] = [
                number for number, row in enumerate(self.rows) if all(test(row) for test in tests)
            ]
        return self._selections[filters]

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
_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "gte": operator.ge,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "regex": lambda value, wanted: re.search(wanted, value) is not None,
}


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"row={position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).removeprefix(b"row="))
    except (binascii.Error, ValueError):
        raise InvalidCursor(cursor) from None


def make_tables(volume: Volume) -> dict[str, Table]:
    """Make the tables of a service, by path."""
    datasets = dict(itertools.islice(DATASETS.items(), volume.datasets))
    runs = [
        {"dataset_id": identifier, "dataset": name, "run_number": FIRST_RUN + number}
        for identifier, name in datasets.items()
        for number in range(volume.runs)
    ]
    lumisections = [{**run, "ls_number": ls} for run in runs for ls in range(1, volume.ls + 1)]
    names_1d = {
        ME_1D + number: f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{number + 1}"
        for number in range(volume.th1)
    }
    names_2d = {
        ME_2D + number: "PixelPhase1/Phase1_MechanicalView/PXBarrel/"
        f"clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_{number + 1}"
        for number in range(volume.th2)
    }
    of_each_me = len(lumisections)
    tables = [
        Table("dataset-index", (_dataset(*one) for one in datasets.items())),
        Table("run", ({**run, "ls_count": volume.ls, "ls_completeness": 1.0} for run in runs)),
        Table(
            "lumisection",
            ({**one, "th1_count": volume.th1, "th2_count": volume.th2} for one in lumisections),
        ),
        Table(
            "mes",
            (
                {"me_id": me_id, "me": me, "count": of_each_me, "dim": dim}
                for dim, names in ((1, names_1d), (2, names_2d))
                for me_id, me in names.items()
            ),
            paginated=False,
        ),
        _histograms(
            "th1",
            lumisections,
            names_1d,
            {"x_min": 0.0, "x_max": 80000.0, "x_bin": float(X_BINS_1D)},
            _charge,
        ),
        _histograms(
            "th2",
            lumisections,
            names_2d,
            {
                "x_min": 0.5,
                "x_max": 72.5,
                "x_bin": float(X_BINS),
                "y_min": 0.5,
                "y_max": 26.5,
                "y_bin": float(Y_BINS),
            },
            _occupancy,
        ),
    ]
    return {table.path: table for table in tables}


def _dataset(identifier: int, name: str) -> dict[str, Any]:
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
        "last_modification_date": "2024-05-12T08:30:00Z",
    }


def _histograms(
    path: str,
    lumisections: Iterable[dict[str, Any]],
    names: Mapping[int, str],
    axes: Mapping[str, float],
    draw: Callable[[random.Random], list[Any]],
) -> Table:
    numbers = random.Random(path)  # noqa: S311  # the same contents each time, and no secret
    drawn = [draw(numbers) for _ in range(DIFFERENT)] if names else []
    rendered = [json.dumps(contents, separators=(",", ":")).encode() for contents in drawn]
    entries = [int(sum(_flat(contents))) for contents in drawn]
    keys = [(one, me_id) for one in lumisections for me_id in names]
    rows = (
        {
            "dataset": one["dataset"],
            "me": names[me_id],
            "dataset_id": one["dataset_id"],
            "file_id": 3393809397,
            "run_number": one["run_number"],
            "ls_number": one["ls_number"],
            "me_id": me_id,
            **axes,
            "entries": entries[number % DIFFERENT],
        }
        for number, (one, me_id) in enumerate(keys)
    )
    return Table(path, rows, (rendered[number % DIFFERENT] for number in range(len(keys))))


def _flat(contents: Iterable[Any]) -> Iterator[float]:
    for one in contents:
        if isinstance(one, list):
            yield from one
        else:
            yield one


def _charge(numbers: random.Random) -> list[float]:
    """Draw a steep rise and a long tail, as the charge of clusters has."""
    height = numbers.uniform(500, 2000)
    rising = (bin / 22 for bin in range(X_BINS_1D))
    return [
        _counts(numbers, height * math.exp(0.5 - 0.5 * (4 * (x - 1) + math.exp(-4 * (x - 1)))))
        for x in rising
    ]


def _occupancy(numbers: random.Random) -> list[list[float]]:
    """Draw modules that count more in the middle, some of them dead."""
    height = numbers.uniform(30, 60)
    return [
        [
            0.0
            if numbers.random() < 0.02
            else _counts(numbers, height * (1 + math.sin(math.pi * x / X_BINS)))
            for x in range(X_BINS)
        ]
        for _ in range(Y_BINS)
    ]


def _counts(numbers: random.Random, expected: float) -> float:
    return float(max(0, round(numbers.gauss(expected, math.sqrt(expected)))))
