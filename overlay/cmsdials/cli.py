"""The commands of `cmsdials`: log in, log out, see who one is and what there is, run a local DIALS.

A thin shell over the library. Errors of ours are printed as the sentences that they are, never as tracebacks, which
could show secrets.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cmsdials.auth import client_credentials
from cmsdials.auth._renewal import RenewedCredentials
from cmsdials.auth._store import TokenStore
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.auth.models import ApiToken, Token
from cmsdials.dials import Dials
from cmsdials.errors import DialsError, NotLoggedInError
from cmsdials.instances import DEVELOPMENT, PRODUCTION, instance_of

__all__ = ["app"]

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(
    help="Client of DIALS, the CMS service of per-lumisection data quality histograms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and those may be secrets
    add_completion=False,
)
_console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)

InstanceOption = Annotated[
    str, typer.Option("--instance", help="prod, dev, or the address of another DIALS.", metavar="NAME|URL")
]
KeycloakOption = Annotated[
    str | None, typer.Option("--keycloak-url", help="Log in at this Keycloak.", metavar="URL")
]
RealmOption = Annotated[str | None, typer.Option("--realm", help="Realm of the Keycloak.")]
ClientOption = Annotated[
    str | None,
    typer.Option("--client-id", help="Application to log in with, or to log in as (--application)."),
]
AudienceOption = Annotated[str | None, typer.Option("--audience", help="Application that tokens are for.")]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache-dir", help="Folder that keeps logins; the user's cache folder unless told."),
]


def _reported(command: Callable[P, R]) -> Callable[P, R]:
    """Print an error of ours and end with exit code 1."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return command(*arguments, **options)
        except DialsError as problem:
            said = str(problem)
        _errors.print(said, style="red", markup=False)
        raise typer.Exit(1)

    return run


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
    application: Annotated[
        bool, typer.Option("--application/--device", help="Log in an application instead of yourself.")
    ] = False,
    instance: InstanceOption = PRODUCTION.name,
    keycloak_url: KeycloakOption = None,
    realm: RealmOption = None,
    client_id: ClientOption = None,
    audience: AudienceOption = None,
    cache_dir: CacheOption = None,
) -> None:
    """Log in once; scripts and jobs then use that login.

    Yourself: open the link that is shown and confirm. An application (--application): give its client id and secret,
    or set CMSDIALS_CLIENT_ID and CMSDIALS_CLIENT_SECRET.
    """
    store = TokenStore.at(cache_dir)
    if application:
        client = _client(instance, keycloak_url, realm, None, audience)
        credentials = _application(client, client_id)
        credentials.check()
        credentials.keep_in(store)
        _console.print(f"The application {credentials.client_id} is logged in; kept in {store.path}")
        return
    client = _client(instance, keycloak_url, realm, client_id, audience)
    token = client.device_auth_flow()
    Credentials.from_authclient_token(token, cache_dir, client)
    _console.print(f"{_name(token)} is logged in at {_place(client)}; kept in {store.path}")


def _application(client: AuthClient, client_id: str | None) -> client_credentials.Credentials:
    return client_credentials.Credentials(
        client_id or os.environ.get(client_credentials.CLIENT_ID) or typer.prompt("Client id"),
        os.environ.get(client_credentials.CLIENT_SECRET) or typer.prompt("Client secret", hide_input=True),
        client,
    )


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
    found = False
    for key in (client.key, *store.applications(client.application_key(""))):
        token = store.token(key)
        found = found or token is not None or store.application_secret(key) is not None
        # Deleted first: a service that does not answer must not keep the login here.
        store.forget(key)
        if token is not None:
            _revoke(client, token)
    if not found:
        _console.print(f"There is no login for {_place(client)} in {store.path}")
        return
    _console.print(f"Logged out of {_place(client)}")


def _revoke(client: AuthClient, token: Token) -> None:
    try:
        if not client.revoke(token):
            _console.print("This DIALS cannot end logins: the tokens end by themselves.")
    except DialsError as problem:
        _errors.print(f"Deleted here, but not ended at the service: {problem}", style="yellow", markup=False)


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
        default = dials.workspaces.default()
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("user", _name(token)),
        ("instance", _place(client)),
        ("workspace", _workspace_name(default)),
        ("token", f"good for {_duration(token.expires_at)}, renewed by itself"),
        ("login", _login_end(token)),
    ):
        table.add_row(name, value)
    _console.print(table)


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
        listed, default = dials.workspaces.list(), _workspace_name(dials.workspaces.default())
    items = listed.get("workspaces", []) if isinstance(listed, dict) else listed
    for item in items:
        name = _workspace_name(item)
        described = item.get("description", "") if isinstance(item, dict) else ""
        marked = "  (default)" if name == default else ""
        _console.print(f"{name:12}{described}{marked}".rstrip(), markup=False)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def sandbox(context: typer.Context) -> None:
    """Run a local DIALS with synthetic data; `cmsdials sandbox --help` shows its options."""
    command = [sys.executable, "-m", "cmsdials_sandbox", *context.args]
    try:
        code = subprocess.run(command, check=False).returncode  # noqa: S603  # our own module
    except KeyboardInterrupt:
        code = 0  # the sandbox got it too, and has ended
    raise typer.Exit(code)


def _credentials(client: AuthClient, cache_dir: Path | None) -> RenewedCredentials:
    """Return what is logged in; the commands that show something start no login."""
    found = Credentials.stored(cache_dir, client)
    if found is None:
        message = f"there is no login for {_place(client)} in {TokenStore.at(cache_dir).path}"
        raise NotLoggedInError(message, advice=client.how_to_log_in())
    return found


def _place(client: AuthClient) -> str:
    instance = instance_of(client.base_url)
    return f"{instance.name} ({instance.base_url})" if instance else client.base_url


def _name(token: ApiToken) -> str:
    claims = token.claims
    return str(claims.get("preferred_username") or claims.get("azp") or claims.get("sub") or "somebody")


def _workspace_name(answer: object) -> str:
    if isinstance(answer, dict):
        return str(answer.get("name") or answer.get("workspace") or answer)
    return str(answer)


def _login_end(token: ApiToken) -> str:
    end = getattr(token, "refresh_expires_at", None)
    if end is None:
        return "of an application, renewed with its secret"
    if getattr(token, "refresh_lasts_forever", False):
        return "until it is revoked"
    return f"good for {_duration(end)}"


def _duration(end: datetime) -> str:
    minutes = max(0, round((end - datetime.now(UTC)).total_seconds() / 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
