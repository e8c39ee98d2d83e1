"""Rows of small answers, read without NumPy: the same as with it, or left to it."""

import copy
import pickle
import subprocess
import sys
import textwrap
from typing import Any

import orjson
import pytest
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.table import objects
from cmsdials.table.columns import from_objects
from cmsdials.table.objects import Objects, are_worth_it, regular
from cmsdials.table.rows import RowStore
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.models.file_index import FileIndex
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.conftest import run_row
from tests.overlay.histogram_rows import th1, th2

MADE: dict[Any, Any] = {LumisectionHistogram1D: th1, LumisectionHistogram2D: th2, Run: run_row}


def shown(row: Any) -> str:
    """All of a row: values of one kind for another are seen too."""
    return repr((row.dict(), row.extra))


ODD: list[Any] = [
    *(
        None,
        True,
        "3",
        "",
        3,
        2.5,
        7.0,
        -0.0,
        1e300,
        2**53 + 1,
        2.0**53,
        2**63 - 1,
        2**63,
        2**64,
        -(2**63) - 1,
    ),
    *([], [1], [1, 2.5, 3], [1, None, 3], [1, True, 3], [[1, 2, 3], [4, 5, 6]], [[1, 2], [3]], [[], []]),
    *([[1], 2, 3], [[[1], 2, 3], [4, 5, 6]], [2**70, 1, 2], [10**400, 1, 2], {}, {"a": [1]}, "[0]"),
    *(float("nan"), float("inf"), [float("inf"), 1.0, 2.0]),
]


@pytest.mark.parametrize("record", [LumisectionHistogram1D, LumisectionHistogram2D, Run, FileIndex])
@given(data=st.data())
def test_whatever_is_in_them_rows_are_the_same_or_left_to_the_other_way(
    record: Any, data: st.DataObject
) -> None:
    made = MADE.get(record, th1)
    names = [*(one.name for one in record.FIELDS), "weather"]
    changes = st.dictionaries(st.sampled_from(names), st.sampled_from(ODD) | st.just(...), max_size=2)
    rows = [
        {name: value for name, value in (made(n) | change).items() if value is not ...}
        for n, change in enumerate(data.draw(st.lists(changes, max_size=3)))
    ]
    fields = data.draw(st.none() | st.lists(st.sampled_from(names), max_size=3))
    before = copy.deepcopy(rows)
    found = regular(record, rows, fields)
    assert repr(rows) == repr(before)
    if found is None:
        return
    columns = from_objects(record, rows, fields)
    assert [*map(shown, found.records())] == [*map(shown, columns.records())]
    assert [*map(shown, found.columns.records())] == [*map(shown, columns.records())]
    assert [*found.columns.values] == [*columns.values]
    for name, values in columns.values.items():
        column = found.column(name)
        if rows and name != "data":
            assert repr(column) == repr(values if isinstance(values, list) else values.tolist())


@pytest.mark.parametrize("record", MADE)
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_usual_rows_are_read(record: Any, rows: int) -> None:
    sent = [MADE[record](number) for number in range(1, rows + 1)]
    found = regular(record, sent)
    assert found is not None
    assert [row.dict() for row in found.records()] == [row.dict() for row in map(record.from_dict, sent)]


