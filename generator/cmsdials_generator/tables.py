"""The modules that openapi-python-client has no template for: filters, operations, the table of resources.

Pure: from the contract to the text of a module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .canonical import Names, operations
from .emittable import CannotEmit
from .overlay_document import Node

_TEMPLATES = Path(__file__).parent / "templates" / "tables"
_TYPES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool"}


def class_of(schema: str, names: Names) -> str:
    """Name of the Python class emitted for a schema."""
    return names.classes.get(schema, schema)


def modules(contract: Mapping[str, Node], names: Names) -> dict[str, str]:
    """Return module name -> text for every module of this kind."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Python is written here, not HTML
    )
    resources = list(_resources(contract, names))
    context = {
        "filters": [one["filter_class"] for one in resources],
        "resources": resources,
        "operations": sorted(
            (
                {"tag": operation["tags"][0], "id": operation["operationId"]}
                for _, _, operation in operations(contract)
            ),
            key=lambda operation: (operation["tag"], operation["id"]),
        ),
    }
    return {
        f"{name}.py": environment.get_template(f"{name}.py.jinja").render(context)
        for name in ("filters", "operations", "resources")
    }


def _resources(contract: Mapping[str, Node], names: Names) -> Iterator[dict[str, Any]]:
    by_id = {operation["operationId"]: (path, operation) for path, _, operation in operations(contract)}
    for name, filter_class in names.filters.items():
        if f"list_{name}" not in by_id or f"get_{name}" not in by_id:
            # A service that dropped the resource: the drift report says so, and the rest is still emitted.
            continue
        path, listing = by_id[f"list_{name}"]
        try:
            record, paginated = _rows(contract, listing)
        except (KeyError, TypeError):
            message = f"GET {path}: answers neither a page nor an array of records"
            raise CannotEmit(message) from None
        count = by_id.get(f"count_{name}")
        old = by_id.get(f"get_{name}_v1_12")
        yield {
            "name": name,
            "path": path,
            "record": class_of(record, names),
            "filters": filter_class,
            "paginated": paginated,
            "keys": _path_parameters(by_id[f"get_{name}"][1]),
            "list": f"list_{name}",
            "get": f"get_{name}",
            "count": f"count_{name}" if count else None,
            "countable": tuple(one["name"] for one in _query_parameters(count[1])) if count else (),
            "get_v1_12": f"get_{name}_v1_12" if old else None,
            "keys_v1_12": _path_parameters(old[1]) if old else (),
            "filter_class": _filter_class(filter_class, path, listing),
        }


def _rows(contract: Mapping[str, Node], listing: Mapping[str, Node]) -> tuple[str, bool]:
    """Return the schema of the rows, and whether they come in pages."""
    schema = listing["responses"]["200"]["content"]["application/json"]["schema"]
    paginated = "$ref" in schema
    if paginated:
        schema = contract["components"]["schemas"][_referred(schema)]["properties"]["results"]
    return _referred(schema["items"]), paginated


def _referred(schema: Mapping[str, Node]) -> str:
    name: str = schema["$ref"].rsplit("/", 1)[-1]
    return name


def _path_parameters(operation: Mapping[str, Node]) -> tuple[str, ...]:
    return tuple(one["name"] for one in operation["parameters"] if one["in"] == "path")


def _query_parameters(operation: Mapping[str, Node]) -> list[Mapping[str, Node]]:
    return [one for one in operation.get("parameters", []) if one["in"] == "query"]


def _filter_class(name: str, path: str, listing: Mapping[str, Node]) -> dict[str, Any]:
    parameters = _query_parameters(listing)
    return {
        "name": name,
        "path": path,
        "parameters": [
            {
                "name": one["name"],
                "type": _python_type(one["schema"]),
                "kind": _kind(one["schema"]),
                "description": one.get("description", "Not described."),
            }
            for one in parameters
        ],
        "deprecated": sorted(one["name"] for one in parameters if one.get("deprecated")),
    }


def _python_type(schema: Mapping[str, Node]) -> str:
    if schema.get("type") == "array":
        return f"Sequence[{_python_type(schema['items'])}]"
    return _TYPES.get(schema.get("type", ""), "Any")


def _kind(schema: Mapping[str, Node]) -> str:
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}s"
    return str(schema.get("type", "any"))
