"""docs/migrating.md: what it says of cells that are arrays now, in 1D and in 2D."""

import json
from typing import Any

import numpy as np
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters
from cmsdials_sandbox import Sandbox

ONE_RUN: dict[str, Any] = {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 2}

Cells = tuple[list[Any], list[Any]]


@pytest.fixture(params=[1, 2])
def cells(request: pytest.FixtureRequest, local_dials: Sandbox) -> Cells:
    """The cells of `data` of two histograms, and what their rows hold; in 1D or in 2D."""
    with Dials(Credentials(token="sandbox"), workspace="tracker", base_url=local_dials.url) as dials:
        if request.param == 1:
            h1d = dials.h1d.list_all(LumisectionHistogram1DFilters(me_id=1, **ONE_RUN))
            return [*h1d.to_pandas()["data"]], [row.data for row in h1d]
        h2d = dials.h2d.list_all(LumisectionHistogram2DFilters(me_id=100, **ONE_RUN))
        return [*h2d.to_pandas()["data"]], [row.data for row in h2d]


def test_what_worked_with_lists_and_still_does(cells: Cells) -> None:
    column, rows = cells
    assert np.array_equal(np.array(column), np.array(rows))
    for cell, row in zip(column, rows, strict=True):
        assert isinstance(row, list)
        assert len(cell) == len(row)
        assert np.array_equal(sum(cell), sum(map(np.array, row)))
        assert np.array_equal(cell[3], row[3])


def test_equality_is_that_of_numpy(cells: Cells) -> None:
    (first, second), (row, _) = cells
    assert np.array_equal(first, row)
    assert not np.array_equal(first, second)
    assert (first == second).shape == first.shape
    if isinstance(first, list):
        assert first == row
        assert first in [second, first]
    else:
        with pytest.raises(ValueError, match="broadcast"):
            first == second[:-1]  # noqa: B015  # it raises
        with pytest.raises(ValueError, match="ambiguous"):
            bool(first)


def test_json_needs_lists(cells: Cells) -> None:
    for cell, row in zip(*cells, strict=True):
        with pytest.raises(TypeError, match="not JSON serializable"):
            json.dumps(cell)
        assert json.loads(json.dumps(cell.tolist())) == row


def test_lists_do_not_grow_any_more(cells: Cells) -> None:
    for cell in cells[0]:
        with pytest.raises((AttributeError, TypeError)):
            cell.append(0.0)
        cell[0] = 0
        assert np.sum(cell[0]) == 0
