"""The HTTP library, httpx, without its command line, and httpcore, which it is built upon.

Where click and rich are installed, `import httpx` loads them for a command that is not needed here, which takes longer than
all else of it. So the module of that command is hidden while httpx is imported. Whoever asks for `httpx.main` afterwards
gets it, as if nothing had happened.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["httpcore", "httpx"]

_COMMAND = "httpx._main"


def _hide_command() -> bool:
    """Hide the command of httpx, unless httpx is there already; return whether it is hidden now."""
    if "httpx" in sys.modules or _COMMAND in sys.modules:
        return False
    sys.modules[_COMMAND] = None  # type: ignore[assignment]  # Python's way to say that there is no such module
    return True


def _attribute_of_httpx(name: str) -> Any:
    """Return the command, when it is asked for; httpx has a function in its place where its libraries are missing."""
    if name != "main":
        message = f"module 'httpx' has no attribute {name!r}"
        raise AttributeError(message)
    try:
        from httpx._main import main  # noqa: PLC0415  # what nobody else needs
    except ImportError:
        main = _without_libraries
    httpx.main = main
    return main


_is_hidden = _hide_command()
try:
    import httpcore
    import httpx
finally:
    if _is_hidden:
        del sys.modules[_COMMAND]
if _is_hidden:
    _without_libraries = httpx.main
    del httpx.main
    httpx.__getattr__ = _attribute_of_httpx  # type: ignore[method-assign]  # as PEP 562 has it
