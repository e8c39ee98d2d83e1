"""Where the command `cmsdials` begins: without the extra that it needs, it says how to install it.

Whatever breaks, its output holds no secret, and nothing from outside that a terminal would obey: tracebacks show no
local variables, and anything in them that looks like a secret is masked.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from cmsdials.redaction import printable, without_secrets
from cmsdials.runtime.interrupts import INTERRUPTED

__all__ = ["main"]

MISUSED = 2


def main() -> None:
    """Run the command that the command line names, and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has every letter
    sys.excepthook = _crashed
    warnings.showwarning = _warned
    try:
        import typer.main  # noqa: PLC0415  # from an extra, as is what the next line needs

        from cmsdials.cli.app import app  # noqa: PLC0415
        from cmsdials.cli.options import CLOSED_PIPE, code_of_output  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        _end_without_extra(missing)
        raise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if os.environ.get("_CMSDIALS_COMPLETE", "").endswith("bash"):
        from cmsdials.cli.completion import join_words  # noqa: PLC0415  # only a shell asks for it

        join_words()
    # Not app(): it would replace our report of bugs by its own, and what is wrong with a command by a page of text.
    try:
        code = typer.main.get_command(app).main(prog_name="cmsdials", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except OSError as problem:
        code = code_of_output(problem)
        if code is None:
            raise
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # while help was shown
            sys.exit(CLOSED_PIPE)
        raise
    except ModuleNotFoundError as missing:  # of a command, which is loaded only now
        _end_without_extra(missing)
        raise
    except Exception as problem:
        if not hasattr(problem, "format_message"):
            raise
        _misused(problem)
        sys.exit(getattr(problem, "exit_code", MISUSED))
    sys.exit(code if isinstance(code, int) else 0)


def _end_without_extra(missing: ModuleNotFoundError) -> None:
    """End if what is missing belongs to the extra."""
    if (missing.name or "").partition(".")[0] in ("typer", "rich"):
        sys.exit('The command cmsdials needs an extra. Install it with: pip install "cmsdials[cli]"')


def _misused(problem: Any) -> None:
    """Say in one line what is wrong with the command that was typed."""
    context = getattr(problem, "ctx", None)
    command = "cmsdials" if context is None else context.command_path
    said = " ".join(problem.format_message().split())
    if said:  # else the help has been shown
        end = "" if said[-1] in ".?" else "."
        sys.stderr.write(f"{command}: {printable(said)}{end} See {command} --help.\n")


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    report = without_secrets("".join(traceback.format_exception(kind, error, trace)))
    sys.stderr.write(
        f"{printable(report, lines=True)}This is a bug in cmsdials: please report it with the lines above.\n"
    )


def _warned(message: Warning | str, *_place: object, **_more: object) -> None:
    sys.stderr.write(f"Warning: {printable(message)}\n")  # without its place in the code
