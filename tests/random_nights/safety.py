"""What must hold of every effect, asked as it happens; each returns what is wrong, None if nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core.policy.transitions import Confirm, ConfirmBy, Messages, Publication, Transition
from shared.ports import Notice
from tests.random_nights.case import CaseMessage
from tests.random_nights.fault_injector import Handler
from tests.random_nights.trace import AlertTrace, Call, Data, Trace, Track, age, dispatch_of

# These speak of the pipeline or of a processor, not of the state of a run.
OF_ANY_RUN = ("quarantine", "by_table", "error", "state_down", "both_down", "reconciled", "paused", "pause_goes_on",
                "pause_ended")  # fmt: skip
SEVERITIES = {
    "gate": "warning",
    "gate_warning": "warning",
    "failing": "warning",
    "under_minimum": "warning",
    "quarantine": "warning",
    "due_warning": "warning",
    "due_critical": "critical",
    "not_ended": "warning",
    "gate_overdue": "critical",
    "paused": "info",
    "pause_ended": "info",
    "held": "critical",
    "on_hold": "info",
    "preflight": "critical",
    "dispatch": "critical",
    "unconfirmed": "critical",
    "state_down": "critical",
    "late": "info",
    "overtaken": "info",
    "not_taken": "warning",
    "repair_not_taken": "warning",
    "repair_in_vain": "warning",
    "repair_fault": "critical",
}


@dataclass(frozen=True, slots=True)
class DispatchCheck:
    """A trigger message or call that was accepted."""

    trace: Trace
    track: Track
    transition: Transition
    handler: Handler
    body: Mapping[str, Any]
    at: datetime

    @property
    def generation(self) -> int:
        return int(self.body["generation"])


@dataclass(frozen=True, slots=True)
class StateChangeCheck:
    """A transition as it is written, by whom, and as it was."""

    trace: Trace
    track: Track
    transition: Transition
    handler: Handler
    before: Data
    after: Data
    at: datetime


def one_id_per_generation(leaving: DispatchCheck) -> str | None:
    """The trigger id is run, transition and generation, in whatever leaves (behaviour 1)."""
    key = leaving.track.run.key
    expected = f"{key.id}/{leaving.transition.name}/{leaving.generation}"
    if leaving.body["trigger_id"] != expected:
        return f"{leaving.body['trigger_id']} left for {expected}"
    return None


def only_the_holder_dispatches(leaving: DispatchCheck) -> str | None:
    """Nothing leaves but under the claim that this very handler wrote."""
    mine = leaving.handler.claims.get((leaving.track.run.key, leaving.transition.name))
    if mine != leaving.generation:
        return f"{leaving.body['trigger_id']} dispatched by {leaving.handler.name}, who claimed {mine or 'nothing'}"
    return None


def what_is_said_is_true(leaving: DispatchCheck) -> str | None:
    """The message names who was missing and done when its generation was claimed (behaviour 5)."""
    grant = leaving.track.grants.get(leaving.generation)
    if grant is None:
        return f"{leaving.body['trigger_id']} left and was never granted"
    body = leaving.body
    if set(body["missing_processors"]) != set(grant.missing) or body["degraded"] is not bool(grant.missing):
        return f"{body['trigger_id']} says missing {body['missing_processors']}, it is {list(grant.missing)}"
    if set(body["completed_processors"]) != set(grant.done):
        return f"{body['trigger_id']} says done {body['completed_processors']}, it is {sorted(grant.done)}"
    targets = (step.target for step in leaving.transition.all_steps)
    per_processor = any(isinstance(t, Publication) and t.messages is Messages.PER_PROCESSOR for t in targets)
    if per_processor and grant.done and body.get("processor_name", "") not in {"", *grant.done}:
        return f"{body['trigger_id']} speaks for {body['processor_name']}, who is not done"
    return None


def nobody_is_asked_twice_while_at_work(track: Track, confirm: Confirm, call: Call, skew: timedelta) -> str | None:
    """A service that did not answer in time may be at work: for `confirm.within` only an operator calls again (D11).

    Who died, or could not write down that nobody answered, left a claim of which the next one knows no more.
    """
    before = track.call
    if before is None or not before.unanswered or before.generation != call.generation or call.handler.argv:
        return None
    if before.handler.dead or before.handler.failed or call.at + skew >= before.at + confirm.within:
        return None
    return f"{track.where} generation {call.generation} called again {call.at - before.at} after a call without answer"


def backfill_stays_in_its_lane(leaving: DispatchCheck) -> str | None:
    """What a handler of one run's message sends is that run's (issue: lanes)."""
    letter = leaving.handler.letter
    homes = frozenset() if letter is None else leaving.trace.homes(letter)
    if letter is not None and letter.key is not None and leaving.track.run.key not in homes:
        return f"{leaving.body['trigger_id']} dispatched by a message of {letter.key.id}"
    return None


ON_DEPARTURE = (one_id_per_generation, only_the_holder_dispatches, what_is_said_is_true, backfill_stays_in_its_lane)


def marked_only_when_accepted(marking: StateChangeCheck) -> str | None:
    """Dispatched is written only by who holds the answers of all that had to leave (D3), or the word of the service
    that it is at work (D11)."""
    if marking.after["state"] != "dispatched" or marking.before.get("state") != "claimed":
        return None
    if dispatch_of(marking.after) == dispatch_of(marking.before):
        return None  # released after a failed repetition
    trigger_id = marking.track.run.key.trigger_id(marking.track.name, int(marking.after["generation"]))
    targets = marking.handler.accepted.get(trigger_id, set())
    proven = any(call.service in marking.handler.at_work for call in marking.transition.calls)
    called = {"http"} if proven or int(marking.after["generation"]) in marking.track.called else set()
    needs = {"topic" if isinstance(step.target, Publication) else "http" for step in marking.transition.dispatch.steps}
    if not needs <= targets | called:
        return f"{trigger_id} marked dispatched, accepted were only {sorted(targets)}"
    return None


def confirmed_only_when_begun(marking: StateChangeCheck) -> str | None:
    """A first report confirms: one that came after the dispatch, and a claim only one that names its trigger (D7)."""
    if marking.after["state"] != "confirmed" or marking.before.get("state") not in ("claimed", "dispatched"):
        return None
    if marking.after.get("confirmed_at") == marking.before.get("confirmed_at"):
        return None  # back to the generation before
    generation = int(marking.after["generation"])
    if marking.transition.confirm.by is not ConfirmBy.FIRST_REPORT:
        was_dispatched = marking.before.get("state") == "dispatched"
        return (
            None
            if was_dispatched
            else f"{marking.track.where} generation {generation} confirmed before it was dispatched"
        )
    carried = marking.before.get("carried") or {}
    if marking.before.get("state") == "claimed" and carried.get("generation") != generation:
        trigger_id = marking.track.run.key.trigger_id(marking.track.name, generation)
        named = marking.track.run.named(marking.transition.starts, trigger_id)
        return None if named else f"{trigger_id} confirmed while claimed, and no report names it"
    since = marking.track.first_claim.get(generation, marking.at) - marking.trace.night.manner.skew
    if not marking.track.run.began(marking.transition.starts, since):
        return f"{marking.track.where} generation {generation} confirmed, {marking.transition.starts} has not begun"
    return None


def a_clock_begins_once_and_with_a_report(marking: StateChangeCheck) -> str | None:
    """When the clock is remembered to have begun is the receipt of a report, and never moves (behaviour R7)."""
    before, after = marking.before.get("opened_at"), marking.after.get("opened_at")
    if after == before:
        return None
    if before is not None:
        return f"{marking.track.where}: its clock, which began {before}, is moved to {after}"
    heard = [report for report in marking.track.run.heard if report.phase in marking.transition.after]
    if not any(report.received == after and report.outcome != "started" for report in heard):
        return f"{marking.track.where}: its clock begins {after}, when nothing was reported"
    return None


ON_MARK = (marked_only_when_accepted, confirmed_only_when_begun, a_clock_begins_once_and_with_a_report)


def writes_stay_in_their_run(book: Trace, handler: Handler, path: str) -> str | None:
    """A message touches its own run and nobody else's, a look that is to change nothing changes nothing."""
    if handler.dry and not path.startswith("locks/"):
        return f"a dry run wrote {path}"
    letter = handler.letter
    if letter is None or not path.startswith("runs/"):
        return None
    own = ["runs/" + key.id.replace("/", "~") for key in sorted(book.homes(letter))]
    if not any(path == run_path or path.startswith(run_path + "/") for run_path in own):
        return f"{handler.name} of {' or '.join(own) or 'no run'} wrote {path}"
    return None


