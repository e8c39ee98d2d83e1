"""The Overlay engine: what an action may change, what makes it stale, and that groups stand or fall together.

A correction that silently stops applying is how a false document comes back, so most rows here are about
refusing.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from attrs import evolve
from cmsdials_generator import canonical
from cmsdials_generator.overlay_document import (
    Action,
    Applied,
    InvalidOverlay,
    Stale,
    apply_overlay,
    load_overlay,
    parse_overlay,
)
from cmsdials_generator.pull import OVERLAYS
from cmsdials_generator.revert import revert

Json = Any

OURS = "ours.overlay.yaml"


def document() -> dict[str, Json]:
    """A small document with one object, one list of parameters and one list of names."""
    return {
        "paths": {
            "/run/": {
                "get": {
                    "parameters": [
                        {"name": "run_number", "in": "query", "schema": {"type": "int"}},
                        {"name": "page", "in": "query", "schema": {"type": "number"}},
                    ],
                    "deprecated": False,
                }
            }
        },
        "components": {
            "schemas": {
                "Run": {
                    "type": "object",
                    "required": ["run_number"],
                    "properties": {"run_number": {"type": "int"}, "dataset": {"type": "string"}},
                }
            }
        },
    }


PARAMETERS = "$.paths['/run/'].get.parameters"
RUN = "$.components.schemas.Run"


def action(target: str, **parts: Json) -> dict[str, Json]:
    """An action as it stands in an Overlay document; expect, group and rename are given without their x-."""
    raw = {"target": target, "description": "The service does otherwise."}
    extensions = {"expect", "group", "rename"}
    return raw | {f"x-{key}" if key in extensions else key: part for key, part in parts.items()}


def overlay(*actions: dict[str, Json]) -> dict[str, Json]:
    return {"overlay": "1.0.0", "info": {"title": "ours", "version": "1"}, "actions": list(actions)}


def applied(*actions: dict[str, Json]) -> Applied:
    return apply_overlay(document(), parse_overlay(OURS, overlay(*actions)))


def changed(path: str, value: Json) -> dict[str, Json]:
    """The document with the value at a path of keys (`components schemas Run type`) set, or deleted."""
    expected = document()
    *way, last = (int(step) if step.isdigit() else step for step in path.split(" "))
    node: Json = expected
    for step in way:
        node = node[step]
    if value is DELETED:
        del node[last]
    else:
        node[last] = value
    return expected


DELETED = object()


FITTING = {
    "an absent key is added": (
        action(RUN, update={"additionalProperties": False}),
        changed("components schemas Run additionalProperties", False),
    ),
    "an absent key is added deep down": (
        action(RUN, update={"properties": {"dataset": {"nullable": True}}}),
        changed("components schemas Run properties dataset", {"type": "string", "nullable": True}),
    ),
    "a stated value is overwritten": (
        action(f"{RUN}.properties.run_number", expect={"type": "int"}, update={"type": "integer"}),
        changed("components schemas Run properties run_number type", "integer"),
    ),
    "a value stated deep down is overwritten": (
        action(
            RUN,
            expect={"properties": {"run_number": {"type": "int"}}},
            update={"properties": {"run_number": {"type": "integer"}}},
        ),
        changed("components schemas Run properties run_number type", "integer"),
    ),
    "a stated false is overwritten": (
        action("$.paths['/run/'].get", expect={"deprecated": False}, update={"deprecated": True}),
        changed("paths /run/ get deprecated", True),
    ),
    "a list in an object is appended to": (
        action(RUN, update={"required": ["dataset"]}),
        changed("components schemas Run required", ["run_number", "dataset"]),
    ),
    "a list is appended to": (
        action(PARAMETERS, update={"name": "dataset", "in": "query"}),
        changed(
            "paths /run/ get parameters",
            [*document()["paths"]["/run/"]["get"]["parameters"], {"name": "dataset", "in": "query"}],
        ),
    ),
    "a parameter of the same name in another place is appended": (
        action(PARAMETERS, update={"name": "page", "in": "header"}),
        changed(
            "paths /run/ get parameters",
            [*document()["paths"]["/run/"]["get"]["parameters"], {"name": "page", "in": "header"}],
        ),
    ),
    "one item of a list is selected": (
        action(
            f"{PARAMETERS}[?@.name=='run_number'].schema",
            expect={"type": "int"},
            update={"type": "integer"},
        ),
        changed("paths /run/ get parameters 0 schema", {"type": "integer"}),
    ),
    "a key is removed": (
        action(f"{RUN}.properties.dataset", expect={"type": "string"}, remove=True),
        changed("components schemas Run properties dataset", DELETED),
    ),
    "an item of a list is removed": (
        action(
            f"{PARAMETERS}[?@.name=='page']",
            expect={"name": "page", "in": "query", "schema": {"type": "number"}},
            remove=True,
        ),
        changed("paths /run/ get parameters 1", DELETED),
    ),
    "a plain value is removed": (
        action("$.paths['/run/'].get.deprecated", expect=False, remove=True),
        changed("paths /run/ get deprecated", DELETED),
    ),
    "a key is renamed": (
        action(f"{RUN}.properties.dataset", expect={"type": "string"}, rename="name"),
        changed(
            "components schemas Run properties", {"run_number": {"type": "int"}, "name": {"type": "string"}}
        ),
    ),
    "a path is renamed whatever stands under it": (
        action("$.paths['/run/']", rename="/runs/"),
        {"paths": {"/runs/": document()["paths"]["/run/"]}, "components": document()["components"]},
    ),
    "that a field is there can be expected without more": (
        action(RUN, expect={"properties": {"dataset": {}}}, update={"required": ["dataset"]}),
        changed("components schemas Run required", ["run_number", "dataset"]),
    ),
    "what is only expected stays": (
        action(RUN, expect={"type": "object"}, update={"nullable": True}),
        changed("components schemas Run nullable", True),
    ),
}


@pytest.mark.parametrize(("raw", "expected"), FITTING.values(), ids=FITTING.keys())
def test_a_fitting_action_takes_effect(raw: Json, expected: Json) -> None:
    result = applied(raw)
    assert result.document == expected
    assert [one.target for one in result.actions] == [raw["target"]]
    assert result.stale == ()


REFUSED = {
    "no such target": (
        action("$.components.schemas.Lumisection", update={"nullable": True}),
        "the target is not there",
    ),
    "no such item": (
        action(f"{PARAMETERS}[?@.name=='me']", update={"required": False}),
        "the target is not there",
    ),
    "two targets": (action(f"{PARAMETERS}[*].schema", update={"nullable": True}), "matches 2 nodes"),
    "a value that is not stated": (
        action(f"{RUN}.properties.run_number", update={"type": "integer"}),
        "type is published now, as 'int'",
    ),
    "a value that is not stated, though it would not change": (
        action(RUN, update={"type": "object"}),
        "type is published now, as 'object'",
    ),
    "a value that is not stated deep down": (
        action(
            RUN,
            expect={"type": "object"},
            update={"properties": {"run_number": {"type": "integer"}}},
        ),
        "properties.run_number.type is published now, as 'int'",
    ),
    "a value other than stated": (
        action(f"{RUN}.properties.dataset", expect={"type": "int"}, update={"type": "integer"}),
        "type is 'string'",
    ),
    "a value other than stated deep down": (
        action(RUN, expect={"properties": {"dataset": {"type": "int"}}}, update={"nullable": True}),
        "properties.dataset.type is 'string'",
    ),
    "a stated key that is absent": (
        action(RUN, expect={"nullable": True}, update={"nullable": False}),
        "nullable is not there",
    ),
    "a stated field that is absent": (
        action(RUN, expect={"properties": {"era": {"type": "string"}}}, update={"nullable": True}),
        "properties.era is not there",
    ),
    "an item that stands there": (
        action(RUN, update={"required": ["run_number"]}),
        "'run_number' is published now",
    ),
    "a key that is taken": (
        action("$.paths", expect={"/run/": {}}, update={"/run/": {"post": {}, "get": {"deprecated": True}}}),
        "/run/.get.deprecated is published now, as False",
    ),
    "a field to be refined that is absent": (
        action(RUN, expect={"properties": {"era": {}}}, update={"properties": {"era": {"nullable": True}}}),
        "properties.era is not there",
    ),
    "a renamed key that is taken": (
        action(f"{RUN}.properties.dataset", rename="run_number"),
        "run_number is published now",
    ),
    "a renamed node other than stated": (
        action(f"{RUN}.properties.dataset", expect={"type": "int"}, rename="name"),
        "type is 'string'",
    ),
    "a renamed item of a list": (action(f"{PARAMETERS}[0]", rename="first"), "0 is not a key"),
    "a parameter that stands there otherwise": (
        action(PARAMETERS, update={"name": "page", "in": "query", "schema": {"type": "integer"}}),
        "{'name': 'page', 'in': 'query', 'schema': {'type': 'number'}} is published now",
    ),
    "a node that is more than stated": (
        action(f"{PARAMETERS}[?@.name=='page']", expect={"name": "page", "in": "query"}, remove=True),
        "found {'name': 'page'",
    ),
    "a node that is other than stated": (
        action(f"{RUN}.required", expect=["dataset"], remove=True),
        "found ['run_number']",
    ),
    "neither object nor list": (
        action(f"{RUN}.type", update={"type": "array"}),
        "an update needs an object or a list, found 'object'",
    ),
    "an object updated by a list": (
        action(f"{RUN}.properties", update=["dataset"]),
        "an update needs an object or a list, found {",
    ),
}


@pytest.mark.parametrize(("raw", "found"), REFUSED.values(), ids=REFUSED.keys())
def test_an_action_that_does_not_fit_is_stale_and_changes_nothing(raw: Json, found: str) -> None:
    result = applied(raw)
    assert result.document == document()
    assert result.actions == ()
    (stale,) = result.stale
    assert found in stale.found
    assert evolve(stale, found="") == Stale(OURS, raw["target"], "The service does otherwise.", "")


def test_what_is_found_is_shown_shortened() -> None:
    large = document() | {"components": {"schemas": {"Run": {"enum": ["x" * 30] * 30}}}}
    result = apply_overlay(large, parse_overlay(OURS, overlay(action(RUN, expect={}, remove=True))))
    (stale,) = result.stale
    assert len(stale.found) < 140
    assert stale.found.endswith("…")


def test_a_renamed_key_keeps_its_place() -> None:
    result = applied(action(f"{RUN}.properties.run_number", rename="run"))
    assert list(result.document["components"]["schemas"]["Run"]["properties"]) == ["run", "dataset"]


def test_a_group_leaves_no_trace_when_its_last_action_does_not_fit() -> None:
    result = applied(
        action(f"{RUN}.properties.dataset", group="dataset", expect={"type": "string"}, remove=True),
        action(f"{RUN}.properties", group="dataset", update={"dataset": {"type": "integer"}}),
        action(RUN, group="dataset", expect={"type": "array"}, update={"nullable": True}),
    )
    assert result.document == document()
    assert result.actions == ()
    assert [(stale.target, stale.found) for stale in result.stale] == [(RUN, "type is 'object'")]


def test_a_group_is_reported_once_by_the_first_action_that_does_not_fit() -> None:
    result = applied(
        action(f"{RUN}.properties.era", group="era", expect={}, remove=True),
        action(f"{RUN}.properties.data_tier", group="era", expect={}, remove=True),
    )
    assert [stale.target for stale in result.stale] == [f"{RUN}.properties.era"]


def test_actions_without_a_group_stand_alone() -> None:
    result = applied(
        action(f"{RUN}.properties.era", expect={}, remove=True),
        action(RUN, update={"nullable": True}),
    )
    assert result.document == changed("components schemas Run nullable", True)
    assert len(result.stale) == 1


def test_an_action_sees_what_earlier_ones_did() -> None:
    result = applied(
        action(RUN, update={"properties": {"era": {"type": "string"}}}),
        action(f"{RUN}.properties.era", expect={"type": "string"}, update={"nullable": True}),
    )
    assert result.document["components"]["schemas"]["Run"]["properties"]["era"] == {
        "type": "string",
        "nullable": True,
    }


def test_a_group_is_applied_where_its_first_action_stands() -> None:
    result = applied(
        action(RUN, group="first", update={"x": 1}),
        action(RUN, group="second", expect={"x": 2}, update={"y": 1}),
        action(RUN, group="first", expect={"x": 1}, update={"x": 2}),
    )
    assert [one.update for one in result.actions] == [{"x": 1}, {"x": 2}, {"y": 1}]
    assert result.stale == ()


def test_groups_of_two_documents_are_two_groups() -> None:
    fits = parse_overlay("a.yaml", overlay(action(RUN, group="one", update={"x": 1})))
    does_not = parse_overlay("b.yaml", overlay(action(RUN, group="one", expect={"x": 2}, update={"y": 1})))
    result = apply_overlay(document(), fits + does_not)
    assert [one.document for one in result.actions] == ["a.yaml"]
    assert [stale.document for stale in result.stale] == ["b.yaml"]


def test_the_document_given_is_not_changed() -> None:
    given = document()
    before = copy.deepcopy(given)
    apply_overlay(given, parse_overlay(OURS, overlay(*(raw for raw, _ in FITTING.values()))))
    assert given == before


def test_the_result_shares_nothing_with_the_actions() -> None:
    actions = parse_overlay(OURS, overlay(action(RUN, update={"x-list": [], "required": ["dataset"]})))
    first = apply_overlay(document(), actions).document
    first["components"]["schemas"]["Run"]["x-list"].append("spoilt")
    assert apply_overlay(document(), actions).document["components"]["schemas"]["Run"]["x-list"] == []


def test_a_second_application_finds_everything_published() -> None:
    actions = parse_overlay(OURS, overlay(action(PARAMETERS, update={"name": "me", "in": "query"})))
    once = apply_overlay(document(), actions)
    twice = apply_overlay(once.document, actions)
    assert twice.document == once.document
    assert len(twice.stale) == 1


MALFORMED: dict[str, tuple[Json, str]] = {
    "not an object": (["actions"], "not an OpenAPI Overlay 1.0.0 document"),
    "nothing": (None, "not an OpenAPI Overlay 1.0.0 document"),
    "no version": ({"actions": []}, "not an OpenAPI Overlay 1.0.0 document"),
    "another version": ({"overlay": "2.0.0", "actions": []}, "not an OpenAPI Overlay 1.0.0 document"),
    "no list of actions": ({"overlay": "1.0.0"}, "actions is not a list"),
    "actions that are no list": ({"overlay": "1.0.0", "actions": {"target": "$"}}, "actions is not a list"),
    "an action that is no object": ({"overlay": "1.0.0", "actions": ["$"]}, "action 1"),
    "no target": (overlay({"description": "why", "update": {}}), "action 1 (no target): needs a target"),
    "no reason": (overlay({"target": "$", "update": {}}), "action 1 ($): needs a target and"),
    "a reason of blanks": (overlay({"target": "$", "description": " ", "update": {}}), "needs a target and"),
    "neither update nor remove": (overlay({"target": "$", "description": "why"}), "either an update or"),
    "both update and remove": (
        overlay(action("$", update={}, remove=True, expect={})),
        "either an update or",
    ),
    "both update and rename": (overlay(action("$.paths", update={}, rename="x")), "either an update or"),
    "a removal that is none": (overlay(action("$.paths", remove=False)), "either an update or"),
    "a removal that states nothing": (overlay(action("$.paths", remove=True)), "states in x-expect"),
    "a path that is none": (overlay(action("$.paths[", update={})), "$.paths["),
    "the second of two": (
        overlay(action("$", update={}), {"target": "$.x", "description": "why"}),
        "action 2 ($.x)",
    ),
}


@pytest.mark.parametrize(("raw", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_overlay_document_is_refused(raw: Json, message: str) -> None:
    with pytest.raises(InvalidOverlay) as refusal:
        parse_overlay(OURS, raw)
    assert str(refusal.value).startswith(f"{OURS}: ")
    assert message in str(refusal.value)


def test_a_reason_is_put_on_one_line() -> None:
    (only,) = parse_overlay(OURS, overlay({"target": "$", "description": "Not\n  so.\n", "update": {}}))
    assert only.reason == "Not so."


@pytest.fixture(scope="module", params=OVERLAYS)
def real(request: pytest.FixtureRequest) -> tuple[Action, ...]:
    """The actions of one of the two overlay documents of the project."""
    return load_overlay(request.param)


def test_our_overlay_documents_give_a_reason_for_each_action(real: tuple[Action, ...]) -> None:
    assert len(real) > 50
    assert [one.target for one in real if len(one.reason) < 10 or not one.reason.endswith(".")] == []


def test_our_overlay_documents_hold_no_action_twice(real: tuple[Action, ...]) -> None:
    kinds = [json.dumps([one.target, one.update, one.remove, one.expect]) for one in real]
    assert sorted(kind for kind in set(kinds) if kinds.count(kind) > 1) == []


def test_our_overlay_documents_select_nodes_exactly(real: tuple[Action, ...]) -> None:
    """No descent, and no wildcard without the number of its places: else one could silently match nothing."""
    assert [one.target for one in real if ".." in one.target] == []
    assert [one.target for one in real if "*" in one.target and one.count is None] == []


def test_our_groups_have_more_than_one_action(real: tuple[Action, ...]) -> None:
    groups = [one.group for one in real if not one.group.startswith("action ")]
    assert [group for group in set(groups) if groups.count(group) < 2] == []


def test_no_action_of_ours_brings_back_a_field(real: tuple[Action, ...]) -> None:
    """A field that upstream withdraws stays away: requiring or refining one expects it to be there."""
    careless = []
    for one in real:
        if not isinstance(one.update, dict):
            continue
        fields = one.update.get("properties", {})
        added = {name for name, field in fields.items() if {"type", "$ref"} & field.keys()}
        required = one.update.get("required")
        needed = {*fields, *(required if isinstance(required, list) else ())} - added
        expected = one.expect.get("properties", {}) if isinstance(one.expect, dict) else {}
        careless += [f"{one.target}: {name}" for name in sorted(needed - expected.keys())]
    assert careless == []


# Actions of several places


def two_lists() -> dict[str, Json]:
    made = document()
    made["paths"]["/lumi/"] = copy.deepcopy(made["paths"]["/run/"])
    return made


def counted(count: int, *, given: Json = None, **parts: Json) -> Applied:
    raw = action("$.paths[*][*].parameters[*].schema", **{"x-count": count}, **parts)
    return apply_overlay(given or two_lists(), parse_overlay(OURS, overlay(raw)))


INT = {"expect": {"type": "int"}, "update": {"type": "integer"}}


def types(applied: Applied) -> list[str]:
    return [
        one["schema"].get("type", "none")
        for item in applied.document["paths"].values()
        for one in item["get"]["parameters"]
    ]


def test_a_counted_action_corrects_all_places_that_are_as_it_expects() -> None:
    result = counted(2, **INT)
    assert (result.stale, types(result)) == ((), ["integer", "number", "integer", "number"])


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_places_is_stale_and_corrected_all_the_same(count: int) -> None:
    result = counted(count, **INT)
    assert types(result) == ["integer", "number", "integer", "number"]
    (stale,) = result.stale
    assert (stale.kind, stale.count, result.actions) == ("count", 2, ())
    assert stale.expected == f"{count} places where it is {{'type': 'int'}}"
    assert stale.found.startswith("2 such places")
    assert stale.found.endswith("(x-count: 2)")
    assert ("/lumi/ get parameters 1 schema: type is 'number'" in stale.found) == (count > 2)


@pytest.mark.parametrize(
    ("now", "kind"), [("integer", "fixed"), ("string", "changed"), (None, "changed")], ids=str
)
def test_no_place_at_all(now: str | None, kind: str) -> None:
    given = two_lists()
    for item in given["paths"].values():
        item["get"]["parameters"] = [{"schema": {"type": now} if now else {}}]
    (stale,) = counted(2, given=given, **INT).stale
    assert (stale.kind, stale.count) == (kind, None)


def test_a_counted_action_whose_places_are_gone() -> None:
    (stale,) = counted(2, given={"paths": {}}, **INT).stale
    assert (stale.kind, stale.place) == ("gone", "$.paths[*][*].parameters[*].schema")


def test_a_counted_removal_takes_items_out_of_lists() -> None:
    raw = action("$.paths[*][*].tags[?length(@) == 0]", expect={}, remove=True) | {"x-count": 3}
    given = {"paths": {"/a/": {"get": {"tags": [{}, {"a": 1}, {}]}}, "/b/": {"get": {"tags": [{}]}}}}
    result = apply_overlay(given, parse_overlay(OURS, overlay(raw)))
    assert result.stale == ()
    assert [item["get"]["tags"] for item in result.document["paths"].values()] == [[{"a": 1}], []]


@pytest.mark.parametrize("count", [0, -1, "2", 1.5, True, []])
def test_a_count_that_is_none_is_refused(count: Json) -> None:
    raw = action(RUN, update={"x": 1}) | {"x-count": count}
    with pytest.raises(InvalidOverlay, match="x-count is the number of places"):
        parse_overlay(OURS, overlay(raw))


@pytest.mark.parametrize("more", [{"x-group": "a"}, {"x-rename": "b"}])
def test_a_counted_action_stands_alone(more: Json) -> None:
    raw = action(RUN, **({} if "x-rename" in more else {"update": {"x": 1}})) | {"x-count": 2} | more
    with pytest.raises(InvalidOverlay, match="stands alone"):
        parse_overlay(OURS, overlay(raw))


def test_what_must_be_absent_makes_an_update_stale() -> None:
    raw = action(RUN, update={"required": ["dataset"]}) | {"x-absent": ["required"]}
    (stale,) = applied(raw).stale
    assert (stale.kind, stale.found) == ("published", "required is published now, as ['run_number']")


def test_a_reference_is_not_mixed_into_what_is_published() -> None:
    raw = action(RUN, update={"properties": {"dataset": {"$ref": "#/x"}}})
    (stale,) = applied(raw).stale
    assert stale.found == "properties.dataset is published now, as {'type': 'string'}"


# What became of the place

KINDS: dict[str, tuple[list[dict[str, Json]], str, str, str]] = {
    "fixed": ([action(f"{RUN}.properties.run_number", expect={"type": "x"}, update={"type": "int"})], "fixed", "", "upstream fixed it: delete this action from ours"),
    "fixed by removal": ([action(f"{RUN}.readOnly", expect=True, remove=True)], "fixed", "", "delete this action"),
    "fixed by another name": ([action("$.paths['/runs/']", rename="/run/")], "fixed", "", "delete this action"),
    "a group that is fixed": ([action(f"{RUN}.required", expect=["x"], remove=True, group="g"), action(RUN, update={"required": ["run_number"]}, group="g")], "fixed", "", "delete the 2 actions of the group 'g'"),
    "a group of which half is fixed": ([action(f"{RUN}.required", expect=["x"], remove=True, group="g"), action(RUN, update={"required": ["dataset"]}, group="g")], "changed", "", "upstream changed it to something else"),
    "gone": ([action("$.paths['/runs/'].get", update={"x": 1})], "gone", "$.paths['/runs/']", "if it moved or was renamed, correct the target"),
    "published": ([action(RUN, update={"type": "array"})], "published", "", "upstream publishes this now, and differently"),
    "changed": ([action(f"{RUN}.properties.run_number", expect={"type": "x"}, update={"type": "y"})], "changed", "", "upstream changed it to something else"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "kind", "place", "advice"), KINDS.values(), ids=KINDS.keys())
def test_a_stale_action_says_what_became_of_its_place(
    raw: list[dict[str, Json]], kind: str, place: str, advice: str
) -> None:
    (stale,) = applied(*raw).stale
    assert (stale.kind, stale.place) == (kind, place)
    assert advice in stale.advice
    assert len(stale.along) == len(raw) - 1


def test_the_nearest_place_is_named() -> None:
    (stale,) = applied(action("$.paths['/runs/'].get", update={"x": 1})).stale
    assert stale.found == "$.paths['/runs/'] is not there; the nearest is /run/"


@pytest.mark.parametrize("raw", [raw for raw, _ in FITTING.values()], ids=list(FITTING))
def test_an_action_can_be_undone(raw: dict[str, Json]) -> None:
    actions = parse_overlay(OURS, overlay(raw))
    once = apply_overlay(canonical.strip(document()), actions)
    assert once.stale == ()
    assert _sorted(revert(once.document, actions, actions)) == _sorted(canonical.strip(document()))


def _sorted(document: Json) -> Json:
    """Order parameters, which have no order for those who send them."""
    for item in document["paths"].values():
        item["get"]["parameters"].sort(key=lambda one: one["name"])
    return document


def test_what_is_undone_is_found_under_the_name_that_it_got_later() -> None:
    actions = parse_overlay(
        OURS,
        overlay(
            action(
                f"{PARAMETERS}[?@.name=='page'].schema", expect={"type": "number"}, update={"type": "integer"}
            ),
            action("$.paths['/run/']", rename="/runs/"),
        ),
    )
    corrected = apply_overlay(canonical.strip(document()), actions).document
    undone = revert(corrected, actions[:1], actions)
    assert undone["paths"]["/runs/"]["get"]["parameters"][1]["schema"] == {"type": "number"}
