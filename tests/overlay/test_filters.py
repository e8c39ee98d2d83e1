"""Filters: what is refused, what is understood, and what goes over the wire."""

import copy
import datetime as dt
import inspect
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cmsdials import filters
from cmsdials.errors import DialsError, FilterError, UnknownFilterError
from cmsdials.filters import (
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLModelsIndexFilters,
    OMSFilter,
    OMSPage,
    RunFilters,
)
from cmsdials_api.resources import RESOURCES

FILTER_CLASSES = [
    getattr(filters, name) for name in filters.__all__ if name.endswith("Filters") and name != "Filters"
]


def test_every_list_has_its_public_filter_class() -> None:
    emitted = {table.filters.__name__ for table in RESOURCES.values()}
    public = {name for name in filters.__all__ if name.endswith("Filters")} - {"Filters"}
    assert emitted == public
    for table in RESOURCES.values():
        assert issubclass(getattr(filters, table.filters.__name__), table.filters)


@pytest.mark.parametrize("filter_class", FILTER_CLASSES)
def test_a_public_class_takes_every_filter_of_the_contract(filter_class: type[filters.Filters]) -> None:
    shown = inspect.signature(filter_class).parameters
    assert [name for name in shown if name != "ls_numbet__lte"] == list(filter_class.PARAMETERS)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in shown.values())


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("run_numer", "run_number"),
        ("run_number_lte", "run_number__lte"),
        ("datasets", "dataset"),
        ("pagesize", "page_size"),
    ],
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UnknownFilterError, match=f"did you mean '{right}'") as caught:
        RunFilters(**{wrong: 1})
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, DialsError)


def test_an_unknown_name_like_no_other_lists_them_all() -> None:
    with pytest.raises(UnknownFilterError, match=r"valid names: next_token, page_size, .*run_number__gte"):
        RunFilters(zzz=1)


def test_an_unknown_attribute_cannot_be_set() -> None:
    chosen = RunFilters(run_number=3)
    with pytest.raises(UnknownFilterError, match="did you mean 'run_number'") as caught:
        chosen.run_numer = 1
    assert isinstance(caught.value, AttributeError)
    assert caught.value.nearest == "run_number"
    assert chosen.dict() == {"run_number": 3}
    assert not hasattr(chosen, "run_numer")
    with pytest.raises(UnknownFilterError, match="did you mean 'ls_number__lte'"):
        LumisectionHistogram1DFilters().ls_number_lte = 1


def test_filters_are_shown_as_a_dict_of_what_is_set() -> None:
    chosen = LumisectionHistogram1DFilters(run_number="3", me=None)
    chosen.ls_number = 0
    assert chosen.dict() == chosen.given() == {"run_number": 3, "ls_number": 0}


