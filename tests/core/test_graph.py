"""A pipeline whose phases form a graph: a diamond, and an archive that never reports (behaviour D13)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.conditions import conditions
from shared.core.alerting.due import Predecessor
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import due_at
from shared.core.costs.workload import runs_of
from shared.core.decision.closing import is_over
from shared.core.decision.decisions import Decision, Wait
from shared.core.decision.explain import explain
from shared.core.decision.fold import apply_report
from shared.core.decision.readiness import NotReady, Ready, readiness
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import PolicyError
from shared.core.model import Completion, Outcome, Plan, Report, RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import LocalTime
from tests.policy_files import PRODUCTION, outcome, write

FILE = Path(__file__).parents[1] / "scenarios" / "graphs" / "pipelines" / "gazette.yaml"
GAZETTE = load_policy(FILE)
DAY = date(2026, 9, 16)
EVENING = RunKey("gazette", DAY, "evening")
# 18:00 of the evening before DAY in Vienna
T0 = datetime(2026, 9, 15, 16, tzinfo=UTC)
PHASE_OF = {name: phase.name for phase in GAZETTE.phases.values() for name in phase.processors}


def plain() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return document


def known(**received: int) -> dict[str, Completion]:
    """Return a success of each processor, so many minutes after T0."""
    completions = {}
    for name, minutes in received.items():
        at = T0 + timedelta(minutes=minutes)
        completions[name] = apply_report(None, Report(name, PHASE_OF[name], name, Outcome.SUCCESS, at, at))
    return completions


def snapshot(
    transition: str, policy: Policy = GAZETTE, state: TransitionState | None = None, **received: int
) -> DecisionInput:
    there = policy.transitions[transition]
    return DecisionInput(policy, there, EVENING, state or TransitionState(), known(**received))


def test_who_follows_a_phase_and_who_starts_it() -> None:
    """D13: several transitions may wait for one phase, one may wait for several, one starts each."""
    assert [transition.name for transition in GAZETTE.after("desk")] == ["desk_to_texts", "desk_to_pictures"]
    assert [transition.name for transition in GAZETTE.after("pictures")] == ["both_to_print"]
    assert GAZETTE.after("archive") == ()
    starting = GAZETTE.starting("print")
    assert starting is not None
    assert starting.after == ("texts", "pictures")
    assert GAZETTE.starting("desk") is None
    assert GAZETTE.awaited["both_to_print"].keys() == {"pages", "plates"}
    assert GAZETTE.beyond["desk_to_pictures"] == {"both_to_print", "print_to_archive"}
    assert GAZETTE.beyond["print_to_archive"] == frozenset()
    assert "" not in GAZETTE.topics


def test_a_phase_is_heard_by_the_function_that_waits_for_it() -> None:
    """D13: by the first that waits for it; a last phase by the one that hears what it was started after, for a branch
    beside the chain has no function of its own."""
    heard = {phase: GAZETTE.listener(phase) for phase in GAZETTE.phases}
    assert heard == {
        "desk": "desk_to_texts",
        "texts": "both_to_print",
        "pictures": "both_to_print",
        "print": "print_to_archive",
        "archive": "print_to_archive",
    }
    assert GAZETTE.listeners == ("desk_to_texts", "both_to_print", "print_to_archive")
    production = load_policy(PRODUCTION)
    assert (production.listener("grading"), production.listener("phase6")) == ("phase3_to_phase4", "phase5_to_phase6")
    assert [name for name in production.transitions if name not in production.listeners] == ["phase3_to_grading"]


def test_transitions_stand_in_the_order_in_which_they_can_happen(tmp_path: Path) -> None:
    """Whatever the order of phases and transitions in the file: nothing stands before what it waits for."""
    given = plain()
    for number, names in enumerate(itertools.permutations(given["transitions"])):
        turned = {**given, "transitions": {name: given["transitions"][name] for name in names}}
        turned["phases"] = dict(reversed(given["phases"].items())) if number % 2 else given["phases"]
        policy = load_policy(write(tmp_path, turned))
        order = list(policy.transitions)
        assert order[-2:] == ["both_to_print", "print_to_archive"]
        assert set(order[:2]) == {"desk_to_texts", "desk_to_pictures"}


def test_a_circle_is_refused_once(tmp_path: Path) -> None:
    """D13: three phases in a circle are one fault, told at the transition that stands first."""
    given = plain()
    given["transitions"]["desk_to_texts"]["after"] = ["desk", "print"]
    refused = str(outcome(write(tmp_path, given)))
    assert refused.count("the phases would run in a circle") == 1


def test_two_that_start_one_phase_are_refused(tmp_path: Path) -> None:
    """D13: which of the two would be confirmed by its reports nobody could say."""
    given = plain()
    given["transitions"]["again"] = given["transitions"]["desk_to_texts"]
    refused = outcome(write(tmp_path, given))
    assert refused is not None
    assert "desk_to_texts starts texts already" in str(refused)


def test_it_is_complete_when_each_of_its_phases_is() -> None:
    """D1, D13: sets decide over all phases it waits for; the first of any of them starts its clock (R7)."""
    decision_input = snapshot("both_to_print", pages=90)
    assert isinstance(
        readiness(decision_input, decision_input.seen, T0 + timedelta(minutes=120) - timedelta(seconds=1)), NotReady
    )
    at_deadline = readiness(decision_input, decision_input.seen, T0 + timedelta(minutes=120))
    assert at_deadline == Ready("deadline")
    assert decision_input.seen.missing == ("plates",)
    both = snapshot("both_to_print", pages=90, plates=105)
    assert readiness(both, both.seen, T0 + timedelta(minutes=105)) == Ready("complete")
    assert both.seen.opened_at == T0 + timedelta(minutes=90)


def test_due_times_may_lie_on_the_day_after() -> None:
    """`+1d 00:30` is half past midnight after the evening on which tomorrow's paper is made (T2)."""
    due = GAZETTE.transitions["both_to_print"].expects["evening"].due
    assert due is not None
    assert due.critical == LocalTime(1, time(0, 30))
    assert str(due.critical) == "+1d 00:30"
    assert due_at(EVENING, due.warning, GAZETTE) == datetime(2026, 9, 15, 21, tzinfo=UTC)
    assert due_at(EVENING, due.critical, GAZETTE) == datetime(2026, 9, 15, 22, 30, tzinfo=UTC)
    shown = explain(snapshot("both_to_print"), Wait("waits"), T0).evidence["times"]
    assert {moment["name"]: moment["at"] for moment in shown}["due_critical"] == "2026-09-15T22:30:00+00:00"


