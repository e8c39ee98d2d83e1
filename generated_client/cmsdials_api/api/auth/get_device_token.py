# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Exchange a confirmed device code for tokens."""

from typing import TYPE_CHECKING

from ... import errors
from ...models.device_code import DeviceCode
from ...models.device_token import DeviceToken
from ...models.error import Error
from ...models.validation_errors import ValidationErrors
from ...types import RequestArguments, Response

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient, Client


def request(
    *,
    body: DeviceCode,
) -> RequestArguments:
    """Exchange a confirmed device code for tokens.

    Args:
        body: The body of the request.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    return {
        "method": "POST",
        "url": "/api/v1/auth/device-token/",
        "json": body.to_dict(),
    }


def _parse_response(response: "httpx.Response") -> DeviceToken | Error | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = DeviceToken.from_dict(response.json())

            return response_200

        if response.status_code == 400:

            def _parse_response_400(data: object) -> Error | ValidationErrors:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    response_400_type_0 = Error.from_dict(data)

                    return response_400_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                response_400_type_1 = ValidationErrors.from_dict(data)

                return response_400_type_1

            response_400 = _parse_response_400(response.json())

            return response_400

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


def _build_response(response: "httpx.Response") -> Response[DeviceToken | Error | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient | Client",
    body: DeviceCode,
) -> Response[DeviceToken | Error | ValidationErrors | str]:
    """Exchange a confirmed device code for tokens.

    Args:
        client: What to send the request through.
        body: The body of the request.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient | Client",
    body: DeviceCode,
) -> DeviceToken | Error | ValidationErrors | str:
    """Exchange a confirmed device code for tokens. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient | Client",
    body: DeviceCode,
) -> Response[DeviceToken | Error | ValidationErrors | str]:
    """Exchange a confirmed device code for tokens. As `sync_detailed`, without blocking."""
    arguments = request(
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient | Client",
    body: DeviceCode,
) -> DeviceToken | Error | ValidationErrors | str:
    """Exchange a confirmed device code for tokens. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
