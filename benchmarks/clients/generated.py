"""The generated client alone: page by page, a model for each row, then `pandas.DataFrame`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.clients.frame import measured_frame
from benchmarks.clients.task import Measurement, Task


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import everything, by fetching one row; see `task.Client`."""
    import pandas as pd  # noqa: PLC0415  # the import is not part of what is measured
    from cmsdials_api.api.h1d import list_h1d  # noqa: PLC0415
    from cmsdials_api.api.h2d import list_h2d  # noqa: PLC0415
    from cmsdials_api.client import AuthenticatedClient  # noqa: PLC0415

    page_of: Any = {"h1d": list_h1d, "h2d": list_h2d}[task.resource].sync

    def fetch(asked: dict[str, Any]) -> pd.DataFrame:
        rows: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        with AuthenticatedClient(base_url=task.url, token="benchmark") as client:  # noqa: S106  # not checked
            while True:
                page = page_of(client=client, **asked, **more)
                rows += [row.to_dict() for row in page.results]
                if page.next is None:
                    return pd.DataFrame(rows)
                more = {"next_token": parse_qs(urlsplit(page.next).query)["next_token"][0]}

    fetch(task.one)
    return lambda: fetch(task.filters), measured_frame
