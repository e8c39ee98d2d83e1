"""The day the API changes, from end to end: a list of 3D histograms that nothing here knows yet.

In a copy of the project the checklist of docs/regenerating.md is followed: `pull` says which lines to add, they are
added, the code is emitted, three files of the overlay get a few lines. Then rows of three dimensions go from a service
in this process through every form that rows can take. No other file is written by hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import project
from cmsdials_generator.command import main

from tests.generator.dials_document import next_version, published

Json = Any
Text = pytest.CaptureFixture[str]

PAGE = project.ROOT / "docs" / "regenerating.md"
CONTRACT_FILES = ("additions.overlay.yaml", "names.yaml", "repairs.overlay.yaml", "words.yaml")

RECORD = """\
class LumisectionHistogram3D(_OfSeveralAxes, lumisection_histogram_3d.LumisectionHistogram3D):  # noqa: D101  # as above
    pass
"""
FILTERS = """\
class LumisectionHistogram3DFilters(_Checked, emitted.LumisectionHistogram3DFilters):  # noqa: D101  # as above
    __slots__ = ()
"""
ATTRIBUTE = """\
        self.h3d = HistogramResource[LumisectionHistogram3D, LumisectionHistogram3DFilters](session, "h3d")
"""

# File of the overlay -> (what is there, what stands there afterwards).
OVERLAY: dict[str, list[tuple[str, str]]] = {
    "table/histograms.py": [
        (
            "import lumisection_histogram_1d, lumisection_histogram_2d\n",
            "import lumisection_histogram_1d, lumisection_histogram_2d, lumisection_histogram_3d\n",
        ),
        ('"LumisectionHistogram2D"]', '"LumisectionHistogram2D", "LumisectionHistogram3D"]'),
        ("def model_of(", f"{RECORD}\n\ndef model_of("),
    ],
    "filters.py": [
        (
            '    "LumisectionHistogram2DFilters",\n',
            '    "LumisectionHistogram2DFilters",\n    "LumisectionHistogram3DFilters",\n',
        ),
        ("def _scalar(", f"{FILTERS}\n\ndef _scalar("),
    ],
    "dials.py": [
        (
            "from cmsdials.http.connections import Timeout\n",
            "from cmsdials.filters import LumisectionHistogram3DFilters\nfrom cmsdials.http.connections import Timeout\n",
        ),
        (
            "from cmsdials.resources.arguments import no_resource\n",
            "from cmsdials.models import LumisectionHistogram3D\nfrom cmsdials.resources.arguments import no_resource\n",
        ),
        (
            "        h2d: Two-dimensional histograms.\n",
            "        h2d: Two-dimensional histograms.\n        h3d: Three-dimensional histograms.\n",
        ),
        ("        self.lumi = ", f"{ATTRIBUTE}        self.lumi = "),
    ],
}


class Copy:
    """A copy of the project, and the generator at work in it."""

    def __init__(self, root: Path, text: Text) -> None:
        self.root = root
        self.contract = root / "generator" / "cmsdials_generator" / "contract"
        self.source = root / "next.json"
        self._text = text

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the generator; return its exit code and all that it said."""
        code = main(arguments)
        captured = self._text.readouterr()
        return code, captured.out + captured.err


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Text) -> Copy:
    copy = Copy(tmp_path, capsys)
    for name in ("CONTRACT", "LOCK", "SERVED_CONTRACT", "CORRECTIONS", "CLIENT"):
        place = getattr(project, name)
        there = tmp_path / place.relative_to(project.ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(place, there, ignore=ignored) if place.is_dir() else shutil.copy(place, there)
        monkeypatch.setattr(project, name, there)
    monkeypatch.setattr(project, "ROOT", tmp_path)
    overlay = PAGE.parents[1] / "overlay"
    shutil.copytree(overlay, tmp_path / "overlay", ignore=shutil.ignore_patterns("__pycache__"))
    copy.source.write_text(json.dumps(next_version()), encoding="utf-8")
    return copy


def test_our_document_becomes_our_contract(copied: Copy) -> None:
    copied.source.write_text(json.dumps(published()), encoding="utf-8")
    before = project.CONTRACT.read_bytes()
    code, said = copied.run("pull", "--source", str(copied.source))
    assert (code, "no names or words" in said) == (0, False)
    assert project.CONTRACT.read_bytes() == before


def listed(said: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (file, section, lines) of what `pull` says is to be added."""
    for part in re.split(r"(?m)^# ", said)[1:]:
        head, *lines = part.splitlines()
        found = re.fullmatch(r"(\S+), (\w+): .*", head)
        if found:
            yield found[1], found[2], [line[2:] for line in lines if line.startswith("  ")]


def add(path: Path, section: str, lines: list[str]) -> None:
    """Add lines to a section of a table, instead of those that begin with the same name."""
    text = path.read_text(encoding="utf-8")
    if path.name.endswith("overlay.yaml"):
        path.write_text(text.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in lines), encoding="utf-8")
        return
    head, body = text.split(f"\n{section}:\n", 1)
    own, after = re.split(r"(?m)(?=^\S)", body, maxsplit=1) if re.search(r"(?m)^\S", body) else (body, "")
    for line in lines:
        name = re.escape(line.partition(":")[0])
        if not line.startswith((" ", "/")):
            own = re.sub(rf"(?m)^  {name}:.*\n", "", own)
    added = "".join(f"  {line.replace('TO BE WRITTEN', 'What it is, in our words.')}\n" for line in lines)
    path.write_text(f"{head}\n{section}:\n{added}{own}{after}", encoding="utf-8")


def test_the_day(copied: Copy, tree_of: Callable[[Path], dict[str, bytes]]) -> None:
    before = tree_of(copied.root)
    source = str(copied.source)

    # The report says what has changed for those who use the client, and what is to be mended.
    code, said = copied.run("check", "--source", source)
    assert code == 2
    assert "breaking drift: 1 breaking change, 5 compatible changes, 14 corrections to mend" in said
    assert "component FileIndex file_size: field removed" in said
    assert "/api/v1/th3/: path added" in said
    assert "newly enough" in said

    # `pull` stops, and lists everything that is to be done.
    code, said = copied.run("pull", "--source", source)
    assert code == 3
    assert "Another number of places (14)" in said
    assert "Nothing was written" in said
    to_add = [*listed(said)]
    assert [(file, section) for file, section, _ in to_add] == [
        ("names.yaml", "operations"),
        ("names.yaml", "fields"),
        ("names.yaml", "classes"),
        ("names.yaml", "filters"),
        ("words.yaml", "tags"),
        ("words.yaml", "operations"),
        ("words.yaml", "schemas"),
        ("words.yaml", "fields"),
        ("repairs.overlay.yaml", "actions"),
    ]
    assert tree_of(copied.root) == before

    for file, section, lines in to_add:
        add(copied.contract / file, section, lines)
    code, said = copied.run("pull", "--source", source, "--recount")
    assert (code, "no names or words" in said) == (0, False)
    code, said = copied.run("generate")
    assert code == 0

    for name, edits in OVERLAY.items():
        path = copied.root / "overlay" / "cmsdials" / name
        text = path.read_text(encoding="utf-8")
        for old, new in edits:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    rows_of_three_dimensions(copied.root)
    assert copied.run("check")[0] == 0
    code, said = copied.run("check", "--source", source)
    assert (code, said.splitlines()[0]) == (0, "no drift: the published document says what the contract says")

    after = tree_of(copied.root)
    by_hand = {f"generator/cmsdials_generator/contract/{name}" for name in CONTRACT_FILES}
    by_hand |= {f"overlay/cmsdials/{name}" for name in OVERLAY}
    emitted = (
        "generated_client/",
        "openapi.json",
        "generation.lock",
        "sandbox/cmsdials_sandbox/contract.json",
    )
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name for name in changed if not name.startswith(emitted)} == by_hand


def rows_of_three_dimensions(root: Path) -> None:
    """Run the program below with the copied client, and nothing of the project itself."""
    folders = [str(root / name) for name in ("overlay", "generated_client")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": os.pathsep.join(folders)}
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            Path(__file__).parent / "rows_of_three_dimensions.py",
            root / "overlay",
        ],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "all forms agree\n"
    for left in root.glob("rows.*"):
        left.unlink()
    for left in root.rglob("__pycache__"):
        shutil.rmtree(left)


@pytest.mark.parametrize("lines", [RECORD, FILTERS, ATTRIBUTE])
def test_the_checklist_shows_these_lines(lines: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    plain = "\n".join(line.partition("  # noqa")[0].strip() for line in lines.splitlines())
    assert all(line in page for line in plain.splitlines())
