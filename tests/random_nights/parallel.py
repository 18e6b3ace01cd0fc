"""Many nights at once, one process for each core: a night is a world of its own and needs nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.names import Names
from shared.core.policy.phases import Need, Processor, Reports
from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from shared.simulation.parallel import play_each
from tests.random_nights.case import Night
from tests.random_nights.driver import play
from tests.random_nights.generator import generate

# Fewer nights are over before other processes have loaded what they need.
WORTH_A_PROCESS = 50
AT_A_TIME = 5
TWICE, LOADERS = "team_offense_game_summary", ("TeamOffenseFirstLoader", "TeamOffenseSecondLoader")


@dataclass(frozen=True)
class Result:
    """How one night went, without the world it was played in."""

    night: Night
    violations: tuple[str, ...]
    deliveries: int
    sweeps: int
    timeline: tuple[tuple[datetime, str, str], ...]


def play_many(
    seeds: Sequence[int], day: date | None, policy: Path | None = None, *, timeline: bool, jobs: int
) -> Iterator[Result]:
    """Play the nights of these seeds, of one date if ``day`` is given, of the pipeline of a policy file if that is.

    The results come in the order of the seeds.
    """
    worker = partial(play_seed, day=day, file=policy, timeline=timeline)
    yield from play_each(worker, seeds, jobs, worth_a_process=WORTH_A_PROCESS, at_a_time=AT_A_TIME)


def play_seed(seed: int, day: date | None = None, file: Path | None = None, *, timeline: bool = False) -> Result:
    """Play one night of the pipeline's policy, or of that of a file."""
    policy, names = _prepared(seed % 4) if file is None else _loaded(file)
    played = play(policy, names, generate(policy, seed, day), timeline=timeline)
    entries = tuple(played.timeline)
    return Result(played.night, tuple(played.violations), played.deliveries, played.sweeps, entries)


def single_loaders(policy: Policy, *, one_by_one: bool = False) -> Policy:
    """Return the policy with one loader for every name.

    With ``one_by_one`` a processor of named units reports each of them, else what the policy says.
    """
    return _with(policy, lambda processor: _single(processor, one_by_one))


def several_loaders(policy: Policy, need: Need) -> Policy:
    """Return the policy with two loaders of a name that a trigger waits for, of which any or all are needed."""

    def loaded(processor: Processor) -> Processor:
        if processor.name != TWICE:
            return replace(processor, need=need) if processor.sources else processor
        first, second = (
            replace(
                processor,
                name=f"{processor.name}/{source}",
                aliases=(),
                table=f"{processor.table}{number}",
                reports=Reports.PER_UNIT if number else Reports.WHOLE,
            )
            for number, source in enumerate(LOADERS)
        )
        sources = dict(zip(LOADERS, (first, second), strict=True))
        return replace(processor, table=None, min_records_per_unit=None, sources=sources, need=need)

    return _with(policy, loaded)


def _with(policy: Policy, change: Callable[[Processor], Processor]) -> Policy:
    phases = {
        phase.name: replace(phase, processors={name: change(processor) for name, processor in phase.processors.items()})
        for phase in policy.phases.values()
    }
    return replace(policy, phases=phases)


def _single(processor: Processor, one_by_one: bool) -> Processor:
    table = next((part.table for part in processor.parts if part.table is not None), None)
    reports = Reports.PER_UNIT if one_by_one and processor.units else processor.reports
    aliases = (*processor.aliases, *processor.sources)
    return replace(processor, table=table, aliases=aliases, reports=reports, sources={}, need=Need.ANY)


@lru_cache(maxsize=1)
def _loaded(file: Path) -> tuple[Policy, Names]:
    policy = load_policy(file)
    return policy, Names(policy)


@lru_cache(maxsize=4)
def _prepared(kind: int) -> tuple[Policy, Names]:
    """Return one of four policies: a loader for each name, whole or unit by unit; two of some, any or all needed."""
    policy = policy_in()
    if kind < 2:
        policy = single_loaders(policy, one_by_one=kind == 1)
    else:
        policy = several_loaders(policy, Need.ANY if kind == 2 else Need.ALL)
    return policy, Names(policy)
