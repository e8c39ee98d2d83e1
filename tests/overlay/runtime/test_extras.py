"""The optional libraries: there, or an error that holds the command."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from cmsdials.errors import DialsError, MissingDependencyError
from cmsdials.runtime import extras

FUNCTIONS = {
    "hist": extras.hist,
    "pandas": extras.pandas,
    "pyarrow": extras.pyarrow,
    "tqdm.auto": extras.tqdm,
}


@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_library_that_is_missing(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    extra = extras.EXTRAS[module.partition(".")[0]]
    with pytest.raises(MissingDependencyError) as caught:
        FUNCTIONS[module]()
    assert f'pip install "cmsdials[{extra}]"' in str(caught.value)
    assert (caught.value.module, caught.value.extra, caught.value.name) == (module, extra, module)
    for kind in (DialsError, ImportError, RuntimeError):
        assert isinstance(caught.value, kind)


@pytest.mark.parametrize("module", ["pandas", "pyarrow", "tqdm.auto"])
def test_a_library_that_is_there(module):
    pytest.importorskip(module)
    assert FUNCTIONS[module]() is sys.modules[module]


@pytest.mark.parametrize("text", ["raise ImportError('no libfoo.so')", "import a_module_that_nobody_has"])
def test_a_library_that_is_broken(text, tmp_path, monkeypatch):
    (tmp_path / "uhi.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "uhi", raising=False)
    with pytest.raises(MissingDependencyError, match="installed but does not import") as caught:
        extras.require("uhi")
    assert 'pip install --upgrade "cmsdials[hist]"' in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)


def test_the_table_is_the_one_of_the_package():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    declared = project["optional-dependencies"]
    for library, extra in extras.EXTRAS.items():
        assert library in {re.split(r"[^\w-]", name)[0] for name in declared[extra]}
