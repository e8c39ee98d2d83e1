"""The examples on the pages about drift are true: the report, and the repair."""

import copy
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from cmsdials_generator import compare, project
from cmsdials_generator.report import Report, render_text
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


def _report() -> Report:
    """What a check finds when a filter has gone and a field has come."""
    contract: dict[str, Any] = json.loads(project.CONTRACT.read_bytes())
    published = copy.deepcopy(contract)
    listing = published["paths"]["/api/v1/run/"]["get"]
    listing["parameters"] = [one for one in listing["parameters"] if one["name"] != "dataset__regex"]
    published["components"]["schemas"]["Lumisection"]["properties"]["duration"] = {"type": "number"}
    return Report(
        source=project.PRODUCTION,
        warnings=(),
        stale=(),
        changes=tuple(compare.compare(contract, published)),
        published_sha256="1" * 64,
        canonical_sha256="2" * 64,
        contract_sha256="3" * 64,
    )


def test_the_report_is_as_shown() -> None:
    page = (ROOT / "docs/regenerating.md").read_text("utf-8")
    shown = re.search(r"```text\n(breaking drift.*?)```", page, re.DOTALL)
    assert shown is not None
    pattern = re.escape(shown[1].strip()).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, render_text(_report()).strip())


def test_the_repair_that_is_shown_is_there() -> None:
    page = (ROOT / "docs/regenerating.md").read_text("utf-8")
    shown = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    yaml = YAML(typ="safe")
    folder = resources.files("cmsdials_generator") / "contract"
    repairs = yaml.load((folder / "repairs.overlay.yaml").read_text("utf-8"))["actions"]
    for action in yaml.load(shown[1]):
        assert action in repairs
