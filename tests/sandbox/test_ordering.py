"""`order_by`: repeats that end in the whole key give every row once; ties have no order, on purpose; bins break."""

import itertools

import pytest


def keys(rows):
    return [(row["dataset_id"], row["run_number"]) for row in rows]


def walked(asker, path, order_by, page_size=7, most=400, **query):
    """All rows by the links, at most so many pages."""
    pages = asker.pages(path, order_by=order_by, page_size=page_size, **query)
    return [row for page in itertools.islice(pages, most) for row in page["results"]]


@pytest.mark.parametrize(
    ("order_by", "sql"),
    [
        (["run_number", "dataset_id"], "run_number, dataset_id"),
        (["-run_number", "-dataset_id"], "run_number DESC, dataset_id DESC"),
        (["-ls_count", "dataset_id", "run_number"], "ls_count DESC, dataset_id, run_number"),
        (["ls_count", "-dataset_id", "run_number"], "ls_count, dataset_id DESC, run_number"),
        (["dataset_id", "-run_number"], "dataset_id, run_number DESC"),
        (["-run_number", "run_number", "dataset_id"], "run_number DESC, dataset_id"),
    ],
)
@pytest.mark.parametrize("page_size", [1, 7, 500])
def test_repeats_are_obeyed_in_turn(either, order_by, sql, page_size):
    true = either.truth(f"SELECT dataset_id, run_number FROM run ORDER BY {sql}")
    assert keys(walked(either, "run/", order_by, page_size, fields="dataset_id,run_number")) == true


def test_of_histograms_too(either):
    order_by = ["-entries", "dataset_id", "run_number", "ls_number", "me_id"]
    query = {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 3}
    rows = walked(
        either, "th1/", order_by, 10, fields=",".join(name.removeprefix("-") for name in order_by), **query
    )
    true = either.truth(
        "SELECT entries, dataset_id, run_number, ls_number, me_id FROM th1 "
        "WHERE dataset_id = 14677060 AND run_number = 367112 AND ls_number <= 3 ORDER BY 1 DESC, 2, 3, 4, 5"
    )
    found = [tuple(row[name.removeprefix("-")] for name in order_by) for row in rows]
    assert found == true


def test_ties_have_no_order(either):
    """One value for all rows of a dataset, and the pages lose some and double others."""
    rows = keys(walked(either, "run/", ["dataset_id"], page_size=5))
    (count,) = either.truth("SELECT count(*) FROM run")[0]
    assert len(rows) == count
    assert len(set(rows)) < count
    assert [dataset for dataset, _ in rows] == sorted(dataset for dataset, _ in rows)
    assert rows == keys(walked(either, "run/", ["dataset_id"], page_size=5))


def test_a_field_without_ties_is_safe(either):
    rows = either.rows("dataset-index/", order_by="-dataset", page_size=1)
    true = either.truth("SELECT dataset FROM dataset ORDER BY dataset DESC")
    assert [(row["dataset"],) for row in rows] == true


def test_edges_can_be_ordered_by(either):
    query = {"run_number": 367112, "ls_number": 10, "fields": "x_max,me_id"}
    rows = walked(either, "th1/", ["x_max", "me_id", "dataset_id", "run_number", "ls_number"], 4, **query)
    assert [(row["x_max"], row["me_id"]) for row in rows] == sorted(
        (row["x_max"], row["me_id"]) for row in rows
    )
    assert len(rows) == len(either.rows("th1/", page_size=500, **query))


@pytest.mark.parametrize("order_by", [["x_bin"], ["x_bin", "dataset_id", "run_number", "ls_number", "me_id"]])
def test_a_cursor_among_numbers_of_bins_breaks(either, order_by):
    page = either.json("th1/", order_by=order_by, run_number=367112, ls_number=10, page_size=20)
    assert len(page["results"]) == 20
    assert either.client.get(page["next"]).status_code == 500


def test_one_number_of_bins_never_ends(either):
    """All rows are equal: only how many were shown is kept, and no more than a thousand."""
    pages = either.pages(
        "th1/", order_by="-x_bin", me_id=1, dataset_id=14677060, page_size=500, fields="ls_number"
    )
    shown = list(itertools.islice(pages, 12))
    (count,) = either.truth("SELECT count(*) FROM th1 WHERE me_id = 1 AND dataset_id = 14677060")[0]
    assert count > 1500
    assert shown[-1]["next"] is not None
    assert sum(len(page["results"]) for page in shown) > count


def test_two_directions_back_again(either):
    pages = list(either.pages("run/", order_by=["-ls_count", "run_number", "dataset_id"], page_size=20))
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(either.client.get(back[-1]["previous"]).json())
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages]


def test_mes_come_in_one_order(either):
    listed = either.json("mes/", order_by="-me_id")
    assert listed == either.json("mes/") == sorted(listed, key=lambda row: row["me_id"])
