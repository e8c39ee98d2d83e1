"""The rows of each list: their fields in order, their key, and the fields that no table has.

Records are made column by column, and only the requested columns: without `data` no histogram is computed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet

from cmsdials_sandbox import models
from cmsdials_sandbox.counting import counts
from cmsdials_sandbox.installation import Content, installation
from cmsdials_sandbox.mes import Axis, MonitoringElement
from cmsdials_sandbox.options import Generation

Row = dict[str, Any]
Fields = tuple[str, ...]
Derive = Callable[[Sequence[Row], Content], Sequence[Any]]


@dataclass(frozen=True)
class Record:
    """A kind of row.

    `fields` are the fields served, `key` the columns of the primary key in order.  `derived` has the fields that are
    computed from the key and the columns of `needed`; any other field is the column of the same name.
    """

    model: type[Model]
    key: Fields
    fields: Fields
    derived: Mapping[str, Derive] = field(default_factory=dict)
    needed: Fields = ()

    @property
    def name(self) -> str:
        """Its name in the service's messages."""
        return self.model.__name__

    def chosen(self, names: str | None) -> tuple[str, ...]:
        """Return the fields of a comma-separated list, in the record's order; all if it is empty, unknown names ignored."""
        if not names:
            return self.fields
        wanted = {name.strip() for name in names.split(",")}
        return tuple(f for f in self.fields if f in wanted)

    def select(
        self, rows: QuerySet[Model, Model], wanted: Collection[str], also: Collection[str] = ()
    ) -> QuerySet[Model, Row]:
        """Return the query for the columns behind these fields, those of the key, and those of `also`."""
        columns = dict.fromkeys((*self.key, *also))
        columns |= dict.fromkeys(f for f in wanted if f not in self.derived)
        if any(f in self.derived for f in wanted):
            columns |= dict.fromkeys(self.needed)
        return rows.values(*columns)

    def make(self, rows: Sequence[Row], wanted: Sequence[str], content: Content) -> list[Row]:
        """Make the records as served."""
        columns = [
            self.derived[f](rows, content) if f in self.derived else [row[f] for row in rows] for f in wanted
        ]
        if not columns:
            return [{} for _ in rows]
        return [dict(zip(wanted, values, strict=True)) for values in zip(*columns, strict=True)]


def _dataset(rows: Sequence[Row], content: Content) -> list[str]:
    return [content.datasets[row["dataset_id"]].dataset for row in rows]


def _me(rows: Sequence[Row], content: Content) -> list[str]:
    return [content.mes[row["me_id"]].me for row in rows]


# Fields whose column has another name.
RENAMED = {"id": "model_id", "filename": "name", "mse": "metric_value"}

# Fields of the binning, which belong to the ME.
AXES = ("x_min", "x_max", "x_bin", "y_min", "y_max", "y_bin")


def axis_value(me: MonitoringElement, name: str) -> float:
    """Return one of `AXES` of an ME."""
    axis, _, what = name.partition("_")
    value: float = getattr(_axis(me, axis), {"min": "low", "max": "high", "bin": "bins"}[what])
    return value


def _of_axis(name: str, generation: Generation) -> Derive:
    """Derive one of `AXES`; today's service sends the number of bins as a float."""
    number = float if generation == "now" or not name.endswith("_bin") else int

    def derive(rows: Sequence[Row], content: Content) -> list[float]:
        return [number(axis_value(content.mes[row["me_id"]], name)) for row in rows]

    return derive


def _axis(me: MonitoringElement, axis: str) -> Axis:
    found = me.x if axis == "x" else me.y
    if found is None:
        message = f"{me.me} has no {axis} axis"
        raise ValueError(message)
    return found


def _data(rows: Sequence[Row], content: Content) -> list[Any]:
    """Compute the contents, together for all rows of one ME."""
    places = defaultdict(list)
    for place, row in enumerate(rows):
        places[row["me_id"]].append(place)
    data: list[Any] = [None] * len(rows)
    for me_id, here in places.items():
        keys = [tuple(rows[place][column] for column in _HISTOGRAM_KEY) for place in here]
        entries = [rows[place]["entries"] for place in here]
        made = counts(content.mes[me_id], keys, entries, installation().options.seed)
        for place, contents in zip(here, made, strict=True):
            data[place] = contents
    return data


