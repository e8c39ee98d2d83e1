"""Measure one client once: `python -m benchmarks.clients TASK`, where TASK is a `Task` in JSON. Prints a line of JSON."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import time
from typing import cast

from benchmarks.clients.memory import Memory
from benchmarks.clients.task import Client, Task


def main(arguments: list[str]) -> None:
    """Measure, and print the measurement."""
    task = Task(**json.loads(arguments[0]))
    client = cast("Client", importlib.import_module(f"benchmarks.clients.{task.client}"))
    call, measured = client.prepare(task)
    memory = Memory()
    began = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - began
    peak = memory.peak()
    # Computing the checksums is not part of either figure.
    measurement = measured(result)
    if measurement.seconds is None:
        measurement = dataclasses.replace(measurement, seconds=seconds, peak=peak)
    print(measurement.json())


if __name__ == "__main__":
    main(sys.argv[1:])
