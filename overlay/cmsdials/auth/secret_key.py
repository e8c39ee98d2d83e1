"""The older credentials of an application: one secret, sent as it is in the header ``X-CLIENT-SECRET``."""

from __future__ import annotations

from typing import Any

from cmsdials.auth._credentials import BaseCredentials, header_problem
from cmsdials.errors import ConfigurationError, CredentialsError

__all__ = ["Credentials"]

HEADER = "X-CLIENT-SECRET"


class Credentials(BaseCredentials):
    """The secret of an application.

    Args:
        token: The secret. The developers of DIALS issue one to each application.
        client_id: Not available in this version.
        client: An object whose ``base_url`` says which DIALS the secret is for; optional.

    Attributes:
        token: The secret, in clear; the repr masks it.
        client: What was given as `client`.

    Raises:
        CredentialsError: If the secret is missing, empty, or cannot stand in a header. It is a ValueError.
        ConfigurationError: If `client_id` is given.

    """

    def __init__(self, token: str | None = None, client_id: str | None = None, client: Any = None) -> None:
        problem = "none was given" if token is None else header_problem(token)
        if problem:
            del token  # tracebacks that show local variables must not show it
            message = f"the secret of the application cannot be used: {problem}"
            advice = (
                "Pass Credentials(token=...) with the secret that the DIALS developers issued to your"
                " application (for the sandbox: the value of its --secret option)."
            )
            raise CredentialsError(message, advice=advice)
        if client_id is not None:
            del token
            message = "application logins with a client id are not available in this version of cmsdials yet"
            advice = "Use Credentials(token=...) with the secret of the application."
            raise ConfigurationError(message, advice=advice)
        self.token = token
        self.client = client

    def before_request(self, headers: dict[str, str]) -> None:
        """Put the secret into `headers`."""
        headers[HEADER] = str(self.token)

    def __repr__(self) -> str:
        return "Credentials(token='***')"
