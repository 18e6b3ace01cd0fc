"""From a scenario file to a `Scenario`, or to the reason why it is none (exit status 2)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy
from shared.simulation.parse_events import parse_change, parse_events
from shared.simulation.parse_expect import parse_expectations
from shared.simulation.reader import ScenarioError, Value, read, to_instant
from shared.simulation.scenario import Change, Given, Scenario
from shared.simulation.times import Times, parse_full

CONFIG = Path(__file__).resolve().parents[2] / "config"
REQUIRED = ("name", "start", "end")
OPTIONAL = ("source", "pipeline", "policy", "seed", "given", "events", "expect")
WORLD = ("games", "units", "units_held", "rows", "readings", "services", "downstream", "answers", "members", "workers")


def read_scenario(path: Path) -> Scenario:
    """Read one scenario file; raise ``ScenarioError`` with file, key and reason if it is not valid."""
    root = read(path)
    fields = root.fields(required=REQUIRED, optional=OPTIONAL)
    policy = _policy(path, fields.get("pipeline"), fields.get("policy"))
    start, end = (to_instant(fields[name], lambda text: parse_full(text, policy.zone)) for name in ("start", "end"))
    if end < start:
        raise fields["end"].error("lies before the start")
    times = Times(policy.zone, policy.local(start).date())
    return Scenario(
        path=path,
        name=fields["name"].text(),
        source=fields["source"].text() if "source" in fields else "",
        seed=fields["seed"].integer() if "seed" in fields else None,
        policy=policy,
        start=start,
        end=end,
        given=_given(fields.get("given"), policy, start),
        events=parse_events(fields.get("events"), policy, times, (start, end)),
        expect=parse_expectations(fields.get("expect"), policy, times, (start, end)),
    )


def _policy(path: Path, pipeline: Value | None, overlay: Value | None) -> Policy:
    name = pipeline.text() if pipeline else "nba.yaml"
    candidates = [path.parent / name, CONFIG / name]
    found = next((file for file in candidates if file.is_file()), None)
    if found is None:
        at = pipeline.key if pipeline else ""
        tried = ", ".join(str(file) for file in candidates)
        raise ScenarioError(str(path), at, f"there is no pipeline file {name!r}", f"tried {tried}")
    if overlay is not None and not overlay.is_empty:
        overlay.pairs()
    changes = overlay.plain() if overlay is not None else None
    try:
        return load_policy(found, changes)
    except PolicyError as error:
        if overlay is None:
            raise ScenarioError(error.path, error.key, error.reason, error.hint) from None
        raise ScenarioError(str(path), f"policy.{error.key}", error.reason, error.hint) from None


def _given(value: Value | None, policy: Policy, start: datetime) -> Given:
    if value is None or value.is_empty:
        return Given(Change())
    fields = value.fields(optional=(*WORLD, "rows_follow"))
    change = {name: fields[name] for name in WORLD if name in fields}
    follow = fields["rows_follow"].boolean() if "rows_follow" in fields else True
    return Given(parse_change(change, policy), follow)
