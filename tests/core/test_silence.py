"""Silence is never the end: due times or a reason, the end of a last phase, gates at a deadline (behaviour T10, A5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.due import Predecessor
from shared.core.decision.closing import is_over
from shared.core.decision.explain import explain
from shared.core.decision.pause import Pause
from shared.core.decision.silence import deadline_at, end_expected_at, not_ended
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome
from shared.core.policy.silence_check import endless, silences
from shared.core.severity import Severity
from tests.core.build import (
    BACKFILL,
    PGS,
    PHASE3,
    POLICY,
    SECOND,
    T0,
    TDGS,
    TO3,
    TO4,
    TO5,
    TO6,
    UPGC,
    World,
    at,
    confirmed,
    dispatched,
    done,
    known,
    report,
    results,
    snapshot,
    with_transition,
)
from tests.core.test_alerts import conditions_after
from tests.policy_files import NBA, PRODUCTION, edit, nba, outcome, refusal, write

EXPORT = "phase6_export"
WITHIN = timedelta(minutes=90)
ENDING = with_transition(TO6, confirm=replace(POLICY.transitions[TO6].confirm, ended_within=WITHIN))
LATE = T0 + WITHIN


def exporting(*ends: Any, **more: Any) -> DecisionInput:
    """Return a last transition that was dispatched at T0, with what its phase has reported since."""
    started = known(*ends) if ends else {}
    first = min((end.received_at for end in ends), default=None)
    state = more.pop("state", confirmed())
    more.setdefault("policy", ENDING)
    return snapshot(transition=TO6, state=state, started=started, next_report_at=first, **more)


def end(outcome: Outcome = Outcome.SUCCESS, minutes: float = 20, records: int | None = None) -> Any:
    return report(EXPORT, outcome, records, ended=at(minutes=minutes))


# a last phase


def test_a_last_phase_that_begins_and_never_ends_is_told() -> None:
    """T10: `started` is no end; at the end of its time one warning names phase, begin and processor."""
    begun = exporting(end(Outcome.STARTED, minutes=0.1))
    assert "not_ended" not in conditions_after(begun, LATE - SECOND)
    alerts = conditions_after(begun, LATE)
    assert set(alerts) == {"not_ended"}
    warning = alerts["not_ended"]
    assert warning.severity is Severity.WARNING
    for part in ("phase6", EXPORT, "06:00", "1 h 30 min"):
        assert part in warning.text


def test_one_that_was_dispatched_and_says_nothing_at_all_is_told_too() -> None:
    """Also where nothing has confirmed it: that it has not begun, and that it has not ended, are two things."""
    assert "not_ended" in conditions_after(exporting(state=dispatched()), LATE)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED, Outcome.NO_DATA])
def test_any_end_is_an_end(outcome: Outcome) -> None:
    """Whether it went well is told elsewhere; a late end takes the warning back."""
    assert "not_ended" not in conditions_after(exporting(end(outcome)), LATE)
    assert "not_ended" not in conditions_after(exporting(end(outcome, minutes=200)), at(minutes=201))


def test_an_end_from_before_the_dispatch_is_of_another_start() -> None:
    """The export of the morning says nothing of the one that was started at T0."""
    assert "not_ended" in conditions_after(exporting(end(minutes=-30)), LATE)


def test_who_is_not_asked_for_an_end() -> None:
    """A phase that others wait for has their due time; without `ended_within`, on an empty date, untouched: nobody."""
    awaited = with_transition(TO4, ENDING, confirm=ENDING.transitions[TO6].confirm)
    assert not_ended(snapshot(*done(*PHASE3), state=confirmed(), policy=awaited)) == ()
    assert not_ended(exporting(policy=POLICY)) == ()
    assert not_ended(exporting(games=0)) == ()
    assert end_expected_at(snapshot(transition=TO6, policy=ENDING)) is None
    assert end_expected_at(exporting()) == LATE


def test_in_backfill_it_wakes_nobody() -> None:
    assert conditions_after(exporting(key=BACKFILL), LATE)["not_ended"].severity is Severity.INFO


def test_a_run_stays_open_until_its_last_phase_has_ended() -> None:
    """T10, T5: of a closed run it could not be told; once it has ended, or that was told, it closes as before."""
    begun = exporting(end(Outcome.STARTED, minutes=0.1))
    assert not is_over([begun], LATE - SECOND)
    assert is_over([begun], LATE)
    paused = Pause("p1", T0, None, "nobody looks")
    assert "not_ended" not in conditions_after(replace(begun, pauses=(paused,)), LATE)
    assert not is_over([replace(begun, pauses=(paused,))], LATE)
    assert is_over([replace(begun, policy=POLICY, transition=POLICY.transitions[TO6])], at(minutes=5))
    assert is_over([exporting(end())], at(minutes=21))


def test_the_explanation_says_when_the_end_is_expected() -> None:
    seen, decision = results(exporting(), at(minutes=5))
    assert "ended_within" in explain(seen, decision, at(minutes=5)).text
    assert "07:30" in explain(seen, decision, at(minutes=5)).text


# a phase that others wait for


def test_the_due_alert_says_that_the_phase_was_started_and_has_not_ended() -> None:
    """T10: not only `no message`: a person looks at a run of the phase, not for a trigger that was never sent."""
    before = {"phase4": Predecessor(TO4, overdue=False, speaks=True, started_at=at(hours=1))}
    text = conditions_after(snapshot(transition=TO5), at(hours=4, minutes=30), before=before)["due_warning"].text
    assert "phase4 was started at 07:00 EST and has not ended" in text
    text = conditions_after(snapshot(transition=TO5), at(hours=4, minutes=30))["due_warning"].text
    assert "no message from phase4" in text


# a gate at the deadline


def test_a_gate_that_still_blocks_at_the_deadline_is_critical() -> None:
    """A5: two hours after the first report, once, beside the warning that stands; it names gate and number."""
    blocked = World(percents={"game_coverage": 71})
    decision_input = snapshot(*done(*PHASE3))
    deadline = deadline_at(decision_input)
    assert deadline == at(hours=2)
    assert "gate_overdue game_coverage" not in conditions_after(decision_input, deadline - SECOND, blocked)
    alerts = conditions_after(decision_input, deadline, blocked)
    assert set(alerts) == {"gate game_coverage", "gate_overdue game_coverage"}
    assert alerts["gate game_coverage"].severity is Severity.WARNING
    overdue = alerts["gate_overdue game_coverage"]
    assert overdue.severity is Severity.CRITICAL
    assert "71" in overdue.text
    assert "08:00" in overdue.text
    assert "gate_overdue game_coverage" not in conditions_after(decision_input, deadline)


def test_a_gate_that_blocks_a_refresh_is_never_critical() -> None:
    """A5 speaks of a trigger: the phase has its first generation."""
    decision_input = snapshot(*done(*PHASE3, ended=at(minutes=1)), state=confirmed(), started={})
    assert deadline_at(decision_input) is None
    grown = snapshot(report(PGS, records=900), *done(UPGC, TDGS), state=confirmed())
    assert not [
        name
        for name in conditions_after(grown, at(hours=3), World(percents={"game_coverage": 71}))
        if "overdue" in name
    ]


# the policy


def test_production_is_never_silent() -> None:
    """T10: every transition of every mode has its due times, and every last phase its end."""
    policy = load_policy(PRODUCTION)
    assert silences(policy) == []
    assert endless(policy) == []
    for transition in policy.transitions.values():
        for mode, expectation in transition.expects.items():
            assert expectation.due is not None, f"{transition.name} {mode}"
            assert None not in (expectation.due.warning, expectation.due.critical)


def test_due_times_follow_each_other_along_the_run() -> None:
    """A phase cannot be due before the one that it waits for."""
    policy = load_policy(PRODUCTION)
    for transition in policy.transitions.values():
        for mode, expectation in transition.expects.items():
            for after in policy.after(transition.starts):
                earlier, later = expectation.due, after.expects[mode].due if mode in after.expects else None
                if earlier is not None and later is not None:
                    assert earlier.warning is not None
                    assert later.warning is not None
                    assert earlier.warning < later.warning, f"{transition.name}, {after.name}: {mode}"


def test_a_transition_without_due_and_without_a_reason_is_named() -> None:
    """The first state of the pipeline had three such modes, and a last phase of which nobody wanted the end."""
    policy = load_policy(NBA)
    assert {problem.key for problem in silences(policy)} == {
        f"transitions.{name}.expects.{mode}"
        for name, mode in ((TO3, "same_day"), (TO3, "tomorrow"), (TO6, "overnight"), (TO6, "tomorrow"))
    }
    assert [problem.key for problem in endless(policy)] == [f"transitions.{TO6}.confirm"]


def test_a_mode_takes_its_due_time_or_its_reason_from_any_mode(tmp_path: Path) -> None:
    """`due: none` for all, and one mode with times of its own: its reason is gone with it; and the other way round."""
    any6 = f"transitions/{TO6}/expects"
    changes = {f"{any6}/any_mode/due": "none", f"{any6}/any_mode/because": "the report shows it"}
    expects = load_policy(write(tmp_path, edit(nba(), changes))).transitions[TO6].expects
    assert {mode: (expectation.no_due, expectation.because) for mode, expectation in expects.items()} == {
        "overnight": (True, "the report shows it"),
        "same_day": (False, ""),
        "tomorrow": (True, "the report shows it"),
    }
    any5 = f"transitions/{TO5}/expects/tomorrow"
    expects = (
        load_policy(write(tmp_path, edit(nba(), {any5: {"due": "none", "because": "x"}}))).transitions[TO5].expects
    )
    assert expects["tomorrow"].due is None
    assert expects["overnight"].due is not None


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no reason": ({f"transitions/{TO4}/expects/tomorrow/due": "none"}, f"{TO4}.expects.tomorrow.because", "is missing"),
    "a reason of nothing": (
        {f"transitions/{TO4}/expects/tomorrow/because": "x"},
        f"{TO4}.expects.tomorrow.because",
        "without due: none",
    ),
    "another word": ({f"transitions/{TO4}/expects/tomorrow/due": "never"}, f"{TO4}.expects.tomorrow.due", ""),
    "the end of a phase that others wait for": (
        {f"transitions/{TO4}/confirm/ended_within": "1h"},
        f"{TO4}.confirm.ended_within",
        f"{TO5} waits for phase4",
    ),
    "the end of a phase that never reports": (
        {
            f"transitions/{TO6}/confirm": {"by": "publish", "ended_within": "1h"},
            "phases/phase6": {"title": "Export", "processors": {}},
        },
        f"{TO6}.confirm.ended_within",
        "phase6 never reports",
    ),
    "no time at all": ({f"transitions/{TO6}/confirm/ended_within": "0m"}, f"{TO6}.confirm.ended_within", ""),
    "an end before the begin": (
        {f"transitions/{TO6}/confirm/ended_within": "10m"},
        f"{TO6}.confirm.ended_within",
        "within",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_when_it_is_loaded(case: str, tmp_path: Path) -> None:
    """Key, reason and hint, as of any other mistake."""
    changes, key, reason = REFUSED[case]
    error = refusal(tmp_path, changes)
    assert (error.key, reason in error.reason, bool(error.hint)) == (f"transitions.{key}", True, True), str(error)


def test_no_due_time_wants_its_reason(tmp_path: Path) -> None:
    """Half of it is refused, the whole of it loads."""
    half = {f"transitions/{TO4}/expects/tomorrow/due": "none"}
    whole = half | {f"transitions/{TO4}/expects/tomorrow/because": "the evening report shows it"}
    acceptances = [outcome(write(tmp_path, edit(nba(), changes))) is None for changes in (half, whole)]
    assert acceptances == [False, True]


def test_an_end_may_be_taken_back(tmp_path: Path) -> None:
    """null takes a key back, as everywhere."""
    changes = {f"transitions/{TO6}/confirm/ended_within": None}
    assert load_policy(write(tmp_path, edit(nba(), changes))).transitions[TO6].confirm.ended_within is None
