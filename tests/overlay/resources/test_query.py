"""From filters to a query: what is refused before anything is sent."""

import re
import textwrap
from bisect import bisect_left
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import FilterError
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLBadLumisectionFilters,
    MLModelsIndexFilters,
    RunFilters,
)
from cmsdials.resources.query import LONGEST_URL, count_request, list_query
from cmsdials_api.resources import RESOURCES
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted

RUN = RESOURCES["run"]


@pytest.mark.parametrize(
    ("order", "fields"),
    [
        ("run_number", ["run_number"]),
        ("-run_number", ["-run_number"]),
        (" -dataset_id", ["-dataset_id"]),
        ("-ls_count, run_number", ["-ls_count", "run_number"]),
        (["-ls_count"], ["-ls_count"]),
    ],
)
def test_an_order_is_some_fields(order: Any, fields: list[str]) -> None:
    assert list_query(RUN, RunFilters(order_by=order)) == {"order_by": fields}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("run_numer", "run has no field 'run_numer'; did you mean 'run_number'?"),
        ("-run_numer", "run has no field 'run_numer'; did you mean 'run_number'?"),
        ("+run_number", "did you mean 'run_number'?"),
        ("zzz", "run has no field 'zzz'; it has dataset_id, dataset, run_number, ls_count, ls_completeness"),
        ("", "RunFilters.order_by is empty"),
        ("-", "run has no field ''"),
        ("run_number,-run_number", "RunFilters.order_by names run_number more than once"),
        ("-dataset", "run cannot be ordered by dataset, which stands in another table: order by dataset_id"),
        ("ls_count,ls_completeness", "run cannot be ordered by ls_completeness"),
    ],
)
def test_an_order_that_the_service_would_ignore_is_refused(order: str, said: str) -> None:
    with pytest.raises(FilterError, match=re.escape(said)):
        list_query(RUN, RunFilters(order_by=order))


def test_contents_are_no_order() -> None:
    with pytest.raises(
        FilterError, match=r"h2d cannot be ordered by data.*Order by one or some of dataset_id, "
    ):
        list_query(RESOURCES["h2d"], LumisectionHistogram2DFilters(order_by="data"))


@pytest.mark.parametrize("field", ["me", "x_bin", "y_bin", "dataset"])
def test_an_order_that_the_service_breaks_on_is_refused(field: str) -> None:
    with pytest.raises(FilterError, match=f"h2d cannot be ordered by {field}, "):
        list_query(RESOURCES["h2d"], LumisectionHistogram2DFilters(order_by=["entries", f"-{field}"]))


def test_datasets_are_ordered_by_their_name() -> None:
    asked = DatasetIndexFilters(order_by="-dataset")
    assert list_query(RESOURCES["dataset_index"], asked) == {"order_by": ["-dataset"]}


def test_filters_of_another_list_have_its_fields() -> None:
    """What one list can be ordered by, another may lack."""
    with pytest.raises(FilterError, match="ml_models_index has no field 'entries'"):
        list_query(RESOURCES["ml_models_index"], MLModelsIndexFilters(order_by="entries"))
    asked = LumisectionHistogram1DFilters(order_by="entries")
    assert list_query(RESOURCES["h2d"], asked) == {"order_by": ["entries"]}


def test_a_misspelt_field_names_the_nearest() -> None:
    with pytest.raises(FilterError, match="h1d has no field 'run_numer'; did you mean 'run_number'"):
        list_query(RESOURCES["h1d"], None, ["me_id", "run_numer"])


def test_a_list_that_makes_the_url_too_long_is_refused() -> None:
    datasets = [10_000_000 + number for number in range(900)]
    chosen = RunFilters(dataset_id__in=datasets, run_number=3)
    with pytest.raises(FilterError, match=r"RunFilters.dataset_id__in has 900 values") as caught:
        list_query(RUN, chosen)
    said = re.search(r"with (\d+) values at a time", caught.value.advice)
    assert said is not None
    assert len(str(caught.value)) < 500
    fit = int(said[1])
    query: dict[str, Any] = list_query(RUN, RunFilters(dataset_id__in=datasets[:fit], run_number=3))
    sent = RUN.list(**query)
    assert len(f"{sent['url']}?{urlencode(sent['params'])}") < LONGEST_URL
    with pytest.raises(FilterError):
        list_query(RUN, RunFilters(dataset_id__in=datasets[: fit + 40], run_number=3))


def test_what_is_said_to_fit_fits(v112: Dials) -> None:
    """At a service that reads 4094 bytes, also where a page is asked for by its cursor."""
    datasets = range(10_000_000, 10_000_900)
    with pytest.raises(FilterError) as caught:
        v112.run.list(RunFilters(dataset_id__in=datasets))
    said = re.search(r"with (\d+) values at a time", caught.value.advice)
    assert said is not None
    assert int(said[1]) > 300
    few = RunFilters(dataset_id__in=[14677060, *datasets[: int(said[1]) - 1]])
    assert len(v112.run.list_all(few, max_pages=2)) > 10, "two pages, the second by its cursor"


def test_what_is_equal_is_sent_once() -> None:
    chosen = RunFilters(dataset_id__in=[15042670, *[14677060] * 3230, 15042670], run_number=3)
    assert list_query(RUN, chosen)["dataset_id__in"] == [15042670, 14677060]
    chosen.dataset_id__in = [1]
    chosen.dataset_id__in += [1, 2, 1]
    assert RUN.count is not None
    assert count_request(RUN, RUN.count, chosen)["params"]["dataset_id__in"] == "1,2"


