"""From the bodies of a step or a rerun, with what is laid over them, to the value of the core."""

from __future__ import annotations

from msgspec import UNSET

from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import there
from shared.adapters.config.phase_schema import RerunSchema
from shared.adapters.config.transition_schema import StepSchema
from shared.core.wire.bodies import Body

BODIES = ("body", "body_by_mode", "body_by_generation", "body_by_lane")


def body_of(schema: StepSchema | RerunSchema) -> Body:
    """Return the body of a step or rerun with its overlays."""
    base, mode, generation, lane = (there(getattr(schema, name, UNSET)) or {} for name in BODIES)
    return Body(base, mode, generation, {str(name): body for name, body in lane.items()})


def refuse_bodies(schema: StepSchema | RerunSchema, key: str, problems: Problems) -> None:
    """Refuse bodies with values that a message could not carry."""
    for name in BODIES:
        written = there(getattr(schema, name, UNSET))
        if written is not None:
            problems.json(written, f"{key}.{name}")
