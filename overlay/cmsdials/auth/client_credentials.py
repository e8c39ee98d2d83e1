"""The credentials of an application, which logs itself in with its client id and secret."""

from __future__ import annotations

import os

from cmsdials.auth._renewal import RenewedCredentials
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

    The first request gets a token; a new one is asked for before each expires. Nothing is stored.

    Args:
        client_id: Client id of the application.
        client_secret: Its secret.
        client: The login service; production's if None.

    Attributes:
        client_id: Client id of the application.
        client: The login service.

    Raises:
        CredentialsError: One of them is missing or empty, or `client` has the address of a DIALS and no Keycloak. It is
            a ValueError.
    """

    def __init__(self, client_id: str, client_secret: str, client: AuthClient | None = None) -> None:
        self.client_id = client_id
        self.client = client or AuthClient()
        for name, problem in (
            ("client_id", header_problem(client_id)),
            ("client_secret", header_problem(client_secret)),
        ):
            if problem:
                del client_secret
                message = f"the {name} of the application cannot be used: {problem}"
                raise CredentialsError(message)
        if not self.client.knows_realm:
            del client_secret
            message = f"applications log in through Keycloak, and {self.client!r} does not say through which"
            advice = "Name it: AuthClient(base_url=..., keycloak_url=..., realm=...). The secret has been sent to nobody."
            raise CredentialsError(message, advice=advice)
        self._secret = Undisclosed({"client_secret": client_secret})
        del client_secret
        super().__init__(None, self.client.now)

    def _next(self, used: ApiToken | None) -> ApiToken:
        del used
        return self.client.api_access_token(self.client_id, self._secret["client_secret"])

    def keep_in(self, store: TokenStore) -> None:
        """Keep client id and secret for later.

        Raises:
            TokenStoreError: They cannot be kept.
        """
        store.keep_application(self.client.application_key(self.client_id), self._secret)

    def __repr__(self) -> str:
        return f"<Credentials of the application {self.client_id!r} for {self.client.audience}>"


def from_store(store: TokenStore, client: AuthClient) -> Credentials | None:
    """Return the application that is logged in with `cmsdials login --application`, None if none is."""
    for key in store.applications(client.application_key("")):
        secret = store.application_secret(key)
        if secret is not None:
            return Credentials(key.client, secret["client_secret"], client)
    return None


def from_environment(client: AuthClient | None = None) -> Credentials | None:
    """Return the application that CMSDIALS_CLIENT_ID and CMSDIALS_CLIENT_SECRET name, None if they name none.

    Raises:
        CredentialsError: One is set and the other is not.
    """
    client_id, secret_given = os.environ.get(CLIENT_ID), bool(os.environ.get(CLIENT_SECRET))
    if not client_id and not secret_given:
        return None
    if not client_id or not secret_given:
        missing = CLIENT_SECRET if client_id else CLIENT_ID
        message = f"{CLIENT_ID} and {CLIENT_SECRET} go together, and {missing} is not set"
        raise CredentialsError(message, advice=f"Set {missing}, or unset the other.")
    return Credentials(client_id, os.environ[CLIENT_SECRET], client)
