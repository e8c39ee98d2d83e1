# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""What every record shares: it is made of exactly the keys that the service sent.

A key that the service did not send (because of `fields`, or of its generation) is no attribute of the record;
a key that the contract does not know stands in `extra`.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, Unpack

from attrs import frozen

from .errors import MalformedAnswer
from .pydantic_like import Dump, PydanticLike
from .types import Unset

AXES = ("x", "y", "z")
"""The axes that a histogram can have."""


@frozen
class Field:
    """A field of a record, as the contract declares it.

    Attributes:
        name: Its name, on the wire and in Python.
        kind: integer, number, string, boolean, datetime, array, object or any.
        required: Whether the service always sends it (when `fields` does not leave it out).
        nullable: Whether it may be null.
        record: The record that it holds, or that its items are.
        dimensions: Of an array of numbers: 1, or more for arrays of arrays; 0 of everything else.
        axes: Of the contents of a histogram: its axes, of which the last one is the outermost in the array.
    """

    name: str
    kind: str
    required: bool
    nullable: bool
    record: "type[Record | FreeObject] | None" = None
    dimensions: int = 0
    axes: tuple[str, ...] = ()

    @property
    def lengths(self) -> tuple[str, ...]:
        """The fields that say how long it is, outermost first; empty if it is not the contents of a histogram."""
        return tuple(f"{axis}_bin" for axis in reversed(self.axes))

    def read(self, value: Any, where: str = "") -> Any:
        """Return a JSON value as the record holds it.

        Args:
            value: The value.
            where: Its place in the document, for the error.

        Raises:
            MalformedAnswer: It is not of the field's kind.
        """
        if value is None and self.nullable:
            return None
        try:
            parsed = _PARSERS[self.kind](value)
        except (TypeError, ValueError, OverflowError):
            expected = "date and time" if self.kind == "datetime" else self.kind
            raise MalformedAnswer(where, f"is {_short(value)}, not of type {expected}") from None
        if self.record is None:
            return parsed
        if self.kind == "array":
            return [self.record.from_dict(item, where=f"{where}[{i}]") for i, item in enumerate(parsed)]
        return self.record.from_dict(parsed, where=where)


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


class Row(Protocol):
    """What a record is made of where its fields are kept elsewhere, such as in columns."""

    def names(self) -> Sequence[str]:
        """Return the fields that the service sent, in the order of the contract."""

    def value(self, name: str) -> Any:
        """Return a field as the record is to hold it."""

    def extra(self) -> dict[str, Any]:
        """Return what the service sent and the contract does not know."""


class _HasDict:
    __slots__ = ("__dict__", "__weakref__")


_Fields = dict[str, Any]  # inside the class, `dict` is its method
_filled: Any = _HasDict.__dict__["__dict__"]  # the instance's own dict, below the property of the same name


