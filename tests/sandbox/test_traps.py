"""What bites the users of DIALS bites here too: one row for each fact of the service."""

import pytest

TRAPS = {
    "an unknown query name is ignored": ("run/count/?run_numbr=1", 200, {"count": 56}),
    "a repeated name keeps the last value": (
        "run/count/?dataset_id__in=14677060&dataset_id__in=14781977",
        200,
        {"count": 1},
    ),
    "lists are separated by commas": ("run/count/?dataset_id__in=14781912,14781977", 200, {"count": 4}),
    "an empty value filters nothing": ("run/count/?run_number=", 200, {"count": 56}),
    "a number no column can hold matches nothing": ("run/count/?run_number=1e30", 200, {"count": 0}),
    "nor does a list of them": (f"run/count/?dataset_id__in={10**30}", 200, {"count": 0}),
    "a word for a number": ("run/?run_number=abc", 400, {"run_number": ["Enter a number."]}),
    "a word in a list of numbers": ("run/?dataset_id__in=1,x", 400, {"dataset_id__in": ["Enter a number."]}),
    "two wrong ones": (
        "th1/?run_number=x&me_id=y",
        400,
        {"run_number": ["Enter a number."], "me_id": ["Enter a number."]},
    ),
    "a wrong one when counting": ("file-index/count/?min_size=big", 400, {"min_size": ["Enter a number."]}),
    "a truth value that is none is ignored": ("ml-models-index/?active=perhaps&fields=none", 200, None),
    "no such dataset": ("dataset-index/1/", 404, {"detail": "No DatasetIndex matches the given query."}),
    "no such file": ("file-index/1/2/", 404, {"detail": "No FileIndex matches the given query."}),
    "no such ME": ("mes/99999/", 404, {"detail": "No MEs matches the given query."}),
    "no such run": ("run/1/2/", 404, {"detail": "No Run matches the given query."}),
    "no such lumisection": ("lumisection/1/2/3/", 404, {"detail": "No Lumisection matches the given query."}),
    "no such TH1": ("th1/1/2/3/4/", 404, {"detail": "No TH1 matches the given query."}),
    "a TH2 is no TH1": ("th1/14677060/367112/10/100/", 404, {"detail": "No TH1 matches the given query."}),
    "no such TH2": ("th2/1/2/3/4/", 404, {"detail": "No TH2 matches the given query."}),
    "an id no column can hold": (f"run/{10**30}/1/", 404, {"detail": "No Run matches the given query."}),
    "no such model": ("ml-models-index/99/", 404, {"detail": "No MLModelsIndex matches the given query."}),
    "a cursor that is no base64": ("th1/?next_token=%C3%A9", 404, {"detail": "Invalid cursor"}),
    "a cursor that is no JSON": ("th1/?next_token=abcd", 404, {"detail": "Invalid cursor"}),
    "a cursor of another list": (
        "th1/?next_token=WzAsImRhdGFzZXRfaWQiLDFd",
        404,
        {"detail": "Invalid cursor"},
    ),
    "a cursor of another shape": ("th1/?next_token=e30", 404, {"detail": "Invalid cursor"}),
    "an id that is no number": ("run/a/b/", 404, {"detail": "Not found."}),
    "a path nobody knows": ("nothing/here/", 404, {"detail": "Not found."}),
}


