"""What the axes of monitoring elements show, and in which unit: DIALS keeps neither."""

from __future__ import annotations

import re
from typing import Any

from cmsdials.errors import ConfigurationError
from cmsdials.redaction import printable, shortened

__all__ = ["AXES", "axis_labels", "unit_of"]

_AZIMUTH, _ETA, _MOMENTUM = "Azimuth [rad]", "Pseudorapidity", "Transverse momentum [GeV]"

AXES: dict[str, str | tuple[str, ...]] = {
    r"(?i)(^|[/_])(track|jet|muon|met)?phi(_|$)": _AZIMUTH,
    r"(?i)(^|[/_])(track|jet|muon)?eta(_|$)": _ETA,
    r"(?i)(^|[/_])(track|jet|muon)?pt(_|$)": _MOMENTUM,
    r"(^|[/_])E[tT](_|$)": "Transverse energy [GeV]",
    r"/MET$": "Missing transverse momentum [GeV]",
    r"/METSig$": "Significance of the missing transverse momentum",
    r"(?i)energy": "Energy [GeV]",
    r"(?i)timing": "Time [ns]",
    r"/charge_PX": "Cluster charge [e]",
    r"/size_PX": "Cluster size [pixels]",
    r"/adc_PX": "Charge of a digi [ADC counts]",
    r"/num_clusters_": "Clusters per event",
    r"ClusterCharge": "Cluster charge [ADC counts]",
    r"/NumberOfTracks_": "Tracks per event",
    r"/NumberOfRecHitsPerTrack_": "Hits per track",
    r"/EtaPhi$": (_ETA, _AZIMUTH),
    r"SignedModuleCoord_per_SignedLadderCoord": ("Signed module coordinate", "Signed ladder coordinate"),
    r"SignedDiskCoord_per_SignedBladePanelCoord": ("Signed disk coordinate", "Signed blade-panel coordinate"),
    r"^EcalBarrel/.*occupancy": ("iφ", "iη"),
    r"^EcalEndcap/.*occupancy": ("ix", "iy"),
    r"^Hcal/.*/depth": ("iη", "iφ"),
    r"/hRHGlobal[mp]": ("x [cm]", "y [cm]"),
}
"""Regular expression, found in the path of an ME -> what its axes show, as "quantity [unit]": x, or x and y of a map.

Add your own: ``AXES[r"/my_charge$"] = "Charge [fC]"``. The last one that fits counts.
"""

_FORM = 'Write AXES[r"/charge$"] = "Charge [fC]", or ("x [cm]", "y [cm]") for a map.'
_LONGEST = 40  # letters that stand below an axis in a column
_UNIT = re.compile(r".*\[([^\]]+)\]$")


def axis_labels(me: str, dimensions: int) -> tuple[str, ...]:
    """Return the label of each axis of an ME; where the table has none, its name, and in more dimensions x, y and so on.

    Raises:
        ConfigurationError: What was added to the table is neither a regular expression nor labels.
    """
    labels = ["xyz"[at] for at in range(dimensions)]
    if dimensions == 1 and me:
        name = printable(me.rpartition("/")[2] or me)
        labels = [name if len(name) <= _LONGEST else "\N{HORIZONTAL ELLIPSIS}" + name[1 - _LONGEST :]]
    for pattern, shown in reversed([*AXES.items()]):
        known = _checked(shown)
        try:
            is_it = re.search(pattern, me) is not None
        except (re.error, TypeError) as error:
            message = f"AXES has {shortened(repr(pattern), 60)} in place of a regular expression: {error}"
            raise ConfigurationError(message, advice=_FORM) from None
        if is_it and len(known) == dimensions:
            return known
    return tuple(labels)


def unit_of(label: str) -> str:
    """Return the unit that a label ends with, with its brackets and a blank before them; empty if there is none."""
    found = _UNIT.match(label)
    return f" [{found[1]}]" if found else ""


def _checked(shown: Any) -> tuple[str, ...]:
    """Return labels from the table, which users write into.

    Raises:
        ConfigurationError: They are something else.
    """
    known = (shown,) if isinstance(shown, str) else shown
    if not isinstance(known, tuple | list) or not all(isinstance(one, str) for one in known):
        message = f"AXES has {shortened(repr(shown), 60)} in place of labels"
        raise ConfigurationError(message, advice=_FORM)
    return tuple(known)
