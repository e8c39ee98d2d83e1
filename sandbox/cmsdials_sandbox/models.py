"""The tables of a workspace as Django sees them; `schema.sql` makes them, `filling` fills them.

No foreign keys: names of datasets and MEs are looked up in the catalogue, and filters on them become lists of
ids, so that SQLite always walks a table along its primary key.  The models of both generations share one table
with the columns of both.  Dates are text, in the form in which they are served.
"""

# ruff: noqa: D106  (what a Meta holds is Django's own)

from django.db import models
from django.db.models import CompositePrimaryKey


def _integer(*, primary_key: bool = False) -> "models.BigIntegerField[int, int]":
    return models.BigIntegerField(primary_key=primary_key)


def _number() -> "models.FloatField[float, float]":
    return models.FloatField()


def _number_or_null() -> "models.FloatField[float | None, float | None]":
    return models.FloatField(null=True)


def _text() -> "models.TextField[str, str]":
    return models.TextField()


def _text_or_null() -> "models.TextField[str | None, str | None]":
    return models.TextField(null=True)


def _flag() -> "models.BooleanField[bool, bool]":
    return models.BooleanField()


def _json(*, null: bool = False) -> "models.JSONField[object, object]":
    return models.JSONField(null=null)


class DatasetIndex(models.Model):
    """A dataset."""

    dataset_id = _integer(primary_key=True)
    dataset = _text()
    era = _text()
    data_tier = _text()
    primary_ds_name = _text()
    processed_ds_name = _text()
    processing_version = _integer()
    last_modification_date = _text()

    class Meta:
        managed = False
        db_table = "dataset"


class FileIndex(models.Model):
    """A file of a dataset, and how reading it went."""

    pk = CompositePrimaryKey("dataset_id", "file_id")
    dataset_id = _integer()
    file_id = _integer()
    file_size = _integer()
    creation_date = _text()
    last_modification_date = _text()
    logical_file_name = _text()
    status = _text()
    err_trace = _text_or_null()

    class Meta:
        managed = False
        db_table = "file"


class MEs(models.Model):
    """A monitoring element; `count` is the number of its histograms."""

    me_id = _integer(primary_key=True)
    me = _text()
    count = _integer()
    dim = _integer()

    class Meta:
        managed = False
        db_table = "me"


class Run(models.Model):
    """A run of a dataset."""

    pk = CompositePrimaryKey("dataset_id", "run_number")
    dataset_id = _integer()
    run_number = _integer()
    ls_count = _integer()
    ls_completeness = _number_or_null()

    class Meta:
        managed = False
        db_table = "run"


class Lumisection(models.Model):
    """A lumisection of a run."""

    pk = CompositePrimaryKey("dataset_id", "run_number", "ls_number")
    dataset_id = _integer()
    run_number = _integer()
    ls_number = _integer()
    th1_count = _integer()
    th2_count = _integer()

    class Meta:
        managed = False
        db_table = "lumisection"


class Histogram(models.Model):
    """What TH1 and TH2 share: key, file and entries; the contents are computed."""

    pk = CompositePrimaryKey("dataset_id", "run_number", "ls_number", "me_id")
    dataset_id = _integer()
    run_number = _integer()
    ls_number = _integer()
    me_id = _integer()
    file_id = _integer()
    entries = _integer()

    class Meta:
        abstract = True


class TH1(Histogram):
    """A 1D histogram."""

    class Meta:
        managed = False
        db_table = "th1"


class TH2(Histogram):
    """A 2D histogram."""

    class Meta:
        managed = False
        db_table = "th2"


class MLModelsIndex(models.Model):
    """A machine-learning model."""

    model_id = _integer(primary_key=True)
    name = _text()
    target_me = _text()
    active = _flag()
    ready = _flag()
    revision = _integer()
    type = _text()
    anomaly_threshold = _number_or_null()
    builtin_threshold = _flag()
    description = _text()
    flagging_key = _text_or_null()
    input_signature = _json()
    metric_key = _text_or_null()
    output_signature = _json()
    tags = _json(null=True)
    isvc_service_name = _text_or_null()
    isvc_yaml = _text_or_null()
    created_by = _text()
    modified_by = _text()
    created_at = _text()
    modified_at = _text()

    class Meta:
        managed = False
        db_table = "ml_model"


class MLBadLumisection(models.Model):
    """A lumisection that a model flagged; the ME is the one the model watches."""

    pk = CompositePrimaryKey("model_id", "dataset_id", "run_number", "ls_number", "me_id")
    model_id = _integer()
    dataset_id = _integer()
    run_number = _integer()
    ls_number = _integer()
    me_id = _integer()
    file_id = _integer()
    metric_value = _number()

    class Meta:
        managed = False
        db_table = "ml_bad_lumisection"
