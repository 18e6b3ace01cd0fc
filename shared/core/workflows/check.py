"""What is wrong with the workflows of a pipeline, beyond the shape of their file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from shared.core.policy.config_error import ConfigError, spell, suggest
from shared.core.policy.opens_on_check import inputs_problems
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import LocalTime
from shared.core.workflows.model import (
    FUNCTION_TIME,
    REDRIVE_AFTER,
    RESERVE,
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    Execution,
    OnceADay,
    OpensOn,
    Span,
    Step,
    Workflow,
    Workflows,
)
from shared.core.workflows.templates import DATE, UNIT, UNITS, element

RESERVED = frozenset({"workflow", "source", "scraper", "execution_id"})


def problems(workflows: Workflows, policy: Policy) -> list[ConfigError]:
    """Return everything that is wrong, in the order of the file."""
    listed = [*_whose(workflows, policy), *_defaults(workflows)]
    for workflow in workflows.workflows.values():
        listed += _workflow(workflows, workflow, policy)
    listed += _requires_in_circle(workflows)
    listed += _scrapers(workflows, policy)
    return listed


def _whose(workflows: Workflows, policy: Policy) -> Iterator[ConfigError]:
    if workflows.pipeline not in ("", policy.pipeline):
        hint = f"another file belongs to {policy.pipeline}"
        yield ConfigError("pipeline", f"is {workflows.pipeline}, the policy's is {policy.pipeline}", hint)


def _defaults(workflows: Workflows) -> Iterator[ConfigError]:
    if workflows.defaults.step_overhead <= timedelta(0):
        yield ConfigError("defaults.step_overhead", "leaves no time beside the call", "such as 10s")
    for name in workflows.scrapers:
        limit, timeout = workflows.entry_limit(name), workflows.scrapers[name].timeout
        own = timeout != workflows.defaults.timeout
        key = f"scrapers.{name}.timeout" if own else "defaults.timeout"
        sums = f"{spell(timeout)} and {spell(workflows.defaults.step_overhead)} of overhead are {spell(limit)}"
        if timeout <= timedelta(0):
            yield ConfigError(key, "is no time at all", "such as 180s")
        elif limit + RESERVE >= FUNCTION_TIME:
            hint = f"make it shorter: the executor itself is given {spell(FUNCTION_TIME)}, and needs {spell(RESERVE)}"
            yield ConfigError(key, f"does not fit: {sums}", hint)
        elif limit >= REDRIVE_AFTER:
            yield ConfigError(key, f"does not fit: {sums}", f"stay below {spell(REDRIVE_AFTER)}")


def _workflow(workflows: Workflows, workflow: Workflow, policy: Policy) -> Iterator[ConfigError]:
    key = f"workflows.{workflow.name}"
    for place, name in enumerate(workflow.requires):
        if name not in workflows.workflows:
            at = f"{key}.requires[{place}]"
            yield ConfigError(at, f"unknown workflow {name}", suggest(name, workflows.workflows))
    yield from _decide(key, workflow, policy)
    yield from _steps(workflows, workflow, key)


def _decide(key: str, workflow: Workflow, policy: Policy) -> Iterator[ConfigError]:
    decide = workflow.decide
    at = f"{key}.decide"
    match decide:
        case OnceADay():
            yield from _span(f"{at}.window", decide.window)
            if decide.opens_on is not None:
                yield from _opens_on(f"{at}.opens_on", decide.opens_on, decide.window, policy)
        case BeforeGames():
            yield from _span(f"{at}.business_hours", decide.business_hours)
            yield from _positive(f"{at}.opens_before_first_game", decide.opens_before_first_game)
            yield from _positive(f"{at}.every", decide.every)
        case AfterGames():
            yield from _positive(f"{at}.tolerance", decide.tolerance)
        case EarlyGames():
            yield from _positive(f"{at}.tolerance", decide.tolerance)
        case Discovery():
            yield from _positive(f"{at}.every", decide.every)
        case CatchUp():
            yield from _span(f"{at}.window", decide.window)
            yield from _positive(f"{at}.every", decide.every)
    if has_units(workflow) and policy.calendar is None:
        reason = f"{workflow.kind} asks for the units of a date, and the policy has no calendar"
        yield ConfigError(f"{at}.kind", reason, "give the policy a calendar, or use once_a_day")
    if isinstance(decide, EarlyGames | BeforeGames) and policy.calendar and policy.calendar.start_column is None:
        yield ConfigError(f"{at}.kind", f"{workflow.kind} asks when units start", "give the calendar a start_column")
    if workflow.alerts.missing_units is not None and not isinstance(decide, AfterGames | EarlyGames):
        reason = f"{workflow.kind} has no window at whose end units may be missing"
        yield ConfigError(f"{key}.alerts.missing_units", reason, "it belongs to after_games and early_games")
    if workflow.alerts.missed is not None and isinstance(decide, Discovery):
        reason = "discovery has no window that could pass without a run"
        yield ConfigError(f"{key}.alerts.missed", reason, "leave it out: used-up attempts are told by themselves")
    if workflow.repeat is not None and isinstance(decide, BeforeGames | Discovery | CatchUp):
        yield ConfigError(f"{key}.repeat", f"{workflow.kind} repeats by itself", "leave it out: every says how often")


def _opens_on(key: str, opens_on: OpensOn, window: Span, policy: Policy) -> Iterator[ConfigError]:
    """Yield data that can never be there, and a latest time outside of the window."""
    if not _minutes(window.begins) < _minutes(opens_on.latest) < _minutes(window.ends):
        reason = f"{opens_on.latest} does not lie in the window from {window.begins} to {window.ends}"
        yield ConfigError(f"{key}.latest", reason, "the time at which it opens at the latest, data or not")
    if opens_on.mode not in policy.modes:
        yield ConfigError(f"{key}.mode", f"there is no mode {opens_on.mode}", suggest(opens_on.mode, policy.modes))
    yield from inputs_problems(policy, key, opens_on.phase, opens_on.processors, [opens_on.mode])


def _span(key: str, span: Span) -> Iterator[ConfigError]:
    if _minutes(span.ends) <= _minutes(span.begins):
        reason = "has no length" if _minutes(span.ends) == _minutes(span.begins) else "ends before it begins"
        yield ConfigError(key, f"{reason}: from {span.begins} to {span.ends}", 'past midnight: to: "+1d 02:00"')


def _minutes(at: LocalTime) -> int:
    return at.days * 1440 + at.at.hour * 60 + at.at.minute


def _positive(key: str, length: timedelta) -> Iterator[ConfigError]:
    if length <= timedelta(0):
        yield ConfigError(key, "is no time at all", "such as 30m")


def _steps(workflows: Workflows, workflow: Workflow, key: str) -> Iterator[ConfigError]:
    names = [step.name for step in workflow.steps]
    for place, step in enumerate(workflow.steps):
        at = f"{key}.steps[{place}]"
        if step.name in names[:place]:
            yield ConfigError(f"{at}.name", f"the step {step.name} is there twice", "give it another name")
        if step.execution is Execution.SEQUENTIAL and step.max_workers != 1:
            yield ConfigError(f"{at}.max_workers", "a sequential step has one", "leave it out, or execution: parallel")
        for number, name in enumerate(step.after):
            if name not in names:
                yield ConfigError(f"{at}.after[{number}]", f"unknown step {name}", suggest(name, names))
        for number, name in enumerate(step.scrapers):
            if name not in workflows.scrapers:
                yield ConfigError(
                    f"{at}.scrapers[{number}]", f"unknown scraper {name}", suggest(name, workflows.scrapers)
                )
            elif name in step.scrapers[:number]:
                yield ConfigError(f"{at}.scrapers[{number}]", f"names {name} twice", "keep one of the two")
            else:
                yield from _bound(workflows, workflow, step, name, f"{at}.scrapers[{number}]")
        for output in step.outputs:
            if element(output) in (UNIT, UNITS, DATE):
                reason = f"a loop over it would bind {{{element(output)}}}, which stands for something else"
                yield ConfigError(f"{at}.outputs.{output}", reason, "give it another name, such as event_ids")
        if step.for_each is not None:
            made = outputs_before(workflow, step)
            if step.for_each not in made:
                hint = suggest(step.for_each, made) if made else "name a step that makes it in after, with outputs"
                yield ConfigError(f"{at}.for_each", f"nothing before this step makes {step.for_each}", hint)
    circle = circle_of({step.name: step.after for step in workflow.steps})
    if circle:
        yield ConfigError(
            f"{key}.steps", f"wait for each other: {' -> '.join(circle)}", "take one of them out of after"
        )


def _bound(workflows: Workflows, workflow: Workflow, step: Step, name: str, key: str) -> Iterator[ConfigError]:
    """Refuse a placeholder that nothing fills where this step calls the scraper."""
    placeholders = workflows.scrapers[name].placeholders - {DATE} - ({UNITS} if has_units(workflow) else set())
    bound = {element(step.for_each)} if step.for_each is not None else set[str]()
    bound |= {UNIT} if has_units(workflow) else set()
    for placeholder in sorted(placeholders - bound):
        names = ", ".join(
            f"{{{word}}}" for word in sorted({DATE} | bound | ({UNITS} if has_units(workflow) else set()))
        )
        yield ConfigError(key, f"{name} wants {{{placeholder}}}, which nothing fills here", f"filled here: {names}")
    if step.for_each is not None and {UNIT, element(step.for_each)} <= placeholders:
        yield ConfigError(key, f"{name} wants a unit and an element of a loop", "call it once for one of them")


def has_units(workflow: Workflow) -> bool:
    """True for a workflow whose runs know the units of their date."""
    decide = workflow.decide
    return not isinstance(decide, OnceADay) and not (isinstance(decide, Discovery) and not decide.needs_units)


def outputs_before(workflow: Workflow, step: Step) -> frozenset[str]:
    """Return the outputs of the steps that this one waits for, directly or through others."""
    by_name = {other.name: other for other in workflow.steps}
    reached: set[str] = set()
    todo = list(step.after)
    while todo:
        name = todo.pop()
        if name in by_name and name not in reached:
            reached.add(name)
            todo += by_name[name].after
    return frozenset(output for name in reached for output in by_name[name].outputs)


def circle_of(after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return names that wait for each other, the first again at the end; nothing if none do."""
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in after:
            return []
        path.append(name)
        for before in after[name]:
            circle = visit(before)
            if circle:
                return circle
        path.pop()
        done.add(name)
        return []

    for name in after:
        names = visit(name)
        if names:
            return names
    return []


