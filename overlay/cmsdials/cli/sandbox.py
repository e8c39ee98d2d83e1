"""The command that runs a local DIALS."""

from __future__ import annotations

import runpy
import sys

import typer

from cmsdials.cli.options import reported

__all__ = ["sandbox"]


@reported
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    # In this process, so that whoever ends the command ends the service.
    sys.argv = ["cmsdials sandbox", *context.args]
    runpy.run_module("cmsdials_sandbox", run_name="__main__")
