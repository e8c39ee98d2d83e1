"""The object people hold, and what importing the package does."""

import copy
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import cmsdials
import pytest
from cmsdials import Dials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import ConfigurationError, NotFoundError
from cmsdials_sandbox import Sandbox

SECRET = "correct-horse-battery-staple"


def shown(error: BaseException) -> str:
    """All that an error and its traceback show."""
    return "".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def loaded_by(statement: str) -> set[str]:
    return set(
        run_python(f"{statement}\nimport sys; print(*{{n.split('.')[0] for n in sys.modules}})").split()
    )


HEAVY = {"httpx", "numpy", "pandas", "pyarrow", "urllib3", "tqdm"}
BROUGHT_BY_THEM = {"click", "email", "filelock", "platformdirs", "rich", "ssl"}


def test_import_loads_nothing_heavy() -> None:
    assert not (HEAVY | BROUGHT_BY_THEM | {"attrs", "attr", "orjson"}) & loaded_by("import cmsdials")
    assert not (HEAVY | {"orjson"}) & loaded_by("from cmsdials.filters import RunFilters")


@pytest.mark.parametrize(
    "statement",
    [
        "from cmsdials import Dials; from cmsdials.filters import LumisectionHistogram1DFilters",
        "import cmsdials.auth.secret_key, cmsdials.auth.device, cmsdials.auth.client_credentials",
        "from cmsdials.auth.client import AuthClient; AuthClient()",
        "from cmsdials.http.session import Session; Session('https://dials.test/', None)",
        "import cmsdials.http.retry, cmsdials.runtime.interrupts, cmsdials.http.connections",
    ],
)
def test_what_only_a_request_needs_is_loaded_by_none_but_a_request(statement: str) -> None:
    assert not (HEAVY | BROUGHT_BY_THEM) & loaded_by(statement)


def test_a_client_that_is_made_and_asked_nothing_loads_no_http_library() -> None:
    made = "from cmsdials import Dials; import cmsdials.auth.secret_key as s; Dials(s.Credentials('x'))"
    assert not (HEAVY | BROUGHT_BY_THEM) & loaded_by(made)


def test_a_first_listing_loads_nothing_of_downloads_searches_and_notebooks(sandbox_now: Sandbox) -> None:
    listing = (
        "from cmsdials import Dials; import cmsdials.auth.secret_key as s; import sys\n"
        "from cmsdials.filters import LumisectionHistogram1DFilters as F\n"
        f"dials = Dials(s.Credentials({sandbox_now.secret!r}), 'tracker', {sandbox_now.url!r})\n"
        "assert len(dials.h1d.list_all(F(run_number=367112, ls_number=3, me_id=2), enable_progress=False)) == 1\n"
        "print(*(one for one in sys.modules if one.startswith('cmsdials.')))"
    )
    loaded = set(run_python(listing).split())
    assert "cmsdials.resources.histograms" in loaded
    assert not {one for one in loaded if one.startswith(("cmsdials.download", "cmsdials.auth.client"))}
    for unused in (
        *(f"resources.{one}" for one in ("choice", "elsewhere", "histograms_of", "ranking", "selection")),
        *("runtime.cache", "table.found", "table.html"),
    ):
        assert f"cmsdials.{unused}" not in loaded


def test_import_touches_no_logging() -> None:
    code = "import logging, cmsdials, cmsdials.dials; print(logging.root.handlers, logging.root.level)"
    assert run_python(code) == "[] 30"


def test_the_public_names() -> None:
    names = ["Dials", "LumiMask", "__version__", "join", "load", "open_dataset", "stack", "verify"]
    assert dir(cmsdials) == names
    assert cmsdials.__version__
    with pytest.raises(AttributeError, match="no attribute 'Dails'"):
        _ = cmsdials.Dails


def test_the_constructor_sends_nothing_and_knows_production() -> None:
    dials = Dials(Credentials(token="a-secret"))
    assert dials.base_url == "https://cmsdials-api.web.cern.ch/"
    assert repr(dials) == "<Dials https://cmsdials-api.web.cern.ch/, workspace by default>"
    assert dials.ml_bad_lumis is dials.ml_bad_lumisection


def test_the_service_that_the_credentials_are_for_is_asked() -> None:
    local = AuthClient("http://localhost:8000/")
    creds = Credentials(token="a-secret", client=local)
    assert Dials(creds).base_url == "http://localhost:8000/"
    assert Dials(creds, base_url="http://localhost:9000/").base_url == "http://localhost:9000/"
    assert (
        Dials(Credentials(token="a-secret", client=AuthClient())).base_url
        == "https://cmsdials-api.web.cern.ch/"
    )


def test_arguments_by_position_as_of_old(sandbox_now: Sandbox) -> None:
    dials = Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url, "api/", "v1/")
    assert dials.run.list().results


