"""Entry point of the command `cmsdials` and of `python -m cmsdials`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; without the extra that it needs, say how to get it."""
    try:
        from cmsdials.cli import app  # noqa: PLC0415  # an extra brings what it needs
    except ModuleNotFoundError as missing:
        if missing.name not in ("typer", "rich"):
            raise
        sys.exit('The command cmsdials needs an extra. Install it with: pip install "cmsdials[cli]"')
    app(prog_name="cmsdials")


if __name__ == "__main__":
    main()
