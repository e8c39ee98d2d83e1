"""Workers: the order, what is ahead, what is left of a part, the end. Events order what happens; nothing is timed."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from cmsdials.parallel import workers
from cmsdials.parallel.workers import MOST_AHEAD, MOST_RESULTS_AHEAD, in_order
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

    def rest(part: int, result: int) -> tuple[int, ...]:
        learnt.append((part, result))
        return ()

    came = start(range(parts), lambda part: part * part, many, rest=rest)
    assert list(came) == [(part, part * part) for part in range(parts)]
    assert sorted(learnt) == [(part, part * part) for part in range(parts)]
    assert all_gone()
    assert list(came) == []


def test_nothing_happens_before_the_first_is_asked_for() -> None:
    asked: list[int] = []

    def parts() -> Iterator[int]:
        asked.append(1)
        yield 1

    iterator = start(parts(), lambda part: part, beside=lambda: asked.append(2))
    assert (asked, threads_of_ours()) == ([], [])
    iterator.close()
    assert (asked, threads_of_ours()) == ([], [])


def test_what_comes_first_waits_for_its_turn() -> None:
    script = Script()
    parts = start(range(4), script, 2)
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
    """And what it fetches heeds what the consumer heeds."""
    seen: list[int] = []
    stop = Stop()

    def fetch(part: int) -> threading.Thread:
        assert heeded() is stop
        seen.append(part)
        return threading.current_thread()

    with stop.heeded():
        parts = start(range(3), fetch, 1, beside=lambda: seen.append(-1))
        assert next(parts) == (0, threading.current_thread())
        assert seen == [0]  # each when it is asked for
        assert [thread for _, thread in parts] == [threading.current_thread()] * 2
    assert seen == [0, 1, 2]


def test_threads_have_names_and_are_daemons() -> None:
    def fetch(part: int) -> tuple[str, bool]:
        together.wait(LONG)
        return threading.current_thread().name, threading.current_thread().daemon

    together = threading.Barrier(3)
    assert {result for _, result in start(range(3), fetch, 3)} == {(f"{NAME}{n}", True) for n in (1, 2, 3)}


# --- what is ahead


class Counting:
    """A fetch whose results are there at once. It counts what has been begun and what has been taken.

    Attributes:
        most: How many were ahead of the consumer at one time.
    """

    def __init__(self) -> None:
        self.most = 0
        self._begun = self._taken = 0
        self._changed = threading.Condition()

    def __call__(self, part: int) -> int:
        with self._changed:
            self._begun += 1
            self.most = max(self.most, self._begun - self._taken)
            self._changed.notify_all()
        return part

    def take(self, parts: Any) -> Any:
        with self._changed:
            self._taken += 1  # now, as its place is free before it is here
        return next(parts)

    def begin(self, wanted: int, timeout: float = LONG) -> bool:
        """Wait until so many are ahead; return whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: self._begun - self._taken >= wanted, timeout)


def one_more(part: int, _result: int) -> Iterator[int]:
    """What is left of a part: another one, up to 100."""
    if part < 100:
        yield part + 1


@pytest.mark.parametrize("many", [2, 3])
@pytest.mark.parametrize("options", [{"parts": range(101)}, {"parts": [0], "rest": one_more}])
def test_only_so_many_results_are_ahead_of_a_slow_consumer(many: int, options: dict[str, Any]) -> None:
    """Whether these are parts or what is left of the first one, which nothing but the consumer waits for."""
    ahead = MOST_RESULTS_AHEAD * many
    fetch = Counting()
    parts = start(options["parts"], fetch, many, rest=options.get("rest", lambda *_: ()))
    for turn in range(101):
        assert fetch.take(parts) == (turn, turn)
        assert fetch.begin(min(100 - turn, ahead))
        assert turn or not fetch.begin(ahead + 1, timeout=0.2)
    assert list(parts) == []
    assert fetch.most == ahead


