"""What the screen says of a day with the stand-ins: what came in and what went out, in the words of the wire."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.core.texts import amount
from shared.simulation.demo.night import NightLine
from shared.simulation.demo.relay import Pushed
from shared.simulation.demo.stand_ins import Call

LEGEND = """\
Every line is one of these, at the time of the night:
  workflow  a workflow of scrapers (its window): the controller begins a run or says why not, and how the run ended
  scrape    the executor has called a scraper of such a run: so many calls, the rows it fetched, what failed
  load      a scheduler of the pipeline asks one of its services to work
  report    a service has published that it ended, in its own words
  run       the orchestrator follows a date in a mode from now on
  decision  what a transition waits for, with its next time, or what became of it
  call      a service was called, with the body that the policy's template makes, and what it answered
  message   the same by Pub/Sub, and who has taken it"""
_LISTED = 3


def report_lines(pushes: Sequence[Pushed]) -> Iterator[NightLine]:
    """Yield a line for each report, one for those that read the same: what is published for every game of a night."""
    counted = Counter(report_text(push) for push in pushes)
    first = {report_text(push): push for push in reversed(pushes)}
    for text, count in counted.items():
        yield NightLine(first[text].at, "report", text if count == 1 else f"{text}; {count} such messages")


def report_text(push: Pushed) -> str:
    """Return `2026-03-10 phase_3_analytics PlayerGameSummaryProcessor: success, 180 records`."""
    body = push.body
    count = body.get("record_count")
    records = "" if count is None else f", {count} records"
    return f"{_day(body)} {body.get('phase')} {body.get('processor_name')}: {body.get('status')}{records}"


def call_text(call: Call, policy: Policy) -> str:
    """Return `precompute /process-date {analysis_date: 2026-03-10, ... and 21 plain fields}; answered 200`."""
    return f"{call.service} {call.path} {body_text(call.body, policy)}; answered {call.status}"


def message_text(push: Pushed, policy: Policy) -> str:
    """Return `nba-grading-trigger {target_date: 2026-03-10, ... and 21 plain fields}; taken by grading`."""
    return f"{push.topic} {body_text(push.body, policy)}; taken by {push.to}"


def body_text(body: Mapping[str, Any], policy: Policy) -> str:
    """Return a body in one line: the fields that the policy's templates write for its transition, and how many go
    beside them; all of a body that no transition sent. Of a long list the first entries and how many there are."""
    transition = policy.transitions.get(str(body.get("transition")))
    written = set(body) if transition is None else _written(transition)
    shown = [f"{key}: {_value(value)}" for key, value in body.items() if key in written]
    rest = len(body) - len(shown)
    return "{" + ", ".join(shown) + (f", and {amount(rest, 'plain field')}" if rest else "") + "}"


def _written(transition: Transition) -> set[str]:
    """Return every field that a template of the transition writes, whatever the mode, generation and lane."""
    bodies = [step.body for step in transition.all_steps]
    overlays = [
        lay for body in bodies for by in (body.by_mode, body.by_generation, body.by_lane) for lay in by.values()
    ]
    return {key for fields in (*(body.base for body in bodies), *overlays) for key in fields}


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) > _LISTED:
        return f"[{', '.join(map(_value, value[:_LISTED]))}, ... {len(value)} in all]"
    return json.dumps(value, ensure_ascii=False)


def _day(body: Mapping[str, Any]) -> str:
    return str(body.get("game_date") or body.get("target_date"))
