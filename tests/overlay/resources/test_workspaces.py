"""Where no workspace is named: the user's own is asked for, once, and named in each request."""

import os
import pickle
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials import Dials, load
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import (
    AuthenticationError,
    CheckpointError,
    ConnectionFailedError,
    GatewayError,
    ImpossibleToRefreshTokenError,
    RequestTimeoutError,
    TooManyRequestsError,
)
from cmsdials.filters import RunFilters
from cmsdials.resources.workspaces import name_of
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted, dials_over, run_row, session_over

pytestmark = pytest.mark.filterwarnings("error")

ASKED = ["/api/v1/workspaces/my-default/", "/api/v1/auth/user-default-workspace/"]


@pytest.fixture
def service() -> Scripted:
    """A service whose user names no workspace."""
    return Scripted(workspace=None)


def paths(service: Scripted) -> list[str]:
    return [request.url.path for request in service.asked]


def named(service: Scripted) -> list[str | None]:
    return [request.headers.get("Workspace") for request in service.asked]


# --- what it is for


def test_two_users_who_ask_the_same_see_each_their_own_workspace(sandbox_v112: Sandbox) -> None:
    """v1.12 keeps an answer for 30 s by URL and header, whoever asks."""
    found = {}
    for name in ("tracker", "jetmet"):
        with Dials(Credentials(token=sandbox_v112.secret_of(name)), base_url=sandbox_v112.url) as dials:
            found[name] = {row.dataset_id for row in dials.dataset_index.list_all()}
            assert (dials.run.workspace, dials.run.count() > 0) == (name, True)
    assert 14677060 in found["tracker"] - found["jetmet"]
    assert 15042670 in found["jetmet"] - found["tracker"]


@pytest.mark.parametrize("workspace", ["tracker", "jetmet"])
def test_of_today_too(sandbox_now: Sandbox, workspace: str) -> None:
    with Dials(Credentials(token=sandbox_now.secret_of(workspace)), base_url=sandbox_now.url) as dials:
        assert dials.dataset_index.list().origin.workspace == workspace


# --- what is sent


def test_it_is_asked_for_once_and_named_always(service: Scripted) -> None:
    service.will_answer({"name": "jetmet", "description": "Jets"}, {"count": 3})
    service.will_page([run_row(1)], 10)
    assert service.dials.run.workspace is None
    assert service.dials.run.count() == 3
    result = service.dials.run.list_all()
    assert paths(service) == [ASKED[0], "/api/v1/run/count/", "/api/v1/run/"]
    assert named(service) == [None, "jetmet", "jetmet"]
    assert {service.dials.run.workspace, service.dials.h1d.workspace, result.origin.workspace} == {"jetmet"}
    assert repr(service.dials) == "<Dials http://dials.test/, workspace jetmet>"


def test_a_service_of_v1_12_is_asked_at_its_own_path(service: Scripted) -> None:
    service.will_answer(httpx.Response(404, html="<h1>Not Found</h1>"), {"workspace": "csc"}, {"count": 3})
    service.dials.run.count()
    assert paths(service) == [*ASKED, "/api/v1/run/count/"]
    assert named(service)[2] == "csc"


def test_a_workspace_that_is_named_is_not_asked_for() -> None:
    service = Scripted(workspace="muo")
    service.will_answer({"count": 3})
    service.dials.run.count()
    assert named(service) == ["muo"]


def test_what_has_no_workspace_does_not_ask_for_one(service: Scripted) -> None:
    service.will_answer([3], {"data": []})
    service.dials.runregistry.editable_datasets("a", "b", "c")
    service.dials.oms.query("runs")
    assert len(service.asked) == 2
    assert named(service) == [None, None]


def test_pages_ask_when_the_first_one_is_wanted(service: Scripted) -> None:
    service.will_answer({"name": "jetmet"})
    service.will_page([run_row(1), run_row(2)], 1)
    pages = service.dials.run.pages(RunFilters(page_size=1))
    assert (service.asked, pages.origin.workspace) == ([], None)
    assert [row.run_number for page in pages for row in page.rows] == [1, 2]
    assert (named(service), pages.origin.workspace) == ([None, "jetmet", "jetmet"], "jetmet")


def test_threads_that_begin_at_once_ask_once() -> None:
    began, asked = threading.Barrier(8), []

    def answer(request: httpx.Request) -> httpx.Response:
        is_data = request.url.path.endswith("count/")
        asked.append((is_data, request.headers.get("Workspace")))
        return httpx.Response(200, json={"count": 3} if is_data else {"name": "csc"})

    dials = dials_over(session_over(httpx.MockTransport(answer), None))

    def count() -> None:
        began.wait()
        dials.run.count()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked, key=str) == [(False, None), *[(True, "csc")] * 8]


