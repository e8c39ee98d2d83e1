"""`cmsdials doctor --probe`: which of our beliefs about the service hold, at our own sandbox and at services that differ."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cmsdials.cli.asking import Asker, Came
from cmsdials.cli.beliefs import QUESTIONS
from cmsdials.cli.probe import Probe, report
from cmsdials.errors import ConnectionFailedError
from cmsdials_sandbox import Sandbox
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.overlay.auth.conftest import empty_home  # noqa: F401  # a fixture
from tests.overlay.cli.test_commands import Cli, cli  # noqa: F401
from tests.overlay.hostile import PAYLOADS, obeyed_in

BY_NAME = {one.name: one for one in QUESTIONS}

# What does not hold at a sandbox: what is of the other generation, and its name.
DIFFERS = {
    "now": {"workspace-default-v1.12", "request-line-too-long", "cache", "headers"},
    "v1.12": {"workspace-default", "workspaces", "headers"},
}
MARK = "private5ecret"


@pytest.fixture(params=["now", "v1.12"])
def sandbox(
    request: pytest.FixtureRequest, sandbox_now: Sandbox, sandbox_v112: Sandbox
) -> tuple[str, Sandbox]:
    return request.param, sandbox_now if request.param == "now" else sandbox_v112


def probed(cli: Cli, sandbox: Sandbox, *options: str) -> Any:  # noqa: F811
    env = {"CMSDIALS_CLIENT_ID": sandbox.client_id, "CMSDIALS_CLIENT_SECRET": sandbox.client_secret}
    return cli(
        ["doctor", "--probe", "-i", sandbox.url, "--keycloak-url", sandbox.keycloak_url, *options], env=env
    )


@pytest.mark.usefixtures("empty_home")
def test_a_sandbox_is_as_we_believe(sandbox: tuple[str, Sandbox], cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    generation, service = sandbox
    file = tmp_path / "found.json"
    done = probed(cli, service, "-o", str(file))
    assert done.exit_code == 0, done.output
    assert "Written to" in done.stdout
    text = file.read_text("ascii")
    found = json.loads(text)
    assert found["generation"] == generation
    assert found["host"] == service.url.split("/")[2]
    answers = found["questions"]
    assert answers.keys() == BY_NAME.keys()
    assert {name for name, one in answers.items() if one["holds"] is False} == DIFFERS[generation]
    assert {name for name, one in answers.items() if one["holds"] is None} == set()
    assert all(name in done.stderr for name in DIFFERS[generation])
    # It is the same each time, and in an order of its own: diff shows what differs.
    again = probed(cli, service)
    assert again.stdout == text
    assert text == json.dumps(found, indent=2, sort_keys=True) + "\n"


@pytest.mark.usefixtures("empty_home")
def test_it_holds_nothing_private(sandbox: tuple[str, Sandbox], cli: Cli) -> None:  # noqa: F811
    _, service = sandbox
    text = probed(cli, service).stdout.replace("cmsdials-sandbox", "")  # its name, and here its secret
    private = [
        "ZeroBias",
        "14677060",
        "367112",
        "PixelPhase1",
        "tracker",
        service.client_secret,
        "eyJ",
    ]
    assert not [one for one in private if one in text]
    assert "token" not in text.replace("next_token", "").lower()


def test_the_two_generations_differ_where_it_is_expected(sandbox_now: Sandbox, sandbox_v112: Sandbox) -> None:
    found = []
    for service in (sandbox_now, sandbox_v112):
        with Asker(service.url, Secret(service.secret)) as asker:
            found.append(report(Probe.begin(asker), QUESTIONS)["questions"])
    now, before = found
    assert {name for name in now if now[name] != before[name]} == {
        "cache",
        "count",  # no count of histograms: JSON says so now, and a page before
        "request-line-too-long",
        "row-ml_bad_lumis",
        "row-ml_models_index",
        "row-run",
        "workspace-default",
        "workspace-default-v1.12",
        "workspaces",
    }


class Secret:
    """The older kind of secret."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def before_request(self, headers: dict[str, str]) -> None:
        headers["X-CLIENT-SECRET"] = self.secret


