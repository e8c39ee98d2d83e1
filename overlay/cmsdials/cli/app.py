"""The commands of `cmsdials`: log in, log out, see who one is and what there is, run a local DIALS.

A thin shell over the library. Errors of ours are printed as the sentences that they are, with exit code 1; Ctrl-C ends
with 130. Anything else is a fault, which `cmsdials.__main__` reports without showing secrets.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console

from cmsdials.auth import client_credentials
from cmsdials.auth._renewal import RenewedCredentials
from cmsdials.auth._store import LoginKey, TokenStore, legacy_token
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import LEGACY_CACHE_DIR, Credentials, not_logged_in
from cmsdials.auth.models import ApiToken, Token
from cmsdials.dials import Dials
from cmsdials.errors import ConfigurationError, CredentialsError, DialsError, SchemaError
from cmsdials.instances import DEVELOPMENT, PRODUCTION
from cmsdials.runtime.console import is_terminal
from cmsdials.runtime.interrupts import INTERRUPTED

__all__ = ["app", "run"]

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(
    help="Client of DIALS, the CMS service of per-lumisection data quality histograms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secrets
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

InstanceOption = Annotated[
    str,
    typer.Option("--instance", "-i", help="prod, dev, or the address of another DIALS.", metavar="NAME|URL"),
]
KeycloakOption = Annotated[
    str | None,
    typer.Option(
        "--keycloak-url",
        metavar="URL",
        help="Address of a Keycloak, such as https://auth.cern.ch/auth/. prod and dev know theirs; people log in at"
        " another DIALS itself unless this is given.",
    ),
]
RealmOption = Annotated[
    str | None, typer.Option("--realm", metavar="NAME", help="Realm of the Keycloak; cern unless told.")
]
ClientOption = Annotated[
    str | None,
    typer.Option("--client-id", metavar="ID", help="Application of the Keycloak to log in with, or as."),
]
AudienceOption = Annotated[
    str | None,
    typer.Option("--audience", metavar="ID", help="Application of the Keycloak that tokens are for."),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir", metavar="DIR", help="Folder that keeps logins; the user's cache folder unless told."
    ),
]


def run() -> None:
    """Run the command that the command line names, and exit."""
    # Not app(): it would put its own report of faults in the place of ours.
    typer.main.get_command(app)(prog_name="cmsdials")


def _reported(command: Callable[P, R]) -> Callable[P, R]:
    """Print an error of ours and end with exit code 1; end with 130 after Ctrl-C."""

    @functools.wraps(command)
    def reporting(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return command(*arguments, **options)
        except DialsError as problem:
            said, code = str(problem), 1
        except KeyboardInterrupt as stopped:
            # What has a note was said already, by the dialogue.
            said, code = "" if hasattr(stopped, "__notes__") else "Interrupted.", INTERRUPTED
        if said:
            _complain(said, "red")
        raise typer.Exit(code)

    return reporting


def _say(text: str) -> None:
    Console(markup=False, emoji=False, highlight=False, soft_wrap=True).print(text)


def _complain(text: str, style: str) -> None:
    Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True).print(text, style=style)


def _client(
    instance: str,
    keycloak_url: str | None = None,
    realm: str | None = None,
    client_id: str | None = None,
    audience: str | None = None,
) -> AuthClient:
    named = {one.name: one.base_url for one in (PRODUCTION, DEVELOPMENT)}
    return AuthClient(
        named.get(instance, instance),
        keycloak_url=keycloak_url,
        realm=realm,
        client_id=client_id,
        audience=audience,
    )


@app.command()
@_reported
def login(
    device: Annotated[
        bool,
        typer.Option(
            "--device/--application",
            help="Log yourself in with a code, or an application with its secret.",
        ),
    ] = True,
    instance: InstanceOption = PRODUCTION.name,
    keycloak_url: KeycloakOption = None,
    realm: RealmOption = None,
    client_id: ClientOption = None,
    audience: AudienceOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """Log in once; scripts and jobs then use that login.

    Yourself: open the link that is shown, compare the code and confirm.

    An application: set CMSDIALS_CLIENT_ID and CMSDIALS_CLIENT_SECRET, or
    type them when asked.

    The login is kept in a file that only you can read.
    """
    store = TokenStore.at(cache_dir)
    if device:
        client = _client(instance, keycloak_url, realm, client_id, audience)
        token = client.device_auth_flow()
        Credentials.from_authclient_token(token, cache_dir, client)
        _say(f"{_name(token)} is logged in at {client.place}; kept in {store.path}")
        return
    client = _client(instance, keycloak_url, realm, None, audience)
    credentials = _application(client, client_id)
    credentials.check()
    credentials.keep_in(store)
    _say(
        f"The application {credentials.client_id} is logged in for {client.place}; its secret is kept in {store.path}"
    )


def _application(client: AuthClient, client_id: str | None) -> client_credentials.Credentials:
    if not client.knows_realm:
        message = f"an application logs in at a Keycloak, and nothing says which one {client.place} has"
        raise ConfigurationError(
            message, advice="Name it: --keycloak-url https://auth.cern.ch/auth/ is CERN's."
        )
    return client_credentials.Credentials(
        client_id or _asked(client_credentials.CLIENT_ID, "Client id"),
        _asked(client_credentials.CLIENT_SECRET, "Client secret", hidden=True),
        client,
    )


def _asked(variable: str, question: str, *, hidden: bool = False) -> str:
    """Return what the environment says, or else the person at the terminal."""
    if os.environ.get(variable):
        return os.environ[variable]
    if not is_terminal(sys.stdin):
        message = f"the {question.lower()} of the application is not known"
        raise CredentialsError(message, advice=f"Set {variable}, or run this in a terminal to be asked.")
    try:
        return str(typer.prompt(question, hide_input=hidden, err=True))
    except typer.Abort:
        raise KeyboardInterrupt from None


@app.command()
@_reported
def logout(
    instance: InstanceOption = PRODUCTION.name,
    keycloak_url: KeycloakOption = None,
    realm: RealmOption = None,
    client_id: ClientOption = None,
    audience: AudienceOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """End the login at the service that issued it, and delete it here."""
    client = _client(instance, keycloak_url, realm, client_id, audience)
    store = TokenStore.at(cache_dir)
    keys: list[LoginKey] = [client.key]
    if client.knows_realm:  # else an application is of another place
        keys += store.applications(client.application_key(""))
    held = [key for key in keys if store.holds(key)]
    for key in held:
        # Deleted first: a service that does not answer must not keep the login here.
        token = store.take(key)
        if token is not None:
            _revoke(client, token)
    _say(f"Logged out of {client.place}" if held else f"There is no login for {client.place} in {store.path}")
    older = cache_dir or Path(LEGACY_CACHE_DIR)
    if legacy_token(older) is not None:
        _complain(f"{older / 'creds'}, left by an older cmsdials, stays: delete it yourself.", "yellow")


def _revoke(client: AuthClient, token: Token) -> None:
    try:
        ended = client.revoke(token)
    except DialsError as problem:
        _complain(f"Deleted here, but not ended at the service: {problem}", "yellow")
        return
    if not ended:
        _complain("This DIALS cannot end logins: the tokens end by themselves.", "yellow")


@app.command()
@_reported
def whoami(
    instance: InstanceOption = PRODUCTION.name,
    keycloak_url: KeycloakOption = None,
    realm: RealmOption = None,
    client_id: ClientOption = None,
    audience: AudienceOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """Show who is logged in where, with which workspace, and for how long. Never the token."""
    client = _client(instance, keycloak_url, realm, client_id, audience)
    credentials = _credentials(client, cache_dir)
    token = credentials.check()
    with Dials(credentials, base_url=client.base_url) as dials:
        default = dials.workspaces.default(retries=1)
    _say(f"user       {_name(token)}")
    _say(f"instance   {client.place}")
    _say(f"workspace  {_workspace_name(default)}")
    _say(f"token      good for {_duration(token.expires_at)}, renewed by itself")
    _say(f"login      {_login_end(token)}")


@app.command()
@_reported
def workspaces(
    instance: InstanceOption = PRODUCTION.name,
    keycloak_url: KeycloakOption = None,
    realm: RealmOption = None,
    client_id: ClientOption = None,
    audience: AudienceOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """List the workspaces of the service."""
    client = _client(instance, keycloak_url, realm, client_id, audience)
    with Dials(_credentials(client, cache_dir), base_url=client.base_url) as dials:
        listed = dials.workspaces.list(retries=1)
        default = _workspace_name(dials.workspaces.default(retries=1))
    items = listed.get("workspaces") if isinstance(listed, Mapping) else listed
    if not isinstance(items, list):
        problem = "is no list"
        raise SchemaError(problem, resource="workspaces", field="workspaces")
    for item in items:
        name = _workspace_name(item)
        described = _plain(item.get("description") or "") if isinstance(item, Mapping) else ""
        marked = "  (default)" if name == default else ""
        _say(f"{name:12}{described}{marked}".rstrip())


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@_reported
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    # In this process, so that whoever ends the command ends the service.
    sys.argv = ["cmsdials sandbox", *context.args]
    runpy.run_module("cmsdials_sandbox", run_name="__main__")


def _credentials(client: AuthClient, cache_dir: Path | None) -> RenewedCredentials:
    """Return what is logged in; the commands that show something start no login."""
    found = Credentials.stored(cache_dir, client)
    if found is None:
        raise not_logged_in(cache_dir, client)
    return found


def _plain(text: object) -> str:
    """Return what a service says, without what a terminal would obey."""
    return "".join(character for character in str(text) if character.isprintable())


def _name(token: ApiToken) -> str:
    claims = token.claims
    return _plain(claims.get("preferred_username") or claims.get("azp") or claims.get("sub") or "somebody")


def _workspace_name(answer: object) -> str:
    if isinstance(answer, Mapping):
        return _plain(answer.get("name") or answer.get("workspace") or answer)
    return _plain(answer)


def _login_end(token: ApiToken) -> str:
    if not isinstance(token, Token):
        return "of an application, renewed with its secret"
    if token.refresh_lasts_forever:
        return "good until it is revoked"
    return f"good for {_duration(token.refresh_expires_at)}"


def _duration(end: datetime) -> str:
    minutes = max(0, round((end - datetime.now(UTC)).total_seconds() / 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
