"""The reference policy with as many processors in phase 3 as a test wants."""

from __future__ import annotations

import json
from pathlib import Path

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.policy import Policy
from tests.policy_files import nba, write

PHASE, TRANSITION, TOPIC, MODE = "phase3", "phase3_to_phase4", "nba-phase3-analytics-complete", "overnight"


def wide_policy(members: int, folder: Path) -> Policy:
    """Return a policy whose phase 3 waits for all of ``members`` processors, and triggers with one message."""
    return load_policy(wide_policy_file(members, folder))


def wide_policy_file(members: int, folder: Path) -> Path:
    """Write that policy and return its file."""
    policy = nba()
    named = {name: {"table": f"nba_analytics.{name}"} for name in member_names(members)}
    policy["phases"][PHASE]["processors"] = named
    policy["transitions"][TRANSITION] |= {
        "expects": {MODE: {"required": list(named), "deadline": {"after": "2h", "then": "hold"}}},
        "gates": [],
        "dispatch": {"role": "trigger", "topic": "nba-phase4-trigger", "messages": "one"},
    }
    del policy["transitions"][TRANSITION]["refresh"]
    return write(folder, policy)


def member_names(members: int) -> list[str]:
    return [f"member_{number:05}" for number in range(members)]


def member_report(name: str, day: str = "2026-01-21") -> bytes:
    """Return a success of one member."""
    body = {"processor_name": name, "game_date": day, "status": "success", "mode": MODE, "record_count": 100}
    return json.dumps(body).encode()
