"""The functions, each served by functions-framework in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared.adapters.clock import SystemClock
from shared.simulation import children
from shared.simulation.emulators import free_port

ROOT = Path(__file__).resolve().parents[3]
# Those that are called, or take both calls and pushes; the others are sent events.
CALLED = ("self_heal", "validation_runner", "health_check", "phase5_batches", "workflow_controller")
READY = timedelta(seconds=180)
_POLL = timedelta(seconds=0.05)
_TAIL_LINES = 25
_GRAVE = ("WARNING", "ERROR", "CRITICAL")


class ServerFailed(Exception):
    """A function does not run: carries the tail of its log."""


@dataclass(frozen=True)
class Server:
    """One function and where it listens."""

    function: str
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Raise ``ServerFailed`` if the process has ended."""
        status = self.process.poll()
        if status is not None:
            raise ServerFailed(f"{self.function} ended with status {status}; {self.tail()}")

    def tail(self) -> str:
        """Return the last lines of its log, with the file's name."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return f"the end of {self.log}:\n" + ("\n".join(f"  {line}" for line in lines) or "  (empty)")

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


OF_THE_POLICY = "policy.silence"


def complaints(logs: Path) -> Counter[str]:
    """Count what the functions logged above information, by function and event.

    What they say of the policy, which a recorded night names, is nothing that happened in the night.
    """
    counts: Counter[str] = Counter()
    for log in sorted(logs.glob("*.log")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            event = entry.get("message") if isinstance(entry, dict) and entry.get("severity") in _GRAVE else None
            if event not in (None, OF_THE_POLICY):
                counts[f"{log.stem} {event}"] += 1
    return counts


@contextmanager
def served(functions: Sequence[str], variables: Mapping[str, str], logs: Path) -> Iterator[dict[str, Server]]:
    """Serve the functions for the length of a ``with`` block: all listen when it begins, none is left when it ends."""
    commands = {function: partial(_command, function) for function in functions}
    with running(commands, variables, logs) as servers:
        yield servers


@contextmanager
def running(
    commands: Mapping[str, Callable[[int], Sequence[str]]], variables: Mapping[str, str], logs: Path
) -> Iterator[dict[str, Server]]:
    """Run a server for each name, by the command that takes its port, for the length of a ``with`` block."""
    servers: dict[str, Server] = {}
    try:
        for name, command in commands.items():
            servers[name] = _start(name, command, variables, logs / f"{name}.log")
        _wait_for(list(servers.values()))
        yield servers
    finally:
        children.end([server.process for server in servers.values()])


def _command(function: str, port: int) -> Sequence[str]:
    kind = "http" if function in CALLED else "cloudevent"
    return (
        *(sys.executable, "-m", "functions_framework", "--source", f"functions/{function}/main.py", "--target", "main"),
        *("--signature-type", kind, "--host", "127.0.0.1", "--port", str(port)),
    )


def _start(name: str, command: Callable[[int], Sequence[str]], variables: Mapping[str, str], log: Path) -> Server:
    port = free_port()
    with log.open("wb") as stream:
        # The server and its worker are one group, which a Ctrl-C meant for us does not reach.
        process = children.start(command(port), cwd=ROOT, env=variables, stdout=stream, stderr=stream)
    return Server(name, port, log, process)


def _wait_for(servers: Sequence[Server]) -> None:
    end = time.monotonic() + READY.total_seconds()
    waiting = list(servers)
    while waiting:
        for server in waiting:
            server.check()
        waiting = [server for server in waiting if not server.listens()]
        if waiting and time.monotonic() > end:
            late = waiting[0]
            raise ServerFailed(f"{late.function} does not listen after {READY.total_seconds():g} s; {late.tail()}")
        SystemClock().sleep(_POLL)
