"""Names of datasets, and their parts: /PRIMARY/ERA-RECO-vN/TIER."""

from __future__ import annotations

import re
from typing import Self

from attrs import frozen

__all__ = ["Dataset"]

_NAME = re.compile(r"/([^/]+)/([^/-]+)(?:-([^/]+?))?-v(\d{1,9})/([^/]+)", re.ASCII)


@frozen
class Dataset:
    """A dataset of DIALS, with the parts of its name. They are None if it is not of the form /PRIMARY/ERA-RECO-vN/TIER.

    Attributes:
        dataset_id: Its id, a number of 8 digits such as 14677060.
        dataset: Its name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        primary: The primary dataset, such as ZeroBias.
        era: The era of data taking, such as Run2024B.
        reco: The processing, such as PromptReco or 27Jun2023; None also where a name has none, as of RAW.
        version: The version of the processing, such as 1.
        tier: The data tier, such as DQMIO.
    """

    dataset_id: int
    dataset: str
    primary: str | None = None
    era: str | None = None
    reco: str | None = None
    version: int | None = None
    tier: str | None = None

    @classmethod
    def of(cls, dataset_id: int, dataset: str) -> Self:
        """Make one from its id and its name."""
        match = _NAME.fullmatch(dataset)
        if match is None:
            return cls(dataset_id, dataset)
        primary, era, reco, version, tier = match.groups()
        return cls(dataset_id, dataset, primary, era, reco, int(version), tier)
