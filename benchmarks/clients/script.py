"""What a user writes. It is the same for cmsdials 2.4.1 and for this client: the environment decides which one runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.clients.frame import measured_frame
from benchmarks.clients.task import Measurement, Task


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import everything, by fetching one row; see `task.Client`."""
    from cmsdials import Dials  # noqa: PLC0415  # the import is not part of what is measured, yet may fail
    from cmsdials.auth.secret_key import Credentials  # noqa: PLC0415
    from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters  # noqa: PLC0415

    filters: Any = {"h1d": LumisectionHistogram1DFilters, "h2d": LumisectionHistogram2DFilters}[task.resource]
    with warnings.catch_warnings():
        # 2.4.1 warns that the older credentials are deprecated; both clients accept them.
        warnings.simplefilter("ignore", DeprecationWarning)
        credentials = Credentials(token="benchmark")  # noqa: S106  # not checked

    def fetch(asked: dict[str, Any]) -> Callable[[], Any]:
        dials = Dials(credentials, workspace="tracker", base_url=task.url)
        resource = getattr(dials, task.resource)
        return lambda: resource.list_all(filters(**asked), **task.options).to_pandas()

    fetch(task.one)()
    return fetch(task.filters), measured_frame
