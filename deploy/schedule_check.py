"""What can be wrong with the schedules: each by itself, and all of them against the checks of each pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

from deploy import cron
from deploy.called_checks import VALIDATION, called_by, declared_schedules
from deploy.manifest import Manifest, Schedule
from shared.core.policy.config_error import ConfigError, spell, suggest

ATTEMPT = (timedelta(seconds=15), timedelta(minutes=30))
HEALTH, REPORT = "health_check", "/report"


def problems_of(manifest: Manifest, schedule: Schedule) -> Iterator[ConfigError]:
    key = f"schedules.{schedule.name}"
    target = manifest.functions.get(schedule.calls)
    if target is None:
        yield ConfigError(
            f"{key}.calls", f"there is no function {schedule.calls}", suggest(schedule.calls, manifest.functions)
        )
    elif target.push:
        yield ConfigError(
            f"{key}.calls", f"{schedule.calls} is fed by topics, not by calls", "name a function with http: true"
        )
    elif schedule.attempt_deadline < target.timeout:
        yield ConfigError(
            f"{key}.attempt_deadline",
            f"{spell(schedule.attempt_deadline)} is under the function's timeout, {spell(target.timeout)}",
            f"at least {spell(target.timeout)}",
        )
    fault = cron.cron_error(schedule.cron)
    if fault:
        yield ConfigError(f"{key}.cron", f"{schedule.cron!r} {fault}", 'five fields, such as "0 6 * * *"')
    if schedule.zone not in available_timezones():
        yield ConfigError(
            f"{key}.zone", f"{schedule.zone} is no time zone", suggest(schedule.zone, available_timezones())
        )
    if not ATTEMPT[0] <= schedule.attempt_deadline <= ATTEMPT[1]:
        yield ConfigError(f"{key}.attempt_deadline", "is outside 15s to 30m", "Cloud Scheduler's limits")
    if schedule.calls == HEALTH and schedule.path.partition("?")[0] == REPORT and schedule.method != "POST":
        yield ConfigError(f"{key}.method", f"{schedule.method} shows the report and sends nothing", "method: POST")
    if not schedule.path.startswith("/"):
        yield ConfigError(f"{key}.path", f"{schedule.path} does not begin with a slash", f"/{schedule.path}")


def unscheduled(manifest: Manifest, root: Path) -> Iterator[ConfigError]:
    """Each schedule that the checks of a pipeline declare is called at its local time, and no other one is."""
    if VALIDATION not in manifest.functions:
        return
    declared = declared_schedules(manifest, root)
    calls = [
        (schedule, called_by(schedule)) for schedule in manifest.schedules.values() if schedule.calls == VALIDATION
    ]
    for of in sorted(declared, key=lambda of: of.name):
        covering = [schedule for schedule, called in calls if called.is_of(of)]
        if not covering:
            yield ConfigError("schedules", f"{of.name} of {of.file} is never called", f"path: /?schedule={of.name}")
        for schedule in covering:
            if (schedule.cron, schedule.zone) != (of.cron, of.zone):
                reason = f"{schedule.cron} in {schedule.zone} is not {of.at} in {of.zone}, as {of.file} says"
                hint = f'cron: "{of.cron}", zone: {of.zone}'
                yield ConfigError(f"schedules.{schedule.name}.cron", reason, hint)
    names = {of.name for of in declared}
    files = ", ".join(dict.fromkeys(of.file for of in declared)) or "config/validation.yaml"
    for schedule, called in calls:
        if not any(called.is_of(of) for of in declared):
            reason = f"{called.text!r} is no schedule of {files}"
            yield ConfigError(f"schedules.{schedule.name}.path", reason, suggest(called.name, names))
