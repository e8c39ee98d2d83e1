"""mypy, in strict mode, agrees with `public_api.py`: right calls pass, and each wrong one is caught."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_type_checker_agrees() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", str(HERE / "public_api.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
