"""Whether somebody is there: a terminal, or a notebook."""

from __future__ import annotations

import sys

__all__ = ["is_terminal", "kernel"]


def is_terminal(stream: object) -> bool:
    """Whether a stream is one that a person sees or types into. Whatever stands in its place may be no file at all."""
    isatty = getattr(stream, "isatty", None)
    try:
        return isatty is not None and not getattr(stream, "closed", False) and bool(isatty())
    except ValueError:  # detached
        return False


def kernel() -> object | None:
    """Return the kernel of the notebook that this runs in; None in no notebook."""
    if "IPython" not in sys.modules or "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython  # noqa: PLC0415  # loaded already

    return getattr(get_ipython(), "kernel", None)
