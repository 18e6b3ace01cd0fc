"""What is wrong with the batches of a policy, beyond the shape of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from shared.core.policy.batches import BATCH_NAMES, MEMBER_NAMES, BatchPolicy, CloseStep, start_topic
from shared.core.policy.config_error import ConfigError, dotted, spell, suggest
from shared.core.policy.policy import Policy
from shared.core.wire import templates

LONGEST_CALL = timedelta(minutes=1)
"""A claim of a batch lasts two minutes; a call that outlives it would be repeated by another instance."""


def batch_problems(policy: Policy, unreadable: Mapping[str, str]) -> Iterator[ConfigError]:
    """Yield what is wrong with each batch; ``unreadable`` says of SQL files why the functions cannot read them."""
    topics: dict[str, str] = {}
    for batch in policy.batches.values():
        key = f"batches.{batch.name}"
        yield from _phase(policy, batch, key)
        yield from _members(batch, key, unreadable)
        yield from _topics(policy, batch, key, topics)
        yield from _request(batch, key)
        yield from _close(batch, key)
        yield from _alerts(batch, f"{key}.alerts")
        for place, step in enumerate(batch.on_close):
            yield from _step(policy, step, f"{key}.on_close[{place}]", unreadable)


def _phase(policy: Policy, batch: BatchPolicy, key: str) -> Iterator[ConfigError]:
    phase = policy.phases.get(batch.phase)
    if phase is None:
        yield ConfigError(f"{key}.phase", f"there is no phase {batch.phase}", suggest(batch.phase, policy.phases))
        return
    if batch.reports_as not in phase.processors:
        reason = f"{batch.phase} has no processor {batch.reports_as}"
        yield ConfigError(f"{key}.reports_as", reason, suggest(batch.reports_as, phase.processors))
    if phase.completions_topic and batch.publish != phase.completions_topic:
        reason = f"{batch.publish} is not the topic of the completions of {batch.phase}: nobody would hear the batch"
        yield ConfigError(f"{key}.publish.topic", reason, f"topic: {phase.completions_topic}")


def _members(batch: BatchPolicy, key: str, unreadable: Mapping[str, str]) -> Iterator[ConfigError]:
    members = batch.members
    if (members.sql is None) == (not members.message):
        what = "neither sql nor message" if members.sql is None else "both sql and message"
        hint = "members come from one place: a query, or a field of the start message"
        yield ConfigError(f"{key}.members", f"names {what}", hint)
    if members.sql is not None and members.sql.file in unreadable:
        hint = f"write the query to config/{members.sql.file}"
        yield ConfigError(f"{key}.members.sql", unreadable[members.sql.file], hint)


def _topics(policy: Policy, batch: BatchPolicy, key: str, topics: dict[str, str]) -> Iterator[ConfigError]:
    """Yield topics that more than one meaning is given: a message on it could not be told apart."""
    for topic, phase in policy.topics.items():
        topics.setdefault(topic, f"the completions of {phase}")
    topics.setdefault(start_topic(policy.pipeline), "the starts of batches")
    for place, topic in (("request", batch.request.topic), ("reports", batch.reports.topic)):
        other = topics.setdefault(topic, f"the {place} of {batch.name}")
        if other != f"the {place} of {batch.name}":
            yield ConfigError(f"{key}.{place}.topic", f"{topic} carries {other} already", "give it a topic of its own")


def _request(batch: BatchPolicy, key: str) -> Iterator[ConfigError]:
    names = {*BATCH_NAMES, *MEMBER_NAMES, batch.members.key}
    sql = batch.members.sql
    for flaw in templates.flaws(batch.request.body, names):
        word = flaw.reason.partition("{")[2].partition("}")[0]
        # Columns are known when the query is run; an element of the message may be an object with any field.
        column = _speaks_of(sql.text, word) if sql is not None else word.isidentifier()
        if not column:
            yield ConfigError(f"{key}.request.body.{dotted(flaw.path)}", flaw.reason, suggest(word, names))


def _speaks_of(sql: str, word: str) -> bool:
    """True if a query names a column so, or takes whole tables, whose columns are unknown here."""
    return re.search(rf"\b{re.escape(word)}\b", sql) is not None or re.search(r"\*", sql) is not None


def _close(batch: BatchPolicy, key: str) -> Iterator[ConfigError]:
    close, retry = batch.close, batch.retry
    if not close.complete and close.idle is None and close.deadline is None:
        hint = "complete: true, and a deadline for members that never report"
        yield ConfigError(f"{key}.close", "nothing would ever close it", hint)
    durations = {
        "retry.after": None if retry is None else retry.after,
        "close.idle.for": None if close.idle is None else close.idle.after,
        "close.deadline.after": None if close.deadline is None else close.deadline.after,
    }
    for name, length in durations.items():
        if length is not None and length <= timedelta(0):
            yield ConfigError(f"{key}.{name}", "must be longer than nothing", "10m")


def _alerts(batch: BatchPolicy, key: str) -> Iterator[ConfigError]:
    """Yield shares of which no number can ever be on the wrong side: they would never warn."""
    if batch.alerts.failed_percent == 100:
        reason = "100 means nobody is ever warned: no more than all members can fail"
        yield ConfigError(f"{key}.failed_percent", reason, "failed_percent: 20")
    if batch.alerts.fewer_than_percent == 0:
        reason = "0 means nobody is ever warned: no batch has fewer members than none"
        yield ConfigError(f"{key}.fewer_than_percent", reason, "fewer_than_percent: 50")


def _step(policy: Policy, step: CloseStep, key: str, unreadable: Mapping[str, str]) -> Iterator[ConfigError]:
    if (step.call is None) == (step.sql is None):
        what = "neither http nor sql" if step.call is None else "both http and sql"
        yield ConfigError(key, f"has {what}", "a step is one call or one statement")
    if step.sql is not None:
        if step.sql.file in unreadable:
            yield ConfigError(f"{key}.sql", unreadable[step.sql.file], f"write the statement to config/{step.sql.file}")
        if step.body.base:
            yield ConfigError(f"{key}.body", "a statement has no body", "it has the parameters @date, @mode, @batch_id")
    if step.call is not None:
        if step.call.service not in policy.services:
            wrong = step.call.service
            yield ConfigError(f"{key}.http.service", f"there is no service {wrong}", suggest(wrong, policy.services))
        if step.call.timeout > LONGEST_CALL:
            reason = f"{spell(step.call.timeout)} is longer than a batch may wait for one call"
            yield ConfigError(
                f"{key}.http.timeout", reason, f"at most {spell(LONGEST_CALL)}; let the service answer first"
            )
        yield from _templates(step.body.base, f"{key}.body", BATCH_NAMES)


def _templates(body: Mapping[str, Any], key: str, names: Iterable[str]) -> Iterator[ConfigError]:
    for flaw in templates.flaws(body, names):
        word = flaw.reason.partition("{")[2].partition("}")[0]
        yield ConfigError(f"{key}.{dotted(flaw.path)}", flaw.reason, suggest(word, names))