@pytest.mark.parametrize("wrong", ["+0d 02:00", "1d 02:00", "+1d 24:00", "+1d02:00", "+10d 02:00", "-1d 02:00"])
def test_a_due_time_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    """The error names the key, and an example of what may stand there."""
    given = plain()
    given["transitions"]["both_to_print"]["expects"]["evening"]["due"]["critical"] = wrong
    with pytest.raises(PolicyError, match=r"due\.critical") as caught:
        load_policy(write(tmp_path, given))
    assert "+1d 02:00" in str(caught.value)


DUE = datetime(2026, 9, 15, 21, tzinfo=UTC)
WAITS: Decision = Wait("waits")


def due(before: dict[str, Predecessor], **received: int) -> bool:
    """Return whether the print's own due alert is told."""
    alerts = conditions(snapshot("both_to_print", **received), WAITS, DUE, before)
    return any(alert.kind is AlertKind.DUE_WARNING for alert in alerts)


def pred(name: str, *, overdue: bool, speaks: bool = True) -> Predecessor:
    return Predecessor(name, overdue, speaks)


def test_a_due_alert_that_only_waits_for_others_is_theirs() -> None:
    """T2: silent where each missing phase is silent because its own start is overdue, and told."""
    late = {"texts": pred("desk_to_texts", overdue=True), "pictures": pred("desk_to_pictures", overdue=True)}
    assert not due(late)
    assert due({**late, "pictures": pred("desk_to_pictures", overdue=False)})
    assert due({**late, "pictures": pred("desk_to_pictures", overdue=True, speaks=False)})
    assert due({"texts": late["texts"]})
    # What has come of one phase leaves the other alone to blame.
    assert not due({**late, "texts": pred("desk_to_texts", overdue=False)}, pages=90)
    assert due({**late, "pictures": pred("desk_to_pictures", overdue=False)}, pages=90)


def triggered(state: State) -> TransitionState:
    return TransitionState(state=state, generation=1, accepted_plan=Plan(1, "complete"), triggered_at=T0)


def test_a_run_is_over_when_its_last_transitions_are() -> None:
    """T5: the archive is told and never reports; only its own transition stands at the end."""
    states = dict.fromkeys(GAZETTE.transitions, State.CONFIRMED)
    over = [snapshot(name, state=triggered(state)) for name, state in states.items()]
    assert is_over(over, T0)
    left = [
        replace(decision_input, state=TransitionState())
        if decision_input.transition.starts == "archive"
        else decision_input
        for decision_input in over
    ]
    assert not is_over(left, T0)


def test_a_mode_may_skip_a_phase(tmp_path: Path) -> None:
    """D13: in a mode without pictures the print waits for the texts alone, and the run ends as it should."""
    given = plain()
    given["modes"]["extra"] = {"partition_offset_days": 0, "opens_at": "06:00"}
    for name in ("desk_to_texts", "both_to_print", "print_to_archive"):
        expects = given["transitions"][name]["expects"]
        expects["extra"] = {**expects["evening"], "optional": [], "due": {"warning": "09:00"}}
    policy = load_policy(write(tmp_path, given))
    key = RunKey("gazette", DAY, "extra")
    pages = replace(snapshot("both_to_print", policy, pages=1), key=key)
    assert readiness(pages, pages.seen, T0 + timedelta(minutes=1)) == Ready("complete")
    assert "extra" not in policy.transitions["desk_to_pictures"].expects
    assert [mode.name for mode in policy.expecting["pictures", "plates"]] == ["evening"]


def test_what_a_graph_costs_counts_each_report_once() -> None:
    """A phase that two transitions wait for is looked at by both; what two wait for together is read together."""
    [run] = runs_of(GAZETTE, {})
    loads = {phase.name: phase for phase in run.phases}
    assert (loads["desk"].members, loads["desk"].links) == (2, 2)
    assert (loads["texts"].members, loads["texts"].links, loads["texts"].expected) == (1, 2, 2)
    assert (loads["print"].members, loads["print"].expected) == (1, 1)
    assert "archive" not in loads
    assert run.completions == 5
    # Pages and plates: two read by whoever is the second, one by whoever is the first.
    assert loads["texts"].reads + loads["pictures"].reads == pytest.approx(3, abs=1)
