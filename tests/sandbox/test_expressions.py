"""The sandbox reads regular expressions as PostgreSQL does: the constructs of the data file, without a server."""

import json
import re
import time
import warnings
from pathlib import Path

import pytest
from cmsdials_sandbox.expressions import BadExpression, TooSlow, expression

CONSTRUCTS = json.loads((Path(__file__).parents[1] / "data" / "regex_dialect.json").read_text())["constructs"]
NAMES = sorted({name for construct in CONSTRUCTS for name in construct["names"]})


def emulated(pattern, names):
    try:
        read = expression(pattern)
    except BadExpression:
        return "error"
    return [name for name in names if read.found_in(name)]


def python(pattern, names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = re.compile(pattern)
        except re.error:
            return "error"
    return [name for name in names if read.search(name)]


def warned_of(pattern):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # What is compiled already is not warned of again.
        re.purge()
        re.compile(pattern)
    return any(issubclass(warning.category, FutureWarning) for warning in caught)


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: ascii(construct["pattern"]))
def test_construct(construct):
    assert emulated(construct["pattern"], construct["names"]) == construct["postgresql"]


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: ascii(construct["pattern"]))
def test_the_file_says_what_python_does(construct):
    pattern, there = construct["pattern"], construct["postgresql"]
    here = python(pattern, construct["names"])
    assert here == construct["python"]
    kinds = {
        "same": here == there != "error",
        "differs": "error" not in (here, there) and here != there and not warned_of(pattern),
        "fails in PostgreSQL": there == "error" != here,
        "only in PostgreSQL": there != "error" and (here == "error" or warned_of(pattern)),
        "fails in both": here == there == "error",
    }
    assert kinds[construct["kind"]]


def test_every_kind_is_there():
    kinds = [construct["kind"] for construct in CONSTRUCTS]
    assert len({construct["pattern"] for construct in CONSTRUCTS}) == len(kinds) >= 129
    assert kinds.count("same") >= 63
    for kind in ("differs", "fails in PostgreSQL"):
        assert kinds.count(kind) >= 12
    assert kinds.count("only in PostgreSQL") >= 15


@pytest.mark.parametrize(
    "construct",
    [construct for construct in CONSTRUCTS if "instead" in construct],
    ids=lambda construct: ascii(construct["pattern"]),
)
def test_the_other_way_to_write_it(construct):
    assert emulated(construct["instead"], construct["names"]) == construct["python"]


@pytest.mark.parametrize(
    "pattern",
    [
        "([A-Za-z/_0-9]+)+!",
        "(a|a)*b",
        "(a*)*b",
        "(?:a?){200}a{200}b",
        "(?=(a+)+b)a",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    ],
)
def test_no_expression_takes_long(pattern):
    read = expression(pattern)
    begun = time.perf_counter()
    assert not read.found_in("a" * 200 + "c")
    assert time.perf_counter() - begun < 5


def test_one_with_a_back_reference_gives_up():
    read = expression(r"^(a|a)+(a|aa)*(a|aa|aaa)*(.*)(.*)\5\4\3\2\1$")
    with pytest.raises(TooSlow):
        read.found_in("a" * 300 + "c")


@pytest.mark.parametrize("pattern", ["(" * 20_000 + ")" * 20_000, "(?:(?:a{255}){255}){255}"])
def test_too_complex(pattern):
    assert emulated(pattern, [""]) == "error"
