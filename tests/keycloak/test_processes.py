"""Processes of their own: the command line, scripts, and two of them that share a login."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import LINK, RUNS
from .realm import PERSON, REALM
from .services import LoginService, Settings

MOST_SECONDS = 300

LIST = """
import sys, time
from cmsdials import Dials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials

url, keycloak_url, realm, off = sys.argv[1:]
client = AuthClient(url, keycloak_url=keycloak_url, realm=realm, clock=lambda: time.time() + float(off))
dials = Dials(Credentials.from_creds_file(client=client), workspace="tracker", base_url=url)
print("ready", flush=True)
sys.stdin.readline()
print(len(dials.run.list_all(enable_progress=False).results), len(dials.run.list().results))
"""


def at(service: LoginService) -> list[str]:
    return ["--instance", service.url, "--keycloak-url", service.keycloak_url, "--realm", REALM]


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cmsdials", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(*arguments: str) -> str:
    with command(*arguments) as process:
        out, err = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 0, err
    return " ".join((out + err).split())


def lister(service: LoginService, off: float = 0.0) -> subprocess.Popen[str]:
    """Start a script that takes up the login, and lists runs when it is told to."""
    arguments = [service.url, service.keycloak_url, REALM, str(off)]
    return subprocess.Popen(
        [sys.executable, "-c", LIST, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listed(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate("go\n", timeout=MOST_SECONDS)
    return process.returncode, out, err


def logged_in_by_command(service: LoginService) -> str:
    """Log in as a person does who reads the link in a terminal; return what the command said."""
    with command("login", *at(service)) as process:
        assert process.stderr is not None
        said, link = "", None
        while link is None:
            line = process.stderr.readline()
            assert line, said
            said += line
            link = LINK.search(line)
        service.pages.approve(link[0])
        out, err = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 0, err
    return " ".join((out + err).split())


def test_from_the_login_to_the_logout(place, empty_home: Path, tmp_path: Path, monkeypatch) -> None:
    """`cmsdials login`, a script that lists, `cmsdials logout`; a copy of the file ends with it."""
    service = place(Settings(interval=1))
    said = logged_in_by_command(service)
    assert f"Logged in. {PERSON} is logged in at {service.url}" in said or f"{PERSON} is logged in at" in said
    kept = empty_home / ".cache" / "cmsdials" / "credentials.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert f"user {PERSON}" in output("whoami", *at(service))
    code, out, err = listed(lister(service))
    assert (code, out.split(), err) == (0, ["ready", str(RUNS), "10"], "")

    copied = tmp_path / "job" / "login.json"
    copied.parent.mkdir()
    shutil.copy(kept, copied)
    assert f"Logged out of {service.url}" in output("logout", *at(service))
    code, _, err = listed(lister(service))
    assert code == 1
    assert "NotLoggedInError: there is no login for" in err
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(copied))
    assert listed(lister(service))[0] == 0, "its token is good until it expires"
    code, _, err = listed(lister(service, off=1205))
    assert code == 1
    assert "ImpossibleToRefreshTokenError: the login at" in err


@pytest.mark.parametrize("rotates", [True, False], ids=["rotating", "reusable"])
def test_two_processes_and_one_file_are_one_refresh(place, log_in, tmp_path, monkeypatch, rotates) -> None:
    service = place(Settings(rotates=rotates))
    log_in(service, tmp_path)
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", os.fspath(tmp_path))
    before = service.counts()
    processes = [lister(service, off=1190) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=MOST_SECONDS)
        assert (process.returncode, out.split(), err) == (0, [str(RUNS), "10"], "")
    after = service.counts()
    assert (after.refreshes - before.refreshes, after.exchanges - before.exchanges) == (1, 1)
