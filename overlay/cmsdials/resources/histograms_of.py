"""`dials.histograms(...)`: looks up what is named, and says what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from cmsdials.errors import FilterError
from cmsdials.http.retry import Retries
from cmsdials.models import Dataset, Run
from cmsdials.redaction import shortened
from cmsdials.resources.choice import Choice
from cmsdials.resources.datasets import Datasets, runs_of
from cmsdials.resources.elements import MonitoringElementResource
from cmsdials.resources.histograms import HistogramResource
from cmsdials.resources.index import RunResource
from cmsdials.resources.numbers import ends, numbers_of
from cmsdials.resources.selection import Selection
from cmsdials.table.lumi_mask import LumiMask

__all__ = ["histograms_of"]

_MOST_IDS = 200  # in a URL


def histograms_of(
    mes: MonitoringElementResource,
    datasets: Datasets,
    run_resource: RunResource,
    kinds: Mapping[int, HistogramResource[Any, Any]],
    *,
    me: Any,
    run: Any,
    dataset: Any,
    ls: Any,
    good: Any,
    retries: Retries,
) -> Selection:
    """Find what `Dials.histograms` was asked for; see there. `kinds` are the resources of each dimension."""
    mask = good if good is None or isinstance(good, LumiMask) else LumiMask(good)
    if mask is not None and not mask:
        message = "good has no lumisection, so there is nothing to select"
        raise FilterError(
            message, advice="Give the mask of good lumisections, or leave it out. Nothing was sent."
        )
    runs = None if run is None else numbers_of("run", run)
    lumis = None if ls is None else numbers_of("ls", ls)
    elements = mes._chosen(me, retries)
    if unknown := [one for one in elements.values() if one.dim not in kinds]:
        message = f"{unknown[0].me!r} has {unknown[0].dim} dimensions, which this version does not know"
        raise FilterError(message, advice="Leave it out, or update cmsdials.")
    named = None if dataset is None else datasets._chosen(dataset, retries)
    chosen_runs = runs
    if mask is not None:
        chosen_runs = frozenset(run for run in mask.runs if runs is None or run in runs)
    rows = []
    if chosen_runs is None or chosen_runs:
        rows = runs_of(run_resource, chosen_runs, _of_datasets(named), retries)
    there: defaultdict[int, dict[int, int | None]] = defaultdict(dict)
    names = {}
    for row in rows:
        if named is None or row.dataset_id in named:
            there[row.dataset_id][row.run_number] = row.ls_count
            names[row.dataset_id] = row.dataset
    choice = Choice(
        datasets=None if named is None else names, runs=chosen_runs, ls=lumis, good=mask, there=there
    )
    within = choice.mask()
    found = choice.found(within)
    if not found:
        raise _nothing(run_resource, named, runs, mask, is_there=bool(choice.found(None)), retries=retries)
    listed = {number for numbers in there.values() for number in numbers}
    asked = () if chosen_runs is None or isinstance(chosen_runs, range) else chosen_runs
    return Selection(
        elements=tuple(elements.values()),
        datasets=tuple(Dataset.of(number, names[number]) for number in found),
        runs=found,
        absent=tuple(sorted({*asked} - listed)),
        mask=within,
        query=choice.query(found),
        resources=kinds,
    )


def _of_datasets(named: Mapping[int, Any] | None) -> dict[str, Any]:
    """Return filters of datasets, where a URL has room for them; all are listed otherwise."""
    if named is None or len(named) > _MOST_IDS:
        return {}
    return {"dataset_id": next(iter(named))} if len(named) == 1 else {"dataset_id__in": [*named]}


def _nothing(
    run_resource: RunResource,
    named: Mapping[int, Any] | None,
    runs: Collection[int] | None,
    mask: LumiMask | None,
    *,
    is_there: bool,
    retries: Retries,
) -> FilterError:
    """Return the error that says why there is nothing to fetch."""
    where = "this workspace" if named is None else " or ".join(one.dataset for one in [*named.values()][:3])
    if is_there and mask is None:
        return FilterError("ls holds no number that a lumisection can have", advice="They begin with 1.")
    if is_there:
        message = f"no lumisection is both in ls and in {mask}"
        return FilterError(message, advice="Leave one of the two out.")
    if runs is None:
        within = "" if mask is None else f" within {mask}"
        return FilterError(
            f"DIALS has no run of {where}{within}",
            advice="Call dials.datasets.find(...) to see what there is.",
        )
    low, high = ends(runs)
    shown = (
        f"from {low} to {high}"
        if isinstance(runs, range)
        else shortened(", ".join(map(str, sorted(runs))), 100)
    )
    message = f"DIALS has no run {shown} in {where}"
    message += "" if mask is None else f" within {mask}"
    if named is None or len(runs) > 1:
        return FilterError(message, advice="Call dials.datasets.runs(dataset) for the runs of a dataset.")
    elsewhere: list[Run] = runs_of(run_resource, runs, {}, retries)
    has = ", ".join(sorted({one.dataset for one in elsewhere}))
    advice = f"It is in {has}." if has else "No dataset of this workspace has it."
    return FilterError(message, advice=advice)
