"""The one issue that the scheduled job keeps: opened, updated, closed, on both forges, against a stub on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "drift_issue.py"
TOKEN = "glpat-a-very-secret-token"
MARK = "<!-- drift of the service: written by scripts/drift_issue.py -->"
REPORT = "## DIALS API: breaking drift\n\n| a | b |\n"

Json = Any


class Stub(ThreadingHTTPServer):
    """A forge with issues: what both have in common, under the names of each."""

    def __init__(self, forge: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forge, self.folder = forge, folder
        self.issues: list[Json] = []
        self.asked: list[tuple[str, str, Json]] = []
        self.tokens: set[str | None] = set()
        self.status = 200
        self.answer: bytes | None = None
        self.location: str | None = None
        self.number, self.text = ("number", "body") if forge == "GitHub" else ("iid", "description")
        self.open, self.closed = ("open", "closed") if forge == "GitHub" else ("opened", "closed")

    @property
    def place(self) -> str:
        return "/repos/cms/dials/issues" if self.forge == "GitHub" else "/projects/17/issues"

    @property
    def environment(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.server_port}"
        if self.forge == "GitHub":
            return {"GITHUB_REPOSITORY": "cms/dials", "GITHUB_API_URL": address, "GITHUB_TOKEN": TOKEN}
        return {"CI_PROJECT_ID": "17", "CI_API_V4_URL": address, "DRIFT_TOKEN": TOKEN}

    def add(self, text: str, *, state: str | None = None, **more: Json) -> Json:
        issue = {
            self.number: len(self.issues) + 1,
            "title": "x",
            self.text: text,
            "state": state or self.open,
        }
        self.issues.append(issue | more)
        return self.issues[-1]

    def run(self, code: int | str, report: str | None = REPORT, **environment: str | None) -> Json:
        path = self.folder / "report.md"
        if report is not None:
            path.write_text(report, encoding="utf-8")
        given = {name: value for name, value in (self.environment | environment).items() if value is not None}
        done = subprocess.run(
            [sys.executable, "-W", "error", SCRIPT, str(code), str(path)],
            env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"} | given,
            capture_output=True,
            text=True,
            check=False,
        )
        path.unlink(missing_ok=True)
        assert TOKEN not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def _any(self) -> None:
        stub, url = self.server, urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        content = json.loads(self.rfile.read(length)) if length else None
        stub.asked.append((self.command, self.path, content))
        stub.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN"))
        answer: Json = None
        if self.command == "GET":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            start = (int(query["page"]) - 1) * int(query["per_page"])
            matching = [one for one in stub.issues if one["state"] == query["state"]]
            answer = matching[start : start + int(query["per_page"])]
        elif self.command == "POST":
            answer = stub.add(content[stub.text]) | {"title": content["title"]}
        else:
            number = int(re.fullmatch(rf"{stub.place}/(\d+)", url.path)[1])  # type: ignore[index]
            answer = next(one for one in stub.issues if one[stub.number] == number)
            state = content.pop("state_event", None)
            answer.update(content | ({"state": "closed"} if state == "close" else {}))
        body = stub.answer if stub.answer is not None else json.dumps(answer).encode()
        self.send_response(stub.status)
        if stub.location:
            self.send_header("Location", stub.location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = _any

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["GitHub", "GitLab"])
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stub]:
    with Stub(request.param, tmp_path) as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join()


def test_the_life_of_an_issue(forge: Stub) -> None:
    forge.add("of another")
    assert forge.run(2).stdout == "issue 2 was opened\n"
    assert forge.issues[1][forge.text] == f"{MARK}\n{REPORT}"
    assert forge.run(2).stdout == "issue 2 says so already\n"
    assert forge.run(1, "less").stdout == "issue 2 was updated\n"
    assert forge.issues[1][forge.text] == f"{MARK}\nless"
    assert forge.run(3, None).stdout == "nothing was checked, so the issue stays as it is\n"
    assert forge.run(0, None).stdout == "issue 2 was closed: the drift is gone\n"
    assert [one["state"] for one in forge.issues] == [forge.open, forge.closed]
    assert forge.run(0, None).stdout == "no drift, and no issue\n"
    assert forge.run(2).stdout == "issue 3 was opened\n"
    assert len(forge.issues) == 3
    assert forge.tokens == {f"Bearer {TOKEN}" if forge.forge == "GitHub" else TOKEN}


def test_an_issue_is_found_behind_many_others_and_under_another_title(forge: Stub) -> None:
    for _ in range(205):
        forge.add("of another")
    ours = forge.add(f"{MARK}\r\nold", title="Renamed by a person")
    forge.add(f"{MARK}\nold", pull_request={}) if forge.forge == "GitHub" else None
    assert forge.run(2).stdout == f"issue {ours[forge.number]} was updated\n"
    assert ours["title"] == "Renamed by a person"


def test_of_two_issues_one_is_kept(forge: Stub) -> None:
    forge.add(f"{MARK}\nfirst")
    forge.add(f"{MARK}\nsecond")
    assert forge.run(2).stdout == "issue 1 was updated\n"
    assert [one["state"] for one in forge.issues] == [forge.open, forge.closed]


def test_a_long_report_is_cut(forge: Stub) -> None:
    assert forge.run(2, "line of a report\n" * 10_000).returncode == 0
    (issue,) = forge.issues
    assert len(issue[forge.text]) < 65_536
    assert issue[forge.text].endswith("run `scripts/check-drift` for the rest, or see the job.")


def test_an_issue_without_a_text_is_not_ours(forge: Stub) -> None:
    forge.add("")
    forge.issues[0][forge.text] = None
    assert forge.run(0, None).stdout == "no drift, and no issue\n"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "not accepted, or has expired"),
        (403, "may not write issues"),
        (404, "does not reach this project"),
        (410, "enable them"),
        (422, "See the settings"),
        (503, "Try again later"),
    ],
)
def test_what_the_forge_refuses_exits_with_3(forge: Stub, status: int, hint: str) -> None:
    forge.status = status
    done = forge.run(2)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{forge.forge} answered HTTP {status} to GET issues" in done.stderr
    assert hint in done.stderr


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b'[{"x"', b"[1]"])
def test_what_is_no_list_of_issues_exits_with_3(forge: Stub, answer: bytes) -> None:
    forge.answer = answer
    done = forge.run(2)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("cannot keep the issue: ")


def test_a_redirect_is_not_followed(forge: Stub) -> None:
    with Stub(forge.forge, forge.folder) as other:
        forge.status, forge.location = 302, f"http://127.0.0.1:{other.server_port}/elsewhere"
        assert forge.run(2).returncode == 3
        assert other.asked == []


@pytest.mark.parametrize("token", [None, "", " ", "two words", "a\nb"])
def test_a_token_that_is_none_exits_with_3_and_asks_nothing(forge: Stub, token: str | None) -> None:
    name = "GITHUB_TOKEN" if forge.forge == "GitHub" else "DRIFT_TOKEN"
    done = forge.run(2, **{name: token})
    assert done.returncode == 3
    assert f"{name} is not set, or is not what it should be" in done.stderr
    assert forge.asked == []


def test_no_connection_exits_with_3(forge: Stub) -> None:
    name = "GITHUB_API_URL" if forge.forge == "GitHub" else "CI_API_V4_URL"
    done = forge.run(2, **{name: "http://127.0.0.1:1"})
    assert (done.returncode, "gave no usable answer" in done.stderr) == (3, True)
    done = forge.run(2, **{name: "file:///etc"})
    assert (done.returncode, "not at an http address" in done.stderr) == (3, True)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], env={}, capture_output=True, text=True, check=False
    )


def test_its_help_names_variables_and_permissions() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name in ("GITHUB_TOKEN", "issues: write", "DRIFT_TOKEN", "Reporter", "scope\n`api`", "Exit code"):
        assert name in done.stdout


@pytest.mark.parametrize("arguments", [(), ("2",), ("two", "x"), ("2", "/no/such/report"), ("2", "x", "y")])
def test_wrong_arguments_exit_with_3(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 3
    assert done.stderr.startswith("usage: drift_issue.py CODE REPORT")


def test_outside_of_a_forge_it_says_where_it_runs(tmp_path: Path) -> None:
    (tmp_path / "drift.md").write_text("x", encoding="utf-8")
    done = run("2", str(tmp_path / "drift.md"))
    assert (done.returncode, "GitHub Actions or GitLab CI" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("definition", "wanted"),
    [
        (".github/workflows/drift.yml", ["issues: write", "GITHUB_TOKEN", "drift_issue.py", "actions/cache"]),
        (".gitlab-ci.yml", ["DRIFT_TOKEN", "drift_issue.py", "cache:", ".venv"]),
    ],
)
def test_the_job_runs_it_and_caches_its_environment(definition: str, wanted: list[str]) -> None:
    text = (ROOT / definition).read_text(encoding="utf-8")
    assert [one for one in wanted if one not in text] == []
