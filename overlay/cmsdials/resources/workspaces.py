"""The workspaces of the service, which its two generations list at different paths, and the user's default one.

v1.12 caches an answer for 30 s by its URL and the header `Workspace`, not by user. So a request without that header may
return rows of another user's default workspace, and each request names one.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Mapping
from typing import Any

from cmsdials_api import operations

from cmsdials.errors import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DialsError,
    GatewayError,
    NotFoundError,
    ResponseError,
    TooManyRequestsError,
)
from cmsdials.http.request import check_workspace
from cmsdials.http.retry import Retries
from cmsdials.http.session import Session
from cmsdials.resources.services import Service
from cmsdials.runtime.console import warn
from cmsdials.table import decode

__all__ = ["DefaultWorkspace", "Workspaces", "name_of"]


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
        """Fetch the workspace that is used when none is named. Returns and raises as `list`."""
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


class DefaultWorkspace:
    """The name of the user's default workspace: asked for once, however many threads want it.

    A copy asks again, and so does a child process whose parent had no answer yet.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}
        self._name: str | None = None
        self._has_asked = False
        self._failure: DialsError | None = None
        self._failures = 0

    def __call__(self, session: Session, retries: Retries) -> str | None:
        """Return the name; None, with a warning, where the service does not say it.

        Raises:
            LoginError: The credentials have ended.
            RequestFailedError: The service refuses them, does not answer, or is too busy.
        """
        failures = self._failures
        # A lock for each process: one that a thread of the parent holds is never released in the child.
        with self._locks.setdefault(os.getpid(), threading.RLock()):
            if not self._has_asked:
                if self._failure is not None and self._failures > failures:
                    raise copy.copy(self._failure)  # as for the thread that this one waited for
                try:
                    self._ask(session, retries)
                except DialsError as failure:
                    self._failure = copy.copy(failure)  # without its traceback
                    self._failures += 1
                    raise
        return self._name

    def _ask(self, session: Session, retries: Retries) -> None:
        try:
            name = name_of(Workspaces(session).default(retries=retries))
            check_workspace(name)
            problem = "" if name else "its answer names none"
        except (AuthenticationError, GatewayError, TooManyRequestsError):
            raise
        except (ResponseError, DecodeError, ConfigurationError) as error:
            name, problem = None, error.message
        self._name, self._has_asked = name, True
        if problem:
            warn(
                f"DIALS does not say which workspace is yours ({problem}), so requests name none. They may be answered"
                ' from the workspace of another user who asks the same: name yours, Dials(creds, workspace="...")'
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return DefaultWorkspace, ()


def name_of(answer: object) -> str | None:
    """Return the name in an answer about a workspace, whose shape differs between versions of the service."""
    while isinstance(answer, Mapping):
        answer = answer.get("name") or answer.get("workspace")
    return answer if isinstance(answer, str) and answer else None
