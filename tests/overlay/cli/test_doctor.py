"""`cmsdials doctor`: whatever is broken, it says what and what to do, and ends."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cmsdials.cli.asking import TooLongError, bounded

from tests.overlay.auth.conftest import (
    Logins,
    approving,  # noqa: F401  # a fixture, as the next ones
    empty_home,  # noqa: F401
    logins,  # noqa: F401
)
from tests.overlay.cli.test_commands import (
    COMMAND,
    MOST_SECONDS,
    Cli,
    at,
    cli,  # noqa: F401
    secrets_in,
)
from tests.overlay.hostile import PAYLOADS, obeyed_in
from tests.overlay.http import network
from tests.overlay.http.network import Authority, answer

NAMES = ["versions", "disk", "login", "proxy", "address", "certificates", "clock", "service"]
NOWHERE = "http://localhost:1/"
NO_LOGIN = json.dumps({"detail": "Who are you?", "code": "authorization_not_found"}).encode()

pytestmark = pytest.mark.usefixtures("empty_home", "no_variables")


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables of whoever runs the tests."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *os.environ):
        if name.lower().endswith("_proxy") or name.endswith(("_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")):
            monkeypatch.delenv(name, raising=False)


def found_by(cli: Cli, *options: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, dict]]:  # noqa: F811
    done = cli(["doctor", "--json", *options], env=env)
    assert "Traceback" not in done.output
    assert obeyed_in(done.stdout, lines=True) == []
    written = json.loads(done.stdout)
    assert [*written["checks"]] == sorted(NAMES)
    assert written["ok"] == (done.exit_code == 0)
    return done.exit_code, written["checks"]


def saying(**headers: str) -> network.Dials:
    """A DIALS that wants a login, and says more in its headers."""
    return network.Dials(says=lambda: answer(NO_LOGIN, "403 Forbidden", **headers))


def test_all_is_well(logins: Logins, cli: Cli, empty_home: Path) -> None:  # noqa: F811
    assert cli(["login", *at(logins)]).exit_code == 0
    done = cli(["doctor", *at(logins)])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in NAMES]
    assert "physicist" in done.stdout
    assert "renewed by itself" in done.stdout
    assert "its generation is now" in done.stdout
    kept = secrets_in(empty_home)
    assert kept
    assert not any(secret in done.output for secret in kept)
    assert [path.name for path in empty_home.rglob("*doctor*")] == []


def test_a_login_that_was_ended_elsewhere(logins: Logins, cli: Cli, empty_home: Path) -> None:  # noqa: F811
    """It says so, and does not start a new one in the middle of the checks."""
    assert cli(["login", *at(logins)]).exit_code == 0
    logins.revoke_all()
    file = next(empty_home.rglob("credentials.json"))
    held = json.loads(file.read_text())
    for one in held["logins"].values():
        one["expires_at"] = datetime.now(UTC).isoformat()
    file.write_text(json.dumps(held))
    done = cli(["doctor", *at(logins)], env={"CMSDIALS_INTERACTIVE": "1"})
    assert done.exit_code == 1
    service = done.stdout.splitlines()[-2:]
    assert service[0].startswith("wrong    service       the login at")
    assert "cmsdials login" in service[1]
    assert "open this link" not in done.output


def test_at_a_terminal_it_has_colours_and_elsewhere_it_has_none(cli: Cli) -> None:  # noqa: F811
    done = subprocess.run(
        [*COMMAND, "doctor", "-i", NOWHERE],
        env=os.environ | {"TERM": "xterm", "FORCE_COLOR": "1"},
        capture_output=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert b"\x1b[31mwrong" in done.stdout
    assert "\x1b" not in cli(["doctor", "-i", NOWHERE]).output


def test_nothing_is_there(cli: Cli) -> None:  # noqa: F811
    code, found = found_by(cli, "-i", NOWHERE)
    assert code == 1
    assert {name: one["ok"] for name, one in found.items() if one["ok"] is not True} == {
        "login": False,
        "address": False,
        "clock": None,
        "service": None,
    }
    assert "cmsdials login --instance http://localhost:1/" in found["login"]["advice"]
    assert "refused" in found["address"]["said"]
    assert found["address"]["advice"]


@pytest.mark.parametrize(
    ("options", "env", "name", "said", "advice"),
    [
        (["-i", "https://nowhere.invalid/"], {}, "address", "has no address", "network"),
        (["-i", "http://[::1]:1/"], {}, "address", "::1", ""),
        (
            ["-i", NOWHERE, "--cache-dir", "/dev/null/x"],
            {},
            "disk",
            "cannot be written",
            "CMSDIALS_CACHE_DIR",
        ),
        (["-i", NOWHERE, "--cache-dir", "/proc/1/x"], {}, "disk", "cannot be written", "CMSDIALS_CACHE_DIR"),
        (["-i", NOWHERE], {"HTTP_PROXY": "ftp://x"}, "proxy", "ftp://", "Write it as"),
        (["-i", NOWHERE], {"all_proxy": "http://localhost:2"}, "proxy", "all_proxy", ""),
        (
            ["-i", NOWHERE],
            {"http_proxy": "http://u:hidden-pw@localhost:2"},
            "address",
            "the proxy localhost",
            "",
        ),
        (["-i", NOWHERE], {"HTTP_PROXY": "http://h:2", "NO_PROXY": "localhost"}, "proxy", "exempt", ""),
        (["-i", NOWHERE], {"NO_PROXY": "%%%"}, "proxy", "none", "not understood"),
        (
            ["-i", "https://localhost:1/"],
            {"SSL_CERT_FILE": "/nope"},
            "certificates",
            "/nope",
            "SSL_CERT_FILE",
        ),
        (
            ["-i", "https://localhost:1/"],
            {"CURL_CA_BUNDLE": "/dev/null"},
            "certificates",
            "holds no",
            "CURL_CA",
        ),
        (["-i", NOWHERE], {"CMSDIALS_TOKEN_FILE": "/dev/null"}, "login", "/dev/null", ""),
        (["-i", NOWHERE], {"CMSDIALS_TOKEN_FILE": "/"}, "login", "cannot be read", "CMSDIALS"),
        (["-i", "prod"], {"CMSDIALS_CLIENT_ID": "half"}, "login", "CMSDIALS_CLIENT_SECRET is not set", "Set"),
        (
            ["-i", "prod"],
            {"CMSDIALS_CLIENT_ID": "app", "CMSDIALS_CLIENT_SECRET": "hidden-pw"},
            "login",
            "app",
            "",
        ),
    ],
)
def test_what_is_wrong_is_said(options, env, name, said, advice, cli: Cli) -> None:  # noqa: F811
    if "prod" in options:
        env = env | {
            "HTTPS_PROXY": "http://localhost:1"
        }  # the network of whoever runs the tests is left alone
    code, found = found_by(cli, *options, env=env)
    assert code == 1
    assert said in found[name]["said"]
    assert advice in found[name]["advice"]
    assert "hidden-pw" not in json.dumps(found)


def test_a_damaged_file_of_logins(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "credentials.json").write_text("{broken")
    code, found = found_by(cli, "-i", NOWHERE, "--cache-dir", str(tmp_path))
    assert code == 1
    assert "is damaged" in found["disk"]["advice"]
    assert "chmod 600" in found["disk"]["advice"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions as POSIX has them")
def test_a_folder_that_everybody_may_write_to(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    tmp_path.chmod(0o777)
    _, found = found_by(cli, "-i", NOWHERE, "--cache-dir", str(tmp_path))
    assert found["disk"]["ok"] is False
    assert "every user may write" in found["disk"]["said"]


def stored(folder: Path, address: str, who: object, *, ends: timedelta, refresh: str = "refresh") -> None:
    """Store a login as earlier versions did: from its issuer on, whatever it holds."""
    claims = base64.urlsafe_b64encode(json.dumps({"preferred_username": who}).encode()).decode().rstrip("=")
    end = (datetime.now(UTC) + ends).isoformat()
    entry = {
        "access_token": f"eyJhbGciOiJub25lIn0.{claims}.c2ln",
        "expires_in": 300,
        "expires_at": end,
        "refresh_token": refresh,
        "refresh_expires_in": 36000,
        "refresh_expires_at": end,
    }
    content = {"version": 1, "logins": {f"{address} dials": entry}}
    path = folder / "credentials.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("ends", "refresh", "ok", "said"),
    [
        (timedelta(hours=5), "refresh", True, "renewed by itself"),
        (timedelta(hours=5), "", True, "cannot be renewed"),
        (timedelta(hours=-5), "refresh", False, "ended on"),
        (timedelta(hours=-5), "", False, "ended on"),
    ],
)
def test_a_login_and_its_end(ends, refresh, ok, said, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    stored(tmp_path, NOWHERE, "somephysicist", ends=ends, refresh=refresh)
    _, found = found_by(cli, "-i", NOWHERE, "--cache-dir", str(tmp_path))
    assert found["login"]["ok"] is ok
    assert said in found["login"]["said"]
    assert "somephysicist" in found["login"]["said"]
    assert ("cmsdials login" in found["login"]["advice"]) is not ok


@pytest.mark.parametrize(
    ("ahead", "ok"), [(0, True), (30, True), (-30, True), (3600, False), (-86400, False)]
)
def test_the_clock(ahead: int, ok: bool, cli: Cli) -> None:  # noqa: F811
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead), usegmt=True)
    with saying(Date=date) as server:
        _, found = found_by(cli, "-i", f"http://127.0.0.1:{server.port}/")
    assert found["address"]["ok"] is True
    assert found["clock"]["ok"] is ok
    assert ("NTP" in found["clock"]["advice"]) is not ok


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT", "\x1b[31m", "9" * 5000])
def test_a_clock_that_cannot_be_read(date: str, cli: Cli) -> None:  # noqa: F811
    with saying(Date=date) as server:
        _, found = found_by(cli, "-i", f"http://127.0.0.1:{server.port}/")
    assert found["clock"]["ok"] is None


class Once(network.Listener):
    """Sends the same bytes whatever is asked, and hangs up."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        network.head_of(connection)
        connection.sendall(self.said)


