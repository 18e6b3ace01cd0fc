"""From the shape of the policy file to the values of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import time, timedelta
from math import isfinite
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from shared.adapters.config.alert_build import alerts_of, links_of, sink_problems
from shared.adapters.config.anomaly_schema import anomalies_of
from shared.adapters.config.batch_build import batches_of
from shared.adapters.config.calendar_schema import CalendarSchema, ExcludedSchema
from shared.adapters.config.mode_schema import AfterOpenedSchema, ModeSchema
from shared.adapters.config.phase_schema import DisabledSchema, PhaseSchema, RerunSchema, SourceSchema
from shared.adapters.config.policy_schema import PauseSchema, PolicySchema
from shared.adapters.config.policy_wire import WireGiven, wire_given, wire_of
from shared.adapters.config.service_schema import (
    AnswerSchema,
    IdentitySchema,
    ResultsSchema,
    ServiceSchema,
    StatusSchema,
)
from shared.adapters.config.signal_schema import SignalSchema
from shared.adapters.config.slo_schema import SlosSchema
from shared.adapters.config.transition_schema import (
    AfterRunSchema,
    AutoSchema,
    ConfirmSchema,
    DeadlineSchema,
    DispatchSchema,
    DueSchema,
    ExpectationSchema,
    GateSchema,
    HttpSchema,
    RefreshSchema,
    StepSchema,
    TierSchema,
    TransitionSchema,
)
from shared.core.policy.adaptive import Auto
from shared.core.policy.after_run import AfterRun
from shared.core.policy.alerts import NOWHERE
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.core.policy.phases import Disabled, Phase, Processor, Rerun
from shared.core.policy.policy import (
    OBJECTIVES,
    Calendar,
    Excluded,
    Mode,
    PlannedPause,
    Policy,
    Repairs,
    Service,
)
from shared.core.policy.signals import Signal
from shared.core.policy.transitions import (
    AfterOpened,
    Confirm,
    Deadline,
    Dispatch,
    Due,
    DueTime,
    Expectation,
    Gate,
    HttpCall,
    LocalTime,
    Messages,
    Publication,
    Refresh,
    Step,
    Tier,
    Transition,
)
from shared.core.policy.working_days import Window, WorkingDays
from shared.core.wire.answers import AnswerRule, Fields, Means, Results, StatusCall
from shared.core.wire.bodies import Body
from shared.core.wire.dialect import Dialect

NO_DUE = "none"
ANY_MODE = "any_mode"
T = TypeVar("T", str, int)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _given(schema: msgspec.Struct, **into: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the keys that the file names, some converted: what it leaves out is for the core to default."""
    values = {name: getattr(schema, name) for name in schema.__struct_fields__}
    return {
        name: into[name](value) if name in into and value is not None else value
        for name, value in values.items()
        if value is not msgspec.UNSET
    }


def _duration(text: str) -> timedelta:
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


def _auto(schema: AutoSchema) -> Auto:
    nights = int(schema.of.partition(" ")[0])
    return Auto(schema.quantile, nights, schema.times, _duration(schema.at_least), _duration(schema.at_most))


def _deadline(schema: DeadlineSchema) -> Deadline:
    return Deadline(**_given(schema, after=_duration, auto=_auto))


def _due_time(text: str | AfterOpenedSchema) -> DueTime:
    """Return the time that `08:30`, `+1d 02:00` or `{after_opened: 3h}` says."""
    if isinstance(text, AfterOpenedSchema):
        return AfterOpened(_duration(text.after_opened))
    later, _, at = text.rpartition(" ")
    return LocalTime(int(later[1:-1]) if later else 0, time.fromisoformat(at))


def _due(schema: DueSchema) -> Due:
    times = {"warning": None, "critical": None}
    given = times | _given(schema, warning=_due_time, critical=_due_time)
    learned = given.pop("auto", None)
    autos = {} if learned is None else _given(learned, warning=_auto, critical=_auto)
    return Due(**given, **{f"{name}_auto": auto for name, auto in autos.items()})


