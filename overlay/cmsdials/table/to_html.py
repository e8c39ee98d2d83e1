"""How notebooks show rows: what they have in common once, then what varies, and histograms as small pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, takewhile
from typing import Any

import numpy as np
from cmsdials_api.records import Field, Record

from cmsdials.table.columns import Array, Values, cell_of, plain
from cmsdials.table.fields import bins_of, columns_of
from cmsdials.table.html import as_html, html_table
from cmsdials.table.objects import ABSENT
from cmsdials.table.rows import RowStore
from cmsdials.table.thumbnail import thumbnail

__all__ = ["html_of_row", "html_of_rows"]

_SHOWN = 10  # rows
_MOST_TEXT = 200  # characters of a cell
_WORTH_IT = 12  # characters that all paths begin with, to be said once
_LARGE = 3  # times the size of a picture in a table


def html_of_rows(store: RowStore[Any]) -> str:
    """Return HTML of the first rows: fields that are the same in all rows stand once above the table.

    All fields of a single histogram stand above its picture; another single row is a table.
    """
    blocks = store.blocks()
    number = sum(map(len, blocks))
    columns = [*columns_of(store, blocks)]
    pictures = {field.name for field, _ in columns if field.dimensions}
    has_common = number > 1 or (number == 1 and pictures)
    common = {
        field.name: _text(next(iter(chain.from_iterable(map(plain, values)))))
        for field, values in columns
        if has_common and not field.dimensions and _is_constant(values)
    }
    varying = {
        field.name: [*islice(_each(field, values), _SHOWN)]
        for field, values in columns
        if field.name not in common
    }
    for field, values in columns:
        if has_common and field.name in varying and (folder := _folder(field, values)):
            common[f"{field.name} in"] = _text(folder)
            varying[field.name] = [text[len(folder) + 1 :] for text in varying[field.name]]
    cells = {name: [*map(_cell if name in pictures else _text, values)] for name, values in varying.items()}
    more = number - _SHOWN
    return "".join(
        (
            _line(common),
            html_table(cells),
            f"<p>and {more} more {'row' if more == 1 else 'rows'}</p>" if more > 0 else "",
        )
    )


def html_of_row(row: Record) -> str:
    """Return HTML of a histogram: its fields, and its contents as a picture."""
    known = {field: cell_of(row, field) for field in row.FIELDS}
    sent = {field: value for field, value in known.items() if value is not ABSENT}
    said = {field.name: _text(value) for field, value in sent.items() if not field.dimensions}
    drawn = [_cell(value, scale=_LARGE) for field, value in sent.items() if field.dimensions]
    return _line(said) + "".join(f"<p>{one}</p>" for one in drawn)


def _line(said: Mapping[str, str]) -> str:
    shown = ", ".join(f"{as_html(name)} <b>{value}</b>" for name, value in said.items())
    return f"<p>{shown}</p>" if said else ""


def _folder(field: Field, values: Sequence[Values]) -> str:
    """Return what all paths begin with, if that is worth saying once."""
    if field.kind != "string":
        return ""
    texts = [*_each(field, values)]
    if not texts or not all(isinstance(text, str) for text in texts):
        return ""
    first, last = min(texts).split("/"), max(texts).split("/")  # what these share, all between them share
    shared = [*takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last[:-1], strict=False))]
    folder = "/".join(part for part, _ in shared)
    return folder if len(folder) >= _WORTH_IT else ""


def _each(field: Field, values: Iterable[Values]) -> Iterator[Any]:
    return chain.from_iterable(values if field.dimensions else map(plain, values))


def _is_constant(values: Sequence[Values]) -> bool:
    first = next(iter(chain.from_iterable(values)))
    return all(
        bool((part == first).all()) if isinstance(part, np.ndarray) else all(one == first for one in part)
        for part in values
    )


def _text(value: Any) -> str:
    if value is None or value is ABSENT:
        return ""
    return as_html(f"{value:g}" if isinstance(value, float) else value, _MOST_TEXT)


def _cell(value: Any, *, scale: int = 1) -> str:
    if value is None or value is ABSENT:
        return ""
    try:
        contents: Array = np.asarray(value, np.float64)
    except (TypeError, ValueError):  # it was changed
        return "no bins"
    return f'<span title="{bins_of(contents.shape)}">{thumbnail(contents, scale=scale)}</span>'
