"""What the commands have in common: groups of options, those about the service and the login, and how errors are written.

Our own errors are printed as plain sentences, with exit code 1; Ctrl-C ends with 130, a closed pipe with 141. Anything
else is a bug, which `cmsdials.cli.entry` reports.

A command that only shows its help or completes a word imports this module, and nothing of what sends requests.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import attrs
import typer
from attrs import frozen

from cmsdials.errors import ConfigurationError, DialsError
from cmsdials.instances import DEVELOPMENT, PRODUCTION
from cmsdials.redaction import printable
from cmsdials.runtime.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from rich.console import Console

    from cmsdials.auth._refresh import RenewedCredentials
    from cmsdials.auth.client import AuthClient
    from cmsdials.dials import Dials

__all__ = [
    "CLOSED_PIPE",
    "LoginOptions",
    "ServiceOptions",
    "code_of_output",
    "complain",
    "console",
    "instance_url",
    "kept_names",
    "option",
    "reported",
    "say",
    "with_options",
]

CLOSED_PIPE = 141
"""Exit code if what reads the output has ended, such as `head`: 128 and the number of SIGPIPE, as of any program."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Completion = Callable[..., list[str]]


def option(
    metavar: str | None, text: str, *names: str, complete: Completion | None = None, panel: str | None = None
) -> Any:
    """Declare an option, for an annotation of a command or of a group of options."""
    return typer.Option(
        *names,
        metavar=metavar,
        help=text,
        autocompletion=complete,
        rich_help_panel=panel,
        show_default=metavar is not None,
    )


_NAMED = (PRODUCTION, DEVELOPMENT)
_PANEL = "Service and login"

_KEYCLOAK = (
    "Address of a Keycloak, such as https://auth.cern.ch/auth/. prod and dev have theirs; at another DIALS"
    " people log in at DIALS itself unless this is given."
)


def _names_of_instances() -> list[str]:
    return [one.name for one in _NAMED]


def instance_url(instance: str) -> str:
    """Return the address of an instance that is named, or of which the address is given.

    Raises:
        ConfigurationError: It is neither.
    """
    named = {one.name: one.base_url for one in _NAMED}
    is_name = instance not in named and "/" not in instance
    if is_name and (near := get_close_matches(instance.lower(), named, n=1, cutoff=0.5)):
        message = f"there is no instance {instance!r}; did you mean {near[0]!r}?"
        raise ConfigurationError(message, advice="Give prod, dev, or the address of another DIALS.")
    return named.get(instance, instance)


@frozen(kw_only=True)
class LoginOptions:
    """The options of every command that needs a login: for which DIALS, and where it is kept."""

    instance: Annotated[
        str,
        option(
            "NAME|URL",
            "prod, dev, or the address of another DIALS.",
            "--instance",
            "-i",
            complete=_names_of_instances,
            panel=_PANEL,
        ),
    ] = PRODUCTION.name
    keycloak_url: Annotated[str | None, option("URL", _KEYCLOAK, panel=_PANEL)] = None
    realm: Annotated[str | None, option("NAME", "Realm of the Keycloak; default: cern.", panel=_PANEL)] = None
    client_id: Annotated[
        str | None, option("ID", "Application of the Keycloak to log in with, or as.", panel=_PANEL)
    ] = None
    audience: Annotated[
        str | None, option("ID", "Application of the Keycloak that tokens are for.", panel=_PANEL)
    ] = None
    cache_dir: Annotated[
        Path | None,
        option("DIR", "Folder that keeps logins; default: the user's cache folder.", panel=_PANEL),
    ] = None

    def check(self) -> None:
        """Do nothing: the address is checked with the login that it is for."""

    def client(self, *, of_person: bool = True) -> AuthClient:
        """Return the login service; without `client_id` if that is an application that logs itself in."""
        from cmsdials.auth.client import AuthClient  # noqa: PLC0415  # help does without it, as below

        return AuthClient(
            instance_url(self.instance),
            keycloak_url=self.keycloak_url,
            realm=self.realm,
            client_id=self.client_id if of_person else None,
            audience=self.audience,
        )

    def credentials(self, client: AuthClient) -> RenewedCredentials:
        """Return the stored login; commands that only show something do not start one."""
        from cmsdials.auth.device import Credentials, not_logged_in  # noqa: PLC0415

        found = Credentials.stored(self.cache_dir, client)
        if found is None:
            raise not_logged_in(self.cache_dir, client)
        return found


