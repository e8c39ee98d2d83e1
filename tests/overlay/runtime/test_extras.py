"""The optional libraries: there, or an error that holds the command."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from cmsdials.errors import DialsError, MissingDependencyError
from cmsdials.models import LumisectionHistogram1D

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
HISTOGRAM = {
    "dataset_id": 1,
    "file_id": 1,
    "run_number": 1,
    "ls_number": 1,
    "me_id": 1,
    "x_min": 0.0,
    "x_max": 2.0,
    "x_bin": 2,
    "entries": 3,
    "data": [1.0, 2.0],
    "dataset": "/Z/R/D",
    "me": "a",
}
USED = {
    "hist": lambda result: LumisectionHistogram1D.from_dict(HISTOGRAM).to_hist(),
    "pandas": lambda result: result.to_pandas(),
    "polars": lambda result: result.to_polars(),
    "pyarrow": lambda result: result.to_arrow(),
}
"""What needs a library."""


@pytest.fixture
def result(service):
    from cmsdials import Dials
    from cmsdials.auth.secret_key import Credentials

    service.will_page([{"dataset_id": 1, "dataset": "/Z/R/D", "run_number": 7, "ls_count": 9}], 1)
    return type(Dials(Credentials(token="a-secret")).run)(service.session).list_all()


def extra_of(library):
    return "arrow" if library == "pyarrow" else library


@pytest.mark.parametrize("library", USED)
def test_a_library_that_is_missing(library, result, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    extra = extra_of(library)
    with pytest.raises(MissingDependencyError) as caught:
        USED[library](result)
    assert f'pip install "cmsdials[{extra}]"' in str(caught.value)
    assert (caught.value.module, caught.value.extra, caught.value.name) == (library, extra, library)
    for kind in (DialsError, ImportError, RuntimeError):
        assert isinstance(caught.value, kind)


def test_polars_takes_its_tables_from_pyarrow(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="needs pyarrow") as caught:
        result.to_polars()
    assert 'pip install "cmsdials[polars]"' in str(caught.value)


@pytest.mark.parametrize("library", USED)
def test_a_library_that_is_there(library, result):
    pytest.importorskip(library)
    assert USED[library](result) is not None


@pytest.mark.parametrize("text", ["raise ImportError('no libfoo.so')", "import a_module_that_nobody_has"])
def test_a_library_that_is_broken(text, result, tmp_path, monkeypatch):
    (tmp_path / "hist.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "hist"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingDependencyError, match="installed but does not import") as caught:
        USED["hist"](result)
    assert 'pip install --upgrade "cmsdials[hist]"' in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize("library", USED)
def test_the_extra_that_is_named_brings_the_library(library):
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    assert library in {re.split(r"[^\w-]", name)[0] for name in declared[extra_of(library)]}
