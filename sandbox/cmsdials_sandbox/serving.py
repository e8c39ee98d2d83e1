"""`serve()`: a sandbox for the length of a `with` block, in a child process.

The child is this package's own command line with `--json`, so that tests use exactly what a
user starts.  It is stopped by its process id; if the parent dies without doing so, the child sees its
standard input close and ends by itself.
"""

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO

from cmsdials_sandbox.options import REALM, Generation, Options, Scale

_DEFAULTS = Options()


class SandboxError(RuntimeError):
    """The sandbox did not start; the message contains its standard error."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox.

    `url` ends with a slash.  `keycloak_url` and `realm` are where people and applications log in, `client_id` and
    `client_secret` are those of its application; `secret` is the one for X-CLIENT-SECRET.  `databases` maps a workspace
    to its SQLite file, to compare answers with: open it read-only, as the server has it open too.
    """

    url: str
    secret: str = field(repr=False)
    databases: Mapping[str, Path]
    pid: int
    client_id: str
    client_secret: str = field(repr=False)
    realm: str = REALM
    generation: Generation = _DEFAULTS.generation

    def secret_of(self, workspace: str) -> str:
        """Return the secret of an application with this default workspace; its `client_id` has the same ending."""
        return f"{self.secret}-{workspace}"

    @property
    def keycloak_url(self) -> str:
        """The address of its Keycloak; the realm is below it, under `realms/`."""
        return f"{self.url}auth/"


@contextlib.contextmanager
def serve(
    scale: Scale = _DEFAULTS.scale,
    generation: Generation = _DEFAULTS.generation,
    secret: str = _DEFAULTS.secret,
    port: int = 0,
    *,
    host: str = _DEFAULTS.host,
    seed: int = _DEFAULTS.seed,
    client_id: str = _DEFAULTS.client_id,
    client_secret: str = _DEFAULTS.client_secret,
    auto_approve: float | None = _DEFAULTS.auto_approve,
    token_lifetime: int = _DEFAULTS.token_lifetime,
    refresh_lifetime: int = _DEFAULTS.refresh_lifetime,
    device_lifetime: int = _DEFAULTS.device_lifetime,
    interval: float = _DEFAULTS.interval,
    reuse_refresh_tokens: bool = _DEFAULTS.reuse_refresh_tokens,
    realm_url: str | None = _DEFAULTS.realm_url,
    cache_seconds: int | None = _DEFAULTS.cache_seconds,
    timeout: float = 60.0,
) -> Iterator[Sandbox]:
    """Start a sandbox, wait until it answers, yield it, and stop it in any case.

    `port` 0 takes any free port; `Options` explains the others.  Raises `SandboxError` if the child ends early or is not
    ready after `timeout` seconds.
    """
    command = [sys.executable, "-m", "cmsdials_sandbox", "--json", "--stop-on-eof"]
    command += [f"--host={host}", f"--port={port}", f"--secret={secret}"]
    command += [f"--scale={scale}", f"--generation={generation}", f"--seed={seed}"]
    command += [f"--client-id={client_id}", f"--client-secret={client_secret}", f"--interval={interval}"]
    command += [f"--token-lifetime={token_lifetime}", f"--refresh-lifetime={refresh_lifetime}"]
    command += [f"--device-lifetime={device_lifetime}"]
    command += [] if auto_approve is None else [f"--auto-approve={auto_approve}"]
    command += [] if realm_url is None else [f"--realm-url={realm_url}"]
    command += [] if cache_seconds is None else [f"--cache-seconds={cache_seconds}"]
    command += ["--reuse-refresh-tokens"] if reuse_refresh_tokens else []
    with tempfile.TemporaryFile() as stderr, contextlib.ExitStack() as cleanup:
        child = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        cleanup.callback(_stop, child)
        url, databases = _ready(child, stderr, timeout)
        yield Sandbox(url, secret, databases, child.pid, client_id, client_secret, generation=generation)


def _ready(
    child: subprocess.Popen[bytes], stderr: IO[bytes], timeout: float
) -> tuple[str, Mapping[str, Path]]:
    """Wait until the child listens; return its address and its databases."""
    lines: queue.Queue[bytes] = queue.Queue()
    output = child.stdout
    if output is None:
        message = "the sandbox was started without a pipe for its standard output"
        raise SandboxError(message)
    threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=timeout)
    except queue.Empty:
        reason = f"was not ready after {timeout:g} s"
    else:
        if line:
            ready = json.loads(line)
            databases = {workspace: Path(path) for workspace, path in ready["databases"].items()}
            return ready["url"], MappingProxyType(databases)
        reason = f"ended with exit code {child.wait()} before it was ready"
    stderr.seek(0)
    written = stderr.read().decode(errors="replace").strip()
    message = f"the sandbox {reason}; it wrote: {written or 'nothing'}"
    raise SandboxError(message)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Terminate the child, kill it if it does not end, and close its pipes."""
    child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
