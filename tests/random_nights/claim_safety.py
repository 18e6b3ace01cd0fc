"""Was this claim allowed? Asked at the moment it is written, of the messages recorded until then (behaviour 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from shared.core.calendar import instant
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy, Transition
from tests.random_nights.adapting import in_force
from tests.random_nights.declining import changed_since
from tests.random_nights.fault_injector import Handler
from tests.random_nights.oracle import View, blocking, reason_at, view
from tests.random_nights.refusing import refused
from tests.random_nights.trace import Data, Grant, Trace, Track

FIT_FOR = timedelta(seconds=30)
NOT_READY = "not ready by what was recorded"


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """A claim as it is written: ``now`` by the clock of who writes it, ``at`` by the world's.

    ``over`` says whether its claimant may have known the units as final, or as under way.
    """

    policy: Policy
    trace: Trace
    track: Track
    handler: Handler
    before: Data
    after: Data
    now: datetime
    at: datetime
    units: tuple[int | None, ...]
    over: tuple[bool, ...]

    @property
    def transition(self) -> Transition:
        return self.policy.transitions[self.track.name]

    @property
    def key(self) -> RunKey:
        return self.track.run.key

    @property
    def generation(self) -> int:
        return int(self.after["generation"])

    @property
    def reason(self) -> str:
        return str(self.after["plan"]["reason"])

    @property
    def again(self) -> bool:
        """True for one more attempt of what is claimed or was dispatched, under the same plan."""
        if self.before.get("generation") != self.generation:
            return False
        if self.before.get("unproven") is not None:
            return True
        word = self.before.get("state")
        return word == "claimed" or (word == "dispatched" and self.generation in self.track.marks)

    @property
    def skew(self) -> timedelta:
        return self.trace.night.manner.skew


def no_trigger_against_the_policy(claim: ClaimCheck) -> str | None:
    """A first claim needs a reason of the policy, passed gates and a fit service, at one moment of its handler."""
    if claim.again or claim.reason in ("operator", "refresh"):
        return None
    why = NOT_READY
    for seen in _possible_views(claim):
        reason = reason_at(in_force(claim.trace.learned, claim.transition, claim.key), seen, claim.now)
        if reason != claim.reason:
            why = f"the policy says {reason or 'wait'!r}, missing {sorted(seen.missing)}"
            continue
        why = _in_the_way(claim, seen) or _as_planned(claim, seen)
        if not why:
            _grant(claim, seen)
            return None
    return f"{_named(claim)} for {claim.reason!r}: {why}"


def no_generation_without_a_cause(claim: ClaimCheck) -> str | None:
    """Another generation needs a refresh that the policy allows, or an operator; numbers leave nothing out."""
    grants, generation = claim.track.grants, claim.generation
    if generation not in grants and generation != max(grants, default=0) + 1:
        return f"{_named(claim)} follows generation {max(grants, default=0)}"
    if claim.reason == "operator":
        return _by_operator(claim)
    if claim.reason == "refresh":
        return None if claim.again else _by_refresh(claim)
    first = min(grants, default=generation)
    return None if generation in grants or generation == first else f"{_named(claim)} is one too many"


def no_second_dispatch_without_a_reason(claim: ClaimCheck) -> str | None:
    """The same trigger id leaves again only for an expired lease, a lost mark, or a confirmation that did not come."""
    if not claim.again:
        return None
    if claim.before["state"] == "claimed":
        return None  # its lease is asked for by no_two_claims_alive
    if claim.before.get("unproven") is not None:
        return _after_unknown_outcome(claim)
    confirm, track = claim.transition.confirm, claim.track
    sent = [leaving.at for leaving in track.leavings if leaving.generation == claim.generation]
    marked = track.marks.get(claim.generation, [])
    if confirm.by is not ConfirmBy.FIRST_REPORT or not sent or not marked:
        return f"{_named(claim)} again although nothing has to be confirmed"
    if claim.at + claim.skew < marked[-1] + confirm.within:
        return f"{_named(claim)} again {claim.at - marked[-1]} after the last dispatch"
    if len(marked) > confirm.redispatch:
        return f"{_named(claim)} again after {len(marked)} dispatches"
    heard_count = claim.handler.heard.get(claim.key, len(track.run.heard))
    begun = [report for report in track.run.heard[:heard_count] if report.phase == claim.transition.starts]
    # What only the record took counts from its receipt, however late the state hears of it.
    if any(report.received > marked[0] + claim.skew for report in begun):
        return f"{_named(claim)} again although {claim.transition.starts} had begun"
    return None


def _after_unknown_outcome(claim: ClaimCheck) -> str | None:
    """A call of which nothing is known is made again once its phase had the time to report (D11)."""
    last: datetime = claim.before["unproven"]["last_at"]
    if claim.before.get("failure") is not None or claim.at + claim.skew >= last + claim.transition.confirm.within:
        return None
    return f"{_named(claim)} again {claim.at - last} after a call of which nothing is known"


def no_two_claims_alive(claim: ClaimCheck) -> str | None:
    """A running lease is nobody else's to take."""
    claimed_at = claim.track.claimed_at
    if claim.before.get("state") != "claimed" or claimed_at is None:
        return None
    held_for = claim.at - claimed_at
    if held_for + claim.skew < claim.policy.claim_lease:
        return f"{_named(claim)} taken over after {held_for}, the lease is {claim.policy.claim_lease}"
    return None


