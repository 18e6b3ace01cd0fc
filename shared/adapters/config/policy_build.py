"""From the shape of the policy file to the values of the core; each section has a build of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo, available_timezones

from shared.adapters.config.alert_build import alerts_of, links_of, sink_problems
from shared.adapters.config.anomaly_schema import anomalies_of
from shared.adapters.config.batch_build import batches_of
from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import duration_of, given, named, there
from shared.adapters.config.calendar_build import calendar_of
from shared.adapters.config.expectation_build import ANY_MODE
from shared.adapters.config.mode_build import mode_of
from shared.adapters.config.phase_build import phase_of
from shared.adapters.config.policy_schema import PauseSchema, PolicySchema, RepairsSchema
from shared.adapters.config.policy_wire import wire_given, wire_of
from shared.adapters.config.service_build import service_of
from shared.adapters.config.signal_schema import SignalSchema
from shared.adapters.config.slo_build import objectives_of
from shared.adapters.config.transition_build import gate_of, transitions_of
from shared.core.policy.alerts import NOWHERE
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import OBJECTIVES, PlannedPause, Policy, Repairs
from shared.core.policy.signals import Signal


class Builder:
    """Builds one policy; ``problems`` are what only the file can show, such as a name listed twice."""

    def __init__(self) -> None:
        self._problems = Problems()

    @property
    def problems(self) -> list[ConfigError]:
        return self._problems.errors

    def located(self, errors: Iterable[ConfigError]) -> list[ConfigError]:
        """Return problems of merged expectations under the key that they have in the file."""
        return self._problems.located(errors)

    def policy(self, schema: PolicySchema, source: str) -> Policy | None:
        """Return the policy, None if its time zone is unknown."""
        problems = self._problems
        zone = _zone(schema.timezone, problems)
        if ANY_MODE in schema.modes:
            hint = f"in expects, {ANY_MODE} stands for every mode: choose another name"
            problems.add(f"modes.{ANY_MODE}", "no mode can have this name", hint)
        problems.errors += sink_problems(schema.alerts)
        written = given(
            schema,
            calendar=calendar_of,
            modes=named(lambda name, mode: mode_of(name, mode, problems)),
            services=named(service_of),
            phases=named(lambda name, phase: phase_of(name, phase, schema.wire, problems)),
            gates=named(lambda name, gate: gate_of(name, gate, problems)),
            claim_lease=duration_of,
            alerts=alerts_of,
            repairs=_repairs,
            pauses=lambda listed: tuple(map(_planned_pause, listed)),
            links=links_of,
            slos=objectives_of,
        )
        written.pop("timezone")
        written["pauses"] = written.get("pauses") or ()
        written["links"] = written.get("links") or NOWHERE
        written["anomalies"] = anomalies_of(schema.anomalies)
        written["objectives"] = written.pop("slos", OBJECTIVES)
        written["batches"] = batches_of(there(schema.batches), problems)
        written["signals"] = _signals(there(schema.signals), problems)
        written["wire"] = wire_of(wire_given(schema.wire))  # every phase has it too, its own laid over it
        written["transitions"] = transitions_of(schema, problems)
        return None if zone is None else Policy(zone=zone, source=source, **{"gates": {}} | written)


def _signals(schemas: Mapping[str, SignalSchema] | None, problems: Problems) -> dict[str, Signal]:
    if not schemas:
        return {}
    from shared.adapters.config.signal_build import SignalBuilder  # most pipelines have none

    builder = SignalBuilder()
    signals = builder.signals(schemas)
    problems.errors += builder.problems
    return signals


def _zone(name: str, problems: Problems) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = available_timezones()
        hint = suggest(name, zones) if len(zones) > 1 else "this system has no time zones: install the package tzdata"
        problems.add("timezone", f"there is no time zone {name}", hint)
        return None


def _repairs(schema: RepairsSchema) -> Repairs:
    return Repairs(**given(schema, cooldown=duration_of, modes=frozenset))


def _planned_pause(schema: PauseSchema) -> PlannedPause:
    return PlannedPause(schema.from_, schema.until, schema.reason, there(schema.mode), there(schema.transition))
