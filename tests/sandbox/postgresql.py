"""A PostgreSQL server of its own for a test, to ask what it thinks of a regular expression."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# What the server may take to start on a slow machine, in seconds.
START = 300

# Errors come back as text, so that one that is expected costs no connection.
FUNCTION = """
CREATE FUNCTION matching(pattern text, names text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT 'matches ' || coalesce(string_agg(i::text, ' ' ORDER BY i), '')
          FROM unnest(names) WITH ORDINALITY AS n(name, i) WHERE name ~ pattern);
EXCEPTION WHEN invalid_regular_expression THEN RETURN 'error';
END $$
"""


class PostgreSQL:
    """A running server; `psql` talks to it over its socket."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._command = [programs / "psql", "-h", folder, "-U", "postgres", "-d", "postgres"]
        self._command += ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "-v", "ON_ERROR_STOP=1"]

    def run(self, sql: str) -> str:
        """The answer, without the newline at its end."""
        ended = subprocess.run(
            self._command, input=sql, capture_output=True, text=True, check=True, timeout=START
        )
        return ended.stdout.removesuffix("\n")

    def matching(self, asked: list[tuple[str, list[str]]]) -> list[list[str] | str]:
        """The names that each pattern matches, or "error"."""
        calls = [
            f"SELECT matching({quoted(pattern)}, ARRAY[{', '.join(map(quoted, names))}]::text[]);"
            for pattern, names in asked
        ]
        answers = self.run("\n".join(calls)).split("\n")
        assert len(answers) == len(asked)
        return [
            answer if answer == "error" else [names[int(i) - 1] for i in answer.split()[1:]]
            for answer, (_, names) in zip(answers, asked, strict=True)
        ]


def quoted(text: str) -> str:
    """A text as SQL writes it whatever is in it: by its code points."""
    return "U&'" + "".join(f"\\+{ord(c):06x}" for c in text) + "'"


def programs() -> Path | None:
    """Where the server's programs are; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"))] + (
        [Path(found).resolve().parent] if found else []
    )
    complete = [p for p in places if all((p / name).exists() for name in ("initdb", "postgres", "psql"))]
    return complete[-1] if complete else None


@contextlib.contextmanager
def server() -> Iterator[PostgreSQL]:
    """Start one on a socket in a temporary folder, and stop it; skips where there is none."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    # It refuses to run as root; Debian's package brings a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    # Not pytest's own folder, which that user may not enter.
    with tempfile.TemporaryDirectory(prefix="cmsdials-postgresql-") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data, log = folder / "data", folder / "log"
        command = [found / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8"]
        made = subprocess.run(
            command, capture_output=True, text=True, user=user, cwd=folder, check=False, timeout=START
        )
        assert made.returncode == 0, made.stderr
        with log.open("wb") as written:
            process = subprocess.Popen(
                [found / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
                stdout=written, stderr=written, user=user, cwd=folder,
            )  # fmt: skip
        try:
            running = PostgreSQL(found, folder)
            deadline = time.monotonic() + START
            while (refused := _not_yet(running)) is not None:
                said = refused + log.read_text(errors="replace")
                assert process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.05)
            yield running
        finally:
            process.terminate()
            process.wait(timeout=START)


def _not_yet(running: PostgreSQL) -> str | None:
    """Make the function; what the server says if it does not answer yet."""
    try:
        running.run(FUNCTION)
    except subprocess.CalledProcessError as error:
        return str(error.stderr)
    return None
