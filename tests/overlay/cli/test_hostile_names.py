"""Names from the service on the terminal: shown as text, whatever they hold."""

import json
import warnings
from collections.abc import Callable

import httpx
import pytest
from cmsdials.cli.output import OutputOptions, Source

from tests.overlay.auth.conftest import empty_home  # noqa: F401  # a fixture
from tests.overlay.cli.test_commands import Answer, Cli, answering, cli  # noqa: F401
from tests.overlay.hostile import PAYLOADS, obeyed_in


@pytest.mark.usefixtures("empty_home")
def test_no_name_of_a_workspace_is_obeyed(
    sandbox_now,
    cli: Cli,  # noqa: F811
    answering: Callable[[Answer], None],  # noqa: F811
) -> None:
    names = [name for name in PAYLOADS.values() if name == name.encode("utf-8", "ignore").decode()]

    def listed(request: httpx.Request) -> httpx.Response | None:
        if "workspace" not in request.url.path:
            return None
        named = [{"name": name, "description": name} for name in names]
        return httpx.Response(200, content=json.dumps(named[0] if "default" in request.url.path else named))

    answering(listed)
    env = {"CMSDIALS_CLIENT_ID": sandbox_now.client_id, "CMSDIALS_CLIENT_SECRET": sandbox_now.client_secret}
    here = ["--instance", sandbox_now.url, "--keycloak-url", sandbox_now.keycloak_url]
    done = cli(["workspaces", *here], env=env)
    assert done.exit_code == 0
    assert obeyed_in(done.output, lines=True) == []
    lines = done.stdout.splitlines()
    assert len(lines) == len(names) + 1  # the header, and one for each, however many lines it would be
    assert max(map(len, lines)) < 5000
    assert "[red]a[/red] [link=https://evil.test]b[/link]" in done.stdout
    assert ":skull:" in done.stdout


@pytest.mark.usefixtures("empty_home")
@pytest.mark.parametrize(
    "name", ["colour", "C1 CSI", "line feed", "lone surrogates", "markup of rich", "long line"]
)
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_no_answer_is_obeyed(
    name: str,
    status: int,
    sandbox_now,
    cli: Cli,  # noqa: F811
    answering: Callable[[Answer], None],  # noqa: F811
) -> None:
    body = json.dumps({"detail": PAYLOADS[name], "code": PAYLOADS[name], "workspaces": PAYLOADS[name]})
    answering(
        lambda request: httpx.Response(status, content=body) if "workspace" in request.url.path else None
    )
    env = {"CMSDIALS_CLIENT_ID": sandbox_now.client_id, "CMSDIALS_CLIENT_SECRET": sandbox_now.client_secret}
    here = ["--instance", sandbox_now.url, "--keycloak-url", sandbox_now.keycloak_url]
    for command in ("workspaces", "whoami"):
        done = cli([command, *here], env=env)
        assert obeyed_in(done.output, lines=True) == []
        assert "Traceback" not in done.output
        assert "2026-11-28 00:00:00" not in {line[:19] for line in done.output.splitlines()}


@pytest.mark.parametrize("at_terminal", [False, True])
@pytest.mark.parametrize("how", [{}, {"as_json": True}, {"as_csv": True}])
def test_no_cell_is_obeyed(
    how: dict[str, bool],
    at_terminal: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if how.get("as_csv") and not at_terminal:
        pytest.skip("a file has names as they are")
    monkeypatch.setattr("cmsdials.cli.output.is_terminal", lambda _: at_terminal)
    names = [name for name in PAYLOADS.values() if name == name.encode("utf-8", "ignore").decode()]
    rows = [{"a": name, "b": {"c": [name]}} for name in names]
    columns = ("a", "b")
    source = Source(columns=columns, shown=columns, usual=columns, pages=lambda *_: [rows])
    OutputOptions(**how, columns="a,b").write(source)
    said = capsys.readouterr().out
    assert obeyed_in(said, lines=True) == []
    if how.get("as_json"):
        assert json.loads(said) == rows


@pytest.mark.usefixtures("empty_home")
def test_no_warning_of_another_library_is_obeyed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def warned(*_: object, **__: object) -> None:
        warnings.warn(f"odd {PAYLOADS['colour']} {PAYLOADS['line feed']}", UserWarning, stacklevel=1)

    monkeypatch.setattr("cmsdials.auth.device.Credentials.stored", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = cli(["whoami", "-i", "http://localhost:1/"])
    assert r"Warning: odd \x1b[31mred" in done.stderr
    assert obeyed_in(done.output, lines=True) == []
