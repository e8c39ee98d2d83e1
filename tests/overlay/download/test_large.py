"""Many 2D histograms of the largest sandbox, in little memory: 5 000 by default, 200 000 too in the nightly profile."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials, open_dataset
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram2DFilters
from cmsdials_sandbox import Sandbox, serve
from hypothesis import settings

MEGABYTE = 1e6
MOST, MOST_OF_MANY = 300 * MEGABYTE, 340 * MEGABYTE
"""Of its own; with the pages of shared libraries, 60 to 100 MB as the kernel maps them, about 400 MB in all."""
FLAT = 60 * MEGABYTE
"""What the whole may add to the first run of the same maps; it has 9 GB of bins."""
FEW = {"me_id": 100, "dataset_id": 14677060, "run_number__lte": 379400}
FEW_RUNS = {"dataset_id": 14677060, "run_number__lte": 379070}
MANY = {
    "me__regex": "PixelPhase1/Phase1_MechanicalView/(PXBarrel/digi|PXForward/clusters)|PXBarrel/clus.*Layer_1"
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux says how much memory a process took"
)


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    with serve(scale="large", timeout=600) as sandbox:
        yield sandbox


def fetched(
    sandbox: Sandbox, folder: Path, filters: dict[str, Any], concurrency: int, patience: float
) -> dict[str, Any]:
    """Have a process of its own fetch, verify and open; return what it says."""
    child = Path(__file__).with_name("large.py")
    command = [
        sys.executable,
        child,
        sandbox.url,
        sandbox.secret,
        folder,
        str(concurrency),
        json.dumps(filters),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    print(said)
    return said


@pytest.mark.parametrize("concurrency", [1, 3])
def test_five_thousand_take_little_memory(large: Sandbox, tmp_path: Path, concurrency: int) -> None:
    said = fetched(large, tmp_path, FEW, concurrency, 600)
    assert said["rows"] >= 5_000
    assert said["problems"] == []
    assert said["bins"] == said["rows"] * 26 * 72
    assert max(said["peaks"]) < MOST
    run = LumisectionHistogram2DFilters(run_number=379058)
    arrays = open_dataset(tmp_path).to_numpy(run)
    with Dials(Credentials(token=large.secret), "tracker", large.url) as dials:
        one = dials.h2d.get(14677060, 379058, int(arrays["ls_number"][-1]), 100)
    assert arrays["data"].shape[1:] == (26, 72)
    assert arrays["data"][-1].tolist() == one.data


@pytest.mark.skipif(settings().max_examples < 1000, reason="takes minutes; the nightly profile runs it")
def test_memory_does_not_grow_with_the_download(large: Sandbox, tmp_path: Path) -> None:
    few = fetched(large, tmp_path / "few", {**MANY, **FEW_RUNS}, 1, 1200)
    many = fetched(large, tmp_path / "many", MANY, 1, 7200)
    assert many["rows"] >= 200_000
    assert many["problems"] == []
    assert max(many["peaks"]) < MOST_OF_MANY
    assert [one - other < FLAT for one, other in zip(many["peaks"], few["peaks"], strict=True)] == [True] * 3
