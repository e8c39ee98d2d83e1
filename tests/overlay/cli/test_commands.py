"""The command `cmsdials`, as a person and as a batch system run it: against the sandbox, from an empty home folder."""

import errno
import io
import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cmsdials.__main__ import main
from cmsdials.auth import client_credentials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.models import Token

from tests.overlay.auth.conftest import (
    Logins,
    approving,  # noqa: F401  # a fixture, as the next ones
    asking,  # noqa: F401
    empty_home,  # noqa: F401
    entries,
    logins,  # noqa: F401
    undecided,  # noqa: F401
)

COMMAND = [sys.executable, "-m", "cmsdials"]
MOST_SECONDS = 300


def plain(text: str) -> str:
    """Without colours, and on one line: rich wraps at the width of a terminal."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


def secrets_in(home: Path) -> list[str]:
    """What is stored and must not be shown."""
    found = []
    for path in home.rglob("credentials.json"):
        for entry in json.loads(path.read_text())["logins"].values():
            found += [
                entry[name] for name in ("access_token", "refresh_token", "client_secret") if name in entry
            ]
    return found


@pytest.fixture
def environment(empty_home: Path) -> dict[str, str]:  # noqa: F811
    return {"HOME": str(empty_home), "PATH": os.environ["PATH"]}


def run(*arguments: str, env: dict[str, str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=env,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=MOST_SECONDS,
        check=False,
        **options,
    )


@dataclass
class Done:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


Cli = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command as `python -m cmsdials` does, but in this process, and with nothing to type into."""

    def run_here(arguments: list[str], env: dict[str, str] | None = None) -> Done:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["cmsdials", *arguments])
            patched.setattr(sys, "stdin", io.StringIO())
            patched.setattr(sys, "excepthook", sys.excepthook)  # main changes both
            patched.setattr(warnings, "showwarning", warnings.showwarning)
            for name, value in (env or {}).items():
                patched.setenv(name, value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
            out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run_here


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """DIALS names no interval: do not wait for the usual 5 s."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))


Answer = Callable[[httpx.Request], httpx.Response | None]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Lets a function answer what is asked of the service, unless it returns None."""
    send = httpx.Client.send

    def install(answer: Answer) -> None:
        def sending(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            given = answer(request)
            if given is None:
                return send(client, request, **options)
            given.request = request
            return given

        monkeypatch.setattr(httpx.Client, "send", sending)

    return install


def at(logins: Logins, *, keycloak: bool = True) -> list[str]:  # noqa: F811
    named = ["--keycloak-url", logins.sandbox.keycloak_url] if keycloak else []
    return ["--instance", logins.url, *named]


# --- logging in, looking, logging out


@pytest.mark.parametrize("flow", ["a", "b", "c"])
def test_from_login_to_logout(
    flow: str,
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
    hurry: None,
) -> None:
    here = at(logins, keycloak=flow != "a")
    application = {
        "CMSDIALS_CLIENT_ID": logins.sandbox.client_id,
        "CMSDIALS_CLIENT_SECRET": logins.sandbox.client_secret,
    }
    store = empty_home / ".cache" / "cmsdials" / "credentials.json"
    who = "service-account-sandbox-app" if flow == "c" else "physicist"
    said = []

    if flow == "c":
        done = cli(["login", "--application", *here], env=application)
        assert f"The application sandbox-app is logged in for {logins.url}" in done.output
    else:
        done = cli(["login", *here])
        assert f"physicist is logged in at {logins.url}; kept in {store}" in plain(done.output)
        assert "/device?user_code=" in done.stderr
        assert "/device?user_code=" not in done.stdout
    assert done.exit_code == 0
    said.append(done.output)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700

    done = cli(["whoami", *here])
    assert done.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines == {
        "user": who,
        "instance": logins.url,
        "workspace": "tracker",
        "token": "good for 20 min, renewed by itself",
        "login": "of an application, renewed with its secret" if flow == "c" else "good for 10 h 0 min",
    }
    said.append(done.output)

    done = cli(["workspaces", *here])
    assert done.exit_code == 0
    assert next(line for line in done.stdout.splitlines() if line.startswith("tracker")).endswith("  true")
    assert any(line.startswith("jetmet") for line in done.stdout.splitlines())
    said.append(done.output)

    kept = secrets_in(empty_home)
    assert kept
    client = logins.through_keycloak() if flow == "b" else logins.through_dials()
    token = None if flow == "c" else Token.from_json(entries(store)[str(client.key)])
    done = cli(["logout", *here])
    assert done.exit_code == 0
    assert f"Logged out of {logins.url}" in done.stdout
    assert ("cannot end logins" in done.stderr) == (flow == "a")
    said.append(done.output)
    assert secrets_in(empty_home) == []
    if flow == "b":
        assert token is not None
        from cmsdials.errors import ImpossibleToRefreshTokenError

        with pytest.raises(ImpossibleToRefreshTokenError):
            client.refresh(token)

    for command in ("whoami", "workspaces"):
        done = cli([command, *here])
        assert done.exit_code == 1
        assert done.stdout == ""
        assert (
            f"there is no login for {logins.url} in {store}: it holds no login. Log in: run `cmsdials login"
            in plain(done.stderr)
        )
    done = cli(["logout", *here])
    assert (done.exit_code, done.stdout.startswith("There is no login for")) == (0, True)
    assert not any(secret in text for secret in kept for text in said)


@pytest.mark.parametrize("answer", [None, 5, {"workspaces": None}, {"detail": "no"}])
def test_workspaces_that_are_not_a_list(
    answer: object,
    sandbox_v112,
    empty_home: Path,  # noqa: F811
    cli: Cli,
    answering: Callable[[Answer], None],
) -> None:
    def listed(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, content=json.dumps(answer)) if "workspace" in request.url.path else None

    answering(listed)
    env = {"CMSDIALS_CLIENT_ID": sandbox_v112.client_id, "CMSDIALS_CLIENT_SECRET": sandbox_v112.client_secret}
    here = ["--instance", sandbox_v112.url, "--keycloak-url", sandbox_v112.keycloak_url]
    done = cli(["workspaces", *here], env=env)
    assert (
        done.exit_code,
        plain(done.stderr).startswith("workspaces: field 'workspaces' is not a list"),
    ) == (
        1,
        True,
    )


def test_the_generation_of_v1_12_has_other_workspaces(
    sandbox_v112,
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    client_id, secret = sandbox_v112.client_id, sandbox_v112.client_secret
    env = {"CMSDIALS_CLIENT_ID": client_id, "CMSDIALS_CLIENT_SECRET": secret}
    here = ["--instance", sandbox_v112.url, "--keycloak-url", sandbox_v112.keycloak_url]
    done = cli(["workspaces", *here], env=env)
    assert ["tracker", "true"] in [line.split() for line in done.stdout.splitlines()]
    done = cli(["whoami", *here], env=env)
    assert "workspace  tracker" in done.stdout


# --- as processes, from an empty home folder

SCRIPT = """
import sys
from cmsdials import Dials
from cmsdials.auth.bearer import Credentials
from cmsdials.auth.client import AuthClient
from cmsdials.filters import LumisectionHistogram1DFilters
url, keycloak_url = sys.argv[1:]
creds = Credentials.from_creds_file(client=AuthClient(base_url=url, keycloak_url=keycloak_url))
with Dials(creds, workspace="tracker", base_url=url) as dials:
    filters = LumisectionHistogram1DFilters(
        dataset_id=14677060, run_number=367112, me="PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"
    )
    print(len(dials.h1d.list_all(filters, enable_progress=False).results))
"""


def script(logins: Logins, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess:  # noqa: F811
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, logins.url, logins.sandbox.keycloak_url],
        env=env,
        cwd=folder,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=MOST_SECONDS,
        check=False,
    )


def test_log_in_once_then_scripts_and_jobs(
    logins: Logins,  # noqa: F811
    environment: dict[str, str],
    empty_home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    job = tmp_path / "job"
    job.mkdir()
    done = run("login", *at(logins), env=environment)
    assert (done.returncode, done.stdout.startswith("physicist is logged in at")) == (0, True), done.stderr
    store = empty_home / ".cache" / "cmsdials" / "credentials.json"
    kept = secrets_in(empty_home)
    rows = script(logins, environment, job)
    assert (rows.returncode, rows.stdout, rows.stderr) == (0, "104\n", "")

    copied = job / "login.json"
    copied.write_bytes(store.read_bytes())
    copied.chmod(0o600)
    logins.expire_access_tokens()  # the job has to refresh, without a terminal
    rows = script(logins, {"CMSDIALS_TOKEN_FILE": str(copied)}, job)
    assert (rows.returncode, rows.stdout, rows.stderr) == (0, "104\n", "")
    assert logins.counts()["refresh"] == 1
    assert sorted(path.name for path in job.iterdir()) == ["login.json", "login.json.lock"]

    application = {
        "CMSDIALS_CLIENT_ID": "sandbox-app",
        "CMSDIALS_CLIENT_SECRET": logins.sandbox.client_secret,
    }
    rows = script(logins, application, job)
    assert (rows.returncode, rows.stdout, rows.stderr) == (0, "104\n", "")

    for env, problem in (
        ({"CMSDIALS_TOKEN_FILE": str(job / "gone.json")}, f"{job}/gone.json: there is no such file"),
        ({"CMSDIALS_CACHE_DIR": str(job)}, f"{job}/credentials.json: there is no such file"),
        ({}, "/.cache/cmsdials/credentials.json: "),  # HOME is not set: the user database knows the folder
    ):
        rows = script(logins, env, job)
        assert (rows.returncode, rows.stdout) == (1, "")
        last = rows.stderr.strip().splitlines()[-1]
        assert last.startswith(f"cmsdials.errors.NotLoggedInError: there is no login for {logins.url} in /")
        assert problem in last
        assert "no person can be asked" in last
        assert f"Log in: run `cmsdials login --instance {logins.url} --keycloak-url" in last
        assert "name it in CMSDIALS_TOKEN_FILE" in last

    logins.revoke_all()
    rows = script(logins, {"CMSDIALS_TOKEN_FILE": str(copied)}, job)
    assert rows.returncode == 1
    assert "ImpossibleToRefreshTokenError: the login at" in rows.stderr.splitlines()[-1]
    assert not any(secret in done.stdout + done.stderr + rows.stderr for secret in kept)


def test_no_home_folder_at_all(
    logins: Logins,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """As in a container whose user is in no database: say so, and make no folder named ~."""
    import pwd

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    done = cli(["whoami", *at(logins)])
    assert done.exit_code == 1
    assert "no place to keep logins: HOME is not set" in plain(done.stderr)
    assert "CMSDIALS_CACHE_DIR" in done.stderr
    assert list(Path().iterdir()) == []
    named = {"CMSDIALS_CLIENT_ID": "sandbox-app", "CMSDIALS_CLIENT_SECRET": logins.sandbox.client_secret}
    done = cli(["whoami", *at(logins)], env=named)
    assert done.exit_code == 0


def test_the_console_script(environment: dict[str, str]) -> None:
    """As pip makes it of what the project names."""
    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())
    module, _, function = project["project"]["scripts"]["cmsdials"].partition(":")
    start = f"import sys; from {module} import {function}; sys.exit({function}())"
    command = [sys.executable, "-c", start, "--help"]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0
    assert "Usage: cmsdials [OPTIONS] COMMAND" in plain(done.stdout)


def test_the_sandbox_is_at_hand(environment: dict[str, str]) -> None:
    done = run("sandbox", "--help", env=environment)
    assert done.returncode == 0
    assert "Serve a local DIALS" in done.stdout
    assert done.stdout.startswith("usage: cmsdials sandbox [-h]")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_command_ends_the_sandbox(number: signal.Signals, environment: dict[str, str]) -> None:
    command = [*COMMAND, "sandbox", "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        place = urlsplit(ready["url"])
        process.send_signal(number)
        process.wait(MOST_SECONDS)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port))


@pytest.mark.parametrize("command", ["login", "logout", "whoami", "workspaces"])
def test_help(
    command: str,
    cli: Cli,
) -> None:
    done = cli([command, "--help"], env={"COLUMNS": "100"})
    said = plain(done.output)
    assert done.exit_code == 0
    for option in ("--instance", "--keycloak-url", "--realm", "--client-id", "--audience", "--cache-dir"):
        assert option in said
    assert "prod, dev, or the address of another DIALS" in said
    assert ("--application" in said) == (command == "login")


# --- when it does not work


def test_an_address_where_nothing_is(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}/"
    done = run("login", "--instance", nobody, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "no connection to 127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--instance", "production"], "there is no instance 'production'; did you mean 'prod'?"),
        (["--instance", "prd"], "there is no instance 'prd'; did you mean 'prod'?"),
        (["--instance", "elsewhere"], "base_url 'elsewhere' does not begin with http"),
        (["--keycloak-url", "auth.cern.ch"], "keycloak_url 'auth.cern.ch' does not begin with http"),
        (
            ["--application", "--instance", "http://localhost:1/"],
            "nothing says which one http://localhost:1/ has",
        ),
        (["--application"], "the client id of the application is not known. Set CMSDIALS_CLIENT_ID"),
        (
            ["--application", "--client-id", "a"],
            "the client secret of the application is not known. Set CMSDIALS_CLIENT_S",
        ),
    ],
)
def test_arguments_that_cannot_work(
    arguments: list[str],
    said: str,
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    done = cli(["login", *arguments])
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in plain(done.stderr)
    assert list(empty_home.iterdir()) == []


def test_addresses_that_are_not_a_dials(
    logins: Logins,  # noqa: F811
    cli: Cli,
) -> None:
    for here in (
        ["--instance", f"{logins.url}nowhere/"],
        ["--instance", logins.url, "--keycloak-url", f"{logins.url}nowhere/"],
        ["--instance", logins.url, "--keycloak-url", logins.sandbox.keycloak_url, "--realm", "none"],
        ["--instance", logins.url, "--keycloak-url", logins.sandbox.keycloak_url, "--client-id", "none"],
    ):
        done = cli(["login", *here])
        assert (done.exit_code, done.stdout) == (1, "")
        assert re.search(r"starts no login \(HTTP 40[014].*\)\. Check the address", plain(done.stderr))


def test_a_wrong_secret(
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    env = {"CMSDIALS_CLIENT_ID": "sandbox-app", "CMSDIALS_CLIENT_SECRET": "wrong-and-secret"}
    done = cli(["login", "--application", *at(logins)], env=env)
    assert done.exit_code == 1
    assert "does not let the application 'sandbox-app' in (invalid_client)" in plain(done.stderr)
    assert "wrong-and-secret" not in done.output
    assert list(empty_home.iterdir()) == []


def test_an_application_where_nothing_can_be_typed(environment: dict[str, str]) -> None:
    command = shlex.join([*COMMAND, "login", "--application"])
    done = subprocess.run(
        ["sh", "-c", f"{command} <&-"],
        env=environment,
        text=True,
        capture_output=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "Set CMSDIALS_CLIENT_ID, or run this in a terminal" in plain(done.stderr)


@pytest.fixture
def waiting(undecided: Logins, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen, str]]:  # noqa: F811
    """A login that waits for its person, and its code."""
    process = subprocess.Popen(
        [*COMMAND, "login", *at(undecided)],
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        code = ""
        for line in process.stderr:
            code = line.split("user_code=")[1].strip() if "user_code=" in line else code
            if line.startswith("Waiting"):
                break
        yield process, code
    finally:
        process.kill()
        process.communicate()


def test_a_login_that_is_denied(undecided: Logins, waiting: tuple[subprocess.Popen, str]) -> None:  # noqa: F811
    process, code = waiting
    undecided.control("deny", user_code=code)
    out, err = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, out) == (1, "")
    assert err == (
        "the login was denied. Start the login again, and approve it on the page that the link opens.\n"
    )


def test_ctrl_c_in_the_prompt(waiting: tuple[subprocess.Popen, str], empty_home: Path) -> None:  # noqa: F811
    process, _ = waiting
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, out, err) == (130, "", "Login abandoned; nothing has changed.\n")
    assert list(empty_home.iterdir()) == []


@pytest.mark.parametrize("command", ["login", "whoami"])
def test_ctrl_c_in_a_request(command: str, environment: dict[str, str]) -> None:
    """The service accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        environment |= {"CMSDIALS_CLIENT_ID": "app", "CMSDIALS_CLIENT_SECRET": "the-secret-of-the-app"}
        process = subprocess.Popen(
            [*COMMAND, command, "--instance", url, "--keycloak-url", url],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        server.settimeout(MOST_SECONDS)
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


def test_a_service_that_does_not_answer_keeps_no_login_here(
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
    answering: Callable[[Answer], None],
) -> None:
    assert cli(["login", *at(logins)]).exit_code == 0

    def down(request: httpx.Request) -> None:
        if request.url.path.endswith("/revoke"):
            raise httpx.ConnectError("no route")  # noqa: EM101

    answering(down)
    done = cli(["logout", *at(logins)])
    assert done.exit_code == 0
    assert "Deleted here, but not ended at the service: " in plain(done.stderr)
    assert secrets_in(empty_home) == []


def test_the_file_of_an_older_cmsdials_stays(
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    folder = empty_home / ".cache"
    folder.mkdir()
    token = logins.through_dials().device_auth_flow()
    (folder / "creds").write_text(json.dumps(token.as_json()))
    (folder / "creds").chmod(0o600)
    done = cli(["logout", *at(logins)])
    assert ".cache/creds, left by an older cmsdials, stays: delete it yourself." in plain(done.stderr)
    assert (folder / "creds").exists()


def test_names_are_printed_as_they_are(
    logins: Logins,  # noqa: F811
    tmp_path: Path,
    cli: Cli,
) -> None:
    """A folder may be named like rich's markup."""
    folder = tmp_path / "[red]a[" / ":smile:"
    folder.mkdir(parents=True)
    done = cli(["login", *at(logins), "--cache-dir", str(folder)])
    assert done.exit_code == 0
    assert f"kept in {folder}/credentials.json" in done.stdout.replace("\n", "")


def test_a_warning_is_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{")
    (tmp_path / "credentials.json").chmod(0o600)
    done = run("whoami", "--cache-dir", str(tmp_path), env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Warning: {tmp_path}/credentials.json is damaged: it is now {tmp_path}")
    assert ".py" not in done.stderr
    assert f"run `cmsdials login --instance prod --cache-dir {tmp_path}`" in plain(done.stderr)


# --- when it is not whole, or breaks


@pytest.mark.parametrize(("missing", "arguments"), [("typer", []), ("rich", []), ("rich", ["status", "x"])])
def test_without_the_extra(missing: str, arguments: list[str], environment: dict[str, str]) -> None:
    start = f"import sys; sys.modules[{missing!r}] = None; from cmsdials.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start, *arguments],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == 'The command cmsdials needs an extra. Install it with: pip install "cmsdials[cli]"\n'
    )


CRASH = """
import httpx
import rich.traceback
rich.traceback.install(show_locals=True)  # as a user's sitecustomize may do

def broken(self, request, **options):
    sent = f"{request.content.decode()} {dict(request.headers)}"
    raise ZeroDivisionError(f"unforeseen with {sent} Bearer abcdefghijklmnop")

httpx.Client.send = broken
from cmsdials.__main__ import main
main()
"""


@pytest.mark.parametrize("command", ["login", "login --application", "logout", "whoami", "workspaces"])
def test_a_crash_shows_no_secret(
    command: str,
    logins: Logins,  # noqa: F811
    environment: dict[str, str],
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    assert cli(["login", *at(logins)]).exit_code == 0
    kept = secrets_in(empty_home)
    logins.expire_access_tokens()
    env = environment
    if "--application" in command:
        env = env | {"CMSDIALS_CLIENT_ID": "app", "CMSDIALS_CLIENT_SECRET": "the-secret-of-the-app"}
    done = subprocess.run(
        [sys.executable, "-c", CRASH, *command.split(), *at(logins)],
        env=env,
        text=True,
        capture_output=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError: unforeseen with" in done.stderr
    assert done.stderr.endswith("This is a bug in cmsdials: please report it with the lines above.\n")
    shown = done.stdout + done.stderr
    assert not any(secret in shown for secret in [*kept, "the-secret-of-the-app", "abcdefghijklmnop"])
    assert not any(secret.split(".")[-1] in shown for secret in kept)


def test_logging_out_of_a_local_dials_leaves_an_application_of_production(
    empty_home: Path,  # noqa: F811
    cli: Cli,
) -> None:
    production = AuthClient()
    client_credentials.Credentials("my-app", "my-app-secret", production).keep_in()
    done = cli(["logout", "--instance", "http://localhost:8000/"])
    assert "There is no login for http://localhost:8000/" in done.output
    (kept,) = entries(empty_home / ".cache" / "cmsdials" / "credentials.json").values()
    assert kept["client_secret"] == "my-app-secret"


def test_logging_out_leaves_other_logins(
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
    hurry: None,
) -> None:
    assert cli(["login", *at(logins)]).exit_code == 0
    assert cli(["login", *at(logins, keycloak=False)]).exit_code == 0
    file = empty_home / ".cache" / "cmsdials" / "credentials.json"
    assert len(entries(file)) == 2
    assert cli(["logout", *at(logins)]).exit_code == 0
    assert entries(file).keys() == {str(logins.through_dials().key)}


# --- a disk that keeps nothing


def failing(number: int) -> Callable[..., None]:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fails


DISKS = ["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO"]


@pytest.mark.parametrize("keycloak", [True, False])
@pytest.mark.parametrize("name", DISKS)
def test_logging_in_where_nothing_can_be_kept(
    name: str,
    keycloak: bool,
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
    hurry: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said before a person confirms in vain."""
    assert cli(["login", *at(logins, keycloak=not keycloak)]).exit_code == 0
    file = empty_home / ".cache" / "cmsdials" / "credentials.json"
    before = file.read_bytes()
    asked = logins.counts()
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", failing(getattr(errno, name)))
        done = cli(["login", *at(logins, keycloak=keycloak)])
    assert (done.exit_code, done.stdout) == (1, "")
    said = plain(done.stderr)
    assert said.startswith("Not logged in, because the login cannot be kept: ")
    assert f"{file} cannot be written ({os.strerror(getattr(errno, name))})" in said
    assert "CMSDIALS_CACHE_DIR" in said
    assert "CMSDIALS_TOKEN_FILE" in said
    assert logins.counts() == asked
    assert file.read_bytes() == before
    assert cli(["login", *at(logins, keycloak=keycloak)]).exit_code == 0


@pytest.mark.parametrize("name", DISKS)
def test_a_disk_that_fills_up_while_a_person_confirms(
    name: str,
    logins: Logins,  # noqa: F811
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.replace", failing(getattr(errno, name)))
    done = cli(["login", *at(logins)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "To log in, open this link" in done.stderr
    assert "Logged in." not in done.stderr
    assert "Not logged in, because the login cannot be kept: " in plain(done.stderr)


@pytest.mark.parametrize("kind", ["home is a file", "folder is a file"])
def test_logging_in_at_a_place_that_is_no_folder(
    kind: str,
    logins: Logins,  # noqa: F811
    tmp_path: Path,
    cli: Cli,
) -> None:
    (tmp_path / "file").write_text("mine")
    variable = "HOME" if kind == "home is a file" else "CMSDIALS_CACHE_DIR"
    done = cli(["login", *at(logins)], env={variable: str(tmp_path / "file")})
    assert done.exit_code == 1
    assert "Not logged in, because the login cannot be kept: " in plain(done.stderr)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_application_whose_secret_cannot_be_kept(
    logins: Logins,  # noqa: F811
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = logins.sandbox.client_secret
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", logins.sandbox.client_id)
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", secret)
    monkeypatch.setattr("os.replace", failing(errno.ENOSPC))
    done = cli(["login", "--application", *at(logins)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Not logged in, because the login cannot be kept: " in plain(done.stderr)
    assert secret not in done.output


@pytest.mark.parametrize("keycloak", [True, False])
@pytest.mark.parametrize("name", DISKS)
def test_logging_out_where_nothing_can_be_deleted(
    name: str,
    keycloak: bool,
    logins: Logins,  # noqa: F811
    empty_home: Path,  # noqa: F811
    cli: Cli,
    hurry: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends at the service all the same, if that can end it."""
    assert cli(["login", *at(logins, keycloak=keycloak)]).exit_code == 0
    file = empty_home / ".cache" / "cmsdials" / "credentials.json"
    before = file.read_bytes()
    revoked = logins.counts().get("revoke", 0)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", failing(getattr(errno, name)))
        done = cli(["logout", *at(logins, keycloak=keycloak)])
    assert (done.exit_code, done.stdout) == (1, "")
    said = plain(done.stderr)
    assert "Not logged out here, because the login cannot be deleted: " in said
    assert f"{file} cannot be written (" in said
    assert "delete the file yourself" in said
    assert "Logged out" not in done.output
    assert file.read_bytes() == before
    assert logins.counts().get("revoke", 0) == revoked + keycloak


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_locks_that_are_refused_are_one_warning(
    logins: Logins,  # noqa: F811
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fcntl.flock", failing(errno.ENOLCK))
    done = cli(["login", *at(logins)])
    assert done.exit_code == 0
    assert plain(done.stderr).count("Warning: ") == 1
    assert "cannot be locked (No locks available): the login is kept without a lock." in plain(done.stderr)
    assert done.stderr.rstrip().endswith("Logged in.")
    assert cli(["whoami", *at(logins)]).exit_code == 0


def test_one_login_for_each_name_of_this_machine(
    logins: Logins,  # noqa: F811
    cli: Cli,
    hurry: None,
) -> None:
    port = urlsplit(logins.url).port
    assert cli(["login", "--instance", f"http://localhost:{port}/"]).exit_code == 0
    done = cli(["whoami", "--instance", f"http://127.0.0.1:{port}"])
    assert done.exit_code == 0
    assert "user       physicist" in done.stdout
    assert cli(["logout", "--instance", f"http://LOCALHOST:{port}"]).exit_code == 0
    assert cli(["whoami", "--instance", f"http://localhost:{port}/"]).exit_code == 1
