"""The notebooks run from their first cell to the last, each in a kernel of its own, and are kept without their outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from cmsdials_sandbox import Sandbox
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ADDRESS = "http://localhost:8000/"
LONGEST = 300
"""Seconds that a cell may take."""


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first-steps", "shift", "training-set"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, local_dials: Sandbox, tmp_path: Path) -> None:
    notebook = nbformat.read(path, 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in cells if cell.outputs or cell.execution_count]
    assert any(ADDRESS in cell.source for cell in cells)
    for cell in cells:
        cell.source = cell.source.replace(ADDRESS, local_dials.url)
    where = {"JUPYTER_RUNTIME_DIR": str(tmp_path), "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=LONGEST, kernel_name="python3", resources=resources).execute(
        env={**os.environ, **where}
    )
    for cell in cells:
        plots = ".plot." in cell.source
        shown = [one.get("data", {}) for one in cell.outputs]
        assert not plots or any("image/png" in data for data in shown), cell.source
        assert not [one for one in cell.outputs if one.get("name") == "stderr"], cell.source
