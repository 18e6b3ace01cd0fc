"""Which lines of Cloud Logging are those of a run: each carries its run as a label (`shared/adapters/json_log.py`)."""

from __future__ import annotations

import json
from datetime import datetime

from shared.core.alerting.links import RUN_LABEL, log_time


def log_filter(run_id: str, since: datetime, until: datetime, severity: str = "") -> str:
    """Return the filter of Cloud Logging for the lines of a run between two times, of a severity or graver.

    Lines of a workflow's run, of a batch and of the sweep carry other labels.
    """
    parts = [
        f"labels.{RUN_LABEL}={json.dumps(run_id)}",
        f'timestamp>="{log_time(since)}"',
        f'timestamp<="{log_time(until)}"',
        *([f"severity>={severity}"] if severity else []),
    ]
    return " AND ".join(parts)
