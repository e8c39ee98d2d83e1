"""The commands that list and count what the service has: datasets, runs, lumisections, files and monitoring elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cmsdials.cli.choice import CountOptions, DatasetOptions, FileOptions, GoodFile, LumiOptions, RunOptions, mask_of
from cmsdials.cli.options import ServiceOptions, option, say, with_options
from cmsdials.cli.output import OutputOptions, Row, Source, json_of
from cmsdials.errors import ConfigurationError

if TYPE_CHECKING:
    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["count", "datasets", "files", "listing_of", "lumis", "mes", "runs"]

_LARGEST_PAGE = 500
_KEYS = ("run_number", "ls_number")


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
    fields, kind = _fields_and_filters(resource)

    def fetched(columns: Sequence[str], limit: int | None) -> Iterator[tuple[Any, int]]:
        """Yield pages, each with the number of its rows that are wanted."""
        keys = () if good is None else _KEYS  # by which it selects
        names = [*columns, *(one for one in keys if one not in columns)]
        size = None if limit is None or good is not None else min(limit, _LARGEST_PAGE)
        query = kind(**given, page_size=size)
        left = limit
        for one in [query] if good is None else good.filters(query):
            with resource.pages(one, fields=names, concurrency=concurrency) as pages:
                for page in pages:
                    chosen = page if good is None else good.select(page)
                    wanted = len(chosen) if left is None else min(left, len(chosen))
                    yield chosen, wanted
                    if left is not None and (left := left - wanted) == 0:
                        return

    return Source(
        columns=[one.name for one in fields],
        shown=shown,
        usual=[one.name for one in fields if contents or not one.dimensions],
        pages=lambda *asked: ([row.dict() for row in page.rows[:many]] for page, many in fetched(*asked)),
        tables=lambda *asked: (page.to_arrow().slice(0, many) for page, many in fetched(*asked)),
    )


def _fields_and_filters(resource: Any) -> tuple[Any, Any]:
    """Return what the rows of a list hold, and the class of its filters that checks them."""
    from cmsdials_api.resources import RESOURCES  # noqa: PLC0415  # help does without both

    from cmsdials import filters  # noqa: PLC0415

    entry = RESOURCES[resource.name]
    return entry.record.FIELDS, getattr(filters, entry.filters.__name__)


@with_options
def datasets(choice: DatasetOptions, output: OutputOptions, service: ServiceOptions) -> None:
    """List datasets."""
    with service.dials() as dials:
        shown = ("dataset_id", "dataset", "era", "last_modification_date")
        output.write(listing_of(dials.dataset_index, choice.given(), shown=shown))


@with_options
def runs(choice: RunOptions, output: OutputOptions, service: ServiceOptions) -> None:
    """List runs, and how many lumisections each has."""
    with service.dials() as dials:
        shown = ("run_number", "dataset_id", "dataset", "ls_count")
        output.write(listing_of(dials.run, choice.given(), shown=shown))


@with_options
def lumis(
    good: GoodFile = None, *, choice: LumiOptions, output: OutputOptions, service: ServiceOptions
) -> None:
    """List lumisections, and how many histograms each has."""
    with service.dials() as dials:
        shown = ("run_number", "ls_number", "dataset_id", "th1_count", "th2_count")
        output.write(listing_of(dials.lumi, choice.given(), shown=shown, good=mask_of(good)))


@with_options
def files(choice: FileOptions, output: OutputOptions, service: ServiceOptions) -> None:
    """List files, and how their ingestion went."""
    with service.dials() as dials:
        shown = ("file_id", "dataset_id", "status", "file_size", "logical_file_name")
        output.write(listing_of(dials.file_index, choice.given(), shown=shown))


@with_options
def mes(
    me: Annotated[
        str | None, option("REGEX", "Regular expression found in names; default: all.", "--me", "-m")
    ] = None,
    dim: Annotated[int | None, option("N", "Dimension of the histograms, 1 or 2.")] = None,
    *,
    output: OutputOptions,
    service: ServiceOptions,
) -> None:
    """List monitoring elements."""
    with service.dials() as dials:
        fields, kind = _fields_and_filters(dials.mes)

        def pages(columns: Sequence[str], limit: int | None) -> list[list[Row]]:
            listed = dials.mes.list(kind(me__regex=me, dim=dim), fields=columns)
            return [[one.dict() for one in listed[:limit]]]

        names = [one.name for one in fields]
        output.write(Source(columns=names, shown=names, usual=names, pages=pages))


_COUNTED = {"runs": "run", "lumis": "lumi", "files": "file_index"}
_OPTIONS = {"run_number": "--runs", "ls_number": "--ls", "logical_file_name": "--file"}


@with_options
def count(
    what: Annotated[Literal["runs", "lumis", "files"], typer.Argument(help="What to count.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    *,
    choice: CountOptions,
    service: ServiceOptions,
) -> None:
    """Count runs, lumisections or files, without fetching them."""
    with service.dials() as dials:
        resource = getattr(dials, _COUNTED[what])
        _, kind = _fields_and_filters(resource)
        given = choice.given()
        if others := [name for name in given if name not in kind.PARAMETERS]:
            stem = others[0].partition("__")[0]
            name = _OPTIONS.get(stem, f"--{stem.replace('_', '-')}")
            message = f"{name} does not choose among {what}"
            raise ConfigurationError(message, advice="Leave it out.")
        found: int = resource.count(kind(**given))
    say(json_of({"count": found}) if as_json else str(found))