def _renamed(field: str) -> dict[str, Derive]:
    """Serve a field whose column has another name."""
    return {field: lambda rows, _content: [row[RENAMED[field]] for row in rows]}


_HISTOGRAM_KEY = ("dataset_id", "run_number", "ls_number", "me_id")

DATASET_INDEX = Record(
    models.DatasetIndex,
    ("dataset_id",),
    (
        "dataset_id",
        "dataset",
        "era",
        "data_tier",
        "primary_ds_name",
        "processed_ds_name",
        "processing_version",
        "last_modification_date",
    ),
)
FILE_INDEX = Record(
    models.FileIndex,
    ("dataset_id", "file_id"),
    (
        "dataset_id",
        "dataset",
        "file_id",
        "file_size",
        "creation_date",
        "last_modification_date",
        "logical_file_name",
        "status",
        "err_trace",
    ),
    {"dataset": _dataset},
)
MES = Record(models.MEs, ("me_id",), ("me_id", "me", "count", "dim"))
MES_OF_RUN = Record(models.MEs, ("me_id",), ("me_id", "me", "dim"))
LUMISECTION = Record(
    models.Lumisection,
    ("dataset_id", "run_number", "ls_number"),
    ("dataset_id", "dataset", "run_number", "ls_number", "th1_count", "th2_count"),
    {"dataset": _dataset},
)


def run(generation: Generation) -> Record:
    """Describe a run; only today's service sends its completeness."""
    fields: Fields = ("dataset_id", "dataset", "run_number", "ls_count")
    if generation == "now":
        fields += ("ls_completeness",)
    return Record(models.Run, ("dataset_id", "run_number"), fields, {"dataset": _dataset})


def th1(generation: Generation) -> Record:
    """Describe a 1D histogram: `data` has x_bin numbers."""
    fields: Fields = ("dataset_id", "dataset", "me", "file_id", "run_number", "ls_number", "me_id")
    fields += ("x_min", "x_max", "x_bin", "entries", "data")
    return Record(models.TH1, _HISTOGRAM_KEY, fields, _histogram("x", generation), ("entries",))


def th2(generation: Generation) -> Record:
    """Describe a 2D histogram: `data` has y_bin rows of x_bin numbers."""
    fields: Fields = ("dataset_id", "dataset", "me", "file_id", "run_number", "ls_number", "me_id")
    fields += ("x_min", "x_max", "x_bin", "y_min", "y_max", "y_bin", "entries", "data")
    return Record(models.TH2, _HISTOGRAM_KEY, fields, _histogram("xy", generation), ("entries",))


def _histogram(axes: str, generation: Generation) -> dict[str, Derive]:
    derived: dict[str, Derive] = {"dataset": _dataset, "me": _me, "data": _data}
    for axis in axes:
        for name in (f"{axis}_min", f"{axis}_max", f"{axis}_bin"):
            derived[name] = _of_axis(name, generation)
    return derived


def ml_models_index(generation: Generation) -> Record:
    """Describe a model, for which the two generations have different fields."""
    key = ("model_id",)
    if generation == "v1.12":
        old: Fields = ("model_id", "filename", "target_me", "active")
        return Record(models.MLModelsIndex, key, old, _renamed("filename"), ("name",))
    fields: Fields = (
        "id",
        "name",
        "revision",
        "ready",
        "active",
        "type",
        "anomaly_threshold",
        "builtin_threshold",
    )
    fields += ("description", "flagging_key", "input_signature", "metric_key", "output_signature", "tags")
    fields += ("isvc_service_name", "isvc_yaml", "created_by", "modified_by", "created_at", "modified_at")
    return Record(models.MLModelsIndex, key, fields, _renamed("id"))


def ml_bad_lumisection(generation: Generation) -> Record:
    """Describe a flagged lumisection; v1.12 has one for each ME and calls the metric `mse`."""
    place = ("dataset_id", "run_number", "ls_number")
    if generation == "v1.12":
        fields = ("model_id", "dataset_id", "file_id", "run_number", "ls_number", "me_id", "mse")
        derived = _renamed("mse")
        key = ("model_id", *place, "me_id")
        return Record(models.MLBadLumisection, key, fields, derived, ("metric_value",))
    return Record(models.MLBadLumisection, ("model_id", *place), ("model_id", *place, "metric_value"))
