"""Loading config/workflows.yaml: YAML to its shape, the shape to core values, the values checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.config import workflows_schema as shape
from shared.adapters.config.build_values import duration_of, given, local_time_of
from shared.adapters.config.strict_yaml import merged, read_yaml, with_lines
from shared.adapters.config.workflows_schema import WorkflowsSchema
from shared.core.circuit_breaker import Limits
from shared.core.errors import PolicyError
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.workflows import model
from shared.core.workflows.check import in_order, problems
from shared.documents import converted


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


def _span(schema: shape.SpanSchema) -> model.Span:
    return model.Span(local_time_of(schema.from_), local_time_of(schema.to))


def _opens_on(schema: shape.OpensOnSchema) -> model.OpensOn:
    return model.OpensOn(**given(schema, processors=tuple, latest=local_time_of))


def _missing(schema: shape.MissingSchema) -> model.Missing:
    return model.Missing(**given(schema, key=tuple))


def _decide(schema: shape.DecideShape) -> model.Decide:
    match schema:
        case shape.OnceADaySchema():
            return model.OnceADay(**given(schema, window=_span, opens_on=_opens_on))
        case shape.BeforeGamesSchema():
            opens = {"opens_before_first_game": duration_of}
            return model.BeforeGames(**given(schema, **opens, business_hours=_span, every=duration_of))
        case shape.AfterGamesSchema():
            return model.AfterGames(**given(schema, at=local_time_of, tolerance=duration_of, missing=_missing))
        case shape.EarlyGamesSchema():
            times = {
                "at": local_time_of,
                "tip_before": local_time_of,
                "tolerance": duration_of,
                "collect_after": duration_of,
            }
            return model.EarlyGames(**given(schema, **times, missing=_missing))
        case shape.DiscoverySchema():
            return model.Discovery(
                **given(schema, every=duration_of, found=lambda found_schema: model.Found(**given(found_schema)))
            )
        case shape.CatchUpSchema():
            return model.CatchUp(**given(schema, window=_span, every=duration_of, missing=_missing))


def _step(schema: shape.StepSchema) -> model.Step:
    return model.Step(**given(schema, scrapers=tuple, after=tuple, execution=model.Execution))


def _workflow(name: str, schema: shape.WorkflowSchema) -> model.Workflow:
    severities = dict.fromkeys(("failed", "missed", "missing_units"), Severity)
    written = given(
        schema,
        decide=_decide,
        steps=lambda listed: tuple(map(_step, listed)),
        priority=model.Priority,
        requires=tuple,
        alerts=lambda rules: model.AlertRules(**given(rules, **severities)),
        repeat=lambda repeat: model.Repeat(**given(repeat, after=duration_of)),
    )
    return model.Workflow(name=name, **written)


def _breaker(schema: shape.BreakerSchema) -> Limits:
    return Limits(**given(schema, within=duration_of, open_for=duration_of))


def _workflows(schema: WorkflowsSchema, source: str) -> model.Workflows:
    defaults = model.Defaults()
    if isinstance(schema.defaults, shape.DefaultsSchema):
        lengths = {"timeout": duration_of, "step_overhead": duration_of}
        defaults = model.Defaults(**given(schema.defaults, **lengths, breaker=_breaker))
    scrapers = {
        name: model.Scraper(name=name, **{"timeout": defaults.timeout} | given(scraper, timeout=duration_of))
        for name, scraper in schema.scrapers.items()
    }
    workflows = {name: _workflow(name, workflow) for name, workflow in schema.workflows.items()}
    pipeline = "" if schema.pipeline is msgspec.UNSET else schema.pipeline
    return model.Workflows(workflows, scrapers, defaults, source, pipeline)
