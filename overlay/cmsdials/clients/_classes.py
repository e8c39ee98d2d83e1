"""Classes that cmsdials 1.8 and 2.4 had, with their constructors, for scripts that name or subclass them.

Each stands for a class of today: what is an instance of that one is an instance of the old one too.
"""

from __future__ import annotations

import json
import logging
import platform
from abc import ABCMeta, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, TypeVar

from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES as TABLES

from cmsdials import filters, models
from cmsdials.auth.client import AuthClient
from cmsdials.dials import Dials
from cmsdials.errors import ConfigurationError, ImpossibleToRefreshTokenError
from cmsdials.http import credentials
from cmsdials.http.credentials import FillsHeaders
from cmsdials.http.request import API_PREFIX, address, checked_base_url
from cmsdials.instances import PRODUCTION, with_slash
from cmsdials.legacy import RESOURCES
from cmsdials.listing.provenance import Origin
from cmsdials.listing.result import Result
from cmsdials.resources.addressed import Addressed
from cmsdials.resources.base import PaginatedResource
from cmsdials.resources.elements import MonitoringElementResource
from cmsdials.resources.histograms import LumisectionHistogram1DResource, LumisectionHistogram2DResource
from cmsdials.resources.index import DatasetIndexResource, FileIndexResource, LumisectionResource, RunResource
from cmsdials.resources.machine_learning import MLBadLumisectionResource, MLModelsIndexResource
from cmsdials.resources.oms import OMS
from cmsdials.resources.workspaces import Workspaces
from cmsdials.runtime.version import client_version
from cmsdials.table.rows import RowStore

logger = logging.getLogger("cmsdials")

RecordT = TypeVar("RecordT", bound=Record)


class _Standing(ABCMeta):
    """Class of the classes that stand for one of today, which they name as `_now`."""

    def __instancecheck__(cls, thing: Any) -> bool:
        return super().__instancecheck__(thing) or ("_now" in vars(cls) and cls._stands_for(thing))

    def _stands_for(cls, thing: Any) -> bool:
        now: type | tuple[type, ...] = vars(cls)["_now"]
        return isinstance(thing, now)


# --- results -------------------------------------------------------------------------------------------------


class _Listed(_Standing):
    def _stands_for(cls, thing: Any) -> bool:
        record: type[Record] = vars(cls)["_now"]
        return isinstance(thing, Result) and issubclass(thing.record, record)


class PaginatedBaseModel(Result[RecordT], metaclass=_Listed):
    """Any result. Called, as scripts do that join rows, it makes a `Result` of rows."""

    __slots__ = ()
    _now: ClassVar[type[Record]] = Record
    _resource: ClassVar[str] = "(rows of a script)"

    def __new__(  # type: ignore[misc]  # what it makes is a result, but not of the class that stands for all
        cls,
        *,
        results: Iterable[RecordT],
        next: str | None = None,
        previous: str | None = None,
        exc_type: str | None = None,
        exc_formatted: str | None = None,
    ) -> Result[RecordT]:
        """Make a result of rows."""
        record: Any = cls._now
        return Result(
            store=RowStore(record, rows=[*results]),
            next=None if next is None else str(next),
            previous=None if previous is None else str(previous),
            exc_type=exc_type,
            exc_formatted=exc_formatted,
            origin=Origin(resource=cls._resource, base_url="", workspace=None, query={}),
        )


# --- clients -------------------------------------------------------------------------------------------------


class BaseAPIClient(metaclass=_Standing):
    """What has the address of an API. Subclasses send their requests themselves.

    Args:
        base_url: Address of the service; default: production.
        route: Path of the API below `base_url`.
        version: Version of the API below `route`.
    """

    _now: ClassVar[Any] = (Addressed, AuthClient)

    PRODUCTION_BASE_URL = PRODUCTION.base_url
    PRODUCTION_API_ROUTE = "api/"
    PRODUCTION_API_VERSION = "v1/"
    default_timeout = 30

    def __init__(
        self, base_url: str | None = None, route: str | None = None, version: str | None = None
    ) -> None:
        self.base_url = checked_base_url(base_url or self.PRODUCTION_BASE_URL)
        self.route = with_slash(route or self.PRODUCTION_API_ROUTE)
        self.version = with_slash(version or self.PRODUCTION_API_VERSION)

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return address(self.base_url, self.route, self.version, API_PREFIX)

    @staticmethod
    def _build_user_agent() -> str:
        return f"cmsdials/{client_version()} (python/{platform.python_version()})"


