"""Many threads and processes with one login: one refresh, and no failure."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth import models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import DialsError, ImpossibleToRefreshTokenError, LoginDeniedError
from filelock import FileLock

from .conftest import Clock, Logins, LoginService, device, entries, tokens

MOST_SECONDS = 300.0


@pytest.fixture
def creds(logins: Logins, cache: Path) -> Credentials:
    client = logins.through_keycloak()
    return Credentials.from_authclient_token(client.device_auth_flow(), cache, client)


# --- threads


def all_at_once(work: Callable[[], None], count: int = 16) -> None:
    start = threading.Barrier(count)

    def begin() -> None:
        start.wait(MOST_SECONDS)
        work()

    threads = [threading.Thread(target=begin, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(MOST_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


def test_sixteen_threads_with_a_refused_token(logins: Logins, creds: Credentials) -> None:
    logins.expire_access_tokens()
    got: list[int] = []
    with Dials(creds, base_url=logins.url) as dials:
        all_at_once(lambda: got.append(len(dials.run.list().results)))
    assert got == [10] * 16
    counts = logins.counts()
    assert (counts["refresh"], counts["exchange"]) == (1, 2)  # one exchange is of the login


def test_sixteen_threads_with_a_revoked_login(logins: Logins, creds: Credentials) -> None:
    """Who waited for a refresh that was refused fails alike, and asks no service."""
    logins.revoke_all()
    told: list[str] = []

    def ask() -> None:
        try:
            with Dials(creds, base_url=logins.url) as dials:
                dials.run.list()
        except ImpossibleToRefreshTokenError as error:
            told.append(str(error))

    all_at_once(ask)
    assert len(told) == 16
    assert len(set(told)) == 1
    assert 1 <= logins.counts()["refresh"] <= 16


def test_those_who_wait_fail_as_the_first_did(
    service: LoginService, clock: Clock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One prompt is shown, not one for each thread, and what it ended in holds for all that waited."""
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")
    looked: set[int] = set()

    def watched() -> float:
        looked.add(threading.get_ident())
        return clock()

    client = AuthClient("http://dials.test/", transport=service.transport, clock=watched, sleep=clock.sleep)
    creds = Credentials.from_authclient_token(models.token(tokens(), clock.now()), cache, client)
    clock.seconds += 5000
    looked.clear()

    def refused(_: httpx.Request) -> httpx.Response:
        end = time.monotonic() + MOST_SECONDS
        while len(looked) < 16 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(
            0.5
        )  # all have seen that the token has ended, and are one line from waiting for this answer
        return httpx.Response(400, json={"detail": "revoked", "code": "invalid_grant"})

    service.will(refused, device())
    service.will({"detail": "no", "code": "access_denied"}, status=400)
    failed: list[DialsError] = []

    def ask() -> None:
        try:
            creds.check()
        except DialsError as error:
            failed.append(error)

    all_at_once(ask)
    assert [type(error) for error in failed] == [LoginDeniedError] * 16
    assert len(set(map(id, failed))) == 16
    assert len(service.asked) == 3
    service.will(tokens("2"))
    assert creds.check().access_token == "access-2"  # who comes later asks again


# --- processes


class Workers:
    """Python processes that begin together.

    Each runs a script that ends what it prepares with `ready()`; what it prints then is kept by `finish`.
    """

    PRELUDE = """
import sys
from cmsdials import Dials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
url, keycloak_url, cache = sys.argv[1:4]
client = AuthClient(url, keycloak_url=keycloak_url, realm="cern")
def ready():
    print("ready", flush=True)
    sys.stdin.readline()
"""

    def __init__(self, logins: Logins, cache: Path, script: str, count: int) -> None:
        command = [sys.executable, "-W", "error", "-c", self.PRELUDE + script]
        command += [logins.url, logins.sandbox.keycloak_url, str(cache)]
        self.processes = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]

    def start(self) -> None:
        for process in self.processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise AssertionError(process.communicate(timeout=MOST_SECONDS)[1])
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def finish(self) -> list[str]:
        said = []
        for process in self.processes:
            out, err = process.communicate(timeout=MOST_SECONDS)
            assert (process.returncode, err) == (0, ""), err
            said.append(out.strip())
        return said

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@contextmanager
def workers(logins: Logins, cache: Path, script: str, count: int) -> Iterator[Workers]:
    with ExitStack() as cleanup:
        started = Workers(logins, cache, script, count)
        cleanup.callback(started.end)
        yield started


LIST = """
creds = Credentials.from_creds_file(cache, client)
with Dials(creds, base_url=url) as dials:
    ready()
    print(len(dials.run.list().results))
"""


def test_sixteen_processes_with_a_refused_token(logins: Logins, creds: Credentials, cache: Path) -> None:
    logins.expire_access_tokens()
    with workers(logins, cache, LIST, 16) as sixteen:
        sixteen.start()
        assert sixteen.finish() == ["10"] * 16
    counts = logins.counts()
    assert (counts["refresh"], counts["exchange"]) == (1, 2)
    assert 1 <= counts["access_token_expired"] <= 16


def test_sixteen_processes_with_a_token_that_has_ended(
    logins: Logins, creds: Credentials, cache: Path
) -> None:
    """By the clock: nobody sends it, so nobody is refused."""
    file = cache / "credentials.json"
    content = json.loads(file.read_text())
    (login,) = content["logins"].values()
    login["expires_at"] = creds.client.now().isoformat()
    file.write_text(json.dumps(content))
    logins.expire_access_tokens()
    with workers(logins, cache, LIST, 16) as sixteen:
        sixteen.start()
        assert sixteen.finish() == ["10"] * 16
    counts = logins.counts()
    assert (counts["refresh"], counts["access_token_expired"]) == (1, 0)


