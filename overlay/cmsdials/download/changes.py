"""What has changed at the service since files were fetched, by what it says of the files that it has read itself.

DIALS reads DQMIO files, each of which holds some runs of a dataset, and notes when it last did anything with one. Rows
say which of these files they are from. So a Parquet file is out of date if one of its DQMIO files has another date than
when it was fetched, or is gone; and if there is a new one that may hold its runs. The service's counts of histograms in
each lumisection are compared as well, as far as they were counted before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from attrs import evolve, frozen

from cmsdials.download.manifest import Entry

__all__ = ["Known", "SourceFile", "run_in"]

_RUN_IN_NAME = re.compile(r"/([0-9]{3})/([0-9]{3})/([0-9]{3})/[0-9]{5}/[^/]*")
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)


def run_in(name: str) -> int | None:
    """Return the run that the name of a DQMIO file says it is of; None if the name is not of one run.

    Files of prompt reconstruction are of one run, and stand below /000/367/112/00000/; those made later are of many.
    """
    match = _RUN_IN_NAME.search(name)
    return int("".join(match.groups())) if match else None


@frozen
class SourceFile:
    """A DQMIO file in the index of the service.

    Attributes:
        file_id: Its id.
        name: Its logical file name.
        changed: When the service last did anything with it.
    """

    file_id: int
    name: str
    changed: datetime

    @classmethod
    def of(cls, file_id: int, name: str, changed: datetime) -> SourceFile:
        """Make one; a time without a zone is in UTC."""
        return cls(file_id, name, changed if changed.tzinfo else changed.replace(tzinfo=UTC))


@frozen
class Known:
    """What the service has said of datasets.

    Attributes:
        files: Their DQMIO files, by dataset.
        counts: Number of histograms of each dataset and run; None if it was not asked for.
    """

    files: Mapping[int, Mapping[int, SourceFile]]
    counts: Mapping[tuple[int, int], int] | None = None

    def noted(self, entry: Entry) -> Entry:
        """Return a line about a file with what the service said of it before it was fetched."""
        files = self.files.get(entry.partition.dataset_id, {})
        latest = max((one.changed for one in files.values()), default=_BEFORE_ALL)
        return self.counted(evolve(entry, files=self._dates(entry), indexed=latest.isoformat()))

    def _dates(self, entry: Entry) -> dict[int, str]:
        """Return the dates that the DQMIO files of a file have now; an empty text for those that are not listed."""
        files = self.files.get(entry.partition.dataset_id, {})
        return {one: files[one].changed.isoformat() if one in files else "" for one in entry.files}

    def counted(self, entry: Entry) -> Entry:
        """Return a line about a file with the numbers of histograms of its runs."""
        if self.counts is None:
            return entry
        dataset_id = entry.partition.dataset_id
        return evolve(
            entry, counts={run: self.counts.get((dataset_id, run), 0) for run in entry.partition.runs}
        )

    def changed(self, entries: Iterable[Entry], others: Iterable[Entry]) -> set[str]:
        """Return which files hold what may be different at the service by now.

        Args:
            entries: The lines about them.
            others: The lines about all files.
        """
        of_dataset: defaultdict[int, set[int]] = defaultdict(set)
        for one in others:
            of_dataset[one.partition.dataset_id].update(one.files)
        return {one.path for one in entries if self._has_changed(one, of_dataset[one.partition.dataset_id])}

    def _has_changed(self, entry: Entry, seen: AbstractSet[int]) -> bool:
        """Whether a file has; `seen` are the DQMIO files that rows of its dataset are from."""
        if not entry.indexed:  # fetched by a client that did not note it
            return True
        if self._dates(entry) != entry.files:
            return True
        if entry.counts and self.counts is not None and entry.counts != self.counted(entry).counts:
            return True
        since = datetime.fromisoformat(entry.indexed)
        return any(
            one.changed > since and one.file_id not in seen and self._may_hold(one, entry)
            for one in self.files.get(entry.partition.dataset_id, {}).values()
        )

    @staticmethod
    def _may_hold(file: SourceFile, entry: Entry) -> bool:
        run = run_in(file.name)
        return run is None or entry.partition.first <= run <= entry.partition.last