def nothing_while_it_must_rest(claim: ClaimCheck) -> str | None:
    """Held by an operator, refused by the consumer, or soon after a failed call or an answer that was a no, of which
    nothing has changed: only an operator goes on (D5, D9, D10)."""
    track = claim.track
    if claim.reason == "operator" or claim.again:
        return None
    if track.held:
        return f"{_named(claim)} while an operator holds it"
    if track.rejected:
        return f"{_named(claim)} although its consumer refused it for good"
    if track.retry_at is not None and claim.at + claim.skew < track.retry_at:
        if track.declined is not None and changed_since(claim, track.declined):
            return None
        no = f"{track.noes} times no" if track.declined is not None else f"{track.failures} failed calls"
        return f"{_named(claim)} before {track.retry_at}, after {no}"
    return None


def nothing_for_a_date_without_units(claim: ClaimCheck) -> str | None:
    """Without units nothing leaves but by an operator (behaviour 3, first row)."""
    if claim.reason == "operator" or claim.again or any(units != 0 for units in claim.units):
        return None
    return f"{_named(claim)} for a date without units"


ON_CLAIM = (
    no_two_claims_alive,
    no_second_dispatch_without_a_reason,
    no_generation_without_a_cause,
    nothing_for_a_date_without_units,
    nothing_while_it_must_rest,
    no_trigger_against_the_policy,
)


def _named(claim: ClaimCheck) -> str:
    return f"{claim.track.where} generation {claim.generation} claimed"


def _possible_views(claim: ClaimCheck) -> Iterator[View]:
    """Yield what the claimant may have seen: it read once at the earliest when it began, and then perhaps again."""
    run, total = claim.track.run, len(claim.track.run.heard)
    first = total if claim.handler.alone else claim.handler.heard.get(claim.key, 0)
    carried, held = _records_before(claim), _held(claim)
    for upto in range(total, first - 1, -1):
        reports = run.reports(*claim.transition.after, upto=upto)
        for units, over in product(claim.units, claim.over):
            rows, opened = claim.handler.rows, claim.before.get("opened_at")
            yield view(
                claim.policy, claim.transition, claim.key, reports, units, rows, carried, opened, over=over, held=held
            )


def _records_before(claim: ClaimCheck) -> dict[str, int | None] | None:
    grants = [grant for number, grant in claim.track.grants.items() if number in _taken(claim)]
    return dict(grants[-1].done) if grants and claim.reason != "operator" else None


def _taken(claim: ClaimCheck) -> set[int]:
    """Return the generations that were accepted: also one whose caller died, and whose service says that it is at work
    (behaviour D11)."""
    accepted = claim.before.get("carried") or {}
    return {*claim.track.marks, int(accepted.get("generation", 0))}


def _in_the_way(claim: ClaimCheck, seen: View) -> str:
    handler = claim.handler
    rows, percents = _readings(claim)
    gates = blocking(claim.policy, claim.transition, claim.key, seen, rows, percents)
    if gates:
        return f"blocked by {gates}, rows {rows}, percents {percents}"
    service = claim.transition.preflight
    if service is None or service in claim.trace.night.unset:
        return ""
    assert handler.instance is not None
    asked, fit = handler.instance.fit.get(service, (datetime.min.replace(tzinfo=claim.now.tzinfo), False))
    if not fit or claim.now - asked > FIT_FOR + (claim.now - handler.started):
        return f"{service} was {'asked too long ago' if fit else 'not fit'}"
    return ""


def _readings(claim: ClaimCheck) -> tuple[dict[str, int | None], dict[str, float | None]]:
    """Return what the claimant read; what a sweep does not ask a warehouse that hung is unreadable."""
    handler = claim.handler
    if not handler.in_vain:
        return handler.rows, handler.percents
    tables = (table for processor in claim.policy.awaited[claim.transition.name].values() for table in processor.tables)
    return {**dict.fromkeys(tables), **handler.rows}, {**dict.fromkeys(claim.policy.gates), **handler.percents}


