"""The cache of v1.12: an answer is kept for some seconds by address and header `Workspace`, not by caller.

So a request without that header may get rows of another caller's default workspace.  Credentials are checked first.
"""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmsdials_sandbox.cache import Cache, Kept, Key
from cmsdials_sandbox.installation import installation

WORKSPACE = "Workspace"


def kept(get: Callable[..., Response]) -> Callable[..., HttpResponse]:
    """Wrap the `get` of an endpoint so that its answers are kept."""

    @functools.wraps(get)
    def answer(view: APIView, request: Request, *args: Any, **key: Any) -> HttpResponse:
        cache = installation().cache
        if cache.seconds <= 0:
            return get(view, request, *args, **key)
        place = (request.build_absolute_uri(), request.headers.get(WORKSPACE, ""), str(request.method))
        found = cache.find(place)
        if found is not None:
            again = HttpResponse(found.content, content_type=found.content_type)
            again.headers["Age"] = str(int(cache.now() - found.made))
            return _dated(again, cache, found.made)
        made = cache.now()
        response = get(view, request, *args, **key)
        response.add_post_render_callback(lambda done: _keep(cache, place, made, done))
        return _dated(response, cache, made)

    return answer


def _keep(cache: Cache, place: Key, made: float, response: HttpResponse) -> None:
    if response.status_code == 200:
        cache.keep(place, Kept(made, response.content, response.headers["Content-Type"]))


def _dated(response: HttpResponse, cache: Cache, made: float) -> HttpResponse:
    response.headers["Cache-Control"] = f"max-age={cache.seconds}"
    response.headers["Expires"] = http_date(made + cache.seconds)
    patch_vary_headers(response, (WORKSPACE,))
    return response
