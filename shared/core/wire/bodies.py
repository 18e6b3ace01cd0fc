"""Bodies of calls and messages as the policy writes them (behaviour D12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.core.model import Lane


@dataclass(frozen=True)
class Body:
    """What is sent, as the policy writes it: templates by key, each overlay laid over the one before (behaviour D12).

    ``by_generation`` knows one word, `later`: every generation after the first.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    by_mode: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_generation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_lane: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, mode: str, generation: int, lane: Lane) -> Mapping[str, Any]:
        """Return the body of one run and generation, templates not yet replaced."""
        later = self.by_generation.get(LATER, {}) if generation > 1 else {}
        return {**self.base, **self.by_mode.get(mode, {}), **later, **self.by_lane.get(lane.value, {})}


LATER = "later"


RESERVED = frozenset(
    {
        "trigger_id", "generation", "attempt", "pipeline", "transition", "lane", "trigger_reason", "degraded",
        "missing_processors", "completed_processors", "entities_changed", "is_incremental", "gate_readings",
        "code_version",
    }
)  # fmt: skip
"""Plain fields that say which trigger it is and what it is based on."""


NO_BODY = Body()
