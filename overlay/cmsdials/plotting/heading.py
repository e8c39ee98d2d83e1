"""What stands above a plot: its title, and the label of CMS."""

from __future__ import annotations

import re

from attrs import fields, frozen

from cmsdials.errors import ConfigurationError
from cmsdials.redaction import printable, shortened

__all__ = ["Heading"]

_MOST_LINES = 3
_LONGEST = 500  # letters of a title that is given
_PARTS = re.compile(r"[^/_ ]*[/_ ]|[^/_ ]+")


@frozen
class Heading:
    """What users say of it.

    Attributes:
        title: In place of what is shown; empty for none; None for what is shown.
        cms_label: Words after CMS, such as Internal, as mplhep draws them; empty for CMS alone; None for no label.
        year: When the data were taken.
        energy: Energy of the collisions: a number in TeV, or text such as "5.36 TeV".
    """

    title: str | None
    cms_label: str | None
    year: int | str | None
    energy: float | str | None

    def __attrs_post_init__(self) -> None:
        for one in fields(type(self)):
            value = getattr(self, one.name)
            kinds = {"year": int | str, "energy": int | float | str}.get(one.name, str)
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
                message = f"{one.name} cannot be {shortened(repr(value), 60)}"
                advice = 'Write title="Charge", cms_label="Internal", year=2024, energy=13.6.'
                raise ConfigurationError(message, advice=advice)

    @property
    def when(self) -> str:
        """The year and the energy in words."""
        energy = f"{self.energy:g} TeV" if isinstance(self.energy, int | float) else str(self.energy or "")
        year = "" if self.year is None else str(self.year)
        return f"{year} ({energy})" if year and energy else year or energy

    def words(self, me: str, when: str, dataset: str, letters: int) -> str:
        """Return the title, in lines of so many letters; those of `when`, and the dataset, stand on one where they fit."""
        if self.title is not None:
            said = [printable(line, _LONGEST) for line in self.title.splitlines()]
            return "\n".join(part for line in said for part in _wrapped(line, letters))
        first, *others = when.split("\n")
        lines = [f"{first}, {self.when}" if self.cms_label is None and self.when else first]
        for part in filter(None, [*others, dataset]):
            together = f"{lines[-1]}, {part}"
            lines[-1:] = [together] if len(together) <= letters else [lines[-1], part]
        return "\n".join(part for line in [me, *lines] if line for part in _ends(_wrapped(line, letters)))


def _wrapped(line: str, letters: int) -> list[str]:
    """Break a line after slashes, underscores and blanks."""
    lines = [""]
    for whole in _PARTS.findall(line):
        for part in (whole[at : at + letters] for at in range(0, len(whole), letters)):
            if len(lines[-1]) + len(part) > letters:
                lines.append("")
            lines[-1] += part
    return lines


def _ends(lines: list[str]) -> list[str]:
    """Return the last ones, if there are many: what the end of a path says is what it is."""
    if len(lines) <= _MOST_LINES:
        return lines
    kept = lines[-_MOST_LINES:]
    return [f"\N{HORIZONTAL ELLIPSIS}{kept[0][1:]}", *kept[1:]]
