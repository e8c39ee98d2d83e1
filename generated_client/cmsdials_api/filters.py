# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The filters of each operation that lists, as the contract declares them."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import define

if TYPE_CHECKING:
    from inspect import Signature


class _InitSignature:
    """Shows the filters in `help()`, where Python would show `Filters.__new__`."""

    def __get__(self, instance: object, owner: Any) -> "Signature":
        from inspect import signature

        shown = signature(owner.__init__)
        return shown.replace(parameters=list(shown.parameters.values())[1:])


class UnknownFilter(TypeError, AttributeError):
    """A filter that the operation does not take was given to a filter class, or set on filters."""


class Filters:
    """What all filter classes share: a name that the service would silently ignore is an error.

    Attributes:
        PARAMETERS: The filters that the operation takes, and the kind of each: integer, number, string, boolean,
            or the plural of one, which is a list.
        DEPRECATED: Those that only a v1.12 service understands.
    """

    __slots__ = ()
    __signature__ = _InitSignature()

    PARAMETERS: ClassVar[Mapping[str, str]] = {}
    DEPRECATED: ClassVar[frozenset[str]] = frozenset()

    def __new__(cls, *args: Any, **given: Any) -> Self:
        for name in given:
            if not cls.accepts(name):
                raise cls.unknown_filter(name)
        return super().__new__(cls)

    if not TYPE_CHECKING:  # which would take any name for settable

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                super().__setattr__(name, value)
            except AttributeError:
                raise self.unknown_filter(name) from None

    def __attrs_post_init__(self) -> None:
        """Do nothing; the overlay checks the values here."""

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether a filter of this name can be given."""
        return name in cls.PARAMETERS

    @classmethod
    def unknown_filter(cls, name: str) -> Exception:
        """Return the error for a filter that the operation does not take."""
        near = get_close_matches(name, cls.PARAMETERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(cls.PARAMETERS)}"
        return UnknownFilter(f"{cls.__name__} has no filter {name!r}; {hint}")

    def given(self) -> dict[str, Any]:
        """Return the filters that are set, by name, in the order of the contract."""
        return {name: value for name in self.PARAMETERS if (value := getattr(self, name)) is not None}

    def dict(self) -> dict[str, Any]:
        """Return what `given` does, under the name that records have for it."""
        return self.given()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.given().items())})"
        )


@define(kw_only=True, repr=False)
class DatasetIndexFilters(Filters):
    """Filters of `/api/v1/dataset-index/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "dataset": "string",
        "dataset__regex": "string",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class FileIndexFilters(Filters):
    """Filters of `/api/v1/file-index/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        status: State of the file's ingestion, such as PENDING, STARTED, FILE_NOT_AVAILABLE, COPY_ERROR,
            ROOTFILE_ERROR, PARSING_ERROR or FINISHED.
        min_size: Smallest file size, in bytes.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "logical_file_name": "string",
        "logical_file_name__regex": "string",
        "status": "string",
        "min_size": "integer",
        "dataset": "string",
        "dataset__regex": "string",
        "dataset_id": "integer",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    logical_file_name: str | None = None
    logical_file_name__regex: str | None = None
    status: str | None = None
    min_size: int | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    dataset_id: int | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class MEFilters(Filters):
    """Filters of `/api/v1/mes/`; those not given are not sent.

    Attributes:
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        dim: Dimension of its histograms, 1 or 2.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "fields": "strings",
        "me": "string",
        "me__regex": "string",
        "dim": "integer",
    }

    fields: Sequence[str] | None = None
    me: str | None = None
    me__regex: str | None = None
    dim: int | None = None


@define(kw_only=True, repr=False)
class RunFilters(Filters):
    """Filters of `/api/v1/run/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset_id__in: Any of these values, sent comma-separated. Identifier of the dataset, a number of 8 digits such
            as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "dataset_id": "integer",
        "dataset_id__in": "integers",
        "run_number": "integer",
        "run_number__lte": "integer",
        "run_number__gte": "integer",
        "dataset": "string",
        "dataset__regex": "string",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    dataset_id: int | None = None
    dataset_id__in: Sequence[int] | None = None
    run_number: int | None = None
    run_number__lte: int | None = None
    run_number__gte: int | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class LumisectionFilters(Filters):
    """Filters of `/api/v1/lumisection/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "dataset_id": "integer",
        "run_number": "integer",
        "run_number__lte": "integer",
        "run_number__gte": "integer",
        "ls_number": "integer",
        "ls_number__lte": "integer",
        "ls_number__gte": "integer",
        "dataset": "string",
        "dataset__regex": "string",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    dataset_id: int | None = None
    run_number: int | None = None
    run_number__lte: int | None = None
    run_number__gte: int | None = None
    ls_number: int | None = None
    ls_number__lte: int | None = None
    ls_number__gte: int | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class LumisectionHistogram1DFilters(Filters):
    """Filters of `/api/v1/th1/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        me_id: Identifier of the monitoring element within the workspace.
        entries__gte: Lower bound, inclusive. Number of entries of the histogram.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "dataset_id": "integer",
        "file_id": "integer",
        "run_number": "integer",
        "run_number__lte": "integer",
        "run_number__gte": "integer",
        "ls_number": "integer",
        "ls_number__lte": "integer",
        "ls_number__gte": "integer",
        "me_id": "integer",
        "entries__gte": "integer",
        "dataset": "string",
        "dataset__regex": "string",
        "logical_file_name": "string",
        "logical_file_name__regex": "string",
        "me": "string",
        "me__regex": "string",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    dataset_id: int | None = None
    file_id: int | None = None
    run_number: int | None = None
    run_number__lte: int | None = None
    run_number__gte: int | None = None
    ls_number: int | None = None
    ls_number__lte: int | None = None
    ls_number__gte: int | None = None
    me_id: int | None = None
    entries__gte: int | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    logical_file_name: str | None = None
    logical_file_name__regex: str | None = None
    me: str | None = None
    me__regex: str | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class LumisectionHistogram2DFilters(Filters):
    """Filters of `/api/v1/th2/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__lte: Upper bound, inclusive. Number of the run, a period of data taking, such as 367112.
        run_number__gte: Lower bound, inclusive. Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        ls_number__lte: Upper bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        ls_number__gte: Lower bound, inclusive. Number of the lumisection within its run, from 1; one lasts about 23
            seconds.
        me_id: Identifier of the monitoring element within the workspace.
        entries__gte: Lower bound, inclusive. Number of entries of the histogram.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        logical_file_name: Logical name of the file in the CMS store.
        logical_file_name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Logical
            name of the file in the CMS store.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "dataset_id": "integer",
        "file_id": "integer",
        "run_number": "integer",
        "run_number__lte": "integer",
        "run_number__gte": "integer",
        "ls_number": "integer",
        "ls_number__lte": "integer",
        "ls_number__gte": "integer",
        "me_id": "integer",
        "entries__gte": "integer",
        "dataset": "string",
        "dataset__regex": "string",
        "logical_file_name": "string",
        "logical_file_name__regex": "string",
        "me": "string",
        "me__regex": "string",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    dataset_id: int | None = None
    file_id: int | None = None
    run_number: int | None = None
    run_number__lte: int | None = None
    run_number__gte: int | None = None
    ls_number: int | None = None
    ls_number__lte: int | None = None
    ls_number__gte: int | None = None
    me_id: int | None = None
    entries__gte: int | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    logical_file_name: str | None = None
    logical_file_name__regex: str | None = None
    me: str | None = None
    me__regex: str | None = None
    order_by: Sequence[str] | None = None


@define(kw_only=True, repr=False)
class MLModelsIndexFilters(Filters):
    """Filters of `/api/v1/ml-models-index/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        model_id: Identifier of the model; v1.12 only, a newer service ignores it and takes id.
        model_id__in: Any of these values, sent comma-separated. Identifier of the model; v1.12 only, a newer service
            ignores it and takes id.
        filename: Name of the model's file; v1.12 only.
        filename__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model's file; v1.12 only.
        target_me: Monitoring element that the model judges; v1.12 only.
        target_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model judges; v1.12 only.
        active: Whether the model judges new data.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
        id: Identifier of the model; a v1.12 service ignores it and takes model_id.
        id__in: Any of these values, sent comma-separated. Identifier of the model; a v1.12 service ignores it
            and takes model_id.
        name: Name of the model.
        name__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Name of the
            model.
        ready: Whether the model can be served.
        type: Kind of model.
        input_signature_contains_me: Monitoring element that the model takes as an input.
        input_signature_contains_me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Monitoring
            element that the model takes as an input.
        tag_name: Name of a tag that the model has.
        tag_value: Value of a tag that the model has.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "model_id": "integer",
        "model_id__in": "integers",
        "filename": "string",
        "filename__regex": "string",
        "target_me": "string",
        "target_me__regex": "string",
        "active": "boolean",
        "order_by": "strings",
        "id": "integer",
        "id__in": "integers",
        "name": "string",
        "name__regex": "string",
        "ready": "boolean",
        "type": "string",
        "input_signature_contains_me": "string",
        "input_signature_contains_me__regex": "string",
        "tag_name": "string",
        "tag_value": "string",
    }
    DEPRECATED: ClassVar[frozenset[str]] = frozenset(
        ["filename", "filename__regex", "model_id", "model_id__in", "target_me", "target_me__regex"]
    )

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    model_id: int | None = None
    model_id__in: Sequence[int] | None = None
    filename: str | None = None
    filename__regex: str | None = None
    target_me: str | None = None
    target_me__regex: str | None = None
    active: bool | None = None
    order_by: Sequence[str] | None = None
    id: int | None = None
    id__in: Sequence[int] | None = None
    name: str | None = None
    name__regex: str | None = None
    ready: bool | None = None
    type: str | None = None
    input_signature_contains_me: str | None = None
    input_signature_contains_me__regex: str | None = None
    tag_name: str | None = None
    tag_value: str | None = None


