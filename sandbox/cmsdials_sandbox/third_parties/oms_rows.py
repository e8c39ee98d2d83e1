"""What OMS knows about each run, lumisection, trigger dataset and fill; `oms` filters it and cuts it into pages.

The runs are those of the workspaces, so that a join with DIALS works; rates and pileup fall along a run like the entries
of the histograms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cmsdials_sandbox.catalogue import runs
from cmsdials_sandbox.dates import LS_SECONDS, iso, taken
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.mixing import mixed

Attributes = dict[str, Any]

_RUNS_PER_FILL = 3
_TRIGGERS = (("ZeroBias", 40.0), ("JetMET0", 90.0), ("Muon0", 110.0))

KnownRun = tuple[int, int, int]


def _fill(index: int) -> int:
    return 8300 + index


def fill_of(run_number: int) -> int:
    """Return the number of the fill that a run belongs to."""
    numbers = [number for number, _, _ in runs(installation().options.scale)]
    return _fill(numbers.index(run_number) // _RUNS_PER_FILL)


def _runs(known: list[KnownRun]) -> Iterator[Attributes]:
    for run_number, last_ls, year in known:
        yield {
            "run_number": run_number,
            "fill_number": fill_of(run_number),
            "start_time": iso(taken(run_number)),
            "end_time": iso(taken(run_number, last_ls + 1)),
            "duration": round(last_ls * LS_SECONDS),
            "last_lumisection_number": last_ls,
            "era": f"Run{year}",
            "hlt_key": f"/cdaq/physics/Run{year}/2e34/v1.2.1/HLT/V1",
            "l1_key": f"collisions{year}_v1",
            "b_field": 3.8,
            "stable_beam": True,
            "sequence": "GLOBAL-RUN",
            "recorded_lumi": round(last_ls * 0.0115, 3),
            "delivered_lumi": round(last_ls * 0.0121, 3),
            "components": ["TRACKER", "PIXEL", "ECAL", "HCAL", "CSC", "DT", "RPC"],
        }


def _lumisections(known: list[KnownRun]) -> Iterator[Attributes]:
    for run_number, last_ls, _ in known:
        fill_number = fill_of(run_number)
        for ls in range(1, last_ls + 1):
            yield {
                "run_number": run_number,
                "lumisection_number": ls,
                "fill_number": fill_number,
                "start_time": iso(taken(run_number, ls)),
                "end_time": iso(taken(run_number, ls + 1)),
                "pileup": round(58.0 * 400 / (400 + ls), 2),
                "init_lumi": round(20000.0 * 400 / (400 + ls), 1),
                "recorded_lumi": round(0.0115 * 400 / (400 + ls), 6),
                "beams_stable": True,
                "physics_flag": ls > 1,
                "cms_active": True,
                "bpix_ready": True,
                "fpix_ready": True,
                "tibtid_ready": True,
                "tob_ready": True,
                "tecp_ready": True,
                "tecm_ready": mixed(run_number, ls) % 37 != 0,
                "prescale_index": 2 + ls // 400,
            }


def _dataset_rates(known: list[KnownRun]) -> Iterator[Attributes]:
    for run_number, last_ls, _ in known:
        for dataset_name, rate_at_start in _TRIGGERS:
            for ls in range(1, last_ls + 1):
                noise = 0.98 + 0.04 * mixed(run_number, ls, len(dataset_name)) / 2**64
                rate = rate_at_start * 400 / (400 + ls) * noise
                yield {
                    "run_number": run_number,
                    "dataset_name": dataset_name,
                    "first_lumisection_number": ls,
                    "last_lumisection_number": ls,
                    "start_time": iso(taken(run_number, ls)),
                    "rate": round(rate, 3),
                    "events": round(rate * LS_SECONDS),
                }


def _fills(_known: list[KnownRun]) -> Iterator[Attributes]:
    known = list(runs(installation().options.scale))
    for index in range(0, len(known), _RUNS_PER_FILL):
        group = known[index : index + _RUNS_PER_FILL]
        first, last = group[0], group[-1]
        yield {
            "fill_number": _fill(index // _RUNS_PER_FILL),
            "start_time": iso(taken(first[0]) - timedelta(hours=2)),
            "end_time": iso(taken(last[0], last[1] + 1)),
            "stable_beams": True,
            "energy": 6800.0,
            "fill_type_runtime": "PROTONS",
            "fill_type_party1": "PROTONS",
            "first_run_number": first[0],
            "last_run_number": last[0],
            "peak_lumi": 20000.0,
        }


@dataclass(frozen=True)
class Resource:
    """One endpoint of OMS: what identifies its rows, and how they are made."""

    key: tuple[str, ...]
    rows: Callable[[list[KnownRun]], Iterator[Attributes]]
    by_run: bool = True


RESOURCES = {
    "runs": Resource(("run_number",), _runs),
    "lumisections": Resource(("run_number", "lumisection_number"), _lumisections),
    "datasetrates": Resource(("run_number", "dataset_name", "first_lumisection_number"), _dataset_rates),
    "fills": Resource(("fill_number",), _fills, by_run=False),
}
