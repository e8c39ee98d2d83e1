# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

from typing import Literal

GetBrilcalcLumiScope = Literal["all", "detailed", "summary"]

GET_BRILCALC_LUMI_SCOPE_VALUES: set[GetBrilcalcLumiScope] = {
    "all",
    "detailed",
    "summary",
}


def check_get_brilcalc_lumi_scope(value: str) -> GetBrilcalcLumiScope:
    if value in GET_BRILCALC_LUMI_SCOPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {GET_BRILCALC_LUMI_SCOPE_VALUES!r}")
