# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""List files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.file_index_page import FileIndexPage
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset, comma_joined, repeated

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    status: str | Unset | None = UNSET,
    min_size: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    dataset_id: int | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """List files.

    Args:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        status: State of the file's ingestion, such as PENDING, STARTED, FILE_NOT_AVAILABLE, COPY_ERROR,
            ROOTFILE_ERROR, PARSING_ERROR or FINISHED.
        min_size: Smallest file size, in bytes.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    if next_token is not None and not isinstance(next_token, Unset):
        params["next_token"] = next_token
    if page_size is not None and not isinstance(page_size, Unset):
        params["page_size"] = page_size
    if fields is not None and not isinstance(fields, Unset):
        params["fields"] = comma_joined(fields)
    if logical_file_name is not None and not isinstance(logical_file_name, Unset):
        params["logical_file_name"] = logical_file_name
    if logical_file_name__regex is not None and not isinstance(logical_file_name__regex, Unset):
        params["logical_file_name__regex"] = logical_file_name__regex
    if status is not None and not isinstance(status, Unset):
        params["status"] = status
    if min_size is not None and not isinstance(min_size, Unset):
        params["min_size"] = min_size
    if dataset is not None and not isinstance(dataset, Unset):
        params["dataset"] = dataset
    if dataset__regex is not None and not isinstance(dataset__regex, Unset):
        params["dataset__regex"] = dataset__regex
    if dataset_id is not None and not isinstance(dataset_id, Unset):
        params["dataset_id"] = dataset_id
    if order_by is not None and not isinstance(order_by, Unset):
        params["order_by"] = repeated(order_by)
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/file-index/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | FileIndexPage | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = FileIndexPage.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Error | FileIndexPage | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    status: str | Unset | None = UNSET,
    min_size: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    dataset_id: int | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FileIndexPage | ValidationErrors | str]:
    """List files.

    Args:
        client: What to send the request through.
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        status: State of the file's ingestion, such as PENDING, STARTED, FILE_NOT_AVAILABLE, COPY_ERROR,
            ROOTFILE_ERROR, PARSING_ERROR or FINISHED.
        min_size: Smallest file size, in bytes.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        status=status,
        min_size=min_size,
        dataset=dataset,
        dataset__regex=dataset__regex,
        dataset_id=dataset_id,
        order_by=order_by,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    status: str | Unset | None = UNSET,
    min_size: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    dataset_id: int | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | FileIndexPage | ValidationErrors | str:
    """List files. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        status=status,
        min_size=min_size,
        dataset=dataset,
        dataset__regex=dataset__regex,
        dataset_id=dataset_id,
        order_by=order_by,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    status: str | Unset | None = UNSET,
    min_size: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    dataset_id: int | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FileIndexPage | ValidationErrors | str]:
    """List files. As `sync_detailed`, without blocking."""
    arguments = request(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        status=status,
        min_size=min_size,
        dataset=dataset,
        dataset__regex=dataset__regex,
        dataset_id=dataset_id,
        order_by=order_by,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    status: str | Unset | None = UNSET,
    min_size: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    dataset_id: int | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | FileIndexPage | ValidationErrors | str:
    """List files. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            next_token=next_token,
            page_size=page_size,
            fields=fields,
            logical_file_name=logical_file_name,
            logical_file_name__regex=logical_file_name__regex,
            status=status,
            min_size=min_size,
            dataset=dataset,
            dataset__regex=dataset__regex,
            dataset_id=dataset_id,
            order_by=order_by,
            workspace=workspace,
            client=client,
        )
    ).parsed
