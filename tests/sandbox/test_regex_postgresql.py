"""The sandbox's regular expressions, what the client refuses and the data file, held against a real PostgreSQL.

Not run where there is no server: `apt-get install postgresql`.
"""

import re
import warnings
from collections.abc import Iterator

import pytest
from cmsdials.expressions import refusal_of, search_of
from cmsdials_sandbox.expressions import BadExpression, expression
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .postgresql import PostgreSQL, server
from .test_expressions import CONSTRUCTS, NAMES, emulated

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with server() as running:
        yield running


def test_the_file_says_what_postgresql_does(postgresql):
    asked = [(construct["pattern"], construct["names"]) for construct in CONSTRUCTS]
    assert postgresql.matching(asked) == [construct["postgresql"] for construct in CONSTRUCTS]


def test_the_file_says_another_way_to_write_it(postgresql):
    other = [construct for construct in CONSTRUCTS if "instead" in construct]
    asked = [(construct["instead"], construct["names"]) for construct in other]
    assert postgresql.matching(asked) == [construct["python"] for construct in other]


def test_every_construct_on_every_name(postgresql):
    # Beyond ASCII, what is a sign or a letter depends on the server's locale.
    names = [name for name in NAMES if len(name) <= 100 and name.isascii()]
    found = postgresql.matching([(construct["pattern"], names) for construct in CONSTRUCTS])
    assert [emulated(construct["pattern"], names) for construct in CONSTRUCTS] == found


# Short names, so that what is drawn matches some and not others.
SHORT = [
    "",
    "a",
    "b",
    "A",
    "aa",
    "ab",
    "ba",
    "aB",
    "a1",
    "1",
    "_",
    "-",
    " ",
    "a b",
    "aab",
    "abab",
    "a-b",
    "a\nb",
    "\\",
]
SHORT += ["PXLayer_1", "EE +", "a{,2}", "\b", "\ba", "]", "(", "b\n", "\t", "aaa", "bb"]

ATOMS = [
    "a",
    "b",
    "P",
    "1",
    ".",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[[:alpha:]]",
    "[[:digit:]_]",
    "[^[:space:]]",
    "[]a]",
    "[a-]",
]
ATOMS += [
    r"\d",
    r"\w",
    r"\s",
    r"\D",
    r"\W",
    r"\S",
    r"[\w-]",
    r"[\D]",
    r"\x61",
    r"\u0061",
    r"\b",
    r"\B",
    r"\n",
    r"\t",
    r"\.",
]
ATOMS += [
    r"\+",
    r"\-",
    " ",
    "_",
    "-",
    "{",
    "}",
    "]",
    "[[.a.]]",
    "[[=b=]]",
    r"\061",
    r"\141",
    "(?#c)",
    "[[.hyphen.]]",
]
PLACES = ["^", "$", r"\y", r"\Y", r"\m", r"\M", r"\A", r"\Z", "[[:<:]]", "[[:>:]]"]
GREEDY = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "{1,}", "{,2}", "{0}", "{256}", "{2,1}"]
LAZY = ["*?", "+?", "??", "{1,2}?", "{1,}?", "{2}?"]
ODD = [
    r"\N{x}",
    r"\p{L}",
    "(?P<n>a)",
    "(?>a)",
    "a++",
    "(?i:a)",
    "(?s:a)",
    r"\z",
    "(?i)",
    "**",
    "(",
    ")",
    "[",
    "\\",
    r"[\y]",
    "[b-a]",
]
FRONTS = [
    "",
    "",
    "",
    "",
    "",
    "(?i)",
    "(?x)",
    "(?n)",
    "(?w)",
    "(?p)",
    "(?s)",
    "(?e)",
    "(?b)",
    "(?q)",
    "(?z)",
    "***=",
    "***:",
    "***:(?i)",
]


def _larger(inner: st.SearchStrategy[str], quantifiers: list[str]) -> st.SearchStrategy[str]:
    quantifier = st.sampled_from(quantifiers)
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, quantifier).map("".join),
        st.builds("({}){}".format, inner, quantifier),
        st.builds("(?:{}){}".format, inner, quantifier),
        st.builds("({}{}){}".format, st.sampled_from(["?=", "?!", "?<=", "?<!"]), inner, quantifier.map(lambda q: q[:0])),
    )  # fmt: skip


