"""Every filter of every list does what its name says: compared with the same condition in SQL."""

import pytest

RUN = "dataset_id = 14677060 AND run_number = 367112"
DATASET = "/ZeroBias/Run2024F-PromptReco-v1/DQMIO"
LAYER_2 = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"
FILE = "SELECT file_id FROM file WHERE logical_file_name LIKE '%Run2024F/JetHT%'"

FILTERS = [
    ("dataset-index/", "dataset", {"dataset": DATASET}, f"dataset = '{DATASET}'"),
    ("dataset-index/", "dataset", {"dataset__regex": "^/Zero.*2024"}, "dataset LIKE '/Zero%2024%'"),
    ("file-index/", "file", {"dataset_id": 14677060}, "dataset_id = 14677060"),
    ("file-index/", "file", {"dataset": DATASET}, "dataset_id = 14781912"),
    ("file-index/", "file", {"dataset__regex": "2024B"}, "dataset_id = 14677060"),
    ("file-index/", "file", {"logical_file_name__regex": "2024B"}, "logical_file_name LIKE '%2024B%'"),
    ("file-index/", "file", {"status": "COPY_ERROR"}, "status = 'COPY_ERROR'"),
    ("file-index/", "file", {"min_size": 300_000_000}, "file_size >= 300000000"),
    ("run/", "run", {"dataset_id": 14446401}, "dataset_id = 14446401"),
    ("run/", "run", {"dataset_id__in": "14446401,14781977"}, "dataset_id IN (14446401, 14781977)"),
    ("run/", "run", {"run_number": 382921}, "run_number = 382921"),
    ("run/", "run", {"run_number__gte": 382921}, "run_number >= 382921"),
    ("run/", "run", {"run_number__lte": 361083}, "run_number <= 361083"),
    ("run/", "run", {"dataset__regex": "JetHT|2022"}, "dataset_id IN (14446401, 14781977)"),
    ("run/", "run", {"dataset__regex": "nothing"}, "FALSE"),
    ("lumisection/", "lumisection", {"dataset_id": 14677060, "run_number": 367112}, RUN),
    ("lumisection/", "lumisection", {"ls_number": 10}, "ls_number = 10"),
    ("lumisection/", "lumisection", {"ls_number__lte": 3}, "ls_number <= 3"),
    ("lumisection/", "lumisection", {"ls_number__gte": 110}, "ls_number >= 110"),
    ("lumisection/", "lumisection", {"run_number__gte": 361000, "run_number__lte": 362000, "ls_number": 5},
     "run_number BETWEEN 361000 AND 362000 AND ls_number = 5"),
    ("lumisection/", "lumisection", {"dataset": DATASET}, "dataset_id = 14781912"),
    ("th1/", "th1", {"dataset_id": 14677060, "run_number": 367112, "me_id": 2}, f"{RUN} AND me_id = 2"),
    ("th1/", "th1", {"me": LAYER_2, "ls_number": 10}, "me_id = 2 AND ls_number = 10"),
    ("th1/", "th1", {"me__regex": "charge_PXLayer_[12]", "ls_number__lte": 1}, "me_id IN (1, 2) AND ls_number = 1"),
    ("th1/", "th1", {"file_id": 3393809397, "me_id": 1}, "file_id = 3393809397 AND me_id = 1"),
    ("th1/", "th1", {"logical_file_name__regex": "Run2024F/JetHT", "me_id": 3}, f"me_id = 3 AND file_id IN ({FILE})"),
    ("th1/", "th1", {"dataset__regex": "JetHT", "ls_number__gte": 180}, "dataset_id = 14781977 AND ls_number >= 180"),
    ("th2/", "th2", {"run_number": 367112, "entries__gte": 200_000}, "run_number = 367112 AND entries >= 200000"),
    ("th2/", "th2", {"run_number__gte": 361957, "run_number__lte": 362000, "me_id": 141},
     "run_number BETWEEN 361957 AND 362000 AND me_id = 141"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"model_id": 2}, "model_id = 2"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"model_id__in": "1,3"}, "model_id IN (1, 3)"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"dataset_id__in": "14446401"}, "dataset_id = 14446401"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"dataset_id": 14446401}, "dataset_id = 14446401"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"dataset__regex": "2024F"}, "dataset_id IN (14781912, 14781977)"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"me_id": 100}, "me_id = 100"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"me__regex": "charge"}, "me_id = 1"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"run_number__in": "367112,382921"},
     "run_number IN (367112, 382921)"),
    ("ml-bad-lumisection/", "ml_bad_lumisection", {"run_number": 367112, "ls_number": 10},
     "run_number = 367112 AND ls_number = 10"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "table", "query", "condition"), FILTERS)
