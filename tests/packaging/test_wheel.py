"""The wheel holds what people import, and it works without the rest of the repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


VERSION = "3.9.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "dist"))
    # A copy, because the build writes the version into the sources.
    for name in ("overlay", "generated_client", "sandbox"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)],
        cwd=source,
        env=os.environ | {"SETUPTOOLS_SCM_PRETEND_VERSION": VERSION},
        check=True,
        capture_output=True,
    )
    return next(out.glob("cmsdials-*.whl"))


def test_it_holds_three_packages_and_not_the_generator(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert packages == {"cmsdials", "cmsdials_api", "cmsdials_sandbox"}
    for needed in (
        "cmsdials/py.typed",
        "cmsdials_api/py.typed",
        "cmsdials_sandbox/py.typed",
        "cmsdials_sandbox/contract.json",
        "cmsdials_sandbox/schema.sql",
    ):
        assert needed in names
    assert [name for name in names if "dist-info/licenses/LICENSE" in name]


def test_it_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(metadata).decode()
    assert "Name: cmsdials\n" in text
    assert f"Version: {VERSION}\n" in text
    assert "Requires-Python: >=3.11\n" in text
    assert "License-Expression: BSD-3-Clause\n" in text
    for extra in ("pandas", "arrow", "dask", "tqdm", "hist", "sandbox", "socks", "all"):
        assert f"Provides-Extra: {extra}\n" in text


def test_it_works_alone(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = tmp_path / "first.py"
    script.write_text(
        "import cmsdials, cmsdials_api, cmsdials_sandbox\n"
        "from cmsdials import Dials\n"
        "from cmsdials.auth.secret_key import Credentials\n"
        "for package in (cmsdials, cmsdials_api, cmsdials_sandbox):\n"
        f"    assert package.__file__.startswith({str(site)!r}), package.__file__\n"
        "with cmsdials_sandbox.serve() as server, Dials(Credentials(token=server.secret), base_url=server.url) as dials:\n"
        "    print(dials.run.get(14677060, 367112).run_number, cmsdials.__version__)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (f"367112 {VERSION}", "")
