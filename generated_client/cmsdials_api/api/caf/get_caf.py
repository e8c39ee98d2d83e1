# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The newest certification file of a class of data taking."""

from typing import TYPE_CHECKING

from ... import errors
from ...models.certification_file import CertificationFile
from ...models.error import Error
from ...models.get_caf_kind import GetCafKind
from ...models.validation_errors import ValidationErrors
from ...types import QueryValue, RequestArguments, Response

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    class_name: str,
    kind: GetCafKind,
) -> RequestArguments:
    """The newest certification file of a class of data taking.

    Args:
        class_name: Class of data taking, such as Collisions24.
        kind: Which certification file, one of golden, muon and dcs.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    params["class_name"] = class_name
    params["kind"] = kind
    return {
        "method": "GET",
        "url": "/api/v1/caf/",
        "params": params,
    }


def _parse_response(response: "httpx.Response") -> CertificationFile | Error | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = CertificationFile.from_dict(response.json())

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


def _build_response(
    response: "httpx.Response",
) -> Response[CertificationFile | Error | ValidationErrors | str]:
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
    kind: GetCafKind,
) -> Response[CertificationFile | Error | ValidationErrors | str]:
    """The newest certification file of a class of data taking.

    Args:
        client: What to send the request through.
        class_name: Class of data taking, such as Collisions24.
        kind: Which certification file, one of golden, muon and dcs.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        class_name=class_name,
        kind=kind,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    kind: GetCafKind,
) -> CertificationFile | Error | ValidationErrors | str:
    """The newest certification file of a class of data taking. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        class_name=class_name,
        kind=kind,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    kind: GetCafKind,
) -> Response[CertificationFile | Error | ValidationErrors | str]:
    """The newest certification file of a class of data taking. As `sync_detailed`, without blocking."""
    arguments = request(
        class_name=class_name,
        kind=kind,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    class_name: str,
    kind: GetCafKind,
) -> CertificationFile | Error | ValidationErrors | str:
    """The newest certification file of a class of data taking. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            class_name=class_name,
            kind=kind,
            client=client,
        )
    ).parsed
