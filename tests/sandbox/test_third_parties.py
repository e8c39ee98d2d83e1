"""OMS, CAF, RunRegistry and BRIL as seen through DIALS."""

import re

import pytest


def oms(asker, endpoint, **query):
    return asker.json("oms-proxy/", endpoint=endpoint, **query)


RUN = {"filter[run_number][EQ]": 382921}


def test_oms_run(either):
    answer = oms(either, "runs", **RUN)
    (run,) = answer["data"]
    assert (run["id"], run["type"]) == ("382921", "runs")
    assert run["attributes"]["last_lumisection_number"] > 100
    assert "meta" not in answer
    assert oms(either, "runs", include="meta", **RUN)["meta"] == {"totalResourceCount": 1}


def test_oms_lumisections_are_those_of_the_run(either):
    last = either.json("run/14781912/382921/")["ls_count"]
    answer = oms(either, "lumisections", include="meta", **RUN)
    assert answer["meta"]["totalResourceCount"] == last > 100
    assert len(answer["data"]) == 100
    rest = oms(either, "lumisections", **RUN, **{"page[offset]": 100, "page[limit]": 1000})
    numbers = [row["attributes"]["lumisection_number"] for row in answer["data"] + rest["data"]]
    assert numbers == list(range(1, last + 1))


def test_oms_pages(either):
    zero_bias = RUN | {"filter[dataset_name][EQ]": "ZeroBias"}
    total = oms(either, "datasetrates", include="meta", **zero_bias)["meta"]["totalResourceCount"]
    assert total > 100
    page = oms(either, "datasetrates", **zero_bias, **{"page[limit]": 20, "page[offset]": 40})
    assert len(page["data"]) == 20
    assert "page[offset]=60&page[limit]=20" in page["links"]["next"]
    assert "page[offset]=20&page[limit]=20" in page["links"]["prev"]
    first = oms(either, "datasetrates", **zero_bias, **{"page[limit]": 20})
    assert first["links"]["prev"] is None
    last = oms(either, "datasetrates", **zero_bias, **{"page[limit]": 20, "page[offset]": total - total % 20})
    assert last["links"]["next"] is None
    assert set(last["links"]) == {"self", "first", "last", "prev", "next"}


def test_oms_limit_is_cut(either):
    page = oms(either, "lumisections", **{"page[limit]": 5000})
    assert len(page["data"]) == 100
    assert "page[offset]=100&page[limit]=100" in page["links"]["next"]


def test_oms_passes_on_other_parameters(either):
    query = RUN | {
        "sort": "-pileup,lumisection_number",
        "fields": "lumisection_number,pileup",
        "page[limit]": 7,
    }
    page = oms(either, "lumisections", **query)
    attributes = [row["attributes"] for row in page["data"]]
    assert [set(row) for row in attributes] == [{"lumisection_number", "pileup"}] * 7
    assert [row["pileup"] for row in attributes] == sorted(
        (row["pileup"] for row in attributes), reverse=True
    )
    assert attributes[0]["lumisection_number"] == 1
    for kept in ("sort=-pileup", "fields=lumisection_number", "filter[run_number][EQ]=382921"):
        assert kept in page["links"]["next"]
    by_name = oms(either, "runs", **RUN, **{"fields[runs]": "era"})
    assert by_name["data"][0]["attributes"] == {"era": "Run2024"}
    assert by_name["data"][0]["id"] == "382921"


def all_of(asker, endpoint, **query):
    rows, offset = [], 0
    while True:
        page = oms(asker, endpoint, **query, **{"page[offset]": offset})
        rows += page["data"]
        offset += len(page["data"])
        if page["links"]["next"] is None:
            return rows


@pytest.mark.parametrize(
    ("operator", "value", "passes"),
    [
        ("EQ", 10, lambda ls: ls == 10),
        ("NEQ", 10, lambda ls: ls != 10),
        ("LT", 10, lambda ls: ls < 10),
        ("GT", 10, lambda ls: ls > 10),
        ("LE", 10, lambda ls: ls <= 10),
        ("GE", 10, lambda ls: ls >= 10),
        ("LIKE", "1%", lambda ls: str(ls).startswith("1")),
        ("LIKE", "7", lambda ls: "7" in str(ls)),
    ],
)
def test_oms_filter(either, operator, value, passes):
    query = RUN | {f"filter[lumisection_number][{operator}]": value}
    found = [row["attributes"]["lumisection_number"] for row in all_of(either, "lumisections", **query)]
    last = either.json("run/14781912/382921/")["ls_count"]
    assert found == [ls for ls in range(1, last + 1) if passes(ls)]


def test_oms_filters_other_types(either):
    runs = oms(either, "runs", **{"filter[era][EQ]": "Run2022", "filter[stable_beam][EQ]": "true"})["data"]
    assert {row["attributes"]["era"] for row in runs} == {"Run2022"}
    later = oms(either, "runs", **{"filter[start_time][GE]": "2024-10-01T00:00:00Z"})["data"]
    assert {row["attributes"]["run_number"] for row in later} == {386951, 386954}


def test_oms_fills_hold_the_runs(either):
    (run,) = oms(either, "runs", **RUN)["data"]
    number = run["attributes"]["fill_number"]
    (fill,) = oms(either, "fills", **{"filter[fill_number][EQ]": number})["data"]
    assert fill["attributes"]["first_run_number"] <= 382921 <= fill["attributes"]["last_run_number"]


