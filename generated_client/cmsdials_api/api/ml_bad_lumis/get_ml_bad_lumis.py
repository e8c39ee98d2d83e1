# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The verdict of a model on one lumisection."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from ... import errors
from ...models.error import Error
from ...models.ml_bad_lumisection import MLBadLumisection
from ...types import UNSET, RequestArguments, Response, Unset

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    model_id: int,
    dataset_id: int,
    run_number: int,
    ls_number: int,
    *,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """The verdict of a model on one lumisection.

    Args:
        model_id: Identifier of the model.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": f"/api/v1/ml-bad-lumisection/{quote(str(model_id), safe='')}/{quote(str(dataset_id), safe='')}/{quote(str(run_number), safe='')}/{quote(str(ls_number), safe='')}/",
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | MLBadLumisection | str:
    try:
        if response.status_code == 200:
            response_200 = MLBadLumisection.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Error | MLBadLumisection | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    model_id: int,
    dataset_id: int,
    run_number: int,
    ls_number: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Response[Error | MLBadLumisection | str]:
    """The verdict of a model on one lumisection.

    Args:
        client: What to send the request through.
        model_id: Identifier of the model.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        model_id=model_id,
        dataset_id=dataset_id,
        run_number=run_number,
        ls_number=ls_number,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    model_id: int,
    dataset_id: int,
    run_number: int,
    ls_number: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Error | MLBadLumisection | str:
    """The verdict of a model on one lumisection. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        model_id=model_id,
        dataset_id=dataset_id,
        run_number=run_number,
        ls_number=ls_number,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    model_id: int,
    dataset_id: int,
    run_number: int,
    ls_number: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Response[Error | MLBadLumisection | str]:
    """The verdict of a model on one lumisection. As `sync_detailed`, without blocking."""
    arguments = request(
        model_id=model_id,
        dataset_id=dataset_id,
        run_number=run_number,
        ls_number=ls_number,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    model_id: int,
    dataset_id: int,
    run_number: int,
    ls_number: int,
    *,
    client: "AuthenticatedClient",
    workspace: str | Unset | None = UNSET,
) -> Error | MLBadLumisection | str:
    """The verdict of a model on one lumisection. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            model_id=model_id,
            dataset_id=dataset_id,
            run_number=run_number,
            ls_number=ls_number,
            workspace=workspace,
            client=client,
        )
    ).parsed
