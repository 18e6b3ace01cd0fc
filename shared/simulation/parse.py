"""From a scenario file to a `Scenario`, or to the reason why it is none (exit status 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from shared.adapters.config.beside import whose
from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.core.errors import PolicyError
from shared.core.policy.deployment_check import problems_together
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.core.workflows.runs import RunStatus
from shared.simulation.parse_events import parse_change, parse_events, scrapers_in
from shared.simulation.parse_expect import parse_expectations
from shared.simulation.parse_together import EventDivider, Member, divide_expectations, fitting, parts_for
from shared.simulation.reader import ScenarioError, Value, read, text_of, to_instant
from shared.simulation.scenario import Change, EarlierRun, Given, Scenario
from shared.simulation.times import Times, parse_full
from shared.simulation.usual import parse_usual

CONFIG = Path(__file__).resolve().parents[2] / "config"
REQUIRED = ("name", "start", "end")
OPTIONAL = (
    "source",
    "pipeline",
    "pipelines",
    "policy",
    "seed",
    "workflows",
    "workflows_policy",
    "beside",
    "given",
    "events",
    "expect",
)
WORLD = (
    "games",
    "units",
    "units_held",
    "rows",
    "readings",
    "services",
    "downstream",
    "answers",
    "members",
    "workers",
    "scrapers",
    "starts_at",
)
WORKFLOWS = "workflows.yaml"


def read_scenario(path: Path, text: str | None = None) -> Scenario:
    """Read one scenario file, or the text that was read from it; raise ``ScenarioError`` with file, key and reason if
    it is not valid."""
    root = read(path, text_of(path) if text is None else text)
    fields = root.fields(required=REQUIRED, optional=OPTIONAL)
    if "pipelines" in fields:
        return _of_several(path, fields)
    policy = _policy(path, fields.get("pipeline"), fields.get("policy"))
    base = _without_events(path, fields, policy)
    span, times = (base.start, base.end), Times(policy.zone, policy.local(base.start).date())
    workflows = _workflows(path, fields.get("workflows"), fields.get("workflows_policy"), policy)
    return replace(
        base,
        workflows=workflows,
        beside=_beside(path, fields.get("beside"), policy, span),
        given=_given(fields.get("given"), policy, workflows, times),
        events=parse_events(fields.get("events"), policy, times, span, workflows),
        expect=parse_expectations(fields.get("expect"), policy, times, span, workflows),
    )


def _without_events(path: Path, fields: Mapping[str, Value], policy: Policy) -> Scenario:
    """Return what a scenario says of itself: name, source, seed, and from when to when it plays in a policy's zone."""
    start, end = (to_instant(fields[name], lambda text: parse_full(text, policy.zone)) for name in ("start", "end"))
    if end < start:
        raise fields["end"].error("lies before the start")
    return Scenario(
        path=path,
        name=fields["name"].text(),
        source=fields["source"].text() if "source" in fields else "",
        seed=fields["seed"].integer() if "seed" in fields else None,
        policy=policy,
        overlay=_overlay(fields.get("policy")),
        start=start,
        end=end,
        given=Given(),
        events=(),
        expect=(),
    )


def _of_several(path: Path, fields: Mapping[str, Value]) -> Scenario:
    """Return a scenario that plays several pipelines in one deployment: one part for each."""
    for name in ("pipeline", "beside"):
        if name in fields:
            raise fields[name].error("stands beside pipelines", "name every pipeline in pipelines")
    listed = fields["pipelines"].items()
    if not listed:
        raise fields["pipelines"].error("must not be empty")
    bare = [_policy(path, item, None) for item in listed]
    names = [policy.pipeline for policy in bare]
    for number, item in enumerate(listed):
        if names[number] in names[:number]:
            raise item.error(f"is another file of the pipeline {names[number]}")
    overlays = _by_pipeline(fields.get("policy"), names)
    policies = [_policy(path, item, overlay) for item, overlay in zip(listed, overlays, strict=True)]
    for _, problem in problems_together(policies):
        raise ScenarioError(str(path), "pipelines", f"{problem.key}: {problem.reason}", problem.hint)
    workflows = _workflows_of_several(path, fields, policies)
    members = [Member(policy, of) for policy, of in zip(policies, workflows, strict=True)]
    base = _without_events(path, fields, policies[0])
    span, times = (base.start, base.end), Times(policies[0].zone, policies[0].local(base.start).date())
    events = EventDivider(members, times).events(fields.get("events"), span)
    own, shared = divide_expectations(fields.get("expect"), members, times, span)
    base = replace(base, expect=shared)
    given = _given_of_several(fields.get("given"), members, times)
    parts = tuple(
        replace(
            base,
            policy=member.policy,
            overlay=_overlay(overlays[n]),
            workflows=member.workflows,
            given=given[n],
            events=events[n],
            expect=own[n],
        )
        for n, member in enumerate(members)
    )
    return replace(base, parts=parts)


def _by_pipeline(overlay: Value | None, names: Sequence[str]) -> list[Value | None]:
    """Return what is laid over each pipeline's file: the overlay by their names, or one for all of them."""
    if overlay is None or overlay.is_empty:
        return [None] * len(names)
    named = {key.text(): item for key, item in overlay.pairs()}
    if named.keys() <= set(names):
        return [named.get(name) for name in names]
    return [overlay] * len(names)


