"""Rows come in the order that was asked for, each once; a service that does otherwise is found out."""

from datetime import datetime
from operator import attrgetter
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import FilterError, PaginationError
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    Filters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLBadLumisectionFilters,
    MLModelsIndexFilters,
    RunFilters,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FEW: dict[str, list[Filters]] = {
    "dataset_index": [DatasetIndexFilters()],
    "file_index": [FileIndexFilters(), FileIndexFilters(status="FINISHED")],
    "run": [RunFilters(), RunFilters(run_number__gte=382000)],
    "lumi": [LumisectionFilters(run_number__gte=367000, ls_number__lte=12)],
    "h1d": [
        LumisectionHistogram1DFilters(run_number=367112, ls_number__lte=4),
        LumisectionHistogram1DFilters(me_id=1, ls_number=10),
    ],
    "h2d": [LumisectionHistogram2DFilters(run_number=367112, ls_number=10)],
    "ml_models_index": [MLModelsIndexFilters()],
    "ml_bad_lumis": [MLBadLumisectionFilters()],
}
"""Few rows of each list of pages."""

KEYS = {
    "dataset_index": ("dataset_id",),
    "file_index": ("dataset_id", "file_id"),
    "run": ("dataset_id", "run_number"),
    "lumi": ("dataset_id", "run_number", "ls_number"),
    "h1d": ("dataset_id", "run_number", "ls_number", "me_id"),
    "h2d": ("dataset_id", "run_number", "ls_number", "me_id"),
}


def sortable(dials: Dials, name: str) -> list[str]:
    """The fields that rows of a list can be ordered by: those that an error names, and that this generation has."""
    resource = getattr(dials, name)
    row = next(iter(resource.list(FEW[name][0])))
    values = row.dict()
    never = {"x_bin", "y_bin", "me", "data"} | (set() if name == "dataset_index" else {"dataset"})
    nullable = {one.name for one in type(row).FIELDS if one.nullable}
    return [
        field
        for field, value in values.items()
        if field not in never | nullable and isinstance(value, int | float | str | bool | datetime)
    ]


def ordered(rows: list[Any], terms: list[str], key: tuple[str, ...]) -> list[Any]:
    """Sort rows as the service is to send them."""
    named = [term.removeprefix("-") for term in terms]
    for term in reversed([*terms, *(one for one in key if one not in named)]):
        rows = sorted(rows, key=attrgetter(term.removeprefix("-")), reverse=term[0] == "-")
    return rows


def connected(request: pytest.FixtureRequest, generation: str, workspace: str) -> Dials:
    sandbox = request.getfixturevalue("sandbox_now" if generation == "now" else "sandbox_v112")
    return Dials(Credentials(token=sandbox.secret), workspace, sandbox.url)


