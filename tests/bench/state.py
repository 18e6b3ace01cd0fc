"""Figures of the state store: one completion, many members, many runs at once, and the sweep."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import count, pairwise
from secrets import token_hex
from threading import Lock
from time import perf_counter
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.config.policy_file import load_policy
from shared.adapters.google.firestore import FirestoreStore
from shared.app.state.opening import touch
from shared.app.state.repository import Stored, due_runs, save_run, with_run
from shared.app.state.upkeep import Upkeep, end, looked_by
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.app.transitions.receive import Handled, receive
from shared.core.model import Lane, Run, RunKey, Units
from tests.bench.figure import MILLI, Bench, Figure, Spread
from tests.bench.wire import PROCESSORS, Caller, body_of
from tests.emulators.server import ROOT, main_of, served
from tests.plain_ports import GAMES, PlainPorts, context, delivery
from tests.policy_files import NBA
from tests.wide_policy import PHASE, member_names, member_report, wide_policy

FLOORS = ROOT / "tests" / "bench" / "floors"
AT_ONCE = 16
FIRST_DAY = date(2020, 1, 1)
LATER = date(2050, 1, 1)  # of runs that no sweep closes for their age
RUNS, EACH, COPIES = 40, 5, 3
FAR = timedelta(days=30)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let Google's libraries in this process find the emulators."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fresh_store() -> FirestoreStore:
    return FirestoreStore(f"demo-bench-{token_hex(4)}")


def day_of(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def completion(bench: Bench) -> Iterator[Figure]:
    """Send completions that only wait to a warm function, in turn with the floor's."""
    with environment(bench.variables()):
        yield _completion_served(bench)
        yield _completion_in_process(bench)


def _completion_served(bench: Bench) -> Figure:
    variables = {**bench.variables(), "GOOGLE_CLOUD_PROJECT": f"demo-bench-{token_hex(4)}", "ORCH_ALERTS": "console"}
    ours, floor = [], []
    with ExitStack() as stack:
        log = bench.folder / "completion.log"
        url, _ = stack.enter_context(served(main_of("phase3_to_phase4"), variables, log))
        floor_url, _ = stack.enter_context(served(FLOORS / "record" / "main.py", variables, log))
        mine, theirs = Caller(url), Caller(floor_url)
        for number in range(bench.size.samples + 2):
            mine.send(body_of(PROCESSORS[3], day_of(number)))  # opens the run
            ours.append(mine.send(body_of(PROCESSORS[2], day_of(number))))
            theirs.send(body_of(PROCESSORS[3], day_of(number)))
            floor.append(theirs.send(body_of(PROCESSORS[2], day_of(number))))
        mine.close()
        theirs.close()
    return Figure(
        "completion",
        "one that only waits, warm, over HTTP",
        "ms",
        Spread.of(ours[2:], MILLI),
        Spread.of(floor[2:], MILLI),
        "empty function that creates its document and lists the others with Google's library",
        most=1.0,
    )


def _completion_in_process(bench: Bench) -> Figure:
    store = fresh_store()
    ctx = context(load_policy(NBA), PlainPorts(store))
    ours, floor, counted = [], [], Counter[str]()
    for number in range(bench.size.samples + 2):
        bodies = [member_report(name, day_of(number)) for name in (PROCESSORS[3], PROCESSORS[2])]
        receive(ctx, delivery(PHASE, bodies[0], f"a{number}"))
        before = Counter(store.operations)
        message = delivery(PHASE, bodies[1], f"b{number}")
        ours.append(timed(lambda message=message: receive(ctx, message)))  # type: ignore[misc]
        counted += store.operations - before
        floor.append(timed(lambda number=number: store.create(f"floor/{number}", {"status": "success"})))  # type: ignore[misc]
    return Figure(
        "completion",
        "the same in process",
        "ms",
        Spread.of(ours[2:], MILLI),
        Spread.of(floor[2:], MILLI),
        "one create",
        counted={f"{kind} each": total / len(ours) for kind, total in sorted(counted.items())},
    )


