"""Pages: sizes, links, cursors, and that a walk through a list gives the rows of the table, each once, in order."""

import pytest

KEYS = {
    "dataset-index/": ("dataset", "dataset_id"),
    "file-index/": ("file", "dataset_id, file_id"),
    "run/": ("run", "dataset_id, run_number"),
    "lumisection/": ("lumisection", "dataset_id, run_number, ls_number"),
    "ml-bad-lumisection/": ("ml_bad_lumisection", "model_id, dataset_id, run_number, ls_number"),
}


@pytest.mark.parametrize("path", KEYS)
@pytest.mark.parametrize("page_size", [1, 7, 10, 499, 500])
def test_walk_gives_the_table(now, path, page_size):
    table, key = KEYS[path]
    true = now.truth(f"SELECT {key} FROM {table} ORDER BY {key} LIMIT {page_size * 60}")
    pages = []
    for page in now.pages(path, page_size=page_size, fields=key.replace(" ", "")):
        pages.append(page["results"])
        if len(pages) == 60:
            break
    assert [tuple(row.values()) for page in pages for row in page] == true
    assert {len(page) for page in pages[:-1]} <= {page_size}


@pytest.mark.parametrize("table", ["th1", "th2"])
@pytest.mark.parametrize("workspace", ["jetmet", "csc"])
def test_walk_gives_all_histograms(either, workspace, table):
    key = "dataset_id,run_number,ls_number,me_id"
    true = either.truth(f"SELECT {key} FROM {table} ORDER BY {key}", workspace=workspace)
    rows = either.rows(f"{table}/", workspace, page_size=333, fields=key)
    assert [tuple(row[name] for name in key.split(",")) for row in rows] == true


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, 10),
        ("1", 1),
        ("500", 500),
        ("501", 500),
        ("99999", 500),
        ("0", 10),
        ("-3", 10),
        ("many", 10),
        ("", 10),
    ],
)
def test_page_size(either, asked, given):
    query = {} if asked is None else {"page_size": asked}
    assert len(either.json("lumisection/", fields="ls_number", **query)["results"]) == given


def test_a_cursor_works_with_another_size_and_other_fields(either):
    first = either.json("lumisection/", page_size=10)
    token = dict(either.client.build_request("GET", first["next"]).url.params)["next_token"]
    second = either.json("lumisection/", page_size=500, fields="run_number,ls_number", next_token=token)
    true = either.truth(
        "SELECT run_number, ls_number FROM lumisection ORDER BY dataset_id, run_number, ls_number"
    )
    assert [tuple(row.values()) for row in second["results"]] == true[10:510]


def test_the_next_link_repeats_the_query(either):
    link = either.client.build_request(
        "GET", either.json("th1/", run_number=367112, page_size=2, fields="me_id", nonsense=1)["next"]
    ).url
    assert str(link).startswith(f"{either.sandbox.url}api/v1/th1/")
    query = dict(link.params)
    assert query.pop("next_token")
    assert query == {"run_number": "367112", "page_size": "2", "fields": "me_id", "nonsense": "1"}


def test_the_next_link_is_on_the_host_that_was_asked(either):
    page = either.client.get("run/", headers={"Host": "dials.example:8080"}).json()
    assert page["next"].startswith("http://dials.example:8080/api/v1/run/?")


def test_previous_leads_back(either):
    pages = list(either.pages("run/", page_size=20))
    assert pages[0]["previous"] is None
    assert pages[-1]["next"] is None
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(either.client.get(back[-1]["previous"]).json())
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages]
    assert back[-1]["previous"] is None
    again = either.client.get(back[-1]["next"]).json()
    assert again["results"] == pages[1]["results"]


def test_a_page_is_complete_at_the_very_end(either):
    count = either.json("run/count/")["count"]
    page = either.json("run/", page_size=count)
    assert len(page["results"]) == count
    assert page["next"] is None


def test_an_empty_list(either):
    assert either.json("run/", run_number=1) == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("run_number", ["run_number"]),
        ("ls_count,run_number", ["run_number", "ls_count"]),
        (" run_number , nothing", ["run_number"]),
        ("nothing", []),
        ("", ["dataset_id", "dataset", "run_number", "ls_count"]),
    ],
)
def test_fields(v112, fields, keys):
    assert list(v112.json("run/", fields=fields)["results"][0]) == keys


def test_of_repeated_fields_the_last_counts(either):
    row = either.client.get("run/?fields=run_number&fields=ls_count").json()["results"][0]
    assert list(row) == ["ls_count"]


def test_fields_of_an_array(either):
    assert list(either.json("mes/", fields="me")[0]) == ["me"]
