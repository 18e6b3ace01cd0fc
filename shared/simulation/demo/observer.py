"""Looks at the state the functions write, and tells what is new in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.app.alerting.outbox import COLLECTION, notice
from shared.app.reporting.queries import all_runs, explain_all
from shared.core.alerting.alert import Alert, Pending
from shared.core.model import RunKey
from shared.documents import from_data
from shared.ports import StateStore
from shared.simulation.demo.night import NightLine, RunView, arrow
from shared.simulation.demo.nights import short
from shared.simulation.demo.run_follower import RunFollower
from shared.simulation.demo.services import ServiceEndpoints
from shared.simulation.history import HTTP, Departure, Sent, dispatches
from shared.simulation.world import World


class StateObserver:
    """Reads runs and alerts between two steps of a night; what was sent goes into the world's history too."""

    def __init__(self, stage: ServiceEndpoints, store: StateStore) -> None:
        self._stage, self._store = stage, store
        self._alerts: dict[str, Alert] = {}
        self._departures = self._repairs = 0
        self._follower = RunFollower()

    @property
    def runs(self) -> tuple[RunView, ...]:
        return self._follower.runs

    def look(self) -> list[NightLine]:
        """Return what is new since the last look, in the order in which it tells a story."""
        with self._stage.world() as world:
            return [
                *self._follower.opened(world.observer()),
                *self._left(world),
                *self._repaired(world),
                *self._alert_lines(world),
                *self._follower.decisions(world.observer()),
            ]

    def busy(self) -> bool:
        """Whether a function has, or is about to have, a dispatch under way."""
        with self._stage.world() as world:
            observer = world.observer()
            explanations = [explanation for run in all_runs(observer) for explanation in explain_all(observer, run.key)]
        return any(
            explanation.state == "claimed" or explanation.evidence["decision"] == "trigger"
            for explanation in explanations
        )

    def _left(self, world: World) -> Iterator[NightLine]:
        fresh = world.history.departures[self._departures :]
        self._departures += len(fresh)
        for dispatch in dispatches(fresh):
            yield NightLine(dispatch.at, "trigger", _departures_text(dispatch.departures, world))

    def _repaired(self, world: World) -> Iterator[NightLine]:
        fresh = world.history.repairs[self._repairs :]
        self._repairs += len(fresh)
        for repair in fresh:
            yield NightLine(
                repair.at,
                "repair",
                f"{repair.phase} of {repair.day} is asked to run again: {', '.join(repair.processors)}",
            )

    def _alert_lines(self, world: World) -> Iterator[NightLine]:
        for document in self._store.query(COLLECTION):
            alert = from_data(Alert, document.data)
            before = self._alerts.get(alert.fingerprint)
            self._alerts[alert.fingerprint] = alert
            if alert.notified_at is not None and (before is None or before.notified_at != alert.notified_at):
                yield _sent(world, alert, alert.notified_at, over=False)
            if alert.resolved_at is not None and (before is None or before.resolved_at != alert.resolved_at):
                yield _sent(world, alert, alert.resolved_at, over=True)


def _departures_text(departures: tuple[Departure, ...], world: World) -> str:
    first = departures[0]
    published = [departure for departure in departures if departure.channel != HTTP]
    ways = [f"{departure.to.replace(' ', '')} called" for departure in departures if departure.channel == HTTP]
    for topic, number in Counter(message.to for message in published).items():
        ways.append(f"{number} message{'s' if number > 1 else ''} to {topic}")
    without = f", degraded without {', '.join(sorted(first.missing))}" if first.degraded else ""
    again = f", attempt {first.attempt}" if first.attempt > 1 else ""
    key = RunKey(world.policy.pipeline, first.day, first.mode)
    return f"{short(key)} {arrow(first.transition)}: {first.reason}{without}{again}; {', '.join(ways)}"


def _sent(world: World, alert: Alert, at: datetime, *, over: bool) -> NightLine:
    notification = notice(world.observer(), replace(alert, pending=Pending.RECOVERY if over else Pending.ALERT))
    world.history.notices.append(Sent(at, notification.severity, notification.text, over, notification.count))
    return NightLine(
        at, "resolved" if over else "alert", notification.text.splitlines()[0], "" if over else notification.severity
    )
