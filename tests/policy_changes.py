"""Changes of the reference policy as people make them while a run is open: what goes, and what is called anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.policy_files import nba

Raw = dict[str, Any]
Change = Callable[[Raw], None]


def without_mode(mode: str) -> Change:
    """Take a mode out of the policy and of everything that names it."""

    def change(raw: Raw) -> None:
        del raw["modes"][mode]
        for transition in raw["transitions"].values():
            transition["expects"].pop(mode, None)
        for gate in raw["gates"].values():
            if "modes" in gate:
                gate["modes"] = [name for name in gate["modes"] if name != mode] or list(raw["modes"])

    return change


def without_processor(phase: str, name: str) -> Change:
    """Take a processor out of its phase and of every set that expects it."""

    def change(raw: Raw) -> None:
        del raw["phases"][phase]["processors"][name]
        for transition in raw["transitions"].values():
            for expectation in transition["expects"].values():
                for part in ("required", "optional"):
                    if part in expectation:
                        expectation[part] = [processor for processor in expectation[part] if processor != name]
                for tier in expectation.get("tiers", ()):
                    tier["at_least"] = max(1, tier["at_least"] - 1)

    return change


def renamed(kind: str, old: str, new: str) -> Change:
    """Call a thing anew wherever the policy names it: a processor, a phase, a gate, a service, a transition, a mode."""

    def again(value: Any) -> Any:
        if isinstance(value, dict):
            return {(new if key == old else key): again(item) for key, item in value.items()}
        if isinstance(value, list):
            return [again(item) for item in value]
        return new if value == old else value

    def change(raw: Raw) -> None:
        assert kind
        changed = again(raw)
        raw.clear()
        raw.update(changed)

    return change


def without_gates(raw: Raw) -> None:
    raw["gates"] = {}
    for transition in raw["transitions"].values():
        transition.pop("gates", None)


def without_preflight(raw: Raw) -> None:
    for transition in raw["transitions"].values():
        transition.pop("preflight", None)


def without_calendar(raw: Raw) -> None:
    del raw["calendar"]


def without_tiers(raw: Raw) -> None:
    for transition in raw["transitions"].values():
        for expectation in transition["expects"].values():
            expectation.pop("tiers", None)


def without_refresh(raw: Raw) -> None:
    for transition in raw["transitions"].values():
        transition.pop("refresh", None)


def only_watching(raw: Raw) -> None:
    for transition in raw["transitions"].values():
        transition["dispatch"]["role"] = "observe"


CHANGES: dict[str, Change] = {
    "the mode leaves": without_mode("overnight"),
    "another mode leaves": without_mode("same_day"),
    "the mode has another name": renamed("mode", "overnight", "finished"),
    "a required processor leaves": without_processor("phase3", "player_game_summary"),
    "an optional processor leaves": without_processor("phase3", "team_defense_game_summary"),
    "a processor of phase 4 leaves": without_processor("phase4", "player_composite_factors"),
    "a processor has another name": renamed("processor", "player_game_summary", "player_game_totals"),
    "a phase has another name": renamed("phase", "phase4", "phase_4"),
    "a transition has another name": renamed("transition", "phase3_to_phase4", "analytics_to_precompute"),
    "a gate has another name": renamed("gate", "game_coverage", "coverage_of_games"),
    "a service has another name": renamed("service", "precompute", "precomputing"),
    "the gates leave": without_gates,
    "the preflights leave": without_preflight,
    "the calendar leaves": without_calendar,
    "the tiers leave": without_tiers,
    "the refresh leaves": without_refresh,
    "all transitions only watch": only_watching,
}


def changed(*names: str) -> Raw:
    """Return the reference policy after these changes, one after the other."""
    raw = nba()
    for name in names:
        CHANGES[name](raw)
    return raw
