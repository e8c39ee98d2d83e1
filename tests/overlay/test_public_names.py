"""The names that scripts and documentation use: modules, classes, functions, attributes and arguments.

None of them may go away or be renamed, and arguments that can be given by position keep their places. More may come.
"""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import DialsError

from tests.overlay.conftest import Scripted, run_row

ROOT = Path(__file__).parents[2]

CALLS = {
    "cmsdials.Dials": "creds workspace base_url route version * timeout",
    "cmsdials.Dials.close": "",
    "cmsdials.Dials.histograms": "me * run dataset ls good retries",
    "cmsdials.LumiMask": "source",
    "cmsdials.LumiMask.__call__": "runs lumis",
    "cmsdials.LumiMask.filters": "filters",
    "cmsdials.LumiMask.of_rows": "rows * run ls",
    "cmsdials.LumiMask.select": "rows * run ls",
    "cmsdials.LumiMask.to_json": "",
    "cmsdials.join": "left right * on suffix",
    "cmsdials.load": "path",
    "cmsdials.stack": "column",
    "cmsdials.open_dataset": "folder",
    "cmsdials.verify": "folder dials",
    "cmsdials.download.dataset.HistogramDataset.scanner": "filters columns",
    "cmsdials.download.dataset.HistogramDataset.to_batches": "filters columns * batch_size",
    "cmsdials.download.dataset.HistogramDataset.to_numpy": "filters columns * group_by align",
    "cmsdials.download.dataset.HistogramDataset.to_pandas": "filters columns * cells",
    "cmsdials.download.dataset.HistogramDataset.to_polars": "filters columns",
    "cmsdials.download.dataset.HistogramDataset.to_table": "filters columns",
    "cmsdials.arrays.compare": "",
    "cmsdials.arrays.crop": "* x y z",
    "cmsdials.arrays.moments": "axis * centres effective_entries",
    "cmsdials.arrays.normalise": "to",
    "cmsdials.arrays.rebin": "* x y z",
    "cmsdials.arrays.sum_lumis": "* incomplete",
    "cmsdials.auth.bearer.Credentials": (
        "token expires_at expires_in refresh_expires_at refresh_expires_in refresh_token token_type "
        "cache_dir client"
    ),
    "cmsdials.auth.bearer.Credentials.before_request": "headers",
    "cmsdials.auth.bearer.Credentials.from_authclient_token": "token cache_dir client",
    "cmsdials.auth.bearer.Credentials.from_creds_file": "cache_dir client",
    "cmsdials.auth.client.AuthClient": (
        "base_url route version * keycloak_url realm client_id audience timeout"
    ),
    "cmsdials.auth.client.AuthClient.api_access_token": "client_id client_secret",
    "cmsdials.auth.client.AuthClient.device_auth_flow": "* open_browser",
    "cmsdials.auth.client.AuthClient.refresh_token": "token_type access_token refresh_token",
    "cmsdials.auth.client_credentials.Credentials": "client_id client_secret client",
    "cmsdials.auth.client_credentials.Credentials.before_request": "headers",
    "cmsdials.auth.device.Credentials": (
        "token expires_at expires_in refresh_expires_at refresh_expires_in refresh_token token_type "
        "cache_dir client"
    ),
    "cmsdials.auth.device.Credentials.before_request": "headers",
    "cmsdials.auth.device.Credentials.from_authclient_token": "token cache_dir client",
    "cmsdials.auth.device.Credentials.from_creds_file": "cache_dir client",
    "cmsdials.auth.models.ApiToken": "* access_token expires_in token_type expires_at",
    "cmsdials.auth.models.Device": (
        "* device_code verification_uri_complete expires_in user_code verification_uri interval"
    ),
    "cmsdials.auth.models.Token": (
        "* access_token expires_in token_type expires_at refresh_token refresh_expires_in "
        "refresh_expires_at session_state scope"
    ),
    "cmsdials.auth.secret_key.Credentials": "token client_id client",
    "cmsdials.auth.secret_key.Credentials.before_request": "headers",
    "cmsdials.dials.Dials": "creds workspace base_url route version * timeout",
    "cmsdials.filters.DatasetIndexFilters": "* next_token page_size fields dataset dataset__regex order_by",
    "cmsdials.filters.FileIndexFilters": (
        "* next_token page_size fields logical_file_name logical_file_name__regex status min_size "
        "dataset dataset__regex dataset_id order_by"
    ),
    "cmsdials.filters.LumisectionFilters": (
        "* next_token page_size fields dataset_id run_number run_number__lte run_number__gte "
        "ls_number ls_number__lte ls_number__gte dataset dataset__regex order_by"
    ),
    "cmsdials.filters.LumisectionHistogram1DFilters": (
        "* next_token page_size fields dataset_id file_id run_number run_number__lte run_number__gte "
        "ls_number ls_number__lte ls_number__gte me_id entries__gte dataset dataset__regex "
        "logical_file_name logical_file_name__regex me me__regex order_by ls_numbet__lte"
    ),
    "cmsdials.filters.LumisectionHistogram2DFilters": (
        "* next_token page_size fields dataset_id file_id run_number run_number__lte run_number__gte "
        "ls_number ls_number__lte ls_number__gte me_id entries__gte dataset dataset__regex "
        "logical_file_name logical_file_name__regex me me__regex order_by ls_numbet__lte"
    ),
    "cmsdials.filters.MEFilters": "* fields me me__regex dim",
    "cmsdials.filters.MLBadLumisectionFilters": (
        "* next_token page_size fields model_id model_id__in dataset_id dataset_id__in dataset "
        "dataset__regex me_id me me__regex run_number run_number__in ls_number order_by"
    ),
    "cmsdials.filters.MLModelsIndexFilters": (
        "* next_token page_size fields model_id model_id__in filename filename__regex target_me "
        "target_me__regex active order_by id id__in name name__regex ready type "
        "input_signature_contains_me input_signature_contains_me__regex tag_name tag_value"
    ),
    "cmsdials.filters.OMSFilter": "* attribute_name value operator",
    "cmsdials.filters.OMSPage": "* attribute_name value",
    "cmsdials.filters.RunFilters": (
        "* next_token page_size fields dataset_id dataset_id__in run_number run_number__lte "
        "run_number__gte dataset dataset__regex order_by"
    ),
    "cmsdials.instances.Instance": "name base_url client_id audience",
    "cmsdials.models.Dataset": "dataset_id dataset primary era reco version tier",
    "cmsdials.models.CertificationFile": "* name url last_modified size content",
    "cmsdials.models.CertificationFile.dict": "",
    "cmsdials.models.DatasetIndex": (
        "* dataset_id dataset era data_tier primary_ds_name processed_ds_name processing_version "
        "last_modification_date"
    ),
    "cmsdials.models.DatasetIndex.dict": "",
    "cmsdials.models.FileIndex": (
        "* dataset_id dataset file_id file_size creation_date last_modification_date "
        "logical_file_name status err_trace"
    ),
    "cmsdials.models.FileIndex.dict": "",
    "cmsdials.models.Lumisection": "* dataset_id dataset run_number ls_number th1_count th2_count",
    "cmsdials.models.Lumisection.dict": "",
    "cmsdials.models.LumisectionHistogram1D": (
        "* dataset me dataset_id file_id run_number ls_number me_id x_min x_max x_bin entries data"
    ),
    "cmsdials.models.LumisectionHistogram1D.dict": "",
    "cmsdials.models.LumisectionHistogram1D.to_hist": "",
    "cmsdials.models.LumisectionHistogram2D": (
        "* dataset me dataset_id file_id run_number ls_number me_id x_min x_max x_bin y_min y_max "
        "y_bin entries data"
    ),
    "cmsdials.models.LumisectionHistogram2D.dict": "",
    "cmsdials.models.LumisectionHistogram2D.to_hist": "",
    "cmsdials.models.MLBadLumisection": (
        "* model_id dataset_id file_id run_number ls_number me_id mse metric_value"
    ),
    "cmsdials.models.MLBadLumisection.dict": "",
    "cmsdials.models.MLModelsIndex": (
        "* model_id filename target_me id name revision ready active type anomaly_threshold "
        "builtin_threshold description flagging_key input_signature metric_key output_signature tags "
        "isvc_service_name isvc_yaml created_by modified_by created_at modified_at"
    ),
    "cmsdials.models.MLModelsIndex.dict": "",
    "cmsdials.models.MonitoringElement": "* me_id me count dim",
    "cmsdials.models.MonitoringElement.dict": "",
    "cmsdials.models.Run": "* dataset_id dataset run_number ls_count ls_completeness",
    "cmsdials.models.Run.dict": "",
    "cmsdials.models.RunMonitoringElement": "* me_id me dim",
    "cmsdials.models.RunMonitoringElement.dict": "",
    "cmsdials.result.Page.join": "right * on suffix",
    "cmsdials.plotting.Plots": "rows",
    "cmsdials.plotting.Plots.animate": "* seconds good ax cms_label year energy",
    "cmsdials.plotting.Plots.compare": "reference * panel ax cms_label year energy",
    "cmsdials.plotting.Plots.heatmap": "* normalise good min_entries ax cms_label year energy",
    "cmsdials.plotting.Plots.map": "* ls how ax cms_label year energy",
    "cmsdials.plotting.Plots.of": "",
    "cmsdials.plotting.Plots.overlay": "* most normalise good min_entries reference ax cms_label year energy",
    "cmsdials.plotting.Plots.trend": "of * axis good min_entries reference ax cms_label year energy",
    "cmsdials.result.Page.to_arrow": "",
    "cmsdials.result.Page.to_hist": "",
    "cmsdials.result.Page.to_numpy": "* group_by align",
    "cmsdials.result.Page.to_pandas": "* cells",
    "cmsdials.result.Page.to_polars": "",
    "cmsdials.result.Pages.close": "",
    "cmsdials.result.Result.copy": "* update deep",
    "cmsdials.result.Result.dict": "",
    "cmsdials.result.Result.join": "right * on suffix",
    "cmsdials.result.Result.json": "* indent",
    "cmsdials.result.Result.model_copy": "* update deep",
    "cmsdials.result.Result.model_dump": "* mode include exclude exclude_none exclude_unset by_alias",
    "cmsdials.result.Result.model_dump_json": "* indent",
    "cmsdials.result.Result.save": "path",
    "cmsdials.result.Result.to_arrow": "",
    "cmsdials.result.Result.to_hist": "",
    "cmsdials.result.Result.to_numpy": "* group_by align",
    "cmsdials.result.Result.to_pandas": "* cells",
    "cmsdials.result.Result.to_polars": "",
    "cmsdials.result.Rows.close": "",
    "cmsdials.result.load": "path",
    "cmsdials.table.cells.Cell": "whole",  # which pickled frames name
}
"""What is called, with its arguments; those behind the star are given by name only."""

