"""A person at the pages of a login service."""

from typing import Any

from . import realm

LONGEST = 300.0
"""Seconds for a page to come: one, where nothing else is going on."""

_ANOTHER_PAGE = "return window.isLeft !== true && document.readyState === 'complete'"


class Pages:
    """A browser without anything that an earlier page left.

    Args:
        driver: The browser, by selenium.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, link: str) -> None:
        self._driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self._driver.get(link)

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.find("body").text)

    def find(self, selector: str) -> Any:
        from selenium.webdriver.support.expected_conditions import presence_of_element_located

        return self._wait(presence_of_element_located(("css selector", selector)))

    def leave_by(self, selector: str) -> None:
        """Press a button, and wait until another page is there."""
        button = self.find(selector)
        self._driver.execute_script("window.isLeft = true")
        button.click()
        self._wait(lambda driver: driver.execute_script(_ANOTHER_PAGE))

    def _wait(self, until: Any) -> Any:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        # Between two pages there is nothing to look at, which the browser says in several ways.
        waiting = WebDriverWait(self._driver, LONGEST, 0.02, ignored_exceptions=[WebDriverException])
        return waiting.until(until, f"at {self._driver.current_url}")


class KeycloakPages(Pages):
    """Keycloak asks who is there, then whether the application may."""

    expired = "The code has expired"
    disabled = "Account is disabled"

    def arrive(self, link: str) -> None:
        """Open a link and say who is there."""
        self.open(link)
        self.find("#username").send_keys(realm.PERSON)
        self.find("#password").send_keys(realm.PASSWORD)
        self.leave_by("#kc-login")

    def approve(self, link: str) -> None:
        self.arrive(link)
        self._grant()

    def deny(self, link: str) -> None:
        self.arrive(link)
        self.leave_by("#kc-cancel[name=cancel]")
        assert "Device Login Failed" in self.text

    def act_and_approve(self) -> None:
        """On the page that asks for it: choose a password; then approve."""
        for field in ("#password-new", "#password-confirm"):
            self.find(field).send_keys(realm.PASSWORD)
        self.leave_by("#kc-passwd-update-form [type=submit]")
        self._grant()

    def _grant(self) -> None:
        self.leave_by("#kc-login[name=accept]")
        assert "Device Login Successful" in self.text


class SandboxPages(Pages):
    """The sandbox knows who is there."""

    expired = "Code expired"
    disabled = "is disabled"

    def arrive(self, link: str) -> None:
        self.open(link)

    def approve(self, link: str) -> None:
        self.arrive(link)
        self._grant()

    def deny(self, link: str) -> None:
        self.arrive(link)
        self.leave_by("button[value=deny]")
        assert "Login denied" in self.text

    def act_and_approve(self) -> None:
        self.leave_by("button[name=acted]")
        self._grant()

    def _grant(self) -> None:
        self.leave_by("button[value=approve]")
        assert "Login approved" in self.text
