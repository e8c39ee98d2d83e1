"""The page on which a person confirms: its HTML over HTTP, and in headless Chromium as a person meets it."""

import base64
import hashlib
from html.parser import HTMLParser

import pytest

from tests import chromium as browser

from .conftest import PUBLIC

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """What a test asks of an HTML page; fails on elements that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in self._open:
            self.texts[tag] = self.texts.get(tag, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def fields(self):
        return {field["name"]: field.get("value", "") for field in self.all("input")}


@pytest.fixture
def ask(logging_in):
    return logging_in


@pytest.fixture
def login(ask):
    return ask.new_device()


def get(ask, **query):
    return ask.client.get(f"{ask.realm}device", params=query)


def post(ask, **form):
    return ask.client.post(f"{ask.realm}device", data=form)


def decide(ask, login, decision):
    fields = Page(get(ask, user_code=login["user_code"]).text).fields()
    return post(ask, **fields, decision=decision)


def test_the_code_is_asked_for(ask, login):
    assert login["verification_uri"] == f"{ask.realm}device"
    response = ask.client.get(login["verification_uri"])
    page = Page(response.text)
    assert response.status_code == 200
    assert page.texts["h1"] == "Log in to DIALS"
    (form,) = page.all("form")
    assert form["method"] == "get"
    (field,) = page.all("input")
    assert field["name"] == "user_code"
    assert page.all("label") == [{"for": field["id"]}]
    assert field["aria-describedby"] in [p.get("id") for p in page.all("p")]
    assert page.texts["button"] == "Continue"


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code} "])
def test_the_code_may_be_typed_in_many_ways(ask, login, typed):
    response = get(ask, user_code=typed(login["user_code"]))
    assert (response.status_code, Page(response.text).texts["strong"]) == (200, login["user_code"])


def test_the_decision_is_asked_for(ask, login):
    response = ask.client.get(login["verification_uri_complete"])
    page = Page(response.text)
    assert response.status_code == 200
    assert page.texts["title"] == "Approve this login? - DIALS sandbox"
    assert page.texts["strong"] == login["user_code"]
    assert PUBLIC in page.texts["dd"]
    assert "DIALS client (production)" in page.texts["dd"]
    assert "physicist" in page.texts["dd"]
    assert "in 10 minutes" in page.texts["dd"]
    (form,) = page.all("form")
    assert form["method"] == "post"
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert set(form["aria-describedby"].split()) <= ids
    assert [(b["name"], b["value"]) for b in page.all("button")] == [
        ("decision", "approve"),
        ("decision", "deny"),
    ]
    assert {field["type"] for field in page.all("input")} == {"hidden"}
    assert page.fields()["user_code"] == login["user_code"]
    assert login["device_code"] not in response.text


def test_a_login_through_dials_too(ask):
    login = ask.dials("new-device").json()
    page = Page(ask.client.get(login["verification_uri_complete"]).text)
    assert page.texts["dd"].startswith("DIALS cms-dials-prod-confidential-app")
    assert Page(post(ask, **page.fields(), decision="approve").text).texts["h1"] == "Login approved"
    assert ask.dials("device-token", device_code=login["device_code"]).status_code == 200


def test_approve(ask, login):
    response = decide(ask, login, "approve")
    assert (response.status_code, Page(response.text).texts["h1"]) == (200, "Login approved")
    assert ask.poll(login["device_code"]).status_code == 200


def test_deny(ask, login):
    response = decide(ask, login, "deny")
    assert (response.status_code, Page(response.text).texts["h1"]) == (200, "Login denied")
    assert ask.poll(login["device_code"]).json()["error"] == "access_denied"


def test_too_late(ask, login):
    fields = Page(get(ask, user_code=login["user_code"]).text).fields()
    said = []
    post(ask, **fields, decision="approve")
    for answer in (lambda: get(ask, **fields), lambda: post(ask, **fields, decision="deny")):
        said.append((answer().status_code, Page(answer().text).texts["h1"]))
    ask.poll(login["device_code"])
    answer = get(ask, user_code=login["user_code"])
    said.append((answer.status_code, Page(answer.text).texts["h1"]))
    denied = ask.new_device()
    decide(ask, denied, "deny")
    answer = get(ask, user_code=denied["user_code"])
    said.append((answer.status_code, Page(answer.text).texts["h1"]))
    assert said == [
        (410, "Already approved"),
        (410, "Already approved"),
        (410, "Code already used"),
        (410, "Already denied"),
    ]


def test_expired():
    import httpx
    from cmsdials_sandbox import serve

    from .conftest import LoggingIn

    with serve(device_lifetime=0) as sandbox, httpx.Client(timeout=120) as client:
        login = LoggingIn(sandbox, client).new_device()
        response = client.get(login["verification_uri_complete"])
    assert (response.status_code, Page(response.text).texts["h1"]) == (410, "Code expired")


def test_unknown(ask):
    response = get(ask, user_code="BBBB-BBBB")
    page = Page(response.text)
    assert (response.status_code, page.texts["h1"]) == (404, "Unknown code")
    (field,) = page.all("input")
    assert (field["value"], field["aria-invalid"]) == ("BBBB-BBBB", "true")
    assert "error" in field["aria-describedby"]
    assert any(p.get("role") == "alert" and p["id"] == "error" for p in page.all("p"))


NOT_FROM_THE_PAGE = {
    "no confirmation": {"confirmation": None},
    "a guess": {"confirmation": "guess"},
    "another script": {"confirmation": "\u00e9"},
    "another login's": {"confirmation": "OTHER"},
    "no decision": {"decision": None},
    "another decision": {"decision": "perhaps"},
}


@pytest.mark.parametrize("changed", NOT_FROM_THE_PAGE.values(), ids=NOT_FROM_THE_PAGE.keys())
def test_only_who_saw_the_page_decides(ask, login, changed):
    other = Page(get(ask, user_code=ask.new_device()["user_code"]).text).fields()["confirmation"]
    form = Page(get(ask, user_code=login["user_code"]).text).fields() | {"decision": "approve"} | changed
    form = {name: other if value == "OTHER" else value for name, value in form.items() if value is not None}
    response = post(ask, **form)
    assert (response.status_code, Page(response.text).texts["h1"]) == (403, "Nothing decided")
    assert ask.poll(login["device_code"]).json()["error"] == "authorization_pending"


def test_a_post_without_a_code_asks_for_it(ask):
    assert Page(post(ask, decision="approve").text).texts["h1"] == "Log in to DIALS"


def test_looking_decides_nothing(ask, login):
    get(ask, user_code=login["user_code"], decision="approve")
    assert ask.poll(login["device_code"]).json()["error"] == "authorization_pending"


@pytest.mark.parametrize("typed", ['"><script>alert(1)</script>', "<b>&amp;'", "{title}", "%(x)s", "\x00"])
def test_what_was_typed_is_only_text(ask, typed):
    response = get(ask, user_code=typed)
    page = Page(response.text)
    assert response.status_code == 404
    assert page.fields() == {"user_code": typed.replace("\x00", page.fields()["user_code"])}
    assert page.all("script") == page.all("b") == []


def pages(ask):
    login = ask.new_device()
    yield get(ask)
    yield get(ask, user_code="nobody's")
    yield get(ask, user_code=login["user_code"])
    yield post(ask, user_code=login["user_code"])
    yield decide(ask, login, "approve")
    yield get(ask, user_code=login["user_code"])


def test_every_page_is_accessible_and_needs_nothing_else(ask):
    for response in pages(ask):
        page = Page(response.text)
        assert response.text.startswith("<!doctype html>")
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.all("html") == [{"lang": "en"}]
        assert page.texts["title"].startswith(page.texts["h1"])
        assert len(page.all("h1")) == len(page.all("main")) == 1
        assert "device-width" in page.all("meta")[1]["content"]
        for tag in ("script", "img", "iframe", "object"):
            assert page.all(tag) == []
        assert page.all("link") == [{"rel": "icon", "href": "data:,"}]
        for _, attributes in page.elements:
            assert not {name for name in attributes if name.startswith("on") or name in ("style", "tabindex")}
            assert attributes.get("href", "?").startswith(("?", "data:,"))


def test_every_page_is_locked_down(ask):
    for response in pages(ask):
        style = Page(response.text).texts["style"]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "style-src": f"'sha256-{digest}'",
            "img-src": "data:",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in response.headers


def test_other_methods(ask):
    assert ask.client.put(f"{ask.realm}device").status_code == 405
    head = ask.client.head(f"{ask.realm}device")
    assert (head.status_code, head.content) == (200, b"")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def find(chromium, selector):
    return chromium.find_element("css selector", selector)


def arrived(chromium, title):
    """Wait for a page: a click does not."""
    from selenium.webdriver.support.expected_conditions import title_is
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(chromium, 120, poll_frequency=0.02).until(title_is(f"{title} - DIALS sandbox"))


def complaints(chromium):
    """What the browser says of its own, such as a policy that the page breaks; a status of ours is no complaint."""
    return [
        e for e in chromium.get_log("browser") if "the server responded with a status" not in e["message"]
    ]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("button", "title", "answer"),
    [("Approve", "Login approved", None), ("Deny", "Login denied", "access_denied")],
)
def test_type_the_code_and_decide(ask, login, chromium, tmp_path, button, title, answer):
    chromium.get(login["verification_uri"])
    arrived(chromium, "Log in to DIALS")
    find(chromium, "label").click()
    field = chromium.switch_to.active_element
    assert field.accessible_name == "Code"
    field.send_keys("bbbb bbbb\n")
    arrived(chromium, "Unknown code")
    field = find(chromium, "input")
    field.clear()
    field.send_keys(login["user_code"].lower())
    find(chromium, "button").click()
    arrived(chromium, "Approve this login?")
    assert find(chromium, "#code").text == login["user_code"]
    assert chromium.save_screenshot(str(tmp_path / "decision.png"))
    (chosen,) = [b for b in chromium.find_elements("css selector", "button") if b.accessible_name == button]
    chosen.click()
    arrived(chromium, title)
    assert ask.poll(login["device_code"]).json().get("error") == answer
    assert complaints(chromium) == []


@pytest.mark.browser
def test_by_keyboard_alone(ask, login, chromium):
    chromium.get(login["verification_uri_complete"])
    order = []
    for _ in range(2):
        chromium.switch_to.active_element.send_keys("\ue004")
        order.append(chromium.switch_to.active_element.text)
    assert order == ["Approve", "Deny"]
    chromium.switch_to.active_element.send_keys("\ue007")
    arrived(chromium, "Login denied")
    assert ask.poll(login["device_code"]).json()["error"] == "access_denied"


@pytest.mark.browser
def test_it_is_styled_and_fits(login, chromium):
    """The policy lets its style through; on a narrow screen nothing is cut off and the buttons are big enough."""
    chromium.set_window_size(500, 900)
    chromium.get(login["verification_uri_complete"])
    assert (
        chromium.execute_script("return getComputedStyle(document.querySelector('main')).borderRadius")
        == "12px"
    )
    width = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert chromium.execute_script(width)
    assert all(button.size["height"] >= 44 for button in chromium.find_elements("css selector", "button"))
    assert complaints(chromium) == []
