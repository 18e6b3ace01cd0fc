"""A phase is asked to run again before it is due once the data has come that it lacked (behaviour 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import reruns_on_data
from shared.core.decision import state_changes
from shared.core.decision.decisions import Decision
from shared.core.decision.snapshot import DecisionInput
from shared.core.lacks import lacking_at_due
from shared.core.model import Hold, HoldCause, Outcome, RepairLog, Report, Run, TransitionState, Units
from shared.core.policy.phases import Disabled, RerunInputs
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Dispatch, Role
from shared.core.reruns_on_data import Opening, merged, moments, note, openings
from tests.core.build import (
    CACHE,
    FEATURES,
    GAMES,
    NIGHT,
    PCF,
    PGS,
    PSZA,
    SAME_DAY,
    SECOND,
    TDGS,
    TDZA,
    TO4,
    TO5,
    TOGS,
    UPGC,
    UTGC,
    at,
    confirmed,
    dispatched,
    done,
    fold,
    plan,
    report,
    results,
    snapshot,
    with_transition,
)

MINUTE = timedelta(minutes=1)
LATE = RerunInputs("phase3", (TOGS,))
STARTED, SAID, CAME = at(minutes=20), at(minutes=30), at(minutes=50)
NOT_ASKED = RepairLog()
OF_PHASE4 = (TDZA, PSZA, CACHE, FEATURES)


def opening_on(*inputs: RerunInputs, grace: timedelta | None = None) -> Policy:
    """Return the policy whose phase 4 opens on data; nothing triggers it a second time."""
    policy = with_transition(TO4, refresh=None)
    phase = policy.phases["phase4"]
    assert phase.rerun is not None
    rerun = replace(phase.rerun, opens_on=inputs, grace=grace)
    return replace(policy, phases={**policy.phases, "phase4": replace(phase, rerun=rerun)})


POLICY = opening_on(LATE)


def night(
    *,
    now: datetime = CAME,
    policy: Policy = POLICY,
    came: datetime | None = CAME,
    reports: Sequence[Report] | None = None,
    start: TransitionState | None = None,
    **more: object,
) -> list[tuple[DecisionInput, Decision]]:
    """Return both transitions of a night in which phase 4 was started without the fifth of phase 3, which came at
    ``came``; ``reports`` are what the composite factors reported, `no_data` unless said otherwise."""
    early = done(PGS, UPGC, TDGS, UTGC)
    late = [] if came is None else [report(TOGS, records=GAMES * 2, ended=came)]
    start = confirmed(plan(missing=(TOGS,)), STARTED) if start is None else start
    reports = [report(PCF, Outcome.NO_DATA, ended=SAID)] if reports is None else reports
    third = snapshot(*early, *late, transition=TO4, policy=policy, state=start, next_report_at=SAID)
    fourth = snapshot(*done(*OF_PHASE4, ended=SAID), *reports, transition=TO5, policy=policy, **more)  # type: ignore[arg-type]
    return [results(third, now), results(fourth, now)]


def opened(
    decided: Sequence[tuple[DecisionInput, Decision]], now: datetime = CAME, policy: Policy = POLICY
) -> Opening | None:
    listed = openings(policy, decided, now)
    assert len(listed) < 2
    return listed[0] if listed else None


def ready(*, now: datetime = CAME, policy: Policy = POLICY, **how: object) -> tuple[str, ...]:
    """Return who is asked at a moment because its data has come."""
    opening = opened(night(now=now, policy=policy, **how), now, policy)  # type: ignore[arg-type]
    return () if opening is None else opening.ready(now)


def test_what_lacked_its_data_is_asked_once_it_is_there() -> None:
    """Nothing before the data, hours before `due.warning`; with it the one that had reported without it."""
    assert ready(came=None) == ()
    assert ready(came=CAME) == (PCF,)
    assert lacking_at_due([seen for seen, _ in night()], CAME) == []


@pytest.mark.parametrize(
    ("outcome", "records"),
    [(Outcome.NO_DATA, None), (Outcome.FAILED, None), (Outcome.PARTIAL, 3), (Outcome.SUCCESS, 0)],
)
def test_whatever_was_not_enough_is_asked_again(outcome: Outcome, records: int | None) -> None:
    """Nothing, a failure, a part, and a success of no rows, which the empty table bears out, are all older than the
    data."""
    reports = [report(PCF, outcome, records, ended=SAID)]
    decided = night(reports=reports)
    [third, (fourth, decision)] = decided
    empty = {fourth.processors[PCF].table: 0}
    fourth = replace(fourth, readings=replace(fourth.readings, rows={**fourth.readings.rows, **empty}))  # type: ignore[dict-item]
    opening = opened([third, (fourth, decision)])
    assert opening is not None
    assert opening.ready(CAME) == (PCF,)


@pytest.mark.parametrize("later", [timedelta(0), SECOND])
def test_who_has_spoken_since_the_data_came_had_it(later: timedelta) -> None:
    """A report at the moment of the data, or after it, is none of one that lacked it: it is asked when it is due."""
    reports = [report(PCF, Outcome.NO_DATA, ended=CAME + later)]
    assert ready(now=CAME + timedelta(hours=1), reports=reports) == ()


def test_who_said_nothing_is_asked_when_it_is_due() -> None:
    """A processor without a report may be at work: without a grace no data opens it."""
    assert ready(now=CAME + timedelta(hours=1), reports=[]) == ()


@pytest.mark.parametrize(
    ("reports", "last"),
    [
        ([], CAME),
        ([report(PCF, Outcome.NO_DATA, ended=CAME + 5 * MINUTE)], CAME + 5 * MINUTE),
        ([report(PCF, Outcome.STARTED, ended=CAME + 5 * MINUTE)], CAME),
    ],
    ids=["nothing", "after the data", "started"],
)
def test_with_a_grace_it_is_asked_so_long_after_the_last_of_it(reports: list[Report], last: datetime) -> None:
    """20 minutes after the data, or after what it reported since, to the second; and the clock is told of it."""
    policy = opening_on(LATE, grace=20 * MINUTE)
    opens_at = last + 20 * MINUTE
    before = opens_at - SECOND
    assert ready(now=before, reports=reports, policy=policy) == ()
    assert ready(now=opens_at, reports=reports, policy=policy) == (PCF,)
    assert list(moments(openings(policy, night(now=before, reports=reports, policy=policy), before), before)) == [
        opens_at
    ]


def test_a_phase_that_was_started_with_the_data_is_given_its_grace() -> None:
    """A refresh that took the data along is the repair: what is still missing is asked only so long after it."""
    start = confirmed(plan(missing=(TOGS,)), CAME + SECOND)
    assert ready(now=CAME + timedelta(hours=1), start=start) == ()
    policy = opening_on(LATE, grace=20 * MINUTE)
    assert ready(now=CAME + 20 * MINUTE, start=start, policy=policy) == ()
    assert ready(now=CAME + SECOND + 20 * MINUTE, start=start, policy=policy) == (PCF,)


@pytest.mark.parametrize(
    "start",
    [
        TransitionState(),
        dispatched(plan(missing=(TOGS,)), STARTED),
        replace(confirmed(plan(missing=(TOGS,)), STARTED), hold=Hold(HoldCause.OPERATOR, "look first", STARTED)),
    ],
    ids=["not started", "not begun", "held"],
)
def test_nobody_goes_around_the_start_of_a_phase(start: TransitionState) -> None:
    """A phase that was not started, has not begun, or is held by an operator is not asked for its data's sake."""
    assert ready(start=start) == ()


