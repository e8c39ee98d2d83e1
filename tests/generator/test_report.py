"""The three forms of a report, and its exit code."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from cmsdials_generator.compare import Change
from cmsdials_generator.overlay_document import Stale
from cmsdials_generator.report import (
    RENDERERS,
    Report,
    render_json,
    render_markdown,
    render_text,
    stale_groups,
)

OPERATIONS = tuple(f"GET /{n}/" for n in range(7))
BREAKING = Change(
    "breaking",
    "component Run run_number",
    "type changed from integer to string",
    "integer",
    "string",
    OPERATIONS,
)
ADDED = Change("compatible", "GET /run/ query parameter me", "parameter added", None, "me", ("GET /run/",))
ENUM = Change(
    "compatible", "GET /run/ query parameter s", 'enum value added: "b"', ("a",), ("a", "b"), ("GET /run/",)
)
DELETE = "upstream fixed it: delete this action from repairs.overlay.yaml and run scripts/regenerate"
STALE = Stale(
    "repairs.overlay.yaml",
    "$.paths['/run/']",
    "the type was wrong",
    "already an integer",
    "a string",
    "fixed",
    advice=DELETE,
)
CLEAN = Report("https://dials.example.org/doc", (), (), (), "aa11", "bb22", "cc33")
FULL = evolve(CLEAN, warnings=("read leniently",), stale=(STALE,), changes=(BREAKING, ADDED, ENUM))


@pytest.mark.parametrize(
    ("changes", "stale", "problems", "code", "verdict"),
    [
        ((), (), (), 0, "no drift: the published document says what the contract says"),
        ((ADDED,), (), (), 1, "compatible drift: 1 compatible change"),
        ((BREAKING,), (), (), 2, "breaking drift: 1 breaking change"),
        ((BREAKING, ADDED, ENUM), (), (), 2, "breaking drift: 1 breaking change, 2 compatible changes"),
        ((), (STALE,), (), 1, "no change for clients, but `pull` would stop: 1 correction to mend"),
        ((), (), ("x", "y"), 1, "no change for clients, but `pull` would stop: 2 places not valid"),
        ((ADDED,), (STALE, STALE), (), 1, "compatible drift: 1 compatible change, 2 corrections to mend"),
        ((BREAKING,), (STALE,), ("x",), 2, "breaking drift: 1 breaking change, 1 correction to mend, 1 place not valid"),
    ],
)  # fmt: skip
def test_exit_code_and_verdict(
    changes: tuple[Change, ...], stale: tuple[Stale, ...], problems: tuple[str, ...], code: int, verdict: str
) -> None:
    report = evolve(CLEAN, changes=changes, stale=stale, problems=problems, following=(BREAKING,))
    assert (report.exit_code, report.verdict) == (code, verdict)


def test_text() -> None:
    assert (
        render_text(FULL)
        == """\
breaking drift: 1 breaking change, 2 compatible changes, 1 correction to mend
  source: https://dials.example.org/doc
  published sha256: aa11
  canonical sha256: bb22
  contract sha256: cc33
  warning: read leniently

Breaking changes
  component Run run_number: type changed from integer to string
      in GET /0/, GET /1/, GET /2/, GET /3/, GET /4/ and 2 more

Compatible changes
  GET /run/ query parameter me: parameter added
  GET /run/ query parameter s: enum value added: "b"

Stale corrections (they do not fit the document any more; it was compared without them)
  Upstream fixed it (1)
    upstream fixed it: delete this action from repairs.overlay.yaml and run scripts/regenerate
    repairs.overlay.yaml: $.paths['/run/']
        made because: the type was wrong
        expected: a string; found: already an integer

Next
  1. Delete the 1 correction that upstream has made in the document: repairs.overlay.yaml.
  2. Read the breaking changes. A mistake of the document (the service answers as before) needs a new action in the \
repairs; a real one needs the overlay adapted and a line in the CHANGELOG.
  3. Take the changes over: python -m cmsdials_generator pull --source https://dials.example.org/doc
  4. Run scripts/regenerate, read the difference it makes, and run scripts/test.
