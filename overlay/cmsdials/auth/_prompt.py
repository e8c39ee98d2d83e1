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

__all__ = ["INTERACTIVE", "Prompt", "can_ask", "prompt"]

ABANDONED = "Login abandoned; nothing has changed."
COMPARE = "The page shows this code:"
INTERACTIVE = "CMSDIALS_INTERACTIVE"
"""Environment variable: 1 if a person can confirm a login, 0 if none can."""


def can_ask() -> bool:
    """Whether a person can be asked to log in.

    In a notebook, unless a program runs it (nbconvert and papermill turn typing off); else if standard input and
    standard error are a terminal, so in no batch job, cron job or worker process. CMSDIALS_INTERACTIVE overrules that.
    """
    setting = os.environ.get(INTERACTIVE, "").strip().lower()
    if setting:
        return setting not in ("0", "no", "off", "false")
    notebook = kernel()
    if notebook is not None:
        return bool(getattr(notebook, "_allow_stdin", True))
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


class Prompt:
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
        link, code = device.verification_uri_complete, device.user_code
        lasts = f"Waiting until you confirm; the link is good for {max(1, round(device.expires_in / 60))} minutes."
        if in_notebook:
            _show_html(link, code, lasts)
        else:
            compare = f"\n{COMPARE} {code}" if code else ""
            _say(f"To log in, open this link in a browser:\n\n    {link}\n{compare}\n{lasts}")

    def remaining(self, seconds: float) -> None:
        """Show how many seconds are left, where there is a place to count down."""
        if self.counts:
            self._counted = True
            minutes, rest = divmod(round(seconds), 60)
            sys.stderr.write(f"\r{minutes:3d}:{rest:02d} left ")
            sys.stderr.flush()

    def close(self) -> None:
        """Clear the countdown."""
        if self._counted:
            sys.stderr.write("\r" + " " * 20 + "\r")
            sys.stderr.flush()


@contextlib.contextmanager
def prompt(device: Device, *, open_browser: bool | None = None) -> Iterator[Prompt]:
    """Show a login until the block ends, and say how it ended.

    Args:
        device: The login.
        open_browser: Whether to open the link; None opens it where there is a browser to open.

    Raises:
        LoginError: No browser could open the link, or the code cannot be shown.
    """
    _check(device)
    try:
        shown = Prompt(device)
        try:
            if _has_browser() if open_browser is None else open_browser:
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


def _check(device: Device) -> None:
    if not _is_web_page(device.verification_uri_complete):
        problem = "the login service sent a link that is not a web page"
    elif not _is_plain(device.user_code):
        problem = "the login service sent a code that cannot be shown"
    else:
        return
    raise LoginError(problem, advice="Check the address of the login service.")


def _is_web_page(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    is_address = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    return is_address and _is_plain(link) and " " not in link


def _is_plain(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # the prompt itself


def _has_browser() -> bool:
    if kernel() is not None or os.environ.get("SSH_CONNECTION") or not is_terminal(sys.stderr):
        return False  # it would open on another machine than the person's, or unseen
    if sys.platform in ("darwin", "win32"):
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # A browser for the terminal (lynx, w3m) would take the terminal away from the prompt.
    return type(browser) is not webbrowser.GenericBrowser


def _show_html(link: str, code: str, lasts: str) -> None:
    from IPython.display import HTML, display  # noqa: PLC0415  # there because ipykernel is

    escaped = html.escape(link)
    compare = f"<p>{COMPARE} <b>{html.escape(code)}</b></p>" if code else ""
    anchor = f'<a href="{escaped}" target="_blank" rel="noopener noreferrer">{escaped}</a>'
    display(HTML(f"<p>To log in, open {anchor}</p>{compare}<p>{lasts}</p>"))
