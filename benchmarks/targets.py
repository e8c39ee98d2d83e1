"""The targets of the client: each target as data, and its figure in a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.figures import Figure

__all__ = ["TARGETS", "Target"]

MEGABYTE = 1e6

_PUBLISHED = "cmsdials 2.4.1"
_OURS, _CONCURRENT = "ours", "ours, concurrency=3"


@dataclass(frozen=True)
class Target:
    """A figure, and the limit for it.

    Attributes:
        text: Its description.
        scenario: Where it is measured.
        kind: ratio of `over` to `under`; difference of the two, in megabytes; or number of modules loaded by `over`.
        quantity: seconds or peak.
        over: A client of the scenario.
        under: Another client of it.
        least: The least allowed value.
        most: The greatest allowed value.
    """

    text: str
    scenario: str
    kind: Literal["ratio", "difference", "loaded"]
    over: str
    under: str = ""
    quantity: Literal["seconds", "peak"] = "seconds"
    least: float | None = None
    most: float | None = None

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
            return Figure(found.median / MEGABYTE, found.least / MEGABYTE, found.most / MEGABYTE)
        return Figure.ratio(over[self.quantity], under[self.quantity])

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
        unit = {"ratio": "", "difference": " MB", "loaded": ""}[self.kind]
        if self.least is not None:
            return f"at least {self.least:g}{unit}"
        return f"at most {self.most:g}{unit}"


TARGETS = (
    Target("TH2: times faster than 2.4.1", "th2", "ratio", _PUBLISHED, _OURS, least=8),
    Target("TH2: time, in times the limit", "th2", "ratio", _OURS, "limit", most=1.6),
    Target("TH1: times faster than 2.4.1", "th1", "ratio", _PUBLISHED, _OURS, least=4),
    Target("As typed by default: times faster than 2.4.1", "default", "ratio", _PUBLISHED, _OURS, least=30),
    Target(
        "Three workers: concurrency=3, times faster than one by one",
        "workers",
        "ratio",
        _OURS,
        _CONCURRENT,
        least=2,
    ),
    Target(
        "Three workers: concurrency=3, times faster than 2.4.1",
        "workers",
        "ratio",
        _PUBLISHED,
        _CONCURRENT,
        least=4,
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
)
