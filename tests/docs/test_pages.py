"""README, CONTRIBUTING and docs/ keep their word: code runs, output is as shown, commands and links exist.

What a page may hold:

- ```python: run, in order, in one namespace for each page, with a sandbox at http://localhost:8000/ that approves
  logins at once, and with an empty home folder;
- ```shell: commands, whose scripts, options and extras must exist. Three kinds are run, in order with the Python:
  `cmsdials` that names the sandbox, needs no service or asks for `--help`, with what its output is piped to, `python` with a file that the page saves, and `export` and `unset`;
- ```text right after either: all that the block writes: what it prints, its warnings, what a person sees while
  logging in, and the error it ends with, as Python shows it (`cmsdials.errors.NotFoundError: ...`). Progress bars are
  left out. Three dots stand for anything in a line. Without it Python writes nothing, and nothing fails;
- the paragraph `_Saved as name._` right before a block: it is written to this file and not run;
- the paragraph `_Not run here: reason._` right before a block that cannot be run.

Where the text shows a link to open, somebody is there to open it (CMSDIALS_INTERACTIVE=1). Any other block needs a
language of `OTHERS`.
"""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.cli.app import app
from cmsdials_generator.command import _parser as generator_options
from cmsdials_sandbox import Sandbox
from cmsdials_sandbox.command import parser as sandbox_options
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md"]
ADDRESS = "http://localhost:8000/"
MADE = ROOT / "docs/pictures"
"""Pictures that blocks of their page save; `docs/examples/gallery.py` puts them there for the site."""
NOT_RUN = re.compile(r"[_*]Not run here: (.+)[_*]", re.DOTALL)
SAVED = re.compile(r"[_*]Saved as `([\w.]+)`\.[_*]")
INVITATION = "To log in, open this link"
OTHERS = {"text", "yaml"}
SETTING = re.compile(r"[A-Z_]+=.*")
INTERACTIVE = "CMSDIALS_INTERACTIVE"
EXPORTED = (
    "CMSDIALS_CACHE_DIR",
    "CMSDIALS_TOKEN_FILE",
    "CMSDIALS_CLIENT_ID",
    "CMSDIALS_CLIENT_SECRET",
    INTERACTIVE,
)
HOME = "/home/physicist"
"""What the pages call the home folder."""
MOST_NOT_RUN = 2
"""Blocks that may go unchecked, on all pages together."""

OPTIONS = {"cmsdials_sandbox": sandbox_options, "cmsdials_generator": generator_options}
FREE_MODULES = {"pip", "pytest", "venv"}
PIPE = "|"
OFFLINE = {"mask", "join"}
"""Commands of `cmsdials` that ask no service."""
FREE_COMMANDS = {
    "cd",
    "chmod",
    "condor_submit",
    "export",
    "for",
    "fs",
    "git",
    "head",
    "jq",
    "pre-commit",
    "sort",
    "tail",
    "tox",
    "uniq",
    "unset",
    "uv",
}


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
    saved: str | None


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
        before = tokens[at - 2].content if at > 2 and tokens[at - 1].type == "paragraph_close" else ""
        excuse, name = NOT_RUN.fullmatch(before), SAVED.fullmatch(before)
        line = (token.map or [0])[0] + 1
        yield Block(
            token.info.strip(),
            token.content,
            line,
            shown,
            excuse[1] if excuse else None,
            name[1] if name else None,
        )


