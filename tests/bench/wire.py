"""Completions as HTTP requests on one connection, timed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http.client import HTTPConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

TOPIC = "nba-phase3-analytics-complete"
PROCESSORS = (
    "player_game_summary",
    "upcoming_player_game_context",
    "team_defense_game_summary",
    "team_offense_game_summary",
    "upcoming_team_game_context",
)


def body_of(processor: str, day: str, **more: Any) -> dict[str, Any]:
    return {
        "processor_name": processor,
        "phase": "phase3",
        "game_date": day,
        "mode": "overnight",
        "status": "success",
        "record_count": 5000,
        "correlation_id": f"bench-{day}",
        **more,
    }


class Caller:
    """Sends CloudEvents to one served function, each timed from the first byte sent to the last one read."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port)
        self._sent = 0

    def send(self, body: Mapping[str, Any]) -> float:
        """Return the seconds until a completion was answered with 2xx; raise ``AssertionError`` otherwise."""
        self._sent += 1
        data = base64.b64encode(json.dumps(body).encode()).decode()
        event = {"message": {"data": data, "messageId": f"{id(self)}-{self._sent}"}}
        payload = json.dumps(event).encode()
        headers = {
            "ce-id": str(self._sent),
            "ce-specversion": "1.0",
            "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
            "ce-source": f"//pubsub.googleapis.com/projects/demo/topics/{TOPIC}",
            "content-type": "application/json",
        }
        began = perf_counter()
        self._connection.request("POST", "/", payload, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        spent = perf_counter() - began
        assert 200 <= answer.status < 300, (answer.status, text[:500])
        return spent

    def close(self) -> None:
        self._connection.close()
