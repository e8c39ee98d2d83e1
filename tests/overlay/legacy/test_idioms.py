"""What scripts written for cmsdials 1.8 and 2.4 do, one thing after the other: it runs as it stands there.

`BY_HAND` is what has to be written otherwise; docs/migrating.md says how, and that is held here too.
"""

import logging
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials_sandbox import Sandbox

PAGE = Path(__file__).parents[3] / "docs" / "migrating.md"

IMPORTS = r"""
from cmsdials import Dials
from cmsdials import __version__; assert __version__
from cmsdials._version import version; assert version
from cmsdials.cmsdials import Dials as Same; from cmsdials import Dials; assert Same is Dials
import cmsdials; cmsdials.Dials; cmsdials.filters.RunFilters(run_number=1)
import cmsdials; assert cmsdials.auth.client.AuthClient
import cmsdials; assert cmsdials.auth.exceptions.PendingAuthorizationError
from cmsdials.filters import DatasetIndexFilters, FileIndexFilters, RunFilters, LumisectionFilters
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters, MEFilters
from cmsdials.filters import MLBadLumisectionFilters, MLModelsIndexFilters, OMSFilter, OMSPage
from cmsdials.auth.client import AuthClient
from cmsdials.auth.bearer import Credentials
from cmsdials.auth.device import Credentials
from cmsdials.auth.client_credentials import Credentials
from cmsdials.auth.secret_key import Credentials
from cmsdials.auth.models import Device, DeviceToken, RefreshToken, Token, ApiToken
from cmsdials.auth.exceptions import ImpossibleToRefreshTokenError, PendingAuthorizationError
from cmsdials.auth._base import BaseCredentials, TokenState
from cmsdials.clients.h1d.models import LumisectionHistogram1D, LumisectionHistogram1DFilters, PaginatedLumisectionHistogram1DList
from cmsdials.clients.h2d.models import LumisectionHistogram2D, LumisectionHistogram2DFilters, PaginatedLumisectionHistogram2DList
from cmsdials.clients.run.models import PaginatedRunList, Run, RunFilters
from cmsdials.clients.lumisection.models import Lumisection, LumisectionFilters, PaginatedLumisectionList
from cmsdials.clients.file_index.models import FileIndex, FileIndexFilters, PaginatedFileIndexList
from cmsdials.clients.dataset_index.models import DatasetIndex, DatasetIndexFilters, PaginatedDatasetIndexList
from cmsdials.clients.mes.models import MEFilters, MonitoringElement
from cmsdials.clients.ml_models_index.models import MLModelsIndex, MLModelsIndexFilters, PaginatedMLModelsIndexList
from cmsdials.clients.ml_bad_lumisection.models import MLBadLumisection, MLBadLumisectionFilters, PaginatedMLBadLumisectionList
from cmsdials.clients.oms_proxy.models import OMSFilter, OMSPage
from cmsdials.clients.h1d.client import LumisectionHistogram1DClient
from cmsdials.clients.mes.client import MonitoringElementClient
from cmsdials.clients.oms_proxy.client import OMSProxyClient
from cmsdials.clients.workspace.client import WorkspaceClient
from cmsdials.clients import h1d, run; assert h1d.models.LumisectionHistogram1D and run.client.RunClient
from cmsdials.clients.h1d import models; assert models.PaginatedLumisectionHistogram1DList
import cmsdials.clients.h2d.models as m; assert m.LumisectionHistogram2D
import cmsdials; assert cmsdials.clients.h1d.models.PaginatedLumisectionHistogram1DList
from cmsdials.utils.logger import logger; logger.setLevel("WARNING"); logger.debug("quiet")
from cmsdials.utils.api_client import BaseAPIClient; assert BaseAPIClient().base_url.startswith("https")
from cmsdials.utils.base_model import CleanableBaseModel, PaginatedBaseFilters, PaginatedBaseModel
from cmsdials.utils._json import TokenDecoder, TokenEncoder
"""

