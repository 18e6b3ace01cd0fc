"""Messages as the processors of a night send them, under any of their names, and a few that nobody can understand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.core.calendar import instant, is_expected
from shared.core.model import Lane, RunKey
from shared.core.policy.names import forms
from shared.core.policy.policy import Policy
from shared.core.policy.working_days import Resolve
from shared.simulation.world import Envelope
from tests.random_nights.case import CaseMessage, Night, ScriptLine

JUNK = (
    b"",
    b"   ",
    b"not json",
    b"[1, 2]",
    b'{"processor_name": "player_game_summary", "status": "success"}',
    b'{"processor_name": "player_game_summary", "game_date": "TODAY", "status": "success"}',
    b'{"processor_name": "player_game_summary", "game_date": "2025-2-3", "status": "success"}',
    b'{"processor_name": "NobodyKnowsProcessor", "game_date": "2025-02-03", "status": "success"}',
    b'{"processor_name": "player_game_summary", "game_date": "2025-02-03", "status": "done"}',
    b'{"processor_name": "player_game_summary", "game_date": "2025-02-03", "status": "success", "pipeline": "mlb"}',
    b'{"processor_name": "player_game_summary", "game_date": "2025-02-03", "status": "success", "phase": "phase9"}',
    b'{"processor_name": "player_game_summary", "game_date": "2025-02-03", "status": "success", "record_count": -1}',
)


class MessageFactory:
    """Writes the letters of one night; the same night writes the same ones."""

    def __init__(self, policy: Policy, night: Night) -> None:
        self._policy, self._night = policy, night
        self._chance = Random(f"post/{night.seed}")
        self._count = 0

    def letter(self, key: RunKey, phase: str, line: ScriptLine, at: datetime) -> CaseMessage:
        """Return the letter of a report that is sent at this moment."""
        chance = self._chance
        ended = at - timedelta(seconds=chance.randrange(30)) if chance.random() < 0.8 else at
        body: dict[str, Any] = {
            "processor_name": self._name(phase, line),
            "game_date": key.day.isoformat(),
            "status": line.status,
            **line.more,
        }
        if ended != at:
            body["timestamp"] = ended.isoformat()
        if line.records is not None:
            body["record_count"] = line.records
        if chance.random() < 0.7 or not self._obvious(key, phase, line.processor, at):
            body["mode"] = key.mode
        if chance.random() < 0.5:
            body["phase"] = phase
        if key.lane is Lane.BACKFILL:
            body["backfill_mode"] = True
        attributes = {}
        if line.trigger_id and chance.random() < 0.5:
            attributes["trigger_id"] = line.trigger_id
        elif line.trigger_id:
            body["trigger_id"] = line.trigger_id
        return CaseMessage(
            self._envelope(phase, json.dumps(body).encode(), at, attributes),
            key,
            line.processor,
            line.status,
            line.records,
            _percent(line),
            ended,
            line.more.get("skip_downstream_trigger") is True,
            trigger_id=line.trigger_id,
            source=line.source,
        )

    def junk(self, at: datetime) -> CaseMessage:
        """Return a letter that means nothing."""
        data = self._chance.choice(JUNK)
        return CaseMessage(
            self._envelope(self._chance.choice(list(self._policy.phases)[1:2]), data, at), probe=not data.strip()
        )

    def _envelope(self, phase: str, data: bytes, at: datetime, attributes: Mapping[str, str] | None = None) -> Envelope:
        self._count += 1
        return Envelope(str(1_000_000 + self._count), phase, data, at, attributes or {})

    def _name(self, phase: str, line: ScriptLine) -> str:
        """Return any of the names of a processor, or of the loader that speaks."""
        processor = self._policy.phases[phase].processors[line.processor]
        origin = f"sources.{line.source}"
        if line.source:
            return self._chance.choice([form.name for form in forms(processor) if form.origin == origin])
        if self._chance.random() < 0.5:
            return line.processor
        return self._chance.choice([form.name for form in forms(processor) if not form.origin.startswith("sources.")])

    def _obvious(self, key: RunKey, phase: str, processor: str, at: datetime) -> bool:
        """Whether date and processor tell the mode when the letter is published (behaviour R4, R11)."""
        if self._policy.modes[key.mode].resolve is not Resolve.DATE or not is_expected(key, self._policy):
            return False
        offset = (key.day - self._policy.local(at).date()).days
        expecting = self._policy.expecting[phase, processor]
        if offset == 0 and expecting and len(self._policy.modes) > 1:
            if len(expecting) == 1:
                return expecting[0].name == key.mode
            since = expecting[0].same_evening_from
            if since is not None and at >= instant(key.day, since, self._policy.zone):
                return expecting[0].name == key.mode
        return _sign(offset) == _sign(self._policy.modes[key.mode].partition_offset_days)


def _percent(line: ScriptLine) -> float | None:
    stated = _mapping(line.more.get("metadata")).get("completion_pct")
    if isinstance(stated, int | float):
        return float(stated)
    expected = line.more.get("expected_count")
    return 100 * line.records / expected if line.records is not None and expected else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
