# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Luminosity as brilcalc computes it."""

from typing import TYPE_CHECKING, Any

from ... import errors
from ...models.error import Error
from ...models.get_brilcalc_lumi_scope import GetBrilcalcLumiScope
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, QueryValue, RequestArguments, Response, Unset

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient


def request(
    *,
    brilws_version: str | Unset | None = UNSET,
    connect: str | Unset | None = UNSET,
    fillnum: int | Unset | None = UNSET,
    runnumber: int | Unset | None = UNSET,
    beamstatus: str | Unset | None = UNSET,
    unit: str | Unset | None = UNSET,
    amodetag: str | Unset | None = UNSET,
    normtag: str | Unset | None = UNSET,
    begin: str | Unset | None = UNSET,
    end: str | Unset | None = UNSET,
    byls: bool | Unset | None = UNSET,
    scope: GetBrilcalcLumiScope | Unset | None = UNSET,
) -> RequestArguments:
    """Luminosity as brilcalc computes it.

    Args:
        brilws_version: Version of the BRIL work suite to run.
        connect: Connection of brilcalc to its database, such as offline.
        fillnum: Number of the LHC fill.
        runnumber: Number of the run.
        beamstatus: Beam status, such as STABLE BEAMS.
        unit: Unit of the luminosity, such as /ub, /nb or /fb.
        amodetag: Accelerator mode, such as PROTPHYS.
        normtag: Normalisation tag, a name or a path that brilcalc knows.
        begin: Start of the period, a run, a fill or a time as brilcalc takes it.
        end: End of the period, a run, a fill or a time as brilcalc takes it.
        byls: Whether to answer a row for each lumisection.
        scope: Which part of brilcalc's answer, one of all, detailed and summary.


    Returns:
        What to send, by the names of the wire: arguments for `httpx.Client.request`.
    """
    params: dict[str, QueryValue] = {}
    if brilws_version is not None and not isinstance(brilws_version, Unset):
        params["brilws_version"] = brilws_version
    if connect is not None and not isinstance(connect, Unset):
        params["connect"] = connect
    if fillnum is not None and not isinstance(fillnum, Unset):
        params["fillnum"] = fillnum
    if runnumber is not None and not isinstance(runnumber, Unset):
        params["runnumber"] = runnumber
    if beamstatus is not None and not isinstance(beamstatus, Unset):
        params["beamstatus"] = beamstatus
    if unit is not None and not isinstance(unit, Unset):
        params["unit"] = unit
    if amodetag is not None and not isinstance(amodetag, Unset):
        params["amodetag"] = amodetag
    if normtag is not None and not isinstance(normtag, Unset):
        params["normtag"] = normtag
    if begin is not None and not isinstance(begin, Unset):
        params["begin"] = begin
    if end is not None and not isinstance(end, Unset):
        params["end"] = end
    if byls is not None and not isinstance(byls, Unset):
        params["byls"] = byls
    if scope is not None and not isinstance(scope, Unset):
        params["scope"] = scope
    return {
        "method": "GET",
        "url": "/api/v1/brilws/brilcalc-lumi/",
        "params": params,
    }


def _parse_response(response: "httpx.Response") -> Any | Error | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = response.json()
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


def _build_response(response: "httpx.Response") -> Response[Any | Error | ValidationErrors | str]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(response),
    )