class Record(_HasDict, PydanticLike):
    """A record of the contract.

    A record may be made of a row that is kept elsewhere (`Record.of`); its fields are then fetched when someone
    looks at them. As soon as something is handed out or set that can change, the record is on its own.

    Attributes:
        FIELDS: Its fields, in the order of data frame columns.
    """

    __slots__ = ("_extra", "_row")

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    _extra: dict[str, Any]
    _row: Row | None

    def __new__(cls, *_args: Any, **_fields: Any) -> Self:
        """Make a record without fields; attrs, `from_dict` or a row gives it some."""
        record = super().__new__(cls)
        _set(record, "_extra", {})
        _set(record, "_row", None)
        return record

    def __attrs_post_init__(self) -> None:
        for name in [name for name, value in self.__dict__.items() if isinstance(value, Unset)]:
            del self.__dict__[name]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Make a record of a row that is kept elsewhere."""
        record = cls.__new__(cls)
        _set(record, "_row", row)
        return record

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # object has it as a variable
        """The fields that the service sent, in the order of the contract."""
        self._stand_alone()
        return _filled.__get__(self)  # type: ignore[no-any-return]

    @property
    def extra(self) -> dict[str, Any]:
        """What the service sent and the contract does not know."""
        self._stand_alone()
        return self._extra

    def _stand_alone(self) -> None:
        row = self._row
        if row is None:
            return
        fields, extra, own = (
            {name: row.value(name) for name in row.names()},
            row.extra(),
            _filled.__get__(self),
        )
        if self._row is row:  # no other thread was faster, whose caller may have changed something by now
            for name, value in fields.items():
                own.setdefault(name, value)
            _set(self, "_extra", extra)
            _set(self, "_row", None)

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
                values[field.name] = field.read(source[field.name], f"{where}.{field.name}".lstrip("."))
            elif field.required and not partial:
                raise MalformedAnswer(f"{where}.{field.name}".lstrip("."), "is missing")
        record.extra.update((key, value) for key, value in source.items() if key not in values)
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON holds it, `extra` included."""
        return {name: _plain(value) for name, value in (self.__dict__ | self.extra).items()}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield (field, value) for what the service sent, so that `dict(record)` is `record.dict()`."""
        return iter(self.__dict__.items())

    if not TYPE_CHECKING:  # so that a type checker knows a field that does not exist

        def __getattr__(self, name: str) -> Any:
            row = None if name.startswith("_") else self._row
            if row is not None and name in row.names():
                value = row.value(name)
                if isinstance(value, _NEVER_CHANGES):
                    return value
                return self.__dict__[name]
            if not name.startswith("_") and name in _filled.__get__(self):
                return _filled.__get__(self)[name]  # another thread has put it there in this moment
            declared = self.model_names()
            if name in declared:
                same = _SAME.get(name)
                if same in declared and same in (self.__dict__ if row is None else row.names()):
                    return getattr(self, same)
                message = (
                    f"this {type(self).__name__} has no {name!r}: the service did not send it, because `fields` left it "
                    "out or because this generation of the service does not know it"
                )
            else:
                message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        self._stand_alone()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._stand_alone()
        super().__delattr__(name)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _restored, (type(self), {**self.__dict__}, {**self.extra})

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # Only pickles of cmsdials 1.8 and 2.4 have a state: that of a pydantic model.
        self.__dict__.update(state["__dict__"])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, others = self.__dict__, other.__dict__
        try:
            return mine == others and self.extra == other.extra
        except ValueError:  # arrays, which someone has put there, say of each number whether it is equal
            one, another = (
                _without_arrays([*record]) for record in ((mine, self.extra), (others, other.extra))
            )
            return bool(one == another)

    def dict(self, **how: Unpack[Dump]) -> dict[str, Any]:
        """Return the fields that the service sent, in the order of the contract, as they are.

        Args:
            **how: As in `model_dump`, which then makes plain Python of them.
        """
        return self.model_dump(**how) if how else {**self.__dict__}

    @classmethod
    def model_names(cls) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(field.name for field in cls.FIELDS)

    def model_values(self) -> _Fields:
        """Return the fields that the service sent."""
        return self.__dict__

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that the service sent."""
        return {*self.__dict__}

    __hash__ = None  # type: ignore[assignment]  # records can change, so they have no hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_short(value)}' for name, value in self.__dict__.items())})"


def _without_arrays(value: Any) -> Any:
    """Return a value without arrays."""
    if isinstance(value, dict):
        return {name: _without_arrays(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _restored(cls: type[Record], fields: dict[str, Any], extra: dict[str, Any]) -> Record:
    record = cls.__new__(cls)
    record.__dict__.update(fields)
    record.extra.update(extra)
    return record


def row_of(record: Record) -> Row | None:
    """Return the row that a record is made of and still equal to; None of a record on its own."""
    return record._row


_SAME = {"model_id": "id", "id": "model_id"}
"""A field that the generations of the service call differently: a record that has both names answers to both."""
_set = object.__setattr__
_NEVER_CHANGES = (str, int, float, bool, dt.datetime, type(None))


def as_array(source: Any) -> list[Any]:
    """Return `source`, an answer that has to be a JSON array."""
    if not isinstance(source, list):
        raise MalformedAnswer(where="", problem=f"is {_short(source)}, not an array")
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


@cache
def _time_reader() -> Callable[[str], dt.datetime]:
    from .times import read_time  # noqa: PLC0415  # few records hold a time, and dateutil takes long to load

    return read_time


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "integer": _whole,
    "number": _number,
    "string": lambda value: _exactly(str, value),
    "boolean": lambda value: _exactly(bool, value),
    "datetime": lambda value: _time_reader()(_exactly(str, value)),
    "array": lambda value: _exactly(list, value),
    "object": lambda value: _exactly(dict, value),
    "any": lambda value: value,
}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Record):
        return value.to_dict()
    return value


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
