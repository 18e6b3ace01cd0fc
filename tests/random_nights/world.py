"""The world of a random night: it hears of every effect, writes it down, has it checked, and reacts to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from shared.app.state.learned import path_of
from shared.core.learning.learned import Learned
from shared.core.model import Lane, RunKey
from shared.core.policy.policy import Policy
from shared.documents import to_data
from shared.ports import Message, Notice, Row
from tests.random_nights.case import CaseMessage, Night
from tests.random_nights.claim_safety import ON_CLAIM, ClaimCheck
from tests.random_nights.closing import (
    closed_only_when_over,
    closing_is_no_recovery,
    no_end_without_its_word,
)
from tests.random_nights.declining import ASKED_AGAIN, declined_by
from tests.random_nights.fault_injector import FaultInjector, Handler
from tests.random_nights.memory import SharingStore
from tests.random_nights.opening import RerunCall, nothing_is_asked_too_soon
from tests.random_nights.pausing import (
    nothing_is_claimed_inside_a_pause,
    nothing_is_repaired_inside_a_pause,
)
from tests.random_nights.ports import NO_ANSWER, Truth
from tests.random_nights.repair_safety import (
    inferred_only_when_silent,
    past_is_repaired_when_it_is_past,
    reruns_are_bounded,
)
from tests.random_nights.safety import (
    ON_DEPARTURE,
    ON_MARK,
    DispatchCheck,
    StateChangeCheck,
    as_grave_as_promised,
    nobody_is_asked_twice_while_at_work,
    nobody_is_woken_in_vain,
    remember,
    said_once_per_episode,
    writes_stay_in_their_run,
)
from tests.random_nights.trace import Call, Data, Heard, Rerun, RunTrace, Trace, Track, dispatch_of, key_of
from tests.random_nights.units import missing_units_are_named
from tests.random_nights.waiting import nothing_is_claimed_before_another_run

Start = Callable[[RunKey, str, int, datetime], None]
Repair = Callable[[RunKey, str, list[str], datetime], None]
AFTER_FAILURE = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15))


class NightWorld:
    """Listens to the ports. ``start`` and ``repair`` are called when a dispatch or a rerun reaches a phase."""

    def __init__(
        self,
        policy: Policy,
        night: Night,
        truth: Truth,
        stage: FaultInjector,
        start: Start,
        repair: Repair,
        store: SharingStore | None = None,
    ) -> None:
        self.policy, self.night, self.truth, self.stage = policy, night, truth, stage
        self.trace, self.inner = Trace(night), store or SharingStore()
        self.mutations = 0
        self._start, self._repair = start, repair

    def teach(self, learned: Learned) -> None:
        """Let this be known of past nights before anything happens."""
        self.trace.learned = learned
        self.inner.create(path_of(self.policy.pipeline), to_data(learned))

    def requested(self, argv: tuple[str, ...]) -> None:
        """An operator asks for a generation: `trigger TRANSITION DATE --mode MODE ...`."""
        lane = Lane.BACKFILL if "backfill" in argv else Lane.LIVE
        key = RunKey(self.policy.pipeline, date.fromisoformat(argv[2]), argv[4], lane)
        self.trace.run(key).track(argv[1]).requests += 1

    def wrote(self, handler: Handler, path: str, data: Data | None) -> None:
        self._wrong(writes_stay_in_their_run.__name__, writes_stay_in_their_run(self.trace, handler, path))
        kind, _, rest = path.partition("/")
        if kind in ("locks", "sweeps", "digests", "learned", "objectives") or data is None:
            return
        self.mutations += 1
        match kind:
            case "runs":
                self._run(handler, path, rest, data)
            case "alerts":
                self._alert(handler, rest, data)
            case "pauses":
                self.trace.pauses.wrote(data, self.stage.true_now())
            case "quarantine":
                self.trace.quarantined |= {name for body in data.get("bodies", ()) for name in body["message_ids"]}

    def inserted(self, handler: Handler, table: str, rows: Sequence[Row]) -> None:
        if table != "phase_completions":
            return
        self.trace.recorded |= {str(row.columns["message_id"]) for row in rows}
        if handler.letter is not None:
            self.trace.only_recorded.setdefault(handler.letter.id, handler.started)

    def published(self, handler: Handler, topic: str, message: Message, *, delivered: bool) -> None:
        self._depart(handler, _named(handler, message.body), "topic", delivered=delivered)

    def publishing_ended(self, handler: Handler, topic: str, messages: Sequence[Message], *, has_answer: bool) -> None:
        if has_answer and messages:
            trigger_id = str(_named(handler, messages[0].body)["trigger_id"])
            handler.accepted.setdefault(trigger_id, set()).add("topic")

    def called(self, handler: Handler, body: Mapping[str, Any], status: int, *, has_answer: bool) -> None:
        if body.get("repair") is True:
            if status == 200:
                self._mend(handler, body, has_answer=has_answer)
            return
        body = _named(handler, body)
        key = _key(body)
        track = self.trace.run(key).track(str(body["transition"]))
        self._called(handler, track, int(body["generation"]), unanswered=status == NO_ANSWER or not has_answer)
        if status == 200:
            self._depart(handler, body, "http", delivered=True)
        if status == 200 and has_answer:
            handler.accepted.setdefault(str(body["trigger_id"]), set()).add("http")
            track.called.add(int(body["generation"]))
            handler.call_failed = False
        elif status in (NO_ANSWER, 200) or status >= 500:
            handler.call_failed = True
        else:
            handler.call_refused = True

    def declined(self, handler: Handler, body: Mapping[str, Any]) -> None:
        """A call was answered no: it came to nothing, and its caller knows it."""
        if body.get("repair") is not True:
            handler.call_failed, handler.call_declined = False, True
            body = _named(handler, body)
            track = self.trace.run(_key(body)).track(str(body["transition"]))
            self._called(handler, track, int(body["generation"]), unanswered=False)

    def _called(self, handler: Handler, track: Track, generation: int, *, unanswered: bool) -> None:
        call = Call(generation, self.stage.true_now(), handler, unanswered)
        confirm = self.policy.transitions[track.name].confirm
        twice = nobody_is_asked_twice_while_at_work(track, confirm, call, self.night.manner.skew)
        self._wrong(nobody_is_asked_twice_while_at_work.__name__, twice)
        track.call = call

    def alerted(self, handler: Handler, notice: Notice, *, has_answer: bool) -> None:
        at = self.stage.true_now()
        where = notice.text.removeprefix("over: ").partition(":")[0]
        repeat = self.policy.alerts.repeat_after
        again = said_once_per_episode(self.trace, handler, notice, at, repeat)
        self._wrong(said_once_per_episode.__name__, again)
        self._wrong(nobody_is_woken_in_vain.__name__, nobody_is_woken_in_vain(self.trace, notice, where))
        self._wrong(as_grave_as_promised.__name__, as_grave_as_promised(notice, where))
        self._wrong(closing_is_no_recovery.__name__, closing_is_no_recovery(self.policy, self.trace, notice, where))
        remember(self.trace, handler, notice, where, at, has_answer=has_answer)
        kind = "resolved" if notice.resolved else "alert"
        self.stage.note(kind, f"{notice.severity} {notice.kind}: {notice.text.splitlines()[0]} (by {handler.name})")

    def _run(self, handler: Handler, path: str, rest: str, data: Data) -> None:
        segment, _, below = rest.partition("/")
        run = self.trace.run(key_of(segment))
        kind, _, name = below.partition("/")
        match kind:
            case "":
                before, run.data = run.data, data
                if before.get("closed_at") is None and data.get("closed_at") is not None:
                    self._wrong(closed_only_when_over.__name__, closed_only_when_over(self.policy, run))
                    last_word = no_end_without_its_word(self.policy, self.trace, run)
                    self._wrong(no_end_without_its_word.__name__, last_word)
            case "completions":
                self.trace.completions[path] = data
                self._completion(handler, run, data)
            case "transitions":
                self._transition(handler, run.track(name), data)

    def _completion(self, handler: Handler, run: RunTrace, data: Data) -> None:
        """Count a report as recorded: the handler's own at its first write, or one a sweep brought or inferred."""
        at, letter, latest = self.stage.true_now(), handler.letter, data.get("latest")
        if letter is not None:
            if run.key in self.trace.homes(letter) and letter.id not in run.ids:
                run.hear(_heard(run, letter, handler.started, at))
            return
        for message_id in data.get("message_ids", ()):
            if message_id in run.ids:
                continue
            brought = self.trace.letters.get(message_id)
            if brought is not None:
                run.hear(_heard(run, brought, self.trace.only_recorded[message_id], at))
            elif latest is not None and latest["outcome"] == "inferred":
                now = latest["received_at"]
                silent = inferred_only_when_silent(
                    self.policy, self.truth, self.trace, run, data["phase"], data["processor"], now
                )
                self._wrong(inferred_only_when_silent.__name__, silent)
                run.hear(
                    Heard(
                        len(run.heard), data["phase"], data["processor"], "inferred", latest.get("records"), None, now,
                        now, at, message_id,
                    )
                )  # fmt: skip

    def _transition(self, handler: Handler, track: Track, data: Data) -> None:
        before, track.data = track.data, data
        at = self.stage.true_now()
        if handler.argv:
            _meddled(handler, track)  # first: what the operator's own dispatch then meets stands
        claim = data.get("claim")
        if claim is not None and claim["owner"] != (before.get("claim") or {}).get("owner"):
            self._claimed(handler, track, before, data, at)
        else:
            self._marked(handler, track, before, data, at)
        self.stage.note("state", f"{track.where}: {data['state']} generation {data['generation']} by {handler.name}")

    def _claimed(self, handler: Handler, track: Track, before: Data, data: Data, at: datetime) -> None:
        now = self.stage.clock.now()
        over = (True, False) if self.truth.over else (False,)
        units = self._units(track, handler)
        claim = ClaimCheck(self.policy, self.trace, track, handler, before, data, now, at, units, over)
        for check in (*ON_CLAIM, nothing_is_claimed_inside_a_pause, nothing_is_claimed_before_another_run):
            self._wrong(check.__name__, check(claim))
        handler.claims[track.run.key, track.name] = claim.generation
        handler.claimed = _fields(track, data)
        handler.call_failed = handler.call_refused = handler.call_declined = False
        track.claimed_at = at
        track.first_claim.setdefault(claim.generation, at)

    def _marked(self, handler: Handler, track: Track, before: Data, data: Data, at: datetime) -> None:
        marking = StateChangeCheck(self.trace, track, self.policy.transitions[track.name], handler, before, data, at)
        for check in ON_MARK:
            self._wrong(check.__name__, check(marking))
        if data.get("claim") is not None and data["steps_proven"] > before.get("steps_proven", 0):
            track.claimed_at = at  # an accepted step renews the lease
        if before.get("state") != "claimed" or data.get("claim") is not None:
            return
        generation = int(data["generation"])
        if data.get("unproven") is not None:
            track.noes, track.declined = 0, None  # nobody knows what was answered: the next no is the first
        if dispatch_of(data) != dispatch_of(before):
            track.marks.setdefault(generation, []).append(at)
            track.failures, track.retry_at, track.failing_since = 0, None, None
            track.noes, track.declined = 0, None
        elif handler.call_refused:
            track.rejected = True
        elif handler.call_declined:
            wait = ASKED_AGAIN[min(track.noes, len(ASKED_AGAIN) - 1)]
            track.noes, track.retry_at, track.declined = track.noes + 1, at + wait, declined_by(handler, before, at)
            track.failures, track.failing_since = 0, None
        elif handler.call_failed:
            wait = AFTER_FAILURE[min(track.failures, len(AFTER_FAILURE) - 1)]
            track.failures, track.retry_at = track.failures + 1, at + wait
            track.failing_since = track.failing_since or at
            track.noes, track.declined = 0, None
        elif data.get("failure") is not None:
            track.retry_at = at  # of a publication: at once, by the clock of whoever published

    def _units(self, track: Track, handler: Handler) -> tuple[int | None, ...]:
        """Return what the claimant may have taken for the units of the date: what its run knew, or what it was told."""
        units = track.run.data.get("units")
        totals = [units["total"]] if units is not None else [handler.units] if handler.units_asked else [None]
        changed = any(fact.units is not None for fact in self.night.facts)
        return tuple({*totals, self.truth.units, self.night.units}) if changed else tuple(totals)

    def _alert(self, handler: Handler, fingerprint: str, data: Data) -> None:
        before, self.trace.alerts[fingerprint] = self.trace.alerts.get(fingerprint, {}), data
        unnamed = missing_units_are_named(self.truth, handler, before, data)
        self._wrong(missing_units_are_named.__name__, unnamed)
        lease, sending = data.get("sending_until"), self.trace.sending.setdefault(fingerprint, [])
        if lease is not None and lease != before.get("sending_until"):
            sending.append(handler)
        elif lease is None and not data["pending"]:
            sending.clear()  # it was taken, or there is nothing to send
        elif lease is None and handler in sending:
            sending.remove(handler)
        alert = self.trace.said.get(fingerprint)
        if alert is not None and alert.unmarked is handler:
            alert.unmarked = None

    def _depart(self, handler: Handler, body: Mapping[str, Any], channel: str, *, delivered: bool) -> None:
        transition = self.policy.transitions[str(body["transition"])]
        key, at = _key(body), self.stage.true_now()
        track = self.trace.run(key).track(transition.name)
        leaving = DispatchCheck(self.trace, track, transition, handler, body, at)
        for check in ON_DEPARTURE:
            self._wrong(check.__name__, check(leaving))
        track.leave(leaving.generation, channel, at, handler)
        lost = "" if delivered else " (accepted, and lost)"
        self.stage.note("dispatch", f"{body['trigger_id']} attempt {body['attempt']} by {channel}{lost}")
        if delivered:
            self._start(key, transition.starts, leaving.generation, at)

    def _mend(self, handler: Handler, body: Mapping[str, Any], *, has_answer: bool) -> None:
        key, phase, at = _key(body), str(body["phase"]), self.stage.true_now()
        if not handler.argv:
            waiting = [transition.name for transition in self.policy.after(phase) if key.mode in transition.expects]
            tracks = [self.trace.run(key).track(name) for name in waiting]
            wrong = reruns_are_bounded(self.trace, key, tracks, self.policy.repairs, phase, at)
            self._wrong(reruns_are_bounded.__name__, wrong)
            past = past_is_repaired_when_it_is_past(self.policy, self.trace, key, phase, at)
            self._wrong(past_is_repaired_when_it_is_past.__name__, past)
            inside = nothing_is_repaired_inside_a_pause(self.trace, handler, key.mode, tracks)
            self._wrong(nothing_is_repaired_inside_a_pause.__name__, inside)
            if key.lane is Lane.LIVE:
                call = RerunCall(self.trace.run(key), phase, body.get("processors") or (), at)
                soon = nothing_is_asked_too_soon(self.policy, self.trace, self.truth, call)
                self._wrong(nothing_is_asked_too_soon.__name__, soon)
            self.trace.reruns.setdefault((key, phase), []).append(Rerun(at, handler, has_answer))
        named = [str(name) for name in body.get("processors") or ()]
        self.stage.note("repair", f"{body['phase']} {body['mode']}: {', '.join(named)}")
        self._repair(key, phase, named, at)

    def _wrong(self, name: str, text: str | None) -> None:
        if text is not None:
            self.trace.wrong(name, text)
            self.stage.note("violation", f"{name}: {text}")