ATTRIBUTES = {
    "cmsdials.Dials": "base_url",
    "cmsdials": "__version__",
    "cmsdials.LumiMask": "counts ranges runs",
    "cmsdials.auth.bearer.Credentials": (
        "expires_at expires_in refresh_expires_at refresh_expires_in refresh_token token token_type"
    ),
    "cmsdials.auth.device.Credentials": (
        "expires_at expires_in refresh_expires_at refresh_expires_in refresh_token token token_type"
    ),
    "cmsdials.auth.exceptions": "ImpossibleToRefreshTokenError LoginError PendingAuthorizationError",
    "cmsdials.auth.models.ApiToken": "access_token claims expires_at expires_in issued_at token_type",
    "cmsdials.auth.models.Device": (
        "device_code expires_in interval user_code verification_uri verification_uri_complete"
    ),
    "cmsdials.auth.models.Token": (
        "access_token claims expires_at expires_in issued_at refresh_expires_at refresh_expires_in "
        "refresh_token scope session_state token_type"
    ),
    "cmsdials.auth.secret_key.Credentials": "token",
    "cmsdials.errors": (
        "AuthenticationError BadRequestError BinningError CheckpointError ConfigurationError "
        "ConnectionFailedError CredentialsError CursorFailedError CursorRefusedError DecodeError DialsError "
        "FilterError GatewayError "
        "ImpossibleToRefreshTokenError IncompleteBodyError InvalidCursorError LoginDeniedError "
        "LoginError LoginExpiredError MethodNotAllowedError MissingDependencyError NotFoundError "
        "NotLoggedInError PaginationError PendingAuthorizationError RedirectError RequestFailedError "
        "RequestTimeoutError ResponseError SchemaError ServerError TokenStoreError "
        "TooManyRequestsError TransportError UnknownFilterError UnknownNameError WorkspaceNotFoundError"
    ),
    "cmsdials.filters": "Filters",
    "cmsdials.filters.RunFilters": "cleandict copy json model_copy model_dump model_dump_json model_fields",
    "cmsdials.instances": "DEVELOPMENT PRODUCTION",
    "cmsdials.instances.Instance": "audience base_url client_id name",
    "cmsdials.models.CertificationFile": "extra",
    "cmsdials.models.DatasetIndex": "extra",
    "cmsdials.models.FileIndex": "extra",
    "cmsdials.models.Lumisection": "extra",
    "cmsdials.models.LumisectionHistogram1D": "edges extra",
    "cmsdials.models.LumisectionHistogram2D": "edges extra",
    "cmsdials.models.MLBadLumisection": "extra",
    "cmsdials.models.MLModelsIndex": "extra",
    "cmsdials.models.MonitoringElement": "extra",
    "cmsdials.models.Run": "copy extra json model_copy model_dump model_dump_json model_fields",
    "cmsdials.models.RunMonitoringElement": "extra",
    "cmsdials.result": "Page Pages Result Rows",
    "cmsdials.plotting": "AXES Plots",
    "cmsdials.result.Page": "next plot previous rows",
    "cmsdials.result.Pages": "complete next origin pages rows",
    "cmsdials.result.Result": (
        "complete exc_formatted exc_type fields next note origin plot previous results retrieved status"
    ),
}
"""What is there besides, by module or class."""

