"""Filters of the emitted package: a name that the service would silently ignore is an error."""

from __future__ import annotations

import copy
import inspect
import pickle
import pydoc
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from cmsdials_api import filters
from cmsdials_api.filters import (
    DatasetIndexFilters,
    Filters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MEFilters,
    MLModelsIndexFilters,
    RunFilters,
    UnknownFilter,
)

CLASSES: list[Any] = [
    getattr(filters, name) for name in filters.__all__ if name not in ("Filters", "UnknownFilter")
]


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (RunFilters, "run_numer", "run_number"),
        (RunFilters, "run_number_lte", "run_number__lte"),
        (RunFilters, "datasets", "dataset"),
        (LumisectionHistogram1DFilters, "ls_numbet__lte", "ls_number__lte"),
        (LumisectionHistogram2DFilters, "me_regex", "me__regex"),
        (MEFilters, "mes", "me"),
        (MLModelsIndexFilters, "model_id_in", "model_id__in"),
    ],
)
def test_an_unknown_filter_names_the_nearest(kind: type[Filters], wrong: str, right: str) -> None:
    with pytest.raises(TypeError) as refusal:
        kind(**{wrong: 1})
    assert str(refusal.value) == f"{kind.__name__} has no filter {wrong!r}; did you mean {right!r}?"


def test_an_unknown_filter_without_a_near_one_names_all() -> None:
    with pytest.raises(TypeError) as refusal:
        MEFilters(luminosity=1)
    assert str(refusal.value) == "MEFilters has no filter 'luminosity'; it takes fields, me, me__regex, dim"


def test_filters_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional"):
        RunFilters(367112)


def test_a_slip_in_an_attribute_is_an_error() -> None:
    chosen = RunFilters(run_number=367112)
    with pytest.raises(UnknownFilter) as refusal:
        chosen.run_numer = 3
    assert isinstance(refusal.value, AttributeError)
    assert str(refusal.value) == "RunFilters has no filter 'run_numer'; did you mean 'run_number'?"
    assert chosen.given() == {"run_number": 367112}
    assert not hasattr(chosen, "run_numer")
    with pytest.raises(AttributeError, match="run_numer"):
        _ = chosen.run_numer


def test_an_attribute_can_be_set() -> None:
    chosen = RunFilters()
    chosen.run_number = 3
    assert chosen.given() == {"run_number": 3}


def test_only_what_is_given_is_given_in_the_order_of_the_contract() -> None:
    chosen = LumisectionHistogram1DFilters(me="x", run_number=0, ls_number__gte=None, page_size=5)
    assert list(chosen.given().items()) == [("page_size", 5), ("run_number", 0), ("me", "x")]


def test_filters_are_shown_as_a_dict_as_records_are() -> None:
    assert RunFilters(run_number=3, dataset="/a").dict() == {"run_number": 3, "dataset": "/a"}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_nothing_is_given_at_first(kind: type[Filters]) -> None:
    assert kind().given() == kind().dict() == {}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_signature_shows_the_filters(kind: type[Filters]) -> None:
    """In help(), in Jupyter and in editors: not `(*args, **given)`."""
    parameters = inspect.signature(kind).parameters
    assert list(parameters) == list(kind.PARAMETERS)
    assert {one.kind for one in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert {one.default for one in parameters.values()} == {None}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_filter_is_documented(kind: type[Filters]) -> None:
    documented = inspect.getdoc(kind) or ""
    assert [name for name in kind.PARAMETERS if f"\n    {name}: " not in documented] == []
    assert "Not described" not in documented


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_filter_has_the_type_of_its_kind(kind: Any) -> None:
    types = {
        "integer": int | None, "number": float | None, "string": str | None, "boolean": bool | None,
        "integers": Sequence[int] | None, "strings": Sequence[str] | None,
    }  # fmt: skip
    annotated = {field.name: field.type for field in attrs.fields(attrs.resolve_types(kind))}
    assert annotated == {name: types[one] for name, one in kind.PARAMETERS.items()}


def test_help_shows_the_signature() -> None:
    assert "class DatasetIndexFilters(Filters)\n |  DatasetIndexFilters(*, next_token: str | None = None" in (
        pydoc.plain(pydoc.render_doc(DatasetIndexFilters))
    )


def test_filters_of_v1_12_are_marked() -> None:
    assert sorted(MLModelsIndexFilters.DEPRECATED) == [
        "filename",
        "filename__regex",
        "model_id",
        "model_id__in",
        "target_me",
        "target_me__regex",
    ]
    assert [kind for kind in CLASSES if kind.DEPRECATED] == [MLModelsIndexFilters]


@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), attrs.evolve],
    ids=["copy", "deepcopy", "pickle", "evolve"],
)
def test_filters_survive(way: Any) -> None:
    chosen = LumisectionHistogram2DFilters(run_number=367112, fields=["me", "data"])
    again = way(chosen)
    assert again == chosen
    assert again is not chosen
    assert again.given() == {"fields": ["me", "data"], "run_number": 367112}


def test_repr_shows_what_is_given() -> None:
    assert repr(RunFilters(run_number=3, dataset="/a")) == "RunFilters(run_number=3, dataset='/a')"
    assert repr(RunFilters()) == "RunFilters()"


def test_filters_of_two_operations_are_never_equal() -> None:
    two: list[object] = [
        LumisectionHistogram1DFilters(run_number=1),
        LumisectionHistogram2DFilters(run_number=1),
    ]
    assert two[0] != two[1]
    assert RunFilters(run_number=1) != RunFilters(run_number=2)


def test_a_class_of_its_own_can_check_values() -> None:
    """As the overlay does, without repeating a single name."""

    @attrs.define(kw_only=True, repr=False)
    class Checked(RunFilters):
        def __attrs_post_init__(self) -> None:
            value: object = self.run_number
            if not isinstance(value, int):
                message = "run_number is a number"
                raise TypeError(message)

    assert Checked(run_number=1).given() == {"run_number": 1}
    with pytest.raises(TypeError, match="run_number is a number"):
        Checked(run_number="1")
    with pytest.raises(TypeError, match="did you mean 'run_number'"):
        Checked(run_numer=1)
