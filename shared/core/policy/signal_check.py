"""What is wrong with the signals of a policy (behaviour R13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.core.model import Lane
from shared.core.policy.batches import start_topic
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.names import build_names
from shared.core.policy.phases import Phase, Reports
from shared.core.policy.policy import Policy
from shared.core.policy.signals import STAMPS, Scheme, Signal, Source
from shared.core.wire.places import Place, Template
from shared.core.wire.signatures import SIGNATURE

DATE, UNIT, STATUS = "date", "unit", "status"


def signal_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield what is wrong with each signal: where it comes in, whose it is, which date and how it ended."""
    yield from _behind(policy)
    for signal in policy.signals.values():
        key = f"signals.{signal.name}"
        phase = policy.phases.get(signal.phase)
        if phase is None:
            reason = f"there is no phase {signal.phase}"
            yield ConfigError(f"{key}.phase", reason, suggest(signal.phase, policy.phases))
            continue
        yield from _channel(policy, signal, key)
        yield from _keys(signal, key)
        yield from _processors(phase, signal, key)
        yield from _day(signal, key)
        yield from _unit(phase, signal, key)
        yield from _identity(signal, key)
        yield from _status(signal, key)
        yield from _fixed(signal, "mode", policy.modes, key)
        yield from _fixed(signal, "lane", [lane.value for lane in Lane], key)


def _behind(policy: Policy) -> Iterator[ConfigError]:
    """Yield signals that never see a message, because one before them on their topic takes all of them in."""
    taking: dict[str, str] = {}
    for signal in policy.signals.values():
        if signal.webhook is not None:
            continue
        other = taking.get(signal.topic)
        if other is not None:
            reason = f"{other} before it takes in every message of {signal.topic}"
            yield ConfigError(f"signals.{signal.name}.topic", reason, f"say in {other} what is its: when, job or match")
        if not (signal.when or signal.pattern or signal.match or signal.jobs):
            taking.setdefault(signal.topic, signal.name)


def _channel(policy: Policy, signal: Signal, key: str) -> Iterator[ConfigError]:
    if not signal.topic:
        hint = f"a topic for signals, such as {policy.pipeline}-signals"
        yield ConfigError(f"{key}.topic", "is missing: nothing says where it comes in", hint)
    if signal.source is Source.DBT and signal.webhook is None:
        reason = "is missing: dbt Cloud calls, and signs what it sends"
        yield ConfigError(f"{key}.webhook", reason, "webhook: {secret: NAME} with the secret that dbt Cloud showed")
    yield from _call(signal, f"{key}.webhook")
    taken = policy.topics.get(signal.topic)
    if taken is not None:
        reason = f"{taken} reports on {signal.topic}: its messages are completions already"
        yield ConfigError(f"{key}.topic", reason, "give signals a topic of their own")
    for batch in policy.batches.values():
        used = {
            batch.request.topic: f"{batch.name} sends its requests to it",
            batch.reports.topic: f"the members of {batch.name} report on it",
            start_topic(policy.pipeline): "batches are started by it",
        }
        if signal.topic in used:
            yield ConfigError(f"{key}.topic", used[signal.topic], "give signals a topic of their own")
            break
    sent = next((t.name for t in policy.transitions.values() if signal.topic in t.topics), None)
    if sent is not None:
        yield ConfigError(f"{key}.topic", f"{sent} sends its trigger to it", "give signals a topic of their own")


def _call(signal: Signal, key: str) -> Iterator[ConfigError]:
    """Yield what is wrong with the proof of a call: what its scheme never reads, and a secret that is named twice."""
    webhook = signal.webhook
    if webhook is None:
        return
    stamped = webhook.scheme in STAMPS
    if webhook.max_age is not None and not (stamped or webhook.sent):
        reason = f"{webhook.scheme.value} signs no time: nothing says when a call was sent"
        yield ConfigError(f"{key}.max_age", reason, "sent: with the place of a time in the body")
    if stamped and webhook.sent:
        reason = f"{webhook.scheme.value} signs the time of the call already"
        yield ConfigError(f"{key}.sent", reason, "keep the scheme's: leave sent out")
    if stamped and webhook.prefix:
        yield ConfigError(f"{key}.prefix", f"{webhook.scheme.value} has words of its own", "leave prefix out")
    if webhook.scheme is Scheme.STANDARD and SIGNATURE not in webhook.header.lower():
        reason = f"{webhook.header} is no header of signatures: those of the id and the time are called likewise"
        yield ConfigError(f"{key}.header", reason, "such as webhook-signature or svix-signature")
    if not webhook.secrets:
        yield ConfigError(f"{key}.secret", "is empty: nothing would prove a call", "name a secret")
    if len(set(webhook.secrets)) < len(webhook.secrets):
        yield ConfigError(f"{key}.secret", "names a secret twice", "name each once")


