# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""List every monitoring element that matches, in one answer without pages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.monitoring_element import MonitoringElement
from ...models.validation_errors import ValidationErrors
from ...records import as_array
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset, comma_joined

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    fields: Sequence[str] | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    dim: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """List every monitoring element that matches, in one answer without pages.

    Args:
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        dim: Dimension of its histograms, 1 or 2.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    if fields is not None and not isinstance(fields, Unset):
        params["fields"] = comma_joined(fields)
    if me is not None and not isinstance(me, Unset):
        params["me"] = me
    if me__regex is not None and not isinstance(me__regex, Unset):
        params["me__regex"] = me__regex
    if dim is not None and not isinstance(dim, Unset):
        params["dim"] = dim
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/mes/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | ValidationErrors | list[MonitoringElement] | str:
    try:
        if response.status_code == 200:
            items = as_array(response.json())
            return [MonitoringElement.from_dict(item, where=f"[{at}]") for at, item in enumerate(items)]
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
) -> Response[Error | ValidationErrors | list[MonitoringElement] | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    fields: Sequence[str] | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    dim: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | ValidationErrors | list[MonitoringElement] | str]:
    """List every monitoring element that matches, in one answer without pages.

    Args:
        client: What to send the request through.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        dim: Dimension of its histograms, 1 or 2.
        workspace: Workspace that answers, such as tracker or jetmet; by default the caller's default workspace.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        fields=fields,
        me=me,
        me__regex=me__regex,
        dim=dim,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    fields: Sequence[str] | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    dim: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | ValidationErrors | list[MonitoringElement] | str:
    """List every monitoring element that matches, in one answer without pages. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        fields=fields,
        me=me,
        me__regex=me__regex,
        dim=dim,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    fields: Sequence[str] | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    dim: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | ValidationErrors | list[MonitoringElement] | str]:
    """List every monitoring element that matches, in one answer without pages. As `sync_detailed`, without blocking."""
    arguments = request(
        fields=fields,
        me=me,
        me__regex=me__regex,
        dim=dim,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    fields: Sequence[str] | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    dim: int | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | ValidationErrors | list[MonitoringElement] | str:
    """List every monitoring element that matches, in one answer without pages. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            fields=fields,
            me=me,
            me__regex=me__regex,
            dim=dim,
            workspace=workspace,
            client=client,
        )
    ).parsed
