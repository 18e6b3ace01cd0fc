"""What holds of every decision, whatever was reported, stored and read (behaviour 3, R5, T1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.alerting.conditions import conditions
from shared.core.decision import state_changes
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Confirm, Done, EmptyOk, Held, Trigger, Wait
from shared.core.decision.explain import explain
from shared.core.decision.fold import apply_report
from shared.core.decision.readiness import Ready as Now
from shared.core.decision.readiness import readiness
from shared.core.decision.refresh import refresh_until
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome, Report
from shared.core.policy.transitions import Then
from tests.core.build import GOOD, POLICY, World, at, decided, report, results, snapshot
from tests.core.nights import MODES, TRANSITIONS, first_hours, moments, reports, snapshots, worlds

thorough = settings(deadline=None, max_examples=100)
usual = settings(deadline=None)


@thorough
@given(snapshots(), moments, worlds())
def test_deciding_is_total_and_deterministic(decision_input: DecisionInput, now: datetime, world: World) -> None:
    """No situation raises, asks for the same reading twice, or is decided differently the second time; what is
    decided can be told and explained."""
    seen, decision = results(decision_input, now, world)
    assert results(replace(decision_input), now, world) == (seen, decision)
    alerts = conditions(seen, decision, now)
    assert alerts == conditions(replace(seen), decision, now)
    assert len({condition.fingerprint for condition in alerts}) == len(alerts)
    assert explain(seen, decision, now).text


@thorough
@given(snapshots(fresh=True) | snapshots(), first_hours | moments, st.just(GOOD) | worlds())
def test_never_without_every_required_one(decision_input: DecisionInput, now: datetime, world: World) -> None:
    """D1: a new plan leaves without a required processor only by a deadline that says `trigger`, by an operator, or
    in a refresh of a generation that was without it already."""
    seen, decision = results(decision_input, now, world)
    if not isinstance(decision, Trigger) or decision.plan in (
        decision_input.state.plan,
        decision_input.state.accepted_plan,
    ):
        return
    without = seen.seen.required - seen.seen.present
    if not without or decision.plan.reason == "operator":
        return
    assert without <= set(decision.plan.missing)
    if decision.plan.reason == "refresh":
        assert decision_input.state.accepted_plan is not None
        assert without <= set(decision_input.state.accepted_plan.missing)
    else:
        deadline = decision_input.expectation.deadline
        assert decision.plan.reason == "deadline"
        assert deadline is not None
        assert deadline.then is Then.TRIGGER
        assert seen.seen.opened_at is not None
        assert now >= seen.seen.opened_at + deadline.after


@thorough
@given(snapshots(), moments, worlds())
def test_nothing_new_leaves_against_a_hold_an_empty_date_or_a_closed_run(
    decision_input: DecisionInput, now: datetime, world: World
) -> None:
    """Without an operator's request none of them triggers, and no report opens one."""
    seen, decision = results(decision_input, now, world)
    held = decision_input.state.hold is not None and decision_input.state.hold.cause == "operator"
    if decision_input.state.request is None and (seen.empty or held or decision_input.closed):
        assert isinstance(decision, EmptyOk | Held | Done | Confirm)


@thorough
@given(snapshots(), moments, worlds())
def test_a_trigger_has_the_number_of_the_generation_or_the_next(
    decision_input: DecisionInput, now: datetime, world: World
) -> None:
    """Generation 1 is the first, and while nothing of a generation was accepted there is no next."""
    decision = decided(decision_input, now, world)
    if isinstance(decision, Trigger):
        number, plan = decision_input.state.generation, decision.plan
        repeated = plan in (decision_input.state.plan, decision_input.state.accepted_plan)
        assert (
            repeated
            or plan.generation == max(1, number + (1 if decision_input.state.accepted_whole else 0))
            or (plan.reason == "operator" and plan.generation == number + 1 and decision_input.state.accepted)
        )


@thorough
@given(snapshots(), moments, worlds())
def test_a_claim_excludes_every_other_trigger(decision_input: DecisionInput, now: datetime, world: World) -> None:
    """D2: whoever decides while the claim of a trigger runs does not trigger, whatever is read then."""
    seen, decision = results(decision_input, now, world)
    if isinstance(decision, Trigger):
        lease = POLICY.claim_lease
        claimed = replace(seen, state=state_changes.claimed(decision_input.state, decision.plan, "me", now, lease))
        for moment in (now, now + lease - timedelta(seconds=1)):
            assert not isinstance(decided(claimed, moment), Trigger)


