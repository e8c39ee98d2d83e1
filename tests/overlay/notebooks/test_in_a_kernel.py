"""What a person sees in a notebook, in a real IPython kernel: rows, errors, progress, logins."""

import asyncio
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cmsdials_sandbox import Sandbox
from nbclient import NotebookClient

LONGEST = 300
"""Seconds that a cell may take."""

BEGIN = """
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters

dials = Dials(Credentials(token={secret!r}), "tracker", {url!r})
"""


def run(folder: Path, *cells: str) -> list[list[Any]]:
    """Run cells in a kernel and return what each shows."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook,
        timeout=LONGEST,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, "JUPYTER_RUNTIME_DIR": str(folder), "IPYTHONDIR": str(folder)})
    return [cell.outputs for cell in notebook.cells]


@pytest.fixture(autouse=True)
def _own_loop() -> Any:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def test_a_kernel_shows_rows_short_errors_and_progress(sandbox_now: Sandbox, tmp_path: Path) -> None:
    filters = "LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112, me_id=2)"
    _, rows, row, error, refused, progress = run(
        tmp_path,
        BEGIN.format(secret=sandbox_now.secret, url=sandbox_now.url),
        f"result = dials.h1d.list_all({filters}, enable_progress=False)\nresult",
        "result[3]",
        "dials.run.get(\n    dataset_id=14677060,\n    run_number=1,\n)",
        "LumisectionHistogram1DFilters(run_numer=1)",
        f"_ = dials.h1d.list_all({filters}, enable_progress=True)",
    )
    assert "run_number <b>367112</b>" in rows[0]["data"]["text/html"]
    assert rows[0]["data"]["text/html"].count("<svg") == 10
    assert "<svg" in row[0]["data"]["text/html"]
    shown = error[0]["traceback"]
    assert shown[0].startswith("NotFoundError: Check the ids")
    assert "No Run matches" in shown[1]
    assert "dials.run.get(" in shown[-1]
    assert len(shown) == 4
    assert refused[0]["traceback"][0].startswith("UnknownFilterError: Correct the name")
    assert not [one for one in progress if one["output_type"] == "error"]
    assert "104" in str(progress)
