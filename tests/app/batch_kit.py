"""A batch in the memory store: its members come in the start message, each message is taken by a fresh instance."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.app.batches.receive import STARTS, Taken, phase_word, receive
from shared.app.batches.store import load_batch
from shared.app.context import Context
from shared.core.batches.batch import Batch
from shared.core.message import Delivery
from shared.core.model import RunKey
from shared.core.policy.anomalies import OFF
from shared.core.policy.batches import BatchPolicy, Members, Request, start_topic
from shared.core.policy.policy import Policy
from tests.app.handlers_kit import HandlersKit, Published
from tests.core.build import NIGHT, POLICY, T0
from tests.core.test_batch_decide import DECLARED

ASK = "ask"
BATCH = replace(
    DECLARED,
    members=Members("player_lookup", None, "players"),
    request=Request(ASK, {"player_lookup": "{player_lookup}"}, 10_000),
    on_close=(),
)


def policy_with(declared: BatchPolicy = BATCH) -> Policy:
    return replace(POLICY, batches={declared.name: declared}, anomalies=OFF)


class BatchKit(HandlersKit):
    """The functions around one declared batch; ``work`` lets the function of batches take what waits for it."""

    def __init__(self, declared: BatchPolicy = BATCH, **more: Any) -> None:
        super().__init__(policy=policy_with(declared), start=T0, **more)
        self.declared, self._taken, self.topic = declared, 0, start_topic(self.policy.pipeline)

    def batch_id(self, key: RunKey = NIGHT) -> str:
        return key.trigger_id("phase4_to_phase5", 1)

    def start(self, members: list[Any] | int, key: RunKey = NIGHT, batch_id: str = "") -> Taken:
        """Start a batch of these members, or of so many."""
        listed = [f"m{number:03d}" for number in range(1, members + 1)] if isinstance(members, int) else members
        body = {
            "batch": self.declared.name,
            "trigger_id": batch_id or self.batch_id(key),
            "game_date": key.day.isoformat(),
            "mode": key.mode,
            "lane": key.lane.value,
            "players": listed,
        }
        return self.message_of(STARTS, body)

    def report(
        self, member: str, *, batch_id: str = "", ctx: Context | None = None, message_id: str = "", **body: Any
    ) -> Taken:
        fields = {"player_lookup": member, "batch_id": batch_id or self.batch_id(), **body}
        return self.message_of(phase_word(self.declared), fields, ctx, message_id)

    def reports(self, first: int, last: int, **body: Any) -> None:
        for number in range(first, last + 1):
            self.report(f"m{number:03d}", **body)

    def message_of(self, phase: str, body: dict[str, Any], ctx: Context | None = None, message_id: str = "") -> Taken:
        delivery: Delivery = self.delivery(phase, json.dumps(body).encode(), message_id)
        return self.act(lambda: receive(ctx or self.instance(), delivery))

    def work(self) -> None:
        """Let the function of batches take every message that waits on its topic."""
        while self._taken < len(self.published):
            sent = self.published[self._taken]
            self._taken += 1
            if sent.topic == self.topic:
                self.message_of(STARTS, dict(sent.body))

    def minutes(self, count: int) -> None:
        """Let minutes pass, each with a sweep and what it asks the function of batches for."""
        for _ in range(count):
            self.wait(timedelta(minutes=1))
            self.sweep()
            self.work()

    def batch(self, batch_id: str = "") -> Batch:
        stored = load_batch(self.store.inner, batch_id or self.batch_id())
        assert stored is not None
        return stored.value

    def requests(self, member: str = "") -> list[Published]:
        sent = [publication for publication in self.published if publication.topic == ASK]
        return [publication for publication in sent if member in ("", publication.body["player_lookup"])]

    def ends(self) -> list[Published]:
        """Return the completions that were published, `started` aside."""
        return [
            publication
            for publication in self.published
            if publication.topic == self.declared.publish and publication.body["status"] != "started"
        ]
