"""What records, filters and results can do as if they were pydantic models, which they were before cmsdials 3.

The names and what they answer are those of pydantic 2; pydantic itself is not needed. What is not a field of the
model, such as `extra`, is not in it.
"""

import copy
import datetime as dt
import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Literal, Self, TypedDict, Unpack, get_type_hints

from attrs import NOTHING, evolve, fields_dict, frozen

_Dict = dict[str, Any]  # inside the class, `dict` is its method
_Names = set[str]


@frozen
class ModelField:
    """A field of a model.

    Attributes:
        annotation: Its type.
        default: Its value where none is given; None also where there is no default.
        required: Whether a value has to be given.
    """

    annotation: Any
    default: Any
    required: bool

    def is_required(self) -> bool:
        """Whether a value has to be given."""
        return self.required


class Dump(TypedDict, total=False):
    """What `model_dump` takes, and what its neighbours pass on to it."""

    include: Collection[str] | None
    exclude: Collection[str] | None
    exclude_unset: bool
    exclude_defaults: bool
    exclude_none: bool
    by_alias: bool | None


class _ModelFields:
    """Reads the fields of a class, from the class and from its objects."""

    def __get__(self, instance: object, owner: "type[PydanticLike]") -> Mapping[str, ModelField]:
        hints, declared = get_type_hints(owner), fields_dict(owner)
        made = {}
        for name in owner.model_names():
            default = declared[name].default if name in declared else NOTHING
            shown = default if isinstance(default, str | int | float) else None
            made[name] = ModelField(hints.get(name, Any), shown, required=default is NOTHING)
        return made


class PydanticLike:
    """Mixed into classes of attrs: the methods of pydantic's models that scripts use.

    Attributes:
        model_fields: The fields by name, of the class.
    """

    __slots__ = ()
    __attrs_attrs__: ClassVar[Any]  # which every class has that this is mixed into

    model_fields: ClassVar[_ModelFields] = _ModelFields()

    @classmethod
    def model_names(cls) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(fields_dict(cls))

    def model_values(self) -> _Dict:
        """Return the fields that there are, as they are."""
        return {name: getattr(self, name) for name in self.model_names()}

    @property
    def model_fields_set(self) -> _Names:
        """The names of the fields that were given, or sent."""
        return {name for name, value in self.model_values().items() if value is not None}

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] | str = "python",
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        by_alias: bool | None = None,  # noqa: ARG002  # scripts give it
    ) -> _Dict:
        """Return the fields as plain Python: dicts and lists of their own, down to numbers, text and times.

        Args:
            mode: "json" turns times into text and numbers that are not finite into None.
            include: Names of the fields to return; None for all.
            exclude: Names of the fields to leave out.
            exclude_unset: Leave out what was not given, or sent.
            exclude_defaults: The same.
            exclude_none: Leave out what is None.
            by_alias: Changes nothing: no field has another name.
        """
        if isinstance(include, str | Mapping) or isinstance(exclude, str | Mapping):
            message = "include= and exclude= take a set or a list of names"
            raise TypeError(message)
        known = self.model_fields_set if exclude_unset or exclude_defaults else None
        passed_on: Dump = {
            "exclude_unset": exclude_unset,
            "exclude_defaults": exclude_defaults,
            "exclude_none": exclude_none,
        }
        return {
            name: _plain(value, passed_on, as_json=mode == "json")
            for name, value in self.model_values().items()
            if (include is None or name in include)
            and (exclude is None or name not in exclude)
            and (known is None or name in known)
            and not (exclude_none and value is None)
        }

    def model_dump_json(self, *, indent: int | None = None, **how: Unpack[Dump]) -> str:
        """Return the fields as JSON text: `model_dump(mode="json")`, which takes the other arguments."""
        separators = (",", ":") if indent is None else None
        return json.dumps(
            self.model_dump(mode="json", **how), indent=indent, separators=separators, ensure_ascii=False
        )

    def json(self, *, indent: int | None = None, **how: Unpack[Dump]) -> str:
        """The same as `model_dump_json`, under its name of pydantic 1."""
        return self.model_dump_json(indent=indent, **how)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy.

        Args:
            update: Fields that are different in it.
            deep: Whether it has lists and dicts of its own too.
        """
        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    def copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same as `model_copy`, under its name of pydantic 1."""
        return self.model_copy(update=update, deep=deep)


class FrozenPydanticLike(PydanticLike):
    """The same, for what cannot be changed."""

    __slots__ = ()

    def dict(self, **how: Unpack[Dump]) -> _Dict:
        """The same as `model_dump`, under its name of pydantic 1."""
        return self.model_dump(**how)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002  # nothing in it can change
        """Return a copy, checked as any other, in which the fields of `update` are different."""
        made: Self = evolve(self, **(update or {}))  # type: ignore[misc]  # mypy knows a class of attrs by its decorator alone
        return made


def _plain(value: Any, how: Dump, *, as_json: bool) -> Any:
    if isinstance(value, PydanticLike):
        return value.model_dump(mode="json" if as_json else "python", **how)
    if isinstance(value, Mapping):
        return {name: _plain(one, how, as_json=as_json) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, how, as_json=as_json) if _is_changed(one) else one for one in value]
    return _in_json(value) if as_json else value


def _is_changed(value: Any) -> bool:
    """Whether the item of a list has to be looked at: most are numbers."""
    return not isinstance(value, int) and not (isinstance(value, float) and math.isfinite(value))


_JSON: Mapping[type, Callable[[Any], Any]] = {
    dt.datetime: lambda value: value.isoformat().replace("+00:00", "Z"),
    float: lambda value: value if math.isfinite(value) else None,
}


def _in_json(value: Any) -> Any:
    if hasattr(value, "tolist"):  # an array or a scalar of NumPy, which someone has put there
        return _plain(value.tolist(), {}, as_json=True)
    return _JSON[type(value)](value) if type(value) in _JSON else value
