# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""What each model says of each bad lumisection of the chosen runs, as v1.12 is asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.free_form import FreeForm
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset, comma_joined

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    dataset_id__in: Sequence[int] | Unset | None = UNSET,
    run_number__in: Sequence[int] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """What each model says of each bad lumisection of the chosen runs, as v1.12 is asked.

    Args:
        model_id__in: Any of these values, sent comma-separated. Identifier of the model.
        dataset_id__in: Any of these values, sent comma-separated. Identifier of the dataset, a number of 8 digits such
            as 14677060.
        run_number__in: Any of these values, sent comma-separated. Number of the run, a period of data taking, such as
            367112.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    if model_id__in is not None and not isinstance(model_id__in, Unset):
        params["model_id__in"] = comma_joined(model_id__in)
    if dataset_id__in is not None and not isinstance(dataset_id__in, Unset):
        params["dataset_id__in"] = comma_joined(dataset_id__in)
    if run_number__in is not None and not isinstance(run_number__in, Unset):
        params["run_number__in"] = comma_joined(run_number__in)
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/ml-bad-lumisection/cert-json/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | FreeForm | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = FreeForm.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Error | FreeForm | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    model_id__in: Sequence[int] | Unset | None = UNSET,
    dataset_id__in: Sequence[int] | Unset | None = UNSET,
    run_number__in: Sequence[int] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FreeForm | ValidationErrors | str]:
    """What each model says of each bad lumisection of the chosen runs, as v1.12 is asked.

    Args:
        client: What to send the request through.
        model_id__in: Any of these values, sent comma-separated. Identifier of the model.
        dataset_id__in: Any of these values, sent comma-separated. Identifier of the dataset, a number of 8 digits such
            as 14677060.
        run_number__in: Any of these values, sent comma-separated. Number of the run, a period of data taking, such as
            367112.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        model_id__in=model_id__in,
        dataset_id__in=dataset_id__in,
        run_number__in=run_number__in,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    model_id__in: Sequence[int] | Unset | None = UNSET,
    dataset_id__in: Sequence[int] | Unset | None = UNSET,
    run_number__in: Sequence[int] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | FreeForm | ValidationErrors | str:
    """What each model says of each bad lumisection of the chosen runs, as v1.12 is asked. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        model_id__in=model_id__in,
        dataset_id__in=dataset_id__in,
        run_number__in=run_number__in,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    model_id__in: Sequence[int] | Unset | None = UNSET,
    dataset_id__in: Sequence[int] | Unset | None = UNSET,
    run_number__in: Sequence[int] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | FreeForm | ValidationErrors | str]:
    """What each model says of each bad lumisection of the chosen runs, as v1.12 is asked. As `sync_detailed`, without blocking."""
    arguments = request(
        model_id__in=model_id__in,
        dataset_id__in=dataset_id__in,
        run_number__in=run_number__in,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    model_id__in: Sequence[int] | Unset | None = UNSET,
    dataset_id__in: Sequence[int] | Unset | None = UNSET,
    run_number__in: Sequence[int] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | FreeForm | ValidationErrors | str:
    """What each model says of each bad lumisection of the chosen runs, as v1.12 is asked. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            model_id__in=model_id__in,
            dataset_id__in=dataset_id__in,
            run_number__in=run_number__in,
            workspace=workspace,
            client=client,
        )
    ).parsed
