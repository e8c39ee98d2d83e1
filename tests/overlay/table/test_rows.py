"""Rows that are kept as columns until they are asked for behave as rows that were always there."""

import copy
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.table.columns import Columns, from_objects
from cmsdials.table.rows import RowStore
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import row_of

from tests.overlay.conftest import run_row
from tests.overlay.histogram_rows import th1, th2


def stored(*numbers: int, made: Any = th1, record: Any = LumisectionHistogram1D) -> RowStore[Any]:
    """A store of two blocks."""
    half = len(numbers) // 2
    return RowStore(
        record, [from_objects(record, [made(n) for n in part]) for part in (numbers[:half], numbers[half:])]
    )


def contents(store: RowStore[Any]) -> list[Any]:
    return [cell for block in store.blocks() for cell in np.array(block.values["data"]).tolist()]


@pytest.mark.parametrize(
    ("made", "record"), [(th1, LumisectionHistogram1D), (th2, LumisectionHistogram2D), (run_row, Run)]
)
def test_rows_are_those_that_were_sent(made: Any, record: Any) -> None:
    store = stored(1, 2, 3, 4, 5, made=made, record=record)
    expected = [record.from_dict(made(n)) for n in range(1, 6)]
    assert list(store) == expected
    assert store.rows == expected
    for row, other in zip(stored(1, 2, 3, 4, 5, made=made, record=record), expected, strict=True):
        assert row.__dict__ == other.__dict__
        assert list(row.__dict__) == list(other.__dict__)
        assert dict(row) == other.dict()
        assert {name: type(value) for name, value in row} == {name: type(value) for name, value in other}
        assert (row.extra, repr(row), row.to_dict()) == ({}, repr(other), other.to_dict())


def test_rows_keep_what_is_beyond_the_contract() -> None:
    store = RowStore(Run, [from_objects(Run, [run_row(1) | {"weather": "fine"}, run_row(2)])])
    assert [row.extra for row in store] == [{"weather": "fine"}, {}]
    store.rows[0].extra["weather"] = "rain"
    assert store.rows[0].to_dict()["weather"] == "rain"
    assert [extra for block in store.blocks() for extra in block.extra or ()] == [{"weather": "rain"}, {}]


def test_fields_that_some_rows_lack() -> None:
    store = RowStore(Run, [from_objects(Run, [run_row(1, ls_completeness=0.5), run_row(2)])])
    assert "ls_completeness" in store.rows[0].__dict__
    assert "ls_completeness" not in store.rows[1].__dict__
    with pytest.raises(AttributeError, match="the service did not send it"):
        _ = store.rows[1].ls_completeness


def test_a_field_that_was_asked_for_and_did_not_come_is_an_error() -> None:
    rows = [{"run_number": 1}, {"run_number": 2, "ls_count": 3}]
    assert len(from_objects(Run, rows, fields=["run_number"])) == 2
    with pytest.raises(MalformedAnswer, match=r"\[0\]\.ls_count is missing"):
        from_objects(Run, rows, fields=["run_number", "ls_count"])


def test_looking_at_numbers_and_names_leaves_the_columns_in_use() -> None:
    store = stored(1, 2, 3, 4)
    blocks = store.blocks()
    assert [row.ls_number for row in store.rows] == [1, 2, 3, 4]
    assert (len(store.rows), store.rows[0].me, store.rows[-1].x_max) == (4, "P/charge", 3.0)
    assert all(one is other for one, other in zip(store.blocks(), blocks, strict=True))


