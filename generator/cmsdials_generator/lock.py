"""`generation.lock`: what the contract and the emitted code were made from, and with what.

`pull` and `generate` each write their own half. The raw document itself is not kept, its hash is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import project

_HERE = Path(__file__).parent


def config_sha256() -> str:
    """Hash of what steers the emission: configuration, templates, copied modules and name tables."""
    digest = hashlib.sha256()
    files = [
        _HERE / "config.yaml",
        project.CORRECTIONS / "names.yaml",
        *(_HERE / "templates").rglob("*.jinja"),
        *(_HERE / "copied").rglob("*.py"),
    ]
    named = {
        (
            path.relative_to(_HERE) if path.is_relative_to(_HERE) else Path("contract", path.name)
        ).as_posix(): path
        for path in files
    }
    for name, path in sorted(named.items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def generation(contract: bytes) -> dict[str, Any]:
    """Return what `generate` records of emitting code from `contract`."""
    return {
        "contract_sha256": hashlib.sha256(contract).hexdigest(),
        "config_sha256": config_sha256(),
        "openapi_python_client": version("openapi-python-client"),
        "ruff": version("ruff"),
    }


def read() -> dict[str, Any]:
    """Return the recorded halves, empty where there is no file."""
    if not project.LOCK.exists():
        return {}
    recorded: dict[str, Any] = json.loads(project.LOCK.read_text(encoding="utf-8"))
    return recorded


def _write(half: str, content: dict[str, Any]) -> None:
    recorded = read() | {half: content}
    project.LOCK.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def record_pull(
    *, published_sha256: str, published_version: str, contract: bytes, actions: Iterable[str]
) -> None:
    """Record which published document the contract was made from, and with which corrections."""
    content = {
        "published_sha256": published_sha256,
        "published_version": published_version,
        "contract_sha256": hashlib.sha256(contract).hexdigest(),
        "corrections": list(actions),
    }
    _write("pull", content)


def record_generation(contract: bytes) -> None:
    """Record what the emitted code was made from."""
    _write("generate", generation(contract))
