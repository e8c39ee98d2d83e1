# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""OMS filters as filter[ATTRIBUTE][OPERATOR]=value, the operator one of EQ, NEQ, LT, GT, LE, GE and LIKE."""

from ..models.query_oms_filter_additional_property import QueryOmsFilterAdditionalProperty
from ..records import FreeObject


class QueryOmsFilter(FreeObject, dict[str, QueryOmsFilterAdditionalProperty]):
    """OMS filters as filter[ATTRIBUTE][OPERATOR]=value, the operator one of EQ, NEQ, LT, GT, LE, GE and LIKE."""
