"""A policy may change at any moment of a run: the run is decided by what is still known, or closed with one alert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy
from shared.app.reporting import queries
from shared.core.errors import PolicyError
from shared.core.model import RunKey, State
from shared.core.policy.policy import Policy
from shared.simulation.fakes.clock import Crash
from tests.app.handlers_kit import Fate, HandlersKit
from tests.core.build import CACHE, DAY, FEATURES, NIGHT, PCF, PGS, PHASE3, PSZA, SAME_DAY, TDZA, TO4, TO6
from tests.policy_changes import CHANGES, changed
from tests.policy_files import nba, write

HOUR = timedelta(hours=1)
Step = Callable[[HandlersKit], object]


@cache
def policy_after(*names: str) -> Policy:
    with TemporaryDirectory() as folder:
        return load_policy(write(Path(folder), changed(*names)))


def dying(kit: HandlersKit) -> None:
    """Let the handler of the last report die after its claim."""
    kit.effects.fate = (len(kit.effects.done) + 1, Fate.DIES_AFTER)
    try:
        kit.deliver(PHASE3[-1], records=200)
    except Crash:
        kit.ctx = kit.instance("v1", kit.ctx.policy)
    kit.effects.fate = None


# A night in which the claim of phase 4 loses its holder, phase 4 starts late, and the export is never confirmed.
STEPS: tuple[Step, ...] = (
    HandlersKit.finish_phase2,
    HandlersKit.sweep,
    lambda kit: kit.finish(*PHASE3[:-1], records=200),
    dying,
    HandlersKit.sweep,
    lambda kit: kit.sweeps(3),
    lambda kit: kit.deliver(CACHE, "started"),
    lambda kit: kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES),
    HandlersKit.sweep,
    lambda kit: kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100}),
    lambda kit: kit.sweeps(2),
    lambda kit: kit.wait(HOUR),
)


def night(*changes: tuple[int, str]) -> HandlersKit:
    """Play the night, the policy changed before these steps, and sweep until it is over for its age."""
    kit, names = HandlersKit().ordinary(), []
    for number, step in enumerate(STEPS):
        for before, name in changes:
            if before == number:
                names.append(name)
                kit.ctx = kit.instance("v2", policy_after(*names))
        step(kit)
        kit.wait()
    for wait in (*[timedelta(minutes=20)] * 6, *[5 * HOUR] * 14):
        answer = kit.sweep()
        # A service of a new name has no address yet: a repair that cannot be asked for is no fault of the sweep.
        assert [
            finding for finding in answer.findings if finding["result"] == "failed" and finding["what"] != "repair"
        ] == []
        kit.wait(wait)
    return kit


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.sampled_from(sorted(CHANGES))), min_size=1, max_size=2))
def test_a_policy_may_change_at_any_moment_of_a_night(changes: list[tuple[int, str]]) -> None:
    """No sweep fails, nothing is at fault, no generation leaves twice under two names, the run ends."""
    try:
        policy_after(*[name for _, name in sorted(changes)])
    except (KeyError, ValueError, PolicyError):
        return  # the second change speaks of what the first has taken away, or both together are refused at load
    kit = night(*sorted(changes))
    assert all(run.closed_at is not None for run in queries.all_runs(kit.ctx) if run.key == NIGHT)
    assert kit.notices("fault") == []
    assert len(kit.notices("departed")) <= 1
    phases = [trigger_id.rsplit("/", 2)[1:] for trigger_id in dict.fromkeys(kit.trigger_ids)]
    assert len([phase for phase in phases if phase[0] in (TO4, "analytics_to_precompute")]) <= 1


@pytest.mark.parametrize("name", ["the mode leaves", "the mode has another name"])
def test_a_run_whose_mode_left_is_closed_with_one_alert(name: str) -> None:
    """The sweep does not fail, other runs go on, and people are told once which mode left."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    kit.ctx = kit.instance("v2", policy_after(name))
    answers = kit.sweeps(3)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert kit.run().closed_at is not None
    [notice] = kit.notices("departed")
    assert (notice.severity, "mode overnight" in notice.text) == ("warning", True)


