"""What a person sees while logging in: the link, the code to compare, and how much time is left.

In a terminal this goes to standard error, in a notebook below the cell. Nothing here talks to a service, and what a
service sent is shown only if it is plain text, with nothing in it that a terminal obeys.
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
from cmsdials.runtime.console import is_terminal, kernel

__all__ = ["INTERACTIVE", "Invitation", "invitation", "somebody_is_there"]

ABANDONED = "Login abandoned; nothing has changed."
INTERACTIVE = "CMSDIALS_INTERACTIVE"
"""Environment variable: 1 says that somebody can confirm a login, 0 that nobody can."""


def somebody_is_there() -> bool:
    """Whether a person can be asked to log in.

    In a notebook, unless a program runs it (nbconvert and papermill say that nobody can type); else if standard input
    and standard error are a terminal, so in no batch job, cron job or worker process. The environment may know better.
    """
    said = os.environ.get(INTERACTIVE, "").strip().lower()
    if said:
        return said not in ("0", "no", "off", "false")
    notebook = kernel()
    if notebook is not None:
        return bool(getattr(notebook, "_allow_stdin", True))
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


class Invitation:
    """A login that is being shown.

    Args:
        device: The login.

    Attributes:
        counts: Whether there is a place to count down.
    """

    def __init__(self, device: Device) -> None:
        in_notebook = kernel() is not None
        self.counts = is_terminal(sys.stderr) and not in_notebook
        self._counted = False
        link = device.verification_uri_complete
        code = f"The page shows this code: {device.user_code}" if device.user_code else ""
        minutes = max(1, round(device.expires_in / 60))
        lasts = f"Waiting until you confirm; the link is good for {minutes} minutes."
        if in_notebook:
            _show_html(link, device.user_code, minutes)
        else:
            lines = ["To log in, open this link in a browser:", "", f"    {link}", "", code, lasts]
            _say("\n".join(line for position, line in enumerate(lines) if line or position < 4))

    def remaining(self, seconds: float) -> None:
        """Show how many seconds are left, where there is a place to count down."""
        if self.counts:
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
        LoginError: The link is none that a browser opens, or the code none that can be shown.
    """
    problem = _problem(device)
    if problem:
        raise LoginError(problem, advice="Check the address of the login service.")
    try:
        shown = Invitation(device)
        try:
            if _browser_is_there() if open_browser is None else open_browser:
                with contextlib.suppress(webbrowser.Error):
                    webbrowser.open(device.verification_uri_complete)
            yield shown
        finally:
            shown.close()
    except KeyboardInterrupt as stopped:
        stopped.add_note(ABANDONED)
        _say(ABANDONED)
        raise
    _say("Logged in.")


def _problem(device: Device) -> str:
    """Say why a login cannot be shown; empty if it can."""
    link = device.verification_uri_complete
    if not _is_plain(link) or " " in link:
        return "the login service sent a link that is no web page"
    try:
        parts = urlsplit(link)
    except ValueError:
        return "the login service sent a link that is no web page"
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        return "the login service sent a link that is no web page"
    return "" if _is_plain(device.user_code) else "the login service sent a code that cannot be shown"


def _is_plain(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # the dialogue itself


def _browser_is_there() -> bool:
    if kernel() is not None or os.environ.get("SSH_CONNECTION") or not is_terminal(sys.stderr):
        return False  # it would open on another machine than the person's, or for nobody
    if sys.platform in ("darwin", "win32"):
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # A browser for the terminal (lynx, w3m) would take it away from the dialogue.
    return type(browser) is not webbrowser.GenericBrowser


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