CHANGES = {
    "an attribute": lambda row: setattr(row, "entries", 99),
    "the dict": lambda row: row.__dict__.update(entries=99),
    "vars": lambda row: vars(row).update(entries=99),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_row_is_what_frames_are_made_of(change: Any) -> None:
    store = stored(1, 2, 3, 4)
    change(store.rows[2])
    assert [number for block in store.blocks() for number in block.values["entries"]] == [1, 2, 99, 4]
    assert store.rows[2].entries == 99
    assert list(store.rows[2].__dict__) == list(th1())


def test_changed_contents_are_what_frames_are_made_of() -> None:
    store = stored(1, 2, 3, 4)
    store.rows[1].data[2] = -1.0
    assert contents(store)[1] == [2.5, 1.0, -1.0]
    assert contents(store)[2] == [3.5, 1.0, 2.0]


def test_a_deleted_attribute_is_gone() -> None:
    store = stored(1, 2)
    del store.rows[0].me
    assert "me" not in store.rows[0].__dict__
    assert "me" in store.rows[1].__dict__


def test_a_list_that_was_sorted_cut_or_joined_is_what_frames_are_made_of() -> None:
    store = stored(1, 2, 3, 4, 5)
    store.rows.sort(key=lambda row: -row.ls_number)
    del store.rows[1]
    store.rows.extend(stored(8, 9).rows)
    store.rows.append(LumisectionHistogram1D.from_dict(th1(7)))
    expected = [5, 3, 2, 1, 8, 9, 7]
    assert [number for block in store.blocks() for number in block.values["ls_number"]] == expected
    assert contents(store) == [[number + 0.5, 1.0, 2.0] for number in expected]
    assert len(store) == 7


def test_rows_can_be_replaced() -> None:
    store = stored(1, 2, 3, 4)
    store.rows = [row for row in store.rows if row.ls_number % 2]
    assert [number for block in store.blocks() for number in block.values["ls_number"]] == [1, 3]
    mine = [*store.rows]
    store.rows = mine
    assert store.rows is mine
    store.rows = (row for row in mine)
    assert store.rows == mine


@pytest.mark.parametrize("drop", [lambda store: store.rows.clear(), lambda store: setattr(store, "rows", [])])
def test_rows_that_were_dropped_are_gone_from_memory(drop: Any) -> None:
    store = stored(1, 2, 3, 4)
    blocks = [weakref.ref(block) for block in store.blocks()]
    drop(store)
    gc.collect()
    assert [block() for block in blocks] == [None, None]


def test_rows_that_are_asked_for_are_always_the_same() -> None:
    store = stored(1, 2, 3, 4)
    assert store.rows is store.rows
    assert store.rows[1].data is store.rows[1].data


def test_a_copy_is_on_its_own() -> None:
    for touched in (False, True):
        store = stored(1, 2, 3, 4)
        if touched:
            assert store.rows
        other = store.copy()
        other.add(from_objects(LumisectionHistogram1D, [th1(5)]))
        other.cut(3)
        assert (len(store), len(other)) == (4, 3)
        assert [row.ls_number for row in other] == [1, 2, 3]


def test_rows_are_added_at_the_end() -> None:
    for touched in (False, True):
        store = stored(1, 2)
        if touched:
            assert store.rows
        before = store.blocks()
        store.add(from_objects(LumisectionHistogram1D, [th1(3)]))
        assert sum(map(len, before)) == 2
        assert len(store) == 3
        assert [number for block in store.blocks() for number in block.values["ls_number"]] == [1, 2, 3]
        assert [row.ls_number for row in store] == [row.ls_number for row in store.rows] == [1, 2, 3]


def test_the_fields_that_were_asked_for_stay() -> None:
    store: RowStore[Any] = RowStore(Run, fields=["run_number"])
    assert store.copy().fields == pickle.loads(pickle.dumps(store)).fields == ["run_number"]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 9])
def test_cutting(length: int) -> None:
    for touched in (False, True):
        store = stored(1, 2, 3, 4)
        if touched:
            assert store.rows
        store.cut(length)
        assert [row.ls_number for row in store] == [1, 2, 3, 4][:length]
        assert all(map(len, store.blocks()))


def test_pickles_travel_with_and_without_changes() -> None:
    store = stored(1, 2, 3, 4, made=th2, record=LumisectionHistogram2D)
    for _ in range(2):
        back = pickle.loads(pickle.dumps(store))
        assert back == store
        assert contents(back) == contents(store)
        store.rows[2].note = "mine"
    assert pickle.loads(pickle.dumps(store)).rows[2].note == "mine"
    row = pickle.loads(pickle.dumps(stored(1).rows[0]))
    assert row == LumisectionHistogram1D.from_dict(th1(1))
    assert row_of(row) is None


def test_rows_that_were_not_changed_travel_as_columns() -> None:
    store = stored(*range(100))
    untouched = len(pickle.dumps(store))
    assert store.rows
    assert len(pickle.dumps(store)) == untouched


def test_copies_of_a_row_are_on_their_own() -> None:
    row = stored(1).rows[0]
    for other in (copy.copy(row), copy.deepcopy(row)):
        other.entries = 7
        assert row.entries == 1


def test_values_of_a_row_are_not_shared_with_another() -> None:
    store = RowStore(LumisectionHistogram1D, [from_objects(LumisectionHistogram1D, [th1(1)])])
    one, other = next(iter(store)), next(iter(store))
    one.data.append(3.0)
    assert other.data == [1.5, 1.0, 2.0]


