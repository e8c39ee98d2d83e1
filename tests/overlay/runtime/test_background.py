"""Requests are sent in other threads than the caller's: what comes of them, and what ends the wait."""

import _thread
import contextvars
import gc
import importlib
import importlib.machinery
import os
import signal
import subprocess
import sys
import threading
import types
import weakref

import httpx
import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.http.retry import checked_retries
from cmsdials.runtime.background import Begun, load
from cmsdials.runtime.console import kernel
from cmsdials.runtime.interrupts import Stop, Stopped, current_stop, sleep
from cmsdials.table.frames import kind_of
from cmsdials.table.stacking import stacked

BOUND = 120.0
REQUEST = {"method": "GET", "url": "/api/v1/run/"}


@pytest.fixture
def in_background(session_type):
    """Do something where requests are sent, and return what it returned."""

    def done(work):
        returned = []

        def answer(_):
            returned.append(work())
            return httpx.Response(200, content=b"")

        with session_type("http://dials.test/", None, transport=httpx.MockTransport(answer)) as session:
            session.perform(REQUEST, bytes, retries=0)
        return returned[0]

    return done


def test_the_work_is_done_in_the_context_of_the_caller(in_background):
    variable = contextvars.ContextVar("variable")
    variable.set("the caller's")
    stop = Stop()
    with stop.heeded():
        seen = in_background(lambda: (variable.get(), current_stop(), threading.current_thread()))
    assert seen[:2] == ("the caller's", stop)
    assert seen[2] is not threading.current_thread()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_raises_what_the_work_raises(kind, in_background):
    error = kind("of the work")

    def fail():
        raise error

    with pytest.raises(kind) as caught:
        in_background(fail)
    assert caught.value is error
    assert in_background(lambda: 1) == 1


def test_threads_are_used_again(in_background):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that a thread which is free too late shows
    try:
        assert len({in_background(threading.current_thread) for _ in range(300)}) == 1
    finally:
        sys.setswitchinterval(before)


class Body(httpx.SyncByteStream):
    def __iter__(self):
        yield b"[]"


def test_nothing_is_held_afterwards(session_type):
    def answer(_):
        body = Body()
        held.append(weakref.ref(body))
        return httpx.Response(200, stream=body)

    held = []
    session = session_type("http://dials.test/", None, transport=httpx.MockTransport(answer))
    session.perform(REQUEST, bytes)
    gc.collect()
    assert [one() for one in held] == [None]
    session.close()


def test_work_may_take_longer_than_a_glance(in_background):
    assert in_background(lambda: threading.Event().wait(0.3)) is False


def nested(in_background, is_deep_enough):
    """Do work within work, so that the threads that are idle are used up and new ones wanted."""
    seen = []

    def work():
        seen.append(threading.current_thread())
        if not is_deep_enough() and len(seen) < 50:
            in_background(work)

    in_background(work)
    return seen


def test_where_there_are_no_threads_it_is_done_in_that_of_the_caller(in_background, monkeypatch):
    def none_left(*_):
        refused.append(True)
        raise RuntimeError

    refused = []
    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    threads = nested(in_background, lambda: refused)
    assert threads[-1] in [*threads[:-1], threading.current_thread()]
    stop = Stop()
    stop.set()
    with stop.heeded(), pytest.raises(Stopped):
        nested(in_background, lambda: pytest.fail("it has begun"))


def test_a_thread_that_python_does_not_start_works_all_the_same(in_background, monkeypatch):
    def none_left(thread):
        if thread.name == "cmsdials":
            refused.append(True)
            raise RuntimeError
        start(thread)

    refused, start = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", none_left)
    threads = nested(in_background, lambda: refused)
    assert threads[-1] not in [*threads[:-1], threading.current_thread()]


class Waits(httpx.BaseTransport):
    """Answers when it is released, and remembers that it was closed."""

    def __init__(self):
        self.begun, self.released, self.closed = threading.Event(), threading.Event(), threading.Event()

    def handle_request(self, _):
        self.begun.set()
        self.released.wait(BOUND)
        return httpx.Response(200, content=b"")

    def close(self):
        self.closed.set()


