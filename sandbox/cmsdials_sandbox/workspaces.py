"""The list of workspaces, and the default one: the generations differ in path and form."""

from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.authentication import caller
from cmsdials_sandbox.catalogue import Workspace
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.views import Endpoint


class Workspaces(Endpoint):
    """workspaces/ of today."""

    def get(self, _request: Request) -> Response:
        """Return a list of objects."""
        return Response([_described(workspace) for workspace in installation().workspaces])


class MyDefault(Endpoint):
    """workspaces/my-default/ of today."""

    def get(self, request: Request) -> Response:
        """Return the object of one workspace."""
        (default,) = (w for w in installation().workspaces if w.name == caller(request).workspace)
        return Response(_described(default))


class ConfiguredWorkspaces(Endpoint):
    """auth/workspaces/ of v1.12."""

    def get(self, _request: Request) -> Response:
        """Return the names of the workspaces."""
        return Response({"workspaces": [workspace.name for workspace in installation().workspaces]})


class UserDefaultWorkspace(Endpoint):
    """auth/user-default-workspace/ of v1.12."""

    def get(self, request: Request) -> Response:
        """Return the name of the workspace."""
        return Response({"workspace": caller(request).workspace})


def _described(workspace: Workspace) -> dict[str, str]:
    return {"name": workspace.name, "description": workspace.description}
