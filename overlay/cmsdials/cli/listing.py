"""The commands that list and count what the service has: datasets, runs, lumisections, files and monitoring elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from attrs import evolve

from cmsdials.cli.choice import (
    DatasetOptions,
    FileOptions,
    GoodFile,
    LumiOptions,
    RunOptions,
    mask_of,
    number_range,
)
from cmsdials.cli.options import ServiceOptions, complain, option, say, with_options
from cmsdials.cli.output import OutputOptions, Row, Source, json_of
from cmsdials.errors import ConfigurationError

if TYPE_CHECKING:
    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["check_listing", "count", "datasets", "files", "listing_of", "lumis", "mes", "runs"]

_LARGEST_PAGE = 500
_KEYS = ("dataset_id", "run_number", "ls_number")


def listing_of(
    resource: Any,
    given: Mapping[str, Any],
    *,
    shown: Sequence[str],
    good: LumiMask | None = None,
    contents: bool = False,
    concurrency: int = 1,
) -> Source:
    """Return the rows of a list as a command writes them.

    Args:
        resource: A list of a `Dials` that has pages.
        given: Its filters, by name.
        shown: The columns of a table for people.
        good: Which lumisections; None for all.
        contents: Whether programs get the contents of histograms without asking for them.
        concurrency: How many parts to fetch at a time.
    """
    fields, kind = _fields_and_filters(resource.name)

    def fetched(columns: Sequence[str], limit: int | None) -> Iterator[tuple[Any, int]]:
        """Yield pages, each with the number of its rows that are wanted."""
        keys = () if good is None else _KEYS  # by which it selects
        names = [*columns, *(one for one in keys if one not in columns)]
        size = None if limit is None or good is not None else min(limit, _LARGEST_PAGE)
        how = {} if good is None else {"good": good}  # which only some lists take
        left = limit
        query = kind(**given, page_size=size)
        with resource.pages(query, fields=names, concurrency=concurrency, **how) as pages:
            for page in pages:
                wanted = len(page) if left is None else min(left, len(page))
                yield page, wanted
                if left is not None and (left := left - wanted) == 0:
                    return

    return Source(
        columns=[one.name for one in fields],
        shown=shown,
        usual=[one.name for one in fields if contents or not one.dimensions],
        pages=lambda *asked: ([row.dict() for row in page.rows[:many]] for page, many in fetched(*asked)),
        tables=lambda *asked: (page.to_arrow().slice(0, many) for page, many in fetched(*asked)),
    )


def check_listing(name: str, given: Mapping[str, Any], output: OutputOptions) -> None:
    """Check what a listing is asked for, before there is anything to ask.

    Args:
        name: Which list of a `Dials`.
        given: Its filters, by name.
        output: How its rows are written.

    Raises:
        FilterError: A filter makes no sense.
        ConfigurationError: There is no such column.
    """
    fields, kind = _fields_and_filters(name)
    kind(**given)
    output.named([one.name for one in fields])


def _fields_and_filters(name: str) -> tuple[Any, Any]:
    """Return what the rows of a list hold, and the class of its filters that checks them."""
    from cmsdials_api.resources import RESOURCES  # noqa: PLC0415  # help does without both

    from cmsdials import filters  # noqa: PLC0415

    entry = RESOURCES[name]
    return entry.record.FIELDS, getattr(filters, entry.filters.__name__)


_Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WORDS]...", help="Words in the name, or a glob; the best come first."),
]


@with_options
def datasets(
    words: _Words = None,
    *,
    choice: RunOptions,
    output: OutputOptions,
    service: ServiceOptions,
) -> None:
    """List or search datasets, such as those that have a run."""
    first, last = (0, -1) if choice.runs is None else number_range("--runs", choice.runs)
    given = {name: one for name, one in choice.given().items() if not name.startswith("run_number")}
    check_listing("dataset_index", given, output)
    with service.dials() as dials:
        shown = ("dataset_id", "dataset", "era", "last_modification_date")
        source = listing_of(dials.dataset_index, given, shown=shown)
        # It keeps the names too, which shells then complete.
        found = dials.datasets.find(
            " ".join(words or ()) or None,
            run=range(first, last + 1) if choice.runs else None,
            refresh=not words,
        )
        output.write(source if not words and choice.runs is None else _of_ids(source, found.ids))
        _note(found)


def _of_ids(source: Source, ids: Sequence[int]) -> Source:
    """Return the rows of some datasets, in the order of their ids here."""

    def pages(columns: Sequence[str], limit: int | None) -> Iterator[list[Row]]:
        listed = source.pages([*dict.fromkeys([*columns, "dataset_id"])], None)
        rows = {row["dataset_id"]: row for page in listed for row in page}
        yield [rows[one] for one in ids if one in rows][:limit]

    return evolve(source, pages=pages, tables=None)


def _note(found: Any) -> None:
    if found.note:
        complain(found.note)


@with_options
def runs(choice: RunOptions, output: OutputOptions, service: ServiceOptions) -> None:
    """List runs, and how many lumisections each has."""
    given = choice.given()
    check_listing("run", given, output)
    with service.dials() as dials:
        shown = ("run_number", "dataset_id", "dataset", "ls_count")
        output.write(listing_of(dials.run, given, shown=shown))


@with_options
def lumis(
    good: GoodFile = None, *, choice: LumiOptions, output: OutputOptions, service: ServiceOptions
) -> None:
    """List lumisections, and how many histograms each has."""
    given, mask = choice.given(), mask_of(good)
    check_listing("lumi", given, output)
    with service.dials() as dials:
        shown = ("run_number", "ls_number", "dataset_id", "th1_count", "th2_count")
        output.write(listing_of(dials.lumi, given, shown=shown, good=mask))


@with_options
def files(
    choice: DatasetOptions, of_file: FileOptions, output: OutputOptions, service: ServiceOptions
) -> None:
    """List files, and how their ingestion went."""
    given = {**choice.given(), **of_file.given()}
    check_listing("file_index", given, output)
    with service.dials() as dials:
        shown = ("file_id", "dataset_id", "status", "file_size", "logical_file_name")
        output.write(listing_of(dials.file_index, given, shown=shown))


@with_options
def mes(
    words: _Words = None,
    me: Annotated[
        str | None, option("REGEX", "Regular expression found in names, in place of words.", "--me", "-m")
    ] = None,
    dim: Annotated[int | None, option("N", "Dimension of the histograms, 1 or 2.")] = None,
    *,
    output: OutputOptions,
    service: ServiceOptions,
) -> None:
    """List or search monitoring elements."""
    if words and me is not None:
        message = "words and --me exclude each other"
        raise ConfigurationError(message, advice="Give one of them.")
    asked = {} if me is None else {"me__regex": me}
    check_listing("mes", asked, output)
    fields, kind = _fields_and_filters("mes")
    with service.dials() as dials:
        if me is None:
            # It keeps the names, which shells then complete.
            found = dials.mes.find(" ".join(words or ()) or None, dim=dim, refresh=not words)
            listed = [*found]
            _note(found)
        else:
            listed = dials.mes.list(kind(**asked, dim=dim))
        names = [one.name for one in fields]
        rows = [one.dict() for one in listed]
        output.write(Source(columns=names, shown=names, usual=names, pages=lambda _, limit: [rows[:limit]]))


_COUNTED = {"runs": "run", "lumis": "lumi", "files": "file_index"}
_OPTIONS = {"run_number": "--runs", "ls_number": "--ls", "logical_file_name": "--file"}


@with_options
def count(
    what: Annotated[Literal["runs", "lumis", "files"], typer.Argument(help="What to count.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    *,
    choice: LumiOptions,
    of_file: FileOptions,
    service: ServiceOptions,
) -> None:
    """Count runs, lumisections or files, without fetching them."""
    _, kind = _fields_and_filters(_COUNTED[what])
    given = {**choice.given(), **of_file.given()}
    if others := [name for name in given if name not in kind.PARAMETERS]:
        stem = others[0].partition("__")[0]
        name = _OPTIONS.get(stem, f"--{stem.replace('_', '-')}")
        message = f"{name} does not choose among {what}"
        raise ConfigurationError(message, advice="Leave it out.")
    filters = kind(**given)
    with service.dials() as dials:
        found: int = getattr(dials, _COUNTED[what]).count(filters)
    say(json_of({"count": found}) if as_json else str(found))