def sync_detailed(
    *,
    client: "AuthenticatedClient",
    brilws_version: str | Unset | None = UNSET,
    connect: str | Unset | None = UNSET,
    fillnum: int | Unset | None = UNSET,
    runnumber: int | Unset | None = UNSET,
    beamstatus: str | Unset | None = UNSET,
    unit: str | Unset | None = UNSET,
    amodetag: str | Unset | None = UNSET,
    normtag: str | Unset | None = UNSET,
    begin: str | Unset | None = UNSET,
    end: str | Unset | None = UNSET,
    byls: bool | Unset | None = UNSET,
    scope: GetBrilcalcLumiScope | Unset | None = UNSET,
) -> Response[Any | Error | ValidationErrors | str]:
    """Luminosity as brilcalc computes it.

    Args:
        client: What to send the request through.
        brilws_version: Version of the BRIL work suite to run.
        connect: Connection of brilcalc to its database, such as offline.
        fillnum: Number of the LHC fill.
        runnumber: Number of the run.
        beamstatus: Beam status, such as STABLE BEAMS.
        unit: Unit of the luminosity, such as /ub, /nb or /fb.
        amodetag: Accelerator mode, such as PROTPHYS.
        normtag: Normalisation tag, a name or a path that brilcalc knows.
        begin: Start of the period, a run, a fill or a time as brilcalc takes it.
        end: End of the period, a run, a fill or a time as brilcalc takes it.
        byls: Whether to answer a row for each lumisection.
        scope: Which part of brilcalc's answer, one of all, detailed and summary.


    Returns:
        The answer, whatever documented status it has.

    Raises:
        UnexpectedStatus: The status is not documented.
        MalformedAnswer: The body is not what the contract says.
        httpx.HTTPError: There was no answer.
    """
    arguments = request(
        brilws_version=brilws_version,
        connect=connect,
        fillnum=fillnum,
        runnumber=runnumber,
        beamstatus=beamstatus,
        unit=unit,
        amodetag=amodetag,
        normtag=normtag,
        begin=begin,
        end=end,
        byls=byls,
        scope=scope,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    brilws_version: str | Unset | None = UNSET,
    connect: str | Unset | None = UNSET,
    fillnum: int | Unset | None = UNSET,
    runnumber: int | Unset | None = UNSET,
    beamstatus: str | Unset | None = UNSET,
    unit: str | Unset | None = UNSET,
    amodetag: str | Unset | None = UNSET,
    normtag: str | Unset | None = UNSET,
    begin: str | Unset | None = UNSET,
    end: str | Unset | None = UNSET,
    byls: bool | Unset | None = UNSET,
    scope: GetBrilcalcLumiScope | Unset | None = UNSET,
) -> Any | Error | ValidationErrors | str:
    """Luminosity as brilcalc computes it. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        brilws_version=brilws_version,
        connect=connect,
        fillnum=fillnum,
        runnumber=runnumber,
        beamstatus=beamstatus,
        unit=unit,
        amodetag=amodetag,
        normtag=normtag,
        begin=begin,
        end=end,
        byls=byls,
        scope=scope,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    brilws_version: str | Unset | None = UNSET,
    connect: str | Unset | None = UNSET,
    fillnum: int | Unset | None = UNSET,
    runnumber: int | Unset | None = UNSET,
    beamstatus: str | Unset | None = UNSET,
    unit: str | Unset | None = UNSET,
    amodetag: str | Unset | None = UNSET,
    normtag: str | Unset | None = UNSET,
    begin: str | Unset | None = UNSET,
    end: str | Unset | None = UNSET,
    byls: bool | Unset | None = UNSET,
    scope: GetBrilcalcLumiScope | Unset | None = UNSET,
) -> Response[Any | Error | ValidationErrors | str]:
    """Luminosity as brilcalc computes it. As `sync_detailed`, without blocking."""
    arguments = request(
        brilws_version=brilws_version,
        connect=connect,
        fillnum=fillnum,
        runnumber=runnumber,
        beamstatus=beamstatus,
        unit=unit,
        amodetag=amodetag,
        normtag=normtag,
        begin=begin,
        end=end,
        byls=byls,
        scope=scope,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    brilws_version: str | Unset | None = UNSET,
    connect: str | Unset | None = UNSET,
    fillnum: int | Unset | None = UNSET,
    runnumber: int | Unset | None = UNSET,
    beamstatus: str | Unset | None = UNSET,
    unit: str | Unset | None = UNSET,
    amodetag: str | Unset | None = UNSET,
    normtag: str | Unset | None = UNSET,
    begin: str | Unset | None = UNSET,
    end: str | Unset | None = UNSET,
    byls: bool | Unset | None = UNSET,
    scope: GetBrilcalcLumiScope | Unset | None = UNSET,
) -> Any | Error | ValidationErrors | str:
    """Luminosity as brilcalc computes it. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            brilws_version=brilws_version,
            connect=connect,
            fillnum=fillnum,
            runnumber=runnumber,
            beamstatus=beamstatus,
            unit=unit,
            amodetag=amodetag,
            normtag=normtag,
            begin=begin,
            end=end,
            byls=byls,
            scope=scope,
            client=client,
        )
    ).parsed