@pytest.mark.parametrize(("path", "status", "body"), TRAPS.values(), ids=TRAPS.keys())
def test_answer(either, path, status, body):
    response = either.get(path) if "?" not in path else either.client.get(path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    if body is not None:
        assert response.json() == body


BREAKDOWNS = {
    "a bad regex on a column": "dataset-index/?dataset__regex=(",
    "a bad regex on the name of a dataset": "run/?dataset__regex=*",
    "a bad regex on the name of an ME": "th2/?me__regex=[",
    "a bad regex on the name of a file": "th1/?logical_file_name__regex=(?P<",
    "a bad regex when counting": "run/count/?dataset__regex=(",
    "a bad regex that no row would meet": "run/?run_number=1&dataset__regex=(",
    "an unknown run's MEs": "mes/14677060/1/",
    "an unknown dataset's MEs": "mes/1/367112/",
}


@pytest.mark.parametrize("path", BREAKDOWNS.values(), ids=BREAKDOWNS.keys())
def test_breaks_with_html(either, path):
    response = either.client.get(path)
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "text/html"
    assert "Server Error (500)" in response.text


REFUSALS = {
    "nothing": ({}, 403, "authorization_not_found"),
    "another scheme": ({"Authorization": "Basic eDp5"}, 403, "authorization_not_found"),
    "a wrong secret": ({"X-CLIENT-SECRET": "guess"}, 403, "token_not_valid"),
    "an empty secret": ({"X-CLIENT-SECRET": ""}, 403, "token_not_valid"),
    "an unknown token": ({"Authorization": "Bearer aaa.bbb.ccc"}, 403, "token_not_valid"),
    "a malformed token": ({"Authorization": "Bearer nonsense"}, 500, None),
    "an empty token": ({"Authorization": "Bearer"}, 500, None),
}


@pytest.mark.parametrize(("headers", "status", "code"), REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("path", ["run/", "run/14677060/367112/", "oms-proxy/", "caf/", "workspaces/"])
def test_refuses(anonymous, path, headers, status, code):
    response = anonymous.get(path, headers=headers)
    assert response.status_code == status
    if code is None:
        assert response.headers["Content-Type"] == "text/html"
    else:
        assert response.json()["code"] == code
        assert set(response.json()) == {"detail", "code"}


@pytest.mark.parametrize("workspace", ["x", "Tracker", "../tracker"])
def test_unknown_workspace(either, workspace):
    response = either.get("run/", workspace)
    assert response.status_code == 404
    assert response.json() == {"detail": f"Workspace '{workspace}' not found"}


def test_default_workspace_is_tracker(either):
    assert either.json("run/count/") == either.json("run/count/", "tracker")


def test_workspaces_are_databases_of_their_own(either):
    names = {}
    for workspace in either.sandbox.databases:
        names[workspace] = {row["me"] for row in either.json("mes/", workspace)}
        assert names[workspace]
    assert not names["jetmet"] & names["csc"]


def test_third_parties_ignore_the_workspace(either):
    assert either.get("oms-proxy/", "nowhere", endpoint="runs").status_code == 200


@pytest.mark.parametrize("path", ["run", "run/count", "th1/14677060/367112/10/1", "oms-proxy", "mes?dim=1"])
def test_missing_slash_is_redirected(either, path):
    response = either.client.get(path)
    assert response.status_code == 301
    assert response.headers["Location"].split("?")[0].endswith(path.split("?")[0] + "/")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["run/", "run/count/", "mes/", "mes/1/", "oms-proxy/"])
def test_wrong_method(either, path, method):
    response = either.client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}


def test_head_has_no_body(either):
    response = either.client.head("run/")
    assert (response.status_code, response.content) == (200, b"")


def test_unknown_path_elsewhere_is_html(either):
    response = either.client.get(f"{either.sandbox.url}api/v2/run/")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_browser_gets_json_too(either):
    response = either.client.get("run/", headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate", "gzip"), ("identity", None), ("gzip;q=0", None), ("br, gzip;q=0.5", "gzip")],
)
def test_gzip_for_who_accepts_it(either, accepted, encoding):
    response = either.client.get("run/", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(response.json()["results"]) == 10


def test_the_document_needs_no_credentials(anonymous, now):
    response = anonymous.get(f"{now.sandbox.url}static/swagger.json")
    assert response.headers["Content-Type"] == "application/json"
    if response.status_code == 404:
        assert "contract.json" in response.json()["detail"]
    else:
        assert response.json()["openapi"].startswith("3.")
