"""Where a secret could show: objects, logs, errors, tracebacks, files. It is in the stored file alone.

What counts as a secret is recorded on the wire: every token, code and client secret that was sent or received.
"""

import json
import logging
import pickle
import pprint
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth import client_credentials, device, models, secret_key
from cmsdials.auth.client import AuthClient
from cmsdials.errors import DialsError, LoginError
from rich.pretty import pretty_repr

from .conftest import Clock, Logins, LoginService, exchanged, tokens
from .conftest import device as device_answer

SECRET_NAMES = (
    "access_token",
    "authorization",
    "client_secret",
    "device_code",
    "id_token",
    "password",
    "refresh_token",
    "subject_token",
    "x-client-secret",
)
SHOWN_AT_LEAST = 20  # what shows the beginning of a token shows it: rich cuts long texts


def _named(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            if name.lower() in SECRET_NAMES and isinstance(value, str):
                yield value


class Wire:
    """Records the secrets that pass."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def note(self, request: httpx.Request, response: httpx.Response | None = None) -> None:
        body = request.content.decode()
        self.secrets.update(_named(dict(parse_qsl(body))))
        self.secrets.update(value.removeprefix("Bearer ") for value in _named(dict(request.headers)))
        for text in (body, response.text if response is not None else ""):
            try:
                self.secrets.update(_named(json.loads(text)))
            except ValueError:
                continue

    def assert_hidden(self, text: str | bytes, where: str) -> None:
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        assert self.secrets
        for secret in self.secrets:
            assert secret[:SHOWN_AT_LEAST] not in text, f"{where} shows {secret!r}: {text[:4000]}"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    send = httpx.Client.send

    def recording(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(client, request, **options)
        response.read()
        wire.note(request, response)
        return response

    monkeypatch.setattr(httpx.Client, "send", recording)
    return wire


# --- objects


def everything_in(*roots: object) -> Iterator[object]:
    """The objects, and what they are made of as far as it is ours."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        yield item
        inner = list(vars(item).values()) if hasattr(item, "__dict__") else []
        waiting += [value for value in inner if type(value).__module__.startswith("cmsdials")]


def ways_to_show(item: object) -> Iterator[str]:
    yield repr(item)
    yield str(item)
    yield f"{item}"
    yield pprint.pformat(item)
    yield pretty_repr(item)
    if hasattr(item, "__dict__"):
        yield repr(vars(item))
        yield pretty_repr(vars(item))
    yield repr([item])
    yield repr({"key": item})


def test_objects(logins: Logins, wire: Wire, tmp_path: Path) -> None:
    client = logins.through_keycloak()
    code = client.new_device()
    token = client.device_token(code.device_code)
    person = device.Credentials.from_authclient_token(token, tmp_path, client)
    older = logins.through_dials()
    through_dials = device.Credentials.from_authclient_token(older.device_auth_flow(), tmp_path, older)
    application = logins.application()
    api_token = application.check()
    secret = secret_key.Credentials(token=logins.sandbox.secret + "-which-is-long")
    both = secret_key.Credentials(token="secret-of-the-sandbox-app", client_id="app", client=client)
    wire.secrets |= {secret.token, "secret-of-the-sandbox-app"}
    credentials = (person, through_dials, application, secret, both)
    dials = [Dials(one, base_url=logins.url) for one in credentials]
    application.keep_in(tmp_path)
    found = device.Credentials.stored(tmp_path, client)
    roots = (*credentials, *dials, client, code, token, api_token, found)
    walked = list(everything_in(*roots))
    assert len(walked) > 40
    for item in walked:
        for shown in ways_to_show(item):
            wire.assert_hidden(shown, f"a {type(item).__name__}")


# --- logs and files


def test_logs_and_files(
    logins: Logins,
    wire: Wire,
    empty_home: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All loggers at DEBUG, those of httpx and httpcore too, in every flow with its renewal and its end."""
    caplog.set_level(logging.DEBUG)
    for client in (logins.through_dials(), logins.through_keycloak()):
        token = client.device_auth_flow(open_browser=False)
        person = device.Credentials.from_authclient_token(token, client=client)
        logins.expire_access_tokens()
        with Dials(person, base_url=logins.url) as dials:
            dials.run.list()
            logins.revoke_all()
            with pytest.raises(LoginError):
                dials.run.list()
    application = logins.application()
    secret = secret_key.Credentials(token=logins.sandbox.secret)
    for credentials in (application, secret):
        with Dials(credentials, base_url=logins.url) as dials:
            dials.run.list()
    wire.secrets.discard("sandbox")  # the public default is a word of many texts
    loggers = {record.name.split(".")[0] for record in caplog.records}
    assert {"cmsdials", "httpx", "httpcore", "filelock"} <= loggers
    for record in caplog.records:
        shown = record.getMessage() + repr(record.args) + repr(record.__dict__)
        wire.assert_hidden(shown, f"the log of {record.name}")
    said = capsys.readouterr()
    wire.assert_hidden(said.out + said.err, "the dialogue")
    files = [path for path in empty_home.rglob("*") if path.is_file()]
    holding = [path.name for path in files if any(s in path.read_text() for s in wire.secrets)]
    assert holding == ["credentials.json"]
    assert len(files) == 2


# --- errors


SECRETS = {
    name: f"{name}-of-the-test-which-is-long-{'x' * 30}"
    for name in ("access", "refresh", "code", "exchanged", "appsecret", "key")
}


def these_tokens(**changed: Any) -> dict[str, Any]:
    return tokens(access_token=SECRETS["access"], refresh_token=SECRETS["refresh"], **changed)


def this_device() -> dict[str, Any]:
    return device_answer(device_code=SECRETS["code"])


def this_exchange(**changed: Any) -> dict[str, Any]:
    return exchanged(access_token=SECRETS["exchanged"], **changed)


def without_test_frames(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and "/tests/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return trace


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        item = waiting.pop()
        if item is not None and all(item is not other for other in seen):
            seen.append(item)
            waiting += [item.__cause__, item.__context__]
            yield item


def shown_of(error: BaseException) -> Iterator[tuple[str, str | bytes]]:
    """All that a report of a crash could hold."""
    for item in chain(error):
        item.__traceback__ = without_test_frames(item.__traceback__)
    for item in chain(error):
        yield "str", str(item)
        yield "repr", repr(item)
        yield "args", repr(item.args)
        yield "__dict__", repr(item.__dict__)
        for name in dir(item):
            if not name.startswith("_"):
                yield name, repr(getattr(item, name, None))
        if isinstance(item, DialsError):
            yield "pickle", pickle.dumps(item)
    yield "traceback", "".join(traceback.format_exception(error))


def html(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, html=f"<h1>{text}</h1>")


def echoing(answer: httpx.Response) -> list[Callable[[httpx.Request], httpx.Response]]:
    """Ways to send back what was sent, with the status of an answer."""

    def sent(request: httpx.Request) -> str:
        return f"{request.content.decode()} {unquote_plus(request.content.decode())} {dict(request.headers)}"

    def in_json(request: httpx.Request) -> httpx.Response:
        body = {"code": "c", "detail": sent(request), "error": sent(request), "refused": sent(request)}
        return httpx.Response(answer.status_code, json=body)

    return [lambda request: html(sent(request), answer.status_code), in_json]


ANSWERS: dict[str, Callable[[], Any]] = {
    "refused": lambda: httpx.Response(400, json={"error": "invalid_grant", "error_description": "no"}),
    "denied": lambda: httpx.Response(403, json={"code": "access_denied", "detail": "no"}),
    "expired": lambda: httpx.Response(400, json={"error": "expired_token"}),
    "unknown client": lambda: httpx.Response(401, json={"error": "invalid_client"}),
    "not found": lambda: html("Not found", 404),
    "method": lambda: html("No", 405),
    "page": lambda: html("Please sign in"),
    "redirect": lambda: httpx.Response(307, headers={"Location": "http://elsewhere.test/?state=1"}),
    "damaged": lambda: httpx.Response(200, content=json.dumps(these_tokens())[:-3].encode()),
    "text": lambda: httpx.Response(200, json=SECRETS["access"]),
    "list": lambda: httpx.Response(200, json=[these_tokens()]),
    "nothing": lambda: httpx.Response(200, json={}),
    "no end": lambda: httpx.Response(200, json=these_tokens(expires_in=None)),
    "no refresh end": lambda: httpx.Response(200, json=these_tokens(refresh_expires_in="x")),
    "no access": lambda: httpx.Response(200, json=these_tokens() | {"access_token": 7}),
    "no refresh": lambda: httpx.Response(200, json=these_tokens() | {"refresh_token": [SECRETS["refresh"]]}),
    "down": lambda: httpx.ConnectError("no route"),
    "slow": lambda: httpx.ReadTimeout("slow"),
    "broken": lambda: html("Server Error (500)", 500),
    "interrupted": KeyboardInterrupt,
    "unforeseen": lambda: ZeroDivisionError("unforeseen"),
    "unforeseen, too": lambda: RuntimeError("unforeseen"),
}


class Scripts:
    """Clients of a login service that answers from a script, and gives up nothing that it was not asked for."""

    def __init__(self, tmp_path: Path, new_session: Callable[..., Any] | None = None) -> None:
        self.service = LoginService()
        self._new_session = new_session
        self.clock = Clock()
        self.cache = tmp_path / "cache"

    def client(self, flow: str) -> AuthClient:
        url = {"a": "http://dials.test/", "b": None}[flow]
        return AuthClient(
            url, transport=self.service.transport, clock=self.clock, sleep=self.clock.sleep, timeout=1
        )

    def credentials(self, flow: str) -> device.Credentials:
        """Credentials whose token has ended."""
        token = models.token(these_tokens(), self.clock.now())
        made = device.Credentials.from_authclient_token(token, self.cache, self.client(flow))
        self.clock.seconds += 9999
        return made

    def ask_for_runs(self, credentials: Any) -> None:
        """Ask DIALS itself."""
        assert self._new_session is not None
        transport, sleep = self.service.transport, self.clock.sleep
        session = self._new_session("http://dials.test/", credentials, transport=transport, sleep=sleep)
        session.perform({"method": "GET", "url": "/api/v1/run/"}, models.answer)

    def will(self, *answers: Any) -> None:
        """Answer in order, and with the last as often as it is asked again."""
        self.service.will(*answers, *[answers[-1]] * 30)


def log_in(script: Scripts, flow: str, answer: Any) -> None:
    script.will(this_device(), answer)
    script.client(flow).device_auth_flow()


def ask_once(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    script.client(flow).device_token(SECRETS["code"])


def begin(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    script.client(flow).new_device()


def exchange(script: Scripts, flow: str, answer: Any) -> None:
    script.will(these_tokens(), answer)
    script.client("b").device_token(SECRETS["code"])


def refresh(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    script.credentials(flow).before_request({})


def refresh_as_1_8(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    script.client(flow).refresh_token("Bearer", SECRETS["access"], SECRETS["refresh"])


def refresh_and_exchange(script: Scripts, flow: str, answer: Any) -> None:
    script.will(these_tokens(), answer)
    script.credentials("b").before_request({})


def revoke(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    creds = script.credentials("b")
    creds.client.revoke(models.token(these_tokens(), script.clock.now()))


def application(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    creds = client_credentials.Credentials("app", SECRETS["appsecret"], script.client("b"))
    creds.before_request({})


def listing(script: Scripts, flow: str, answer: Any) -> None:
    """The API of DIALS itself, asked with a good token."""
    script.will(answer)
    creds = script.credentials(flow)
    script.clock.seconds -= 9999
    script.ask_for_runs(creds)


def listing_with_a_key(script: Scripts, flow: str, answer: Any) -> None:
    script.will(answer)
    script.ask_for_runs(secret_key.Credentials(SECRETS["key"]))


STEPS = [
    *((step, flow) for step in (begin, log_in, ask_once, refresh, refresh_as_1_8) for flow in "ab"),
    *((step, "b") for step in (exchange, refresh_and_exchange, revoke, application)),
    *((step, "a") for step in (listing, listing_with_a_key)),
]


@pytest.mark.parametrize(("step", "flow"), STEPS, ids=lambda value: getattr(value, "__name__", value))
def test_errors_of_every_step(
    step: Callable[..., None], flow: str, tmp_path: Path, new_session: Callable[..., Any]
) -> None:
    wire = Wire()
    wire.secrets = set(SECRETS.values())
    failed = 0
    for name, answer in ANSWERS.items():
        plain = answer()
        echoes = isinstance(plain, httpx.Response) and plain.status_code >= 400
        for given in (plain, *(echoing(plain) if echoes else ())):
            script = Scripts(tmp_path, new_session)
            try:
                step(script, flow, given)
            except (DialsError, KeyboardInterrupt, ZeroDivisionError, RuntimeError, TypeError) as error:
                failed += 1
                for where, shown in shown_of(error):
                    wire.assert_hidden(shown, f"{step.__name__}, {name}: {where}")
    assert failed >= 9


# --- errors of what is stored


def damage(content: dict[str, Any]) -> dict[str, Callable[[], str]]:
    def changed(**fields: Any) -> Callable[[], str]:
        return lambda: json.dumps(content | fields)

    (name, entry), *_ = content["logins"].items()
    return {
        "cut": lambda: json.dumps(content)[:-5],
        "another version": changed(version=9),
        "list": lambda: json.dumps([content]),
        "no logins": changed(logins=[entry]),
        "unusable": changed(logins={name: entry | {"refresh_expires_at": SECRETS["access"]}}),
        "half": changed(logins={name: {"access_token": SECRETS["access"]}}),
        "time": changed(logins={name: entry | {"expires_at": "soon"}}),
    }


@pytest.mark.parametrize("kind", ["cut", "another version", "list", "no logins", "unusable", "half", "time"])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("private", [True, False])
def test_errors_of_a_stored_login(
    kind: str, named: bool, private: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings are errors here, as in many test runs."""
    script = Scripts(tmp_path)
    client = script.credentials("b").client
    path = script.cache / "credentials.json"
    path.write_text(damage(json.loads(path.read_text()))[kind]())
    path.chmod(0o600 if private else 0o644)
    if named:
        monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(path))
    before = path.read_bytes()
    wire = Wire()
    wire.secrets = set(SECRETS.values())
    with pytest.raises((DialsError, RuntimeWarning)) as caught:
        device.Credentials.from_creds_file(None if named else script.cache, client)
    for where, shown in shown_of(caught.value):
        wire.assert_hidden(shown, where)
    if named:
        assert path.read_bytes() == before
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert (
                len([one for one in script.cache.iterdir() if one.name.startswith("credentials.json")]) <= 3
            )


def test_errors_of_a_login_that_1_8_left(tmp_path: Path) -> None:
    wire = Wire()
    wire.secrets = set(SECRETS.values())
    path = tmp_path / "creds"
    for content in (
        json.dumps(these_tokens())[:-4],
        json.dumps(these_tokens()),
        json.dumps([these_tokens()]),
    ):
        for mode in (0o600, 0o644):
            path.write_text(content)
            path.chmod(mode)
            with pytest.raises(RuntimeWarning) as caught:
                device.Credentials.stored(tmp_path, AuthClient())
            for where, shown in shown_of(caught.value):
                wire.assert_hidden(shown, where)


def test_errors_of_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    wire.secrets = set(SECRETS.values())
    bad = SECRETS["appsecret"] + "\n"
    client = Scripts(tmp_path).client("b")
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", "app")
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", bad)
    tries: list[Callable[[], Any]] = [
        lambda: client_credentials.Credentials("app", bad, client),
        lambda: client_credentials.Credentials("", SECRETS["appsecret"], client),
        lambda: secret_key.Credentials(bad),
        lambda: secret_key.Credentials(SECRETS["key"], client_id="a\nb", client=client),
        lambda: secret_key.Credentials(SECRETS["key"], client_id="", client=client),
        lambda: device.Credentials.from_creds_file(client=client),
    ]
    for attempt in tries:
        with pytest.raises(DialsError) as caught:
            attempt()
        for where, shown in shown_of(caught.value):
            wire.assert_hidden(shown, where)
    for arguments in (
        {"base_url": "http://me:pass@dials.test/"},
        {"keycloak_url": "http://me:pass@kc.test/"},
    ):
        with pytest.raises(DialsError, match=r"holds a user name or password") as caught:
            AuthClient(**arguments)
        assert "pass@" not in str(caught.value)


# --- the HTTP library's own frames


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("unforeseen"), RuntimeError("odd")])
@pytest.mark.parametrize("when", ["read", "write"])
def test_what_breaks_in_the_middle_of_a_request(
    logins: Logins,
    wire: Wire,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    when: str,
) -> None:
    """Its frames hold headers and bodies as they are sent; the text of its traceback is whole, and shows none of them."""
    client = logins.through_keycloak()
    token = client.device_auth_flow()
    person = device.Credentials.from_authclient_token(token, tmp_path, client)
    application = logins.application()
    logins.expire_access_tokens()

    def breaking(*_: Any, **__: Any) -> None:
        raise error

    steps: list[Callable[[], Any]] = [
        Dials(person, base_url=logins.url).run.list,
        Dials(secret_key.Credentials(SECRETS["key"]), base_url=logins.url).run.list,
        lambda: client.refresh(token),
        lambda: client.device_token(SECRETS["code"]),
        application.check,
    ]
    wire.secrets |= set(SECRETS.values())
    monkeypatch.setattr(f"httpcore._backends.sync.SyncStream.{when}", breaking)
    for step in steps:
        error.__traceback__ = error.__context__ = None
        with pytest.raises(type(error)) as caught:
            step()
        for where, shown in shown_of(caught.value):
            wire.assert_hidden(shown, where)
        assert "in breaking" in "".join(traceback.format_exception(caught.value))
