"""A headless Chromium for the tests that drive pages."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import guard


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Start a browser, driven by selenium; skips where Debian's chromium and chromium-driver are not installed.

    Args:
        profile: An empty folder, so that nothing of an earlier browser is seen.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=900,800",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A driver does not end with its run, if that is killed: it would leave a browser behind.
    guarded = profile / "guarded-driver"
    guarded.write_text(f'#!/usr/bin/env bash\nset -- {shlex.quote(driver)} "$@"\n{guard.COMMAND}\n')
    guarded.chmod(0o700)
    service = webdriver.ChromeService(str(guarded), popen_kw={"start_new_session": True})
    with webdriver.Chrome(options, service) as running:
        yield running
