# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""List models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors
from ...models.error import Error
from ...models.ml_models_index_page import MLModelsIndexPage
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
    model_id: int | Unset | None = UNSET,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    filename: str | Unset | None = UNSET,
    filename__regex: str | Unset | None = UNSET,
    target_me: str | Unset | None = UNSET,
    target_me__regex: str | Unset | None = UNSET,
    active: bool | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    id: int | Unset | None = UNSET,
    id__in: Sequence[int] | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    name__regex: str | Unset | None = UNSET,
    ready: bool | Unset | None = UNSET,
    type: str | Unset | None = UNSET,
    input_signature_contains_me: str | Unset | None = UNSET,
    input_signature_contains_me__regex: str | Unset | None = UNSET,
    tag_name: str | Unset | None = UNSET,
    tag_value: str | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> RequestArguments:
    """List models.

    Args:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        model_id: Identifier of the model; v1.12 only, a newer service ignores it and takes id.
        model_id__in: Any of these values, sent comma-separated. Identifier of the model; v1.12 only, a newer service
            ignores it and takes id.
        filename: Name of the model's file; v1.12 only.
        filename__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model's file; v1.12 only.
        target_me: Monitoring element that the model judges; v1.12 only.
        target_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model judges; v1.12 only.
        active: Whether the model judges new data.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
        id: Identifier of the model; a v1.12 service ignores it and takes model_id.
        id__in: Any of these values, sent comma-separated. Identifier of the model; a v1.12 service ignores it
            and takes model_id.
        name: Name of the model.
        name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model.
        ready: Whether the model can be served.
        type: Kind of model.
        input_signature_contains_me: Monitoring element that the model takes as an input.
        input_signature_contains_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model takes as an input.
        tag_name: Name of a tag that the model has.
        tag_value: Value of a tag that the model has.
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
    if model_id is not None and not isinstance(model_id, Unset):
        params["model_id"] = model_id
    if model_id__in is not None and not isinstance(model_id__in, Unset):
        params["model_id__in"] = comma_joined(model_id__in)
    if filename is not None and not isinstance(filename, Unset):
        params["filename"] = filename
    if filename__regex is not None and not isinstance(filename__regex, Unset):
        params["filename__regex"] = filename__regex
    if target_me is not None and not isinstance(target_me, Unset):
        params["target_me"] = target_me
    if target_me__regex is not None and not isinstance(target_me__regex, Unset):
        params["target_me__regex"] = target_me__regex
    if active is not None and not isinstance(active, Unset):
        params["active"] = active
    if order_by is not None and not isinstance(order_by, Unset):
        params["order_by"] = repeated(order_by)
    if id is not None and not isinstance(id, Unset):
        params["id"] = id
    if id__in is not None and not isinstance(id__in, Unset):
        params["id__in"] = comma_joined(id__in)
    if name is not None and not isinstance(name, Unset):
        params["name"] = name
    if name__regex is not None and not isinstance(name__regex, Unset):
        params["name__regex"] = name__regex
    if ready is not None and not isinstance(ready, Unset):
        params["ready"] = ready
    if type is not None and not isinstance(type, Unset):
        params["type"] = type
    if input_signature_contains_me is not None and not isinstance(input_signature_contains_me, Unset):
        params["input_signature_contains_me"] = input_signature_contains_me
    if input_signature_contains_me__regex is not None and not isinstance(
        input_signature_contains_me__regex, Unset
    ):
        params["input_signature_contains_me__regex"] = input_signature_contains_me__regex
    if tag_name is not None and not isinstance(tag_name, Unset):
        params["tag_name"] = tag_name
    if tag_value is not None and not isinstance(tag_value, Unset):
        params["tag_value"] = tag_value
    headers: dict[str, str] = {}
    if workspace is not None and not isinstance(workspace, Unset):
        headers["Workspace"] = workspace
    return {
        "method": "GET",
        "url": "/api/v1/ml-models-index/",
        "params": params,
        "headers": headers,
    }


def _parse_response(response: "httpx.Response") -> Error | MLModelsIndexPage | ValidationErrors | str:
    try:
        if response.status_code == 200:
            response_200 = MLModelsIndexPage.from_dict(response.json())

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
) -> Response[Error | MLModelsIndexPage | ValidationErrors | str]:
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
    model_id: int | Unset | None = UNSET,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    filename: str | Unset | None = UNSET,
    filename__regex: str | Unset | None = UNSET,
    target_me: str | Unset | None = UNSET,
    target_me__regex: str | Unset | None = UNSET,
    active: bool | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    id: int | Unset | None = UNSET,
    id__in: Sequence[int] | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    name__regex: str | Unset | None = UNSET,
    ready: bool | Unset | None = UNSET,
    type: str | Unset | None = UNSET,
    input_signature_contains_me: str | Unset | None = UNSET,
    input_signature_contains_me__regex: str | Unset | None = UNSET,
    tag_name: str | Unset | None = UNSET,
    tag_value: str | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | MLModelsIndexPage | ValidationErrors | str]:
    """List models.

    Args:
        client: What to send the request through.
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        model_id: Identifier of the model; v1.12 only, a newer service ignores it and takes id.
        model_id__in: Any of these values, sent comma-separated. Identifier of the model; v1.12 only, a newer service
            ignores it and takes id.
        filename: Name of the model's file; v1.12 only.
        filename__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model's file; v1.12 only.
        target_me: Monitoring element that the model judges; v1.12 only.
        target_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model judges; v1.12 only.
        active: Whether the model judges new data.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
        id: Identifier of the model; a v1.12 service ignores it and takes model_id.
        id__in: Any of these values, sent comma-separated. Identifier of the model; a v1.12 service ignores it
            and takes model_id.
        name: Name of the model.
        name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model.
        ready: Whether the model can be served.
        type: Kind of model.
        input_signature_contains_me: Monitoring element that the model takes as an input.
        input_signature_contains_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model takes as an input.
        tag_name: Name of a tag that the model has.
        tag_value: Value of a tag that the model has.
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
        model_id=model_id,
        model_id__in=model_id__in,
        filename=filename,
        filename__regex=filename__regex,
        target_me=target_me,
        target_me__regex=target_me__regex,
        active=active,
        order_by=order_by,
        id=id,
        id__in=id__in,
        name=name,
        name__regex=name__regex,
        ready=ready,
        type=type,
        input_signature_contains_me=input_signature_contains_me,
        input_signature_contains_me__regex=input_signature_contains_me__regex,
        tag_name=tag_name,
        tag_value=tag_value,
        workspace=workspace,
    )
    return _build_response(client.get_httpx_client().request(**arguments))


