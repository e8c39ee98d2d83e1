"""The command that fetches histograms, with their contents, and draws them."""

from __future__ import annotations

import sys
from itertools import chain
from typing import Annotated, Any, Literal

import typer

from cmsdials.cli.choice import GoodFile, HistogramOptions, mask_of
from cmsdials.cli.listing import check_listing, listing_of
from cmsdials.cli.options import ServiceOptions, say, with_options
from cmsdials.cli.output import OutputOptions
from cmsdials.errors import ConfigurationError
from cmsdials.runtime.background import load
from cmsdials.runtime.console import is_terminal

__all__ = ["get"]

_SHOWN = ("run_number", "ls_number", "dataset_id", "me", "entries")


@with_options
def get(
    kind: Annotated[Literal["h1d", "h2d"], typer.Argument(help="Histograms of one or two dimensions.")],
    show: Annotated[
        bool,
        typer.Option("--show", help="Draw the sum over the lumisections of each run and monitoring element."),
    ] = False,
    concurrency: Annotated[
        int, typer.Option(metavar="N", help="How many parts to fetch at a time.", min=1)
    ] = 1,
    good: GoodFile = None,
    *,
    choice: HistogramOptions,
    output: OutputOptions,
    service: ServiceOptions,
) -> None:
    """Fetch histograms; JSON, CSV and Parquet hold their contents.

    For many of them, `cmsdials download` continues after an interruption.
    """
    if show and (output.form != "table" or output.columns is not None):
        message = "--show draws, and writes no columns, JSON, CSV or file"
        raise ConfigurationError(message, advice="Leave --show or the others out.")
    mask = mask_of(good)
    check_listing(kind, choice.given(), output)
    with service.dials() as dials:
        resource: Any = getattr(dials, kind)
        source = listing_of(
            resource,
            choice.given_at(dials),
            shown=_SHOWN,
            good=mask,
            contents=True,
            concurrency=concurrency,
        )
        if not show:
            output.write(source)
            return
        load("cmsdials.cli.drawing")
        from cmsdials.cli.drawing import drawings  # noqa: PLC0415  # it imports NumPy

        rows = chain.from_iterable(source.pages(source.usual, output.limit or None))
        is_plain = not (is_terminal(sys.stdout) and _is_utf8(sys.stdout))
        for line in drawings(rows, blocks=not is_plain):
            say(line.rstrip())


def _is_utf8(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
