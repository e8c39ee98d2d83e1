"""Downloads that are killed: the same call continues, and the folder is as that of a quiet one."""

import random
import subprocess
import sys
import time
from pathlib import Path

from cmsdials import Dials, open_dataset, verify
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials_sandbox import Sandbox
from hypothesis import settings

from .child import FILTERS, ROWS

CHILD = Path(__file__).with_name("child.py")
MOMENTS = 30 if settings().max_examples >= 1000 else 2
"""How often to kill; the nightly profile does it more often."""
BOUND = 120.0


def test_a_download_that_is_killed_continues(sandbox_now: Sandbox, now: Dials, tmp_path: Path) -> None:
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    filters = LumisectionHistogram1DFilters(**FILTERS)  # type: ignore[arg-type]
    now.h1d.download(filters, quiet, rows_per_file=ROWS)
    moments = random.Random(0)
    finished = 0
    for _ in range(MOMENTS):
        child = subprocess.Popen(
            [sys.executable, CHILD, sandbox_now.url, sandbox_now.secret, killed],
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            until = time.monotonic() + BOUND
            while not (killed / "manifest.jsonl").exists() and child.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(moments.random() * 0.5)
            child.kill()
        if not (killed / "manifest.jsonl").exists() or not (killed / "manifest.jsonl").stat().st_size:
            continue
        before = len([*killed.glob("data/*/*.parquet")])
        assert before >= finished  # what is there stays there
        finished = before
        problems = {one.problem for one in verify(killed).problems}
        assert problems <= {"unfinished"}
    done = now.h1d.download(filters, killed, rows_per_file=ROWS)
    assert done.files == len([*quiet.glob("data/*/*.parquet")])
    assert verify(killed, now).complete
    assert not [*(killed / "unfinished").iterdir()]
    keys = [(name, "ascending") for name in ("dataset_id", "run_number", "ls_number", "me_id")]
    assert open_dataset(killed).to_table().sort_by(keys).equals(open_dataset(quiet).to_table().sort_by(keys))


def test_what_a_killed_process_left_is_swept(now: Dials, tmp_path: Path) -> None:
    filters = LumisectionHistogram1DFilters(**FILTERS)  # type: ignore[arg-type]
    (tmp_path / "unfinished").mkdir()
    for name in ("0123.part", "0123.part.0"):
        (tmp_path / "unfinished" / name).write_bytes(b"PAR1 and no end")
    now.h1d.download(filters, tmp_path)
    assert not [*(tmp_path / "unfinished").iterdir()]
    assert verify(tmp_path).complete
