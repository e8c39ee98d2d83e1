"""Matches the paths of the two documents, and finds added and removed operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from .change import Change
from .document import Document, mapping
from .operation import Operation, compare_operation

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VARIABLE = re.compile(r"\{([^{}]*)\}")


@frozen
class _Path:
    """A path with the names of its variables, and its operations by method."""

    path: str
    variables: tuple[str, ...]
    operations: Mapping[str, Operation]

    @property
    def shape(self) -> str:
        """The path without the names of its variables: `/run/{}/`."""
        return _VARIABLE.sub("{}", self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{method.upper()} {self.path}" for method in sorted(self.operations))


def compare_paths(old: Document, new: Document) -> Iterator[Change]:
    """List the changes of all paths, and of the operations below them."""
    pairs, gone, come = _paired(_paths(old), _paths(new))
    for path in gone:
        yield Change("breaking", path.path, "path removed", path.path, None, path.labels)
    for path in come:
        yield Change("compatible", path.path, "path added", None, path.path, path.labels)
    for before, after in pairs:
        if before.shape != after.shape:
            slash = "with" if after.path.endswith("/") else "without"
            what = f"path changed: now {slash} a trailing slash"
            yield Change("breaking", before.path, what, before.path, after.path, before.labels)
        names, later = before.variables, after.variables
        if names != later and sorted(names) == sorted(later):
            what = f"path parameters changed places: now {', '.join(later)}"
            yield Change("breaking", before.path, what, names, later, before.labels)
        yield from _compare_methods(before, after)


def _paths(document: Document) -> list[_Path]:
    paths = []
    for path, reference in mapping(document.tree.get("paths")).items():
        item = mapping(document.resolve(reference))
        variables = tuple(_VARIABLE.findall(path))
        operations = {
            method: Operation(document, item[method], item, variables)
            for method in _METHODS
            if isinstance(item.get(method), Mapping)
        }
        if operations and not path.startswith("x-"):
            paths.append(_Path(path, variables, operations))
    return paths


def _paired(
    olds: list[_Path], news: list[_Path]
) -> tuple[list[tuple[_Path, _Path]], list[_Path], list[_Path]]:
    """Pair paths that are equal, else equal but for names of variables, else but for a trailing slash."""
    pairs = []
    keys: tuple[Callable[[_Path], str], ...] = (
        lambda path: path.path,
        lambda path: path.shape,
        lambda path: path.shape.rstrip("/"),
    )
    for key in keys:
        left = {key(path): path for path in reversed(news)}
        for path in list(olds):
            match = left.pop(key(path), None)
            if match is not None:
                pairs.append((path, match))
                olds.remove(path)
                news.remove(match)
    return pairs, olds, news


def _compare_methods(before: _Path, after: _Path) -> Iterator[Change]:
    for method in _METHODS:
        label = f"{method.upper()} {before.path}"
        old, new = before.operations.get(method), after.operations.get(method)
        if old and new:
            yield from compare_operation(label, old, new)
        elif old:
            yield Change("breaking", label, "operation removed", operations=(label,))
        elif new:
            yield Change("compatible", label, "operation added", operations=(label,))
