"""Any faults in any order: a listing has exactly the rows of a quiet one, or ends in the error of the last fault.

And whoever goes on after that error, in any of the ways there are, has exactly those rows in the end. Hypothesis draws
the schedules: 100 for each of the two tests, 1000 in the nightly profile.

The same again in parts that several threads fetch at once: 25 for each, 1000 in the nightly profile. Which request meets
which fault is then up to the threads, so an error may be that of any fault that has been met.
"""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cmsdials import errors
from cmsdials.filters import (
    Filters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    RunFilters,
)
from cmsdials.result import load
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import Retry

from .conftest import IN_MEMORY, LONG, Client, Fault, FaultServer
from .server import KINDS, SPLIT, rows_of

Rows = list[dict[str, Any]]

_BREAKS = {errors.ConnectionFailedError}
_CUTS = {errors.IncompleteBodyError}
_NO_JSON = {errors.DecodeError}
DOCUMENTED: dict[str, set[type[errors.RequestFailedError]]] = {
    "accept_close": _BREAKS,
    "chunked_cut": _CUTS,
    "close_before": _BREAKS,
    "cursor_repeats": {errors.PaginationError},
    "cut_gzip": _CUTS,
    "cut_headers": _BREAKS,
    "cut_json": _NO_JSON,
    "damaged_gzip": _CUTS,
    "down": _BREAKS,
    "empty_body": _NO_JSON,
    "empty_page": set(),
    "garbage": _BREAKS,
    "html_200": _NO_JSON,
    "invalid_cursor": {errors.InvalidCursorError},
    "missing_field": {errors.SchemaError},
    "mistyped_field": {errors.SchemaError},
    "no_page": {errors.SchemaError},
    "page_before": {errors.PaginationError},
    "redirect": {errors.RedirectError},
    "reset_before": _BREAKS,
    "reset_body": _BREAKS | _CUTS,  # a reset overtakes what was sent before it
    "reset_headers": _BREAKS | _CUTS,
    "short_body": _CUTS,
    "stall_before": {errors.RequestTimeoutError},
    "stall_body": {errors.RequestTimeoutError},
    "status": {
        errors.ServerError,
        errors.CursorFailedError,
        errors.GatewayError,
        errors.TooManyRequestsError,
    },
    "token_expired": {errors.AuthenticationError},
    "worker_killed": {errors.GatewayError},
    "wrong_type": _NO_JSON,
    "": {errors.GatewayError},  # a page larger than the gateway has time for
}
"""The errors that each fault may end in. Where the server stalls, a busy machine may make a timeout of any."""

MOST_STALLS = 2  # each costs the timeout of the client
TIMEOUT = 0.3  # where the server stalls; elsewhere what comes is waited for


@st.composite
def schedules(draw: st.DrawFn) -> dict[int, Fault]:
    """Faults by number of the request, often several in a row."""
    faults: dict[int, Fault] = {}
    number, stalls = 0, 0
    kinds = st.sampled_from([kind for kind in KINDS if kind != "hold"])
    for gap, kind in draw(st.lists(st.tuples(st.sampled_from([1, 1, 1, 2, 3, 5, 9]), kinds), max_size=24)):
        number += gap
        stalls += kind.startswith("stall")
        fault: Fault = {"kind": kind if stalls <= MOST_STALLS else kind.replace("stall", "reset")}
        if kind == "status":
            fault["status"] = draw(st.sampled_from([429, 500, 502, 503, 504]))
            fault["retry_after"] = draw(st.sampled_from([None, "0", "3", "86400"]))
        else:
            fault["at"] = draw(st.floats(0, 1))
        faults[number - 1] = fault
    return faults


RETRIES = st.sampled_from([0, 1, 3, Retry(2, backoff_factor=0), Retry(4, connect=0, backoff_factor=0.1)])


NAMES = {"run": "run", "lumisection": "lumi", "th1": "h1d", "th2": "h2d"}


