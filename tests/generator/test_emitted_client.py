"""The emitted client and what its operations make of answers, without a socket."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cmsdials_api import AuthenticatedClient, Client
from cmsdials_api.api.auth import get_device_token, start_device_login
from cmsdials_api.api.document import get_api_document
from cmsdials_api.api.mes import list_mes
from cmsdials_api.api.ml_bad_lumis import get_golden_json
from cmsdials_api.api.run import count_run, get_run, list_run
from cmsdials_api.api.runregistry import list_editable_datasets
from cmsdials_api.api.workspaces import list_workspaces
from cmsdials_api.errors import ApiError, MalformedAnswer, UnexpectedStatus
from cmsdials_api.models import (
    CertificationQuery,
    Count,
    DeviceCode,
    DeviceToken,
    Error,
    MonitoringElement,
    Run,
    RunPage,
    ValidationErrors,
)

Json = Any
Handler = Callable[[httpx.Request], httpx.Response]

SECRET = "s3cret"
RUN = {"dataset_id": 14677060, "dataset": "/a/b/c", "run_number": 367112, "ls_count": 3}
HTML = b"<html><h1>Server Error (500)</h1></html>"


def client_of(handler: Handler) -> AuthenticatedClient:
    return AuthenticatedClient(
        base_url="https://dials", token=SECRET, httpx_args={"transport": httpx.MockTransport(handler)}
    )


def answering(status: int, content: Json) -> AuthenticatedClient:
    """A client of a service with one answer: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client_of(lambda _: httpx.Response(status, content=body, headers={"X-Cache": "hit"}))


# The client


@pytest.mark.parametrize(
    "client",
    [
        AuthenticatedClient(base_url="https://dials", token=SECRET),
        AuthenticatedClient(
            base_url="https://dials", token=SECRET, prefix="", auth_header_name="X-CLIENT-SECRET"
        ),
        Client(base_url="https://dials", headers={"X-CLIENT-SECRET": SECRET}),
        AuthenticatedClient(base_url="https://dials", token="", headers={"Authorization": SECRET}),
        Client(base_url="https://dials", httpx_args={"auth": ("me", SECRET)}),
    ],
)
def test_repr_hides_secrets(client: Client) -> None:
    assert "https://dials" in repr(client)
    assert SECRET not in repr(client)
    assert SECRET not in str(client)


def test_repr_hides_secrets_once_connected() -> None:
    client = AuthenticatedClient(base_url="https://dials", token=SECRET)
    client.get_httpx_client()
    assert SECRET not in repr(client)


def test_a_bearer_token_is_sent() -> None:
    sent = AuthenticatedClient(base_url="https://dials", token=SECRET).get_httpx_client().headers
    assert sent["Authorization"] == f"Bearer {SECRET}"


def test_the_secret_of_an_application_is_sent() -> None:
    client = AuthenticatedClient(
        base_url="https://dials", token=SECRET, prefix="", auth_header_name="X-CLIENT-SECRET"
    )
    sent = client.get_httpx_client().headers
    assert sent["X-CLIENT-SECRET"] == SECRET
    assert "Authorization" not in sent


def test_headers_do_not_override_the_token() -> None:
    client = AuthenticatedClient(base_url="https://dials", token=SECRET, headers={"Authorization": "other"})
    assert client.all_headers() == {"Authorization": f"Bearer {SECRET}"}


def test_with_headers_leaves_a_used_client_alone() -> None:
    original = AuthenticatedClient(base_url="https://dials", token=SECRET, headers={"A": "1"})
    used = original.get_httpx_client()
    further = original.with_headers({"B": "2"})
    assert original.headers == {"A": "1"}
    assert original.get_httpx_client() is used
    assert "B" not in used.headers
    assert further.headers == {"A": "1", "B": "2"}
    assert further.get_httpx_client().headers["B"] == "2"
    assert (type(further), further.token) == (AuthenticatedClient, SECRET)


def test_with_timeout_leaves_a_used_client_alone() -> None:
    original = Client(base_url="https://dials")
    used = original.get_httpx_client()
    assert original.with_timeout(httpx.Timeout(1)).get_httpx_client().timeout == httpx.Timeout(1)
    assert used.timeout == httpx.Timeout(30)


def test_headers_given_are_not_changed() -> None:
    given = {"A": "1"}
    AuthenticatedClient(base_url="https://dials", token=SECRET, headers=given).get_httpx_client()
    assert given == {"A": "1"}


@pytest.mark.parametrize(
    ("given", "expected"), [({}, 30.0), ({"timeout": httpx.Timeout(5.0)}, 5.0), ({"timeout": None}, None)]
)
def test_the_timeout_is_30_seconds_unless_told(given: Json, expected: float | None) -> None:
    client = Client(base_url="https://dials", **given)
    assert client.get_httpx_client().timeout == httpx.Timeout(expected)
    assert client.get_async_httpx_client().timeout == httpx.Timeout(expected)


