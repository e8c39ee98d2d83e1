"""Comparing two whole documents: the one list of changes that the rest of the package contributes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from .change import Change
from .document import Document
from .paths import compare_paths
from .place import Place
from .security import SECURITY
from .servers import compare_servers, server_urls


def compare(contract: Mapping[str, Any], published: Mapping[str, Any]) -> list[Change]:
    """List what `published` changes for a client of `contract`: breaking changes first, then by place."""
    servers = compare_servers(Place("servers"), server_urls(contract), server_urls(published))
    changes = _merged([*servers, *compare_paths(Document(contract), Document(published))])
    return sorted(changes, key=lambda change: (change.severity, change.where, change.what, repr(change)))


def _merged(changes: Iterable[Change]) -> Iterator[Change]:
    """Join what differs only in the operations: it is one change, of something that they share."""
    operations: defaultdict[Change, set[str]] = defaultdict(set)
    for change in changes:
        operations[evolve(change, operations=())] |= set(change.operations)
    for change, touched in operations.items():
        where = change.where
        if where == SECURITY and len(touched) == 1:
            where = f"{min(touched)} {where}"
        yield evolve(change, where=where, operations=tuple(sorted(touched)))
