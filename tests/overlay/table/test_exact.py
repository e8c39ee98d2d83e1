"""list_all answers exactly the rows of the database, in order, whatever the page size and the filters."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from cmsdials import Dials, filters
from cmsdials_api.resources import RESOURCES
from cmsdials_sandbox import Sandbox
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

MOST_REQUESTS = 60

# Resource -> (table of the sandbox's database, its key in order).
TABLES = {
    "dataset_index": ("dataset", ("dataset_id",)),
    "file_index": ("file", ("dataset_id", "file_id")),
    "run": ("run", ("dataset_id", "run_number")),
    "lumi": ("lumisection", ("dataset_id", "run_number", "ls_number")),
    "h1d": ("th1", ("dataset_id", "run_number", "ls_number", "me_id")),
    "h2d": ("th2", ("dataset_id", "run_number", "ls_number", "me_id")),
}
OPERATORS = {"lte": "<=", "gte": ">=", "regex": "REGEXP", "in": "IN"}
NAMES = {
    "dataset": "(SELECT dataset FROM dataset d WHERE d.dataset_id = t.dataset_id)",
    "me": "(SELECT me FROM me m WHERE m.me_id = t.me_id)",
    "logical_file_name": "(SELECT logical_file_name FROM file f WHERE f.dataset_id = t.dataset_id AND f.file_id = t.file_id)",
    "min_size": "file_size",
}


def rows_of(sandbox: Sandbox, resource: str, chosen: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The keys that the database itself has for the filters, in order."""
    table, key = TABLES[resource]
    conditions, values = ["1"], []
    for name, value in chosen.items():
        base, _, suffix = name.rpartition("__") if "__" in name else (name, "", "")
        own = (
            resource in ("dataset_index", "file_index")
            and base in ("dataset", "logical_file_name")
            and not (resource == "file_index" and base == "dataset")
        )
        column = base if own else NAMES.get(base, base)
        operator = ">=" if base == "min_size" else OPERATORS.get(suffix, "=")
        if operator == "IN":
            conditions.append(f"{column} IN ({','.join('?' * len(value))})")
            values += value
        else:
            conditions.append(f"{column} {operator} ?")
            values.append(value)
    sql = f"SELECT {','.join(key)} FROM {table} t WHERE {' AND '.join(conditions)} ORDER BY {','.join(key)}"
    with closing(sqlite3.connect(f"{sandbox.databases['tracker'].as_uri()}?mode=ro", uri=True)) as connection:
        connection.create_function(
            "REGEXP", 2, lambda regex, text: text is not None and bool(re.search(regex, text))
        )
        return connection.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def known(sandbox_now: Sandbox) -> dict[str, list[Any]]:
    """Values that the database holds, so that filters meet something."""
    with closing(sqlite3.connect(sandbox_now.databases["tracker"])) as connection:
        columns = {
            "dataset_id": "SELECT dataset_id FROM dataset",
            "dataset": "SELECT dataset FROM dataset",
            "file_id": "SELECT file_id FROM file",
            "logical_file_name": "SELECT logical_file_name FROM file",
            "min_size": "SELECT file_size FROM file",
            "run_number": "SELECT DISTINCT run_number FROM run",
            "ls_number": "SELECT DISTINCT ls_number FROM lumisection",
            "me_id": "SELECT me_id FROM me",
            "me": "SELECT me FROM me",
            "entries": "SELECT DISTINCT entries FROM th1 LIMIT 200",
            "status": "SELECT DISTINCT status FROM file",
        }
        return {name: [row[0] for row in connection.execute(sql)] for name, sql in columns.items()}


def value_of(draw: st.DrawFn, known: dict[str, list[Any]], name: str, kind: str) -> Any:
    base, _, suffix = name.rpartition("__") if "__" in name else (name, "", "")
    one = st.sampled_from(known[base])
    if suffix == "regex":
        # Any piece of a known name, taken literally.
        text = draw(one)
        start = draw(st.integers(0, len(text) - 1))
        return re.escape(text[start : start + draw(st.integers(1, 12))])
    if kind.endswith("s"):
        return draw(st.lists(one, min_size=1, max_size=4, unique=True))
    if kind == "integer":
        return draw(one) + draw(st.sampled_from([0, 0, 0, -1, 1]))
    return draw(one)


@pytest.mark.filterwarnings("ignore:no rows")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_rows_are_those_of_the_database(
    data: st.DataObject, now: Dials, sandbox_now: Sandbox, known: dict[str, list[Any]]
) -> None:
    resource = data.draw(st.sampled_from(sorted(TABLES)), label="resource")
    table = RESOURCES[resource]
    names = [
        name
        for name in table.filters.PARAMETERS
        if name not in ("next_token", "page_size", "fields", "order_by")
    ]
    wanted = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=3), label="filters")
    if resource in ("h1d", "h2d"):
        # A million rows are for another test: one run, and whatever else.
        wanted = ["run_number", *(name for name in wanted if name != "run_number")]

    @st.composite
    def values(draw: st.DrawFn) -> dict[str, Any]:
        return {name: value_of(draw, known, name, table.filters.PARAMETERS[name]) for name in wanted}

    chosen = data.draw(values(), label="values")
    for name in {name.removesuffix("__gte") for name in chosen if name.endswith("__gte")}:
        assume(chosen[f"{name}__gte"] <= chosen.get(f"{name}__lte", chosen[f"{name}__gte"]))
    truth = rows_of(sandbox_now, resource, chosen)
    smallest = max(1, -(-len(truth) // MOST_REQUESTS))
    sizes = st.one_of(st.none(), st.sampled_from([smallest, 499, 500]), st.integers(smallest, 500))
    page_size = data.draw(sizes, label="page_size") if smallest <= 500 else 500
    fields = (
        data.draw(st.sampled_from([None, TABLES[resource][1]]), label="fields")
        if resource[0] != "h"
        else TABLES[resource][1]
    )
    note(f"{len(truth)} rows in the database")
    filter_class = getattr(filters, table.filters.__name__)
    result = getattr(now, resource).list_all(filter_class(**chosen, page_size=page_size), fields=fields)
    key = TABLES[resource][1]
    assert [tuple(getattr(row, name) for name in key) for row in result.results] == truth
    assert result.next is None


@pytest.mark.parametrize("page_size", [1, 2, 3, 9, 10, 11, 55, 56, 57, 499, 500])
def test_page_sizes_around_the_number_of_rows(now: Dials, sandbox_now: Sandbox, page_size: int) -> None:
    truth = rows_of(sandbox_now, "run", {})
    result = now.run.list_all(filters.RunFilters(page_size=page_size))
    assert [(row.dataset_id, row.run_number) for row in result.results] == truth


@pytest.mark.parametrize("resource", ["h1d", "h2d"])
def test_contents_do_not_depend_on_the_page_size(now: Dials, resource: str) -> None:
    chosen = {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 3}
    filter_class = getattr(filters, RESOURCES[resource].filters.__name__)
    listed = getattr(now, resource).list_all(filter_class(**chosen)).results
    assert listed == getattr(now, resource).list_all(filter_class(**chosen, page_size=7)).results
    one = listed[5]
    key = {name: getattr(one, name) for name in RESOURCES[resource].keys}
    assert getattr(now, resource).get(**key) == one
