"""Pages of a list: their size, and the cursors that lead from one to the next, which are Django REST framework's.

A cursor contains the position of a row in the order of the list, as text, and how many rows with that position were
sent already, as equal rows share one.  It does not identify the list or the order it came from; with another one it leads
anywhere, or breaks.
"""

import json
import zlib
from collections.abc import Sequence

from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from cmsdials_sandbox import ordering
from cmsdials_sandbox.errors import Breakdown
from cmsdials_sandbox.installation import Content, installation
from cmsdials_sandbox.ordering import Rows
from cmsdials_sandbox.records import Record, Row


class Pages(CursorPagination):
    """One page of a list, and the links around it."""

    cursor_query_param = "next_token"
    ordering_param = "order_by"
    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 500

    def read(
        self, request: Request, record: Record, content: Content, rows: Rows, wanted: Sequence[str]
    ) -> list[Row]:
        """Return the rows of the page; `wanted` are the fields that will be made of them."""
        names = request.query_params.getlist(self.ordering_param)
        order = (
            ordering.asked_for(record, names)
            if self.ordering_param in request.query_params
            else ordering.by_key(record)
        )
        self.order = order
        self.ordering = tuple(column.source for column in order.columns)
        self.base_url = request.build_absolute_uri()
        self.page_size = self.get_page_size(request) or Pages.page_size
        self.cursor = self.decode_cursor(request)
        offset, backwards, at = self.cursor or (0, False, None)
        position = None if at is None else str(at)
        rows = ordering.with_axes(rows, order, content)
        if position is not None:
            rows = order.beyond(rows, _list(position), backwards=backwards)
        # A different order of equal rows on each page.
        shuffle = (
            zlib.crc32(request.query_params.get(self.cursor_query_param, "").encode())
            + installation().options.seed
        )
        rows = order.sort(record.select(rows, wanted, self.ordering), backwards=backwards, shuffle=shuffle)
        found: list[Row] = list(rows[offset : offset + self.page_size + 1])
        self.page = found[: self.page_size]
        following = (
            self._get_position_from_instance(found[-1], self.ordering)
            if len(found) > self.page_size
            else None
        )
        came_from = position is not None or offset > 0
        if backwards:
            self.page.reverse()
            self.has_next, self.next_position = came_from, position
            self.has_previous, self.previous_position = following is not None, following
        else:
            self.has_next, self.next_position = following is not None, following
            self.has_previous, self.previous_position = came_from, position
        return self.page

    def _get_position_from_instance(self, instance: Row, ordering: object) -> str:  # noqa: ARG002  (its signature)
        return json.dumps([column.written(instance) for column in self.order.columns])


def _list(position: str) -> list[object]:
    try:
        values = json.loads(position)
    except (ValueError, RecursionError) as error:
        message = "a cursor whose position cannot be read"
        raise Breakdown(message) from error
    if not isinstance(values, list):
        message = "a cursor whose position is not a list"
        raise Breakdown(message)
    return values
