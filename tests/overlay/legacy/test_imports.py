"""The module paths of cmsdials 1.8 and 2.4: they load nothing, lead to what is there now, and warn with the new place."""

import importlib
import importlib.util
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials, models
from cmsdials.auth.secret_key import Credentials
from cmsdials.clients import _classes
from cmsdials.errors import ConfigurationError, ImpossibleToRefreshTokenError
from cmsdials.legacy import MODULES
from cmsdials.listing.result import Result

from tests.overlay.conftest import Scripted, run_row

HEAVY = ("attr", "attrs", "httpx", "numpy", "orjson", "pandas", "urllib3")
PLACES = [(module, name) for module, names in MODULES.items() for name in names]

PUBLISHED = {
    "cmsdials.auth._base": "BaseCredentials TokenState",
    "cmsdials.auth.bearer": "Credentials",
    "cmsdials.auth.client": "AuthClient",
    "cmsdials.auth.client_credentials": "Credentials",
    "cmsdials.auth.device": "Credentials",
    "cmsdials.auth.exceptions": "ImpossibleToRefreshTokenError PendingAuthorizationError",
    "cmsdials.auth.models": "ApiToken Device DeviceToken RefreshToken Token",
    "cmsdials.auth.secret_key": "Credentials",
    "cmsdials.clients.dataset_index.client": "DatasetIndexClient",
    "cmsdials.clients.dataset_index.models": "DatasetIndex DatasetIndexFilters PaginatedDatasetIndexList",
    "cmsdials.clients.file_index.client": "FileIndexClient",
    "cmsdials.clients.file_index.models": "FileIndex FileIndexFilters PaginatedFileIndexList",
    "cmsdials.clients.h1d.client": "LumisectionHistogram1DClient",
    "cmsdials.clients.h1d.models": (
        "LumisectionHistogram1D LumisectionHistogram1DFilters PaginatedLumisectionHistogram1DList"
    ),
    "cmsdials.clients.h2d.client": "LumisectionHistogram2DClient",
    "cmsdials.clients.h2d.models": (
        "LumisectionHistogram2D LumisectionHistogram2DFilters PaginatedLumisectionHistogram2DList"
    ),
    "cmsdials.clients.lumisection.client": "LumisectionClient",
    "cmsdials.clients.lumisection.models": "Lumisection LumisectionFilters PaginatedLumisectionList",
    "cmsdials.clients.mes.client": "MonitoringElementClient",
    "cmsdials.clients.mes.models": "MEFilters MonitoringElement",
    "cmsdials.clients.ml_bad_lumisection.client": "MLBadLumisectionClient",
    "cmsdials.clients.ml_bad_lumisection.models": (
        "MLBadLumisection MLBadLumisectionFilters PaginatedMLBadLumisectionList"
    ),
    "cmsdials.clients.ml_models_index.client": "MLModelsIndexClient",
    "cmsdials.clients.ml_models_index.models": (
        "MLModelsIndex MLModelsIndexFilters PaginatedMLModelsIndexList"
    ),
    "cmsdials.clients.oms_proxy.client": "OMSProxyClient",
    "cmsdials.clients.oms_proxy.models": "OMSFilter OMSPage",
    "cmsdials.clients.run.client": "RunClient",
    "cmsdials.clients.run.models": "PaginatedRunList Run RunFilters",
    "cmsdials.clients.workspace.client": "WorkspaceClient",
    "cmsdials.cmsdials": "Dials",
    "cmsdials.utils._json": "TokenDecoder TokenEncoder",
    "cmsdials.utils.api_client": (
        "BaseAPIClient BaseAuthorizedAPIClient BaseAuthorizedNonPaginatedAPIClient "
        "BaseAuthorizedPaginatedAPIClient"
    ),
    "cmsdials.utils.base_model": "CleanableBaseModel PaginatedBaseFilters PaginatedBaseModel",
    "cmsdials.utils.logger": "logger",
}
"""The public classes of 1.8.0 and 2.4.1, as the modules themselves list them."""


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )


def old(module: str, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="module")
def dials() -> Dials:
    return Dials(Credentials(token="a-secret"), "tracker")


@pytest.mark.parametrize("module", PUBLISHED)
def test_every_class_of_theirs_is_there(module: str) -> None:
    for name in PUBLISHED[module].split():
        assert old(module, name) is not None


