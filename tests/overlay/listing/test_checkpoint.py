"""Listings in files: what was kept comes back, what is damaged or of another listing does not.

Files are made by listings, or written here byte by byte (`file_of`), which holds their format: files of today must be
read by every later version.
"""

import base64
import hashlib
import io
import json
import os
import random
import shutil
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.errors import (
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    PaginationError,
    SchemaError,
    ServerError,
)
from cmsdials.filters import RunFilters
from cmsdials.models import LumisectionHistogram1D
from cmsdials.result import load

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1

ORIGIN = {
    "resource": "run",
    "base_url": "http://dials.test/",
    "workspace": "tracker",
    "query": {},
    "client": "3.0",
}
BEGAN = "2026-01-01T00:00:00+00:00"
FAILING = {"detail": "no"}
TWO = RunFilters(page_size=2)


@pytest.fixture
def run(service: Scripted) -> Any:
    return service.dials.run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.dials"


def numbers(result: Any) -> list[int]:
    return [row.run_number for row in result.results]


def body(*numbers: int, next: str | None = None) -> bytes:
    return json.dumps({"next": next, "previous": None, "results": [run_row(n) for n in numbers]}).encode()


def listed_into(path: Path, *, pages: int = 3) -> bytes:
    """List pages of one run each into a file, and return what is in it."""
    service = Scripted()
    service.will_page([run_row(n) for n in range(1, pages + 1)], 1)
    service.dials.run.list_all(RunFilters(page_size=1), checkpoint=path)
    return path.read_bytes()


# --- the format, written and read by hand


def first_line(**changed: Any) -> bytes:
    start = {"format": "cmsdials listing", "version": 2, "whole": False, "began": BEGAN, **ORIGIN, **changed}
    return json.dumps(start).encode() + b"\n"


def record(said: dict[str, Any], *bodies: bytes, level: int = 1) -> bytes:
    line = json.dumps({**said, "bytes": [len(one) for one in bodies]}).encode()
    packed = zlib.compress(line + b"\n" + b"".join(bodies), level)
    return b"page %d %s\n%s\n" % (len(packed), hashlib.sha256(packed).hexdigest().encode(), packed)


def file_of(*bodies: bytes, **changed: Any) -> bytes:
    """A file with a page for each answer."""
    pages = [record({"next": json.loads(one)["next"]}, one) for one in bodies]
    return b"".join([first_line(**changed), *pages])


def parsed(path: Path) -> tuple[dict[str, Any], list[tuple[dict[str, Any], list[bytes]]]]:
    """The first line, and of each page what it says and the answers in it."""
    line, _, rest = path.read_bytes().partition(b"\n")
    pages = []
    while rest:
        head, _, rest = rest.partition(b"\n")
        word, length, digest = head.split()
        packed, rest = rest[: int(length)], rest[int(length) + 1 :]
        assert (word, digest.decode()) == (b"page", hashlib.sha256(packed).hexdigest())
        text, _, bodies = zlib.decompress(packed).partition(b"\n")
        said = json.loads(text)
        lengths = said.pop("bytes")
        cut = [bodies[sum(lengths[:at]) :][:length] for at, length in enumerate(lengths)]
        pages.append((said, cut))
    return json.loads(line), pages


def test_a_file_holds_its_listing_and_the_answers_as_they_came(
    service: Scripted, run: Any, path: Path
) -> None:
    answers = [body(1, next="http://x/?next_token=a"), body(2).replace(b": ", b" :  ")]
    service.will_answer(*(httpx.Response(200, content=one) for one in answers))
    run.list_all(RunFilters(dataset_id=14677060, page_size=1), checkpoint=path)
    start, pages = parsed(path)
    assert start | {"client": "", "began": ""} == {
        "format": "cmsdials listing",
        "version": 2,
        "whole": False,
        **ORIGIN,
        "query": {"dataset_id": 14677060},
        "client": "",
        "began": "",
    }
    assert [bodies for _, bodies in pages] == [[one] for one in answers]
    assert [said["next"] for said, _ in pages] == ["http://x/?next_token=a", None]
    assert all(datetime.fromisoformat(said["retrieved"]).tzinfo for said, _ in pages)


def test_a_saved_result_says_where_it_goes_on_at_its_end(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(3)], 2)
    partial = run.list_all(TWO, max_pages=1)
    partial.save(path)
    start, pages = parsed(path)
    assert start["whole"] is True
    ((first, bodies), (last, none)) = pages
    assert (first, none, len(bodies)) == ({}, [], 1)
    assert last == {
        "next": partial.next,
        "complete": False,
        "passed": [],
        "retrieved": partial.retrieved.isoformat(),
    }