def test_one_connection_pool_serves_all_requests() -> None:
    client = answering(200, {"count": 1})
    assert client.get_httpx_client() is client.get_httpx_client()
    assert client.get_async_httpx_client() is client.get_async_httpx_client()


def test_certificates_are_checked_unless_told() -> None:
    assert Client(base_url="https://dials").verify_ssl is True
    context = ssl.create_default_context()
    assert Client(base_url="https://dials", verify_ssl=context).verify_ssl is context


def test_a_client_is_closed_after_its_block() -> None:
    with answering(200, {"count": 1}) as client:
        count_run.sync(client=client)
    assert client.get_httpx_client().is_closed


def test_an_asynchronous_client_is_closed_after_its_block() -> None:
    async def use() -> AuthenticatedClient:
        async with answering(200, {"count": 1}) as client:
            await count_run.asyncio(client=client)
        return client

    assert asyncio.run(use()).get_async_httpx_client().is_closed


# Requests


def test_a_request_goes_out_with_credentials_and_workspace() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"next": None, "previous": None, "results": []})

    list_run.sync(client=client_of(handler), run_number=367112, dataset_id__in=[1, 2], workspace="jetmet")
    (request,) = seen
    assert (request.method, str(request.url.copy_with(query=None))) == ("GET", "https://dials/api/v1/run/")
    assert dict(request.url.params) == {"run_number": "367112", "dataset_id__in": "1,2"}
    assert request.headers["Workspace"] == "jetmet"
    assert request.headers["Authorization"] == f"Bearer {SECRET}"


def test_a_body_goes_out_as_json() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"367112": [[1, 10]]})

    body = CertificationQuery(model_id__in=[19], dataset_id__in=[1], run_number__in=[2, 3])
    golden = get_golden_json.sync(client=client_of(handler), body=body)
    assert golden == {"367112": [[1, 10]]}
    assert seen[0].headers["Content-Type"] == "application/json"
    assert seen[0].read() == b'{"model_id__in":[19],"dataset_id__in":[1],"run_number__in":[2,3]}'


# Answers


def test_an_answer_is_parsed() -> None:
    assert get_run.sync(14677060, 367112, client=answering(200, RUN)) == Run.from_dict(RUN)


def test_a_detailed_answer_has_its_status_content_and_headers() -> None:
    answer = count_run.sync_detailed(client=answering(200, {"count": 7}))
    assert (answer.status_code, answer.content) == (200, b'{"count": 7}')
    assert answer.headers["x-cache"] == "hit"
    assert answer.parsed == Count(count=7)


def test_a_page_is_parsed() -> None:
    page = list_run.sync(client=answering(200, {"next": None, "previous": None, "results": [RUN]}))
    assert isinstance(page, RunPage)
    assert page.results[0].run_number == 367112


def test_an_array_is_parsed() -> None:
    sent = [{"me_id": 1, "me": "a", "count": 2, "dim": 1}]
    assert list_mes.sync(client=answering(200, sent)) == [MonitoringElement.from_dict(sent[0])]


def test_an_array_of_numbers_is_parsed() -> None:
    client = answering(200, [367112, 367113])
    found = list_editable_datasets.sync(client=client, class_name="a", dataset_name="b", global_state="c")
    assert found == [367112, 367113]


@pytest.mark.parametrize("sent", [["tracker"], {"tracker": 1}, None], ids=str)
def test_an_answer_of_unknown_shape_is_passed_on(sent: Json) -> None:
    assert list_workspaces.sync(client=answering(200, sent)) == sent


def test_the_document_and_logging_in_need_no_credentials() -> None:
    transport = {"transport": httpx.MockTransport(lambda _: httpx.Response(200, json={"device_code": "x"}))}
    client = Client(base_url="https://dials", httpx_args=transport)
    assert get_api_document.sync(client=client) == {"device_code": "x"}
    with pytest.raises(MalformedAnswer, match="is missing"):
        start_device_login.sync(client=client)


