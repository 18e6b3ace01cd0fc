"""Every recorded day, played through the real entry points, shows what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.simulation.command import evaluate
from shared.simulation.parse import read_scenario
from shared.simulation.report import lines

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.yaml"))
# Thousands of messages, each handled by the real function.
SLOW = frozenset({"T06_three_thousand"})


def _marked(file: Path) -> object:
    marks = [pytest.mark.slow] if file.stem in SLOW else []
    return pytest.param(file, marks=marks, id=file.stem)


@pytest.mark.parametrize("file", [_marked(file) for file in FILES])
def test_incident(file: Path) -> None:
    """All expectations of the scenario hold."""
    played = evaluate(read_scenario(file))
    assert played.passed, "\n".join(lines(played, timeline=False))
