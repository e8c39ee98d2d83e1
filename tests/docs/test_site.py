"""The site: both builders make it without a warning, it loads nothing from elsewhere, and a browser can use it."""

import functools
import http.server
import inspect
import json
import os
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cmsdials
import pytest
from cmsdials import Dials, errors, filters, models
from cmsdials.auth.secret_key import Credentials
from cmsdials.download.verify import Verification
from cmsdials.result import Result

from tests.chromium import chromium

ROOT = Path(__file__).parents[2]
LONGEST = 100.0
"""Seconds that a page may take to be as expected."""


def _built(*command: str, folder: Path = ROOT) -> str:
    return _built_by("-m", *command, folder=folder)


def _built_by(*command: str, folder: Path = ROOT) -> str:
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"}
    made = subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    written = made.stdout + made.stderr
    assert made.returncode == 0, written
    return written


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """The pictures of the gallery, which the page of plots shows."""
    written = _built_by("docs/examples/gallery.py", "docs/pictures")
    assert "overlay.png" in written


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as Material for MkDocs builds it."""
    folder = tmp_path_factory.mktemp("site")
    written = _built("mkdocs", "build", "--strict", "--site-dir", str(folder))
    assert "WARNING" not in written
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Loaded(HTMLParser):
    """What a page loads by itself: scripts, styles, pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(given.get("src") or "")
        if tag == "link" and given.get("rel") != "canonical":
            self.addresses.append(given.get("href") or "")


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 20
    for page in pages:
        loaded = _Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert not [one for one in loaded.addresses if "//" in one], page.name


def test_every_page_is_in_the_search(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    found = {one["location"].partition("#")[0] for one in index["docs"]}
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - {"404.html"}
    assert found == pages


def _documented(site: Path) -> set[str]:
    """The dotted names of the reference."""
    *_, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_the_reference_has_every_public_name(site: Path) -> None:
    documented = {name.rpartition(".")[2] for name in _documented(site)}
    public = {name for module in (cmsdials, filters, models) for name in module.__all__} - {
        "__version__",
        "Filters",
    }
    public |= {name for name, one in vars(errors).items() if isinstance(one, type) and name in errors.__all__}
    assert public <= documented, sorted(public - documented)


def test_the_reference_has_every_call(site: Path) -> None:
    """`dials.run.get` and all others, and what calls return."""
    documented = _documented(site)
    dials = Dials(Credentials(token="sandbox"), base_url="http://localhost:8000/")
    resources: dict[str, type] = {
        name: type(one) for name, one in vars(dials).items() if not name.startswith("_")
    }
    assert {"run", "h1d", "oms"} <= resources.keys()
    resources |= {"verification": Verification, "result": Result}
    missing = [
        f"{name}.{method}"
        for name, kind in resources.items()
        for method, one in inspect.getmembers(kind)
        if not method.startswith("_") and (inspect.isfunction(one) or isinstance(one, property))
        if not any(f"{base.__module__}.{base.__qualname__}.{method}" in documented for base in kind.__mro__)
    ]
    assert missing == []


def test_zensical_builds_it_too(tmp_path: Path) -> None:
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("overlay", "generated_client"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert "No issues found" in _built("zensical", "build", "--strict", folder=tmp_path)
    assert (tmp_path / "site/reference/client.html").exists()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with chromium(tmp_path) as driver:
        yield driver


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "scheme"), [(1300, "default"), (420, "slate")], ids=["wide", "narrow and dark"]
)
def test_a_browser_searches_copies_and_goes_on(browser: Any, address: str, width: int, scheme: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def soon(condition: Any) -> Any:
        return WebDriverWait(browser, LONGEST).until(condition)

    prefers = {"name": "prefers-color-scheme", "value": "dark" if scheme == "slate" else "light"}
    browser.set_window_size(width, 900)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [prefers]})
    browser.get(f"{address}/index.html")
    soon(lambda it: it.execute_script("return document.body.dataset.mdColorScheme") == scheme)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")

    blocks = browser.find_elements(By.CSS_SELECTOR, ".highlight pre")
    soon(lambda it: len(it.find_elements(By.CSS_SELECTOR, ".md-code__nav, .md-clipboard")) >= len(blocks) > 1)

    if width < 1000:
        browser.execute_script("document.querySelector('label[for=__search]').click()")
    field = soon(lambda it: it.find_element(By.CSS_SELECTOR, ".md-search__input"))
    soon(lambda _: field.is_displayed())
    field.send_keys("resume_from")
    hits = soon(lambda it: it.find_elements(By.CSS_SELECTOR, ".md-search-result__link"))
    soon(lambda _: hits[0].is_displayed())
    browser.execute_script("arguments[0].click()", hits[0])
    soon(lambda it: "index.html" not in it.current_url.split("?")[0])
    assert "resume_from" in browser.find_element(By.CSS_SELECTOR, "article").text

    following = browser.find_element(By.CSS_SELECTOR, ".md-footer__link--next")
    where = browser.current_url
    browser.execute_script("arguments[0].click()", following)
    soon(lambda it: it.current_url != where)
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert loaded
    assert all(one.startswith(address) for one in loaded)
    assert browser.get_log("browser") == []