def test_a_stop_ends_the_wait_and_what_was_under_way_closes_the_connections(session_type):
    stop, transport, ended = Stop(), Waits(), []
    session = session_type("http://dials.test/", None, transport=transport)

    def wait():
        with stop.heeded(), pytest.raises(Stopped):
            session.perform(REQUEST, bytes)
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    assert transport.begun.wait(BOUND)
    stop.set()
    thread.join(BOUND)
    assert ended == [True]
    assert not transport.closed.is_set(), "what is under way would lose its state"
    transport.released.set()
    assert transport.closed.wait(BOUND)


def test_a_stop_that_is_set_begins_nothing(in_background):
    stop = Stop()
    stop.set()
    with stop.heeded(), pytest.raises(Stopped):
        in_background(pytest.fail)
    with stop.heeded(), pytest.raises(Stopped):
        sleep(BOUND)
    assert stop.wait()
    assert current_stop() is None


def test_a_stop_that_nobody_sets_lets_the_time_pass():
    stop = Stop()
    with stop.heeded():
        sleep(0.001)
    assert not stop.wait(0.001)
    assert not stop.is_set()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGALRM")
@pytest.mark.parametrize("catcher", [threading.main_thread, threading.current_thread])
def test_a_signal_ends_the_wait_whichever_thread_has_caught_it(in_background, catcher):
    released, ended = threading.Event(), threading.Event()

    def work():
        signal.pthread_kill(catcher().ident, signal.SIGALRM)
        released.wait(BOUND)
        ended.set()

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            in_background(work)
    finally:
        signal.signal(signal.SIGALRM, before)
        released.set()
    assert ended.wait(BOUND)


# --- imports


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module."""

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(f"from cmsdials.runtime.background import load\n{text}\n")
        importlib.invalidate_caches()
        names.append(name)

    names = []
    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in names:
        sys.modules.pop(name, None)


WHERE = "import threading; where = threading.current_thread()"


def test_no_import_runs_where_signals_come(module):
    module("made", WHERE)
    made = load("made")
    assert made.where is not threading.current_thread()
    assert load("made") is sys.modules["made"] is made


def test_threads_import_by_themselves(module):
    module("made", WHERE)
    thread = threading.Thread(target=load, args=("made",))
    thread.start()
    thread.join(BOUND)
    assert sys.modules["made"].where is thread


def test_what_an_import_raises_is_raised_and_it_can_be_tried_again(module):
    module("made", "raise ValueError('broken')")
    with pytest.raises(ValueError, match="broken"):
        load("made")
    module("made", "mended_and_longer = True")
    assert load("made").mended_and_longer


@pytest.mark.parametrize("begin", [load, importlib.import_module])
def test_a_module_that_asks_for_itself_while_it_is_imported_waits_for_nothing(module, begin):
    module("made", "itself = load('made')")
    assert begin("made").itself is sys.modules["made"]


@pytest.mark.parametrize("begin", [load, importlib.import_module])
def test_modules_that_ask_for_each_other_do_not_wait_for_ever(module, begin):
    module("outer", "inner = load('inner')")
    module("inner", "import outer")
    outer = begin("outer")
    assert outer.inner is load("inner")
    assert outer.inner.outer is outer


@pytest.mark.skipif(os.name != "posix", reason="there is no pthread_kill")
@pytest.mark.parametrize("begin", [importlib.import_module, load])
def test_a_wait_for_an_import_of_another_thread_can_be_interrupted(module, begin, monkeypatch):
    """Not within the import itself, where that could leave its lock held for ever."""
    monkeypatch.setattr("cmsdials.runtime.background._PATIENCE", 0.001)
    waiting = types.ModuleType("waiting")
    waiting.begun, waiting.released = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "waiting", waiting)
    module("slow", "import waiting; waiting.begun.set(); waiting.released.wait(120); is_whole = True")
    thread = threading.Thread(target=begin, args=("slow",))
    thread.start()
    assert waiting.begun.wait(BOUND)
    main = threading.main_thread().ident
    interrupt = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        load("slow")
    interrupt.join()
    waiting.released.set()
    assert not [entry for entry in caught.traceback if "importlib" in str(entry.path)]
    assert load("slow").is_whole
    thread.join(BOUND)
    assert not thread.is_alive()


@pytest.fixture(params=["urllib3.util.retry", "pandas", "pyarrow", "polars", "IPython", "ipykernel"])
def in_the_middle_of_its_import(request, monkeypatch):
    """A library that another thread has begun to import: among the modules, and without its names yet."""
    for name in {request.param, "IPython", "ipykernel"}:  # a kernel needs both
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__spec__._initializing = name == request.param
        module.__dict__.update({} if name == request.param else {"get_ipython": lambda: None})
        monkeypatch.setitem(sys.modules, name, module)


USES_OF_WHAT_IS_LOADED = {
    "retries": lambda: checked_retries(3) == 3,
    "frames": lambda: kind_of([1]) is None,
    "columns": lambda: stacked([np.ones(2), np.zeros(2)]).shape == (2, 2),
    "masks": lambda: LumiMask.of_rows([(1, 2), (1, 3)]) == LumiMask({1: [[2, 3]]}),
    "notebooks": lambda: kernel() is None,
}


@pytest.mark.parametrize("use", USES_OF_WHAT_IS_LOADED.values(), ids=USES_OF_WHAT_IS_LOADED)
def test_a_library_that_another_thread_imports_at_this_moment_is_not_used(use, in_the_middle_of_its_import):
    assert use()


FIRST_USES = """
import sys, threading, warnings
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import DialsError
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters

