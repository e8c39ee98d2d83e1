"""The smaller things that DIALS answers: workspaces, and what it asks of other CMS services for its users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from cmsdials_api import operations

from cmsdials.errors import (
    AuthenticationError,
    FilterError,
    GatewayError,
    IncompleteBodyError,
    NotFoundError,
    RequestFailedError,
    RequestTimeoutError,
    SchemaError,
)
from cmsdials.filters import checked_value
from cmsdials.http.retry import Retries
from cmsdials.http.session import Session
from cmsdials.models import CertificationFile
from cmsdials.table import decode

__all__ = ["CAF", "BrilWS", "RunRegistry", "Workspaces"]

T = TypeVar("T")

_ADVICE: Mapping[type[RequestFailedError], str] = {
    AuthenticationError: "Log in again, and check that the account may use DIALS.",
    GatewayError: "DIALS, or the service that it asks, took too long: try again later.",
    IncompleteBodyError: "Nothing of this answer was used. Try again.",
    RequestTimeoutError: "DIALS, or the service that it asks, took too long: try again later, or raise timeout=.",
}


class _Service:
    """What these share: none of them is of a workspace, so no Workspace header goes out.

    Attributes:
        name: Its attribute of `Dials`.
        not_found: What to do where the service has nothing to answer.
    """

    name: ClassVar[str]
    not_found: ClassVar[str]

    def __init__(self, session: Session) -> None:
        self._session = session

    def _ask(self, request: Mapping[str, Any], read: Callable[[bytes], T], retries: Retries) -> T:
        try:
            return self._session.perform(request, read, retries=retries, workspace=False)
        except RequestFailedError as error:
            error.advise({**_ADVICE, NotFoundError: self.not_found})
            raise

    def __repr__(self) -> str:
        return f"<{self.name} of {self._session.base_url}>"


class Workspaces(_Service):
    """The workspaces of the service, one for each detector group."""

    name = "workspaces"
    not_found = "This DIALS has no such path: check base_url, route and version."

    def list(self, *, retries: Retries = None) -> Any:
        """Fetch the workspaces.

        Returns:
            JSON as the service sends it: a v1.12 service sends {"workspaces": [names]}, the shape of a newer
            one's answer is not published.

        Raises:
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        return self._either(
            operations.list_workspaces.request(), operations.list_workspaces_v1_12.request(), retries
        )

    def default(self, *, retries: Retries = None) -> Any:
        """Fetch the workspace that answers when none is named. Returns and raises as `list`."""
        return self._either(
            operations.get_default_workspace.request(),
            operations.get_default_workspace_v1_12.request(),
            retries,
        )

    my_workspace = default
    """The name that cmsdials 2.x has for `default`."""

    def _either(self, newer: Mapping[str, Any], v1_12: Mapping[str, Any], retries: Retries) -> Any:
        try:
            return self._ask(newer, decode.read_json, retries)
        except NotFoundError:
            return self._ask(v1_12, decode.read_json, retries)


class CAF(_Service):
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
            FilterError: There is no such kind, or class_name is no text.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        if kind not in ("golden", "muon", "dcs"):
            message = f"there is no certification file of kind {kind!r}; there are golden, muon and dcs"
            raise FilterError(message)
        request = operations.get_caf.request(
            class_name=checked_value("class_name", "string", class_name), kind=kind
        )
        return self._ask(request, lambda body: decode.read_row(body, CertificationFile, self.name), retries)


class RunRegistry(_Service):
    """The CMS Run Registry."""

    name = "runregistry"
    not_found = (
        "The Run Registry knows nothing of these names: check class_name, dataset_name and global_state."
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
            FilterError: An argument is no text.
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


class BrilWS(_Service):
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
            unit: Unit of the luminosity, /ub unless told.
            byls: A row for each lumisection.
            scope: Which part of the answer, all unless told.
            brilws_version: Version of the BRIL work suite.
            connect: Connection of brilcalc to its database.
            retries: As in `CAF.get`.

        Returns:
            JSON as brilcalc gives it.

        Raises:
            FilterError: An argument is of the wrong kind, or there is no such scope.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        if scope not in (None, "all", "detailed", "summary"):
            message = f"there is no scope {scope!r}; there are all, detailed and summary"
            raise FilterError(message)
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