class Counted:
    """A lock that counts who has come to it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.arrived = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.arrived.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_that_wait_fail_as_the_one_that_asks() -> None:
    """Not one after the other, each after its own time-out."""
    lock, asked, failures = Counted(), [], []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        for _ in range(4 if len(asked) == 1 else 0):
            assert lock.arrived.acquire(timeout=300)
        message = "slow"
        raise httpx.ReadTimeout(message)

    session = session_over(httpx.MockTransport(answer), None)
    session._default_workspace._locks[os.getpid()] = lock  # type: ignore[union-attr]
    dials = dials_over(session)

    def count() -> None:
        try:
            dials.run.count(retries=0)
        except RequestTimeoutError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(failures), asked) == (4, ASKED[:1])


def test_a_pickle_asks_again_only_for_what_is_not_known(sandbox_now: Sandbox) -> None:
    dials = Dials(Credentials(token=sandbox_now.secret_of("jetmet")), base_url=sandbox_now.url)
    before = pickle.loads(pickle.dumps(dials))
    assert dials.run.count() == before.run.count() == pickle.loads(pickle.dumps(dials)).run.count()
    assert before.run.workspace == pickle.loads(pickle.dumps(dials)).run.workspace == "jetmet"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_asks_for_itself_while_a_thread_of_its_parent_does(sandbox_now: Sandbox) -> None:
    from cmsdials.resources.workspaces import DefaultWorkspace

    asking = DefaultWorkspace()
    held, enough = threading.Event(), threading.Event()

    class Slow:
        def perform(self, *_: Any, **__: Any) -> Any:
            held.set()
            enough.wait(300)
            return {"name": "csc"}

    thread = threading.Thread(target=asking, args=(Slow(), None))
    thread.start()
    assert held.wait(300)
    child = os.fork()
    if child == 0:
        import signal

        signal.alarm(300)  # a child that waits for a lock must not outlive the test
        enough.set()
        os._exit(0 if asking(Slow(), None) == "csc" else 1)  # type: ignore[arg-type]
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    enough.set()
    thread.join()
    assert code == 0


# --- where the service does not say it


NOT_SAID: dict[str, Callable[[], list[Any]]] = {
    "neither path": lambda: [httpx.Response(404, json={"detail": "Not found."}) for _ in range(2)],
    "broken": lambda: [httpx.Response(500, html="<h1>Server Error (500)</h1>")],
    "HTML": lambda: [httpx.Response(200, html="<h1>Log in</h1>")],
    "a list": lambda: [httpx.Response(200, json=["tracker"])],
    "a number": lambda: [{"workspace": 3}],
    "blank": lambda: [{"workspace": ""}],
    "no header": lambda: [{"workspace": "a\nb"}],
    "null": lambda: [httpx.Response(200, text="null")],
}


@pytest.mark.parametrize("answers", NOT_SAID.values(), ids=NOT_SAID)
def test_then_none_is_named_and_that_is_said_once(
    service: Scripted, answers: Callable[[], list[Any]]
) -> None:
    service.will_answer(*answers(), {"count": 3}, {"count": 4})
    with pytest.warns(RuntimeWarning, match="does not say which workspace is yours") as warned:
        assert service.dials.run.count(retries=0) == 3
    assert warned[0].filename == __file__
    assert service.dials.run.count() == 4
    assert set(named(service)) == {None}
    assert len(service.asked) == len(answers()) + 2
    assert repr(service.dials) == "<Dials http://dials.test/, workspace by default>"


def test_a_warning_that_is_an_error_is_one_once(service: Scripted) -> None:
    service.will_answer([], {"count": 3})
    with pytest.raises(RuntimeWarning):
        service.dials.run.count()
    assert service.dials.run.count() == 3


RAISED: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "403": (lambda: httpx.Response(403, json={"detail": "no"}), AuthenticationError),
    "504": (lambda: httpx.Response(504, html="<h1>504 Gateway Time-out</h1>"), GatewayError),
    "429": (lambda: httpx.Response(429, json={"detail": "slow down"}), TooManyRequestsError),
    "timeout": (lambda: httpx.ReadTimeout("slow"), RequestTimeoutError),
    "no connection": (lambda: httpx.ConnectError("refused"), ConnectionFailedError),
}


@pytest.mark.parametrize(("failing", "error"), RAISED.values(), ids=RAISED)
def test_what_would_befall_the_request_itself_is_raised(
    service: Scripted, failing: Callable[[], Any], error: type[Exception]
) -> None:
    service.will_answer(failing())
    with pytest.raises(error):
        service.dials.run.count(retries=0)
    assert paths(service) == ASKED[:1]
    service.will_answer({"name": "csc"}, {"count": 3})
    assert service.dials.run.count() == 3, "it is asked for again"
    assert named(service)[2] == "csc"


def test_it_is_asked_for_with_the_retries_of_the_request(service: Scripted) -> None:
    busy = httpx.Response(503, html="<h1>503</h1>")
    service.will_answer(busy, busy, {"name": "csc"}, {"count": 3})
    assert service.dials.run.count(retries=2) == 3


def test_a_login_that_has_ended_is_raised(service: Scripted) -> None:
    class Ended:
        def before_request(self, headers: dict[str, str]) -> None:
            raise ImpossibleToRefreshTokenError

    service.session.credentials = Ended()
    with pytest.raises(ImpossibleToRefreshTokenError):
        service.dials.run.count()


# --- listings


def interrupt(_request: httpx.Request) -> httpx.Response:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [httpx.ConnectError("refused"), interrupt], ids=["error", "Ctrl-C"])
def test_a_listing_that_stops_there_keeps_what_had_come(service: Scripted, stop: Any, tmp_path: Path) -> None:
    earlier = Scripted(workspace="csc")
    earlier.will_page([run_row(n) for n in range(4)], 2)
    part = earlier.dials.run.list_all(RunFilters(page_size=2), max_pages=1)
    kept = tmp_path / "runs.dials"
    for resume_from, rows in ((part, 2), (None, 0)):
        service.will_answer(stop)
        with pytest.warns(RuntimeWarning, match=f"{rows} rows of run: stopped by"):
            stuck = service.dials.run.list_all(
                RunFilters(page_size=2), None, False, 0, True, resume_from, checkpoint=kept
            )
        assert (len(stuck), stuck.complete) == (rows, False)
        assert stuck.exc_type in ("ConnectionFailedError", "KeyboardInterrupt")
        assert not kept.exists()
        service.will_answer({"name": "csc"})
        service.will_page([run_row(n) for n in range(4)][rows:], 2)
        whole = service.dials.run.list_all(RunFilters(page_size=2), resume_from=stuck)
        assert (len(whole), whole.complete, whole.origin.workspace) == (4, True, "csc")
        service = Scripted(workspace=None)


def test_without_keep_failed_it_is_raised(service: Scripted) -> None:
    service.will_answer(httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailedError):
        service.dials.run.list_all(retries=0)


def test_a_file_names_the_workspace(service: Scripted, tmp_path: Path) -> None:
    service.will_answer({"name": "csc"})
    service.will_page([run_row(1)], 2)
    service.dials.run.list_all(checkpoint=tmp_path / "runs.dials")
    assert load(tmp_path / "runs.dials").origin.workspace == "csc"
    other = Scripted(workspace=None)
    other.will_answer({"name": "muo"})
    with pytest.raises(CheckpointError, match="workspace is 'csc' there and 'muo' here"):
        other.dials.run.list_all(resume_from=tmp_path / "runs.dials")


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """Of a client that did not ask which workspace is the default one."""
    older = Scripted(workspace=None)
    older.will_answer({"detail": "no"}, {"detail": "no"}, status=404)
    older.will_page([run_row(n) for n in range(4)], 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        older.dials.run.list_all(RunFilters(page_size=2), max_pages=1, checkpoint=tmp_path / "old.dials")
    assert load(tmp_path / "old.dials").origin.workspace is None
    return tmp_path / "old.dials"


def test_an_old_file_that_names_no_workspace_goes_on_in_the_default_one(
    service: Scripted, old_file: Path
) -> None:
    service.will_answer({"name": "csc"})
    service.will_page([run_row(n) for n in (2, 3)], 2)
    whole = service.dials.run.list_all(RunFilters(page_size=2), resume_from=old_file, checkpoint=old_file)
    assert (len(whole), whole.complete, whole.origin.workspace) == (4, True, "csc")
    assert load(old_file).complete


def test_an_old_file_that_names_no_workspace_is_not_of_one_that_is_named(old_file: Path) -> None:
    service = Scripted(workspace="csc")
    with pytest.raises(CheckpointError, match="workspace is None there and 'csc' here"):
        service.dials.run.list_all(RunFilters(page_size=2), resume_from=old_file)
    assert service.asked == []


def test_coverage_knows_the_workspace_of_a_result(service: Scripted) -> None:
    named_one = Scripted(workspace="csc")
    named_one.will_page([], 2)
    result = named_one.dials.h1d.list_all()
    service.will_answer({"name": "csc"})
    service.will_page([], 2)
    assert not service.dials.h1d.coverage(result).complete
    other = Scripted(workspace=None)
    other.will_answer({"name": "muo"})
    with pytest.raises(CheckpointError, match="workspace is 'csc' there and 'muo' here"):
        other.dials.h1d.coverage(result)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"workspace": "csc"}, "csc"),
        ({"name": "csc", "description": "x"}, "csc"),
        ({"workspace": {"name": "csc"}}, "csc"),
        ("csc", "csc"),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_name_in_an_answer_whose_shape_is_not_published(answer: object, name: str | None) -> None:
    assert name_of(answer) == name


def test_a_name_that_lies_deep_is_found() -> None:
    answer: object = "tracker"
    for _ in range(100_000):
        answer = {"workspace": answer}
    assert name_of(answer) == "tracker"
