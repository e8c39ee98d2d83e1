"""The ids, MEs and runs of the service's documentation are alive, and the numbers about the rows are true."""

import pytest

EXAMPLES = [
    ("tracker", "dataset-index/14677060/", "dataset", "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"),
    ("tracker", "file-index/14677060/3393809397/", "status", "FINISHED"),
    ("tracker", "run/14677060/367112/", "run_number", 367112),
    ("tracker", "lumisection/14677060/367112/10/", "ls_number", 10),
    ("tracker", "lumisection/14677060/367112/78/", "ls_number", 78),
    ("tracker", "mes/1/", "me", "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1"),
    ("tracker", "mes/96/", "dim", 1),
    ("tracker", "mes/100/", "dim", 2),
    ("tracker", "mes/133/", "dim", 2),
    ("tracker", "th1/14677060/367112/10/1/", "file_id", 3393809397),
    ("tracker", "th1/14677060/367112/10/96/", "me_id", 96),
    ("tracker", "th2/14677060/367112/10/100/", "me_id", 100),
    ("tracker", "th2/14677060/367112/10/133/", "me_id", 133),
    ("jetmet", "ml-models-index/1/", "active", False),
    ("jetmet", "ml-models-index/19/", "active", True),
    ("jetmet", "ml-models-index/20/", "active", True),
    ("jetmet", "run/15042670/385764/", "run_number", 385764),
    ("jetmet", "run/15042670/385799/", "run_number", 385799),
    ("jetmet", "run/15042670/385801/", "run_number", 385801),
    ("jetmet", "run/15102369/386951/", "run_number", 386951),
]


@pytest.mark.parametrize(("workspace", "path", "field", "value"), EXAMPLES)
def test_example(either, workspace, path, field, value):
    assert either.json(path, workspace)[field] == value


