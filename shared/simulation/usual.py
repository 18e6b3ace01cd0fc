"""What was learned of past nights before a scenario begins: the key `usual` under `given`."""

from __future__ import annotations

from datetime import datetime

from shared.app.state.learned import path_of
from shared.core.learning.learned import Learned
from shared.core.learning.usual import Usual
from shared.core.policy.policy import Policy
from shared.documents import to_data
from shared.ports import StateStore
from shared.simulation.reader import Value

NIGHTS, SPREAD, P95 = 30, 0.1, 1.18
ByMode = dict[str, dict[str, Usual]]


def parse_usual(value: Value, policy: Policy) -> Learned:
    """Return what is usual of phases and processors, by name and mode; refuse names that the policy does not have."""
    fields = value.fields(optional=("durations", "rows"))
    processors = [name for phase in policy.phases.values() for name in phase.processors]
    durations, rows = fields.get("durations"), fields.get("rows")
    return Learned(
        durations={} if durations is None else _by_mode(durations, list(policy.phases), policy, 60.0, "minutes"),
        rows={} if rows is None else _by_mode(rows, processors, policy, 1.0, "rows"),
    )


def learned_before(store: StateStore, pipeline: str, learned: Learned, start: datetime) -> None:
    """Put what was learned into the store, as if the sweep had learned it when the scenario begins."""
    document = Learned(start, start.date(), start.date(), durations=learned.durations, rows=learned.rows)
    if store.create(path_of(pipeline), to_data(document)) is None:
        raise AssertionError("a scenario begins with an empty store")


def _by_mode(value: Value, names: list[str], policy: Policy, scale: float, unit: str) -> ByMode:
    listed: ByMode = {}
    for name, by_mode in value.pairs():
        name.word(names)
        for mode, usual in by_mode.pairs():
            mode.word(list(policy.modes))
            listed.setdefault(name.raw, {})[mode.raw] = _usual(usual, scale, unit)
    return listed


def _usual(value: Value, scale: float, unit: str) -> Usual:
    """Return what is usual: so many minutes or rows, and so many more for each unit of the date."""
    fields = value.fields(optional=(unit, "per_unit", "nights"))
    base = fields[unit].number() if unit in fields else 0.0
    per_unit = fields["per_unit"].number() if "per_unit" in fields else 0.0
    if base < 0 or per_unit < 0 or not base + per_unit:
        raise value.error(f"must say {unit}, per_unit or both, and none below 0")
    nights = fields["nights"].integer(1) if "nights" in fields else NIGHTS
    return Usual(nights, base * scale, per_unit * scale, SPREAD, P95)
