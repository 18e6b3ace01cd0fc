"""Whether every run of a played span was triggered once, not before its policy allows, or told: of the events alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from shared.core.calendar import closes_at, day_of, instant
from shared.core.model import RunKey
from shared.core.policy.transitions import Transition
from shared.simulation.history import Departure, History
from shared.simulation.scenario import Complete, Scenario

# What a report may be that counts towards a trigger, and what it has to be where nothing is missing.
COUNTS, WHOLE = ("success", "partial"), ("success",)
REFUSED = ("failed", "no_data")
Reports = dict[str, list[tuple[datetime, str]]]


def broken(scenario: Scenario, history: History) -> Iterator[str]:
    """Yield which transition of which run was triggered too early, too often, or neither triggered nor told."""
    departures: dict[tuple[RunKey, str], list[Departure]] = {}
    for departure in history.departures:
        key = RunKey(scenario.policy.pipeline, departure.day, departure.mode)
        departures.setdefault((key, departure.transition), []).append(departure)
    reports = _reports(scenario)
    texts = [notice.text for notice in history.notices]
    for key in _expected(scenario):
        for transition in scenario.policy.transitions.values():
            if key.mode not in transition.expects:
                continue
            where, sent = f"{key.id} {transition.name}", departures.pop((key, transition.name), [])
            if sent:
                yield from _too_early(transition, key, sent, reports.get(key, {}))
                yield from _too_often(scenario, transition, key, sent, reports.get(key, {}))
            elif not any(_tells(text, key, transition) for text in texts):
                yield f"{where} was never triggered, and nobody was told"
    for (key, name), sent in departures.items():
        yield from _too_early(scenario.policy.transitions[name], key, sent, reports.get(key, {}))


def _expected(scenario: Scenario) -> Iterator[RunKey]:
    """Yield the runs that were opened and closed within the span."""
    policy, day = scenario.policy, scenario.policy.local(scenario.start).date()
    while day <= policy.local(scenario.end).date():
        for mode in policy.modes.values():
            key, opens = RunKey(policy.pipeline, day_of(mode, day), mode.name), instant(day, mode.opens_at, policy.zone)
            over = closes_at(key, opens, policy)
            if mode.expected_on(day) and scenario.start <= opens and over <= scenario.end:
                yield key
        day += timedelta(days=1)


def _reports(scenario: Scenario) -> dict[RunKey, Reports]:
    """Return when each processor of a run reported what, by its name and phase."""
    reports: dict[RunKey, Reports] = {}
    for event in scenario.events:
        if isinstance(event.happening, Complete):
            body = event.happening.body
            key = RunKey(scenario.policy.pipeline, date.fromisoformat(body["game_date"]), body["mode"])
            listed = reports.setdefault(key, {}).setdefault(f"{event.happening.phase}/{body['processor_name']}", [])
            listed.append((event.at, body["status"]))
    return reports


def _too_early(transition: Transition, key: RunKey, sent: list[Departure], reports: Reports) -> Iterator[str]:
    """Yield what the first dispatch went without: a required processor, any of all, or the time of the deadline."""
    first, expectation = min(sent, key=lambda departure: departure.at), transition.expects[key.mode]
    statements = [(name.partition("/"), at, word) for name, listed in reports.items() for at, word in listed]
    heard = [
        (name, at, word) for (phase, _, name), at, word in statements if phase in transition.after and at <= first.at
    ]
    counted = {name for name, _, word in heard if word in COUNTS}
    what = f"{first.trigger_id} at {first.at} by {first.reason}"
    if not expectation.required <= counted:
        yield f"{what} without {sorted(expectation.required - counted)}"
    elif first.reason == "complete":
        whole = {name for name, _, word in heard if word in WHOLE}
        if not expectation.expected <= whole:
            yield f"{what} without {sorted(expectation.expected - whole)}"
    elif expectation.deadline is None or first.at < min(at for _, at, _ in heard) + expectation.deadline.after:
        yield f"{what} before its deadline"


def _too_often(
    scenario: Scenario, transition: Transition, key: RunKey, sent: list[Departure], reports: Reports
) -> Iterator[str]:
    """Yield a generation too many: without `refresh` one follows a started phase that did not do its work (D8)."""
    ids = {departure.trigger_id for departure in sent}
    if min(departure.generation for departure in sent) != 1 or len(ids) != max(
        departure.generation for departure in sent
    ):
        yield f"{key.id} {transition.name} was triggered as {sorted(ids)}"
    processors = scenario.policy.phases[transition.starts].processors
    words = [word for name in processors for _, word in reports.get(f"{transition.starts}/{name}", [])]
    if len(ids) > 1 + any(word in REFUSED for word in words):
        yield f"{key.id} {transition.name} was triggered {len(ids)} times"


def _tells(text: str, key: RunKey, transition: Transition) -> bool:
    """Whether a notice is of this transition, or says at the close that it never went."""
    lines = text.splitlines()
    return text.startswith(f"{key.id} {transition.name}: ") or (
        text.startswith(f"{key.id}: ") and transition.name in lines[0]
    )
