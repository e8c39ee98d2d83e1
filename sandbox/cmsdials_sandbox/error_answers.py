"""Error answers in the form of the service: JSON from an endpoint, HTML when it breaks."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.views import exception_handler

from cmsdials_sandbox.errors import Breakdown, TimedOut, Unreadable
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.pages import BREAKDOWN_PAGE, GATEWAY_TIMEOUT_PAGE, bad_request_page


def answer(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer an exception raised in a view; None leaves it to Django, which logs it and answers 500."""
    if isinstance(error, Breakdown):
        return breakdown()
    if isinstance(error, TimedOut):
        return HttpResponse(GATEWAY_TIMEOUT_PAGE, content_type="text/html", status=504)
    if isinstance(error, Unreadable):
        return HttpResponse(bad_request_page(str(error)), content_type="text/html", status=400)
    return exception_handler(error, context)


def breakdown() -> HttpResponse:
    """Return the HTML page of a server error."""
    return HttpResponse(BREAKDOWN_PAGE, content_type="text/html", status=500)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Answer an unexpected exception."""
    return breakdown()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such path: JSON under today's API root, Django's page elsewhere."""
    if _speaks_json(request):
        return JsonResponse({"detail": "Not found."}, status=404)
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django itself refuses to read."""
    if _speaks_json(request):
        return JsonResponse({"detail": "Bad request."}, status=400)
    return defaults.bad_request(request, exception)


def _speaks_json(request: HttpRequest) -> bool:
    return request.path.startswith("/api/v1/") and installation().generation == "now"