def _grown(leaves: list[str], quantifiers: list[str]) -> st.SearchStrategy[str]:
    return st.recursive(st.sampled_from(leaves), lambda inner: _larger(inner, quantifiers), max_leaves=8)


# What a back reference finds also depends on which quantifiers are lazy, which the sandbox does not imitate.
PATTERNS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(FRONTS), _grown(ATOMS + PLACES, GREEDY + LAZY)),
    st.builds(
        "{}{}".format, st.sampled_from(FRONTS), _grown(["a", "b", ".", r"\1", r"\2", "(a)", "(b|a)"], GREEDY)
    ),
    _grown(["a", "b", *ODD], GREEDY),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(pattern=PATTERNS)
def test_any_pattern(postgresql, pattern):
    assert [emulated(pattern, SHORT)] == postgresql.matching([(pattern, SHORT)])


# What only PostgreSQL knows, and Python reads as something else: names in brackets, and grammars of its own.
ITS_OWN = re.compile(r"\[[.:=]|^(\*\*\*:)?\(\?[a-z]*[benpqtw]")
OLDER_GRAMMAR = re.compile(r"(\*\*\*:)?\(\?[a-z]*[be]")
# Names hold no line breaks, which `.` and `$` would tell apart.
PLAIN = [name for name in SHORT if name.isprintable()]


def searched(pattern: str) -> list[str] | str:
    """The names that Python finds, or "error"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Python will read brackets otherwise one day
        try:
            return [name for name in PLAIN if re.search(pattern, name)]
        except re.error:
            return "error"


DIFFERENT = {
    refused.problem
    for construct in CONSTRUCTS
    if construct["postgresql"] != construct["python"] and (refused := refusal_of(construct["pattern"]))
}


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(pattern=PATTERNS)
def test_what_the_client_sends_is_read_as_python_reads_it(postgresql, pattern):
    """And what it refuses fails at PostgreSQL, or is read otherwise there, if not with these names."""
    refused = refusal_of(pattern)
    found = postgresql.matching([(pattern, PLAIN)])[0]
    python = searched(pattern)
    if refused is None:
        assert found != "error" or OLDER_GRAMMAR.match(pattern)
        assert python in (found, "error") or ITS_OWN.search(pattern)
    else:
        assert found == "error" or python != found or refused.problem in DIFFERENT


PLAIN_ATOMS = [
    "a",
    "b",
    "P",
    "1",
    ".",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[]a]",
    "[a-]",
    r"[\w-]",
    r"[^\]\\]",
    r"\d",
    r"\S",
]
PLAIN_ATOMS += [
    r"\.",
    r"\+",
    r"\-",
    r"\\",
    " ",
    "_",
    "-",
    "^",
    "$",
    "a+",
    "b*?",
    "[ab]?",
    ".*",
    "1{1,2}",
    "a{2,}",
    "(a)?",
]
PLAIN_ATOMS += ["(a|b)", "(?:b|)", "(a", "b)", "(|1)?", "a??", "]", "{", "a|b", "|"]


SEARCHED = st.one_of(
    PATTERNS,
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "", "(?i)"]),
        st.lists(st.sampled_from(PLAIN_ATOMS), min_size=1, max_size=6).map("".join),
    ),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(SEARCHED, min_size=1, max_size=30))
def test_rows_are_searched_as_postgresql_does(postgresql, patterns):
    """Where the client does so at all; of a name with a line break it says that it matches."""
    searches = {one: search_of(one) for one in ["a", *patterns] if refusal_of(one) is None}
    searches = {pattern: search for pattern, search in searches.items() if search is not None}
    answers = postgresql.matching([(pattern, SHORT) for pattern in searches])
    for (pattern, search), found in zip(searches.items(), answers, strict=True):
        assert found != "error", pattern
        assert [name for name in PLAIN if search(name)] == [name for name in found if name in PLAIN], pattern
        assert [name for name in found if not search(name)] == [], pattern


def test_how_large_is_too_large(postgresql):
    patterns = ["a{255}", "(?:a{255}){20}", "(?:(?:a{255}){255}){255}", "(?:[ab]{255}){255}"]
    refused = [answer == "error" for answer in postgresql.matching([(pattern, [""]) for pattern in patterns])]
    assert [_refused(pattern) for pattern in patterns] == refused


def _refused(pattern: str) -> bool:
    try:
        expression(pattern)
    except BadExpression:
        return True
    return False
