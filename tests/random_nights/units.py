"""Whether an alert names the units that a table lacks, as its author has read it (behaviour R10)."""

from __future__ import annotations

import re

from tests.random_nights.fault_injector import Handler
from tests.random_nights.ports import Truth, unit_names
from tests.random_nights.trace import Data

LACKING = re.compile(r"(\w+) \((\d+) of (\d+) games? missing(?:: ([^)]*))?\)")


def missing_units_are_named(truth: Truth, handler: Handler, before: Data, alert: Data) -> str | None:
    """A new text says of how many units how many are missing, and which: every one that its author did not find."""
    text = str(alert["text"])
    if text == before.get("text"):
        return None
    for processor, lacking, total, listed in LACKING.findall(text):
        held = handler.held.get(processor)
        if held is None:
            return f"{handler.name} says that units of {processor} are missing, and has read none"
        names = set(listed.split(", ")) if listed else set()
        expected = set(unit_names(int(total))) - held
        if names != expected or int(lacking) != len(expected):
            return f"{processor} lacks {sorted(expected)} of {total} units, the alert says {lacking}: {listed}"
        if int(total) not in (truth.units, handler.units, *truth.units_before):
            return f"{processor} of {total} units, there are {truth.units}"
    return None