OF_PAGED = {
    "iterate": "filters * max_pages retries fields concurrency",
    "list": "filters retries * fields",
    "list_all": (
        "filters max_pages enable_progress retries keep_failed resume_from * checkpoint fields concurrency"
    ),
    "pages": "filters * max_pages retries fields concurrency",
    "to_arrow": "filters * retries fields concurrency enable_progress",
    "to_numpy": "filters * group_by align retries fields concurrency enable_progress",
    "to_pandas": "filters * retries fields concurrency enable_progress cells",
    "to_polars": "filters * retries fields concurrency enable_progress",
}
"""Methods of every resource that lists page by page."""

PAGED = ("dataset_index", "file_index", "h1d", "h2d", "lumi", "run", "ml_models_index", "ml_bad_lumis")

OF_DIALS = {
    "dataset_index.get": "dataset_id * retries",
    "file_index.count": "filters retries",
    "file_index.get": "dataset_id file_id * retries",
    "h1d.coverage": "result * retries enable_progress",
    "h1d.get": "dataset_id run_number ls_number me_id * retries",
    "h2d.coverage": "result * retries enable_progress",
    "h1d.download": "filters folder * dry_run rows_per_file concurrency retries enable_progress",
    "h2d.download": "filters folder * dry_run rows_per_file concurrency retries enable_progress",
    "h2d.get": "dataset_id run_number ls_number me_id * retries",
    "lumi.count": "filters retries",
    "lumi.get": "dataset_id run_number ls_number * retries",
    "run.count": "filters retries",
    "run.get": "dataset_id run_number * retries",
    "datasets.completeness": "dataset run * retries",
    "datasets.find": "name * regex primary era reco version tier run refresh retries",
    "datasets.refresh": "* retries",
    "datasets.runs": "dataset * retries",
    "mes.find": "name * regex dim refresh retries",
    "mes.get": "id * retries",
    "mes.list": "filters retries * fields",
    "mes.list_all": "filters retries * fields",
    "mes.list_run": "dataset_id run_number * retries",
    "mes.refresh": "* retries",
    "ml_models_index.get": "model_id * retries",
    "ml_models_index": "model_id * retries",
    "ml_bad_lumis.cert_json": "model_id__in dataset_id__in run_number__in * retries",
    "ml_bad_lumis.get": "model_id dataset_id run_number ls_number me_id * retries",
    "ml_bad_lumis.golden_json": "model_id__in dataset_id__in run_number__in * retries",
    "ml_bad_lumis": "model_id dataset_id run_number ls_number me_id * retries",
    "oms.list_all": "endpoint filters * runs page_size enable_progress retries",
    "oms.query": "endpoint filters pages retries",
    "caf.get": "class_name kind * retries",
    "runregistry.editable_datasets": "class_name dataset_name global_state * retries",
    "brilws.brilcalc_lumi": (
        "* runnumber fillnum begin end beamstatus amodetag normtag unit byls scope brilws_version "
        "connect retries"
    ),
    "workspaces.default": "* retries",
    "workspaces.list": "* retries",
    "workspaces.my_workspace": "* retries",
}
"""Methods that only some resources have; without a dot, resources that are called."""

