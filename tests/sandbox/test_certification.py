"""cert-json/ and golden-json/ say what the flagged lumisections say, in the way of each generation."""

from itertools import pairwise

import pytest

MODELS, DATASETS, RUNS = [19, 20], [15042670], [385764, 385799, 385801]
ASKED = {"model_id__in": MODELS, "dataset_id__in": DATASETS, "run_number__in": RUNS}
QUERY = {name: ",".join(map(str, values)) for name, values in ASKED.items()}


def post(asker, which, body, **headers):
    return asker.client.post(
        f"ml-bad-lumisection/{which}/", json=body, headers={"Workspace": "jetmet", **headers}
    )


def flagged(asker, models):
    marks = ", ".join(map(str, models)) or "NULL"
    rows = asker.truth(
        f"SELECT run_number, ls_number, model_id FROM ml_bad_lumisection WHERE model_id IN ({marks}) "
        "AND dataset_id = 15042670 ORDER BY run_number, ls_number, model_id",
        workspace="jetmet",
    )
    verdicts = {}
    for run, ls, model in rows:
        verdicts.setdefault(str(run), {}).setdefault(str(ls), []).append(model)
    return verdicts


def lumisections(golden):
    return {
        (int(run), ls)
        for run, ranges in golden.items()
        for first, last in ranges
        for ls in range(first, last + 1)
    }


def models_of(certified):
    return {
        run: {ls: [verdict["model_id"] for verdict in verdicts] for ls, verdicts in by_ls.items()}
        for run, by_ls in certified.items()
    }


def test_cert_json_now(now):
    certified = post(now, "cert-json", ASKED).json()
    assert models_of(certified) == flagged(now, MODELS)
    assert set(certified) == {"385764", "385799", "385801"}
    assert set(certified["385764"]["36"][0]) == {"model_id", "name", "metric_value"}


def test_cert_json_v112(v112):
    certified = v112.json("ml-bad-lumisection/cert-json/", "jetmet", **QUERY)
    assert models_of(certified) == flagged(v112, MODELS)
    (verdict,) = (verdict for verdict in certified["385764"]["36"] if verdict["model_id"] == 19)
    row = v112.json("ml-bad-lumisection/19/15042670/385764/36/5/", "jetmet")
    assert verdict == {
        "model_id": 19,
        "me_id": 5,
        "filename": "jet_charged_hadron_fraction_autoencoder_20241004.onnx",
        "me": "JetMET/Jet/Cleanedak4PFJetsCHS/CHFrac_highPt_Barrel",
        "mse": row["mse"],
    }


def test_golden_json_is_the_rest(now, v112):
    golden = post(now, "golden-json", ASKED).json()
    assert golden == v112.json("ml-bad-lumisection/golden-json/", "jetmet", **QUERY)
    every = set(
        now.truth(
            "SELECT run_number, ls_number FROM lumisection WHERE dataset_id = 15042670", workspace="jetmet"
        )
    )
    bad = {(int(run), int(ls)) for run, by_ls in flagged(now, MODELS).items() for ls in by_ls}
    assert lumisections(golden) == every - bad
    for ranges in golden.values():
        assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(ranges))


def test_no_model_flags_nothing(now):
    asked = ASKED | {"model_id__in": []}
    assert post(now, "cert-json", asked).json() == {}
    assert len(lumisections(post(now, "golden-json", asked).json())) == sum(
        now.json(f"run/15042670/{run}/", "jetmet")["ls_count"] for run in RUNS
    )


@pytest.mark.parametrize("which", ["cert-json", "golden-json"])
@pytest.mark.parametrize("missing", QUERY)
def test_v112_breaks_without_one_of_the_lists(v112, which, missing):
    query = {name: value for name, value in QUERY.items() if name != missing}
    response = v112.get(f"ml-bad-lumisection/{which}/", "jetmet", **query)
    assert (response.status_code, response.headers["Content-Type"]) == (500, "text/html")


@pytest.mark.parametrize("which", ["cert-json", "golden-json"])
def test_v112_gives_the_runs_in_the_order_asked(v112, which):
    query = QUERY | {"run_number__in": "385801,385764,385799"}
    answer = v112.json(f"ml-bad-lumisection/{which}/", "jetmet", **query)
    assert list(answer) == ["385801", "385764", "385799"]


@pytest.mark.parametrize(
    "unknown", [{"run_number__in": "1"}, {"model_id__in": "99"}, {"dataset_id__in": "7"}]
)
def test_v112_names_each_run_asked_for(v112, unknown):
    query = QUERY | {"run_number__in": "385764"} | unknown
    answer = v112.json("ml-bad-lumisection/cert-json/", "jetmet", **query)
    assert answer == {query["run_number__in"]: {}}


def test_golden_json_leaves_out_runs_without_lumisections(v112):
    query = QUERY | {"run_number__in": "1,385764"}
    assert list(v112.json("ml-bad-lumisection/golden-json/", "jetmet", **query)) == ["385764"]


@pytest.mark.parametrize("which", ["cert-json", "golden-json"])
def test_the_other_method(now, v112, which):
    path = f"ml-bad-lumisection/{which}/"
    response = now.get(path, "jetmet", **QUERY)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    response = post(v112, which, ASKED)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


WRONG_BODIES = [
    ({}, {name: ["This field is required."] for name in ASKED}),
    (ASKED | {"model_id__in": None}, {"model_id__in": ["This field may not be null."]}),
    (ASKED | {"model_id__in": 19}, {"model_id__in": ['Expected a list of items but got type "int".']}),
    (ASKED | {"run_number__in": ["x", 1]}, {"run_number__in": ["A valid integer is required."]}),
    (
        ASKED | {"run_number__in": [10**30]},
        {"run_number__in": ["Ensure this value is less than or equal to 9223372036854775807."]},
    ),
    ([1, 2], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
]


@pytest.mark.parametrize("which", ["cert-json", "golden-json"])
@pytest.mark.parametrize(("body", "errors"), WRONG_BODIES)
def test_wrong_body(now, which, body, errors):
    response = post(now, which, body)
    assert (response.status_code, response.json()) == (400, errors)


def test_a_body_that_is_no_json(now):
    headers = {"Content-Type": "application/json"}
    response = now.client.post("ml-bad-lumisection/cert-json/", content=b"{", headers=headers)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error")


def test_a_body_of_another_type(now):
    response = now.client.post("ml-bad-lumisection/cert-json/", data={"model_id__in": "19"})
    assert response.status_code == 415
    assert set(response.json()) == {"detail"}


@pytest.mark.parametrize("which", ["cert-json", "golden-json"])
@pytest.mark.parametrize("numbers", ["19,x", "1.5", "1,,2", "1,", ""])
def test_a_wrong_list_in_the_query(v112, which, numbers):
    response = v112.get(f"ml-bad-lumisection/{which}/", "jetmet", **QUERY | {"model_id__in": numbers})
    assert response.status_code == 400
    (sentence,) = response.json()
    assert "integers" in sentence
