# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Ask the CMS Online Monitoring System."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ... import errors
from ...models.error import Error
from ...models.free_form import FreeForm
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset, deep_object

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    endpoint: str,
    filter: Mapping[str, Any] | Unset | None = UNSET,
    page: Mapping[str, Any] | Unset | None = UNSET,
) -> RequestArguments:
    """Ask the CMS Online Monitoring System.

    Args:
        endpoint: Endpoint of the OMS API, such as runs, lumisections or datasetrates.
        filter: OMS filters as filter[ATTRIBUTE][OPERATOR]=value, the operator one of EQ, NEQ, LT, GT, LE, GE
            and LIKE.
        page: OMS paging as page[NAME]=number, such as page[limit] and page[offset].


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    params["endpoint"] = endpoint
    if filter is not None and not isinstance(filter, Unset):
        params |= deep_object("filter", filter)
    if page is not None and not isinstance(page, Unset):
        params |= deep_object("page", page)
    return {
        "method": "GET",
        "url": "/api/v1/oms-proxy/",
        "params": params,
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
    endpoint: str,
    filter: Mapping[str, Any] | Unset | None = UNSET,
    page: Mapping[str, Any] | Unset | None = UNSET,
) -> Response[Error | FreeForm | ValidationErrors | str]:
    """Ask the CMS Online Monitoring System.

    Args:
        client: What to send the request through.
        endpoint: Endpoint of the OMS API, such as runs, lumisections or datasetrates.
        filter: OMS filters as filter[ATTRIBUTE][OPERATOR]=value, the operator one of EQ, NEQ, LT, GT, LE, GE
            and LIKE.
        page: OMS paging as page[NAME]=number, such as page[limit] and page[offset].


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        endpoint=endpoint,
        filter=filter,
        page=page,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    endpoint: str,
    filter: Mapping[str, Any] | Unset | None = UNSET,
    page: Mapping[str, Any] | Unset | None = UNSET,
) -> Error | FreeForm | ValidationErrors | str:
    """Ask the CMS Online Monitoring System. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        endpoint=endpoint,
        filter=filter,
        page=page,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    endpoint: str,
    filter: Mapping[str, Any] | Unset | None = UNSET,
    page: Mapping[str, Any] | Unset | None = UNSET,
) -> Response[Error | FreeForm | ValidationErrors | str]:
    """Ask the CMS Online Monitoring System. As `sync_detailed`, without blocking."""
    arguments = request(
        endpoint=endpoint,
        filter=filter,
        page=page,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    endpoint: str,
    filter: Mapping[str, Any] | Unset | None = UNSET,
    page: Mapping[str, Any] | Unset | None = UNSET,
) -> Error | FreeForm | ValidationErrors | str:
    """Ask the CMS Online Monitoring System. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            endpoint=endpoint,
            filter=filter,
            page=page,
            client=client,
        )
    ).parsed
