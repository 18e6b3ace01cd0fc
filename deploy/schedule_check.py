"""What can be wrong with the schedules: each by itself, and all of them against config/validation.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

from deploy import cron
from deploy.manifest import Manifest, Schedule
from shared.adapters.config.strict_yaml import read_yaml
from shared.core.policy.config_error import ConfigError, spell, suggest

ATTEMPT = (timedelta(seconds=15), timedelta(minutes=30))
VALIDATION = "validation_runner"
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
    """Each schedule that config/validation.yaml declares is called at its local time, and no other one is."""
    if VALIDATION not in manifest.functions:
        return
    declared, _ = read_yaml(root / "config" / "validation.yaml")
    times = {name: str(entry.get("at")) for name, entry in _mapping(declared, "schedules").items()}
    called = {
        schedule.path.partition("schedule=")[2]: schedule
        for schedule in manifest.schedules.values()
        if schedule.calls == VALIDATION
    }
    for name in sorted(times.keys() - called.keys()):
        yield ConfigError("schedules", f"{name} of config/validation.yaml is never called", f"path: /?schedule={name}")
    for name, schedule in called.items():
        key = f"schedules.{schedule.name}"
        if name not in times:
            yield ConfigError(f"{key}.path", f"{name!r} is no schedule of config/validation.yaml", suggest(name, times))
            continue
        hour, _, minute = times[name].partition(":")
        expected = f"{int(minute)} {int(hour)} * * *"
        zone = manifest.policy.zone.key
        if (schedule.cron, schedule.zone) != (expected, zone):
            reason = (
                f"{schedule.cron} in {schedule.zone} is not {times[name]} in {zone}, as config/validation.yaml says"
            )
            yield ConfigError(f"{key}.cron", reason, f'cron: "{expected}", zone: {zone}')


def _mapping(value: object, key: str) -> Mapping[str, Mapping[str, object]]:
    section = value.get(key) if isinstance(value, Mapping) else None
    return section if isinstance(section, Mapping) else {}
