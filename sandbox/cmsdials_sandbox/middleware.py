"""What happens to every answer, as in the nginx in front of the service.

gzip is fast (level 1) and only for clients that accept it: today's service compresses large JSON, v1.12 every answer.
v1.12 rejects request lines of more than 4094 bytes.
"""

import gzip
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from cmsdials_sandbox.pages import bad_request_page

_ACCEPTED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")

# Shorter answers are not compressed.
_LEAST_BYTES = 200


# gunicorn's limit for the first line of a request, without the end of the line.
LONGEST_REQUEST_LINE = 4094

Respond = Callable[[HttpRequest], HttpResponse]


def gzip_json(get_response: Respond) -> Respond:
    """Return a middleware that compresses JSON."""
    return _compressing(get_response, ("application/json",), _LEAST_BYTES)


def gzip_all(get_response: Respond) -> Respond:
    """Return a middleware that compresses JSON and pages of any length."""
    return _compressing(get_response, ("application/json", "text/html"), 1)


def refuse_long_requests(get_response: Respond) -> Respond:
    """Return a middleware that answers 400 to a request line that is too long."""

    def respond(request: HttpRequest) -> HttpResponse:
        asked = request.META.get("REQUEST_URI") or request.get_full_path()
        length = len(f"{request.method} {asked} {request.META['SERVER_PROTOCOL']}".encode())
        if length > LONGEST_REQUEST_LINE:
            reason = f"The request line has {length} bytes; {LONGEST_REQUEST_LINE} are read."
            return HttpResponse(bad_request_page(reason), content_type="text/html", status=400)
        return get_response(request)

    return respond


def _compressing(get_response: Respond, types: tuple[str, ...], least: int) -> Respond:
    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.headers.get("Content-Type", "").startswith(types):
            patch_vary_headers(response, ("Accept-Encoding",))
            accepted = _ACCEPTED.search(request.headers.get("Accept-Encoding", ""))
            if accepted and len(response.content) >= least:
                response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
                response.headers["Content-Encoding"] = "gzip"
                response.headers["Content-Length"] = str(len(response.content))
        return response

    return respond


def head_without_body(get_response: Respond) -> Respond:
    """Return a middleware that keeps the headers of an answer to HEAD; waitress would send the body too."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD":
            response.content = b""
        return response

    return respond