BINNINGS = [
    *((f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{n}", (0, 80_000, 200), None) for n in (1, 2, 3, 4)),
    *(
        (
            (
                "PixelPhase1/Phase1_MechanicalView/PXBarrel/"
                f"clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_{n}"
            ),
            (-4.5, 4.5, 72),
            (-half, half, rows),
        )
        for n, half, rows in ((1, 6.5, 26), (2, 14.5, 58), (3, 22.5, 90), (4, 32.5, 130))
    ),
    ("EcalBarrel/EBOccupancyTask/EBOT digi occupancy", (0, 360, 100), (-85, 85, 100)),
    ("EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +", (0, 100, 100), (0, 100, 100)),
    ("EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE -", (0, 100, 100), (0, 100, 100)),
    ("Muons/MuonRecoAnalyzer/GlbMuon_Glb_eta", (-3, 3, 100), None),
    ("JetMET/Jet/Cleanedak4PFJetsCHS/Pt", (0, 500, 50), None),
]


@pytest.mark.parametrize(("me", "x", "y"), BINNINGS)
def test_binning(either, me, x, y):
    path = "th1/" if y is None else "th2/"
    (row,) = either.json(path, dataset_id=14677060, run_number=367112, ls_number=10, me=me)["results"]
    assert row["me"] == me
    assert (row["x_min"], row["x_max"], row["x_bin"]) == x
    if y is None:
        assert len(row["data"]) == row["x_bin"]
    else:
        assert (row["y_min"], row["y_max"], row["y_bin"]) == y
        assert len(row["data"]) == row["y_bin"]
        assert {len(line) for line in row["data"]} == {row["x_bin"]}


def test_pixel_maps_of_one_lumisection_from_several_runs(either):
    query = {"me__regex": "PXBarrel", "ls_number": 78, "entries__gte": 100}
    rows = either.rows("th2/", page_size=500, fields="run_number,entries", **query)
    assert len(rows) > 200
    assert len({row["run_number"] for row in rows}) > 3


def test_endcaps_of_2022(either):
    query = {"run_number__gte": 360392, "run_number__lte": 365000, "entries__gte": 100}
    query["me__regex"] = "EEOT digi occupancy EE +"
    rows = either.rows("th2/", page_size=500, fields="run_number,me", **query)
    assert {row["me"][-4:] for row in rows} == {"EE +", "EE -"}
    assert {360392, 362000} <= {row["run_number"] for row in rows}
    runs = either.rows("run/", run_number__gte=360392, run_number__lte=362000)
    assert {run["dataset"].split("/")[2][:7] for run in runs} == {"Run2022"}
    for path in ("lumisection/", "file-index/"):
        assert either.json(path, dataset_id=runs[0]["dataset_id"])["results"]


def test_a_charge_in_every_lumisection_of_a_run(either):
    lumisections = either.rows("lumisection/", run_number=367112, page_size=500)
    query = {"dataset_id": 14677060, "run_number": 367112, "me__regex": "charge_PXLayer_2"}
    rows = either.rows("th1/", fields="ls_number", page_size=500, **query)
    assert [row["ls_number"] for row in rows] == [row["ls_number"] for row in lumisections]
    assert len(rows) > 60


def test_files_of_2024b(either):
    rows = either.rows("file-index/", logical_file_name__regex="2024B", page_size=500)
    assert 3393809397 in {row["file_id"] for row in rows}


def test_file_statuses(either):
    rows = either.rows("file-index/", page_size=500)
    broken = {"FILE_NOT_AVAILABLE", "COPY_ERROR", "ROOTFILE_ERROR", "PARSING_ERROR"}
    assert {row["status"] for row in rows} == broken | {"PENDING", "STARTED", "FINISHED"}
    assert {row["status"] for row in rows if row["err_trace"] is not None} == broken


@pytest.mark.parametrize("path", ["dataset-index/", "file-index/"])
def test_dates(either, path):
    for row in either.json(path)["results"]:
        for name in row.keys() & {"creation_date", "last_modification_date"}:
            assert row[name].startswith("202")
            assert row[name].endswith("Z")


def test_mes_of_a_run_are_those_with_histograms(either):
    mes = either.json("mes/14446401/360392/")
    assert [set(me) for me in mes] == [{"me_id", "me", "dim"}] * len(mes)
    assert [me["me_id"] for me in mes] == [1, 2, 3, 4, 140, 141, 142]


@pytest.mark.parametrize("workspace", ["csc", "ecal", "egamma", "global", "hcal", "jetmet", "muo", "tracker"])
def test_counts_agree_with_the_rows(now, workspace):
    assert not now.truth(
        """SELECT * FROM lumisection WHERE
             th1_count <> (SELECT count(*) FROM th1 WHERE (dataset_id, run_number, ls_number)
               = (lumisection.dataset_id, lumisection.run_number, lumisection.ls_number)) OR
             th2_count <> (SELECT count(*) FROM th2 WHERE (dataset_id, run_number, ls_number)
               = (lumisection.dataset_id, lumisection.run_number, lumisection.ls_number))""",
        workspace=workspace,
    )
    counted = now.truth(
        "SELECT me_id, count(*) FROM (SELECT me_id FROM th1 UNION ALL SELECT me_id FROM th2) GROUP BY 1 ORDER BY 1",
        workspace=workspace,
    )
    assert [(me["me_id"], me["count"]) for me in now.json("mes/", workspace)] == counted
    for run in now.rows("run/", workspace, page_size=500):
        (lumisections,) = now.truth(
            "SELECT count(*) FROM lumisection WHERE dataset_id = ? AND run_number = ?",
            run["dataset_id"],
            run["run_number"],
            workspace=workspace,
        )
        assert (run["ls_count"],) == lumisections


def test_histograms_belong_to_files_that_were_read(now):
    assert now.truth(
        "SELECT DISTINCT status FROM th1 JOIN file USING (dataset_id, file_id) "
        "UNION SELECT 'no file' FROM th1 WHERE (dataset_id, file_id) NOT IN (SELECT dataset_id, file_id FROM file)"
    ) == [("FINISHED",)]


def test_some_histograms_are_missing(now):
    """What a completeness check has to find: see `catalogue.MISSING` and `catalogue.GAPPY`."""
    counts = now.truth("SELECT DISTINCT th1_count FROM lumisection WHERE dataset_id = 14677060")
    assert len(counts) == 2
    assert now.truth("SELECT count(*) FROM run WHERE ls_completeness < 1") > [(0,)]
    assert now.truth("SELECT count(*) FROM run WHERE ls_completeness IS NULL") > [(0,)]
    gappy = now.truth("SELECT run_number FROM run WHERE ls_completeness < 1 LIMIT 1")[0][0]
    assert now.json("lumisection/count/", run_number=gappy, ls_number=40) == {"count": 0}
    assert now.json("lumisection/count/", run_number=gappy, ls_number=41) == {"count": 1}
