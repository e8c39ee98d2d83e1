"""What requests and answers are made of, whatever the operation."""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar

from attrs import define


class Unset:
    """The type of `UNSET`: an argument that was not given, or a field that the service did not send."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Unset = Unset()

ABSENT: Any = UNSET
"""Default of a field that the service need not send. Never read back: such a field is no attribute of its record."""

QueryValue = str | int | float | bool | list[str]
"""A list stands for a name that is repeated."""


class RequestArguments(TypedDict, total=False):
    """Arguments for `httpx.Client.request`, as the `request` function of each operation makes them."""

    method: Required[str]
    url: Required[str]
    params: dict[str, QueryValue]
    headers: dict[str, str]
    json: Any


def comma_joined(values: Iterable[object]) -> str:
    """Write a list-valued query parameter the one way DIALS reads it (a repeated name keeps the last value only)."""
    if isinstance(values, str):  # joined already, and for Python a sequence of letters
        return values
    return ",".join(str(value) for value in values)


def repeated(values: Iterable[object]) -> list[str]:
    """Write a list-valued query parameter by repeating its name."""
    return [values] if isinstance(values, str) else [str(value) for value in values]


def deep_object(name: str, values: Mapping[str, Any]) -> dict[str, QueryValue]:
    """Write nested mappings as `name[key][key]=value`."""
    flat: dict[str, QueryValue] = {}
    for key, value in values.items():
        inner = f"{name}[{key}]"
        if isinstance(value, Mapping):
            flat |= deep_object(inner, value)
        else:
            flat[inner] = value
    return flat


T = TypeVar("T")


@define
class Response(Generic[T]):
    """An answer: `parsed` holds what the contract says of its status."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    parsed: T


__all__ = [
    "ABSENT",
    "UNSET",
    "QueryValue",
    "RequestArguments",
    "Response",
    "Unset",
    "comma_joined",
    "deep_object",
    "repeated",
]
