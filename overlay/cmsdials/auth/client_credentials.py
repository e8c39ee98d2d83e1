"""The credentials of an application, which logs itself in with its client id and secret."""

from __future__ import annotations

import os

from cmsdials.auth._refresh import RenewedCredentials
from cmsdials.auth._store import TokenStore
from cmsdials.auth.client import AuthClient
from cmsdials.auth.models import ApiToken
from cmsdials.errors import CredentialsError
from cmsdials.http.credentials import header_problem
from cmsdials.redaction import Undisclosed

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Credentials", "from_environment", "from_store"]

CLIENT_ID = "CMSDIALS_CLIENT_ID"
CLIENT_SECRET = "CMSDIALS_CLIENT_SECRET"  # noqa: S105  # the name of a variable


class Credentials(RenewedCredentials):
    """An application, granted access to the API of DIALS.

    The first request gets a token; a new one is requested before it expires. Nothing is stored.

    Args:
        client_id: Client id of the application.
        client_secret: Its secret.
        client: The login service; production's if None.

    Attributes:
        client_id: Client id of the application.
        client: The login service.
        kept_in: The file that keeps them; None if none is known to.

    Raises:
        CredentialsError: One of them is missing or empty, or `client` has the address of a DIALS and no Keycloak. It is
            a ValueError.
    """

    def __init__(self, client_id: str, client_secret: str, client: AuthClient | None = None) -> None:
        self.client_id = client_id
        self.client = client or AuthClient()
        self.kept_in: TokenStore | None = None
        for name, value in {"client_id": client_id, "client_secret": client_secret}.items():
            problem = header_problem(value)
            if problem:
                message = f"the {name} of the application cannot be used: {problem}"
                raise CredentialsError(message)
        if not self.client.knows_realm:
            message = f"applications log in through Keycloak, and {self.client!r} does not say through which"
            advice = (
                "Name it: AuthClient(base_url=..., keycloak_url=..., realm=...). The secret was not sent."
            )
            raise CredentialsError(message, advice=advice)
        self._secret = Undisclosed({"client_secret": client_secret})
        super().__init__(None, self.client.now)

    def _next(self, used: ApiToken | None) -> ApiToken:
        del used
        return self.client.api_access_token(self.client_id, self._secret["client_secret"])

    def keep_in(self, cache_dir: str | os.PathLike[str] | None = None) -> None:
        """Keep client id and secret for later, as `Credentials.from_authclient_token` does for a person.

        Args:
            cache_dir: Folder of the file to keep them in; the user's cache folder if None.

        Raises:
            TokenStoreError: They cannot be kept.
        """
        key = self.client.application_key(self.client_id)
        store = TokenStore.at(cache_dir)
        store.change(key, self._secret)
        self.kept_in = store

    def is_of(self, client_id: str | None, client_secret: str | None) -> bool:
        """Whether these are the credentials of an application."""
        return (client_id, client_secret) == (self.client_id, self._secret["client_secret"])

    def __repr__(self) -> str:
        return f"<Credentials of the application {self.client_id!r} for {self.client.audience}>"


def from_store(store: TokenStore, client: AuthClient, client_id: str | None = None) -> Credentials | None:
    """Return the application that is logged in with `cmsdials login --application`, None if none is.

    Args:
        store: The file.
        client: The login service.
        client_id: Which application; None for the first.
    """
    for key, client_secret in store.applications(client.application_key("")).items():
        if client_id in (None, key.client):
            made = Credentials(key.client, client_secret, client)
            made.kept_in = store
            return made
    return None


def from_environment(client: AuthClient) -> Credentials | None:
    """Return the application that the environment names, None if none; raise CredentialsError for half of one."""
    client_id, client_secret = os.environ.get(CLIENT_ID), os.environ.get(CLIENT_SECRET)
    if client_id and client_secret:
        return Credentials(client_id, client_secret, client)
    if not client_id and not client_secret:
        return None
    missing = CLIENT_SECRET if client_id else CLIENT_ID
    message = f"{CLIENT_ID} and {CLIENT_SECRET} go together, and {missing} is not set"
    raise CredentialsError(message, advice=f"Set {missing}, or unset the other.")
