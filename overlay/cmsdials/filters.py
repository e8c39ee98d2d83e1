"""The filters of each list, checked when they are made or changed.

The names and kinds are the generated ones (`cmsdials_api.filters`); this module adds what the service does not
do for its users: a misspelt name, a value of the wrong kind or an empty list is an error here, where the service
would ignore it. A filter that is None is not sent.

Scalars of NumPy and Arrow are accepted as values, and any sequence, set, array or column as a list.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from math import isnan
from typing import TYPE_CHECKING, Any, Literal, Unpack, get_args

import cmsdials_api.filters as emitted
from attrs import define, field
from cmsdials_api.pydantic_like import Dump, FrozenPydanticLike, PydanticLike

from cmsdials.errors import FilterError, UnknownFilterError
from cmsdials.expressions import refusal_of
from cmsdials.redaction import shortened

__all__ = [
    "DatasetIndexFilters",
    "FileIndexFilters",
    "Filters",
    "LumisectionFilters",
    "LumisectionHistogram1DFilters",
    "LumisectionHistogram2DFilters",
    "MEFilters",
    "MLBadLumisectionFilters",
    "MLModelsIndexFilters",
    "OMSFilter",
    "OMSPage",
    "RunFilters",
]

Filters = emitted.Filters
"""What all filter classes have in common."""


_Given = dict[str, Any]  # inside the classes, `dict` is their method


class _Checked(PydanticLike, emitted.Filters):
    """Raises our own errors for what the generated classes find, and checks the values too."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = cls.__doc__ or cls.__bases__[-1].__doc__

    @classmethod
    def unknown_filter(cls, name: str) -> UnknownFilterError:
        """Return the error for a filter that the list does not take."""
        error = UnknownFilterError(filter_class=cls.__name__, unknown=name, valid=cls.PARAMETERS)
        error.advice = instead_of(name, cls.PARAMETERS) or error.advice
        return error

    if not TYPE_CHECKING:  # with it, type checkers would accept any name

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, self._checked(name, value))

    def __attrs_post_init__(self) -> None:
        _check_ranges(type(self).__name__, super().given())

    def given(self) -> dict[str, Any]:
        """Return the filters that are set, as they will be sent.

        Raises:
            FilterError: Nothing lies between two bounds, or a list has been changed into one that cannot be sent.
        """
        given = {
            name: self._checked(name, value) if isinstance(value, list) else value
            for name, value in super().given().items()
        }
        _check_ranges(type(self).__name__, given)
        return given

    @classmethod
    def model_names(cls) -> tuple[str, ...]:
        """Return the names of the filters."""
        return tuple(cls.PARAMETERS)

    def dict(self, **how: Unpack[Dump]) -> _Given:
        """Return the filters that are set. With arguments of `model_dump`, return what that does."""
        return self.model_dump(**how) if how else self.given()

    def cleandict(self) -> _Given:
        """Return the filters that are set, under the name of cmsdials 1.8 and 2.4."""
        return self.given()

    def _checked(self, name: str, value: Any) -> Any:
        if value is None or name not in self.PARAMETERS:
            return value
        where = f"{type(self).__name__}.{name}"
        value = checked_value(where, self.PARAMETERS[name], value)
        if isinstance(value, str) and not value.strip():
            message = f"{where} is empty: the service would ignore it and return everything"
            raise FilterError(message, advice="Leave the filter out, or say what to look for.")
        if name == "page_size" and value < 1:
            message = f"{where} must be at least 1, not {value}"
            raise FilterError(message, advice="The service would return its usual 10 rows.")
        if name.endswith("__regex"):
            _check_expression(where, value)
        return value


_TEXTUAL = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact", "like")


def instead_of(name: str, known: Iterable[str]) -> str:
    """Say which existing filters do what a missing one would do; empty if none is known."""
    stem, _, lookup = name.partition("__")
    if lookup == "in" and stem in known:
        ranges = f", or ask for all between {stem}__gte= and {stem}__lte=" if f"{stem}__gte" in known else ""
        return f"This list takes one {stem} at a time: ask in a loop over them{ranges}. Nothing was sent."
    if lookup in _TEXTUAL and f"{stem}__regex" in known:
        return f"Ask for part of a text with {stem}__regex=, a regular expression. Nothing was sent."
    return ""


def _check_expression(where: str, pattern: str) -> None:
    """Refuse a regular expression that the PostgreSQL of the service rejects, or reads differently from Python."""
    refused = refusal_of(pattern)
    if refused is not None:
        message = f"{where} cannot be sent: {refused.problem}, in {_shown(pattern)}. The service reads regular expressions as PostgreSQL does"
        raise FilterError(message, advice=refused.advice)


