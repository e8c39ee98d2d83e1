"""What the commands have in common: the options about logins, and how results and errors are written.

Our own errors are printed as plain sentences, with exit code 1; Ctrl-C ends with 130. Anything else is a
bug, which `cmsdials.cli.entry` reports.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from attrs import frozen
from rich.console import Console

from cmsdials.auth._refresh import RenewedCredentials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials, not_logged_in
from cmsdials.errors import ConfigurationError, DialsError
from cmsdials.instances import DEVELOPMENT, PRODUCTION
from cmsdials.redaction import printable
from cmsdials.runtime.interrupts import INTERRUPTED

__all__ = ["LoginOptions", "complain", "console", "reported", "say", "with_login_options"]


def _option(metavar: str, text: str, *names: str, complete: Callable[[], list[str]] | None = None) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, autocompletion=complete)


_NAMED = (PRODUCTION, DEVELOPMENT)

_KEYCLOAK = (
    "Address of a Keycloak, such as https://auth.cern.ch/auth/. prod and dev have theirs; at another DIALS"
    " people log in at DIALS itself unless this is given."
)


@frozen(kw_only=True)
class LoginOptions:
    """The options of every command that needs a login: for which DIALS, and where it is kept."""

    instance: Annotated[
        str,
        _option(
            "NAME|URL",
            "prod, dev, or the address of another DIALS.",
            "--instance",
            "-i",
            complete=lambda: [one.name for one in _NAMED],
        ),
    ] = PRODUCTION.name
    keycloak_url: Annotated[str | None, _option("URL", _KEYCLOAK)] = None
    realm: Annotated[str | None, _option("NAME", "Realm of the Keycloak; default: cern.")] = None
    client_id: Annotated[str | None, _option("ID", "Application of the Keycloak to log in with, or as.")] = (
        None
    )
    audience: Annotated[str | None, _option("ID", "Application of the Keycloak that tokens are for.")] = None
    cache_dir: Annotated[
        Path | None, _option("DIR", "Folder that keeps logins; default: the user's cache folder.")
    ] = None

    def client(self, *, of_person: bool = True) -> AuthClient:
        """Return the login service; without `client_id` if that is an application that logs itself in."""
        named = {one.name: one.base_url for one in _NAMED}
        is_name = self.instance not in named and "/" not in self.instance
        if is_name and (near := get_close_matches(self.instance.lower(), named, n=1, cutoff=0.5)):
            message = f"there is no instance {self.instance!r}; did you mean {near[0]!r}?"
            raise ConfigurationError(message, advice="Give prod, dev, or the address of another DIALS.")
        return AuthClient(
            named.get(self.instance, self.instance),
            keycloak_url=self.keycloak_url,
            realm=self.realm,
            client_id=self.client_id if of_person else None,
            audience=self.audience,
        )

    def credentials(self, client: AuthClient) -> RenewedCredentials:
        """Return the stored login; commands that only show something do not start one."""
        found = Credentials.stored(self.cache_dir, client)
        if found is None:
            raise not_logged_in(self.cache_dir, client)
        return found


def with_login_options(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: the fields of its argument `login` become options."""
    shared = inspect.signature(LoginOptions, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    options = [one for one in (*own.values(), *shared.values()) if one.name != "login"]

    @functools.wraps(command)
    def accepting(**given: Any) -> None:
        command(login=LoginOptions(**{name: given.pop(name) for name in shared}), **given)

    accepting.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    accepting.__annotations__ = {one.name: one.annotation for one in options}
    return reported(accepting)


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Print one of our errors and end with exit code 1; end with 130 after Ctrl-C."""

    @functools.wraps(command)
    def reporting(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except DialsError as problem:
            complain(str(problem), "red")
            raise typer.Exit(1) from None
        except KeyboardInterrupt as stopped:
            if not hasattr(stopped, "__notes__"):  # else the prompt has already said so, and left a note
                complain("Interrupted.", "red")
            raise typer.Exit(INTERRUPTED) from None

    return reporting


def say(text: str) -> None:
    """Print a line of the result; it may hold text from outside."""
    console().print(printable(text))


def complain(text: str, style: str = "yellow") -> None:
    """Print what went wrong; it may hold text from outside."""
    console(stderr=True).print(printable(text, lines=True), style=style)


def console(*, stderr: bool = False) -> Console:
    """Return what prints lines: with colours for a person, plain for a file or a program."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
