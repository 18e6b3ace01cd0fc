"""A batch and its stand-in workers in one process: what they report comes when its time has passed on one clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from shared.core.policy.batches import BatchDeadline, BatchThen, Idle, Retry
from shared.simulation.demo.batch_day import LASTS, MANNERS, MEMBERS
from tests.app.batch_kit import BATCH, BatchKit
from tests.core.build import T0
from tests.services.memory import Kept
from tests.services.workers import create_app


def pushed(body: Mapping[str, Any], attributes: Mapping[str, str] | None = None) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(body).encode()).decode()
    return {"message": {"data": data, "attributes": dict(attributes or {})}}


class Played(Kept):
    """A batch and its workers; what a worker reports comes when its time has passed on the clock of the batch."""

    def __init__(self, kit: BatchKit, folder: Path) -> None:
        super().__init__(T0, {}, folder)
        self.kit, self.due = kit, list[tuple[datetime, dict[str, Any]]]()
        self.sleep, self.publish = self._take_time, self._report_later
        self._taken, self._spent = 0, timedelta()
        self.web: FlaskClient = create_app(self).test_client()

    def _take_time(self, span: timedelta) -> None:
        self._spent += span

    def _report_later(self, topic: str, body: Mapping[str, Any]) -> None:
        self.due.append((self.kit.clock.now() + self._spent, dict(body)))

    def come_due(self) -> None:
        """Let workers take every request that waits, then deliver the reports whose time has come."""
        requests = self.kit.requests()
        for request in requests[self._taken :]:
            self._spent = timedelta()
            body = {**request.body, "batch_id": self.kit.batch_id()}
            assert self.web.post("/", json=pushed(body, request.message.attributes)).status_code == 204
        self._taken = len(requests)
        now = self.kit.clock.now()
        ready = sorted((due for due in self.due if due[0] <= now), key=lambda due: due[0])
        self.due = [due for due in self.due if due[0] > now]
        for _, body in ready:
            member = body.pop("player_lookup")
            self.kit.report(member, **{key: value for key, value in body.items() if key != "batch_id"})

    def requests(self) -> list[dict[str, str]]:
        listed: list[dict[str, str]] = self.web.get("/stand-in/requests").json or []
        return listed


def whole_batch(folder: Path) -> Played:
    """Play the batch of the demo to its end, with the manners of its workers and the times of its policy."""
    close = replace(BATCH.close, idle=Idle(timedelta(minutes=10), 95))
    close = replace(close, deadline=BatchDeadline(timedelta(minutes=30), BatchThen.PUBLISH_PARTIAL))
    kit = BatchKit(replace(BATCH, close=close, retry=Retry(timedelta(minutes=5), 2)))
    played = Played(kit, folder)
    assert played.web.post("/stand-in/manners", json=MANNERS).status_code == 200
    kit.start([f"player {number}" for number in range(MEMBERS)])
    for _ in range(LASTS // timedelta(minutes=1)):
        played.come_due()
        kit.minutes(1)
    return played
