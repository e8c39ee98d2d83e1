"""Patterns that read what a service says take time in proportion to its length, whatever it is made of.

Where one does not, its payload takes many minutes: the process that reads it is then ended, and the test fails.
"""

import subprocess
import sys

import pytest

BOUND = 180.0  # seconds; all of them together take few
READ = """
from cmsdials.errors import DialsError
from cmsdials.http.response import Answer, checked
from cmsdials.redaction import masked, without_secrets

for begin, unit, end in PAYLOADS:
    text = begin + unit * (2**17 // len(unit)) + end
    masked(text.encode(), ["sandbox", "correct-horse-battery-staple"])
    if not begin:
        without_secrets(text)
    for status in (404, *[200] * (9 if "<" in begin + unit else 1)):
        answer = Answer(status, {}, text.encode(), "http://dials.test/", "GET")
        try:
            checked(answer, ["sandbox"] if "sandbox" in begin else ())
        except DialsError as error:
            assert len(str(error)) < 3000, len(str(error))
print("all read")
"""

UNITS = [
    "eyJ-", "eyJaaaa-", "eyJaaaa.", "-eyJ", "bearer ", "bearer\t\n", "bearer authenti", "basic  ", "password=", 'password="',
    "password= bearer ", "password ", "'token' ", '"secret":', "'token': '", "x-client-secret", "http_access_token ", "://", "://a",
    "://:", "a@", "://@", "<title>", "<h1>", "<title ", "<title></title", "</title>", "</h1", "<", "<a", "<h1><title>", "&#9", "&amp",
    "workspace ", "workspace not ", "[", '{"a":', " ", "\t", "9", "\x00", "token <a> ", 'token value="', "secret,", "?", "é",
]  # fmt: skip
PAYLOADS = [
    *(("", unit, "") for unit in UNITS),
    *(("<html><title>", unit, "</title>") for unit in UNITS),
    *(('{"detail": "', unit, '"}') for unit in ("eyJ-", "eyJaaaa-", "bearer ", "password=", "{", " ")),
    ("sandbox password:", " ", "x"),
    ("sandbox token", "<a> ", "x"),
    ("sandbox ", "token" + "-" * 40, "x"),
    ("sandbox ", "token" + (" " * 99 + "<" + "a" * 99 + ">") * 9, ""),
    ("sandbox ", "://" + ":" * 99, ""),
    ("sandbox ", "://" + "a:" * 49, ""),
]


def test_whatever_is_long_is_read_soon() -> None:
    script = f"PAYLOADS = {PAYLOADS!r}\n{READ}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=BOUND, check=False
    )
    assert (done.stdout, done.stderr) == ("all read\n", "")


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<html><title>Down</title>", "Down"),
        ("<html><TITLE class='a'>Down\n for <b>a</b> while</TITLE>", "Down for a while"),
        ("<html><title>never closed <h1>Sorry</h1>", "Sorry"),
        ("<html><h1>never closed <title>Sorry</title>", "Sorry"),
        ("<html></title><title>A</title><title>B</title>", "A"),
        ("<html><title>A</h1></title>", "A"),
        ("<html><title>5 &lt; 6</title>", "5 < 6"),
        ("<html><title>&#" + "9" * 5000 + ";</title>", "&#" + "9" * 115 + "..."),
        ("<html><titles>A</titles>", ""),
        ("<html><title>", ""),
        ("<html>", ""),
    ],
)
def test_the_title_of_a_page(page: str, title: str) -> None:
    from cmsdials.errors import DecodeError
    from cmsdials.http.response import Answer, checked

    with pytest.raises(DecodeError) as caught:
        checked(Answer(200, {}, page.encode(), "http://dials.test/", "GET"))
    assert caught.value.message.endswith(f"({title!r})" if title else "HTML page instead of JSON")
