"""How much it matters that something is not as it should be: of alerts, checks and workflows alike (behaviour A1)."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How grave something is, in ascending order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