CONSTRUCTION = r"""
Dials(creds)
Dials(creds, "tracker")
Dials(creds, workspace="tracker")
Dials(creds, workspace="tracker", base_url=url).run.list()
Dials(creds, "tracker", url, "api/", "v1/").run.list()
assert dials.h1d.api_url == url + "api/v1/"
assert (dials.run.base_url, dials.run.route, dials.run.version) == (url, "api/", "v1/")
assert dials.oms.api_url == dials.workspace.api_url == dials.mes.api_url
assert dials.h1d.workspace == "tracker"
assert [name for name in vars(dials) if name in ("h1d", "h2d", "run", "lumi", "mes", "oms")]
from cmsdials.clients.run.client import RunClient; assert RunClient(creds, "tracker", base_url=url).list(RunFilters(page_size=2)).results
from cmsdials.clients.h1d.client import LumisectionHistogram1DClient as C; assert isinstance(dials.h1d, C) and not isinstance(dials.h2d, C)
from cmsdials.clients.mes.client import MonitoringElementClient as C; assert C(creds, "tracker", base_url=url).list()
from cmsdials.clients.oms_proxy.client import OMSProxyClient as C; assert C(creds, base_url=url).query(endpoint="runs", filters=[])["data"]
from cmsdials.clients.workspace.client import WorkspaceClient as C; assert C(creds, base_url=url).list()
getattr(dials, "h1d" if dim == 1 else "h2d").list(LumisectionHistogram1DFilters(me_id=1, page_size=1))
"""

LOGINS = r"""
from cmsdials.auth.secret_key import Credentials; assert Credentials(token="a-secret").token == "a-secret"
h = {}; creds.before_request(h); assert h["X-CLIENT-SECRET"] == secret
h = {"Accept": "application/json"}; creds.before_request(h); assert len(h) == 2
from cmsdials.auth.client import AuthClient; assert AuthClient(base_url=url).base_url == url
from cmsdials.auth.client import AuthClient; AuthClient(keycloak_url="https://auth.cern.ch/auth/", realm="cern", client_id="a", audience="b")
from cmsdials.auth.client import AuthClient; from cmsdials.auth.bearer import Credentials; assert Credentials.from_authclient_token(token, cache_dir=folder, client=AuthClient(base_url=url)).token == "t"
from cmsdials.auth.client import AuthClient; from cmsdials.auth.bearer import Credentials; c = AuthClient(base_url=url); Credentials.from_authclient_token(token, folder, c); assert Credentials.from_creds_file(cache_dir=folder, client=c).client.base_url == url
from cmsdials.auth.bearer import Credentials; Credentials(token="t", expires_at=later, expires_in=3600, refresh_expires_at=later, refresh_expires_in=3600, refresh_token="r", token_type="Bearer", cache_dir=folder)
from cmsdials.auth.client_credentials import Credentials; Credentials("an-id", "a-secret")
from cmsdials.auth.secret_key import Credentials\ntry:\n    Credentials(token="")\nexcept ValueError:\n    pass
from cmsdials.auth._base import BaseCredentials; assert isinstance(creds, BaseCredentials)
from cmsdials.auth.models import DeviceToken; assert isinstance(token, DeviceToken) and token.access_token == "t"
assert Token(**token.model_dump()) == token and token.dict()["refresh_token"] == "r"
import json; assert json.loads(token.model_dump_json())["access_token"] == "t"
import json; from cmsdials.utils._json import TokenDecoder, TokenEncoder; t = json.dumps({"expires_at": later}, cls=TokenEncoder); assert json.loads(t, cls=TokenDecoder) == {"expires_at": later}
"""

FILTERS = r"""
RunFilters(run_number=367112, dataset__regex="ZeroBias")
RunFilters(run_number=np.int64(367112))
RunFilters(**{"run_number": 367112})
f = RunFilters(); f.run_number = 367112; assert f.run_number == 367112
f = RunFilters(run_number=367112); assert f.dict(exclude_none=True) == {"run_number": 367112}
f = RunFilters(run_number=367112); assert f.model_dump()["run_number__lte"] is None
f = RunFilters(run_number=367112); assert f.model_dump(exclude_none=True) == {"run_number": 367112}
f = RunFilters(run_number=367112); assert f.cleandict() == {"run_number": 367112}
f = RunFilters(run_number=367112); assert RunFilters(**{**f.model_dump(), "page_size": 5}).page_size == 5
f = RunFilters(run_number=367112).copy(update={"page_size": 7}); assert f.page_size == 7
f = RunFilters(run_number=367112).model_copy(update={"run_number": 1}); assert f.run_number == 1
import json; assert json.loads(RunFilters(run_number=367112).json())["run_number"] == 367112
assert RunFilters(run_number=1).model_dump_json(exclude_none=True) == '{"run_number":1}'
assert "run_number" in RunFilters.model_fields
assert {name: field.annotation for name, field in RunFilters.model_fields.items()}["run_number"] == int | None
assert RunFilters(run_number=367112) == RunFilters(run_number=367112)
assert LumisectionHistogram1DFilters(ls_numbet__lte=5).ls_number__lte == 5
assert MLModelsIndexFilters(active=True).active
assert MLBadLumisectionFilters(model_id__in=[1, 2], run_number__in=[385764]).model_id__in == [1, 2]
assert isinstance(LumisectionHistogram2DFilters(), LumisectionHistogram2DFilters)
from cmsdials.utils.base_model import PaginatedBaseFilters; assert isinstance(RunFilters(), PaginatedBaseFilters)
assert OMSFilter(attribute_name="run_number", value=367112, operator="EQ").model_dump()["operator"] == "EQ"
assert OMSPage(attribute_name="limit", value=10).dict() == {"attribute_name": "limit", "value": 10}
"""

