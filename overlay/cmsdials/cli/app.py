"""The commands of `cmsdials`, a thin shell over the library."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
import typer.core

from cmsdials import __version__
from cmsdials.cli.browse import workspaces
from cmsdials.cli.doctor import doctor
from cmsdials.cli.folders import download, status, verify
from cmsdials.cli.login import log_in, logout, whoami
from cmsdials.cli.options import reported, say

__all__ = ["app"]

app = typer.Typer(
    help="Client of DIALS, the CMS service of per-lumisection data quality histograms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("login")(log_in)
app.command()(logout)
app.command()(whoami)
app.command()(workspaces)
app.command()(download)
app.command()(status)
app.command()(verify)
app.command()(doctor)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"cmsdials {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[  # its callback has printed it
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """What stands before a command."""


def _choosing_from(choices: Iterable[str]) -> Callable[[Any, Any, str], list[str]]:
    return lambda _context, _option, begun: [choice for choice in choices if choice.startswith(begun)]


class _Sandbox(typer.core.TyperCommand):
    """Its options are those of `cmsdials_sandbox`, which reads them itself: here they are known for completion only."""

    def get_params(self, ctx: Any) -> list[Any]:
        known: list[Any] = super().get_params(ctx)
        if not ctx.resilient_parsing:
            return known
        # By name, as it is run: the client itself never needs the sandbox.
        options = importlib.import_module("cmsdials_sandbox.command").parser()
        return known + [
            typer.core.TyperOption(
                param_decls=[*action.option_strings, action.dest],
                is_flag=action.nargs == 0,
                help=action.help and action.help % vars(action),
                shell_complete=_choosing_from(action.choices or ()),
            )
            for action in options._actions  # argparse shows them no other way
        ]


@app.command(
    cls=_Sandbox,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@reported
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    # In this process, so that ending the command ends the service.
    sys.argv = ["cmsdials sandbox", *context.args]
    runpy.run_module("cmsdials_sandbox", run_name="__main__")
