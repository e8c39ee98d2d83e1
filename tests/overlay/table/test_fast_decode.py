"""From the bytes of a page to arrays: the fast way and the other give the same, or the same error."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from cmsdials.errors import DecodeError, SchemaError
from cmsdials.listing.page import Page, page_of
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.table.columns import Columns, from_objects
from cmsdials.table.fast_decode import parsed_histograms
from cmsdials.table.rows import RowStore
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.overlay.conftest import run_row
from tests.overlay.histogram_rows import page, th1, th2

simdjson = pytest.importorskip("simdjson", reason="there is no pysimdjson for this Python")


def read(body: bytes, record: Any = LumisectionHistogram1D, fields: Any = None, **sizes: int) -> Page[Any]:
    """Read a page, the fast way in pieces and blocks of these sizes."""
    parsed = parsed_histograms(body, record, fields, **sizes) if sizes else None
    if parsed is None:
        return page_of(body, record, "h1d", fields=fields)
    return Page(RowStore(record, parsed.blocks, fields=fields), parsed.next, parsed.previous)


def read_by_orjson(body: bytes, record: Any = LumisectionHistogram1D, fields: Any = None) -> Page[Any]:
    """Read a page where there is no pysimdjson."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "simdjson", None)
        return page_of(body, record, "h1d", fields=fields)


def fast(document: Any, record: Any, fields: Any = None) -> Columns[Any] | None:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    parsed = parsed_histograms(body, record, fields)
    if parsed is None:
        return None
    (block,) = parsed.blocks
    return block


def assert_same(one: Columns[Any], other: Columns[Any]) -> None:
    assert (one.record, one.length, list(one.values)) == (other.record, other.length, list(other.values))
    for name, values in one.values.items():
        assert type(values) is type(other.values[name]), name
        for mine, theirs in zip(values, other.values[name], strict=True):
            assert np.asarray(mine).dtype == np.asarray(theirs).dtype, name
            assert np.asarray(mine).tobytes() == np.asarray(theirs).tobytes(), name


# --- both ways


def _number(text: str) -> str:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return "0"
    return text


DIGITS = st.text("0123456789", min_size=1, max_size=25)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    # As any writer of JSON may write one: whole part, fraction, exponent.
    st.builds(
        lambda sign, whole, fraction, exponent: _number(f"{sign}{int(whole)}{fraction}{exponent}"),
        st.sampled_from(["", "-"]),
        DIGITS,
        DIGITS.map(lambda digits: f".{digits}") | st.just(""),
        st.builds(
            "{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 400)
        )
        | st.just(""),
    ),
)


@given(st.lists(NUMBERS, max_size=6))
@example(["-0", "-0.0", "5e-324", "1.7976931348623157e308", "9007199254740993", "18446744073709551615"])
@example(["18446744073709551616", "-9223372036854775809", "1E5", "2.4703282292062327e-324"])
def test_every_number_that_json_holds_is_read_alike(numbers: list[str]) -> None:
    row = orjson.dumps(th1(x_bin=len(numbers), data="HERE")).replace(
        b'"HERE"', f"[{','.join(numbers)}]".encode()
    )
    body = b'{"next": null, "previous": null, "results": [%s]}' % row
    slow = from_objects(LumisectionHistogram1D, orjson.loads(body)["results"])
    assert_same(read(body).store.blocks()[0], slow)
    quick = fast(body, LumisectionHistogram1D)
    if quick is not None:
        assert_same(quick, slow)
    beyond_64_bits = any(
        "." not in text and "e" not in text.lower() and not -(2**63) <= int(text) < 2**64 for text in numbers
    )
    assert (quick is None) is beyond_64_bits


@given(
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(1, 3),
    st.sampled_from([None, ["data"], ["ls_number", "data"], ["me", "ls_number"]]),
)
def test_maps_of_every_shape_are_read_alike(x: int, y: int, rows: int, fields: list[str] | None) -> None:
    made = [
        th2(n, x_bin=float(x), y_bin=y, data=[[n + 10 * i + 0.25 * j for j in range(x)] for i in range(y)])
        for n in range(rows)
    ]
    if fields is not None:
        made = [{name: row[name] for name in fields} for row in made]
    body = orjson.dumps(page(*made))
    slow = from_objects(LumisectionHistogram2D, orjson.loads(body)["results"], fields)
    found = read(body, LumisectionHistogram2D, fields).store.blocks()[0]
    assert_same(found, slow)
    if "data" in found.values and x and y:
        assert np.shape(found.values["data"]) == (rows, y, x)


