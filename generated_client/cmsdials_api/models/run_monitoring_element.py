# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A monitoring element that a run has."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class RunMonitoringElement(Record):
    """A monitoring element that a run has.

    Attributes:
        me_id: Identifier of the monitoring element within the workspace.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        dim: Dimension of its histograms, 1 or 2.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("me_id", "integer", required=True, nullable=False, record=None),
        Field("me", "string", required=True, nullable=False, record=None),
        Field("dim", "integer", required=True, nullable=False, record=None),
    )

    me_id: int
    me: str
    dim: int
