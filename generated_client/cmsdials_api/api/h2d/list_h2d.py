# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""List two-dimensional histograms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.th2_page import TH2Page
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
    dataset_id: int | Unset | None = UNSET,
    file_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    me_id: int | Unset | None = UNSET,
    entries__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """List two-dimensional histograms.

    Args:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        me_id: Identifier of the monitoring element within the workspace.
        entries__gte: Lower bound, inclusive. Number of entries of the histogram.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
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
    if dataset_id is not None and not isinstance(dataset_id, Unset):
        params["dataset_id"] = dataset_id
    if file_id is not None and not isinstance(file_id, Unset):
        params["file_id"] = file_id
    if run_number is not None and not isinstance(run_number, Unset):
        params["run_number"] = run_number
    if run_number__lte is not None and not isinstance(run_number__lte, Unset):
        params["run_number__lte"] = run_number__lte
    if run_number__gte is not None and not isinstance(run_number__gte, Unset):
        params["run_number__gte"] = run_number__gte
    if ls_number is not None and not isinstance(ls_number, Unset):
        params["ls_number"] = ls_number
    if ls_number__lte is not None and not isinstance(ls_number__lte, Unset):
        params["ls_number__lte"] = ls_number__lte
    if ls_number__gte is not None and not isinstance(ls_number__gte, Unset):
        params["ls_number__gte"] = ls_number__gte
    if me_id is not None and not isinstance(me_id, Unset):
        params["me_id"] = me_id
    if entries__gte is not None and not isinstance(entries__gte, Unset):
        params["entries__gte"] = entries__gte
    if dataset is not None and not isinstance(dataset, Unset):
        params["dataset"] = dataset
    if dataset__regex is not None and not isinstance(dataset__regex, Unset):
        params["dataset__regex"] = dataset__regex
    if logical_file_name is not None and not isinstance(logical_file_name, Unset):
        params["logical_file_name"] = logical_file_name
    if logical_file_name__regex is not None and not isinstance(logical_file_name__regex, Unset):
        params["logical_file_name__regex"] = logical_file_name__regex
    if me is not None and not isinstance(me, Unset):
        params["me"] = me
    if me__regex is not None and not isinstance(me__regex, Unset):
        params["me__regex"] = me__regex
    if order_by is not None and not isinstance(order_by, Unset):
        params["order_by"] = repeated(order_by)
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/th2/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | TH2Page | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = TH2Page.from_dict(response.json())

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


def _build_response(response: "httpx.Response") -> Response[Error | TH2Page | ValidationErrors | str]:
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
    dataset_id: int | Unset | None = UNSET,
    file_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    me_id: int | Unset | None = UNSET,
    entries__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | TH2Page | ValidationErrors | str]:
    """List two-dimensional histograms.

    Args:
        client: What to send the request through.
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        me_id: Identifier of the monitoring element within the workspace.
        entries__gte: Lower bound, inclusive. Number of entries of the histogram.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
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
        dataset_id=dataset_id,
        file_id=file_id,
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        me_id=me_id,
        entries__gte=entries__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        me=me,
        me__regex=me__regex,
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
    dataset_id: int | Unset | None = UNSET,
    file_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    me_id: int | Unset | None = UNSET,
    entries__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | TH2Page | ValidationErrors | str:
    """List two-dimensional histograms. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        dataset_id=dataset_id,
        file_id=file_id,
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        me_id=me_id,
        entries__gte=entries__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        me=me,
        me__regex=me__regex,
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
    dataset_id: int | Unset | None = UNSET,
    file_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    me_id: int | Unset | None = UNSET,
    entries__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | TH2Page | ValidationErrors | str]:
    """List two-dimensional histograms. As `sync_detailed`, without blocking."""
    arguments = request(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        dataset_id=dataset_id,
        file_id=file_id,
        run_number=run_number,
        run_number__lte=run_number__lte,
        run_number__gte=run_number__gte,
        ls_number=ls_number,
        ls_number__lte=ls_number__lte,
        ls_number__gte=ls_number__gte,
        me_id=me_id,
        entries__gte=entries__gte,
        dataset=dataset,
        dataset__regex=dataset__regex,
        logical_file_name=logical_file_name,
        logical_file_name__regex=logical_file_name__regex,
        me=me,
        me__regex=me__regex,
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
    dataset_id: int | Unset | None = UNSET,
    file_id: int | Unset | None = UNSET,
    run_number: int | Unset | None = UNSET,
    run_number__lte: int | Unset | None = UNSET,
    run_number__gte: int | Unset | None = UNSET,
    ls_number: int | Unset | None = UNSET,
    ls_number__lte: int | Unset | None = UNSET,
    ls_number__gte: int | Unset | None = UNSET,
    me_id: int | Unset | None = UNSET,
    entries__gte: int | Unset | None = UNSET,
    dataset: str | Unset | None = UNSET,
    dataset__regex: str | Unset | None = UNSET,
    logical_file_name: str | Unset | None = UNSET,
    logical_file_name__regex: str | Unset | None = UNSET,
    me: str | Unset | None = UNSET,
    me__regex: str | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | TH2Page | ValidationErrors | str:
    """List two-dimensional histograms. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            next_token=next_token,
            page_size=page_size,
            fields=fields,
            dataset_id=dataset_id,
            file_id=file_id,
            run_number=run_number,
            run_number__lte=run_number__lte,
            run_number__gte=run_number__gte,
            ls_number=ls_number,
            ls_number__lte=ls_number__lte,
            ls_number__gte=ls_number__gte,
            me_id=me_id,
            entries__gte=entries__gte,
            dataset=dataset,
            dataset__regex=dataset__regex,
            logical_file_name=logical_file_name,
            logical_file_name__regex=logical_file_name__regex,
            me=me,
            me__regex=me__regex,
            order_by=order_by,
            workspace=workspace,
            client=client,
        )
    ).parsed
