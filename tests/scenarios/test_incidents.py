"""Every recorded day, played through the real entry points, shows what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.simulation.command import evaluate
from shared.simulation.parse import read_scenario
from shared.simulation.report import lines

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_incident(file: Path) -> None:
    """All expectations of the scenario hold."""
    played = evaluate(read_scenario(file))
    assert played.passed, "\n".join(lines(played, timeline=False))