LISTS = r"""
assert len(dials.run.list().results) == 10
assert dials.run.list(RunFilters(page_size=3)).next
assert len(dials.run.list_all(RunFilters(dataset_id=14677060), max_pages=2).results) == 20
dials.run.list_all(RunFilters(dataset_id=14677060), max_pages=1, enable_progress=False, retries=3)
from urllib3.util import Retry; dials.run.list_all(RunFilters(dataset_id=14677060), retries=Retry(total=5, backoff_factor=0.1))
assert dials.run.list_all(RunFilters(dataset_id=14677060), keep_failed=True).exc_type is None
p = dials.run.list_all(RunFilters(dataset_id=14677060), max_pages=1); assert len(dials.run.list_all(RunFilters(dataset_id=14677060), resume_from=p).results) > 10
p = dials.run.list(RunFilters(page_size=5)); t = p.next.split("next_token=")[1].split("&")[0]; assert dials.run.list(RunFilters(page_size=5, next_token=__import__("urllib.parse").parse.unquote(t))).results
assert dials.run.get(dataset_id=14677060, run_number=367112).run_number == 367112
assert dials.run.get(14677060, 367112).ls_count
assert dials.lumi.get(dataset_id=14677060, run_number=367112, ls_number=10, retries=2).ls_number == 10
assert dials.h1d.get(dataset_id=14677060, run_number=367112, ls_number=10, me_id=1).data
assert dials.h2d.list_all(LumisectionHistogram2DFilters(me_id=100, dataset_id=14677060, run_number=367112, ls_number=78)).results
assert dials.mes.get(id=1).me_id == 1
assert {m.me: m.me_id for m in dials.mes.list(MEFilters(me__regex="charge_PXLayer"))}
assert [m for m in dials.mes.list_all(MEFilters(dim=2)) if m.dim == 2]
assert dials.dataset_index.list_all(DatasetIndexFilters(dataset__regex="ZeroBias")).results
assert dials.file_index.list(FileIndexFilters(dataset_id=14677060)).results[0].logical_file_name
assert dials.oms.query(endpoint="runs", filters=[OMSFilter(attribute_name="run_number", value=367112, operator="EQ")])["data"][0]["attributes"]
assert dials.oms.query(endpoint="lumisections", filters=[OMSFilter(attribute_name="run_number", value=367112, operator="EQ")], pages=[OMSPage(attribute_name="limit", value=5)])["data"]
assert dials.workspace.list() and dials.workspace.my_workspace()
assert jetmet.ml_models_index.list_all(MLModelsIndexFilters(active=True)).results[-1].revision
assert jetmet.ml_models_index.get(model_id=1).id == 1
assert jetmet.ml_models_index.get(model_id=1).model_id == 1
assert jetmet.ml_bad_lumis.cert_json(model_id__in=[19], dataset_id__in=[15102369], run_number__in=[386951])
assert jetmet.ml_bad_lumis.golden_json(model_id__in=[19], dataset_id__in=[15102369], run_number__in=[386951])
frames = [dials.h1d.list_all(LumisectionHistogram1DFilters(me_id=i, dataset_id=14677060, run_number=367112, ls_number=78)).to_pandas() for i in (1, 2)]; assert len(pd.concat(frames, ignore_index=True)) == 2
try:\n    dials.run.get(dataset_id=1, run_number=1)\nexcept Exception as error:\n    assert "404" in str(error)
"""

