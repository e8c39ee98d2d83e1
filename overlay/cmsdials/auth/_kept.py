"""A login that other processes can open too, on other machines: where it is kept, and nothing of what it is."""

from __future__ import annotations

import os

from attrs import frozen

from cmsdials.auth import client_credentials, device, secret_key
from cmsdials.auth._refresh import RenewedCredentials
from cmsdials.auth._store import TokenStore
from cmsdials.auth.client import AuthClient
from cmsdials.errors import CredentialsError, NotLoggedInError

__all__ = ["KeptLogin", "kept_login"]

_ENVIRONMENT = f"{client_credentials.CLIENT_ID} and {client_credentials.CLIENT_SECRET}"
_ADVICE = (
    "Log in with `cmsdials login` (for an application: `cmsdials login --application`) in a folder that the workers see too,"
    " and use Credentials.from_creds_file of cmsdials.auth.device with that cache_dir; or set"
    f" {_ENVIRONMENT} here and for the workers."
)


@frozen
class KeptLogin:
    """Where a login is kept. It holds no secret, and may be pickled.

    Attributes:
        client: The login service.
        store: The file; None for the environment of the process that opens it.
        application: Client id of the application that logs in; None for a person.
    """

    client: AuthClient
    store: TokenStore | None
    application: str | None

    def open(self) -> RenewedCredentials:
        """Return the credentials, of this process.

        Raises:
            NotLoggedInError: They are not there.
            TokenStoreError: The file cannot be read.
        """
        if self.store is None:
            found = client_credentials.from_environment(self.client)
            if found is not None and found.client_id == self.application:
                return found
            message = f"the application {self.application!r} is not in {_ENVIRONMENT} of this process"
            raise NotLoggedInError(message, advice=f"Set both for the workers. {_ADVICE}")
        if self.application is None:
            tokens = self.store.token(self.client.key)
            if tokens is not None:
                return device.Credentials.of_store(tokens, self.client, self.store)
        else:
            application = client_credentials.from_store(self.store, self.client, self.application)
            if application is not None:
                return application
        message = f"there is no login for {self.client.place} in {self.store.path}: {self.store.contents()}"
        raise NotLoggedInError(message, advice=f"It is to be a file that the workers see too. {_ADVICE}")


def kept_login(credentials: object) -> KeptLogin:
    """Return where credentials are kept.

    Raises:
        CredentialsError: Nowhere but in the memory of this process.
    """
    if isinstance(credentials, secret_key.Credentials) and credentials.application is not None:
        return kept_login(credentials.application)
    if isinstance(credentials, device.Credentials) and credentials.kept_in is not None:
        return KeptLogin(credentials.client, credentials.kept_in, None)
    if isinstance(credentials, client_credentials.Credentials):
        named = (
            os.environ.get(client_credentials.CLIENT_ID),
            os.environ.get(client_credentials.CLIENT_SECRET),
        )
        if credentials.is_of(*named):
            return KeptLogin(credentials.client, None, credentials.client_id)
        if credentials.kept_in is not None:
            return KeptLogin(credentials.client, credentials.kept_in, credentials.client_id)
    message = "these credentials are only in the memory of this process, so workers cannot open them, and no secret is sent"
    raise CredentialsError(message, advice=_ADVICE)