@pytest.mark.parametrize("record", [LumisectionHistogram1D, LumisectionHistogram2D])
def test_histograms_of_different_binnings_in_a_page(record: Any) -> None:
    made = th1 if record is LumisectionHistogram1D else th2
    wide = [1.0] * 5 if made is th1 else [[1.0] * 5] * 2
    rows = [made(1), made(2), made(3, x_bin=5, data=wide), made(4)]
    quick = fast(page(*rows), record)
    assert quick is not None
    assert_same(quick, from_objects(record, rows))
    assert [np.shape(cell)[-1] for cell in quick.values["data"]] == [3, 3, 5, 3]


def test_the_usual_page_goes_the_fast_way() -> None:
    for made, record in ((th1, LumisectionHistogram1D), (th2, LumisectionHistogram2D)):
        quick = fast(page(*(made(n) for n in range(5))), record)
        assert quick is not None
        assert_same(quick, from_objects(record, [made(n) for n in range(5)]))


UNUSUAL = {
    "a field that is not known": page(th1(weather="fine")),
    "a field that one row lacks": page(th1(), {name: value for name, value in th1().items() if name != "me"}),
    "a field for another": page(th1(), {("weather" if k == "me" else k): v for k, v in th1().items()}),
    "half a bin": page(th1(x_bin=2.5)),
    "a null": page(th1(entries=None)),
    "text for a number": page(th1(entries="3")),
    "a bracket too many": page(th1(x_bin=2, data=[[1, 2], []])),
    "numbers beyond 64 bits": page(th1(entries=2**80)),
    "no rows": page(),
    "a further member": page(th1(), count=1),
    "no page": {"detail": "no"},
    "a list": [th1()],
}