def test_modules_alone_load_nothing_and_warn_of_nothing() -> None:
    modules = ", ".join(sorted({*MODULES} - {"cmsdials.auth.models"}))
    done = run(
        f"import cmsdials, {modules}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])", "-Werror"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    "path",
    [
        "clients.h1d.models.PaginatedLumisectionHistogram1DList",
        "utils.logger.logger",
        "cmsdials.Dials",
        "filters.RunFilters",
        "models.Run",
        "errors.DialsError",
        "result.Result",
        "auth.exceptions.LoginError",
        "auth.client.AuthClient",
        "auth._base.TokenState",
    ],
)
def test_a_bare_import_reaches_it(path: str) -> None:
    done = run(f"import cmsdials; print(cmsdials.{path} is not None)")
    assert (done.stdout, done.stderr.count("Error")) == ("True\n", 0)


@pytest.mark.parametrize(("module", "name"), PLACES)
def test_a_name_that_is_taken_warns_once_at_that_place(module: str, name: str) -> None:
    source = f"for _ in range(3):\n    from {module} import {name}\nfrom {module} import {name}\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        exec(compile(source, "a_script.py", "exec"), {"__name__": "a_script"})
    assert [(one.category, one.filename, one.lineno) for one in caught] == [
        (DeprecationWarning, "a_script.py", 2),
        (DeprecationWarning, "a_script.py", 3),
    ]
    assert (
        str(caught[0].message)
        == f"{module}.{name} is of cmsdials 1.8 and 2.4; use {MODULES[module][name][1]}"
    )


def test_a_star_takes_them_all() -> None:
    taken: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        exec("from cmsdials.clients.run.models import *", taken)
    assert taken["Run"] is models.Run
    assert {"PaginatedRunList", "RunFilters"} <= taken.keys()


@pytest.mark.parametrize(
    "code",
    [
        "from cmsdials.clients.run.models import PaginatedRunLits",
        "import cmsdials.clients.runs",
        "import cmsdials.clients.run.filters",
        "from cmsdials.utils import requests",
        "from cmsdials.auth.models import Tokens",
        "from cmsdials.auth import cookies",
    ],
)
def test_what_never_was_there_is_an_import_error(code: str) -> None:
    with pytest.raises(ImportError):
        exec(code, {})


def test_tools_that_look_for_modules_find_them() -> None:
    for name in ("cmsdials.clients.run", "cmsdials.clients.run.models", "cmsdials.utils.logger"):
        assert importlib.util.find_spec(name) is not None
        assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("where", sorted(MODULES))
def test_new_places_are_there(where: str) -> None:
    """Those that are a dotted path; the others are words, or an expression."""
    for _, instead in MODULES[where].values():
        if instead.startswith("cmsdials."):
            module, _, name = instead.rpartition(".")
            assert hasattr(importlib.import_module(module), name)


# --- what the old classes do ---------------------------------------------------------------------------------


def test_results_and_rows_are_of_the_old_classes(service: Scripted) -> None:
    service.will_page([run_row(1), run_row(2)], 2)
    listed = service.dials.run.list()
    assert isinstance(listed, old("cmsdials.clients.run.models", "PaginatedRunList"))
    assert isinstance(listed, old("cmsdials.utils.base_model", "PaginatedBaseModel"))
    assert not isinstance(listed, old("cmsdials.clients.h1d.models", "PaginatedLumisectionHistogram1DList"))
    assert not isinstance([], old("cmsdials.utils.base_model", "PaginatedBaseModel"))
    assert isinstance(listed.results[0], old("cmsdials.clients.run.models", "Run"))


def test_a_result_is_made_of_rows() -> None:
    made = old("cmsdials.clients.run.models", "PaginatedRunList")
    rows = [models.Run(**run_row(number)) for number in (1, 2)]
    joined = made(results=rows, next=None, previous=None)
    assert type(joined) is Result
    assert (joined.record, joined.results, joined.complete) == (models.Run, rows, False)
    assert [*joined.to_pandas()["run_number"]] == [1, 2]
    assert len(joined.copy(update={"results": rows[:1]}).results) == 1
    with pytest.raises(TypeError, match="results"):
        made()


CLIENTS = [
    ("dataset_index", "DatasetIndexClient", "dataset_index"),
    ("file_index", "FileIndexClient", "file_index"),
    ("h1d", "LumisectionHistogram1DClient", "h1d"),
    ("h2d", "LumisectionHistogram2DClient", "h2d"),
    ("lumisection", "LumisectionClient", "lumi"),
    ("mes", "MonitoringElementClient", "mes"),
    ("ml_bad_lumisection", "MLBadLumisectionClient", "ml_bad_lumis"),
    ("ml_models_index", "MLModelsIndexClient", "ml_models_index"),
    ("run", "RunClient", "run"),
]


