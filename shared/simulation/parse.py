"""From a scenario file to a `Scenario`, or to the reason why it is none (exit status 2)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.core.errors import PolicyError
from shared.core.policy.deployment_check import problems_together
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.core.workflows.runs import RunStatus
from shared.simulation.parse_events import parse_change, parse_events, scrapers_in
from shared.simulation.parse_expect import parse_expectations
from shared.simulation.reader import ScenarioError, Value, read, to_instant
from shared.simulation.scenario import Change, EarlierRun, Given, Scenario
from shared.simulation.times import Times, parse_full

CONFIG = Path(__file__).resolve().parents[2] / "config"
REQUIRED = ("name", "start", "end")
OPTIONAL = (
    "source",
    "pipeline",
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


def read_scenario(path: Path) -> Scenario:
    """Read one scenario file; raise ``ScenarioError`` with file, key and reason if it is not valid."""
    root = read(path)
    fields = root.fields(required=REQUIRED, optional=OPTIONAL)
    policy = _policy(path, fields.get("pipeline"), fields.get("policy"))
    start, end = (to_instant(fields[name], lambda text: parse_full(text, policy.zone)) for name in ("start", "end"))
    if end < start:
        raise fields["end"].error("lies before the start")
    times = Times(policy.zone, policy.local(start).date())
    workflows = _workflows(path, fields.get("workflows"), fields.get("workflows_policy"), policy)
    return Scenario(
        path=path,
        name=fields["name"].text(),
        source=fields["source"].text() if "source" in fields else "",
        seed=fields["seed"].integer() if "seed" in fields else None,
        policy=policy,
        start=start,
        end=end,
        workflows=workflows,
        beside=_beside(path, fields.get("beside"), policy, (start, end)),
        given=_given(fields.get("given"), policy, workflows),
        events=parse_events(fields.get("events"), policy, times, (start, end), workflows),
        expect=parse_expectations(fields.get("expect"), policy, times, (start, end), workflows),
    )


def _beside(path: Path, value: Value | None, policy: Policy, span: tuple[datetime, datetime]) -> tuple[Scenario, ...]:
    """Return the scenarios that a scenario names: files relative to its own, of other pipelines and the same span."""
    found: list[Scenario] = []
    for item in [] if value is None else value.items():
        other = read_scenario(path.parent / item.text())
        if (other.start, other.end) != span:
            raise item.error("does not begin and end when this one does")
        if other.beside:
            raise item.error("has scenarios beside it: name them here")
        found.append(other)
    problems = problems_together([policy, *(other.policy for other in found)]) if found else []
    for _, problem in problems:
        raise ScenarioError(str(path), "beside", f"{problem.key}: {problem.reason}", problem.hint)
    return tuple(found)


def _file(path: Path, named: Value | None, name: str, kind: str) -> Path:
    """Return a file that a scenario names, relative to itself or to `config/`."""
    candidates = [path.parent / name, CONFIG / name, CONFIG.parent / name]
    found = next((file for file in candidates if file.is_file()), None)
    if found is None:
        at = named.key if named else ""
        tried = ", ".join(str(file) for file in candidates)
        raise ScenarioError(str(path), at, f"there is no {kind} file {name!r}", f"tried {tried}")
    return found


def _workflows(path: Path, named: Value | None, overlay: Value | None, policy: Policy) -> Workflows | None:
    """Return the workflows that a scenario plays, None where it names neither a file nor an overlay."""
    if named is None and overlay is None:
        return None
    found = _file(path, named, named.text() if named else WORKFLOWS, "workflow")
    if overlay is not None and not overlay.is_empty:
        overlay.pairs()
    try:
        return load_workflows(found, policy, overlay.plain() if overlay is not None else None)
    except PolicyError as error:
        if overlay is None:
            raise ScenarioError(error.path, error.key, error.reason, error.hint) from None
        raise ScenarioError(str(path), f"workflows_policy.{error.key}", error.reason, error.hint) from None


def _policy(path: Path, pipeline: Value | None, overlay: Value | None) -> Policy:
    found = _file(path, pipeline, pipeline.text() if pipeline else "nba.yaml", "pipeline")
    if overlay is not None and not overlay.is_empty:
        overlay.pairs()
    changes = overlay.plain() if overlay is not None else None
    try:
        return load_policy(found, changes)
    except PolicyError as error:
        if overlay is None:
            raise ScenarioError(error.path, error.key, error.reason, error.hint) from None
        raise ScenarioError(str(path), f"policy.{error.key}", error.reason, error.hint) from None


def _given(value: Value | None, policy: Policy, workflows: Workflows | None) -> Given:
    if value is None or value.is_empty:
        return Given(Change())
    fields = value.fields(optional=(*WORLD, "rows_follow", "workflow_runs"))
    change = {name: fields[name] for name in WORLD if name in fields}
    follow = fields["rows_follow"].boolean() if "rows_follow" in fields else True
    earlier = fields["workflow_runs"].items() if "workflow_runs" in fields else []
    runs = tuple(_earlier_run(item, policy, workflows) for item in earlier)
    return Given(parse_change(change, policy, workflows), follow, runs)


def _earlier_run(value: Value, policy: Policy, workflows: Workflows | None) -> EarlierRun:
    scrapers_in(value, workflows)
    assert workflows is not None
    fields = value.fields(required=("workflow", "date", "at", "outcome"))
    outcomes = tuple(status for status in RunStatus if status is not RunStatus.RUNNING)
    return EarlierRun(
        fields["workflow"].word(tuple(workflows.workflows)),
        fields["date"].day(),
        to_instant(fields["at"], lambda text: parse_full(text, policy.zone)),
        fields["outcome"].word(outcomes),
    )