def _held(claim: ClaimCheck) -> dict[str, frozenset[str] | None]:
    """Return the units that the claimant read in tables; what is not asked of a warehouse that hung is unreadable."""
    handler = claim.handler
    if not handler.in_vain:
        return handler.held
    jobs = (part.name for processor in claim.policy.awaited[claim.transition.name].values() for part in processor.parts)
    return {**dict.fromkeys(jobs), **handler.held}


def _as_planned(claim: ClaimCheck, seen: View) -> str:
    """Compare what the plan says is done and missing with what was recorded."""
    plan = claim.after["plan"]
    if set(plan["missing"]) != seen.missing:
        return f"missing is {sorted(seen.missing)}, the plan says {plan['missing']}"
    if dict(plan["completed"]) != dict(seen.done):
        return f"done is {dict(seen.done)}, the plan says {plan['completed']}"
    return ""


def _grant(claim: ClaimCheck, seen: View) -> None:
    missing = tuple(sorted(seen.missing))
    read = {**claim.handler.rows, **claim.handler.percents}
    claim.track.grants[claim.generation] = Grant(
        claim.generation, claim.reason, dict(seen.done), missing, claim.at, read
    )


def _by_operator(claim: ClaimCheck) -> str | None:
    by_hand = {number for number, grant in claim.track.grants.items() if grant.reason == "operator"}
    if len(by_hand | {claim.generation}) > claim.track.requests:
        return f"{_named(claim)} for an operator, who asked {claim.track.requests} times"
    plan = claim.after["plan"]
    missing = tuple(plan["missing"])
    claim.track.grants[claim.generation] = Grant(
        claim.generation, "operator", dict(plan["completed"]), missing, claim.at
    )
    return None


def _by_refresh(claim: ClaimCheck) -> str | None:
    refresh, track = claim.transition.refresh, claim.track
    sent = [
        grant
        for number, grant in track.grants.items()
        if number != claim.generation and (number in _taken(claim) or track.channels(number))
    ]
    if not sent:
        return f"{_named(claim)} as a refresh of nothing"
    before = [grant for grant in sent if grant.reason == "refresh"]
    window = max((grant.at for grant in sent if grant.reason != "refresh"), default=claim.at)
    if sum(grant.at >= window for grant in before) >= (1 if refresh is None else refresh.at_most):
        return f"{_named(claim)} as refresh number {len(before) + 1}"
    # The day of the trigger is that of its first dispatch, which may come a midnight after its claim.
    began = max(
        (track.marks.get(grant.generation, [grant.at])[0] for grant in sent if grant.at == window), default=window
    )
    until = None if refresh is None else instant(claim.policy.local(began).date(), refresh.until, claim.policy.zone)
    if until is not None and claim.now - claim.skew > until:
        return f"{_named(claim)} as a refresh after {until}"
    return _with_cause(claim, sent[-1], None if refresh is None else refresh.min_growth_percent)


def _with_cause(claim: ClaimCheck, carried: Grant, percent: float | None) -> str | None:
    """Something grew or came where a refresh waits for that, or what was started refused and an input has changed."""
    why = NOT_READY
    for seen in _possible_views(claim):
        came = seen.done.keys() & set(carried.missing)
        grew = {name for name, records in seen.done.items() if _grew(carried.done.get(name), records, percent or 0)}
        has_cause = percent is not None and (came or grew)
        if not has_cause and not _after_refusal(claim, carried):
            why = f"nothing grew or came: {dict(seen.done)} after {dict(carried.done)}"
            continue
        why = _in_the_way(claim, seen) or _as_planned(claim, seen)
        if not why:
            _grant(claim, seen)
            return None
    return f"{_named(claim)} as a refresh: {why}"


def _after_refusal(claim: ClaimCheck, carried: Grant) -> bool:
    """True if the latest generation was refused, and what it was made from has been reported or counted anew."""
    track, run = claim.track, claim.track.run
    marked = track.marks.get(carried.generation)
    if not marked and carried.generation not in _taken(claim):
        return False
    # What its service's own word has proven was dispatched when it was called (behaviour D11).
    since = (marked[0] if marked else claim.before["dispatched_at"]) - 2 * claim.skew
    if not refused(claim.policy, claim.transition, run, carried.generation, since):
        return False
    heard = any(report.phase in claim.transition.after and report.at >= since for report in run.heard)
    return heard or {**claim.handler.rows, **claim.handler.percents} != carried.read


def _grew(before: int | None, now: int | None, percent: float) -> bool:
    if before is None or now is None:
        return False
    return now > before and (now - before) * 100 >= percent * before