def test_a_refresh_that_a_gate_blocks_is_waited_for() -> None:
    """While the start of a phase is blocked it may go any minute, with the data: nobody is asked beside it."""
    policy = with_transition(TO4, opening_on(LATE))
    refresh = with_transition(TO4).transitions[TO4].refresh
    policy = with_transition(TO4, policy, refresh=refresh)
    [(third, _), fourth] = night(policy=policy)
    statistics = third.processors[PGS].table
    assert statistics is not None
    emptied = replace(third, readings=replace(third.readings, rows={statistics: 0}))
    opening = opened([results(emptied, CAME), fourth], policy=policy)
    assert opening is not None
    assert opening.kept_back == f"{TO4} is not done with phase4"
    assert opening.ready(CAME) == ()


def test_what_others_start_may_have_started_with_the_data() -> None:
    """Behind an observed transition nobody knows who started the phase and when: only the grace opens it."""
    observed = replace(POLICY.transitions[TO4].dispatch, role=Role.OBSERVE)
    assert isinstance(observed, Dispatch)
    for grace, names in ((None, ()), (20 * MINUTE, (PCF,))):
        policy = with_transition(TO4, opening_on(LATE, grace=grace), dispatch=observed)
        start = state_changes.observed(TransitionState(), plan(missing=(TOGS,)), STARTED)
        assert ready(now=CAME + 20 * MINUTE, start=start, policy=policy) == names
        assert ready(now=CAME + 20 * MINUTE - SECOND, start=start, policy=policy) == ()


