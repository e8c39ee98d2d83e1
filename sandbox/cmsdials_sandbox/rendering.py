"""Answers as JSON.

Today's service always sends JSON: no browsable pages, and no 406 for clients that request something else.  v1.12 breaks
if HTML is requested, and answers 406 to any other type.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from cmsdials_sandbox.pages import BREAKDOWN_PAGE


class ORJSONRenderer(BaseRenderer):
    """JSON by orjson, which writes NumPy arrays without a Python object per bin."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002  (DRF's signature)
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        """Write the answer."""
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)


class BrokenPage(BaseRenderer):
    """The page for a browser: its template is missing, so the service breaks, whatever the answer was."""

    media_type = "text/html"
    format = "api"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,  # noqa: ARG002  (DRF's signature)
        accepted_media_type: str | None = None,  # noqa: ARG002
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Turn the answer into a server error."""
        if renderer_context is not None:
            renderer_context["response"].status_code = 500
        return BREAKDOWN_PAGE.encode()


class AlwaysJSON(DefaultContentNegotiation):
    """Chooses a parser by the content type as usual, but always the same renderer, whatever the Accept header says."""

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002  (DRF's signature)
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        first = next(iter(renderers))
        return first, str(first.media_type)
