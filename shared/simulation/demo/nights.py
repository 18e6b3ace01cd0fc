"""The recorded nights that are played: each is a scenario file and what to ask about it afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from shared.core.commands import line
from shared.core.model import RunKey
from shared.simulation.parse import read_scenario
from shared.simulation.reader import ScenarioError
from shared.simulation.scenario import Change, Complete, Redeliver, Scenario

SCENARIOS = Path(__file__).resolve().parents[3] / "tests" / "scenarios"


@dataclass(frozen=True)
class Night:
    """``asks`` are the transitions worth an `orch explain`, with date and mode."""

    name: str
    title: str
    file: str
    asks: tuple[tuple[str, str, str], ...]

    @property
    def path(self) -> Path:
        return SCENARIOS / self.file


NIGHTS = (
    Night(
        "one-processor",
        "29 December 2025: a same-day run starts one processor",
        "incidents/B1_same_day_one_processor.yaml",
        (("phase3_to_phase4", "2025-12-29", "same_day"),),
    ),
    Night(
        "one-record",
        "17/18 January 2026: one record of 156, then the repair",
        "incidents/B2_one_record_of_156.yaml",
        (("phase3_to_phase4", "2026-01-18", "tomorrow"),),
    ),
    Night(
        "two-runs",
        "21 January 2026: two runs of one date",
        "incidents/B10_one_date_two_runs.yaml",
        (("phase3_to_phase4", "2026-01-21", "overnight"), ("phase3_to_phase4", "2026-01-21", "same_day")),
    ),
    Night(
        "tier-two",
        "20 January 2026: an optional processor is missing, tier 2 by the clock",
        "incidents/B8_tier_two_by_the_clock.yaml",
        (("phase4_to_phase5", "2026-01-19", "overnight"),),
    ),
)


def load(night: Night) -> Scenario:
    """Read a night's scenario; raise ``ScenarioError`` if it is wrong or holds what only `orch simulate` can play."""
    scenario = read_scenario(night.path)
    for number, event in enumerate(scenario.events):
        playable = isinstance(event.happening, Redeliver | Change) or (
            isinstance(event.happening, Complete) and event.happening.published == event.at
        )
        if not playable:
            raise ScenarioError(
                str(night.path),
                f"events[{number}]",
                "the demo plays completions, redeliveries and changes of the world only",
                line("simulate", str(night.path)),
            )
    return scenario


def days_of(scenario: Scenario) -> list[date]:
    """Return the dates that a scenario's world holds anything of."""

    def days() -> Iterator[date]:
        changes = [event.happening for event in scenario.events if isinstance(event.happening, Change)]
        for change in (scenario.given.change, *changes):
            yield from change.games
            for rows in change.rows.values():
                yield from rows

    return sorted(set(days()))


def chosen(names: Sequence[str]) -> list[Night] | str:
    """Return the nights of these names in the order of the list, all without a name; or the name that is unknown."""
    night_names = {night.name for night in NIGHTS}
    unknown = next((name for name in names if name not in night_names), None)
    if unknown is not None:
        return unknown
    return [night for night in NIGHTS if not names or night.name in names]


def short(key: RunKey) -> str:
    """Return a run as the screen names it: `2026-01-21 overnight`."""
    return f"{key.day} {key.mode}"
