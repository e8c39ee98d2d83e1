"""The address of a resource: `dials.h1d.api_url` and its neighbours, once for all resources."""

from __future__ import annotations

from cmsdials.http.request import API_PREFIX, address
from cmsdials.http.session import Session
from cmsdials.instances import with_slash

__all__ = ["Addressed"]


class Addressed:
    """Something that is requested through a session.

    Args:
        session: Sends the requests.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def base_url(self) -> str:
        """Address of the service."""
        return self._session.base_url

    @property
    def route(self) -> str:
        """Path of the API below `base_url`, with a slash at its end."""
        return with_slash(self._session.route)

    @property
    def version(self) -> str:
        """Version of the API below `route`, with a slash at its end."""
        return with_slash(self._session.version)

    @property
    def api_url(self) -> str:
        """Address of the API: `base_url`, `route` and `version`."""
        return address(self.base_url, self._session.route, self._session.version, API_PREFIX)
