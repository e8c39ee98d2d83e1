"""The commands about logins: log in, log out, see who is logged in."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cmsdials.auth import client_credentials
from cmsdials.auth._store import TokenStore, legacy_token
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import LEGACY_CACHE_DIR
from cmsdials.auth.models import ApiToken, Token
from cmsdials.cli.browse import workspace_name
from cmsdials.cli.options import LoginOptions, complain, say, with_options
from cmsdials.cli.output import json_of
from cmsdials.dials import Dials
from cmsdials.errors import ConfigurationError, CredentialsError, DialsError, TokenStoreError
from cmsdials.redaction import printable
from cmsdials.runtime.console import is_terminal

__all__ = ["duration", "log_in", "logout", "name_in", "whoami"]

_LONGEST_NAME = 100


@with_options
def log_in(
    login: LoginOptions,
    device: Annotated[
        bool,
        typer.Option(
            "--device/--application",
            help="Log yourself in with a code, or an application with its secret.",
        ),
    ] = True,
) -> None:
    """Log in once; scripts and jobs then use that login.

    Yourself: open the link that is shown, compare the code and confirm.

    An application: set CMSDIALS_CLIENT_ID and CMSDIALS_CLIENT_SECRET, or
    type them when asked.

    The login is kept in a file that only you can read.
    """
    client, store = login.client(of_person=device), TokenStore.at(login.cache_dir)
    try:
        if device:
            store.check()  # before a person confirms in vain
            token = client.device_auth_flow(keep=lambda tokens: store.change(client.key, tokens.as_json()))
            say(f"{name_in(token)} is logged in at {client.place}; kept in {store.path}")
            return
        credentials = _application(client, login.client_id)
        credentials.check()
        credentials.keep_in(login.cache_dir)
        who = f"The application {credentials.client_id}"
        say(f"{who} is logged in for {client.place}; its secret is kept in {store.path}")
    except TokenStoreError as problem:
        complain(f"Not logged in, because the login cannot be kept: {problem}", "red")
        raise typer.Exit(1) from None


def _application(client: AuthClient, client_id: str | None) -> client_credentials.Credentials:
    if not client.knows_realm:
        message = f"an application logs in at a Keycloak, and nothing says which one {client.place} has"
        advice = "Name it: --keycloak-url https://auth.cern.ch/auth/ is CERN's."
        raise ConfigurationError(message, advice=advice)
    return client_credentials.Credentials(
        client_id or _asked(client_credentials.CLIENT_ID, "Client id"),
        _asked(client_credentials.CLIENT_SECRET, "Client secret", hidden=True),
        client,
    )


def _asked(variable: str, question: str, *, hidden: bool = False) -> str:
    """Return what the environment says or, failing that, the person at the terminal."""
    if os.environ.get(variable):
        return os.environ[variable]
    if not is_terminal(sys.stdin):
        message = f"the {question.lower()} of the application is not known"
        raise CredentialsError(message, advice=f"Set {variable}, or run this in a terminal to be asked.")
    try:
        return str(typer.prompt(question, hide_input=hidden, err=True))
    except typer.Abort:
        raise KeyboardInterrupt from None


@with_options
def logout(login: LoginOptions) -> None:
    """End the login at the service that issued it, and delete it here."""
    client, store = login.client(), TokenStore.at(login.cache_dir)
    # If the Keycloak of this DIALS is not known, applications belong to another place.
    applications = store.applications(client.application_key("")) if client.knows_realm else {}
    held = [key for key in (client.key, *applications) if store.holds(key)]
    stays = None
    for key in held:
        # Deleted first: a service that does not answer must not keep the login here.
        token, problem = store.take(key)
        stays = stays or problem
        try:
            if token is not None and not client.revoke(token):
                complain("This DIALS cannot end logins: the tokens end by themselves.")
        except DialsError as failure:
            here = "Not deleted here, and" if problem else "Deleted here, but"
            complain(f"{here} not ended at the service: {failure}")
    if stays is not None:
        why = f"the login cannot be deleted: {stays} Or delete the file yourself."
        complain(f"Not logged out here, because {why}", "red")
        raise typer.Exit(1)
    say(f"Logged out of {client.place}" if held else f"There is no login for {client.place} in {store.path}")
    older = login.cache_dir or Path(LEGACY_CACHE_DIR)
    if legacy_token(older) is not None:
        complain(f"{older / 'creds'}, left by an older cmsdials, stays: delete it yourself.")


@with_options
def whoami(
    login: LoginOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON object.")] = False,
) -> None:
    """Show who is logged in where, with which workspace, and for how long. Never the token."""
    client = login.client()
    credentials = login.credentials(client)
    token = credentials.check()
    with Dials(credentials, base_url=client.base_url) as dials:
        default = dials.workspaces.default(retries=1)
    until = token.refresh_expires_at if isinstance(token, Token) and not token.refresh_lasts_forever else None
    if as_json:
        said = {
            "user": name_in(token),
            "instance": client.place,
            "workspace": workspace_name(default),
            "token_until": token.expires_at,
            "login_until": until,
            "is_application": not isinstance(token, Token),
        }
        say(json_of(said))
        return
    if not isinstance(token, Token):
        lasts = "of an application, renewed with its secret"
    else:
        lasts = "good until it is revoked" if until is None else f"good for {duration(until)}"
    say(f"user       {name_in(token)}")
    say(f"instance   {client.place}")
    say(f"workspace  {workspace_name(default)}")
    say(f"token      good for {duration(token.expires_at)}, renewed by itself")
    say(f"login      {lasts}")


def name_in(token: ApiToken) -> str:
    """Return who a token is for, as it says."""
    claims = token.claims
    names = (claims.get(name) for name in ("preferred_username", "azp", "sub"))
    return printable(next(filter(None, names), "unknown"), _LONGEST_NAME)


def duration(end: datetime) -> str:
    """Say how long it is until then."""
    minutes = max(0, round((end - datetime.now(UTC)).total_seconds() / 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
