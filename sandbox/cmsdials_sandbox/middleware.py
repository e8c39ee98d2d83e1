"""What every answer goes through on its way out, as through the nginx in front of the service.

gzip is for JSON only, fast (level 1), and only for who accepts it.
"""

import gzip
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

_ACCEPTED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")

# Below this nginx and we leave an answer alone.
_LEAST_BYTES = 200


def gzip_json(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that compresses."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.headers.get("Content-Type", "").startswith("application/json"):
            patch_vary_headers(response, ("Accept-Encoding",))
            accepted = _ACCEPTED.search(request.headers.get("Accept-Encoding", ""))
            if accepted and len(response.content) >= _LEAST_BYTES:
                response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
                response.headers["Content-Encoding"] = "gzip"
                response.headers["Content-Length"] = str(len(response.content))
        return response

    return respond


def head_without_body(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that keeps the headers of an answer to HEAD; waitress would send the body too."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD":
            response.content = b""
        return response

    return respond
