"""Where a Keycloak to start comes from: Maven's own cache, or a folder or zip that the environment names."""

import os
import re
import shutil
import subprocess
from pathlib import Path

VERSION = "26.7.5"
OLDEST_JAVA = 17
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"

NAMED = "CMSDIALS_KEYCLOAK"
"""Environment variable: an unpacked distribution, or its zip, where Maven is not to be asked."""

LONGEST_DOWNLOAD = 300.0
"""Seconds for Maven to bring 170 MB, once."""


class MissingError(Exception):
    """Something is missing without which no Keycloak runs here; the message says what."""


def unpacked(folder: Path) -> Path:
    """Return a distribution, unpacked below `folder`.

    Raises:
        MissingError: There is no Java, or no server to be had.
    """
    _require_java()
    named = os.environ.get(NAMED)
    if not named:
        return _opened(_from_maven(folder), folder)
    source = Path(named).expanduser()
    if source.is_dir():
        # It is built anew for each set of features, so the one that was named is left alone.
        return Path(shutil.copytree(source, folder / "keycloak", symlinks=True))
    if not source.is_file():
        message = f"{NAMED} names no file and no folder: {source}"
        raise MissingError(message)
    return _opened(source, folder)


def _require_java() -> None:
    """Look at the Java that Keycloak's script takes: the one of JAVA_HOME, if that is set."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        message = f"no Java in JAVA_HOME, {home}" if home else "no Java: apt-get install default-jre-headless"
        raise MissingError(message)
    try:
        said = subprocess.run(
            [java, "-version"], check=True, capture_output=True, text=True, errors="replace", timeout=300
        ).stderr
    except (OSError, subprocess.SubprocessError) as problem:
        message = f"{java} does not run: {problem}"
        raise MissingError(message) from None
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < OLDEST_JAVA:
        message = f"Keycloak {VERSION} needs Java {OLDEST_JAVA}, and {java} is another: {said.strip()[:200]}"
        raise MissingError(message)


def _opened(archive: Path, folder: Path) -> Path:
    try:
        shutil.unpack_archive(archive, folder / "keycloak", "zip")
    except shutil.ReadError:
        message = f"{archive} is no zip"
        raise MissingError(message) from None
    (distribution,) = (folder / "keycloak").iterdir()
    return distribution


def _from_maven(folder: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        message = f"no Maven to bring {ARTIFACT}: apt-get install maven, or name a distribution in {NAMED}"
        raise MissingError(message)
    copies = folder / "from-maven"
    asked = ["-Dtransitive=false", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={copies}"]
    try:
        subprocess.run(
            [maven, "-q", "-B", "dependency:get", "dependency:copy", *asked],
            check=True,
            capture_output=True,
            text=True,
            timeout=LONGEST_DOWNLOAD,
        )
    except subprocess.TimeoutExpired:
        message = f"Maven did not bring {ARTIFACT} within {LONGEST_DOWNLOAD:.0f} s"
        raise MissingError(message) from None
    except subprocess.CalledProcessError as failed:
        message = f"Maven could not bring {ARTIFACT}: {(failed.stdout + failed.stderr).strip()[:500]}"
        raise MissingError(message) from None
    (archive,) = copies.iterdir()
    return archive
