"""Work in another thread: what it returns and raises, and what ends the wait for it."""

import _thread
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import weakref

import pytest
from cmsdials.http.background import _end_idle_workers, aside
from cmsdials.runtime.interrupts import Stop, Stopped, current_stop, sleep

BOUND = 120.0


def test_it_returns_what_the_work_returns():
    assert aside(lambda: (threading.current_thread() is threading.main_thread(), 7)) == (False, 7)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_raises_what_the_work_raises(kind):
    error = kind("of the work")
    forsaken = []

    def fail():
        raise error

    with pytest.raises(kind) as caught:
        aside(fail, forsaken=lambda: forsaken.append(True))
    assert caught.value is error
    assert forsaken == [], "somebody waited until its end"
    assert aside(lambda: 1) == 1


def test_the_work_is_done_in_the_context_of_the_caller():
    variable = contextvars.ContextVar("variable")
    variable.set("the caller's")
    stop = Stop()
    with stop.heeded():
        assert aside(lambda: (variable.get(), current_stop())) == ("the caller's", stop)


def test_threads_are_used_again():
    threads = {aside(threading.current_thread) for _ in range(20)}
    assert len(threads) == 1


class Slow(list):
    """Threads without work, where it takes a while to get in."""

    def append(self, worker):
        threading.Event().wait(0.02)
        super().append(worker)


def test_a_thread_is_free_before_its_work_is_handed_over(monkeypatch):
    monkeypatch.setattr("cmsdials.http.background._idle", Slow())
    assert len({aside(threading.current_thread) for _ in range(3)}) == 1
    _end_idle_workers()


def test_nothing_is_held_afterwards():
    class Thing:
        def work(self):
            return 1

    thing = Thing()
    gone = weakref.ref(thing)
    aside(thing.work)
    del thing
    gc.collect()
    assert gone() is None


class Thing:
    """What can be referred to weakly."""


class Failure(Exception):
    """What work raises."""


def fails():
    raise Failure


def test_what_came_of_it_is_held_by_nobody_else():
    thing = aside(Thing)
    gone = weakref.ref(thing)
    del thing
    assert aside(gone) is None
    gc.disable()
    try:
        try:
            aside(fails)
        except Failure as error:
            gone = weakref.ref(error)
        assert aside(gone) is None
    finally:
        gc.enable()


def test_work_may_take_longer_than_a_glance(monkeypatch):
    monkeypatch.setattr("cmsdials.http.background._GLANCE", 0.001)
    assert aside(lambda: threading.Event().wait(0.02)) is False


def test_a_worker_that_cannot_be_started_works_in_the_thread_that_was_to_start_it(monkeypatch):
    def none_left(_):
        raise RuntimeError

    monkeypatch.setattr("cmsdials.http.background._idle", [])
    monkeypatch.setattr("cmsdials.http.background._Worker.start", none_left)
    threads = []
    caller = threading.Thread(target=lambda: threads.extend(aside(threading.get_ident) for _ in range(3)))
    caller.daemon = True
    caller.start()
    caller.join(BOUND)
    assert len(threads) == 3
    assert len({*threads, caller.ident}) == 2
    _end_idle_workers()


def test_where_there_are_no_threads_it_is_done_here(monkeypatch):
    def none_left(*_):
        raise RuntimeError

    monkeypatch.setattr("cmsdials.http.background._idle", [])
    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    assert aside(threading.current_thread) is threading.current_thread()


def test_a_stop_ends_the_wait_and_the_work_is_told():
    stop, begun, released, told = Stop(), threading.Event(), threading.Event(), threading.Event()
    ended = []

    def work():
        begun.set()
        released.wait(BOUND)

    def wait():
        with stop.heeded(), pytest.raises(Stopped):
            aside(work, forsaken=told.set)
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(BOUND)
    stop.set()
    thread.join(BOUND)
    assert ended == [True]
    assert told.is_set()
    released.set()


def test_a_stop_that_is_set_begins_nothing():
    stop = Stop()
    stop.set()
    with stop.heeded(), pytest.raises(Stopped):
        aside(pytest.fail)
    with stop.heeded(), pytest.raises(Stopped):
        sleep(BOUND)
    assert stop.wait()
    assert current_stop() is None


def test_a_stop_that_is_set_begins_nothing_where_there_are_no_threads(monkeypatch):
    def none_left(*_):
        raise RuntimeError

    monkeypatch.setattr("cmsdials.http.background._idle", [])
    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    stop, begun = Stop(), []
    stop.set()
    with stop.heeded(), pytest.raises(Stopped):
        aside(lambda: begun.append(True))
    assert begun == []


def test_a_stop_that_nobody_sets_lets_the_time_pass():
    stop = Stop()
    with stop.heeded():
        sleep(0.001)
    assert not stop.wait(0.001)
    assert not stop.is_set()
    stop.check()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGALRM")
def test_a_signal_ends_the_wait():
    released, told = threading.Event(), threading.Event()

    def work():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        released.wait(BOUND)

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            aside(work, forsaken=told.set)
    finally:
        signal.signal(signal.SIGALRM, before)
        released.set()
    assert told.is_set()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGALRM")
def test_a_signal_that_another_thread_caught_ends_the_wait_too():
    told, ended, heard = threading.Event(), threading.Event(), []

    def work():
        signal.pthread_kill(threading.get_ident(), signal.SIGALRM)
        heard.append(told.wait(BOUND))
        ended.set()

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            aside(work, forsaken=told.set)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ended.wait(BOUND)
    assert heard == [True]


FORK = """
import os, threading
from cmsdials.http.background import aside

assert aside(lambda: 1) == 1
child = os.fork()
if child == 0:
    os._exit(aside(lambda: 42))
assert threading.active_count() == 1
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
assert aside(lambda: 2) == 2
"""

FORK_IN_BETWEEN = """
import os, signal, warnings
warnings.simplefilter("ignore")  # of threads and forks, which is what this is about

os.register_at_fork(before=lambda: aside(lambda: 1))  # runs after what cmsdials does before a fork
from cmsdials.http.background import aside

child = os.fork()
if child == 0:
    signal.alarm(300)  # a child that waits for a thread which it has not must not outlive the test
    os._exit(aside(lambda: 42))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
"""

AT_EXIT = """
import atexit
from cmsdials.http.background import aside

atexit.register(lambda: print(aside(lambda: "at the end")))
aside(lambda: 1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("script", [FORK, FORK_IN_BETWEEN], ids=["idle", "idle in between"])
def test_a_fork_finds_no_threads_and_starts_its_own(script):
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=600)


def test_it_works_until_the_very_end():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AT_EXIT],
        check=True,
        timeout=600,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("at the end\n", "")
