"""The commands of `cmsdials`, a thin shell over the library. Each is loaded when it is asked for."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from cmsdials import __version__
from cmsdials.cli.options import reported, say

__all__ = ["app"]

_LOGIN, _LISTS, _HISTOGRAMS, _HELP = "Login", "What there is", "Histograms", "Help"

_COMMANDS = {  # name -> module and function, and where the help shows it
    "login": ("login.log_in", _LOGIN),
    "logout": ("login.logout", _LOGIN),
    "whoami": ("login.whoami", _LOGIN),
    "workspaces": ("browse.workspaces", _LISTS),
    "datasets": ("listing.datasets", _LISTS),
    "runs": ("listing.runs", _LISTS),
    "lumis": ("listing.lumis", _LISTS),
    "files": ("listing.files", _LISTS),
    "mes": ("listing.mes", _LISTS),
    "count": ("listing.count", _LISTS),
    "get": ("histograms.get", _HISTOGRAMS),
    "mask": ("masks.mask", _HISTOGRAMS),
    "join": ("joins.join", _HISTOGRAMS),
    "download": ("folders.download", _HISTOGRAMS),
    "status": ("folders.status", _HISTOGRAMS),
    "verify": ("folders.verify", _HISTOGRAMS),
    "doctor": ("doctor.doctor", _HELP),
}


class _Command(typer.core.TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            if not ctx.resilient_parsing:
                _refuse_twice(ctx, self.make_parser(ctx).parse_args(args=[*args])[2])
            return super().parse_args(ctx, args)
        except Exception as problem:
            # An option that lacks its value does not know its command, which the message names.
            if getattr(problem, "ctx", ctx) is None:
                problem.ctx = ctx  # type: ignore[attr-defined]
            raise


def _refuse_twice(ctx: Any, given: list[Any]) -> None:
    """Refuse an option that is given twice: only its last value would count, and nobody would see that."""
    options = [one for one in given if isinstance(one, typer.core.TyperOption)]
    for one in options:
        if not (one.multiple or one.is_flag or one.count) and options.count(one) > 1:
            ctx.fail(f"{max(one.opts, key=len)} is given more than once, and takes one value.")


class _Commands(Mapping[str, Any]):
    """The commands by name: those that are made already, behind those that are loaded when they are looked up."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = dict(made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            place, panel = _COMMANDS[name]
            module, _, function = place.partition(".")
            alone = typer.Typer(add_completion=False)
            command = getattr(importlib.import_module(f"cmsdials.cli.{module}"), function)
            alone.command(name, cls=_Command, rich_help_panel=panel)(command)
            self._made[name] = typer.main.get_command(alone)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*_COMMANDS, *(name for name in self._made if name not in _COMMANDS)])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Group(typer.core.TyperGroup):
    def __init__(self, *, commands: Any = None, **how: Any) -> None:
        super().__init__(commands=_Commands(commands or {}), **how)  # type: ignore[arg-type]  # it is read only


app = typer.Typer(
    cls=_Group,
    help="Client of DIALS, the CMS service of per-lumisection data quality histograms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    rich_help_panel=_HELP,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@reported
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    # In this process, so that ending the command ends the service.
    sys.argv = ["cmsdials sandbox", *context.args]
    runpy.run_module("cmsdials_sandbox", run_name="__main__")
