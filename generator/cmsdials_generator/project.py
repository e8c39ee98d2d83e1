"""Where the generator's inputs and outputs stand in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACT: Final = ROOT / "openapi.json"
LOCK: Final = ROOT / "generation.lock"
CLIENT: Final = ROOT / "generated_client"
SERVED_CONTRACT: Final = ROOT / "sandbox" / "cmsdials_sandbox" / "contract.json"
CORRECTIONS: Final = Path(__file__).resolve().parent / "contract"
PACKAGE: Final = "cmsdials_api"
PRODUCTION: Final = "https://cmsdials-api.web.cern.ch/static/swagger.json"


def source_named(source: str) -> str:
    """Return the address of a published document; `production` stands for production's."""
    return PRODUCTION if source == "production" else source
