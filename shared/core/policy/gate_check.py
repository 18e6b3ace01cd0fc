"""What is wrong with the gates of a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Gate, GateKind, OnMissing, Transition


def gate_problems(policy: Policy, unreadable: Mapping[str, str]) -> Iterator[ConfigError]:
    """Yield what is wrong with each gate, and with each gate where a transition uses it."""
    for gate in policy.gates.values():
        key = f"gates.{gate.name}"
        yield from _foreign_keys(gate, key)
        if gate.kind is not GateKind.ROWS:
            yield from _thresholds(gate, key)
        if gate.kind is GateKind.PERCENT:
            yield from _sql(gate, key, unreadable)
        for mode in sorted(gate.modes or ()):
            if mode not in policy.modes:
                yield ConfigError(f"{key}.modes", f"there is no mode {mode}", suggest(mode, policy.modes))
    for transition in policy.transitions.values():
        yield from _uses(policy, transition)


def _foreign_keys(gate: Gate, key: str) -> Iterator[ConfigError]:
    """Yield the keys that a gate of this kind would never look at."""
    given = {
        "sql": gate.sql is not None,
        "block_below": gate.block_below is not None,
        "warn_below": gate.warn_below is not None,
        "at_least": gate.at_least is not None,
        "min_rows": gate.min_rows != 1,
        "on_missing": gate.on_missing is not OnMissing.BLOCK,
    }
    own = {
        GateKind.ROWS: ("at_least", "min_rows", "on_missing"),
        GateKind.PERCENT: ("sql", "block_below", "warn_below"),
        GateKind.COMPLETION_PERCENT: ("block_below", "warn_below"),
    }
    for name, is_given in given.items():
        if is_given and name not in own[gate.kind]:
            kinds = " or ".join(kind.value for kind, keys in own.items() if name in keys)
            yield ConfigError(f"{key}.{name}", f"is no key of kind {gate.kind.value}", f"it belongs to kind {kinds}")


def _thresholds(gate: Gate, key: str) -> Iterator[ConfigError]:
    block, warn = gate.block_below, gate.warn_below
    if block is None and warn is None:
        reason = "neither block_below nor warn_below: the gate would let everything pass"
        yield ConfigError(f"{key}.block_below", reason, "block_below: 80")
    if block is not None and warn is not None and warn <= block:
        reason = f"{warn:g} is not above block_below ({block:g}): the gate would block before it warns"
        yield ConfigError(f"{key}.warn_below", reason, "warn above the number that blocks, or leave warn_below out")


def _sql(gate: Gate, key: str, unreadable: Mapping[str, str]) -> Iterator[ConfigError]:
    if gate.sql is None:
        yield ConfigError(f"{key}.sql", "a gate of kind percent needs a query", f"sql: gates/{gate.name}.sql")
    elif gate.sql in unreadable:
        yield ConfigError(f"{key}.sql", unreadable[gate.sql], f"write the query to config/{gate.sql}")


def _uses(policy: Policy, transition: Transition) -> Iterator[ConfigError]:
    for name in transition.gates:
        gate = policy.gates.get(name)
        if gate is None:
            key = f"transitions.{transition.name}.gates"
            yield ConfigError(key, f"there is no gate {name}", suggest(name, policy.gates))
        elif gate.kind is GateKind.ROWS:
            yield from _table_errors(policy, transition, gate)


def _table_errors(policy: Policy, transition: Transition, gate: Gate) -> Iterator[ConfigError]:
    """Yield where a rows gate asks for more tables than the expected processors have."""
    processors = policy.awaited[transition.name]
    for mode, expectation in transition.expects.items():
        if not processors or (gate.modes is not None and mode not in gate.modes):
            continue
        members = [processors[name] for name in expectation.expected if name in processors]
        tables = sum(bool(processor.tables) for processor in members)
        where = f"{transition.name} in mode {mode}"
        if members and not tables:
            reason = f"no processor that {where} expects has a table: {gate.name} would read nothing"
            yield ConfigError(f"transitions.{transition.name}.gates", reason, "give them tables, or drop the gate")
        elif gate.at_least is not None and gate.at_least > tables:
            reason = f"{gate.at_least} tables, but {where} expects {tables}"
            yield ConfigError(
                f"gates.{gate.name}.at_least", reason, f"{tables} at the most, or narrow the gate's modes"
            )