def said_once_per_episode(book: Trace, handler: Handler, notice: Notice, at: datetime, repeat: Any) -> str | None:
    """Between two notices of one fingerprint lies its end, or the time after which it is said again (A2).

    A repetition, or an end of what nobody has heard, is nobody's fault if who was to say it could not write down what
    became of that (A3).
    """
    alert = book.said.get(notice.fingerprint)
    if (
        notice.kind == "state_down"
        or (alert is not None and _never_written(alert))
        or book.in_doubt(notice.fingerprint)
    ):
        return None
    if notice.resolved:
        return None if alert is not None and alert.firing else f"{notice.fingerprint} is over and was never said"
    if alert is None or not alert.firing:
        return None
    if age(alert.at, at) + book.night.manner.skew >= repeat:
        return None
    return f"{notice.fingerprint} said again after {at - alert.at}: {notice.text.splitlines()[0]}"


def _never_written(alert: AlertTrace) -> bool:
    who = alert.unmarked
    return alert.doubted or (who is not None and (who.failed or who.dead))


def nobody_is_woken_in_vain(book: Trace, notice: Notice, where: str) -> str | None:
    """Backfill raises nothing above info, a date known to be without units nothing at all (A3, T3)."""
    if notice.kind in OF_ANY_RUN:
        return None
    if "/backfill" in where and notice.severity != "info":
        return f"{notice.severity} for {where}: {notice.text.splitlines()[0]}"
    night = book.night
    blind = any(outage.port in ("warehouse", "state") for outage in night.outages) or any(f.units for f in night.facts)
    if night.units == 0 and not blind and not notice.resolved:
        return f"{notice.severity} on a date without units: {notice.text.splitlines()[0]}"
    return None