class Duck:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["X-Duck"] = "quack"


@pytest.mark.parametrize(
    ("creds", "says"),
    [
        (None, "creds is None"),
        (SECRET, "creds is text"),
        (7, "an object of type int"),
        ({"token": SECRET}, "an object of type dict"),
        (Credentials, "the class cmsdials.auth.secret_key.Credentials itself, not an object"),
        (Duck, "the class"),
    ],
)
def test_what_are_no_credentials(creds: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        Dials(creds)
    assert "cmsdials.auth.device" in caught.value.advice
    assert "cmsdials.auth.secret_key" in caught.value.advice
    assert SECRET not in shown(caught.value)


def test_any_object_that_fills_headers_will_do() -> None:
    assert Dials(Duck()).base_url


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": f"http://me:{SECRET}@dials.test/"},
        {"base_url": f"http://me:{SECRET}"},
        {"base_url": f"https://dials.test/?token={SECRET}"},
        {"base_url": SECRET},
        {"workspace": f"{SECRET}\n"},
        {"workspace": f"Bearer {SECRET}"},
    ],
    ids=str,
)
def test_a_secret_in_the_wrong_place_is_shown_nowhere(
    arguments: dict[str, str], new_session: Callable[..., Any]
) -> None:
    kinds: list[Callable[..., Any]] = [partial(Dials, Duck()), partial(new_session, credentials=None)]
    for kind in kinds:
        with pytest.raises(ConfigurationError) as caught:
            kind(**{"base_url": "https://dials.test/", **arguments})
        assert SECRET not in shown(caught.value)
    for name in ("base_url", "keycloak_url") if "base_url" in arguments else ():
        with pytest.raises(ConfigurationError, match=name) as caught:
            AuthClient(**{name: arguments["base_url"]})
        assert SECRET not in shown(caught.value)


def test_an_object_that_was_not_made_can_be_shown(new_session: Any) -> None:
    for kind in (Dials, new_session, AuthClient):
        assert repr(kind.__new__(kind)) == f"<{kind.__name__} that was not made>"


@pytest.mark.parametrize(
    "base_url", ["https://dials.test/api/v1/", "https://dials.test/api/v1", "https://dials.test/x/api/"]
)
def test_an_address_that_holds_the_route_already(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="which is added to it") as caught:
        Dials(Duck(), base_url=base_url)
    bare = base_url.split("api", maxsplit=1)[0]
    assert f"Give {bare}, or another route=" in caught.value.advice
    assert Dials(Duck(), base_url=bare).base_url == bare
    assert Dials(Duck(), base_url=base_url, route="other/").base_url


@pytest.mark.parametrize(
    "base_url", ["cmsdials-api.web.cern.ch", "ftp://x/", "http://user:pw@x/", "http://x/?a=1"]
)
def test_an_address_that_cannot_work_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Dials(Credentials(token="a-secret"), base_url=base_url)
    assert "pw" not in str(caught.value)


def test_workspaces_do_not_leak_between_objects(sandbox_now: Sandbox) -> None:
    creds = Credentials(token=sandbox_now.secret)
    tracker, jetmet, default = (Dials(creds, name, sandbox_now.url) for name in ("tracker", "jetmet", None))
    key = {"model_id": 19, "dataset_id": 15102369, "run_number": 386951, "ls_number": 36}
    found: list[str] = []

    def ask(dials: Dials) -> None:
        for _ in range(5):
            try:
                dials.ml_bad_lumis.get(**key)
                found.append("there")
            except NotFoundError:
                found.append("missing")

    for dials, expected in ((jetmet, "there"), (tracker, "missing"), (default, "missing")):
        found.clear()
        ask(dials)
        assert set(found) == {expected}
    results: dict[str, set[int]] = {}

    def list_datasets(name: str, dials: Dials) -> None:
        for _ in range(5):
            results.setdefault(name, set()).update(
                row.dataset_id for row in dials.dataset_index.list_all().results
            )

    threads = [
        threading.Thread(target=list_datasets, args=(name, dials))
        for name, dials in (("tracker", tracker), ("jetmet", jetmet), ("default", default))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results["tracker"] == results["default"]
    assert 15102369 in results["jetmet"]
    assert 15102369 not in results["tracker"]


def test_a_copy_and_a_pickle_go_on_working(sandbox_now: Sandbox) -> None:
    dials = Dials(Credentials(token=sandbox_now.secret), base_url=sandbox_now.url)
    before = dials.run.count()
    assert pickle.loads(pickle.dumps(dials)).run.count() == before
    assert copy.deepcopy(dials).run.count() == before


def test_it_opens_again_after_it_was_closed(sandbox_now: Sandbox) -> None:
    with Dials(Credentials(token=sandbox_now.secret), base_url=sandbox_now.url) as dials:
        before = dials.run.count()
    assert dials.run.count() == before
    dials.close()