@pytest.mark.parametrize("options", [{"parts": range(101)}, {"parts": [0], "rest": one_more}])
def test_only_so_many_bytes_are_ahead_of_a_slow_consumer(options: dict[str, Any]) -> None:
    """Once it is known how large they are: before, each worker begins one."""
    fetch = Counting()
    rest = options.get("rest", lambda *_: ())
    parts = start(options["parts"], fetch, 2, rest=rest, size=lambda _: MOST_AHEAD / 5)
    for turn in range(101):
        assert fetch.take(parts) == (turn, turn)
        assert fetch.begin(min(100 - turn, 5))
        assert turn or not fetch.begin(6, timeout=0.2)
    assert fetch.most == 5


def test_nothing_is_begun_as_long_as_it_would_be_too_many_bytes() -> None:
    script = Script()
    parts = start(range(9), script, 3, size=lambda _: MOST_AHEAD / 3)
    script.end(0)
    assert next(parts) == (0, "rows of 0")
    script.wait_for(0, 1, 2, 3)
    script.end(2, 3)  # three that wait, and a fourth would be too much
    script.end(1)
    assert next(parts) == (1, "rows of 1")
    script.wait_for(0, 1, 2, 3, 4)
    assert next(parts) == (2, "rows of 2")
    script.wait_for(0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("many", [1, 3])
def test_results_of_any_size_come(many: int) -> None:
    parts = start([0], lambda part: part, many, rest=one_more, size=lambda _: 10 * MOST_AHEAD)
    assert [part for part, _ in parts] == list(range(101))


def test_what_the_consumer_waits_for_is_fetched_even_if_too_much_is_ahead() -> None:
    """It is what is left of the first part, and results of others behind it fill what is allowed."""
    script = Script()
    parts = start(
        range(9),
        script,
        3,
        rest=lambda part, _: [100] if part == 0 else [],
        size=lambda _: MOST_AHEAD / 2,
    )
    script.end(1, 2)
    handed_on = threading.Thread(target=lambda: (script.wait_for(0, 1, 2), script.end(0)))
    handed_on.start()
    assert next(parts) == (0, "rows of 0")
    handed_on.join()
    script.wait_for(0, 1, 2, 100)
    script.end(100)
    assert [next(parts) for _ in range(3)] == [(part, f"rows of {part}") for part in (100, 1, 2)]


def test_while_a_result_waits_to_be_taken_no_more_than_may_be_ahead_follows_it() -> None:
    """Although what follows it is first in line by then, whenever something behind it comes."""
    script = Script()
    asked: list[int] = []
    has_come = {f"rows of {part}": threading.Event() for part in (0, 1, 2, 10, 11)}

    def size(result: str) -> float:
        has_come[
            result
        ].set()  # in the thread that keeps the parts: what came before has had its consequences
        return MOST_AHEAD / 3.1

    def following(part: int) -> Iterator[int]:
        asked.append(part + 1)
        yield part + 1

    parts = start(
        [0, 10, 11], script, 3, rest=lambda part, _: following(part) if part < 10 else (), size=size
    )
    script.end(0)
    assert next(parts) == (0, "rows of 0")
    script.wait_for(0, 10, 11, 1)
    for part in (1, 10, 11):
        script.end(part)
        assert has_come[f"rows of {part}"].wait(LONG)
    assert asked == [1]
    assert next(parts) == (1, "rows of 1")
    script.wait_for(0, 10, 11, 1, 2)


def test_idle_workers_hold_no_result() -> None:
    """Nor does anything else, once the consumer has dropped it and waits for the next."""

    class Result:
        pass

    script = Script()
    gone = {part: threading.Event() for part in range(4)}

    def fetch(part: int) -> Result:
        script(part)
        result = Result()
        weakref.finalize(result, gone[part].set)
        return result

    parts = start(range(4), fetch, 3, size=lambda _: 1.0)
    script.end(0, 1, 2)
    taken = threading.Event()

    def consume() -> None:
        for part, _ in parts:
            del _
            if part == 2:
                taken.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    try:
        assert taken.wait(LONG)
        script.wait_for(0, 1, 2, 3)  # which does not come
        assert all(gone[part].wait(LONG) for part in range(3))
    finally:
        script.end(3)
        consumer.join()


# --- what is left of a part

Page = tuple[int, int]


def pages_of(*many: int) -> tuple[list[Page], Any, list[Page]]:
    """Parts of so many pages, named by part and page: their beginnings, what is left of them, and all."""

    def rest(place: Page, _result: object) -> Iterator[Page]:
        part, page = place
        if page + 1 < many[part]:
            yield part, page + 1

    return (
        [(part, 0) for part in range(len(many))],
        rest,
        [(part, page) for part, pages in enumerate(many) for page in range(pages)],
    )


@pytest.mark.parametrize("many", [1, 2, 3])
def test_a_part_is_handed_on_page_by_page_before_the_parts_behind_it(many: int) -> None:
    parts, rest, whole = pages_of(3, 1, 4, 1, 5)
    assert list(start(parts, lambda part: part, many, rest=rest)) == [(one, one) for one in whole]


def test_what_is_left_of_a_part_is_begun_before_the_parts_behind_it() -> None:
    script = Script()
    parts = start([0, 1, 2, 3], script, 2, rest=lambda part, _: [10, 11] if part == 0 else [])
    script.end(0)
    assert next(parts) == (0, "rows of 0")  # handed on while its part goes on
    script.wait_for(0, 1, 10)
    script.end(1)
    script.wait_for(0, 1, 10, 11)
    script.end(10)
    assert next(parts) == (10, "rows of 10")
    script.wait_for(0, 1, 10, 11, 2)
    script.end(11, 2, 3)
    assert [part for part, _ in parts] == [11, 1, 2, 3]


def test_several_pieces_of_what_is_left_are_fetched_at_once() -> None:
    together = threading.Barrier(3)

    def fetch(part: int) -> int:
        if part:
            together.wait(LONG)
        return part

    parts = start([0], fetch, 3, rest=lambda part, _: [] if part else [1, 2, 3])
    assert [part for part, _ in parts] == [0, 1, 2, 3]


def test_parts_and_what_is_left_of_them_are_asked_by_one_at_a_time() -> None:
    inside = threading.Lock()
    disturbed = threading.Event()
    both = threading.Barrier(2)
    learnt: list[int] = []

    def alone() -> bool:
        free = inside.acquire(blocking=False)
        if free:
            inside.release()
        else:
            disturbed.set()
        return free

    def parts() -> Iterator[int]:
        for part in range(9):
            assert alone()
            yield part

    def fetch(part: int) -> int:
        if part < 2:
            both.wait(LONG)  # so that both come at the same time
        return part

    def rest(part: int, result: int) -> Iterator[int]:
        assert alone()
        learnt.append(part)
        if len(learnt) == 1:
            with inside:
                assert not disturbed.wait(0.05)
        yield from ()

    assert len(list(start(parts(), fetch, 2, rest=rest))) == 9


# --- errors


class Odd(BaseException):
    """No Exception."""


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("error", [ValueError("no"), Odd(), SystemExit(3), KeyboardInterrupt()])
def test_an_error_comes_in_its_turn(many: int, error: BaseException) -> None:
    script = Script()
    script.end(*range(3))
    script.end(3, error=error)
    parts = start(range(100), script, many)
    got: list[Any] = []
    with pytest.raises(type(error)) as caught:
        take(parts, got)
    assert caught.value is error
    assert [part for part, _ in got] == [0, 1, 2]
    assert list(parts) == []  # finished
    assert "in __call__" in "".join(traceback.format_exception(error))  # it says where it was


def test_no_part_behind_one_that_has_failed_is_begun() -> None:
    """What is left of one before it still is."""
    script = Script()
    failed = threading.Event()

    def rest(part: int, _result: str) -> list[int]:
        if part == 1:
            failed.set()  # in the thread that keeps the parts, so that it knows before anything else comes
            raise ValueError("no")  # noqa: EM101
        return [100] if part == 0 else []

    parts = start(range(99), script, 3, rest=rest)
    script.end(1)
    conductor = threading.Thread(target=lambda: (script.wait_for(0, 1, 2), failed.wait(LONG), script.end(0)))
    conductor.start()
    assert next(parts) == (0, "rows of 0")
    conductor.join()
    script.wait_for(0, 1, 2, 100)
    script.end(100)
    assert next(parts) == (100, "rows of 100")
    with pytest.raises(ValueError, match="no"):
        next(parts)
    assert all_gone()
    assert sorted(script.begun) == [0, 1, 2, 100]
    assert script.stopped == [2]


def test_of_two_errors_the_one_whose_turn_is_first_is_raised() -> None:
    script = Script()
    parts = start(range(9), script, 2)
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

    got: list[Any] = []
    with pytest.raises(ValueError, match="no more"):
        take(start(parts(), lambda part: part, many), got)
    assert [part for part, _ in got] == list(range(5))


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("error", [ValueError("not so many"), Odd()])
@pytest.mark.parametrize("where", ["rest", "size"])
def test_an_error_about_what_has_come_comes_in_its_turn(many: int, error: BaseException, where: str) -> None:
    def fails(*given: Any) -> Any:
        if given[-1] == 2:
            raise error
        return () if where == "rest" else 1.0

    parts = start(range(9), lambda part: part, many, **{where: fails})
    assert [next(parts), next(parts)] == [(0, 0), (1, 1)]
    with pytest.raises(type(error)) as caught:
        next(parts)
    assert caught.value is error


@pytest.mark.parametrize("many", [1, 3])
def test_an_error_while_a_rest_is_found_comes_after_what_was_found(many: int) -> None:
    def rest(part: int, _result: int) -> Iterator[int]:
        if part == 1:
            yield 10
            raise ValueError("not so many")  # noqa: EM101

    got: list[Any] = []
    with pytest.raises(ValueError, match="not so many"):
        take(start(range(9), lambda part: part, many, rest=rest), got)
    assert [part for part, _ in got] == [0, 1, 10]


# --- beside


def test_what_is_done_beside_is_done_once_in_a_thread_of_its_own() -> None:
    done: list[threading.Thread] = []
    is_done = threading.Event()

    def beside() -> None:
        done.append(threading.current_thread())
        is_done.set()

    fetched: set[threading.Thread] = set()

    def fetch(part: int) -> int:
        assert is_done.wait(LONG)
        fetched.add(threading.current_thread())
        return part

    assert len(list(start(range(9), fetch, 2, beside=beside))) == 9
    (thread,) = done
    assert thread.daemon
    assert thread not in {*fetched, threading.current_thread()}


@pytest.mark.parametrize("error", [ValueError("no"), Odd(), SystemExit(3)])
def test_an_error_of_what_is_done_beside_does_not_matter(error: BaseException) -> None:
    raised = threading.Event()

    def beside() -> None:
        raised.set()
        raise error

    def fetch(part: int) -> int:
        assert raised.wait(LONG)
        return part

    assert len(list(start(range(9), fetch, 2, beside=beside))) == 9


@pytest.mark.parametrize("how", ["all", "close", "error"])
def test_what_is_done_beside_ends_with_the_rest_which_does_not_wait_for_it(how: str) -> None:
    woken: list[bool] = []
    begun = threading.Event()

    def beside() -> None:
        begun.set()
        woken.append(heeded().wait())

    def fetch(part: int) -> int:
        assert begun.wait(LONG)
        if how == "error" and part == 2:
            raise Odd
        return part

    parts = start(range(9), fetch, 2, beside=beside)
    if how == "all":
        assert len(list(parts)) == 9
    elif how == "error":
        with pytest.raises(Odd):
            list(parts)
    else:
        next(parts)
        parts.close()
    assert all_gone()
    assert woken == [True]


# --- the end


@pytest.mark.parametrize("how", ["close", "drop", "raise"])
def test_leaving_early_stops_all(how: str) -> None:
    script = Script()
    script.end(0)
    parts = start(range(100), script, 3)

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

    parts = start(range(100), fetch, 2)
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

    parts = start(range(100), fetch, 2)
    assert next(parts) == (0, 0)
    both.wait(LONG)
    parts.close()
    assert all_gone()
    assert woken == [True, True]


def test_closing_waits_for_the_threads_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done twice, so that a Ctrl-C does not cut it short."""
    monkeypatch.setattr(workers, "LONGEST_JOIN", LONG)
    begin = time.monotonic()
    assert len(list(start(range(3), lambda part: part))) == 3
    assert time.monotonic() - begin < LONG / 2


def allow_threads(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """Let the system have no more threads than these."""
    allowed = iter(range(many))

    def limited(thread: threading.Thread, really: Any = threading.Thread.start) -> None:
        if next(allowed, None) is None:
            message = "can't start new thread"
            raise RuntimeError(message)
        really(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


def fetched_by(part: int) -> str:
    return threading.current_thread().name


def test_the_threads_that_there_are_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_threads(monkeypatch, 1)
    parts, rest, whole = pages_of(2, 3)
    came = list(start(parts, fetched_by, 4, rest=rest))  # type: ignore[arg-type]  # whatever the part
    assert came == [(one, f"{NAME}1") for one in whole]


def test_without_threads_for_fetching_each_result_is_still_handed_on_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumers = threading.Semaphore(0)

    def fetch(part: int) -> int:
        assert not part or consumers.acquire(timeout=LONG)
        return part

    allow_threads(monkeypatch, 0)
    parts = start([0], fetch, 4, rest=one_more, beside=lambda: None)
    for turn in range(101):
        assert next(parts) == (turn, turn)
        consumers.release()
    assert list(parts) == []


def test_without_any_thread_the_consumer_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr("_thread.start_new_thread", none)
    came = [name for _, name in start(range(5), fetched_by, 4)]
    assert came == [threading.current_thread().name] * 5


@given(st.data())
def test_in_whatever_order_pages_come(data: st.DataObject) -> None:
    """Some are let through at a time, in an order that is drawn; one may fail. Some are large."""
    many = data.draw(st.integers(2, 4))
    parts, rest, whole = pages_of(*data.draw(st.lists(st.integers(1, 4), max_size=6)))
    order = data.draw(st.permutations(whole))
    large = data.draw(st.sets(st.sampled_from(whole))) if whole else set()
    failing = data.draw(st.none() | st.sampled_from(whole)) if whole else None
    gates = {one: threading.Event() for one in whole}
    changed = threading.Condition()
    running: list[Page] = []
    over = threading.Event()

    def fetch(one: Page) -> Page:
        with changed:
            running.append(one)
            changed.notify_all()
        gates[one].wait()
        with changed:
            running.remove(one)
            changed.notify_all()
        if one == failing:
            raise Odd
        return one

    def conduct() -> None:
        """Of those that run, let the one through that comes first in the drawn order."""
        while not over.is_set():
            with changed:
                if not changed.wait_for(lambda: running or over.is_set(), LONG) or over.is_set():
                    break
                first = min(running, key=order.index)
                gates[first].set()
                changed.wait_for(lambda: first not in running, LONG)  # noqa: B023  # waited for right here
        for gate in gates.values():
            gate.set()

    conductor = threading.Thread(target=conduct)
    conductor.start()
    got: list[Any] = []
    try:
        size = lambda one: MOST_AHEAD / 2 if one in large else 0.0
        take(start(parts, fetch, many, rest=rest, size=size), got)
        failed = False
    except Odd:
        failed = True
    finally:
        with changed:
            over.set()
            changed.notify_all()
        conductor.join()
    assert failed is (failing is not None)
    assert [part for part, _ in got] == (whole if failing is None else whole[: whole.index(failing)])


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


def rest(part, result):
    return () if part % 2 else (part + 1,)


def consume(many, got, most=1_000):
    with closing(in_order(range(0, many, 2), fetch, 3, rest=rest, size=lambda _: 4e6, beside=int)) as parts:
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
    with closing(in_order(range(9), fetch, 2)) as parts:
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
parts = in_order(range(100), lambda part: part, 2)
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
