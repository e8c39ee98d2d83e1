"""The user's cache folder, and the small lists of names that are kept in it, so that they are not fetched twice.

A list has a file of its own, `catalogue/v1-KIND-....json`, for each address of a service and workspace. It says when it was
fetched and holds rows as the service sent them, and nothing secret. It is replaced as a whole, so readers need no lock. A file
that is damaged, of another version or of another list counts as none, and so does a folder that cannot be used: the
list is fetched then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from cmsdials.runtime.background import load

__all__ = ["CACHE_DIR", "Kept", "cache_folder", "cached_names", "keep", "kept"]

CACHE_DIR = "CMSDIALS_CACHE_DIR"

_VERSION = 1
_FOLDER = "catalogue"
_LARGEST = 64_000_000
"""Bytes that a file is read of at most: several hundred thousand names."""
_NAMES = {"mes": "me", "datasets": "dataset", "workspaces": "name"}
"""Kinds of lists -> the field that holds the names."""


@frozen
class Kept:
    """A list that a file holds.

    Attributes:
        rows: Its rows, as the service sent them.
        retrieved: When they were fetched.
    """

    rows: list[dict[str, Any]]
    retrieved: datetime


def cache_folder() -> Path:
    """Return the folder that the environment names, else the user's cache folder. It need not exist.

    Raises:
        RuntimeError: The user has no home folder.
    """
    load("platformdirs")
    from platformdirs import user_cache_path  # noqa: PLC0415  # only what is kept needs it

    return Path(os.environ.get(CACHE_DIR) or user_cache_path("cmsdials"))


def kept(kind: str, address: str, workspace: str) -> Kept | None:
    """Return what is kept of a list; None if there is nothing that can be used.

    Args:
        kind: "mes", "datasets" or "workspaces".
        address: Address of the API.
        workspace: The workspace.
    """
    for path in _paths(kind, address, workspace):
        stored = _read(path)
        if (stored.get("address"), stored.get("workspace")) == (address, workspace):
            with contextlib.suppress(ValueError):
                retrieved = datetime.fromisoformat(str(stored.get("retrieved")))
                return Kept(stored["rows"], retrieved) if retrieved.tzinfo is not None else None
    return None


def keep(kind: str, address: str, workspace: str, rows: list[dict[str, Any]], retrieved: datetime) -> bool:
    """Keep a list in place of an earlier one; False if that is not possible, which is no error."""
    content = {
        "version": _VERSION,
        "kind": kind,
        "address": address,
        "workspace": workspace,
        "retrieved": retrieved.astimezone(UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }
    for path in _paths(kind, address, workspace):
        with contextlib.suppress(OSError, ValueError):
            for folder in (path.parent.parent, path.parent):  # each, because parents get the usual mode
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with 0600
            new = Path(name)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file, separators=(",", ":"))
                new.replace(path)
                return True
            finally:
                new.unlink(missing_ok=True)
    return False


def cached_names(kind: str, base_url: str, workspace: str | None = None) -> list[str]:
    """Return the names in the lists that are kept, however old, without asking the service: for completion in a shell.

    Args:
        kind: "mes", "datasets" or "workspaces".
        base_url: Address of the service.
        workspace: The workspace; None for all of them.
    """
    found: dict[str, None] = {}
    for path in _paths(kind, None, None):
        stored = _read(path)
        address = stored.get("address")
        is_there = isinstance(address, str) and address.startswith(f"{base_url.rstrip('/')}/")
        if is_there and workspace in (None, stored.get("workspace")):
            names = (row.get(_NAMES[kind]) for row in stored["rows"])
            found.update(dict.fromkeys(name for name in names if isinstance(name, str)))
    return sorted(found)


def _paths(kind: str, address: str | None, workspace: str | None) -> Iterator[Path]:
    """Yield the path of a list, or of all that are kept of a kind; none if there is no place for them."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        folder = cache_folder().expanduser() / _FOLDER
        if address is None or workspace is None:
            yield from sorted(folder.glob(f"v{_VERSION}-{kind}-*.json"))
            return
        # Names that differ only in what a file name cannot hold have files of their own.
        which = hashlib.sha256(json.dumps([address, workspace]).encode()).hexdigest()[:16]
        readable = re.sub(r"[^a-z0-9]+", "-", workspace.lower()).strip("-")[:40]
        yield folder / f"v{_VERSION}-{kind}-{readable}-{which}.json"


def _read(path: Path) -> dict[str, Any]:
    """Read a file of a list; empty if it is none."""
    stored: Any = None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if path.is_file() and path.stat().st_size <= _LARGEST:  # a pipe would be waited for
            stored = json.loads(path.read_bytes())
    if not isinstance(stored, dict) or stored.get("version") != _VERSION:
        return {}
    rows = stored.get("rows")
    return stored if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else {}
