"""What a download asks before it fetches: runs, monitoring elements and datasets, as many at a time as it may."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.errors import ConfigurationError, RequestFailedError

from tests.overlay.download.service import Histograms

LONGEST = 120.0
NAMES = ("mes", "dataset-index")


class Ordered(Histograms):
    """Answers for the runs once certain other lists have been asked for.

    Attributes:
        first: These lists.
        order: What was asked for, in this order.
        breaks_at: The list that fails.
    """

    def __init__(self, session_type: Any) -> None:
        self.first: tuple[str, ...] = ()
        self.order: list[str] = []
        self.breaks_at = ""
        self._asked = {name: threading.Event() for name in NAMES}
        super().__init__(session_type)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        if place == "run":
            assert all(self._asked[name].wait(LONGEST) for name in self.first)
        self.order.append(place)
        if place in self._asked:
            self._asked[place].set()
        if place == self.breaks_at:
            return httpx.Response(400, json={"detail": "this one is not good"})
        return super()._answer(request)


@pytest.fixture
def ordered(session_type: Any) -> Iterator[Ordered]:
    service = Ordered(session_type)
    yield service
    service.dials.close()


@pytest.mark.parametrize(("concurrency", "beside"), [(1, ()), (2, ("mes",)), (3, NAMES)])
def test_names_are_asked_for_beside_the_runs(
    ordered: Ordered, tmp_path: Path, concurrency: int, beside: tuple[str, ...]
) -> None:
    ordered.first = beside
    done = ordered.dials.h1d.download(None, tmp_path / "a", concurrency=concurrency)
    assert done.rows == len(ordered.dials.h1d.list_all())
    before = ordered.order[: ordered.order.index("run")]
    assert {*before} == {*beside}
    assert [ordered.order.count(name) for name in NAMES] == [1, 1]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("name", ["run", *NAMES])
def test_a_list_that_fails_is_the_error(
    ordered: Ordered, tmp_path: Path, name: str, concurrency: int
) -> None:
    ordered.breaks_at = name
    with pytest.raises(RequestFailedError, match="this one is not good"):
        ordered.dials.h1d.download(None, tmp_path / "a", concurrency=concurrency, retries=0)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, "2", None, True])
def test_what_is_no_number_of_requests_is_refused_at_once(
    ordered: Ordered, tmp_path: Path, concurrency: Any
) -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be a whole number from 1 on"):
        ordered.dials.h1d.download(None, tmp_path / "a", concurrency=concurrency)
    assert ordered.order == []
