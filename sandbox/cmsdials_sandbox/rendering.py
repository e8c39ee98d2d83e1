"""Answers as JSON, always: no browsable pages, and no 406 for a client that asks for something else."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


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


class AlwaysJSON(DefaultContentNegotiation):
    """Chooses a parser by the content type as usual, but the one renderer whatever the Accept header says."""

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002  (DRF's signature)
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        """Take the first."""
        first = next(iter(renderers))
        return first, str(first.media_type)
