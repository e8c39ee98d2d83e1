"""docs/errors.md shows the tree that `cmsdials.errors` documents, and explains each error of it."""

import inspect
import re
import textwrap
from pathlib import Path

from cmsdials import errors
from cmsdials.errors import DialsError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
TEXT = PAGE.read_text(encoding="utf-8")

ERRORS = {
    name
    for name, item in inspect.getmembers(errors, inspect.isclass)
    if issubclass(item, DialsError) and item.__module__ == errors.__name__
}


def _rows() -> list[list[str]]:
    """The rows of the page's tables, cell by cell, without their heads."""
    lines = [line for line in TEXT.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_tree_is_that_of_the_module() -> None:
    documented = (inspect.getdoc(errors) or "").split("::\n\n")[1].split("\n\n")[0]
    shown = re.search(r"## The tree\n.*?```text\n(.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    assert shown[1].rstrip() == textwrap.dedent(documented).rstrip()


def test_every_error_is_explained_once() -> None:
    explained = [row[0].strip("`") for row in _rows()]
    assert sorted(explained) == sorted(ERRORS)


def test_every_explanation_says_the_cause_and_what_to_do() -> None:
    silent = [row for row in _rows() if len(row) != 3 or not row[1] or not row[2].strip(" |")]
    assert silent == []
