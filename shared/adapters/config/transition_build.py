"""From the shape of transitions and gates in the policy file to the values of the core."""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import given
from shared.adapters.config.dispatch_build import confirm_of, dispatch_of, refresh_of
from shared.adapters.config.expectation_build import expectations_of
from shared.adapters.config.policy_schema import PolicySchema
from shared.adapters.config.transition_schema import GateSchema, TransitionSchema
from shared.core.policy.transitions import Gate, Transition


def transitions_of(schema: PolicySchema, problems: Problems) -> dict[str, Transition]:
    """Return the transitions in the order in which they can happen, and of the phases of the file."""
    places = {phase: place for place, phase in enumerate(schema.phases)}
    depths = _depths(schema.transitions.values())

    def order(item: tuple[str, TransitionSchema]) -> tuple[int, int]:
        after = _phases(item[1].after)
        return max(depths[phase] for phase in after), max(places.get(phase, len(places)) for phase in after)

    listed = sorted(schema.transitions.items(), key=order)
    modes = list(schema.modes)
    return {name: _transition(name, transition, modes, problems) for name, transition in listed}


def gate_of(name: str, schema: GateSchema, problems: Problems) -> Gate:
    """Return a gate; a mode that is listed twice is a problem."""
    return Gate(name=name, **given(schema, modes=lambda listed: problems.distinct(listed, f"gates.{name}.modes")))


def _transition(name: str, schema: TransitionSchema, modes: list[str], problems: Problems) -> Transition:
    key = f"transitions.{name}"
    written = given(
        schema,
        after=lambda phases: problems.ordered(_phases(phases), f"{key}.after"),
        gates=tuple,
        dispatch=lambda dispatch: dispatch_of(dispatch, f"{key}.dispatch", problems),
        confirm=confirm_of,
        refresh=lambda refresh: refresh_of(refresh, f"{key}.refresh", problems),
    )
    written["expects"] = expectations_of(schema.expects, modes, f"{key}.expects", problems)
    return Transition(name=name, **{"gates": ()} | written)


def _phases(written: str | list[str]) -> list[str]:
    return [written] if isinstance(written, str) else written


def _depths(transitions: Iterable[TransitionSchema]) -> dict[str, int]:
    """Return how many transitions lie at the most before each phase; in a circle, which is refused, some number."""
    listed = list(transitions)
    depths = {phase: 0 for transition in listed for phase in (*_phases(transition.after), transition.starts)}
    for _ in listed:
        for transition in listed:
            depths[transition.starts] = max(
                depths[transition.starts], 1 + max(depths[phase] for phase in _phases(transition.after))
            )
    return depths
