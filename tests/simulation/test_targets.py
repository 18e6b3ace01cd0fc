"""What calls of scrapers name is read from their parameters: units and elements, wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest

from shared.core.workflows.templates import filled
from shared.simulation.workflows.targets import standing_for

KNOWN = {"date": "2026-03-10", "unit": "A@B", "units": ["A@B", "C@D"], "event_id": 7}


@pytest.mark.parametrize(
    ("template", "targets"),
    [
        ("{unit}", ["A@B"]),
        ("{units}", ["A@B", "C@D"]),
        ("{event_id}", ["7"]),
        ("{date}", []),
        ("full", []),
        ("{date}/{unit}.pdf", ["A@B"]),
        ("{date} of {units}", ["A@B", "C@D"]),
        ({"deep": ["{event_id}", 1, {"of": "{date}"}]}, ["7"]),
        (["x{event_id}", "{unit}"], ["7", "A@B"]),
        (5, []),
    ],
)
def test_what_a_parameter_names(template: Any, targets: list[str]) -> None:
    """The value of a unit, of units, of a loop's element; a date and plain words name nothing."""
    assert list(standing_for(template, filled(template, KNOWN))) == targets


def test_what_was_sent_otherwise_names_nothing() -> None:
    """Whoever asks for a run may lay parameters of their own over those of the file."""
    assert list(standing_for("{date}/{unit}.pdf", "late")) == []
    assert list(standing_for({"a": "{unit}"}, None)) == []
