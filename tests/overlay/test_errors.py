"""The error tree: what its docstring promises, what each error says, and that none says a secret."""

import builtins
import copy
import inspect
import pickle
import re
import subprocess
import sys

import pytest
from cmsdials import errors
from cmsdials.errors import DialsError, MissingDependencyError, error_for, without_secrets
from hypothesis import given
from hypothesis import strategies as st

URL = "https://cmsdials-api.web.cern.ch/api/v1/run/?page_size=10"
ASKED = {"method": "GET", "url": URL}
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"

CLASSES = [
    item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, errors.DialsError)
]

# What a class needs beside the message.
NEEDS = {
    "UnknownFilterError": {
        "filter_class": "RunFilters",
        "unknown": "run_numer",
        "valid": ["run_number", "dataset"],
    },
    "MissingDependencyError": {"module": "pandas", "extra": "pandas"},
    "SchemaError": {**ASKED, "resource": "run", "field": "ls_count", "row": 3},
}


def example(kind, text="something happened"):
    if issubclass(kind, errors.ResponseError):
        return kind(text, **ASKED, status_code=418, code="tea", detail=text, body=text, attempts=3)
    if kind.__name__ in NEEDS:
        needs = NEEDS[kind.__name__]
        return kind(**needs) if kind is errors.UnknownFilterError else kind(text, **needs)
    if issubclass(kind, errors.TransportError):
        return kind(text, **ASKED, phase="read", attempts=2)
    if issubclass(kind, errors.RequestFailedError):
        return kind(text, **ASKED, attempts=2)
    return kind(text)


def tree_of_the_docstring():
    """Parent and built-in bases of each class, read off the indentation."""
    lines = inspect.getdoc(errors).split("::\n\n", 1)[1].split("\n\n")[0].splitlines()
    above, tree = [], {}
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 4 - 1
        name, *brackets = line.replace(",", "").replace("(", "").replace(")", "").split()
        above[depth:] = [name]
        tree[name] = (above[depth - 1] if depth else None, set(brackets))
    return tree


def test_the_docstring_is_the_tree():
    real = {}
    for kind in CLASSES:
        own = [base for base in kind.__bases__ if issubclass(base, DialsError)]
        others = {base.__name__ for base in kind.__bases__ if base not in own and base is not Exception}
        real[kind.__name__] = (own[0].__name__ if own else None, others)
        assert all(hasattr(builtins, name) for name in others)
    assert tree_of_the_docstring() == real


def test_all_classes_are_public():
    assert {kind.__name__ for kind in CLASSES} <= set(errors.__all__)
    assert sorted(errors.__all__, key=lambda name: (name[0].islower(), name)) == errors.__all__


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_copy_and_pickle(kind, twin):
    error = example(kind)
    error.add_note("seen in job 7")
    other = twin(error)
    assert type(other) is kind
    assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))


def test_a_pickled_import_error_keeps_what_import_errors_have():
    other = pickle.loads(pickle.dumps(MissingDependencyError(module="pandas", extra="pandas")))
    assert (other.name, other.msg) == ("pandas", "pandas is not installed")


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not DialsError])
def test_every_error_says_what_to_do_next_and_what_was_asked(kind):
    error = example(kind)
    assert len(error.advice) > 10
    assert str(error).endswith(error.advice)
    if isinstance(error, errors.RequestFailedError):
        assert str(error).startswith(f"GET {URL}: ")
        assert f"(after {error.attempts} attempts)." in str(error) or error.attempts == 1


@pytest.mark.parametrize("kind", CLASSES)
def test_no_error_says_a_secret(kind):
    text = f'https://me:hunter2hunter2@host/ Authorization: Bearer opaque-token-1 {JWT} "refresh_token": "opaque-2"'
    error = example(kind, text)
    if isinstance(error, errors.RequestFailedError):
        error = type(error)(
            **{**inputs_of(error), "url": "https://me:hunter2hunter2@host/?client_secret=opaque-3"}
        )
    for shown in (
        str(error),
        repr(error),
        str(error.args),
        str(vars(error)),
        pickle.dumps(error).decode("latin-1"),
    ):
        for secret in ("hunter2", "opaque", JWT):
            assert secret not in shown


