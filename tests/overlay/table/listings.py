"""Listings of chosen rows, for tests of what is made of them."""

from typing import Any

from cmsdials.models import (
    DatasetIndex,
    FileIndex,
    LumisectionHistogram1D,
    LumisectionHistogram2D,
    MLModelsIndex,
    Run,
)
from cmsdials.result import Result

from tests.overlay.conftest import Scripted

RESOURCE_OF = {
    LumisectionHistogram1D: "h1d",
    LumisectionHistogram2D: "h2d",
    Run: "run",
    DatasetIndex: "dataset_index",
    FileIndex: "file_index",
    MLModelsIndex: "ml_models_index",
}


def listed(*rows: Any, record: Any = LumisectionHistogram1D, fields: Any = None) -> Result[Any]:
    """A listing of these rows that came in two pages."""
    service = Scripted()
    service.will_page(rows, max(1, -(-len(rows) // 2)))
    result: Result[Any] = getattr(service.dials, RESOURCE_OF[record]).list_all(
        fields=fields, enable_progress=False
    )
    return result


def made_of(records: list[Any], record: Any) -> Result[Any]:
    """A listing whose rows a script has made itself."""
    result = listed(record=record)
    result.results = records
    return result
