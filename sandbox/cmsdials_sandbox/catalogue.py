"""What the sandbox contains, above the level of histograms: workspaces, datasets, runs, MEs, models.

The ids, names and binnings used in the documentation are defined here and are the same at every scale; a scale only
changes how many lumisections a run has and how many runs surround the documented ones.  `filling` makes the rows from
this, `shapes` and `counting` the histogram contents.

Deliberately incomplete, so that completeness checks have something to find:
- `GAPPY`: in these runs the lumisections divisible by 40 do not exist;
- `MISSING`: in these lumisections of these runs the histograms of these MEs are missing;
- `EMPTY`: about one lumisection in 61 saw almost no collisions (entries below 100).
Each is a condition in SQL on the columns run_number, ls_number and me_id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cmsdials_sandbox.mes import CSC, ECAL, EGAMMA, GLOBAL, HCAL, JETMET, MUON, TRACKER, MonitoringElement
from cmsdials_sandbox.options import Scale

GAPPY = "run_number % 11 = 5"
MISSING = "run_number % 7 = 3 AND ls_number % 23 = 11 AND me_id % 5 = 1"
EMPTY = "(run_number * 31 + ls_number * 17) % 61 = 0"

LS_PER_FILE = 50


@dataclass(frozen=True)
class Run:
    """One run of a dataset: its lumisections are 1 to `last_ls`, its files count up from `first_file_id`."""

    run_number: int
    last_ls: int
    first_file_id: int


@dataclass(frozen=True)
class Dataset:
    """A dataset with its runs and the MEs filled for it.

    `dataset` is the full name, `/ZeroBias/Run2024B-PromptReco-v1/DQMIO`.
    """

    dataset_id: int
    dataset: str
    runs: tuple[Run, ...]
    me_ids: tuple[int, ...]

    @property
    def primary_ds_name(self) -> str:
        """The first part of the name, `ZeroBias`."""
        return self.dataset.split("/")[1]

    @property
    def processed_ds_name(self) -> str:
        """The second part of the name, `Run2024B-PromptReco-v1`."""
        return self.dataset.split("/")[2]

    @property
    def data_tier(self) -> str:
        """The last part of the name, `DQMIO`."""
        return self.dataset.split("/")[3]

    @property
    def era(self) -> str:
        """The era in the name, `Run2024B`."""
        return self.processed_ds_name.split("-")[0]

    @property
    def processing(self) -> str:
        """The processing without the era, `PromptReco-v1`."""
        return self.processed_ds_name.split("-", 1)[1]

    @property
    def processing_version(self) -> int:
        """The number at the end of the processing."""
        return int(self.processing.rsplit("-v", 1)[1])

    @property
    def year(self) -> int:
        """The year of the era."""
        return int(self.era[3:7])


@dataclass(frozen=True)
class Model:
    """A machine-learning model that watches one ME and flags lumisections."""

    model_id: int
    name: str
    me_id: int
    active: bool


@dataclass(frozen=True)
class Workspace:
    """One database: the data of a detector group."""

    name: str
    description: str
    mes: tuple[MonitoringElement, ...]
    datasets: tuple[Dataset, ...]
    models: tuple[Model, ...] = ()


# (model_id, dataset_id, run_number, ls_number) that are flagged with any seed, by workspace.
ALWAYS_FLAGGED: dict[str, tuple[tuple[int, int, int, int], ...]] = {
    "jetmet": (
        (19, 15102369, 386951, 36),
        (19, 15042670, 385764, 36),
        (20, 15042670, 385764, 37),
        (19, 15042670, 385799, 12),
        (20, 15042670, 385799, 12),
        (20, 15042670, 385801, 50),
        (19, 15042670, 385801, 51),
    )
}

_FIRST_FILE_ID = 3393809397
_FILE_IDS_PER_RUN = 40

# Lumisections of a run: at least the first number, plus a number below the second.
_LUMISECTIONS: dict[Scale, tuple[int, int]] = {"small": (80, 40), "medium": (150, 100), "large": (450, 400)}
_LUMISECTIONS_2022: dict[Scale, tuple[int, int]] = {
    "small": (18, 12),
    "medium": (40, 30),
    "large": (120, 100),
}
_EXTRA_RUNS: dict[Scale, int] = {"small": 31, "medium": 35, "large": 44}


@cache
def workspaces(scale: Scale) -> tuple[Workspace, ...]:
    """All workspaces of a sandbox of this scale, in the order in which the service lists them."""
    return (
        Workspace("csc", "Cathode strip chambers", CSC, _muon(scale, CSC)),
        Workspace("ecal", "Electromagnetic calorimeter", ECAL, _zero_bias(scale, ECAL)),
        Workspace("egamma", "Electrons and photons", EGAMMA, _egamma(scale)),
        Workspace("global", "Central data quality monitoring", GLOBAL, _zero_bias(scale, GLOBAL)),
        Workspace("hcal", "Hadronic calorimeter", HCAL, _zero_bias(scale, HCAL)),
        Workspace("jetmet", "Jets and missing transverse momentum", JETMET, _jetmet(scale), _JETMET_MODELS),
        Workspace("muo", "Muon reconstruction", MUON, _muon(scale, MUON)),
        Workspace("tracker", "Pixel and strip tracker", TRACKER, _tracker(scale), _TRACKER_MODELS),
    )


def runs(scale: Scale) -> Iterator[tuple[int, int, int]]:
    """(run_number, last lumisection, year) of every run in any workspace, by run number."""
    known: dict[int, tuple[int, int]] = {}
    for workspace in workspaces(scale):
        for dataset in workspace.datasets:
            for run in dataset.runs:
                last_ls, _ = known.get(run.run_number, (0, 0))
                known[run.run_number] = (max(last_ls, run.last_ls), dataset.year)
    for run_number, (last_ls, year) in sorted(known.items()):
        yield run_number, last_ls, year


_TRACKER_MODELS = (
    Model(1, "pixel_charge_autoencoder_layer1_20240514.onnx", 1, active=True),
    Model(2, "pixel_clusters_nmf_layer1_20240611.onnx", 100, active=True),
    Model(3, "pixel_clusters_nmf_layer2_20240611.onnx", 133, active=False),
)
_JETMET_MODELS = (
    Model(1, "met_significance_autoencoder_20240212.onnx", 11, active=False),
    Model(19, "jet_charged_hadron_fraction_autoencoder_20241004.onnx", 5, active=True),
    Model(20, "jet_neutral_hadron_fraction_autoencoder_20241004.onnx", 6, active=True),
)


def _tracker(scale: Scale) -> tuple[Dataset, ...]:
    # 2022 has few MEs: the set grew later.
    early = tuple(me for me in TRACKER if me.me_id in {1, 2, 3, 4, 140, 141, 142})
    autumn_2022: tuple[int, ...] = (
        360392,
        360393,
        360400,
        360413,
        360428,
        360459,
        360491,
        360761,
        360795,
        360820,
    )
    autumn_2022 += (360856, 360895, 360927, 361020, 361083, 361223, 361333, 361443, 361957, 362000)
    # Uneven steps: most run numbers are never taken for physics.
    spring_2024 = tuple(379058 + 37 * i + i * i % 11 for i in range(_EXTRA_RUNS[scale]))
    return (
        _dataset(14446401, "/ZeroBias/Run2022G-PromptReco-v1/DQMIO", 1, autumn_2022, scale, early),
        _dataset(
            14677060, "/ZeroBias/Run2024B-PromptReco-v1/DQMIO", 0, (367112, *spring_2024), scale, TRACKER
        ),
        _dataset(
            14781912, "/ZeroBias/Run2024F-PromptReco-v1/DQMIO", 2, (382913, 382921, 382937), scale, TRACKER
        ),
        _dataset(14781977, "/JetHT/Run2024F-PromptReco-v2/DQMIO", 3, (382921,), scale, early),
    )


def _jetmet(scale: Scale) -> tuple[Dataset, ...]:
    return (
        _dataset(
            15042670, "/JetMET1/Run2024H-PromptReco-v1/DQMIO", 4, (385764, 385799, 385801), scale, JETMET
        ),
        _dataset(15102369, "/JetMET1/Run2024I-PromptReco-v2/DQMIO", 5, (386951, 386954), scale, JETMET),
    )


def _muon(scale: Scale, mes: tuple[MonitoringElement, ...]) -> tuple[Dataset, ...]:
    return (_dataset(14676090, "/Muon0/Run2024B-PromptReco-v1/DQMIO", 6, (379058, 379252), scale, mes),)


def _egamma(scale: Scale) -> tuple[Dataset, ...]:
    return (_dataset(14676095, "/EGamma0/Run2024B-PromptReco-v1/DQMIO", 7, (379058, 379252), scale, EGAMMA),)


def _zero_bias(scale: Scale, mes: tuple[MonitoringElement, ...]) -> tuple[Dataset, ...]:
    return (_dataset(14677060, "/ZeroBias/Run2024B-PromptReco-v1/DQMIO", 0, (367112, 379058), scale, mes),)


def _dataset(
    dataset_id: int,
    name: str,
    files: int,
    run_numbers: tuple[int, ...],
    scale: Scale,
    mes: tuple[MonitoringElement, ...],
) -> Dataset:
    """Return a dataset with its runs; `files` numbers the dataset, so that no two datasets share a file id."""
    first_file_id = _FIRST_FILE_ID + files * 1_000_000
    runs = tuple(
        Run(run_number, _last_ls(run_number, scale), first_file_id + index * _FILE_IDS_PER_RUN)
        for index, run_number in enumerate(run_numbers)
    )
    return Dataset(dataset_id, name, runs, tuple(me.me_id for me in mes))


def _last_ls(run_number: int, scale: Scale) -> int:
    least, spread = (_LUMISECTIONS_2022 if run_number < 365_000 else _LUMISECTIONS)[scale]
    # The OMS example needs more lumisections than fit into one page of 100.
    least = max(least, 150) if run_number == 382921 else least
    return least + run_number * 37 % spread