def test_a_claim_leaves_though_its_processor_has_left_the_policy() -> None:
    """Its holder died; at the lease's end the plan goes out under its id, with the table that the report named."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200, output_table="player_game_summary", output_dataset="nba_analytics")
    kit.finish(*PHASE3[1:-1], records=200)
    dying(kit)
    assert kit.state(TO4).state is State.CLAIMED
    kit.ctx = kit.instance("v2", policy_after("a required processor leaves"))
    kit.sweeps(3)
    assert set(kit.trigger_ids) == {NIGHT.trigger_id(TO4, 1)}
    sources = {publication.body["processor_name"]: publication.body["source_table"] for publication in kit.published}
    assert sources[PGS] == "player_game_summary"
    assert kit.state(TO4).state is State.DISPATCHED


def test_a_transition_that_left_after_its_trigger_is_not_triggered_again_under_another_name() -> None:
    """Whether the new name means the same nobody can tell: the run is closed, critically, and says what left."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3, records=200)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    kit.ctx = kit.instance("v2", policy_after("a transition has another name"))
    kit.sweeps(3)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    [notice] = kit.notices("departed")
    assert (notice.severity, f"transition {TO4}" in notice.text) == ("critical", True)
    assert kit.run().closed_at is not None


def test_a_transition_that_left_before_anything_was_claimed_is_decided_under_its_new_name() -> None:
    """What was recorded still counts: the run goes on without an alert."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3[:-1], records=200)
    kit.ctx = kit.instance("v2", policy_after("a transition has another name"))
    kit.deliver(PHASE3[-1], records=200)
    assert kit.trigger_ids == [], "the sweep looks at the run first"
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id("analytics_to_precompute", 1)]
    assert kit.notices("departed") == []


def test_a_run_of_a_transition_that_left_is_decided_again_once_an_operator_reopens_it() -> None:
    """The operator has read what left; the run is not closed again for what went before."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3, records=200)
    kit.ctx = kit.instance("v2", policy_after("a transition has another name"))
    kit.sweeps(2)
    status, answer = kit.orch("trigger", TO6, str(DAY), "--mode", "overnight", "--reason", "by hand", ctx=kit.ctx)
    assert status == 0, answer
    kit.sweeps(2)
    assert kit.run().closed_at is None
    assert len(kit.notices("departed")) == 1


def test_a_delivery_leaves_a_run_of_another_policy_to_the_sweep() -> None:
    """Redelivered a second after the change, before any sweep: phase 4 is not started again under the new name."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3, records=200)
    kit.ctx = kit.instance("v2", policy_after("a transition has another name"))
    kit.deliver(PHASE3[-1], records=200)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_the_policys_version_stands_in_the_run() -> None:
    """The digest of the policy that opened it, then of the one that decides it; the order of keys is no change."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    assert kit.run().policy_version == kit.policy.version
    kit.ctx = kit.instance("v2", policy_after("the tiers leave"))
    kit.sweep()
    assert kit.run().policy_version == policy_after("the tiers leave").version != kit.policy.version
    turned = dict(reversed(nba().items()))
    with TemporaryDirectory() as folder:
        assert load_policy(write(Path(folder), turned)).version == policy_after().version


def both(kit: HandlersKit) -> None:
    for mode in ("overnight", "same_day"):
        kit.deliver(PGS, records=200, mode=mode)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (f"runs/{NIGHT.id.replace('/', '~')}/transitions/{TO4}", {"generation": "confused"}),
        (f"runs/{NIGHT.id.replace('/', '~')}", {"status": "open", "pipeline": "nba", "opened_at": "confused"}),
    ],
    ids=["a transition", "the run itself"],
)
def test_a_fault_of_one_run_never_stops_the_others(path: str, data: dict[str, object]) -> None:
    """One finding and one critical alert with type and message; the other run is decided, and recovery is told."""
    kit = HandlersKit().ordinary()
    both(kit)
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200, mode="same_day")
    [before] = kit.store.inner.get(path)
    if before is None:
        kit.store.inner.create(path, data)
    else:
        kit.store.inner.update(path, {**before.data, **data}, before.version)
    answers = kit.sweeps(3)
    assert {answer.status for answer in answers} == {207}
    assert any(finding["run"] == NIGHT.id and "ValueError" in finding["detail"] for finding in answers[0].findings)
    [notice] = kit.notices("fault")
    assert (notice.severity, "ValueError" in notice.text, "at `$." in notice.text) == ("critical", True, True)
    assert queries.explain(kit.ctx, SAME_DAY, "phase2_to_phase3").state == "waiting"
    assert {trigger_id.rsplit("/", 2)[0] for trigger_id in kit.trigger_ids} <= {RunKey("nba", DAY, "same_day").id}
