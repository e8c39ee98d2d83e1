"""Lists that are kept in the cache folder: whole or not at all, each by itself, and never in the way."""

import json
import os
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cmsdials.runtime import cache
from cmsdials.runtime.cache import cache_folder, cached_names, keep, kept

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DIALS = "https://dials.test/api/v1/"
ROWS = [{"me_id": 1, "me": "a b/c"}, {"me_id": 2, "me": "Löwe"}]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[Path]:
    return sorted((folder / "catalogue").glob("*"))


def test_what_is_kept_is_found_again_and_only_its_owner_can_read_it(folder: Path) -> None:
    assert kept("mes", DIALS, "tracker") is None
    assert keep("mes", DIALS, "tracker", ROWS, NOW.astimezone())
    found = kept("mes", DIALS, "tracker")
    assert found is not None
    assert (found.rows, found.retrieved) == (ROWS, NOW)
    (path,) = files(folder)
    assert path.name.startswith("v1-mes-tracker-")
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, folder)]
    assert modes == [0o600, 0o700, 0o700]  # logins may come into the folder later


def test_a_list_takes_the_place_of_the_earlier_one_and_of_no_other(folder: Path) -> None:
    places = [
        ("mes", DIALS, "tracker"),
        ("datasets", DIALS, "tracker"),
        ("mes", DIALS, "Tracker"),
        ("mes", DIALS, "tracker/../x"),
        ("mes", DIALS, "träcker \0\n"),
        ("mes", DIALS, ""),
        ("mes", DIALS, "x" * 400),
        ("mes", f"{DIALS}dev/", "tracker"),
        ("mes", "http://localhost:8000/api/v1/", "tracker"),
    ]
    for again in (0, 100):
        for number, place in enumerate(places):
            assert keep(*place, [{"me": str(number + again)}], NOW)
    assert len(files(folder)) == len(places)
    for number, place in enumerate(places):
        found = kept(*place)
        assert found is not None
        assert found.rows == [{"me": str(number + 100)}]


DAMAGED: dict[str, Any] = {
    "nothing": b"",
    "half of it": b'{"version": 1, "rows": [{"me',
    "no JSON": b"\x00\xff\xfe",
    "a list": b"[]",
    "nesting": b"[" * 100_000,
    "another version": {"version": 2},
    "a version that is text": {"version": "1"},
    "another address": {"address": "https://elsewhere.test/api/v1/"},
    "another workspace": {"workspace": "jetmet"},
    "rows that are none": {"rows": "ab"},
    "rows of numbers": {"rows": [1, 2]},
    "no rows": {"rows": None},
    "no date": {"retrieved": None},
    "a date without a zone": {"retrieved": "2026-11-28T12:00:00"},
    "a date that is none": {"retrieved": "yesterday"},
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_does_not_fit_counts_as_none_and_is_replaced(name: str, folder: Path) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)
    (path,) = files(folder)
    damage = DAMAGED[name]
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    assert kept("mes", DIALS, "tracker") is None
    assert isinstance(cached_names("mes", "https://dials.test/"), list)
    assert keep("mes", DIALS, "tracker", ROWS, NOW)
    assert kept("mes", DIALS, "tracker") is not None
    assert files(folder) == [path]


def test_members_that_a_later_version_adds_do_no_harm(folder: Path) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)
    (path,) = files(folder)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"more": [1]}))
    assert kept("mes", DIALS, "tracker") is not None


def test_a_pipe_is_not_waited_for_and_a_folder_is_no_file(folder: Path) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)
    (path,) = files(folder)
    path.unlink()
    os.mkfifo(path)
    assert kept("mes", DIALS, "tracker") is None
    path.unlink()
    path.mkdir()
    assert kept("mes", DIALS, "tracker") is None
    assert not keep("mes", DIALS, "tracker", ROWS, NOW)
    assert files(folder) == [path]  # and nothing else is left there


def test_a_file_that_is_far_too_large_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)
    monkeypatch.setattr(cache, "_LARGEST", 10)
    assert kept("mes", DIALS, "tracker") is None


def test_a_folder_that_cannot_be_used_costs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("a file in place of the folder")
    assert not keep("mes", DIALS, "tracker", ROWS, NOW)
    assert kept("mes", DIALS, "tracker") is None
    assert cached_names("mes", "https://dials.test/") == []
    for place in ("/proc/self/nowhere", "a\0b", "~no-such-user/x"):
        with monkeypatch.context() as somewhere:
            somewhere.setattr(os, "environ", {**os.environ, "CMSDIALS_CACHE_DIR": place})
            assert not keep("mes", DIALS, "tracker", ROWS, NOW)
            assert kept("mes", DIALS, "tracker") is None
            assert cached_names("mes", "https://dials.test/") == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_costs_nothing(folder: Path) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)
    (folder / "catalogue").chmod(0o500)
    assert not keep("mes", DIALS, "tracker", [], NOW)
    found = kept("mes", DIALS, "tracker")
    assert found is not None
    assert found.rows == ROWS


def test_whoever_reads_while_others_write_finds_a_whole_list(folder: Path) -> None:
    lists = [[{"me": str(number)}] * 50 * (number + 1) for number in range(4)]
    keep("mes", DIALS, "tracker", lists[0], NOW)
    found: list[Any] = []

    def write(number: int) -> None:
        for _ in range(25):
            keep("mes", DIALS, "tracker", lists[number], NOW)
            found.append(kept("mes", DIALS, "tracker"))

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 100
    assert all(one is not None and one.rows in lists for one in found)
    assert len(files(folder)) == 1


def test_a_full_disk_leaves_the_old_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("mes", DIALS, "tracker", ROWS, NOW)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    assert not keep("mes", DIALS, "tracker", [], NOW + timedelta(days=1))
    found = kept("mes", DIALS, "tracker")
    assert found is not None
    assert found.rows == ROWS
    assert len(files(folder)) == 1


def test_the_names_are_there_for_completion_without_a_service_however_old() -> None:
    keep("mes", DIALS, "tracker", ROWS, datetime(2020, 1, 1, tzinfo=UTC))
    keep("mes", DIALS, "jetmet", [{"me": "z"}, {"me": 5}, {}], NOW)
    keep("datasets", DIALS, "tracker", [{"dataset": "/A/B-C-v1/D"}], NOW)
    keep("mes", "https://dials.test.elsewhere/api/v1/", "tracker", [{"me": "other"}], NOW)
    assert cached_names("mes", "https://dials.test/", "tracker") == ["Löwe", "a b/c"]
    assert cached_names("mes", "https://dials.test") == ["Löwe", "a b/c", "z"]
    assert cached_names("datasets", "https://dials.test/") == ["/A/B-C-v1/D"]
    assert cached_names("mes", "https://dials.test/", "csc") == []


def test_completion_imports_no_http_library_and_no_numpy() -> None:
    code = (
        "import sys; from cmsdials.runtime.cache import cached_names; cached_names('mes', 'https://dials.test/');"
        "assert not {'httpx', 'urllib3', 'numpy', 'pandas'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_folder_is_that_of_logins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == folder
    monkeypatch.delenv("CMSDIALS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder().name == "cmsdials"
