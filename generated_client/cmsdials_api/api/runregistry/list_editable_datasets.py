# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Run numbers of a dataset that are in a given state in the Run Registry."""

from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.validation_errors import ValidationErrors
from ...records import as_array
from ...types import QueryValue, RequestArguments, Response

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    class_name: str,
    dataset_name: str,
    global_state: str,
) -> RequestArguments:
    """Run numbers of a dataset that are in a given state in the Run Registry.

    Args:
        class_name: Class of data taking, such as Collisions24.
        dataset_name: Name of the dataset in the Run Registry, such as /PromptReco/Collisions2024B/DQM.
        global_state: State of the dataset in the Run Registry, such as OPEN or COMPLETED.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    params["class_name"] = class_name
    params["dataset_name"] = dataset_name
    params["global_state"] = global_state
    return {
        "method": "GET",
        "url": "/api/v1/runregistry/editable-datasets/",
        "params": params,
    }


def _parse_response(response: "httpx.Response") -> Error | ValidationErrors | list[int] | str:
    try:
        if response.status_code == 200:
            items = as_array(response.json())
            return items
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


def _build_response(response: "httpx.Response") -> Response[Error | ValidationErrors | list[int] | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    dataset_name: str,
    global_state: str,
) -> Response[Error | ValidationErrors | list[int] | str]:
    """Run numbers of a dataset that are in a given state in the Run Registry.

    Args:
        client: What to send the request through.
        class_name: Class of data taking, such as Collisions24.
        dataset_name: Name of the dataset in the Run Registry, such as /PromptReco/Collisions2024B/DQM.
        global_state: State of the dataset in the Run Registry, such as OPEN or COMPLETED.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        class_name=class_name,
        dataset_name=dataset_name,
        global_state=global_state,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    dataset_name: str,
    global_state: str,
) -> Error | ValidationErrors | list[int] | str:
    """Run numbers of a dataset that are in a given state in the Run Registry. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        class_name=class_name,
        dataset_name=dataset_name,
        global_state=global_state,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    dataset_name: str,
    global_state: str,
) -> Response[Error | ValidationErrors | list[int] | str]:
    """Run numbers of a dataset that are in a given state in the Run Registry. As `sync_detailed`, without blocking."""
    arguments = request(
        class_name=class_name,
        dataset_name=dataset_name,
        global_state=global_state,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    dataset_name: str,
    global_state: str,
) -> Error | ValidationErrors | list[int] | str:
    """Run numbers of a dataset that are in a given state in the Run Registry. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            class_name=class_name,
            dataset_name=dataset_name,
            global_state=global_state,
            client=client,
        )
    ).parsed