@pytest.mark.parametrize(
    ("name", "given", "sent"),
    [
        ("run_number", 367112, 367112),
        ("run_number", np.int64(367112), 367112),
        ("run_number", np.float64(367112.0), 367112),
        ("run_number", np.array(367112), 367112),
        ("run_number", " 367112 ", 367112),
        ("dataset", "/Z/R/D", "/Z/R/D"),
        ("dataset", np.str_("/Z/R/D"), "/Z/R/D"),
        ("dataset_id__in", [2, 1], [2, 1]),
        ("dataset_id__in", (1, np.int32(2)), [1, 2]),
        ("dataset_id__in", {3, 1, 2}, [1, 2, 3]),
        ("dataset_id__in", np.array([1, 2]), [1, 2]),
        ("dataset_id__in", pd.Series([1, 2]), [1, 2]),
        ("dataset_id__in", range(1, 4), [1, 2, 3]),
        ("run_number", pa.scalar(367112), 367112),
        ("run_number", pa.scalar(367112.0), 367112),
        ("run_number", pl.Series([367112])[0], 367112),
        ("run_number", pl.Series([367112]).item(), 367112),
        ("run_number", pa.array([367112]).dictionary_encode()[0], 367112),
        ("run_number", np.ma.array(367112), 367112),
        ("run_number", SimpleNamespace(ndim=0, dtype="of a tensor", item=lambda: 367112), 367112),
        ("dataset", pa.scalar("/Z/R/D"), "/Z/R/D"),
        ("dataset", pl.Series(["/Z/R/D"])[0], "/Z/R/D"),
        ("dataset", np.array("/Z/R/D"), "/Z/R/D"),
        ("dataset_id__in", pl.Series([1, 2]), [1, 2]),
        ("dataset_id__in", pl.Series([1]), [1]),
        ("dataset_id__in", pl.Series([1.0, 2.0]), [1, 2]),
        ("dataset_id__in", pl.Series(["1", "2"]), [1, 2]),
        ("dataset_id__in", pl.Series(["1", "2"], dtype=pl.Categorical), [1, 2]),
        ("dataset_id__in", pl.DataFrame({"a": [2, 1, 2]})["a"].unique().sort(), [1, 2]),
        ("dataset_id__in", pa.array([1, 2]), [1, 2]),
        ("dataset_id__in", pa.array([1]), [1]),
        ("dataset_id__in", pa.chunked_array([[1], [], [2]]), [1, 2]),
        ("dataset_id__in", pa.table({"a": [1, 2]})["a"], [1, 2]),
        ("dataset_id__in", pa.array([1, 2, 1]).dictionary_encode(), [1, 2]),
        ("dataset_id__in", list(pa.array([1, 2])), [1, 2]),
        ("dataset_id__in", pa.scalar([1, 2]), [1, 2]),
        ("dataset_id__in", pd.Series([1, 2], dtype="Int64"), [1, 2]),
        ("dataset_id__in", pd.Series([1, 2], dtype="int64[pyarrow]"), [1, 2]),
        ("dataset_id__in", pd.Series([1, 2], dtype="category"), [1, 2]),
        ("dataset_id__in", pd.Index([1, 2]), [1, 2]),
        ("dataset_id__in", np.ma.array([1, 2]), [1, 2]),
        ("dataset_id__in", {1: 2}.keys(), [1]),
        ("fields", pl.Series(["run_number"]), ["run_number"]),
        ("fields", pa.array(["run_number"]), ["run_number"]),
        ("dataset_id__in", "1,2", [1, 2]),
        ("fields", "run_number, ls_count", ["run_number", "ls_count"]),
    ],
)
def test_values_are_taken_as_people_have_them(name: str, given: Any, sent: Any) -> None:
    taken = RunFilters(**{name: given}).given()[name]
    assert taken == sent
    assert type(taken) is type(sent)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("run_number", "many", "takes a whole number, not 'many'"),
        ("run_number", 3.5, "takes a whole number, not 3.5"),
        ("run_number", 10**40, "takes a whole number, not 1000"),
        ("run_number", 1e300, r"takes a whole number, not 1e\+300"),
        ("dataset", "\ud800", r"takes text, not '\\ud800'"),
        ("dataset__regex", "a\udc80", r"takes text, not 'a\\udc80'"),
        ("run_number", True, "takes a whole number, not True"),
        ("run_number", [1], r"takes a whole number, not \[1\]"),
        ("run_number", float("nan"), "takes a whole number"),
        ("dataset", 3, "takes text, not 3"),
        ("dataset_id__in", [], "is empty"),
        ("dataset_id__in", 3, "takes a list of values, not 3"),
        ("dataset_id__in", {"a": 1}, "takes a list of values"),
        ("dataset_id__in", [1, "b"], "takes a whole number, not 'b'"),
        ("dataset_id__in", np.array(5), "takes a list of values, not 5"),
        ("dataset_id__in", {1, 2j}, "takes a whole number, not 2j"),
        ("fields", 5, "takes a list of values, not 5"),
        ("run_number", pa.scalar(None, pa.int64()), "takes a whole number, not None"),
        ("run_number", pd.NA, "takes a whole number, not <NA>"),
        ("run_number", np.ma.masked, "takes a whole number, not masked"),
        ("run_number", np.datetime64("2024-01-01", "ns"), "takes a whole number, not .*2024-01-01"),
        ("run_number", np.timedelta64(5, "ns"), "takes a whole number, not .*timedelta64"),
        ("run_number", pd.Timestamp("2024-01-01"), "takes a whole number, not Timestamp"),
        ("run_number", pa.scalar(dt.date(2024, 1, 1)), "takes a whole number, not datetime.date"),
        ("run_number", pl.Series([1]), "takes a whole number, not shape"),
        ("dataset", pa.scalar(None, pa.string()), "takes text, not None"),
        ("dataset_id__in", pl.Series([1, None]), r"has no value at position 1 \(None\)\. .*drop_nulls"),
        ("dataset_id__in", pl.Series([1.0, float("nan")]), r"has no value at position 1 \(nan\)"),
        ("dataset_id__in", pa.array([None, 1]), r"has no value at position 0 \(None\)\. .*drop_null"),
        ("dataset_id__in", pd.Series([1, None]), r"has no value at position 1 \(nan\)\. .*dropna"),
        ("dataset_id__in", pd.Series([1, None], dtype="Int64"), r"has no value at position 1 \(<NA>\)"),
        ("dataset_id__in", pd.Series([1, None], dtype="int64[pyarrow]"), "has no value at position 1"),
        ("dataset_id__in", [pd.NaT], "has no value at position 0"),
        ("dataset_id__in", [1, None], "has no value at position 1"),
        ("dataset_id__in", np.ma.array([1, 2], mask=[False, True]), "has no value at position 1"),
        ("fields", ["run_number", None], "has no value at position 1"),
        ("dataset_id__in", pl.Series([], dtype=pl.Int64), "is empty"),
        ("dataset_id__in", pa.array([], pa.int64()), "is empty"),
        ("dataset_id__in", pl.Series([True]), "takes a whole number, not True"),
        ("dataset_id__in", pa.array([1.5]), "takes a whole number, not 1.5"),
        ("dataset_id__in", pl.Series([dt.date(2024, 1, 1)]), "takes a whole number, not datetime.date"),
        ("dataset_id__in", pl.Series([[1, 2]]), "takes a whole number, not"),
        ("dataset_id__in", np.array(["2024-01-01"], "M8[ns]"), "takes a whole number, not"),
        ("dataset_id__in", pa.scalar(1), "takes a list of values, not 1"),
        ("dataset_id__in", memoryview(b"12"), "takes a list of values, not <memory"),
        (
            "dataset_id__in",
            pd.DataFrame({"a": [1]}),
            "takes a list of values, not a whole DataFrame.*one of its",
        ),
        ("dataset_id__in", pl.DataFrame({"a": [1]}), "takes a list of values, not a whole DataFrame"),
        ("dataset_id__in", pl.LazyFrame({"a": [1]}), "takes a list of values, not a whole LazyFrame"),
        ("dataset_id__in", pa.table({"a": [1]}), "takes a list of values, not a whole Table"),
        ("run_number", "9" * 5000, "takes a whole number, not '9999"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(name: str, given: Any, said: str) -> None:
    with pytest.raises(FilterError, match=f"RunFilters.{name} {said}"):
        RunFilters(**{name: given})


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("run_number", "many", "takes a whole number"),
        ("dataset_id__in", [], "is empty"),
        ("dataset__regex", "(", "cannot be sent: a parenthesis"),
        ("dataset", " ", "is empty"),
        ("page_size", 0, "at least 1"),
    ],
)
def test_a_value_set_later_is_checked_too(name: str, wrong: Any, said: str) -> None:
    chosen = RunFilters(dataset="/Z")
    with pytest.raises(FilterError, match=f"RunFilters.{name} .*{said}"):
        setattr(chosen, name, wrong)
    assert chosen.given() == {"dataset": "/Z"}
    chosen.dataset = None
    assert chosen.given() == {}