def test_a_file_that_was_written_by_hand_is_read_and_resumed(service: Scripted, run: Any, path: Path) -> None:
    path.write_bytes(file_of(body(1, next="http://x/?next_token=a"), body(2, next="http://x/?next_token=b")))
    loaded = load(path)
    assert (numbers(loaded), loaded.complete) == ([1, 2], False)
    assert loaded.retrieved == datetime.fromisoformat(BEGAN)
    service.will_page([run_row(3)], 2)
    assert numbers(run.list_all(checkpoint=path, resume_from=path)) == numbers(load(path)) == [1, 2, 3]
    assert service.queries[0]["next_token"] == "b"


def test_a_page_of_several_answers_comes_back(service: Scripted, run: Any, path: Path) -> None:
    link = "http://x/?next_token=c"
    several = record({"next": link, "passed": ["a"]}, body(1), body(), body(2, 3))
    path.write_bytes(first_line() + several)
    assert (numbers(load(path)), load(path).next) == ([1, 2, 3], link)
    service.will_answer({"next": "http://x/?next_token=a", "previous": None, "results": [run_row(4)]})
    with pytest.raises(PaginationError, match="links back"):
        run.list_all(resume_from=path)


# --- damage


def test_a_file_cut_anywhere_keeps_its_whole_pages(path: Path) -> None:
    whole = listed_into(path)
    counts = set()
    for end in range(whole.index(b"\n") + 1, len(whole) + 1):
        path.write_bytes(whole[:end])
        found = numbers(load(path))
        assert found == [1, 2, 3][: len(found)]
        counts.add(len(found))
    assert counts == {0, 1, 2, 3}


def test_a_file_cut_in_its_first_line_is_started_again(path: Path) -> None:
    header = listed_into(path).split(b"\n")[0]
    for end in [*range(0, len(header), 5), len(header)]:
        path.write_bytes(header[:end])
        with pytest.raises(CheckpointError, match="not a listing of cmsdials"):
            load(path)
        service = Scripted()
        service.will_page([run_row(2)], 1)
        resumed = path if end % 2 else None
        service.dials.run.list_all(checkpoint=path, resume_from=resumed)
        assert numbers(load(path)) == [2]


def test_a_byte_that_changed_anywhere_is_noticed(path: Path) -> None:
    whole = listed_into(path)
    header, last = whole.index(b"\n") + 1, whole.rindex(b"\npage ") + 1
    for position in range(header, last):
        changed = bytearray(whole)
        changed[position] ^= 0x55
        path.write_bytes(bytes(changed))
        with pytest.raises(CheckpointError, match=r"page \d of .* is damaged"):
            load(path)


def test_a_saved_file_that_is_cut_anywhere_is_not_an_empty_listing(
    service: Scripted, run: Any, path: Path
) -> None:
    service.will_page([run_row(1), run_row(2)], 2)
    run.list_all().save(path)
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is cut off: it was saved whole"):
            load(path)
        for options in ({}, {"resume_from": path}):
            with pytest.raises(CheckpointError, match=r"is cut off|is there already"):
                run.list_all(checkpoint=path, **options)
        assert path.read_bytes() == whole[:length]


def test_a_large_page_that_is_damaged_is_noticed(path: Path) -> None:
    """The first line of the page behind it lies across two of the pieces in which the file is searched."""

    def large(excess: int) -> bytes:
        filler = base64.b85encode(random.Random(1).randbytes(900_000))[: 1_100_000 - excess]
        answer = json.dumps({"next": None, "previous": None, "results": [], "x": filler.decode()})
        return record({"next": "http://x/?next_token=a"}, answer.encode(), level=0)

    first = large(len(large(0)) - (1 << 20) + 30)
    assert len(first) < 1 << 20 < len(first) + 60
    path.write_bytes(first_line() + first + record({"next": None}, body(2)))
    assert numbers(load(path)) == [2]
    path.write_bytes(
        first_line() + first[:5000] + b"damaged" + first[5007:] + record({"next": None}, body(2))
    )
    with pytest.raises(CheckpointError, match=r"page 1 of .* is damaged"):
        load(path)


def test_a_last_page_that_did_not_reach_the_disk_is_dropped(path: Path) -> None:
    """As after a power cut: of the right length, with something else in it."""
    whole = listed_into(path)
    last = whole.rindex(b"\npage ") + 1
    for position in [*range(last, len(whole), 3), len(whole) - 1]:
        changed = bytearray(whole)
        changed[position] ^= 0x55
        path.write_bytes(bytes(changed))
        assert numbers(load(path)) == [1, 2]
    path.write_bytes(whole[:last] + bytes(len(whole) - last))
    assert numbers(load(path)) == [1, 2]


def test_a_file_without_a_page_is_taken_over(service: Scripted, run: Any, path: Path) -> None:
    """A first call that failed, in the wrong workspace say, must not stand in the way of the right one."""
    path.write_bytes(first_line(workspace="jetmet"))
    service.will_page([run_row(n) for n in range(4)], 2)
    listed = run.list_all(TWO, checkpoint=path, resume_from=path)
    assert numbers(listed) == list(range(4))
    assert load(path).results == listed.results
    assert load(path).origin.workspace == ORIGIN["workspace"]


