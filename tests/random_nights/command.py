"""`bin/nights`: play random nights, name those that broke a promise, and how to play one of them again."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from tests.random_nights.parallel import Result, play_many

HELD, FAILED = 0, 1
TELL_EVERY = 100


@dataclass(frozen=True, slots=True)
class Drawn:
    """What nights are drawn of: one date, the pipeline of one policy file, where these are given."""

    day: date | None = None
    file: Path | None = None


def simulate_random(first: int, seeds: int, drawn: Drawn, *, jobs: int, timeline: bool, as_json: bool) -> int:
    """Play the nights of so many seeds; return 0 if every promise held, 1 if not. Progress goes to stderr."""
    policy = policy_in() if drawn.file is None else load_policy(drawn.file)
    failed = list[Result]()
    messages = sweeps = 0
    results = play_many(range(first, first + seeds), drawn.day, drawn.file, timeline=timeline, jobs=jobs)
    for number, played in enumerate(results, start=1):
        messages, sweeps = messages + played.deliveries, sweeps + played.sweeps
        if played.violations:
            failed.append(played)
        if not as_json and (timeline or played.violations):
            _print_result(policy, played, drawn, timeline=timeline)
        if number % TELL_EVERY == 0:
            print(f"{number} of {seeds} nights, {len(failed)} failed", file=sys.stderr, flush=True)
    if as_json:
        _print_json(policy, seeds, messages, sweeps, failed, drawn, timeline=timeline)
    else:
        print(f"{seeds} nights, {messages} deliveries, {sweeps} sweeps: {len(failed)} broke a promise")
    return FAILED if failed else HELD


def replay(seed: int, drawn: Drawn) -> str:
    """Return the command line that plays one night again."""
    date_words = () if drawn.day is None else ("--date", drawn.day.isoformat())
    file_words = () if drawn.file is None else ("--policy", str(drawn.file))
    return shlex.join(("bin/nights", "--seed", str(seed), *date_words, *file_words, "--timeline"))


def _print_result(policy: Policy, played: Result, drawn: Drawn, *, timeline: bool) -> None:
    night = played.night
    if timeline:
        for at, kind, text in played.timeline:
            print(f"{policy.local(at):%Y-%m-%d %H:%M:%S %Z}  {kind:<9}  {' '.join(text.split())}")
    verdict = "FAILED" if played.violations else "held"
    units = "" if night.units is None else f" {night.units} {policy.unit}s,"
    print(f"{verdict}  seed {night.seed}, {night.day},{units} wildness {night.wildness}")
    for violation in played.violations:
        print(f"  {violation}")
    if played.violations and not timeline:
        print(f"  replay: {replay(night.seed, drawn)}", flush=True)


def _print_json(
    policy: Policy, seeds: int, messages: int, sweeps: int, failed: list[Result], drawn: Drawn, *, timeline: bool
) -> None:
    document = {
        "passed": not failed,
        "nights": seeds,
        "deliveries": messages,
        "sweeps": sweeps,
        "failed": [_document(policy, night, drawn, timeline=timeline) for night in failed],
    }
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _document(policy: Policy, played: Result, drawn: Drawn, *, timeline: bool) -> dict[str, Any]:
    night = played.night
    document: dict[str, Any] = {
        "seed": night.seed,
        "date": night.day.isoformat(),
        "violations": list(played.violations),
        "replay": replay(night.seed, drawn),
    }
    if timeline:
        happened = ((policy.local(at).isoformat(), kind, text) for at, kind, text in played.timeline)
        document["timeline"] = [{"at": at, "kind": kind, "text": text} for at, kind, text in happened]
    return document
