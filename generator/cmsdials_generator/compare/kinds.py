"""What a schema in normal form is made of: alternatives of a single JSON type each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

NOTHING = "nothing"
"""The type of the schema that no value fits."""

SCALARS = ("string", "integer", "number", "boolean")

_NUMBER_KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "string": ("format", "minLength", "maxLength", "pattern"),
    "integer": ("format", *_NUMBER_KEYWORDS),
    "number": ("format", *_NUMBER_KEYWORDS),
    "boolean": ("format",),
    "array": ("items", "minItems", "maxItems", "uniqueItems", "prefixItems", "contains"),
    "object": (
        "properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties",
        "propertyNames", "dependentRequired", "dependentSchemas",
    ),
}  # fmt: skip
"""The keywords that mean something for a type; `enum` and `not` do for all."""

OPAQUE_KEYWORDS = (
    "not", "prefixItems", "contains", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas",
)  # fmt: skip
"""Keywords that are compared as a whole: finer comparison has not been needed."""


@frozen
class Kind:
    """One alternative of a schema: values of a single JSON type.

    Attributes:
        type: a JSON type, "nothing", or None for values of any type.
        keywords: what else holds of them: only the keywords that mean something for the type.
        name: the component, if the kind is exactly one.
    """

    type: str | None = None
    keywords: Mapping[str, Any] = field(factory=dict)
    name: str | None = None

    @property
    def trivial(self) -> bool:
        """Whether all values of the type are meant."""
        return not self.keywords

    @property
    def enum(self) -> list[Any] | None:
        """The values, if they are listed."""
        values = self.keywords.get("enum")
        return values if isinstance(values, list) else None


def includes_type(wide: str | None, narrow: str | None) -> bool:
    """Tell whether every value of the type `narrow` is of the type `wide`."""
    return wide is None or narrow in (wide, NOTHING) or (wide == "number" and narrow == "integer")


def covers(wide: Kind, narrow: Kind) -> bool:
    """Tell whether every value of `narrow` is one of `wide`, as far as that is obvious."""
    return includes_type(wide.type, narrow.type) and (wide.type != narrow.type or wide.trivial)
