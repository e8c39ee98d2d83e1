"""The main steps in one file: find runs, fetch histograms, show a table, save them, draw them.

Run it with `scripts/demo`. It starts a local DIALS; for the real one, pass its address and your credentials
to `Dials`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cmsdials import Dials
from cmsdials.arrays import moments
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters, RunFilters
from cmsdials_sandbox import serve

DATASET, RUN = 14677060, 367112
CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"
OCCUPANCY = "PixelPhase1/Phase1_MechanicalView/PXBarrel/clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_1"


def main(output: Path) -> None:
    """Fetch, show, save and draw."""
    output.mkdir(parents=True, exist_ok=True)
    with serve() as server, Dials(Credentials(token=server.secret), base_url=server.url) as dials:
        print(f"Local DIALS at {server.url}\n")

        runs = dials.run.list_all(RunFilters(dataset_id=DATASET), enable_progress=True).to_pandas()
        print("\nRuns of", runs["dataset"].iloc[0])
        print(runs[["run_number", "ls_count"]].to_string(index=False), "\n")

        charge = dials.h1d.list_all(
            LumisectionHistogram1DFilters(dataset_id=DATASET, run_number=RUN, me=CHARGE), enable_progress=True
        )
        frame = charge.to_pandas()
        frame["mean"] = moments(charge.to_numpy())["mean"]
        print(f"\n{CHARGE}, run {RUN}: {len(charge)} lumisections")
        print(
            frame[["ls_number", "entries", "x_min", "x_max", "x_bin", "mean"]].head(8).to_string(index=False)
        )

        occupancy = dials.h2d.list_all(
            LumisectionHistogram2DFilters(dataset_id=DATASET, run_number=RUN, me=OCCUPANCY, ls_number__lte=9),
            enable_progress=True,
        )

    frame.to_parquet(output / "charge_PXLayer_2.parquet")
    for name, axes in (
        ("charge_PXLayer_2", charge.plot.overlay(most=200)),
        ("mean_charge_PXLayer_2", charge.plot.trend("mean")),
        ("occupancy_PXLayer_1", occupancy.plot.map()),
    ):
        axes.figure.savefig(output / f"{name}.png")  # type: ignore[union-attr]  # it is a whole figure
    print("\nWritten:", *sorted(str(path) for path in output.iterdir()), sep="\n  ")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