class Noting:
    def find_spec(self, name, *_):
        if threading.current_thread() is threading.main_thread():
            print("imported where signals come:", name)

sys.meta_path.insert(0, Noting())
filters = LumisectionHistogram1DFilters(run_number=367112, ls_number=10, page_size=50)
with Dials(Credentials(token=sys.argv[2]), "tracker", sys.argv[1]) as dials:
    for use in (
        lambda: dials.run.get(dataset_id=1, run_number=1, retries=1),
        lambda: dials.mes.list_run(dataset_id=14677060, run_number=1, retries=1),
        lambda: dials.run.count(RunFilters(run_number=367112)),
        lambda: dials.h1d.list_all(filters, enable_progress=False),
        lambda: dials.h1d.list_all(filters, enable_progress=False, concurrency=2),
        lambda: dials.h1d.to_numpy(filters, group_by="me"),
        lambda: dials.oms.query(endpoint="runs"),
        lambda: list(dials.run.pages(RunFilters(run_number=367112))),
    ):
        try:
            use()
        except DialsError:
            pass
"""


def test_no_first_use_imports_anything_where_signals_come(sandbox_now):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USES, sandbox_now.url, sandbox_now.secret],
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_work_that_is_begun_goes_on_meanwhile():
    go, variable = threading.Event(), contextvars.ContextVar("variable")
    variable.set("the caller's")
    begun = Begun(lambda: go.wait(BOUND) and (variable.get(), threading.current_thread()))
    variable.set("later")
    go.set()
    assert begun.outcome()[0] == "the caller's"
    assert begun.outcome()[1] is not threading.current_thread()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_begun_work_raises_where_it_is_waited_for(kind):
    def fail():
        raise kind

    begun = Begun(fail)
    for _ in range(2):
        with pytest.raises(kind):
            begun.outcome()


def test_without_another_thread_it_is_done_at_once(monkeypatch):
    def refused(*_):
        raise RuntimeError

    monkeypatch.setattr(_thread, "start_new_thread", refused)
    monkeypatch.setattr("cmsdials.runtime.background._idle", [])
    assert Begun(threading.current_thread).outcome() is threading.current_thread()


def test_a_wait_for_begun_work_can_be_cut_short_and_begun_again():
    go, stop = threading.Event(), Stop()
    begun = Begun(lambda: go.wait(BOUND))
    stop.set()
    with stop.heeded(), pytest.raises(Stopped):
        begun.outcome()
    go.set()
    assert begun.outcome()
