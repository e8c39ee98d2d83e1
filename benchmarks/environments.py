"""The environments that the clients run in, separate from `.venv`: what is installed changes how long imports take.

They are made once and kept in `.bench/`; the wheel of this tree is built and installed for every run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "LIBRARIES",
    "PROJECT",
    "Environment",
    "child_variables",
    "here",
    "make_ours",
    "make_published",
    "published",
]

PROJECT = Path(__file__).parents[1]
KEPT = PROJECT / ".bench"
PUBLISHED = PROJECT / "benchmarks" / "published.txt"
WITH_PARQUET = PUBLISHED.with_name("published-parquet.txt")
CONSTRAINTS = PROJECT / "constraints.txt"
LIBRARIES = (
    "cmsdials",
    "httpx",
    "numpy",
    "orjson",
    "pandas",
    "pyarrow",
    "pydantic",
    "pysimdjson",
    "requests",
    "urllib3",
)
MARK = "made-of"

_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Environment:
    """A Python and what is installed for it."""

    python: Path

    def versions(self) -> dict[str, str]:
        """Return the versions of those of `LIBRARIES` that are installed."""
        done = subprocess.run(  # noqa: S603  # a Python of ours, and constant arguments
            [self.python, "-c", _VERSIONS, *LIBRARIES],
            env=child_variables(),
            capture_output=True,
            text=True,
            check=True,
        )
        versions: dict[str, str] = json.loads(done.stdout)
        return versions

    @property
    def exists(self) -> bool:
        """Whether it has been made."""
        return self.python.exists()


def child_variables() -> dict[str, str]:
    """Return the environment variables for a child process: without our PYTHON* variables and without proxies."""
    mine = {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}
    return {name: value for name, value in mine.items() if not name.lower().endswith("_proxy")}


def here() -> Environment:
    """Return the current environment."""
    return Environment(Path(sys.executable))


def published(*, parquet: bool = False) -> Environment:
    """Return the environment of the published client, which may not have been made yet.

    That for Parquet is one of its own, because pandas takes longer to import where pyarrow is.
    """
    return _environment("published-parquet" if parquet else "published")


def make_published(*, parquet: bool = False) -> Environment:
    """Make the environment of the published client, if it is not what `published.txt` or `published-parquet.txt` says."""
    environment = published(parquet=parquet)
    needed = WITH_PARQUET if parquet else PUBLISHED
    _make(environment, made_of=[PUBLISHED, needed], arguments=["--requirement", str(needed)])
    return environment


def make_ours() -> Environment:
    """Make the environment of this client, if need be, and install what the tree holds now.

    With the command line, as README installs it: libraries that it brings can make imports slower.
    """
    environment = _environment("ours")
    with tempfile.TemporaryDirectory() as folder:
        _run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder])
        wheel = next(Path(folder).glob("cmsdials-*.whl"))
        _make(
            environment,
            made_of=[PROJECT / "pyproject.toml", CONSTRAINTS],
            arguments=[
                "--constraint",
                str(CONSTRAINTS),
                f"cmsdials[cli,pandas,arrow] @ {wheel.as_uri()}",
            ],
        )
        _run(_pip(environment, "--force-reinstall", "--no-deps", str(wheel)))
    return environment


def _environment(name: str) -> Environment:
    return Environment(KEPT / name / "bin" / "python")


def _make(environment: Environment, made_of: Iterable[Path], arguments: Sequence[str]) -> None:
    parts = [sys.version.encode(), *(path.read_bytes() for path in (Path(__file__), *made_of))]
    wanted = hashlib.sha256(b"\0".join(parts)).hexdigest()
    mark = environment.python.parents[1] / MARK
    if mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return
    print(f"making .bench/{environment.python.parents[1].name} (once)", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(environment.python.parents[1])])
    _run(_pip(environment, *arguments))
    mark.write_text(wanted, encoding="ascii")


def _pip(environment: Environment, *arguments: str) -> list[str]:
    return [
        str(environment.python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    ]


def _run(command: list[str]) -> None:
    # PYTHON* variables are removed, pip's own settings stay: they say where packages come from.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        message = f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
        raise RuntimeError(message)