def _requires_in_circle(workflows: Workflows) -> Iterator[ConfigError]:
    circle = circle_of({name: workflow.requires for name, workflow in workflows.workflows.items()})
    if circle:
        reason = f"workflows wait for each other: {' -> '.join(circle)}"
        yield ConfigError(f"workflows.{circle[0]}.requires", reason, "take one of them out")


def _scrapers(workflows: Workflows, policy: Policy) -> Iterator[ConfigError]:
    processors = {name for phase in policy.phases.values() for name in phase.processors}
    for name, scraper in workflows.scrapers.items():
        key = f"scrapers.{name}"
        if scraper.service not in policy.services:
            yield ConfigError(
                f"{key}.service", f"unknown service {scraper.service}", suggest(scraper.service, policy.services)
            )
        if scraper.processor is not None and scraper.processor not in processors:
            hint = suggest(scraper.processor, processors)
            yield ConfigError(f"{key}.processor", f"unknown processor {scraper.processor}", hint)
        for parameter in sorted(RESERVED & scraper.parameters.keys()):
            reason = "is what the executor itself says in every call"
            yield ConfigError(f"{key}.parameters.{parameter}", reason, "take it out, or give it another name")


def in_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps so that each comes after those it waits for, else in the order of the file."""
    left, done = list(steps), list[Step]()
    while left:
        names = {step.name for step in left}
        ready = next((step for step in left if not names & set(step.after)), left[0])
        left.remove(ready)
        done.append(ready)
    return tuple(done)
