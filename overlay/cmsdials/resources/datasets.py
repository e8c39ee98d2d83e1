"""Datasets by the parts of their names, and which runs they have: `dials.datasets`."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from cmsdials_api.resources import RESOURCES

from cmsdials.errors import FilterError
from cmsdials.filters import LumisectionFilters, RunFilters
from cmsdials.http.retry import Retries
from cmsdials.listing.coverage import Coverage, CoverageRow, ranges
from cmsdials.listing.result import Result
from cmsdials.models import Dataset, DatasetIndex, Run
from cmsdials.redaction import shortened
from cmsdials.resources.arguments import explaining
from cmsdials.resources.catalogue import Catalogue, Listed
from cmsdials.resources.index import LumisectionResource, RunResource, names_of_datasets
from cmsdials.resources.numbers import Numbers, between, numbers_of
from cmsdials.table import decode

if TYPE_CHECKING:
    from cmsdials.table.found import Found

__all__ = ["Datasets", "runs_of"]

_FIELDS = ("dataset_id", "dataset", "run_number", "ls_count")


class Datasets(Catalogue[Dataset]):
    """Datasets: `find` searches by the parts of their names and by run, `runs` lists the runs of one.

    ``dials.datasets[name]`` is the one with exactly this name, and ``name in dials.datasets`` says whether there is one.
    The names are kept as those of `dials.mes` are; runs are asked for each time. All fields, and a page at a time:
    `dials.dataset_index`.
    """

    name = "datasets"
    _table = RESOURCES["dataset_index"]
    _kind = "datasets"
    _what = "dataset"
    _columns: ClassVar[dict[str, type]] = {
        "dataset_id": int,
        "dataset": str,
        "primary": str,
        "era": str,
        "reco": str,
        "version": int,
        "tier": str,
    }

    def find(
        self,
        name: str | None = None,
        *,
        regex: Any = None,
        primary: str | Iterable[str] | None = None,
        era: str | Iterable[str] | None = None,
        reco: str | Iterable[str] | None = None,
        version: Numbers | None = None,
        tier: str | Iterable[str] | None = None,
        run: Numbers | None = None,
        refresh: bool = False,
        retries: Retries = None,
    ) -> Found[Dataset]:
        """Search the datasets of the workspace, in the list that is kept.

        Each part of a name, /PRIMARY/ERA-RECO-vN/TIER, may be a glob, such as era="Run2024?", or a list of them; upper
        and lower case do not differ. A name of another form has no parts, and is found by `name` and `regex`.

        Args:
            name: Words that stand in the name, or a glob for the whole name or what follows a slash in it; as in
                `dials.mes.find`.
            regex: A regular expression of Python, which is found in the name.
            primary: The primary dataset, such as ZeroBias.
            era: The era of data taking, such as Run2024B.
            reco: The processing, such as PromptReco.
            version: The version of the processing, such as 1, or several.
            tier: The data tier, such as DQMIO.
            run: A run that it has, or several of which it has at least one.
            refresh: Fetch the list again first. Without it, that is done if it is older than a day, or if nothing is found.
            retries: How often to try again, as in `dials.run.list`.

        Returns:
            The datasets, best first, or in the order of their names. They are a sequence and a table: `names`, `ids`,
            `to_pandas()`. If nothing is found it is empty.

        Raises:
            FilterError: An argument is of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        from cmsdials.resources.ranking import ranked  # noqa: PLC0415  # for a search only

        parts = {"primary": primary, "era": era, "reco": reco, "tier": tier}
        tests = [_part(part, wanted) for part, wanted in parts.items() if wanted is not None]
        if version is not None:
            versions = numbers_of("version", version)
            tests.append(lambda one: one.version is not None and one.version in versions)
        if run is not None:
            wanted = numbers_of("run", run)
            rows = runs_of(RunResource(self._session), wanted, {}, retries)
            having = {row.dataset_id for row in rows if row.run_number in wanted}
            listed = self._list(retries, refresh=refresh)
            refresh = not having <= listed.by_id.keys()  # one that the list does not know is new
            tests.append(lambda one: one.dataset_id in having)

        def search(listed: Listed[Dataset]) -> list[str]:
            found = ranked(listed.by_name, name, regex)
            return [one for one in found if all(test(listed.by_name[one]) for test in tests)]

        return self._searched(search, name, retries, refresh=refresh)

    def runs(self, dataset: str | int | Dataset, *, retries: Retries = None) -> Result[Run]:
        """Fetch the runs of a dataset, each with the number of its lumisections (`ls_count`).

        Args:
            dataset: Its name, its id, or what `find` returned.
            retries: How often to try again, as in `dials.run.list`.

        Raises:
            UnknownNameError: There is no such dataset; the message has the nearest names.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        filters = RunFilters(dataset_id=self._id_of(dataset, retries))
        return RunResource(self._session).list_all(filters, retries=retries, enable_progress=False)

    def completeness(
        self, dataset: str | int | Dataset, run: Numbers | None = None, *, retries: Retries = None
    ) -> Coverage:
        """Compare, for each run, the lumisections that DIALS lists with those that have histograms.

        It asks the lists of runs and lumisections only. A lumisection counts as retrieved if it has a histogram of any
        monitoring element; `dials.h1d.coverage(result)` looks at each of those that were listed.

        Args:
            dataset: Its name, its id, or what `find` returned.
            run: A run, or several; None for all.
            retries: How often to try again, as in `dials.lumi.list`.

        Returns:
            A table: for each run the number of lumisections, how many have histograms, and ranges of those that have
            none (`missing`). A note says where the number of a run is another than that of its lumisections.

        Raises:
            UnknownNameError: There is no such dataset; the message has the nearest names.
            FilterError: `run` is not of whole numbers.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        number = self._id_of(dataset, retries)
        wanted = None if run is None else numbers_of("run", run)
        counts = {
            one.run_number: one.ls_count
            for one in runs_of(RunResource(self._session), wanted, {"dataset_id": number}, retries)
            if wanted is None or one.run_number in wanted
        }
        listed = LumisectionResource(self._session).list_all(
            LumisectionFilters(
                dataset_id=number, **({} if wanted is None else between("run_number", wanted))
            ),
            fields=["dataset_id", "run_number", "ls_number", "th1_count", "th2_count"],
            retries=retries,
            enable_progress=False,
        )
        columns = listed.to_numpy()
        has_any = columns["th1_count"] + columns["th2_count"] > 0
        known: dict[int, set[int]] = {one: set() for one in counts}
        filled: dict[int, set[int]] = {one: set() for one in counts}
        for one, ls, is_filled in zip(columns["run_number"], columns["ls_number"], has_any, strict=True):
            if wanted is None or one in wanted:
                known.setdefault(int(one), set()).add(int(ls))
                filled.setdefault(int(one), set()).update([int(ls)] if is_filled else [])
        notes = [
            f"note: run {one} has {count} lumisections by the list of runs, and {len(known[one])} are listed"
            for one, count in counts.items()
            if count != len(known[one])
        ]
        rows = tuple(
            CoverageRow(
                dataset_id=number,
                run_number=one,
                me_id=None,
                me=None,
                expected=len(known[one]),
                retrieved=len(filled[one]),
                missing=ranges(known[one] - filled[one]),
                empty=[],
                duplicate=[],
                unlisted=[],
            )
            for one in sorted(known)
        )
        return Coverage(rows, tuple(notes), listed.complete)

    def _id_of(self, dataset: str | int | Dataset, retries: Retries) -> int:
        return self._one(dataset.dataset_id if isinstance(dataset, Dataset) else dataset, retries).dataset_id

    def _fetched_rows(self, retries: Retries) -> list[dict[str, Any]]:
        names = names_of_datasets(self._session, {}, retries)
        return [dict(zip(_FIELDS, one, strict=False)) for one in names.items()]

    def _entries(self, rows: list[dict[str, Any]]) -> list[Dataset]:
        read = decode.read_array(json.dumps(rows).encode(), DatasetIndex, self.name, fields=_FIELDS[:2])
        return [Dataset.of(one.dataset_id, one.dataset) for one in read]

    def __repr__(self) -> str:
        return f"<{self.name} of {self.base_url}>"


explaining(Datasets)


def _part(part: str, wanted: Any) -> Callable[[Dataset], bool]:
    """Return what decides whether a part of a name is wanted."""
    texts = [wanted] if isinstance(wanted, str) else [*wanted] if isinstance(wanted, Iterable) else [wanted]
    globs = []
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            message = f"{part} must be text, such as a part of a name of a dataset, or a list of such, not {shortened(repr(text), 100)}"
            raise FilterError(message)
        globs.append(re.compile(fnmatch.translate(text.strip().lower())).match)

    def is_wanted(one: Dataset) -> bool:
        value = getattr(one, part)
        return value is not None and any(fits(value.lower()) for fits in globs)

    return is_wanted


def runs_of(
    resource: RunResource, wanted: Collection[int] | None, query: Mapping[str, Any], retries: Retries
) -> list[Run]:
    """Return the runs from the first that is wanted to the last, None for all. Only keys and counts are fetched."""
    filters = RunFilters(**query, **({} if wanted is None else between("run_number", wanted)))
    return [*resource.list_all(filters, fields=_FIELDS, retries=retries, enable_progress=False)]
