"""What differs between today's service and v1.12: records, paths, methods, and the type of a number of bins."""

import pytest

RUN = ["dataset_id", "dataset", "run_number", "ls_count"]
TH1 = [
    "dataset_id",
    "dataset",
    "me",
    "file_id",
    "run_number",
    "ls_number",
    "me_id",
    "x_min",
    "x_max",
    "x_bin",
]
TH2 = [*TH1, "y_min", "y_max", "y_bin", "entries", "data"]
MODEL_NOW = [
    "id",
    "name",
    "revision",
    "ready",
    "active",
    "type",
    "anomaly_threshold",
    "builtin_threshold",
    "description",
    "flagging_key",
    "input_signature",
    "metric_key",
    "output_signature",
    "tags",
    "isvc_service_name",
    "isvc_yaml",
    "created_by",
    "modified_by",
    "created_at",
    "modified_at",
]
BAD = ["model_id", "dataset_id", "file_id", "run_number", "ls_number", "me_id", "mse"]

RECORDS = [
    ("dataset-index/", ["dataset_id", "dataset", "era", "data_tier", "primary_ds_name", "processed_ds_name", "processing_version", "last_modification_date"], None),
    ("file-index/", ["dataset_id", "dataset", "file_id", "file_size", "creation_date", "last_modification_date", "logical_file_name", "status", "err_trace"], None),
    ("mes/", ["me_id", "me", "count", "dim"], None),
    ("run/", [*RUN, "ls_completeness"], RUN),
    ("lumisection/", ["dataset_id", "dataset", "run_number", "ls_number", "th1_count", "th2_count"], None),
    ("th1/", [*TH1, "entries", "data"], None),
    ("th2/", TH2, None),
    ("ml-models-index/", MODEL_NOW, ["model_id", "filename", "target_me", "active"]),
    ("ml-bad-lumisection/", ["model_id", "dataset_id", "run_number", "ls_number", "metric_value"], BAD),
]  # fmt: skip


@pytest.mark.parametrize(("path", "today", "earlier"), RECORDS)
def test_keys(now, v112, path, today, earlier):
    for asker, keys in ((now, today), (v112, earlier or today)):
        answer = asker.json(path, page_size=1)
        rows = answer if isinstance(answer, list) else answer["results"]
        assert list(rows[0]) == keys


def test_the_number_of_bins(now, v112):
    for asker, kind in ((now, float), (v112, int)):
        row = asker.json("th2/14677060/367112/10/100/")
        assert (row["x_bin"], row["y_bin"]) == (72, 26)
        assert {type(row["x_bin"]), type(row["y_bin"])} == {kind}


def test_workspaces_now(now):
    listed = now.json("workspaces/")
    assert {"tracker", "jetmet", "ecal", "csc", "muo", "global", "hcal", "egamma"} <= {
        w["name"] for w in listed
    }
    assert {w["name"] for w in listed} == set(now.sandbox.databases)
    assert now.json("workspaces/my-default/")["name"] == "tracker"
    assert now.get("auth/workspaces/").status_code == 404
    assert now.get("auth/user-default-workspace/").status_code == 404


def test_workspaces_v112(v112):
    assert v112.json("auth/workspaces/") == {"workspaces": list(v112.sandbox.databases)}
    assert v112.json("auth/user-default-workspace/") == {"workspace": "tracker"}
    assert v112.get("workspaces/").status_code == 404
    assert v112.get("workspaces/my-default/").status_code == 404


def test_a_bad_lumisection_now(now):
    row = now.json("ml-bad-lumisection/19/15102369/386951/36/", "jetmet")
    assert row["metric_value"] > 0
    assert now.get("ml-bad-lumisection/19/15102369/386951/36/5/", "jetmet").status_code == 404
    assert now.get("ml-bad-lumisection/19/15102369/386951/1/", "jetmet").json() == {
        "detail": "No MLBadLumisection matches the given query."
    }


def test_a_bad_lumisection_v112(v112):
    row = v112.json("ml-bad-lumisection/19/15102369/386951/36/5/", "jetmet")
    assert row["mse"] > 0
    assert v112.get("ml-bad-lumisection/19/15102369/386951/36/", "jetmet").status_code == 404


def test_both_hold_the_same(now, v112):
    fields = "model_id,run_number,ls_number"
    rows = [
        asker.rows("ml-bad-lumisection/", "jetmet", fields=fields, page_size=500) for asker in (now, v112)
    ]
    assert rows[0] == rows[1]
    rows = [asker.rows("th1/", run_number=367112, ls_number=10, fields="me_id,data") for asker in (now, v112)]
    assert rows[0] == rows[1]
