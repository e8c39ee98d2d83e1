"""What the user sees while logging in: the link, the code to compare, and how much time is left.

In a terminal this goes to standard error, in a notebook below the cell. Nothing here talks to a service, and what a
service sent is shown only if it is plain text, without control characters that a terminal would obey.
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

__all__ = ["INTERACTIVE", "Prompt", "can_ask", "checked", "prompt"]

ABANDONED = "Login abandoned; nothing has changed."
COMPARE = "The page shows this code:"
TYPE_IN = "Type in this code there:"
LONGEST_LINK, LONGEST_CODE = 2000, 100
INTERACTIVE = "CMSDIALS_INTERACTIVE"
"""Environment variable: 1 if a person can confirm a login, 0 if none can."""


def can_ask() -> bool:
    """Whether a person can be asked to log in, and CMSDIALS_INTERACTIVE does not say otherwise.

    True in a notebook, unless a program runs it (nbconvert and papermill disable input); otherwise if standard input
    and standard error are a terminal, so not in a batch job, cron job or worker process.
    """
    setting = os.environ.get(INTERACTIVE, "").strip().lower()
    if setting:
        return setting not in ("0", "no", "off", "false")
    notebook = kernel()
    if notebook is not None:
        return bool(getattr(notebook, "_allow_stdin", True))
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


class Prompt:
    """A countdown while a login waits, shown only in a terminal (`counts`)."""

    def __init__(self) -> None:
        self.counts = is_terminal(sys.stderr) and kernel() is None

    def remaining(self, seconds: float) -> None:
        """Show how many seconds are left."""
        if self.counts:
            minutes, rest = divmod(round(seconds), 60)
            self._write(f"{minutes:3d}:{rest:02d} left ")

    def close(self) -> None:
        """Clear the countdown."""
        if self.counts:
            self._write(" " * 20 + "\r")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text}")
        sys.stderr.flush()


@contextlib.contextmanager
def prompt(device: Device, *, open_browser: bool | None = None) -> Iterator[Prompt]:
    """Show a login until the block ends, and say how it ended; see `AuthClient.device_auth_flow`.

    The device has been `checked`.
    """
    shown = Prompt()
    try:
        try:
            _show(device)
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


def _show(device: Device) -> None:
    link, code = device.verification_uri_complete, device.user_code
    what = TYPE_IN if link == device.verification_uri else COMPARE
    lasts = (
        f"Waiting until you confirm; the link is good for {max(1, round(device.expires_in / 60))} minutes."
    )
    if kernel() is None:
        compare = f"\n{what} {code}" if code else ""
        _say(f"To log in, open this link in a browser:\n\n    {link}\n{compare}\n{lasts}")
        return
    escaped = html.escape(link)
    compare = f"<p>{what} <b>{html.escape(code)}</b></p>" if code else ""
    anchor = f'<a href="{escaped}" target="_blank" rel="noopener noreferrer">{escaped}</a>'
    _display(f"<p>To log in, open {anchor}</p>{compare}<p>{lasts}</p>")


def checked(device: Device) -> Device:
    """Return a login that can be shown, whose links a browser may open; raise LoginError for another."""
    links = {device.verification_uri_complete, device.verification_uri or device.verification_uri_complete}
    if not all(map(_is_page, links)):
        problem = "the login service sent a link that is not a web page"
    elif not _is_plain(device.user_code, LONGEST_CODE):
        problem = "the login service sent a code that cannot be shown"
    else:
        return device
    raise LoginError(problem, advice="Check the address of the login service.")


def _is_page(link: str) -> bool:
    try:
        parts = urlsplit(link)
        is_page = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    return is_page and _is_plain(link, LONGEST_LINK) and " " not in link


def _is_plain(text: str, most: int) -> bool:
    return len(text) <= most and text.isascii() and text.isprintable()


def _display(shown: str) -> None:
    from IPython.display import HTML, display  # noqa: PLC0415  # installed with ipykernel

    display(HTML(shown))  # type: ignore[no-untyped-call]


def _say(text: str) -> None:
    if kernel() is not None:  # where standard error is red
        _display(f"<p>{html.escape(text)}</p>")
    elif sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # the prompt itself


def _has_browser() -> bool:
    if kernel() is not None or os.environ.get("SSH_CONNECTION") or not is_terminal(sys.stderr):
        return False  # it would open on the wrong machine, or unseen
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
