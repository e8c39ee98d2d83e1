# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""What every record shares: it is made of exactly the keys that the service sent.

A key that the service did not send (because of `fields`, or of its generation) is no attribute of the record;
a key that the contract does not know stands in `extra`.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

from attrs import frozen

from .errors import MalformedAnswer
from .types import Unset


@frozen
class Field:
    """A field of a record, as the contract declares it.

    Attributes:
        name: Its name, on the wire and in Python.
        kind: integer, number, string, boolean, datetime, array, object or any.
        required: Whether the service always sends it (when `fields` does not leave it out).
        nullable: Whether it may be null.
        record: The record that it holds, or that its items are.
    """

    name: str
    kind: str
    required: bool
    nullable: bool
    record: "type[Record | FreeObject] | None" = None


class FreeObject:
    """Mixed into the dicts that stand for objects whose members the contract does not list."""

    @classmethod
    def from_dict(cls, source: Mapping[str, Any], *, where: str = "") -> Self:
        """Make the dict from a JSON object."""
        if not isinstance(source, Mapping):
            raise MalformedAnswer(where, f"is {_short(source)}, not an object")
        made: Self = cls(source)  # type: ignore[call-arg]  # every subclass is a dict too
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict."""
        return dict(self)  # type: ignore[call-overload, no-any-return]  # every subclass is a dict too


class Record:
    """A record of the contract.

    Attributes:
        FIELDS: Its fields, in the order of data frame columns.
        extra: What the service sent and the contract does not know.
    """

    __slots__ = ("__dict__", "__weakref__", "extra")

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    extra: dict[str, Any]

    def __attrs_post_init__(self) -> None:
        self.extra = {}
        for name in [name for name, value in self.__dict__.items() if isinstance(value, Unset)]:
            del self.__dict__[name]

    @classmethod
    def from_dict(cls, source: Mapping[str, Any], *, partial: bool = False, where: str = "") -> Self:
        """Make a record from a JSON object.

        Args:
            source: The object.
            partial: Whether required fields may be missing, as they may when `fields` was asked for.
            where: The place of the object in its document, for the error.

        Raises:
            MalformedAnswer: A required field is missing, or a field is not of its kind.
        """
        if not isinstance(source, Mapping):
            raise MalformedAnswer(where, f"is {_short(source)}, not an object")
        record = cls.__new__(cls)
        values = record.__dict__
        for field in cls.FIELDS:
            if field.name in source:
                values[field.name] = _parse(field, source[field.name], f"{where}.{field.name}".lstrip("."))
            elif field.required and not partial:
                raise MalformedAnswer(f"{where}.{field.name}".lstrip("."), "is missing")
        record.extra = {key: value for key, value in source.items() if key not in values}
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON holds it, `extra` included."""
        return {name: _plain(value) for name, value in (self.__dict__ | self.extra).items()}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield (field, value) for what the service sent, so that `dict(record)` is `record.dict()`."""
        return iter(self.__dict__.items())

    def __getattr__(self, name: str) -> Any:
        if any(field.name == name for field in type(self).FIELDS):
            message = (
                f"this {type(self).__name__} has no {name!r}: the service did not send it, because `fields` left it "
                "out or because this generation of the service does not know it"
            )
        else:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__dict__ == other.__dict__ and self.extra == other.extra

    def dict(self) -> dict[str, Any]:
        """Return the fields that the service sent, in the order of the contract."""
        return {**self.__dict__}

    __hash__ = None  # type: ignore[assignment]  # records can change, so they have no hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_short(value)}' for name, value in self.__dict__.items())})"


def as_array(source: Any) -> list[Any]:
    """Return `source`, an answer that has to be a JSON array."""
    if not isinstance(source, list):
        raise MalformedAnswer("", f"is {_short(source)}, not an array")
    return source


def _whole(value: Any) -> Any:
    # A number of bins is sent as 100 by one generation and as 100.0 by the other.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _exactly(int, value)


def _exactly(kind: type | tuple[type, ...], value: Any) -> Any:
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        raise TypeError
    return value


def _number(value: Any) -> float:
    return float(_exactly((int, float), value))


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "integer": _whole,
    "number": _number,
    "string": lambda value: _exactly(str, value),
    "boolean": lambda value: _exactly(bool, value),
    "datetime": datetime.datetime.fromisoformat,
    "array": lambda value: _exactly(list, value),
    "object": lambda value: _exactly(dict, value),
    "any": lambda value: value,
}


def _parse(field: Field, value: Any, where: str) -> Any:
    if value is None and field.nullable:
        return None
    try:
        parsed = _PARSERS[field.kind](value)
    except (TypeError, ValueError):
        expected = "date and time" if field.kind == "datetime" else field.kind
        raise MalformedAnswer(where, f"is {_short(value)}, not of type {expected}") from None
    if field.record is None:
        return parsed
    if field.kind == "array":
        return [field.record.from_dict(item, where=f"{where}[{i}]") for i, item in enumerate(parsed)]
    return field.record.from_dict(parsed, where=where)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Record):
        return value.to_dict()
    return value


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
