"""The stand-ins of the pipeline's services: where they are, what is pushed to them, and each in a process of its own.

They belong to the tests, which hold them to what is known of the services; a checkout has them, a bundle does not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.core.errors import Unavailable
from shared.ports import Response
from shared.simulation.demo.servers import ROOT, Server, ServerFailed, running

MODULE = "tests.services"
FOLDER = ROOT / "tests" / "services"
# Policy's name of a service to the stand-in that answers for it.
SERVICES = {
    "scrapers": "scrapers",
    "analytics": "analytics",
    "precompute": "precompute",
    "prediction_coordinator": "coordinator",
}
# Topic to the stand-in that has a push subscription of its own to it, and the path that is pushed to.
READERS = {
    "nba-phase1-scrapers-complete": ("raw", "process"),
    "nba-phase2-raw-complete": ("analytics", "process"),
    "nba-phase6-export-trigger": ("export", ""),
    "nba-grading-trigger": ("grading", ""),
    "prediction-request-prod": ("workers", ""),
}
NAMES = ("scrapers", "raw", "analytics", "precompute", "coordinator", "export", "grading")
_TIMEOUT = timedelta(seconds=60)


class StandInsMissing(Exception):
    """This is no checkout: the stand-ins are not there."""


def require() -> None:
    """Raise ``StandInsMissing`` unless the stand-ins are there."""
    if not (FOLDER / "__main__.py").is_file():
        raise StandInsMissing(f"{FOLDER} is not there: the stand-ins of the services are part of a checkout only")


@dataclass(frozen=True)
class SharedFiles:
    """What every stand-in is given: files that it shares with the functions, and where it writes exports.

    ``bus`` is a project of the Pub/Sub emulator, or the file of a local bus.
    """

    bus: str
    policy: str
    clock: Path
    warehouse: Path
    exports: Path


@dataclass(frozen=True)
class Call:
    """A call that a service was sent by a function, and the status it answered with."""

    at: datetime
    service: str
    path: str
    body: Mapping[str, Any]
    status: int


@dataclass(frozen=True)
class AtWork:
    """``awake`` counts those at work that take no time of the night, ``wakes`` is when the next that does has ended,
    ``taken`` counts the messages that each has begun to work on; ``calls`` are all so far, in order of time."""

    awake: int
    wakes: datetime | None
    taken: Mapping[str, int]
    calls: Sequence[Call]


class StandIns:
    """The stand-ins of one night."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self.servers = servers
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        self._asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def call(self, name: str, path: str, body: Mapping[str, Any]) -> None:
        """Call a stand-in as its own scheduler does; raise ``ServerFailed`` unless it answers 2xx."""
        server = self.servers[name]
        self._asked.append((name, path, body))
        answer = self._call(server, "POST", path, body)
        if not 200 <= answer.status < 300:
            raise ServerFailed(f"{name} answers {answer.status} to {path}: {answer.body[:200]}; {server.tail()}")

    def answer(self, name: str, path: str) -> Any:
        """Return what a stand-in says of itself at a path of its own."""
        return json.loads(self._call(self.servers[name], "GET", path).body)

    def work(self) -> AtWork:
        """Ask every stand-in what it does, and which calls it was sent other than by ``call``."""
        awake, ends, taken = 0, [], {}
        calls: list[Call] = []
        for name, server in self.servers.items():
            state = json.loads(self._call(server, "GET", "/stand-in/work").body)
            awake += state["awake"]
            taken[name] = state["taken"]
            if state["until"]:
                ends.append(datetime.fromisoformat(state["until"]))
            for call in state["calls"]:
                if (name, call["path"], call["body"]) not in self._asked:
                    at = datetime.fromisoformat(call["at"])
                    calls.append(Call(at, name, call["path"], call["body"], call["status"]))
        return AtWork(awake, min(ends, default=None), taken, sorted(calls, key=lambda call: call.at))

    def _call(self, server: Server, method: str, path: str, body: Mapping[str, Any] | None = None) -> Response:
        try:
            return self._http.request(method, server.url + path, body, _TIMEOUT)
        except Unavailable as error:
            raise ServerFailed(f"{server.function} does not answer {path}: {error.reason}; {server.tail()}") from error


@contextmanager
def stand_ins(
    place: SharedFiles, variables: Mapping[str, str], logs: Path, names: Sequence[str] = NAMES
) -> Iterator[StandIns]:
    """Serve those of these names for the length of a ``with`` block."""
    commands = {name: _command(name, place) for name in names}
    with running(commands, variables, logs) as servers:
        yield StandIns(servers)


def _command(name: str, place: SharedFiles) -> Callable[[int], Sequence[str]]:
    def command(port: int) -> Sequence[str]:
        return (
            *(sys.executable, "-P", "-m", MODULE, name, "--port", str(port), "--bus", place.bus),
            *("--policy", place.policy, "--clock", str(place.clock), "--warehouse", str(place.warehouse)),
            *("--exports", str(place.exports)),
        )

    return command