@pytest.mark.parametrize("document", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual_is_left_to_the_other_way(document: Any) -> None:
    body = orjson.dumps(document) if document != UNUSUAL["numbers beyond 64 bits"] else str(2**80).encode()
    assert fast(body, LumisectionHistogram1D) is None


def test_members_that_come_twice_are_left_to_the_other_way() -> None:
    body = orjson.dumps(page(th1())).replace(b'"entries":1', b'"entries":1,"entries":2')
    assert fast(body, LumisectionHistogram1D) is None
    with pytest.raises(DecodeError, match="the name 'entries' comes twice"):
        read(body)


def test_the_order_of_fields_does_not_matter() -> None:
    rows = [th1(1), dict(reversed(th1(2).items()))]
    quick = fast(page(*rows), LumisectionHistogram1D)
    assert quick is not None
    assert_same(quick, from_objects(LumisectionHistogram1D, rows))


JOINTS = st.sampled_from(["},{", "} ,{", "},\n  {", "}\t,\r\n{"])


MES = st.sampled_from(["P/m", "},{", 'a"},{"b', "]}[{"])


@given(st.integers(1, 40), st.integers(1, 2000), st.integers(0, 400), JOINTS, MES, st.booleans())
def test_pages_are_read_alike_in_pieces_and_blocks_of_any_size(
    rows: int, size: int, block: int, joint: str, me: str, several: bool
) -> None:
    sent = [th2(number, me=f"{me}{number % 3}") for number in range(rows)]
    if several:
        sent[rows // 2] |= {"y_bin": 1, "data": [[1.0, 2.0, 3.0]]}
    whole = joint.join(orjson.dumps(row).decode()[1:-1] for row in sent)
    body = f'{{"next": null, "previous": "http://x/?me=[{{}}]", "results" : [ {{{whole}}}] }}'.encode()
    parsed = parsed_histograms(body, LumisectionHistogram2D, piece=size, block=block)
    page = read(body, LumisectionHistogram2D, piece=size, block=block)
    if "},{" not in me:  # which cuts a name in two, at worst
        assert parsed is not None
        assert (parsed.next, parsed.previous) == (None, "http://x/?me=[{}]")
    assert page.rows == [LumisectionHistogram2D.from_dict(row) for row in sent]


# --- what only one of several pieces, or blocks, shows


BY_ROW = {"piece": 1}
"""Every row is a piece, all in one block."""
BY_BLOCK = {"piece": 1, "block": 1}
"""Every row is a block."""


def test_a_page_may_be_of_several_blocks() -> None:
    rows = [th1(number) for number in range(3)]
    found = read(orjson.dumps(page(*rows)), **BY_BLOCK)
    assert [len(block) for block in found.store.blocks()] == [1, 1, 1]
    assert found.rows == [LumisectionHistogram1D.from_dict(row) for row in rows]


@pytest.mark.parametrize("wrong", [{"x_bin": 4}, {"entries": 1.5}, {"me": None}])
def test_a_block_with_a_bad_row_is_not_lost(wrong: dict[str, Any]) -> None:
    with pytest.raises(SchemaError) as caught:
        read(orjson.dumps(page(th1(1), th1(2, **wrong))), **BY_BLOCK)
    assert caught.value.row == 1
    assert caught.value.field == ("data" if "x_bin" in wrong else next(iter(wrong)))


@pytest.mark.parametrize("first", [0, 1])
def test_blocks_of_a_page_have_the_same_fields(first: int) -> None:
    rows: list[dict[str, Any]] = [{"me": "P/m", "data": [1.0]}, {"data": [2.0]}]
    rows = rows[first:] + rows[:first]
    found = read(orjson.dumps(page(*rows)), fields=["data"], **BY_BLOCK)
    assert {tuple(block.values) for block in found.store.blocks()} == {("me", "data")}
    assert [row.dict() for row in found.rows] == rows


@pytest.mark.parametrize("more", [{"weather": "fine"}, {"me": "P/m"}])
def test_a_field_more_in_the_second_row_is_kept(more: dict[str, Any]) -> None:
    rows = [{"data": [1.0], "entries": 1}, {"data": [2.0], "entries": 2, **more}]
    found = read(orjson.dumps(page(*rows)), fields=["data"])
    assert [row.dict() | row.extra for row in found.rows] == rows


@pytest.mark.parametrize("first", [0, 1])
def test_a_field_that_a_later_piece_lacks_is_absent_there(first: int) -> None:
    rows: list[dict[str, Any]] = [
        {"entries": 1, "me": "P/m", "data": [1.0]},
        {"entries": 2, "data": [2.0]},
        {"data": [3.0]},
    ]
    rows = rows[first:] + rows[:first]
    found = read(orjson.dumps(page(*rows)), fields=["data"], **BY_ROW)
    assert [row.dict() for row in found.rows] == [
        {name: row[name] for name in ("me", "entries", "data") if name in row} for row in rows
    ]
    with pytest.raises(SchemaError, match="is missing") as caught:
        read(orjson.dumps(page(*rows)), fields=["me", "data"], **BY_ROW)
    assert (caught.value.row, caught.value.field) == (0 if first else 1, "me")


def test_a_row_without_any_field_is_counted_whatever_the_next_one_has() -> None:
    rows: list[dict[str, Any]] = [{}, {"me": "P/m"}, {"me": "P/n"}]
    assert [row.dict() for row in read(orjson.dumps(page(*rows)), fields=[], **BY_ROW).rows] == rows


@pytest.mark.parametrize("fields", [None, ["me", "data"]])
def test_a_field_that_no_row_has_is_missing_if_it_was_asked_for(fields: list[str] | None) -> None:
    rows = [{name: value for name, value in th1(number).items() if name != "me"} for number in range(3)]
    with pytest.raises(SchemaError, match="is missing") as caught:
        read(orjson.dumps(page(*rows)), fields=fields)
    assert (caught.value.row, caught.value.field) == (0, "me")
    assert "me" not in read(orjson.dumps(page(*rows)), fields=["data"]).rows[0].dict()


@pytest.mark.parametrize("number", [1.5, -0.25, 1e-300])
def test_a_part_of_an_entry_is_an_error(number: float) -> None:
    with pytest.raises(SchemaError, match="not of type integer") as caught:
        read(orjson.dumps(page(th1(1), th1(2, entries=number))))
    assert (caught.value.row, caught.value.field) == (1, "entries")


@pytest.mark.parametrize("number", [0.0, -0.0, 100.0, 2.0**53 - 1, 1 - 2.0**53])
def test_a_whole_number_may_have_a_point(number: float) -> None:
    (row,) = read(orjson.dumps(page(th1(1, entries=number)))).rows
    assert (row.entries, type(row.entries)) == (int(number), int)


@pytest.mark.parametrize("number", [-(2.0**53), 2.0**63, -(2.0**63), 1e300])
@pytest.mark.parametrize("other", [1, 1.0, None, 2**63])
def test_with_a_point_it_must_be_exact(number: float, other: object) -> None:
    """9007199254740993.0 reads as another number."""
    with pytest.raises(SchemaError, match="too large to be written as a float") as caught:
        read(orjson.dumps(page(th1(1, entries=other or 1, err=other), th1(2, entries=number))))
    assert (caught.value.row, caught.value.field) == (1, "entries")


@pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_a_large_whole_number_beside_one_with_a_point_is_exact(large: int) -> None:
    """As float64, which the other would make of the column, it is another number."""
    body = orjson.dumps(page(th1(1, entries=large), th1(2, entries=7.0)))
    assert [row.entries for row in read(body).rows] == [large, 7]


@pytest.mark.parametrize("record", [LumisectionHistogram1D, LumisectionHistogram2D])
def test_contents_can_be_written_to_whatever_the_binnings(record: Any) -> None:
    made = th1 if record is LumisectionHistogram1D else th2
    wide = [1.0] * 5 if made is th1 else [[1.0] * 5] * 2
    for rows in ([made(1), made(2)], [made(1), made(2, x_bin=5, data=wide), made(3)]):
        for read_alike in (fast(page(*rows), record), from_objects(record, rows)):
            assert read_alike is not None
            for cell in read_alike.values["data"]:
                cell[...] = -1.0
            assert all((np.asarray(cell) == -1.0).all() for cell in read_alike.values["data"])


# --- whatever is in it

Pairs = list[tuple[str, str]]
"""The members of a row as they are written: names without their quotation marks, and any text of JSON, or nearly."""

ODD = [
    *("null", "true", '"3"', "3", "2.5", "7.0", "-0", "-0.0", "1E5", "1e300", "1e999", "NaN", "01"),
    *("9007199254740993", "9007199254740993.0", "9223372036854775808", "18446744073709551616"),
    *("-9223372036854775809", "-9223372036854775808.0", "9223372036854775808.0"),
    *("[]", "[1]", "[1, 2.5, 3]", "[1, null, 3]", "[[1, 2, 3], [4, 5, 6]]", "[[1, 2], [3]]", "[[], []]"),
    *("[[1], 2, 3]", "[[[1], 2, 3], [4, 5, 6]]", "[18446744073709551616, 1, 2]", "{}", '{"a": [1]}'),
    *('"P/charge"', '"P\\u005bcharge"', '"P[0]"', '"},{"', '"]}, {["', '"\\ud800"', '"\u00e9"', '""'),
]
NAMED = st.sampled_from(["dataset", "me", "run_number", "x_min", "x_bin", "y_bin", "entries", "data"])
VALUES = st.sampled_from(ODD)
CHANGES = st.one_of(
    st.tuples(st.just("set"), NAMED, VALUES),
    st.tuples(st.just("set"), st.sampled_from(["entries", "x_bin"]), st.sampled_from(["3.0", "2", "2.0"])),
    st.tuples(st.just("set"), st.just("me"), st.sampled_from(['"P\\u005bcharge"', '"P[0]"', '"P/\\u0063"'])),
    st.tuples(st.just("set"), st.just("data"), st.sampled_from(["[[1], 2, 3]", "[1.5, 2, 3]", "[1, 2]"])),
    st.tuples(st.just("drop"), NAMED, st.just("")),
    st.tuples(st.just("add"), st.sampled_from(["weather", "me", "entries", "d\\u0061ta", "data"]), VALUES),
    st.tuples(st.just("turn"), st.just(""), st.just("")),
)
Change = tuple[str, str, str]


def changed(row: Pairs, change: Change) -> Pairs:
    """Return a row with one thing in it that is unusual."""
    what, name, value = change
    match what:
        case "set":
            return [(key, value if key == name else text) for key, text in row]
        case "drop":
            return [(key, text) for key, text in row if key != name]
        case "add":
            return [*row, (name, value)]
        case _:
            return row[::-1]


def written(rows: list[Pairs]) -> bytes:
    texts = ["{" + ", ".join(f'"{name}": {text}' for name, text in row) + "}" for row in rows]
    return f'{{"next": null, "previous": null, "results": [{", ".join(texts)}]}}'.encode()


def usual(record: Any, number: int, fields: list[str] | None) -> Pairs:
    row = (th1 if record is LumisectionHistogram1D else th2)(number)
    return [
        (name, orjson.dumps(value).decode())
        for name, value in row.items()
        if fields is None or name in fields
    ]


@st.composite
def unusual_pages(draw: st.DrawFn) -> tuple[Any, list[str] | None, bytes]:
    """A page with some rows that are changed, or all of them in the same way."""
    record = draw(st.sampled_from([LumisectionHistogram1D, LumisectionHistogram2D]))
    fields = draw(st.sampled_from([None, None, ["data"], ["me", "data"], ["entries", "me"]]))
    sent = draw(st.sampled_from([fields, fields, None, ["me", "entries", "x_bin", "data"]]))
    rows = [usual(record, number, sent) for number in range(draw(st.integers(0, 5)))]
    for at in draw(st.lists(st.integers(-1, len(rows) - 1), max_size=3)):
        change = draw(CHANGES)
        rows = [changed(row, change) if at in (-1, place) else row for place, row in enumerate(rows)]
    return record, fields, written(rows)


def as_read(read: Callable[[], Page[Any]]) -> Any:
    """Return what a page is read to, to be compared: its rows to the byte, or the error."""
    try:
        blocks = read().store.blocks()
    except SchemaError as error:
        return error.resource, error.row, error.field, error.message
    except DecodeError as error:
        return type(error), error.message
    (names,) = {tuple(block.values) for block in blocks}
    rows = [[_as_compared(value) for value in block.values[name]] for name in names for block in blocks]
    extra = [one for block in blocks for one in block.extra or [{}] * len(block)]
    return names, [value for column in rows for value in column], extra


def _as_compared(value: Any) -> Any:
    if isinstance(value, int | float | np.generic | np.ndarray):
        array = np.asarray(value)
        return array.dtype, array.shape, repr(value) if array.dtype == object else array.tobytes()
    return value


def one_row(record: Any, *changes: Change) -> tuple[Any, None, bytes]:
    row = usual(record, 1, None)
    for change in changes:
        row = changed(row, change)
    return record, None, written([row])


@settings(max_examples=settings().max_examples * 3 // 2)
@given(unusual_pages(), st.sampled_from([1, 200, 600, 1 << 18]), st.sampled_from([1, 60, 1 << 22]))
@example(
    # A bracket that is written otherwise, and one too many: as many as there should be.
    one_row(LumisectionHistogram1D, ("set", "me", '"P\\u005bcharge"'), ("set", "data", "[[1], 2, 3]")),
    1 << 18,
    1 << 22,
)
@example(one_row(LumisectionHistogram1D, ("set", "entries", "1e300")), 1 << 18, 1 << 22)
@example(one_row(LumisectionHistogram1D, ("set", "me", '"\\ud800"')), 1 << 18, 1 << 22)
@example(one_row(LumisectionHistogram1D, ("add", "d\\u0061ta", "[3, 2, 1]")), 1 << 18, 1 << 22)
def test_whatever_is_unusual_both_ways_give_the_same(case: Any, piece: int, block: int) -> None:
    record, fields, body = case
    found = as_read(lambda: read(body, record, fields, piece=piece, block=block))
    assert found == as_read(lambda: read_by_orjson(body, record, fields))


def test_what_stands_around_the_rows_is_read_too() -> None:
    for body in (
        b'{"next":null,"previous":null,"results":[%s]},' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s]' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s,]}' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[,%s]}' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s]}]' % orjson.dumps(th1()),
    ):
        assert parsed_histograms(body, LumisectionHistogram1D) is None
        with pytest.raises(DecodeError, match="not whole JSON"):
            read(body)


def test_brackets_in_names_do_not_slow_down() -> None:
    rows = [th1(me="P/[layer 1]/charge[0]"), th1(2, me="P/[layer 2]")]
    quick = fast(page(*rows), LumisectionHistogram1D)
    assert quick is not None
    assert_same(quick, from_objects(LumisectionHistogram1D, rows))


def test_other_records_are_not_parsed_here() -> None:
    assert fast(page(run_row(1)), Run) is None


def test_without_pysimdjson_all_goes_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    body = orjson.dumps(page(th2(1), th2(2)))
    quick = read(body, LumisectionHistogram2D)
    monkeypatch.setitem(sys.modules, "simdjson", None)
    assert fast(body, LumisectionHistogram2D) is None
    assert_same(read(body, LumisectionHistogram2D).store.blocks()[0], quick.store.blocks()[0])


def test_a_page_does_not_hold_the_one_before() -> None:
    """The parser is used again, so nothing of a page may point into it."""
    first = read(orjson.dumps(page(th1(1, me="first"))))
    for number in range(2, 6):
        read(orjson.dumps(page(*(th1(number, me="another") for _ in range(50)))))
    assert first.rows == [LumisectionHistogram1D.from_dict(th1(1, me="first"))]


# --- errors, which are the same for both

WRONG = {
    "ragged": (th2(data=[[1, 2, 3], [4, 5]]), "data", "[1] has 2 numbers, and the first row has 3"),
    "ragged, of the right total": (
        th2(data=[[1, 2], [3, 4, 5, 6]]),
        "data",
        "[1] has 4 numbers, and the first row has 2",
    ),
    "too short": (th2(data=[[1, 2, 3]]), "data", "has 1 rows, and y_bin says 2"),
    "too narrow": (th2(data=[[1, 2], [3, 4]]), "data", "has 2 numbers, and x_bin says 3"),
    "turned": (th2(data=[[1, 2], [3, 4], [5, 6]]), "data", "has 3 rows, and y_bin says 2"),
    "flat": (th2(data=[1, 2, 3, 4, 5, 6]), "data", "[0] is of type number, not an array of numbers"),
    "nested": (th2(data=[[[1], 2, 3], [4, 5, 6]]), "data", "[0][0] is of type array, not a number"),
    "null in it": (th2(data=[[1, None, 3], [4, 5, 6]]), "data", "[0][1] is of type null, not a number"),
    "text in it": (th2(data=[[1, 2, 3], [4, 5, "6"]]), "data", "[1][2] is of type string, not a number"),
    "true in it": (th2(data=[[1, 2, 3], [4, 5, True]]), "data", "[1][2] is of type boolean, not a number"),
    "null": (th2(data=None), "data", "is of type null, not an array of arrays of numbers"),
    "text": (th2(data="1,2,3"), "data", "is of type string, not an array of arrays of numbers"),
}


@pytest.mark.parametrize(("row", "field", "said"), WRONG.values(), ids=WRONG.keys())
def test_contents_that_are_not_as_agreed_are_named(row: dict[str, Any], field: str, said: str) -> None:
    body = orjson.dumps(page(th2(1), th2(2), row))
    with pytest.raises(SchemaError) as caught:
        read(body, LumisectionHistogram2D)
    assert (caught.value.resource, caught.value.row) == ("h1d", 2)
    assert f"{caught.value.field} {caught.value.message}".startswith(field)
    place, _, problem = said.partition(" ") if said.startswith("[") else ("", "", said)
    assert caught.value.field == f"{field}{place}"
    assert problem in str(caught.value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400])
@pytest.mark.parametrize("where", ["data", "x_max"])
def test_numbers_that_are_not_finite_are_named(text: str, where: str) -> None:
    row = th1(7)
    row[where] = [0, "HERE", 2] if where == "data" else "HERE"
    body = orjson.dumps(page(th1(1), row)).replace(b'"HERE"', text.encode())
    with pytest.raises(SchemaError, match="is not a finite number") as caught:
        read(body)
    assert (caught.value.row, caught.value.field) == (1, "data[1]" if where == "data" else "x_max")


def test_what_is_not_json_at_all_stays_that() -> None:
    body = orjson.dumps(page(th1(1)))[:-7]
    with pytest.raises(DecodeError, match="not whole JSON") as caught:
        read(body)
    assert not isinstance(caught.value, SchemaError)
