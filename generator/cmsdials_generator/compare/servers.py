"""The base addresses of the service, which a document, a path or an operation may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .change import Change
from .document import mapping, sequence, short
from .place import Place


def compare_servers(
    place: Place, olds: list[str], news: list[str], operations: tuple[str, ...] = ()
) -> Iterator[Change]:
    """List the base addresses that are gone, and the new ones."""
    for url in olds:
        if url not in news:
            yield Change("breaking", str(place), f"server removed: {url}", short(url), None, operations)
    for url in news:
        if url not in olds:
            yield Change("compatible", str(place), f"server added: {url}", None, short(url), operations)


def server_urls(holder: Mapping[str, Any]) -> list[str]:
    """List the base addresses with the defaults of their variables; a document without any stands at `/`."""
    urls = []
    for server in sequence(holder.get("servers")):
        url = str(mapping(server).get("url", "/"))
        for name, variable in mapping(mapping(server).get("variables")).items():
            url = url.replace(f"{{{name}}}", str(mapping(variable).get("default", "")))
        urls.append(url.rstrip("/") or "/")
    return list(dict.fromkeys(urls)) or ["/"]