def _objectives(schema: SlosSchema) -> Objectives:
    """Return the objectives that hold by default, with what the file says of each laid over them."""

    def over(default: Objective | None) -> Callable[[msgspec.Struct], Objective]:
        return lambda given: replace(default or Objective(99), **_given(given, within=_duration))

    kinds = {kind.value: over(getattr(OBJECTIVES, kind.value)) for kind in ObjectiveKind}
    return replace(OBJECTIVES, **_given(schema, window=_duration, **kinds))


def _after_run(schema: AfterRunSchema) -> AfterRun:
    return AfterRun(schema.pipeline, schema.mode, _there(schema.transition) or "", _there(schema.offset_days) or 0)


def _tiers(schemas: list[TierSchema]) -> tuple[Tier, ...]:
    return tuple(Tier(**_given(tier, after=_duration, auto=_auto)) for tier in schemas)


def _calendar(schema: CalendarSchema) -> Calendar:
    def excluded(table: ExcludedSchema) -> Excluded:
        return Excluded(**{name: value or "" for name, value in _given(table).items()})

    durations = {"presumed_final_after": _duration, "reaches_back": _duration, "read_every": _duration}
    given = _given(schema, excluded_statuses=tuple, excluded=excluded, **durations)
    given.pop("on_unreadable", None)  # it has one value, which is what happens anyway (behaviour T3)
    for name in ("unit_key", "final"):
        given[name] = given.get(name) or ""
    return Calendar(**given)


def _processor(name: str, phase: str, schema: SourceSchema) -> Processor:
    """Return a processor, or one of its sources, with what the file says of it."""

    def sources(listed: Mapping[str, SourceSchema]) -> dict[str, Processor]:
        return {key: _processor(f"{name}/{key}", phase, source) for key, source in listed.items()}

    given = _given(schema, aliases=tuple, disabled=_disabled, sources=sources)
    for key, empty in (("units", ""), ("sources", {})):
        given[key] = given.get(key) or empty
    return Processor(name=name, phase=phase, **given)


def _disabled(schema: DisabledSchema) -> Disabled:
    return Disabled(**_given(schema))


def _service(name: str, schema: ServiceSchema) -> Service:
    """Return a service from either form; a service without a path that says whether it is ready is a problem."""
    given = _given(schema, status=_status, answers=_answers)
    given["answers"] = given.get("answers") or {}
    ready, who = given.pop("ready", None), given.pop("identity", None)
    given["ready_path"] = ready.path if ready is not None else given.get("ready_path") or ""
    if isinstance(who, IdentitySchema):
        if who.field is not msgspec.UNSET:
            given["identity_field"] = who.field
        return Service(name=name, identity=who.is_, identity_path=who.path, **given)
    return Service(name=name, identity=who or "", **given)


def _fields(fields: Mapping[str, Any]) -> Fields:
    return {path: tuple(value) if isinstance(value, list) else (value,) for path, value in fields.items()}


def _status(schema: StatusSchema) -> StatusCall:
    given = _given(schema, at_work=_fields)
    given["query"] = given.get("query") or {}
    return StatusCall(**given)


def _answers(schemas: Mapping[str, list[AnswerSchema]]) -> dict[str, tuple[AnswerRule, ...]]:
    return {path: tuple(_answer(rule) for rule in listed) for path, listed in schemas.items()}


def _answer(schema: AnswerSchema) -> AnswerRule:
    def results(results_schema: ResultsSchema) -> Results:
        return Results(**_given(results_schema, good=tuple))

    def statuses(value: int | list[int]) -> frozenset[int]:
        return frozenset(value if isinstance(value, list) else [value])

    given = _given(schema, status=statuses, means=Means, body=_fields, show=tuple, results=results)
    for name, empty in (("body", {}), ("show", ())):
        given[name] = given.get(name) or empty
    return AnswerRule(**given)


def _body(schema: StepSchema | RerunSchema) -> Body:
    """Return the body of a step or rerun with its overlays."""
    overlays = ("body_by_mode", "body_by_generation", "body_by_lane")
    given = {name: getattr(schema, name, msgspec.UNSET) for name in ("body", *overlays)}
    base, mode, generation, lane = (value if value and value is not msgspec.UNSET else {} for value in given.values())
    return Body(base, mode, generation, {str(name): body for name, body in lane.items()})


