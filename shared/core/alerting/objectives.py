"""When an error budget burns too fast, as a condition that a person must know of (behaviour 14)."""

from __future__ import annotations

from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.objectives.budget import ObjectiveStatus
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.texts import duration, say

KINDS = {Severity.CRITICAL: AlertKind.SLO_FAST_BURN, Severity.WARNING: AlertKind.SLO_SLOW_BURN}


def burn_condition(policy: Policy, status: ObjectiveStatus) -> Condition | None:
    """Return that an objective's budget burns, None where it does not."""
    if status.burn is None:
        return None
    rule, rate, tally = status.burn.rule, status.burn.rate, status.burn.tally
    what = (
        f"objective {status.kind.value}: {tally.bad} of {tally.total} bad in the last {duration(rule.long)}, the error "
        f"budget burns {rate:.1f} times too fast"
    )
    text = say(
        policy.pipeline,
        "",
        "\n".join((what, *status.failures)),
        f"at this rate a budget of {duration(status.window)} lasts {duration(status.window / rate)}",
        f"see what failed: {commands.line('slo')}",
    )
    return Condition(KINDS[rule.severity], rule.severity, policy.pipeline, "", status.kind.value, text)
