"""The three forms of a report, and its exit code."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from cmsdials_generator.compare import Change
from cmsdials_generator.overlay_document import Stale
from cmsdials_generator.report import RENDERERS, Report, render_json, render_markdown, render_text

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
STALE = Stale("repairs.overlay.yaml", "$.paths['/run/']", "the type was wrong", "already an integer")
CLEAN = Report("https://dials.example.org/doc", (), (), (), "aa11", "bb22", "cc33")
FULL = evolve(CLEAN, warnings=("read leniently",), stale=(STALE,), changes=(BREAKING, ADDED, ENUM))


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ((), 0, "no drift: the published document says what the contract says"),
        ((ADDED,), 1, "compatible drift: 1 compatible change"),
        ((BREAKING,), 2, "breaking drift: 1 breaking change"),
        ((BREAKING, ADDED, ENUM), 2, "breaking drift: 1 breaking change, 2 compatible changes"),
    ],
)
def test_exit_code_and_verdict(changes: tuple[Change, ...], code: int, verdict: str) -> None:
    for stale in ((), (STALE,)):
        report = evolve(CLEAN, changes=changes, stale=stale)
        assert (report.exit_code, report.verdict) == (code, verdict)


def test_text() -> None:
    assert (
        render_text(FULL)
        == """\
breaking drift: 1 breaking change, 2 compatible changes
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
  repairs.overlay.yaml: $.paths['/run/']
      made because: the type was wrong
      found: already an integer
      upstream fixed it: delete this action from repairs.overlay.yaml and run scripts/regenerate

Next
  1. Delete the stale action from repairs.overlay.yaml (mend instead of deleting where upstream changed the place \
without fixing it).
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
        assert "Delete the stale actions from additions.overlay.yaml and repairs.overlay.yaml" in render(
            report
        )
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
    assert lines[0] == "## DIALS API: breaking drift: 1 breaking change, 2 compatible changes"
    assert "| | Where | What | Contract | Published | Operations |" in lines
    assert (
        "| **breaking** | component Run run_number | type changed from integer to string | integer | string "
        "| GET /0/, GET /1/, GET /2/, GET /3/, GET /4/ and 2 more |"
    ) in lines
    assert "| compatible | GET /run/ query parameter me | parameter added |  | me | GET /run/ |" in lines
    assert "### 1 stale correction" in lines
    assert any(
        line.endswith(
            "upstream fixed it: delete this action from repairs.overlay.yaml and run scripts/regenerate"
        )
        for line in lines
    )
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
