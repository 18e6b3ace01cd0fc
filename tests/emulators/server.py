"""A function served by functions-framework in a process of its own, on a port of the caller's choice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from shared.simulation import children
from shared.simulation.emulators import free_port

ROOT = Path(__file__).resolve().parents[2]
READY = timedelta(seconds=180)
_POLL_SECONDS = 0.01


def main_of(function: str) -> Path:
    return ROOT / "functions" / function / "main.py"


@contextmanager
def served(
    source: Path, variables: Mapping[str, str], log: Path, *, port: int | None = None, kind: str = "cloudevent"
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve one source file until the end of the ``with`` block; yield its URL, once it listens, and its process."""
    port = port or free_port()
    command = [
        *(sys.executable, "-m", "functions_framework", "--source", str(source), "--target", "main"),
        *("--signature-type", kind, "--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    with log.open("ab") as out:
        process = children.start(command, stdout=out, stderr=out, env=environment)
    try:
        wait_until_listening(process, port, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        children.end([process])


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a process listens; raise ``AssertionError`` with the end of its log if it ends or takes too long."""
    end = time.monotonic() + READY.total_seconds()
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with status {process.returncode}:\n{log.read_text()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"the server was not ready:\n{log.read_text()[-2000:]}")