def undisturbed(decision_input: DecisionInput, now: datetime, world: World, data: st.DataObject) -> None:
    """Check that a wait lasts: to the second before its moment, or for ever where none is announced."""
    seen, decision = results(decision_input, now, world)
    if not isinstance(decision, Wait):
        return
    end = now + timedelta(days=40) if decision.next_at is None else decision.next_at
    assert end > now
    last = max(0, int((end - now).total_seconds()) - 1)
    for seconds in (last, data.draw(st.integers(0, last))):
        assert isinstance(decide(seen, now + timedelta(seconds=seconds)), Wait)


@thorough
@given(snapshots(fresh=True), first_hours, st.data())
def test_nothing_changes_before_the_next_tier_or_deadline(
    decision_input: DecisionInput, now: datetime, data: st.DataObject
) -> None:
    """T1: while it waits for processors the announced moment lies ahead, and nothing changes before it."""
    undisturbed(decision_input, now, GOOD, data)


@thorough
@given(snapshots(), moments, worlds(), st.data())
def test_nothing_changes_before_the_announced_moment(
    decision_input: DecisionInput, now: datetime, world: World, data: st.DataObject
) -> None:
    """T1: in any state, with any readings, `next_at` lies ahead and until then it is decided alike."""
    undisturbed(decision_input, now, world, data)


@thorough
@given(snapshots(), moments, worlds(), st.integers(0, 40 * 24 * 60))
def test_held_empty_and_done_do_not_end_by_the_clock(
    decision_input: DecisionInput, now: datetime, world: World, more: int
) -> None:
    """Only an event ends them, or the window for another generation, which every run remembers as a moment: what was
    sent is then over, held or not."""
    seen, decision = results(decision_input, now, world)
    later = now + timedelta(minutes=more)
    if isinstance(decision, Held | EmptyOk | Done):
        window_ends = refresh_until(seen)
        over = decision_input.state.triggered and window_ends is not None and now < window_ends <= later
        assert type(decide(seen, later)) in ({type(decision), Done} if over else {type(decision)})


@thorough
@given(snapshots(fresh=True), moments, st.data())
def test_another_done_processor_never_turns_ready_into_not_ready(
    decision_input: DecisionInput, now: datetime, data: st.DataObject
) -> None:
    """Monotone: what may go still may with one more success, and with no one more missing."""
    before = readiness(decision_input, decision_input.seen, now)
    name = data.draw(st.sampled_from(sorted(decision_input.processors)))
    arrived = report(name, ended=at(hours=9), received=at(hours=9), message_id="one more")
    after = replace(
        decision_input,
        completions={**decision_input.completions, name: apply_report(decision_input.completions.get(name), arrived)},
    )
    assert name not in decision_input.seen.expected or name in after.seen.done
    assert after.seen.done >= decision_input.seen.done
    if isinstance(before, Now):
        assert isinstance(readiness(after, after.seen, now), Now)
        assert set(after.seen.missing) <= set(decision_input.seen.missing)
        if isinstance(decided(decision_input, now), Trigger):
            assert isinstance(decided(after, now), Trigger)


@usual
@given(snapshots(fresh=True), moments)
def test_time_alone_never_turns_ready_into_not_ready(decision_input: DecisionInput, now: datetime) -> None:
    """What may go may still go a second, an hour and a day later."""
    if isinstance(readiness(decision_input, decision_input.seen, now), Now):
        for later in (timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)):
            assert isinstance(readiness(decision_input, decision_input.seen, now + later), Now)


any_phase = st.sampled_from(TRANSITIONS).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(MODES), reports(POLICY.transitions[name].after[0]))
)


def after(name: str, mode: str, arrived: list[Report]) -> DecisionInput:
    return snapshot(*arrived, transition=name, key=replace(snapshot().key, mode=mode))