def test_pages_that_do_not_count_yet_are_neither_read_nor_left_behind_a_new_listing(
    service: Scripted, run: Any, path: Path
) -> None:
    path.write_bytes(first_line() + record({}, body(7)) + record({}, body(8)))
    assert (len(load(path)), load(path).complete) == (0, False)
    service.will_page([run_row(1)], 2)
    run.list_all(checkpoint=path)
    assert numbers(load(path)) == [1]
    assert len(parsed(path)[1]) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1....", "not a listing of cmsdials"),
        (b'{"format": "something"}\n', "not a listing of cmsdials"),
        (b'{"format": "cmsdials listing", "version": 9}\n', "version 9"),
        (b'{"format": "cmsdials listing", "version": 2}\n', "does not say what it is a listing of"),
        (first_line(began=3), "does not say what it is a listing of"),
        (first_line(began="yesterday"), "does not say what it is a listing of"),
    ],
)
def test_other_files_are_refused(run: Any, path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    for call in (lambda: load(path), lambda: run.list_all(checkpoint=path, resume_from=path)):
        with pytest.raises(CheckpointError, match=said):
            call()
    assert path.read_bytes() == content


# --- what is never overwritten


def test_a_file_that_is_there_is_never_overwritten(run: Any, path: Path) -> None:
    before = listed_into(path)
    with pytest.raises(CheckpointError, match=r"is there already.*resume_from="):
        run.list_all(checkpoint=path)
    assert path.read_bytes() == before
    path.write_text("my thesis")
    with pytest.raises(CheckpointError, match=r"is there already"):
        run.list_all(checkpoint=path)
    assert path.read_text() == "my thesis"


@pytest.mark.parametrize("resumes", [False, True])
def test_a_file_of_another_version_is_never_overwritten(run: Any, path: Path, resumes: bool) -> None:
    before = first_line(version=3) + b"something"
    path.write_bytes(before)
    with pytest.raises(CheckpointError, match="version 3" if resumes else "there already"):
        run.list_all(checkpoint=path, resume_from=path if resumes else None)
    assert path.read_bytes() == before


def test_a_damaged_file_is_not_overwritten_either(run: Any, path: Path) -> None:
    damaged = listed_into(path).replace(b"\npage ", b"\nPAGE ", 1)
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="is there already"):
        run.list_all(checkpoint=path)
    assert path.read_bytes() == damaged


def test_going_on_drops_what_was_cut_off(service: Scripted, run: Any, path: Path) -> None:
    path.write_bytes(listed_into(path)[:-3])
    service.will_page([run_row(3)], 1)
    run.list_all(checkpoint=path, resume_from=path)
    assert service.queries[0]["next_token"] == "c2"
    assert numbers(load(path)) == [1, 2, 3]
    assert len(parsed(path)[1]) == 3


# --- several processes


def test_two_listings_do_not_write_one_file(service: Scripted, run: Any, path: Path) -> None:
    def meanwhile(_: httpx.Request) -> httpx.Response:
        for options in ({}, {"resume_from": path}):
            with pytest.raises(CheckpointError, match=r"another process is writing|is there already"):
                Scripted().dials.run.list_all(checkpoint=path, **options)
        with pytest.raises(CheckpointError, match="another process is writing"):
            Scripted().dials.run.list_all(checkpoint=path, resume_from=path)
        return httpx.Response(200, content=body(2))

    service.will_answer(httpx.Response(200, content=body(1, next="http://x/?next_token=a")), meanwhile)
    run.list_all(checkpoint=path)
    assert numbers(load(path)) == [1, 2]


posix = pytest.mark.skipif(os.name != "posix", reason="there is no flock")