@st.composite
def asked(draw: st.DrawFn, names: list[str]) -> list[str]:
    fields = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    return [draw(st.sampled_from(["", "-"])) + field for field in fields]


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("generation", ["now", "v1.12"])
def test_every_row_comes_once_in_the_order_asked_for(
    request: pytest.FixtureRequest, generation: str, name: str
) -> None:
    """The sandbox shuffles rows that are equal from page to page, and sorts texts by their code points."""
    dials = connected(request, generation, "jetmet" if name.startswith("ml_") else "tracker")
    resource = getattr(dials, name)
    names = sortable(dials, name)
    all_rows = {id(few): resource.list_all(few, enable_progress=False).results for few in FEW[name]}
    key = KEYS.get(name) or tuple(
        one for one in ("model_id", "id", "dataset_id", "run_number", "ls_number", "me_id") if one in names
    )

    @settings(max_examples=settings().max_examples // 4)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        few = data.draw(st.sampled_from(FEW[name]))
        order = data.draw(asked(names))
        rows = all_rows[id(few)]
        size = data.draw(st.one_of(st.none(), st.integers(max(1, len(rows) // 12), len(rows) + 1)))
        filters = type(few)(**few.given(), order_by=order, page_size=size)
        came = resource.list_all(filters, enable_progress=False)
        assert came.complete
        assert came.results == ordered(rows, order, key)

    check()


def test_a_listing_goes_on_in_its_order(now: Dials, tmp_path: Any) -> None:
    filters = RunFilters(order_by="-ls_count", page_size=9)
    file = tmp_path / "runs"
    whole = now.run.list_all(filters, enable_progress=False)
    for _ in range(3):
        part = now.run.list_all(filters, 1, False, checkpoint=file, resume_from=file)
        assert not part.complete
    assert now.run.list_all(filters, enable_progress=False, checkpoint=file, resume_from=file) == whole
    assert [row.ls_count for row in whole] == sorted((row.ls_count for row in whole), reverse=True)
    assert whole.origin.query == {"order_by": ["-ls_count"]}


# --- what is sent


RUNS = [{"dataset_id": 1, "dataset": "/A/B/C", "run_number": 1, "ls_count": 7, "ls_completeness": None}]


def runs(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"next": None, "previous": None, "results": [RUNS[0] | one for one in changes]}


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        ("-ls_count", ["-ls_count", "dataset_id", "run_number"]),
        ("run_number", ["run_number", "dataset_id"]),
        ("-run_number,dataset_id", ["-run_number", "dataset_id"]),
        (["ls_count", "-run_number"], ["ls_count", "-run_number", "dataset_id"]),
        (("-dataset_id",), ["-dataset_id", "run_number"]),
    ],
)
def test_the_rest_of_the_key_is_sent_too(service, order, sent) -> None:
    service.will_answer(runs({}), runs({}))
    service.dials.run.list(RunFilters(order_by=order))
    service.dials.run.list_all(RunFilters(order_by=order), enable_progress=False)
    assert [request.url.params.get_list("order_by") for request in service.asked] == [sent, sent]


def test_no_order_is_sent_where_none_is_asked_for(service) -> None:
    service.will_answer(runs({}))
    service.dials.run.list()
    assert service.queries == [{}]


@pytest.mark.parametrize(
    ("generation", "order", "sent"),
    [
        ("v1.12", "-active", ["-active", "model_id"]),
        ("v1.12", "-id", ["-model_id"]),
        ("now", "active", ["active", "id"]),
        ("now", "-model_id", ["-id"]),
    ],
)
def test_models_are_ordered_by_the_key_of_their_generation(request, generation, order, sent) -> None:
    with connected(request, generation, "jetmet") as jetmet:
        models = jetmet.ml_models_index.list_all(MLModelsIndexFilters(order_by=order, page_size=2))
        key = sent[-1].removeprefix("-")
        assert len({getattr(model, key) for model in models}) == len(models) > 2
        if len(sent) == 1:
            assert [getattr(model, key) for model in models] == sorted(
                (getattr(model, key) for model in models), reverse=True
            )


@pytest.mark.parametrize(("generation", "field"), [("now", "filename"), ("v1.12", "revision")])
def test_a_field_of_the_other_generation_is_no_order(request, generation, field) -> None:
    with (
        connected(request, generation, "jetmet") as jetmet,
        pytest.raises(
            FilterError, match=f"cannot be ordered by {field}, which its rows do not have.*They have "
        ),
    ):
        jetmet.ml_models_index.list_all(MLModelsIndexFilters(order_by=field))


def test_nothing_to_order(request) -> None:
    with connected(request, "now", "jetmet") as jetmet:
        none = jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(order_by="-ls_number", run_number=1))
    assert none.complete
    assert len(none) == 0


# --- a service that does otherwise


def test_a_service_that_keeps_the_last_repeat_alone(service) -> None:
    rows = [{"ls_count": count, "run_number": number} for number, count in enumerate([5, 9, 7], start=1)]
    service.will_answer(runs(*rows))
    with pytest.raises(PaginationError) as caught:
        service.dials.run.list_all(RunFilters(order_by="-ls_count"), enable_progress=False)
    assert "row 1 of page 1 is not behind the one before it (ls_count=9, dataset_id=1, run_number=2)" in str(
        caught.value
    )
    assert "has not kept to order_by=-ls_count,dataset_id,run_number" in str(caught.value)
    assert "Leave order_by out, and sort the rows" in str(caught.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize("order", [None, "-ls_count", "ls_count", "-dataset_id"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_row_that_comes_twice(service, order, size) -> None:
    service.will_page([RUNS[0] | {"run_number": number} for number in (1, 2, 2)], size)
    with pytest.raises(PaginationError, match=r"row \d of page \d comes twice \(.*run_number=2"):
        service.dials.run.list_all(RunFilters(order_by=order, page_size=size), enable_progress=False)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_row_that_comes_again_later(service, size) -> None:
    service.will_page([RUNS[0] | {"run_number": number} for number in (1, 2, 3, 1)], size)
    with pytest.raises(PaginationError, match="is not behind the one before it"):
        service.dials.run.list_all(RunFilters(page_size=size), enable_progress=False)


def test_a_row_that_comes_again_when_a_listing_is_resumed(service) -> None:
    service.will_page([RUNS[0] | {"run_number": number} for number in (1, 2, 2, 3)], 2)
    begun = service.dials.run.list_all(RunFilters(page_size=2), 1, enable_progress=False)
    with pytest.raises(PaginationError, match="row 0 of page 1 comes twice"):
        service.dials.run.list_all(RunFilters(page_size=2), enable_progress=False, resume_from=begun)


FILES = {
    "dataset_id": 1,
    "dataset": "/A/B/C",
    "file_id": 1,
    "file_size": 1,
    "creation_date": "2024-01-01T00:00:00Z",
    "last_modification_date": "2024-01-01T00:00:00Z",
    "logical_file_name": "/store/a",
    "status": "FINISHED",
    "err_trace": None,
}


def files(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [FILES | {"file_id": number} | one for number, one in enumerate(changes, start=1)]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_texts_are_ordered_as_the_database_collates_them(service, size) -> None:
    """`b` before `A`, as some collation may have it; but what is equal stands together."""
    statuses = ["b", "b", "A", "Ä", "a"]
    service.will_page(files(*({"status": status} for status in statuses)), size)
    filters = FileIndexFilters(order_by="status", page_size=size)
    came = service.dials.file_index.list_all(filters, enable_progress=False)
    assert [row.status for row in came] == statuses


@pytest.mark.parametrize("size", [1, 2, 3])
def test_texts_that_come_apart(service, size) -> None:
    service.will_page(files({"status": "a"}, {"status": "b"}, {"status": "a"}), size)
    with pytest.raises(PaginationError, match="is not behind the one before it"):
        service.dials.file_index.list_all(
            FileIndexFilters(order_by="status", page_size=size), enable_progress=False
        )


def test_a_page_of_texts_is_asked_for_again(service) -> None:
    """A failure after a page was looked at does not count its texts twice."""
    first, second = files({"status": "a"}), files({"status": "b"}, {"status": "c"})[1:]
    service.will_page(first + second, 1)
    pages = service.dials.file_index.pages(FileIndexFilters(order_by="status", page_size=1))
    next(pages)
    page = service.answers.pop(0)
    service.answers[:0] = [httpx.Response(404, json={"detail": "not now"}), page]
    with pytest.raises(Exception, match="not now"):
        next(pages)
    assert len(next(pages)) == 1
    assert pages.complete


def test_times_are_ordered(service) -> None:
    times = [f"2024-01-01T00:00:00.00000{step}Z" for step in (2, 1, 0)]
    rows = files(*({"creation_date": time} for time in times))
    service.will_page(rows, 2)
    filters = FileIndexFilters(order_by="-creation_date", page_size=2)
    assert len(service.dials.file_index.list_all(filters, enable_progress=False)) == 3
    service.will_page(rows, 2)
    with pytest.raises(PaginationError, match="creation_date"):
        service.dials.file_index.list_all(
            FileIndexFilters(order_by="creation_date", page_size=2), enable_progress=False
        )


def test_without_the_key_equal_rows_are_let_through(service) -> None:
    service.will_answer(
        {"next": None, "previous": None, "results": [{"ls_count": 7}, {"ls_count": 7}, {"ls_count": 5}]}
    )
    filters = RunFilters(order_by="-ls_count", fields=["ls_count"])
    assert len(service.dials.run.list_all(filters, enable_progress=False)) == 3
    service.will_answer({"next": None, "previous": None, "results": [{"ls_count": 7}, {"ls_count": 8}]})
    with pytest.raises(PaginationError):
        service.dials.run.list_all(filters, enable_progress=False)


def test_rows_that_their_owner_has_changed_are_not_compared_with(service) -> None:
    service.will_page([RUNS[0] | {"run_number": number} for number in (1, 2, 3, 4)], 2)
    begun = service.dials.run.list_all(RunFilters(page_size=2), 1, enable_progress=False)
    begun.results.reverse()
    all_of_them = service.dials.run.list_all(
        RunFilters(page_size=2), enable_progress=False, resume_from=begun
    )
    assert [row.run_number for row in all_of_them] == [2, 1, 3, 4]