ERRORS = {
    "DialsError": "advice message",
    "FilterError": "advice",
    "UnknownFilterError": "filter_class unknown valid nearest",
    "MissingDependencyError": "module extra",
    "RequestFailedError": "method url attempts",
    "TransportError": "phase",
    "RequestTimeoutError": "seconds",
    "ResponseError": "status_code code detail body retry_after",
    "DecodeError": "body",
    "SchemaError": "resource field row problem",
}
"""What errors say, besides what those above them say."""


def found(path: str) -> Any:
    """Import the longest part of a dotted path that is a module, and look up the rest in it."""
    names = path.split(".")
    for length in range(len(names), 0, -1):
        try:
            thing = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            thing = getattr(thing, name)
        return thing
    raise ModuleNotFoundError(path)


def refuse_changed(call: Any, arguments: str) -> None:
    """Compare what a call takes with what it has to take."""
    positional, _, by_name = arguments.partition("*")
    parameters = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
    places = [one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    wanted = positional.split()
    assert places[: len(wanted)] == wanted
    assert {*by_name.split()} <= {one.name for one in parameters}


@pytest.fixture(autouse=True)
def _cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def dials() -> Dials:
    return Dials(Credentials(token="a-secret"))


@pytest.mark.parametrize("path", CALLS)
def test_what_is_called_keeps_its_name_and_its_arguments(path: str) -> None:
    refuse_changed(found(path), CALLS[path])


@pytest.mark.parametrize("path", ATTRIBUTES)
def test_what_is_there_keeps_its_name(path: str) -> None:
    thing = found(path)
    missing = [name for name in ATTRIBUTES[path].split() if not hasattr(thing, name)]
    assert missing == []


@pytest.mark.parametrize("name", PAGED)
def test_what_lists_page_by_page_does_so_in_every_way(dials: Dials, name: str) -> None:
    resource = getattr(dials, name)
    for method, arguments in OF_PAGED.items():
        refuse_changed(getattr(resource, method), arguments)
    assert (resource.name, resource.base_url, resource.workspace) == (name, dials.base_url, None)
    assert issubclass(resource.filters, found("cmsdials.filters.Filters"))


@pytest.mark.parametrize("path", OF_DIALS)
def test_resources_keep_their_own_methods(dials: Dials, path: str) -> None:
    name, _, method = path.partition(".")
    refuse_changed(getattr(getattr(dials, name), method or "__call__"), OF_DIALS[path])


def test_what_a_search_and_a_selection_return_keeps_its_names(service: Scripted) -> None:
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 1}])
    service.will_answer({"next": None, "previous": None, "results": [run_row(3)]})
    elements = service.dials.mes.find("a")
    assert (elements.names, elements.ids, elements.total, elements.note) == (["a"], [1], 1, "")
    assert elements.rows[0] is service.dials.mes["a"]
    assert elements.retrieved.tzinfo is not None
    refuse_changed(elements.to_pandas, "")
    selection = service.dials.histograms("a")
    assert (selection.rows, selection.absent, selection.mask) == (9, (), None)
    assert (selection.elements[0].me, selection.datasets[0].dataset) == ("a", "/Z/R/D")
    assert (selection.runs, [*selection.by_kind]) == ({14677060: {3: 9}}, ["h1d"])
    assert selection.filters.given() == {"me_id": 1, "me": "a"}
    assert selection.resource is service.dials.h1d
    for method, arguments in {
        "list_all": "* retries fields concurrency enable_progress keep_failed resume_from checkpoint",
        "pages": "* retries fields concurrency",
        "to_numpy": "* group_by retries concurrency enable_progress",
        "to_pandas": "* retries concurrency enable_progress",
        "download": "folder * dry_run refresh rows_per_file shard client concurrency retries enable_progress",
    }.items():
        refuse_changed(getattr(selection, method), arguments)