def _heard(run: RunTrace, letter: CaseMessage, received: datetime, at: datetime) -> Heard:
    published = letter.envelope.published
    return Heard(
        len(run.heard), letter.envelope.phase, letter.processor, letter.outcome, letter.records, letter.percent,
        min(letter.ended or published, published), received, at, letter.id, letter.trigger_id,
        b'"is_incremental": true' in letter.envelope.data, letter.source,
    )  # fmt: skip


def _key(body: Mapping[str, Any]) -> RunKey:
    lane = Lane(str(body.get("lane") or "live"))
    return RunKey(str(body.get("pipeline", "nba")), date.fromisoformat(str(body["game_date"])), str(body["mode"]), lane)


def _fields(track: Track, claimed: Data) -> dict[str, Any]:
    """Return the fields of a claimed trigger as its messages name them."""
    key, plan, generation = track.run.key, claimed["plan"], int(claimed["generation"])
    return {
        "trigger_id": key.trigger_id(track.name, generation),
        "generation": generation,
        "attempt": claimed["attempt"],
        "pipeline": key.pipeline,
        "transition": track.name,
        "mode": key.mode,
        "lane": key.lane.value,
        "game_date": key.day.isoformat(),
        "missing_processors": plan["missing"],
        "completed_processors": sorted(plan["completed"]),
        "degraded": bool(plan["missing"]),
    }


def _named(handler: Handler, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was sent; where that names no trigger (``plain: false``), with what its sender has claimed."""
    return body if "trigger_id" in body else {**body, **handler.claimed}


def _meddled(handler: Handler, track: Track) -> None:
    """Note what an operator's command has made of a transition, at its first write."""
    verb = handler.argv[0]
    if verb in ("trigger", "hold", "release"):
        track.held, track.rejected = verb == "hold", False
        track.failures, track.retry_at, track.failing_since = 0, None, None
