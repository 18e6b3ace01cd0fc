"""What the answer of a scraper means: an outcome, or another attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.core.workflows.runs import CallOutcome

SHOWN = 300
LONGEST_RETRY_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What came of one attempt. ``again`` is true where another attempt may succeed."""

    outcome: CallOutcome
    rows: int | None = None
    text: str = ""
    again: bool = False
    outputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def meaning(status: int, text: str, outputs: Mapping[str, str]) -> Meaning:
    """Return what an answer means; ``outputs`` are the paths of the fields that later steps use, by name.

    429 and 5xx may succeed later. Any other 4xx is a fault of the configuration. A 200 whose body is nothing that a
    scraper says is a failure like any other, with its first 300 characters.
    """
    shown = f"{status}: {text[:SHOWN]}"
    if status == 429 or status >= 500:
        return Meaning(CallOutcome.FAILED, text=shown, again=True)
    if 400 <= status < 500:
        return Meaning(CallOutcome.REFUSED, text=shown)
    body = _body(text)
    if status != 200 or body is None:
        return Meaning(CallOutcome.FAILED, text=shown)
    rows = _rows(body)
    word = body.get("status")
    if word == "success" and rows is not None:
        outcome = CallOutcome.SUCCESS if rows > 0 else CallOutcome.NO_DATA
        return Meaning(outcome, rows, outputs=_outputs(body, outputs))
    if word == "partial":
        return Meaning(CallOutcome.PARTIAL, rows, text=shown, outputs=_outputs(body, outputs))
    return Meaning(CallOutcome.FAILED, rows, text=shown)


def _body(text: str) -> Mapping[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _rows(body: Mapping[str, Any]) -> int | None:
    """Return the number of rows, None where none is said or what is said is none; a success without one has none."""
    data = body.get("data_summary")
    rows = data.get("rowCount") if isinstance(data, Mapping) else None
    if isinstance(rows, bool) or not isinstance(rows, int | float):
        return None
    return int(rows)


def _outputs(body: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    """Return the lists that stand at these paths; what is no list, or not there, is left out."""
    outputs = {}
    for name, path in paths.items():
        value: Any = body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            outputs[name] = tuple(item for item in value if isinstance(item, str | int | float))
    return outputs


def retry_wait(attempt: int, chance: float) -> timedelta:
    """Return how long after the attempt number ``attempt``, from 1, the next begins: 2^(n-1) s times 0.5 to 1.5;
    ``chance`` is from 0 to 1."""
    return timedelta(seconds=2 ** (attempt - 1) * (0.5 + chance))
