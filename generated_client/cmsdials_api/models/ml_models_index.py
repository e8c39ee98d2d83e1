# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A model that judges lumisections. A v1.12 service sends other fields than the present one."""

import datetime
from typing import ClassVar

from attrs import define

from ..models.free_form import FreeForm
from ..records import Field, Record
from ..types import ABSENT


@define(kw_only=True, slots=False, eq=False, repr=False)
class MLModelsIndex(Record):
    """A model that judges lumisections. A v1.12 service sends other fields than the present one.

    Attributes:
        model_id: Identifier of the model; v1.12 only, later called id.
        filename: Name of the model's file; v1.12 only.
        target_me: Monitoring element that the model judges; v1.12 only.
        id: Identifier of the model. Not sent by v1.12.
        name: Name of the model.
        revision: Revision of the model, counted up.
        ready: Whether the model can be served.
        active: Whether the model judges new data.
        type: Kind of model.
        anomaly_threshold: Value of the metric above which a lumisection is bad; null where the model decides by itself.
        builtin_threshold: Whether the model decides by itself what is bad.
        description: What the model does, in its authors' words.
        flagging_key: Output of the model that flags a lumisection; null where a threshold decides.
        input_signature: Inputs of the model, an object for each.
        metric_key: Output of the model that is the metric; null where it only flags.
        output_signature: Outputs of the model, an object for each.
        tags: Tags of the model, an object for each; null where it has none.
        isvc_service_name: Name of the inference service that runs the model; null where none does.
        isvc_yaml: Definition of that inference service; null where there is none.
        created_by: Who registered the model.
        modified_by: Who changed the model last.
        created_at: Time of registration, ISO 8601 in UTC.
        modified_at: Time of the last change, ISO 8601 in UTC.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("model_id", "integer", required=False, nullable=False, record=None),
        Field("filename", "string", required=False, nullable=False, record=None),
        Field("target_me", "string", required=False, nullable=False, record=None),
        Field("id", "integer", required=False, nullable=False, record=None),
        Field("name", "string", required=False, nullable=False, record=None),
        Field("revision", "integer", required=False, nullable=False, record=None),
        Field("ready", "boolean", required=False, nullable=False, record=None),
        Field("active", "boolean", required=True, nullable=False, record=None),
        Field("type", "string", required=False, nullable=False, record=None),
        Field("anomaly_threshold", "number", required=False, nullable=True, record=None),
        Field("builtin_threshold", "boolean", required=False, nullable=False, record=None),
        Field("description", "string", required=False, nullable=False, record=None),
        Field("flagging_key", "string", required=False, nullable=True, record=None),
        Field("input_signature", "array", required=False, nullable=False, record=FreeForm),
        Field("metric_key", "string", required=False, nullable=True, record=None),
        Field("output_signature", "array", required=False, nullable=False, record=FreeForm),
        Field("tags", "array", required=False, nullable=True, record=FreeForm),
        Field("isvc_service_name", "string", required=False, nullable=True, record=None),
        Field("isvc_yaml", "string", required=False, nullable=True, record=None),
        Field("created_by", "string", required=False, nullable=False, record=None),
        Field("modified_by", "string", required=False, nullable=False, record=None),
        Field("created_at", "datetime", required=False, nullable=False, record=None),
        Field("modified_at", "datetime", required=False, nullable=False, record=None),
    )

    model_id: int = ABSENT
    filename: str = ABSENT
    target_me: str = ABSENT
    id: int = ABSENT
    name: str = ABSENT
    revision: int = ABSENT
    ready: bool = ABSENT
    active: bool
    type: str = ABSENT
    anomaly_threshold: float | None = ABSENT
    builtin_threshold: bool = ABSENT
    description: str = ABSENT
    flagging_key: None | str = ABSENT
    input_signature: list[FreeForm] = ABSENT
    metric_key: None | str = ABSENT
    output_signature: list[FreeForm] = ABSENT
    tags: list[FreeForm] | None = ABSENT
    isvc_service_name: None | str = ABSENT
    isvc_yaml: None | str = ABSENT
    created_by: str = ABSENT
    modified_by: str = ABSENT
    created_at: datetime.datetime = ABSENT
    modified_at: datetime.datetime = ABSENT