def test_all_of_the_data_has_to_be_there() -> None:
    """Two inputs are waited for, also of two entries; the later of them opens, and what is missing is named."""
    for inputs in ([RerunInputs("phase3", (TOGS, PGS))], [LATE, RerunInputs("phase3", (PGS,))]):
        policy = opening_on(*inputs)
        assert ready(policy=policy) == (PCF,)
        opening = opened(night(policy=policy, came=None), policy=policy)
        assert opening is not None
        assert (opening.inputs.missing, opening.inputs.came_at) == ((TOGS,), None)
    younger = opening_on(RerunInputs("phase3", (TOGS,)), RerunInputs("phase3", (PGS,)))
    opening = opened(night(policy=younger), policy=younger)
    assert opening is not None
    assert opening.inputs.came_at == CAME


def test_data_of_another_mode_is_not_waited_for() -> None:
    """An entry binds the runs of its mode; a mode with none opens on nothing."""
    policy = opening_on(RerunInputs("phase3", (TOGS,), "overnight"), RerunInputs("phase3", (UTGC,), "same_day"))
    assert ready(policy=policy) == (PCF,)
    other = opening_on(RerunInputs("phase3", (UTGC,), "same_day"))
    assert opened(night(policy=other), policy=other) is None
    rerun = policy.phases["phase4"].rerun
    assert rerun is not None
    assert [inputs.processors for inputs in rerun.inputs(SAME_DAY.mode)] == [(UTGC,)]


def test_disabled_data_is_expected_of_nobody() -> None:
    """What is disabled on the date is not waited for; where all of it is, nothing opens."""

    def without(*names: str) -> Policy:
        policy = opening_on(RerunInputs("phase3", (TOGS, TDGS)))
        phase = policy.phases["phase3"]
        off = Disabled(date(2026, 1, 1), "source outage")
        changed = {name: replace(phase.processors[name], disabled=off) for name in names}
        phase = replace(phase, processors={**phase.processors, **changed})
        return replace(policy, phases={**policy.phases, "phase3": phase})

    policy = without(TOGS)
    opening = opened(night(policy=policy, came=None), policy=policy)
    assert opening is not None
    assert opening.inputs.names == (TDGS,)
    policy = without(TOGS, TDGS)
    assert opened(night(policy=policy), policy=policy) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"state": confirmed(plan(completed={CACHE: None}, missing=(PCF,)), SAID)},
        {"state": TransitionState(hold=Hold(HoldCause.OPERATOR, "look first", SAID))},
        {"next_report_at": SAID},
    ],
    ids=["went on", "held", "overtaken"],
)
def test_what_nobody_waits_for_any_more_is_not_asked(changes: dict[str, object]) -> None:
    """A transition that went, that an operator holds, or that was overtaken lacks nothing that is asked for."""
    assert opened(night(**changes)) is None  # type: ignore[arg-type]


def test_what_is_due_and_what_is_ready_are_one_call() -> None:
    """At `due.warning` everything missing is asked for as ever, whatever its data."""
    due_at = at(hours=4, minutes=30)
    decided = night(now=due_at, reports=[], came=None)
    [due] = lacking_at_due([seen for seen, _ in decided], due_at)
    opening = opened(decided, due_at)
    whole = merged(due, opening, due_at)
    assert whole is not None
    assert (whole.missing, merged(None, opening, due_at)) == ((PCF,), None)
    opening = opened(night())
    data = merged(None, opening, CAME)
    assert data is not None
    assert data.missing == (PCF,)
    both = merged(replace(data, missing=(TDZA,)), opening, CAME)
    assert both is not None
    assert both.missing == (TDZA, PCF)