def _check_ranges(owner: str, given: Mapping[str, Any]) -> None:
    """Refuse empty ranges."""
    for name in {name.removesuffix("__gte").removesuffix("__lte") for name in given}:
        low, high = given.get(f"{name}__gte"), given.get(f"{name}__lte")
        if low is not None and high is not None and low > high:
            message = f"{owner}: {name}__gte={low!r} and {name}__lte={high!r} leave nothing between them"
            raise FilterError(message, advice="Swap the two bounds.")


class DatasetIndexFilters(_Checked, emitted.DatasetIndexFilters):  # noqa: D101  # the docstring is the generated one
    __slots__ = ()


class FileIndexFilters(_Checked, emitted.FileIndexFilters):  # noqa: D101  # as above
    __slots__ = ()


class MEFilters(_Checked, emitted.MEFilters):  # noqa: D101  # as above
    __slots__ = ()


class RunFilters(_Checked, emitted.RunFilters):  # noqa: D101  # as above
    __slots__ = ()


class LumisectionFilters(_Checked, emitted.LumisectionFilters):  # noqa: D101  # as above
    __slots__ = ()


class MLModelsIndexFilters(_Checked, emitted.MLModelsIndexFilters):  # noqa: D101  # as above
    __slots__ = ()


class MLBadLumisectionFilters(_Checked, emitted.MLBadLumisectionFilters):  # noqa: D101  # as above
    __slots__ = ()


MISSPELT = "ls_numbet__lte"


class _HistogramFilters(_Checked):
    """What the filters of both kinds of histograms add: the misspelt name of cmsdials 1.8 and 2.4."""

    __slots__ = ()

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a filter of this name can be given."""
        return name == MISSPELT or super().accepts(name)

    if not TYPE_CHECKING:  # as above

        def __setattr__(self, name: str, value: Any) -> None:
            if name == MISSPELT and value is not None:
                if self.ls_number__lte not in (None, value):
                    message = f"{MISSPELT}={value!r} contradicts ls_number__lte={self.ls_number__lte!r}"
                    advice = f"Give ls_number__lte alone: {MISSPELT} is a misspelling of it."
                    raise FilterError(message, advice=advice)
                message = (
                    f"{MISSPELT} is a misspelling, which older versions did not apply at all; it is taken for "
                    "ls_number__lte. Write ls_number__lte."
                )
                made = hasattr(self, MISSPELT)  # else `__init__` is between this and the user's line
                warnings.warn(message, DeprecationWarning, stacklevel=2 if made else 3)
                self.ls_number__lte, value = value, None
            super().__setattr__(name, value)


@define(kw_only=True, repr=False)
class LumisectionHistogram1DFilters(_HistogramFilters, emitted.LumisectionHistogram1DFilters):  # noqa: D101  # as above
    ls_numbet__lte: int | None = field(default=None, eq=False)


@define(kw_only=True, repr=False)
class LumisectionHistogram2DFilters(_HistogramFilters, emitted.LumisectionHistogram2DFilters):  # noqa: D101  # as above
    ls_numbet__lte: int | None = field(default=None, eq=False)


def _scalar(value: Any) -> Any:
    plain = _plain(value)
    if not isinstance(plain, str | int | float):
        message = f"an OMS filter compares with one value, text or a number, not {_shown(plain)}"
        raise FilterError(message, advice="For several values make several queries, or use GE and LE.")
    return plain


Operator = Literal["EQ", "NEQ", "LT", "GT", "LE", "GE", "LIKE"]


@define(kw_only=True, frozen=True)
class OMSFilter(FrozenPydanticLike):
    """One condition of an OMS query.

    Attributes:
        attribute_name: OMS attribute, such as run_number.
        value: What to compare it with.
        operator: EQ, NEQ, LT, GT, LE, GE or LIKE.

    Raises:
        FilterError: There is no such operator, or the value is neither text nor a number.
    """

    attribute_name: str
    value: str | int | float = field(converter=_scalar)
    operator: Operator

    def __attrs_post_init__(self) -> None:
        name: object = self.attribute_name
        if not isinstance(name, str) or not name:
            message = (
                f"attribute_name is the name of an OMS attribute, such as run_number, not {_shown(name)}"
            )
            raise FilterError(message)
        known = get_args(Operator)
        if self.operator not in known:
            near = get_close_matches(str(self.operator).upper(), known, n=1, cutoff=0.3)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            message = f"OMS has no operator {self.operator!r}{hint}; it takes {', '.join(known)}"
            raise FilterError(message)


@define(kw_only=True, frozen=True)
class OMSPage(FrozenPydanticLike):
    """A paging parameter of an OMS query.

    Attributes:
        attribute_name: limit (rows in a page) or offset (rows to skip).
        value: The number.

    Raises:
        FilterError: OMS has no such paging parameter, or its value is not a valid number.
    """

    attribute_name: str
    value: int

    def __attrs_post_init__(self) -> None:
        if self.attribute_name not in ("limit", "offset"):
            message = f"OMS pages have a limit and an offset, no {self.attribute_name!r}"
            raise FilterError(message)
        least = 1 if self.attribute_name == "limit" else 0
        if checked_value(f"OMSPage.{self.attribute_name}", "integer", self.value) < least:
            message = f"OMSPage.{self.attribute_name} must be at least {least}, not {self.value}"
            raise FilterError(message)


def checked_value(where: str, kind: str, value: Any) -> Any:
    """Return a filter value as the service takes it: plain Python, of the right kind.

    Args:
        where: Name of the filter for the error, such as RunFilters.run_number.
        kind: As in `Filters.PARAMETERS`.
        value: What the user gave.

    Raises:
        FilterError: The value is of another kind, or an empty list.
    """
    plain = _plain(value)
    if kind in ("integers", "strings"):
        each = kind.removesuffix("s")
        items = [*dict.fromkeys(_item(where, each, at, item) for at, item in enumerate(_items(where, plain)))]
        if not items:
            message = f"{where} is empty: the service would ignore it and return everything"
            raise FilterError(message, advice="Leave the filter out, or give at least one value.")
        return sorted(items) if isinstance(plain, set | frozenset) else items
    checked = _CHECKS[kind](plain)
    if checked is None:
        message = f"{where} takes {_A[kind]}, not {_shown(plain)}"
        raise FilterError(message)
    return checked


def _plain(value: Any) -> Any:
    """Return the value in a scalar of Arrow or NumPy, or in an array without dimensions; other values unchanged."""
    if hasattr(value, "as_py"):
        return value.as_py()
    is_scalar = getattr(value, "ndim", None) == 0 and type(value).__name__ not in _NOTHING
    # A time would become a number of nanoseconds.
    return value.item() if is_scalar and getattr(value.dtype, "kind", "") not in ("m", "M") else value


_NOTHING = ("NAType", "NaTType", "MaskedConstant")  # of pandas, and of NumPy's masked arrays


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, or what pandas and masked arrays have in its place."""
    return isnan(value) if isinstance(value, float) else value is None or type(value).__name__ in _NOTHING