def test_a_value_set_later_is_shown_as_it_is_sent() -> None:
    chosen = RunFilters()
    chosen.run_number = "3"
    chosen.dataset_id__in = (number for number in (1, 2))
    assert repr(chosen) == "RunFilters(dataset_id__in=[1, 2], run_number=3)"


def test_a_list_that_is_changed_later_is_checked_when_it_is_sent() -> None:
    chosen = RunFilters(dataset_id__in=[1])
    chosen.dataset_id__in.append("2")
    assert chosen.given() == {"dataset_id__in": [1, 2]}
    chosen.dataset_id__in.append("many")
    with pytest.raises(FilterError, match="takes a whole number, not 'many'"):
        chosen.given()
    chosen.dataset_id__in.clear()
    with pytest.raises(FilterError, match="is empty"):
        chosen.given()


def test_a_range_may_be_moved_bound_by_bound() -> None:
    chosen = RunFilters(run_number__gte=1, run_number__lte=5)
    chosen.run_number__gte = 8
    with pytest.raises(FilterError, match="leave nothing between them"):
        chosen.given()
    chosen.run_number__lte = 9
    assert chosen.given() == {"run_number__gte": 8, "run_number__lte": 9}


@pytest.mark.parametrize("given", [list(range(5000)), {"a": "b" * 5000}, np.arange(5000)])
def test_a_message_does_not_repeat_all_of_a_long_value(given: Any) -> None:
    with pytest.raises(FilterError) as caught:
        RunFilters(run_number=given)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "wrong", ["(", "[a", "*x", "a{2,1}", "(?P<a>x", f"a{{{2**40}}}", "(" * 5000, "[[:<:]]*"]
)
def test_an_expression_that_does_not_compile_is_refused(wrong: str) -> None:
    with pytest.raises(
        FilterError, match=r"^RunFilters.dataset__regex cannot be sent: .* as PostgreSQL does\. \w"
    ):
        RunFilters(dataset__regex=wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (r"\bPX", r"Write \y for the edge of a word"),
        (r"\BX", r"Write \Y"),
        ("E{,3}", "Write {0,n}"),
        ("(?i:px)", "Write (?i) at the very beginning"),
        ("(?P<n>a)", "named groups are Python's"),
        ("a++", "possessive"),
        ("(?>a)", "atomic groups"),
        ("a{0,256}", "PostgreSQL's limit is 255"),
        (r"(?=(E))\1", "Use (?:...) in lookaheads"),
        (r"\N{DIGIT ONE}", r"does not know the escape \N"),
    ],
)
def test_what_postgresql_reads_otherwise_is_refused_with_the_other_way_to_write_it(
    wrong: str, said: str
) -> None:
    with pytest.raises(FilterError) as caught:
        RunFilters(dataset__regex=wrong)
    assert said in str(caught.value)


