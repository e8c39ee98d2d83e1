"""A service of lumisections that is a list in this process, so that threads can be held wherever a test wants them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials

BOUND = 120.0  # seconds until what should have happened is given up on
DATASET = {"dataset_id": 14677060, "dataset": "/Z/R/D"}
ROWS = [
    {**DATASET, "run_number": run, "ls_number": ls, "th1_count": 1, "th2_count": 2}
    for run in range(367100, 367108)
    for ls in range(1, 101)
]
RUNS = [{**DATASET, "run_number": run, "ls_count": 100} for run in range(367100, 367108)]


class Lumisections:
    """A service that lists runs, and lumisections or histograms.

    A cursor means a row: it leads to what follows that in the whole list, whatever filters it comes with.

    Attributes:
        asked: Path and query of each request, and how many rows and bytes the answer had.
        rows: Its lumisections or histograms, in order.
        runs: Its runs, in order.
        lists: How often it was asked for rows.
        before: Called with the number of each request for rows, from 0, in the thread that sends it; it may wait, or
            return what to answer instead.
        before_runs: The same of the runs.
        weight: Bytes that each row takes at least.
        now: Seconds of its clock.
    """

    def __init__(self, session_type: Any, **options: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.lists = 0
        self.rows: list[dict[str, Any]] = ROWS
        self.runs: list[dict[str, Any]] = RUNS
        self.before: Callable[[int], httpx.Response | None] = lambda _number: None
        self.before_runs: Callable[[], httpx.Response | None] = lambda: None
        self.sleep: Callable[[float], None] = self._pass
        self.weight = 0
        self.now = 1_700_000_000.0
        self._counting = threading.Lock()
        self._has_listed_runs = threading.Event()
        self.session = session_type(
            "http://dials.test/",
            Credentials(token="a-secret"),
            "tracker",
            transport=httpx.MockTransport(self._answer),
            clock=lambda: self.now,
            sleep=self._sleep,
            **options,
        )
        self.lumi, self.run, self.h1d = (of_session(self.session, name) for name in ("lumi", "run", "h1d"))

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests for rows."""
        return [one for one in self.asked if one["place"] not in {"run", "dataset-index"}]

    def wait_for_the_runs(self) -> None:
        """Wait, in a thread that fetches rows, until the client knows the runs: from then on it splits."""
        assert self._has_listed_runs.wait(BOUND)
        for thread in threading.enumerate():
            if thread.name == "cmsdials-beside":
                thread.join(BOUND)

    def splits(self, then: Callable[[int], httpx.Response | None] = lambda _number: None) -> None:
        """Have the next listing in parts be split after its first page, whatever the time that takes."""
        first = self.lists
        self._has_listed_runs.clear()

        def before(number: int) -> httpx.Response | None:
            if number == first:
                self.wait_for_the_runs()
            return then(number)

        self.before = before

    def _sleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        query = dict(request.url.params)
        asked: dict[str, Any] = {"place": place, **query}
        with self._counting:
            self.asked.append(asked)
            number = self.lists
            self.lists += place != "run"
        instead = self.before_runs() if place == "run" else self.before(number)
        if instead is not None:
            return instead
        of = [row for row in (self.runs if place == "run" else self.rows) if _is_wanted(row, query)]
        rows = [row for row in of if cursor(row) > query.get("next_token", "")]
        page = rows[: int(query.get("page_size", 10))]
        link = f"http://elsewhere.test/?next_token={cursor(page[-1])}" if len(rows) > len(page) else None
        wanted = query["fields"].split(",") if "fields" in query else [*RUNS[0], *ROWS[0]]
        results = [{key: row[key] for key in row if key in wanted} for row in page]
        body = json.dumps({"next": link, "previous": None, "results": results}).encode()
        if place == "run":
            self._has_listed_runs.set()
        else:
            body = body.ljust(self.weight * len(page))
        asked["rows"], asked["bytes"] = len(page), len(body)
        return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})


def cursor(row: dict[str, Any]) -> str:
    """Return the cursor that leads to what follows a row. Cursors are ordered like the rows."""
    numbers = (row["dataset_id"], row.get("run_number", 0), row.get("ls_number", 0), row.get("me_id", 0))
    return "-".join(f"{number:09}" for number in numbers)


def of_session(session: Any, name: str) -> Any:
    """A resource of a `Dials` that asks through a session."""
    return type(getattr(Dials(Credentials(token="a-secret")), name))(session)


def _is_wanted(row: dict[str, Any], query: dict[str, str]) -> bool:
    for name, value in query.items():
        field, _, operation = name.partition("__")
        if field not in row:
            continue
        held = row[field]
        match operation:
            case "":
                is_wanted = str(held) == value
            case "gte":
                is_wanted = held >= int(value)
            case "lte":
                is_wanted = held <= int(value)
            case _:
                is_wanted = re.search(value, held) is not None
        if not is_wanted:
            return False
    return True


@contextmanager
def serving(session_type: Any) -> Iterator[Lumisections]:
    """Have a service, and check that no thread that asks it is left at the end."""
    service = Lumisections(session_type)
    yield service
    service.session.close()
    assert all_gone()


def crew() -> list[threading.Thread]:
    """Return the threads that fetch parts."""
    return [thread for thread in threading.enumerate() if re.fullmatch(r"cmsdials-\d+", thread.name)]


def all_gone() -> bool:
    """Wait until the threads that fetch parts have ended; False if they do not for long."""
    for thread in crew():
        thread.join(BOUND)
    return crew() == []


def dicts(rows: Any) -> list[dict[str, Any]]:
    """Return rows as dictionaries."""
    return [row.dict() for row in rows]
