"""What self-heal may do, asked when it does it (behaviour 9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.calendar import due_at, working_day
from shared.core.model import Lane, RunKey
from shared.core.policy.phases import Need, Processor
from shared.core.policy.policy import Policy, Repairs
from shared.core.repairs import UNKNOWN
from tests.random_nights.adapting import in_force
from tests.random_nights.oracle_of_one import floor_of
from tests.random_nights.ports import Truth
from tests.random_nights.trace import RunTrace, Trace, Track

# Cooldown, the next look at the past, and a sweep that comes late.
TO_BE_TOLD = timedelta(hours=6)


def reruns_are_bounded(
    book: Trace, run: RunKey, waiting: Sequence[Track], limit: Repairs, phase: str, at: datetime
) -> str | None:
    """A phase of a date is started again so many times at most, in both lanes together, a cooldown apart, and never
    once all that waits for it has gone on.

    A start that nobody heard of counts for nothing, and lasts as long as an outage does (behaviour D11).
    """
    lanes = (replace(run, lane=Lane.LIVE), replace(run, lane=Lane.BACKFILL))
    before = sorted((rerun for key in lanes for rerun in book.reruns.get((key, phase), [])), key=lambda rerun: rerun.at)
    heard = [rerun for rerun in before if rerun.heard]
    what = f"{run.id} {phase} asked to run again"
    if waiting and all(track.state in ("dispatched", "confirmed", "claimed") for track in waiting):
        return f"{what} although {', '.join(track.name for track in waiting)} went on"
    if len(heard) >= limit.max_attempts:
        return f"{what} for the {len(heard) + 1}th time"
    if before:
        last = before[-1]
        apart = limit.cooldown if last.heard else UNKNOWN
        if at - last.at + book.night.manner.skew < apart:
            return f"{what} {at - last.at} after the last time"
    return None


def past_is_repaired_when_it_is_past(policy: Policy, book: Trace, run: RunKey, phase: str, at: datetime) -> str | None:
    """In the backfill lane is asked for what a closed live run of the last 14 dates went without: its own units are
    final, something that waits for the phase never went in it, and the phase was not kept back by a gate."""
    if run.lane is Lane.LIVE:
        return None
    live, what = book.run(replace(run, lane=Lane.LIVE)), f"{run.id} {phase} asked to run again"
    closed_at = live.data.get("closed_at")
    if closed_at is None or closed_at > at + book.night.manner.skew:
        return f"{what} while its live run is open"
    if run.mode not in policy.repaired_modes or (policy.local(at).date() - run.day).days > 14:
        return f"{what}, which no repair reaches back to"
    waiting = [live.track(transition.name) for transition in policy.after(phase) if run.mode in transition.expects]
    if all(track.data.get("carried") is not None for track in waiting):
        return f"{what} although {', '.join(track.name for track in waiting)} went in its live run"
    starting = policy.starting(phase)
    if starting is not None and run.mode in starting.expects:
        both = live.track(starting.name), book.run(run).track(starting.name)
        started = any(track.data.get("carried") or track.data.get("unproven") for track in both)
        if not started and any(track.state in ("blocked", "held") for track in both):
            return f"{what} around {starting.name}, which was blocked or held"
    return None


def every_past_repair_is_told(policy: Policy, book: Trace) -> Iterator[str]:
    """What came of an accepted repair of a closed run has been said: it brought what it was to bring, or did not."""
    alerts = {(alert["kind"], alert["subject"]) for alert in book.alerts.values()}
    for run in [run for run in book.runs.values() if run.key.lane is Lane.LIVE and run.data.get("closed_at")]:
        past = book.run(replace(run.key, lane=Lane.BACKFILL))
        for phase, log in run.data.get("repairs", {}).items():
            at, subject = log["accepted_at"], f"{run.key.day}/{run.key.mode}/{phase}"
            if at is None or at < run.data["closed_at"] or at + TO_BE_TOLD > book.night.end:
                continue
            waiting = [
                past.track(transition.name).data
                for transition in policy.after(phase)
                if run.key.mode in transition.expects
            ]
            went = [data["triggered_at"] for data in waiting if data.get("carried")]
            if any(then + TO_BE_TOLD <= book.night.end for then in went) and ("past_repaired", subject) not in alerts:
                yield f"{run.key.id} {phase} was repaired, and nobody was told"
            stopped = any(data.get("state") in ("blocked", "claimed", "held") for data in waiting)
            spent = log["attempts"] >= policy.repairs.max_attempts and not went and not stopped
            if spent and ("past_repair_in_vain", subject) not in alerts:
                yield f"{run.key.id} {phase} was asked for in vain, and nobody was told"


def inferred_only_when_silent(
    policy: Policy, truth: Truth, book: Trace, run: RunTrace, phase: str, name: str, now: datetime
) -> str | None:
    """Taken as completed is a required processor that said nothing, past its due time, whose table is full."""
    processor, waiting = policy.phases[phase].processors[name], policy.after(phase)
    what = f"{run.key.id} {name} inferred"
    expected = [
        in_force(book.learned, transition, run.key) for transition in waiting if run.key.mode in transition.expects
    ]
    requiring = [expectation for expectation in expected if name in expectation.required]
    if not requiring or run.key.lane is Lane.BACKFILL:
        return f"{what} and not required"
    dues = [
        due_at(run.key, expectation.due.warning, policy) for expectation in requiring if expectation.due is not None
    ]
    due = min((at for at in dues if at is not None), default=None)
    if due is None or now < due or policy.local(now).date() != working_day(run.key, policy):
        return f"{what} at {now}, it is due at {due}"
    if any(heard.outcome != "started" for heard in run.by_processor.get((phase, name), [])):
        return f"{what} although it has reported"
    parts = [part for part in processor.parts if part.table is not None]
    filled = [part for part in parts if not _lacks(part, truth)]
    if len(filled) < (len(parts) if processor.need is Need.ALL else 1):
        return f"{what}: {'; '.join(_lacks(part, truth) for part in parts)}"
    return None


def _lacks(part: Processor, truth: Truth) -> str:
    """Return what a table lacks of the date, "" if nothing."""
    rows, names = truth.rows.get(part.table or "", 0), set(truth.names)
    if rows < max(1, floor_of(part, truth.units) or 0):
        return f"{rows} rows in {part.table}"
    missing = names - truth.held(part.table or "", part.min_records_per_unit or 1) if part.units else set()
    return f"no {sorted(missing)} in {part.table}" if missing else ""
