"""The command line: `python -m cmsdials_generator pull|generate|check`."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import project
from .check import check_source, check_tree
from .generate import CannotGenerate, generate
from .overlay_document import InvalidOverlay
from .pull import CannotPull, pull
from .read import CannotRead
from .report import RENDERERS, as_lines
from .unnamed import as_text

CHANGED, CANNOT = 2, 3
_SOURCE = "URL or file; `production` stands for the production service"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except (CannotRead, CannotPull, CannotGenerate, InvalidOverlay) as problem:
        print(f"cannot {chosen.command}: {as_lines(problem)}", file=sys.stderr)
        return CANNOT
    except Exception:  # noqa: BLE001  # Python's own exit code would be 1, which says "compatible drift"
        traceback.print_exc()
        print(f"cannot {chosen.command}: this is a bug in the generator", file=sys.stderr)
        return CANNOT
    return code


class _Parser(argparse.ArgumentParser):
    """Exits with 3 on wrong arguments, where argparse exits with 2, which says "breaking drift"."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(CANNOT, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m cmsdials_generator",
        description="Make the contract of the DIALS API, the client code from it, and check both for drift.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser(
        "pull", help="make the contract (openapi.json) from the published document",
        description="Read the document that DIALS publishes, correct it, and write the contract. "
        "Exit code 3 if there is no such document or a correction no longer fits; then nothing is written.",
    )  # fmt: skip
    command.add_argument(
        "--source",
        type=project.source_named,
        default=project.PRODUCTION,
        help=f"{_SOURCE} (default: %(default)s)",
    )
    command.add_argument(
        "--out", type=Path, default=project.CONTRACT, help="file to write (default: openapi.json)"
    )
    command.add_argument(
        "--recount", action="store_true",
        help="write the x-count of corrections that fit another number of places; read what that changes",
    )  # fmt: skip
    command.set_defaults(run=_pull)

    command = commands.add_parser(
        "generate", help="emit the client code (generated_client) from the contract",
        description="Emit the package cmsdials_api. The folder is replaced as a whole; a failure leaves the old one.",
    )  # fmt: skip
    command.add_argument(
        "--spec", type=Path, default=project.CONTRACT, help="contract (default: openapi.json)"
    )
    command.add_argument(
        "--out", type=Path, default=project.CLIENT, help="folder for the package (default: generated_client)"
    )
    command.set_defaults(run=_generate)

    command = commands.add_parser(
        "check", help="say whether the emitted code or the service has drifted from the contract",
        description="Without a source: emit the code again and compare (exit code 0 or 2). With one: compare the "
        "document published there with the contract (0 no drift, 1 compatible drift or something that `pull` stops at, 2 breaking drift). "
        "3: could not check.",
    )  # fmt: skip
    command.add_argument("--source", type=project.source_named, help=_SOURCE)
    command.add_argument(
        "--spec", type=Path, default=project.CONTRACT, help="contract (default: openapi.json)"
    )
    command.add_argument(
        "--format", choices=tuple(RENDERERS), default="text", help="of the report (default: %(default)s)"
    )
    command.set_defaults(run=_check)
    return parser


def _pull(chosen: argparse.Namespace) -> int:
    published, contract = pull(chosen.source, chosen.out, recount=chosen.recount)
    for warning in published.warnings:
        print(f"warning: {as_lines(warning)}", file=sys.stderr)
    print(
        f"{chosen.out}: {len(contract.document['paths'])} paths, {len(contract.actions)} corrections applied"
    )
    print(as_text(contract.unnamed), end="")
    print("Next: `generate` (scripts/regenerate does both), then read the difference and run scripts/test.")
    return 0


def _generate(chosen: argparse.Namespace) -> int:
    files = generate(chosen.spec, chosen.out)
    print(f"{chosen.out / project.PACKAGE}: {len(files)} modules")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    if chosen.source is None:
        differences = check_tree(chosen.spec)
        for difference in differences:
            print(difference)
        if differences:
            print(
                "The emitted code is not what the contract gives. Run scripts/regenerate and commit what it changes."
            )
            return CHANGED
        print("no drift: the emitted code is what the contract gives")
        return 0
    report = check_source(chosen.source, chosen.spec)
    print(RENDERERS[chosen.format](report), end="")
    return report.exit_code
