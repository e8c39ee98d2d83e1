"""Workers: the order, the window, the end. Events order what happens; nothing sleeps or is timed."""

import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from cmsdials.parallel.workers import in_order
from cmsdials.runtime.interrupts import Stop, current_stop
from hypothesis import given
from hypothesis import strategies as st

NAME = "cmsdials-"
LONG = 120.0  # seconds until what should have happened is given up on


def all_gone() -> bool:
    """Whether the threads have ended, or do so in a moment."""
    for thread in threads_of_ours():
        thread.join(LONG)
    return threads_of_ours() == []


def heeded() -> Stop:
    """The stop that this thread heeds."""
    stop = current_stop()
    assert stop is not None
    return stop


def threads_of_ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


@pytest.fixture(autouse=True)
def none_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads are gone when the iterator is, and none of them has written anything to stderr."""
    unhandled: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    yield
    assert all_gone()
    assert unhandled == []


def numbers(many: int) -> Callable[[], int | None]:
    left = iter(range(many))
    return lambda: next(left, None)


class Script:
    """A fetch that ends when the test says so.

    Attributes:
        begun: Parts that have been begun, in order.
        stopped: Parts whose fetch saw that they are not wanted any more.
        threads: Which thread fetched a part.
    """

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.stopped: list[int] = []
        self.threads: dict[int, threading.Thread] = {}
        self._changed = threading.Condition()
        self._fates: dict[int, BaseException | None] = {}

    def __call__(self, part: int) -> str:
        with self._changed:
            self.begun.append(part)
            self.threads[part] = threading.current_thread()
            self._changed.notify_all()
            while part not in self._fates:
                self._changed.wait(0.01)
                if heeded().is_set():
                    self.stopped.append(part)
                    return "unwanted"
        fate = self._fates[part]
        if fate is not None:
            raise fate
        return f"rows of {part}"

    def end(self, *parts: int, error: BaseException | None = None) -> None:
        with self._changed:
            self._fates.update(dict.fromkeys(parts, error))
            self._changed.notify_all()

    def wait_for(self, *parts: int) -> None:
        """Wait until these have been begun, and no others."""
        with self._changed:
            assert self._changed.wait_for(lambda: {*parts} <= {*self.begun}, LONG), self.begun
            assert {*parts} == {*self.begun}


def start(parts: Any, fetch: Any, many: int = 2, **options: Any) -> Any:
    return in_order(parts, fetch, many, **options)


def take(parts: Any, got: list[Any]) -> None:
    """Take all there are; those that come before an error are kept."""
    for one in parts:
        got.append(one)  # noqa: PERF402  # list() would keep none of them


@pytest.mark.parametrize("many", [1, 2, 3, 8])
@pytest.mark.parametrize("parts", [0, 1, 2, 7, 50])
def test_all_parts_come_in_order(many: int, parts: int) -> None:
    learnt: list[tuple[int, int]] = []
    came = start(numbers(parts), lambda part: part * part, many, came=lambda *both: learnt.append(both))
    assert list(came) == [(part, part * part) for part in range(parts)]
    assert sorted(learnt) == [(part, part * part) for part in range(parts)]
    assert all_gone()
    assert list(came) == []


def test_nothing_happens_before_the_first_is_asked_for() -> None:
    asked: list[int] = []
    iterator = start(lambda: asked.append(1), lambda part: part)
    assert (asked, threads_of_ours()) == ([], [])
    iterator.close()
    assert (asked, threads_of_ours()) == ([], [])


def test_what_comes_first_waits_for_its_turn() -> None:
    script = Script()
    parts = start(numbers(4), script, 2)
    script.end(1)
    done = threading.Event()
    got: list[Any] = []

    def take() -> None:
        got.append(next(parts))
        done.set()

    consumer = threading.Thread(target=take)
    consumer.start()
    script.wait_for(0, 1, 2)  # 1 has come, and its worker has begun 2
    assert not done.is_set()
    script.end(0)
    assert done.wait(LONG)
    consumer.join()
    assert got == [(0, "rows of 0")]
    script.end(2, 3)
    assert list(parts) == [(1, "rows of 1"), (2, "rows of 2"), (3, "rows of 3")]


def test_one_worker_is_no_thread() -> None:
    seen: list[int] = []

    def fetch(part: int) -> threading.Thread:
        assert not heeded().is_set()
        seen.append(part)
        return threading.current_thread()

    parts = start(numbers(3), fetch, 1)
    assert next(parts) == (0, threading.current_thread())
    assert seen == [0]  # each when it is asked for
    assert [thread for _, thread in parts] == [threading.current_thread()] * 2


def test_threads_have_names_and_are_daemons() -> None:
    def fetch(part: int) -> tuple[str, bool]:
        together.wait(LONG)
        return threading.current_thread().name, threading.current_thread().daemon

    together = threading.Barrier(3)
    assert {result for _, result in start(numbers(3), fetch, 3)} == {(f"{NAME}{n}", True) for n in (1, 2, 3)}


@pytest.mark.parametrize(("many", "ahead"), [(2, 4), (3, 6)])
def test_only_so_many_parts_are_ahead_of_the_consumer(many: int, ahead: int) -> None:
    begun: list[int] = []
    seen = threading.Condition()

    def fetch(part: int) -> int:
        with seen:
            begun.append(part)
            seen.notify_all()
        return part

    parts = start(numbers(30), fetch, many)
    for turn in range(30):
        assert next(parts) == (turn, turn)
        wanted = min(30, turn + 1 + ahead)
        with seen:
            assert seen.wait_for(lambda: len(begun) >= wanted, LONG)  # noqa: B023  # waited for right here
            assert len(begun) == wanted
    assert list(parts) == []


def test_learning_and_asking_are_never_done_at_the_same_time() -> None:
    """Nor is anything learnt from two parts at a time."""
    inside = threading.Lock()
    disturbed = threading.Event()
    both = threading.Barrier(2)
    left = iter(range(9))
    learnt: list[int] = []

    def alone() -> bool:
        free = inside.acquire(blocking=False)
        if free:
            inside.release()
        else:
            disturbed.set()
        return free

    def next_part() -> int | None:
        assert alone()
        return next(left, None)

    def fetch(part: int) -> int:
        if part < 2:
            both.wait(LONG)  # so that both come at the same time
        return part

    def came(part: int, result: int) -> None:
        assert alone()
        learnt.append(part)
        if len(learnt) == 1:
            with inside:
                assert not disturbed.wait(0.05)

    assert len(list(start(next_part, fetch, 2, came=came))) == 9


class Odd(BaseException):
    """No Exception."""


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("error", [ValueError("no"), Odd(), SystemExit(3), KeyboardInterrupt()])
def test_an_error_comes_in_its_turn(many: int, error: BaseException) -> None:
    script = Script()
    script.end(*range(3))
    script.end(3, error=error)
    parts = start(numbers(100), script, many)
    got: list[Any] = []
    with pytest.raises(type(error)) as caught:
        take(parts, got)
    assert caught.value is error
    assert [part for part, _ in got] == [0, 1, 2]
    assert list(parts) == []  # finished
    assert "in __call__" in "".join(traceback.format_exception(error))  # it says where it was


def test_no_part_is_begun_once_one_has_failed() -> None:
    script = Script()
    parts = start(numbers(100), script, 3)
    script.end(0)
    assert next(parts) == (0, "rows of 0")
    script.wait_for(0, 1, 2, 3)
    script.end(2, error=ValueError("no"))
    script.threads[2].join(LONG)  # 1 and 3 are still under way
    assert len(threads_of_ours()) == 2
    script.end(1)
    assert next(parts) == (1, "rows of 1")
    with pytest.raises(ValueError, match="no"):
        next(parts)
    assert script.begun == [0, 1, 2, 3]
    assert script.stopped == [3]


def test_of_two_errors_the_one_whose_turn_is_first_is_raised() -> None:
    script = Script()
    parts = start(numbers(9), script, 2)
    failed = threading.Thread(
        target=lambda: (script.wait_for(0, 1), script.end(1, error=ValueError("second")))
    )
    failed.start()
    first = threading.Thread(target=lambda: (failed.join(), script.end(0, error=ValueError("first"))))
    first.start()
    with pytest.raises(ValueError, match="first"):
        next(parts)
    first.join()


@pytest.mark.parametrize("many", [1, 3])
def test_an_error_of_the_parts_comes_in_its_turn(many: int) -> None:
    def parts() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no more")  # noqa: EM101

    iterator = parts()
    got: list[Any] = []
    with pytest.raises(ValueError, match="no more"):
        take(start(lambda: next(iterator), lambda part: part, many), got)
    assert [part for part, _ in got] == list(range(5))


@pytest.mark.parametrize("many", [1, 3])
def test_an_error_in_learning_comes_in_its_turn(many: int) -> None:
    def came(part: int, result: int) -> None:
        if part == 2:
            raise ValueError("not so many")  # noqa: EM101

    parts = start(numbers(9), lambda part: part, many, came=came)
    assert [next(parts), next(parts)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="not so many"):
        next(parts)


@pytest.mark.parametrize("how", ["close", "drop", "raise"])
def test_leaving_early_stops_all(how: str) -> None:
    script = Script()
    script.end(0)
    parts = start(numbers(100), script, 3)

    def consume(parts: Any) -> None:
        with closing(parts):
            for _ in parts:
                script.wait_for(0, 1, 2, 3)
                raise KeyboardInterrupt

    if how == "raise":
        with pytest.raises(KeyboardInterrupt):
            consume(parts)
    else:
        next(parts)
        script.wait_for(0, 1, 2, 3)
        if how == "close":
            parts.close()
    del parts
    assert all_gone()
    assert sorted(script.stopped) == [1, 2, 3]
    assert script.begun[4:] == []


def test_a_worker_that_does_not_listen_holds_nothing_up() -> None:
    """It may wait for a socket, which cannot be ended."""
    deaf = threading.Event()
    begun = threading.Event()

    def fetch(part: int) -> int:
        if part:
            begun.set()
            deaf.wait()
        return part

    parts = start(numbers(100), fetch, 2)
    assert next(parts) == (0, 0)
    assert begun.wait(LONG)
    parts.close()
    assert threads_of_ours() != []
    deaf.set()


def test_a_wait_ends_when_its_result_is_not_wanted_any_more() -> None:
    woken: list[bool] = []
    both = threading.Barrier(3)

    def fetch(part: int) -> int:
        if part:
            both.wait(LONG)
            woken.append(heeded().wait())
        return part

    parts = start(numbers(100), fetch, 2)
    assert next(parts) == (0, 0)
    both.wait(LONG)
    parts.close()
    assert all_gone()
    assert woken == [True, True]


def test_without_threads_it_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = 1

    def limited(thread: threading.Thread, really: Any = threading.Thread.start) -> None:
        nonlocal allowed
        allowed -= 1
        if allowed < 0:
            message = "can't start new thread"
            raise RuntimeError(message)
        really(thread)

    def fetch(part: int) -> str:
        return threading.current_thread().name

    monkeypatch.setattr(threading.Thread, "start", limited)
    assert {name for _, name in start(numbers(5), fetch, 4)} == {f"{NAME}1"}
    assert [name for _, name in start(numbers(5), fetch, 4)] == [threading.current_thread().name] * 5

    def none(*_: Any) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr("_thread.start_new_thread", none)
    assert [name for _, name in start(numbers(5), fetch, 4)] == [threading.current_thread().name] * 5


@given(st.data())
def test_in_whatever_order_parts_come(data: st.DataObject) -> None:
    """Some are let through at a time, in an order that is drawn; one may fail."""
    many = data.draw(st.integers(2, 4))
    total = data.draw(st.integers(0, 12))
    order = data.draw(st.permutations(range(total)))
    failing = data.draw(st.none() | st.integers(0, 12))
    gates = [threading.Event() for _ in range(total)]
    changed = threading.Condition()
    running: list[int] = []
    over = threading.Event()

    def fetch(part: int) -> int:
        with changed:
            running.append(part)
            changed.notify_all()
        gates[part].wait()
        with changed:
            running.remove(part)
            changed.notify_all()
        if part == failing:
            raise Odd
        return part

    def conduct() -> None:
        """Of those that run, let the one through that comes first in the drawn order."""
        while not over.is_set():
            with changed:
                if not changed.wait_for(lambda: running or over.is_set(), LONG) or over.is_set():
                    break
                first = min(running, key=order.index)
                gates[first].set()
                changed.wait_for(lambda: first not in running, LONG)  # noqa: B023  # waited for right here
        for gate in gates:
            gate.set()

    conductor = threading.Thread(target=conduct)
    conductor.start()
    got: list[Any] = []
    try:
        take(start(numbers(total), fetch, many), got)
        failed = False
    except Odd:
        failed = True
    finally:
        with changed:
            over.set()
            changed.notify_all()
        conductor.join()
    assert failed is (failing is not None and failing < total)
    assert [part for part, _ in got] == list(range(failing if failed else total))


# --- the latch


def test_a_latch_opens_once_for_all() -> None:
    latch = Stop()
    assert (latch.is_set(), latch.wait(0), latch.wait(-1)) == (False, False, False)
    woken: list[bool] = []
    waiting = [threading.Thread(target=lambda: woken.append(latch.wait())) for _ in range(5)]
    for thread in waiting:
        thread.start()
    latch.set()
    latch.set()
    for thread in waiting:
        thread.join(LONG)
    assert woken == [True] * 5
    assert (latch.is_set(), latch.wait(), latch.wait(1e12)) == (True, True, True)


# --- being interrupted

INTERRUPTED = """
import faulthandler, random, signal, sys, threading, time
from contextlib import closing
from cmsdials.parallel import workers
from cmsdials.runtime.interrupts import current_stop
from cmsdials.parallel.workers import in_order