RESULTS = r"""
assert len(runs.results) == 10
assert [row.run_number for row in runs.results]
assert runs.next.startswith("http")
assert runs.exc_type is None and runs.exc_formatted is None
assert list(runs.dict()) == ["next", "previous", "results", "exc_type", "exc_formatted"]
assert pd.DataFrame(runs.dict()["results"]).shape == runs.to_pandas().shape
assert runs.model_dump()["results"][0]["run_number"] == runs.results[0].run_number
import json; assert len(json.loads(runs.model_dump_json())["results"]) == 10
import json; assert len(json.loads(runs.json())["results"]) == 10
assert set(type(runs).model_fields) == {"next", "previous", "results", "exc_type", "exc_formatted"}
from cmsdials.clients.run.models import PaginatedRunList; assert isinstance(runs, PaginatedRunList)
from cmsdials.clients.h1d.models import PaginatedLumisectionHistogram1DList as P; assert isinstance(h1d, P) and not isinstance(runs, P)
from cmsdials.clients.run.models import PaginatedRunList as P; both = P(next=None, previous=None, results=runs.results + runs.results); assert len(both.to_pandas()) == 20
def read(query: cmsdials.clients.h1d.models.PaginatedLumisectionHistogram1DList) -> pd.DataFrame: return query.to_pandas()\nassert len(read(h1d)) == 3
copied = runs.copy(update={"results": runs.results[:2]}); assert (len(copied.results), len(runs.results)) == (2, 10)
runs.results.sort(key=lambda row: row.ls_count); runs.results = runs.results[:3]; assert len(runs.to_pandas()) == 3
"""

ROWS = r"""
assert row.run_number == 367112 and row.me_id == 1
assert row.__dict__["x_bin"] == 200
assert pd.DataFrame([r.__dict__ for r in h1d.results]).shape[0] == 3
assert row.dict()["data"] == row.data
assert "data" not in row.dict(exclude={"data"})
assert row.model_dump()["data"] == row.data
assert set(row.model_dump(include={"me", "ls_number"})) == {"me", "ls_number"}
import json; assert json.loads(row.model_dump_json())["data"] == row.data
import json; assert json.loads(row.json())["me"] == row.me
assert row.copy(update={"ls_number": 0}).ls_number == 0 and row.ls_number
assert row.model_copy() == row and row.model_copy(deep=True).data == row.data
assert list(type(row).model_fields)[:2] == ["dataset", "me"]
from cmsdials.clients.h1d.models import LumisectionHistogram1D; assert isinstance(row, LumisectionHistogram1D)
from cmsdials.clients.run.models import Run; assert isinstance(runs.results[0], Run)
from cmsdials.clients.run.models import Run; assert Run(dataset_id=1, dataset="/a/b/c", run_number=2, ls_count=3).ls_count == 3
from datetime import datetime; d = dials.dataset_index.list().results[0]; assert isinstance(d.model_dump()["last_modification_date"], datetime) and isinstance(d.model_dump(mode="json")["last_modification_date"], str)
edges = np.linspace(row.x_min, row.x_max, int(row.x_bin) + 1); assert len(edges) == len(row.data) + 1
assert {**dict(row)}["run_number"] == 367112
import pickle; assert pickle.loads(pickle.dumps(row)) == row
print(row); str(runs); repr(h1d)
"""

