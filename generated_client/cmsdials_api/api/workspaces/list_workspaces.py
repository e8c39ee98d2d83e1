# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""List the workspaces of this service."""

from typing import TYPE_CHECKING, Any

from ... import errors
from ...models.error import Error
from ...types import RequestArguments, Response

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request() -> RequestArguments:
    """List the workspaces of this service.

    Args:


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    return {
        "method": "GET",
        "url": "/api/v1/workspaces/",
    }


def _parse_response(response: "httpx.Response") -> Any | Error | str:
    try:
        if response.status_code == 200:
            response_200 = response.json()
            return response_200

        if response.status_code == 403:
            response_403 = Error.from_dict(response.json())

            return response_403

        if response.status_code == 404:
            response_404 = Error.from_dict(response.json())

            return response_404

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


def _build_response(response: "httpx.Response") -> Response[Any | Error | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
) -> Response[Any | Error | str]:
    """List the workspaces of this service.

    Args:
        client: What to send the request through.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request()
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
) -> Any | Error | str:
    """List the workspaces of this service. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
) -> Response[Any | Error | str]:
    """List the workspaces of this service. As `sync_detailed`, without blocking."""
    arguments = request()
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
) -> Any | Error | str:
    """List the workspaces of this service. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            client=client,
        )
    ).parsed