"""
    )


def test_text_without_drift() -> None:
    assert render_text(CLEAN).splitlines()[0].startswith("no drift")
    assert render_text(CLEAN).endswith("Next\n  1. Nothing to do.\n")


def test_stale_alone_still_asks_for_work() -> None:
    report = evolve(CLEAN, stale=(STALE, evolve(STALE, document="additions.overlay.yaml")))
    for render in RENDERERS.values():
        said = "Delete the 2 corrections that upstream has made in the document: additions.overlay.yaml and repairs"
        assert said in render(report)
        assert "cmsdials_generator pull" not in render(report)


def test_the_command_is_safe_to_paste() -> None:
    assert "--source 'my doc;$(x).json'" in render_text(evolve(FULL, source="my doc;$(x).json"))


def test_json() -> None:
    content = json.loads(render_json(FULL))
    assert content["exit_code"] == 2
    assert content["verdict"] == FULL.verdict
    assert content["changes"][0] == {
        "severity": "breaking",
        "where": "component Run run_number",
        "what": "type changed from integer to string",
        "old": "integer",
        "new": "string",
        "operations": list(OPERATIONS),
        "note": "",
    }
    assert content["changes"][2]["new"] == ["a", "b"]
    assert content["stale"][0]["target"] == "$.paths['/run/']"
    assert content["stale"][0]["advice"].startswith("upstream fixed it: delete this action")
    assert content["warnings"] == ["read leniently"]
    assert [content[f"{one}_sha256"] for one in ("published", "canonical", "contract")] == [
        "aa11",
        "bb22",
        "cc33",
    ]
    assert content["next"]


def test_markdown() -> None:
    lines = render_markdown(FULL).splitlines()
    assert lines[0] == (
        "## DIALS API: breaking drift: 1 breaking change, 2 compatible changes, 1 correction to mend"
    )
    assert "| | Where | What | Contract | Published | Operations |" in lines
    assert (
        "| **breaking** | component Run run_number | type changed from integer to string | integer | string "
        "| GET /0/, GET /1/, GET /2/, GET /3/, GET /4/ and 2 more |"
    ) in lines
    assert "| compatible | GET /run/ query parameter me | parameter added |  | me | GET /run/ |" in lines
    assert "### 1 stale correction" in lines
    assert f"**Upstream fixed it** (1): {DELETE}" in lines
    assert "### Warnings" in lines
    assert "- read leniently" in lines
    assert "- published sha256: `aa11`" in lines


def test_markdown_without_drift_has_no_table() -> None:
    text = render_markdown(CLEAN)
    assert text.startswith("## DIALS API: no drift")
    assert "|" not in text
    assert "1. Nothing to do." in text


@pytest.mark.parametrize(
    ("nasty", "shown"),
    [
        ("a|b", r"a\|b"),
        ("`a`", r"\`a\`"),
        ("a\nb\r\nc", "a b c"),
        ("a\\|b", r"a\\\|b"),
        ("<script>", "&lt;script&gt;"),
        ("[a](b) *c*", r"\[a\](b) \*c\*"),
        ("@team", "&#64;team"),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_markdown_cells_hold_any_text(nasty: str, shown: str) -> None:
    change = Change("breaking", nasty, nasty, nasty, nasty, (nasty,))
    (row,) = [
        line
        for line in render_markdown(evolve(CLEAN, changes=(change,))).splitlines()
        if "**breaking**" in line
    ]
    assert row == f"| **breaking** | {' | '.join([shown] * 5)} |"


def test_text_keeps_control_characters_from_the_terminal() -> None:
    change = evolve(ADDED, where="GET /\x1b[2J\nfine: no drift")
    text = render_text(evolve(CLEAN, source="a\rb", warnings=("x\x07",), changes=(change,)))
    assert r"GET /\x1b[2J\nfine: no drift: parameter added" in text
    assert not set(text) & {"\x1b", "\r", "\x07"}


@pytest.mark.parametrize("report", [CLEAN, FULL])
@pytest.mark.parametrize("form", sorted(RENDERERS))
def test_every_form_ends_with_one_newline(form: str, report: Report) -> None:
    text = RENDERERS[form](report)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


GONE = evolve(STALE, kind="gone", place="$.paths['/run/']", advice="correct the target")
CHANGED = evolve(STALE, kind="changed", found="found 'x'", advice="correct what is expected")


def test_stale_corrections_are_grouped_by_what_became_of_their_places() -> None:
    elsewhere = evolve(GONE, place="$.paths['/lumi/']")
    groups = stale_groups([STALE, GONE, elsewhere, GONE, CHANGED, evolve(STALE, document="a")])
    assert [(group.title, group.advice, len(group.members)) for group in groups] == [
        ("Upstream fixed it", DELETE, 2),
        ("$.paths['/run/'] is not there", "correct the target", 2),
        ("$.paths['/lumi/'] is not there", "correct the target", 1),
        ("Changed to something else: a string was expected, and found 'x'", "correct what is expected", 1),
    ]


def test_each_form_has_the_groups() -> None:
    report = evolve(CLEAN, stale=(STALE, GONE, GONE, CHANGED))
    assert "  $.paths['/run/'] is not there (2)\n    correct the target\n" in render_text(report)
    assert "**$.paths\\['/run/'\\] is not there** (2): correct the target" in render_markdown(report)
    (group, *_) = json.loads(render_json(report))["stale_groups"]
    assert group == {
        "title": "$.paths['/run/'] is not there",
        "advice": "correct the target",
        "targets": [GONE.target, GONE.target],
    }
    for render in RENDERERS.values():
        assert "Delete the 1 correction that upstream has made" in render(report)
        assert "Mend the other 3 corrections" in render(report)


def test_what_follows_from_a_stale_correction_is_told_apart() -> None:
    report = evolve(CLEAN, stale=(STALE,), following=(BREAKING,))
    assert report.exit_code == 1
    assert (
        "Not changes of the service: these follow from the corrections that no longer fit\n"
        "  component Run run_number: type changed from integer to string\n"
    ) in render_text(report)
    assert "| follows from a stale correction | component Run run_number" in render_markdown(report)
    content = json.loads(render_json(report))
    assert (content["changes"], [one["where"] for one in content["following"]]) == (
        [],
        ["component Run run_number"],
    )
    for render in RENDERERS.values():
        assert "what only follows from these corrections is then gone" in render(report)


def test_a_note_stands_beside_its_change() -> None:
    report = evolve(CLEAN, changes=(evolve(ADDED, note="mind the other service"),))
    assert "      mind the other service\n" in render_text(report)
    assert "parameter added (mind the other service)" in render_markdown(report)


def test_what_is_not_valid_is_a_warning() -> None:
    report = evolve(CLEAN, problems=("x is none",))
    assert "warning: corrected, the document is not valid OpenAPI: x is none" in render_text(report)
    assert "- corrected, the document is not valid OpenAPI: x is none" in render_markdown(report)
    assert json.loads(render_json(report))["problems"] == ["x is none"]
