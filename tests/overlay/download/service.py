"""A service in this process whose runs and histograms a test can change."""

import json
import re
from typing import Any

import httpx
from cmsdials import Dials

from tests.overlay.conftest import dials_over
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.resources.lumisections import Lumisections

ELEMENTS = {1: ("P/charge", 1), 2: ("P/size", 1), 3: ("P/map", 2), 4: ("P/odd map", 2)}
NAMES = {14677060: "/Z/R-v1/DQMIO", 15000000: "/ZeroBias & 100%/Zürich=1/DQMIO"}
DATASETS = dict(NAMES)
"""Those of the index."""


class Histograms(Lumisections):
    """Two datasets with runs, and histograms of each lumisection.

    Attributes:
        elements: Path and dimensions of the monitoring elements, by id.
        has: Dataset and run -> its lumisections.
        missing: Dataset, run, lumisection and element of histograms that there are not.
        fails: Dataset and first run of listings of histograms that fail.
        breaks: What their connections break with; None if they are answered with an error.
        files: Dataset and run -> id, name and time of the last change of the DQMIO file that it was read from, if they
            are not those of `file_of`.
        more_files: Dataset, id, name and time of the last change of others.
        unlisted: Ids of files that are not in the index.
        uncounted: Dataset and run -> how many histograms the first of its lumisections does not count.
        indexed: Queries of the index of files.
    """

    def __init__(self, session_type: Any) -> None:
        super().__init__(session_type)
        self.elements = dict(ELEMENTS)
        self.has = {
            (dataset, run): 4 + run % 3 for dataset in DATASETS for run in (367100, 367101, 367103, 367110)
        }
        self.missing: set[tuple[int, int, int, int]] = set()
        self.fails: set[tuple[int, int]] = set()
        self.breaks: Exception | None = None
        self.files: dict[tuple[int, int], tuple[int, str, str]] = {}
        self.more_files: list[tuple[int, int, str, str]] = []
        self.unlisted: set[int] = set()
        self.uncounted: dict[tuple[int, int], int] = {}
        self.indexed: list[dict[str, str]] = []
        self.dials: Dials = dials_over(self.session)

    @property
    def fetched(self) -> list[tuple[int, int, int]]:
        """Dataset and runs of each listing of histograms that was asked for."""
        return [
            (int(one["dataset_id"]), int(one["run_number__gte"]), int(one["run_number__lte"]))
            for one in self.asked
            if one["place"] in ("th1", "th2") and "next_token" not in one and "run_number__gte" in one
        ]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        query = dict(request.url.params)
        if place == "mes":
            found = [
                {"me_id": me_id, "me": me, "count": 1, "dim": dim}
                for me_id, (me, dim) in self.elements.items()
                if query.get("me", me) == me
                and re.search(query.get("me__regex", ""), me)
                and query.get("dim", str(dim)) == str(dim)
            ]
            return httpx.Response(200, json=found)
        if place == "dataset-index":
            rows = [
                {"dataset_id": dataset, "dataset": name}
                for dataset, name in DATASETS.items()
                if query.get("dataset", name) == name and re.search(query.get("dataset__regex", ""), name)
            ]
            return httpx.Response(200, content=json.dumps({"next": None, "previous": None, "results": rows}))
        if place == "file-index":
            self.indexed.append(query)
            rows = [
                {
                    "dataset_id": dataset,
                    "file_id": file_id,
                    "logical_file_name": name,
                    "last_modification_date": changed,
                }
                for dataset, file_id, name, changed in self._files()
                if file_id not in self.unlisted
                and query.get("dataset_id", str(dataset)) == str(dataset)
                and query.get("dataset", NAMES[dataset]) == NAMES[dataset]
                and re.search(query.get("dataset__regex", ""), NAMES[dataset])
                and _is_name(name, query)
            ]
            return httpx.Response(200, content=json.dumps({"next": None, "previous": None, "results": rows}))
        if place in ("th1", "th2"):
            where = (
                int(query.get("dataset_id", 0)),
                int(query.get("run_number__gte", query.get("run_number", 0))),
            )
            if where in self.fails:
                self.asked.append({"place": place, **query})
                if self.breaks is not None:
                    raise self.breaks
                return httpx.Response(400, json={"detail": "this one is not good"})
            self.rows = [
                row
                for row in self._histograms(place)
                if _is_name(self.file_of(row["dataset_id"], row["run_number"])[1], query)
            ]
            names = set(self.rows[0]) if self.rows else {"run_number"}
            wanted = [one for one in names if "fields" not in query or one in query["fields"].split(",")]
            request = httpx.Request("GET", request.url.copy_merge_params({"fields": ",".join(wanted)}))
        else:
            self.rows = [
                {**_of(dataset, run), "ls_number": ls, **self._counts(dataset, run, ls)}
                for (dataset, run), count in sorted(self.has.items())
                for ls in range(1, count + 1)
            ]
            self.runs = [
                {**_of(dataset, run), "ls_count": count} for (dataset, run), count in sorted(self.has.items())
            ]
        return super()._answer(request)

    def _counts(self, dataset: int, run: int, ls: int) -> dict[str, int]:
        less = self.uncounted.get((dataset, run), 0) if ls == 1 else 0
        return {"th1_count": 2 - less, "th2_count": 2 - less}

    def file_of(self, dataset: int, run: int) -> tuple[int, str, str]:
        """Return id, name and time of the last change of the DQMIO file of a run."""
        usual = (run * 10 + dataset % 7, named(run), f"2024-05-0{1 + run % 3}T10:00:00Z")
        return self.files.get((dataset, run), usual)

    def _files(self) -> list[tuple[int, int, str, str]]:
        return sorted(
            [*((dataset, *self.file_of(dataset, run)) for dataset, run in self.has), *self.more_files]
        )

    def _histograms(self, place: str) -> Any:
        for (dataset, run), count in sorted(self.has.items()):
            for ls in range(1, count + 1):
                for me_id, (me, dim) in self.elements.items():
                    if place != f"th{dim}" or (dataset, run, ls, me_id) in self.missing:
                        continue
                    place_of = {**_of(dataset, run), "ls_number": ls, "me_id": me_id, "me": me, "entries": ls}
                    place_of["file_id"] = self.file_of(dataset, run)[0]
                    if dim == 1:
                        yield th1(ls, **place_of, data=[ls + 0.5, run, me_id])
                    elif me_id == 3:
                        yield th2(ls, **place_of)
                    else:
                        odd = {"x_bin": 2, "y_bin": 1, "data": [[float(run), float(ls)]]}
                        yield th2(ls, **{**place_of, **odd})


def named(run: int, rest: str = "a.root") -> str:
    """Name a file of prompt reconstruction."""
    return f"/store/data/Z/R/DQMIO/v1/000/{run // 1000}/{run % 1000:03}/00000/{rest}"


def _is_name(name: str, query: dict[str, str]) -> bool:
    is_pattern = re.search(query.get("logical_file_name__regex", ""), name) is not None
    return is_pattern and query.get("logical_file_name", name) == name


def _of(dataset: int, run: int) -> dict[str, Any]:
    return {"dataset_id": dataset, "dataset": NAMES[dataset], "run_number": run}
