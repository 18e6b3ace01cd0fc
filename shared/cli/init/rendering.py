"""The files of a new pipeline as texts, from the templates beside this module."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from string import Template

import yaml

from shared.cli.init.pipeline_request import ModeRequest, PipelineRequest
from shared.core.policy.config_error import spell

TEMPLATES = Path(__file__).with_name("templates")
SCENARIOS = Path("tests") / "scenarios" / "own"
# An ordinary Tuesday: no zone changes its clocks on it.
FIRST_DAY = date(2026, 3, 3)
MINUTE, CRITICAL_AFTER = timedelta(minutes=1), timedelta(hours=1)


def files_of(request: PipelineRequest, folder: Path) -> dict[Path, str]:
    """Return the files by their paths in the project; ``folder`` is that of the policies."""
    name = request.pipeline
    return {
        folder / f"{name}.yaml": _policy(request),
        folder / f"{name}.validation.yaml": _validation(request),
        SCENARIOS / f"{name}_first_night.yaml": _scenario(request, folder),
    }


def _policy(request: PipelineRequest) -> str:
    resolve = ", resolve: message" if len(request.modes) > 1 else ""
    modes = [
        _filled("mode", mode=plain(mode.name), offset=request.offset, opens=f"{mode.opens:%H:%M}", resolve=resolve)
        for mode in request.modes
    ]
    services = [
        _filled("service", phase=plain(phase), variable=_variable(request, phase), service=_service(request, phase))
        for phase in request.phases
        if phase in request.called
    ]
    phases = [
        _filled(
            "phase",
            phase=plain(phase),
            title=phase.replace("_", " ").capitalize(),
            completions=_completions(request, phase),
            processor=_processor(phase),
        )
        for phase in request.phases
    ]
    transitions = [_transition(request, number) for number in range(1, len(request.phases))]
    return _filled(
        "policy",
        pipeline=plain(request.pipeline),
        zone=request.zone,
        modes="".join(modes).rstrip("\n"),
        services="".join(["\nservices:\n", *services]).rstrip("\n") if services else "",
        phases="".join(phases).rstrip("\n"),
        transitions="".join(transitions).rstrip("\n"),
    )


def _transition(request: PipelineRequest, number: int) -> str:
    """Return the transition of this number, from 1 on."""
    after, starts = request.steps[number - 1]
    message = f"topic: {_trigger(request, starts)}, messages: one"
    call = f"http: {{service: {plain(starts)}, path: /start, timeout: 30s}}"
    expects = []
    for mode in request.modes:
        due = _slot(request, mode, number)
        warning, critical = spell(due), spell(due + CRITICAL_AFTER)
        expects.append(
            _filled(
                "expectation", mode=plain(mode.name), processor=_processor(after), warning=warning, critical=critical
            )
        )
    return _filled(
        "transition",
        transition=_name_of(after, starts),
        after=plain(after),
        starts=plain(starts),
        expects="".join(expects),
        # Of the others the next transition's due time tells.
        ended=", ended_within: 6h" if number == len(request.steps) else "",
        dispatch=call if starts in request.called else message,
    )


def _validation(request: PipelineRequest) -> str:
    schedules = []
    for mode in request.modes:
        at, next_day = _judged_at(mode)
        schedules.append(
            _filled(
                "schedule",
                schedule=plain(mode.name),
                at=f"{at:%H:%M}",
                date="today" if request.offset == 0 and not next_day else "yesterday",
                working_day=", working_day: yesterday" if next_day else "",
            )
        )
    names = ", ".join(plain(mode.name) for mode in request.modes)
    return _filled(
        "validation", pipeline=plain(request.pipeline), schedules="".join(schedules).rstrip("\n"), names=names
    )


def _scenario(request: PipelineRequest, folder: Path) -> str:
    """Return a day on which each phase ends in the middle of the time that it has, in every mode."""
    day = FIRST_DAY + timedelta(days=request.offset)
    # Not on the day before, whose runs would be caught up with.
    begins = max(min(map(_opened, request.modes)) - 10 * MINUTE, datetime.combine(FIRST_DAY, time(0)))
    ends = max(_opened(mode) + mode.due_after for mode in request.modes) + 10 * MINUTE
    events: list[tuple[datetime, str]] = []
    expectations: list[str] = []
    for mode in request.modes:
        words = {"date": day.isoformat(), "mode": plain(mode.name)}
        for number, phase in enumerate(request.phases, start=1):
            at = _opened(mode) + _ended(request, mode, number)
            moment = at.isoformat(sep=" ")[: len("2026-03-03 04:00")]
            events.append((at, _filled("event", at=moment, processor=_processor(phase), phase=plain(phase), **words)))
            if number < len(request.phases):
                name = _name_of(phase, request.phases[number])
                expectations.append(_filled("expected", at=moment, transition=name, **words))
    return _filled(
        "scenario",
        pipeline=request.pipeline,
        policy=f"../../../{(folder / request.pipeline).as_posix()}.yaml",
        start=f"{begins:%Y-%m-%d %H:%M}",
        end=f"{ends:%Y-%m-%d %H:%M}",
        events="".join(text for _, text in sorted(events, key=lambda event: event[0])).rstrip("\n"),
        expectations="".join(expectations).rstrip("\n"),
    )


def _opened(mode: ModeRequest) -> datetime:
    """Return the local time at which the first run of a mode opens."""
    return datetime.combine(FIRST_DAY, mode.opens)


def _slot(request: PipelineRequest, mode: ModeRequest, number: int) -> timedelta:
    """Return when a transition is due, after the opening: the time up to the last one's is shared evenly."""
    return mode.due_after * number // len(request.steps) // MINUTE * MINUTE


def _ended(request: PipelineRequest, mode: ModeRequest, number: int) -> timedelta:
    """Return when the job of a phase ends on the first day: in the middle of its time, the last at its end."""
    if number == len(request.phases):
        return mode.due_after
    before, after = (_slot(request, mode, at) for at in (number - 1, number))
    return (before + after) // 2 // MINUTE * MINUTE


def _judged_at(mode: ModeRequest) -> tuple[datetime, bool]:
    """Return the local time at which a day is judged, once the last transition is late, and whether that is on the day
    after."""
    at = _opened(mode) + mode.due_after + CRITICAL_AFTER
    return at, at.date() > FIRST_DAY


def _processor(phase: str) -> str:
    return f"{phase}_job"


def _name_of(after: str, starts: str) -> str:
    return f"{after}_to_{starts}"


def _completions(request: PipelineRequest, phase: str) -> str:
    return f"{request.pipeline}-{phase}-complete"


def _trigger(request: PipelineRequest, phase: str) -> str:
    return f"{request.pipeline}-{phase}-trigger"


def _service(request: PipelineRequest, phase: str) -> str:
    return f"{request.pipeline}-{phase}".replace("_", "-")


def _variable(request: PipelineRequest, phase: str) -> str:
    return f"{request.pipeline}_{phase}_url".upper()


def plain(name: str) -> str:
    """Return a name as YAML reads it as text: `on` and `null` need quotes."""
    return name if yaml.safe_load(name) == name else f'"{name}"'


def _filled(template: str, **values: object) -> str:
    return _template(template).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
