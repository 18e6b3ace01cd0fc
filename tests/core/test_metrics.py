"""The numbers of a pipeline as metrics: each counts what its help says, and an event of before the window counts no
more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.circuit_breaker import Circuit, Position
from shared.core.model import Block, LogEntry, Run, RunKey, State, TransitionState
from shared.core.policy.transitions import Role
from shared.core.reporting.metrics import (
    METRICS,
    WINDOW,
    Distribution,
    LockFacts,
    PipelineFacts,
    SweepFacts,
    distribution,
    families,
    key_figures,
)
from shared.core.reporting.open_figures import RunFacts
from tests.core.build import BACKFILL, NIGHT, POLICY, T0, TO4, at, dispatched, plan, with_transition

NOW = at(minutes=10)


def facts(*states: TransitionState, key: RunKey = NIGHT, **more: object) -> PipelineFacts:
    runs = [
        RunFacts(Run(replace(key, day=key.day - timedelta(days=n)), T0), {TO4: state}) for n, state in enumerate(states)
    ]
    return PipelineFacts(POLICY, NOW, runs=runs, **more)  # type: ignore[arg-type]


def values(given: PipelineFacts, name: str, **labels: str) -> list[object]:
    [family] = [family for family in families([given]) if family.name == name]
    return [sample.value for sample in family.samples if labels.items() <= sample.labels.items()]


def handed_off(seconds: float, **more: object) -> TransitionState:
    what = plan(last_input_at=T0, opened_at=T0 - timedelta(minutes=30), **more)  # type: ignore[arg-type]
    return dispatched(what, at(seconds=seconds))


def test_a_hand_off_counts_by_its_seconds() -> None:
    """Of 5, 60 and 61 seconds one is at most 5, two are at most the 60 of the objective."""
    [value] = values(
        facts(handed_off(5), handed_off(60), handed_off(61)), "orch_transition_handoff_seconds", transition=TO4
    )
    assert isinstance(value, Distribution)
    assert dict(zip(value.bounds, value.cumulated, strict=False)) | {} == {
        1.0: 0, 5.0: 1, 15.0: 1, 30.0: 1, 60.0: 2, 120.0: 3, 300.0: 3, 900.0: 3, 3600.0: 3,
    }  # fmt: skip
    assert (value.cumulated[-1], value.total) == (3, 126.0)


@pytest.mark.parametrize(
    "state",
    [
        handed_off(5, reason="tier_2"),
        handed_off(5, generation=2),
        dispatched(plan(), at(seconds=5)),
        dispatched(plan(last_input_at=T0 - WINDOW - timedelta(minutes=1)), NOW - WINDOW - timedelta(seconds=1)),
    ],
    ids=["tier", "refresh", "kept back", "before the window"],
)
def test_what_is_no_hand_off_of_the_window_is_not_counted(state: TransitionState) -> None:
    """A tier goes by the clock, a later generation by better data, and what was kept back by something else."""
    [value] = values(facts(state), "orch_transition_handoff_seconds", transition=TO4)
    assert isinstance(value, Distribution)
    assert value.cumulated[-1] == 0


def test_the_backfill_lane_hands_nothing_off() -> None:
    """A repair of the past says nothing of the nights, but its runs are counted as runs."""
    given = facts(handed_off(5), key=BACKFILL)
    [value] = values(given, "orch_transition_handoff_seconds", transition=TO4)
    assert isinstance(value, Distribution)
    assert value.cumulated[-1] == 0
    assert values(given, "orch_transitions", transition=TO4, state="dispatched") == [0.0, 0.0, 0.0][: len(TO4_MODES)]
    assert values(given, "orch_runs", lane="backfill", mode="overnight", state="open") == [1.0]


TO4_MODES = tuple(POLICY.transitions[TO4].expects)


def test_an_observed_transition_has_neither_wait_nor_hand_off() -> None:
    """It dispatches nothing."""
    policy = with_transition(TO4, dispatch=replace(POLICY.transitions[TO4].dispatch, role=Role.OBSERVE))
    given = replace(facts(handed_off(5)), policy=policy)
    for name in ("orch_transition_handoff_seconds", "orch_transition_wait_seconds"):
        assert values(given, name, transition=TO4) == []
        assert values(given, name) != []


def test_a_wait_is_from_the_first_completion_that_counted() -> None:
    """Half an hour and five seconds."""
    [value] = values(facts(handed_off(5)), "orch_transition_wait_seconds", transition=TO4)
    assert isinstance(value, Distribution)
    assert value.total == 1805.0


def test_the_oldest_block_is_the_age() -> None:
    """Of two blocked transitions the older one counts; of a closed run none does; without any it is 0."""
    young = TransitionState(State.BLOCKED, blocked={"gate": Block(at(minutes=8), "x")})
    old = TransitionState(State.BLOCKED, blocked={"gate": Block(at(minutes=9), "x"), "preflight": Block(T0, "x")})
    given = facts(young, old)
    assert values(given, "orch_blocked_oldest_age_seconds") == [600.0]
    assert given.runs is not None
    closed = [replace(entry, run=replace(entry.run, closed_at=T0)) for entry in given.runs]
    assert values(replace(given, runs=closed), "orch_blocked_oldest_age_seconds") == [0.0]
    assert values(facts(), "orch_blocked_oldest_age_seconds") == [0.0]


def test_decisions_that_the_record_lacks_are_counted() -> None:
    """Their number, and the age of the oldest."""
    pending = TransitionState(pending_audit=(LogEntry(T0, 1, "waiting", ""), LogEntry(at(minutes=5), 1, "trigger", "")))
    assert values(facts(pending), "orch_record_pending_decisions") == [2.0]
    assert values(facts(pending), "orch_record_pending_oldest_age_seconds") == [600.0]


def test_a_breaker_is_in_one_position() -> None:
    """As a state set: of three positions the present one is true."""
    given = facts(breakers={"record": Circuit(Position.HALF_OPEN)})
    assert values(given, "orch_breaker_position") == [{"closed": False, "open": False, "half_open": True}]
    assert key_figures(given)["breakers_open"] == 1.0


@pytest.mark.parametrize(("left", "wait"), [(timedelta(seconds=20), 20.0), (timedelta(seconds=-20), 0.0)])
def test_a_lock_says_how_long_one_waits(left: timedelta, wait: float) -> None:
    """One whose time is over is free."""
    given = facts(locks={"sweep": LockFacts(NOW + left, 7)})
    assert values(given, "orch_lock_wait_seconds", lock="sweep") == [wait]
    assert values(given, "orch_lock_acquisitions", lock="sweep") == [7.0]


@pytest.mark.parametrize(
    ("ended", "due", "age", "overdue"),
    [
        (at(minutes=2), at(minutes=7), 480.0, 180.0),
        (at(minutes=2), at(minutes=20), 480.0, 0.0),
        (at(minutes=2), at(minutes=1), 480.0, 480.0),
    ],
    ids=["late", "nothing due", "due before it ended"],
)
def test_a_sweep_is_late_once_something_is_due(ended: object, due: object, age: float, overdue: float) -> None:
    """A sweep that finds nothing due writes nothing: its age alone is no fault."""
    given = facts(sweep=SweepFacts(ended, due))  # type: ignore[arg-type]
    assert values(given, "orch_sweep_age_seconds") == [age]
    assert values(given, "orch_sweep_overdue_seconds") == [overdue]


def test_a_part_that_cannot_be_read_has_no_numbers() -> None:
    """None of it is 0: the series are absent, and `orch_part_readable` says which part."""
    nothing = PipelineFacts(POLICY, NOW, unread=frozenset({"runs", "alerts"}))
    series = {family.name: len(family.samples) for family in families([nothing])}
    assert {name for name, count in series.items() if count} == {"orch_part_readable", "orch_window_seconds"}
    assert values(nothing, "orch_part_readable", part="runs") == [0.0]
    assert values(nothing, "orch_part_readable", part="sweep") == [1.0]
    assert key_figures(nothing) == {"parts_unread": 2.0}


def test_every_series_is_labelled_by_its_pipeline() -> None:
    """Two pipelines of one deployment are told apart, and no metric has a series twice."""
    other = replace(facts(handed_off(5)), policy=replace(POLICY, pipeline="wnba"))
    for family in families([facts(handed_off(5)), other]):
        labels: list[Mapping[str, str]] = [sample.labels for sample in family.samples]
        assert len({tuple(sorted(label_set.items())) for label_set in labels}) == len(labels)
        assert {label_set["pipeline"] for label_set in labels} in ({"nba", "wnba"}, set())


def test_names_say_their_unit() -> None:
    """OpenMetrics: a name ends with its unit; a counter's name has no `_total` of its own."""
    for metric in METRICS:
        assert metric.name.startswith("orch_")
        assert not metric.unit or metric.name.endswith(f"_{metric.unit}")
        assert not metric.name.endswith("_total")


def test_a_distribution_includes_its_bounds() -> None:
    """A value that equals a bound is at most it."""
    assert distribution([timedelta(seconds=1), timedelta(seconds=2)], (1.0, 2.0)) == Distribution(
        (1.0, 2.0), (1, 2, 2), 3.0
    )