def _workflows_of_several(
    path: Path, fields: Mapping[str, Value], policies: Sequence[Policy]
) -> list[Workflows | None]:
    """Return the workflows of each pipeline: those of the file that says it is its own, else the first one's; a mapping
    names a file for each."""
    named, overlay = fields.get("workflows"), fields.get("workflows_policy")
    names = [policy.pipeline for policy in policies]
    if named is not None and named.is_mapping:
        files = {key.word(names): item for key, item in named.pairs()}
        overlays = _by_pipeline(overlay, names)
        return [
            _workflows(path, files[policy.pipeline], over, policy) if policy.pipeline in files else None
            for policy, over in zip(policies, overlays, strict=True)
        ]
    if named is None and overlay is None:
        return [None] * len(policies)
    file = _file(path, named, named.text() if named else WORKFLOWS, "workflow")
    owner = whose(file) or names[0]
    if owner not in names:
        raise ScenarioError(str(path), "workflows", f"are those of {owner}", f"played here: {', '.join(names)}")
    return [_workflows(path, named, overlay, policy) if policy.pipeline == owner else None for policy in policies]


def _given_of_several(value: Value | None, members: Sequence[Member], times: Times) -> list[Given]:
    fields = {} if value is None or value.is_empty else value.fields(optional=(*WORLD, "rows_follow", "workflow_runs"))
    follow = fields["rows_follow"].boolean() if "rows_follow" in fields else True
    runs: list[list[EarlierRun]] = [[] for _ in members]
    for item in fields["workflow_runs"].items() if "workflow_runs" in fields else []:
        readings = [partial(_earlier_run, item, member.workflows, times) for member in members]
        for number in fitting(readings)[:1]:
            runs[number].append(readings[number]())
    changes = parts_for(value, members, WORLD)
    return [Given(change, follow, tuple(of)) for change, of in zip(changes, runs, strict=True)]


def _beside(path: Path, value: Value | None, policy: Policy, span: tuple[datetime, datetime]) -> tuple[Scenario, ...]:
    """Return the scenarios that a scenario names: files relative to its own, of other pipelines and the same span."""
    scenarios: list[Scenario] = []
    for item in [] if value is None else value.items():
        other = read_scenario(path.parent / item.text())
        if (other.start, other.end) != span:
            raise item.error("does not begin and end when this one does")
        if other.beside:
            raise item.error("has scenarios beside it: name them here")
        scenarios.append(other)
    problems = problems_together([policy, *(other.policy for other in scenarios)]) if scenarios else []
    for _, problem in problems:
        raise ScenarioError(str(path), "beside", f"{problem.key}: {problem.reason}", problem.hint)
    return tuple(scenarios)


def _file(path: Path, named: Value | None, name: str, kind: str) -> Path:
    """Return a file that a scenario names, relative to itself or to `config/`."""
    candidates = [path.parent / name, CONFIG / name, CONFIG.parent / name]
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        at = named.key if named else ""
        tried = ", ".join(str(candidate) for candidate in candidates)
        raise ScenarioError(str(path), at, f"there is no {kind} file {name!r}", f"tried {tried}")
    return file


def _workflows(path: Path, named: Value | None, overlay: Value | None, policy: Policy) -> Workflows | None:
    """Return the workflows that a scenario plays, None where it names neither a file nor an overlay."""
    if named is None and overlay is None:
        return None
    file = _file(path, named, named.text() if named else WORKFLOWS, "workflow")
    if overlay is not None and not overlay.is_empty:
        overlay.pairs()
    try:
        return load_workflows(file, policy, overlay.plain() if overlay is not None else None)
    except PolicyError as error:
        if overlay is None:
            raise ScenarioError(error.path, error.key, error.reason, error.hint) from None
        raise ScenarioError(str(path), f"workflows_policy.{error.key}", error.reason, error.hint) from None


def _policy(path: Path, pipeline: Value | None, overlay: Value | None) -> Policy:
    file = _file(path, pipeline, pipeline.text() if pipeline else "nba.yaml", "pipeline")
    if overlay is not None and not overlay.is_empty:
        overlay.pairs()
    try:
        return load_policy(file, _overlay(overlay))
    except PolicyError as error:
        if overlay is None:
            raise ScenarioError(error.path, error.key, error.reason, error.hint) from None
        raise ScenarioError(str(path), f"policy.{error.key}", error.reason, error.hint) from None


def _overlay(overlay: Value | None) -> Mapping[str, Any] | None:
    """Return what a scenario lays over a policy file, None for nothing."""
    plain: Mapping[str, Any] | None = None if overlay is None else overlay.plain()
    return plain


def _given(value: Value | None, policy: Policy, workflows: Workflows | None, times: Times) -> Given:
    if value is None or value.is_empty:
        return Given(Change())
    fields = value.fields(optional=(*WORLD, "rows_follow", "workflow_runs", "usual"))
    change = {name: fields[name] for name in WORLD if name in fields}
    follow = fields["rows_follow"].boolean() if "rows_follow" in fields else True
    earlier = fields["workflow_runs"].items() if "workflow_runs" in fields else []
    runs = tuple(_earlier_run(item, workflows, times) for item in earlier)
    usual = parse_usual(fields["usual"], policy) if "usual" in fields else None
    return Given(parse_change(change, policy, workflows), follow, runs, usual)


def _earlier_run(value: Value, workflows: Workflows | None, times: Times) -> EarlierRun:
    scrapers_in(value, workflows)
    assert workflows is not None
    fields = value.fields(required=("workflow", "date", "at", "outcome"))
    outcomes = tuple(status for status in RunStatus if status is not RunStatus.RUNNING)
    return EarlierRun(
        fields["workflow"].word(tuple(workflows.workflows)),
        fields["date"].day(),
        to_instant(fields["at"], times.parse),
        fields["outcome"].word(outcomes),
    )
