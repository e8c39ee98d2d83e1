"""Where the generator's inputs and outputs stand in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACT: Final = ROOT / "openapi.json"
LOCK: Final = ROOT / "generation.lock"
CLIENT: Final = ROOT / "generated_client"
SERVED_CONTRACT: Final = ROOT / "sandbox" / "cmsdials_sandbox" / "contract.json"
PACKAGE: Final = "cmsdials_api"
PRODUCTION: Final = "https://cmsdials-api.web.cern.ch/static/swagger.json"
