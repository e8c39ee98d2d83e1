"""No regular expression keeps the sandbox from answering, and from ending: whatever it is, its work is bounded.

The bounds in seconds are minutes where the answer takes a second: without a bound on the work these would take hours.
"""

import concurrent.futures
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest
from cmsdials_sandbox import serve
from cmsdials_sandbox.expressions import BadExpression, TooSlow, expression

BOUND = 120

EVIL = {
    "nested quantifiers": "([A-Za-z/_0-9]+)+!",
    "nested stars": "((.*)*)*!",
    "a star of nothing": "(?:(?:)*)*!",
    "alternatives that are alike": "(a|a|a/|/a)*!",
    "many optional parts": "(?:a?){200}a{200}!",
    "a large repeat of a set": "(?:(?:[a-z/_]?){255}){60}!",
    "a large repeat of pairs": "(?:(?:.?.?){100}){80}!",
    "anchored large repeats": "^(?:.?){255}(?:.?){255}(?:.{0,255})!$",
    "many stars": ".*" * 2000 + "!",
    "many alternatives": "|".join(f"[a-z]{{{n}}}!" for n in range(1, 200)),
    "a long literal": "x" * 40_000,
    "many escapes": r"\x41" * 10_000 + "*",
    "a lookahead at each place": "(?:(?=.*.*.*!)|.)*!",
    "lookaheads in lookaheads": "(?=(?=(?=.*!).*!).*!)",
    "many lookarounds": "(?:(?=.)(?!!)(?<=.)(?<!!))*" * 200 + "!",
    "nested lookbehinds": "(?<!" * 60 + "a" + ")" * 60,
    "a lookbehind of all": "(?<=(.*)*!).",
    "many places": "(?:^|$|\\y)*" * 1000 + "!",
    "nested groups": "(" * 150 + "." + ")*" * 150 + "!",
    "back references": r"(.*)(.*)(.*)\1\2\3!",
    "back references that may match": r"^(.+)(.*)(.*)(.*)(.*)\5\4\3\2\1$",
    "a repeated back reference": r"(?:(.)(?:.*))*\1!",
    "many back references": r"(\w+)\s*\1" * 100,
    "optional back references": r"(.?)" + r"\1?" * 2000 + "!",
    "groups before a back reference": "(.*)" * 50 + r"\1!",
    "a back reference behind a large repeat": r"(/)(?:(?:.?){255}){60}\1!",
}
TOO_DEEP = "(?=" * 300 + "a" + ")" * 300

NAMES = [
    f"PixelPhase1/Tracks/PXBarrel/{'charge_PXLayer_' * (n % 9)}{n}/{'aaaaaaaa/' * (n % 7)}{n:032b}"
    for n in range(400)
]


@pytest.mark.parametrize("pattern", EVIL.values(), ids=EVIL)
def test_its_work_is_bounded(pattern):
    begun = time.monotonic()
    try:
        read = expression(pattern)
        assert not any(read.found_in(name) for name in NAMES if pattern.endswith("!"))
    except TooSlow:
        pass
    assert time.monotonic() - begun < BOUND


@pytest.mark.parametrize("pattern", [TOO_DEEP, TOO_DEEP + r"()\1"])
def test_one_that_is_too_deep_is_refused(pattern):
    with pytest.raises(BadExpression, match="too complex"):
        expression(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"PXBarrel/.*\d$",
        "PXLayer_1/",
        r"^(?!.*aaaa).*/\d+$",
        r"(charge)_(PXLayer_).*\1_\2\1",
        "(?<=charge_)PX",
        "[01]{20}1$",
        "(?i)pxbarrel.*(layer|aaaa)",
    ],
)
def test_a_usual_one_is_far_from_the_bound(pattern):
    read = expression(pattern)
    found = [name for name in NAMES if re.search(pattern, name)]
    assert 0 < len(found) < len(NAMES) or pattern.startswith("PXBarrel")
    assert [name for name in NAMES if read.found_in(name)] == found


FILTERS = [
    ("now", "dataset-index/", "dataset__regex"),
    ("now", "file-index/", "dataset__regex"),
    ("now", "file-index/", "logical_file_name__regex"),
    ("now", "file-index/count/", "logical_file_name__regex"),
    ("now", "mes/", "me__regex"),
    ("now", "run/", "dataset__regex"),
    ("now", "lumisection/", "dataset__regex"),
    ("now", "th1/", "dataset__regex"),
    ("now", "th1/", "me__regex"),
    ("now", "th2/", "logical_file_name__regex"),
    ("now", "ml-models-index/", "name__regex"),
    ("now", "ml-models-index/", "input_signature_contains_me__regex"),
    ("now", "ml-bad-lumisection/", "me__regex"),
    ("now", "ml-bad-lumisection/", "dataset__regex"),
    ("v1.12", "ml-models-index/", "filename__regex"),
    ("v1.12", "ml-models-index/", "target_me__regex"),
    ("v1.12", "th2/", "me__regex"),
]
# It takes too long with any name, however short.
SLOW = EVIL["back references that may match"]


@pytest.mark.parametrize(("generation", "path", "name"), FILTERS)
def test_each_filter_answers_as_the_gateway_does(generation, path, name, now, v112):
    asker = now if generation == "now" else v112
    answer = asker.client.get(path, params={name: SLOW}, timeout=BOUND)
    assert answer.status_code == 504
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<title>504 Gateway Time-out</title>" in answer.text
    assert asker.client.get(path, params={name: "([A-Za-z/_0-9]+)+!"}, timeout=BOUND).json() in (
        [],
        {"count": 0},
        {"next": None, "previous": None, "results": []},
    )


def test_others_are_answered_meanwhile():
    with serve() as sandbox, httpx.Client(
        base_url=f"{sandbox.url}api/v1/", headers={"X-CLIENT-SECRET": sandbox.secret}, timeout=BOUND
    ) as client, concurrent.futures.ThreadPoolExecutor(12) as pool:  # fmt: skip
        slow = [pool.submit(client.get, "mes/", params={"me__regex": SLOW}) for _ in range(4)]
        usual = [pool.submit(client.get, "mes/", params={"me__regex": "PXBarrel"}) for _ in range(4)]
        assert [answer.result().status_code for answer in usual] == [200] * 4
        assert [answer.result().status_code for answer in slow] == [504] * 4


def test_it_ends_in_the_middle_of_one():
    command = [sys.executable, "-m", "cmsdials_sandbox", "--port=0", "--json", "--stop-on-eof"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process, concurrent.futures.ThreadPoolExecutor(8) as pool:
        url = process.stdout.readline().split('"url": "')[1].split('"')[0]
        headers = {"X-CLIENT-SECRET": "sandbox"}
        with httpx.Client(base_url=f"{url}api/v1/", headers=headers, timeout=BOUND) as client:
            asked = [pool.submit(client.get, "mes/", params={"me__regex": SLOW}) for _ in range(8)]
            next(concurrent.futures.as_completed(asked))
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=BOUND) == 0
            for request in asked:
                request.exception(timeout=BOUND)
        # Some were under way, and it did not wait for them, of which it would have warned.
        assert any(isinstance(request.exception(), httpx.TransportError) for request in asked)
        assert {line.split(":")[0] for line in process.stderr} <= {"Gateway Timeout"}
