"""The main steps in one file: find runs, fetch histograms, show a table, save them, draw them.

Run it with `scripts/demo`. It starts a local DIALS; for the real one, pass its address and your credentials
to `Dials`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import mplhep as hep
import numpy as np
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters, RunFilters
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D
from cmsdials.result import Result
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
        edges = charge[0].edges
        centres = (edges[:-1] + edges[1:]) / 2
        frame = charge.to_pandas()
        frame["mean"] = [np.average(centres, weights=contents) for contents in frame["data"]]
        print(f"\n{CHARGE}, run {RUN}: {len(charge)} lumisections")
        print(
            frame[["ls_number", "entries", "x_min", "x_max", "x_bin", "mean"]].head(8).to_string(index=False)
        )

        lumisection = charge[0].ls_number
        occupancy = dials.h2d.list_all(
            LumisectionHistogram2DFilters(
                dataset_id=DATASET, run_number=RUN, ls_number=lumisection, me=OCCUPANCY
            ),
            enable_progress=True,
        ).results[0]

    frame.to_parquet(output / "charge_PXLayer_2.parquet")
    draw_overlay(charge, output / "charge_PXLayer_2.png")
    draw_map(occupancy, output / "occupancy_PXLayer_1.png")
    print("\nWritten:", *sorted(str(path) for path in output.iterdir()), sep="\n  ")


def draw_overlay(charge: Result[LumisectionHistogram1D], path: Path) -> None:
    """Draw the histograms of all lumisections over each other, coloured by lumisection."""
    edges = charge[0].edges / 1000  # e to ke
    arrays = charge.to_numpy()
    norm = mpl.colors.Normalize(arrays["ls_number"].min(), arrays["ls_number"].max())
    colours = mpl.cm.ScalarMappable(norm, "viridis")
    with plt.style.context(hep.style.CMS):
        figure, axes = plt.subplots(figsize=(11, 9))
        for number, contents in zip(arrays["ls_number"], arrays["data"], strict=True):
            axes.stairs(contents, edges, color=colours.to_rgba(number), linewidth=0.8)
        figure.colorbar(colours, ax=axes, label="Lumisection")
        axes.set(xlabel="Cluster charge [ke]", ylabel="Clusters per bin", xlim=(edges[0], edges[-1]))
        axes.set_title(f"PXBarrel layer 2, run {RUN}", loc="right", fontsize="xx-small")
        axes.set_title("DIALS sandbox, synthetic", loc="left", fontsize="xx-small")
        figure.savefig(path, dpi=90, bbox_inches="tight")
        plt.close(figure)


def draw_map(histogram: LumisectionHistogram2D, path: Path) -> None:
    """Draw the occupancy map of one lumisection; `data` is indexed as [y][x]."""
    with plt.style.context(hep.style.CMS):
        figure, axes = plt.subplots(figsize=(11, 9))
        x_edges, y_edges = histogram.edges
        mesh = axes.pcolormesh(x_edges, y_edges, np.array(histogram.data), cmap="viridis", rasterized=True)
        figure.colorbar(mesh, ax=axes, label="Clusters")
        axes.set(xlabel="Signed module coordinate", ylabel="Signed ladder coordinate")
        axes.set_title(
            f"PXBarrel layer 1, run {RUN}, LS {histogram.ls_number}", loc="right", fontsize="xx-small"
        )
        axes.set_title("DIALS sandbox, synthetic", loc="left", fontsize="xx-small")
        figure.savefig(path, dpi=90, bbox_inches="tight")
        plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
