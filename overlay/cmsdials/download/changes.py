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
from datetime import datetime

from attrs import evolve, frozen

from cmsdials.download.manifest import Entry

__all__ = ["Known", "SourceFile", "run_in"]

_RUN_IN_NAME = re.compile(r"/([0-9]{3})/([0-9]{3})/([0-9]{3})/[0-9]{5}/[^/]*")
_NO_FILES = "0001-01-01T00:00:00+00:00"


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
        dates = {one: files[one].changed.isoformat() if one in files else "" for one in entry.files}
        latest = max((one.changed.isoformat() for one in files.values()), default=_NO_FILES)
        return self.counted(evolve(entry, files=dates, indexed=latest))

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
        files = self.files.get(entry.partition.dataset_id, {})
        if any(
            one not in files or files[one].changed.isoformat() != date for one, date in entry.files.items()
        ):
            return True
        if entry.counts and self.counts is not None and entry.counts != self.counted(entry).counts:
            return True
        since = datetime.fromisoformat(entry.indexed)
        return any(
            one.changed > since and one.file_id not in seen and self._may_hold(one, entry)
            for one in files.values()
        )

    @staticmethod
    def _may_hold(file: SourceFile, entry: Entry) -> bool:
        run = run_in(file.name)
        return run is None or entry.partition.first <= run <= entry.partition.last