def _shown(value: Any) -> str:
    try:
        return shortened(repr(value), _MOST_SHOWN)
    except ValueError:  # which Python does not write
        return "one of thousands of digits"


def _items(where: str, value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    name = where.removesuffix("=)").rpartition(".")[2].rpartition("(")[2]  # MEFilters.dim, mes.find(dim=)
    if hasattr(type(value), "columns"):
        message = f"{where} takes a list of values, not a whole {type(value).__name__}"
        raise FilterError(message, advice=f"Give one of its columns: {name}=table[...].")
    if isinstance(value, Mapping | bytes | bytearray | memoryview) or not isinstance(value, Iterable):
        message = f"{where} takes a list of values, not {_shown(value)}"
        raise FilterError(message, advice=f"Write {name}=[...].")
    return value


def _item(where: str, kind: str, at: int, value: Any) -> Any:
    plain = _plain(value)
    if is_missing(plain):
        message = f"{where} has no value at position {at} ({_shown(plain)})"
        advice = (
            "Leave it out, such as column.dropna() in pandas, drop_nulls() in polars, drop_null() in Arrow."
        )
        raise FilterError(message, advice=advice)
    return checked_value(where, kind, plain)


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.removeprefix("-").isdecimal() and len(text) <= _MOST_DIGITS else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and abs(value) < 10**_MOST_DIGITS else None


def _real_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return None if isnan(value) else float(value)
    except OverflowError:  # an int that no float can hold
        return None


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return str(value)


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, bool | int) and value in (0, 1) else None


_MOST_SHOWN = 100
_MOST_DIGITS = 40  # more than any number of the service has; Python itself refuses thousands
_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _whole_number,
    "number": _real_number,
    "string": _text,
    "boolean": _truth,
}
_A = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "True or False"}
