"""Whether what happened is what was expected, and what a person should be told where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.severity import Severity
from shared.simulation.batches.judge import judge_batch, judge_published, judge_requests
from shared.simulation.expectations import (
    AlertExpected,
    AnnouncedExpected,
    BatchExpected,
    CallsExpected,
    DispatchesExpected,
    ExitExpected,
    Expected,
    NoAlertExpected,
    NotResolvedExpected,
    NoTriggerExpected,
    Of,
    PublishedExpected,
    QuarantinedExpected,
    RecordedExpected,
    RepairExpected,
    RequestsExpected,
    ResolvedExpected,
    ResponseExpected,
    RunExpected,
    RunsExpected,
    ScrapeExpected,
    SentExpected,
    TriggerExpected,
    WorkflowExpected,
)
from shared.simulation.history import (
    CompletionSeen,
    Departure,
    History,
    RunSeen,
    Scrape,
    Sent,
    Trigger,
    Unclear,
    WorkflowSeen,
    dispatches,
)

SEVERITIES = tuple(Severity)
SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """One expectation judged; ``observed`` says what happened, even where it held."""

    expected: Expected
    passed: bool
    observed: str


def judge(expect: Iterable[Expected], history: History, zone: ZoneInfo) -> list[Verdict]:
    """Judge every expectation over the whole history; times are told in ``zone``."""
    judge_of = _Judge(history, zone)
    return [Verdict(expected, *judge_of.verdict(expected)) for expected in expect]


class _Judge:
    def __init__(self, history: History, zone: ZoneInfo) -> None:
        self.history, self.zone = history, zone

    def verdict(self, expected: Expected) -> tuple[bool, str]:
        match expected.meaning:
            case TriggerExpected() as meaning:
                return self.trigger(meaning)
            case DispatchesExpected() as meaning:
                return self.dispatches(meaning)
            case NoTriggerExpected() as meaning:
                return self.no_trigger(meaning)
            case RunExpected() as meaning:
                return self.run(meaning, expected.index)
            case AlertExpected() as meaning:
                return self.alert(meaning)
            case NoAlertExpected() as meaning:
                return self.no_alert(meaning)
            case ResolvedExpected() as meaning:
                return self.resolved(meaning)
            case NotResolvedExpected() as meaning:
                return self.not_resolved(meaning)
            case SentExpected() as meaning:
                return self.sent(meaning)
            case CallsExpected() as meaning:
                return self.calls(meaning)
            case QuarantinedExpected() as meaning:
                return self.quarantined(meaning)
            case RunsExpected() as meaning:
                return self.runs(meaning)
            case RepairExpected() as meaning:
                return self.repair(meaning)
            case ResponseExpected() as meaning:
                return self.response(meaning)
            case ExitExpected() as meaning:
                return self.exit(meaning)
            case RecordedExpected() as meaning:
                return self.recorded(meaning, expected.index)
            case WorkflowExpected() as meaning:
                return self.workflow(meaning, expected.index)
            case ScrapeExpected() as meaning:
                return self.scrape(meaning)
            case AnnouncedExpected() as meaning:
                return self.announced(meaning)
            case BatchExpected() as meaning:
                return judge_batch(meaning, self.history.seen.get(expected.index))
            case RequestsExpected() as meaning:
                return judge_requests(meaning, self.history, self.zone)
            case PublishedExpected() as meaning:
                return judge_published(meaning, self.history, self.zone)

    def trigger(self, meaning: TriggerExpected) -> tuple[bool, str]:
        triggers = self.history.triggers(self._departures(meaning.transition, meaning.of))
        if meaning.generation is not None:
            triggers = [trigger for trigger in triggers if trigger.first.generation == meaning.generation]
        observed = f"{_times(len(triggers), 'trigger')}: {self._listed(map(self._trigger_text, triggers))}"
        if not triggers:
            return meaning.count == 0, self._none(meaning)
        first = triggers[0]
        runs = {(trigger.first.day, trigger.first.mode) for trigger in triggers}
        if len(runs) > 1 and (meaning.of.day is None or meaning.of.mode is None):
            return False, f"say which run is meant; {observed}"
        fits = len(triggers) == meaning.count and meaning.window.contains(first.at) and _carries(first, meaning)
        return fits, observed

    def dispatches(self, meaning: DispatchesExpected) -> tuple[bool, str]:
        sent = dispatches(self._departures(meaning.transition, meaning.of))
        texts = (f"{dispatch.trigger_id} attempt {dispatch.attempt} at {self._at(dispatch.at)}" for dispatch in sent)
        return len(sent) == meaning.count, f"{_times(len(sent), 'dispatch')}: {self._listed(texts)}"

    def no_trigger(self, meaning: NoTriggerExpected) -> tuple[bool, str]:
        triggers = self.history.triggers(self._departures(meaning.transition, meaning.of))
        early = [trigger for trigger in triggers if trigger.at <= meaning.until]
        if early:
            return False, f"triggered: {self._listed(map(self._trigger_text, early))}"
        return True, self._listed(map(self._trigger_text, triggers), "no trigger at all")

    def run(self, meaning: RunExpected, index: int) -> tuple[bool, str]:
        reading = self.history.seen.get(index)
        if not isinstance(reading, RunSeen):
            return False, reading.why if isinstance(reading, Unclear) else "was not looked at"
        fits = (
            meaning.state in (None, reading.state)
            and meaning.done in (None, len(reading.done))
            and meaning.missing in (None, reading.missing)
            and _holds(reading.text, meaning.decision)
        )
        done, missing = _named(reading.done), _named(reading.missing)
        return fits, f"{reading.state}; done {len(reading.done)}: {done}; missing: {missing}; {reading.text}"

    def alert(self, meaning: AlertExpected) -> tuple[bool, str]:
        alike = [
            notice
            for notice in self.history.notices
            if not notice.resolved and notice.severity == meaning.severity and _holds(notice.text, meaning.mentions)
        ]
        alerts = [alert for alert in alike if meaning.window.contains(alert.at)]
        fits = bool(alerts) if meaning.count is None else len(alerts) == meaning.count
        if alerts or fits:
            return fits, f"{_times(len(alerts), 'such alert')}: {self._listed(map(self._notice, alerts))}"
        if alike:
            return False, f"such alerts only outside that time: {self._listed(map(self._notice, alike))}"
        others = [
            notice for notice in self.history.notices if not notice.resolved and meaning.window.contains(notice.at)
        ]
        return False, f"no such alert; sent in that time: {self._listed(map(self._notice, others))}"

    def no_alert(self, meaning: NoAlertExpected) -> tuple[bool, str]:
        grave = SEVERITIES[SEVERITIES.index(meaning.severity) :]
        alerts = [
            notice
            for notice in self.history.notices
            if not notice.resolved
            and notice.severity in grave
            and meaning.window.contains(notice.at)
            and _holds(notice.text, meaning.mentions)
        ]
        return not alerts, f"{_times(len(alerts), 'such alert')}: {self._listed(map(self._notice, alerts))}"

    def resolved(self, meaning: ResolvedExpected) -> tuple[bool, str]:
        alike = [notice for notice in self.history.notices if notice.resolved and _holds(notice.text, meaning.mentions)]
        fits = any(meaning.window.contains(alert.at) for alert in alike)
        others = [notice for notice in self.history.notices if notice.resolved]
        shown = alike or others
        return fits, f"{_times(len(alike), 'such notice')}; recoveries: {self._listed(map(self._notice, shown))}"

    def not_resolved(self, meaning: NotResolvedExpected) -> tuple[bool, str]:
        recoveries = [
            notice
            for notice in self.history.notices
            if notice.resolved and meaning.window.contains(notice.at) and _holds(notice.text, meaning.mentions)
        ]
        observed = f"{_times(len(recoveries), 'such recovery')}: {self._listed(map(self._notice, recoveries))}"
        return not recoveries, observed

    def sent(self, meaning: SentExpected) -> tuple[bool, str]:
        departures = [d for d in self._departures(meaning.transition, meaning.of) if d.to == meaning.to]
        fits = any(_has_fields(departure.body, meaning) for departure in departures)
        texts = (f"{self._at(departure.at)} {json.dumps(departure.body, default=str)}" for departure in departures)
        return fits, f"{_times(len(departures), 'dispatch')} to {meaning.to}: {self._listed(texts)}"

    def calls(self, meaning: CallsExpected) -> tuple[bool, str]:
        alike = [c for c in self.history.calls if (c.service, c.path) == (meaning.service, meaning.path)]
        calls = [call for call in alike if meaning.window.contains(call.at)]
        observed = f"{len(calls)} in that time; all calls: {self._listed(self._at(call.at) for call in alike)}"
        return len(calls) == meaning.count, observed

    def quarantined(self, meaning: QuarantinedExpected) -> tuple[bool, str]:
        kept = self.history.quarantine
        messages = [message for message in kept if _holds(f"{message.reason}\n{message.raw}", meaning.mentions)]
        fits = bool(messages) if meaning.count is None else len(messages) == meaning.count
        texts = (f"{message.reason} <{message.raw[:120]}>" for message in (messages or kept))
        return fits, f"{len(messages)} of {len(kept)} in quarantine: {self._listed(texts)}"

    def runs(self, meaning: RunsExpected) -> tuple[bool, str]:
        runs = self.history.runs
        return len(runs) == meaning.count, f"{_times(len(runs), 'run')}: {self._listed(key.id for key in runs)}"

    def repair(self, meaning: RepairExpected) -> tuple[bool, str]:
        alike = [
            repair
            for repair in self.history.repairs
            if repair.phase == meaning.phase and meaning.day in (None, repair.day)
        ]
        repairs = [repair for repair in alike if meaning.window.contains(repair.at)]
        texts = (
            f"{repair.day} at {self._at(repair.at)} for {', '.join(repair.processors) or 'everything'}"
            for repair in alike
        )
        observed = f"{len(repairs)} in that time; all repairs of {meaning.phase}: {self._listed(texts)}"
        return len(repairs) == meaning.count, observed

    def response(self, meaning: ResponseExpected) -> tuple[bool, str]:
        answers = [answer for answer in self.history.answers if answer.function == meaning.function]
        if len(answers) < meaning.nth:
            return False, f"only {_times(len(answers), 'request')} to {meaning.function}"
        answer = answers[meaning.nth - 1]
        fits = meaning.status in (None, answer.status) and _holds(answer.body, meaning.contains)
        return fits, f"status {answer.status}: {answer.body[:1000]}"

    def exit(self, meaning: ExitExpected) -> tuple[bool, str]:
        exits = self.history.exits
        if len(exits) < meaning.nth:
            return False, f"only {_times(len(exits), 'operator command')}"
        ended = exits[meaning.nth - 1]
        fits = meaning.status in (None, ended.status) and _holds(ended.output, meaning.contains)
        return fits, f"exit {ended.status}: {ended.output[:1000]}"

    def recorded(self, meaning: RecordedExpected, index: int) -> tuple[bool, str]:
        reading = self.history.seen.get(index)
        if not isinstance(reading, CompletionSeen):
            return False, reading.why if isinstance(reading, Unclear) else "nothing is recorded of it in that run"
        fits = (
            meaning.outcome in (None, reading.outcome)
            and meaning.records in (None, reading.records)
            and meaning.superseded in (None, reading.superseded)
        )
        return fits, f"{reading.outcome}, records {reading.records}, {reading.superseded} superseded"

    def workflow(self, meaning: WorkflowExpected, index: int) -> tuple[bool, str]:
        reading = self.history.seen.get(index)
        if not isinstance(reading, WorkflowSeen):
            return False, "was not looked at"
        fits = (
            meaning.state in (None, reading.state)
            and meaning.count in (None, reading.count)
            and (meaning.reason is None or meaning.reason in reading.reason)
        )
        runs = f"{_times(reading.count, 'run')}: {reading.text}" if reading.count else "no run"
        return fits, f"{reading.state}; {runs}; latest decision: {reading.reason or 'none'}"

    def scrape(self, meaning: ScrapeExpected) -> tuple[bool, str]:
        alike = [
            call
            for call in self.history.scrapes
            if call.scraper == meaning.scraper
            and meaning.workflow in (None, call.workflow)
            and meaning.day in (None, call.day)
        ]
        calls = [call for call in alike if meaning.window.contains(call.at)]
        wrong = [call for call in calls if not _has_parameters(call, meaning)]
        targets = sorted({target for call in calls for target in call.targets})
        fits = len(calls) == meaning.count and not wrong
        if meaning.targets is not None:
            fits = fits and targets == sorted(set(meaning.targets))
        texts = (f"{call.workflow} {call.day} at {self._at(call.at)}" for call in alike)
        parts = [f"{len(calls)} in that time; all such calls: {self._listed(texts)}"]
        parts += [f"parameters: {json.dumps(dict(call.body), default=str)}" for call in wrong[:1]]
        parts += [f"targets: {_named(targets)}"] if meaning.targets is not None else []
        return fits, "; ".join(parts)

    def announced(self, meaning: AnnouncedExpected) -> tuple[bool, str]:
        alike = [
            announcement
            for announcement in self.history.announced
            if announcement.scraper == meaning.scraper and meaning.day in (None, announcement.day)
        ]
        announcements = [announcement for announcement in alike if meaning.window.contains(announcement.at)]
        texts = (f"{announcement.day} at {self._at(announcement.at)}" for announcement in alike)
        observed = f"{len(announcements)} in that time; all of them: {self._listed(texts)}"
        return len(announcements) == meaning.count, observed

    def _departures(self, transition: str, of: Of) -> list[Departure]:
        return [
            departure
            for departure in self.history.departures
            if departure.transition == transition and of.fits(departure.day, departure.mode, departure.lane)
        ]

    def _none(self, meaning: TriggerExpected) -> str:
        others = self.history.triggers(
            departure for departure in self.history.departures if departure.transition == meaning.transition
        )
        return f"no such trigger; all of {meaning.transition}: {self._listed(map(self._trigger_text, others))}"

    def _trigger_text(self, trigger: Trigger) -> str:
        first = trigger.first
        state = f"degraded, without {_named(first.missing)}" if first.degraded else f"missing: {_named(first.missing)}"
        messages = trigger.dispatches[0].messages
        return f"{trigger.trigger_id} at {self._at(trigger.at)} ({first.reason}, {state}, messages: {messages})"

    def _notice(self, notice: Sent) -> str:
        return f"{self._at(notice.at)} {notice.severity}: {' '.join(notice.text.split())}"

    def _at(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def _listed(self, texts: Iterable[str], nothing: str = "none") -> str:
        lines = list(texts)
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        return "; ".join([*lines[:SHOWN], *more]) or nothing


def _carries(trigger: Trigger, meaning: TriggerExpected) -> bool:
    first = trigger.first
    return (
        meaning.degraded in (None, first.degraded)
        and meaning.missing in (None, first.missing)
        and meaning.messages in (None, trigger.dispatches[0].messages)
        and (meaning.reason is None or meaning.reason in first.reason)
    )


def _has_fields(body: Mapping[str, Any], meaning: SentExpected) -> bool:
    same = all(name in body and _alike(body[name], value) for name, value in meaning.contains.items())
    return same and not any(name in body for name in meaning.absent)


def _alike(value: Any, expected: Any) -> bool:
    """Compare by value and type; the members of a list in any order."""
    if isinstance(value, list) and isinstance(expected, list):
        return sorted(map(json.dumps, value)) == sorted(map(json.dumps, expected))
    return type(value) is type(expected) and bool(value == expected)


def _has_parameters(call: Scrape, meaning: ScrapeExpected) -> bool:
    return all(name in call.body and _same(call.body[name], value) for name, value in meaning.parameters.items())


def _same(value: Any, expected: Any) -> bool:
    """Compare by value and type, inside lists and mappings too."""
    return type(value) is type(expected) and json.dumps(value, sort_keys=True) == json.dumps(expected, sort_keys=True)


def _holds(text: str, parts: Sequence[str]) -> bool:
    return all(part in text for part in parts)


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _times(number: int, thing: str) -> str:
    if number == 1:
        return f"1 {thing}"
    plural = f"{thing}es" if thing.endswith("ch") else f"{thing[:-1]}ies" if thing.endswith("ry") else f"{thing}s"
    return f"{number or 'no'} {plural}"
