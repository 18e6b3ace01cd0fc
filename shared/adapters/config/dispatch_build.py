"""From the shape of what a transition sends, and of what proves it, to the values of the core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import time

from shared.adapters.config.body_build import body_of, refuse_bodies
from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import duration_of, given, there
from shared.adapters.config.transition_schema import (
    ConfirmSchema,
    DispatchSchema,
    HttpSchema,
    RefreshSchema,
    StepSchema,
)
from shared.core.policy.transitions import (
    Confirm,
    Dispatch,
    HttpCall,
    Messages,
    Publication,
    Refresh,
    Step,
)


def dispatch_of(schema: DispatchSchema, key: str, problems: Problems) -> Dispatch:
    """Return the steps; the short form is the call, then the publication, each with the same body."""
    listed = there(schema.steps)
    if listed is not None:
        return Dispatch(schema.role, _steps(listed, f"{key}.steps", problems))
    refuse_bodies(schema, key, problems)
    return Dispatch(schema.role, tuple(_step(schema, target, "dispatch") for target in _targets(schema)))


def refresh_of(schema: RefreshSchema, key: str, problems: Problems) -> Refresh:
    """Return when a phase is triggered anew, with the steps of its own where it has them."""
    steps = _steps(there(schema.steps) or (), f"{key}.steps", problems)
    return Refresh(time.fromisoformat(schema.until), schema.at_most, schema.min_growth_percent, steps)


def confirm_of(schema: ConfirmSchema) -> Confirm:
    """Return what proves that the next phase has begun."""
    return Confirm(**given(schema, within=duration_of, ended_within=duration_of))


def _steps(listed: Iterable[StepSchema], key: str, problems: Problems) -> tuple[Step, ...]:
    steps = []
    for place, schema in enumerate(listed):
        here = f"{key}[{place}]"
        refuse_bodies(schema, here, problems)
        targets = list(_targets(schema))
        if len(targets) != 1:
            what = "neither http nor topic" if not targets else "both http and topic"
            problems.add(here, f"has {what}", "a step is one call or one publication")
        steps += [_step(schema, target, here.split(".", 2)[2]) for target in targets[:1]]
    return tuple(steps)


def _targets(schema: StepSchema) -> Iterator[HttpCall | Publication]:
    http, topic = there(schema.http), there(schema.topic)
    if http is not None:
        yield _http(http)
    if topic is not None:
        yield Publication(topic, there(schema.messages) or Messages.ONE)


def _http(schema: HttpSchema) -> HttpCall:
    return HttpCall(**given(schema, accepted=frozenset, timeout=duration_of))


def _step(schema: StepSchema, target: HttpCall | Publication, place: str) -> Step:
    plain, accepts = there(schema.plain), there(schema.accepts)
    return Step(target, body_of(schema), plain is not False, accepts or {}, place)