@pytest.mark.parametrize(
    ("status", "sent", "parsed"),
    [
        (400, {"run_number": ["Enter a number."]}, ValidationErrors({"run_number": ["Enter a number."]})),
        (403, {"detail": "no", "code": "token_not_valid"}, Error(detail="no", code="token_not_valid")),
        (404, {"detail": "Invalid cursor"}, Error(detail="Invalid cursor")),
        (500, HTML, HTML.decode()),
        (502, HTML, HTML.decode()),
        (504, HTML, HTML.decode()),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_a_documented_error_is_parsed(status: int, sent: Json, parsed: object) -> None:
    answer = list_run.sync_detailed(client=answering(status, sent))
    assert (answer.status_code, answer.parsed) == (status, parsed)


@pytest.mark.parametrize(
    ("sent", "parsed"),
    [
        (
            {"detail": "wait", "code": "authorization_pending"},
            Error(detail="wait", code="authorization_pending"),
        ),
        (
            {"device_code": ["This field is required."]},
            ValidationErrors({"device_code": ["This field is required."]}),
        ),
    ],
    ids=["error", "validation"],
)
def test_one_of_two_errors_is_parsed(sent: Json, parsed: object) -> None:
    assert get_device_token.sync(client=answering(400, sent), body=DeviceCode(device_code="x")) == parsed


def test_tokens_are_parsed() -> None:
    sent = {
        "access_token": "a", "expires_in": 300, "refresh_expires_in": 1800, "refresh_token": "r",
        "token_type": "Bearer", "session_state": "s", "scope": "openid",
    }  # fmt: skip
    token = get_device_token.sync(client=answering(200, sent), body=DeviceCode(device_code="x"))
    assert token == DeviceToken.from_dict(sent)


@pytest.mark.parametrize("status", [204, 301, 401, 418, 429, 499, 503, 520, 599])
def test_an_undocumented_status_is_an_error(status: int) -> None:
    with pytest.raises(UnexpectedStatus) as error:
        list_run.sync(client=answering(status, HTML))
    assert (error.value.status_code, error.value.content) == (status, HTML)
    assert str(error.value) == f"undocumented status {status}: {HTML.decode()}"


def test_an_undocumented_status_shows_little_of_a_long_body() -> None:
    with pytest.raises(UnexpectedStatus) as error:
        list_run.sync(client=answering(520, b"\xff" * 10_000))
    assert len(str(error.value)) < 250


MALFORMED: list[tuple[Json, str]] = [
    (b"", "the answer is not JSON: "),
    (HTML, "the answer is not JSON: "),
    (b'{"next": null, "results": [', "the answer is not JSON: "),
    (b"\xff\xfe", "the answer is not JSON: "),
    (None, "the answer is None, not an object"),
    ([], "the answer is [], not an object"),
    ({}, "next is missing"),
    ({"next": None, "previous": None, "results": None}, "results is None, not of type array"),
    ({"next": None, "previous": None, "results": {}}, "results is {}, not of type array"),
    ({"next": 1, "previous": None, "results": []}, "next is 1, not of type string"),
    ({"next": None, "previous": None, "results": [RUN, 1]}, "results[1] is 1, not an object"),
    ({"next": None, "previous": None, "results": [RUN, {}]}, "results[1].dataset_id is missing"),
]


@pytest.mark.parametrize(("sent", "message"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_page_is_an_error_of_ours(sent: Json, message: str) -> None:
    with pytest.raises(MalformedAnswer) as error:
        list_run.sync(client=answering(200, sent))
    assert str(error.value).startswith(message)
    assert isinstance(error.value, ApiError)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (None, "the answer is None, not an array"),
        (3, "the answer is 3, not an array"),
        ({"detail": "x"}, "the answer is {'detail': 'x'}, not an array"),
        ([1], "[0] is 1, not an object"),
        ([{"me_id": 1, "me": "a", "count": 2, "dim": 1}, {"me_id": 2}], "[1].me is missing"),
    ],
    ids=str,
)
def test_a_malformed_array_is_an_error_of_ours(sent: Json, message: str) -> None:
    with pytest.raises(MalformedAnswer) as error:
        list_mes.sync(client=answering(200, sent))
    assert str(error.value) == message


@pytest.mark.parametrize("sent", [None, [], "x", 3], ids=str)
def test_a_malformed_error_is_an_error_of_ours(sent: Json) -> None:
    with pytest.raises(MalformedAnswer):
        get_device_token.sync(client=answering(400, sent), body=DeviceCode(device_code="x"))


def test_no_answer_is_an_error_of_httpx() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        message = "refused"
        raise httpx.ConnectError(message, request=request)

    with pytest.raises(httpx.ConnectError):
        list_run.sync(client=client_of(refuse))


# Without blocking


def test_an_answer_is_parsed_without_blocking() -> None:
    client = answering(200, RUN)
    assert asyncio.run(get_run.asyncio(1, 2, client=client)) == Run.from_dict(RUN)


def test_a_detailed_answer_without_blocking() -> None:
    answer = asyncio.run(count_run.asyncio_detailed(client=answering(404, {"detail": "x"})))
    assert (answer.status_code, answer.parsed) == (404, Error(detail="x"))


@pytest.mark.parametrize("status", [499, 520])
def test_an_undocumented_status_without_blocking(status: int) -> None:
    with pytest.raises(UnexpectedStatus):
        asyncio.run(get_run.asyncio(1, 2, client=answering(status, HTML)))


def test_a_malformed_answer_without_blocking() -> None:
    with pytest.raises(MalformedAnswer):
        asyncio.run(get_run.asyncio(1, 2, client=answering(200, HTML)))
