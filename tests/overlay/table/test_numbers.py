"""What JSON can say and readers get wrong: long integers, names twice, half a surrogate pair. An error, or the truth."""

import json
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cmsdials.errors import DecodeError, DialsError, SchemaError
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.result import load
from cmsdials.table.columns import as_json
from cmsdials.table.decode import read_json
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2

LONG = [
    2**63,
    2**64 - 1,
    2**64,
    2**64 + 1,
    -(2**63) - 1,
    10**20 + 1,
    10**40 + 7,
    123456789012345678901234567890,
]


def page(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"next": None, "previous": None, "results": rows, **more}).encode()


def answers(service: Scripted, body: bytes) -> None:
    service.will_answer(httpx.Response(200, content=body, headers={"content-type": "application/json"}))


# --- integers


@pytest.mark.parametrize("number", LONG)
def test_integers_of_any_size_come_through_everything(service: Scripted, number: int, tmp_path: Path) -> None:
    answers(service, page(run_row(1, ls_count=number), run_row(2, ls_count=-1)))
    listed = service.dials.run.list_all()
    assert [row.ls_count for row in listed] == [number, -1]
    assert listed.to_pandas()["ls_count"].tolist() == [number, -1]
    assert listed.to_numpy()["ls_count"].tolist() == [number, -1]
    assert [int(one) for one in listed.to_arrow()["ls_count"].to_pylist()] == [number, -1]
    listed.save(tmp_path / "runs")
    assert load(tmp_path / "runs") == listed
    assert json.loads(listed[0].json())["ls_count"] == number


@pytest.mark.parametrize("number", LONG)
@pytest.mark.parametrize("made", [th1, th2])
def test_those_of_histograms_too(service: Scripted, number: int, made: Any) -> None:
    resource = service.dials.h1d if made is th1 else service.dials.h2d
    answers(service, page(made(1, entries=number), made(2)))
    answers(service, json.dumps(made(1, entries=number)).encode())
    assert resource.list()[0].entries == number
    keys = [made(1)[name] for name in ("dataset_id", "run_number", "ls_number", "me_id")]
    assert resource.get(*keys).entries == number


@pytest.mark.parametrize("number", LONG)
def test_what_the_contract_does_not_know_is_exact(service: Scripted, number: int) -> None:
    answers(service, page(run_row(1, weather={"a": [number]})))
    assert service.dials.run.list()[0].extra == {"weather": {"a": [number]}}
    models = [{"id": 1, "name": "m", "tags": [{"a": number}]}]
    for _ in range(2):
        answers(service, page(*models))
    listed = service.dials.ml_models_index.list(fields=["id", "name", "tags"])
    assert listed[0].tags[0]["a"] == number
    assert json.loads(str(listed.to_arrow()["tags"].to_pylist()[0]).replace("'", '"')) == [{"a": number}]


@pytest.mark.parametrize("number", LONG)
def test_free_documents_are_exact(service: Scripted, number: int) -> None:
    document = {
        "data": [{"id": "1", "attributes": {"a": number, "b": 0.1}}],
        "meta": {"x": [[number]]},
        "links": {"next": None},
    }
    for _ in range(2):
        service.will_answer(document)
    assert service.dials.oms.query("runs") == document
    assert service.dials.oms.list_all("runs").results == [{"id": "1", "a": number, "b": 0.1}]
    service.will_answer({"1": [[1, number]]})
    assert service.dials.ml_bad_lumis.golden_json([1], [2], [3]) == {"1": [[1, number]]}


def test_an_integer_beside_a_missing_one_is_exact(service: Scripted) -> None:
    number = 2**53 + 1
    answers(service, page(run_row(1, ls_count=number)))
    listed = service.dials.run.list_all()
    answers(service, page({"run_number": 2}))
    listed.results += service.dials.run.list(fields=["run_number"]).results
    assert listed.to_pandas()["ls_count"].tolist() == [number, None]
    assert [one and int(one) for one in listed.to_arrow()["ls_count"].to_pylist()] == [number, None]


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity", "9" * 5000])
def test_what_no_number_holds_is_an_error(service: Scripted, text: str) -> None:
    body = page(run_row(1)).replace(b'"ls_count": 9', b'"ls_count": ' + text.encode())
    for ask in (lambda: service.dials.run.list(retries=0), lambda: service.dials.run.get(1, 2, retries=0)):
        answers(service, body)
        with pytest.raises((SchemaError, DecodeError)):
            ask()


@pytest.mark.parametrize("count", [-1, -(2**70), 1.0, 1e300, True, None, "3", [3]])
def test_a_count_is_a_number_of_rows(service: Scripted, count: Any) -> None:
    answers(service, json.dumps({"count": count}).encode())
    with pytest.raises(SchemaError, match="field 'count' is"):
        service.dials.run.count()


def test_a_count_of_any_size(service: Scripted) -> None:
    answers(service, b'{"count": 100000000000000000001}')
    assert service.dials.run.count() == 100000000000000000001


# --- names twice


