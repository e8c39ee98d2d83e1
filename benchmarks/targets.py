"""The targets of the client: each target as data, and its figure in a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.figures import Figure
from benchmarks.scenarios import FULL, PART_OF_LOOP, SELECTIVE, query_in_words

__all__ = ["TARGETS", "Target"]

MEGABYTE = 1e6

_PUBLISHED = "cmsdials 2.4.1"
_OURS, _CONCURRENT = "ours", "ours, concurrency=3"
_WORKERS = "limit, 3 connections"
_FULL_QUERIES = (
    ("real", "", "Real cost"),
    ("uneven", "", "Uneven"),
    *(("requests", f": {query_in_words(query)}", query_in_words(query)) for query in FULL),
)


@dataclass(frozen=True)
class Target:
    """A figure, and the limit for it.

    Attributes:
        text: Its description.
        scenario: Where it is measured.
        kind: ratio of `over` to `under`; difference of the two, of memory in megabytes; or number of modules loaded by
            `over`.
        quantity: A figure of a client: `Outcome.dict` has them.
        over: A client of the scenario.
        under: Another client of it.
        least: The least allowed value.
        most: The greatest allowed value.
        share: Fraction of the job that `over` does; its figure is taken for so much of that of the whole.
    """

    text: str
    scenario: str
    kind: Literal["ratio", "difference", "loaded"]
    over: str
    under: str = ""
    quantity: Literal["seconds", "first", "peak", "requests", "busy"] = "seconds"
    least: float | None = None
    most: float | None = None
    share: float = 1.0

    def figure(self, clients: Mapping[str, Mapping[str, Any]]) -> Figure | None:
        """Return the figure from the outcomes of the clients of its scenario; None if one of them failed."""
        over = clients.get(self.over, {})
        if self.kind == "loaded":
            return Figure.of([len(over["loaded"])]) if "loaded" in over else None
        under = clients.get(self.under, {})
        if self.quantity not in over or self.quantity not in under:
            return None
        if self.kind == "difference":
            found = Figure.difference(over[self.quantity], under[self.quantity])
            unit = MEGABYTE if self.quantity == "peak" else 1
            return Figure(found.median / unit, found.least / unit, found.most / unit)
        whole = [value / self.share for value in over[self.quantity]]
        return Figure.ratio(whole, under[self.quantity])

    def is_met(self, figure: Figure | None) -> bool:
        """Whether the median is within the limit."""
        if figure is None:
            return False
        return (self.least is None or figure.median >= self.least) and (
            self.most is None or figure.median <= self.most
        )

    @property
    def wanted(self) -> str:
        """The limit, in words."""
        unit = " MB" if (self.kind, self.quantity) == ("difference", "peak") else ""
        if self.least is not None:
            return f"at least {self.least:g}{unit}"
        return f"at most {self.most:g}{unit}"


def _at_most(text: str, scenario: str, quantity: Any, most: float, job: str = "") -> Target:
    """Return a target for concurrency=3, in times what the same query takes one by one."""
    return Target(text, scenario, "ratio", f"{_CONCURRENT}{job}", f"{_OURS}{job}", quantity, most=most)


def _more_requests(query: str) -> Target:
    text = f"{query}: requests that concurrency=3 adds"
    over, under = f"{_CONCURRENT}: {query}", f"{_OURS}: {query}"
    return Target(text, "requests", "difference", over, under, "requests", most=1)


TARGETS = (
    Target("TH2: time, in times the limit", "th2", "ratio", _OURS, "limit", most=1.2),
    Target("TH1: times faster than 2.4.1", "th1", "ratio", _PUBLISHED, _OURS, least=4),
    Target("As typed by default: times faster than 2.4.1", "default", "ratio", _PUBLISHED, _OURS, least=30),
    Target(
        "To Parquet: times faster than 20 times what the loop of 2.4.1 takes for 2 of 40 runs",
        "download",
        "ratio",
        f"{_PUBLISHED}, a file for each of 2 runs",
        _OURS,
        least=20,
        share=PART_OF_LOOP,
    ),
    Target(
        "To Parquet: times faster than the loop of 2.4.1 with page_size=500",
        "download",
        "ratio",
        f"{_PUBLISHED}, a file for each run, page_size=500",
        _OURS,
        least=3,
    ),
    Target(
        "To Parquet: in times list_all(concurrency=3) without writing",
        "download",
        "ratio",
        _OURS,
        "ours, list_all without writing",
        most=1.3,
    ),
    Target(
        "Three workers: concurrency=3, times faster than one by one",
        "workers",
        "ratio",
        _OURS,
        _CONCURRENT,
        least=2.6,
    ),
    *(
        Target(
            f"{text}: concurrency=3, in times the limit", scenario, "ratio", _CONCURRENT, _WORKERS, most=1.2
        )
        for scenario, text in (("workers", "Three workers"), ("real", "Real cost"))
    ),
    *(
        _at_most(
            f"{text}: requests of concurrency=3, in times those of one by one", scenario, "requests", 1.3, job
        )
        for scenario, job, text in _FULL_QUERIES
    ),
    *(
        _at_most(
            f"{text}: the server's time for concurrency=3, in times one by one", scenario, "busy", 1.15, job
        )
        for scenario, job, text in _FULL_QUERIES
    ),
    *(_more_requests(query_in_words(query)) for query in SELECTIVE),
    _at_most("Uneven: first page of concurrency=3, in times one by one", "uneven", "first", 1.5),
    _at_most("Uneven: peak memory of concurrency=3, in times one by one", "uneven", "peak", 2),
    Target(
        "Uneven: concurrency=3, times faster than one by one", "uneven", "ratio", _OURS, _CONCURRENT, least=2
    ),
    Target(
        "Whole script, TH1 to rows: times faster than 2.4.1",
        "scripts",
        "ratio",
        f"{_PUBLISHED}: TH1 to rows",
        "ours: TH1 to rows",
        least=3,
    ),
    # 2.4.1 takes less than five times as long as the limit does: see docs/performance.md.
    Target(
        "Whole script, TH2 to NumPy: in times the limit",
        "scripts",
        "ratio",
        "ours: TH2 to NumPy",
        "limit: TH2 to NumPy",
        most=1.4,
    ),
    Target("TH2: peak memory of 2.4.1, in times ours", "th2", "ratio", _PUBLISHED, _OURS, "peak", least=2.2),
    *(
        Target(
            f"{by}: memory that 10 times the rows add",
            "streaming",
            "difference",
            f"{by}, all rows",
            f"{by}, a tenth of the rows",
            "peak",
            most=10,
        )
        for by in ("iterate", "pages")
    ),
    Target("Import: time, in times that of 2.4.1", "import", "ratio", _OURS, _PUBLISHED, most=0.5),
    Target(
        "`import cmsdials` alone: of attrs, httpx, numpy, pandas, urllib3 it loads",
        "import",
        "loaded",
        "ours, import cmsdials alone",
        most=0,
    ),
    *(
        Target(
            f"Start of `{command}`: time, in times `import typer, rich, httpx`",
            "command",
            "ratio",
            command,
            "import typer, rich, httpx",
            most=most,
        )
        for command, most in (("cmsdials --version", 0.75), ("cmsdials runs --help", 1.5))
    ),
    Target(
        "`cmsdials runs --help`: of attrs, httpx, numpy, pandas, urllib3 it loads",
        "command",
        "loaded",
        "cmsdials runs --help",
        most=1,  # attrs
    ),
)
