"""A home folder of a test's own, without any login."""

from pathlib import Path

import pytest


def home_without_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide every login of whoever runs the tests, and make asking a person impossible; return the new home folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in (
        "XDG_CACHE_HOME",
        "CMSDIALS_CACHE_DIR",
        "CMSDIALS_TOKEN_FILE",
        "CMSDIALS_CLIENT_ID",
        "CMSDIALS_CLIENT_SECRET",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "0")
    return home