CONSTRUCTS = json.loads((Path(__file__).parents[1] / "data" / "regex_dialect.json").read_text())["constructs"]


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda one: one["pattern"] or "empty")
def test_every_construct_is_sent_if_it_means_the_same_there_or_is_known_there_alone(
    construct: dict[str, Any],
) -> None:
    """Each was asked of a real PostgreSQL; see tests/sandbox/test_regex_postgresql.py."""
    pattern = construct["pattern"]
    # Names of MEs and datasets are of one line: what differs at line breaks alone is the same for them.
    of_one_line = {name for name in construct["names"] if "\n" not in name}
    found = [construct[engine] for engine in ("postgresql", "python")]
    is_posix = "[:" in construct["pattern"] and "error" not in found  # which Python reads without a word
    is_same = "error" not in found and len({frozenset(of_one_line.intersection(one)) for one in found}) == 1
    differs_at_line_breaks = is_same and len(of_one_line) < len(construct["names"])
    if construct["kind"] in ("same", "only in PostgreSQL") or is_posix or differs_at_line_breaks:
        assert RunFilters(dataset__regex=pattern).given() == {"dataset__regex": pattern}
    else:
        with pytest.raises(FilterError):
            RunFilters(dataset__regex=pattern)


@pytest.mark.parametrize(
    "right",
    ["EEOT digi occupancy EE +", r"EE \+", r"\mPX", "[[:alpha:]]+", "***=a(", "(?q)a(", "a|b", "^/Zero"],
)
def test_expressions_that_the_service_may_know_are_sent(right: str) -> None:
    assert RunFilters(dataset__regex=right).given() == {"dataset__regex": right}


def test_a_number_that_python_itself_does_not_write_is_refused() -> None:
    with pytest.raises(FilterError, match="takes a whole number, not one of thousands of digits"):
        RunFilters(run_number=-(10**5000))


def test_a_range_upside_down_is_refused() -> None:
    with pytest.raises(
        FilterError, match=r"run_number__gte=9 and run_number__lte=3 leave nothing between them"
    ):
        RunFilters(run_number__gte=9, run_number__lte=3)
    assert RunFilters(run_number__gte=3, run_number__lte=3).given()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (True, True),
        (np.True_, True),
        (pa.scalar(True), True),
        (pl.Series([False])[0], False),
        ("false", False),
        (0, False),
    ],
)
def test_truth_values(given: Any, sent: bool) -> None:
    assert MLModelsIndexFilters(active=given).given() == {"active": sent}


