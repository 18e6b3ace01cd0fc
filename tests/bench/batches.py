"""Figures of batches: asking many members, hearing each, and the end, with processes that die and members that never
report."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from secrets import token_hex

from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.google.pubsub import PubSubBus
from tests.bench.figure import MILLI, Bench, Figure, Size, Spread
from tests.bench.state import FLOORS, environment, fresh_store
from tests.emulators.batch_night import AT_ONCE, BatchNight, Played, bare_publishing
from tests.emulators.push import PushWire

SILENT_PERCENT, DYING = 3, 0.01
BESIDE = 1_000  # as many members as are compared with another engine
BARE = "bare"


def batches(bench: Bench) -> Iterator[Figure]:
    """Play one batch as it should be and one with deaths, beside bare publishing and bare creates of as many."""
    members = bench.size.members
    with environment(bench.variables()):
        quiet, publishing = _play(members, dying=0.0)
        yield _asking(members, quiet, publishing)
        yield _reporting(members, quiet)
        yield from _beside_dbos(bench.size)
        troubled, _ = _play(members, dying=DYING)
        yield _sweeps_to_close(members, troubled)


def _play(members: int, *, dying: float, silent_percent: int = SILENT_PERCENT) -> tuple[Played, float]:
    """Return a night, and the seconds of publishing as many messages on a topic of the same emulator before it."""
    wire = PushWire(f"demo-batch-{token_hex(4)}")
    try:
        silent = members * silent_percent // 100
        night = BatchNight(FirestoreStore(wire.project), wire, members, silent=silent, dying=dying)
        wire.add_topic(BARE)
        bus = PubSubBus(wire.project)
        bare_publishing(bus, BARE, night.members[:100])  # connects, as the next two lines let the night's clients
        bare_publishing(night.ports.bus, BARE, night.members[:100])
        night.store.get("floor/nothing")
        publishing = bare_publishing(bus, BARE, night.members)
        bare = fresh_store()
        bare.create("floor/first", {})
        return night.play(floor=lambda path: bare.create(path, {"outcome": "done"})), publishing
    finally:
        wire.close()


def _beside_dbos(size: Size) -> Iterator[Figure]:
    """Fan out and in as many members in DBOS, where `BENCH_DBOS` names an interpreter that has it; else nothing."""
    python = os.environ.get("BENCH_DBOS")
    if not python:
        return
    members = min(size.members, BESIDE)
    played, _ = _play(members, dying=0.0, silent_percent=0)
    command = [python, str(FLOORS / "fan_out" / "main.py"), str(members)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = sum(end.get("record_count") or 0 for end in played.ends)
    yield Figure(
        "batches",
        f"{members} members from start to end, a third twice, {AT_ONCE} at a time",
        "s",
        Spread.of([played.asking + played.reporting]),
        Spread.of([theirs["seconds"]]),
        "DBOS on SQLite, steps that do nothing",
        counted={
            "sum of counts": f"{ours}, DBOS {theirs['sum']}",
            "errors": f"{played.unacknowledged}, DBOS {theirs['executions'] - members} executions too many",
            "DBOS rows written each": round(theirs["rows"] / members, 1),
        },
    )


def _asking(members: int, played: Played, publishing: float) -> Figure:
    return Figure(
        "batches",
        f"{members} members loaded and asked, without a pace",
        "s",
        Spread.of([played.asking]),
        Spread.of([publishing]),
        "bare publishing of as many",
        most=1.25,
        counted={"asked": len(played.requests), "requests": sum(played.requests.values())},
    )


def _reporting(members: int, played: Played) -> Figure:
    each = members // 10 or 1
    tenths = [
        {kind: round(number * 10 / played.reports, 1) for kind, number in tenth.items()} for tenth in played.tenths
    ]
    return Figure(
        "batches",
        f"{played.reports} reports of {members} members, {AT_ONCE} at a time, each",
        "ms",
        Spread.of([played.reporting / played.reports], MILLI),
        Spread.of([played.creates / played.reports], MILLI),
        "a bare create",
        most=1.5,
        counted={
            "errors": played.unacknowledged,
            "reads each, by tenths": [tenth.get("reads", 0) for tenth in tenths],
            "writes each, by tenths": [tenth.get("writes", 0) for tenth in tenths],
            "members a tenth": each,
        },
    )


def _sweeps_to_close(members: int, played: Played) -> Figure:
    ends = Counter((str(end["trigger_id"]), int(end["generation"])) for end in played.ends)
    return Figure(
        "batches",
        f"sweeps until {members} members are closed at {100 - SILENT_PERCENT} percent by idleness, processes dying",
        "sweeps",
        Spread.of([float(played.sweeps_to_close)]),
        counted={
            "errors": played.unacknowledged,
            "deaths": played.died,
            "ends": len(ends),
            "said": sum(ends.values()),
            "outcomes kept": played.outcomes,
            "status": next((str(end["status"]) for end in played.ends), "none"),
            "percent": next((end["metadata"]["completion_pct"] for end in played.ends), None),
        },
    )