class BaseAuthorizedAPIClient(BaseAPIClient):
    """A `BaseAPIClient` with credentials, and a workspace to ask.

    Args:
        creds: Credentials, from `cmsdials.auth`.
        workspace: The workspace; None for the user's default one.
        base_url: As of `BaseAPIClient`, like the others.
        route: The same.
        version: The same.
    """

    _now: ClassVar[Any] = (PaginatedResource, MonitoringElementResource)

    def __init__(
        self,
        creds: FillsHeaders,
        workspace: str | None = None,
        base_url: str | None = None,
        route: str | None = None,
        version: str | None = None,
    ) -> None:
        super().__init__(base_url, route, version)
        self.creds = creds
        self.workspace = workspace

    def _build_headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._build_user_agent()}
        if self.workspace:
            headers["Workspace"] = self.workspace
        self.creds.before_request(headers)
        return headers


class BaseAuthorizedNonPaginatedAPIClient(BaseAuthorizedAPIClient):
    """A client of the list at `lookup_url`, which is one that `Dials` has."""

    _now: ClassVar[Any] = MonitoringElementResource

    lookup_url = ""

    @property
    def _resource(self) -> Any:
        for name, table in TABLES.items():
            if table.path == API_PREFIX + self.lookup_url:
                return getattr(
                    Dials(self.creds, self.workspace, self.base_url, self.route, self.version), name
                )
        message = f"{type(self).__name__}.lookup_url is {self.lookup_url!r}, which is no list of the service"
        known = ", ".join(table.path.removeprefix(API_PREFIX) for table in TABLES.values())
        raise ConfigurationError(message, advice=f"There are {known}.")

    def list(self, filters: Any = None, retries: Any = None) -> Any:
        """Fetch what the resource of `Dials` does."""
        return self._resource.list(filters, retries)


class BaseAuthorizedPaginatedAPIClient(BaseAuthorizedNonPaginatedAPIClient):
    """The same, of a list that comes page by page."""

    _now: ClassVar[Any] = PaginatedResource

    def list_all(self, filters: Any = None, *arguments: Any, **named: Any) -> Any:
        """Fetch what the resource of `Dials` does, by the same arguments."""
        return self._resource.list_all(filters, *arguments, **named)


class _Service:
    """Makes a resource by the arguments of the old clients: without a `Dials`, and without a workspace."""

    def __init__(
        self,
        creds: FillsHeaders,
        base_url: str | None = None,
        route: str | None = None,
        version: str | None = None,
        *,
        workspace: str | None = None,
    ) -> None:
        self.creds = creds
        dials = Dials(creds, workspace, base_url, route, version)
        super().__init__(dials._session)  # type: ignore[call-arg]  # mixed in before a resource


class _Client(_Service):
    """The same, with a workspace."""

    def __init__(
        self,
        creds: FillsHeaders,
        workspace: str | None = None,
        base_url: str | None = None,
        route: str | None = None,
        version: str | None = None,
    ) -> None:
        super().__init__(creds, base_url, route, version, workspace=workspace)


class OMSProxyClient(_Service, OMS, metaclass=_Standing):
    _now = OMS
    lookup_url = "oms-proxy/"


class WorkspaceClient(_Service, Workspaces, metaclass=_Standing):
    _now = Workspaces
    lookup_url = "workspaces/"


class MonitoringElementClient(_Client, MonitoringElementResource, metaclass=_Standing):
    _now = MonitoringElementResource
    lookup_url = "mes/"
    data_model = models.MonitoringElement
    filter_class = filters.MEFilters


