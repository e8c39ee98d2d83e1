"""The workspaces of the service, which its two generations answer at different paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmsdials_api import operations

from cmsdials.errors import NotFoundError
from cmsdials.http.retry import Retries
from cmsdials.resources.services import Service
from cmsdials.table import decode

__all__ = ["Workspaces"]


class Workspaces(Service):
    """The workspaces of the service, one for each detector group."""

    name = "workspaces"
    not_found = "This DIALS has no such path: check base_url, route and version."

    def list(self, *, retries: Retries = None) -> Any:
        """Fetch the workspaces.

        Returns:
            JSON as the service sends it: a v1.12 service sends {"workspaces": [names]}, the shape of a newer
            one's answer is not published.

        Raises:
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        return self._either(
            operations.list_workspaces.request(), operations.list_workspaces_v1_12.request(), retries
        )

    def default(self, *, retries: Retries = None) -> Any:
        """Fetch the workspace that answers when none is named. Returns and raises as `list`."""
        return self._either(
            operations.get_default_workspace.request(),
            operations.get_default_workspace_v1_12.request(),
            retries,
        )

    my_workspace = default
    """The name that cmsdials 2.x has for `default`."""

    def _either(self, newer: Mapping[str, Any], v1_12: Mapping[str, Any], retries: Retries) -> Any:
        try:
            return self._ask(newer, decode.read_json, retries)
        except NotFoundError:
            return self._ask(v1_12, decode.read_json, retries)
