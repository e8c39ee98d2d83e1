"""The demo runs, and its first picture is the one that the README shows."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs/overview.png"
NEW = "it is not what the demo draws now: copy demo-output/charge_PXLayer_2.png to docs/overview.png"


@pytest.mark.usefixtures("home")
def test_the_readme_shows_what_the_demo_draws(tmp_path: Path) -> None:
    # In a process of its own, as it is run: pages of the documentation change what plots are labelled with.
    done = subprocess.run(
        [sys.executable, ROOT / "docs/examples/demo.py", tmp_path / "out"],
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [
        "charge_PXLayer_2.parquet",
        "charge_PXLayer_2.png",
        "mean_charge_PXLayer_2.png",
        "occupancy_PXLayer_1.png",
    ]
    assert "104 lumisections" in done.stdout
    drawn, shown = Image.open(tmp_path / "out/charge_PXLayer_2.png"), Image.open(SHOWN)
    if drawn.info["Software"] == shown.info["Software"]:  # another matplotlib may draw texts in another way
        assert drawn.size == shown.size, NEW
        pixels, expected = (np.asarray(one.convert("RGB"), np.int64) for one in (drawn, shown))
        assert np.abs(pixels - expected).max() < 8, NEW
