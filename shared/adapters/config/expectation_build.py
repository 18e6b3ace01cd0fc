"""From the shape of what a transition expects, mode by mode, to the values of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import given, there
from shared.adapters.config.due_build import deadline_of, due_of, tiers_of
from shared.adapters.config.transition_schema import AfterRunSchema, ExpectationSchema
from shared.core.policy.after_run import AfterRun
from shared.core.policy.transitions import Expectation

NO_DUE = "none"
ANY_MODE = "any_mode"


def expectations_of(
    schemas: Mapping[str, ExpectationSchema], modes: list[str], key: str, problems: Problems
) -> dict[str, Expectation]:
    """Return the expectations by mode, `any_mode` laid under each; without it, unnamed modes have none."""
    under = _expectation(schemas[ANY_MODE], f"{key}.{ANY_MODE}", problems) if ANY_MODE in schemas else None
    listed = [mode for mode in modes if mode in schemas or under is not None]
    listed += [mode for mode in schemas if mode not in modes and mode != ANY_MODE]
    built = {}
    for mode in listed:
        here = f"{key}.{mode}"
        own = _expectation(schemas[mode], here, problems) if mode in schemas else {}
        for name in (under or {}).keys() - own.keys():
            problems.inherit(f"{here}.{name}", f"{key}.{ANY_MODE}.{name}")
        whole = (under or {}) | own
        if own.get("due") is not None and not own.get("no_due"):
            whole = {**whole, "no_due": False, "because": own.get("because", "")}
        if "required" not in whole:
            problems.add(f"{here}.required", "is missing", "add it: a list; [] if none is")
        built[mode] = Expectation(**{"required": frozenset()} | whole)
    return built


def _expectation(schema: ExpectationSchema, key: str, problems: Problems) -> dict[str, Any]:
    written = given(
        schema,
        required=lambda listed: problems.distinct(listed, f"{key}.required"),
        optional=lambda listed: problems.distinct(listed, f"{key}.optional"),
        tiers=tiers_of,
        deadline=deadline_of,
        due=lambda due: None if due == NO_DUE else due_of(due),
        after_run=_after_run,
    )
    if schema.due == NO_DUE:
        written["no_due"] = True
    if "because" in written:
        written["because"] = written["because"] or ""
    return written


def _after_run(schema: AfterRunSchema) -> AfterRun:
    return AfterRun(schema.pipeline, schema.mode, there(schema.transition) or "", there(schema.offset_days) or 0)
