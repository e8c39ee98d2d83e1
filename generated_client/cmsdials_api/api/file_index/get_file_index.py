# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""One file."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from ... import errors
from ...models.error import Error
from ...models.file_index import FileIndex
from ...types import UNSET, RequestArguments, Response, Unset

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    dataset_id: int,
    file_id: int,
    *,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """One file.

    Args:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": f"/api/v1/file-index/{quote(str(dataset_id), safe='')}/{quote(str(file_id), safe='')}/",
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | FileIndex | str:
    try:
        if response.status_code == 200:
            response_200 = FileIndex.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Error | FileIndex | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    dataset_id: int,
    file_id: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FileIndex | str]:
    """One file.

    Args:
        client: What to send the request through.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        dataset_id=dataset_id,
        file_id=file_id,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    dataset_id: int,
    file_id: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Error | FileIndex | str:
    """One file. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        dataset_id=dataset_id,
        file_id=file_id,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    dataset_id: int,
    file_id: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FileIndex | str]:
    """One file. As `sync_detailed`, without blocking."""
    arguments = request(
        dataset_id=dataset_id,
        file_id=file_id,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    dataset_id: int,
    file_id: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Error | FileIndex | str:
    """One file. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            dataset_id=dataset_id,
            file_id=file_id,
            workspace=workspace,
            client=client,
        )
    ).parsed
