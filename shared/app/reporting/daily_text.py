"""The daily report as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.core.policy.policy import Policy

LISTED = 10


def text_of(policy: Policy, made: Mapping[str, Any]) -> str:
    """Return a report as lines; a part that could not be read has none, and is named at the end."""
    lines = [f"{policy.pipeline}: daily report, {_clock(policy, made['made_at'], weekday=True)}"]
    lines += [f"Pause: {text}" for text in made["pauses"] or []]
    for run in made["runs"] or []:
        lines += _run(policy, run)
    lines += _workflows(policy, made["workflows"])
    lines += _batches(policy, made["batches"])
    lines += _services(made["services"])
    lines += _games(policy, made)
    lines += _validation(policy, made["validation"])
    lines += [f"Objective {objective['text']}" for objective in made["objectives"] or []]
    lines += _alerts(policy, made["alerts_open"])
    kept = made["quarantine"]
    if kept is not None:
        lines.append(f"Quarantine: {_quarantine(policy, kept)}")
    lines += _inventory("Schedules", made["schedules"])
    lines += _inventory("Subscriptions", made["subscriptions"])
    lines += _backlog(made["backlog"])
    lines += [f"Could not be read: {what}" for what in made["could_not_read"]]
    return "\n".join(lines)


def _run(policy: Policy, run: Mapping[str, Any]) -> Iterator[str]:
    unit = policy.calendar.unit if policy.calendar is not None else "unit"
    units = "" if run["units"] is None else f", {run['units']} {unit}s"
    if run["said"]:
        yield f"{run['run']}: {run['said']}"
        return
    yield f"{run['run']}{units}"
    for transition in run["transitions"]:
        at = f" {_clock(policy, transition['triggered_at'])}" if transition["triggered_at"] else ""
        notes = f" ({'; '.join(transition['notes'])})" if transition["notes"] else ""
        yield f"    {transition['transition']}: {transition['word']}{at}{notes}{_who(policy, transition)}"


def _who(policy: Policy, transition: Mapping[str, Any]) -> str:
    """Name the processors that were late, else the last one; where nothing is triggered, what is missing."""
    if not transition["triggered_at"]:
        return (
            f"; missing {', '.join(transition['missing'])}"
            if transition["missing"] and transition["word"] != "nothing expected"
            else ""
        )
    late = [f"{who['processor']} {_clock(policy, who['at']) if who['at'] else 'never'}" for who in transition["late"]]
    if late:
        return f"; late: {', '.join(late)}"
    return (
        f"; last: {transition['last']['processor']} {_clock(policy, transition['last']['at'])}"
        if transition["last"]
        else ""
    )


def _workflows(policy: Policy, days: list[dict[str, Any]] | None) -> Iterator[str]:
    for day in days or []:
        if not day["words"]:
            continue
        words = ", ".join(f"{count} {word}" for word, count in day["words"].items())
        failed = f", {day['failed']} failed" if day["failed"] else ""
        yield f"Workflows {day['date']}: {words}; {day['calls']} calls{failed}, {day['rows']} rows"
        for workflow in day["wrong"][:LISTED]:
            at = f" {_clock(policy, workflow['at'])}" if workflow["at"] else ""
            yield f"    {workflow['workflow']}: {workflow['word']}{at}" + (
                f": {workflow['text']}" if workflow["text"] else ""
            )
        if len(day["wrong"]) > LISTED:
            yield f"    and {len(day['wrong']) - LISTED} more"


def _batches(policy: Policy, batches: list[dict[str, Any]] | None) -> Iterator[str]:
    for batch in batches or []:
        ended = "" if batch["ended_at"] is None else f" {_clock(policy, batch['ended_at'])}"
        again = f", generation {batch['generation']}" if batch["generation"] > 1 else ""
        numbers = "members not known" if batch["members"] is None else _members(batch)
        yield f"Batch {batch['run']} {batch['batch']}: {batch['word']}{ended}{again}: {numbers} ({batch['note']})"
        if batch["missing"]:
            more = batch["missing_count"] - len(batch["missing"][:LISTED])
            yield f"    missing: {', '.join(batch['missing'][:LISTED])}{f' and {more} more' if more > 0 else ''}"


def _members(batch: Mapping[str, Any]) -> str:
    words = [f"{batch[word]} {word}" for word in ("done", "skipped", "failed", "silent") if batch[word]]
    share = "" if batch["percent"] is None else f", {batch['percent']:g} percent"
    return f"{batch['members']} members{share}{''.join(f', {word}' for word in words)}"


def _services(services: list[dict[str, str]]) -> Iterator[str]:
    bad = [service["text"] for service in services if service["verdict"] != "fit"]
    if services:
        yield f"Services: {'; '.join(bad) if bad else f'all {len(services)} fit'}"


def _games(policy: Policy, made: Mapping[str, Any]) -> Iterator[str]:
    unit = policy.calendar.unit if policy.calendar is not None else "unit"
    for day in made["games"]:
        result = f"{day['final']} of {day['total']} {unit}s final ({day['band']})" if day["total"] else f"no {unit}s"
        yield f"{day['date']}: {result}"
    for reading in made["coverage"]:
        number = "" if reading["percent"] is None else f"{reading['percent']:.1f}%, "
        yield f"{reading['date']} {reading['gate']}: {number}{reading['band']}"


def _validation(policy: Policy, validations: list[dict[str, Any]] | None) -> Iterator[str]:
    if validations is None:
        return
    if not validations:
        yield "Validation: no run since yesterday"
    for validation in validations:
        at = _clock(policy, validation["at"], weekday=True)
        yield f"Validation {validation['schedule']} {at}: {validation['status']}, {validation['message']}"


def _alerts(policy: Policy, alerts: list[dict[str, Any]] | None) -> Iterator[str]:
    if alerts is None:
        return
    yield f"Alerts open: {len(alerts) or 'none'}"
    for alert in alerts[:LISTED]:
        unsent = f" (unsent: {alert['unsent']})" if alert["unsent"] else ""
        unsent += f" ({alert['quiet']})" if alert["quiet"] else ""
        yield f"    {alert['severity']} since {_clock(policy, alert['since'], weekday=True)}: {alert['text']}{unsent}"
    if len(alerts) > LISTED:
        yield f"    and {len(alerts) - LISTED} more"


def _quarantine(policy: Policy, kept: Mapping[str, Any]) -> str:
    if not kept["kept"]:
        return "empty"
    reasons = [f"{count} of {why}" for why, count in list(kept["reasons"].items())[:LISTED]]
    return f"{kept['kept']} since {_clock(policy, kept['oldest'], weekday=True)}: {'; '.join(reasons)}"


def _inventory(title: str, inventory: Mapping[str, Any] | None) -> Iterator[str]:
    if inventory is None:
        return
    odd = inventory["odd"]
    yield f"{title}: {inventory['declared']} declared, {len(odd) or 'none'} not as it should be"
    for item in odd[:LISTED]:
        yield f"    {item['name']} {item['what']}"
    if len(odd) > LISTED:
        yield f"    and {len(odd) - LISTED} more"


def _backlog(backlog: Mapping[str, int | None] | None) -> Iterator[str]:
    if backlog is None:
        return
    waiting = [f"{count} in {name}" for name, count in backlog.items() if count]
    yield f"Backlog: {', '.join(waiting) or 'nothing waits'}"
    unseen = [name for name, count in backlog.items() if count is None]
    if unseen:
        yield f"    no number of {', '.join(unseen)}"


def _clock(policy: Policy, text: str, *, weekday: bool = False) -> str:
    local = policy.local(datetime.fromisoformat(text))
    return f"{local:%a %H:%M}" if weekday else f"{local:%H:%M}"
