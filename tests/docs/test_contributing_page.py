"""CONTRIBUTING: its map of the overlay is that of the import rules, from the top to the bottom."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"__main__", "_version", "models", "result", "legacy"}
"""Modules that stand in sentences beside the map, or need none."""


def test_the_map_of_the_overlay_has_every_package_in_order() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (layers,) = [
        one["layers"] for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"
    ]
    floor_of = {name: floor for floor, names in enumerate(layers) for name in re.findall(r"\w+", names)}

    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = page.partition("each package imports only from those in rows below it:")[2].split("\n\n")[1]
    rows = [re.findall(r"`(\w+)(?:/|\.py)?`", line.split("|")[1]) for line in table.splitlines()[2:]]
    floors = [floor_of[name] for row in rows for name in row]
    assert floors == sorted(floors)
    assert {name for row in rows for name in row} == floor_of.keys() - ELSEWHERE
