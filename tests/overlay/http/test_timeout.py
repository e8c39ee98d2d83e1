"""What ``timeout=`` may be."""

import numpy as np
import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.http.timeout import connect_and_read


@pytest.mark.parametrize(
    ("timeout", "pair"),
    [
        (30.0, (30.0, 30.0)),
        ((3, 60), (3, 60)),
        ((3, None), (3, None)),
        (None, (None, None)),
        (1, (1, 1)),
        (np.int64(3), (3.0, 3.0)),
    ],
)
def test_the_seconds_to_connect_and_to_read(timeout, pair):
    assert connect_and_read(timeout) == pair


@pytest.mark.parametrize(
    "timeout", [0, -1, "30", True, float("nan"), float("inf"), (1,), (1, 2, 3), (1, "x"), [1, 2]]
)
def test_a_timeout_that_cannot_work(timeout):
    with pytest.raises(ConfigurationError, match="timeout must be a positive number"):
        connect_and_read(timeout)
