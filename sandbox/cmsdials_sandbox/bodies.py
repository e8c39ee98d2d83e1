"""Reading the bodies of requests."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class JSONBodyParser(JSONParser):
    """JSON of any depth: what is nested too deeply to be read is a mistake of the client, as all that is not JSON."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read a body."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            message = "JSON parse error - nested too deeply"
            raise ParseError(message) from error
