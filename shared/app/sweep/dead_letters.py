"""Messages that the bus gave up delivering: to be seen, to be brought back, and to be told of by the sweep.

Not the quarantine: what lies there was delivered and could not be understood. A dead letter reached nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.app.alerting import outbox, raise_alerts
from shared.app.context import Context
from shared.app.transitions.cloudevents import FIRST_PUBLISHED_AT, REPLAYED_BY, REPLAYED_FOR, REPLAYED_FROM
from shared.app.transitions.dispatch import MAX_ATTRIBUTE
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.reporting.findings import Sweep
from shared.core.severity import Severity
from shared.core.texts import say
from shared.ports import DeadLetter, DeadLetters

# The sweep asks monitoring this often: 96 readings a day.
EVERY = timedelta(minutes=15)
AT_ONCE = 100
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a dead letter: ``new_id`` is the message id under which it was published, "" where it was kept or
    only looked at; ``kept`` says why it cannot be brought back, "" where it can."""

    letter: DeadLetter
    new_id: str = ""
    kept: str = ""


def listed(port: DeadLetters, most: int = MOST) -> list[DeadLetter]:
    """Return what nobody else has taken, oldest first, and leave it where it is."""
    taken: list[DeadLetter] = []
    try:
        for batch in _batches(port, most):
            taken += batch
    finally:
        port.give_back(taken)
    return sorted(taken, key=lambda letter: (letter.published_at, letter.message_id))


def obstacle(ctx: Context, letter: DeadLetter) -> str:
    """Return why a letter cannot be brought back, "" where it can."""
    if not letter.topic:
        source = letter.subscription or "a subscription that is not named"
        return f"its topic is not known: it came by {source}, which deploy/functions.yaml does not declare"
    if letter.topic not in ctx.policy.topics:
        return f"the policy names no topic {letter.topic}"
    return ""


def replay(
    ctx: Context,
    port: DeadLetters,
    message_ids: Collection[str] | None = None,
    *,
    by: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Replayed]:
    """Publish letters to their topics again, each removed once the bus has the new message; yield what became of each.

    ``message_ids`` names the letters, None for all. A new message says which letter it was and when it was first
    published: a report without a time of its own is of then, not of now; and who brought it back and why (behaviour
    D9), which the function that receives it writes to its log. What cannot be brought back stays.
    """
    left: list[DeadLetter] = []
    handled: set[str] = set()
    provenance = {REPLAYED_BY: _fitting(by), REPLAYED_FOR: _fitting(reason)}
    try:
        for batch in _batches(port, MOST):
            left += batch
            for letter in batch:
                if message_ids is not None and letter.message_id not in message_ids:
                    continue
                outcome = _replay(ctx, port, letter, provenance, dry_run=dry_run)
                if outcome.new_id:
                    port.remove([letter])
                    left.remove(letter)
                yield outcome
                handled.add(letter.message_id)
            if message_ids is not None and handled >= set(message_ids):
                return
    finally:
        port.give_back(left)


def _replay(
    ctx: Context, port: DeadLetters, letter: DeadLetter, provenance: Mapping[str, str], *, dry_run: bool
) -> Replayed:
    against = obstacle(ctx, letter)
    if against or dry_run:
        return Replayed(letter, kept=against)
    # What an earlier replay said of itself is not said of this one.
    own = {name: value for name, value in letter.attributes.items() if name not in provenance}
    marks = {REPLAYED_FROM: letter.message_id, FIRST_PUBLISHED_AT: first_published(letter)}
    marks |= {name: text for name, text in provenance.items() if text}
    try:
        new_id = port.publish(letter, {**own, **marks})
    except ValueError as refused:
        return Replayed(letter, kept=str(refused))
    ctx.log("dead_letters.replayed", message_id=letter.message_id, new_id=new_id, **provenance)
    return Replayed(letter, new_id)


def _fitting(text: str) -> str:
    """Return so much of a text as a broker takes for the value of an attribute."""
    return text.encode()[:MAX_ATTRIBUTE].decode(errors="ignore")


def first_published(letter: DeadLetter) -> str:
    """Return when a letter was published at first, also one that had been brought back before."""
    return letter.attributes.get(FIRST_PUBLISHED_AT) or letter.published_at.isoformat()


def _batches(port: DeadLetters, most: int) -> Iterator[list[DeadLetter]]:
    """Take letters until there are no more; one whose time ran out meanwhile comes again, and is not new."""
    seen: set[str] = set()
    while len(seen) < most:
        fresh = [letter for letter in port.take(min(AT_ONCE, most - len(seen))) if letter.message_id not in seen]
        if not fresh:
            return
        seen.update(letter.message_id for letter in fresh)
        yield fresh


def update_alerts(ctx: Context, done: Sweep) -> None:
    """Say how many dead letters there are while there are any, and when there are none any more.

    Asked of monitoring every quarter of an hour by each instance; where it has no number, nothing is raised or ended.
    """
    now, memory = ctx.ports.clock.now(), ctx.memory
    try:
        subscription = ctx.inventory.declared().dead_letters
    except Unavailable:
        return  # nothing is deployed here
    if memory.dead_letters_seen_at is not None and now - memory.dead_letters_seen_at < EVERY:
        done.polls.append(memory.dead_letters_seen_at + EVERY)
        return
    memory.dead_letters_seen_at = now
    done.polls.append(now + EVERY)
    try:
        count = ctx.inventory.backlog().get(subscription)
    except Unavailable as error:
        ctx.log("dead_letters.unread", severity="WARNING", error=str(error))
        return
    if count is None:
        return
    condition = _condition(ctx, subscription, count)
    if count:
        raise_alerts.raise_in_sweep(ctx, [condition])
        return
    [document] = ctx.ports.store.get(outbox.path_of(condition.fingerprint))
    if document is not None and (kept := outbox.read(document)).alert.firing:
        raise_alerts.end(ctx, kept, now)


def _condition(ctx: Context, subscription: str, count: int) -> Condition:
    what = f"{count} dead letters in {subscription}" if count != 1 else f"a dead letter in {subscription}"
    text = say(
        ctx.policy.pipeline,
        "",
        f"{what}: no delivery got through",
        "they are kept for weeks, and nothing delivers them until somebody does",
        "\n".join(
            (
                "see what they are, remove the cause, then bring them back:",
                commands.line("dead-letters", "list"),
                commands.line("dead-letters", "replay", "--all"),
            )
        ),
    )
    return Condition(AlertKind.DEAD_LETTERS, Severity.WARNING, ctx.policy.pipeline, "", "", text)
