"""What is measured: which clients fetch what, and what the answers of the server cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.clients.task import Task
from benchmarks.costs import REAL, Cost
from benchmarks.extract import Extract
from benchmarks.tables import DATASETS, FILE, FIRST_RUN, ME_1D, ME_2D, Volume

__all__ = [
    "FULL",
    "OURS",
    "PART_OF_LOOP",
    "PUBLISHED",
    "PUBLISHED_PARQUET",
    "SCENARIOS",
    "SELECTIVE",
    "Contender",
    "Scenario",
    "query_in_words",
]

PUBLISHED, PUBLISHED_PARQUET, OURS = "published", "published with pyarrow", "ours"
PART_OF_LOOP = 0.05
"""Fraction of the runs that the loop with pages of 10 rows goes over: all of them would take it five minutes a round."""


@dataclass(frozen=True)
class Contender:
    """A client in a scenario.

    Attributes:
        name: Its name in tables and in the targets.
        client: Module of `benchmarks.clients`.
        environment: Where it runs: published, published with pyarrow, or ours.
        options: Options of its task.
        resource: h1d or h2d, if not that of the scenario; empty where this one fetches nothing.
        share: Fraction of the runs that it fetches.
        filters: Filters of its query instead of that fraction.
    """

    name: str
    client: str
    environment: str = OURS
    options: Mapping[str, Any] = field(default_factory=dict)
    resource: str | None = None
    share: float = 1.0
    filters: Mapping[str, Any] | None = None

    @property
    def wants(self) -> tuple[str, float]:
        """What it fetches: contenders of a scenario that want the same must fetch the same rows."""
        return (self.name.partition(": ")[2], self.share)


@dataclass(frozen=True)
class Scenario:
    """Clients that take turns at the same job.

    Attributes:
        name: Its name for `--only`.
        title: Its title in tables and pictures; {rows} stands for the number of histograms, {ls} for those of one run.
        contenders: The clients. One that is named "client: job" is compared with "ours: job".
        resource: h1d or h2d; None where nothing is fetched.
        runs: Runs that the server has.
        rows: Histograms, over all runs.
        extract: What the server has instead of so many runs and rows.
        page_size: Rows in a page; None leaves it to each client.
        cost: What an answer costs.
        repeat: Factor on the number of rounds: a short measurement can be repeated more often.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    resource: str | None = None
    runs: int = 0
    rows: int = 0
    extract: Extract | None = None
    page_size: int | None = None
    cost: Cost = field(default_factory=Cost)
    repeat: int = 1

    def content(self, factor: float) -> Volume | Extract:
        """Return what the server has, scaled by a factor."""
        if self.extract is not None:
            return replace(self.extract, runs=min(1.0, self.extract.runs * factor))
        resources = {one.resource or self.resource for one in self.contenders}
        return Volume(self.runs, self._ls(factor), th1=int("h1d" in resources), th2=int("h2d" in resources))

    def titled(self, factor: float) -> str:
        """Return the title for that size."""
        if self.resource is None or self.extract is not None:
            return self.title
        ls = self._ls(factor)
        return self.title.format(rows=f"{self.runs * ls:,}".replace(",", " "), ls=ls)

    def task(self, contender: Contender, url: str) -> Task:
        """Return the task of a client."""
        resource = self.resource if contender.resource is None else contender.resource
        if not resource:
            return Task(contender.client, options=dict(contender.options))
        me_id = ME_1D if resource == "h1d" else ME_2D
        dataset_id = next(iter(DATASETS))
        filters = dict(contender.filters or {})
        if contender.filters is None:
            runs = max(1, round(self.runs * contender.share))
            filters = {
                "dataset_id": dataset_id,
                "run_number__gte": FIRST_RUN,
                "run_number__lte": FIRST_RUN + runs - 1,
                "me_id": me_id,
            }
            if self.page_size is not None:
                filters["page_size"] = self.page_size
        one = {"dataset_id": dataset_id, "run_number": FIRST_RUN, "ls_number": 1, "me_id": me_id}
        return Task(
            contender.client, url, resource, filters, dict(contender.options), {**one, "page_size": 1}
        )

    def _ls(self, factor: float) -> int:
        return max(1, round(self.rows * factor / self.runs))