class Listing:
    """One listing under a schedule, gone on with until it is done."""

    def __init__(
        self, server: FaultServer, resource: str, faults: dict[int, Fault], limit: float | None
    ) -> None:
        server.begin(faults, limit)
        self.server = server
        self.stalls = any("stall" in fault["kind"] for fault in faults.values())
        self.client = Client(server, TIMEOUT if self.stalls else LONG)
        self.resource: Any = getattr(self.client.dials, NAMES[resource])
        self.expected = rows_of(resource)
        self.rounds = 300 if self.stalls else 30 + len(faults)

    def documented(self, error: errors.RequestFailedError) -> None:
        """Check an error, and have the server repaired if it is down."""
        allowed = self.errors_of([one["fault"] for one in self.server.asked])
        if self.stalls:
            allowed = allowed | {errors.RequestTimeoutError}
        assert type(error) in allowed, (allowed, error)
        assert error.advice
        assert error.attempts >= 1
        self.server.tell("up")

    def errors_of(self, met: Sequence[str]) -> set[type[errors.RequestFailedError]]:
        """Return the errors that what the requests have met may end in."""
        return DOCUMENTED[met[-1] if met else ""]

    def each_round(self) -> Iterator[None]:
        for _ in range(self.rounds):
            yield
        pytest.fail("it does not come to an end")

    def streamed(self, walk: Iterator[Any], rows_in: Callable[[Any], Rows]) -> Rows:
        """Go on with an iterator until it ends."""
        rows: Rows = []
        for _ in self.each_round():
            try:
                for item in walk:
                    rows += rows_in(item)
                break
            except errors.RequestFailedError as error:
                assert rows == self.expected[: len(rows)]
                self.documented(error)
        return rows

    def listed(
        self,
        filters: Filters | None,
        retries: Any,
        *,
        keep: bool,
        path: Path | None,
        same_file: bool,
        concurrency: Sequence[int] = (1,),
    ) -> Rows:
        """Call list_all until it ends, going on from its result or from its file.

        The concurrency of the first round is the first one, and so on.
        """
        result: Any = None
        for _, now in zip(self.each_round(), itertools.cycle(concurrency)):
            source = path if same_file and path is not None else result
            options: dict[str, Any] = {"retries": retries, "checkpoint": path, "resume_from": source}
            options["concurrency"] = now
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    result = self.resource.list_all(filters, keep_failed=keep, **options)
            except errors.RequestFailedError as error:
                assert not keep
                self.documented(error)
            else:
                rows = [row.dict() for row in result]
                assert rows == self.expected[: len(rows)]
                assert result.complete is (result.exc_type is None), "never silently short"
                if path is not None:
                    stored = load(path)
                    assert (stored.results, stored.next, stored.complete) == (
                        result.results,
                        result.next,
                        result.complete,
                    )
                if result.complete:
                    return rows
                self.documented(getattr(errors, result.exc_type)(**_needed(result.exc_type)))
        raise AssertionError

    def close(self) -> None:
        self.client.dials.close()


def _needed(exc_type: str) -> dict[str, Any]:
    kind = getattr(errors, exc_type)
    if issubclass(kind, errors.ResponseError):
        return {"status_code": 500}
    return {"resource": "", "field": ""} if kind is errors.SchemaError else {}


FILTERS: dict[str, Any] = {
    "run": RunFilters,
    "lumisection": LumisectionFilters,
    "th1": LumisectionHistogram1DFilters,
    "th2": LumisectionHistogram2DFilters,
}

resources = st.sampled_from(["run", "run", "th1", "th2"])
sizes = st.sampled_from([None, None, 37, 100, 500])
limits = st.sampled_from([None, None, 45, 130, 260])


@given(
    faults=schedules(),
    resource=resources,
    size=sizes,
    limit=limits,
    retries=RETRIES,
    way=st.sampled_from(["pages", "iterate"]),
)
def test_what_streams(
    server: FaultServer,
    faults: dict[int, Fault],
    resource: str,
    size: int | None,
    limit: float | None,
    retries: Any,
    way: str,
) -> None:
    listing = Listing(server, resource, faults, limit)
    filters = None if size is None else FILTERS[resource](page_size=size)
    if way == "pages":
        walk = listing.resource.pages(filters, retries=retries)
        rows = listing.streamed(walk, lambda page: [row.dict() for row in page.rows])
    else:
        walk = listing.resource.iterate(filters, retries=retries)
        rows = listing.streamed(walk, lambda row: [row.dict()])
    assert rows == listing.expected
    listing.close()