@define(kw_only=True, repr=False)
class MLBadLumisectionFilters(Filters):
    """Filters of `/api/v1/ml-bad-lumisection/`; those not given are not sent.

    Attributes:
        next_token: Opaque cursor of the page to answer, taken from the next link of the page before.
        page_size: Rows in a page, by default 10; a number above 500 is cut to 500 without a word.
        fields: Names of the fields to answer, comma-separated; the others are left out of each row.
        model_id: Identifier of the model.
        model_id__in: Any of these values, sent comma-separated. Identifier of the model.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset_id__in: Any of these values, sent comma-separated. Identifier of the dataset, a number of 8 digits such
            as 14677060.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        dataset__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Dataset
            name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        me_id: Identifier of the monitoring element within the workspace.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        me__regex: Regular expression searched in the value (an invalid one is answered with HTML 500). Path of the
            monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        run_number: Number of the run, a period of data taking, such as 367112.
        run_number__in: Any of these values, sent comma-separated. Number of the run, a period of data taking, such as
            367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        order_by: Fields to order the rows by, each descending with a leading minus; sent by repeating the name,
            and published nowhere.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {
        "next_token": "string",
        "page_size": "integer",
        "fields": "strings",
        "model_id": "integer",
        "model_id__in": "integers",
        "dataset_id": "integer",
        "dataset_id__in": "integers",
        "dataset": "string",
        "dataset__regex": "string",
        "me_id": "integer",
        "me": "string",
        "me__regex": "string",
        "run_number": "integer",
        "run_number__in": "integers",
        "ls_number": "integer",
        "order_by": "strings",
    }

    next_token: str | None = None
    page_size: int | None = None
    fields: Sequence[str] | None = None
    model_id: int | None = None
    model_id__in: Sequence[int] | None = None
    dataset_id: int | None = None
    dataset_id__in: Sequence[int] | None = None
    dataset: str | None = None
    dataset__regex: str | None = None
    me_id: int | None = None
    me: str | None = None
    me__regex: str | None = None
    run_number: int | None = None
    run_number__in: Sequence[int] | None = None
    ls_number: int | None = None
    order_by: Sequence[str] | None = None


__all__ = (
    "DatasetIndexFilters",
    "FileIndexFilters",
    "Filters",
    "LumisectionFilters",
    "LumisectionHistogram1DFilters",
    "LumisectionHistogram2DFilters",
    "MEFilters",
    "MLBadLumisectionFilters",
    "MLModelsIndexFilters",
    "RunFilters",
    "UnknownFilter",
)
