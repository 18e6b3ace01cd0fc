"""Short ways to say a situation of the reference policy: reports, states, readings, and what is decided then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.core.decision import state_changes
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Confirm, Decision, Read
from shared.core.decision.fold import apply_report
from shared.core.decision.gates import Fit, Fitness, Wanted
from shared.core.decision.pause import Pause
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Completion, Lane, Outcome, Plan, Report, RunKey, TransitionState, Units
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy, Expectation, Transition
from tests.policy_files import NBA

POLICY = load_policy(NBA)
DAY = date(2026, 1, 21)
NIGHT = RunKey("nba", DAY, "overnight")
SAME_DAY = RunKey("nba", DAY, "same_day")
BACKFILL = replace(NIGHT, lane=Lane.BACKFILL)
GAMES = 7
# 06:00 of the morning after DAY in New York
T0 = datetime(2026, 1, 22, 11, 0, tzinfo=UTC)

PGS, UPGC = "player_game_summary", "upcoming_player_game_context"
TDGS, TOGS, UTGC = "team_defense_game_summary", "team_offense_game_summary", "upcoming_team_game_context"
PHASE3 = (PGS, UPGC, TDGS, TOGS, UTGC)
CACHE, FEATURES = "player_daily_cache", "ml_feature_store"
TDZA, PSZA, PCF = "team_defense_zone_analysis", "player_shot_zone_analysis", "player_composite_factors"
LINES, GAMEBOOK, BOXSCORES = "p2_odds_game_lines", "p2_nbacom_gamebook_pdf", "p2_nbacom_boxscores"
COORDINATOR = "prediction_coordinator"
TO4, TO5, TO6, TO3 = "phase3_to_phase4", "phase4_to_phase5", "phase5_to_phase6", "phase2_to_phase3"

PHASE_OF = {name: phase.name for phase in POLICY.phases.values() for name in phase.processors}
SECOND = timedelta(seconds=1)


def at(*, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """Return an instant so long after T0."""
    return T0 + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def report(
    processor: str,
    outcome: Outcome = Outcome.SUCCESS,
    records: int | None = None,
    *,
    ended: datetime = T0,
    received: datetime | None = None,
    message_id: str | None = None,
    **more: Any,
) -> Report:
    """Return a report, received as it ended unless said otherwise; the same arguments mean the same message."""
    received = ended if received is None else received
    return Report(
        message_id=message_id or f"{processor}-{outcome}-{records}-{ended.timestamp()}-{received.timestamp()}",
        phase=PHASE_OF[processor],
        processor=processor,
        outcome=outcome,
        occurred_at=ended,
        received_at=received,
        records=records,
        **more,
    )


def fold(*reports: Report) -> Completion:
    """Return what is known of one processor after these reports, in the order of arrival."""
    completion: Completion | None = None
    for report in reports:
        completion = apply_report(completion, report)
    assert completion is not None
    return completion


def known(*reports: Report) -> dict[str, Completion]:
    """Return what is known of all processors after these reports, in the order of arrival."""
    completions: dict[str, Completion] = {}
    for report in reports:
        completions[report.processor] = apply_report(completions.get(report.processor), report)
    return completions


def done(*processors: str, ended: datetime = T0) -> list[Report]:
    """Return a success of each processor, without a count."""
    return [report(name, ended=ended) for name in processors]


def snapshot(
    *reports: Report,
    transition: str = TO4,
    key: RunKey = NIGHT,
    games: int | None = GAMES,
    state: TransitionState | None = None,
    policy: Policy = POLICY,
    **more: Any,
) -> DecisionInput:
    """Return a situation after these reports of the phase that the transition waits for; nothing is paused."""
    more.setdefault("pauses", ())
    return DecisionInput(
        policy=policy,
        transition=policy.transitions[transition],
        key=key,
        state=state or TransitionState(),
        completions=known(*reports),
        units=None if games is None else Units(games, games),
        **more,
    )


@dataclass(frozen=True)
class World:
    """What readings find; ``games`` None means that the calendar cannot be read."""

    rows: int | None = 1000
    tables: Mapping[str, int | None] = field(default_factory=dict)
    percent: float | None = 100
    percents: Mapping[str, float | None] = field(default_factory=dict)
    fitness: Fitness = field(default_factory=Fit)
    games: int | None = GAMES
    pauses: tuple[Pause, ...] = ()

    def read(self, now_known: DecisionInput, request: Wanted) -> DecisionInput:
        readings = now_known.readings
        rows = {**readings.rows, **{table: self.tables.get(table, self.rows) for table in request.rows}}
        percents = {name: self.percents.get(name, self.percent) for name in request.percents}
        new_readings = replace(
            readings,
            rows=rows,
            held={**readings.held, **dict.fromkeys(request.held)},
            percents={**readings.percents, **percents},
            fitness=self.fitness if request.service is not None else readings.fitness,
            calendar_asked=readings.calendar_asked or request.calendar,
        )
        units = now_known.units
        if request.calendar and self.games is not None:
            units = Units(self.games, self.games)
        pauses = self.pauses if request.pauses else now_known.pauses
        return replace(now_known, readings=new_readings, units=units, pauses=pauses)


GOOD = World()


def results(now_known: DecisionInput, now: datetime, world: World = GOOD) -> tuple[DecisionInput, Decision]:
    """Decide, reading from this world whatever the decision asks for, and never the same thing twice."""
    asked: list[Wanted] = []
    decision = decide(now_known, now)
    while isinstance(decision, Read):
        assert decision.wanted, "a decision asks for nothing"
        assert decision.wanted not in asked, f"asks twice for {decision.wanted}"
        asked.append(decision.wanted)
        now_known = world.read(now_known, decision.wanted)
        decision = decide(now_known, now)
    return now_known, decision


def decided(now_known: DecisionInput, now: datetime, world: World = GOOD) -> Decision:
    return results(now_known, now, world)[1]


def plan(generation: int = 1, reason: str = "complete", *, missing: tuple[str, ...] = (), **more: Any) -> Plan:
    """Return a plan that carries every processor of phase 3 but the missing ones, without counts."""
    completed = more.pop("completed", {name: None for name in PHASE3 if name not in missing})
    return Plan(generation, reason, completed=completed, missing=missing, **more)


def claimed(
    what: Plan | None = None, when: datetime = T0, state: TransitionState | None = None, owner: str = "me"
) -> TransitionState:
    return state_changes.claimed(state or TransitionState(), what or plan(), owner, when, POLICY.claim_lease)


def dispatched(what: Plan | None = None, when: datetime = T0, state: TransitionState | None = None) -> TransitionState:
    """Return the state after a claim and its dispatch at one moment."""
    return state_changes.dispatched(claimed(what, when, state), when)


def confirmed(what: Plan | None = None, when: datetime = T0, state: TransitionState | None = None) -> TransitionState:
    return state_changes.confirmed(dispatched(what, when, state), Confirm(ConfirmBy.FIRST_REPORT, when), when)


def with_transition(name: str, policy: Policy = POLICY, **changes: Any) -> Policy:
    """Return the policy with another form of one transition."""
    changed: Transition = replace(policy.transitions[name], **changes)
    return replace(policy, transitions={**policy.transitions, name: changed})


def with_expectation(name: str, mode: str, policy: Policy = POLICY, **changes: Any) -> Policy:
    """Return the policy with another expectation of one mode of a transition."""
    before = policy.transitions[name].expects
    expectation: Expectation = replace(before[mode], **changes)
    return with_transition(name, policy, expects={**before, mode: expectation})
