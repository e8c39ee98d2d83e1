"""The progress bar: when there is one, and that its lack stops nothing."""

import io
import sys
import types
import warnings

import pytest
from cmsdials.runtime import progress
from cmsdials.runtime.progress import Progress, progress_bar

OPTIONS = {"total": 3, "unit": "page", "description": "h1d"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def bars(monkeypatch):
    """A tqdm that only remembers."""
    made = []

    class Bar:
        def __init__(self, **options):
            self.options, self.total, self.done, self.closed = options, options["total"], 0, 0
            made.append(self)

        def update(self, n):
            self.done += n

        def refresh(self):
            pass

        def close(self):
            self.closed += 1

    monkeypatch.setattr(progress.extras, "tqdm", lambda: types.SimpleNamespace(tqdm=Bar))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return made


def use(enable):
    with progress_bar(enable, **OPTIONS) as bar:
        bar.update()
        bar.update(2)
        bar.set_total(5)
        bar.set_total(None)
    bar.close()
    return bar


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
def test_when_there_is_a_bar(enable, stderr, notebook, shown, bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr)
    # A program that merely has these two is no notebook.
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object() if notebook else None)
    for module in (ipython, types.ModuleType("ipykernel")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    use(enable)
    assert len(bars) == shown
    if shown:
        assert (bars[0].done, bars[0].total, bars[0].closed) == (3, None, 2)
        assert bars[0].options == {"total": 3, "unit": "page", "desc": "h1d", "leave": True}


def test_a_closed_stderr_is_no_terminal(bars, monkeypatch):
    stream = Terminal()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    use(None)
    assert bars == []


def test_a_bar_is_closed_after_an_error(bars):
    with pytest.raises(KeyboardInterrupt), progress_bar(True, **OPTIONS):
        raise KeyboardInterrupt
    assert bars[0].closed == 1


def test_a_bar_that_is_asked_for_and_missing_is_a_warning(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.warns(RuntimeWarning, match=r'pip install "cmsdials\[tqdm\]"'):
        bar = progress_bar(True, **OPTIONS)
    assert type(bar) is Progress


def test_a_bar_that_is_merely_possible_is_missed_in_silence(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(use(None)) is Progress


def test_warnings_of_tqdm_are_not_the_users(bars, monkeypatch):
    real = progress.extras.tqdm()

    def noisy():
        warnings.warn("IProgress not found", UserWarning, stacklevel=2)
        return real

    monkeypatch.setattr(progress.extras, "tqdm", noisy)
    use(True)
    assert len(bars) == 1


def test_the_real_tqdm(monkeypatch):
    pytest.importorskip("tqdm.auto")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    use(True)
    assert "h1d" in stream.getvalue()
    assert "page" in stream.getvalue()
