"""Log-based metrics as Cloud Logging makes them: what deploy/observability/metrics.yaml counts in logged lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tests.policy_files import ROOT

DECLARED: dict[str, Any] = yaml.safe_load((ROOT / "deploy/observability/metrics.yaml").read_text(encoding="utf-8"))
COMPARED = re.compile(r'jsonPayload\.(\w+) (=~|=|>=|>) (\("[^)]*"\)|"[^"]*"|[\d.]+)')
Line = tuple[str, str, Mapping[str, object]]


def counted(name: str, lines: Iterable[Line]) -> list[Mapping[str, object]]:
    """Return the keys of the lines that a metric counts."""
    declaration = DECLARED[name]
    return [
        keys
        for event, _, keys in lines
        if event in declaration["events"] and _fits(declaration.get("where", ""), keys)
        if "value" not in declaration or keys.get(declaration["value"]) is not None
    ]


def _fits(where: str, keys: Mapping[str, object]) -> bool:
    """True where a line is as a filter asks; one that compares in a way that is not known here raises."""
    if not where:
        return True
    parts = where.split(" AND ")
    matches = [COMPARED.fullmatch(part) for part in parts]
    assert all(matches), where
    return all(_holds(keys.get(match[1]), match[2], match[3]) for match in matches if match)


def _holds(value: object, how: str, operand: str) -> bool:
    if value is None:
        return False
    if how in (">=", ">"):
        number = float(str(value))
        return number >= float(operand) if how == ">=" else number > float(operand)
    texts = re.findall(r'"([^"]*)"', operand)
    return bool(re.search(texts[0], str(value))) if how == "=~" else str(value) in texts
