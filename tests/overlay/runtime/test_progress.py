"""The progress bar of a listing: when there is one, and that its lack stops nothing."""

import io
import sys
import types
import warnings

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import NotFoundError
from cmsdials.filters import RunFilters


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def bars(monkeypatch):
    """A tqdm that only remembers."""
    made = []

    class Bar:
        def __init__(self, **options):
            warnings.warn("IProgress not found", UserWarning, stacklevel=2)  # not the user's concern
            self.options, self.total, self.done, self.closed = options, options["total"], 0, 0
            self.said = []
            made.append(self)

        def update(self, n):
            self.done += n

        def set_postfix_str(self, text, refresh=True):
            self.said.append(text)

        def close(self):
            self.closed += 1

    tqdm = types.ModuleType("tqdm.auto")
    tqdm.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm.auto", tqdm)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return made


@pytest.fixture
def list_runs(service):
    """List three pages with a bar, or without."""
    run = type(Dials(Credentials(token="a-secret")).run)(service.session)

    def listed(enable):
        service.will_page(range(3), 1)
        return run.list_all(RunFilters(page_size=1), max_pages=3, enable_progress=enable)

    service.will_page = lambda rows, size: type(service).will_page(
        service,
        [{"dataset_id": 1, "dataset": "/Z/R/D", "run_number": n, "ls_count": 9} for n in rows],
        size,
    )
    return listed


@pytest.mark.parametrize(
    ("enable", "stderr", "notebook", "shown"),
    [
        (True, io.StringIO(), False, True),
        (True, None, False, True),
        (False, Terminal(), True, False),
        (None, Terminal(), False, True),
        (None, io.StringIO(), False, False),
        (None, io.StringIO(), True, True),
        (None, None, False, False),
        (None, types.SimpleNamespace(write=len, flush=int), False, False),
    ],
)
def test_when_there_is_a_bar(enable, stderr, notebook, shown, bars, list_runs, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr)
    # A program that merely has these two is not a notebook.
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object() if notebook else None)
    for module in (ipython, types.ModuleType("ipykernel")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert len(list_runs(enable)) == 3
    assert len(bars) == shown
    if shown:
        assert (bars[0].done, bars[0].closed) == (3, 1)
        where = {"file": sys.stdout} if notebook else {}  # standard error is red there
        assert bars[0].options == {"total": 3, "unit": "page", "desc": "run", "leave": True, **where}


def test_a_closed_stderr_is_not_a_terminal(bars, list_runs, monkeypatch):
    stream = Terminal()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    list_runs(None)
    assert bars == []


def test_a_bar_is_closed_after_an_error(bars, list_runs, service):
    service.will_answer({"detail": "no"}, status=404)
    with pytest.raises(NotFoundError):
        list_runs(True)
    assert bars[0].closed == 1


def test_a_bar_that_is_asked_for_and_missing_is_a_warning(list_runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.warns(RuntimeWarning, match=r'pip install "cmsdials\[tqdm\]"') as caught:
        assert len(list_runs(True)) == 3
    assert caught[0].filename == __file__, "it points to the line of the user"


def test_a_bar_that_is_merely_possible_is_missed_in_silence(list_runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert len(list_runs(None)) == 3


def test_the_real_tqdm(list_runs, monkeypatch):
    pytest.importorskip("tqdm.auto")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    list_runs(True)
    assert "run" in stream.getvalue()
    assert "page" in stream.getvalue()
