"""Figures of pure computation: decisions, and nights in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from time import perf_counter, process_time

from shared.core.decision.decide import decide
from shared.core.decision.snapshot import DecisionInput
from shared.simulation.parallel import cores, seldom_collected
from shared.simulation.parse import read_scenario
from shared.simulation.runner import play
from tests.bench.figure import Bench, Figure, Spread
from tests.core.build import PGS, PHASE3, TDGS, UPGC, at, confirmed, done, report, results, snapshot
from tests.emulators.server import ROOT
from tests.random_nights.command import Drawn, replay
from tests.random_nights.parallel import play_many, play_seed

BATCH, FEW, ON_ONE_CORE = 1000, 10, 60
OF_TEN_THOUSAND_IN_TEN_MINUTES = 17
SCENARIOS = ROOT / "tests" / "scenarios"


def decisions(bench: Bench) -> Iterator[Figure]:
    """Decide situations that are built anew each time, so that nothing is remembered from one to the next."""
    now = at(minutes=1)
    cases = {
        "waits for two of five, floors judged": snapshot(*(report(n, records=150) for n in (PGS, UPGC, TDGS))),
        "triggers: complete, all gates judged": snapshot(*done(*PHASE3)),
        "confirmed, a refresh is possible": snapshot(*done(*PHASE3), state=confirmed()),
    }
    for what, first in cases.items():
        made = _maker(results(first, now)[0])
        rates = [_rate(lambda made=made: decide(made(), now)) for _ in range(bench.size.samples)]  # type: ignore[misc]
        yield Figure("decide", what, "/s", Spread.of(rates), least=50_000)


def _maker(decision_input: DecisionInput) -> Callable[[], DecisionInput]:
    values = {part.name: getattr(decision_input, part.name) for part in fields(decision_input)}
    return lambda: DecisionInput(**values)


def _rate(call: Callable[[], object]) -> float:
    """Return how often a second of one core is enough for a call."""
    began = process_time()
    for _ in range(BATCH):
        call()
    return BATCH / (process_time() - began)


def simulation(bench: Bench) -> Iterator[Figure]:
    """Play the recorded scenarios, and random nights with faults, through the real handlers in virtual time."""
    files = sorted(SCENARIOS.glob("*/*.yaml"))[:: 1 if bench.size.nights > FEW else 10]
    scenarios = [read_scenario(file) for file in files]
    hours = sum((scenario.end - scenario.start).total_seconds() / 3600 for scenario in scenarios)
    rates = [hours / _seconds(lambda: [play(scenario) for scenario in scenarios]) for _ in range(2)]
    what = f"simulated hours, {len(files)} recorded scenarios"
    yield Figure("simulation", what, "h/s", Spread.of(rates), least=20)
    with seldom_collected():
        spent = [_seconds(lambda seed=seed: play_seed(seed)) for seed in range(min(bench.size.nights, ON_ONE_CORE))]  # type: ignore[misc]
    yield Figure(
        "simulation", "random nights with faults", "nights/s", Spread.of([1 / seconds for seconds in spent]), least=20
    )
    yield _on_every_core(bench.size.nights)


def _on_every_core(nights: int) -> Figure:
    """Play nights on all cores: 10,000 shall be over within ten minutes."""
    began = perf_counter()
    results = play_many(range(nights), None, timeline=False, jobs=cores())
    broken = [replay(result.night.seed, Drawn()) for result in results if result.violations]
    rate = Spread.of([nights / (perf_counter() - began)])
    what = f"{nights} random nights on {cores()} cores"
    return Figure(
        "simulation",
        what,
        "nights/s",
        rate,
        least=OF_TEN_THOUSAND_IN_TEN_MINUTES,
        counted={"broke a promise": broken or "none"},
    )


def _seconds(call: Callable[[], object]) -> float:
    began = process_time()
    call()
    return process_time() - began
