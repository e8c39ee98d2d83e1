"""The answers that say no, in the form in which the service says them: JSON under the API's root, HTML when it breaks."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.views import exception_handler

from cmsdials_sandbox.errors import Breakdown

_BREAKDOWN_PAGE = """\
<!doctype html>
<html lang="en">
<head><title>Server Error (500)</title></head>
<body><h1>Server Error (500)</h1></body>
</html>
"""


def answer(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer an exception raised in a view; None leaves it to Django, which logs it and says 500."""
    if isinstance(error, Breakdown):
        return breakdown()
    return exception_handler(error, context)


def breakdown() -> HttpResponse:
    """Return the HTML page of a server error."""
    return HttpResponse(_BREAKDOWN_PAGE, content_type="text/html", status=500)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Answer an exception that no one expected."""
    return breakdown()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such path: JSON under the API's root, Django's page elsewhere."""
    if request.path.startswith("/api/v1/"):
        return JsonResponse({"detail": "Not found."}, status=404)
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django itself refuses to read."""
    if request.path.startswith("/api/v1/"):
        return JsonResponse({"detail": "Bad request."}, status=400)
    return defaults.bad_request(request, exception)
