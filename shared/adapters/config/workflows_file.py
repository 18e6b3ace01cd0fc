"""Loading config/workflows.yaml: YAML to its shape, the shape to core values, the values checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.config import workflows_schema as shape
from shared.adapters.config.strict_yaml import merged, read_yaml, with_lines
from shared.adapters.config.workflows_schema import WorkflowsSchema
from shared.core.circuit_breaker import Limits
from shared.core.errors import PolicyError
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import LocalTime
from shared.core.severity import Severity
from shared.core.workflows import model
from shared.core.workflows.check import in_order, problems
from shared.documents import converted

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def load_workflows(path: Path, policy: Policy, overlay: Mapping[str, Any] | None = None) -> model.Workflows:
    """Return the workflows of a file, with an overlay laid over its mapping.

    Raises PolicyError for the first problem, the others listed in its hint, each with its line.
    """
    raw, errors = read_yaml(path)
    source = str(path)
    _refuse(source, errors)
    if overlay:
        raw, source = merged(raw, overlay), f"{path} + overlay"
    shaped = _shaped(raw, path, source)
    workflows = _workflows(shaped, source)
    _refuse(source, _placed(path, source, problems(workflows, policy)))
    ordered = {
        name: replace(workflow, steps=in_order(workflow.steps)) for name, workflow in workflows.workflows.items()
    }
    return replace(workflows, workflows=ordered)


def _placed(path: Path, source: str, errors: Sequence[ConfigError]) -> Sequence[ConfigError]:
    """Return problems with their lines, unless their keys may be in an overlay."""
    return with_lines(path, errors) if source == str(path) else errors


def _refuse(source: str, errors: Sequence[ConfigError]) -> None:
    """Raise for the first problem, if there is one."""
    if not errors:
        return
    first, *others = dict.fromkeys(errors)
    hint = first.hint
    if others:
        lines = "".join(f"\n    {other.key}: {other.reason} (hint: {other.hint})" for other in others)
        hint = f"{hint}\n  {len(others)} more {'problem' if len(others) == 1 else 'problems'}:{lines}"
    raise PolicyError(source, first.key, first.reason, hint)


def _shaped(raw: object, path: Path, source: str) -> WorkflowsSchema:
    try:
        return converted(raw, WorkflowsSchema)
    except msgspec.ValidationError as error:
        # Its text names no key of a mapping, so the fault is looked for once more, with the path in hand.
        from shared.adapters.config.locate_errors import locate_errors

        unnamed = ConfigError("(top level)", str(error), "compare with config/schema/workflows.schema.json")
        _refuse(source, _placed(path, source, list(locate_errors(raw, WorkflowsSchema)) or [unnamed]))
        raise


def _given(schema: msgspec.Struct, /, **into: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the keys that the file names, some converted: what it leaves out is for the core to default."""
    values = {name: getattr(schema, name) for name in schema.__struct_fields__}
    return {
        name: into[name](value) if name in into else value
        for name, value in values.items()
        if value is not msgspec.UNSET
    }


def _duration(text: str) -> timedelta:
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


def _local_time(text: str) -> LocalTime:
    """Return the time that `08:30` or `+1d 02:00` says."""
    later, _, at = text.rpartition(" ")
    return LocalTime(int(later[1:-1]) if later else 0, time.fromisoformat(at))


def _span(schema: shape.SpanSchema) -> model.Span:
    return model.Span(_local_time(schema.from_), _local_time(schema.to))


def _opens_on(schema: shape.OpensOnSchema) -> model.OpensOn:
    return model.OpensOn(**_given(schema, processors=tuple, latest=_local_time))


def _missing(schema: shape.MissingSchema) -> model.Missing:
    return model.Missing(**_given(schema, key=tuple))


def _decide(schema: shape.DecideShape) -> model.Decide:
    match schema:
        case shape.OnceADaySchema():
            return model.OnceADay(**_given(schema, window=_span, opens_on=_opens_on))
        case shape.BeforeGamesSchema():
            opens = {"opens_before_first_game": _duration}
            return model.BeforeGames(**_given(schema, **opens, business_hours=_span, every=_duration))
        case shape.AfterGamesSchema():
            return model.AfterGames(**_given(schema, at=_local_time, tolerance=_duration, missing=_missing))
        case shape.EarlyGamesSchema():
            times = {"at": _local_time, "tip_before": _local_time, "tolerance": _duration, "collect_after": _duration}
            return model.EarlyGames(**_given(schema, **times, missing=_missing))
        case shape.DiscoverySchema():
            return model.Discovery(
                **_given(schema, every=_duration, found=lambda found_schema: model.Found(**_given(found_schema)))
            )
        case shape.CatchUpSchema():
            return model.CatchUp(**_given(schema, window=_span, every=_duration, missing=_missing))


def _step(schema: shape.StepSchema) -> model.Step:
    return model.Step(**_given(schema, scrapers=tuple, after=tuple, execution=model.Execution))


def _workflow(name: str, schema: shape.WorkflowSchema) -> model.Workflow:
    severities = dict.fromkeys(("failed", "missed", "missing_units"), Severity)
    given = _given(
        schema,
        decide=_decide,
        steps=lambda listed: tuple(map(_step, listed)),
        priority=model.Priority,
        requires=tuple,
        alerts=lambda rules: model.AlertRules(**_given(rules, **severities)),
        repeat=lambda repeat: model.Repeat(**_given(repeat, after=_duration)),
    )
    return model.Workflow(name=name, **given)


def _breaker(schema: shape.BreakerSchema) -> Limits:
    return Limits(**_given(schema, within=_duration, open_for=_duration))


def _workflows(schema: WorkflowsSchema, source: str) -> model.Workflows:
    defaults = model.Defaults()
    if isinstance(schema.defaults, shape.DefaultsSchema):
        lengths = {"timeout": _duration, "step_overhead": _duration}
        defaults = model.Defaults(**_given(schema.defaults, **lengths, breaker=_breaker))
    scrapers = {
        name: model.Scraper(name=name, **{"timeout": defaults.timeout} | _given(scraper, timeout=_duration))
        for name, scraper in schema.scrapers.items()
    }
    workflows = {name: _workflow(name, workflow) for name, workflow in schema.workflows.items()}
    pipeline = "" if schema.pipeline is msgspec.UNSET else schema.pipeline
    return model.Workflows(workflows, scrapers, defaults, source, pipeline)
