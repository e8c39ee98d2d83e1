"""HTML tables, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from cmsdials.redaction import printable

__all__ = ["as_html", "html_table"]


def as_html(value: object, most: int | None = None) -> str:
    """Return text as HTML that shows it as it is, at most so many characters of it."""
    return escape(printable(value, most))


def html_table(columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table of columns, whose cells are HTML; nothing without columns."""
    head = "".join(f"<th>{as_html(name)}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if columns else ""
