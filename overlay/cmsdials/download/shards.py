"""The parts into which several processes, each with a number, divide the files of one download. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Self

from attrs import frozen

from cmsdials.errors import ConfigurationError

__all__ = ["Shard", "shares"]

_MOST = 10_000


@frozen(order=True)
class Shard:
    """One of several processes that share a download.

    Attributes:
        of: How many they are.
        number: Which one this is, counted from 1.
    """

    of: int
    number: int

    @classmethod
    def parse(cls, given: str) -> Self:
        """Read text such as ``2/8``.

        Raises:
            ConfigurationError: It is something else.
        """
        checked: object = given
        found = (
            re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", checked, re.ASCII)
            if isinstance(checked, str)
            else None
        )
        if found is None:
            message = f"a shard is a text such as '2/8', the second of eight, not {given!r}"
            raise ConfigurationError(message)
        number, of = int(found[1]), int(found[2])
        if not 1 <= number <= of:
            message = f"there is no shard {number} of {of}: they are counted from 1 to {of}"
            advice = "In a submit file of HTCondor, where $(Process) begins at 0, write $INT(shard) with shard = $(Process) + 1."
            raise ConfigurationError(message, advice=advice)
        if of > _MOST:
            message = f"{of} shards are more than the {_MOST} that there can be"
            raise ConfigurationError(message)
        return cls(of, number)

    @classmethod
    def of_name(cls, name: str) -> Self | None:
        """Return whose file has a name that begins with that of a shard; None if it is none's."""
        found = re.match(r"(\d{1,9})-of-(\d{1,9})[-.]", name, re.ASCII)
        made = cls(int(found[2]), int(found[1])) if found else None
        return made if made is not None and 1 <= made.number <= made.of <= _MOST else None

    @property
    def name(self) -> str:
        """How its own files are called."""
        return f"{self.number}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shares(plans: Iterable[Mapping[str, int]], of: int) -> dict[str, Shard]:
    """Divide files, so that each shard has about as many rows as the others.

    What is in the first plans stays where it is, whatever is planned later.

    Args:
        plans: The files planned at one time, one plan after the other: paths, and how many rows each is expected to have.
        of: Number of shards.

    Returns:
        Who has each path.
    """
    held = [(0, number) for number in range(1, of + 1)]
    heapify(held)
    given: dict[str, Shard] = {}
    for plan in plans:
        for path, rows in sorted(plan.items(), key=lambda one: (-one[1], one[0])):
            if path not in given:
                has, number = heappop(held)
                given[path] = Shard(of, number)
                heappush(held, (has + rows, number))
    return given
