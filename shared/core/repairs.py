"""When self-heal may ask a phase to run again, what its answer comes to, and what people hear of it (behaviour 9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.decision import cadence
from shared.core.lacks import GRACE, Lack
from shared.core.model import RepairLog
from shared.core.policy.policy import Policy, Repairs
from shared.core.severity import Severity
from shared.core.texts import amount, clock_time, names, say
from shared.core.wire.answers import Answered, Means

# A call without an answer may be at work: it is made again as late as an outage allows (behaviour D5, D11).
UNKNOWN = cadence.BACK_OFF[-1]
AT_ONCE = datetime.min.replace(tzinfo=UTC)
# So many accepted repairs after which nothing changed are told.
IN_VAIN = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a repair call; ``unknown`` where no answer says (behaviour D11)."""

    answered: Answered
    unknown: bool = False


def may_ask(log: RepairLog, limit: Repairs, now: datetime) -> bool:
    """True if an attempt is left, and what came of the latest call allows another one now."""
    at = asks_from(log, limit)
    return at is not None and now >= at


def asks_from(log: RepairLog, limit: Repairs) -> datetime | None:
    """Return from when on another call is allowed; None where no attempt is left."""
    if log.attempts >= limit.max_attempts:
        return None
    if log.pending:  # whoever called is gone, and the phase may run
        return AT_ONCE if log.last_at is None else log.last_at + limit.cooldown
    if log.failure is not None:
        return log.failure.retry_at
    return AT_ONCE if log.accepted_at is None else log.accepted_at + limit.cooldown


def after_call(log: RepairLog, outcome: Outcome, asked: tuple[str, ...], limit: Repairs, now: datetime) -> RepairLog:
    """Return the log once a call came to something: only an accepted one uses up an attempt."""
    answered, next_log = outcome.answered, replace(log, pending=False)
    match answered.means:
        case Means.ACCEPTED:
            answer, asked = answered.note or answered.text, tuple(dict.fromkeys((*log.asked, *asked)))
            return replace(
                next_log, attempts=log.attempts + 1, accepted_at=now, failure=None, asked=asked, answer=answer
            )
        case Means.NOT_YET | Means.BUSY:
            return replace(next_log, failure=cadence.verdict(log.failure, answered.means.value, answered.text, now))
        case Means.REFUSED:
            # A policy is not repaired within minutes; a service that is being deployed answers so too.
            return replace(next_log, failure=cadence.after(log.failure, answered.text, now, limit.cooldown, "refused"))
    if outcome.unknown:
        return replace(next_log, failure=cadence.after(log.failure, answered.text, now, UNKNOWN))
    return replace(next_log, failure=cadence.outage(log.failure, answered.text, now))


def refusal(policy: Policy, lack: Lack) -> str:
    """Return why a detector that finds so much is not believed, "" where it is."""
    expected, missing, limit = len(lack.expected), lack.missing, policy.repairs
    if expected > limit.refuse_above_items and len(missing) * 100 > limit.refuse_above_missing_percent * expected:
        return f"{len(missing)} of {expected} processors missing: the detector is wrong, not the data"
    return ""


def refused(lack: Lack, why: str) -> Condition:
    do = f"see why so many are missing at once: {commands.explain(lack.transitions[0], lack.key)}"
    return _condition(lack, AlertKind.REPAIR_REFUSED, Severity.WARNING, f"no repair of {lack.phase}: {why}", "", do)


def conditions(policy: Policy, lack: Lack, log: RepairLog, now: datetime) -> Iterator[Condition]:
    """Yield what a person must know of the repairs of what is still missing."""
    failure = log.failure
    again = commands.rerun(lack.phase, lack.key, "what refused it is repaired")
    if failure is not None:
        since = clock_time(policy, failure.since, now)
        if failure.verdict == Means.REFUSED:
            what = f"repair of {lack.phase} refused since {since}: {failure.text}"
            do = f"correct phases.{lack.phase}.rerun or its service, then: {again}"
            yield _condition(lack, AlertKind.REPAIR_FAULT, Severity.CRITICAL, what, "", do)
        else:
            what = f"repair of {lack.phase} not accepted since {since}: {failure.text}"
            then = f"it is asked again at {clock_time(policy, failure.retry_at, now)}"
            yield _condition(lack, AlertKind.REPAIR_NOT_TAKEN, Severity.WARNING, what, then, "look at its service")
    text = in_vain(policy, lack, log, now)
    if text:
        do = f"look at {names(lack.missing)}, then: {again}"
        yield _condition(lack, AlertKind.REPAIR_IN_VAIN, Severity.WARNING, text, "", do)


def in_vain(policy: Policy, lack: Lack, log: RepairLog, now: datetime) -> str:
    """Return that accepted repairs changed nothing, once the last of them had its time; "" while that is open."""
    at, enough = log.accepted_at, min(IN_VAIN, policy.repairs.max_attempts)
    if at is None or log.attempts < enough or not log.asked or not frozenset(log.asked) <= frozenset(lack.missing):
        return ""
    if now - at <= policy.repairs.cooldown + GRACE:
        return ""
    return (
        f"{amount(log.attempts, 'repair')} of {lack.phase} accepted, the last at {clock_time(policy, at, now)}, and "
        f"nothing changed: asked for {names(log.asked)}, {log.answer}"
    )


def _condition(lack: Lack, kind: AlertKind, severity: Severity, what: str, then: str, do: str) -> Condition:
    run, transition = lack.key.id, lack.transitions[0]
    return Condition(kind, severity, run, transition, lack.phase, say(run, transition, what, then, do))
