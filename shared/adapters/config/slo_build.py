"""From the shape of the policy's key `slos` to the objectives of the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import Struct

from shared.adapters.config.build_values import duration_of, given
from shared.adapters.config.slo_schema import SlosSchema
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.core.policy.policy import OBJECTIVES


def objectives_of(schema: SlosSchema) -> Objectives:
    """Return the objectives that hold by default, with what the file says of each laid over them."""

    def over(default: Objective | None) -> Callable[[Struct], Objective]:
        return lambda written: replace(default or Objective(99), **given(written, within=duration_of))

    kinds = {kind.value: over(getattr(OBJECTIVES, kind.value)) for kind in ObjectiveKind}
    return replace(OBJECTIVES, **given(schema, window=duration_of, **kinds))