@example(  # smaller pages than wanted, and then again from the first one
    faults={0: {"kind": "worker_killed", "at": 0.0}, 3: {"kind": "invalid_cursor", "at": 0.0}},
    resource="run",
    size=37,
    limit=None,
    retries=0,
    way="file alone",
)
@given(
    faults=schedules(),
    resource=resources,
    size=sizes,
    limit=limits,
    retries=RETRIES,
    way=st.sampled_from(["result", "file", "result and file", "file alone"]),
)
def test_what_is_listed(
    server: FaultServer,
    faults: dict[int, Fault],
    resource: str,
    size: int | None,
    limit: float | None,
    retries: Any,
    way: str,
) -> None:
    listing = Listing(server, resource, faults, limit)
    filters = None if size is None else FILTERS[resource](page_size=size)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        path = None if way == "result" else Path(folder, "listing.dials")
        keep, same_file = way != "file alone", way.startswith("file")
        rows = listing.listed(filters, retries, keep=keep, path=path, same_file=same_file)
    assert rows == listing.expected
    listing.close()


# --- in parts


class ListingInParts(Listing):
    """One listing that several threads fetch."""

    def errors_of(self, met: Sequence[str]) -> set[type[errors.RequestFailedError]]:
        allowed = set[type[errors.RequestFailedError]]().union(*(DOCUMENTED[one] for one in met))
        return allowed | _CUTS if "down" in met else allowed  # it breaks what others were reading


split = st.sampled_from(["lumisection", "th1", "th1", "th2"])
concurrencies = st.sampled_from([2, 3])
few = settings() if settings().max_examples > 100 else settings(max_examples=25)


@few
@given(
    faults=schedules(),
    resource=split,
    size=sizes,
    limit=limits,
    retries=RETRIES,
    way=st.sampled_from(["pages", "iterate"]),
    concurrency=concurrencies,
)
def test_what_streams_in_parts(
    server: FaultServer,
    faults: dict[int, Fault],
    resource: str,
    size: int | None,
    limit: float | None,
    retries: Any,
    way: str,
    concurrency: int,
) -> None:
    listing = ListingInParts(server, resource, faults, limit)
    filters = FILTERS[resource](dataset_id=SPLIT, **({} if size is None else {"page_size": size}))
    options = {"retries": retries, "concurrency": concurrency}
    if way == "pages":
        walk = listing.resource.pages(filters, **options)
        rows = listing.streamed(walk, lambda page: [row.dict() for row in page.rows])
    else:
        walk = listing.resource.iterate(filters, **options)
        rows = listing.streamed(walk, lambda row: [row.dict()])
    assert rows == listing.expected
    listing.close()


@few
@given(
    faults=schedules(),
    resource=split,
    size=sizes,
    limit=limits,
    retries=RETRIES,
    way=st.sampled_from(["result", "file", "result and file", "file alone"]),
    first=concurrencies,
    others=st.lists(st.sampled_from([1, 2, 3]), max_size=3),
)
def test_what_is_listed_in_parts(
    server: FaultServer,
    faults: dict[int, Fault],
    resource: str,
    size: int | None,
    limit: float | None,
    retries: Any,
    way: str,
    first: int,
    others: list[int],
) -> None:
    listing = ListingInParts(server, resource, faults, limit)
    filters = FILTERS[resource](dataset_id=SPLIT, **({} if size is None else {"page_size": size}))
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        path = None if way == "result" else Path(folder, "listing.dials")
        keep, same_file = way != "file alone", way.startswith("file")
        rows = listing.listed(
            filters, retries, keep=keep, path=path, same_file=same_file, concurrency=[first, *others]
        )
    assert rows == listing.expected
    listing.close()
