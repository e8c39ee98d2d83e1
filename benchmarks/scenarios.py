"""What is measured: which clients fetch what, and what the answers of the server cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.clients.task import Task
from benchmarks.costs import Cost
from benchmarks.tables import DATASETS, FIRST_RUN, ME_1D, ME_2D, Volume

__all__ = ["SCENARIOS", "Contender", "Scenario"]

PUBLISHED, OURS = "published", "ours"


@dataclass(frozen=True)
class Contender:
    """A client in a scenario.

    Attributes:
        name: Its name in tables and in the targets.
        client: Module of `benchmarks.clients`.
        environment: Where it runs: published or ours.
        options: Options of its task.
        share: Fraction of the rows that it fetches. Contenders with the same share must fetch the same rows.
    """

    name: str
    client: str
    environment: str = OURS
    options: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """Clients that take turns at the same job.

    Attributes:
        name: Its name for `--only`.
        title: Its title in tables and pictures; {rows} stands for the number of histograms.
        contenders: The clients.
        resource: h1d or h2d; None where nothing is fetched.
        runs: Runs that the server has.
        rows: Histograms, over all runs.
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
    page_size: int | None = None
    cost: Cost = field(default_factory=Cost)
    repeat: int = 1

    def volume(self, factor: float) -> Volume:
        """Return how much the server has, scaled by a factor."""
        ls = max(1, round(self.rows * factor / self.runs))
        return Volume(self.runs, ls, th1=int(self.resource == "h1d"), th2=int(self.resource == "h2d"))

    def titled(self, factor: float) -> str:
        """Return the title for that size."""
        if self.resource is None:
            return self.title
        volume = self.volume(factor)
        return self.title.format(rows=f"{volume.runs * volume.ls:,}".replace(",", " "))

    def task(self, contender: Contender, url: str) -> Task:
        """Return the task of a client."""
        if self.resource is None:
            return Task(contender.client, options=dict(contender.options))
        runs = max(1, round(self.runs * contender.share))
        filters = {
            "dataset_id": next(iter(DATASETS)),
            "run_number__gte": FIRST_RUN,
            "run_number__lte": FIRST_RUN + runs - 1,
            "me_id": ME_1D if self.resource == "h1d" else ME_2D,
        }
        if self.page_size is not None:
            filters["page_size"] = self.page_size
        return Task(contender.client, url, self.resource, filters, dict(contender.options))


_PUBLISHED = Contender("cmsdials 2.4.1", "script", PUBLISHED)
_GENERATED = Contender("generated client", "generated")
_OURS = Contender("ours", "script")
_CONCURRENT = Contender("ours, concurrency=3", "script", options={"concurrency": 3})
_LIMIT = Contender("limit", "limit")
_PARTS = {"a tenth of the rows": 0.1, "all rows": 1.0}

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
        "workers",
        "{rows} TH2 of 40 runs, 500 in a page, three busy workers",
        (_PUBLISHED, _OURS, _CONCURRENT),
        resource="h2d",
        runs=40,
        rows=8000,
        page_size=500,
        cost=Cost(workers=3, busy_request=0.02, busy_row=0.001),
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
)
