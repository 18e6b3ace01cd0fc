"""Random batches: whatever fails, each ends exactly once, says what it came to and asks nobody too often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.batches import asking, closing, recording
from shared.core.batches import decide
from shared.core.batches.batch import Batch, Cause, Closing
from shared.core.wire.answers import Answered, Means
from tests.core.build import POLICY
from tests.random_nights.batch_case import batch_case
from tests.random_nights.batch_command import play_batches
from tests.random_nights.batch_judge import judged
from tests.random_nights.batch_world import BatchWorld, played

FEW, MANY = 45, 4_000
SOON = 60
"""Seeds within which a deliberate error must have been seen."""


def play(seeds: range) -> tuple[list[BatchWorld], list[str]]:
    """Play batches; return their worlds, and what was broken by which."""
    worlds = [played(POLICY, batch_case(seed)) for seed in seeds]
    return worlds, [f"seed {world.case.seed}: {wrong}" for world in worlds for wrong in judged(world)]


def test_random_batches_keep_every_promise() -> None:
    """Slow, failing, silent and repeating workers, members from a query or from the start; instances that die, answers
    that are lost, ports that are away. All of it happens in these few, and every kind of end."""
    worlds, wrong = play(range(FEW))
    assert wrong == []
    closings = (event.data.get("closing") for world in worlds for event in world.events)
    assert {closed["cause"] for closed in closings if closed} == {cause.value for cause in Cause}
    assert sum(world.faults for world in worlds) > FEW
    assert any(world.unacknowledged for world in worlds)
    assert any(event.data.get("generation", 1) == 2 for world in worlds for event in world.events)
    assert {world.case.declared.members.sql is None for world in worlds} == {True, False}
    assert {event.attempt for world in worlds for event in world.events if event.kind == "request"} == {1, 2, 3}


@pytest.mark.nightly
def test_thousands_of_random_batches_keep_every_promise() -> None:
    """The same of four thousand."""
    assert play(range(FEW, MANY))[1] == []


def _asks_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(asking, "outcomes_on", lambda *_: {})


def _counts_one_more(patch: pytest.MonkeyPatch) -> None:
    numbers = closing.numbers
    patch.setattr(closing, "numbers", lambda *given: _with_one_more(numbers(*given)))


def _with_one_more(came_to: Closing) -> Closing:
    return replace(came_to, done=came_to.done + 1)


def _names_nobody(patch: pytest.MonkeyPatch) -> None:
    numbers = closing.numbers
    patch.setattr(closing, "numbers", lambda *given: replace(numbers(*given), missing=()))


def _publishes_twice(patch: pytest.MonkeyPatch) -> None:
    publish = closing.publish
    patch.setattr(closing, "publish", lambda worker, declared: (publish(worker, declared), publish(worker, declared)))


def _knows_no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Batch, "is_claimed", lambda *_: False)


def _is_idle_too_early(patch: pytest.MonkeyPatch) -> None:
    quiet = decide._quiet_until
    patch.setattr(decide, "_quiet_until", lambda *given: quiet(*given) - timedelta(minutes=1))


def _passes_its_deadline(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "deadline_passed", lambda *_: False)


def _keeps_nothing_of_some(patch: pytest.MonkeyPatch) -> None:
    record = recording._record

    def forgets(ctx: Any, delivery: Any, report: Any, seen: Any) -> Any:
        if report.member != "m003":
            return record(ctx, delivery, report, seen)
        return recording.Change.NOTHING, recording._outcome(delivery, report, 0, 1)

    patch.setattr(recording, "_record", forgets)


def _skips_its_steps(patch: pytest.MonkeyPatch) -> None:
    accepted = Answered(Means.ACCEPTED, "skipped")
    patch.setattr(closing, "_statement", lambda *_: accepted)
    patch.setattr(closing, "_call", lambda *_: accepted)


def _takes_failed_for_better(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recording, "_change", lambda *_: recording.Change.BETTER)


ERRORS = (
    _asks_everybody, _counts_one_more, _names_nobody, _publishes_twice, _knows_no_claim, _is_idle_too_early,
    _passes_its_deadline, _keeps_nothing_of_some, _skips_its_steps, _takes_failed_for_better,
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__.strip("_"))
def test_a_deliberate_error_is_seen(
    error: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a few batches one of the judges tells of it."""
    error(monkeypatch)
    assert any(play(range(seed, seed + 1))[1] for seed in range(SOON))


def test_one_repeat_more_than_allowed_is_seen() -> None:
    """A policy with one attempt more than the judges are told."""
    for case in map(batch_case, range(SOON)):
        retry = case.declared.retry
        if retry is None:
            continue
        more = replace(case, declared=replace(case.declared, retry=replace(retry, attempts=retry.attempts + 1)))
        world = played(POLICY, more)
        world.case = case
        if any("th time" in wrong for wrong in judged(world)):
            return
    raise AssertionError("nobody noticed")


def test_batches_are_played_by_the_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`bin/nights --batches`: how many were played and what failed on them, exit 0; one that broke a promise is named
    with what plays it again, exit 1."""
    assert play_batches(range(7, 12), judged) == 0
    assert capsys.readouterr().out.startswith("5 batches, ")
    assert play_batches(range(7, 9), lambda world: [f"{world.case.seed} is wrong"]) == 1
    output = capsys.readouterr().out
    assert "FAILED  seed 8" in output
    assert "replay: bin/nights --batches --seed 8" in output
