"""The commands of `cmsdials`, a thin shell over the library."""

from __future__ import annotations

import runpy
import sys

import typer

from cmsdials.cli.browse import workspaces
from cmsdials.cli.login import log_in, logout, whoami
from cmsdials.cli.options import reported

__all__ = ["app"]

app = typer.Typer(
    help="Client of DIALS, the CMS service of per-lumisection data quality histograms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secrets
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("login")(log_in)
app.command()(logout)
app.command()(whoami)
app.command()(workspaces)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@reported
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    # In this process, so that ending the command ends the service.
    sys.argv = ["cmsdials sandbox", *context.args]
    runpy.run_module("cmsdials_sandbox", run_name="__main__")
