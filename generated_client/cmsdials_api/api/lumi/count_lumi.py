# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Count lumisections."""

from typing import TYPE_CHECKING

from ... import errors
from ...models.count import Count
from ...models.error import Error
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    dataset_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """Count lumisections.

    Args:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    if dataset_id is not None and not isinstance(dataset_id, Unset):
        params["dataset_id"] = dataset_id
    if run_number is not None and not isinstance(run_number, Unset):
        params["run_number"] = run_number
    if run_number__lte is not None and not isinstance(run_number__lte, Unset):
        params["run_number__lte"] = run_number__lte
    if run_number__gte is not None and not isinstance(run_number__gte, Unset):
        params["run_number__gte"] = run_number__gte
    if dataset is not None and not isinstance(dataset, Unset):
        params["dataset"] = dataset
    if dataset__regex is not None and not isinstance(dataset__regex, Unset):
        params["dataset__regex"] = dataset__regex
    if ls_number is not None and not isinstance(ls_number, Unset):
        params["ls_number"] = ls_number
    if ls_number__lte is not None and not isinstance(ls_number__lte, Unset):
        params["ls_number__lte"] = ls_number__lte
    if ls_number__gte is not None and not isinstance(ls_number__gte, Unset):
        params["ls_number__gte"] = ls_number__gte
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/lumisection/count/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Count | Error | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = Count.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Count | Error | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    dataset_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Count | Error | ValidationErrors | str]:
    """Count lumisections.

    Args:
        client: What to send the request through.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
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
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    dataset_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Count | Error | ValidationErrors | str:
    """Count lumisections. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        dataset_id=dataset_id,
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    dataset_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Count | Error | ValidationErrors | str]:
    """Count lumisections. As `sync_detailed`, without blocking."""
    arguments = request(
        dataset_id=dataset_id,
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    dataset_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Count | Error | ValidationErrors | str:
    """Count lumisections. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            dataset_id=dataset_id,
            run_number=run_number,
            run_number__lte=run_number__lte,
            run_number__gte=run_number__gte,
            dataset=dataset,
            dataset__regex=dataset__regex,
            ls_number=ls_number,
            ls_number__lte=ls_number__lte,
            ls_number__gte=ls_number__gte,
            workspace=workspace,
            client=client,
        )
    ).parsed
