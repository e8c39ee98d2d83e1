"""The older credentials of an application: one secret, sent as it is in the header ``X-CLIENT-SECRET``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cmsdials.errors import CredentialsError
from cmsdials.http.credentials import BaseCredentials, header_problem
from cmsdials.redaction import Undisclosed

if TYPE_CHECKING:
    from cmsdials.auth.client import AuthClient

__all__ = ["Credentials"]

HEADER = "X-CLIENT-SECRET"


class Credentials(BaseCredentials):
    """The secret of an application.

    With `client_id` the application logs in at CERN's Keycloak instead, with `token` as its client secret, as
    `cmsdials.auth.client_credentials.Credentials` does.

    Args:
        token: The secret. The developers of DIALS issue one to each application.
        client_id: Client id of the application, to log in at Keycloak.
        client: The login service, for that; production's if None.

    Attributes:
        client: What was given as `client`.

    Raises:
        CredentialsError: If the secret is missing, empty, or cannot be sent in a header. It is a ValueError.
    """

    application: BaseCredentials | None = None
    """What logs in at Keycloak, if there is a `client_id`."""

    def __init__(
        self, token: str | None = None, client_id: str | None = None, client: AuthClient | None = None
    ) -> None:
        problem = "none was given" if token is None else header_problem(token)
        if problem:
            message = f"the secret of the application cannot be used: {problem}"
            advice = (
                "Pass Credentials(token=...) with the secret that the DIALS developers issued to your"
                " application (for the sandbox: the value of its --secret option)."
            )
            raise CredentialsError(message, advice=advice)
        self._secret = Undisclosed({"token": token})
        self.client = client
        if client_id is not None:
            from cmsdials.auth import client_credentials  # noqa: PLC0415  # not needed for the secret alone

            self.application = client_credentials.Credentials(client_id, self.token, client)

    @property
    def token(self) -> str:
        """The secret, in clear."""
        return str(self._secret["token"])

    def before_request(self, headers: dict[str, str]) -> None:
        """Put the secret, or the application's token, into `headers`."""
        if self.application is not None:
            self.application.before_request(headers)
        else:
            headers[HEADER] = self.token

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Get the application's next token; a bare secret cannot be renewed."""
        return self.application is not None and self.application.renew(rejected)

    def __repr__(self) -> str:
        return "Credentials(token='***')" if self.application is None else repr(self.application)
