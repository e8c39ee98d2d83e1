"""cert-json/ and golden-json/: the verdicts of models over lumisections.

cert json: `{run: {ls: [verdict, ...]}}` of the flagged lumisections.  golden json: `{run: [[first_ls, last_ls], ...]}` of the
lumisections that no model flagged; a run without any is absent.  v1.12 takes three lists in the query of a GET, and breaks if
one is missing; its runs come in the order of the request, and cert json has all of them.  Today's service takes a POST whose
body must contain all three.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox import models
from cmsdials_sandbox.errors import Breakdown
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.views import DataEndpoint

Rows = QuerySet[Any, Any]


class IdListField(serializers.ListField):
    """A list of numbers that fit into a column."""

    child = serializers.IntegerField(min_value=-(2**63), max_value=2**63 - 1)


class CertificationRequest(serializers.Serializer[None]):
    """The body of the POST: three lists of ids, each required, each possibly empty."""

    model_id__in = IdListField()
    dataset_id__in = IdListField()
    run_number__in = IdListField()


@dataclass(frozen=True)
class Asked:
    """The models, datasets and runs of a request."""

    model_ids: Sequence[int]
    dataset_ids: Sequence[int]
    run_numbers: Sequence[int]


class CertificationEndpoint(DataEndpoint):
    """Base of both; the method of the other generation answers 405."""

    def verdict(self, asked: Asked) -> object:
        """Make the answer."""
        raise NotImplementedError

    def by_query(self, request: Request) -> Response:
        """v1.12: GET with comma-separated lists."""
        query = request.query_params
        asked = Asked(
            _list(query, "model_id__in"), _list(query, "dataset_id__in"), _list(query, "run_number__in")
        )
        return Response(self.verdict(asked))

    def by_body(self, request: Request) -> Response:
        """Now: POST with a JSON body."""
        body = CertificationRequest(data=request.data)
        if not body.is_valid():
            raise ValidationError({name: list(_sentences(errors)) for name, errors in body.errors.items()})
        lists = body.validated_data
        return Response(
            self.verdict(Asked(lists["model_id__in"], lists["dataset_id__in"], lists["run_number__in"]))
        )

    def flagged(self, asked: Asked) -> Rows:
        """Return the flagged lumisections."""
        return self.rows(models.MLBadLumisection).filter(
            model_id__in=asked.model_ids,
            dataset_id__in=asked.dataset_ids,
            run_number__in=asked.run_numbers,
        )


class CertJson(CertificationEndpoint):
    """The flagged lumisections, with the models that flagged them."""

    def verdict(self, asked: Asked) -> object:
        """`{run: {ls: [verdict, ...]}}`."""
        old = installation().generation == "v1.12"
        names = dict(self.rows(models.MLModelsIndex).values_list("model_id", "name"))
        certified: dict[str, dict[str, list[object]]] = (
            {str(run): {} for run in asked.run_numbers} if old else {}
        )
        columns = ("run_number", "ls_number", "model_id", "me_id", "metric_value")
        rows = self.flagged(asked).order_by(*columns[:4], "dataset_id").values_list(*columns)
        for run, ls, model_id, me_id, metric in rows:
            verdict: dict[str, object]
            if old:
                me = self.content.mes[me_id].me
                verdict = {
                    "model_id": model_id,
                    "me_id": me_id,
                    "filename": names[model_id],
                    "me": me,
                    "mse": metric,
                }
            else:
                verdict = {"model_id": model_id, "name": names[model_id], "metric_value": metric}
            certified.setdefault(str(run), {}).setdefault(str(ls), []).append(verdict)
        return certified


class GoldenJson(CertificationEndpoint):
    """The lumisections that no model flagged."""

    def verdict(self, asked: Asked) -> object:
        """`{run: [[first_ls, last_ls], ...]}`."""
        bad = set(self.flagged(asked).values_list("run_number", "ls_number"))
        lumisections = self.rows(models.Lumisection).filter(
            dataset_id__in=asked.dataset_ids, run_number__in=asked.run_numbers
        )
        good: dict[int, set[int]] = {}
        for run, ls in lumisections.values_list("run_number", "ls_number"):
            if (run, ls) not in bad:
                good.setdefault(run, set()).add(ls)
        runs = dict.fromkeys(asked.run_numbers) if installation().generation == "v1.12" else sorted(good)
        return {str(run): ranges(good[run]) for run in runs if run in good}


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
    """Sorted inclusive ranges that cover exactly these numbers."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _sentences(errors: object) -> Iterable[str]:
    """Return the messages in DRF's errors of a list, which are keyed by position if single elements are wrong."""
    if isinstance(errors, Mapping):
        for nested in errors.values():
            yield from _sentences(nested)
    elif isinstance(errors, list):
        for nested in errors:
            yield from _sentences(nested)
    else:
        yield str(errors)


def _list(query: Mapping[str, str], name: str) -> list[int]:
    """Return a list from the query of v1.12, which breaks without it."""
    text = query.get(name)
    if text is None:
        message = f"no {name}"
        raise Breakdown(message)
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise ValidationError([f"{name} must be a list of integers, separated by commas"]) from error
    return [number for number in numbers if abs(number) < 2**63]