def _http(schema: HttpSchema) -> HttpCall:
    return HttpCall(**_given(schema, accepted=frozenset, timeout=_duration))


def _confirm(schema: ConfirmSchema) -> Confirm:
    return Confirm(**_given(schema, within=_duration, ended_within=_duration))


def _planned_pause(schema: PauseSchema) -> PlannedPause:
    return PlannedPause(schema.from_, schema.until, schema.reason, _there(schema.mode), _there(schema.transition))


class Builder:
    """Builds one policy; ``problems`` are what only the file can show, such as a name listed twice."""

    def __init__(self) -> None:
        self.problems: list[ConfigError] = []
        self._inherited: dict[str, str] = {}

    def policy(self, schema: PolicySchema, source: str) -> Policy | None:
        """Return the policy, None if its time zone is unknown."""
        zone = self._zone(schema.timezone)
        if ANY_MODE in schema.modes:
            hint = f"in expects, {ANY_MODE} stands for every mode: choose another name"
            self.problems.append(ConfigError(f"modes.{ANY_MODE}", "no mode can have this name", hint))
        self.problems += sink_problems(schema.alerts)
        given = _given(
            schema,
            calendar=_calendar,
            modes=_named(self._mode),
            services=_named(_service),
            phases=_named(lambda name, phase: self._phase(name, phase, schema.wire)),
            gates=_named(self._gate),
            claim_lease=_duration,
            alerts=lambda alerts: alerts_of(alerts, _duration),
            repairs=lambda repairs: Repairs(**_given(repairs, cooldown=_duration, modes=frozenset)),
            pauses=lambda listed: tuple(map(_planned_pause, listed)),
            links=links_of,
            slos=_objectives,
        )
        given.pop("timezone")
        given["pauses"] = given.get("pauses") or ()
        given["links"] = given.get("links") or NOWHERE
        given["anomalies"] = anomalies_of(schema.anomalies)
        given["objectives"] = given.pop("slos", OBJECTIVES)
        given["batches"] = batches_of(_there(schema.batches), _duration, self._json)
        given["signals"] = self._signals(_there(schema.signals))
        given["wire"] = wire_of(wire_given(schema.wire))  # every phase has it too, its own laid over it
        given["transitions"] = self._transitions(schema)
        return None if zone is None else Policy(zone=zone, source=source, **{"gates": {}} | given)

    def _signals(self, schemas: Mapping[str, SignalSchema] | None) -> dict[str, Signal]:
        if not schemas:
            return {}
        from shared.adapters.config.signal_build import SignalBuilder  # most pipelines have none

        builder = SignalBuilder()
        signals = builder.signals(schemas)
        self.problems += builder.problems
        return signals

    def located(self, errors: Iterable[ConfigError]) -> list[ConfigError]:
        """Return problems of merged expectations under the key that they have in the file."""
        return [self._located(problem) for problem in errors]

    def _located(self, problem: ConfigError) -> ConfigError:
        for merged, written in self._inherited.items():
            if problem.key == merged or problem.key.startswith((f"{merged}.", f"{merged}[")):
                return ConfigError(written + problem.key.removeprefix(merged), problem.reason, problem.hint)
        return problem

    def _zone(self, name: str) -> ZoneInfo | None:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            zones = available_timezones()
            hint = (
                suggest(name, zones) if len(zones) > 1 else "this system has no time zones: install the package tzdata"
            )
            self.problems.append(ConfigError("timezone", f"there is no time zone {name}", hint))
            return None

    def _mode(self, name: str, schema: ModeSchema) -> Mode:
        weekdays = self._set(_there(schema.weekdays) or [], f"modes.{name}.weekdays")
        days_of_month = self._set(_there(schema.days_of_month) or [], f"modes.{name}.days_of_month")
        given = _given(
            schema,
            opens_at=time.fromisoformat,
            same_evening_from=time.fromisoformat,
            window=lambda window: Window(_due_time(window.from_), _due_time(window.to)),
        )
        for key in ("weekdays", "days_of_month"):
            given.pop(key, None)
        return Mode(name=name, days=WorkingDays(weekdays, days_of_month), **given)

    def _phase(self, name: str, schema: PhaseSchema, under: WireGiven) -> Phase:
        processors = {key: _processor(key, name, source) for key, source in (_there(schema.processors) or {}).items()}
        key = f"phases.{name}"
        given = _given(
            schema,
            rerun=lambda rerun: Rerun(rerun.service, rerun.path, _body(rerun)),
            known=lambda listed: self._listed(listed, f"{key}.known"),
        )
        if given.get("known") is None:
            given.pop("known", None)
        given["completions_topic"] = _there(schema.completions_topic) or ""
        given["team"] = _there(schema.team) or ""
        given["wire"] = self._wire(under, schema.wire, f"{key}.wire")
        return Phase(name=name, **given | {"processors": processors})

    def _wire(self, under: WireGiven, own: WireGiven, key: str) -> Dialect:
        """Return the dialect of a phase: its own keys laid over those of the pipeline; null takes a key back."""
        pipelines, phases = wire_given(under), wire_given(own)
        for name in pipelines.keys() - phases.keys():
            self._inherited[f"{key}.{name}"] = f"wire.{name}"
        return wire_of(pipelines | phases)

    def _listed(self, listed: list[str], key: str) -> tuple[str, ...]:
        self._set(listed, key)
        return tuple(listed)

    def _gate(self, name: str, schema: GateSchema) -> Gate:
        def modes(listed: list[str]) -> frozenset[str]:
            return self._set(listed, f"gates.{name}.modes")

        return Gate(name=name, **_given(schema, modes=modes))

    def _transitions(self, schema: PolicySchema) -> dict[str, Transition]:
        """Return the transitions in the order in which they can happen, and of the phases of the file."""
        places = {phase: place for place, phase in enumerate(schema.phases)}
        depths = _depths(list(schema.transitions.values()))

        def order(item: tuple[str, TransitionSchema]) -> tuple[int, int]:
            after = _phases(item[1].after)
            return max(depths[phase] for phase in after), max(places.get(phase, len(places)) for phase in after)

        listed = sorted(schema.transitions.items(), key=order)
        return {name: self._transition(name, transition, list(schema.modes)) for name, transition in listed}

    def _transition(self, name: str, schema: TransitionSchema, modes: list[str]) -> Transition:
        key = f"transitions.{name}"
        given = _given(
            schema,
            after=lambda named: tuple(self._listed(_phases(named), f"{key}.after")),
            gates=tuple,
            dispatch=lambda dispatch: self._dispatch(dispatch, f"{key}.dispatch"),
            confirm=_confirm,
            refresh=lambda refresh: self._refresh(refresh, f"{key}.refresh"),
        )
        given["expects"] = self._expects(schema.expects, modes, f"{key}.expects")
        return Transition(name=name, **{"gates": ()} | given)

    def _dispatch(self, schema: DispatchSchema, key: str) -> Dispatch:
        """Return the steps; the short form is the call, then the publication, each with the same body."""
        listed = _there(schema.steps)
        if listed is not None:
            return Dispatch(schema.role, self._steps(listed, f"{key}.steps"))
        self._bodies(schema, key)
        return Dispatch(schema.role, tuple(_step(schema, target, "dispatch") for target in _targets(schema)))

    def _steps(self, listed: Iterable[StepSchema], key: str) -> tuple[Step, ...]:
        steps = []
        for place, schema in enumerate(listed):
            self._bodies(schema, f"{key}[{place}]")
            targets = list(_targets(schema))
            if len(targets) != 1:
                what = "neither http nor topic" if not targets else "both http and topic"
                self.problems.append(
                    ConfigError(f"{key}[{place}]", f"has {what}", "a step is one call or one publication")
                )
            here = f"{key}[{place}]".split(".", 2)[2]
            steps += [_step(schema, target, here) for target in targets[:1]]
        return tuple(steps)

    def _refresh(self, schema: RefreshSchema, key: str) -> Refresh:
        steps = self._steps(_there(schema.steps) or (), f"{key}.steps")
        return Refresh(time.fromisoformat(schema.until), schema.at_most, schema.min_growth_percent, steps)

    def _bodies(self, schema: StepSchema, key: str) -> None:
        for name in ("body", "body_by_mode", "body_by_generation", "body_by_lane"):
            written = _there(getattr(schema, name))
            if written is not None:
                self._json(written, f"{key}.{name}")

    def _expects(self, schemas: Mapping[str, ExpectationSchema], modes: list[str], key: str) -> dict[str, Expectation]:
        """Return the expectations by mode, `any_mode` laid under each; without it, unnamed modes have none."""
        under = self._expectation(schemas[ANY_MODE], f"{key}.{ANY_MODE}") if ANY_MODE in schemas else None
        named = [mode for mode in modes if mode in schemas or under is not None]
        named += [mode for mode in schemas if mode not in modes and mode != ANY_MODE]
        built = {}
        for mode in named:
            here = f"{key}.{mode}"
            own = self._expectation(schemas[mode], here) if mode in schemas else {}
            for name in (under or {}).keys() - own.keys():
                self._inherited[f"{here}.{name}"] = f"{key}.{ANY_MODE}.{name}"
            whole = (under or {}) | own
            if own.get("due") is not None and not own.get("no_due"):
                whole = {**whole, "no_due": False, "because": own.get("because", "")}
            if "required" not in whole:
                self.problems.append(ConfigError(f"{here}.required", "is missing", "add it: a list; [] if none is"))
            built[mode] = Expectation(**{"required": frozenset()} | whole)
        return built

    def _expectation(self, schema: ExpectationSchema, key: str) -> dict[str, Any]:
        given = _given(
            schema,
            required=lambda listed: self._set(listed, f"{key}.required"),
            optional=lambda listed: self._set(listed, f"{key}.optional"),
            tiers=_tiers,
            deadline=_deadline,
            due=lambda written: None if written == NO_DUE else _due(written),
            after_run=_after_run,
        )
        if schema.due == NO_DUE:
            given["no_due"] = True
        if "because" in given:
            given["because"] = given["because"] or ""
        return given

    def _set(self, listed: Iterable[T], key: str) -> frozenset[T]:
        seen: set[T] = set()
        for place, name in enumerate(listed):
            if name in seen:
                self.problems.append(
                    ConfigError(f"{key}[{place}]", f"{name} is listed twice", "should it be another one?")
                )
            seen.add(name)
        return frozenset(seen)

    def _json(self, value: object, key: str) -> None:
        """Refuse what a message could not carry as JSON, such as a YAML date."""
        if isinstance(value, Mapping):
            for name, item in value.items():
                self._json(item, f"{key}.{name}")
        elif isinstance(value, list | tuple):
            for place, item in enumerate(value):
                self._json(item, f"{key}[{place}]")
        elif not (value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))):
            self.problems.append(ConfigError(key, f"{value} is not JSON", f'write it in quotes: "{value}"'))


