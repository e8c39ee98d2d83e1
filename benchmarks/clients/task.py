"""What a client is to fetch, and what it reports: the input and output of its process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

__all__ = ["Client", "Contents", "Measurement", "Task"]


@dataclass(frozen=True)
class Task:
    """What to fetch.

    Attributes:
        client: Module of `benchmarks.clients` that does it.
        url: Address of the service, with a slash at its end.
        resource: h1d or h2d.
        filters: Filters by name, page_size among them if it is set.
        options: Further arguments of the call, such as concurrency.
        one: Filters of a single row, with a page_size of 1.
    """

    client: str
    url: str = ""
    resource: str = "h2d"
    filters: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    one: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """A summary of what was fetched: equal for equal data in equal order.

    Attributes:
        rows: Number of rows.
        data: Checksum of all bins, as float64.
        keys: Checksum of run_number, ls_number and me_id; None where the client does not look at them.
    """

    rows: int
    data: int
    keys: int | None = None


@dataclass(frozen=True)
class Measurement:
    """What one process measured; None for what it did not measure.

    Attributes:
        seconds: From just before the call until the result is ready; imports excluded, or nothing but imports.
        contents: What was fetched.
        peak: Bytes of memory at the peak of the call, minus those before it.
        reading: The part of the seconds spent waiting for bytes and reading them.
        loaded: Modules that an import brought along.
        first: Seconds from just before the call until the first row.
        requests: Requests that the server answered.
        busy: Seconds that the workers of the server were busy with these, all workers together.
    """

    seconds: float | None = None
    contents: Contents | None = None
    peak: int | None = None
    reading: float | None = None
    loaded: list[str] | None = None
    first: float | None = None
    requests: int | None = None
    busy: float | None = None

    def json(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Measurement:
        """Read what `json` wrote."""
        said = json.loads(line)
        contents = said.pop("contents")
        return cls(**said, contents=None if contents is None else Contents(**contents))


class Client(Protocol):
    """A module that measures: imports and anything else that must not count happen in `prepare`."""

    def prepare(self, task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
        """Return the call to measure, and a function that makes a measurement from its result.

        Seconds and peak are filled in afterwards, unless the client has measured the seconds itself.
        """
