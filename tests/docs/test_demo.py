"""The demo runs, and its first picture is the one that the README shows."""

import importlib.util
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs/overview.png"
NEW = "it is not what the demo draws now: copy demo-output/charge_PXLayer_2.png to docs/overview.png"


def test_the_readme_shows_what_the_demo_draws(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = importlib.util.spec_from_file_location("demo", ROOT / "docs/examples/demo.py")
    assert place is not None
    assert place.loader is not None
    demo = importlib.util.module_from_spec(place)
    place.loader.exec_module(demo)
    with mpl.rc_context():
        mpl.use("agg")
        demo.main(tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [
        "charge_PXLayer_2.parquet",
        "charge_PXLayer_2.png",
        "mean_charge_PXLayer_2.png",
        "occupancy_PXLayer_1.png",
    ]
    assert "104 lumisections" in capsys.readouterr().out
    drawn, shown = Image.open(tmp_path / "out/charge_PXLayer_2.png"), Image.open(SHOWN)
    if drawn.info["Software"] == shown.info["Software"]:  # another matplotlib may draw texts in another way
        assert drawn.size == shown.size, NEW
        pixels, expected = (np.asarray(one.convert("RGB"), np.int64) for one in (drawn, shown))
        assert np.abs(pixels - expected).max() < 8, NEW
