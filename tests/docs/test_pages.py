"""README, CONTRIBUTING and docs/ keep their word: code runs, output is as shown, commands and links exist.

What a page may hold:

- ```python: run, in order, in one namespace for each page, with a sandbox at http://localhost:8000/;
- ```text right after it: all that the block writes: what it prints, its warnings, and the error it ends with, each
  as Python shows them (`cmsdials.errors.NotFoundError: ...`). Three dots stand for anything in a line. A block
  without it writes nothing and does not fail;
- the paragraph `_Not run here: reason._` right before a block that cannot be run;
- ```shell: commands, whose scripts, options and extras must exist.

Any other block needs a language of `OTHERS`.
"""

import contextlib
import io
import json
import os
import re
import shlex
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials_generator.command import _parser as generator_options
from cmsdials_sandbox import Sandbox
from cmsdials_sandbox.command import parser as sandbox_options
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md"]
ADDRESS = "http://localhost:8000/"
NOT_RUN = re.compile(r"[_*]Not run here: (.+)[_*]", re.DOTALL)
OTHERS = {"text", "yaml"}
MOST_NOT_RUN = 2
"""Blocks that may go unchecked, on all pages together."""

OPTIONS = {"cmsdials_sandbox": sandbox_options, "cmsdials_generator": generator_options}
FREE_MODULES = {"pip", "pytest", "venv"}
FREE_COMMANDS = {"cd", "git", "pre-commit", "tox", "uv"}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is the line of its fence, counted from 1."""

    language: str
    text: str
    line: int
    shown: str | None
    not_run: str | None


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _blocks(page: Path) -> Iterator[Block]:
    tokens = _tokens(page)
    for at, token in enumerate(tokens):
        if token.type != "fence":
            continue
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        shown = (
            after.content if after is not None and after.type == "fence" and after.info == "text" else None
        )
        before = tokens[at - 2] if at > 2 and tokens[at - 1].type == "paragraph_close" else None
        excuse = NOT_RUN.fullmatch(before.content) if before is not None else None
        line = (token.map or [0])[0] + 1
        yield Block(token.info.strip(), token.content, line, shown, excuse[1] if excuse else None)


def _run(block: Block, page: Path, namespace: dict[str, Any], sandbox: Sandbox) -> str:
    """Run a block and return what it writes, with the address as the pages have it."""
    # Blank lines before it, so that a traceback shows the line of the page.
    source = "\n" * block.line + block.text.replace(ADDRESS, sandbox.url)
    code = compile(source, str(page), "exec", dont_inherit=True)
    written = io.StringIO()

    def show(message: Warning | str, category: type[Warning], *_place: Any, **_more: Any) -> None:
        written.write(f"{category.__name__}: {message}\n")

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("always")
        warnings.showwarning = show
        try:
            exec(code, namespace)
        except Exception as error:
            if block.shown is None:
                raise
            kind = type(error)
            written.write(
                f"{kind.__module__.removeprefix('builtins')}.{kind.__qualname__}: {error}".lstrip(".")
            )
    return written.getvalue().replace(sandbox.url, ADDRESS)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _as_shown(written: str, shown: str) -> bool:
    """Whether the lines are those of the page, where `...` stands for anything in a line."""
    lines = [re.escape(line).replace(re.escape("..."), ".*") for line in _lines(shown)]
    return re.fullmatch("\n".join(lines), "\n".join(_lines(written))) is not None


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_python_runs_and_writes_what_is_shown(
    page: Path, sandbox_now: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": f"page_{page.stem}"}
    for block in _blocks(page):
        if block.language == "python" and block.not_run is None:
            written = _run(block, page, namespace, sandbox_now)
            shown = block.shown or ""
            if not _as_shown(written, shown):
                where = f"{_name(page)}:{block.line}"
                assert (where, _lines(written)) == (where, _lines(shown))


def test_few_blocks_go_unchecked() -> None:
    excused = [
        f"{_name(page)}: {block.not_run}" for page in PAGES for block in _blocks(page) if block.not_run
    ]
    assert len(excused) <= MOST_NOT_RUN, excused


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_blocks_name_their_language(page: Path) -> None:
    unknown = [
        f"line {b.line}: {b.language!r}"
        for b in _blocks(page)
        if b.language not in {"python", "shell"} | OTHERS
    ]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_exist(page: Path) -> None:
    for block in _blocks(page):
        if block.language == "shell":
            for line in block.text.replace("\\\n", " ").splitlines():
                _check_command(shlex.split(line, comments=True))


def _check_command(words: list[str]) -> None:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words:
        return
    command, *arguments = words
    if command.startswith(("./scripts/", "scripts/")):
        assert os.access(ROOT / command, os.X_OK), f"{command} is not there, or not executable"
    elif Path(command).name == "python":
        _check_module(arguments)
    elif command == "pip":
        _check_extras(arguments)
    else:
        assert command in FREE_COMMANDS, f"who knows {command!r}?"


def _check_module(arguments: list[str]) -> None:
    assert arguments[0] == "-m", arguments
    module, *options = arguments[1:]
    if module in OPTIONS:
        with contextlib.suppress(SystemExit) if "--help" in options else contextlib.nullcontext():
            OPTIONS[module]().parse_args(options)
    else:
        assert module in FREE_MODULES, f"who knows python -m {module}?"


def _check_extras(arguments: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for argument in arguments:
        extras = re.fullmatch(r"(?:cmsdials|\.)\[(.*)\]", argument)
        if extras:
            assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def _headings(page: Path) -> set[str]:
    tokens = _tokens(page)
    texts = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", LINKED, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for token in _tokens(page):
        for child in token.children or ():
            link = str(child.attrGet("href") or child.attrGet("src") or "")
            if not link or link.startswith(("http://", "https://")):
                continue
            path, _, place = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{_name(page)} links to {link}"
            if place:
                assert place in _headings(target), f"{_name(page)} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_calls_that_are_named_exist(page: Path) -> None:
    """`dials.run.count()` in the text is something that `Dials` has."""
    dials = Dials(Credentials(token="sandbox"), base_url=ADDRESS)
    inline = [
        child for token in _tokens(page) for child in token.children or () if child.type == "code_inline"
    ]
    for child in inline:
        for path in re.findall(r"\bdials((?:\.[a-z]\w*)+)", child.content):
            found: Any = dials
            for name in path.split(".")[1:]:
                assert hasattr(found, name), f"{_name(page)} names {child.content}"
                found = getattr(found, name)


def test_readme_covers_every_endpoint() -> None:
    """Each path of the contract stands in the table of what is covered."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## What is covered")[2]
    paths = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))["paths"]
    named = set(re.findall(r"`(?:GET|POST) (/?[\w{}/.-]+)`", table))
    assert named == {path.removeprefix("/api/v1/") for path in paths}
