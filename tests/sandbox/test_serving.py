"""The process: `serve()` and the command line, from a free port to the last file removed."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cmsdials_sandbox import SandboxError, serve
from cmsdials_sandbox.options import Options


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def start(*arguments, **options):
    command = [sys.executable, "-m", "cmsdials_sandbox", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, **options)


def test_it_stops_and_cleans_up():
    with serve() as sandbox:
        folder = next(iter(sandbox.databases.values())).parent
        assert alive(sandbox.pid)
        assert folder.is_dir()
        with pytest.raises(dataclasses.FrozenInstanceError):
            sandbox.url = "elsewhere"
    assert not alive(sandbox.pid)
    assert not folder.exists()


def test_it_stops_when_the_block_fails():
    with pytest.raises(ZeroDivisionError), serve() as sandbox:
        raise ZeroDivisionError
    assert not alive(sandbox.pid)


def test_a_secret_of_ones_own():
    with serve(secret="s3cret, really") as sandbox:
        assert sandbox.secret == "s3cret, really"
        assert "s3cret" not in repr(sandbox)
        assert sandbox.url.endswith("/")
        answers = [
            httpx.get(
                f"{sandbox.url}api/v1/run/", headers={"X-CLIENT-SECRET": secret}, timeout=120
            ).status_code
            for secret in ("sandbox", sandbox.secret)
        ]
    assert answers == [403, 200]


def test_how_to_log_in():
    with serve(client_id="my-app", client_secret="hush, my app") as sandbox:
        assert sandbox.keycloak_url == f"{sandbox.url}auth/"
        assert (sandbox.realm, sandbox.client_id, sandbox.client_secret) == ("cern", "my-app", "hush, my app")
        assert "hush" not in repr(sandbox)
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "audience": "cms-dials-prod-confidential-app",
        }
        realm = f"{sandbox.keycloak_url}realms/{sandbox.realm}/"
        assert httpx.post(f"{realm}api-access/token", data=form, timeout=120).status_code == 200


def test_options_keep_secrets():
    assert "hush" not in repr(Options(secret="hush", client_secret="hush"))


def test_two_at_once(now, v112):
    assert now.sandbox.url != v112.sandbox.url
    assert now.sandbox.databases["tracker"] != v112.sandbox.databases["tracker"]


def test_a_port_in_use_is_one_clear_line():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "cmsdials_sandbox", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        with pytest.raises(SandboxError, match=rf"port {port} .* in use"), serve(port=port):
            pass
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert f"port {port} of 127.0.0.1 is in use" in ended.stderr
    assert "--port 0" in ended.stderr


def test_an_address_that_is_not_ours():
    with pytest.raises(SandboxError, match=r"cannot listen on 192\.0\.2\.1"), serve(host="192.0.2.1"):
        pass


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told(how):
    with start("--port", "0") as process:
        line = process.stdout.readline()
        assert re.search(r"ready at http://localhost:\d+/ .*X-CLIENT-SECRET: sandbox", line)
        assert re.search(r" or log in at http://localhost:\d+/auth/realms/cern/device ", line)
        folder = re.search(r" in (\S+);", line)[1]
        assert Path(folder).is_dir()
        process.send_signal(how)
        assert process.wait(timeout=120) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert not Path(folder).exists()


def test_it_ends_with_its_parent():
    with start("--port", "0", "--json", "--stop-on-eof", stdin=subprocess.PIPE) as process:
        told = json.loads(process.stdout.readline())
        assert told["pid"] == process.pid
        process.stdin.close()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""


def test_it_ends_cleanly_while_its_parent_lives():
    with start("--port", "0", "--json", "--stop-on-eof", stdin=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """Modules that cannot be found: an empty path but for the package itself and the standard library."""
    program = (
        "import importlib.util as u, sys\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name in ('django', 'waitress') else found(name, *rest)\n"
        "from cmsdials_sandbox.command import main\n"
        "sys.exit(main(['--port', '0']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 1
    assert 'pip install "cmsdials[sandbox]"' in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_importing_it_is_light():
    program = (
        "import sys, cmsdials_sandbox\n"
        "heavy = {'django', 'rest_framework', 'django_filters', 'waitress', 'numpy', 'orjson', 'joserfc'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)


OPTIONS = [field.name.replace("_", "-") for field in dataclasses.fields(Options)]


@pytest.mark.parametrize("option", OPTIONS)
def test_help_names_every_option(option):
    ended = subprocess.run(
        [sys.executable, "-m", "cmsdials_sandbox", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    assert f"--{option}" in ended.stdout
    assert "X-CLIENT-SECRET" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scale", "huge"],
        ["--generation", "v2"],
        ["--port", "70000"],
        ["--port", "x"],
        ["--seed", "x"],
        ["--interval", "-1"],
        ["--auto-approve", "nan"],
        ["--auto-approve", "soon"],
        ["--token-lifetime", "-1"],
        ["--token-lifetime", "1.5"],
        ["--refresh-lifetime", "inf"],
    ],
)
def test_wrong_options(arguments):
    ended = subprocess.run(
        [sys.executable, "-m", "cmsdials_sandbox", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.returncode == 2
    assert arguments[0] in ended.stderr
