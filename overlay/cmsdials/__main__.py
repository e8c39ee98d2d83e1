"""Entry point of the command `cmsdials` and of `python -m cmsdials`.

Whatever breaks, what it writes holds no secret: tracebacks show no local variables, and what looks like a secret in
them is masked.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from types import TracebackType
from typing import TextIO

from cmsdials.runtime.interrupts import INTERRUPTED


def main() -> None:
    """Run the command; without the extra that it needs, say how to get it."""
    sys.excepthook = _crashed
    warnings.showwarning = _warned
    try:
        from cmsdials.cli.app import run  # noqa: PLC0415  # an extra brings what it needs
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        sys.exit('The command cmsdials needs an extra. Install it with: pip install "cmsdials[cli]"')
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from cmsdials.redaction import without_secrets  # noqa: PLC0415  # only where it comes to that

    said = without_secrets("".join(traceback.format_exception(kind, error, trace)))
    sys.stderr.write(f"{said}This is a fault of cmsdials: please report it with the lines above.\n")


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning as the sentence that it is."""
    del category, filename, lineno, line
    print(f"Warning: {message}", file=file or sys.stderr)  # the command's own output


if __name__ == "__main__":
    main()
