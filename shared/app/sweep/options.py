"""What the caller of self-heal may ask for: what is not understood is refused, and nothing is done (behaviour 9)."""

from __future__ import annotations

import json
from typing import Any

from shared.app.call import SHOWN, WRONG_METHOD, Call, Wrong, at_root, date_of, shown
from shared.app.sweep.sweep import SweepOptions
from shared.core.policy.config_error import suggest
from shared.core.policy.policy import Policy

OPTIONS = ("date", "mode", "dry_run", "force", "pipeline")


class _Twice(ValueError):
    """A name that stands twice in one object."""


def parse_options(policy: Policy, call: Call) -> SweepOptions | Wrong:
    """Return what a call of the sweep asks for; no body, or an empty one, is the whole sweep (behaviour 9)."""
    wrong = at_root(call.path)
    if wrong is not None:
        return wrong
    if call.method != "POST":
        return Wrong(f"a {call.method[:SHOWN]} does nothing here", f"POST, such as {_example()}", WRONG_METHOD)
    for name, _ in call.query:
        return Wrong(f"the parameter {name[:SHOWN]!r} of the query is not read", f"put it in the body: {_example()}")
    if not call.data.strip():
        return SweepOptions()
    body = _object(call.data)
    if isinstance(body, Wrong):
        return body
    for name in body:
        if name not in OPTIONS:
            return Wrong(f"unknown key {name[:SHOWN]!r}", suggest(name, OPTIONS))
    for name in ("dry_run", "force"):
        if not isinstance(body.get(name, False), bool):
            return Wrong(f"{name} is {shown(body[name])}", "write true or false, without quotes")
    pipeline = body.get("pipeline")
    if pipeline not in (None, policy.pipeline):
        return Wrong(f"unknown pipeline {shown(pipeline)}", suggest(str(pipeline), [policy.pipeline]))
    mode = body.get("mode")
    if mode is not None and (not isinstance(mode, str) or mode not in policy.modes):
        return Wrong(f"unknown mode {shown(mode)}", suggest(str(mode), policy.modes))
    day = body.get("date")
    if day is not None:
        day = date_of(day)
        if isinstance(day, Wrong):
            return day
    return SweepOptions(day, mode, body.get("dry_run", False), body.get("force", False))


def _object(data: bytes) -> dict[str, Any] | Wrong:
    try:
        body = json.loads(data, object_pairs_hook=_once)
    except _Twice as error:
        return Wrong(f"the key {error} stands twice", "once is enough")
    except (ValueError, RecursionError) as error:
        return Wrong(f"the body is no JSON: {str(error)[:200]}", f"such as {_example()}")
    return body if isinstance(body, dict) else Wrong("the body is not a JSON object", f"such as {_example()}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise _Twice(repr(name[:SHOWN]))
        values[name] = value
    return values


def _example() -> str:
    return '{"date": "2026-01-21", "mode": "overnight", "dry_run": true, "force": false}, each of them optional'
