"""httpx is loaded without its command line, and whoever wants that still gets it."""

import subprocess
import sys

import pytest


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def test_no_request_loads_the_command_of_httpx() -> None:
    script = """
import sys
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import ConnectionFailedError
try:
    Dials(Credentials("a"), base_url="http://127.0.0.1:1/").run.count(retries=0)
except ConnectionFailedError:
    print(sorted({"httpx", "httpx._main", "click", "rich"} & {*sys.modules}))
"""
    assert run(script) == "['httpx']\n"


@pytest.mark.parametrize(
    "way",
    ["import httpx; main = httpx.main", "from httpx import main", "import httpx._main; main = httpx.main"],
)
def test_the_command_is_there_for_whoever_wants_it(way: str) -> None:
    script = f"""
import sys
import cmsdials.http.library
{way}
import click, httpx
assert isinstance(main, click.Command), main
assert httpx.main is main
assert not hasattr(httpx, "what_it_does_not_have")
exec("from httpx import *")
print("good")
"""
    assert run(script) == "good\n"


def test_httpx_that_is_there_is_left_as_it_is() -> None:
    script = """
import httpx
before = dict(vars(httpx))
import cmsdials.http.library
assert vars(httpx) == before
print("good")
"""
    assert run(script) == "good\n"


def test_without_the_libraries_of_the_command_httpx_says_so() -> None:
    script = """
import sys
sys.modules["click"] = None
import cmsdials.http.library, httpx
try:
    httpx.main()
except SystemExit as ended:
    print(ended.code)
"""
    assert run(script).splitlines()[-1] == "1"
