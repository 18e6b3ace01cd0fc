"""Figures of a process: from its start to the first answer, and what it holds after many events."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from time import perf_counter

from tests.bench.figure import Bench, Figure, Spread
from tests.bench.state import FLOORS, day_of
from tests.bench.wire import PROCESSORS, Caller, body_of
from tests.emulators.server import ROOT, main_of, served

# Those of which none starts a phase by itself: the first one would, and gates and Pub/Sub be loaded for it.
WAITING = PROCESSORS[2:]
LIBRARIES = "import functions_framework, google.cloud.firestore"
CHECKPOINTS = 5


def cold(bench: Bench) -> Iterator[Figure]:
    """Start a function and send it a completion that only waits, in turn with the floor's; files are in the cache."""
    variables = _variables(bench)
    ours, floor, handled, bare = [], [], [], []
    _first_answer(bench, main_of("phase3_to_phase4"), variables)  # compiles
    _first_answer(bench, FLOORS / "create" / "main.py", variables)
    for _ in range(bench.size.starts):
        ours.append(_first_answer(bench, main_of("phase3_to_phase4"), variables))
        floor.append(_first_answer(bench, FLOORS / "create" / "main.py", variables))
        handled.append(_python(_FIRST, variables, str(main_of("phase3_to_phase4"))))
        bare.append(_python(LIBRARIES))
    yield Figure(
        "cold",
        "process start to first answered completion",
        "s",
        Spread.of(ours),
        Spread.of(floor),
        "functions-framework with Firestore, one create",
        most=1.1,
    )
    yield Figure(
        "cold",
        "import and first completion, no server",
        "s",
        Spread.of(handled),
        Spread.of(bare),
        "importing functions_framework and google.cloud.firestore",
        most=1.1,
    )


_FIRST = """
import base64, json, sys, functions_framework
client = functions_framework.create_app("main", sys.argv[1]).test_client()
body = {"processor_name": "team_offense_game_summary", "game_date": "2026-01-21", "status": "success"}
message = {"data": base64.b64encode(json.dumps(body).encode()).decode(), "messageId": "1"}
source = "//x/topics/nba-phase3-analytics-complete"
headers = {"ce-id": "1", "ce-specversion": "1.0", "ce-type": "t", "ce-source": source}
assert client.post("/", json={"message": message}, headers=headers).status_code == 200
"""


def _variables(bench: Bench) -> dict[str, str]:
    return {**bench.variables(), "GOOGLE_CLOUD_PROJECT": f"demo-bench-{token_hex(4)}", "ORCH_ALERTS": "console"}


def _first_answer(bench: Bench, source: Path, variables: Mapping[str, str]) -> float:
    project = {"GOOGLE_CLOUD_PROJECT": f"demo-bench-{token_hex(4)}"}
    began = perf_counter()
    with served(source, {**variables, **project}, bench.folder / "cold.log") as (url, _):
        caller = Caller(url)
        caller.send(body_of(WAITING[0], day_of(0)))
        spent = perf_counter() - began
        caller.close()
    return spent


def _python(code: str, variables: Mapping[str, str] | None = None, *arguments: str) -> float:
    """Return the seconds from the start to the end of an interpreter that runs this."""
    project = {"GOOGLE_CLOUD_PROJECT": f"demo-bench-{token_hex(4)}"}
    environment = {"PYTHONPATH": str(ROOT), **(variables or {}), **project}
    began = perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def memory(bench: Bench) -> Iterator[Figure]:
    """Send many completions to a function and to the floor, and look at what their workers hold on the way."""
    variables = _variables(bench)
    ours, floor = [], []
    with ExitStack() as stack:
        log = bench.folder / "memory.log"
        url, process = stack.enter_context(served(main_of("phase3_to_phase4"), variables, log))
        floor_url, other = stack.enter_context(served(FLOORS / "create" / "main.py", variables, log))
        mine, theirs = Caller(url), Caller(floor_url)
        for number in range(bench.size.events):
            mine.send(body_of(WAITING[number % 3], day_of(number // 3)))
            theirs.send(body_of(WAITING[number % 3], day_of(number // 3)))
            if number % (bench.size.events // CHECKPOINTS) == bench.size.events // CHECKPOINTS - 1:
                ours.append(_resident(process.pid))
                floor.append(_resident(other.pid))
        mine.close()
        theirs.close()
    yield Figure(
        "memory",
        f"resident after {bench.size.events} completions",
        "MB",
        Spread.of(ours[-1:]),
        Spread.of(floor[-1:]),
        "functions-framework with Firestore, one create",
        most=1.1,
        counted={"MB on the way": [round(size, 1) for size in ours], "floor": [round(size, 1) for size in floor]},
    )
    yield Figure(
        "memory",
        "last fifth of them",
        "MB",
        Spread.of(ours[-1:]),
        Spread.of(ours[-2:-1]),
        "four fifths of them",
        most=1.05,
    )


def _resident(master: int) -> float:
    """Return what a server's master and worker hold together, in MB; pages that they share count once."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return sum(_proportional(process) for process in (str(master), *children)) / 1024


def _proportional(process: str) -> int:
    return int(Path(f"/proc/{process}/smaps_rollup").read_text().split("\nPss:")[1].split()[0])
