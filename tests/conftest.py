"""Servers that many tests ask, one sandbox of each generation for the whole run, and hypothesis's profiles.

`HYPOTHESIS_PROFILE=nightly` draws ten times as many examples. No profile has a deadline, nor a limit to drawing: tests do not time. Under
continuous integration the default profile always draws the same examples, so that a change is judged by itself.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from cmsdials.resources import emptiness
from cmsdials_sandbox import Sandbox, serve
from hypothesis import HealthCheck, settings

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as a shell without job control starts what it leaves behind
    signal.signal(signal.SIGINT, signal.default_int_handler)

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", untimed, derandomize="CI" in os.environ)
settings.register_profile("nightly", untimed, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _no_index_is_known() -> None:
    """A process asks an index once for each name, whatever test it is in: let each test be the first."""
    emptiness._known.clear()
    emptiness._warned.clear()


@pytest.fixture(scope="session")
def sandbox_now() -> Iterator[Sandbox]:
    """A sandbox of the present generation."""
    with serve() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def sandbox_v112() -> Iterator[Sandbox]:
    """A sandbox of v1.12."""
    with serve(generation="v1.12") as sandbox:
        yield sandbox
