"""`orch simulate`: play scenario files and say which expectations held."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.simulation.judge import judge
from shared.simulation.parse import read_scenario
from shared.simulation.product import DeployedProduct, Product
from shared.simulation.reader import ScenarioError
from shared.simulation.report import Played, document, lines
from shared.simulation.runner import play
from shared.simulation.scenario import Scenario

HELD, FAILED, INVALID = 0, 1, 2


def simulate(files: Sequence[Path], timeline: bool, as_json: bool, product: Product | None = None) -> int:
    """Play the files; return 0 if all expectations held, 1 if some did not, 2 if a file is not a scenario.

    Nothing is played unless every file is valid.
    """
    scenarios, errors = _read(files)
    if errors:
        _complain(errors, as_json)
        return INVALID
    product = product or DeployedProduct()
    played = []
    for scenario in scenarios:
        one = evaluate(scenario, product)
        played.append(one)
        if not as_json:
            for line in lines(one, timeline):
                print(line, flush=True)
    if as_json:
        print(json.dumps(document(played), indent=2))
    return HELD if all(one.passed for one in played) else FAILED


def evaluate(scenario: Scenario, product: Product | None = None) -> Played:
    """Play one scenario and judge it."""
    history = play(scenario, product)
    return Played(scenario, history, judge(scenario.expect, history, scenario.policy.zone))


def _read(files: Sequence[Path]) -> tuple[list[Scenario], list[ScenarioError]]:
    scenarios, errors = [], []
    for file in files:
        try:
            scenarios.append(read_scenario(Path(file)))
        except ScenarioError as error:
            errors.append(error)
    return scenarios, errors


def _complain(errors: Sequence[ScenarioError], as_json: bool) -> None:
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if as_json:
        told = [{"path": error.path, "key": error.key, "reason": error.reason} for error in errors]
        print(json.dumps({"passed": False, "scenarios": [], "errors": told}, indent=2))
