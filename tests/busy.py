"""Limits of time that hold on a busy machine: as strict as they are written where nothing else runs."""

from __future__ import annotations

import os
from pathlib import Path


def allowed(seconds: float) -> float:
    """Return a limit in seconds, stretched by how many processes wait for each processor."""
    return seconds * max(1.0, max(os.getloadavg()[0], _runnable()) / (os.cpu_count() or 1))


def _runnable() -> float:
    """Return how many run or want to this instant, which the average of a minute learns late; 0 if nobody says."""
    try:
        return float(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:
        return 0.0
