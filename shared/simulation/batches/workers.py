"""The workers of a scenario: they answer requests as the file says, and know members only by what they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared.core.batches.arrival import Start, named_by, object_of, start_of
from shared.core.errors import Malformed
from shared.core.model import RunKey
from shared.core.policy.batches import BATCH_NAMES, MEMBER_NAMES, BatchPolicy, start_topic
from shared.core.policy.policy import Policy
from shared.core.wire import templates
from shared.ports import Message
from shared.simulation.batches.events import ALL, BatchReport, Published, RequestSent, Workers
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.scenario import CrashPoint

Send = Callable[[str, bytes, datetime], None]
MISSING_SHOWN = 50


def batch_topics(policy: Policy) -> tuple[str, ...]:
    """Return the topics that the function of batches hears."""
    if not policy.batches:
        return ()
    return (start_topic(policy.pipeline), *(batch.reports.topic for batch in policy.batches.values()))


class BatchWorld:
    """Everything outside the product that batches speak with; ``send`` delivers a message of a topic at a time."""

    def __init__(self, policy: Policy, stage: FaultInjector, send: Send) -> None:
        self._policy, self._stage, self._send = policy, stage, send
        self._rules: dict[str, list[Workers]] = {name: [Workers()] for name in policy.batches}
        self._members: dict[str, tuple[str, ...]] = {}
        self._runs: dict[str, RunKey] = {}
        self._order: dict[str, dict[str, int]] = {}
        self._requests = {batch.request.topic: batch for batch in policy.batches.values()}
        self._completions = {batch.publish for batch in policy.batches.values()}
        self.topics = frozenset(batch_topics(policy))

    def change(self, members: Mapping[str, tuple[str, ...]], workers: Mapping[str, Workers]) -> None:
        """Let queries return, and workers answer, so from now on."""
        self._members.update(members)
        for name, rule in workers.items():
            # A rule for some leaves the others theirs; one for all replaces every one before it.
            self._rules[name] = [rule] if rule.only is None else [rule, *self._rules[name]]

    def query(self, sql: str) -> list[dict[str, Any]] | None:
        """Return what the query of a batch yields, nothing for a close statement; None for any other SQL."""
        named = [batch for batch in self._policy.batches.values() for query in batch.queries if query.text == sql]
        if not named:
            return None
        declaring = [batch for batch in named if batch.members.sql is not None and batch.members.sql.text == sql]
        batch = next((candidate for candidate in declaring if candidate.name in self._members), None)
        return [] if batch is None else [self._row(batch, member) for member in self._members[batch.name]]

    def _row(self, batch: BatchPolicy, member: str) -> dict[str, Any]:
        """Return a row of the query; columns that a file cannot give say whose they are."""

        others = templates.names(batch.request.body, templates.COLUMN) - BATCH_NAMES - MEMBER_NAMES
        return {**{column: f"{column} of {member}" for column in sorted(others)}, batch.members.key: member}

    def takes(self, topic: str) -> bool:
        return topic in self._requests

    def take_request(self, topic: str, message: Message, times: int) -> None:
        """Take a request; answer it as often as it is delivered."""
        batch, clock, history = self._requests[topic], self._stage.clock, self._stage.history
        named = message.attributes
        batch_id, member = named.get("batch_id", ""), named.get("member", "")
        request = RequestSent(
            clock.now(), batch.name, batch_id, member, named.get("request_id", ""), self._run(batch_id)
        )
        history.requests.append(request)
        history.note(request.at, "request", f"{batch_id} {member} attempt {named.get('attempt', '')}")
        self._stage.reached(CrashPoint.AFTER_DISPATCH)
        order = self._order.setdefault(batch_id, {})
        place = order.setdefault(member, len(order))
        rule = self._rule(batch.name, member)
        if rule.reports != ALL and place >= rule.reports:
            return
        report = BatchReport(batch_id, member, rule.outcome, 1 if rule.outcome == "done" else None)
        for _ in range(times * (1 + rule.duplicate)):
            self._send(batch.reports.topic, self.body(batch, batch_id, report), clock.now() + rule.after)

    def started(self, data: bytes) -> None:
        """Note of which run a batch is, whose id need not say it."""
        try:
            asked = start_of(object_of(data), self._policy)
        except Malformed:
            return
        if isinstance(asked, Start):
            self._runs.setdefault(asked.id, asked.run)

    def _run(self, batch_id: str) -> RunKey | None:
        named = named_by(batch_id, self._policy)
        return self._runs.get(batch_id) or (None if named is None else named[0])

    def declared(self, batch_id: str) -> BatchPolicy:
        """Return the batch that an id is of, as it was asked; the first of the policy for one that nobody knows."""
        sent = (request.batch for request in self._stage.history.requests if request.batch_id == batch_id)
        return self._policy.batches[next(sent, next(iter(self._policy.batches)))]

    def _rule(self, name: str, member: str) -> Workers:
        return next(rule for rule in self._rules[name] if rule.only is None or member in rule.only)

    def body(self, batch: BatchPolicy, batch_id: str, report: BatchReport) -> bytes:
        """Return a report as a worker sends it."""
        body: dict[str, Any] = {}
        _put(body, batch.reports.key, report.member)
        _put(body, batch.reports.batch, batch_id)
        if report.count is not None and batch.reports.count:
            _put(body, batch.reports.count, report.count)
        if report.outcome is not None:
            body["outcome"] = report.outcome
        if report.reason:
            body["reason"] = report.reason
        return json.dumps(body, ensure_ascii=False).encode()

    def published(self, topic: str, message: Message) -> None:
        """Note a completion of a batch, its `started` aside."""
        name = message.attributes.get("batch", "")
        if topic not in self._completions or name not in self._policy.batches:
            return
        self._stage.reached(CrashPoint.AFTER_DISPATCH)
        body = message.body
        if body.get("status") == "started":
            return
        metadata = body.get("metadata") or {}
        at = self._stage.clock.now()
        missing = frozenset(str(member) for member in body.get("missing") or ())
        completion = Published(
            at, name, str(metadata.get("batch_id")), int(body["generation"]), str(body["status"]),
            metadata.get("completion_pct"), missing, body, self._run(str(metadata.get("batch_id"))),
        )  # fmt: skip
        self._stage.history.published.append(completion)
        self._stage.history.note(
            at, "published", f"{completion.batch_id} generation {completion.generation}: {completion.status}"
        )

    def is_step(self, service: str, path: str) -> bool:
        """True for a call that only batches make: it triggers nothing."""
        called = {
            (call.service, call.path) for transition in self._policy.transitions.values() for call in transition.calls
        }
        steps = {
            (step.call.service, step.call.path)
            for batch in self._policy.batches.values()
            for step in batch.on_close
            if step.call is not None
        }
        return (service, path) in steps - called


def _put(body: dict[str, Any], place: str, value: object) -> None:
    *above, last = place.split(".")
    for step in above:
        body = body.setdefault(step, {})
    body[last] = value
