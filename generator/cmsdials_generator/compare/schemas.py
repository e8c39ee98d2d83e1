"""Comparing schemas, and what they hold: alternatives, enums, formats, limits, items and fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, evolve, field

from .change import Change, Value
from .document import Document, mapping, pure_reference, sequence, short, text
from .kinds import NOTHING, OPAQUE_KEYWORDS, Kind, covers
from .limits import changed_limits
from .normal_form import label, normal_form
from .place import Place, of_component
from .severity import Direction, Effect, Severity, bound_severity, effect_of_rule, severity

_SIZES = {"int32": 0, "int64": 1, "float": 0, "double": 1}
_ANY_SIZE = 2
_DECODED = frozenset({"date", "date-time", "time", "duration", "uuid", "binary", "byte"})
"""Formats that decide what a client makes of a string; the others only describe it."""

_ALWAYS_SENT = (
    "a client generated from it refuses what an older service answers without it: make it optional with a repair "
    "until every service sends it"
)

Kinds = tuple[Kind, ...]


@define
class Schemas:
    """The comparison of what one operation sends, or of what it answers, and the list of what it has found.

    Attributes:
        old: the contract.
        new: the published document.
        operation: the operation that this is about.
        direction: the way in which the values travel.
        found: the changes.
        active: the pairs of schemas being compared further up, so that recursive ones come to an end.
        done: the pairs of components that were seen compared.
    """

    old: Document
    new: Document
    operation: str
    direction: Direction
    found: list[Change] = field(factory=list)
    active: set[tuple[str, ...]] = field(factory=set)
    done: set[tuple[str, ...]] = field(factory=set)

    # What was found.

    def report(
        self,
        severity: Severity,
        place: Place,
        what: str,
        old: Value = None,
        new: Value = None,
        note: str = "",
    ) -> None:
        """Note a change."""
        self.found.append(Change(severity, str(place), what, old, new, (self.operation,), note))

    def judge(self, effect: Effect, place: Place, what: str, old: Value = None, new: Value = None) -> None:
        """Note a change by what it does to the set of values."""
        self.report(severity(effect, self.direction), place, what, old, new)

    def added(self, place: Place, what: str, name: Value = None, *, required: bool) -> None:
        """Note something new, which breaks a client only if it has to be sent."""
        if required and self.direction == "request":
            self.report("breaking", place, f"required {what} added", None, name)
        else:
            note = _ALWAYS_SENT if required and what == "field" else ""
            self.report("compatible", place, f"{what} added", None, name, note)

    def required(self, place: Place, old: bool, new: bool) -> None:
        """Note whether something became required, or no longer is."""
        if old != new:
            what = "newly required" if new else "no longer required"
            effect: Effect = "narrowed" if new else "widened"
            note = _ALWAYS_SENT if new and self.direction == "answer" else ""
            self.report(severity(effect, self.direction), place, what, old, new, note)

    def deprecated(self, place: Place, old: Any, new: Any) -> None:
        """Note a change of a flag `deprecated`."""
        before, after = old is True, new is True
        if before != after:
            what = "deprecated" if after else "no longer deprecated"
            self.report("compatible", place, what, before, after)

    # Whole schemas.

    def compare(self, old: Any, new: Any, place: Place) -> None:
        """Compare two schemas that stand at `place`."""
        pair = (text(old), text(new))
        if pair in self.active:
            return  # A schema within itself: equal if the rest of it is.
        reference = pure_reference(old)
        if reference and pure_reference(new):
            place = place.home(reference)
            if (str(place), *pair) in self.done:
                return
            self.done.add((str(place), *pair))
        self.active.add(pair)
        self._annotations(old, new, place)
        self._alternatives(normal_form(self.old, old), normal_form(self.new, new), place)
        self.active.discard(pair)

    def structures(self, old: Any, new: Any) -> bool:
        """Whether both schemas have arrays or objects, whose writing is a matter of style."""
        return all(
            any(kind.type in ("array", "object") for kind in normal_form(document, schema))
            for document, schema in ((self.old, old), (self.new, new))
        )

    def _annotations(self, old: Any, new: Any, place: Place) -> None:
        before, after = self.old.annotated(old, "deprecated"), self.new.annotated(new, "deprecated")
        self.deprecated(place, before, after)
        before, after = self.old.annotated(old, "default"), self.new.annotated(new, "default")
        if text(before) != text(after):
            what = f"default changed from {text(before)} to {text(after)}"
            self.report("compatible", place, what, short(before), short(after))

    # Their alternatives.

    def _alternatives(self, olds: Kinds, news: Kinds, place: Place) -> None:
        before, after = _anything(olds), _anything(news)
        if before and after:
            self._opaque(before, after, place)
            return
        if before or after:
            self._type_changed(olds, news, "narrowed" if before else "widened", place)
            return
        values = [tuple(kind for kind in kinds if kind.type != "null") for kinds in (olds, news)]
        if all(values):
            nullable = len(values[0]) < len(olds), len(values[1]) < len(news)
            if nullable[0] != nullable[1]:
                what = "newly nullable" if nullable[1] else "no longer nullable"
                self.judge("widened" if nullable[1] else "narrowed", place, what, *nullable)
            olds, news = values
        self._values(olds, news, place)

    def _values(self, olds: Kinds, news: Kinds, place: Place) -> None:
        pairs = self._paired(olds, news, place)
        for before, after in pairs:
            self._kind(before, after, place)
        gone = [kind for kind in olds if not any(kind is before for before, _ in pairs)]
        come = [kind for kind in news if not any(kind is after for _, after in pairs)]
        lost = not all(any(covers(new, old) or self._same(old, new, place) for new in news) for old in gone)
        won = not all(any(covers(old, new) or self._same(old, new, place) for old in olds) for new in come)
        if lost or won:
            effect: Effect = "changed" if lost and won else "narrowed" if lost else "widened"
            is_retyped = len(gone) == len(come) == 1 and {gone[0].type, come[0].type}.isdisjoint(
                {None, NOTHING}
            )
            # A changed type always breaks: code has been written for the old one.
            self._type_changed(olds, news, "changed" if is_retyped else effect, place)
        if len(gone) == len(come) == 1 and {gone[0].type, come[0].type} == {"integer", "number"}:
            self._kind(gone[0], come[0], place)

    def _paired(self, olds: Kinds, news: Kinds, place: Place) -> list[tuple[Kind, Kind]]:
        """Pair alternatives of the same type, the most similar ones first."""
        if len(olds) == len(news) == 1:  # mostly; and measuring costs a comparison at every level of a schema
            return [(olds[0], news[0])] if olds[0].type == news[0].type else []
        costs = sorted(
            (self._distance(before, after, place), before.name != after.name, i, j)
            for i, before in enumerate(olds)
            for j, after in enumerate(news)
            if before.type == after.type
        )
        left, right = set(range(len(olds))), set(range(len(news)))
        pairs = []
        for _, _, i, j in costs:
            if i in left and j in right:
                left.discard(i)
                right.discard(j)
                pairs.append((olds[i], news[j]))
        return pairs

    def _same(self, old: Kind, new: Kind, place: Place) -> bool:
        return old.type == new.type and self._distance(old, new, place) == 0

    def _distance(self, old: Kind, new: Kind, place: Place) -> int:
        probe = evolve(self, found=[], active=set(self.active), done=set())
        probe._kind(old, new, place)
        return len(probe.found)

    def _type_changed(self, olds: Kinds, news: Kinds, effect: Effect, place: Place) -> None:
        old, new = label(self.old, olds), label(self.new, news)
        how = {"narrowed": "removed", "widened": "added", "changed": "replaced"}[effect]
        what = f"type changed from {old} to {new}" if old != new else f"an alternative {how}"
        self.judge(effect, place, what, old, new)

    # Two alternatives of the same type (or integer with number).

    def _kind(self, old: Kind, new: Kind, place: Place) -> None:
        if old.name is not None:
            place = of_component(old.name)
            key = (str(place), text([new.type, new.keywords]))
            if key in self.done:
                return
            self.done.add(key)
        self._enum(old.enum, new.enum, place)
        self._format(old, new, place)
        self._limits(old, new, place)
        self._opaque(old, new, place)
        if old.type == "array":
            self.compare(old.keywords.get("items", True), new.keywords.get("items", True), place.items())
        elif old.type == "object":
            self._fields(old, new, place)
            self._other_fields(old, new, place)

    def _enum(self, olds: list[Any] | None, news: list[Any] | None, place: Place) -> None:
        if olds is None and news is None:
            return
        listed = _listed(olds), _listed(news)
        if olds is None:
            self.judge("narrowed", place, "values newly limited to a list", *listed)
        elif news is None:
            self.report("compatible", place, "values no longer limited to a list", *listed)
        else:
            before, after = (dict.fromkeys(map(text, values)) for values in (olds, news))
            for value in before.keys() - after.keys():
                self.report("breaking", place, f"enum value removed: {value}", *listed)
            for value in after.keys() - before.keys():
                self.report("compatible", place, f"enum value added: {value}", *listed)

    def _format(self, old: Kind, new: Kind, place: Place) -> None:
        before, after = _format_name(old), _format_name(new)
        if before == after or old.type != new.type:
            return
        size, later = (_SIZES.get(one or "", _ANY_SIZE) for one in (before, after))
        effect = effect_of_rule(before, after)
        if old.type != "string" and size != later:
            effect = "widened" if later > size else "narrowed"
        judge = severity if _DECODED & {before, after} else bound_severity
        what = f"format changed from {_or_none(before)} to {_or_none(after)}"
        self.report(judge(effect, self.direction), place, what, short(before), short(after))

    def _limits(self, old: Kind, new: Kind, place: Place) -> None:
        for keyword, before, after, effect in changed_limits(old.keywords, new.keywords):
            what = f"{keyword} changed from {_or_none(before)} to {_or_none(after)}"
            self.report(bound_severity(effect, self.direction), place, what, short(before), short(after))

    def _opaque(self, old: Kind, new: Kind, place: Place) -> None:
        for keyword in OPAQUE_KEYWORDS:
            before, after = old.keywords.get(keyword), new.keywords.get(keyword)
            if text(self.old.expanded(before)) != text(self.new.expanded(after)):
                effect = effect_of_rule(before, after)
                how = {"narrowed": "added", "widened": "removed", "changed": "changed"}[effect]
                self.judge(effect, place, f"{keyword} {how}", short(before), short(after))

    # Objects.

    def _fields(self, old: Kind, new: Kind, place: Place) -> None:
        olds, news = _fields(self.old, old, self.direction), _fields(self.new, new, self.direction)
        described = [mapping(kind.keywords.get("properties")) for kind in (old, new)]
        required = [sequence(kind.keywords.get("required")) for kind in (old, new)]
        for name, schema in olds.items():
            here = place.field(name)
            # A field that is still `required` but no longer described was removed, and the list not updated.
            if name not in news or (name in described[0] and name not in described[1]):
                self.report("breaking", here, "field removed", label(self.old, normal_form(self.old, schema)))
                continue
            self.required(here, name in required[0], name in required[1])
            self.compare(schema, news[name], here)
        for name, schema in news.items():
            if name not in olds:
                kind = label(self.new, normal_form(self.new, schema))
                self.added(place.field(name), "field", kind, required=name in required[1])

    def _other_fields(self, old: Kind, new: Kind, place: Place) -> None:
        """Compare the fields that an object may have beside those it names."""
        before, after = (kind.keywords.get("additionalProperties", True) for kind in (old, new))
        was_open, is_open = (
            any(kind.type != NOTHING for kind in normal_form(document, schema))
            for document, schema in ((self.old, before), (self.new, after))
        )
        if was_open and is_open:
            self.compare(before, after, place.field("*"))
        elif was_open:
            # In a map these are the only fields, so removing them breaks readers too.
            is_map = not mapping(old.keywords.get("properties"))
            effect: Effect = "changed" if is_map else "narrowed"
            self.judge(effect, place, "other fields no longer allowed", True, False)
        elif is_open:
            self.report("compatible", place, "other fields newly allowed", False, True)


def _anything(kinds: Iterable[Kind]) -> Kind | None:
    return next((kind for kind in kinds if kind.type is None), None)


def _fields(document: Document, kind: Kind, direction: Direction) -> dict[str, Any]:
    """List the fields that travel in this direction; one that is only `required` may hold anything."""
    properties = mapping(kind.keywords.get("properties"))
    named = [name for name in sequence(kind.keywords.get("required")) if isinstance(name, str)]
    hidden = "readOnly" if direction == "request" else "writeOnly"
    return {
        name: properties.get(name, True)
        for name in dict.fromkeys((*properties, *named))
        if document.annotated(properties.get(name), hidden) is not True
    }


def _format_name(kind: Kind) -> str | None:
    name = kind.keywords.get("format")
    return name if isinstance(name, str) else None


def _or_none(value: Any) -> str:
    return "none" if value is None else str(short(value))


def _listed(values: list[Any] | None) -> Value:
    return None if values is None else tuple(map(short, values))
