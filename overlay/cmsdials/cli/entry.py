"""Where the command `cmsdials` begins: without the extra that it needs, it says how to install it.

Whatever breaks, its output holds no secret, and nothing from outside that a terminal would obey: tracebacks show no
local variables, and anything in them that looks like a secret is masked.
"""

from __future__ import annotations

import io
import sys
import traceback
import warnings
from types import TracebackType

from cmsdials.redaction import printable, without_secrets
from cmsdials.runtime.interrupts import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Run the command that the command line names, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has every letter
    sys.excepthook = _crashed
    warnings.showwarning = _warned
    try:
        import typer.main  # noqa: PLC0415  # from an extra, as is what the next line needs

        from cmsdials.cli.app import app  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        sys.exit('The command cmsdials needs an extra. Install it with: pip install "cmsdials[cli]"')
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    # Not app(): it would replace our report of bugs by its own.
    typer.main.get_command(app)(prog_name="cmsdials")


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    report = without_secrets("".join(traceback.format_exception(kind, error, trace)))
    sys.stderr.write(
        f"{printable(report, lines=True)}This is a bug in cmsdials: please report it with the lines above.\n"
    )


def _warned(message: Warning | str, *_place: object, **_more: object) -> None:
    sys.stderr.write(f"Warning: {printable(message)}\n")  # without its place in the code