faulthandler.dump_traceback_later(500, exit=True)  # a deadlock says where
mine = workers.__file__


class AtInstruction:
    # Raises as Ctrl-C does, before one instruction of the main thread.

    def __init__(self, left):
        self.left = left
        self.hit = False

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != mine:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                self.hit = True
                raise KeyboardInterrupt
        return self


def fetch(part):
    if part % 4 == 3:
        current_stop().wait(0.0002)
    return part


def consume(many, got, most=1_000):
    left = iter(range(many))
    with closing(in_order(lambda: next(left, None), fetch, 3)) as parts:
        for part, result in parts:
            got.append(part)
            assert part == result
            if len(got) == most:
                break  # threads wait to be allowed more


def check(got, whole):
    assert got == list(range(len(got))), got
    assert len(got) == whole or whole is None, got
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()  # or the watchdog barks


def at_instructions():
    most = int(sys.argv[2])
    sys._getframe().f_trace_opcodes = True  # Python 3.12 asks for this when the tracing begins
    for place in range(1, 1_000_000, 2):
        got, whole = [], most
        tracer = AtInstruction(place)
        sys.settrace(tracer)
        try:
            consume(8, got, most)
        except KeyboardInterrupt:
            whole = None
        finally:
            sys.settrace(None)
        check(got, whole)
        if not tracer.hit:
            return place
    raise AssertionError("it never came to an end")


