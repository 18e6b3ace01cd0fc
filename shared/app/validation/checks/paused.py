"""What a pause excuses: a run that was not opened, a transition that was not triggered inside it (behaviour T8, 10)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.state.repository import read_pauses
from shared.core.decision.pause import Pause, pause_at, paused_text, pauses_of
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Target


def pauses(ctx: Context) -> tuple[Pause, ...]:
    """Return every pause there is; raise ValueError where nobody can read them."""
    return pauses_of(ctx.policy, read_pauses(ctx.ports.store, ctx.policy.pipeline))


def excuse(
    policy: Policy,
    listed: Collection[Pause],
    target: Target,
    key: RunKey,
    transition: str | None = None,
    grace: timedelta = timedelta(0),
) -> str:
    """Return the pause that keeps a run, or one of its transitions, from its time; "" where none does.

    It is one that is in force, that ended so lately that ``grace`` is not over, or that lasted until the working day
    had ended.
    """
    last_moment = min(target.now - grace, target.day_end - timedelta(seconds=1))
    pause = pause_at(policy, listed, last_moment, key.mode, transition)
    pause = pause or pause_at(policy, listed, target.now, key.mode, transition)
    return "" if pause is None else paused_text(policy, pause)


def over_since(listed: Collection[Pause], key: RunKey, transition: str, since: datetime, now: datetime) -> datetime:
    """Return ``since``, or when the latest pause that was over after it ended: until then the transition rested."""
    ends = [
        pause.over_at
        for pause in listed
        if pause.covers(key.mode, transition) and pause.over_at is not None and pause.is_over(now)
    ]
    return max([since, *(at for at in ends if at > since)])
