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
    "an empty part of a list is none": ("run/count/?dataset_id__in=14781912,,14781977", 200, {"count": 4}),
    "nor is one at its end": ("run/count/?dataset_id__in=14781977,", 200, {"count": 1}),
    "a list of nothing but those matches nothing": ("run/count/?dataset_id__in=,", 200, {"count": 0}),
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
    "a cursor of half a letter": ("th1/?next_token=x", 404, {"detail": "Invalid cursor"}),
    "a cursor whose numbers are none": ("th1/?next_token=bz14", 404, {"detail": "Invalid cursor"}),
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
    "a cursor of another list": "th1/?next_token=cD0lNUIlMjIxNDY3NzA2MCUyMiU1RA%3D%3D",
    "a cursor of a list with a longer key": (
        "run/?next_token=cD0lNUIlMjIxNDY3NzA2MCUyMiUyQyslMjIzNjcxMTIlMjIlMkMrJTIyMSUyMiUyQyslMjIxJTIyJTVE"
    ),
    "a cursor whose position is no list": "run/?next_token=cD0x",
    "a cursor whose position is no JSON": "run/?next_token=cD14",
    "a cursor whose position is of words": "run/?next_token=cD0lNUIlMjJhJTIyJTJDJTIyYiUyMiU1RA%3D%3D",
    "an order by two fields": "run/?order_by=-ls_count,run_number",
    "an order by an unknown field": "run/?order_by=nothing",
    "an order by nothing": "run/?order_by=",
    "an order by a minus": "run/?order_by=-",
    "an order by the name of a dataset": "run/?order_by=dataset",
    "an order by the name of an ME": "th1/?order_by=me",
    "one wrong order of two": "run/?order_by=run_number&order_by=x",
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
    "another scheme": ({"Authorization": "Basic eDp5"}, 403, "token_not_valid"),
    "an empty header": ({"Authorization": ""}, 403, "token_not_valid"),
    "a wrong secret": ({"X-CLIENT-SECRET": "guess"}, 403, "token_not_valid"),
    "an empty secret": ({"X-CLIENT-SECRET": ""}, 403, "token_not_valid"),
    "a malformed token": ({"Authorization": "Bearer aaa.bbb.ccc"}, 500, None),
    "no token at all": ({"Authorization": "Bearer nonsense"}, 403, "token_not_valid"),
    "an empty token": ({"Authorization": "Bearer"}, 403, "token_not_valid"),
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


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["run/", "run/count/", "mes/", "mes/1/", "oms-proxy/"])
def test_wrong_method(either, path, method):
    response = either.client.request(method, path)
    assert response.status_code == 405
    options = ", OPTIONS" if either.sandbox.generation == "v1.12" else ""
    assert response.headers["Allow"] == f"GET, HEAD{options}"
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}


@pytest.mark.parametrize("path", ["run/", "mes/1/", "oms-proxy/", "auth/new-device/"])
def test_options(now, v112, path):
    assert now.client.request("OPTIONS", path).status_code == 405
    response = v112.client.request("OPTIONS", path)
    assert response.status_code == 200
    assert {"name", "description", "renders", "parses"} <= set(response.json())


@pytest.mark.parametrize("path", ["run/a/b/", "nothing/here/", "workspaces/x/"])
def test_no_such_path(now, v112, path):
    response = now.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    response = v112.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("token", ["%00", "YWJj", "bz0w", "cj0w", ""])
def test_a_cursor_without_a_position_is_the_first_page(either, token):
    first = either.json("run/", fields="run_number")
    answer = either.client.get(f"run/?fields=run_number&next_token={token}").json()
    assert answer["results"] == first["results"]
    assert answer["previous"] is None


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1"])
def test_truth_values(either, word):
    assert [row["active"] for row in either.json("ml-models-index/", "jetmet", active=word)["results"]] == [
        True
    ] * 2
    no = {"1": "0"}.get(word, word.replace("true", "false").replace("True", "False").replace("TRUE", "FALSE"))
    assert [row["active"] for row in either.json("ml-models-index/", "jetmet", active=no)["results"]] == [
        False
    ]


@pytest.mark.parametrize("word", ["yes", "on", "2", "t", ""])
def test_other_words_are_ignored(either, word):
    assert len(either.json("ml-models-index/", "jetmet", active=word)["results"]) == 3


def test_fields_of_a_single_row(either):
    row = either.json("run/14677060/367112/", fields=" run_number , ls_count,,nothing")
    assert row == {"run_number": 367112, "ls_count": row["ls_count"]}
    assert list(either.json("mes/1/", fields="me")) == ["me"]


def test_a_request_line_that_is_too_long(now, v112):
    def asked(asker, length):
        # GET, the path with its query, HTTP/1.1, and a blank between each.
        path = "/api/v1/run/count/?x="
        return asker.client.get(f"run/count/?x={'y' * (length - len(f'GET {path} HTTP/1.1'))}")

    assert asked(v112, 4094).status_code == 200
    response = asked(v112, 4095)
    assert (response.status_code, response.headers["Content-Type"]) == (400, "text/html")
    assert "4094" in response.text
    assert asked(now, 4095).status_code == 200


def test_head_has_no_body(either):
    response = either.client.head("run/")
    assert (response.status_code, response.content) == (200, b"")


def test_unknown_path_elsewhere_is_html(either):
    response = either.client.get(f"{either.sandbox.url}api/v2/run/")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_browser_gets_json_today(now):
    response = now.client.get("run/", headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["run/", "run/1/2/", "oms-proxy/", "th1/?run_number=x"])
def test_v112_breaks_for_a_browser(v112, path):
    response = v112.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 500
    assert response.headers["Content-Type"].startswith("text/html")
    assert "Server Error (500)" in response.text


@pytest.mark.parametrize("accepted", ["text/csv", "application/xml", "image/*"])
def test_v112_has_no_other_types(v112, accepted):
    response = v112.client.get("run/", headers={"Accept": accepted})
    assert response.status_code == 406
    assert set(response.json()) == {"detail"}


@pytest.mark.parametrize(
    "accepted", ["*/*", "application/json", "application/*", "text/html;q=0.1, */*;q=0.9"]
)
def test_v112_takes_what_json_is_among(v112, accepted):
    status = v112.client.get("run/", headers={"Accept": accepted}).status_code
    assert status == (500 if accepted.startswith("text/html") else 200)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate", "gzip"), ("identity", None), ("gzip;q=0", None), ("br, gzip;q=0.5", "gzip")],
)
def test_gzip_for_who_accepts_it(either, accepted, encoding):
    response = either.client.get("run/", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in response.headers["Vary"]
    assert len(response.json()["results"]) == 10


def test_v112_compresses_every_length_and_pages_too(now, v112):
    for path, status in (
        ("run/count/", 200),
        ("run/1/2/", 404),
        ("run/?dataset__regex=(", 500),
        ("nothing/", 404),
    ):
        response = v112.client.get(path)
        assert (response.status_code, response.headers["Content-Encoding"]) == (status, "gzip")
    assert "Content-Encoding" not in now.get("run/count/").headers


def test_the_document_needs_no_credentials(anonymous, now):
    response = anonymous.get(f"{now.sandbox.url}static/swagger.json")
    assert response.headers["Content-Type"] == "application/json"
    if response.status_code == 404:
        assert "contract.json" in response.json()["detail"]
    else:
        assert response.json()["openapi"].startswith("3.")