def by_signals():
    began = time.monotonic()
    for _ in range(10):
        consume(40, [])
    takes = (time.monotonic() - began) / 10
    hit = 0
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    chance = random.Random(7)
    while hit < 300:
        got, whole = [], 40
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(2e-5, takes))
                consume(40, got)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            hit, whole = hit + 1, None
        signal.setitimer(signal.ITIMER_REAL, 0)
        check(got, whole)
    return hit


print(globals()[sys.argv[1]]())
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals need a POSIX system")
@pytest.mark.parametrize("how", [("at_instructions", "1"), ("at_instructions", "8"), ("by_signals",)])
def test_wherever_a_ctrl_c_comes_all_ends_and_nothing_is_out_of_order(how: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *how], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 50  # interrupts that did come


BLOCKED = """
import faulthandler, signal, socket, threading
from contextlib import closing
from cmsdials.parallel.workers import in_order

faulthandler.dump_traceback_later(500, exit=True)
silent = socket.create_server(("127.0.0.1", 0))


def fetch(part):
    with socket.create_connection(silent.getsockname()) as connection:
        if part == 1:
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
        return connection.recv(1)


try:
    with closing(in_order(iter(range(9)).__next__, fetch, 2)) as parts:
        next(parts)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_after_a_ctrl_c_the_process_waits_for_no_answer() -> None:
    """Two workers read from a server that never answers. The main thread waits, and the process ends."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


FORKED = """
import faulthandler, os, warnings
from cmsdials.parallel.workers import in_order

faulthandler.dump_traceback_later(500, exit=True)
warnings.simplefilter("ignore")  # threads and fork are a bad match, which is why this is tried
left = iter(range(100))
parts = in_order(lambda: next(left, None), lambda part: part, 2)
next(parts)
child = os.fork()
if not child:
    try:
        for _ in parts:
            pass
    except RuntimeError as error:
        os._exit(17 if "os.fork()" in str(error) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
assert len(list(parts)) == 99
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_wait_for_threads_that_it_does_not_have() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
