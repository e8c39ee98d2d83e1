"""The pictures of docs/plots.md: runs its blocks against a local DIALS and writes what they save into a folder.

python docs/examples/gallery.py docs/pictures
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cmsdials.errors import DialsError
from cmsdials_sandbox import serve

PAGE = Path(__file__).parents[1] / "plots.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(\n```text\n)?", re.MULTILINE | re.DOTALL)
ADDRESS = "http://localhost:8000/"


def main(folder: Path) -> None:
    """Write the pictures."""
    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    namespace: dict[str, Any] = {"__name__": "gallery"}
    with serve() as server, contextlib.chdir(folder):
        for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
            source = block[1].replace(ADDRESS, server.url)
            # A block with text after it may show an error.
            with contextlib.suppress(DialsError) if block[2] else contextlib.nullcontext():
                exec(compile(source, PAGE.name, "exec"), namespace)  # noqa: S102  # of the page beside
    print("Written:", *sorted(str(path) for path in folder.iterdir()), sep="\n  ")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
