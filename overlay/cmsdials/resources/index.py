"""What DIALS has indexed: datasets, files, runs and lumisections, each with a name and the signature of `get`.

A test checks these classes against the generated table. Behaviour is in `cmsdials.resources.base`; resources with
more of it than these are in modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmsdials.filters import DatasetIndexFilters, FileIndexFilters, LumisectionFilters, RunFilters
from cmsdials.http.retry import Retries
from cmsdials.http.session import Session
from cmsdials.models import DatasetIndex, FileIndex, Lumisection, Run
from cmsdials.resources.base import PaginatedResource
from cmsdials.resources.counted import CountedResource
from cmsdials.resources.query import chosen

__all__ = [
    "DatasetIndexResource",
    "FileIndexResource",
    "LumisectionResource",
    "RunResource",
    "names_of_datasets",
]


class DatasetIndexResource(PaginatedResource[DatasetIndex, DatasetIndexFilters]):
    """Datasets that DIALS has indexed."""

    name = "dataset_index"

    def get(self, dataset_id: int, *, retries: Retries = None) -> DatasetIndex:
        """Fetch one dataset."""
        return self._row(retries, dataset_id=dataset_id)


class FileIndexResource(CountedResource[FileIndex, FileIndexFilters]):
    """DQMIO files, and how their ingestion went."""

    name = "file_index"

    def get(self, dataset_id: int, file_id: int, *, retries: Retries = None) -> FileIndex:
        """Fetch one file."""
        return self._row(retries, dataset_id=dataset_id, file_id=file_id)


class RunResource(CountedResource[Run, RunFilters]):
    """Runs of each dataset."""

    name = "run"

    def get(self, dataset_id: int, run_number: int, *, retries: Retries = None) -> Run:
        """Fetch one run of a dataset."""
        return self._row(retries, dataset_id=dataset_id, run_number=run_number)


class LumisectionResource(CountedResource[Lumisection, LumisectionFilters]):
    """Lumisections of each run."""

    name = "lumi"

    def get(
        self, dataset_id: int, run_number: int, ls_number: int, *, retries: Retries = None
    ) -> Lumisection:
        """Fetch one lumisection."""
        return self._row(retries, dataset_id=dataset_id, run_number=run_number, ls_number=ls_number)


def names_of_datasets(session: Session, query: Mapping[str, Any], retries: Retries) -> dict[int, str]:
    """Fetch the names of the datasets that a query of any list chooses, by their ids."""
    filters = chosen(DatasetIndexFilters, query)
    fields = ["dataset_id", "dataset"]
    listed = DatasetIndexResource(session).list_all(
        filters, fields=fields, retries=retries, enable_progress=False
    )
    return {one.dataset_id: one.dataset for one in listed}