FRAMES = r"""
df = h1d.to_pandas(); assert list(df.columns)[:4] == ["dataset", "me", "dataset_id", "file_id"]
df = h1d.to_pandas(); assert np.array(df["data"].tolist()).shape == (3, 200)
df = h1d.to_pandas(); assert len(df["data"][0]) == 200 and df["data"][0][30] >= 0
df = h1d.to_pandas(); df = df.sort_values(["run_number", "ls_number"]).reset_index(drop=True); assert df.index[0] == 0
df = h1d.to_pandas(); df["data"] = df["data"].apply(np.array); assert np.stack(df["data"].to_numpy()).shape == (3, 200)
df = h1d.to_pandas(); df.to_parquet(folder + "/a.parquet"); assert len(pd.read_parquet(folder + "/a.parquet")) == 3
df = h2d.to_pandas(); assert np.array(df["data"].tolist()).ndim == 3
df = h2d.to_pandas(); assert np.dstack([np.array([*cell]) for cell in df["data"]]).transpose(2, 0, 1).shape[0] == len(df)
df = h1d.to_pandas(); assert df[df["ls_number"].isin([1, 2])].shape[0] == 2
df = h1d.to_pandas(); assert df.groupby("me")["entries"].sum().shape == (1,)
df = h1d.to_pandas(); assert df.drop(columns=["data"]).drop_duplicates().shape[0] == 3
df = runs.to_pandas().merge(dials.dataset_index.list_all().to_pandas(), on="dataset_id", suffixes=("", "_y")); assert len(df) == 10
df = dials.run.list_all(RunFilters(run_number=1)).to_pandas(); assert list(df["run_number"]) == []
df = pd.DataFrame([m.dict() for m in dials.mes.list()]); assert df.set_index("me")["me_id"].is_unique
"""

SUBCLASSES = """
class Uploader(BaseAPIClient):
    default_timeout = 30
    lookup_url = "minio/"

    def __init__(self, creds, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.creds = creds

    def _build_headers(self):
        base = {"Accept": "application/json", "User-Agent": self._build_user_agent()}
        self.creds.before_request(base)
        return base

uploader = Uploader(creds, base_url=url.rstrip("/"))
assert uploader.api_url + uploader.lookup_url == url + "api/v1/minio/"
assert uploader._build_headers()["X-CLIENT-SECRET"] == secret
assert "cmsdials/" in uploader._build_headers()["User-Agent"]
---
class Own(BaseAuthorizedPaginatedAPIClient):
    lookup_url = "run/"

own = Own(creds, "tracker", base_url=url)
assert len(own.list_all(RunFilters(dataset_id=14677060), max_pages=2).results) == 20
assert own._build_headers()["Workspace"] == "tracker"
---
class Fixed(BaseCredentials):
    def apply(self, headers):
        headers["X-CLIENT-SECRET"] = secret

    def refresh(self):
        raise AssertionError

assert Dials(Fixed(), "tracker", url).run.list().results
assert Fixed().token_state is TokenState.FRESH and not Fixed().expired
---
class Renewed(BaseCredentials):
    def apply(self, headers):
        headers["X-CLIENT-SECRET"] = self.token

    def refresh(self):
        self.token, self.expires_at = secret, later

renewed = Renewed()
renewed.expires_at = earlier
assert renewed.token_state is TokenState.EXPIRED
assert Dials(renewed, "tracker", url).run.list().results
"""

GROUPS = {
    "import": IMPORTS,
    "construct": CONSTRUCTION,
    "login": LOGINS,
    "filter": FILTERS,
    "list": LISTS,
    "result": RESULTS,
    "row": ROWS,
    "frame": FRAMES,
}
IDIOMS = [
    pytest.param(line.replace("\\n", "\n"), id=f"{group}-{number}")
    for group, lines in GROUPS.items()
    for number, line in enumerate(lines.strip().splitlines())
] + [
    pytest.param(code.strip(), id=f"subclass-{number}") for number, code in enumerate(SUBCLASSES.split("---"))
]

BY_HAND = {
    "import requests; assert issubclass(type(failed), requests.HTTPError)": "except requests.HTTPError",
    "assert failed.response.status_code == 404": "error.response.status_code",
    "dials.run._authorized_get(dials.run.api_url)": "_requests_get_retriable",
    "from cmsdials.utils.api_client import BaseAPIClient; BaseAPIClient._requests_get_retriable(url)": "_requests_get_retriable",
    "dials.h1d.get(14677060, 367112, 10, 1, 5)": "get(14677060, 367112, 10, 1, retries)",
    "assert [name for name, value in runs][0] == 'next'": "for name, value in result",
    "assert runs.next.host": "result.next.host",
    "from pydantic import BaseModel; assert isinstance(row, BaseModel)": "isinstance(row, pydantic.BaseModel)",
    "assert dials.run.get(14677060, 367112).model_fields['run_number'].metadata": "model_json_schema",
    "RunFilters.model_json_schema()": "model_json_schema",
    "assert h1d.to_pandas()['data'][0] == row.data": "cell == other",
    "import pickle, base64; pickle.loads(base64.b64decode(PICKLED_LIST))": "a pickled result",
}
"""What has to be written otherwise -> the words of the page that name it."""

