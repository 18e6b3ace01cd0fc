"""From the shape of deadlines, due times and what past nights say of them to the values of the core."""

from __future__ import annotations

from shared.adapters.config.build_values import duration_of, given, local_time_of
from shared.adapters.config.mode_schema import AfterOpenedSchema
from shared.adapters.config.transition_schema import AutoSchema, DeadlineSchema, DueSchema, TierSchema
from shared.core.policy.adaptive import Auto
from shared.core.policy.transitions import AfterOpened, Deadline, Due, DueTime, Tier


def due_time_of(text: str | AfterOpenedSchema) -> DueTime:
    """Return the time that `08:30`, `+1d 02:00` or `{after_opened: 3h}` says."""
    return AfterOpened(duration_of(text.after_opened)) if isinstance(text, AfterOpenedSchema) else local_time_of(text)


def due_of(schema: DueSchema) -> Due:
    """Return when a person is told, a time that the file leaves out as None."""
    times = {"warning": None, "critical": None}
    written = times | given(schema, warning=due_time_of, critical=due_time_of)
    learned = written.pop("auto", None)
    autos = {} if learned is None else given(learned, warning=_auto, critical=_auto)
    return Due(**written, **{f"{name}_auto": auto for name, auto in autos.items()})


def deadline_of(schema: DeadlineSchema) -> Deadline:
    """Return the end of waiting."""
    return Deadline(**given(schema, after=duration_of, auto=_auto))


def tiers_of(schemas: list[TierSchema]) -> tuple[Tier, ...]:
    """Return the tiers in the order of the file, which names the first that holds (behaviour D1)."""
    return tuple(Tier(**given(tier, after=duration_of, auto=_auto)) for tier in schemas)


def _auto(schema: AutoSchema) -> Auto:
    nights = int(schema.of.partition(" ")[0])
    return Auto(schema.quantile, nights, schema.times, duration_of(schema.at_least), duration_of(schema.at_most))