def _run(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """Run a block of Python and return what it writes."""
    # Blank lines before it, so that a traceback shows the line of the page.
    source = "\n" * block.line + block.text
    code = compile(source, str(page), "exec", dont_inherit=True)
    written = io.StringIO()

    def show(message: Warning | str, category: type[Warning], *_place: Any, **_more: Any) -> None:
        written.write(f"{category.__name__}: {message}\n")

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(written),
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
    return written.getvalue()


def _commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of a block."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def _settings(words: list[str]) -> dict[str, str]:
    """The variables that are set before a command, or by `export`."""
    after_export = words[1:] if words[0] == "export" else words
    found = itertools.takewhile(SETTING.fullmatch, after_export)
    return dict(word.split("=", 1) for word in found)


def _enter(block: Block, saved: set[str], url: str) -> str | None:
    """Run the commands of a block that can be run here; return what they write, None if there are none."""
    written: list[str] = []
    ran = False
    for words in _commands(block):
        if words[0] == "export":
            os.environ.update(_settings(words))
        elif words[0] == "unset":
            for variable in words[1:]:
                os.environ.pop(variable, None)
        command = words[len(_settings(words)) :]
        match command:
            case ["cmsdials", *arguments] if (
                url in " ".join(words) or "--help" in arguments or arguments[0] in OFFLINE
            ):
                run = [sys.executable, "-m", "cmsdials", *arguments]
                if PIPE in arguments:
                    line = " ".join(word if word == PIPE else shlex.quote(word) for word in command)
                    function = f'cmsdials() {{ {shlex.quote(sys.executable)} -m cmsdials "$@"; }}'
                    run = ["bash", "-o", "pipefail", "-c", f"{function}; {line}"]
            case ["python", name, *arguments] if name in saved:
                run = [sys.executable, name, *arguments]
            case _:
                continue
        ran = True
        done = subprocess.run(
            run,
            env=os.environ | _settings(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0 or block.shown is not None, done.stdout
        written.append(done.stdout)
    return "".join(written) if ran else None


def _lines(text: str) -> list[str]:
    """The lines of a text, without progress bars, which overwrite themselves."""
    return [line.rstrip() for line in text.strip().split("\n") if "\r" not in line]


def _as_shown(written: str, shown: str) -> bool:
    """Whether the lines are those of the page, where `...` stands for anything in a line."""
    lines = [re.escape(line).replace(re.escape("..."), ".*") for line in _lines(shown)]
    return re.fullmatch("\n".join(lines), "\n".join(_lines(written))) is not None


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_it_runs_and_writes_what_is_shown(
    page: Path, local_dials: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a block sets stays for the blocks after it, and goes with the page.
    for variable in EXPORTED:
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    namespace: dict[str, Any] = {"__name__": f"page_{page.stem}"}
    saved: set[str] = set()
    for asked in _blocks(page):
        block = dataclasses.replace(asked, text=asked.text.replace(ADDRESS, local_dials.url))
        if block.not_run is not None:
            continue
        if block.saved is not None:
            saved.add(block.saved)
            (home / block.saved).write_text(block.text, encoding="utf-8")
            continue
        written: str | None = None
        with monkeypatch.context() as somebody:
            if INVITATION in (block.shown or ""):
                somebody.setenv(INTERACTIVE, "1")
            if block.language == "python":
                written = _run(block, page, namespace)
            elif block.language == "shell":
                written = _enter(block, saved, local_dials.url)
        if written is None or (block.language == "shell" and block.shown is None):
            continue
        kept_as = local_dials.url.replace("127.0.0.1", "localhost")  # one login for both
        for seen, name in ((local_dials.url, ADDRESS), (kept_as, ADDRESS), (str(home), HOME)):
            written = written.replace(seen, name)
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
    saved = {block.saved for block in _blocks(page)}
    for block in _blocks(page):
        if block.language == "shell" and block.saved is None:
            for words in _commands(block):
                for command in _piped(words):
                    given = command[len(_settings(command)) :]
                    _check_command(given if command[0] != "export" else command, saved)


def _piped(words: list[str]) -> Iterator[list[str]]:
    """The commands of a pipe."""
    for is_pipe, command in itertools.groupby(words, PIPE.__eq__):
        if not is_pipe:
            yield [*command]


def _check_command(words: list[str], saved: set[str | None]) -> None:
    if not words:
        return
    command, *arguments = words
    if command.startswith(("./scripts/", "scripts/")):
        assert os.access(ROOT / command, os.X_OK), f"{command} is not there, or not executable"
    elif command == "cmsdials":
        _check_cmsdials(arguments)
    elif Path(command).name == "python":
        if arguments[0] not in saved:
            _check_module(arguments)
    elif command == "pip":
        _check_extras(arguments)
    else:
        assert command in FREE_COMMANDS, f"who knows {command!r}?"


def _check_cmsdials(arguments: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    name, *options = arguments
    if name == "sandbox":
        _check_module(["-m", "cmsdials_sandbox", *options])
    elif name != "--help":
        group.commands[name].make_context(name, options, resilient_parsing="--help" in options)


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
            if target.parent == MADE:
                is_made = any(f'"{target.name}"' in block.text for block in _blocks(page))
                assert is_made, f"no block of {_name(page)} saves {target.name}"
                continue
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


def test_every_endpoint_has_its_call() -> None:
    """Each path of the contract stands in the table of endpoints."""
    table = (ROOT / "docs/endpoints.md").read_text(encoding="utf-8")
    paths = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))["paths"]
    named = set(re.findall(r"`(?:GET|POST) (/?[\w{}/.-]+)`", table))
    assert named == {path.removeprefix("/api/v1/") for path in paths}