PICKLED_LIST = (
    "gAJjY21zZGlhbHMuY2xpZW50cy5ydW4ubW9kZWxzClBhZ2luYXRlZFJ1bkxpc3QKcQApgXEBfXECKFgIAAAAX19kaWN0X19xA31xBChYBA"
    "AAAG5leHRxBU5YCAAAAHByZXZpb3VzcQZOWAcAAAByZXN1bHRzcQddcQhjY21zZGlhbHMuY2xpZW50cy5ydW4ubW9kZWxzClJ1bgpxCSmB"
    "cQp9cQsoaAN9cQwoWAoAAABkYXRhc2V0X2lkcQ1KRPTfAFgHAAAAZGF0YXNldHEOWAYAAAAvWi9SL0RxD1gKAAAAcnVuX251bWJlcnEQSg"
    "iaBQBYCAAAAGxzX2NvdW50cRFLCVgPAAAAbHNfY29tcGxldGVuZXNzcRJOdVgSAAAAX19weWRhbnRpY19leHRyYV9fcRNOWBcAAABfX3B5"
    "ZGFudGljX2ZpZWxkc19zZXRfX3EUY19fYnVpbHRpbl9fCnNldApxFV1xFihoEGgOaBFoDWgSZYVxF1JxGFgUAAAAX19weWRhbnRpY19wcm"
    "l2YXRlX19xGU51YmFYCAAAAGV4Y190eXBlcRpOWA0AAABleGNfZm9ybWF0dGVkcRtOdWgTTmgUaBVdcRwoaAdoBmgFZYVxHVJxHmgZTnVi"
    "Lg=="
)
"""A result as 2.4.1 pickles it."""

BEFORE = """
from datetime import datetime, timedelta, timezone
import numpy as np
import pandas as pd
import cmsdials
from cmsdials import Dials
from cmsdials.auth._base import BaseCredentials, TokenState
from cmsdials.auth.models import Token
from cmsdials.filters import *
from cmsdials.utils.api_client import BaseAPIClient, BaseAuthorizedPaginatedAPIClient
dim = 1
earlier = datetime.now(timezone.utc) - timedelta(hours=1)
later = datetime.now(timezone.utc) + timedelta(hours=1)
token = Token(access_token="t", expires_in=3600, token_type="Bearer", expires_at=later, refresh_token="r", refresh_expires_in=3600, refresh_expires_at=later)
ONE = {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 3}
runs = dials.run.list(RunFilters(dataset_id=14677060))
h1d = dials.h1d.list_all(LumisectionHistogram1DFilters(me_id=1, **ONE))
h2d = dials.h2d.list_all(LumisectionHistogram2DFilters(me_id=100, **ONE))
row = h1d.results[0]
try:
    dials.run.get(dataset_id=1, run_number=1)
except Exception as error:
    failed = error
"""


@pytest.fixture(scope="module")
def clients(sandbox_now: Sandbox) -> Iterator[dict[str, Any]]:
    creds = Credentials(token=sandbox_now.secret)
    with (
        Dials(creds, "tracker", sandbox_now.url) as dials,
        Dials(creds, "jetmet", sandbox_now.url) as jetmet,
    ):
        yield {
            "dials": dials,
            "jetmet": jetmet,
            "creds": creds,
            "url": sandbox_now.url,
            "secret": sandbox_now.secret,
        }


@pytest.fixture
def script(clients: dict[str, Any], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The variables of a script that has begun."""
    variables = {**clients, "folder": str(tmp_path), "PICKLED_LIST": PICKLED_LIST}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        exec(BEFORE, variables)
        yield variables
    logging.getLogger("cmsdials").setLevel(logging.NOTSET)


@pytest.mark.parametrize("code", IDIOMS)
def test_it_runs_as_it_stands(script: dict[str, Any], code: str) -> None:
    exec(code, script)


@pytest.mark.parametrize("code", BY_HAND)
def test_the_page_says_what_to_write_instead(script: dict[str, Any], code: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  # which one it is, the code says
        exec(code, script)
    named = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if BY_HAND[code] in line]
    assert named, textwrap.shorten(code, 80)


def test_there_are_many_of_them_and_nine_in_ten_run() -> None:
    assert len(IDIOMS) >= 100
    assert len(IDIOMS) >= 9 * len(BY_HAND)
