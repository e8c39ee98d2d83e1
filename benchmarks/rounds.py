"""Rounds: the clients take turns, each in its own process, so that any disturbance affects all of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.clients.task import Measurement, Task
from benchmarks.environments import PROJECT, Environment, child_variables
from benchmarks.scenarios import Scenario
from benchmarks.server import serve

__all__ = ["Log", "Outcome", "run_scenario"]

PATIENCE = 300.0
"""Seconds after which a client has failed."""

Log = Callable[[str], None]


@dataclass
class Outcome:
    """The outcome of a client: a measurement for each round, or an error."""

    measurements: list[Measurement] = field(default_factory=list)
    error: str | None = None

    def dict(self) -> dict[str, Any]:
        """Return it for JSON. A client that failed even once has no figures."""
        if self.error is not None or not self.measurements:
            return {"error": self.error or "was not run"}
        first = self.measurements[0]
        found: dict[str, Any] = {"seconds": [round(one.seconds or 0.0, 6) for one in self.measurements]}
        if first.contents is not None:
            if any(one.contents != first.contents for one in self.measurements):
                return {"error": "fetched different rows in different rounds"}
            found["contents"] = asdict(first.contents)
        if first.peak is not None and first.contents is not None:
            found["peak"] = [one.peak for one in self.measurements]
        for name in ("first", "reading", "requests", "busy"):
            values = [getattr(one, name) for one in self.measurements]
            # Where answers cost nothing, workers are never busy.
            if None not in values and any(values):
                found[name] = [round(value, 6) for value in values]
        if first.loaded is not None:
            found["loaded"] = sorted({name for one in self.measurements for name in one.loaded or ()})
        return found


def run_scenario(
    scenario: Scenario,
    environments: Mapping[str, Environment],
    *,
    rounds: int,
    factor: float,
    warm_up: bool,
    compressed: bool,
    log: Log,
) -> dict[str, Outcome]:
    """Run a scenario.

    Args:
        scenario: What is measured.
        environments: Where clients run, by name; clients of other environments are left out.
        rounds: Rounds that count.
        factor: Size, 1 for the whole.
        warm_up: Whether to run a first round that does not count, so that the server has seen all queries.
        compressed: Whether the server answers with gzip.
        log: Called with each line of progress.

    Returns:
        The outcome of each client, by name. A client that fails is not run again.
    """
    contenders = [one for one in scenario.contenders if one.environment in environments]
    outcomes = {one.name: Outcome() for one in contenders}
    serving: AbstractContextManager[str] = nullcontext("")
    if scenario.resource is not None:
        serving = serve(scenario.content(factor), scenario.cost, compressed=compressed)
    with serving as url:
        for number in range(-warm_up, rounds * scenario.repeat):
            for contender in contenders:
                outcome = outcomes[contender.name]
                if outcome.error is not None:
                    continue
                task = scenario.task(contender, url)
                found = _measure(environments[contender.environment], task)
                if isinstance(found, str):
                    outcome.error = found
                    log(f"{scenario.name}: {contender.name} failed: {found}")
                elif number >= 0:
                    outcome.measurements.append(found)
                    log(f"{scenario.name}, round {number + 1}: {contender.name} {found.seconds or 0.0:.3f} s")
    return outcomes


def _measure(environment: Environment, task: Task) -> Measurement | str:
    """Run a client once; return its measurement, or the last line of its error."""
    try:
        done = subprocess.run(  # noqa: S603  # a Python of ours, and our own module
            [environment.python, "-m", "benchmarks.clients", json.dumps(asdict(task))],
            cwd=PROJECT,
            env=child_variables(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {PATIENCE:.0f} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return lines[-1].replace(str(PROJECT), ".")
    return Measurement.read(done.stdout.splitlines()[-1])