def test_values_of_other_libraries_load_none_of_them() -> None:
    code = (
        "import sys; from cmsdials.filters import RunFilters; RunFilters(dataset_id__in=iter([1, 2]), run_number=3.0); "
        "assert not {'numpy', 'pandas', 'pyarrow', 'polars'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # our own code


def test_a_generator_is_read_once() -> None:
    chosen = RunFilters(dataset_id__in=(number for number in (1, 2)))
    assert chosen.given() == chosen.given() == {"dataset_id__in": [1, 2]}


def test_a_set_of_mixed_types_is_refused_in_words() -> None:
    with pytest.raises(FilterError, match="takes a whole number, not 'a'"):
        RunFilters(dataset_id__in={1, "a"})


def test_none_is_not_sent() -> None:
    assert RunFilters(run_number=None, dataset="/Z").given() == {"dataset": "/Z"}


@pytest.mark.parametrize("filter_class", [LumisectionHistogram1DFilters, LumisectionHistogram2DFilters])
def test_the_misspelling_of_old_versions_is_applied_with_a_warning(
    filter_class: type[LumisectionHistogram1DFilters | LumisectionHistogram2DFilters],
) -> None:
    with pytest.warns(DeprecationWarning, match="Write ls_number__lte") as warned:
        chosen = filter_class(ls_numbet__lte=5, run_number=3)
    assert chosen.given() == {"run_number": 3, "ls_number__lte": 5}
    assert warned[0].filename == __file__
    assert chosen == filter_class(ls_number__lte=5, run_number=3)
    with pytest.warns(DeprecationWarning, match="Write ls_number__lte") as warned:
        chosen.ls_numbet__lte = 5
    assert warned[0].filename == __file__
    assert chosen.ls_numbet__lte is None


def test_the_misspelling_cannot_contradict_the_right_name() -> None:
    with pytest.raises(FilterError, match="contradicts ls_number__lte=4"):
        LumisectionHistogram1DFilters(ls_numbet__lte=5, ls_number__lte=4)


def test_filters_copy_compare_and_pickle() -> None:
    chosen = LumisectionHistogram1DFilters(run_number=3, me__regex="PX")
    assert pickle.loads(pickle.dumps(chosen)) == copy.deepcopy(chosen) == chosen
    assert chosen != LumisectionHistogram1DFilters(run_number=4, me__regex="PX")
    assert repr(chosen) == "LumisectionHistogram1DFilters(run_number=3, me__regex='PX')"


def test_oms_filters_know_their_operators() -> None:
    assert OMSFilter(attribute_name="run_number", value=1, operator="GE").operator == "GE"
    assert OMSFilter(attribute_name="run_number", value=pa.scalar(1), operator="GE").value == 1
    assert OMSPage(attribute_name="limit", value=3).value == 3
    with pytest.raises(FilterError, match=r"no operator 'EQUALS' \(did you mean 'EQ'\?\)"):
        OMSFilter(attribute_name="run_number", value=1, operator="EQUALS")


@pytest.mark.parametrize("name", [5, "", None])
def test_oms_attributes_have_names(name: Any) -> None:
    with pytest.raises(FilterError, match="attribute_name is the name of an OMS attribute"):
        OMSFilter(attribute_name=name, value=1, operator="EQ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("limit", 0, "at least 1"),
        ("offset", -1, "at least 0"),
        ("limit", "a", "whole number"),
        ("page", 1, "no 'page'"),
    ],
)
def test_oms_pages_have_a_limit_and_an_offset(name: str, value: Any, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        OMSPage(attribute_name=name, value=value)


@pytest.mark.parametrize("name", ["me", "dataset", "me__regex", "dataset__regex"])
@pytest.mark.parametrize("empty", ["", " "])
def test_empty_text_is_refused(name: str, empty: str) -> None:
    """The service ignores it, as if it were not there, and would answer the whole table."""
    with pytest.raises(FilterError, match=f"{name} is empty"):
        LumisectionHistogram1DFilters(**{name: empty})
