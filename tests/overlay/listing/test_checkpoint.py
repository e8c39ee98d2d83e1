"""Listings in files: what was kept comes back, what is damaged or of another listing does not."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve
from cmsdials.errors import (
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    PaginationError,
    SchemaError,
    ServerError,
)
from cmsdials.filters import RunFilters
from cmsdials.listing import checkpoint
from cmsdials.listing.checkpoint import CheckpointFile, StoredPage, read_checkpoint, write_whole
from cmsdials.listing.provenance import Origin
from cmsdials.listing.resume import earlier_of
from cmsdials.models import LumisectionHistogram1D
from cmsdials.result import load

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1

ORIGIN = Origin(resource="run", base_url="http://dials.test/", workspace="tracker", query={})
FAILING = {"detail": "no"}


@pytest.fixture
def run(service: Scripted) -> Any:
    return service.dials.run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.dials"


def body(*numbers: int, next: str | None = None) -> bytes:
    return json.dumps({"next": next, "previous": None, "results": [run_row(n) for n in numbers]}).encode()


def written(path: Path, *bodies: bytes) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        for one in bodies:
            file.append(stored_page(one))


def first_line(**changed: Any) -> bytes:
    return (
        json.dumps({"format": "cmsdials listing", "version": 2, **ORIGIN.as_json(), **changed}).encode()
        + b"\n"
    )


def bodies_of(path: Path) -> list[bytes]:
    stored = read_checkpoint(path)
    assert stored is not None
    return [body for page in stored.pages for body in page.bodies]


def stored_page(body: bytes) -> StoredPage:
    """As a listing keeps a page."""
    return StoredPage({"next": json.loads(body)["next"] if body.startswith(b"{") else None}, (body,))


# --- the file


def test_pages_come_back_as_they_went(path: Path) -> None:
    written(path, body(1), b"", b"\x00\xffpage 3 x\n" * 1000)
    stored = read_checkpoint(path)
    assert stored is not None
    assert bodies_of(path) == [body(1), b"", b"\x00\xffpage 3 x\n" * 1000]
    assert stored.origin == ORIGIN
    assert stored.end == path.stat().st_size


def test_a_file_cut_anywhere_keeps_its_whole_pages(path: Path) -> None:
    written(path, body(1), body(2), body(3))
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    counts = set()
    for end in range(header, len(whole) + 1):
        path.write_bytes(whole[:end])
        found = bodies_of(path)
        assert found == [body(1), body(2), body(3)][: len(found)]
        counts.add(len(found))
    assert counts == {0, 1, 2, 3}


def test_a_file_cut_in_its_first_line_is_begun_anew(path: Path) -> None:
    written(path, body(1))
    header = path.read_bytes().split(b"\n")[0]
    for end in range(len(header) + 1):
        path.write_bytes(header[:end])
        with pytest.raises(CheckpointError, match="not a listing of cmsdials"):
            read_checkpoint(path)
        assert read_checkpoint(path, missing_ok=True) is None
        written(path, body(2))
        assert bodies_of(path) == [body(2)]


def test_a_byte_that_changed_anywhere_is_noticed(path: Path) -> None:
    written(path, body(1), body(2), body(3))
    whole = path.read_bytes()
    header, last = whole.index(b"\n") + 1, whole.rindex(b"\npage ") + 1
    for position in range(header, last):
        changed = bytearray(whole)
        changed[position] ^= 0x55
        path.write_bytes(bytes(changed))
        with pytest.raises(CheckpointError, match=r"page \d of .* is damaged"):
            read_checkpoint(path)


def test_a_saved_file_that_is_cut_anywhere_is_no_empty_listing(
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
    content = os.urandom(2 << 20)
    written(path, content[: 1 << 20])
    excess = path.stat().st_size - path.read_bytes().index(b"\npage ") - (1 << 20)
    path.unlink()
    written(path, content[: (1 << 20) - excess - 30], body(2))
    whole = path.read_bytes()
    first, last = whole.index(b"\npage ") + 1, whole.rindex(b"\npage ")
    assert last - first < 1 << 20 < last - first + 60
    assert len(bodies_of(path)) == 2
    path.write_bytes(whole[: first + 5000] + b"damaged" + whole[first + 5007 :])
    with pytest.raises(CheckpointError, match=r"page 1 of .* is damaged"):
        read_checkpoint(path)


def test_a_last_page_that_did_not_reach_the_disk_is_dropped(path: Path) -> None:
    """As after a power cut: of the right length, with something else in it."""
    written(path, body(1), body(2), body(3))
    whole = path.read_bytes()
    last = whole.rindex(b"\npage ") + 1
    for position in [*range(last, len(whole), 3), len(whole) - 1]:
        changed = bytearray(whole)
        changed[position] ^= 0x55
        path.write_bytes(bytes(changed))
        assert bodies_of(path) == [body(1), body(2)]
    path.write_bytes(whole[:last] + bytes(len(whole) - last))
    assert bodies_of(path) == [body(1), body(2)]


def test_a_page_of_several_answers_comes_back_as_it_went(path: Path) -> None:
    several = StoredPage({"next": "http://x/?next_token=c", "passed": ["a"]}, (body(1), b"", body(2, 3)))
    with CheckpointFile(path, ORIGIN) as file:
        file.append(several)
    stored = read_checkpoint(path)
    assert stored is not None
    assert stored.pages == [several]


def test_a_file_without_a_page_is_taken_over(service: Scripted, run: Any, path: Path) -> None:
    """A first call that failed, in the wrong workspace say, must not stand in the way of the right one."""
    with CheckpointFile(path, evolve(ORIGIN, workspace="jetmet")):
        pass
    service.will_page([run_row(n) for n in range(4)], 2)
    listed = run.list_all(RunFilters(page_size=2), checkpoint=path, resume_from=path)
    assert numbers(listed) == list(range(4))
    assert load(path).results == listed.results
    assert load(path).origin.workspace == ORIGIN.workspace


def test_pages_that_do_not_count_yet_are_neither_read_nor_left_behind_a_new_listing(path: Path) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        header = path.stat().st_size
        file.append(StoredPage({}, (os.urandom(1000),)))
        file.append(StoredPage({}, (os.urandom(1000),)))
    stored = read_checkpoint(path)
    assert stored is not None
    assert (stored.pages, stored.end, stored.size) == ([], header, path.stat().st_size)
    written(path, body(1))
    assert bodies_of(path) == [body(1)]


def test_names_with_a_tilde_are_of_the_home_folder(
    service: Scripted, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    service.will_page([run_row(n) for n in range(4)], 2)
    listed = run.list_all(RunFilters(page_size=2), checkpoint="~/here.dials")
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
    stored = read_checkpoint(path)
    assert stored is not None
    before = datetime.now(UTC)
    run.list_all(checkpoint=path, resume_from=path)
    assert stored.began < before <= load(path).retrieved <= datetime.now(UTC)
    assert run.list_all(checkpoint=path, resume_from=path).retrieved == load(path).retrieved


def test_going_on_does_not_hold_the_answers_in_the_file(path: Path) -> None:
    written(path, body(1), body(2))
    stored = earlier_of(path, path, ORIGIN).stored
    assert stored is not None
    assert (stored.pages, stored.end) == ([], path.stat().st_size)


def test_going_on_drops_what_was_cut_off(path: Path) -> None:
    written(path, body(1), body(2))
    path.write_bytes(path.read_bytes()[:-3])
    stored = read_checkpoint(path)
    assert stored is not None
    with CheckpointFile(path, ORIGIN, after=stored) as file:
        file.append(stored_page(body(3)))
    assert bodies_of(path) == [body(1), body(3)]


def test_a_file_that_is_there_is_never_overwritten(path: Path) -> None:
    written(path, body(1))
    with pytest.raises(CheckpointError, match=r"is there already.*resume_from="):
        CheckpointFile(path, ORIGIN)
    path.write_text("my thesis")
    with pytest.raises(CheckpointError, match=r"is there already"):
        CheckpointFile(path, ORIGIN)
    assert path.read_text() == "my thesis"


@pytest.mark.parametrize("resumes", [False, True])
def test_a_file_of_another_version_is_never_overwritten(
    service: Scripted, run: Any, path: Path, resumes: bool
) -> None:
    service.will_page([run_row(1)], 2)
    run.list_all(checkpoint=path)
    first, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(b"\n".join([json.dumps(json.loads(first) | {"version": 3}).encode(), rest[1:]]))
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="version 3" if resumes else "there already"):
        run.list_all(checkpoint=path, resume_from=path if resumes else None)
    assert path.read_bytes() == before


def test_a_damaged_file_is_not_overwritten_either(path: Path) -> None:
    written(path, body(1), body(2))
    damaged = path.read_bytes().replace(b"\npage ", b"\nPAGE ", 1)
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="is there already"):
        CheckpointFile(path, ORIGIN)
    assert path.read_bytes() == damaged


def test_two_processes_do_not_write_one_file(path: Path) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        file.append(stored_page(body(1)))
        with pytest.raises(CheckpointError, match=r"another process is writing"):
            CheckpointFile(path, ORIGIN, after=read_checkpoint(path))
    assert bodies_of(path) == [body(1)]


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_another_process_wrote_just_before_the_lock_is_refused(
    path: Path, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        if goes_on:
            file.append(stored_page(body(1)))
    stored = read_checkpoint(path) if goes_on else None
    lock = checkpoint._lock

    def too_late(*arguments: Any) -> None:
        monkeypatch.setattr(checkpoint, "_lock", lock)
        with CheckpointFile(path, ORIGIN, after=stored) as other:
            other.append(stored_page(body(2)))
        lock(*arguments)

    monkeypatch.setattr(checkpoint, "_lock", too_late)
    with pytest.raises(CheckpointError, match="another process has written"):
        CheckpointFile(path, ORIGIN, after=stored)
    assert bodies_of(path) == ([body(1), body(2)] if goes_on else [body(2)])


@pytest.mark.skipif(os.name != "posix", reason="there is no flock")
def test_a_file_system_without_locks_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    written(path, body(1))
    assert bodies_of(path) == [body(1)]


def test_a_ctrl_c_while_a_file_is_begun_leaves_it_to_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            CheckpointFile(path, ORIGIN)
    written(path, body(1))
    assert bodies_of(path) == [body(1)]
    assert caught.traceback, "and with it the file, which nobody has forgotten"


def test_a_file_that_does_not_close_has_its_pages(path: Path) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        file.append(stored_page(body(1)))
        os.close(file._file.fileno())
    assert bodies_of(path) == [body(1)]


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
def test_other_files_are_refused(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        read_checkpoint(path)


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="there is no"):
        CheckpointFile(path / "no" / "such", ORIGIN)


def test_a_full_disk_keeps_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        file.append(stored_page(body(1)))

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            with pytest.raises(CheckpointError, match="No space left on device"):
                file.append(stored_page(body(2)))
        assert bodies_of(path) == [body(1)]
        file.append(stored_page(body(3)))
    assert bodies_of(path) == [body(1), body(3)]


class AlmostFull:
    """A file on a disk that has room for some bytes, and then not even for taking them back."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.room = 40

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: memoryview) -> int:
        self._refuse()
        written: int = self.file.write(data[: self.room])
        self.room -= written
        return written

    def truncate(self, size: int) -> None:
        if not self.room:
            raise OSError(5, "Input/output error")
        self.file.truncate(size)

    def _refuse(self) -> None:
        if not self.room:
            raise OSError(28, "No space left on device")