def as_grave_as_promised(notice: Notice, where: str) -> str | None:
    """Severity picks the channel: what is critical must not come as a warning (A5)."""
    promised = SEVERITIES.get(notice.kind)
    if promised is None or "/backfill" in where or notice.severity == promised:
        return None
    return f"{notice.kind} of {where} is {notice.severity}, not {promised}"


def no_message_is_lost(book: Trace, letter: CaseMessage) -> str | None:
    """What is acknowledged was counted, superseded, kept in quarantine, or empty (R1)."""
    if letter.probe:
        return None
    if letter.key is None:
        return None if letter.id in book.quarantined else f"message {letter.id} acknowledged, not in quarantine"
    place = f"completions/{letter.envelope.phase}.{letter.processor}"
    paths = [f"runs/{key.id.replace('/', '~')}/{place}" for key in sorted(book.homes(letter))]
    if not any(letter.id in book.completions.get(path, {}).get("message_ids", ()) for path in paths):
        return f"message {letter.id} acknowledged, {' and '.join(paths)} do not know it"
    return None


def remember(book: Trace, handler: Handler, notice: Notice, where: str, at: datetime, *, has_answer: bool) -> None:
    """Keep what people have now been told."""
    book.said[notice.fingerprint] = AlertTrace(notice.kind, where, not notice.resolved, at, handler, not has_answer)
