"""What a person sees while logging in: the link, the code to compare, and how much time is left.

In a terminal this goes to standard error, in a notebook below the cell. Nothing here talks to a service.
"""

from __future__ import annotations

import contextlib
import html
import os
import sys
import webbrowser
from collections.abc import Iterator
from urllib.parse import urlsplit

from cmsdials.auth.models import Device
from cmsdials.errors import LoginError

__all__ = ["INTERACTIVE", "Invitation", "invitation", "somebody_is_there"]

INTERACTIVE = "CMSDIALS_INTERACTIVE"
"""Environment variable: 1 says that somebody can confirm a login, 0 that nobody can."""


def somebody_is_there() -> bool:
    """Whether a person can be asked to log in: in a notebook, or at a terminal."""
    said = os.environ.get(INTERACTIVE, "")
    if said:
        return said not in ("0", "no", "false")
    return _in_notebook() or (_is_terminal(sys.stdin) and _is_terminal(sys.stderr))


class Invitation:
    """A login that is being shown.

    Args:
        device: The login.
    """

    def __init__(self, device: Device) -> None:
        self._counts = _is_terminal(sys.stderr) and not _in_notebook()
        self._counted = False
        link = device.verification_uri_complete
        code = f"The page shows this code: {device.user_code}" if device.user_code else ""
        minutes = max(1, round(device.expires_in / 60))
        lasts = f"Waiting until you confirm; the link is good for {minutes} minutes."
        if _in_notebook():
            _show_html(link, device.user_code, minutes)
        else:
            lines = ["To log in, open this link in a browser:", "", f"    {link}", "", code, lasts]
            _say("\n".join(line for position, line in enumerate(lines) if line or position < 4))

    def remaining(self, seconds: float) -> None:
        """Show how many seconds are left, where there is a place to count down."""
        if self._counts:
            self._counted = True
            minutes, rest = divmod(round(seconds), 60)
            sys.stderr.write(f"\r{minutes:3d}:{rest:02d} left ")
            sys.stderr.flush()

    def close(self) -> None:
        """End the count."""
        if self._counted:
            sys.stderr.write("\r" + " " * 20 + "\r")
            sys.stderr.flush()


@contextlib.contextmanager
def invitation(device: Device, *, open_browser: bool | None = None) -> Iterator[Invitation]:
    """Show a login until the block ends, and say how it ended.

    Args:
        device: The login.
        open_browser: Whether to open the link; None opens it where there is a browser to open.

    Raises:
        LoginError: The link is none that a browser opens.
    """
    parts = urlsplit(device.verification_uri_complete)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        message = "the login service sent a link that is no web page"
        raise LoginError(message, advice="Check the address of the login service.")
    shown = Invitation(device)
    if _browser_is_there() if open_browser is None else open_browser:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(device.verification_uri_complete)
    try:
        yield shown
    except KeyboardInterrupt:
        shown.close()
        _say("Login abandoned; nothing has changed.")
        raise
    except BaseException:
        shown.close()
        raise
    shown.close()
    _say("Logged in.")


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # the dialogue itself


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    try:
        return isatty is not None and bool(isatty())
    except ValueError:  # closed
        return False


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def _browser_is_there() -> bool:
    if _in_notebook() or os.environ.get("SSH_CONNECTION") or not _is_terminal(sys.stderr):
        return False  # it would open on another machine than the person's, or for nobody
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show_html(link: str, code: str, minutes: int) -> None:
    from IPython.display import HTML, display  # noqa: PLC0415  # there because ipykernel is

    escaped = html.escape(link, quote=True)
    compare = f"<p>The page shows this code: <b>{html.escape(code)}</b></p>" if code else ""
    display(
        HTML(
            f'<p>To log in, open <a href="{escaped}" target="_blank" rel="noopener noreferrer">{escaped}</a></p>'
            f"{compare}<p>Waiting until you confirm; the link is good for {minutes} minutes.</p>"
        )
    )
