"""What can be chosen: the lists of monitoring elements and of datasets, kept so that they are not fetched twice.

A list is kept for a day, in memory and in a file (`cmsdials.runtime.cache`), by address and workspace. What it does not
hold is looked up in a new one before it is called unknown. Runs grow from minute to minute, so they are never kept.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from attrs import frozen

from cmsdials.errors import DialsError, FilterError, UnknownNameError
from cmsdials.filters import checked_value
from cmsdials.http.retry import Retries
from cmsdials.redaction import shortened
from cmsdials.resources.addressed import Addressed
from cmsdials.resources.emptiness import place_in_words

if TYPE_CHECKING:
    from cmsdials.table.found import Found

__all__ = ["Catalogue", "Listed"]

EntryT = TypeVar("EntryT")

OLDEST = timedelta(days=1)
"""How old a list may be that is kept."""
_NEW = timedelta(minutes=1)
"""A list that is no older is not fetched again because it lacks a name."""


@frozen
class Listed(Generic[EntryT]):
    """A list, as it is kept in memory.

    Attributes:
        place: Address and workspace that it is of.
        retrieved: When it was fetched.
        by_name: Its entries by their names.
        by_id: Its entries by their ids.
    """

    place: tuple[str, str | None]
    retrieved: datetime
    by_name: dict[str, EntryT]
    by_id: dict[int, EntryT]

    def is_within(self, age: timedelta) -> bool:
        """Whether it is no older than that; one from the future is."""
        return timedelta(0) <= _now() - self.retrieved <= age


class Catalogue(Addressed, Generic[EntryT]):
    """What `dials.mes` and `dials.datasets` have in common."""

    _kind: ClassVar[str]
    _what: ClassVar[str]
    _columns: ClassVar[dict[str, type]]
    """Attributes of entries that are shown: the id, the name, and others."""
    _listed: Listed[EntryT] | None = None

    @abstractmethod
    def find(self, name: str | None = None, *, regex: Any = None, retries: Retries = None) -> Found[EntryT]:
        """Search the list."""

    @abstractmethod
    def _fetched_rows(self, retries: Retries) -> list[dict[str, Any]]:
        """Fetch the list."""

    @abstractmethod
    def _entries(self, rows: list[dict[str, Any]]) -> Iterable[EntryT]:
        """Make entries of rows. Raises a DialsError if they are none."""

    def refresh(self, *, retries: Retries = None) -> None:
        """Fetch the list again, and keep it in place of the older one.

        Raises:
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        self._list(retries, refresh=True)

    def _list(self, retries: Retries = None, *, refresh: bool = False) -> Listed[EntryT]:
        """Return the list, from memory, from the file, or from the service."""
        from cmsdials.runtime import cache  # noqa: PLC0415  # for a search only

        workspace = self._session.named_workspace(retries)
        place = (self.api_url, workspace)
        listed = self._listed
        if refresh or listed is None or listed.place != place or not listed.is_within(OLDEST):
            listed = None if refresh else self._kept(place)
            if listed is None:
                rows, retrieved = self._fetched_rows(retries), _now()
                listed = self._made(place, retrieved, rows)
                if workspace is not None:
                    cache.keep(self._kind, self.api_url, workspace, rows, retrieved)
            self._listed = listed
        return listed

    def _kept(self, place: tuple[str, str | None]) -> Listed[EntryT] | None:
        from cmsdials.runtime import cache  # noqa: PLC0415  # for a search only

        address, workspace = place
        kept = None if workspace is None else cache.kept(self._kind, address, workspace)
        if kept is None:
            return None
        try:
            listed = self._made(place, kept.retrieved, kept.rows)
        except DialsError:  # its rows are not what this version knows
            return None
        return listed if listed.is_within(OLDEST) else None

    def _made(
        self, place: tuple[str, str | None], retrieved: datetime, rows: list[dict[str, Any]]
    ) -> Listed[EntryT]:
        number, name = [*self._columns][:2]
        entries = [*self._entries(rows)]
        return Listed(
            place,
            retrieved,
            {getattr(one, name): one for one in entries},
            {getattr(one, number): one for one in entries},
        )

    def _searched(
        self,
        search: Callable[[Listed[EntryT]], list[str]],
        text: object,
        retries: Retries,
        *,
        refresh: bool,
    ) -> Found[EntryT]:
        """Return what a search finds; in a list that is new if there is nothing in the one that is kept."""
        from cmsdials.resources.ranking import nearest_in_words  # noqa: PLC0415  # for a search only
        from cmsdials.table.found import Found  # noqa: PLC0415  # for a search only

        listed = self._list(retries, refresh=refresh)
        names = search(listed)
        if not names and not listed.is_within(_NEW):
            listed = self._list(retries, refresh=True)
            names = search(listed)
        note = "" if names or not isinstance(text, str) else nearest_in_words(text, listed.by_name)
        return Found(
            rows=tuple(listed.by_name[name] for name in names),
            what=self._what,
            columns=self._columns,
            total=len(listed.by_name),
            retrieved=listed.retrieved,
            note=note,
        )

    def _entry(self, key: object, retries: Retries = None) -> EntryT | None:
        if isinstance(key, bool) or not (isinstance(key, str) or hasattr(key, "__index__")):
            return None  # nothing that could be a name or an id
        listed = self._list(retries)
        found = _in(listed, key)
        if found is None and not listed.is_within(_NEW):
            found = _in(self._list(retries, refresh=True), key)
        return found

    def __getitem__(self, key: str | int) -> EntryT:
        """Return the entry with exactly this name, or this id.

        Raises:
            UnknownNameError: There is none, which is a KeyError too; the message has the nearest names.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        return self._one(key)

    def _one(self, key: object, retries: Retries = None) -> EntryT:
        if not isinstance(key, str):
            key = checked_value(f"dials.{self._kind}[...]", "integer", key)
        found = self._entry(key, retries)
        if found is None:
            raise self._unknown(key)
        return found

    def _chosen(self, given: Any, retries: Retries = None) -> dict[int, EntryT]:
        """Return the entries that an argument names, by their ids, in the order in which it names them.

        It may be a name, a glob, an id, a compiled expression, an entry or a record with such an id, or a collection of these.

        Raises:
            UnknownNameError: One of them names nothing.
            FilterError: There are none, or one is something else.
        """
        from cmsdials.resources.ranking import is_glob  # noqa: PLC0415  # for a search only

        number = next(iter(self._columns))
        is_one = (
            isinstance(given, str | bytes | re.Pattern)
            or hasattr(given, number)
            or not isinstance(given, Iterable)
        )
        chosen: dict[int, EntryT] = {}
        for one in [given] if is_one else given:
            key = getattr(one, number, one)
            if isinstance(key, re.Pattern):
                found: Iterable[EntryT] = self.find(regex=key, retries=retries)
            elif isinstance(key, str) and is_glob(key) and key not in self._list(retries).by_name:
                found = self.find(key, retries=retries)
            else:
                found = [self._one(key, retries)]
            if not found:
                raise self._unknown(getattr(key, "pattern", key))
            chosen.update((getattr(entry, number), entry) for entry in found)
        if not chosen:
            message = f"there is no {self._what} to choose: the collection that names them is empty"
            raise FilterError(
                message, advice=f"Name at least one; call dials.{self._kind}.find(...) to search."
            )
        return chosen

    def _unknown(self, key: object) -> UnknownNameError:
        """Return the error for a name, an id or a pattern that the list has not."""
        from cmsdials.resources.ranking import nearest_in_words  # noqa: PLC0415  # for a search only

        listed = self._list()
        message = f"there is no {self._what} {shortened(repr(key), 200)} in {place_in_words(listed.place)}"
        near = nearest_in_words(key, listed.by_name) if isinstance(key, str) else ""
        search = f"Call dials.{self._kind}.find(...) to search."
        return UnknownNameError(message, advice=f"{near[:1].upper()}{near[1:]}. {search}" if near else search)

    def __contains__(self, key: object) -> bool:
        return self._entry(key) is not None

    def __iter__(self) -> Iterator[EntryT]:
        return iter(self._list().by_name.values())

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names that IPython offers behind ``dials.mes["``, as far as they are kept: it must not wait."""
        from cmsdials.runtime import cache  # noqa: PLC0415  # for a search only

        if self._listed is not None:
            return [*self._listed.by_name]
        return cache.cached_names(self._kind, self.base_url, self._session.workspace)


def _in(listed: Listed[EntryT], key: Any) -> EntryT | None:
    return listed.by_name.get(key) if isinstance(key, str) else listed.by_id.get(int(key))


def _now() -> datetime:
    return datetime.now(UTC)