def sync(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    model_id: int | Unset | None = UNSET,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    filename: str | Unset | None = UNSET,
    filename__regex: str | Unset | None = UNSET,
    target_me: str | Unset | None = UNSET,
    target_me__regex: str | Unset | None = UNSET,
    active: bool | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    id: int | Unset | None = UNSET,
    id__in: Sequence[int] | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    name__regex: str | Unset | None = UNSET,
    ready: bool | Unset | None = UNSET,
    type: str | Unset | None = UNSET,
    input_signature_contains_me: str | Unset | None = UNSET,
    input_signature_contains_me__regex: str | Unset | None = UNSET,
    tag_name: str | Unset | None = UNSET,
    tag_value: str | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | MLModelsIndexPage | ValidationErrors | str:
    """List models. As `sync_detailed`, but the parsed answer alone."""
    return sync_detailed(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        model_id=model_id,
        model_id__in=model_id__in,
        filename=filename,
        filename__regex=filename__regex,
        target_me=target_me,
        target_me__regex=target_me__regex,
        active=active,
        order_by=order_by,
        id=id,
        id__in=id__in,
        name=name,
        name__regex=name__regex,
        ready=ready,
        type=type,
        input_signature_contains_me=input_signature_contains_me,
        input_signature_contains_me__regex=input_signature_contains_me__regex,
        tag_name=tag_name,
        tag_value=tag_value,
        workspace=workspace,
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    model_id: int | Unset | None = UNSET,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    filename: str | Unset | None = UNSET,
    filename__regex: str | Unset | None = UNSET,
    target_me: str | Unset | None = UNSET,
    target_me__regex: str | Unset | None = UNSET,
    active: bool | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    id: int | Unset | None = UNSET,
    id__in: Sequence[int] | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    name__regex: str | Unset | None = UNSET,
    ready: bool | Unset | None = UNSET,
    type: str | Unset | None = UNSET,
    input_signature_contains_me: str | Unset | None = UNSET,
    input_signature_contains_me__regex: str | Unset | None = UNSET,
    tag_name: str | Unset | None = UNSET,
    tag_value: str | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Response[Error | MLModelsIndexPage | ValidationErrors | str]:
    """List models. As `sync_detailed`, without blocking."""
    arguments = request(
        next_token=next_token,
        page_size=page_size,
        fields=fields,
        model_id=model_id,
        model_id__in=model_id__in,
        filename=filename,
        filename__regex=filename__regex,
        target_me=target_me,
        target_me__regex=target_me__regex,
        active=active,
        order_by=order_by,
        id=id,
        id__in=id__in,
        name=name,
        name__regex=name__regex,
        ready=ready,
        type=type,
        input_signature_contains_me=input_signature_contains_me,
        input_signature_contains_me__regex=input_signature_contains_me__regex,
        tag_name=tag_name,
        tag_value=tag_value,
        workspace=workspace,
    )
    return _build_response(await client.get_async_httpx_client().request(**arguments))


async def asyncio(
    *,
    client: "AuthenticatedClient",
    next_token: str | Unset | None = UNSET,
    page_size: int | Unset | None = UNSET,
    fields: Sequence[str] | Unset | None = UNSET,
    model_id: int | Unset | None = UNSET,
    model_id__in: Sequence[int] | Unset | None = UNSET,
    filename: str | Unset | None = UNSET,
    filename__regex: str | Unset | None = UNSET,
    target_me: str | Unset | None = UNSET,
    target_me__regex: str | Unset | None = UNSET,
    active: bool | Unset | None = UNSET,
    order_by: Sequence[str] | Unset | None = UNSET,
    id: int | Unset | None = UNSET,
    id__in: Sequence[int] | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    name__regex: str | Unset | None = UNSET,
    ready: bool | Unset | None = UNSET,
    type: str | Unset | None = UNSET,
    input_signature_contains_me: str | Unset | None = UNSET,
    input_signature_contains_me__regex: str | Unset | None = UNSET,
    tag_name: str | Unset | None = UNSET,
    tag_value: str | Unset | None = UNSET,
    workspace: str | Unset | None = UNSET,
) -> Error | MLModelsIndexPage | ValidationErrors | str:
    """List models. As `sync`, without blocking."""
    return (
        await asyncio_detailed(
            next_token=next_token,
            page_size=page_size,
            fields=fields,
            model_id=model_id,
            model_id__in=model_id__in,
            filename=filename,
            filename__regex=filename__regex,
            target_me=target_me,
            target_me__regex=target_me__regex,
            active=active,
            order_by=order_by,
            id=id,
            id__in=id__in,
            name=name,
            name__regex=name__regex,
            ready=ready,
            type=type,
            input_signature_contains_me=input_signature_contains_me,
            input_signature_contains_me__regex=input_signature_contains_me__regex,
            tag_name=tag_name,
            tag_value=tag_value,
            workspace=workspace,
            client=client,
        )
    ).parsed
