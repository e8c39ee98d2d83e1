"""Which lumisections are good: a set of pairs (run, lumisection), kept as ranges, and what can be done with it.

What concerns arrays and frames is in `cmsdials.table.masking`, which imports NumPy and is loaded when it is needed.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cmsdials_api.models.certification_file import CertificationFile

from cmsdials.errors import ConfigurationError, FilterError
from cmsdials.filters import Filters, checked_value, is_missing
from cmsdials.redaction import shortened
from cmsdials.runtime.background import load
from cmsdials.wording import counted

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LARGEST", "LumiMask", "shown", "whole"]

RowsT = TypeVar("RowsT")
FiltersT = TypeVar("FiltersT", bound=Filters)
_KEYS = ("run_number", "ls_number")
_Range = tuple[int, int]

LARGEST = 2**32 - 1
"""The largest number of a run or a lumisection: CMS keeps both in 32 bits."""

_ALL = ((0, LARGEST),)
_MOST_SHOWN = 10  # runs

_BEFORE_JSON = " \t\r\n\ufeff"
_FORM = 'A run has a list of ranges with both ends: {"367112": [[2, 104], [110, 120]]}.'


class LumiMask:
    """A set of lumisections: pairs (run, lumisection).

    It is made of a golden, DCS or muon JSON, or of one that models' verdicts give: run -> inclusive ranges
    [first, last]. Ranges may be unordered, overlap and come twice. A mask never changes; two of the same lumisections
    are equal, and may be keys of a dict.

    ``mask & other``, ``mask | other`` and ``mask - other`` are masks of the lumisections in both, in either, and in
    the first only. ``(run, ls) in mask`` asks for one; ``len(mask)`` is how many there are, and a mask without any is
    false. Iterating over it yields the pairs in order.

    Args:
        source: Path of a file, text of JSON, a dict, or the certification file that `dials.caf.get` returns.

    Raises:
        ConfigurationError: It is none of these; the file cannot be read; or a run or a range is invalid: open,
            reversed, or not of whole numbers from 0 to 4294967295. The message says which.
    """

    __slots__ = ("_edges", "_runs")

    _runs: dict[int, tuple[_Range, ...]]
    _edges: Any  # the same as arrays, once they are needed

    def __init__(
        self, source: LumiMask | CertificationFile | Mapping[Any, Any] | str | bytes | os.PathLike[str]
    ) -> None:
        self._runs = source._runs if isinstance(source, LumiMask) else _canonical(_read(source))
        self._edges = None

    @classmethod
    def of_rows(cls, rows: Any, *, run: str = "run_number", ls: str = "ls_number") -> LumiMask:
        """Make a mask of the lumisections that rows are of, such as those that models judge bad.

        Args:
            rows: As in `select`, or pairs (run, lumisection).
            run: Name of their column of runs.
            ls: Name of their column of lumisections.

        Raises:
            ConfigurationError: They have no such columns, or hold something other than whole numbers.
        """
        load("cmsdials.table.masking")
        from cmsdials.table import masking  # noqa: PLC0415  # it imports NumPy

        return cls._of(_canonical(masking.ranges_of(rows, run, ls)))

    @classmethod
    def _of(cls, runs: dict[int, tuple[_Range, ...]]) -> LumiMask:
        made = cls.__new__(cls)
        made._runs, made._edges = runs, None
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._of, (self._runs,)

    @property
    def runs(self) -> list[int]:
        """The runs that have lumisections here, in order."""
        return [*self._runs]

    @property
    def ranges(self) -> dict[int, list[tuple[int, int]]]:
        """Run -> inclusive ranges (first, last), in order, which neither overlap nor touch."""
        return {run: [*ranges] for run, ranges in self._runs.items()}

    def of_run(self, run: int) -> tuple[tuple[int, int], ...]:
        """Return the inclusive ranges (first, last) of one run, in order; none if it has no lumisection here."""
        return self._runs.get(run, ())

    @property
    def counts(self) -> dict[int, int]:
        """Run -> number of its lumisections."""
        return {run: sum(last - first + 1 for first, last in ranges) for run, ranges in self._runs.items()}

    def to_json(self) -> str:
        """Return JSON as certification files hold it: run -> inclusive ranges [first, last]."""
        return json.dumps(self._runs)

    @overload
    def __call__(self, runs: int | str, lumis: int | str) -> bool: ...
    @overload
    def __call__(self, runs: Any, lumis: Any) -> np.ndarray[Any, np.dtype[np.bool_]]: ...
    def __call__(self, runs: Any, lumis: Any) -> Any:
        """Say which lumisections are in the mask.

        Args:
            runs: Run numbers: a list, an array, or a column of pandas, Arrow or polars; or one for all.
            lumis: As many lumisections; or one for all.

        Returns:
            An array of bool of the same shape; a bool for one run and one lumisection. A lumisection whose run or
            number is missing (None, NaN) is in no mask.

        Raises:
            ConfigurationError: They are not as many, or not whole numbers.
        """
        if _is_one(runs) and _is_one(lumis):
            return self._holds(whole(runs, "run"), whole(lumis, "lumisection"))
        load("cmsdials.table.masking")
        from cmsdials.table import masking  # noqa: PLC0415  # it imports NumPy

        if self._edges is None:
            self._edges = masking.edges_of(self._runs)
        return masking.are_in(self._edges, runs, lumis)

    def select(self, rows: RowsT, *, run: str = "run_number", ls: str = "ls_number") -> RowsT:
        """Return the rows that are in the mask, in their order, as what they came in; `rows` does not change.

        Args:
            rows: A result, whose `status` then says that it was masked, or a page; rows of OMS; a DataFrame of pandas or
                polars, or a table of Arrow; or the arrays that `to_numpy` returns, also with `group_by`.
            run: Name of the column of runs; in pandas also of a level of the index.
            ls: Name of the column of lumisections, such as lumisection_number for rows of OMS.

        Raises:
            ConfigurationError: They are something else, have no such columns, or hold something other than whole
                numbers there.
        """
        load("cmsdials.table.masking")
        from cmsdials.table import masking  # noqa: PLC0415  # it imports NumPy

        selected: RowsT = masking.select(self, rows, run, ls)
        return selected

    def filters(self, filters: FiltersT) -> list[FiltersT]:
        """Return filters for each run of the mask that these filters allow: from its first lumisection here to its last.

        A listing with each of them fetches no other run, and of these runs only what lies between; `select` leaves
        out the rest. Filters that know no lumisections, such as `RunFilters`, choose runs only.

        Raises:
            FilterError: They know no runs, or have a next_token, which is of one listing.
        """
        given, known = filters.given(), filters.PARAMETERS
        owner = type(filters).__name__
        if "run_number__gte" not in known:
            message = f"{owner} has no ranges of runs, which a mask could narrow"
            raise FilterError(message, advice="Narrow the filters of runs, lumisections or histograms.")
        if "next_token" in given:
            message = f"{owner}.next_token is of one listing, and a mask makes several"
            raise FilterError(message, advice="Leave it out.")
        lumis, (first, last) = _bounds(given, "ls_number"), _bounds(given, "run_number")
        allowed = LumiMask._of({run: (lumis,) for run in self._runs if first <= run <= last})
        within = self & allowed if lumis[0] <= lumis[1] else LumiMask({})
        narrowed = [
            {"run_number": run, "ls_number__gte": ranges[0][0], "ls_number__lte": ranges[-1][1]}
            for run, ranges in within._runs.items()
        ]
        others = {name: value for name, value in given.items() if name.partition("__")[0] not in _KEYS}
        return [
            type(filters)(**others, **{name: value for name, value in one.items() if name in known})
            for one in narrowed
        ]

    def _holds(self, run: int | None, ls: int | None) -> bool:
        ranges = () if run is None or ls is None else self._runs.get(run, ())
        at = bisect_right(ranges, (ls, LARGEST)) - 1
        return at >= 0 and ls is not None and ls <= ranges[at][1]

    def __contains__(self, pair: object) -> bool:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            message = f"a mask holds pairs (run, lumisection), and {shown(pair)} is not one"
            advice = "Write (run, ls) in mask, run in mask.runs, or mask(runs, lumis) for columns."
            raise ConfigurationError(message, advice=advice)
        return self._holds(whole(pair[0], "run"), whole(pair[1], "lumisection"))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return (
            (run, ls)
            for run, ranges in self._runs.items()
            for first, last in ranges
            for ls in range(first, last + 1)
        )

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __and__(self, other: LumiMask) -> LumiMask:
        _operand("&", other)
        return self - (self - other)

    def __or__(self, other: LumiMask) -> LumiMask:
        both = _operand("|", other)
        joined = {run: [*self._runs.get(run, ()), *both.get(run, ())] for run in {*self._runs, *both}}
        return self._of(_canonical(joined.items()))

    def __sub__(self, other: LumiMask) -> LumiMask:
        without = _operand("-", other)
        left = ((run, _less(ranges, without.get(run, ()))) for run, ranges in self._runs.items())
        return self._of({run: ranges for run, ranges in left if ranges})

    def __eq__(self, other: object) -> bool:
        return self._runs == other._runs if isinstance(other, LumiMask) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._runs.items()))

    def __str__(self) -> str:
        runs = self.runs
        if not runs:
            return "a mask without lumisections"
        where = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs from {runs[0]} to {runs[-1]}"
        is_whole = all(ranges == _ALL for ranges in self._runs.values())
        return f"a mask of {'all lumisections' if is_whole else counted(len(self), 'lumisection')} in {where}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_html_(self) -> str:
        """Show the first runs in notebooks, and how many lumisections each has."""
        from cmsdials.table.html import html_lines, html_rows  # noqa: PLC0415  # for notebooks only

        rows = [(run, "all" if self._runs[run] == _ALL else count) for run, count in self.counts.items()]
        return html_lines([str(self)]) + html_rows(("run", "lumisections"), rows, _MOST_SHOWN)


def whole(value: Any, what: str, where: str = "") -> int | None:
    """Return the number of a run or lumisection, also of one written as text; None if it is missing.

    Raises:
        ConfigurationError: It is not a whole number.
    """
    plain = value.as_py() if hasattr(value, "as_py") else value
    if is_missing(plain):
        return None
    try:
        number: int = checked_value(what, "integer", plain)
    except FilterError:
        message = f"{where}{shown(value)} is not the number of a {what}"
        raise ConfigurationError(message, advice="Give whole numbers, or text of their digits.") from None
    return number


def shown(value: object) -> str:
    """Return what an error shows of a value."""
    try:
        return shortened(repr(value), 60)
    except ValueError:
        return "a number of thousands of digits"


def _is_one(value: Any) -> bool:
    """Whether a value is one number, and not a list, array or column of them."""
    if isinstance(value, int | float | str) or hasattr(value, "as_py") or is_missing(value):
        return True
    return getattr(value, "ndim", None) == 0


def _bounds(given: Mapping[str, Any], name: str) -> _Range:
    """Return between which numbers filters choose a key."""
    exact = given.get(name)
    low = max(0, given.get(f"{name}__gte", 0), 0 if exact is None else exact)
    return low, min(LARGEST, given.get(f"{name}__lte", LARGEST), LARGEST if exact is None else exact)


# --- what a mask is made of


def _read(source: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(source, CertificationFile):
        source = source.content
    if isinstance(source, Mapping):
        return source.items()
    if isinstance(source, bytes):
        return _of_json(source, "the text")
    if isinstance(source, str) and (text := source.lstrip(_BEFORE_JSON)).startswith(("{", "[")):
        return _of_json(text, "the text")
    if isinstance(source, str | os.PathLike):
        try:
            content = Path(source).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or error
            message = f"the certification file {shown(os.fspath(source))} cannot be read: {why}"
            advice = "Name a JSON file; the newest of CMS is dials.caf.get(...)."
            raise ConfigurationError(message, advice=advice) from error
        return _of_json(content, shown(os.fspath(source)))
    message = f"a mask cannot be made of {type(source).__name__}"
    advice = (
        "Give a path, text of JSON, a dict, or what dials.caf.get() returns; or rows or pairs (run, lumisection) to "
        "LumiMask.of_rows()."
    )
    raise ConfigurationError(message, advice=advice)


def _of_json(text: str | bytes, name: str) -> Iterable[tuple[Any, Any]]:
    try:
        # As pairs, so that a run that comes twice keeps the ranges of both.
        content = json.loads(text, object_pairs_hook=_Members)
    except (ValueError, RecursionError) as error:
        message = f"{name} is not JSON: {shortened(str(error), 100)}"
        raise ConfigurationError(message, advice=f"Give a certification JSON. {_FORM}") from None
    if not isinstance(content, _Members):
        message = f"{name} is JSON, but not an object with runs as its keys"
        raise ConfigurationError(message, advice=_FORM)
    return content


class _Members(list[tuple[Any, Any]]):
    """The members of a JSON object."""


def _canonical(runs: Iterable[tuple[Any, Any]]) -> dict[int, tuple[_Range, ...]]:
    """Return runs in order with ranges in order, joined where they overlap or touch; runs without any are left out."""
    found: dict[int, list[_Range]] = {}
    for run, ranges in runs:
        number = _bounded(run, "run", "")
        found.setdefault(number, []).extend(_ranges(number, ranges))
    return {run: joined for run in sorted(found) if (joined := _joined(found[run]))}


def _joined(ranges: list[_Range]) -> tuple[_Range, ...]:
    joined: list[_Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def _less(ranges: Iterable[_Range], without: tuple[_Range, ...]) -> tuple[_Range, ...]:
    """Return ranges without what other ranges hold; both in order, and without overlaps."""
    left: list[_Range] = []
    at = 0
    for start, last in ranges:
        first = start
        while at < len(without) and without[at][1] < first:
            at += 1
        following = at
        while following < len(without) and without[following][0] <= last:
            if first < without[following][0]:
                left.append((first, without[following][0] - 1))
            first = without[following][1] + 1
            following += 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


def _ranges(run: int, ranges: Any) -> Iterator[_Range]:
    if isinstance(ranges, _Members | Mapping):
        message = (
            f"run {run} has an object with lumisections as its keys, as a cert JSON has, which lists bad ones"
        )
        raise ConfigurationError(message, advice="Give the golden JSON: dials.ml_bad_lumis.golden_json(...).")
    listed = _listed(ranges)
    if listed is None:
        message = f"run {run} has {shown(ranges)} in place of a list of ranges"
        raise ConfigurationError(message, advice=_FORM)
    for one in listed:
        ends = _listed(one)
        if ends is None or len(ends) != 2:
            message = f"run {run} has {shown(one)} in place of a range [first, last]"
            raise ConfigurationError(message, advice=_FORM)
        first, last = (_bounded(end, "lumisection", f"run {run}, range {shown(one)}: ") for end in ends)
        if first > last:
            message = f"run {run} has a range {shown(one)} that ends before it begins"
            raise ConfigurationError(message, advice="Swap its two ends, or give the last lumisection.")
        yield first, last


def _listed(value: Any) -> list[Any] | tuple[Any, ...] | None:
    plain = value.tolist() if hasattr(value, "tolist") else value
    return plain if isinstance(plain, list | tuple) and not isinstance(plain, _Members) else None


def _bounded(value: Any, what: str, where: str) -> int:
    number = value if type(value) is int else whole(value, what, where)
    if number is None or not 0 <= number <= LARGEST:
        is_what = "missing" if number is None else f"not between 0 and {LARGEST}"
        message = f"{where}the number of a {what}, {shown(value)}, is {is_what}"
        raise ConfigurationError(message, advice="Give whole numbers; a range needs both of its ends.")
    return number


def _operand(sign: str, other: object) -> Mapping[int, tuple[_Range, ...]]:
    if not isinstance(other, LumiMask):
        message = f"on both sides of {sign} stands a mask, not {type(other).__name__}"
        raise ConfigurationError(message, advice="Make a mask of it first: LumiMask(...).")
    return other._runs
