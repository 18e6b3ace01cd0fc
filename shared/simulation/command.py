"""`orch simulate`: play scenario files and say which expectations held."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from shared.simulation.history import History, together
from shared.simulation.judge import judge
from shared.simulation.kept import KeptDay, OpenDay
from shared.simulation.parallel import cores, play_each
from shared.simulation.parse import read_scenario
from shared.simulation.product import DeployedProduct, Product
from shared.simulation.reader import ScenarioError, text_of
from shared.simulation.report import Played, document, lines, scenario_document
from shared.simulation.runner import play, play_together
from shared.simulation.scenario import Scenario

HELD, FAILED, INVALID = 0, 1, 2


# Fewer scenarios are over before another process has loaded what it needs.
WORTH_A_PROCESS = 3


@dataclass(frozen=True)
class Printed:
    """What is printed of one scenario, without the world that it was played in."""

    passed: bool
    lines: tuple[str, ...]
    document: dict[str, Any]


def print_document(document: Mapping[str, Any]) -> None:
    print(json.dumps(document, indent=2))


def simulate(
    files: Sequence[Path],
    timeline: bool,
    as_json: bool,
    product: Product | None = None,
    jobs: int | None = None,
    keep: Path | None = None,
    write_json: Callable[[Mapping[str, Any]], None] = print_document,
) -> int:
    """Play the files; return 0 if all expectations held, 1 if some did not, 2 if a file is not a scenario.

    The valid ones are played all the same. Many files are played by ``jobs`` processes, as many as there are
    cores by default; a ``product`` other than the deployable functions is played in this one. The day of a single
    file is left in the folder ``keep``, a home of `orch`; raises ``KeepError`` if something else is there. With
    ``as_json`` the document of all of them is given to ``write_json``.
    """
    scenarios, errors = _read(files)
    for error in errors:
        print(f"error: {error}", file=sys.stderr, flush=True)
    if product is None:
        each = partial(_play_text, timeline=timeline, keep=keep)
        texts = [(scenario.path, text) for scenario, text in scenarios]
        outcomes = play_each(each, texts, jobs or cores(), worth_a_process=WORTH_A_PROCESS)
    else:
        outcomes = (_printed(evaluate(scenario, product), timeline) for scenario, _ in scenarios)
    printed = []
    for outcome in outcomes:
        printed.append(outcome)
        if not as_json:
            for line in outcome.lines:
                print(line, flush=True)
    if as_json:
        write_json(_whole(document([outcome.document for outcome in printed]), errors))
    if errors:
        return INVALID
    return HELD if all(outcome.passed for outcome in printed) else FAILED


def _play_text(file: tuple[Path, str], *, timeline: bool, keep: Path | None) -> Printed:
    """Play what was read from a file, which may be a pipe: nothing comes from it a second time."""
    scenario = read_scenario(*file)
    if keep is None:
        return _printed(evaluate(scenario, DeployedProduct()), timeline)
    with KeptDay(keep).of(scenario) as day:
        return _printed(evaluate(scenario, DeployedProduct(), day), timeline)


def _printed(played: Played, timeline: bool) -> Printed:
    return Printed(played.passed, tuple(lines(played, timeline)), scenario_document(played))


def evaluate(scenario: Scenario, product: Product | None = None, day: OpenDay | None = None) -> Played:
    """Play one scenario, with those beside it or all of its pipelines, and judge them; ``day`` keeps what is left."""
    store, keep = (None, None) if day is None else (day.store, day.keep)
    if scenario.parts:
        return _of_several(scenario, play_together(scenario.parts, product, store, keep))
    if not scenario.beside:
        return _judged(scenario, play(scenario, product, store, keep))
    together = (scenario, *scenario.beside)
    histories = play_together(together, product, store, keep)
    first, *others = (_judged(scenario, history) for scenario, history in zip(together, histories, strict=True))
    return replace(first, beside=tuple(others))


def _of_several(scenario: Scenario, histories: Sequence[History]) -> Played:
    """Judge what is expected of each pipeline by what it did, and the rest by what all of them did."""
    whole = together(histories)
    verdicts = judge(scenario.expect, whole, scenario.policy.zone)
    for part, history in zip(scenario.parts, histories, strict=True):
        verdicts += judge(part.expect, history, scenario.policy.zone)
    return Played(scenario, whole, sorted(verdicts, key=lambda verdict: verdict.expected.index))


def _judged(scenario: Scenario, history: History) -> Played:
    return Played(scenario, history, judge(scenario.expect, history, scenario.policy.zone))


def _read(files: Sequence[Path]) -> tuple[list[tuple[Scenario, str]], list[ScenarioError]]:
    scenarios, errors = [], []
    for file in files:
        try:
            text = text_of(Path(file))
            scenarios.append((read_scenario(Path(file), text), text))
        except ScenarioError as error:
            errors.append(error)
    return scenarios, errors


def _whole(played: dict[str, Any], errors: Sequence[ScenarioError]) -> dict[str, Any]:
    """Return the JSON document, with the files that are no scenarios where there are any."""
    if not errors:
        return played
    documents = [{"path": error.path, "key": error.key, "reason": error.reason} for error in errors]
    return {**played, "passed": False, "errors": documents}
