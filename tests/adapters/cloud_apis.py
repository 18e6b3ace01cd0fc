"""Cloud Scheduler, Pub/Sub and Cloud Monitoring on the loopback interface: they keep what a project has, answer in the
shapes of their REST references, a few items to a page, and fail as they are told to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.adapters.google.inventory import MONITORING, PUBSUB, SCHEDULER
from shared.core.reporting.inventory import Declared
from tests.local_server import LocalServer, ServerAnswer, ServerRequest

PROJECT = "demo-orch"
PAGE = 3
KINDS = {"jobs": SCHEDULER, "subscriptions": PUBSUB, "timeSeries": MONITORING}


class CloudApis(LocalServer):
    """A project that has what is declared, until somebody changes it. ``instead`` answers in place of an API."""

    def __init__(self, declared: Declared) -> None:
        super().__init__()
        self.instead: dict[str, ServerAnswer] = {}
        where = f"projects/{PROJECT}/locations/{declared.region}/jobs"
        self.jobs: dict[str, dict[str, Any]] = {
            name: {
                "name": f"{where}/{name}",
                "schedule": cron,
                "timeZone": zone,
                "state": "ENABLED",
                "httpTarget": {"uri": "https://nba-self-heal-123456789.us-west2.run.app/", "httpMethod": "POST"},
                "userUpdateTime": "2026-01-01T00:00:00Z",
                "lastAttemptTime": "2026-01-21T11:00:00.012345Z",
                "status": {},
            }
            for name, (cron, zone) in declared.schedules.items()
        }
        self.feeds: dict[str, dict[str, Any]] = {
            name: {
                "name": f"projects/{PROJECT}/subscriptions/{name}",
                "topic": f"projects/{PROJECT}/topics/{topic}",
                "pushConfig": {"pushEndpoint": f"https://somebody.example/projects/{PROJECT}/topics/{topic}"},
                "ackDeadlineSeconds": 120,
                "state": "ACTIVE",
            }
            for name, topic in declared.subscriptions.items()
        }
        self.waiting: dict[str, Sequence[int]] = {name: [0] for name in declared.subscriptions}

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys(KINDS.values(), self.url)

    def next_answer(self, asked: ServerRequest) -> ServerAnswer:
        super().next_answer(asked)
        kind = urlsplit(asked.path).path.rsplit("/", 1)[-1]
        instead = self.instead.get(KINDS[kind])
        if instead is not None:
            return instead
        items = {"jobs": self.jobs.values(), "subscriptions": self.feeds.values(), "timeSeries": self._series()}[kind]
        return _page(kind, list(items), parse_qs(urlsplit(asked.path).query))

    def _series(self) -> list[dict[str, Any]]:
        """Return a series for each subscription, its newest point first."""
        return [
            {
                "metric": {"type": "pubsub.googleapis.com/subscription/num_undelivered_messages"},
                "resource": {"type": "pubsub_subscription", "labels": {"project_id": PROJECT, "subscription_id": name}},
                "metricKind": "GAUGE",
                "valueType": "INT64",
                "points": [
                    {
                        "interval": {"startTime": _at(59 - n), "endTime": _at(59 - n)},
                        "value": {"int64Value": str(count)},
                    }
                    for n, count in enumerate(reversed(counts))
                ],
            }
            for name, counts in self.waiting.items()
        ]


def _at(minute: int) -> str:
    return f"2026-01-21T11:{minute:02}:00Z"


def _page(kind: str, items: list[Any], query: Mapping[str, list[str]]) -> ServerAnswer:
    """Return one page; an empty list has no key of its own, as in Google's answers."""
    start = int(query.get("pageToken", ["0"])[0])
    body: dict[str, Any] = {}
    if items[start : start + PAGE]:
        body[kind] = items[start : start + PAGE]
    if start + PAGE < len(items):
        body["nextPageToken"] = str(start + PAGE)
    return ServerAnswer(body=json.dumps(body).encode(), headers={"Content-Type": "application/json; charset=UTF-8"})


def refusal(status: int, message: str, word: str) -> ServerAnswer:
    """Return an error as Google's APIs write one."""
    return ServerAnswer(status, json.dumps({"error": {"code": status, "message": message, "status": word}}).encode())
