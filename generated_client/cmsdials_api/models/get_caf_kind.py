# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

from typing import Literal

GetCafKind = Literal["dcs", "golden", "muon"]

GET_CAF_KIND_VALUES: set[GetCafKind] = {
    "dcs",
    "golden",
    "muon",
}


def check_get_caf_kind(value: str) -> GetCafKind:
    if value in GET_CAF_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {GET_CAF_KIND_VALUES!r}")