TWICE: dict[str, bytes] = {
    "a row": page(run_row(1)).replace(b'"ls_count"', b'"run_number"'),
    "with blanks": page(run_row(1)).replace(b'"ls_count":', b'"run_number" \n:'),
    "by an escape": page(run_row(1)).replace(b'"ls_count"', rb'"run\u005fnumber"'),
    "the rows": page(run_row(1))[:-1] + b', "results": []}',
    "a link": page(run_row(1))[:-1] + b', "next": "http://x/?next_token=a"}',
    "deep within": page(run_row(1, weather=[0, {"a": 1, "b": 2}])).replace(b'"b"', b'"a"'),
    "a colon in a text": page(run_row(1, dataset="a:b")).replace(b'"ls_count"', b'"run_number"'),
    "a colon in a name": page(run_row(1, **{":": 3, "::": 4})).replace(b'"::"', b'":"'),
}


@pytest.mark.parametrize("body", TWICE.values(), ids=TWICE)
def test_a_name_that_comes_twice_is_an_error(service: Scripted, body: bytes) -> None:
    answers(service, body)
    with pytest.raises(DialsError, match="comes twice in an object"):
        service.dials.run.list(retries=0)


@pytest.mark.parametrize("made", [th1, th2])
@pytest.mark.parametrize("name", ["next", "previous", "results"])
def test_of_a_page_of_histograms_too(service: Scripted, made: Any, name: str) -> None:
    body = page(made(1), made(2))
    second = b"[]" if name == "results" else b'"http://x/?next_token=a"'
    for twice in (
        body[:-1] + b', "%s": %s}' % (name.encode(), second),
        b'{"%s": %s, ' % (name.encode(), second) + body[1:],
    ):
        answers(service, twice)
        with pytest.raises(DialsError, match=f"the name '{name}' comes twice"):
            (service.dials.h1d if made is th1 else service.dials.h2d).list(retries=0)


def test_of_anything_else_too(service: Scripted) -> None:
    for ask, body in (
        (lambda: service.dials.oms.query("runs", retries=0), b'{"data": [], "data": [1]}'),
        (lambda: service.dials.run.count(retries=0), b'{"count": 3, "count": 4}'),
        (lambda: service.dials.mes.list(retries=0), b'[{"me_id": 1, "me_id": 2, "me": "x"}]'),
        (lambda: service.dials.run.get(1, 2, retries=0), b'{"run_number": 1, "run_number": 2}'),
        (
            lambda: service.dials.ml_bad_lumis.cert_json([1], [1], [1], retries=0),
            b'{"1": {}, "1": {"2": []}}',
        ),
    ):
        answers(service, body)
        with pytest.raises(DecodeError, match="comes twice in an object"):
            ask()


# --- text


@pytest.mark.parametrize(
    "text", [b"\\ud800", b"\\udc00", b"a\\ud800b", b"\xed\xa0\x80", b"\xff", b"\xc0\x80"]
)
@pytest.mark.parametrize("resource", ["run", "h1d"])
def test_what_is_no_text_is_an_error(service: Scripted, text: bytes, resource: str) -> None:
    row = run_row(1, dataset="HERE") if resource == "run" else th1(1, dataset="HERE")
    for body in (page(row), page(row, more=float("nan")), page(row | {"weather": 2**70}), page({"HERE": 1})):
        answers(service, body.replace(b"HERE", text))
        with pytest.raises(DialsError):
            getattr(service.dials, resource).list(retries=0)


def test_a_whole_pair_is_a_letter(service: Scripted) -> None:
    answers(service, page(run_row(1, dataset="HERE", weather=2**70)).replace(b"HERE", b"\\ud83d\\ude00"))
    assert service.dials.run.list()[0].dataset == "\N{GRINNING FACE}"


# --- whatever JSON there is

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(":\"\\a\n0123456789é"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(":\"a0", max_size=2), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.sampled_from([(",", ":"), (" , ", " : ")]), st.booleans())
def test_any_json_is_read_as_python_reads_it(
    value: Any, separators: tuple[str, str], ascii_only: bool
) -> None:
    body = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    found = read_json(body)
    assert found == json.loads(body)
    assert repr(found) == repr(json.loads(body))
    assert json.loads(as_json(found)) == found


@given(st.dictionaries(st.text('ab:"\\', min_size=1, max_size=3), VALUES, min_size=1, max_size=4), st.data())
def test_any_name_twice_is_noticed(members: dict[str, Any], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from([*members]))
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members.items()]
    parts.insert(data.draw(st.integers(0, len(parts))), f"{json.dumps(twice)}:1")
    text = "{" + ",".join(parts) + "}"
    for body in (text, f"[{text}]", f'[0, {{"x": {text}}}]', f"[[[{text}]]]"):
        with pytest.raises(DecodeError, match="comes twice"):
            read_json(body.encode())


@pytest.mark.parametrize("record", [Run, LumisectionHistogram1D, LumisectionHistogram2D])
def test_ordinary_pages_need_no_second_reader(monkeypatch: pytest.MonkeyPatch, record: Any) -> None:
    """It takes several times as long."""
    made = {Run: run_row, LumisectionHistogram1D: th1, LumisectionHistogram2D: th2}[record]
    monkeypatch.setattr("json.loads", lambda *_, **__: pytest.fail("read twice"))
    found = read_json(orjson.dumps({"next": None, "previous": None, "results": [made(1), made(2)]}))
    assert len(found["results"]) == 2
