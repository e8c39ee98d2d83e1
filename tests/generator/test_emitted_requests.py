"""What the emitted `request` functions send: the names of the wire, and only what was given."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest
from cmsdials_api import operations
from cmsdials_api.api.auth import get_device_token
from cmsdials_api.api.dataset_index import list_dataset_index
from cmsdials_api.api.h1d import get_h1d, list_h1d
from cmsdials_api.api.mes import list_mes
from cmsdials_api.api.ml_bad_lumis import (
    get_cert_json,
    get_cert_json_v1_12,
    get_ml_bad_lumis,
    get_ml_bad_lumis_v1_12,
)
from cmsdials_api.api.ml_models_index import list_ml_models_index
from cmsdials_api.api.oms import query_oms
from cmsdials_api.api.run import count_run
from cmsdials_api.api.workspaces import list_workspaces
from cmsdials_api.models import CertificationQuery, DeviceCode
from cmsdials_api.resources import RESOURCES
from cmsdials_api.types import UNSET, RequestArguments, comma_joined, deep_object

ML = "/api/v1/ml-bad-lumisection/"
SENT = {
    "nothing given": (
        list_h1d.request(),
        {"method": "GET", "url": "/api/v1/th1/", "params": {}, "headers": {}},
    ),
    "filters by their names on the wire": (
        list_h1d.request(
            run_number=367112, ls_number__gte=1, me__regex="PXBarrel", entries__gte=100, page_size=500
        ),
        {
            "method": "GET",
            "url": "/api/v1/th1/",
            "params": {
                "page_size": 500,
                "run_number": 367112,
                "ls_number__gte": 1,
                "entries__gte": 100,
                "me__regex": "PXBarrel",
            },
            "headers": {},
        },
    ),
    "an order by repeating its name": (
        list_dataset_index.request(order_by=["-era", "dataset_id"]),
        {
            "method": "GET",
            "url": "/api/v1/dataset-index/",
            "params": {"order_by": ["-era", "dataset_id"]},
            "headers": {},
        },
    ),
    "None and UNSET are not sent, 0 and the empty text are": (
        list_h1d.request(run_number=None, ls_number=UNSET, me_id=0, me="", workspace=None),
        {"method": "GET", "url": "/api/v1/th1/", "params": {"me_id": 0, "me": ""}, "headers": {}},
    ),
    "booleans": (
        list_ml_models_index.request(active=True, ready=False),
        {
            "method": "GET",
            "url": "/api/v1/ml-models-index/",
            "params": {"active": True, "ready": False},
            "headers": {},
        },
    ),
    "lists are joined": (
        list_h1d.request(fields=["me", "data"]),
        {"method": "GET", "url": "/api/v1/th1/", "params": {"fields": "me,data"}, "headers": {}},
    ),
    "lists of numbers are joined": (
        get_cert_json_v1_12.request(
            model_id__in=(20, 19), dataset_id__in=[15042670], run_number__in=range(2)
        ),
        {
            "method": "GET",
            "url": ML + "cert-json/",
            "params": {"model_id__in": "20,19", "dataset_id__in": "15042670", "run_number__in": "0,1"},
            "headers": {},
        },
    ),
    "the workspace is a header": (
        list_dataset_index.request(workspace="jetmet"),
        {
            "method": "GET",
            "url": "/api/v1/dataset-index/",
            "params": {},
            "headers": {"Workspace": "jetmet"},
        },
    ),
    "path parameters in their order": (
        get_h1d.request(14677060, 367112, 10, 96),
        {"method": "GET", "url": "/api/v1/th1/14677060/367112/10/96/", "headers": {}},
    ),
    "path parameters by name": (
        get_ml_bad_lumis.request(ls_number=36, run_number=386951, dataset_id=15102369, model_id=19),
        {"method": "GET", "url": ML + "19/15102369/386951/36/", "headers": {}},
    ),
    "the path of the other generation": (
        get_ml_bad_lumis_v1_12.request(19, 15102369, 386951, 36, 1),
        {"method": "GET", "url": ML + "19/15102369/386951/36/1/", "headers": {}},
    ),
    "path parameters are quoted": (
        get_h1d.request("a/../b", "?x=1", "#", "é %"),
        {"method": "GET", "url": "/api/v1/th1/a%2F..%2Fb/%3Fx%3D1/%23/%C3%A9%20%25/", "headers": {}},
    ),
    "a count": (
        count_run.request(dataset_id__in=[1, 2], run_number=3),
        {
            "method": "GET",
            "url": "/api/v1/run/count/",
            "params": {"run_number": 3, "dataset_id__in": "1,2"},
            "headers": {},
        },
    ),
    "OMS filters and pages": (
        query_oms.request(
            endpoint="lumisections",
            filter={"run_number": {"EQ": 382921}, "lumisection_number": {"GE": 1, "LE": 9}},
            page={"limit": 100, "offset": 0},
        ),
        {
            "method": "GET",
            "url": "/api/v1/oms-proxy/",
            "params": {
                "endpoint": "lumisections",
                "filter[run_number][EQ]": 382921,
                "filter[lumisection_number][GE]": 1,
                "filter[lumisection_number][LE]": 9,
                "page[limit]": 100,
                "page[offset]": 0,
            },
        },
    ),
    "OMS without filters": (
        query_oms.request(endpoint="runs"),
        {"method": "GET", "url": "/api/v1/oms-proxy/", "params": {"endpoint": "runs"}},
    ),
    "a body": (
        get_cert_json.request(
            body=CertificationQuery(model_id__in=[19], dataset_id__in=[], run_number__in=[385764]),
            workspace="jetmet",
        ),
        {
            "method": "POST",
            "url": ML + "cert-json/",
            "headers": {"Workspace": "jetmet"},
            "json": {"model_id__in": [19], "dataset_id__in": [], "run_number__in": [385764]},
        },
    ),
    "a body alone": (
        get_device_token.request(body=DeviceCode(device_code="abc")),
        {"method": "POST", "url": "/api/v1/auth/device-token/", "json": {"device_code": "abc"}},
    ),
    "neither parameters nor body": (
        list_workspaces.request(),
        {"method": "GET", "url": "/api/v1/workspaces/"},
    ),
}


@pytest.mark.parametrize(("made", "expected"), SENT.values(), ids=SENT.keys())
def test_request(made: RequestArguments, expected: dict[str, Any]) -> None:
    assert made == expected


def test_httpx_sends_it_so() -> None:
    made = list_ml_models_index.request(id__in=[20, 19], active=True, name__regex="a b+&c")
    url = httpx.Client(base_url="https://dials").build_request(**made).url
    assert str(url) == (
        "https://dials/api/v1/ml-models-index/?active=true&id__in=20%2C19&name__regex=a+b%2B%26c"
    )


def test_httpx_sends_oms_filters_so() -> None:
    made = query_oms.request(endpoint="runs", filter={"run_number": {"EQ": 1}})
    url = httpx.Client(base_url="https://dials").build_request(**made).url
    assert dict(url.params) == {"endpoint": "runs", "filter[run_number][EQ]": "1"}


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([1], "1"), ([1, "b", 2.5], "1,b,2.5"), ("me,data", "me,data"), (iter("ab"), "a,b")],
    ids=["none", "one", "several", "text", "iterator"],
)
def test_comma_joined(values: Any, text: str) -> None:
    assert comma_joined(values) == text


def test_deep_object() -> None:
    assert deep_object("f", {"a": 1, "b": {"EQ": "x", "c": {"d": True}}}) == {
        "f[a]": 1,
        "f[b][EQ]": "x",
        "f[b][c][d]": True,
    }


def test_a_name_that_the_operation_does_not_take_is_an_error() -> None:
    with pytest.raises(TypeError, match="run_numer"):
        list_h1d.request(run_numer=1)


def test_parameters_other_than_of_the_path_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        list_mes.request("PXBarrel")


def test_docstrings_describe_every_parameter() -> None:
    documented = inspect.getdoc(list_h1d.request) or ""
    assert [
        name for name in inspect.signature(list_h1d.request).parameters if f"\n    {name}: " not in documented
    ] == []


@pytest.mark.parametrize("name", RESOURCES)
def test_the_table_of_resources_is_true(name: str) -> None:
    """What the overlay builds on: the filters are what the list takes, the keys are what `get` takes."""
    resource = RESOURCES[name]
    listed = dict.fromkeys(inspect.signature(resource.list.function).parameters)
    listed.pop("workspace")
    assert list(resource.filters.PARAMETERS) == list(listed)
    assert resource.list()["url"] == resource.path
    for get, keys in ((resource.get, resource.keys), (resource.get_v1_12, resource.keys_v1_12)):
        if get is not None:
            assert [*inspect.signature(get.function).parameters] == [*keys, "workspace"]
    if resource.count is not None:
        assert [*inspect.signature(resource.count.function).parameters] == [*resource.countable, "workspace"]


def test_the_resources_are_those_of_the_service() -> None:
    found = {
        name: (one.record.__name__, one.keys, one.paginated, one.count is not None)
        for name, one in RESOURCES.items()
    }
    lumi = ("dataset_id", "run_number", "ls_number")
    assert found == {
        "dataset_index": ("DatasetIndex", ("dataset_id",), True, False),
        "file_index": ("FileIndex", ("dataset_id", "file_id"), True, True),
        "mes": ("MonitoringElement", ("me_id",), False, False),
        "run": ("Run", ("dataset_id", "run_number"), True, True),
        "lumi": ("Lumisection", lumi, True, True),
        "h1d": ("LumisectionHistogram1D", (*lumi, "me_id"), True, False),
        "h2d": ("LumisectionHistogram2D", (*lumi, "me_id"), True, False),
        "ml_models_index": ("MLModelsIndex", ("model_id",), True, False),
        "ml_bad_lumis": ("MLBadLumisection", ("model_id", *lumi), True, False),
    }


@pytest.mark.parametrize(
    "statement",
    [
        "import cmsdials_api.resources",
        "from cmsdials_api.resources import RESOURCES; [one.keys for one in RESOURCES.values()]",
        "from cmsdials_api import operations; operations.__all__",
    ],
)
def test_the_tables_load_nothing_of_what_they_name(statement: str) -> None:
    """A script waits neither for the HTTP library nor for the operations that it does not use."""
    program = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    named = (
        "httpx",
        "cmsdials_api.api",
        "cmsdials_api.client",
        "cmsdials_api.models",
        "cmsdials_api.filters",
    )
    assert [module for module in loaded if module.startswith(named)] == []


def test_one_request_loads_one_operation() -> None:
    program = (
        "from cmsdials_api.resources import RESOURCES; print(RESOURCES['run'].get(1, 2)['url'])\n"
        "import sys; print(*(one for one in sys.modules if one.startswith('cmsdials_api.api.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["/api/v1/run/1/2/", "cmsdials_api.api.run", "cmsdials_api.api.run.get_run"]


def test_requests_are_made_without_the_http_library() -> None:
    program = (
        "from cmsdials_api import operations\n"
        "for name in operations.__all__: getattr(operations, name)\n"
        "print(operations.list_run.request(run_number=1)['params'])\n"
        "import sys; print([one for one in ('httpx', 'cmsdials_api.client') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["{'run_number': 1}", "[]"]


def test_a_resource_pickles_and_copies() -> None:
    resource = RESOURCES["run"]
    for again in (pickle.loads(pickle.dumps(resource)), copy.deepcopy(resource)):
        assert again == resource
        assert again.list(run_number=3) == resource.list(run_number=3)


def test_every_operation_has_its_name() -> None:
    found = [getattr(operations, name) for name in operations.__all__]
    assert all(isinstance(one, ModuleType) and callable(one.request) for one in found)
    assert operations.list_h1d is list_h1d
    assert operations.query_oms is query_oms
    assert len({one.__name__ for one in found}) == len(found)


def test_an_operation_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'list_h3d'"):
        _ = operations.list_h3d


def test_every_operation_can_be_sent_in_four_ways() -> None:
    module = importlib.import_module("cmsdials_api.api.run.get_run")
    assert [inspect.iscoroutinefunction(getattr(module, way)) for way in ("sync", "sync_detailed")] == [
        False
    ] * 2
    assert [inspect.iscoroutinefunction(getattr(module, way)) for way in ("asyncio", "asyncio_detailed")] == [
        True
    ] * 2
