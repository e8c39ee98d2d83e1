# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The table of resources: which operations, record and filters belong together.

It holds their names alone. What they stand for is loaded when it is first asked for, so that whoever asks for one
resource does not wait for all the others, nor for the HTTP library.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from . import operations

if TYPE_CHECKING:
    from .filters import Filters
    from .records import Record
    from .types import RequestArguments


@frozen
class Request:
    """Makes the request of an operation, when it is called.

    Attributes:
        operation: Name of the operation, as in `operations`.
    """

    operation: str

    @property
    def function(self) -> "Callable[..., RequestArguments]":
        """The `request` function of the operation."""
        function: Callable[..., RequestArguments] = getattr(operations, self.operation).request
        return function

    def __call__(self, *args: Any, **named: Any) -> "RequestArguments":
        return self.function(*args, **named)


@frozen
class Resource:
    """A resource of the service.

    Attributes:
        name: The attribute of `Dials` that serves it.
        path: Where it lists.
        paginated: Whether it lists page by page.
        keys: What `get` identifies a row by.
        list: Makes the request for a page.
        get: Makes the request for a row.
        count: Makes the request for the number of rows, where the service offers it.
        countable: The filters that `count` takes.
        get_v1_12: Makes the request for a row of a v1.12 service, where that is another one.
        keys_v1_12: What `get_v1_12` identifies a row by.
    """

    name: str
    path: str
    _record: str
    _filters: str
    paginated: bool
    keys: tuple[str, ...]
    list: Request
    get: Request
    count: Request | None = None
    countable: tuple[str, ...] = ()
    get_v1_12: Request | None = None
    keys_v1_12: tuple[str, ...] = ()

    @property
    def record(self) -> "type[Record]":
        """What its rows are."""
        record: type[Record] = getattr(import_module(".models", __package__), self._record)
        return record

    @property
    def filters(self) -> "type[Filters]":
        """What its list takes."""
        filters: type[Filters] = getattr(import_module(".filters", __package__), self._filters)
        return filters


RESOURCES: Mapping[str, Resource] = {
    "dataset_index": Resource(
        name="dataset_index",
        path="/api/v1/dataset-index/",
        record="DatasetIndex",
        filters="DatasetIndexFilters",
        paginated=True,
        keys=("dataset_id",),
        list=Request("list_dataset_index"),
        get=Request("get_dataset_index"),
    ),
    "file_index": Resource(
        name="file_index",
        path="/api/v1/file-index/",
        record="FileIndex",
        filters="FileIndexFilters",
        paginated=True,
        keys=("dataset_id", "file_id"),
        list=Request("list_file_index"),
        get=Request("get_file_index"),
        count=Request("count_file_index"),
        countable=(
            "logical_file_name",
            "logical_file_name__regex",
            "status",
            "min_size",
            "dataset",
            "dataset__regex",
            "dataset_id",
        ),
    ),
    "mes": Resource(
        name="mes",
        path="/api/v1/mes/",
        record="MonitoringElement",
        filters="MEFilters",
        paginated=False,
        keys=("me_id",),
        list=Request("list_mes"),
        get=Request("get_mes"),
    ),
    "run": Resource(
        name="run",
        path="/api/v1/run/",
        record="Run",
        filters="RunFilters",
        paginated=True,
        keys=("dataset_id", "run_number"),
        list=Request("list_run"),
        get=Request("get_run"),
        count=Request("count_run"),
        countable=(
            "dataset_id",
            "run_number",
            "run_number__lte",
            "run_number__gte",
            "dataset",
            "dataset__regex",
            "dataset_id__in",
        ),
    ),
    "lumi": Resource(
        name="lumi",
        path="/api/v1/lumisection/",
        record="Lumisection",
        filters="LumisectionFilters",
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number"),
        list=Request("list_lumi"),
        get=Request("get_lumi"),
        count=Request("count_lumi"),
        countable=(
            "dataset_id",
            "run_number",
            "run_number__lte",
            "run_number__gte",
            "dataset",
            "dataset__regex",
            "ls_number",
            "ls_number__lte",
            "ls_number__gte",
        ),
    ),
    "h1d": Resource(
        name="h1d",
        path="/api/v1/th1/",
        record="LumisectionHistogram1D",
        filters="LumisectionHistogram1DFilters",
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number", "me_id"),
        list=Request("list_h1d"),
        get=Request("get_h1d"),
    ),
    "h2d": Resource(
        name="h2d",
        path="/api/v1/th2/",
        record="LumisectionHistogram2D",
        filters="LumisectionHistogram2DFilters",
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number", "me_id"),
        list=Request("list_h2d"),
        get=Request("get_h2d"),
    ),
    "ml_models_index": Resource(
        name="ml_models_index",
        path="/api/v1/ml-models-index/",
        record="MLModelsIndex",
        filters="MLModelsIndexFilters",
        paginated=True,
        keys=("model_id",),
        list=Request("list_ml_models_index"),
        get=Request("get_ml_models_index"),
    ),
    "ml_bad_lumis": Resource(
        name="ml_bad_lumis",
        path="/api/v1/ml-bad-lumisection/",
        record="MLBadLumisection",
        filters="MLBadLumisectionFilters",
        paginated=True,
        keys=("model_id", "dataset_id", "run_number", "ls_number"),
        list=Request("list_ml_bad_lumis"),
        get=Request("get_ml_bad_lumis"),
        get_v1_12=Request("get_ml_bad_lumis_v1_12"),
        keys_v1_12=("model_id", "dataset_id", "run_number", "ls_number", "me_id"),
    ),
}