@pytest.mark.parametrize(
    "says",
    [
        lambda: answer(b"<html><title>Maintenance</title>", "200 OK"),
        lambda: answer(b"{}", "200 OK"),
        lambda: answer(b"", "302 Found", Location="https://login.test/"),
        lambda: answer(b"<html><title>no</title>", "502 Bad Gateway"),
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        lambda: b"SSH-2.0-OpenSSH\r\n",
        lambda: b"\x15\x03\x01\x00\x02\x02\x0a",
    ],
)
def test_what_answers_is_no_dials(says, cli: Cli) -> None:  # noqa: F811
    with Once(says()) as server:
        code, found = found_by(cli, "-i", f"http://127.0.0.1:{server.port}/")
    assert code == 1
    assert found["address"]["ok"] is False
    assert found["address"]["advice"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_certificates(cli: Cli, authority: Authority) -> None:  # noqa: F811
    with network.Dials(tls=authority.server, says=lambda: answer(NO_LOGIN, "403 Forbidden")) as server:
        here = f"https://localhost:{server.port}/"
        _, untrusted = found_by(cli, "-i", here)
        _, trusted = found_by(cli, "-i", here, env={"SSL_CERT_FILE": str(authority.file)})
    assert untrusted["certificates"]["ok"] is False
    assert "SSL_CERT_FILE" in untrusted["certificates"]["advice"]
    assert trusted["address"]["ok"] is True
    assert "TLSv1" in trusted["address"]["said"]
    said = trusted["certificates"]["said"]
    assert str(authority.file) in said
    ends = (datetime.now(UTC) + timedelta(days=1)).date()  # as that of the test has it
    assert re.search(r"good until (\S+)", said)[1] in {
        f"{ends + timedelta(days=days)}" for days in (-1, 0, 1)
    }
    assert trusted["certificates"]["ok"] is False
    assert "ends soon" in trusted["certificates"]["advice"]


@pytest.mark.parametrize(
    "name",
    [
        "colour",
        "link (OSC 8)",
        "clipboard (OSC 52)",
        "C1 CSI",
        "backspaces",
        "carriage return",
        "line feed",
        "NUL and DEL",
        "right-to-left override",
        "lone surrogates",
        "combining flood",
        "long line",
        "markup of rich",
        "emoji names",
    ],
)
def test_nothing_that_came_is_obeyed(name: str, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    payload = PAYLOADS[name]
    stored(tmp_path, "http://localhost:1/", payload, ends=timedelta(hours=1))
    done = cli(["doctor", "-i", NOWHERE, "--cache-dir", str(tmp_path)])
    assert obeyed_in(done.output, lines=True) == []
    assert "\n2026-11-28 00:00:00 INFO" not in done.output
    login = next(line for line in done.stdout.splitlines() if line.split()[1:2] == ["login"])
    assert login.startswith("ok")
    if name == "markup of rich":
        assert "[red]a[/red]" in login  # shown, and not obeyed


def test_what_hangs_is_left_behind() -> None:
    ended = threading.Event()
    try:
        with pytest.raises(TooLongError):
            bounded(0.1, ended.wait)
    finally:
        ended.set()
    assert bounded(MOST_SECONDS, lambda: 5) == 5


def test_ctrl_c(empty_home: Path) -> None:  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(
            [*COMMAND, "doctor", "-i", f"http://127.0.0.1:{server.getsockname()[1]}/"],
            env=os.environ | {"HOME": str(empty_home)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        server.settimeout(MOST_SECONDS)
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, err) == (130, "Interrupted.\n")


def test_a_library_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise RuntimeError('built for another NumPy')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*COMMAND, "doctor", "-i", NOWHERE, "--json"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    found = json.loads(done.stdout)["checks"]["versions"]
    assert found["ok"] is False
    assert "built for another NumPy" in found["said"]
    assert found["advice"] == "Repair: pip install --upgrade pandas"


def test_an_address_that_is_none(cli: Cli) -> None:  # noqa: F811
    for wrong in ("prd", "http://", "http://a b/"):
        done = cli(["doctor", "-i", wrong])
        assert done.exit_code == 1
        assert "Traceback" not in done.output
        assert done.stdout == ""


def test_help_names_what_is_checked(cli: Cli) -> None:  # noqa: F811
    done = cli(["doctor", "-h"])
    assert done.exit_code == 0
    for word in ("login", "proxy", "certificates", "clock", "disk", "--probe", "--json"):
        assert word in done.stdout
