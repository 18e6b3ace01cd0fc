"""Services that answer, and will not: not yet, busy with another batch, all of it failed, nothing run (behaviour D10).

What such an answer is to be followed by is worked out a second time: nothing of the dispatch is accepted, and it is
made again after 15, 30 and then every 60 minutes, or once something that it was made from has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from shared.core.policy.policy import Policy, Service
from shared.core.wire.answers import AnswerRule, Means, example
from shared.ports import Response
from tests.random_nights.case import Kind, Outage

if TYPE_CHECKING:
    from tests.random_nights.claim_safety import ClaimCheck
    from tests.random_nights.fault_injector import Handler
    from tests.random_nights.trace import Data

MINUTE = timedelta(minutes=1)
ASKED_AGAIN = (15 * MINUTE, 30 * MINUTE, 60 * MINUTE)
EVERY, PARTLY = 5, 0.2
FAILED = {"processor": "PlayerDailyCacheProcessor", "error": "no rows of the date"}
DID_NOTHING = (200, {"status": "skipped", "reason": "its inputs are not there yet"})


@dataclass(frozen=True)
class Declined:
    """When a call was answered no, and what it had been made from: counts by processor, and numbers that were read."""

    at: datetime
    completed: dict[str, int | None]
    partial: frozenset[str]
    read: dict[str, float | None]


def declining(policy: Policy, seed: int, day: date, begins: dict[str, datetime]) -> tuple[Outage, ...]:
    """Let a service that is called decline for some minutes or hours, in every fifth night."""
    called = [call.service for transition in policy.transitions.values() for call in transition.calls]
    asked = [phase.rerun.service for phase in policy.phases.values() if phase.rerun is not None]
    if seed % EVERY != 2 or not (called or asked):
        return ()
    chance = Random(f"declining/{seed}/{day}")
    at = begins[chance.choice(sorted(begins))] + MINUTE * chance.randrange(-10, 150)
    ends = at + MINUTE * chance.choice((10, 40, 100, 300))
    return (Outage(chance.choice(sorted({*called, *asked})), Kind.DECLINES, at, ends),)


def no_of(service: Service, path: str, outage: Outage) -> Response:
    """Return a no in the words of the service's own contract, always the same while it declines."""
    answers = list(_noes(service.answers.get(path, ()))) or [DID_NOTHING]
    status, body = Random(f"{outage.begins}/{service.name}{path}").choice(answers)
    return Response(status, json.dumps(body))


def _noes(rules: tuple[AnswerRule, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    for rule in rules:
        status, body = example(rule)
        if rule.means in (Means.NOT_YET, Means.BUSY):
            yield status, {**dict.fromkeys(rule.show, 61.5), **body}
        elif rule.means is Means.ACCEPTED and rule.results is not None:
            yield status, {**body, rule.results.path: []}
            yield status, {**body, rule.results.path: [{**FAILED, rule.results.field: "failed"}] * 2}


def in_part(rule: AnswerRule, draw: str) -> Response:
    """Return a yes in the words of the service's own contract; now and then of a part that failed."""
    status, body = example(rule)
    if rule.results is not None and Random(f"parts/{draw}").random() < PARTLY:
        body = {**body, rule.results.path: [*body[rule.results.path], {**FAILED, rule.results.field: "failed"}]}
    return Response(status, json.dumps(body))


def declined_by(handler: Handler, data: Data, at: datetime) -> Declined:
    """Return what a call was made from that has just been answered no."""
    plan, read = data["plan"], {**handler.rows, **handler.percents}
    return Declined(at, dict(plan["completed"]), frozenset(plan["partial"]), read)


def changed_since(claim: ClaimCheck, before: Declined) -> bool:
    """True if something that the declined call was made from has been reported, counted or read anew."""
    plan, since = claim.after["plan"], before.at - 2 * claim.skew
    if any(report.phase in claim.transition.after and report.at >= since for report in claim.track.run.heard):
        return True
    if dict(plan["completed"]) != before.completed or frozenset(plan["partial"]) != before.partial:
        return True
    read = {**claim.handler.rows, **claim.handler.percents}
    return any(read[name] != number for name, number in before.read.items() if name in read)