@usual
@given(any_phase, moments, st.randoms(use_true_random=False))
def test_the_order_of_processors_does_not_matter(
    night: tuple[str, str, list[Report]], now: datetime, random: object
) -> None:
    """One report of each: in whatever order they are folded, the same is known and the same decided."""
    name, mode, arrived = night
    once = list({arrival.processor: arrival for arrival in arrived}.values())
    shuffled = list(once)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert after(name, mode, shuffled).completions == after(name, mode, once).completions
    assert decided(after(name, mode, shuffled), now) == decided(after(name, mode, once), now)


@usual
@given(any_phase, moments, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    night: tuple[str, str, list[Report]], now: datetime, random: object
) -> None:
    """R5: however the reports of one processor overtake each other, the same processors are done, partial and
    missing; and where the clock started at the same moment, the decision is the same."""
    name, mode, arrived = night
    events = list({(arrival.processor, arrival.occurred_at): arrival for arrival in arrived}.values())
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    decision_input, other = after(name, mode, events), after(name, mode, shuffled)
    assert other.seen.statuses == decision_input.seen.statuses
    assert (other.seen.done, other.seen.partial, other.seen.missing) == (
        decision_input.seen.done,
        decision_input.seen.partial,
        decision_input.seen.missing,
    )
    if decision_input.seen.opened_at == other.seen.opened_at:
        assert decided(other, now) == decided(decision_input, now)


@usual
@given(any_phase, moments, st.data())
def test_a_duplicate_changes_nothing(night: tuple[str, str, list[Report]], now: datetime, data: st.DataObject) -> None:
    """R5: the same message delivered again, at once or much later, leaves what is known and decided as it was."""
    name, mode, arrived = night
    again = data.draw(st.lists(st.sampled_from(arrived), max_size=4)) if arrived else []
    late = [replace(arrival, received_at=at(hours=40)) for arrival in again]
    assert after(name, mode, [*arrived, *late]).completions == after(name, mode, arrived).completions
    assert decided(after(name, mode, [*arrived, *late]), now) == decided(after(name, mode, arrived), now)


@usual
@given(snapshots(fresh=True), moments, st.sampled_from([Outcome.STARTED, Outcome.FAILED, Outcome.NO_DATA]), st.data())
def test_a_report_that_does_not_count_makes_nothing_ready(
    decision_input: DecisionInput, now: datetime, outcome: Outcome, data: st.DataObject
) -> None:
    """`started`, `failed` and `no_data` never turn waiting into a trigger, however many of them arrive."""
    if isinstance(readiness(decision_input, decision_input.seen, now), Now):
        return
    names = data.draw(st.sets(st.sampled_from(sorted(decision_input.processors))))
    extra = {
        name: apply_report(
            decision_input.completions.get(name), report(name, outcome, 500, ended=at(hours=9), message_id="x")
        )
        for name in names
    }
    worse = replace(decision_input, completions={**decision_input.completions, **extra})
    assert worse.seen.done <= decision_input.seen.done
    assert not isinstance(readiness(worse, worse.seen, now), Now)


@usual
@given(snapshots(), moments)
def test_a_gate_that_says_no_never_triggers(decision_input: DecisionInput, now: datetime) -> None:
    """D4: with every number at zero nothing new leaves where a gate blocks below, but by an operator."""
    nothing = World(rows=0, percent=0)
    blocking = [gate.name for gate in decision_input.gates if gate.block_below and gate.sql]
    decision = decided(decision_input, now, nothing)
    if isinstance(decision, Trigger) and blocking:
        assert (
            decision.plan in (decision_input.state.plan, decision_input.state.accepted_plan)
            or decision.plan.reason == "operator"
        )


def test_the_strategies_reach_every_decision() -> None:
    """A property that never meets a trigger proves nothing: every kind of decision is drawn.

    What is drawn differs with the modules that are loaded, whose constants hypothesis tries: so none may be rare.
    """
    met: set[str] = set()

    @settings(deadline=None, max_examples=400, derandomize=True, database=None)
    @given(snapshots(fresh=True) | snapshots(), first_hours | moments, worlds())
    def look(decision_input: DecisionInput, now: datetime, world: World) -> None:
        met.add(type(decided(decision_input, now, world)).__name__)

    look()
    assert met == {"Wait", "Blocked", "Trigger", "Confirm", "Held", "Done", "EmptyOk"}
    assert isinstance(decided(snapshot(report("player_game_summary")), at(), GOOD), Wait)