LOAD = """
import os
ready()
loads = loaded = 0
seen = set()
while loads < 300 or len(seen) < 20:
    creds = Credentials.from_creds_file(cache, client)
    loads += 1
    loaded += creds.refresh_token.count(".") == 2 and creds.token.count(".") == 2
    seen.add(os.stat(f"{cache}/credentials.json").st_mtime_ns)
print(loads - loaded)
"""
REWRITE = """
from cmsdials.auth.models import Token
import json, pathlib, threading
(entry,) = json.loads(pathlib.Path(cache, "credentials.json").read_text())["logins"].values()
token = Token.from_json(entry)
over = threading.Event()
ready()
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
written = 0
while not over.is_set():
    Credentials.from_authclient_token(token, cache, client)
    Credentials.from_authclient_token(token, cache, AuthClient(f"http://dials{written % 5}.test/"))
    written += 1
print(written)
"""


def test_eight_processes_load_one_file_300_times_each_while_it_is_rewritten(
    logins: Logins, creds: Credentials, cache: Path
) -> None:
    """cmsdials 1.8 fails 2123 of these 2400 times."""
    with workers(logins, cache, LOAD, 8) as eight, workers(logins, cache, REWRITE, 1) as writer:
        writer.start()
        eight.start()
        assert eight.finish() == ["0"] * 8, "each has seen twenty versions of the file"
        (written,) = writer.finish()
    assert int(written) > 8
    assert [
        path.name for path in cache.iterdir() if "damaged" in path.name or path.name.startswith(".")
    ] == []
    stored = entries(cache / "credentials.json")
    assert len(stored) == 6
    assert models.Token.from_json(stored[str(creds.client.key)]) == creds.check()


FORK = """
import httpx, os, threading
creds = Credentials.from_creds_file(cache, client)
held, over = threading.Event(), threading.Event()
def answer(request):
    held.set()
    over.wait(300)
    return httpx.Response(500)
slow = AuthClient(url, keycloak_url=keycloak_url, realm="cern", transport=httpx.MockTransport(answer))
creds = Credentials.from_creds_file(cache, slow)
def renew():
    try:
        creds.renew({"Authorization": f"Bearer {creds.token}"})
    except Exception:
        pass
renewing = threading.Thread(target=renew)
renewing.start()
held.wait(300)
child = os.fork()
if not child:
    creds.check()
    creds.renew({"Authorization": "Bearer another"})
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
renewing.join()
"""


def test_a_fork_while_a_token_is_renewed(logins: Logins, creds: Credentials, cache: Path) -> None:
    """The lock that another thread of the parent holds is nobody's in the child."""
    script = "import warnings; warnings.simplefilter('ignore')" + FORK  # Python 3.12 warns of forking threads
    with workers(logins, cache, script, 1) as one:
        assert one.finish() == ["7"]


def test_a_process_that_dies_leaves_no_lock(logins: Logins, creds: Credentials, cache: Path) -> None:
    script = """
import httpx, os
def die(request):
    ready()
    os.kill(os.getpid(), 9)
deadly = AuthClient(url, keycloak_url=keycloak_url, realm="cern", transport=httpx.MockTransport(die))
creds = Credentials.from_creds_file(cache, deadly)
creds.renew({"Authorization": f"Bearer {creds.token}"})
"""
    logins.expire_access_tokens()
    with workers(logins, cache, script, 1) as one:
        one.start()
        assert one.processes[0].wait(MOST_SECONDS) == -9
    with Dials(creds, base_url=logins.url) as dials:
        assert len(dials.run.list().results) == 10


def test_logging_out_while_a_job_runs(logins: Logins, creds: Credentials, cache: Path) -> None:
    """A job that goes on (DIALS cannot revoke) does not bring back the login that was deleted."""
    client = logins.through_dials()
    token = client.device_auth_flow()
    job = Credentials.from_authclient_token(token, cache, client)
    file = cache / "credentials.json"
    command = [
        sys.executable,
        "-m",
        "cmsdials",
        "logout",
        "--instance",
        logins.url,
        "--cache-dir",
        str(cache),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=MOST_SECONDS)
    assert entries(file).keys() == {str(creds.client.key)}
    logins.expire_access_tokens()
    with Dials(job, base_url=logins.url) as dials:
        assert len(dials.run.list().results) == 10
    assert job.token != token.access_token
    assert entries(file).keys() == {str(creds.client.key)}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_no_lock_is_held_after_whatever_happens_in_a_renewal(
    error: type[BaseException], service: LoginService, clock: Clock, cache: Path
) -> None:
    client = AuthClient("http://dials.test/", transport=service.transport, clock=clock, sleep=clock.sleep)
    creds = Credentials.from_authclient_token(models.token(tokens(), clock.now()), cache, client)
    clock.seconds += 5000
    service.will(error())
    with pytest.raises(error):
        creds.check()
    service.will(tokens("2"))
    renewed: list[str] = []

    def renew() -> None:
        renewed.append(creds.check().access_token)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    thread.join(MOST_SECONDS)
    assert renewed == ["access-2"]
    with FileLock(cache / "credentials.json.lock", timeout=0):
        pass