def lines_of(error: FilterError) -> str:
    """The lines of Python in the advice of an error."""
    _, _, lines = error.advice.partition("each value once:\n")
    assert lines.count("\n") == 2
    return textwrap.dedent(lines)


RUNS = [14446401, 14677060]
LONG: dict[str, tuple[Callable[[Dials, Any], Any], str, list[int], Callable[[Dials], Any]]] = {
    "list_all": (
        lambda dials, values: dials.run.list_all(
            RunFilters(dataset_id__in=values, run_number__gte=367112), fields=["run_number"]
        ),
        "rows",
        RUNS,
        lambda dials: [
            *dials.run.list_all(
                RunFilters(dataset_id__in=RUNS, run_number__gte=367112), fields=["run_number"]
            )
        ],
    ),
    "count": (
        lambda dials, values: dials.run.count(RunFilters(dataset_id__in=values, run_number__lte=367112)),
        "count",
        RUNS,
        lambda dials: dials.run.count(RunFilters(dataset_id__in=RUNS, run_number__lte=367112)),
    ),
}


@pytest.mark.filterwarnings(
    "ignore:no rows. there is no dataset with any of the ids"
)  # of a part in the middle
@pytest.mark.parametrize("case", LONG.values(), ids=LONG)
def test_the_lines_that_split_a_list_run_as_they_are_printed(v112: Dials, case: Any) -> None:
    """At a service that reads 4094 bytes of a request line."""
    ask, name, held, truth = case
    others = range(10_000_000, 10_000_900)
    values = [held[0], *others, held[1]]
    with pytest.raises(FilterError) as caught:
        ask(v112, values)
    namespace: dict[str, Any] = {"dials": v112, "values": values, "RunFilters": RunFilters}
    exec(lines_of(caught.value), namespace)
    assert namespace[name] == truth(v112)


def test_the_lines_of_a_filter_that_is_sent_under_two_names(service: Scripted) -> None:
    values = [*range(10_000, 10_500)]
    with pytest.raises(FilterError) as caught:
        service.dials.ml_models_index.list_all(MLModelsIndexFilters(id__in=values, active=True))
    service.will_answer(*[{"next": None, "previous": None, "results": []}] * 3)
    namespace = {"dials": service.dials, "values": values, "MLModelsIndexFilters": MLModelsIndexFilters}
    exec(lines_of(caught.value), namespace)
    sent = [query["id__in"].split(",") for query in service.queries]
    assert [int(one) for part in sent for one in part] == values
    assert all(query["id__in"] == query["model_id__in"] for query in service.queries)
    assert max(len(str(request.url.raw_path)) for request in service.asked) < LONGEST_URL
    assert len(sent) == 3


def test_the_lines_of_certification_files_split_the_runs(sandbox_v112: Sandbox) -> None:
    with Dials(Credentials(token=sandbox_v112.secret), "jetmet", sandbox_v112.url) as jetmet:
        golden = jetmet.ml_bad_lumis.golden_json
        runs, others = [385764, 385799, 385801], [*range(100_000, 100_900)]
        truth = golden([19, 20], [15042670], runs)
        values = [*runs[:2], *others, runs[2]]
        with pytest.raises(FilterError) as caught:
            golden([19, 20], [15042670], values)
        namespace: dict[str, Any] = {"dials": jetmet, "values": values}
        exec(lines_of(caught.value), namespace)
        assert {run: namespace["runs"][run] for run in truth} == truth
        with pytest.raises(
            FilterError, match=r"model_id__in has 900 values.* ask with \d+ values at a time\.$"
        ):
            golden(others, [15042670], runs)


def test_lists_of_which_each_is_too_long() -> None:
    with pytest.raises(FilterError, match="Split this list, and the other filters"):
        list_query(
            RESOURCES["ml_bad_lumis"],
            MLBadLumisectionFilters(
                model_id__in=range(10_000, 10_900), dataset_id__in=range(10_000_000, 10_000_900)
            ),
        )


def test_a_long_text_is_refused_too() -> None:
    with pytest.raises(
        FilterError, match=r"logical_file_name__regex has 9000 characters.*Give a shorter one"
    ):
        list_query(RESOURCES["file_index"], FileIndexFilters(logical_file_name__regex="a" * 9000))


def test_counting_has_the_same_limit() -> None:
    assert RUN.count is not None
    with pytest.raises(FilterError, match="Split the list"):
        count_request(RUN, RUN.count, RunFilters(dataset_id__in=range(10_000_000, 10_000_900)))


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("run", None),
        ("run", ["-ls_count"]),
        ("file_index", ["-status", "creation_date", "logical_file_name"]),
    ],
)
def test_each_page_of_the_longest_query_is_read(v112: Dials, name: str, order: Any) -> None:
    """Also those with a cursor, which holds the values that the rows are ordered by."""
    resource = getattr(v112, name)

    def filters(length: int) -> Any:
        return resource.filters(dataset__regex="Run2022|" + "x" * length, order_by=order, page_size=9)

    def is_refused(length: int) -> bool:
        try:
            list_query(RESOURCES[name], filters(length))
        except FilterError:
            return True
        return False

    longest = bisect_left(range(LONGEST_URL), True, key=is_refused) - 1
    listed = resource.list_all(filters(longest), enable_progress=False)
    assert listed.complete
    assert len(listed) == len(resource.list_all(filters(1), enable_progress=False)) > 9
