"""What is wrong with the steps of a transition and with the rerun of a phase: services, templates, contracts (D12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.core.model import Lane
from shared.core.policy.config_error import ConfigError, dotted, suggest
from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import HttpCall, Messages, Publication, Step, Transition
from shared.core.wire import templates
from shared.core.wire.bodies import RESERVED, Body

EXAMPLE: Mapping[str, Any] = {
    "game_date": "2026-01-21",
    "lane": "live",
    "trigger_id": "pipeline/2026-01-21/mode/transition/1",
    "generation": 1,
    "correlation_id": "0" * 32,
    "pipeline": "pipeline",
    "run_id": "pipeline/2026-01-21/mode",
    "reason": "complete",
}
PLAIN = (
    "trigger_id", "generation", "attempt", "pipeline", "transition", "mode", "lane", "game_date", "correlation_id",
    "trigger_source", "triggered_by", "trigger_reason", "timestamp", "code_version",
)  # fmt: skip


def step_problems(policy: Policy, transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield what is wrong with what a transition sends."""
    for step in transition.all_steps:
        yield from _step(policy, transition, step, f"{key}.{step.place}")


def rerun_problems(policy: Policy, phase: Phase, key: str) -> Iterator[ConfigError]:
    """Yield what is wrong with how a phase is asked to run again."""
    if phase.rerun is None:
        return
    if phase.rerun.service not in policy.services:
        wrong = phase.rerun.service
        yield ConfigError(f"{key}.service", f"there is no service {wrong}", suggest(wrong, policy.services))
    yield from _templates(policy, phase.rerun.body, key, templates.NAMES)
    yield from _wire_names(phase.rerun.body, key, {word: phase.processors.values() for word in LISTS})


LISTS = ("processors", "missing", "starts", "processor")


def _step(policy: Policy, transition: Transition, step: Step, where: str) -> Iterator[ConfigError]:
    target = step.target
    if isinstance(target, HttpCall) and target.service not in policy.services:
        reason = f"there is no service {target.service}"
        yield ConfigError(f"{where}.http.service", reason, suggest(target.service, policy.services))
    each = isinstance(target, Publication) and target.messages is Messages.PER_PROCESSOR
    allowed = templates.NAMES | (templates.PER_PROCESSOR if each else frozenset())
    wrong = [*_templates(policy, step.body, where, allowed)]
    yield from wrong
    yield from _renames(step, where)
    after, starts = policy.awaited[transition.name], policy.phases.get(transition.starts)
    if not after or starts is None:
        return
    expected = [after[name] for name in _expected(transition) if name in after]
    groups = {"processors": expected, "missing": expected, "processor": expected, "starts": starts.processors.values()}
    yield from _wire_names(step.body, where, groups)
    if not wrong:
        yield from _contract(policy, transition, step, where, expected if each else [])


def _renames(step: Step, where: str) -> Iterator[ConfigError]:
    """Yield the fields of a body that would make the plain fields beside it speak of another trigger."""
    for name, written in _overlays(step.body) if step.plain else ():
        laid = [written] if name == "body" else written.values()
        for key in sorted({key for body in laid for key in body if body[key] != f"{{{key}}}"} & RESERVED):
            reason = f"{key} says which trigger it is, and stands beside every body"
            yield ConfigError(f"{where}.{name}", reason, "leave it out, or send nothing beside the body: plain: false")


def _expected(transition: Transition) -> list[str]:
    return sorted({name for expectation in transition.expects.values() for name in expectation.expected})


def _overlays(body: Body) -> Iterator[tuple[str, Any]]:
    yield "body", body.base
    yield "body_by_mode", body.by_mode
    yield "body_by_generation", body.by_generation
    yield "body_by_lane", body.by_lane


def _templates(policy: Policy, body: Body, where: str, allowed: Iterable[str]) -> Iterator[ConfigError]:
    for name, written in _overlays(body):
        for flaw in templates.flaws(written, allowed):
            yield ConfigError(f"{where}.{dotted((name, *flaw.path))}", flaw.reason, _template_hint(flaw, allowed))
    for mode in body.by_mode:
        if mode not in policy.modes:
            yield ConfigError(f"{where}.body_by_mode.{mode}", f"there is no mode {mode}", suggest(mode, policy.modes))


def _template_hint(flaw: templates.Flaw, allowed: Iterable[str]) -> str:
    word = flaw.reason.partition("{")[2].partition("}")[0]
    return suggest(word, allowed)


def _wire_names(body: Body, where: str, groups: Mapping[str, Iterable[Processor]]) -> Iterator[ConfigError]:
    """Yield the processors that a `{...:class}` speaks of and that no alias gives a class name."""
    for name, written in _overlays(body):
        for template in sorted(templates.names(written)):
            word, _, form = template.partition(":")
            nameless = [processor.name for processor in groups.get(word, ()) if processor.wire_name is None]
            if form and nameless:
                reason = f"{{{template}}} needs a class name of {', '.join(nameless)}, and no alias is one"
                yield ConfigError(
                    f"{where}.{name}", reason, "add the class name to its aliases, such as PlayerDailyCacheProcessor"
                )


def _contract(
    policy: Policy, transition: Transition, step: Step, where: str, sources: Iterable[Processor]
) -> Iterator[ConfigError]:
    """Hold an example of what is sent, in each mode and lane, against what its reader requires."""
    if not step.accepts:
        return
    lacks = set()
    for mode in transition.expects:
        for lane in Lane:
            for values in _examples(policy, transition, mode, sources):
                written = step.body.of(mode, 1, lane)
                plain = dict.fromkeys(PLAIN, "x") | {name: values[name] for name in PLAIN if name in values}
                body = step.beside(plain | values["own"], templates.render(written, values))
                lacks |= set(templates.unfit(body, step.accepts))
    for lack in sorted(lacks):
        hint = "write the field in body, or take it from accepts"
        yield ConfigError(f"{where}.accepts", f"{step.to} requires a field that is not sent: {lack}", hint)


def _examples(
    policy: Policy, transition: Transition, mode: str, sources: Iterable[Processor]
) -> Iterator[dict[str, Any]]:
    lists = {name: ["x"] for name in templates.NAMES if name.partition(":")[0] in LISTS}
    values = {**EXAMPLE, "mode": mode, **lists, "own": {}}
    listed = list(sources)
    if not listed:
        yield values
    for processor in listed:
        table = next(iter(processor.tables), "").rsplit(".", 1)[-1]
        own = {
            "processor_name": processor.name,
            "source_table": table,
            "analysis_date": EXAMPLE["game_date"],
            "success": True,
        }
        more = {"processor": processor.name, "processor:class": processor.wire_name or "", "source_table": table}
        yield {**values, **more, "own": own}
