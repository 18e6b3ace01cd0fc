"""Which schedule calls which checks of which pipeline, and the schedules that follow from the checks themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from deploy.manifest import Manifest, Schedule
from shared.adapters.config.strict_yaml import read_yaml

VALIDATION = "validation_runner"


@dataclass(frozen=True)
class Declared:
    """A schedule as the checks of a pipeline declare it: its name, local time and zone, and the file."""

    pipeline: str
    name: str
    at: str
    zone: str
    file: str

    @property
    def cron(self) -> str:
        hour, _, minute = self.at.partition(":")
        return f"{int(minute)} {int(hour)} * * *"


@dataclass(frozen=True)
class Called:
    """What a call of the validation asks for; ``pipeline`` is "" where it names none."""

    name: str
    pipeline: str

    @property
    def text(self) -> str:
        return f"{self.name} of {self.pipeline}" if self.pipeline else self.name

    def is_of(self, declared: Declared) -> bool:
        return self.name == declared.name and self.pipeline in ("", declared.pipeline)


def called_by(schedule: Schedule) -> Called:
    """Return what a schedule asks of the validation."""
    query = parse_qs(urlsplit(schedule.path).query)
    return Called(*(query.get(key, [""])[-1] for key in ("schedule", "pipeline")))


def declared_schedules(manifest: Manifest, root: Path) -> list[Declared]:
    """Return the schedules of the checks of every pipeline, the manifest's own first; each has a file of its own."""
    own = root / "config" / "validation.yaml"
    content, _ = read_yaml(own)
    declared = [
        Declared(manifest.policy.pipeline, name, str(entry.get("at")), manifest.policy.zone.key, _shown(own, root))
        for name, entry in _schedules(content).items()
    ]
    for policy in manifest.others:
        validation = manifest.other_checks.get(policy.pipeline)
        if validation is not None:
            file = _shown(Path(validation.source), root)
            declared += [
                Declared(policy.pipeline, schedule.name, f"{schedule.at:%H:%M}", policy.zone.key, file)
                for schedule in validation.schedules.values()
            ]
    return declared


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _schedules(value: object) -> Mapping[str, Mapping[str, object]]:
    section = value.get("schedules") if isinstance(value, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def with_schedules(manifest: Manifest, declared: Sequence[Declared]) -> Manifest:
    """Return the manifest with a schedule for each that the checks of other pipelines declare and nothing calls.

    A call that names no pipeline is for every one with checks of that name. It is taken for that of the first of them,
    the manifest's own before the others, and names it where there are several. Settings are those of the first schedule
    that calls the validation; where there is none, nothing is added.
    """
    calls = {name: schedule for name, schedule in manifest.schedules.items() if schedule.calls == VALIDATION}
    if not calls or not manifest.others:
        return manifest
    narrowed = {name: _narrowed(schedule, declared) for name, schedule in calls.items()}
    covering = [called_by(schedule) for schedule in narrowed.values()]
    example = next(iter(calls.values()))
    made = {}
    for of in declared:
        if of.pipeline == manifest.policy.pipeline or any(called.is_of(of) for called in covering):
            continue
        name = f"{manifest.prefix}-validation-{of.pipeline}--{of.name}"
        path = f"/?schedule={of.name}&pipeline={of.pipeline}"
        made[name] = replace(example, name=name, cron=of.cron, zone=of.zone, path=path)
    return replace(manifest, schedules={**manifest.schedules, **narrowed, **made})


def _narrowed(schedule: Schedule, declared: Sequence[Declared]) -> Schedule:
    """Return a call that names its pipeline where others have checks of the same name, at hours of their own."""
    called = called_by(schedule)
    sharing = [of.pipeline for of in declared if of.name == called.name]
    if called.pipeline or len(sharing) < 2:
        return schedule
    return replace(schedule, path=f"{schedule.path}&pipeline={sharing[0]}")
