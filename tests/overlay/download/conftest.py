"""A service whose runs and histograms a test can change."""

from typing import Any

import pytest

from .service import Histograms


@pytest.fixture
def service(session_type: Any) -> Histograms:
    return Histograms(session_type)