WRONG = [
    ("oms-proxy/", {}, 400, "endpoint"),
    ("oms-proxy/", {"endpoint": ""}, 400, "endpoint"),
    ("oms-proxy/", {"endpoint": "nothing"}, 404, "detail"),
    ("oms-proxy/", {"endpoint": "runs", "filter[run_number][EQ]": "x"}, 400, "filter[run_number]"),
    ("oms-proxy/", {"endpoint": "runs", "filter[run_number][IS]": 1}, 400, "filter[run_number][IS]"),
    ("oms-proxy/", {"endpoint": "runs", "filter[color][EQ]": "red"}, 400, "filter[color]"),
    ("oms-proxy/", {"endpoint": "runs", "sort": "color"}, 400, "sort"),
    ("oms-proxy/", {"endpoint": "runs", "page[limit]": "x"}, 400, "page[limit]"),
    ("oms-proxy/", {"endpoint": "runs", "page[limit]": 0}, 400, "page[limit]"),
    ("oms-proxy/", {"endpoint": "runs", "page[offset]": -1}, 400, "page[offset]"),
    ("caf/", {"class_name": "Collisions24"}, 400, "kind"),
    ("caf/", {"kind": "golden"}, 400, "class_name"),
    ("caf/", {"class_name": "Collisions24", "kind": "silver"}, 400, "kind"),
    ("caf/", {"class_name": "Cosmics24", "kind": "golden"}, 404, "detail"),
    (
        "runregistry/editable-datasets/",
        {"class_name": "Collisions24", "dataset_name": "/x"},
        400,
        "global_state",
    ),
    ("brilws/brilcalc-lumi/", {"runnumber": "x"}, 400, "runnumber"),
    ("brilws/brilcalc-lumi/", {"scope": "x"}, 400, "scope"),
    ("brilws/brilcalc-lumi/", {"byls": "x"}, 400, "byls"),
    ("brilws/brilcalc-lumi/", {"unit": "x"}, 400, "unit"),
    ("brilws/brilcalc-lumi/", {"begin": "yesterday"}, 400, "begin"),
]


@pytest.mark.parametrize(("path", "query", "status", "name"), WRONG)
def test_wrong_question(either, path, query, status, name):
    response = either.get(path, **query)
    assert response.status_code == status
    assert set(response.json()) == {name}


def test_missing_parameters_are_all_named(either):
    assert either.get("runregistry/editable-datasets/").json() == {
        name: ["This field is required."] for name in ("class_name", "dataset_name", "global_state")
    }


def lumisections(content):
    return {
        (run, ls)
        for run, ranges in content.items()
        for first, last in ranges
        for ls in range(first, last + 1)
    }


def test_caf_kinds_are_nested(either):
    found = {
        kind: either.json("caf/", class_name="Collisions24", kind=kind) for kind in ("golden", "muon", "dcs")
    }
    for answer in found.values():
        assert set(answer) == {"name", "url", "last_modified", "size", "content"}
        assert answer["url"].endswith(answer["name"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", answer["last_modified"])
    good = {kind: lumisections(answer["content"]) for kind, answer in found.items()}
    assert set() < good["golden"] < good["muon"] < good["dcs"]
    assert ("367112", 10) in good["golden"]


def test_caf_of_a_year(either):
    runs = either.json("caf/", class_name="Collisions22", kind="dcs")["content"]
    assert {run[:3] for run in runs} <= {"360", "361", "362"}


def test_editable_datasets_share_out_the_runs(either):
    query = {"class_name": "Collisions24", "dataset_name": "/PromptReco/Collisions2024/DQM"}
    states = [
        set(either.json("runregistry/editable-datasets/", global_state=state, **query))
        for state in ("OPEN", "SIGNOFF", "COMPLETED")
    ]
    assert all(states)
    assert sum(map(len, states)) == len(set().union(*states))
    assert {367112, 382921} <= states[2]
    assert either.json("runregistry/editable-datasets/", global_state="NEVER", **query) == []


def test_brilcalc_scopes(either):
    both = either.json("brilws/brilcalc-lumi/", runnumber=382921)
    assert set(both) == {"detailed", "summary"}
    for scope in both:
        assert either.json("brilws/brilcalc-lumi/", runnumber=382921, scope=scope) == {scope: both[scope]}


def test_brilcalc_by_lumisection_adds_up(either):
    (run,) = either.json("brilws/brilcalc-lumi/", runnumber=382921, scope="detailed")["detailed"]
    rows = either.json("brilws/brilcalc-lumi/", runnumber=382921, scope="detailed", byls="true")["detailed"]
    assert len(rows) == int(run["nls"])
    recorded = "recorded(/ub)"
    assert sum(row[recorded] for row in rows) == pytest.approx(run[recorded])


def test_brilcalc_units_and_bounds(either):
    micro = either.json("brilws/brilcalc-lumi/", runnumber=382921, scope="summary")["summary"]
    pico = either.json("brilws/brilcalc-lumi/", runnumber=382921, scope="summary", unit="/pb")["summary"]
    assert set(micro) == {"nfill", "nrun", "nls", "ncms", "totdelivered(/ub)", "totrecorded(/ub)"}
    assert pico["totrecorded(/pb)"] == pytest.approx(micro["totrecorded(/ub)"] * 1e-6)
    rows = either.json("brilws/brilcalc-lumi/", begin="382913", end="382937", scope="detailed")["detailed"]
    assert [row["run"] for row in rows] == [382913, 382921, 382937]
    rows = either.json("brilws/brilcalc-lumi/", begin="10/01/24 00:00:00", scope="detailed")["detailed"]
    assert [row["run"] for row in rows] == [386951, 386954]