_PUBLISHED = Contender("cmsdials 2.4.1", "script", PUBLISHED)
_GENERATED = Contender("generated client", "generated")
_OURS = Contender("ours", "script")
_CONCURRENT = Contender("ours, concurrency=3", "script", options={"concurrency": 3})
_LIMIT = Contender("limit", "limit")
_LIMIT_OF_WORKERS = Contender("limit, 3 connections", "limit", options={"connections": 3})
_PARTS = {"a tenth of the rows": 0.1, "all rows": 1.0}
_CLIENTS = {"ours": 1, "ours, concurrency=3": 3}
_ONE_LUMISECTION = {"dataset_id": next(iter(DATASETS)), "run_number": FIRST_RUN, "ls_number": 10}
# One request or two answer these, the full ones take many.
SELECTIVE: tuple[dict[str, Any], ...] = (
    {"me_id": ME_1D, "ls_number": 78},
    {"file_id": FILE},
    _ONE_LUMISECTION,
)
FULL: tuple[dict[str, Any], ...] = ({"me_id": ME_1D}, {"me__regex": "PXBarrel/charge"})


def _paging(query: Mapping[str, Any], job: str = "") -> tuple[Contender, ...]:
    """Return contenders that fetch a query page by page, one by one and three at a time."""
    return tuple(
        Contender(
            f"{name}{job}", "streaming", options={"by": "pages", "concurrency": concurrency}, filters=query
        )
        for name, concurrency in _CLIENTS.items()
    )


def query_in_words(query: Mapping[str, Any]) -> str:
    """Return a query as the arguments of a filter class, for names and targets."""
    return ", ".join(f"{name}={value}" for name, value in query.items())


def _script(job: str, ours: str, published: str, **more: Any) -> tuple[Contender, ...]:
    """Return contenders that run a whole script: of 2.4.1, and ours."""
    return (
        Contender(f"cmsdials 2.4.1: {job}", "whole", PUBLISHED, {"job": published}, **more),
        Contender(f"ours: {job}", "whole", OURS, {"job": ours}, **more),
    )


def _at_the_limit(job: str, name: str, **more: Any) -> Contender:
    """Return the same job done by a script that only imports, fetches and parses."""
    return Contender(f"limit: {job}", "whole", OURS, {"job": f"{name}, at the limit"}, **more)


