"""Measure one client once: `python -m benchmarks.clients TASK`, where TASK is a `Task` in JSON. Prints a line of JSON."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import time
import urllib.request
from typing import Any, cast
from urllib.parse import urljoin

from benchmarks.clients.memory import Memory
from benchmarks.clients.task import Client, Task


def main(arguments: list[str]) -> None:
    """Measure, and print the measurement."""
    task = Task(**json.loads(arguments[0]))
    client = cast("Client", importlib.import_module(f"benchmarks.clients.{task.client}"))
    call, measured = client.prepare(task)
    before = _tally(task.url)
    memory = Memory()
    began = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - began
    peak = memory.peak()
    after = _tally(task.url)
    # Computing the checksums is not part of either figure.
    measurement = measured(result)
    if measurement.seconds is None:
        measurement = dataclasses.replace(measurement, seconds=seconds, peak=peak)
    if task.url:
        spent = {name: after[name] - before[name] for name in after}
        measurement = dataclasses.replace(measurement, requests=spent["requests"], busy=spent["busy"])
    print(measurement.json())


def _tally(url: str) -> dict[str, Any]:
    """Return what was asked of the benchmark server so far; nothing if there is none."""
    if not url:
        return {}
    with urllib.request.urlopen(urljoin(url, "/tally")) as answer:  # noqa: S310  # the server of this run
        found: dict[str, Any] = json.load(answer)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
