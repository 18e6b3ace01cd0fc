"""`bin/nights`: play random nights, name those that broke a promise, and how to play one of them again."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import date
from typing import Any

from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from tests.random_nights.parallel import Result, play_many

HELD, FAILED = 0, 1
TELL_EVERY = 100


def simulate_random(first: int, seeds: int, day: date | None, *, jobs: int, timeline: bool, as_json: bool) -> int:
    """Play the nights of so many seeds; return 0 if every promise held, 1 if not. Progress goes to stderr."""
    policy, failed = policy_in(), list[Result]()
    messages = sweeps = 0
    results = play_many(range(first, first + seeds), day, timeline=timeline, jobs=jobs)
    for number, played in enumerate(results, start=1):
        messages, sweeps = messages + played.deliveries, sweeps + played.sweeps
        if played.violations:
            failed.append(played)
        if not as_json and (timeline or played.violations):
            _tell(policy, played, day, timeline=timeline)
        if number % TELL_EVERY == 0:
            print(f"{number} of {seeds} nights, {len(failed)} failed", file=sys.stderr, flush=True)
    if as_json:
        _print_json(policy, seeds, messages, sweeps, failed, day, timeline=timeline)
    else:
        print(f"{seeds} nights, {messages} deliveries, {sweeps} sweeps: {len(failed)} broke a promise")
    return FAILED if failed else HELD


def replay(seed: int, day: date | None) -> str:
    """Return the command line that plays one night again."""
    date_words = () if day is None else ("--date", day.isoformat())
    return shlex.join(("bin/nights", "--seed", str(seed), *date_words, "--timeline"))


def _tell(policy: Policy, played: Result, day: date | None, *, timeline: bool) -> None:
    night = played.night
    if timeline:
        for at, kind, text in played.timeline:
            print(f"{policy.local(at):%Y-%m-%d %H:%M:%S %Z}  {kind:<9}  {' '.join(text.split())}")
    verdict = "FAILED" if played.violations else "held"
    print(f"{verdict}  seed {night.seed}, {night.day}, {night.units} games, wildness {night.wildness}")
    for violation in played.violations:
        print(f"  {violation}")
    if played.violations and not timeline:
        print(f"  replay: {replay(night.seed, day)}", flush=True)


def _print_json(
    policy: Policy, seeds: int, messages: int, sweeps: int, failed: list[Result], day: date | None, *, timeline: bool
) -> None:
    found = {
        "passed": not failed,
        "nights": seeds,
        "deliveries": messages,
        "sweeps": sweeps,
        "failed": [_document(policy, one, day, timeline=timeline) for one in failed],
    }
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _document(policy: Policy, played: Result, day: date | None, *, timeline: bool) -> dict[str, Any]:
    night = played.night
    found: dict[str, Any] = {
        "seed": night.seed,
        "date": night.day.isoformat(),
        "violations": list(played.violations),
        "replay": replay(night.seed, day),
    }
    if timeline:
        happened = ((policy.local(at).isoformat(), kind, text) for at, kind, text in played.timeline)
        found["timeline"] = [{"at": at, "kind": kind, "text": text} for at, kind, text in happened]
    return found
