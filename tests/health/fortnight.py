"""A fortnight of ordinary nights with a few that are not, as a scenario: what the page is looked at with."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.core.policy.policy import Policy
from shared.simulation.parse import read_scenario
from shared.simulation.scenario import Scenario
from tests.functions.worlds import POLICY

LAST = date(2026, 1, 25)
FIRST = LAST - timedelta(days=12)
NO_GAMES = {date(2026, 1, 19)}
# Each phase of a pass begins so many minutes after the pass does, and its processors end one after the other.
STARTS = {
    "overnight": ("05:31", {"phase2": 0, "phase3": 21, "phase4": 42, "phase5": 71, "phase6": 80}),
    "same_day": ("10:32", {"phase2": 0, "phase3": 9, "phase4": 20, "phase5": 47, "phase6": 55}),
    "tomorrow": ("16:41", {"phase2": 0, "phase3": 8, "phase4": 19, "phase5": 44, "phase6": 52}),
}
# Working day and mode: who never comes, by how many minutes a phase is late, who fails.
SILENT = {
    (date(2026, 1, 14), "overnight"): {"team_offense_game_summary"},
    (date(2026, 1, 21), "overnight"): {"player_composite_factors"},
    (date(2026, 1, 23), "same_day"): {"upcoming_team_game_context"},
    (date(2026, 1, 24), "tomorrow"): {"prediction_coordinator", "phase6_export"},
    (LAST, "overnight"): {"prediction_coordinator", "phase6_export"},
}
LATE = {
    (date(2026, 1, 17), "overnight"): {"phase2": 75},
    (date(2026, 1, 22), "overnight"): {"phase3": 140},
    (LAST, "overnight"): {"upcoming_team_game_context": 46},
}
FAILED = {(LAST, "overnight"): {"player_composite_factors"}}


def fortnight(folder: Path, until: str = "07:32") -> Scenario:
    """Return the scenario, written into a folder as people write one."""
    games = {str(day): _games(day) for day in (FIRST + timedelta(days=n) for n in range(-1, 15))}
    days = [FIRST + timedelta(days=n) for n in range(13)]
    ends = datetime.fromisoformat(f"{LAST} {until}")
    events = [pair for day in days for mode in STARTS for pair in _pass(POLICY, day, mode) if pair[0] <= ends]
    scenario: dict[str, Any] = {
        "name": "A fortnight of nights",
        "start": f"{FIRST} 04:00",
        "end": f"{ends:%Y-%m-%d %H:%M}",
        "given": {"games": games},
        "events": [event for _, event in sorted(events, key=lambda pair: pair[0])],
        "expect": [],
    }
    path = folder / "fortnight.yaml"
    path.write_text(json.dumps(scenario, indent=1))  # YAML too, with every time in quotes
    return read_scenario(path)


def _games(day: date) -> dict[str, int]:
    """Return a date's games: played to their end, or still to come."""
    count = 0 if day in NO_GAMES else 6 + day.day % 4
    return {"final" if day < LAST else "scheduled": count}


def _pass(policy: Policy, worked_on: date, mode: str) -> list[tuple[datetime, dict[str, Any]]]:
    day = worked_on + timedelta(days=policy.modes[mode].partition_offset_days)
    if day in NO_GAMES:
        return []
    clock, offsets = STARTS[mode]
    key, events = (worked_on, mode), []
    begins = datetime.fromisoformat(f"{worked_on} {clock}")
    slip = timedelta()
    for phase, offset in offsets.items():
        slip += timedelta(minutes=LATE.get(key, {}).get(phase, 0))
        after = policy.after(phase)
        names = after[0].expects[mode].expected if after else policy.phases[phase].processors
        for place, name in enumerate(sorted(names)):
            if name in SILENT.get(key, ()) or policy.phases[phase].processors[name].disabled_on(day):
                continue
            own = timedelta(minutes=LATE.get(key, {}).get(name, 0))
            at = begins + slip + own + timedelta(minutes=offset + 3 * place + (worked_on.day + place) % 3)
            events.append(
                (at, _event(policy, at, worked_on, name, phase, day, mode, failed=name in FAILED.get(key, ())))
            )
    return events


def _event(
    policy: Policy, at: datetime, worked_on: date, name: str, phase: str, day: date, mode: str, *, failed: bool
) -> dict[str, Any]:
    days = (worked_on - FIRST).days
    body: dict[str, Any] = {"processor": name, "phase": phase, "game_date": str(day), "mode": mode}
    body |= {"status": "failed", "error": "source answered 503"} if failed else {"records": 120 + at.minute}
    if name == "prediction_coordinator":
        body["metadata"] = {"completion_pct": 97.4}
    return {"at": f"+{days}d {at:%H:%M}" if days else f"{at:%H:%M}", "complete": body}
