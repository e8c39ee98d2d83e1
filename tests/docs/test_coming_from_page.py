"""docs/coming-from.md: each example of its tables runs, and gives something."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials_sandbox import Sandbox
from markdown_it import MarkdownIt

PAGE = Path(__file__).parents[2] / "docs" / "coming-from.md"
ADDRESS = "http://localhost:8000/"


def examples() -> Iterator[tuple[str, list[str]]]:
    """The audience of each row of a table, and its cells as code, where they are."""
    tokens = MarkdownIt("commonmark").enable("table").parse(PAGE.read_text(encoding="utf-8"))
    heading = ""
    cells: list[list[str]] = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[at + 1].content
        elif token.type == "tr_open":
            cells = []
        elif token.type == "td_open":
            cells.append(
                [child.content for child in tokens[at + 1].children or () if child.type == "code_inline"]
            )
        elif token.type == "tr_close" and cells:
            yield heading, cells[-1]


def test_each_audience_has_examples_and_all_of_them_run(local_dials: Sandbox, home: Path) -> None:
    found = [*examples()]
    assert {heading for heading, _ in found} == {
        "DQM GUI",
        "OMS, brilcalc and the Run Registry",
        "coffea and scikit-hep",
    }
    text = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    namespace: dict[str, Any] = {}
    exec(text.replace(ADDRESS, local_dials.url), namespace)
    for _, codes in found:
        (code,) = codes
        made = eval(code, namespace)
        assert made is not None, code
        assert not hasattr(made, "__len__") or len(made) > 0, code


@pytest.mark.parametrize("group", ["DQM GUI", "OMS", "coffea"])
def test_pages_for_newcomers_are_found(group: str) -> None:
    index = (PAGE.parent / "index.md").read_text(encoding="utf-8")
    (line,) = [line for line in index.splitlines() if "(coming-from.md)" in line]
    assert group in line
