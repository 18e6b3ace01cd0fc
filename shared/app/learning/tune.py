"""The past nights of each transition and mode, and what other times would have made of them (`orch tune`).

Reads the record, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from shared.app.context import Context
from shared.app.learning.record import recorded_nights
from shared.core.learning.nights import night_sample
from shared.core.learning.replay import judged_by_reports
from shared.core.learning.tuning import Tuned, tune

DATES = 28


def tuned(ctx: Context, transitions: Sequence[str], last: date) -> list[Tuned]:
    """Look at the nights of the 28 dates up to ``last``, with those of the 28 before to learn from.

    Raises ``Unavailable`` if record or state does not answer.
    """
    first = last - timedelta(days=DATES - 1)
    runs, pauses = recorded_nights(ctx, first - timedelta(days=DATES), last)
    judged = judged_by_reports(ctx.policy)
    now = ctx.ports.clock.now()
    today = ctx.policy.local(now).date()
    results = []
    for name in transitions:
        transition = ctx.policy.transitions[name]
        for mode in transition.expects:
            nights = [
                (run, night_sample(ctx.policy, transition, run, pauses, today))
                for run in sorted(runs, key=lambda run: run.key.day)
                if run.key.mode == mode
            ]
            results.append(tune(judged, transition, mode, nights, first, DATES, now))
    return results
