"""Where the command `cmsdials` begins: without the extra that it needs, it says how to install it.

Whatever breaks, its output holds no secret: tracebacks show no local variables, and anything in them that looks like
a secret is masked.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from types import TracebackType

from cmsdials.runtime.interrupts import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Run the command that the command line names, and exit."""
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
    from cmsdials.redaction import without_secrets  # noqa: PLC0415  # only needed here

    report = without_secrets("".join(traceback.format_exception(kind, error, trace)))
    sys.stderr.write(f"{report}This is a bug in cmsdials: please report it with the lines above.\n")


def _warned(message: Warning | str, *_place: object, **_more: object) -> None:
    sys.stderr.write(f"Warning: {message}\n")  # without its place in the code
