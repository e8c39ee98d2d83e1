"""A person at the pages of Keycloak, in headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from . import realm

LONGEST = 60.0
"""Seconds for a page to come."""


class Browser:
    """A person with an empty browser: everybody who opens one has to sign in.

    Args:
        driver: The browser, by selenium.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, link: str) -> None:
        """Open a link, without anything that an earlier page left."""
        self._driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self._driver.get(link)

    def sign_in(self) -> None:
        self._find("#username").send_keys(realm.PERSON)
        self._find("#password").send_keys(realm.PASSWORD)
        self._leave("#kc-login")

    def grant(self) -> None:
        """Press "Yes" on the page that says what the application asks for."""
        self._leave("#kc-login[name=accept]")

    def refuse(self) -> None:
        self._leave("#kc-cancel[name=cancel]")

    def change_password(self) -> None:
        """Do what the account has to do first: here, choose a password."""
        self._find("#password-new").send_keys(realm.PASSWORD)
        self._find("#password-confirm").send_keys(realm.PASSWORD)
        self._leave("#kc-passwd-update-form [type=submit]")

    @property
    def text(self) -> str:
        return str(self._find("body").text)

    def _find(self, selector: str) -> Any:
        from selenium.webdriver.support.expected_conditions import presence_of_element_located
        from selenium.webdriver.support.wait import WebDriverWait

        found = presence_of_element_located(("css selector", selector))
        return WebDriverWait(self._driver, LONGEST, poll_frequency=0.05).until(found, self._here())

    def _leave(self, selector: str) -> None:
        """Press a button, and wait until its page has gone."""
        from selenium.webdriver.support.expected_conditions import staleness_of
        from selenium.webdriver.support.wait import WebDriverWait

        button = self._find(selector)
        button.click()
        WebDriverWait(self._driver, LONGEST, poll_frequency=0.05).until(staleness_of(button), self._here())

    def _here(self) -> str:
        return f"at {self._driver.current_url}"


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Start a browser; skips where Debian's chromium and chromium-driver are not installed."""
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
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as running:
        yield Browser(running)