def test_people_are_told_what_opens_it_and_when() -> None:
    """Waiting, coming, asked, and kept back: each is a sentence with names and local times."""
    now = CAME + MINUTE

    def text(log: RepairLog = NOT_ASKED, **how: object) -> str:
        policy = how.get("policy", POLICY)
        assert isinstance(policy, Policy)
        opening = opened(night(now=now, **how), now, policy)  # type: ignore[arg-type]
        assert opening is not None
        return str(note(policy, opening, log, now).evidence["text"])

    came = f"its data came at 06:50 EST ({TOGS})"
    assert text(came=None) == f"phase4 is asked to run again once its data has come: waits for {TOGS}"
    assert text() == f"phase4 is asked to run again for {PCF}: {came}; with the next sweep"
    policy = opening_on(LATE, grace=20 * MINUTE)
    assert text(reports=[], policy=policy) == f"phase4 is asked to run again for {PCF}: {came}; at 07:10 EST"
    assert text(reports=[]) == f"phase4 is asked to run again when it is due: {came}, before what is missing reported"
    log = RepairLog(attempts=1, last_at=CAME, accepted_at=CAME, asked=(PCF,))
    assert text(log) == f"phase4 was asked to run again at 06:50 EST for {PCF}: {came}; it is asked again at 07:20 EST"
    spent = replace(log, attempts=2, accepted_at=CAME - MINUTE)
    assert text(spent) == f"phase4 was asked 2 times, and is not asked again; {came}"
    waits = text(start=dispatched(plan(missing=(TOGS,)), STARTED))
    assert waits == f"phase4 is not asked to run again before it is due: {TO4} is not done with phase4; {came}"


FINAL = Run(NIGHT, SAID, units=Units(GAMES, GAMES))


@pytest.mark.parametrize(
    ("run", "completions", "now", "kept_back"),
    [
        (Run(NIGHT, SAID, units=Units(GAMES, GAMES - 1)), [], CAME, "not before the games are final"),
        (FINAL, [report(PCF, Outcome.STARTED, ended=CAME)], CAME, "phase4 is at work"),
        (FINAL, [], CAME, ""),
        (Run(SAME_DAY, SAID, units=Units(GAMES, 0)), [], CAME, "its working day is over"),
    ],
    ids=["games", "at work", "nothing", "another day"],
)
def test_what_keeps_self_heal_from_asking_is_told(
    run: Run, completions: list[Report], now: datetime, kept_back: str
) -> None:
    """What holds of every repair holds of these: final units, a phase at rest, its working day."""
    opening = opened(night())
    assert opening is not None
    completed = {seen.processor: fold(seen) for seen in completions}
    assert reruns_on_data.held_against(POLICY, opening, run, completed, now).kept_back == kept_back


TIMES = st.none() | st.integers(0, 90).map(lambda minutes: at(minutes=minutes))


@given(
    came=TIMES,
    reported=TIMES,
    outcome=st.sampled_from([Outcome.NO_DATA, Outcome.FAILED, Outcome.STARTED]),
    started=st.integers(0, 90),
    grace=st.none() | st.integers(1, 60),
    now=st.integers(0, 150),
)
def test_it_is_never_asked_sooner_than_the_rule_allows(
    came: datetime | None, reported: datetime | None, outcome: Outcome, started: int, grace: int | None, now: int
) -> None:
    """Of any order of data, report and start: worked out a second time, from the sentence of the rule."""
    policy = opening_on(LATE, grace=None if grace is None else grace * MINUTE)
    moment, start_at = at(minutes=now), at(minutes=started)
    reports = [] if reported is None else [report(PCF, outcome, ended=reported)]
    start = confirmed(plan(missing=(TOGS,)), start_at)
    names = ready(now=moment, policy=policy, came=came, reports=reports, start=start)
    spoke = reported if outcome is not Outcome.STARTED else None
    if came is None:
        allowed = None
    elif spoke is not None and max(spoke, start_at) < came:
        allowed = came
    elif grace is None:
        allowed = None
    else:
        allowed = max(at for at in (came, spoke, start_at) if at is not None) + grace * MINUTE
    assert names == ((PCF,) if allowed is not None and moment >= allowed else ())