def test_filter(either, path, table, query, condition):
    keys = [
        name
        for (name,) in either.truth("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table)
    ]
    fields = [key for key in keys if not (table == "ml_bad_lumisection" and key == "me_id")]
    chosen = ", ".join(fields)
    true = either.truth(f"SELECT {chosen} FROM {table} WHERE {condition} ORDER BY {', '.join(keys)}")
    rows = either.rows(path, page_size=500, fields=",".join(fields), **query)
    assert [tuple(row[field] for field in fields) for row in rows] == true
    assert true or condition == "FALSE" or "ls_number = 10" in condition


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("run/", {"dataset_id": 14446401}),
        ("run/", {"dataset_id__in": "14446401,14781977"}),
        ("run/", {"run_number__gte": 380000}),
        ("lumisection/", {"run_number": 367112}),
        ("lumisection/", {"ls_number": 10}),
        ("lumisection/", {"ls_number__gte": 100, "ls_number__lte": 105}),
        ("file-index/", {"status": "FINISHED"}),
        ("file-index/", {"dataset_id": 14677060, "min_size": 200_000_000}),
    ],
)
def test_count_is_the_number_of_rows(either, path, query):
    count = either.json(f"{path}count/", **query)["count"]
    assert count == len(either.rows(path, page_size=500, fields="dataset_id", **query)) > 0


@pytest.mark.parametrize(
    ("query", "me_ids"),
    [
        ({"me": LAYER_2}, {2}),
        ({"me__regex": "EEOT digi occupancy EE +"}, {141, 142}),
        ({"me__regex": r"EEOT digi occupancy EE \+"}, {141}),
        ({"me__regex": "PXBarrel/clusters_.*_PXLayer_[12]"}, {100, 133}),
        ({"dim": 2, "me__regex": "EBOT|charge"}, {140}),
    ],
)
def test_mes(either, query, me_ids):
    assert {row["me_id"] for row in either.json("mes/", **query)} == me_ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [1, 19, 20]),
        ({"id": 19}, [19]),
        ({"id__in": "20,19"}, [19, 20]),
        ({"name__regex": "^jet_"}, [19, 20]),
        ({"name": "met_significance_autoencoder_20240212.onnx"}, [1]),
        ({"active": "true"}, [19, 20]),
        ({"active": True}, [19, 20]),
        ({"active": "False"}, [1]),
        ({"ready": "false"}, [1]),
        ({"type": "autoencoder"}, [1, 19, 20]),
        ({"input_signature_contains_me": "JetMET/MET/pfMETT1/Cleaned/METSig"}, [1]),
        ({"input_signature_contains_me": "METSig"}, []),
        ({"input_signature_contains_me__regex": "Frac_highPt"}, [19, 20]),
        ({"tag_name": "era"}, [19, 20]),
        ({"tag_value": "2023"}, []),
        ({"model_id": 19}, [1, 19, 20]),
    ],
)
def test_models_now(now, query, ids):
    assert [row["id"] for row in now.json("ml-models-index/", "jetmet", **query)["results"]] == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"model_id": 19}, [19]),
        ({"model_id__in": "20,19"}, [19, 20]),
        ({"filename__regex": "^jet_"}, [19, 20]),
        ({"filename": "met_significance_autoencoder_20240212.onnx"}, [1]),
        ({"target_me": "JetMET/MET/pfMETT1/Cleaned/METSig"}, [1]),
        ({"target_me__regex": "Frac"}, [19, 20]),
        ({"active": "true"}, [19, 20]),
        ({"id": 19}, [1, 19, 20]),
    ],
)
def test_models_v112(v112, query, ids):
    assert [row["model_id"] for row in v112.json("ml-models-index/", "jetmet", **query)["results"]] == ids


def test_a_bad_regex_on_an_input_breaks(now):
    assert now.get("ml-models-index/", input_signature_contains_me__regex="(").status_code == 500
