"""What the command prints: lines for a person, or one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.simulation.history import Entry, History
from shared.simulation.judge import Verdict
from shared.simulation.scenario import Scenario


@dataclass(frozen=True)
class Played:
    """A scenario, what happened, what that is worth, and the same of each that was played beside it."""

    scenario: Scenario
    history: History
    verdicts: Sequence[Verdict]
    beside: tuple[Played, ...] = ()

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts) and all(other.passed for other in self.beside)


def lines(played: Played, timeline: bool) -> Iterator[str]:
    """Yield a line for the scenario, then its failed expectations, then what happened."""
    yield f"{'passed' if played.passed else 'FAILED'}  {played.scenario.path}: {played.scenario.name}"
    for verdict in played.verdicts:
        if not verdict.passed:
            yield f"  expected {_value_text(verdict.expected.raw)}"
            yield f"  observed {verdict.observed}"
    if not played.passed:
        for error, count in played.history.raised.most_common(3):
            yield f"  raised   {error} ({count} times)"
    if timeline:
        for entry in played.history.timeline:
            yield f"  {_local(played.scenario, entry):%Y-%m-%d %H:%M:%S}  {entry.kind:<10}  {entry.text}"
    for other in played.beside:
        yield from (f"  {line}" for line in lines(other, timeline))


def document(scenarios: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the JSON document of the scenario format."""
    return {"passed": all(scenario["passed"] for scenario in scenarios), "scenarios": list(scenarios)}


def scenario_document(played: Played) -> dict[str, Any]:
    """Return the part of the JSON document that is of one scenario."""
    beside = {"beside": [scenario_document(other) for other in played.beside]} if played.beside else {}
    return {
        "name": played.scenario.name,
        "file": str(played.scenario.path),
        "passed": played.passed,
        "expectations": [
            {"expect": verdict.expected.raw, "passed": verdict.passed, "observed": verdict.observed}
            for verdict in played.verdicts
        ],
        "timeline": [
            {"at": _local(played.scenario, entry).isoformat(), "kind": entry.kind, "text": entry.text}
            for entry in played.history.timeline
        ],
        **beside,
    }


def _local(scenario: Scenario, entry: Entry) -> Any:
    return scenario.policy.local(entry.at)


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value_text(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
