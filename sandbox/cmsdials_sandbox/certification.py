"""cert-json/ and golden-json/: the verdicts of models over lumisections.

cert json: `{run: {ls: [verdict, ...]}}` of the flagged lumisections.  golden json: `{run: [[first_ls, last_ls], ...]}` of the
lumisections that none of the models flagged; a run of which nothing is left is absent.  v1.12 takes three lists
in the query of a GET, and a list that is not given restricts nothing; today's service takes a POST whose body must hold all three.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox import models
from cmsdials_sandbox.filters import CertificationFilters, CertifiedRunsFilters
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.views import DataEndpoint, filtered

Rows = QuerySet[Any, Any]


class IdListField(serializers.ListField):
    """A list of numbers that a column can hold."""

    child = serializers.IntegerField(min_value=-(2**63), max_value=2**63 - 1)


class CertificationRequest(serializers.Serializer[None]):
    """The body of the POST: three lists of ids, each required, each possibly empty."""

    model_id__in = IdListField()
    dataset_id__in = IdListField()
    run_number__in = IdListField()


class CertificationEndpoint(DataEndpoint):
    """Either of the two, for the method of the generation; the other method answers 405."""

    def verdict(self, flagged: Rows, lumisections: Rows) -> object:
        """Make the answer of the rows."""
        raise NotImplementedError

    def by_query(self, request: Request) -> Response:
        """v1.12: GET with comma-separated lists."""
        flagged = filtered(CertificationFilters, request, self.rows(models.MLBadLumisection))
        lumisections = filtered(CertifiedRunsFilters, request, self.rows(models.Lumisection))
        return Response(self.verdict(flagged, lumisections))

    def by_body(self, request: Request) -> Response:
        """Now: POST with a JSON body."""
        asked = CertificationRequest(data=request.data)
        if not asked.is_valid():
            raise ValidationError({name: list(_sentences(errors)) for name, errors in asked.errors.items()})
        lists = dict(asked.validated_data)
        flagged = self.rows(models.MLBadLumisection).filter(**lists)
        del lists["model_id__in"]
        return Response(self.verdict(flagged, self.rows(models.Lumisection).filter(**lists)))


class CertJson(CertificationEndpoint):
    """The flagged lumisections, with who flagged them."""

    def verdict(self, flagged: Rows, lumisections: Rows) -> object:  # noqa: ARG002  (the golden one needs them)
        """`{run: {ls: [verdict, ...]}}`."""
        names = dict(self.rows(models.MLModelsIndex).values_list("model_id", "name"))
        certified: dict[str, dict[str, list[object]]] = {}
        columns = ("run_number", "ls_number", "model_id", "me_id", "metric_value")
        for run, ls, model_id, me_id, metric in flagged.order_by(*columns[:4], "dataset_id").values_list(
            *columns
        ):
            verdict: dict[str, object]
            if installation().generation == "now":
                verdict = {"model_id": model_id, "name": names[model_id], "metric_value": metric}
            else:
                me = self.content.mes[me_id].me
                verdict = {"model_id": model_id, "me_id": me_id, "filename": names[model_id], "me": me}
            certified.setdefault(str(run), {}).setdefault(str(ls), []).append(verdict)
        return certified


class GoldenJson(CertificationEndpoint):
    """The lumisections that no one flagged."""

    def verdict(self, flagged: Rows, lumisections: Rows) -> object:
        """`{run: [[first_ls, last_ls], ...]}`."""
        bad = set(flagged.values_list("run_number", "ls_number"))
        good: dict[int, set[int]] = {}
        for run, ls in lumisections.values_list("run_number", "ls_number"):
            if (run, ls) not in bad:
                good.setdefault(run, set()).add(ls)
        return {str(run): ranges(good[run]) for run in sorted(good)}


class CertJsonByQuery(CertJson):
    """cert-json/ of v1.12."""

    get = CertificationEndpoint.by_query


class CertJsonByBody(CertJson):
    """cert-json/ of today."""

    post = CertificationEndpoint.by_body


class GoldenJsonByQuery(GoldenJson):
    """golden-json/ of v1.12."""

    get = CertificationEndpoint.by_query


class GoldenJsonByBody(GoldenJson):
    """golden-json/ of today."""

    post = CertificationEndpoint.by_body


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Sorted inclusive ranges that cover these numbers and no others."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _sentences(errors: object) -> Iterable[str]:
    """Return the sentences in DRF's errors of a list, which are keyed by position when single elements are wrong."""
    if isinstance(errors, Mapping):
        for nested in errors.values():
            yield from _sentences(nested)
    elif isinstance(errors, list):
        for nested in errors:
            yield from _sentences(nested)
    else:
        yield str(errors)
