"""HTML for notebooks: tables, and lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from cmsdials.redaction import printable

__all__ = ["as_html", "html_lines", "html_rows", "html_table"]

_MOST_TEXT = 200  # characters of a cell
_AT_LEFT = ' style="text-align: left"'  # notebooks align cells at the right
_NUMBER = re.compile(r"-?|[-+]?[\d.]+(e[-+]?\d+)?|[-+]?(nan|inf)")


def as_html(value: object, most: int | None = None) -> str:
    """Return text as HTML that shows it as it is, at most so many characters of it."""
    return escape(printable(value, most))


def html_table(columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table of columns, whose cells are HTML; nothing without columns. All but numbers is aligned at the left."""
    styles = ["" if all(map(_NUMBER.fullmatch, cells)) else _AT_LEFT for cells in columns.values()]
    head = "".join(f"<th{style}>{as_html(name)}</th>" for name, style in zip(columns, styles, strict=True))
    rows = "".join(
        f"<tr>{''.join(f'<td{style}>{cell}</td>' for cell, style in zip(row, styles, strict=True))}</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if columns else ""


def html_lines(lines: Iterable[str]) -> str:
    """Return lines of text, each a paragraph."""
    return "".join(f"<p>{as_html(line)}</p>" for line in lines)


def html_rows(names: Iterable[str], rows: Sequence[Sequence[object]], most: int) -> str:
    """Return a table of the first rows, whose cells are text, and how many more there are; nothing without rows."""
    shown = ((as_html("-" if cell is None else cell, _MOST_TEXT) for cell in row) for row in rows[:most])
    columns = zip(names, zip(*shown, strict=True), strict=False)
    left = len(rows) - most
    return html_table(dict(columns)) + html_lines([f"and {left} more"] if left > 0 else [])
