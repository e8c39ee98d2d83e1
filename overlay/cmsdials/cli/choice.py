"""The options that choose rows, the same in every command, and the filters that they stand for.

A text that is the whole name of a dataset or of a monitoring element means that one; any other is a regular expression.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import frozen

from cmsdials.cli.options import kept_names, option
from cmsdials.errors import ConfigurationError

if TYPE_CHECKING:
    from cmsdials.dials import Dials
    from cmsdials.table.lumi_mask import LumiMask

__all__ = [
    "DatasetOptions",
    "FileOptions",
    "GoodFile",
    "HistogramOptions",
    "LumiOptions",
    "RunOptions",
    "mask_of",
    "number_range",
]

_PANEL = "Which rows"
_NAME_OF_DATASET = re.compile(r"/[\w-]+/[\w-]+/[A-Z][A-Z0-9-]*", re.ASCII)


GoodFile = Annotated[
    Path | None, option("FILE", "Golden or DCS JSON: only the lumisections that it holds.", panel=_PANEL)
]


def mask_of(good: Path | None) -> LumiMask | None:
    """Return the lumisections of a certification file; None for all.

    Raises:
        ConfigurationError: It is not a certification file.
    """
    from cmsdials.table.lumi_mask import LumiMask  # noqa: PLC0415  # help does without it

    return None if good is None else LumiMask(good)


@frozen(kw_only=True)
class _Choice:
    def check(self) -> None:
        """Raise a ConfigurationError if a range of numbers is something else."""
        self.given()

    def given(self) -> dict[str, Any]:
        """Return the filters that the options stand for, by name.

        Raises:
            ConfigurationError: A range of numbers is something else.
        """
        return {name: value for name, value in self._filters().items() if value is not None}

    def _filters(self) -> dict[str, Any]:
        raise NotImplementedError


@frozen(kw_only=True)
class DatasetOptions(_Choice):
    """Which datasets."""

    dataset: Annotated[
        str | None,
        option(
            "NAME|REGEX",
            "Dataset by its whole name, or a regular expression found in names; default: all.",
            "--dataset",
            "-d",
            complete=kept_names("datasets"),
            panel=_PANEL,
        ),
    ] = None
    dataset_id: Annotated[int | None, option("ID", "Dataset by its id.", panel=_PANEL)] = None

    def _filters(self) -> dict[str, Any]:
        is_name = self.dataset is not None and _NAME_OF_DATASET.fullmatch(self.dataset) is not None
        return {
            "dataset_id": self.dataset_id,
            "dataset" if is_name else "dataset__regex": self.dataset,
        }


@frozen(kw_only=True)
class FileOptions(_Choice):
    """Which files, apart from their dataset."""

    file: Annotated[
        str | None, option("REGEX", "Regular expression found in the logical name of the file.", panel=_PANEL)
    ] = None
    status: Annotated[
        str | None, option("STATE", "How its ingestion went, such as FINISHED.", panel=_PANEL)
    ] = None
    min_size: Annotated[int | None, option("BYTES", "Smallest size.", panel=_PANEL)] = None

    def _filters(self) -> dict[str, Any]:
        return {
            "logical_file_name__regex": self.file,
            "status": self.status,
            "min_size": self.min_size,
        }


@frozen(kw_only=True)
class RunOptions(DatasetOptions):
    """Which runs."""

    runs: Annotated[
        str | None,
        option("A-B", "Runs from A to B, or one; default: all.", "--runs", "--run", "-r", panel=_PANEL),
    ] = None

    def _filters(self) -> dict[str, Any]:
        return {**super()._filters(), **_between("run_number", "--runs", self.runs, "367100")}


@frozen(kw_only=True)
class LumiOptions(RunOptions):
    """Which lumisections."""

    ls: Annotated[
        str | None, option("A-B", "Lumisections from A to B, or one; default: all.", panel=_PANEL)
    ] = None

    def _filters(self) -> dict[str, Any]:
        return {**super()._filters(), **_between("ls_number", "--ls", self.ls, "10")}


@frozen(kw_only=True)
class HistogramOptions(LumiOptions):
    """Which histograms."""

    me: Annotated[
        str | None,
        option(
            "NAME|REGEX",
            "Monitoring element by its whole name, or a regular expression found in names; default: all.",
            "--me",
            "-m",
            complete=kept_names("mes"),
            panel=_PANEL,
        ),
    ] = None
    me_id: Annotated[int | None, option("ID", "Monitoring element by its id.", panel=_PANEL)] = None
    min_entries: Annotated[int | None, option("N", "Least number of entries.", panel=_PANEL)] = None

    def given_at(self, dials: Dials) -> dict[str, Any]:
        """Return the filters, as `given`, with those of monitoring elements, whose names the service knows."""
        return {**self.given(), **_element(self.me, dials)}

    def _filters(self) -> dict[str, Any]:
        return {**super()._filters(), "me_id": self.me_id, "entries__gte": self.min_entries}


def _element(text: str | None, dials: Dials) -> dict[str, str]:
    if not text:
        return {} if text is None else {"me__regex": text}  # which the filters refuse
    from cmsdials.filters import MEFilters  # noqa: PLC0415  # as above

    # By an expression, since a name that does not exist is no reason for a warning here.
    found = dials.mes.list(MEFilters(me__regex=f"^{re.escape(text)}$"), fields=["me"])
    return {"me" if found else "me__regex": text}


def _between(field: str, name: str, text: str | None, example: str) -> dict[str, int]:
    if text is None:
        return {}
    first, last = number_range(name, text, example)
    return {field: first} if first == last else {f"{field}__gte": first, f"{field}__lte": last}


def number_range(name: str, text: str, example: str = "367100") -> tuple[int, int]:
    """Return the two ends of a range A-B of an option, twice the same for one number.

    Raises:
        ConfigurationError: It is something else, or it ends before it begins.
    """
    found = re.fullmatch(r"\s*(\d{1,18})\s*(?:-\s*(\d{1,18})\s*)?", text, re.ASCII)
    if found is None:
        message = f"{name} {text!r} is neither a number nor a range of numbers"
        advice = f"Write it as {example}-{int(example) + 100}, or as {example}."
        raise ConfigurationError(message, advice=advice)
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        message = f"{name} {text!r} ends before it begins"
        raise ConfigurationError(message, advice=f"Swap the two bounds: {last}-{first}.")
    return first, last