@pytest.mark.parametrize(("package", "name", "attribute"), CLIENTS)
def test_clients_are_the_resources(dials: Dials, package: str, name: str, attribute: str) -> None:
    client = old(f"cmsdials.clients.{package}.client", name)
    resource = getattr(dials, attribute)
    assert next(one for one in vars(dials) if isinstance(getattr(dials, one), client)) == attribute
    made = client(dials._session.credentials, "jetmet", "http://localhost:1", "v2/api", "v3")
    assert isinstance(made, type(resource))
    assert (made.workspace, made.api_url) == ("jetmet", "http://localhost:1/v2/api/v3/")
    assert made.api_url + made.lookup_url == "http://localhost:1/v2/api/v3" + made._table.path.removeprefix(
        "/api/v1"
    )
    assert issubclass(made.filter_class, made.filters)
    assert made.data_model is made._record
    assert isinstance(resource, old("cmsdials.utils.api_client", "BaseAPIClient"))


def test_clients_of_other_services_take_no_workspace(dials: Dials) -> None:
    for package, name, resource in (
        ("oms_proxy", "OMSProxyClient", dials.oms),
        ("workspace", "WorkspaceClient", dials.workspaces),
    ):
        client = old(f"cmsdials.clients.{package}.client", name)
        assert isinstance(resource, client)
        assert client(Credentials(token="x"), "http://localhost:1").api_url == "http://localhost:1/api/v1/"


def test_subclasses_are_classes_of_their_own(dials: Dials) -> None:
    class Own(_classes.BaseAPIClient):
        PRODUCTION_BASE_URL = "http://localhost:2"

    assert Own().api_url == "http://localhost:2/api/v1/"
    assert isinstance(Own(), _classes.BaseAPIClient)
    assert not isinstance(dials.run, Own)
    with pytest.raises(ConfigurationError, match="base_url"):
        Own("localhost")


def test_a_list_that_the_service_does_not_have() -> None:
    class Own(_classes.BaseAuthorizedPaginatedAPIClient):
        lookup_url = "th3/"

    with pytest.raises(ConfigurationError, match=r"'th3/'.*There are .*th1/"):
        Own(Credentials(token="x"), "tracker").list()


class Renewed(_classes.BaseCredentials):
    def __init__(self, **fields: Any) -> None:
        self.refreshed = 0
        for name, value in fields.items():
            setattr(self, name, value)

    def apply(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = str(self.refreshed)

    def refresh(self) -> None:
        self.refreshed += 1


HOUR = timedelta(hours=1)


def ending(after: timedelta, *, naive: bool = False) -> Callable[[], datetime]:
    """A time that is so far away when the test begins."""

    def end() -> datetime:
        aware = datetime.now(UTC) + after
        return aware.astimezone().replace(tzinfo=None) if naive else aware

    return end


@pytest.mark.parametrize(
    ("ends", "expires_in", "state", "refreshed"),
    [
        ({}, None, "FRESH", 0),
        ({"expires_at": ending(12 * HOUR)}, 43200, "FRESH", 0),
        ({"expires_at": ending(timedelta(seconds=50))}, 1e9, "STALE", 1),
        ({"expires_at": ending(-HOUR)}, None, "EXPIRED", 1),
        ({"expires_at": ending(-HOUR, naive=True)}, None, "EXPIRED", 1),
        ({"expires_at": ending(-HOUR), "refresh_expires_at": ending(12 * HOUR)}, None, "EXPIRED", 1),
    ],
)
def test_credentials_of_a_script(
    ends: dict[str, Callable[[], datetime]], expires_in: float | None, state: str, refreshed: int
) -> None:
    lasts = {} if expires_in is None else {"expires_in": expires_in}
    creds = Renewed(**{name: end() for name, end in ends.items()}, **lasts)
    assert creds.token_state is old("cmsdials.auth._base", "TokenState")[state]
    headers: dict[str, str] = {}
    creds.before_request(headers)
    assert headers == {"Authorization": str(refreshed)}


def test_credentials_of_a_script_that_have_ended() -> None:
    ended = datetime.now(UTC) - HOUR
    creds = Renewed(expires_at=ended, refresh_expires_at=ended)
    with pytest.raises(ImpossibleToRefreshTokenError):
        creds.before_request({})


def test_pythons_path_of_a_wheel_has_them(tmp_path: Path) -> None:
    """A script that only imports, in another folder."""
    script = tmp_path / "script.py"
    script.write_text("from cmsdials.clients.run.models import Run\nprint(Run.__name__)\n", encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "Run\n"
    assert f"{script}:1: DeprecationWarning: cmsdials.clients.run.models.Run" in done.stderr
