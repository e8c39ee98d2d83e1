# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The lumisection ranges of the chosen runs that no chosen model judges bad."""

from typing import TYPE_CHECKING

from ... import errors
from ...models.certification_query import CertificationQuery
from ...models.error import Error
from ...models.golden_json import GoldenJson
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, RequestArguments, Response, Unset

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    body: CertificationQuery,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """The lumisection ranges of the chosen runs that no chosen model judges bad.

    Args:
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.
        body: The body of the request.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "POST",
        "url": "/api/v1/ml-bad-lumisection/golden-json/",
        "headers": headers,
        "json": body.to_dict(),
    }


def _parse_response(response: "httpx.Response") -> Error | GoldenJson | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = GoldenJson.from_dict(response.json())

            return response_200

        if response.status_code == 400:
            response_400 = ValidationErrors.from_dict(response.json())

            return response_400

        if response.status_code == 403:
            response_403 = Error.from_dict(response.json())

            return response_403

        if response.status_code == 404:
            response_404 = Error.from_dict(response.json())

            return response_404

        if response.status_code == 405:
            response_405 = Error.from_dict(response.json())

            return response_405

        if response.status_code == 415:
            response_415 = Error.from_dict(response.json())

            return response_415

        if response.status_code == 500:
            response_500 = response.text
            return response_500

        if response.status_code == 502:
            response_502 = response.text
            return response_502

        if response.status_code == 504:
            response_504 = response.text
            return response_504

    except errors.MalformedAnswer:
        raise
    except ValueError as problem:
        raise errors.MalformedAnswer("", f"is not JSON: {problem}") from None
    except TypeError:
        raise errors.MalformedAnswer("", "is of a type that the contract does not know") from None
    raise errors.UnexpectedStatus(response.status_code, response.content)


def _build_response(response: "httpx.Response") -> Response[Error | GoldenJson | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    body: CertificationQuery,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | GoldenJson | ValidationErrors | str]:
    """The lumisection ranges of the chosen runs that no chosen model judges bad.

    Args:
        client: What to send the request through.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.
        body: The body of the request.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        workspace=workspace,
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    body: CertificationQuery,
    workspace: str | Unset | None = UNSET,
) -> Error | GoldenJson | ValidationErrors | str:
    """The lumisection ranges of the chosen runs that no chosen model judges bad. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        workspace=workspace,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    body: CertificationQuery,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | GoldenJson | ValidationErrors | str]:
    """The lumisection ranges of the chosen runs that no chosen model judges bad. As `sync_detailed`, without blocking."""
    arguments = request(
        workspace=workspace,
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    body: CertificationQuery,
    workspace: str | Unset | None = UNSET,
) -> Error | GoldenJson | ValidationErrors | str:
    """The lumisection ranges of the chosen runs that no chosen model judges bad. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            workspace=workspace,
            client=client,
            body=body,
        )
    ).parsed
