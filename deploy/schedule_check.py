"""What can be wrong with the schedules: each by itself, and all of them against the checks of each pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

from deploy import cron
from deploy.manifest import Manifest, Schedule
from shared.adapters.config.beside import own_file
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
    """Each schedule that the checks of a pipeline declare is called at its local time, and no other one is."""
    if VALIDATION not in manifest.functions:
        return
    declared = list(_declared(manifest, root))
    called = {
        schedule.path.partition("schedule=")[2]: schedule
        for schedule in manifest.schedules.values()
        if schedule.calls == VALIDATION
    }
    for of in sorted(declared, key=lambda of: of.name):
        if of.name not in called:
            yield ConfigError("schedules", f"{of.name} of {of.file} is never called", f"path: /?schedule={of.name}")
            continue
        schedule = called[of.name]
        hour, _, minute = of.at.partition(":")
        expected = f"{int(minute)} {int(hour)} * * *"
        if (schedule.cron, schedule.zone) != (expected, of.zone):
            reason = f"{schedule.cron} in {schedule.zone} is not {of.at} in {of.zone}, as {of.file} says"
            yield ConfigError(f"schedules.{schedule.name}.cron", reason, f'cron: "{expected}", zone: {of.zone}')
    names = {of.name for of in declared}
    files = ", ".join(dict.fromkeys(of.file for of in declared)) or "config/validation.yaml"
    for name, schedule in called.items():
        if name not in names:
            reason = f"{name!r} is no schedule of {files}"
            yield ConfigError(f"schedules.{schedule.name}.path", reason, suggest(name, names))


@dataclass(frozen=True)
class _Declared:
    """A schedule as the checks of a pipeline declare it: its name, local time and zone, and the file."""

    name: str
    at: str
    zone: str
    file: str


def _declared(manifest: Manifest, root: Path) -> Iterator[_Declared]:
    """Yield the schedules of the manifest's pipeline, then those of other pipelines that have a file of their own."""
    files = [(manifest.policy, root / "config" / "validation.yaml")]
    files += [(policy, path) for policy in manifest.others if (path := own_file(policy, "validation")) is not None]
    for policy, path in files:
        content, _ = read_yaml(path)
        file = path.relative_to(root) if path.is_relative_to(root) else path
        for name, entry in _mapping(content, "schedules").items():
            yield _Declared(name, str(entry.get("at")), policy.zone.key, str(file))


def _mapping(value: object, key: str) -> Mapping[str, Mapping[str, object]]:
    section = value.get(key) if isinstance(value, Mapping) else None
    return section if isinstance(section, Mapping) else {}