def test_what_a_full_disk_refused_is_never_written_later(path: Path) -> None:
    with CheckpointFile(path, ORIGIN) as file:
        file.append(stored_page(body(1)))
        whole, real = path.stat().st_size, file._file
        file._file = AlmostFull(real)
        with pytest.raises(CheckpointError, match="No space left on device"):
            file.append(stored_page(body(2)))
        assert path.stat().st_size == whole + 40
        file._file = real
        file.append(stored_page(body(3)))
    assert bodies_of(path) == [body(1), body(3)]


def test_a_file_that_another_process_went_on_with_is_not_cut(path: Path) -> None:
    written(path, body(1))
    stored = read_checkpoint(path)
    assert stored is not None
    with CheckpointFile(path, ORIGIN, after=stored) as file:
        file.append(stored_page(body(2)))
    with pytest.raises(CheckpointError, match="another process has written"):
        CheckpointFile(path, ORIGIN, after=stored)
    assert bodies_of(path) == [body(1), body(2)]


def test_a_file_that_has_become_smaller_is_not_gone_on_with(path: Path) -> None:
    written(path, body(1), body(2))
    stored = read_checkpoint(path)
    path.unlink()
    written(path, body(1))
    with pytest.raises(CheckpointError, match="another process has written"):
        CheckpointFile(path, ORIGIN, after=stored)
    assert bodies_of(path) == [body(1)]