def _phases(named: str | list[str]) -> list[str]:
    return [named] if isinstance(named, str) else named


def _depths(transitions: list[TransitionSchema]) -> dict[str, int]:
    """Return how many transitions lie at the most before each phase; in a circle, which is refused, some number."""
    depths = {phase: 0 for transition in transitions for phase in (*_phases(transition.after), transition.starts)}
    for _ in transitions:
        for transition in transitions:
            depths[transition.starts] = max(
                depths[transition.starts], 1 + max(depths[phase] for phase in _phases(transition.after))
            )
    return depths


def _there(value: Any) -> Any:
    """Return what the file says, None where it says nothing or null."""
    return None if value is msgspec.UNSET else value


def _targets(schema: StepSchema) -> Iterator[HttpCall | Publication]:
    http, topic = _there(schema.http), _there(schema.topic)
    if http is not None:
        yield _http(http)
    if topic is not None:
        yield Publication(topic, _there(schema.messages) or Messages.ONE)


def _step(schema: StepSchema, target: HttpCall | Publication, place: str) -> Step:
    plain, accepts = _there(schema.plain), _there(schema.accepts)
    return Step(target, _body(schema), plain is not False, accepts or {}, place)


def _named(build: Callable[[str, Any], Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda schemas: {name: build(name, schema) for name, schema in schemas.items()}