def before_the_lock(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Do something when a file is about to be locked, once."""
    import fcntl

    flock = fcntl.flock

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        then()
        flock(*arguments)

    monkeypatch.setattr(fcntl, "flock", late)


@posix
@pytest.mark.parametrize("goes_on", [False, True])
def test_what_another_process_wrote_just_before_the_lock_is_refused(
    run: Any, path: Path, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(listed_into(path)[:-3] if goes_on else first_line())
    other = Scripted()
    other.will_page([run_row(3)], 1)
    resumed = path if goes_on else None
    before_the_lock(monkeypatch, lambda: other.dials.run.list_all(checkpoint=path, resume_from=resumed))
    with pytest.raises(
        CheckpointError, match="another process has written" if goes_on else "is there already"
    ):
        run.list_all(checkpoint=path, resume_from=resumed)
    assert numbers(load(path)) == ([1, 2, 3] if goes_on else [3])


@posix
@posix
def test_a_cut_page_that_another_process_wrote_again_is_noticed_by_what_it_holds(
    run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = listed_into(path)[:-3]
    path.write_bytes(content)
    other = content[:-50] + b"x" * 50
    before_the_lock(monkeypatch, lambda: path.write_bytes(other))
    with pytest.raises(CheckpointError, match="another process has written"):
        run.list_all(checkpoint=path, resume_from=path)
    assert path.read_bytes() == other


def test_a_file_that_has_become_smaller_is_not_resumed(
    run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(listed_into(path)[:-3])
    smaller = listed_into(path.with_name("smaller"), pages=1)
    before_the_lock(monkeypatch, lambda: path.write_bytes(smaller))
    with pytest.raises(CheckpointError, match="another process has written"):
        run.list_all(checkpoint=path, resume_from=path)
    assert path.read_bytes() == smaller


@posix
def test_a_file_system_without_locks_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    listed_into(path)
    assert numbers(load(path)) == [1, 2, 3]


def at_fsync(monkeypatch: pytest.MonkeyPatch, number: int, then: Callable[[], object]) -> None:
    """Do something when the disk is waited for the so manyth time; the first is for the first line of a file."""
    fsync, calls = os.fsync, [0]

    def counted(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] == number:
            then()
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", counted)


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def test_a_ctrl_c_while_a_file_is_begun_leaves_it_to_others(
    run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        at_fsync(patched, 1, raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt) as caught:
            run.list_all(checkpoint=path)
    listed_into(path)
    assert numbers(load(path)) == [1, 2, 3]
    assert caught.traceback, "and with it the file, which is still referred to"


def test_two_may_save_in_one_place_at_a_time(
    service: Scripted, run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.will_page([run_row(1)], 1)
    service.will_page([run_row(2)], 1)
    one, other = run.list_all(), run.list_all()
    at_fsync(monkeypatch, 2, lambda: other.save(path))
    one.save(path)
    assert numbers(load(path)) == [1]
    assert [*path.parent.iterdir()] == [path]


# --- disks and names


def test_a_full_disk_keeps_what_was_there(
    service: Scripted, run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    with monkeypatch.context() as patched:
        at_fsync(patched, 3, raising(OSError(28, "No space left on device")))
        with pytest.warns(RuntimeWarning, match="No space left on device"):
            partial = run.list_all(TWO, checkpoint=path, keep_failed=True)
    assert numbers(partial) == numbers(load(path)) == [0, 1]
    assert len(parsed(path)[1]) == 1, "what did not fit was taken back"
    service.answers.clear()
    service.will_page([run_row(n) for n in range(6)], 2)
    del service.answers[0]
    run.list_all(TWO, checkpoint=path, resume_from=path)
    assert service.queries[-2]["next_token"] == "c2"
    assert numbers(load(path)) == list(range(6))


def test_what_a_full_disk_refused_is_never_written_later(
    service: Scripted, run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AlmostFull(io.FileIO):
        """On a disk that has room for half of a third page, and then not even for taking it back."""

        room = len(listed_into(path)) - 60

        def write(self, data: Any) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            written = super().write(data[: self.room])
            self.room -= written
            return written

        def truncate(self, size: int | None = None) -> int:
            if not self.room:
                raise OSError(5, "Input/output error")
            return super().truncate(size)

    path.unlink()
    service.will_page([run_row(n) for n in range(1, 4)], 1)
    with monkeypatch.context() as patched:
        patched.setattr("io.FileIO", AlmostFull)
        with pytest.raises(CheckpointError, match="No space left on device"):
            run.list_all(RunFilters(page_size=1), checkpoint=path)
    assert path.stat().st_size == AlmostFull.room
    assert numbers(load(path)) == [1, 2]
    service.will_page([run_row(3)], 1)
    run.list_all(RunFilters(page_size=1), checkpoint=path, resume_from=path)
    assert numbers(load(path)) == [1, 2, 3]
    assert len(parsed(path)[1]) == 3


def test_a_file_that_does_not_close_has_its_pages(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stubborn(io.FileIO):
        def close(self) -> None:
            closed = self.closed
            super().close()
            if not closed:
                raise OSError(5, "Input/output error")

    monkeypatch.setattr("io.FileIO", Stubborn)
    listed_into(path)
    assert numbers(load(path)) == [1, 2, 3]


def test_a_file_that_is_not_there(run: Any, path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no"):
        load(path)
    with pytest.raises(CheckpointError, match="there is no"):
        run.list_all(checkpoint=path / "no" / "such")


def test_a_folder_that_goes_away_while_something_is_saved(
    service: Scripted, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def gone() -> None:
        shutil.rmtree(folder)
        folder.write_text("a file by now")

    service.will_page([run_row(1)], 1)
    listed = run.list_all()
    at_fsync(monkeypatch, 2, gone)
    with pytest.raises(CheckpointError, match=r"cannot be written .Not a directory"):
        listed.save(folder / "runs.dials")


def test_names_with_a_tilde_are_of_the_home_folder(
    service: Scripted, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    service.will_page([run_row(n) for n in range(4)], 2)
    listed = run.list_all(TWO, checkpoint="~/here.dials")
    listed.save("~/there.dials")
    assert load("~/here.dials").results == load(tmp_path / "there.dials").results == listed.results


def test_a_saved_result_knows_when_it_came(run: Any, service: Scripted, path: Path) -> None:
    service.will_page([run_row(1)], 2)
    listed = run.list_all()
    listed.retrieved -= timedelta(days=3)
    listed.save(path)
    assert load(path).retrieved == listed.retrieved


def test_a_listing_in_a_file_knows_when_its_last_page_came(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(1), run_row(2)], 1)
    run.list_all(max_pages=1, checkpoint=path)
    began = datetime.fromisoformat(parsed(path)[0]["began"])
    before = datetime.now(UTC)
    run.list_all(checkpoint=path, resume_from=path)
    assert began < before <= load(path).retrieved <= datetime.now(UTC)
    assert run.list_all(checkpoint=path, resume_from=path).retrieved == load(path).retrieved


def test_going_on_does_not_hold_the_answers_in_the_file(service: Scripted, run: Any, path: Path) -> None:
    large = 3_000_000
    page = body(1, next="http://x/?next_token=a")
    held: list[int] = []

    def measure(_: httpx.Request) -> httpx.Response:
        held.append(tracemalloc.get_traced_memory()[0])
        return httpx.Response(200, content=body(2))

    service.will_answer(httpx.Response(400, json=FAILING), measure)
    with pytest.raises(BadRequestError):
        run.list_all()  # what is made once is made
    path.write_bytes(first_line() + record({"next": "http://x/?next_token=a"}, page + b" " * large))
    tracemalloc.start()
    try:
        run.list_all(checkpoint=path, resume_from=path)
    finally:
        tracemalloc.stop()
    assert held[0] < large / 3


def test_a_link_to_a_file_stays_one(path: Path, tmp_path: Path, service: Scripted, run: Any) -> None:
    link = tmp_path / "link.dials"
    link.symlink_to(path)
    service.will_page([run_row(n) for n in range(4)], 2)
    first = run.list_all(TWO, max_pages=1, checkpoint=link)  # to a file that is not there yet
    assert numbers(load(path)) == [0, 1]
    assert numbers(run.list_all(TWO, checkpoint=path, resume_from=link)) == [0, 1, 2, 3]
    assert numbers(load(link)) == [0, 1, 2, 3]
    first.save(link)
    assert link.is_symlink()
    assert numbers(load(path)) == [0, 1]


def test_a_folder_is_not_a_file(service: Scripted, run: Any, tmp_path: Path) -> None:
    for options in ({"checkpoint": tmp_path}, {"checkpoint": tmp_path, "resume_from": tmp_path}):
        with pytest.raises(CheckpointError, match=r"is a folder. Name a file in it\."):
            run.list_all(**options)
    service.will_page([run_row(1)], 1)
    with pytest.raises(CheckpointError, match="is a folder"):
        run.list_all().save(tmp_path)


@pytest.mark.parametrize("name", [True, 3, "", b"x", Path, "a\0b", "~nobody.at.all/runs.dials"])
def test_what_cannot_name_a_file(run: Any, name: Any) -> None:
    for call in (lambda: run.list_all(checkpoint=name), lambda: load(name)):
        with pytest.raises(ConfigurationError, match="must be named by text or a path"):
            call()


def test_a_folder_that_is_not_there_is_named(run: Any, service: Scripted, tmp_path: Path) -> None:
    service.will_page([run_row(1)], 2)
    with pytest.raises(CheckpointError, match=r"there is no folder .*missing\. Make it, or .*run\.dials\.$"):
        run.list_all().save(tmp_path / "missing" / "run.dials")


def test_a_folder_whose_name_is_too_long(run: Any, service: Scripted, tmp_path: Path) -> None:
    service.will_page([run_row(1)], 2)
    with pytest.raises(CheckpointError, match=r"cannot be written \(File name too long\)"):
        run.list_all().save(tmp_path / ("x" * 300) / "run.dials")


def test_a_listing_from_the_middle_to_the_end_says_so(run: Any, service: Scripted) -> None:
    service.will_page([run_row(1)], 2)
    listed = run.list_all(RunFilters(next_token="c5"))
    assert repr(listed) == "<1 row of Run, to the end, but not from the beginning>"
    assert listed.status == "1 row of run: to the end, but not from the beginning"


def test_a_file_without_a_page_says_that_nothing_has_come(run: Any, path: Path) -> None:
    path.write_bytes(first_line())
    assert (
        load(path).status == "0 rows of run: nothing has come yet; pass this result as resume_from= to begin"
    )
    assert repr(load(path)) == "<0 rows of Run, more to come>"


@pytest.mark.parametrize("name", ["read", "opened"])
def test_what_may_not_be_touched(run: Any, path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(file_of(body(1, next="http://x/?next_token=a")))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    where = "os.open" if name == "read" else "io.FileIO"
    monkeypatch.setattr(where, refuse)
    with pytest.raises(CheckpointError, match=f"cannot be {name} .Permission denied"):
        run.list_all(checkpoint=path, resume_from=path)


# --- list_all


def test_a_listing_is_kept_page_by_page_and_gone_on_with(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    service.will_answer(FAILING, status=400)
    service.answers.insert(2, service.answers.pop())
    with pytest.raises(Exception, match="HTTP 400"):
        run.list_all(TWO, checkpoint=path)
    assert numbers(load(path)) == [0, 1, 2, 3]
    assert not load(path).complete
    whole = run.list_all(TWO, checkpoint=path, resume_from=path)
    assert numbers(whole) == list(range(6))
    assert service.queries[-1]["next_token"] == "c4"
    assert whole.complete
    assert load(path).complete
    assert numbers(load(path)) == list(range(6))
    again = run.list_all(TWO, checkpoint=path, resume_from=path)  # a rerun of the same call
    assert numbers(again) == list(range(6))
    other = path.with_name("other.dials")
    run.list_all(TWO, checkpoint=other, resume_from=again)
    assert numbers(load(other)) == list(range(6))
    assert load(other).complete


def test_the_same_call_begins_and_goes_on(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(1)], 2)
    assert numbers(run.list_all(checkpoint=path, resume_from=path)) == [1]


def test_going_on_from_a_file_alone_leaves_it(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    run.list_all(TWO, max_pages=1, checkpoint=path)
    before = path.read_bytes()
    assert numbers(run.list_all(TWO, resume_from=path)) == [0, 1, 2, 3]
    assert path.read_bytes() == before


def test_a_result_can_be_saved_and_gone_on_from(
    service: Scripted, run: Any, path: Path, tmp_path: Path
) -> None:
    service.will_page([run_row(n) for n in range(40)], 10)
    first = run.list_all(max_pages=2)
    first.save(path)
    loaded = load(path)
    assert (loaded.results, loaded.next, loaded.complete) == (first.results, first.next, False)
    kept = tmp_path / "more.dials"
    second = run.list_all(max_pages=2, resume_from=path, checkpoint=kept)
    assert numbers(second) == list(range(40))
    assert numbers(load(kept)) == list(range(40))
    second.save(path)
    assert load(path).complete
    assert sorted(one.name for one in tmp_path.iterdir()) == ["more.dials", "runs.dials"]


def test_going_on_from_a_result_in_the_file_that_kept_it(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(TWO, max_pages=1, checkpoint=path)
    whole = run.list_all(TWO, resume_from=first, checkpoint=path)
    assert numbers(whole) == numbers(load(path)) == list(range(6))


def test_going_on_from_a_result_spares_a_file_of_something_else(
    service: Scripted, run: Any, path: Path, tmp_path: Path
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(TWO, max_pages=1, checkpoint=path)
    second = run.list_all(TWO, max_pages=1, resume_from=first)
    third = run.list_all(TWO, resume_from=second)
    before = path.read_bytes()
    for more in (second, third):
        with pytest.raises(CheckpointError, match="is there already"):  # it holds less than the result
            run.list_all(TWO, resume_from=more, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        {"max_pages": 2, "filters": RunFilters(page_size=2, dataset_id=14677060)},
        {"max_pages": 1, "filters": RunFilters(page_size=3)},
    ],
    ids=["filter", "page size"],
)
def test_going_on_from_a_result_spares_a_file_that_is_not_of_the_same_pages(
    service: Scripted, run: Any, path: Path, other: dict[str, Any]
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(TWO, max_pages=1)
    service.answers.clear()
    service.will_page([run_row(n) for n in range(10, 16)], other["filters"].page_size)
    run.list_all(**other, checkpoint=path)
    before, asked = path.read_bytes(), len(service.asked)
    with pytest.raises(CheckpointError, match="is there already"):
        run.list_all(TWO, resume_from=first, checkpoint=path)
    assert (path.read_bytes(), len(service.asked)) == (before, asked)


@pytest.mark.parametrize("way", ["result", "checkpoint", "saved", "saved and checkpoint"])
def test_a_link_back_is_noticed_after_going_on(
    service: Scripted, run: Any, path: Path, tmp_path: Path, way: str
) -> None:
    """The service links from page 3 to page 2, each time: no loop of the user may collect pages 2 and 3 for ever."""
    service.will_page([run_row(n) for n in range(6)], 2)
    kept = path if way == "checkpoint" else None
    source: Any = run.list_all(TWO, max_pages=2, checkpoint=kept)
    if way.startswith("saved"):
        source.save(path)
    if way == "saved and checkpoint":
        more = tmp_path / "more.dials"
        service.answers[0] = httpx.Response(400, json={"detail": "no"})
        with pytest.raises(BadRequestError):
            run.list_all(TWO, resume_from=path, checkpoint=more)
        path = more
    if way != "result":
        source = path
    service.answers.clear()
    service.will_answer(
        {"next": "http://x/?next_token=c2", "previous": None, "results": [run_row(4), run_row(5)]}
    )
    with pytest.raises(PaginationError, match="links back"):
        run.list_all(TWO, resume_from=source)


def test_a_link_back_to_where_a_listing_began_is_noticed_after_going_on(
    service: Scripted, run: Any, path: Path
) -> None:
    filters = RunFilters(page_size=2, next_token="c2")
    service.will_answer({"next": "http://x/?next_token=c4", "previous": None, "results": [run_row(2)]})
    service.will_answer(FAILING, status=400)
    with pytest.raises(BadRequestError):
        run.list_all(filters, checkpoint=path)
    service.will_answer({"next": "http://x/?next_token=c2", "previous": None, "results": [run_row(4)]})
    with pytest.raises(PaginationError, match="links back"):
        run.list_all(filters, resume_from=path)
    assert [query["next_token"] for query in service.queries] == ["c2", "c4", "c4"]


def test_a_listing_from_a_cursor_on_that_has_ended_is_not_begun_again(service: Scripted, run: Any) -> None:
    service.will_page([run_row(3)], 2)
    part = run.list_all(RunFilters(next_token="c3"))
    with pytest.warns(RuntimeWarning, match="nothing left to fetch"):
        again = run.list_all(RunFilters(next_token="c3"), resume_from=part)
    assert numbers(again) == [3]
    assert len(service.asked) == 1


def test_a_listing_without_rows_that_has_ended_is_not_begun_again(service: Scripted, run: Any) -> None:
    service.will_page([], 2)
    nothing = run.list_all()
    with pytest.warns(RuntimeWarning, match="nothing left to fetch"):
        assert run.list_all(resume_from=nothing).complete
    assert len(service.asked) == 1


def test_a_saved_listing_that_has_not_begun_is_not_complete(service: Scripted, run: Any, path: Path) -> None:
    service.will_answer(FAILING, status=400)
    with pytest.warns(RuntimeWarning, match="0 rows of run: stopped by BadRequestError"):
        run.list_all(keep_failed=True).save(path)
    loaded = load(path)
    assert (loaded.complete, loaded.status[:33]) == (False, "0 rows of run: nothing has come y")
    service.will_page([run_row(1)], 2)
    assert numbers(run.list_all(resume_from=path)) == [1]


def test_a_large_page_is_saved_in_pieces(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(1203)], 2000)
    listed = run.list(RunFilters(page_size=2000))
    listed.save(path)
    _, pages = parsed(path)
    assert [len(json.loads(one)["results"]) for _, bodies in pages for one in bodies] == [500, 500, 203]
    assert load(path) == listed


def test_a_listing_of_some_fields_comes_back(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([{"run_number": n} for n in range(3)], 2)
    listed = run.list_all(fields=["run_number"], checkpoint=path)
    loaded = load(path)
    assert loaded == listed
    assert (loaded.fields, [row.dict() for row in loaded][:1]) == (("run_number",), [{"run_number": 0}])
    service.will_page([], 2)
    path.unlink()
    run.list_all(fields=["run_number"], checkpoint=path)
    assert list(load(path).to_pandas().columns) == ["run_number"]


def test_rows_that_come_back_are_those_of_this_client(service: Scripted, path: Path) -> None:
    service.will_answer({"next": None, "previous": None, "results": [th1(1)]})
    service.dials.h1d.list_all(checkpoint=path)
    assert load(path).record is LumisectionHistogram1D
    assert [type(row) for row in load(path)] == [LumisectionHistogram1D]


def test_a_file_with_rows_that_cannot_be_is_named(path: Path) -> None:
    path.write_bytes(file_of(b'{"next": null, "previous": null, "results": [{}]}'))
    with pytest.raises(
        CheckpointError, match=r"holds what is no page of run: .*'dataset_id' is missing"
    ) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, SchemaError)


def test_a_file_of_a_list_that_is_not_known_yet(path: Path) -> None:
    path.write_bytes(file_of(body(1), resource="weather"))
    with pytest.raises(
        CheckpointError, match="holds 'weather', which this version of cmsdials does not know"
    ):
        load(path)


def test_what_is_gone_on_from_must_be_there(run: Any, path: Path, tmp_path: Path) -> None:
    for options in ({}, {"checkpoint": tmp_path / "other.dials"}):
        with pytest.raises(CheckpointError, match="there is no"):
            run.list_all(resume_from=path, **options)


def test_what_cannot_be_gone_on_from(run: Any) -> None:
    wrong: Any = 3
    with pytest.raises(
        ConfigurationError, match="resume_from must be a result or the name of a file, not int"
    ):
        run.list_all(resume_from=wrong)


def test_a_listing_from_a_cursor_on_is_not_all(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(3)], 2)
    part = run.list_all(RunFilters(next_token="c3"), checkpoint=path)
    assert (part.next, part.complete, load(path).complete) == (None, False, False)
    with pytest.raises(CheckpointError, match="next_token is 'c3' there and None here"):
        run.list_all(resume_from=part)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"workspace": "jetmet"}, "workspace is 'jetmet' there and 'tracker' here"),
        ({"base_url": "http://other.test/"}, "base_url is 'http://other.test/' there"),
        ({"resource": "lumi"}, "resource is 'lumi' there and 'run' here"),
        ({"query": {"run_number": 3}}, "filter run_number is 3 there and None here"),
        ({"query": {"fields": ["run_number"]}}, "filter fields is"),
    ],
)
def test_a_file_of_another_listing_is_refused(
    service: Scripted, run: Any, path: Path, change: dict[str, Any], said: str
) -> None:
    path.write_bytes(file_of(body(1), **change))
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=said):
        run.list_all(checkpoint=path, resume_from=path)
    assert path.read_bytes() == before
    assert service.asked == []


def test_a_result_of_another_listing_is_refused(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    partial = run.list_all(RunFilters(dataset_id=14677060), max_pages=1)
    with pytest.raises(CheckpointError, match="dataset_id is 14677060 there and 2 here"):
        run.list_all(RunFilters(dataset_id=2), resume_from=partial)
    with pytest.raises(CheckpointError, match="resource is 'run' there and 'h1d' here"):
        service.dials.h1d.list_all(resume_from=partial)


def test_another_page_size_is_the_same_listing(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    partial = run.list_all(TWO, max_pages=1)
    assert numbers(run.list_all(RunFilters(page_size=7), resume_from=partial)) == [0, 1, 2, 3]
    assert service.queries[-1]["page_size"] == "7"


def test_what_a_stopped_result_says(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.will_answer({"detail": "x"}, status=501)
    service.answers.insert(1, service.answers.pop())
    with pytest.warns(RuntimeWarning):
        partial = run.list_all(TWO, keep_failed=True)
    assert (
        partial.status == "2 rows of run: stopped by ServerError; pass this result as resume_from= to go on"
    )
    assert partial.exc_type == ServerError.__name__
    assert not partial.complete


@pytest.mark.parametrize("killed_at", [2, 3, 4, 5])
def test_a_kill_while_an_earlier_result_is_copied_loses_nothing(
    service: Scripted, run: Any, path: Path, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it in the file does not count as the end of the listing, nor as its beginning."""
    service.will_page([run_row(n) for n in range(1300)], 1203)
    first = run.list(RunFilters(page_size=1203))
    with monkeypatch.context() as patched:
        at_fsync(patched, killed_at, raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            run.list_all(resume_from=first, checkpoint=path)
    assert len(parsed(path)[1]) == killed_at - 1
    assert len(load(path)) == (len(first) if killed_at == 5 else 0)
    assert len(service.asked) == 1
    listed = run.list_all(resume_from=first, checkpoint=path)
    assert numbers(listed) == numbers(load(path)) == list(range(1300))
    assert listed.complete


@pytest.mark.parametrize("change", [{"data": [1.0, 2.0]}, {"run_number": "1"}, {"me": None}])
def test_a_row_that_could_not_be_read_again_is_refused_and_the_old_file_stays(
    service: Scripted, path: Path, change: dict[str, Any]
) -> None:
    service.will_answer({"next": None, "previous": None, "results": [th1(1), th1(2)]})
    listed = service.dials.h1d.list_all()
    listed.save(path)
    before = path.read_bytes()
    ((field, value),) = change.items()
    kept = getattr(listed.results[1], field)
    setattr(listed.results[1], field, value)
    with pytest.raises(CheckpointError, match=f"row 1 cannot be kept .*: field '{field}.* Undo the change"):
        listed.save(path)
    assert path.read_bytes() == before
    setattr(listed.results[1], field, kept)
    listed.save(path)
    assert load(path).results == listed.results


def test_a_row_without_a_field_is_refused(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(1)], 1)
    listed = run.list_all()
    del listed.results[0].ls_count
    with pytest.raises(CheckpointError, match=r"row 0 .* 'ls_count' is missing"):
        listed.save(path)
    assert not path.exists()


def test_what_no_file_can_hold_is_refused_and_the_old_file_stays(
    service: Scripted, run: Any, path: Path
) -> None:
    service.will_page([run_row(1, ls_completeness=0.5), run_row(2)], 2)
    listed = run.list_all()
    listed.save(path)
    before = path.read_bytes()
    for field, value, said in (
        ("ls_completeness", float("nan"), "ls_completeness is not a finite number"),
        ("dataset", "\ud800", "holds what a listing file cannot"),
        ("ls_count", object(), "holds what a listing file cannot"),
    ):
        kept = getattr(listed.results[0], field)
        setattr(listed.results[0], field, value)
        with pytest.raises(CheckpointError, match=said):
            listed.save(path)
        assert path.read_bytes() == before
        assert [*path.parent.iterdir()] == [path]
        setattr(listed.results[0], field, kept)
    listed.save(path)
    assert load(path).results == listed.results
