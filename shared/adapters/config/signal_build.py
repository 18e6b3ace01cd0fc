"""From the shape of `signals` in the policy file to values: the source's mapping, the file's keys laid over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from shared.adapters.config.build_values import duration_of
from shared.adapters.config.signal_schema import (
    SignalDateSchema,
    SignalSchema,
    SignalStatusSchema,
    WebhookAuthSchema,
)
from shared.core.model import Outcome
from shared.core.policy.config_error import ConfigError
from shared.core.policy.signal_sources import SOURCES
from shared.core.policy.signals import STAMPS, Condition, DayRule, Scheme, Signal, StatusRule, WebhookAuth
from shared.core.wire.foreign_days import FORMATS, flaw_of
from shared.core.wire.name_patterns import name_pattern
from shared.core.wire.places import Place, Template, place, template, text_of

T = TypeVar("T")
PLACE_HINT = 'such as data.runs[0].status, @attributes.objectId, labels["a.b"] or name|last'
PATTERN_HINT = "such as boxscores/{date}/{unit}.json, or re: (?P<date>[0-9]{8})_.*"
TEXT_HINT = "a text with {name} or {place} in it, such as {job}"
IGNORED = "ignored"
STANDARD_HEADER = "webhook-signature"
STAMPED_AGE, SENT_AGE = timedelta(minutes=5), timedelta(days=1)


class SignalBuilder:
    """Builds signals; ``problems`` are places, patterns and texts that are none."""

    def __init__(self) -> None:
        self.problems: list[ConfigError] = []

    def signals(self, schemas: Mapping[str, SignalSchema]) -> dict[str, Signal]:
        return {name: self._signal(name, schema, f"signals.{name}") for name, schema in schemas.items()}

    def _signal(self, name: str, schema: SignalSchema, key: str) -> Signal:
        base = SOURCES[schema.source]
        pattern = schema.object_ if schema.object_ is not UNSET else schema.job
        where = "object" if schema.object_ is not UNSET else "job"
        texts = {
            field: written
            for field in Signal.FIELDS
            if (written := self._template(getattr(schema, field), f"{key}.{field}")) is not None
        }
        return Signal(
            name=name,
            source=schema.source,
            phase=schema.phase,
            topic=base.topic if schema.topic is UNSET else schema.topic,
            webhook=self._auth(schema.webhook, f"{key}.webhook")
            if isinstance(schema.webhook, WebhookAuthSchema)
            else None,
            when=self._conditions(base.when, schema, key),
            each=None if schema.each is UNSET else self._place(schema.each, f"{key}.each"),
            job=base.job,
            pattern=None if pattern is UNSET else self._read(name_pattern, pattern, f"{key}.{where}", PATTERN_HINT),
            match=tuple(self._matches(schema.match or {}, f"{key}.match")),
            jobs=schema.jobs or {},
            processor=self._processor(base.processor, schema, key),
            unknown=base.unknown if schema.unknown is UNSET else schema.unknown,
            day=self._day(base.day, schema.date, f"{key}.date"),
            status=self._status(base.status, schema.status, f"{key}.status"),
            records=self._over(base.records, schema.records, f"{key}.records"),
            ended=self._over(base.ended, schema.ended, f"{key}.ended"),
            cause=self._over(base.cause, schema.cause, f"{key}.cause"),
            texts={**base.texts, **texts},
            identity=tuple(self._templates(schema.id, f"{key}.id")) or base.identity,
        )

    def _auth(self, schema: WebhookAuthSchema, key: str) -> WebhookAuth:
        given: dict[str, Any] = {name: getattr(schema, name) for name in ("header", "prefix", "scheme")}
        given = {name: value for name, value in given.items() if value is not UNSET}
        secrets = (schema.secret,) if isinstance(schema.secret, str) else tuple(schema.secret)
        scheme = given.get("scheme", Scheme.HMAC_SHA256)
        if scheme is Scheme.STANDARD:
            given.setdefault("header", STANDARD_HEADER)
        sent = self._over((), schema.sent, f"{key}.sent")
        stated = None if isinstance(schema.max_age, UnsetType) else duration_of(schema.max_age)
        left_out = STAMPED_AGE if scheme in STAMPS else SENT_AGE if sent else None
        return WebhookAuth(secrets, **given, sent=sent, max_age=stated or left_out)

    def _processor(self, base: Template | None, schema: SignalSchema, key: str) -> Template | None:
        written = self._template(schema.processor, f"{key}.processor")
        # A list of jobs takes the place of what the source would say.
        return written if written is not None or schema.jobs else base

    def _conditions(self, base: Iterable[Condition], schema: SignalSchema, key: str) -> tuple[Condition, ...]:
        """Return what must hold: what the source says, but for places of which the file says something else."""
        own = list(self._when(schema, key))
        replaced = {condition.place.written for condition in own}
        return (*(condition for condition in base if condition.place.written not in replaced), *own)

    def _when(self, schema: SignalSchema, key: str) -> Iterator[Condition]:
        for written, values in (schema.when or {}).items():
            where = self._place(written, f"{key}.when.{written}")
            listed = values if isinstance(values, list) else [values]
            if where is not None:
                yield Condition(where, tuple(None if value is None else text_of(value) for value in listed))
        if schema.bucket is not UNSET:
            yield Condition(place("@attributes.bucketId"), (schema.bucket,))

    def _matches(self, written: Mapping[str, str], key: str) -> Iterator[tuple[Place, Any]]:
        for where, pattern in written.items():
            read = self._single(where, f"{key}.{where}")
            compiled = self._read(name_pattern, pattern, f"{key}.{where}", PATTERN_HINT)
            if read is not None and compiled is not None:
                yield read, compiled

    def _day(self, base: DayRule, schema: str | SignalDateSchema | UnsetType, key: str) -> DayRule:
        if isinstance(schema, UnsetType):
            return base
        if isinstance(schema, str):
            return self._day_from(base, schema, key)
        rule = base if isinstance(schema.from_, UnsetType) else self._day_from(base, schema.from_, f"{key}.from")
        given: dict[str, Any] = {
            "form": schema.format,
            "zone": schema.zone,
            "written_in": schema.written_in,
            "offset_days": schema.offset_days,
        }
        rule = replace(rule, **{name: value for name, value in given.items() if value is not UNSET})
        if rule.form not in FORMATS and "%" not in rule.form:
            hint = f"one of {', '.join(FORMATS)}, or one of strptime such as %d.%m.%Y"
            self.problems.append(ConfigError(f"{key}.format", f"there is no format {rule.form}", hint))
        elif rule.form not in FORMATS and (flaw := flaw_of(rule.form)):
            hint = "with %Y, %m and %d, such as %d.%m.%Y"
            self.problems.append(ConfigError(f"{key}.format", f"{rule.form} {flaw}", hint))
        self._zone(rule.zone, f"{key}.zone")
        self._zone(rule.written_in, f"{key}.written_in")
        return rule

    def _zone(self, name: str, key: str) -> None:
        try:
            _ = ZoneInfo(name) if name else None
        except (KeyError, ValueError, OSError):
            self.problems.append(ConfigError(key, f"there is no time zone {name}", "such as UTC"))

    def _day_from(self, base: DayRule, written: str | list[str], key: str) -> DayRule:
        if isinstance(written, str) and "{" in written:
            return replace(base, text=self._template(written, key), places=())
        return replace(base, text=None, places=tuple(self._places(written, key, self._single)))

    def _status(self, base: StatusRule, schema: Outcome | SignalStatusSchema | UnsetType, key: str) -> StatusRule:
        if isinstance(schema, UnsetType):
            return base
        if isinstance(schema, Outcome):
            self._spoken(schema, key)
            return StatusRule(fixed=schema, failed_when=base.failed_when)
        words: dict[str, Outcome | None] = {}
        for name in (*(outcome.value for outcome in Outcome if outcome is not Outcome.INFERRED), IGNORED):
            for at, word in enumerate(getattr(schema, name) or ()):
                self._word(word, words, f"{key}.{name}[{at}]")
                words[word] = None if name == IGNORED else Outcome(name)
        given: dict[str, Any] = {"other": schema.other, "missing": schema.missing}
        rule = replace(base, **{name: value for name, value in given.items() if value is not UNSET})
        own_place = not isinstance(schema.from_, UnsetType)
        by_text = schema.from_ if isinstance(schema.from_, str) and "{" in schema.from_ else ""
        return replace(
            rule,
            # Another place has other words; the source's are of its own.
            words=words if own_place else {**base.words, **words},
            fixed=None if own_place or words else base.fixed,
            text=self._template(by_text, f"{key}.from") if by_text else None if own_place else base.text,
            places=() if by_text else self._over(base.places, schema.from_, f"{key}.from"),
            failed_when=self._over(base.failed_when, schema.failed_when, f"{key}.failed_when", self._place),
            partial_when=self._over(base.partial_when, schema.partial_when, f"{key}.partial_when", self._place),
        )

    def _word(self, word: str, words: Mapping[str, Outcome | None], key: str) -> None:
        if word in words:
            hint = "keep one of the two: it means one thing"
            self.problems.append(ConfigError(key, f"{word} is listed twice", hint))
        if "*" in word:
            hint = "list each word; other: ignore counts those that are not listed"
            self.problems.append(ConfigError(key, f"{word} has a *, and words are compared letter by letter", hint))

    def _spoken(self, outcome: Outcome, key: str) -> None:
        if outcome is Outcome.INFERRED:
            hint = "one of " + ", ".join(other.value for other in Outcome if other is not Outcome.INFERRED)
            self.problems.append(ConfigError(key, "inferred is what nobody says: self-heal concludes it", hint))

    def _over(
        self,
        base: tuple[Place, ...],
        written: str | list[str] | UnsetType,
        key: str,
        reader: Callable[[str, str], Place | None] | None = None,
    ) -> tuple[Place, ...]:
        return base if isinstance(written, UnsetType) else tuple(self._places(written, key, reader or self._single))

    def _places(
        self, written: str | list[str], key: str, reader: Callable[[str, str], Place | None]
    ) -> Iterator[Place]:
        listed = [written] if isinstance(written, str) else written
        for at, each in enumerate(listed):
            read = reader(each, key if isinstance(written, str) else f"{key}[{at}]")
            if read is not None:
                yield read

    def _single(self, written: str, key: str) -> Place | None:
        """Return a place at which a single value stands; all items of a list are none."""
        return self._read(single, written, key, PLACE_HINT)

    def _place(self, written: str, key: str) -> Place | None:
        return self._read(place, written, key, PLACE_HINT)

    def _template(self, written: str | UnsetType, key: str) -> Template | None:
        return None if isinstance(written, UnsetType) else self._read(text, written, key, TEXT_HINT)

    def _templates(self, written: str | list[str] | UnsetType, key: str) -> Iterator[Template]:
        listed = [] if isinstance(written, UnsetType) else [written] if isinstance(written, str) else written
        for at, each in enumerate(listed):
            read = self._template(each, key if isinstance(written, str) else f"{key}[{at}]")
            if read is not None:
                yield read

    def _read(self, reader: Callable[[str], T], written: str, key: str, hint: str) -> T | None:
        try:
            return reader(written)
        except ValueError as error:
            self.problems.append(ConfigError(key, str(error), hint))
            return None


def single(written: str) -> Place:
    """Return a place of a single value; raise ``ValueError`` for what is none."""
    read = place(written)
    if read.is_of_many:
        raise ValueError(f"{written} is all items of a list, and one is read here: each: LIST[*] reads every item")
    return read


def text(written: str) -> Template:
    """Return a text whose places are of single values; raise ``ValueError`` for what is none."""
    read = template(written)
    for part in read.parts:
        _ = part if isinstance(part, str) else single(part.written)
    return read
