"""From the bytes of a page to arrays: the fast way and the other give the same, or the same error."""

import sys
from typing import Any

import numpy as np
import orjson
import pytest
from cmsdials import decode, parsing
from cmsdials.answers import Answer
from cmsdials.columns import Columns, from_objects
from cmsdials.errors import DecodeError, SchemaError
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.page import Page
from hypothesis import example, given
from hypothesis import strategies as st

from .conftest import run_row
from .histogram_rows import page, th1, th2

simdjson = pytest.importorskip("simdjson", reason="there is no pysimdjson for this Python")


def read(body: bytes, record: Any = LumisectionHistogram1D, fields: Any = None) -> Page[Any]:
    return decode.read_page(Answer(200, {}, body, "http://x/", "GET"), record, "h1d", fields=fields)


def fast(document: Any, record: Any, fields: Any = None) -> Columns[Any] | None:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    parsed = parsing.parsed_histograms(body, record, fields)
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
    assert read(body).rows[0].entries == 2


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
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parsing, "_PIECE", size)
        patched.setattr(parsing, "_BLOCK", block)
        parsed = parsing.parsed_histograms(body, LumisectionHistogram2D)
        page = read(body, LumisectionHistogram2D)
    if "},{" not in me:  # which cuts a name in two, at worst
        assert parsed is not None
        assert (parsed.next, parsed.previous) == (None, "http://x/?me=[{}]")
    assert page.rows == [LumisectionHistogram2D.from_dict(row) for row in sent]


def test_what_stands_around_the_rows_is_read_too() -> None:
    for body in (
        b'{"next":null,"previous":null,"results":[%s]},' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s]' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s,]}' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[,%s]}' % orjson.dumps(th1()),
        b'{"next":null,"previous":null,"results":[%s]}]' % orjson.dumps(th1()),
    ):
        assert parsing.parsed_histograms(body, LumisectionHistogram1D) is None
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
    parsing._simdjson.cache_clear()
    try:
        assert fast(body, LumisectionHistogram2D) is None
        assert_same(read(body, LumisectionHistogram2D).store.blocks()[0], quick.store.blocks()[0])
    finally:
        parsing._simdjson.cache_clear()


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
    with pytest.raises(SchemaError, match=r"is no finite number|not of type number") as caught:
        read(body)
    assert (caught.value.row, caught.value.field) == (1, "data[1]" if where == "data" else "x_max")


def test_what_is_no_json_at_all_stays_that() -> None:
    body = orjson.dumps(page(th1(1)))[:-7]
    with pytest.raises(DecodeError, match="not whole JSON") as caught:
        read(body)
    assert not isinstance(caught.value, SchemaError)
