"""The picture of a report: a panel for each scenario, a bar for each client."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.figures import Figure
from benchmarks.report import base_of
from benchmarks.targets import MEGABYTE

__all__ = ["draw"]

COLOURS = {
    "cmsdials 2.4.1": "#9c9ca1",
    "generated client": "#92dadd",
    "limit": "#e8e8ea",
    "import ": "#e8e8ea",
}
OURS = "#3f90da"
PANELS = (
    ("th2", "seconds"),
    ("th1", "seconds"),
    ("default", "seconds"),
    ("workers", "seconds"),
    ("real", "seconds"),
    ("download", "seconds"),
    ("scripts", "seconds"),
    ("th2", "peak"),
    ("import", "seconds"),
    ("command", "seconds"),
)
COLUMNS = 2
_LETTERS = 42  # of a line of a title
UNITS = {"seconds": 1.0, "peak": MEGABYTE}


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Draw a report that has all scenarios."""
    rows = len(PANELS) // COLUMNS
    canvas = Canvas(figsize=(13, 2.9 * rows), layout=ConstrainedLayoutEngine(hspace=0.1, wspace=0.06))
    for axes, (scenario, quantity) in zip(canvas.subplots(rows, COLUMNS).flat, PANELS, strict=True):
        _panel(axes, report["scenarios"][scenario], quantity)
    canvas.suptitle(
        f"Medians of {report['rounds']} rounds (of more for the import); lines go from the least to the most. "
        "Shorter is better.\n",
        fontsize=11,
    )
    canvas.savefig(path, dpi=110, metadata={"Software": None})


def _panel(axes: Axes, scenario: Mapping[str, Any], quantity: str) -> None:
    clients = {name: said.get(quantity) for name, said in scenario["clients"].items()}
    longest = 0.0
    for place, (name, values) in enumerate(clients.items()):
        if values is None:
            axes.text(0, place, "  failed", va="center", fontsize=9, color="#a3182a")
            continue
        figure = Figure.of([value / UNITS[quantity] for value in values])
        longest = max(longest, figure.most)
        axes.barh(
            place,
            figure.median,
            color=next((colour for client, colour in COLOURS.items() if name.startswith(client)), OURS),
            edgecolor="#55555a",
            linewidth=0.6,
        )
        axes.plot([figure.least, figure.most], [place, place], color="#202024", linewidth=1.2)
        label = f"  {_label(figure.median, quantity)}{_beside_ours(name, clients)}"
        axes.text(figure.most, place, label, va="center", fontsize=9)
    axes.set_title(textwrap.fill(scenario["title"], _LETTERS), fontsize=10, loc="left")
    axes.set_yticks(range(len(clients)), list(clients), fontsize=9)
    axes.set_ylim(len(clients) - 0.4, -0.6)
    axes.set_xlabel("peak memory above the imports / MB" if quantity == "peak" else "time / s", fontsize=9)
    # Room for the labels, which are drawn beyond the bars.
    axes.set_xlim(0, 1.5 * longest or 1.0)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _label(value: float, quantity: str) -> str:
    if quantity == "peak":
        return f"{value:.0f} MB"
    return f"{value:.2f} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def _beside_ours(name: str, clients: Mapping[str, list[float] | None]) -> str:
    base = base_of(name)
    values, ours = clients[name], clients.get(base)
    if name == base or values is None or ours is None:
        return ""
    return f", {Figure.ratio(values, ours).median:.2g} x ours"
