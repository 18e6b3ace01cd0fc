"""The checks that are written in Python, by name, and the options each takes in ``config/validation.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OptionKind(StrEnum):
    """What an option may hold."""

    TRANSITION = "the name of a transition"
    DURATION = "a duration"


@dataclass(frozen=True, slots=True)
class Option:
    """One option; one without a default has to be given."""

    kind: OptionKind
    default: str | None = None


BUILTINS: Mapping[str, Mapping[str, Option]] = {
    "transition_output": {
        "transition": Option(OptionKind.TRANSITION),
        "grace": Option(OptionKind.DURATION, "1h"),
    },
    "floors": {},
    "runs_opened": {"grace": Option(OptionKind.DURATION, "10m")},
    "stalled_runs": {},
    "alert_delivery": {},
    "quarantine_age": {},
    "state_against_record": {"grace": Option(OptionKind.DURATION, "15m")},
    "sweep_alive": {},
    "schedule_inventory": {},
    "subscription_inventory": {},
    "subscription_backlog": {},
}
