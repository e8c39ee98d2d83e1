"""What `dials.histograms(...)` has found: which monitoring elements, in which datasets and runs, before any is fetched."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from attrs import evolve, field, frozen
from cmsdials_api.filters import Filters

from cmsdials.download.plan import lumisections
from cmsdials.errors import FilterError
from cmsdials.http.retry import Retries
from cmsdials.listing.pages import Pages
from cmsdials.listing.result import Result
from cmsdials.models import Dataset, MonitoringElement
from cmsdials.redaction import printable
from cmsdials.resources.choice import any_of
from cmsdials.resources.histograms import HistogramResource
from cmsdials.table.html import html_lines, html_rows
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from cmsdials.download.job import Download
    from cmsdials.download.plan import Plan

__all__ = ["Selection"]

_MOST_SHOWN = 10
_LONGEST = 3000
"""Characters that expressions of names may take in a URL: all of it may have some 4000."""


@frozen(repr=False, eq=False)
class Selection:
    """Histograms that DIALS should have; none is fetched before a method is called.

    It is one listing: ``resource.list_all(filters, good=mask)``, and likewise `pages`, `iterate`, `to_dask`, ... Its `repr`
    shows what was found. Histograms of one and of two dimensions have different columns, and are fetched apart: where
    there are both, `by_kind` has a selection of each, and the methods of this one raise FilterError.

    Attributes:
        elements: The monitoring elements.
        datasets: The datasets that have such runs, in the order of their ids.
        runs: Dataset id -> run -> number of its lumisections, None if the service does not say.
        absent: Runs that were asked for, and that none of these datasets has.
        mask: Which lumisections were asked for, where `filters` cannot say it; else None.
    """

    elements: tuple[MonitoringElement, ...]
    datasets: tuple[Dataset, ...]
    runs: Mapping[int, Mapping[int, int | None]]
    absent: tuple[int, ...]
    mask: LumiMask | None
    _query: Mapping[str, Any] = field(alias="query")
    """The filters without those of the monitoring elements."""
    _resources: Mapping[int, HistogramResource[Any, Any]] = field(alias="resources")

    @property
    def by_kind(self) -> dict[str, Selection]:
        """A selection for each kind of histograms that is there: "h1d", "h2d" or both."""
        found: defaultdict[int, list[MonitoringElement]] = defaultdict(list)
        for one in self.elements:
            found[one.dim].append(one)
        return {self._resources[dim].name: evolve(self, elements=tuple(found[dim])) for dim in sorted(found)}

    @property
    def rows(self) -> int:
        """How many rows there are if each lumisection has a histogram of each monitoring element."""
        runs = [one for counts in self.runs.values() for one in counts.items()]
        return len(self.elements) * sum(lumisections(self._query, self.mask, *one) for one in runs)

    @property
    def resource(self) -> HistogramResource[Any, Any]:
        """What is asked: `dials.h1d` or `dials.h2d`.

        Raises:
            FilterError: Both would have to be.
        """
        kinds = self.by_kind
        if len(kinds) > 1:
            message = f"these are histograms of {' and '.join(kinds)}, which have different columns"
            parts = ", ".join(f"selection.by_kind[{kind!r}]" for kind in kinds)
            raise FilterError(message, advice=f"Fetch them apart: {parts}. Nothing was sent.")
        return self._resources[self.elements[0].dim]

    @property
    def filters(self) -> Filters:
        """What was chosen, as `resource` takes it; with `mask` it is all of it.

        Raises:
            FilterError: There are histograms of both dimensions, or so many names that no URL holds them.
        """
        resource, query = self.resource, {**self._query}
        if len(self.elements) == 1:
            # The name too: a local DIALS that was filled again may give the id to another one.
            query |= {"me_id": self.elements[0].me_id, "me": self.elements[0].me}
        else:
            query["me__regex"] = any_of([one.me for one in self.elements])
        self._refuse_too_long(query)
        return resource.filters(**query)

    def _refuse_too_long(self, query: Mapping[str, Any]) -> None:
        lengths = {name: len(quote_plus(query.get(name, ""))) for name in ("me__regex", "dataset__regex")}
        if (length := sum(lengths.values())) <= _LONGEST:
            return
        of_elements = lengths["me__regex"] >= lengths["dataset__regex"]
        what, many = (
            ("monitoring element", len(self.elements)) if of_elements else ("dataset", len(self.datasets))
        )
        few = max(1, many * _LONGEST // (2 * length))
        part = (
            f"selection.elements[:{few}], ..." if of_elements else f"..., dataset=selection.datasets[:{few}]"
        )
        message = f"the names of {counted(many, what)} are too long for one URL"
        advice = f"Ask for fewer at a time: dials.histograms({part}). Nothing was sent."
        raise FilterError(message, advice=advice)

    def list_all(
        self,
        *,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
        keep_failed: bool = False,
        resume_from: Result[Any] | str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Result[Any]:
        """Fetch all rows, with the arguments of `dials.h1d.list_all`.

        Returns:
            All rows, in the order of dataset, run, lumisection and monitoring element; `origin` has filters and mask.

        Raises:
            FilterError: There are histograms of both dimensions, too many names, or, with a mask, `fields` without
                dataset_id, run_number and ls_number, by which rows are selected.
            CheckpointError: A file cannot be used, or resume_from belongs to another listing.
            RequestFailedError: A page could not be fetched; see `cmsdials.errors`.
        """
        return self.resource.list_all(
            self.filters,
            enable_progress=enable_progress,
            retries=retries,
            keep_failed=keep_failed,
            resume_from=resume_from,
            checkpoint=checkpoint,
            fields=fields,
            concurrency=concurrency,
            good=self.mask,
        )

    def pages(
        self, *, retries: Retries = None, fields: Sequence[str] | None = None, concurrency: int = 1
    ) -> Pages[Any]:
        """Fetch page after page, as `dials.h1d.pages`, keeping none of them. Errors as in `list_all`."""
        return self.resource.pages(
            self.filters, retries=retries, fields=fields, concurrency=concurrency, good=self.mask
        )

    def to_numpy(
        self,
        *,
        group_by: str | Sequence[str] | None = None,
        retries: Retries = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
    ) -> Any:
        """Fetch all rows as arrays: `list_all` with these arguments and `Result.to_numpy`, errors included."""
        return self.resource.to_numpy(
            self.filters,
            group_by=group_by,
            retries=retries,
            concurrency=concurrency,
            enable_progress=enable_progress,
            good=self.mask,
        )

    def to_pandas(
        self, *, retries: Retries = None, concurrency: int = 1, enable_progress: bool | None = None
    ) -> pd.DataFrame:
        """Fetch all rows as a DataFrame: `list_all` with these arguments and `Result.to_pandas`, errors included."""
        return self.resource.to_pandas(
            self.filters,
            retries=retries,
            concurrency=concurrency,
            enable_progress=enable_progress,
            good=self.mask,
        )

    def download(
        self,
        folder: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        refresh: bool = False,
        rows_per_file: int | None = None,
        shard: str | None = None,
        client: Any = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Download | Plan:
        """Fetch all rows into a folder of Parquet files, with the arguments, results and errors of `dials.h1d.download`."""
        return self.resource.download(
            self.filters,
            folder,
            dry_run=dry_run,
            good=self.mask,
            refresh=refresh,
            rows_per_file=rows_per_file,
            shard=shard,
            client=client,
            concurrency=concurrency,
            retries=retries,
            enable_progress=enable_progress,
        )

    @property
    def _said(self) -> str:
        counts = {
            "monitoring element": len(self.elements),
            "dataset": len(self.datasets),
            "run": len({run for counts in self.runs.values() for run in counts}),
        }
        what = ", ".join(counted(number, name) for name, number in counts.items())
        within = "" if self.mask is None else f" within {self.mask}"
        return f"{what}{within}: up to {counted(self.rows, 'row')} of {' and '.join(self.by_kind)}"

    @property
    def _absent(self) -> list[str]:
        some = ", ".join(map(str, self.absent[:_MOST_SHOWN]))
        more = ", ..." if len(self.absent) > _MOST_SHOWN else ""
        return [f"in none of them: {counted(len(self.absent), 'run')} ({some}{more})"] if self.absent else []

    def _of_datasets(self) -> list[tuple[str, str, int]]:
        """Return name, runs and number of lumisections of each dataset."""
        return [
            (
                one.dataset,
                _where([*self.runs[one.dataset_id]]),
                sum(filter(None, self.runs[one.dataset_id].values())),
            )
            for one in self.datasets
        ]

    def __repr__(self) -> str:
        lines = [self._said]
        for kind, part in self.by_kind.items():
            lines += _few([f"{kind} {one.me_id} {one.me}" for one in part.elements], "monitoring element")
        datasets = [
            f"{name}: {where}, {counted(many, 'lumisection')}" for name, where, many in self._of_datasets()
        ]
        lines += [*_few(datasets, "dataset"), *self._absent]
        return printable("\n  ".join(lines), lines=True)

    def _repr_html_(self) -> str:
        """Show in notebooks what was found."""
        elements = [(kind, one.me_id, one.me) for kind, part in self.by_kind.items() for one in part.elements]
        return (
            html_lines([self._said])
            + html_rows(("kind", "me_id", "me"), elements, _MOST_SHOWN)
            + html_rows(("dataset", "runs", "lumisections"), self._of_datasets(), _MOST_SHOWN)
            + html_lines(self._absent)
        )


def _where(runs: Sequence[int]) -> str:
    return f"run {min(runs)}" if len(runs) == 1 else f"{len(runs)} runs, {min(runs)} to {max(runs)}"


def _few(lines: list[str], what: str) -> list[str]:
    left = len(lines) - _MOST_SHOWN
    return [*lines[:_MOST_SHOWN], f"and {counted(left, f'more {what}')}"] if left > 0 else lines