@pytest.mark.parametrize(
    "change",
    [
        {"weather": "fine"},
        {"entries": None},
        {"entries": "3"},
        {"entries": True},
        {"entries": 2**63},
        {"entries": 1.5},
        {"x_min": float("nan")},
        {"x_min": 10**400},
        {"me": 3},
        {"x_bin": 4},
        {"x_bin": 0, "data": []},
        {"data": [1, 2, "3"]},
        {"data": [1, 2, [3]]},
        {"data": None},
        {"data": [1.0, float("inf"), 2.0]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_unusual_is_left_to_the_other_way(change: dict[str, Any], place: int) -> None:
    rows = [th1(1), th1(2)]
    rows[place] |= change
    assert regular(LumisectionHistogram1D, rows) is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_map_of_another_width_is_seen_in_any_row(place: int) -> None:
    rows = [th2(number) for number in range(3)]
    rows[place]["data"] = [[1.0, 2.0], [3.0, 4.0]]
    assert regular(LumisectionHistogram2D, rows) is None
    with pytest.raises(MalformedAnswer, match="x_bin says 3"):
        from_objects(LumisectionHistogram2D, rows)


def store_of(rows: int = 3) -> RowStore[Any]:
    found = regular(LumisectionHistogram1D, [th1(number) for number in range(rows)])
    assert found is not None
    return RowStore(LumisectionHistogram1D, [found])


def test_a_row_is_its_owners_alone() -> None:
    store = store_of()
    row = store.rows[0]
    row.data[0] = -1.0
    row.extra["mine"] = 1
    assert store.rows[0].data[0] == -1.0
    assert next(iter(store_of())).data[0] == 0.5
    again = [*store.copy()]
    assert (again[0] is row, again[1].data[0]) == (True, 1.5)
    (block,) = store_of().held()
    first, second = block.at(0), block.at(0)
    first.data[0] = -1.0
    assert second.data[0] == 0.5


def test_rows_become_columns_when_something_needs_them() -> None:
    store = store_of(4)
    assert isinstance(store.held()[0], Objects)
    assert store.blocks()[0].values["data"].shape == (4, 3)
    assert store.blocks()[0] is store.blocks()[0], "they are made once"
    rows = store.rows
    del rows[1]
    assert [len(block) for block in store.blocks()] == [1, 2]
    assert [block.values["ls_number"].tolist() for block in store.blocks()] == [[0], [2, 3]]
    rows[0].entries = 7
    assert [value for block in store.blocks() for value in block.values["entries"]] == [7, 2, 3]
    assert pickle.loads(pickle.dumps(store)) == store
    cut = store_of(4)
    cut.cut(2)
    assert [row.ls_number for row in cut] == [0, 1]
    assert cut.integers_at(-1, ["run_number", "ls_number", "me"]) == {"run_number": 367112, "ls_number": 1}


def test_large_answers_are_not_read_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not are_worth_it(1), "NumPy is there"
    monkeypatch.setattr(objects.background, "loaded", lambda _module: None)
    monkeypatch.setattr(objects, "_left", 1000)
    assert [are_worth_it(size) for size in (600, 600, 400, 1)] == [True, False, True, False]


SCRIPT = """
    import http.server, json, sys, threading
    from cmsdials import Dials
    from cmsdials.auth.secret_key import Credentials
    from cmsdials.filters import LumisectionHistogram1DFilters

    rows = json.loads(sys.argv[1])

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            # A row has its keys in its address.
            is_page = "?" in self.path or self.path.endswith("/th1/")
            body = {"next": None, "previous": None, "results": rows} if is_page else rows[0]
            body = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{service.server_port}/"
    dials = Dials(Credentials(token="a-secret"), workspace="tracker", base_url=url)
    asked = LumisectionHistogram1DFilters(me_id=1)
    found = dials.h1d.list_all(asked)
    keys = {name: rows[0][name] for name in ("dataset_id", "run_number", "ls_number", "me_id")}
    assert [row.data for row in found] == [row["data"] for row in rows]
    assert found.complete and found[0].entries == rows[0]["entries"]
    assert [row.data for row in dials.h1d.iterate(asked)] == [row["data"] for row in rows]
    assert dials.h1d.list(asked).results[-1].data == rows[-1]["data"]
    assert dials.h1d.get(**keys).data == rows[0]["data"]
    assert found.dict()["results"][0]["me"] == rows[0]["me"]
    print("numpy" in sys.modules, "simdjson" in sys.modules)
    print(found.to_numpy()["data"].tolist() == [row["data"] for row in rows], len(found.to_pandas()))
"""


def test_a_script_that_looks_at_rows_alone_loads_no_numpy() -> None:
    rows = orjson.dumps([th1(number) for number in range(1, 40)]).decode()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), rows], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["False False", "True 39"]
