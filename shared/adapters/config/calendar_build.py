"""From the shape of the policy's key `calendar` to the value of the core."""

from __future__ import annotations

from shared.adapters.config.build_values import duration_of, given
from shared.adapters.config.calendar_schema import CalendarSchema, ExcludedSchema
from shared.core.policy.policy import Calendar, Excluded


def calendar_of(schema: CalendarSchema) -> Calendar:
    """Return what there is to do on a date; a text that is null is an empty one."""
    durations = {"presumed_final_after": duration_of, "reaches_back": duration_of, "read_every": duration_of}
    written = given(schema, excluded_statuses=tuple, excluded=_excluded, **durations)
    written.pop("on_unreadable", None)  # it has one value, which is what happens anyway (behaviour T3)
    for name in ("unit_key", "final"):
        written[name] = written.get(name) or ""
    return Calendar(**written)


def _excluded(schema: ExcludedSchema) -> Excluded:
    return Excluded(**{name: value or "" for name, value in given(schema).items()})