def test_two_may_save_in_one_place_at_a_time(path: Path) -> None:
    def pages() -> Iterator[StoredPage]:
        write_whole(path, ORIGIN, [stored_page(body(1))])
        yield stored_page(body(2))

    write_whole(path, ORIGIN, pages())
    assert bodies_of(path) == [body(2)]
    assert [*path.parent.iterdir()] == [path]


def test_a_folder_that_goes_away_while_something_is_saved(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def pages() -> Iterator[StoredPage]:
        shutil.rmtree(folder)
        folder.write_text("a file by now")
        yield stored_page(body(1))

    with pytest.raises(CheckpointError, match=r"cannot be written .Not a directory"):
        write_whole(folder / "runs.dials", ORIGIN, pages())


def test_a_link_to_a_file_stays_one(path: Path, tmp_path: Path, service: Scripted, run: Any) -> None:
    link = tmp_path / "link.dials"
    link.symlink_to(path)
    service.will_page([run_row(n) for n in range(4)], 2)
    first = run.list_all(
        RunFilters(page_size=2), max_pages=1, checkpoint=link
    )  # to a file that is not there yet
    assert numbers(load(path)) == [0, 1]
    assert numbers(run.list_all(RunFilters(page_size=2), checkpoint=path, resume_from=link)) == [0, 1, 2, 3]
    assert numbers(load(link)) == [0, 1, 2, 3]
    first.save(link)
    assert link.is_symlink()
    assert numbers(load(path)) == [0, 1]


def test_a_folder_is_no_file(run: Any, tmp_path: Path) -> None:
    for options in ({"checkpoint": tmp_path}, {"checkpoint": tmp_path, "resume_from": tmp_path}):
        with pytest.raises(CheckpointError, match=r"is a folder. Name a file in it\."):
            run.list_all(**options)
    with pytest.raises(CheckpointError, match="is a folder"):
        write_whole(tmp_path, ORIGIN, [])


@pytest.mark.parametrize("name", [True, 3, "", b"x", Path, "a\0b", "~nobody.at.all/runs.dials"])
def test_what_is_no_name_of_a_file(run: Any, name: Any) -> None:
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
    assert repr(listed) == "<1 rows of Run, to the end, but not from the beginning>"
    assert listed.status == "1 rows of run: to the end, but not from the beginning"


def test_a_file_without_a_page_says_that_nothing_has_come(run: Any, path: Path) -> None:
    with CheckpointFile(path, ORIGIN):
        pass
    assert (
        load(path).status == "0 rows of run: nothing has come yet; pass this result as resume_from= to begin"
    )
    assert repr(load(path)) == "<0 rows of Run, more to come>"


@pytest.mark.parametrize("name", ["read", "opened"])
def test_what_may_not_be_touched(run: Any, path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, body(1, next="http://x/?next_token=a"))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    where = "pathlib.Path.exists" if name == "read" else "io.FileIO"
    monkeypatch.setattr(where, refuse)
    with pytest.raises(CheckpointError, match=f"cannot be {name} .Permission denied"):
        run.list_all(checkpoint=path, resume_from=path)


# --- list_all


def numbers(result: Any) -> list[int]:
    return [row.run_number for row in result.results]


def test_a_listing_is_kept_page_by_page_and_gone_on_with(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    service.will_answer(FAILING, status=400)
    service.answers.insert(2, service.answers.pop())
    with pytest.raises(Exception, match="HTTP 400"):
        run.list_all(RunFilters(page_size=2), checkpoint=path)
    assert numbers(load(path)) == [0, 1, 2, 3]
    assert not load(path).complete
    whole = run.list_all(RunFilters(page_size=2), checkpoint=path, resume_from=path)
    assert numbers(whole) == list(range(6))
    assert service.queries[-1]["next_token"] == "c4"
    assert whole.complete
    assert load(path).complete
    assert numbers(load(path)) == list(range(6))
    again = run.list_all(
        RunFilters(page_size=2), checkpoint=path, resume_from=path
    )  # a rerun of the same call
    assert numbers(again) == list(range(6))
    other = path.with_name("other.dials")
    run.list_all(RunFilters(page_size=2), checkpoint=other, resume_from=again)
    assert numbers(load(other)) == list(range(6))
    assert load(other).complete


def test_the_same_call_begins_and_goes_on(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(1)], 2)
    assert numbers(run.list_all(checkpoint=path, resume_from=path)) == [1]


def test_going_on_from_a_file_alone_leaves_it(service: Scripted, run: Any, path: Path) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    run.list_all(RunFilters(page_size=2), max_pages=1, checkpoint=path)
    before = path.read_bytes()
    assert numbers(run.list_all(RunFilters(page_size=2), resume_from=path)) == [0, 1, 2, 3]
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
    first = run.list_all(RunFilters(page_size=2), max_pages=1, checkpoint=path)
    whole = run.list_all(RunFilters(page_size=2), resume_from=first, checkpoint=path)
    assert numbers(whole) == numbers(load(path)) == list(range(6))


def test_going_on_from_a_result_spares_a_file_of_something_else(
    service: Scripted, run: Any, path: Path, tmp_path: Path
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(RunFilters(page_size=2), max_pages=1, checkpoint=path)
    second = run.list_all(RunFilters(page_size=2), max_pages=1, resume_from=first)
    third = run.list_all(RunFilters(page_size=2), resume_from=second)
    before = path.read_bytes()
    for more in (second, third):
        with pytest.raises(CheckpointError, match="is there already"):  # it holds less than the result
            run.list_all(RunFilters(page_size=2), resume_from=more, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        {"max_pages": 2, "filters": RunFilters(page_size=2, dataset_id=9)},
        {"max_pages": 1, "filters": RunFilters(page_size=3)},
    ],
    ids=["filter", "page size"],
)
def test_going_on_from_a_result_spares_a_file_that_is_not_of_the_same_pages(
    service: Scripted, run: Any, path: Path, other: dict[str, Any]
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(RunFilters(page_size=2), max_pages=1)
    service.answers.clear()
    service.will_page([run_row(n) for n in range(10, 16)], other["filters"].page_size)
    run.list_all(**other, checkpoint=path)
    before, asked = path.read_bytes(), len(service.asked)
    with pytest.raises(CheckpointError, match="is there already"):
        run.list_all(RunFilters(page_size=2), resume_from=first, checkpoint=path)
    assert (path.read_bytes(), len(service.asked)) == (before, asked)


@pytest.mark.parametrize("way", ["result", "checkpoint", "saved", "saved and checkpoint"])
def test_a_link_back_is_noticed_after_going_on(
    service: Scripted, run: Any, path: Path, tmp_path: Path, way: str
) -> None:
    """The service links from page 3 to page 2, each time: no loop of the user may collect pages 2 and 3 for ever."""
    service.will_page([run_row(n) for n in range(6)], 2)
    kept = path if way == "checkpoint" else None
    source: Any = run.list_all(RunFilters(page_size=2), max_pages=2, checkpoint=kept)
    if way.startswith("saved"):
        source.save(path)
    if way == "saved and checkpoint":
        more = tmp_path / "more.dials"
        service.answers[0] = httpx.Response(400, json={"detail": "no"})
        with pytest.raises(BadRequestError):
            run.list_all(RunFilters(page_size=2), resume_from=path, checkpoint=more)
        path = more
    if way != "result":
        source = path
    service.answers.clear()
    service.will_answer(
        {"next": "http://x/?next_token=c2", "previous": None, "results": [run_row(4), run_row(5)]}
    )
    with pytest.raises(PaginationError, match="links back"):
        run.list_all(RunFilters(page_size=2), resume_from=source)


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


def test_a_large_page_is_saved_in_pieces(
    service: Scripted, run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.will_page([run_row(n) for n in range(7)], 10)
    listed = run.list_all()
    monkeypatch.setattr("cmsdials.listing.result.LARGEST_PAGE", 3)
    listed.save(path)
    assert [len(json.loads(one)["results"]) for one in bodies_of(path)] == [3, 3, 1]
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
    written(path, b'{"next": null, "previous": null, "results": [{}]}')
    with pytest.raises(SchemaError, match=str(path)):
        load(path)


def test_a_file_of_a_list_that_is_not_known_yet(path: Path) -> None:
    with CheckpointFile(path, evolve(ORIGIN, resource="weather")) as file:
        file.append(stored_page(body(1)))
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


def test_a_page_that_cannot_be_kept_does_not_count(
    service: Scripted, run: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    append = CheckpointFile.append
    calls: list[int] = []

    def full_at_the_second(self: CheckpointFile, content: bytes) -> None:
        calls.append(1)
        if len(calls) == 2:
            message = "the disk is full"
            raise CheckpointError(message)
        append(self, content)

    monkeypatch.setattr(CheckpointFile, "append", full_at_the_second)
    with pytest.warns(RuntimeWarning, match="disk is full"):
        partial = run.list_all(RunFilters(page_size=2), checkpoint=path, keep_failed=True)
    assert numbers(partial) == numbers(load(path)) == [0, 1]
    service.will_page([run_row(n) for n in range(6)], 2)
    del service.answers[:2]
    assert numbers(run.list_all(RunFilters(page_size=2), checkpoint=path, resume_from=path))[:2] == [0, 1]


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
    with CheckpointFile(path, evolve(ORIGIN, **change)) as file:
        file.append(stored_page(body(1)))
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=said):
        run.list_all(checkpoint=path, resume_from=path)
    assert path.read_bytes() == before
    assert service.asked == []


def test_a_result_of_another_listing_is_refused(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    partial = run.list_all(RunFilters(dataset_id=1), max_pages=1)
    with pytest.raises(CheckpointError, match="dataset_id is 1 there and 2 here"):
        run.list_all(RunFilters(dataset_id=2), resume_from=partial)
    with pytest.raises(CheckpointError, match="resource is 'run' there and 'h1d' here"):
        service.dials.h1d.list_all(resume_from=partial)


def test_another_page_size_is_the_same_listing(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    partial = run.list_all(RunFilters(page_size=2), max_pages=1)
    assert numbers(run.list_all(RunFilters(page_size=7), resume_from=partial)) == [0, 1, 2, 3]
    assert service.queries[-1]["page_size"] == "7"


def test_what_a_stopped_result_says(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.will_answer({"detail": "x"}, status=501)
    service.answers.insert(1, service.answers.pop())
    with pytest.warns(RuntimeWarning):
        partial = run.list_all(RunFilters(page_size=2), keep_failed=True)
    assert (
        partial.status == "2 rows of run: stopped by ServerError; pass this result as resume_from= to go on"
    )
    assert partial.exc_type == ServerError.__name__
    assert not partial.complete


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_a_kill_while_an_earlier_result_is_copied_loses_nothing(
    service: Scripted, run: Any, path: Path, killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it in the file does not count as the end of the listing, nor as its beginning."""
    service.will_page([run_row(n) for n in range(6)], 2)
    first = run.list_all(RunFilters(page_size=2), max_pages=2)
    monkeypatch.setattr("cmsdials.listing.result.LARGEST_PAGE", 2)
    append = CheckpointFile.append
    calls: list[int] = []

    def killed(self: CheckpointFile, page: StoredPage) -> None:
        if len(calls) == killed_after:
            raise KeyboardInterrupt
        calls.append(1)
        append(self, page)

    monkeypatch.setattr(CheckpointFile, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        run.list_all(RunFilters(page_size=2), resume_from=first, checkpoint=path)
    monkeypatch.setattr(CheckpointFile, "append", append)
    assert len(service.asked) == 2
    listed = run.list_all(RunFilters(page_size=2), resume_from=first, checkpoint=path)
    assert numbers(listed) == numbers(load(path)) == list(range(6))
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
        ("ls_completeness", float("nan"), "ls_completeness that is no finite number"),
        ("dataset", "\ud800", "holds what a file of a listing cannot"),
        ("ls_count", 2**70, "holds what a file of a listing cannot"),
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