def _classes_of(now: type[PaginatedResource[Any, Any]], record: str) -> dict[str, type]:
    """Return the old classes of a resource: its list, and its client."""
    of_record = getattr(models, record)
    listed = _Listed(
        f"Paginated{record}List",
        (PaginatedBaseModel,),
        {"__slots__": (), "_now": of_record, "_resource": now.name, "__module__": __name__},
    )
    client = _Standing(
        f"{record}Client",
        (_Client, now),
        {
            "_now": now,
            "__module__": __name__,
            "__doc__": now.__doc__,
            "lookup_url": TABLES[now.name].path.removeprefix(API_PREFIX),
            "data_model": of_record,
            "pagination_model": listed,
            "filter_class": getattr(filters, f"{record}Filters"),
        },
    )
    return {made.__name__: made for made in (listed, client)}


_NOW: dict[str, type[PaginatedResource[Any, Any]]] = {
    one.name: one
    for one in (
        DatasetIndexResource,
        FileIndexResource,
        LumisectionHistogram1DResource,
        LumisectionHistogram2DResource,
        LumisectionResource,
        MLBadLumisectionResource,
        MLModelsIndexResource,
        RunResource,
    )
}
for _attribute, _record in RESOURCES.values():
    globals().update(_classes_of(_NOW[_attribute], _record))


# --- filters, credentials, files of logins -------------------------------------------------------------------


class CleanableBaseModel(filters.Filters, metaclass=_Standing):
    """Any filters."""

    _now = filters.Filters


class PaginatedBaseFilters(CleanableBaseModel):
    """The filters of any list."""

    _now = filters.Filters


class TokenState(Enum):
    """How long a token still lasts."""

    FRESH = 1
    STALE = 2
    EXPIRED = 3
    INVALID = 4


class BaseCredentials(credentials.BaseCredentials, metaclass=_Standing):
    """Any credentials; base of those of scripts, which say how to `apply` a token and how to `refresh` it."""

    _now = credentials.BaseCredentials

    token: str | None = None
    token_type: str | None = None
    expires_at: datetime | None = None
    expires_in: float | None = None
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    refresh_expires_in: float | None = None

    @abstractmethod
    def apply(self, headers: dict[str, str]) -> None:
        """Put the token into `headers`."""

    @abstractmethod
    def refresh(self) -> None:
        """Get the next token, and say when it expires."""

    @property
    def stale(self) -> bool:
        """Whether the token is about to expire."""
        return _is_over(self.expires_at, timedelta(seconds=min(60, 0.1 * (self.expires_in or 0))))

    @property
    def expired(self) -> bool:
        """Whether the token has expired."""
        return _is_over(self.expires_at)

    @property
    def refresh_expired(self) -> bool:
        """Whether what buys the next token has expired."""
        return _is_over(self.refresh_expires_at)

    @property
    def token_state(self) -> TokenState:
        """How long the token still lasts."""
        if self.expired:
            return TokenState.INVALID if self.refresh_expired else TokenState.EXPIRED
        return TokenState.STALE if self.stale else TokenState.FRESH

    def before_request(self, headers: dict[str, str]) -> None:
        """Put the token into `headers`, refreshed if it has expired or is about to.

        Raises:
            ImpossibleToRefreshTokenError: What buys the next one has expired too.
        """
        state = self.token_state
        if state is TokenState.INVALID:
            raise ImpossibleToRefreshTokenError
        if state is not TokenState.FRESH:
            self.refresh()
        self.apply(headers)


def _is_over(end: datetime | None, margin: timedelta = timedelta(0)) -> bool:
    return end is not None and end.astimezone(UTC) - margin <= datetime.now(UTC)


class TokenEncoder(json.JSONEncoder):
    """Writes times as text."""

    def default(self, o: Any) -> Any:
        """Return what stands for an object in JSON."""
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


class TokenDecoder(json.JSONDecoder):
    """Reads `expires_at` and `refresh_expires_at` as times."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{"object_hook": _with_times, **named})


def _with_times(read: dict[str, Any]) -> dict[str, Any]:
    for name in ("expires_at", "refresh_expires_at"):
        if isinstance(read.get(name), str):
            read[name] = datetime.fromisoformat(read[name])
    return read