class Changed:
    """Asks a sandbox, and changes what came."""

    def __init__(self, asker: Asker, change: Callable[[str, Came], Came]) -> None:
        self.asker = asker
        self.base_url = asker.base_url
        self.request_line = asker.request_line
        self.change = change
        self.asked: list[str] = []

    def ask(self, path: str, params: Any = (), *, workspace: str | None = None) -> Came:
        self.asked.append(path)
        return self.change(path, self.asker.ask(path, params, workspace=workspace))


class Kept:
    """A sandbox whose answers are kept, so that many examples do not ask it each time."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.base_url = asker.base_url
        self.request_line = asker.request_line
        self.answers: dict[Any, Came] = {}

    def ask(self, path: str, params: Any = (), *, workspace: str | None = None) -> Came:
        key = (path, tuple(params), workspace)
        if key not in self.answers:
            self.answers[key] = self.asker.ask(path, key[1], workspace=workspace)
        return self.answers[key]


@pytest.fixture(scope="module")
def kept(sandbox_now: Sandbox) -> Any:
    with Asker(sandbox_now.url, Secret(sandbox_now.secret)) as asker:
        yield Kept(asker)


def found_with(kept: Any, change: Callable[[str, Came], Came]) -> dict[str, Any]:
    questions = [one for one in QUESTIONS if one.name != "no-credentials"]  # which asks by itself
    return report(Probe.begin(Changed(kept, change)), questions)["questions"]


def test_no_question_is_asked_at_once_with_another_and_few_are(kept: Any) -> None:
    asker = Changed(kept, lambda _path, came: came)
    report(Probe.begin(asker), [one for one in QUESTIONS if one.name != "no-credentials"])
    assert len(asker.asked) < 80


def in_json(came: Came, change: Callable[[Any], Any]) -> Came:
    answer = came.json
    return came if answer is None else evolve(came, body=json.dumps(change(answer)).encode())


def rows_changed(change: Callable[[list[Any]], list[Any]]) -> Callable[[str, Came], Came]:
    def changed(_path: str, came: Came) -> Came:
        def page(answer: Any) -> Any:
            is_page = isinstance(answer, dict) and isinstance(answer.get("results"), list)
            return answer | {"results": change(answer["results"])} if is_page else answer

        return in_json(came, page)

    return changed


# Services that are otherwise than we believe, and what shows it.
OTHERWISE: dict[str, tuple[Callable[[str, Came], Came], set[str]]] = {
    "pages are twice as large": (
        rows_changed(lambda rows: rows * 2),
        {
            "page-default",
            "page-cap-501",
            "page-cap-1000",
            "cursor-page-size",
            "filter-repeated",
            "filter-list",
        },
    ),
    "rows come backwards": (rows_changed(lambda rows: rows[::-1]), {"order-repeated", "cursor-page-size"}),
    "rows have another field": (
        rows_changed(lambda rows: [row | {"new": 1} for row in rows]),
        {"fields", "row-run", "row-lumi", "row-h1d", "row-h2d", "row-dataset_index", "row-file_index"},
    ),
    "numbers are text": (
        rows_changed(lambda rows: [row | {"ls_number": "many"} for row in rows]),
        {"row-lumi"},
    ),
    "a field is gone": (
        rows_changed(
            lambda rows: (
                [{name: value for name, value in row.items() if name != "dataset"} for row in rows[1:]]
                + rows[:1]
            )
        ),
        {"cursor-page-size"},
    ),
    "errors are pages": (
        lambda _path, came: (
            evolve(came, headers={"content-type": "text/html"}, body=b"<p>") if came.status != 200 else came
        ),
        {"filter-type", "not-found", "workspace-unknown", "cursor-malformed"},
    ),
    "errors are 422": (
        lambda _path, came: evolve(came, status=422) if came.status in (400, 404, 500) else came,
        {
            "filter-type",
            "not-found",
            "order-unknown",
            "regex-python",
            "cursor-malformed",
            "cursor-other-list",
        },
    ),
    "links are paths": (
        lambda _path, came: in_json(
            came,
            lambda answer: (
                answer | {"next": "/" + answer["next"].split("/", 3)[3]}
                if isinstance(answer, dict) and answer.get("next")
                else answer
            ),
        ),
        {"next"},
    ),
    "nothing is compressed": (
        lambda _path, came: evolve(
            came, headers={k: v for k, v in came.headers.items() if k != "content-encoding"}
        ),
        {"gzip"},
    ),
    "HTTP/2": (lambda _path, came: evolve(came, http="HTTP/2"), {"http-version"}),
    "a limit of rate": (
        lambda _path, came: evolve(came, headers={**came.headers, "x-ratelimit-remaining": "5"}),
        {"rate"},
    ),
}


@pytest.mark.parametrize("change", OTHERWISE)
def test_what_is_otherwise_is_shown(change: str, kept: Any) -> None:
    make, shows = OTHERWISE[change]
    plain = found_with(kept, lambda _path, came: came)
    found = found_with(kept, make)
    now_false = {
        name for name in found if found[name]["holds"] is False and plain[name]["holds"] is not False
    }
    assert shows <= now_false


@pytest.mark.parametrize("status", [None, 401, 403, 429, 502, 503, 504])
def test_who_is_busy_or_refuses_says_nothing_of_our_beliefs(status: int | None, kept: Any) -> None:
    def refused(_path: str, came: Came) -> Came:
        failure = ConnectionFailedError("no") if status is None else None
        return Came(status=status, failure=failure, headers=came.headers, body=b"{}")

    found = found_with(kept, refused)
    assert {one["holds"] for name, one in found.items() if name != "rate"} == {None}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["results", "next", "detail", "workspace", "name", "run_number", "dataset", "code", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(answer=json_values, status=st.sampled_from([200, 200, 404, 500]), every=st.integers(1, 3))
def test_no_answer_breaks_it(kept: Any, answer: Any, status: int, every: int) -> None:
    count = 0

    def changed(_path: str, came: Came) -> Came:
        nonlocal count
        count += 1
        return came if count % every else evolve(came, status=status, body=json.dumps(answer).encode())

    found = found_with(kept, changed)
    assert found.keys() == BY_NAME.keys() - {"no-credentials"}
    json.dumps(found)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 900 + b"]" * 900,
        b'{"name":' * 900 + b"1" + b"}" * 900,
        b'{"results": [',
        b"NaN",
        b"[1,2",
        b"9" * 10_000,
    ],
)
def test_no_bytes_break_it(body: bytes, kept: Any) -> None:
    found = found_with(kept, lambda _path, came: evolve(came, body=body))
    assert {one["holds"] for one in found.values()} <= {True, False, None}


@pytest.mark.parametrize(
    "payload",
    [
        "",
        *(
            PAYLOADS[name]
            for name in ("colour", "C1 CSI", "line feed", "lone surrogates", "NUL and DEL", "HTML")
        ),
    ],
)
def test_no_value_and_no_text_comes_into_the_report(payload: str, kept: Any) -> None:
    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: marked(one) for name, one in value.items()}
        if isinstance(value, list):
            return [marked(one) for one in value]
        return (
            value
            if isinstance(value, str) and "next_token" in value
            else (f"{MARK}{payload}" if isinstance(value, str) else value)
        )

    def changed(_path: str, came: Came) -> Came:
        headers = {
            name: value if name == "content-type" else f"{payload}{value}"
            for name, value in came.headers.items()
        }
        return evolve(in_json(came, marked), headers=headers)

    written = json.dumps(found_with(kept, changed))
    assert MARK not in written
    assert obeyed_in(written.replace("\x7f", "")) == []


def test_each_belief_says_where_it_comes_from() -> None:
    assert len(BY_NAME) == len(QUESTIONS)
    for one in QUESTIONS:
        assert one.belief
        assert one.source
        assert one.belief.isascii()


@pytest.mark.usefixtures("empty_home")
def test_where_it_cannot_be_written_or_asked(sandbox_now: Sandbox, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    for place in (tmp_path, tmp_path / "no" / "file", Path("/dev/full")):
        done = probed(cli, sandbox_now, "-o", str(place))
        assert done.exit_code == 1
        assert "cannot be written" in done.stderr
        assert "-o" in done.stderr
    done = cli(["doctor", "-o", "x", "-i", sandbox_now.url])
    assert (done.exit_code, "Add --probe" in done.stderr) == (1, True)
    done = cli(["doctor", "--probe", "-i", sandbox_now.url])
    assert (done.exit_code, "there is no login" in done.stderr) == (1, True)
