"""What people look up by hand is a few lines on the page on choosing, which its own test runs."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "choosing.md"


def test_names_to_ids_and_eras_and_runs_to_datasets_are_three_lines_at_most() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for calls in (
        ("dials.mes.find(",),
        ('dials.mes["',),
        ("dials.datasets.find(era=", "dials.datasets.find(run=", "dials.datasets.runs("),
        ("dials.histograms(", ".list_all()"),
    ):
        having = [block for block in blocks if all(call in block for call in calls)]
        assert having, calls
        assert min(len(block.splitlines()) for block in having) <= 3