def inputs_of(error):
    names = inspect.signature(type(error)).parameters
    return {name: getattr(error, name) for name in names if hasattr(error, name)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host/x?y=1", "https://host/x?y=1"),
        ("https://me:p@w@host/x", "https://host/x"),
        ("https://host/x?mail=a@b", "https://host/x?mail=a@b"),
        ("X-CLIENT-SECRET: abc", "X-CLIENT-SECRET: ***"),
        ("'HTTP_X_CLIENT_SECRET': 'abc'", "'HTTP_X_CLIENT_SECRET': ***"),
        ("authorization=Basic YWJjOmRlZg==, x", "authorization=***, x"),
        ("sent Bearer abcdefgh.ijkl.", "sent Bearer ***"),
        (f"a {JWT} b", "a *** b"),
        ('{"access_token": "cut in the midd', '{"access_token": ***'),
        ('{"secret": "abc", "next_token": "cursor"}', '{"secret": ***, "next_token": "cursor"}'),
        ("grant_type=x&refresh_token=abc&y=2", "grant_type=x&refresh_token=***&y=2"),
        ('{"code": "authorization_pending"}', '{"code": "authorization_pending"}'),
        (
            "me=PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1",
            "me=PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1",
        ),
    ],
)
def test_what_is_masked(text, shown):
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "says"),
    [
        (400, b'{"run_number": ["Enter a number."]}', "BadRequestError", None, "run_number: Enter a number"),
        (400, b'{"detail": "wait", "code": "authorization_pending"}', "BadRequestError", "authorization_pending", "wait"),
        (400, b'{"error": "slow_down", "error_description": "later"}', "BadRequestError", "slow_down", "later"),
        (401, b"{}", "AuthenticationError", None, "Log in again"),
        (403, b'{"detail": "x", "code": "authorization_not_found"}', "AuthenticationError", "authorization_not_found", "carried no credentials"),
        (403, b'{"detail": "x", "code": "token_not_valid"}', "AuthenticationError", "token_not_valid", "another instance"),
        (403, b'{"detail": "x", "code": "access_token_expired"}', "AuthenticationError", "access_token_expired", "log in again"),
        (404, b'{"detail": "Invalid cursor"}', "InvalidCursorError", None, "start the listing again"),
        (404, b'{"detail": "Workspace \'x\' not found"}', "WorkspaceNotFoundError", None, "dials.workspaces.list()"),
        (404, b'{"detail": "No Run matches the given query."}', "NotFoundError", None, "No Run matches"),
        (404, b"<html><title>404 Not Found</title>", "NotFoundError", None, "check base_url, route and version"),
        (405, b'{"detail": "Method \\"POST\\" not allowed."}', "MethodNotAllowedError", None, "older or newer"),
        (418, b"", "ResponseError", None, "HTTP 418"),
        (429, b'{"detail": "throttled"}', "TooManyRequestsError", None, "throttled"),
        (499, b"", "ResponseError", None, "HTTP 499"),
        (500, b"<!doctype html><h1>Server Error (500)</h1>", "ServerError", None, "does not compile"),
        (500, b'{"detail": "oh"}', "ServerError", None, "try again later"),
        (520, b"", "ServerError", None, "HTTP 520"),
        (502, b"<html><title>502 Bad Gateway</title>", "GatewayError", None, "smaller page_size"),
        (503, b"", "GatewayError", None, "try again in a few minutes"),
        (504, b"<html>", "GatewayError", None, "exact filters"),
        (302, b"", "RedirectError", None, "redirects to https://auth.cern.ch/login"),
        (304, b"", "RedirectError", None, "HTTP 304 Not Modified"),
        (700, b"", "ResponseError", None, "HTTP 700"),
    ],
)  # fmt: skip
def test_which_error_an_answer_is(status, body, kind, code, says):
    location = {"Location": "https://me:pw@auth.cern.ch/login?state=opaque"} if status == 302 else {}
    error = error_for(status, {**location, "Retry-After": "7"}, body, "GET", URL, 2)
    assert type(error).__name__ == kind
    assert (error.status_code, error.code, error.attempts, error.retry_after) == (status, code, 2, "7")
    assert says in str(error)
    assert str(error).startswith(f"GET {URL}: HTTP {status}")
    assert "opaque" not in str(error)


def test_bodies_are_shortened():
    error = error_for(500, {"Content-Type": "text/html"}, b"<p>" + b"x" * 100_000, "GET", URL)
    assert len(error.body) == 300
    assert len(str(error)) < 700


def test_a_deeply_nested_body_is_no_trap():
    assert error_for(400, {}, b"[" * 60_000, "GET", URL).status_code == 400


@given(st.integers(100, 999), st.binary(max_size=200), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_answer_makes_error_for_fail(status, body, headers):
    error = error_for(status, headers, body, "GET", URL)
    assert str(error)
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_a_misspelt_filter_names_the_nearest():
    error = errors.UnknownFilterError(
        filter_class="RunFilters", unknown="run_numer", valid=["dataset", "run_number"]
    )
    assert (error.nearest, error.valid) == ("run_number", ("dataset", "run_number"))
    assert "RunFilters has no filter 'run_numer'; did you mean 'run_number'?" in str(error)


def test_a_filter_like_no_other_lists_the_valid_names():
    error = errors.UnknownFilterError(
        filter_class="RunFilters", unknown="xyz", valid=["dataset", "run_number"]
    )
    assert error.nearest is None
    assert "valid names: dataset, run_number" in str(error)


def test_a_schema_error_names_resource_row_and_field():
    error = errors.SchemaError("is missing", resource="run", field="ls_count", row=0)
    assert "run, row 0: field 'ls_count' is missing" in str(error)


def test_the_names_of_old_scripts():
    from cmsdials.auth import exceptions

    assert "Log in again" in str(exceptions.ImpossibleToRefreshTokenError())
    assert issubclass(exceptions.PendingAuthorizationError, DialsError)


def test_errors_import_light():
    script = (
        "import sys; import cmsdials.errors;"
        "print(*[name for name in ('httpx', 'attrs', 'attr', 'numpy', 'urllib3', 'orjson', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_advice_ends_as_a_sentence():
    for kind in CLASSES:
        assert kind is DialsError or re.search(r'[.)"]$', example(kind).advice)
