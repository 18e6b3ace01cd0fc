"""The checks that are written in Python, by the names that ``config/validation.yaml`` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.app.context import Context
from shared.app.validation.checks.deliveries import alert_delivery, quarantine_age, sweep_alive
from shared.app.validation.checks.inventory import schedule_inventory, subscription_backlog, subscription_inventory
from shared.app.validation.checks.outputs import floors, transition_output
from shared.app.validation.checks.records import state_against_record
from shared.app.validation.checks.runs import runs_opened, stalled_runs
from shared.core.validation.checks import Target
from shared.core.validation.verdict import Measured

Builtin = Callable[[Context, Target, Mapping[str, Any]], Measured]

MEASURES: Mapping[str, Builtin] = {
    "transition_output": transition_output,
    "floors": floors,
    "runs_opened": runs_opened,
    "stalled_runs": stalled_runs,
    "alert_delivery": alert_delivery,
    "quarantine_age": quarantine_age,
    "state_against_record": state_against_record,
    "sweep_alive": sweep_alive,
    "schedule_inventory": schedule_inventory,
    "subscription_inventory": subscription_inventory,
    "subscription_backlog": subscription_backlog,
}
