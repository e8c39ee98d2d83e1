"""How errors are worded: what happened, then what to do; in a notebook what to do, what happened, and the line of the cell."""

from __future__ import annotations

import linecache
import traceback
from types import TracebackType

from cmsdials.redaction import printable, without_secrets

__all__ = ["counted", "sentences", "short_traceback", "shown"]

_OURS = frozenset({"cmsdials", "cmsdials_api"})
_LONGEST, _LONGEST_LINE = 5000, 200  # characters


def sentences(what: str, advice: str) -> str:
    """Return what happened and what to do as one text."""
    what = what.strip()
    end = "" if not what or what[-1] in ".!?" else "."
    return printable(f"{what}{end} {advice}".strip(), lines=True)  # advice of ours may have lines


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: 1 file, 2 files."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def shown(text: str) -> str:
    """Return text as an error may show it."""
    return printable(without_secrets(text), _LONGEST)


def short_traceback(error: BaseException, message: str, advice: str) -> list[str]:
    """Return the lines that are shown instead of a traceback.

    Args:
        error: The error, once it is raised.
        message: What happened.
        advice: What to do.
    """
    lines = [f"{type(error).__name__}: {advice or message}"]
    if advice:
        lines.append(message)
    lines += [*getattr(error, "__notes__", ())]
    place = _place(error.__traceback__)
    return [*lines, "", place] if place else lines


def _place(step: TracebackType | None) -> str:
    """Say which line called us: the last one before our own."""
    place = ""
    for frame, number in traceback.walk_tb(step):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS:
            break
        name = frame.f_code.co_filename
        line = linecache.getline(name, number, frame.f_globals).strip()
        # Python calls a cell by a number and a file that nobody has.
        where = "line" if "ipykernel" in name or name.startswith("<") else f"{name}, line"
        place = printable(without_secrets(f"{where} {number}: {line}"), _LONGEST_LINE)
    return place