def test_resources_with_two_names_are_one(dials: Dials) -> None:
    assert dials.ml_bad_lumisection is dials.ml_bad_lumis
    assert dials.workspace is dials.workspaces


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_went_wrong(name: str) -> None:
    """Attributes that an error sets when it is made are named by what its class documents."""
    kind = found(f"cmsdials.errors.{name}")
    assert issubclass(kind, DialsError)
    arguments = inspect.signature(kind).parameters
    given: dict[str, Any] = {
        one: "x" for one in arguments if one not in ("message", "advice", "valid", "attempts", "asked")
    }
    if "valid" in arguments:
        given["valid"] = ("x",)
    if "attempts" in arguments or "asked" in arguments:
        given |= {"method": "GET", "url": "https://h/", "attempts": 1}
    error = kind(**given)
    missing = [one for one in ERRORS[name].split() if not hasattr(error, one)]
    assert missing == []


def test_load_is_one_function() -> None:
    assert found("cmsdials.load") is found("cmsdials.result.load")
    assert {"LumiMask", "join", "load", "stack"} <= {*dir(found("cmsdials"))}


def test_a_result_says_what_was_listed(service: Scripted) -> None:
    service.will_page([run_row(1)], 1)
    origin = service.dials.run.list_all().origin
    said = (origin.resource, origin.base_url, origin.workspace, dict(origin.query))
    assert said == ("run", "http://dials.test/", "tracker", {})


PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.py"))]


@pytest.mark.filterwarnings("ignore:.* is of cmsdials 1.8 and 2.4:DeprecationWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_documentation_imports_is_there(page: Path) -> None:
    text = re.sub(
        r"\(\s*([^)]*)\)", lambda match: " ".join(match[1].split()), page.read_text(encoding="utf-8")
    )
    for module, names in re.findall(r"^from (cmsdials(?:\.\w+)*) import (.+)$", text, re.MULTILINE):
        for name in names.strip(", ").split(","):
            assert found(f"{module}.{name.split()[0]}") is not None
