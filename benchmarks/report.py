"""The report of a run: its contents, as JSON; and its tables, as text and for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.figures import Figure
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import MEGABYTE, TARGETS

__all__ = [
    "BASE",
    "as_markdown",
    "as_text",
    "base_of",
    "disagreements",
    "failures",
    "make_report",
    "measured_targets",
    "tables",
]

BASE = "ours"
"""The client that the others are compared with."""

Report = dict[str, Any]
Cells = tuple[str, ...]


def make_report(scenarios: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any]) -> Report:
    """Put a report together.

    Args:
        scenarios: For each scenario by name its title and its clients, and for each client by name its
            `Outcome.dict()`.
        about: Versions, date and options of the run.
    """
    return {
        **about,
        "scenarios": {name: dict(one) for name, one in scenarios.items()},
        "targets": measured_targets(scenarios),
        "disagreements": disagreements(scenarios),
    }


def measured_targets(scenarios: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each target whose clients were run, with its figure, which is null where one failed, and whether it is met."""
    found = []
    for target in TARGETS:
        clients = scenarios.get(target.scenario, {}).get("clients", {})
        if not {target.over, target.under or target.over} <= {*clients}:
            continue  # not in this run
        figure = target.figure(clients)
        found.append(
            {
                "text": target.text,
                "wanted": target.wanted,
                "figure": None
                if figure is None
                else {name: round(value, 4) for name, value in vars(figure).items()},
                "met": target.is_met(figure),
            }
        )
    return found


def failures(report: Report) -> list[str]:
    """Return what failed, client by client."""
    return [
        f"{scenario}: {client}: {said['error']}"
        for scenario, one in report["scenarios"].items()
        for client, said in one["clients"].items()
        if "error" in said
    ]


def disagreements(scenarios: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the clients that did not fetch the same rows as the others, although they should."""
    found = []
    for scenario in SCENARIOS:
        clients = scenarios.get(scenario.name, {}).get("clients", {})
        first: dict[tuple[str, float], tuple[str, dict[str, Any]]] = {}
        for contender in scenario.contenders:
            contents = clients.get(contender.name, {}).get("contents")
            if contents is None:
                continue
            name, expected = first.setdefault(contender.wants, (contender.name, contents))
            # What one of them does not check is not compared.
            if any(
                None not in (contents[part], value) and contents[part] != value
                for part, value in expected.items()
            ):
                found.append(f"{scenario.name}: {contender.name} has not fetched what {name} has")
    return found


def tables(report: Report) -> list[tuple[str, Cells, list[Cells]]]:
    """Return the tables: a title, the head, and the rows of each."""
    found: list[tuple[str, Cells, list[Cells]]] = []
    if report["targets"]:
        rows: list[Cells] = [
            (one["text"], one["wanted"], _spread(one["figure"]), "met" if one["met"] else "not met")
            for one in report["targets"]
        ]
        found.append(("Targets", ("Target", "Wanted", "Measured", ""), rows))
    for scenario in report["scenarios"].values():
        clients = scenario["clients"]
        # Runs of earlier versions lack some of these, and few scenarios have them all.
        columns = [one for one in _COLUMNS if any(one.name in said for said in clients.values())]
        if not any("requests" in said for said in clients.values()):
            columns = [one for one in columns if one.name == "peak"]
        found.append(
            (
                scenario["title"],
                ("Client", "Seconds", "Time, in times ours", *(one.title for one in columns)),
                [_client(name, said, _base(name, clients), columns) for name, said in clients.items()],
            )
        )
    return found


class _Column(NamedTuple):
    """A figure of each client: its name in the JSON, its title, and how a value is written."""

    name: str
    title: str
    written: Callable[[Any], str]


def _written(values: Sequence[float]) -> str:
    return _short(Figure.of(values).median)


_COLUMNS = (
    _Column("peak", "Peak memory, MB", lambda values: f"{Figure.of(values).median / MEGABYTE:.0f}"),
    _Column("contents", "Rows", lambda contents: str(contents["rows"])),
    _Column("first", "First row, s", _written),
    _Column("requests", "Requests", _written),
    _Column("busy", "Server's time, s", _written),
)


def base_of(name: str) -> str:
    """Return the client that another one is compared with: that of the same job."""
    _, colon, job = name.partition(": ")
    return f"{BASE}{colon}{job}"


def _base(name: str, clients: Mapping[str, Mapping[str, Any]]) -> Sequence[float] | None:
    return clients.get(base_of(name), {}).get("seconds")


def _client(
    name: str, said: Mapping[str, Any], base: Sequence[float] | None, columns: Sequence[_Column]
) -> Cells:
    if "error" in said:
        return (name, f"failed: {said['error']}", "", *("" for _ in columns))
    ratio = "" if base is None else _spread(vars(Figure.ratio(said["seconds"], base)))
    figures = (one.written(said[one.name]) if one.name in said else "" for one in columns)
    return (name, _written(said["seconds"]), ratio, *figures)


def _spread(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "failed"
    if figure["least"] == figure["most"]:
        return _short(figure["median"])
    return f"{_short(figure['median'])} ({_short(figure['least'])} to {_short(figure['most'])})"


def _short(value: float) -> str:
    if value == int(value):
        return str(int(value))
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _about(report: Report) -> list[str]:
    libraries = report["libraries"]
    lines = [
        f"{report['date']}, Python {report['python']}, {report['cores']} cores, {report['rounds']} rounds.",
        *(
            f"{name}: {', '.join(f'{library} {version}' for library, version in libraries[name].items())}."
            for name in libraries
        ),
    ]
    for scenario in report["scenarios"].values():
        limit = scenario["clients"].get("limit", {})
        if "reading" in limit:
            reading, all_of_it = Figure.of(limit["reading"]).median, Figure.of(limit["seconds"]).median
            lines.append(
                f"{scenario['title']}: of the limit's {_short(all_of_it)} s, reading the bytes takes {_short(reading)} s."
            )
    missing = [scenario.name for scenario in SCENARIOS if scenario.name not in report["scenarios"]]
    if missing:
        lines.append(f"Not in this run: {', '.join(missing)}.")
    return lines


def as_text(report: Report) -> str:
    """Return the tables for a terminal."""
    lines = _about(report)
    for title, head, rows in tables(report):
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        lines += ["", title, *(_padded(row, widths) for row in (head, *rows))]
    problems = [*failures(report), *report["disagreements"]]
    if problems:
        lines += ["", "Failed:", *problems]
    return "\n".join(lines)


def _padded(row: Cells, widths: Iterable[int]) -> str:
    return ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()


def as_markdown(report: Report) -> str:
    """Return the tables for the page."""
    blocks = ["\n".join(f"- {line}" for line in _about(report))]
    for title, head, rows in tables(report):
        marks = ("---", *("---" for _ in head[1:]))
        blocks += [f"### {title}", "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))]
    return "\n\n".join(blocks)
