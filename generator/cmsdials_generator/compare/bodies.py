"""What is sent besides the parameters: the request body, and the answers with their headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .document import mapping
from .place import Place
from .schemas import Schemas
from .severity import Severity


def compare_request_body(schemas: Schemas, place: Place, old: Any, new: Any) -> None:
    """Report what changed in the request body of an operation."""
    here = place.part("request body")
    before, after = schemas.old.resolve(old), schemas.new.resolve(new)
    required = [mapping(body).get("required") is True for body in (before, after)]
    if before is None and after is not None:
        schemas.added(here, "request body", required=required[1])
    elif before is not None and after is None:
        schemas.report("breaking", here, "request body removed")
    elif before is not None:
        here = here.home(old)
        schemas.required(here, required[0], required[1])
        compare_content(schemas, here, mapping(before).get("content"), mapping(after).get("content"))


def compare_answers(schemas: Schemas, place: Place, old: Any, new: Any) -> None:
    """Report what changed in the answers of an operation, status by status."""
    olds, news = (
        {str(k): v for k, v in mapping(one).items() if not str(k).startswith("x-")} for one in (old, new)
    )
    for status, answer in olds.items():
        match = _covering(status, news)
        if match is None:
            kind, severity = _kind(status)
            schemas.report(severity, place.part(f"answer {status}"), f"{kind} answer removed", status)
        else:
            _compare_answer(schemas, place.part(f"answer {status}").home(answer), answer, news[match])
    for status in news:
        if _covering(status, olds) is None:
            kind, severity = _kind(status)
            schemas.report(severity, place.part(f"answer {status}"), f"{kind} answer added", None, status)


def _kind(status: str) -> tuple[str, Severity]:
    return ("success", "breaking") if _is_success(status) else ("error", "compatible")


def _is_success(status: str) -> bool:
    return status[:1] in ("1", "2", "3")


def _covering(status: str, answers: Mapping[str, Any]) -> str | None:
    """Find the entry for a status: itself, its range such as `2XX`, or `default`.

    `default` means the errors, unless it is the only entry that can mean a success.
    """
    ranges = {key.upper(): key for key in answers}
    found = next((ranges[key] for key in (status.upper(), f"{status[:1]}XX") if key in ranges), None)
    if found is None and not (_is_success(status) and any(map(_is_success, answers))):
        return ranges.get("DEFAULT")
    return found


def _compare_answer(schemas: Schemas, place: Place, old: Any, new: Any) -> None:
    before, after = mapping(schemas.old.resolve(old)), mapping(schemas.new.resolve(new))
    compare_content(schemas, place, before.get("content"), after.get("content"))
    olds, news = (
        {name.lower(): node for name, node in mapping(one.get("headers")).items()} for one in (before, after)
    )
    for name, node in olds.items():
        here = place.part(f"header {name}")
        if name not in news:
            schemas.report("breaking", here, "header removed", name)
            continue
        header, later = mapping(schemas.old.resolve(node)), mapping(schemas.new.resolve(news[name]))
        schemas.required(here, header.get("required") is True, later.get("required") is True)
        schemas.compare(header.get("schema", True), later.get("schema", True), here.home(node))
    for name in news:
        if name not in olds:
            schemas.report("compatible", place.part(f"header {name}"), "header added", None, name)


def compare_content(schemas: Schemas, place: Place, old: Any, new: Any) -> None:
    """Report what changed in a body, by media type, as far as both sides have them."""
    olds, news = _media(old), _media(new)
    gone = [media for media in olds if _taken_by(media, news) is None]
    come = [media for media in news if _taken_by(media, olds) is None]
    if gone and come and len(olds) == len(news) == 1:
        what = f"media type changed from {gone[0]} to {come[0]}"
        schemas.report("breaking", place, what, gone[0], come[0])
        return
    for media in gone:
        schemas.report("breaking", place, f"media type removed: {media}", media)
    for media in come:
        schemas.report("compatible", place, f"media type added: {media}", None, media)
    for media, body in olds.items():
        match = _taken_by(media, news)
        if match is not None:
            here = place if len(olds) == 1 else place.part(f"({media})")
            schemas.compare(body.get("schema", True), news[match].get("schema", True), here)


def _media(content: Any) -> dict[str, Mapping[str, Any]]:
    return {name.partition(";")[0].strip().lower(): mapping(node) for name, node in mapping(content).items()}


def _taken_by(media: str, others: Mapping[str, Any]) -> str | None:
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    return next((one for one in ranges if one in others), None)
