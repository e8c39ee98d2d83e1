"""What comes from anywhere: files that were made to do harm, and files that others touch while they are written."""

import json
import os
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cmsdials.errors import CheckpointError
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters
from cmsdials.result import load

from tests.overlay.conftest import Scripted
from tests.overlay.histogram_rows import th1

START: dict[str, Any] = {
    "format": "cmsdials listing",
    "version": 2,
    "whole": False,
    "began": "2024-04-01T12:00:00+00:00",
    "resource": "run",
    "base_url": "http://dials.test/",
    "workspace": None,
    "query": {},
    "client": "3.0.0",
}
ROW = {"dataset_id": 1, "dataset": "/Z/R/D", "run_number": 3, "ls_count": 9, "ls_completeness": None}
PAGE = {"next": None, "previous": None, "results": [ROW]}
ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**70,
    "x",
    "\0",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    "9999-99-99",
    "http://[",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.dials"


def first_line(**changed: Any) -> bytes:
    return json.dumps(START | changed).encode() + b"\n"


def packed(text: bytes, level: int = 1) -> bytes:
    return framed(zlib.compress(text, level))


def framed(content: bytes, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return b"page %d %s\n%s\n" % (size, sha256(content).hexdigest().encode(), content)


def page_of(body: bytes, **said: Any) -> bytes:
    return packed(json.dumps({"next": None, "bytes": [len(body)], **said}).encode() + b"\n" + body)


def answer(**changed: Any) -> bytes:
    return json.dumps(PAGE | changed).encode()


def without(name: str) -> bytes:
    return json.dumps({one: value for one, value in START.items() if one != name}).encode() + b"\n"


GOOD = page_of(answer())
DEEP = b"[" * 900 + b"]" * 900
CRAFTED: dict[str, bytes] = {
    **{f"without {name}": without(name) + GOOD for name in START if name not in ("workspace", "whole")},
    **{
        f"{name}={value!r}": first_line(**{name: value}) + GOOD
        for name in ("version", "whole", "began", "resource", "base_url", "query", "client")
        for value in ODD
        if (name, value) not in [("query", {}), ("query", {"a": 1}), ("base_url", "x"), ("client", "x")]
        and not (name in ("base_url", "client") and isinstance(value, str))
        and not (name == "whole" and value is True)
    },
    **{
        f"{name}={value!r} in the query": first_line(query={name: value}) + GOOD
        for name in ("fields", "order_by", "next_token", "dataset_id")
        for value in (None, 3, [3], [[]], {}, [{}], {"a": []})
        if (name, value) not in [("dataset_id", 3), ("dataset_id", [3])]
    },
    **{
        f"says {name}={value!r}": first_line() + page_of(answer(), **{name: value})
        for name, values in {
            "bytes": [None, -1, 5, "5", {}, [-1], [1.5], [True], [2**40], [10**30], [None], [1], [5000], []],
            "next": [3, [], {}, True],
            "complete": [None, 1, "yes", []],
            "passed": [None, "ab", [3], [None], {}],
            "retrieved": [None, 3, "yesterday", "9999-99-99"],
        }.items()
        for value in values
    },
    "not packed": first_line() + framed(b"abc"),
    "nothing packed": first_line() + framed(b""),
    "packed and cut": first_line() + framed(zlib.compress(b'{"bytes": [], "next": null}\n' * 9)[:-5]),
    "packed and more": first_line() + framed(zlib.compress(b'{"bytes": [], "next": null}\n') + b"x"),
    "packed otherwise": first_line() + framed(zlib.compress(b'{"bytes": [], "next": null}\n', wbits=31)),
    "no line": first_line() + packed(b'{"bytes": [], "next": null}'),
    "not an object": first_line() + packed(b"[]\n"),
    "deep": first_line() + packed(b"[" * 100_000 + b"\n"),
    "not UTF-8": first_line() + packed(b'{"bytes": [], "next": "\xff"}\n'),
    "half a surrogate pair": first_line() + packed(b'{"bytes": [], "next": "\\ud800"}\n'),
    "a name twice": first_line() + packed(b'{"bytes": [], "bytes": [], "next": null}\n'),
    "an endless number": first_line() + packed(b'{"bytes": [%s], "next": null}\n' % (b"9" * 5000)),
    "more than it says": first_line() + packed(b'{"bytes": [1], "next": null}\n12'),
    "a name twice at the start": first_line()[:-2] + b', "version": 2}\n' + GOOD,
    "half a surrogate pair at the start": first_line(workspace="\ud800") + GOOD,
    "deep at the start": first_line()[:-2] + b', "x": ' + DEEP * 9 + b"}\n" + GOOD,
    "a number at the start": first_line()[:-2] + b', "x": ' + b"9" * 5000 + b"}\n" + GOOD,
    **{
        f"an answer {value!r}": first_line() + page_of(json.dumps(value).encode())
        for value in ODD
        if value != {"a": 1}
    },
    **{
        f"an answer with {name}={value!r}": first_line() + page_of(answer(**{name: value}))
        for name, value in [
            ("results", None),
            ("results", {}),
            ("results", [3]),
            ("next", 3),
            ("previous", []),
        ]
    },
    **{
        f"a row with {name}={value!r}": first_line() + page_of(answer(results=[ROW | {name: value}]))
        for name, value in [("run_number", 1.5), ("run_number", 1e300), ("run_number", True), ("dataset", 3)]
    },
    "a row with half a surrogate pair": first_line() + page_of(answer(results=[ROW | {"dataset": "\ud800"}])),
    "a row with a name twice": first_line() + page_of(answer().replace(b'"run_number"', b'"dataset_id"')),
    "a row that is deep": first_line() + page_of(answer().replace(b'"/Z/R/D"', b'"/Z/R/D", "x": ' + DEEP)),
    "JSON that is cut": first_line() + page_of(answer()[:-9]),
}


@pytest.mark.parametrize("content", CRAFTED.values(), ids=map(ascii, CRAFTED))
def test_what_a_crafted_file_holds_is_a_checkpoint_error(
    service: Scripted, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    runs = service.dials.run
    for way in (
        lambda: load(path),
        lambda: runs.list_all(resume_from=path),
        lambda: runs.list_all(resume_from=path, checkpoint=path),
        lambda: runs.list_all(checkpoint=path),
    ):
        with pytest.raises(CheckpointError) as caught:
            way()
        assert str(path) in str(caught.value)
        assert caught.value.advice
    assert service.asked == []
    assert path.read_bytes() == content


@pytest.mark.parametrize("length", [10**12 - 1, 2**33, 3000])
def test_a_page_that_claims_to_be_large_costs_nothing(path: Path, length: int) -> None:
    path.write_bytes(first_line() + GOOD + framed(b"abc", length))
    assert len(load(path)) == 1  # as of a process that was killed


def test_a_pipe_is_not_waited_for(service: Scripted, path: Path) -> None:
    os.mkfifo(path)
    for options in ({"resume_from": path}, {"checkpoint": path}, {"checkpoint": path, "resume_from": path}):
        with pytest.raises(CheckpointError, match=r"is not a file|is there already"):
            service.dials.run.list_all(**options)
    with pytest.raises(CheckpointError, match="is not a file"):
        load(path)


# --- how much it expands to


def contents(bins: int, text: bytes = b"0,") -> list[bytes]:
    """An answer with a histogram of so many bins, in pieces."""
    row = json.dumps({**PAGE, "results": [th1(x_bin=bins, data="HERE")]}).encode()
    before, after = row.split(b'"HERE"')
    return [before + b"[", text * (bins - 1), text[:-1] + b"]" + after]


@pytest.mark.parametrize(("level", "said"), [(9, "it holds more than a page can"), (1, None)])
def test_what_our_files_never_pack_is_not_unpacked(path: Path, level: int, said: str | None) -> None:
    """Text of one character over and over, which packs best: 229 times smaller at the level of our files."""
    body = b"".join(contents(2_000_000))
    line = json.dumps({"next": None, "bytes": [len(body)]}).encode()
    path.write_bytes(first_line(resource="h1d") + packed(line + b"\n" + body, level))
    if said is None:
        assert load(path).to_numpy()["data"].shape == (1, 2_000_000)
        return
    with pytest.raises(CheckpointError, match=said):
        load(path)


def test_another_zlib_may_pack_better(service: Scripted, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compress = zlib.compress
    monkeypatch.setattr("zlib.compress", lambda text, level: compress(text, 9 if level else 0))
    rows = [th1(ls, x_bin=300_000, data=[0.0] * 300_000) for ls in (1, 2)]
    service.will_page(rows, 1)
    listed = service.dials.h1d.list_all(LumisectionHistogram1DFilters(page_size=1), checkpoint=path)
    assert load(path) == listed


LIMITED = """
    import resource, sys
    from cmsdials.errors import CheckpointError
    from cmsdials.result import load
    small, large = sys.argv[1:]
    load(small).to_numpy()
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**26,) * 2)
    try:
        load(large)
    except CheckpointError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_what_does_not_fit_into_memory_is_said(tmp_path: Path) -> None:
    files = []
    for bins in (10, 10_000_000):
        body = b"".join(contents(bins))
        files.append(tmp_path / str(bins))
        files[-1].write_bytes(first_line(resource="h1d") + page_of(body))
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), *files]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert ended.stderr == ""
    assert ended.stdout == f"{files[1]} does not fit into memory. Read it on a machine that has more.\n"


def test_a_page_that_no_file_holds_is_refused(
    service: Scripted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmsdials.listing.checkpoint.LARGEST_BODY", 300)
    service.will_page([ROW | {"run_number": 1}, ROW | {"run_number": 2, "dataset": "/Z/" + "x" * 300}], 1)
    with pytest.raises(CheckpointError, match=r"a page has \d+ bytes, and .* 300 at most\. Ask for smaller"):
        service.dials.run.list_all(RunFilters(page_size=1), checkpoint=path)
    assert [row.run_number for row in load(path)] == [1]


def test_large_contents_are_saved_in_pages_that_can_be_read(
    service: Scripted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmsdials.listing.checkpoint.LARGEST_BODY", 20_000)
    service.will_answer({**PAGE, "results": [th1(ls, x_bin=200, data=[0.1] * 200) for ls in range(1, 40)]})
    listed = service.dials.h1d.list_all()
    listed.save(path)
    assert load(path) == listed


# --- files that others touch


def test_a_script_may_change_its_folder(
    service: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    service.will_page([ROW | {"run_number": number} for number in range(1, 4)], 1)
    second = service.answers[1]
    service.answers[1] = lambda _: (os.chdir("/"), second)[1]
    listed = service.dials.run.list_all(RunFilters(page_size=1), checkpoint="runs.dials")
    assert load(tmp_path / "runs.dials") == listed


def deleted(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    content = path.read_bytes()
    path.rename(path.with_name("old"))
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def folder_deleted(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (deleted, "deleted"),
        (folder_deleted, "deleted"),
        (replaced, "replaced"),
        (cut, "changed"),
        (emptied, "changed"),
        (grown, "changed"),
    ],
)
@pytest.mark.parametrize("way", ["begun", "resumed", "by a link"])
def test_a_file_that_others_touch_is_noticed_at_the_next_page(
    service: Scripted, tmp_path: Path, happens: Callable[[Path], None], said: str, way: str
) -> None:
    path = tmp_path / "there" / "runs.dials"
    path.parent.mkdir()
    name = path
    if way == "by a link":
        name = tmp_path / "link"
        name.symlink_to(path)
    service.will_page([ROW | {"run_number": number} for number in range(1, 6)], 1)
    filters = RunFilters(page_size=1)
    if way == "resumed":
        service.dials.run.list_all(filters, max_pages=1, checkpoint=name)
    second, asked = service.answers[1], len(service.asked)
    service.answers[1] = lambda _: (happens(path), second)[1]
    with pytest.warns(RuntimeWarning, match="stopped by CheckpointError"):
        kept = service.dials.run.list_all(
            filters, checkpoint=name, resume_from=name, keep_failed=True, enable_progress=False
        )
    assert f"{name} has been {said} while it was written" in str(kept.exc_formatted)
    assert len(service.asked) == asked + 2
    assert [row.run_number for row in kept] == [*range(1, len(kept) + 1)]
    assert len(kept) == (2 if way == "resumed" else 1)
    kept.save(tmp_path / "another")
    assert len(load(tmp_path / "another")) == len(kept)
