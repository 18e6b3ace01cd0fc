"""What a random batch is made of, before it is played: its policy, its members, how they are worked on, what fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random

from shared.core.policy.batches import (
    BatchDeadline,
    BatchPolicy,
    BatchRefresh,
    BatchThen,
    Close,
    CloseStep,
    Idle,
    MemberOutcome,
    Members,
    Query,
    Reports,
    Request,
    Retry,
)
from shared.core.policy.transitions import HttpCall
from shared.core.wire.bodies import Body

START = datetime(2026, 1, 22, 11, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LISTING = "select members"
# It changes a table, so that it takes a place there, and gives it back.
MERGE = "MERGE d.held AS held USING d.staged AS staged ON held.id = staged.id WHEN NOT MATCHED THEN INSERT ROW"
TROUBLE_LASTS = 45
"""Minutes within which things may fail; afterwards the platform is well."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request of a member brings: nothing where ``outcome`` is None, else so many reports ``after`` it."""

    outcome: MemberOutcome | None
    after: timedelta = timedelta()
    count: int | None = None
    copies: int = 1


@dataclass(frozen=True)
class BatchCase:
    """One random batch. ``answers`` of a member are those to its requests in order, the last to all further ones.

    ``lucky`` is the chance that an effect passes; ``outages`` are ports that are away for a while.
    """

    seed: int
    declared: BatchPolicy
    members: tuple[str, ...]
    answers: dict[str, tuple[Answer, ...]]
    trouble: float
    outages: tuple[tuple[str, datetime, datetime], ...]
    start_copies: int
    refuses: bool


def batch_case(seed: int) -> BatchCase:
    """Draw a batch."""
    chance = Random(f"batch/{seed}")
    size = chance.choice((0, 0, 1, 2, 3, *range(5, 41)))
    members = tuple(f"m{number:03d}" for number in range(size))
    trouble = chance.choice((0.0, 0.0, 0.01, 0.03))
    return BatchCase(
        seed,
        _declared(chance),
        members,
        {member: _answers(chance) for member in members},
        trouble,
        tuple(_outage(chance) for _ in range(chance.choice((0, 1, 2)) if trouble else 0)),
        chance.choice((1, 1, 2, 3)),
        chance.random() < 0.08,
    )


def _declared(chance: Random) -> BatchPolicy:
    idle = Idle(chance.randint(4, 12) * MINUTE, chance.choice((50, 80, 95, 100)))
    then = chance.choice((BatchThen.PUBLISH_PARTIAL, BatchThen.PUBLISH_PARTIAL, BatchThen.HOLD))
    deadline = BatchDeadline(chance.randint(8, 60) * MINUTE, then)
    call = CloseStep(HttpCall("prediction_coordinator", "/consolidate"), Body({"batch_id": "{batch_id}"}))
    statement = CloseStep(sql=Query("batches/merge.sql", MERGE))
    from_sql = chance.random() < 0.5
    query = Query("batches/players.sql", LISTING) if from_sql else None
    declared = BatchPolicy(
        name="predictions",
        phase="phase5",
        reports_as="prediction_coordinator",
        members=Members("player", query, "" if from_sql else "players"),
        # A page is what the pace allows in half a minute: from a few members to all of them.
        request=Request("ask", {"player": "{player}", "id": "{request_id}"}, chance.choice((0.2, 0.5, 100))),
        reports=Reports("reports", "player", "batch_id", "count"),
        publish="nba-phase5-predictions-complete",
        close=Close(True, idle if chance.random() < 0.8 else None, deadline),
        retry=Retry(chance.randint(2, 6) * MINUTE, chance.choice((1, 2))) if chance.random() < 0.7 else None,
        on_close=chance.choice(((), (call,), (statement,), (call, statement))),
    )
    if chance.random() < 0.3:
        declared = replace(declared, refresh=BatchRefresh(time(23, 50), chance.choice((1, 2)), 10))
    return declared


def _answers(chance: Random) -> tuple[Answer, ...]:
    """Draw how the worker of one member is: well, slow, failing, silent, one that says everything twice."""
    soon = timedelta(seconds=chance.randint(1, 240))
    well = Answer(MemberOutcome.DONE, soon, chance.randint(1, 9))
    kind = chance.random()
    if kind < 0.70:
        return (replace(well, copies=chance.choice((1, 1, 1, 2, 3))),)
    if kind < 0.76:
        return (replace(well, after=chance.randint(5, 70) * MINUTE),)
    if kind < 0.82:
        return (Answer(MemberOutcome.SKIPPED, soon, 0),)
    if kind < 0.87:
        return (Answer(MemberOutcome.FAILED, soon),)
    if kind < 0.91:  # it says that it failed, and is done with it by itself all the same
        return (Answer(MemberOutcome.FAILED, soon), well)
    if kind < 0.96:  # the first request is lost on it
        return (Answer(None), well)
    return (Answer(None),)


def _outage(chance: Random) -> tuple[str, datetime, datetime]:
    begins = START + chance.randint(0, TROUBLE_LASTS - 10) * MINUTE
    return chance.choice(("state", "bus", "warehouse", "services")), begins, begins + chance.randint(1, 8) * MINUTE
