"""Other CMS services, which DIALS queries for its users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from cmsdials_api import operations

from cmsdials.errors import FilterError, NotFoundError, SchemaError
from cmsdials.filters import checked_value
from cmsdials.http.retry import Retries
from cmsdials.models import CertificationFile
from cmsdials.resources.addressed import Addressed
from cmsdials.resources.advice import OF_SERVICES, Advice, advised
from cmsdials.table import decode

__all__ = ["CAF", "BrilWS", "RunRegistry", "Service"]

T = TypeVar("T")


class Service(Addressed):
    """What these share: none of them depends on a workspace, so no Workspace header is sent.

    Args:
        session: Sends the requests.

    Attributes:
        name: Its attribute of `Dials`.
        not_found: What to do if the service finds nothing.
        advice: What to do about other failures.
    """

    name: ClassVar[str]
    not_found: ClassVar[str]
    advice: ClassVar[Advice] = OF_SERVICES

    def _ask(self, request: Mapping[str, Any], read: Callable[[bytes], T], retries: Retries) -> T:
        with advised({**self.advice, NotFoundError: self.not_found}):
            return self._session.perform(request, read, retries=retries, workspace=False)

    def __repr__(self) -> str:
        return f"<{self.name} of {self._session.base_url}>"


class CAF(Service):
    """Certification files of the CMS analysis facility."""

    name = "caf"
    not_found = "There is no such file: check class_name, such as Collisions24, and kind."

    def get(
        self, class_name: str, kind: Literal["golden", "muon", "dcs"] = "golden", *, retries: Retries = None
    ) -> CertificationFile:
        """Fetch the newest certification file.

        Args:
            class_name: Class of data taking, such as Collisions24.
            kind: golden, muon or dcs.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.

        Returns:
            The file; `content` maps run numbers to inclusive lumisection ranges [first, last].

        Raises:
            FilterError: There is no such kind, or class_name is not text.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        _check_known("certification file of kind", kind, ("golden", "muon", "dcs"))
        request = operations.get_caf.request(
            class_name=checked_value("class_name", "string", class_name), kind=kind
        )
        return self._ask(request, lambda body: decode.read_row(body, CertificationFile, self.name), retries)


class RunRegistry(Service):
    """The CMS Run Registry."""

    name = "runregistry"
    not_found = (
        "The Run Registry has nothing under these names: check class_name, dataset_name and global_state."
    )

    def editable_datasets(
        self, class_name: str, dataset_name: str, global_state: str, *, retries: Retries = None
    ) -> list[int]:
        """Fetch the run numbers of a dataset that are in a state.

        Args:
            class_name: Class of data taking, such as Collisions24.
            dataset_name: Dataset in the Run Registry, such as /PromptReco/Collisions2024B/DQM.
            global_state: State, such as OPEN or COMPLETED.
            retries: As in `CAF.get`.

        Raises:
            FilterError: An argument is not text.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        request = operations.list_editable_datasets.request(
            class_name=checked_value("class_name", "string", class_name),
            dataset_name=checked_value("dataset_name", "string", dataset_name),
            global_state=checked_value("global_state", "string", global_state),
        )
        return self._ask(request, self._run_numbers, retries)

    def _run_numbers(self, body: bytes) -> list[int]:
        runs = decode.read_json(body)
        if not isinstance(runs, list) or not all(isinstance(run, int) for run in runs):
            problem = "is not a list of run numbers"
            raise SchemaError(problem, resource=self.name, field="(the answer)")
        return runs


class BrilWS(Service):
    """Luminosity, as brilcalc of the BRIL work suite computes it."""

    name = "brilws"
    not_found = "There is no such luminosity: check the run, the fill, the period and the tags."

    def brilcalc_lumi(
        self,
        *,
        runnumber: int | None = None,
        fillnum: int | None = None,
        begin: str | None = None,
        end: str | None = None,
        beamstatus: str | None = None,
        amodetag: str | None = None,
        normtag: str | None = None,
        unit: str | None = None,
        byls: bool | None = None,
        scope: Literal["all", "detailed", "summary"] | None = None,
        brilws_version: str | None = None,
        connect: str | None = None,
        retries: Retries = None,
    ) -> dict[str, Any]:
        """Compute luminosity.

        Args:
            runnumber: The run.
            fillnum: The LHC fill.
            begin: Start of the period: a run, a fill or a time as brilcalc takes it.
            end: End of the period, likewise.
            beamstatus: Beam status, such as STABLE BEAMS.
            amodetag: Accelerator mode, such as PROTPHYS.
            normtag: Normalisation tag.
            unit: Unit of the luminosity; default: /ub.
            byls: A row for each lumisection.
            scope: Which part of the answer; default: all.
            brilws_version: Version of the BRIL work suite.
            connect: Connection of brilcalc to its database.
            retries: As in `CAF.get`.

        Returns:
            JSON as brilcalc gives it.

        Raises:
            FilterError: An argument is of the wrong kind, or there is no such scope.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        if scope is not None:
            _check_known("scope", scope, ("all", "detailed", "summary"))
        request = operations.get_brilcalc_lumi.request(
            runnumber=_if_given("runnumber", "integer", runnumber),
            fillnum=_if_given("fillnum", "integer", fillnum),
            begin=begin,
            end=end,
            beamstatus=beamstatus,
            amodetag=amodetag,
            normtag=normtag,
            unit=unit,
            byls=_if_given("byls", "boolean", byls),
            scope=scope,
            brilws_version=brilws_version,
            connect=connect,
        )
        return self._ask(request, lambda body: decode.read_object(body, self.name), retries)


def _if_given(name: str, kind: str, value: Any) -> Any:
    return None if value is None else checked_value(name, kind, value)


def _check_known(what: str, value: str, known: tuple[str, str, str]) -> None:
    if value not in known:
        message = f"there is no {what} {value!r}; there are {known[0]}, {known[1]} and {known[2]}"
        raise FilterError(message)
