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
from cmsdials.errors import DialsError, MissingDependencyError

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
        others = {base.__name__ for base in kind.__bases__ if base not in own[:1] and base is not Exception}
        real[kind.__name__] = (own[0].__name__ if own else None, others)
        assert all(hasattr(builtins, name) or hasattr(errors, name) for name in others)
    assert tree_of_the_docstring() == real


def test_all_classes_are_public_and_nothing_else_is():
    scope = {}
    exec("from cmsdials.errors import *", scope)
    assert scope.keys() - {"__builtins__"} == {kind.__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.usual_message])
def test_an_error_without_a_message_says_what_its_class_does(kind):
    assert str(kind()) == f"{kind.usual_message}. {kind.usual_advice}"
    assert str(kind("it was so", advice="Do so.")) == "it was so. Do so."


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if issubclass(kind, errors.RequestFailedError)])
def test_an_argument_that_no_error_has_is_refused(kind):
    with pytest.raises(TypeError, match="methud"):
        kind("x", methud="GET", **NEEDS.get(kind.__name__, {}), **needs_a_status(kind))


def needs_a_status(kind):
    return {"status_code": 418} if issubclass(kind, errors.ResponseError) else {}


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
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, DialsError)]
    names = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    return {name: getattr(error, name) for name in names if hasattr(error, name)}


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


def test_other_advice_takes_the_place_of_the_usual_one():
    fitting = {errors.NotFoundError: "Ask an expert.", errors.RequestFailedError: "Wait."}
    error = example(errors.InvalidCursorError)
    error.advise(fitting)
    assert error.advice == "Ask an expert."
    error = example(errors.GatewayError)
    error.advice = f"It was asked twice. {error.advice}"
    error.advise(fitting)
    assert str(error).endswith("It was asked twice. Wait.")
    error.advise({errors.NotFoundError: "No."})
    assert error.advice == "It was asked twice. Wait."


def test_advice_for_one_error_is_not_replaced():
    error = errors.NotFoundError("x", **ASKED, status_code=404, advice="Check base_url.")
    error.advise({errors.NotFoundError: "Ask an expert."})
    assert error.advice == "Check base_url."


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
