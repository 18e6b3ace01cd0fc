"""What is wrong with a run, in which order, and what comes next of it: the rule of status and page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.alerting.alert import Alert
from shared.core.alerting.conditions import conditions
from shared.core.alerting.kinds import AlertKind, Lifecycle
from shared.core.alerting.quiet import Quiet, QuietKind
from shared.core.decision.next_moment import next_moment, next_text
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Hold, HoldCause, Outcome, Request, TransitionState
from shared.core.reporting.problems import TELLS, ProblemKind, RunProblem, in_order, is_wrong, problems, with_alerts
from shared.core.reporting.run_status import RunStatus, TransitionStatus, by_problem, transition_status
from shared.core.severity import Severity
from tests.core.build import (
    BACKFILL,
    GOOD,
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    T0,
    TDGS,
    TO4,
    TO5,
    TOGS,
    UPGC,
    UTGC,
    World,
    at,
    claimed,
    confirmed,
    dispatched,
    done,
    plan,
    report,
    results,
    snapshot,
)

K, S = ProblemKind, Severity
BELOW = World(percent=57)
HELD = TransitionState(hold=Hold(HoldCause.OPERATOR, T0, "an operator: wait", ""))
CASES: dict[str, tuple[DecisionInput, datetime, World, list[tuple[ProblemKind, Severity]]]] = {
    "all is as it should be": (snapshot(*done(PGS)), at(minutes=5), GOOD, []),
    "a date without units": (snapshot(games=0), at(hours=9), GOOD, []),
    "held at its deadline": (snapshot(*done(PGS)), at(hours=2, minutes=40), GOOD, [(K.HELD, S.CRITICAL)]),
    "nothing came by its due time": (snapshot(), at(hours=2, minutes=40), GOOD, [(K.LATE, S.WARNING)]),
    "nothing came by its second": (snapshot(), at(hours=4, minutes=1), GOOD, [(K.LATE, S.CRITICAL)]),
    "a gate is below": (snapshot(*done(*PHASE3)), at(minutes=5), BELOW, [(K.BLOCKED, S.WARNING)]),
    "a gate is below at the deadline": (snapshot(*done(*PHASE3)), at(hours=2), BELOW, [(K.BLOCKED, S.CRITICAL)]),
    "an operator holds it": (snapshot(state=HELD), at(minutes=5), GOOD, [(K.HELD, S.INFO)]),
    "a required processor failed": (
        snapshot(report(PGS, Outcome.FAILED, error="no schedule")), at(minutes=5), GOOD, [(K.FAILED, S.WARNING)]
    ),
    "an optional processor failed": (snapshot(report(TDGS, Outcome.FAILED)), at(minutes=5), GOOD, [(K.FAILED, S.INFO)]),
    "too few records": (
        snapshot(report(PGS, records=3)), at(minutes=5), World(rows=3), [(K.SHORT, S.WARNING)]
    ),
    "nothing confirms the first dispatch": (
        snapshot(*done(*PHASE3), state=dispatched()), at(minutes=31), GOOD, [(K.STUCK, S.WARNING)]
    ),
    "a claim that nobody ends": (
        snapshot(*done(*PHASE3), state=claimed()), at(minutes=3), GOOD, [(K.STUCK, S.WARNING)]
    ),
    "degraded by a later tier": (
        snapshot(*done(*PHASE3[:3]), state=confirmed(plan(reason="tier_2", missing=(TOGS,)))),
        at(minutes=40), GOOD, [(K.DEGRADED, S.WARNING)],
    ),
    "degraded by the first tier, an optional one missing": (
        snapshot(*done(*PHASE3[:4]), state=confirmed(plan(reason="tier_1", missing=(UTGC,), first_tier=True))),
        at(minutes=40), GOOD, [(K.DEGRADED, S.INFO)],
    ),
    "never triggered in a closed run": (snapshot(closed=True), at(hours=60), GOOD, [(K.NEVER, S.WARNING)]),
    "held in backfill": (
        snapshot(*done(PGS), key=BACKFILL, state=HELD), at(minutes=5), GOOD, [(K.HELD, S.INFO)]
    ),
}  # fmt: skip


def wrong(situation: DecisionInput, now: datetime, world: World = GOOD) -> tuple[RunProblem, ...]:
    return problems(*results(situation, now, world), now)


@pytest.mark.parametrize("case", CASES)
def test_the_worst_problem_of_a_situation(case: str) -> None:
    """Kind and severity of what a person looks at first, and nothing where all is well."""
    situation, now, world, expected = CASES[case]
    listed = wrong(situation, now, world)
    assert [(problem.kind, problem.severity) for problem in listed[:1]] == expected
    assert listed == in_order(listed)


@pytest.mark.parametrize("case", CASES)
def test_status_never_contradicts_the_alerts(case: str) -> None:
    """What an alert is raised for now is a problem of the same kind and no lower severity; a backfill aside, which
    alerts nobody, nothing is called critical of which no critical alert is raised."""
    situation, now, world, _ = CASES[case]
    seen, decision = results(situation, now, world)
    listed = problems(seen, decision, now)
    raised = [condition for condition in conditions(seen, decision, now) if condition.kind in TELLS]
    for condition in raised:
        same = [problem for problem in listed if problem.kind is TELLS[condition.kind]]
        assert same, condition
        rank = list(Severity).index
        assert max(rank(problem.severity) for problem in same) >= rank(condition.severity)
    critical = {TELLS[condition.kind] for condition in raised if condition.severity is S.CRITICAL}
    assert {problem.kind for problem in listed if problem.severity is S.CRITICAL} <= critical


def test_a_problem_says_its_number() -> None:
    """Late by how much and since when, which gate reads what, how many records of how many."""
    [late] = wrong(snapshot(), at(hours=2, minutes=42))
    assert late.text.startswith("late by 12 min: due 08:30 EST; missing ")
    [blocked] = wrong(snapshot(*done(*PHASE3)), at(minutes=5), BELOW)[:1]
    assert "57" in blocked.text
    assert "80" in blocked.text
    short = wrong(snapshot(report(PGS, records=3)), at(minutes=5), World(rows=3))
    assert short[0].text == f"{PGS} reported 3 records of at least 70"


def test_what_only_waits_for_a_late_start_is_information() -> None:
    """Its due time passes too, but the transition before it is what is wrong (behaviour T2)."""
    now = at(hours=5)
    alone = problems(*results(snapshot(transition=TO5), now), now)
    behind = problems(*results(snapshot(transition=TO5), now), now, ("phase4",))
    assert [problem.severity for problem in alone] != [problem.severity for problem in behind] == [S.INFO]
    assert behind[0].text.endswith("as the start of phase4 is")


def test_what_a_later_transition_has_overtaken_is_information() -> None:
    """Nobody has to move on what is only observed once the run has come further (behaviour T2)."""
    now = at(hours=5)
    [late] = problems(*results(snapshot(), now), now, (), TO5)
    assert (late.kind, late.severity) == (K.LATE, S.INFO)
    assert late.text.endswith(f"the run has come to {TO5} all the same")


def alert(kind: AlertKind, severity: Severity, quiet: Quiet | None = None, **more: str) -> Alert:
    values = {"run": NIGHT.id, "transition": TO4, "subject": "", "text": f"{NIGHT.id} {TO4}: what it says", **more}
    return Alert(f"{kind}-1", kind.value, severity.value, lifecycle=Lifecycle.ONGOING, first_at=T0, last_at=T0,
                 firing=True, quiet=quiet, **values)  # fmt: skip


def test_an_alert_of_the_same_fact_is_not_said_twice() -> None:
    """It lends its id, and what a person said of it; an alert of anything else is a problem of its own."""
    now = at(hours=2, minutes=40)
    listed = wrong(snapshot(), now)
    quiet = Quiet(QuietKind.ACK, T0, at(hours=6), "restarting it", "ana")
    due = alert(AlertKind.DUE_WARNING, S.WARNING, quiet)
    other = alert(AlertKind.FAULT, S.CRITICAL, transition="", text=f"{NIGHT.id}: its document cannot be read")
    over = replace(alert(AlertKind.GATE, S.WARNING), firing=False)
    both = with_alerts(listed, [due, other, over], POLICY, now)
    assert [problem.kind for problem in both] == [K.ALERT, K.LATE]
    first, second = both
    assert (first.kind, first.severity, first.text) == (K.ALERT, S.CRITICAL, "its document cannot be read")
    assert (second.kind, second.alert, second.quiet[:19]) == (K.LATE, due.fingerprint, "acknowledged by ana")


def test_runs_with_problems_come_first_the_worst_before_the_others() -> None:
    """Of any date; then what is open and well, the newest date first, and what is closed behind it."""

    def run(days: int, *listed: RunProblem, closed: bool = False) -> RunStatus:
        key = replace(NIGHT, day=NIGHT.day - timedelta(days=days))
        return RunStatus(key, T0, T0 if closed else None, problems=tuple(listed))

    held, late = (
        RunProblem(kind, severity, "", NIGHT.id) for kind, severity in ((K.HELD, S.CRITICAL), (K.LATE, S.INFO))
    )
    runs = [run(0, closed=True), run(1), run(2), run(3, late), run(9, held)]
    assert [run.key.day for run in by_problem(runs)] == [runs[place].key.day for place in (4, 3, 1, 2, 0)]
    assert [is_wrong(run.problems) for run in runs] == [False, False, False, False, True]


NEXT = {
    "before any report": (snapshot(), at(), GOOD, "due warning 08:30 EST, in 2 h 30 min: a person is told"),
    "to the first tier": (
        snapshot(*done(PGS)), at(minutes=9), GOOD, "tier 1 06:15 EST, in 6 min: 4 of 5 and every required one"
    ),
    "to the deadline": (
        snapshot(*done(PGS)), at(minutes=31), GOOD, "deadline 08:00 EST, in 1 h 29 min: trigger if required"
    ),
    "held at the deadline": (snapshot(*done(PGS)), at(hours=3), GOOD, "it goes by itself when what is missing arrives"),
    "held by an operator": (snapshot(state=HELD), at(), GOOD, "nothing before an operator releases it"),
    "dispatched": (
        snapshot(*done(*PHASE3), state=dispatched()), at(minutes=10), GOOD,
        "retry 06:30 EST, in 20 min: sent again unless phase4 reports",
    ),
    "blocked by a gate": (
        snapshot(*done(*PHASE3)), at(minutes=5), BELOW,
        "deadline 08:00 EST, in 1 h 55 min: it is decided again at every sweep; what blocks it then is critical",
    ),
    "blocked behind its deadline": (
        snapshot(*done(*PHASE3)), at(hours=3), BELOW, "it is decided again at every sweep"
    ),
    "may go now": (snapshot(*done(*PHASE3)), at(minutes=5), GOOD, "the next sweep or report triggers it"),
    "nothing expected": (snapshot(games=0), at(), GOOD, "nothing more is to come"),
    "closed": (snapshot(closed=True), at(), GOOD, "nothing more is to come: the run is closed"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEXT)
def test_what_comes_next(case: str) -> None:
    """The first moment that the clock brings, with its time in the pipeline's zone, or what has to happen."""
    situation, now, world, text = NEXT[case]
    seen, decision = results(situation, now, world)
    assert next_text(POLICY, next_moment(seen, decision, now), now) == text


def status(situation: DecisionInput, now: datetime) -> TransitionStatus:
    return transition_status(*results(situation, now), now)


def test_a_status_counts_and_names() -> None:
    """So many of so many; which processors are missing before the trigger, and who was at it."""
    before = status(snapshot(*done(PGS, UPGC)), at(minutes=10))
    assert (before.done, before.expected, before.missing) == (2, 5, (TDGS, TOGS, UTGC))
    carried = confirmed(plan(reason="tier_2", missing=(TOGS,)), at(hours=2, minutes=40))
    after = status(snapshot(*done(*PHASE3), state=carried), at(hours=4))
    assert (after.state, after.missing, after.degraded, after.triggered_by) == ("confirmed", (TOGS,), True, "tier_2")
    assert after.late_by == timedelta(minutes=10)


def test_an_operator_who_forces_a_transition_is_told_that_it_goes() -> None:
    """What is asked for goes with the next look."""
    asked = snapshot(*done(PGS), state=TransitionState(request=Request("now", T0)))
    assert status(asked, at(minutes=1)).next.text == "the next sweep or report triggers it"