def kept_names(kind: str) -> Completion:
    """Return what completes names; see `cmsdials.cli.completion.names`."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from cmsdials.cli.completion import names  # noqa: PLC0415  # only a shell asks for it

        return names(kind, ctx, incomplete)

    return complete


@frozen(kw_only=True)
class ServiceOptions(LoginOptions):
    """The options of every command that asks the service for data: which workspace, and those of the login."""

    workspace: Annotated[
        str | None,
        option(
            "NAME",
            "Workspace; default: your own.",
            "--workspace",
            "-w",
            complete=kept_names("workspaces"),
            panel=_PANEL,
        ),
    ] = None

    def dials(self) -> Dials:
        """Return the service, with the stored login."""
        from cmsdials.dials import Dials  # noqa: PLC0415

        client = self.client()
        return Dials(self.credentials(client), self.workspace, client.base_url)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: where an argument is a group of options, its fields become options.

    Groups have a method `check`, which raises an error of ours if their options make no sense.
    """
    arguments = _arguments(command)
    groups = {one.name: one.annotation for one in arguments if attrs.has(one.annotation)}
    fields = {name: _arguments(group) for name, group in groups.items()}
    options = [
        *(one for one in arguments if one.name not in groups),
        *(one for group in fields.values() for one in group),
    ]

    @functools.wraps(command)
    def accepting(**given: Any) -> None:
        made: dict[str, Any] = {
            name: group(**{one.name: given.pop(one.name) for one in fields[name]})
            for name, group in groups.items()
        }
        for group in made.values():  # before anything is asked for, such as the login
            group.check()
        command(**made, **given)

    accepting.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    accepting.__annotations__ = {one.name: one.annotation for one in options}
    return reported(accepting)


def _arguments(function: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the arguments with what their annotations say, those of a class in the order of its fields."""
    hints = get_type_hints(function, include_extras=True)
    arguments = inspect.signature(function).parameters.values()
    return [
        one.replace(annotation=hints.get(one.name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for one in arguments
    ]


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Print one of our errors and end with exit code 1, also on a full disk; after Ctrl-C with 130, if nothing reads on with 141."""

    @functools.wraps(command)
    def reporting(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except DialsError as problem:
            complain(str(problem), "red")
            raise typer.Exit(1) from None
        except OSError as problem:
            code = code_of_output(problem)
            if code is None:
                raise
            raise typer.Exit(code) from None
        except KeyboardInterrupt as stopped:
            if not hasattr(stopped, "__notes__"):  # else the prompt has already said so, and left a note
                complain("Interrupted.", "red")
            raise typer.Exit(INTERRUPTED) from None

    return reporting


def code_of_output(problem: OSError) -> int | None:
    """Return the exit code of a command whose output cannot be written, and say why; None if the problem is another one."""
    if isinstance(problem, BrokenPipeError):
        _forget_output()
        return CLOSED_PIPE
    if problem.errno not in _NO_ROOM:
        return None
    _forget_output()
    complain(f"The output cannot be written: {problem.strerror}. Make room, or name another place.", "red")
    return 1


def _forget_output() -> None:
    """Send the rest of the output nowhere: Python writes what is left of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str) -> None:
    """Print a line of the result; it may hold text from outside."""
    sys.stdout.write(f"{printable(text)}\n")


def complain(text: str, style: str = "yellow") -> None:
    """Print what went wrong; it may hold text from outside."""
    console(stderr=True).print(printable(text, lines=True), style=style)


def console(*, stderr: bool = False) -> Console:
    """Return what prints lines: with colours for a person, plain for a file or a program."""
    from rich.console import Console  # noqa: PLC0415  # as above

    class Lines(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # which `reported` knows, in place of an exit code of its own

    return Lines(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