def _keys(signal: Signal, key: str) -> Iterator[ConfigError]:
    storage = signal.source is Source.STORAGE
    if signal.pattern is not None and not signal.job:
        where = f"{key}.job"
        yield ConfigError(where, f"{signal.source.value} has no name of its own", "match: {PLACE: PATTERN}")
    if signal.jobs and signal.processor is None and (storage or not signal.job):
        hint = 'say in processor: which name jobs lists, such as processor: "{kind}" or "{data.job.id}"'
        yield ConfigError(f"{key}.jobs", f"{signal.source.value} has no name of its own", hint)
    if signal.each is not None and not _is_list(signal.each):
        hint = "such as Records[*]: keys with dots between, and [*] at the end"
        yield ConfigError(f"{key}.each", f"{signal.each.written} is no list whose items are messages", hint)


def _processors(phase: Phase, signal: Signal, key: str) -> Iterator[ConfigError]:
    if signal.jobs and signal.processor is not None and signal.processor.fixed is not None:
        reason = f"{signal.processor.written} is the same in every message, and jobs says whose each name is"
        yield ConfigError(f"{key}.processor", reason, "keep one of the two, or name a {place}")
    if not signal.jobs and signal.processor is None:
        hint = suggest("", phase.processors)
        yield ConfigError(f"{key}.processor", "is missing: nothing says whose completion it is", hint)
    fixed = None if signal.processor is None or signal.jobs else signal.processor.fixed
    named = [(f"{key}.processor", fixed)] if fixed is not None else []
    named += [(f"{key}.jobs.{name}", processor) for name, processor in signal.jobs.items()]
    for where, name in named:
        if name not in build_names(phase):
            yield ConfigError(where, f"{phase.name} has no processor {name}", suggest(name, phase.processors))
    yield from _named(signal, signal.processor, "processor", f"{key}.processor")


def _day(signal: Signal, key: str) -> Iterator[ConfigError]:
    rule = signal.day
    if rule.text is None and not rule.places:
        hint = "a place such as data.run_date, or @publish_time"
        yield ConfigError(f"{key}.date", "is missing: nothing says which date it belongs to", hint)
    yield from _named(signal, rule.text, DATE, f"{key}.date")


def _identity(signal: Signal, key: str) -> Iterator[ConfigError]:
    for text in signal.identity:
        if text.fixed is not None:
            reason = f"{text.written} is the same in every message: all of them would count as one event"
            yield ConfigError(f"{key}.id", reason, "say a {place} that differs, such as {data.runId}")


def _unit(phase: Phase, signal: Signal, key: str) -> Iterator[ConfigError]:
    unit = signal.texts.get(UNIT)
    if unit is None:
        return
    yield from _named(signal, unit, UNIT, f"{key}.unit")
    names = build_names(phase)
    fixed = None if signal.processor is None else signal.processor.fixed
    for name in {names.get(name or "") for name in (fixed, *signal.jobs.values())} - {None}:
        processor = phase.processors[name or ""]
        if processor.reports is not Reports.PER_UNIT:
            reason = f"{processor.name} reports of whole dates"
            yield ConfigError(f"{key}.unit", reason, f"phases.{phase.name}.processors.{name}.reports: per_unit")


def _named(signal: Signal, text: Template | None, name: str, key: str) -> Iterator[ConfigError]:
    """Yield that a text asks for the date, the unit or the processor by name, and no pattern names it."""
    if text is not None and name in text.names - signal.names:
        pattern = "object" if signal.source is Source.STORAGE else "job"
        hint = f"write {{{name}}} in {pattern}:, such as {pattern}: daily/{{{name}}}/*, or say {name}: with a place"
        yield ConfigError(key, f"no pattern names a {name}", hint)


def _status(signal: Signal, key: str) -> Iterator[ConfigError]:
    rule = signal.status
    if rule.text is not None and not any(isinstance(part, Place) for part in rule.text.parts):
        yield ConfigError(
            f"{key}.status.from", f"{rule.text.written} says the same of every message", "status: success"
        )
    yield from _named(signal, rule.text, STATUS, f"{key}.status.from")
    if rule.fixed is None and not rule.places and rule.text is None:
        hint = "one of our words, or {from: PLACE, success: [...], failed: [...], ignored: [...]}"
        yield ConfigError(f"{key}.status", "is missing: nothing says how it ended", hint)
    elif rule.fixed is None and not any(rule.words.values()):
        reason = "no word of theirs means one of ours: every message would be kept in quarantine"
        yield ConfigError(f"{key}.status", reason, "list them: success: [...], failed: [...]")


def _is_list(items: Place) -> bool:
    """True for a place that names the items of a list by keys alone, so that a message can be taken apart by it."""
    *keys, last = items.steps
    return last.kind == "every" and items.in_body and all(step.kind == "key" for step in keys)


def _fixed(signal: Signal, name: str, allowed: Iterable[str], key: str) -> Iterator[ConfigError]:
    text = signal.texts.get(name)
    if text is not None and text.fixed is not None and text.fixed not in allowed:
        yield ConfigError(f"{key}.{name}", f"there is no {name} {text.fixed}", suggest(text.fixed, allowed))
