"""What `dials.histograms(...)` has found: which monitoring elements, in which datasets and runs, before any is fetched.

A selection is one listing where the service can be asked for all of it at once: of one dataset, or of any, and of runs
between which no other is. Otherwise it is several, one after the other, in the order that the service has.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from cmsdials_api.filters import Filters

from cmsdials.download.job import Download
from cmsdials.download.plan import Plan, counted, lumisections
from cmsdials.errors import FilterError
from cmsdials.http.retry import Retries
from cmsdials.listing.page import Page
from cmsdials.listing.result import Result
from cmsdials.models import Dataset, MonitoringElement
from cmsdials.redaction import printable
from cmsdials.resources.choice import any_of
from cmsdials.resources.histograms import HistogramResource
from cmsdials.runtime.progress import progress_bar
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Selection"]

_MOST_SHOWN = 10
_LONGEST = 3000
"""Characters that an expression of names may take in a URL: all of it may have some 4000."""


@frozen(repr=False, eq=False)
class Selection:
    """Histograms that DIALS should have; none is fetched before a method is called.

    Its `repr` shows what was found. Histograms of one and of two dimensions have different columns, and are fetched apart:
    where there are both, `by_kind` has a selection of each, and the methods of this one raise FilterError.

    Attributes:
        elements: The monitoring elements.
        datasets: The datasets that have such runs, in the order of their ids.
        runs: Dataset id -> run -> number of its lumisections, None if the service does not say.
        absent: Runs that were asked for, and that none of these datasets has.
        mask: Which lumisections were asked for, where the filters of one listing cannot say it; else None.
    """

    elements: tuple[MonitoringElement, ...]
    datasets: tuple[Dataset, ...]
    runs: Mapping[int, Mapping[int, int | None]]
    absent: tuple[int, ...]
    mask: LumiMask | None
    _whole: Mapping[str, Any] = field(alias="whole")
    """The filters of everything, without those of the monitoring elements."""
    _listings: Sequence[Mapping[str, Any]] = field(alias="listings")
    """The filters of each listing, likewise."""
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
        good = None if self.mask is None else self.mask.counts
        return len(self.elements) * sum(
            min(lumisections(self._whole, count), count or 0 if good is None else good[run])
            for runs in self.runs.values()
            for run, count in runs.items()
        )

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
    def filters(self) -> list[Filters]:
        """The filters of each listing, as `resource` takes them.

        Raises:
            FilterError: There are histograms of both dimensions, or so many monitoring elements that no URL holds them.
        """
        kind, of_elements = self.resource.filters, self._of_elements
        return [kind(**one, **of_elements) for one in self._listings]

    @property
    def _of_elements(self) -> dict[str, Any]:
        if len(self.elements) == 1:
            # The name too: a local DIALS that was filled again may give the id to another one.
            return {"me_id": self.elements[0].me_id, "me": self.elements[0].me}
        expression, length = any_of([one.me for one in self.elements])
        if length > _LONGEST:
            few = max(1, len(self.elements) * _LONGEST // (2 * length))
            message = f"the names of {len(self.elements)} monitoring elements are too long for one URL"
            advice = f"Ask for fewer at a time: dials.histograms(selection.elements[:{few}], ...). Nothing was sent."
            raise FilterError(message, advice=advice)
        return {"me__regex": expression}

    @property
    def _is_one_listing(self) -> bool:
        return len(self._listings) == 1 and self.mask is None

    def list_all(
        self,
        *,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
    ) -> Result[Any]:
        """Fetch all rows, with the arguments of `dials.h1d.list_all`.

        For its others (`checkpoint`, `resume_from`, `keep_failed`) call `resource.list_all` with each of the `filters`.

        Returns:
            All rows, in the order of dataset, run, lumisection and monitoring element. Of several listings it is one
            result; `origin.mask` has the lumisections that were chosen. It is not resumed, and `coverage` takes it.

        Raises:
            FilterError: There are histograms of both dimensions, too many monitoring elements, or `fields` without
                run_number and ls_number, by which the rows of a mask are selected.
            RequestFailedError: A page could not be fetched; see `cmsdials.errors`.
        """
        resource, filters = self.resource, self.filters
        self._check_fields(fields)
        if self._is_one_listing:
            return resource.list_all(
                filters[0], None, enable_progress, retries, fields=fields, concurrency=concurrency
            )
        results: list[Result[Any]] = []
        with progress_bar(enable_progress, total=self.rows, unit="row", description=resource.name) as bar:
            for one in filters:
                listed = resource.list_all(one, None, False, retries, fields=fields, concurrency=concurrency)
                bar.update(len(listed))
                results.append(listed)
        first = results[0].origin
        query = {**self._whole, **self._of_elements}
        if "fields" in first.query:
            query["fields"] = first.query["fields"]
        whole: Result[Any] = Result(
            store=RowStore(
                results[0].record, [block for one in results for block in one.store.held()], fields=fields
            ),
            complete=all(one.complete for one in results),
            origin=evolve(first, query=query),
            retrieved=max(one.retrieved for one in results),
        )
        return whole if self.mask is None else self.mask.select(whole)

    def pages(
        self, *, retries: Retries = None, fields: Sequence[str] | None = None, concurrency: int = 1
    ) -> Iterator[Page[Any]]:
        """Fetch page after page, keeping none of them. Arguments and errors as in `list_all`.

        Returns:
            An iterator of pages (`page.rows`, `page.to_numpy()`, ...). With a mask, pages may have few rows or none. Closing
            it stops fetching ahead; after an error it has ended.
        """
        resource, filters = self.resource, self.filters
        self._check_fields(fields)

        def fetched() -> Iterator[Page[Any]]:
            for one in filters:
                with resource.pages(one, retries=retries, fields=fields, concurrency=concurrency) as pages:
                    for page in pages:
                        yield page if self.mask is None else self.mask.select(page)

        return fetched()

    def to_numpy(
        self,
        *,
        group_by: str | Sequence[str] | None = None,
        retries: Retries = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
    ) -> Any:
        """Fetch all rows as arrays: `list_all` with these arguments and `Result.to_numpy`, errors included."""
        result = self.list_all(retries=retries, concurrency=concurrency, enable_progress=enable_progress)
        return result.to_numpy() if group_by is None else result.to_numpy(group_by=group_by)

    def to_pandas(
        self, *, retries: Retries = None, concurrency: int = 1, enable_progress: bool | None = None
    ) -> pd.DataFrame:
        """Fetch all rows as a DataFrame: `list_all` with these arguments and `Result.to_pandas`, errors included."""
        result = self.list_all(retries=retries, concurrency=concurrency, enable_progress=enable_progress)
        return result.to_pandas()

    def download(
        self,
        folder: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        rows_per_file: int | None = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Download | Plan:
        """Fetch all rows into a folder of Parquet files, with the arguments of `dials.h1d.download`.

        Raises:
            FilterError: As in `list_all`; or it is of several listings, or of a mask, and a folder holds one.
            CheckpointError: The folder is of another download, is in use by another process, or cannot be written.
            MissingDependencyError: pyarrow is not installed; the message holds the command.
            RequestFailedError: Something could not be fetched; see `cmsdials.errors`.
        """
        resource, filters = self.resource, self.filters
        if not self._is_one_listing:
            message = f"a folder holds one listing, and this selection is {counted(len(filters), 'listing')}{self._within}"
            loop = f"for number, one in enumerate(selection.filters): dials.{resource.name}.download(one, f'data/{{number}}')"
            raise FilterError(message, advice=f"Use a folder for each: {loop}. Nothing was sent.")
        return resource.download(
            filters[0],
            folder,
            dry_run=dry_run,
            rows_per_file=rows_per_file,
            concurrency=concurrency,
            retries=retries,
            enable_progress=enable_progress,
        )

    def _check_fields(self, fields: Sequence[str] | None) -> None:
        if self.mask is not None and fields is not None and not {"run_number", "ls_number"} <= {*fields}:
            message = "fields lack run_number or ls_number, by which the rows of a mask are selected"
            raise FilterError(message, advice="Add both. Nothing was sent.")

    @property
    def _within(self) -> str:
        return "" if self.mask is None else f" within {self.mask}"

    def __repr__(self) -> str:
        kinds = self.by_kind
        runs = {run for numbers in self.runs.values() for run in numbers}
        what = ", ".join(
            [
                counted(len(self.elements), "monitoring element"),
                counted(len(self.datasets), "dataset"),
                counted(len(runs), "run"),
            ]
        )
        lines = [f"{what}{self._within}: up to {counted(self.rows, 'row')} of {' and '.join(kinds)}"]
        for kind, part in kinds.items():
            lines += _few([f"  {kind} {one.me_id} {one.me}" for one in part.elements], "monitoring element")
        lines += _few([self._of_dataset(one) for one in self.datasets], "dataset")
        if self.absent:
            some = ", ".join(map(str, self.absent[:_MOST_SHOWN]))
            more = ", ..." if len(self.absent) > _MOST_SHOWN else ""
            lines.append(f"  in none of them: {counted(len(self.absent), 'run')} ({some}{more})")
        return printable("\n".join(lines), lines=True)

    def _of_dataset(self, dataset: Dataset) -> str:
        runs = self.runs[dataset.dataset_id]
        where = f"run {min(runs)}" if len(runs) == 1 else f"{len(runs)} runs, {min(runs)} to {max(runs)}"
        lumis = counted(sum(count or 0 for count in runs.values()), "lumisection")
        return f"  {dataset.dataset}: {where}, {lumis}"


def _few(lines: list[str], what: str) -> list[str]:
    left = len(lines) - _MOST_SHOWN
    return [*lines[:_MOST_SHOWN], f"  and {counted(left, f'more {what}')}"] if left > 0 else lines