SCENARIOS = (
    Scenario(
        "th2",
        "{rows} TH2 of 72 x 26 bins to pandas, 500 in a page",
        (_PUBLISHED, _GENERATED, _OURS, _CONCURRENT, _LIMIT),
        resource="h2d",
        runs=20,
        rows=4000,
        page_size=500,
    ),
    Scenario(
        "th1",
        "{rows} TH1 of 100 bins to pandas, 500 in a page",
        (_PUBLISHED, _GENERATED, _OURS, _CONCURRENT, _LIMIT),
        resource="h1d",
        runs=20,
        rows=20000,
        page_size=500,
    ),
    Scenario(
        "default",
        "{rows} TH2 with no page_size, 50 ms for each request",
        (_PUBLISHED, _OURS),
        resource="h2d",
        runs=20,
        rows=4000,
        cost=Cost(delay=0.05),
    ),
    Scenario(
        "download",
        "{rows} TH2 of 40 runs to Parquet files, 100 ms for each request",
        (
            Contender(
                "cmsdials 2.4.1, a file for each of 2 runs", "loop", PUBLISHED_PARQUET, share=PART_OF_LOOP
            ),
            Contender(
                "cmsdials 2.4.1, a file for each run, page_size=500",
                "loop",
                PUBLISHED_PARQUET,
                {"page_size": 500},
            ),
            Contender("ours", "folder", options={"by": "download", "concurrency": 3}),
            Contender("ours, one request at a time", "folder", options={"by": "download"}),
            Contender(
                "ours, list_all without writing", "folder", options={"by": "list_all", "concurrency": 3}
            ),
        ),
        resource="h2d",
        runs=40,
        rows=20000,
        cost=Cost(delay=0.1),
    ),
    Scenario(
        "workers",
        "{rows} TH2 of 80 runs, 500 in a page, three busy workers",
        (_PUBLISHED, _OURS, _CONCURRENT, _LIMIT_OF_WORKERS),
        resource="h2d",
        runs=80,
        rows=16000,
        page_size=500,
        cost=Cost(workers=3, busy_request=0.02, busy_row=0.001),
    ),
    Scenario(
        "real",
        "{rows} TH2 of 80 runs, 500 in a page, at the cost of the real service",
        (_OURS, _CONCURRENT, _LIMIT_OF_WORKERS),
        resource="h2d",
        runs=80,
        rows=12000,
        page_size=500,
        cost=REAL,
    ),
    Scenario(
        "uneven",
        'h2d.pages(me__regex="PXBarrel") of the local DIALS, at the cost of the real service',
        _paging({"me__regex": "PXBarrel"}),
        resource="h2d",
        extract=Extract(runs=0.2, th2="PXBarrel"),
        cost=REAL,
    ),
    Scenario(
        "requests",
        "h1d.pages of the local DIALS, at the cost of the real service",
        tuple(one for query in (*SELECTIVE, *FULL) for one in _paging(query, f": {query_in_words(query)}")),
        resource="h1d",
        extract=Extract(th1="PXBarrel"),
        cost=REAL,
    ),
    Scenario(
        "scripts",
        "whole scripts, imports included: {ls} TH1 to rows, {rows} TH2 to arrays, one row",
        (
            *_script("TH1 to rows", "th1 to rows", "th1 to rows", resource="h1d", share=1 / 40),
            *_script("TH2 to NumPy", "th2 to numpy", "th2 to numpy, row by row"),
            *_script("TH2 to pandas", "th2 to pandas", "th2 to pandas"),
            _at_the_limit("TH1 to rows", "th1 to rows", resource="h1d", share=1 / 40),
            _at_the_limit("TH2 to NumPy", "th2 to numpy"),
            Contender("import of pandas alone: TH2 to pandas", "whole", OURS, {"job": "import pandas"}, ""),
            *_script("first TH2", "first th2", "first th2 of a page"),
            *_script(
                "one get",
                "get",
                "get",
                resource="h1d",
                filters={**_ONE_LUMISECTION, "me_id": ME_1D, "ls_number": 1},
            ),
        ),
        resource="h2d",
        runs=40,
        rows=4000,
        page_size=500,
    ),
    Scenario(
        "streaming",
        "{rows} TH2 looked at one by one",
        tuple(
            Contender(f"{by}, {part}", "streaming", options={"by": by}, share=share)
            for by in ("iterate", "pages")
            for part, share in _PARTS.items()
        ),
        resource="h2d",
        runs=50,
        rows=20000,
    ),
    Scenario(
        "import",
        "import of Dials and a filter class",
        (
            Contender("cmsdials 2.4.1", "importing", PUBLISHED, {"only": "script"}),
            Contender("ours", "importing", options={"only": "script"}),
            Contender("ours, import cmsdials alone", "importing", options={"only": "package"}),
        ),
        repeat=3,
    ),
    Scenario(
        "command",
        "start of a command",
        (
            Contender("import typer, rich, httpx", "importing", options={"only": "libraries of a command"}),
            Contender("cmsdials --version", "importing", options={"only": "command --version"}),
            Contender("cmsdials runs --help", "importing", options={"only": "command runs --help"}),
        ),
        repeat=3,
    ),
)