def test_stores_are_equal_if_their_rows_are() -> None:
    assert stored(1, 2, 3) == stored(1, 2, 3)
    assert stored(1, 2, 3) != stored(1, 2, 4)
    assert stored(1, 2, 3) != stored(1, 2)
    assert stored() == RowStore(LumisectionHistogram1D)
    assert stored() != RowStore(Run)
    assert stored() != []
    with pytest.raises(TypeError, match="unhashable"):
        hash(stored())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_rows_pickle_by_every_protocol(protocol: int) -> None:
    row = RowStore(Run, [from_objects(Run, [run_row(1) | {"weather": "fine"}])]).rows[0]
    back = pickle.loads(pickle.dumps(row, protocol))
    assert back == row
    assert back.extra == {"weather": "fine"}


def test_threads_that_look_at_the_same_rows_see_the_same() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            store = stored(*range(1, 41))
            seen: list[Any] = []

            def look(store: RowStore[Any] = store, seen: list[Any] = seen) -> None:
                rows = store.rows
                seen.append((id(rows), [(row.ls_number, row.me, row.data[0]) for row in rows]))

            threads = [threading.Thread(target=look) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert seen == [seen[0]] * 3
            assert seen[0][1] == [(n, "P/charge", n + 0.5) for n in range(1, 41)]
    finally:
        sys.setswitchinterval(before)


def watched(store: RowStore[Any], hook: Callable[[], object]) -> RowStore[Any]:
    """The same rows, with something that happens whenever a block of them is looked at."""

    class Watched(Columns[Any]):
        def __len__(self) -> int:
            hook()
            return super().__len__()

        def at(self, index: int) -> Any:
            hook()
            return super().at(index)

        def between(self, start: int, stop: int) -> Columns[Any]:
            hook()
            return super().between(start, stop)

    blocks = [Watched(one.record, one.length, one.values, one.extra) for one in store.blocks()]
    return RowStore(store.record, blocks)


USES = {
    "len": len,
    "copy": lambda store: len(store.copy()),
    "iter": lambda store: sum(1 for _ in store),  # a list would ask for the length first
    "blocks": lambda store: sum(map(len, store.blocks())),
    "equal": lambda store: 3 if store == stored(1, 2, 3) else 0,
    "pickle": lambda store: len(pickle.loads(pickle.dumps(store))),
}


def before_line(number: int, do: Callable[[], object], call: Callable[[], int]) -> tuple[int, bool]:
    """Make a call, and do something before the line of Python with that number; return also whether there is one."""
    left = number

    def trace(_frame: Any, event: str, _argument: object) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                do()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found = call()
    finally:
        sys.settrace(before)
    return found, left <= 0


@pytest.mark.parametrize("count", USES.values(), ids=USES.keys())
def test_no_row_is_lost_wherever_another_thread_asks_for_the_rows(
    count: Callable[[RowStore[Any]], int],
) -> None:
    for number in range(1, 400):
        store = stored(1, 2, 3)

        def ask(store: RowStore[Any] = store) -> None:
            thread = threading.Thread(target=lambda: store.rows)
            thread.start()
            thread.join()

        found, happened = before_line(number, ask, lambda store=store: count(store))  # type: ignore[misc]
        assert found == 3, number
        if not happened:
            break
    assert number > 2


@pytest.mark.parametrize("count", [USES[name] for name in ("len", "copy", "iter", "blocks")])
def test_no_row_is_lost_when_another_thread_asks_for_the_rows_amid_a_block(
    count: Callable[[RowStore[Any]], int],
) -> None:
    asked: list[Any] = []

    def ask() -> None:
        if not asked:
            asked.append(None)
            thread = threading.Thread(target=lambda: store.rows)
            thread.start()
            thread.join()

    store = watched(stored(1, 2, 3), ask)
    assert count(store) == 3
    assert asked


class LookedInto(list[Any]):
    """Rows that another thread looks into, one behind whoever goes through them."""

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            yield row
            _ = row.data


def test_rows_can_be_converted_while_another_thread_looks_into_them() -> None:
    rows = LookedInto(stored(1, 2, 3, 4).rows)
    store = RowStore(LumisectionHistogram1D, rows=rows)
    assert contents(store) == [[n + 0.5, 1.0, 2.0] for n in (1, 2, 3, 4)]
    assert all(row_of(row) is None for row in list.__iter__(rows))


def test_the_rows_that_were_there_first_are_those_of_all_threads() -> None:
    first: list[Any] = []

    def ask() -> None:
        if not first:
            first.append(None)
            first[0] = store.rows

    store = watched(stored(1, 2), ask)
    assert store.rows is store.rows is first[0]
