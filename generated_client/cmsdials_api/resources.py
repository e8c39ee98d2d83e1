# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The table of resources: which operations, record and filters belong together."""

from collections.abc import Callable, Mapping

from attrs import frozen

from . import filters, models
from .api.dataset_index import get_dataset_index, list_dataset_index
from .api.file_index import count_file_index, get_file_index, list_file_index
from .api.h1d import get_h1d, list_h1d
from .api.h2d import get_h2d, list_h2d
from .api.lumi import count_lumi, get_lumi, list_lumi
from .api.mes import get_mes, list_mes
from .api.ml_bad_lumis import get_ml_bad_lumis, get_ml_bad_lumis_v1_12, list_ml_bad_lumis
from .api.ml_models_index import get_ml_models_index, list_ml_models_index
from .api.run import count_run, get_run, list_run
from .records import Record
from .types import RequestArguments


@frozen
class Resource:
    """A resource of the service.

    Attributes:
        name: The attribute of `Dials` that serves it.
        path: Where it lists.
        record: What its rows are.
        filters: What its list takes.
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
    record: type[Record]
    filters: type[filters.Filters]
    paginated: bool
    keys: tuple[str, ...]
    list: Callable[..., RequestArguments]
    get: Callable[..., RequestArguments]
    count: Callable[..., RequestArguments] | None = None
    countable: tuple[str, ...] = ()
    get_v1_12: Callable[..., RequestArguments] | None = None
    keys_v1_12: tuple[str, ...] = ()


RESOURCES: Mapping[str, Resource] = {
    "dataset_index": Resource(
        name="dataset_index",
        path="/api/v1/dataset-index/",
        record=models.DatasetIndex,
        filters=filters.DatasetIndexFilters,
        paginated=True,
        keys=("dataset_id",),
        list=list_dataset_index.request,
        get=get_dataset_index.request,
    ),
    "file_index": Resource(
        name="file_index",
        path="/api/v1/file-index/",
        record=models.FileIndex,
        filters=filters.FileIndexFilters,
        paginated=True,
        keys=("dataset_id", "file_id"),
        list=list_file_index.request,
        get=get_file_index.request,
        count=count_file_index.request,
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
        record=models.MonitoringElement,
        filters=filters.MEFilters,
        paginated=False,
        keys=("me_id",),
        list=list_mes.request,
        get=get_mes.request,
    ),
    "run": Resource(
        name="run",
        path="/api/v1/run/",
        record=models.Run,
        filters=filters.RunFilters,
        paginated=True,
        keys=("dataset_id", "run_number"),
        list=list_run.request,
        get=get_run.request,
        count=count_run.request,
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
        record=models.Lumisection,
        filters=filters.LumisectionFilters,
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number"),
        list=list_lumi.request,
        get=get_lumi.request,
        count=count_lumi.request,
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
        record=models.LumisectionHistogram1D,
        filters=filters.LumisectionHistogram1DFilters,
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number", "me_id"),
        list=list_h1d.request,
        get=get_h1d.request,
    ),
    "h2d": Resource(
        name="h2d",
        path="/api/v1/th2/",
        record=models.LumisectionHistogram2D,
        filters=filters.LumisectionHistogram2DFilters,
        paginated=True,
        keys=("dataset_id", "run_number", "ls_number", "me_id"),
        list=list_h2d.request,
        get=get_h2d.request,
    ),
    "ml_models_index": Resource(
        name="ml_models_index",
        path="/api/v1/ml-models-index/",
        record=models.MLModelsIndex,
        filters=filters.MLModelsIndexFilters,
        paginated=True,
        keys=("model_id",),
        list=list_ml_models_index.request,
        get=get_ml_models_index.request,
    ),
    "ml_bad_lumis": Resource(
        name="ml_bad_lumis",
        path="/api/v1/ml-bad-lumisection/",
        record=models.MLBadLumisection,
        filters=filters.MLBadLumisectionFilters,
        paginated=True,
        keys=("model_id", "dataset_id", "run_number", "ls_number"),
        list=list_ml_bad_lumis.request,
        get=get_ml_bad_lumis.request,
        get_v1_12=get_ml_bad_lumis_v1_12.request,
        keys_v1_12=("model_id", "dataset_id", "run_number", "ls_number", "me_id"),
    ),
}