def fan_in(bench: Bench) -> Iterator[Figure]:
    """Handle the completions of one very wide phase, so many at a time, after as many bare creates with a read each."""
    members = bench.size.members
    with environment(bench.variables()):
        store, bare = fresh_store(), fresh_store()
        ports = PlainPorts(store)
        ctx = context(wide_policy(members, bench.folder), ports)
        names = member_names(members)
        bare.create("floor/first", {})
        floor, _ = _at_once(names, partial(_created_and_read, bare))
        marks, lock = [Counter[str]()], Lock()
        done = count(1)

        def handle(name: str) -> bool:
            handled = receive(ctx, delivery(PHASE, member_report(name), f"m-{name}")).handled is Handled.DECIDED
            with lock:
                if next(done) % (members // 10) == 0:
                    marks.append(Counter(store.operations))
            return handled

        spent, answers = _at_once(names, handle)
        tenths = [(after - before) for before, after in pairwise(marks)]
        yield Figure(
            "fan-in",
            f"{members} members of one phase, {AT_ONCE} at a time",
            "s",
            Spread.of([spent]),
            Spread.of([floor]),
            "a create and then a read each",
            most=1.5,
            counted={
                "errors": answers.count(False),
                "triggers": len(ports.bus.triggers),
                "reads each, by tenths": [round(tenth["reads"] * 10 / members, 1) for tenth in tenths],
                "writes each, by tenths": [round(tenth["writes"] * 10 / members, 1) for tenth in tenths],
            },
        )


def _created_and_read(store: FirestoreStore, name: str) -> None:
    store.create(f"floor/{name}", {"status": "success"})
    store.get(f"floor/{name}")


def burst(bench: Bench) -> Iterator[Figure]:
    """Handle the completions of many runs at once, each of them delivered several times."""
    runs = RUNS if bench.size.samples > RUNS else 4
    with environment(bench.variables()):
        store, bare = fresh_store(), fresh_store()
        ports = PlainPorts(store)
        ctx = context(load_policy(NBA), ports)
        sent = [(name, day_of(run)) for _ in range(COPIES) for name in PROCESSORS for run in range(runs)]

        def handle(member: tuple[str, str]) -> bool:
            message = delivery(PHASE, member_report(*member).replace(b": 100", b": 5000"), f"{member[0]}-{member[1]}")
            return receive(ctx, message).handled is Handled.DECIDED

        bare.create("floor/first", {})
        floor, _ = _at_once(sent, lambda member: bare.create(f"floor/{member[0]}-{member[1]}", {"status": "success"}))
        spent, answers = _at_once(sent, handle)
        yield Figure(
            "burst",
            f"{runs * EACH} completions of {runs} runs, {COPIES} times each, {AT_ONCE} at a time",
            "s",
            Spread.of([spent]),
            Spread.of([floor]),
            "as many bare creates",
            counted={
                "errors": answers.count(False),
                "triggers": f"{len(ports.bus.triggers)} of {runs}",
                **{f"{kind} each": round(count / len(sent), 2) for kind, count in sorted(store.operations.items())},
            },
        )


def _at_once(things: Sequence[Any], call: Callable[[Any], Any]) -> tuple[float, list[Any]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        began = perf_counter()
        answers = list(pool.map(call, things))
        return perf_counter() - began, answers


def sweeping(bench: Bench) -> Iterator[Figure]:
    """Sweep open runs where nothing happens, first without, then with closed ones beside them."""
    size = bench.size
    with environment(bench.variables()):
        store = fresh_store()
        ctx = context(load_policy(NBA), PlainPorts(store))
        today = ctx.policy.local(ctx.ports.clock.now()).date()
        for number in range(size.open_runs):
            key = RunKey("nba", today + timedelta(days=number // 3), tuple(ctx.policy.modes)[number % 3])
            _put(ctx.ports.store, ctx.policy, key, closed=False)
        sweep(ctx, SweepOptions())  # reads calendar and tables into the runs, and opens today's
        sweep(ctx, SweepOptions())
        spent, counted = {}, {}
        for what in ("open", "closed"):
            samples, floor = [], []
            before = Counter(store.operations)
            for _ in range(max(2, size.starts)):
                samples.append(timed(lambda: sweep(ctx, SweepOptions())))
            counted[what] = {k: v // len(samples) for k, v in sorted((store.operations - before).items())}
            floor += [timed(lambda: store.query("runs", {"status": "open", "pipeline": "nba"})) for _ in samples]
            spent[what] = (Spread.of(samples, MILLI), Spread.of(floor, MILLI))
            for number in range(size.closed_days * 3 if what == "open" else 0):
                key = RunKey("nba", today - timedelta(days=3 + number // 3), tuple(ctx.policy.modes)[number % 3])
                _put(ctx.ports.store, ctx.policy, key, closed=True)
        yield Figure(
            "sweep",
            f"{size.open_runs} open runs, {size.closed_days} days of closed ones",
            "ms",
            *spent["closed"],
            "one query for open runs",
            counted={"operations": counted["closed"], "without closed runs": counted["open"]},
        )
        yield Figure(
            "sweep",
            "the same, beside no closed run at all",
            "ms",
            spent["closed"][0],
            spent["open"][0],
            "a sweep of the open runs alone",
            most=1.2,
        )
        for number in size.swept:
            yield _one_percent_due(number, max(2, size.starts))


def _one_percent_due(number: int, times: int) -> Figure:
    """Sweep so many open runs of which one in a hundred is due, after reading those that are."""
    store = fresh_store()
    ctx = context(load_policy(NBA), PlainPorts(store))
    now, policy = ctx.ports.clock.now(), ctx.policy
    keys = [RunKey("nba", LATER + timedelta(days=day), "overnight", Lane.BACKFILL) for day in range(number)]
    list(ThreadPoolExecutor(AT_ONCE).map(lambda key: _put(store, policy, key, closed=False, due=FAR), keys))
    end(ctx, Upkeep(), Upkeep(looked_by(ctx), now + FAR, now + FAR), now)
    for key in keys[::100]:
        touch(ctx, key.id)
    sweep(ctx, SweepOptions())  # once an hour, and here first, it compares state and record
    ours, floor, counted = [], [], Counter[str]()
    for _ in range(times):
        for key in keys[::100]:
            touch(ctx, key.id)
        floor.append(timed(lambda: [with_run(store, run.value.key, run) for run in _due(ctx)]))
        before = Counter(store.operations)
        ours.append(timed(lambda: sweep(ctx, SweepOptions())))
        counted += store.operations - before
    each = {kind: round(total / times, 1) for kind, total in sorted(counted.items())}
    what = f"{number} open runs, one in a hundred due"
    spent = Spread.of(ours, MILLI), Spread.of(floor, MILLI)
    return Figure("sweep", what, "ms", *spent, "reading the due ones", most=1.5, counted={"operations": each})


def _due(ctx: Any) -> list[Stored[Run]]:
    return due_runs(ctx.ports.store, ctx.policy, ctx.ports.clock.now())[0]


def _put(store: Any, policy: Any, key: RunKey, *, closed: bool, due: timedelta = timedelta()) -> None:
    now = SystemClock().now()
    run = Run(key, now, units=Units(GAMES, GAMES), baseline={}, policy_version=policy.version, next_check_at=now + due)
    save_run(store, Stored(replace(run, closed_at=now) if closed else run), policy)
