"""Asking a phase for many past dates in the backfill lane, one after another: a plan, then its calls (behaviour D9).

The plan is made before anything is sent. A date without units is left out, and so is one whose live run is not over:
what is reported of it would count there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from shared.app.context import Context
from shared.app.operator.acts import ask_to_run, enabled_on
from shared.app.outcome import Outcome, Why
from shared.app.state.repository import read_run, run_path
from shared.app.sweep.rerun import rerun_body
from shared.app.transitions.readings import read_units
from shared.core import commands
from shared.core.calendar import is_expected, not_expected, working_day
from shared.core.errors import Unavailable
from shared.core.model import Lane, Run, RunKey, Units
from shared.core.policy.phases import Rerun
from shared.core.texts import amount
from shared.core.wire.answers import Means

# The placeholder in a plan of the correlation id, which each call gets anew.
A_NEW_ONE = "<new>"


class DateOutcome(StrEnum):
    """What became of one date."""

    PLANNED = "planned"
    LEFT_OUT = "left out"
    ACCEPTED = "accepted"
    NOT_YET = "not yet"
    BUSY = "busy"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


WORDS = {
    Means.ACCEPTED: DateOutcome.ACCEPTED,
    Means.NOT_YET: DateOutcome.NOT_YET,
    Means.BUSY: DateOutcome.BUSY,
    Means.REFUSED: DateOutcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One date of a plan: ``body`` is what its call carries, ``why_not`` why there is none.

    A reason may name a command, which is at its end.
    """

    key: RunKey
    units: str = ""
    why_not: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backfill would ask of whom, oldest date first."""

    phase: str
    mode: str
    reason: str
    url: str
    items: tuple[Item, ...]

    @property
    def to_ask(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if not item.why_not)


@dataclass(frozen=True, slots=True)
class Result:
    """What one date's call came to. ``begun`` is true where the phase may be at work on it (behaviour D11)."""

    key: RunKey
    word: DateOutcome
    text: str
    begun: bool = False
    stops: bool = False


def plan(ctx: Context, phase: str, how: Rerun, mode: str, first: date, last: date, why: Why) -> Plan:
    """Return what would be asked for the dates from ``first`` to ``last``, both included.

    Raises Unavailable where the service has no address, or where state or calendar cannot be read: a date of which
    nobody knows whether it has units is not asked for.
    """
    base = ctx.endpoints.get(how.service)
    if not base:
        raise Unavailable(how.service, f"{ctx.policy.services[how.service].url_env} is not set")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    keys = [RunKey(ctx.policy.pipeline, day, mode, Lane.BACKFILL) for day in days]
    live = ctx.ports.store.get(*(run_path(RunKey(key.pipeline, key.day, mode, Lane.LIVE)) for key in keys))
    runs = {
        key: None if stored is None else stored.value for key, stored in zip(keys, map(read_run, live), strict=True)
    }
    not_past = {key: _belongs_to_live(ctx, key, run, phase, why.reason) for key, run in runs.items()}
    past = [key.day for key in keys if not not_past[key]]
    units = read_units(ctx, past) if past else {}
    if units is None:
        raise Unavailable("calendar", "nobody knows which of the dates have units")
    items = (
        Item(key, why_not=not_past[key]) if not_past[key] else _item(ctx, key, units[key.day], phase, how, why.reason)
        for key in keys
    )
    return Plan(phase, mode, why.reason, base.rstrip("/") + how.path, tuple(items))


def carried_out(ctx: Context, planned: Plan, why: Why, pace: timedelta) -> Iterator[Result]:
    """Ask for each date of a plan, oldest first and not faster than ``pace``; end after the first without an answer."""
    next_at = ctx.ports.clock.now()
    for item in planned.to_ask:
        ctx.ports.clock.sleep(max(timedelta(), next_at - ctx.ports.clock.now()))
        next_at = ctx.ports.clock.now() + pace
        result = _ask(ctx, item.key, planned.phase, why)
        yield result
        if result.stops:
            return


def rest(planned: Plan, results: list[Result], per_minute: int) -> str:
    """Return the command that goes on where a backfill stopped, "" where no date is left.

    A date that may be at work is not asked for again.
    """
    over = {result.key for result in results if result.begun or not result.stops}
    days = [item.key.day for item in planned.to_ask if item.key not in over]
    if not days:
        return ""
    last = planned.to_ask[-1].key.day
    return commands.backfill(planned.phase, planned.mode, days[0], last, planned.reason, per_minute)


def _belongs_to_live(ctx: Context, key: RunKey, run: Run | None, phase: str, reason: str) -> str:
    """Return why the live run of a date is not over, "" where it is."""
    live = RunKey(key.pipeline, key.day, key.mode, Lane.LIVE)
    if run is not None and run.closed_at is None:
        return f"its live run is open, and is asked by: {commands.rerun(phase, live, reason)}"
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    if run is None and working_day(live, ctx.policy) >= today:
        return f"its live run is of {working_day(live, ctx.policy)}, and is still to come"
    return ""


def _item(ctx: Context, key: RunKey, units: Units, phase: str, how: Rerun, reason: str) -> Item:
    calendar, live = ctx.policy.calendar, RunKey(key.pipeline, key.day, key.mode)
    if not is_expected(live, ctx.policy):
        return Item(key, why_not=not_expected(live, ctx.policy))
    noun = "unit" if calendar is None else calendar.unit
    if units.total == 0:
        return Item(key, f"0 {noun}s", f"no {noun}s")
    processors = enabled_on(ctx, key, phase)
    count = amount(units.total, noun)
    if not processors:
        return Item(key, count, f"every processor of {phase} is disabled on it")
    return Item(key, count, body=rerun_body(ctx, key, phase, how, processors, reason, A_NEW_ONE))


def _ask(ctx: Context, key: RunKey, phase: str, why: Why) -> Result:
    try:
        asked = ask_to_run(ctx, key, phase, why)
    except Unavailable as away:  # before the call: what follows an accepted one raises nothing
        return Result(key, DateOutcome.NO_ANSWER, f"{key.id} {phase} was not asked: {away}", stops=True)
    answer = asked.answer
    if asked.means is None:
        stops = answer.outcome is Outcome.UNAVAILABLE
        return Result(key, DateOutcome.NO_ANSWER if stops else DateOutcome.REFUSED, answer.text, stops=stops)
    word = WORDS.get(asked.means, DateOutcome.NO_ANSWER)
    away_after = word is DateOutcome.ACCEPTED and answer.outcome is not Outcome.DONE
    return Result(key, word, answer.text, asked.begun, stops=word is DateOutcome.NO_ANSWER or away_after)
