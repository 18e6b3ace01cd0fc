"""A bundle as it will run: its own requirements in an environment of its own, served from a bare folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.simulation import children
from shared.simulation.emulators import free_port
from tests.tooling import pips

INSTALL_SECONDS = 600
START_SECONDS = 180
_PIP = ("--disable-pip-version-check", "--no-input", "--progress-bar=off", "--require-hashes", "--only-binary=:all:")
_INDEX = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE")


def environment_of(lock: Path, folder: Path, version: str = pips.DEBIAN) -> Path:
    """Install a lock by a pip of this version, hashes checked, into a fresh environment; return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    env = {name: value for name, value in os.environ.items() if name.startswith(_INDEX) or name in ("PATH", "HOME")}
    command = [*pips.command(version, python), "install", *_PIP, "-r", str(lock)]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, timeout=INSTALL_SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return python


@dataclass(frozen=True)
class Served:
    """A function that listens on ``address``; ``log`` is what it printed, its imports included."""

    address: str
    log: Path

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}{path}", data=body, headers=headers, method=method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=100) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()


@contextmanager
def served(python: Path, bundle: Path, folder: Path, variables: Mapping[str, str]) -> Iterator[Served]:
    """Serve a copy of a bundle from a folder that holds nothing else, as the buildpack would."""
    bare = folder / "workspace"
    shutil.copytree(bundle, bare)
    port, log = free_port(), folder / "server.log"
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PORT": str(port),
        "FUNCTION_TARGET": "main",
        "FUNCTION_SIGNATURE_TYPE": "http",  # what a function without a generated trigger is given
        "PYTHONVERBOSE": "1",  # says of each module which file it came from
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    with log.open("wb") as out:
        process = children.start([str(python), "-m", "functions_framework"], cwd=bare, env=env, stdout=out, stderr=out)
    try:
        _wait(process, port, log)
        yield Served(f"http://127.0.0.1:{port}", log)
    finally:
        children.end([process])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/robots.txt", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"not listening within {START_SECONDS} s:\n{log.read_text(errors='replace')[-4000:]}")
