"""From the shape of a phase and its processors in the policy file to the values of the core."""

from __future__ import annotations

from collections.abc import Mapping

from shared.adapters.config.body_build import body_of, refuse_bodies
from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import duration_of, given, there
from shared.adapters.config.phase_schema import (
    DisabledSchema,
    PhaseSchema,
    RerunInputsSchema,
    RerunSchema,
    SourceSchema,
)
from shared.adapters.config.policy_wire import WireGiven, wire_given, wire_of
from shared.core.policy.phases import Disabled, Phase, Processor, Rerun, RerunInputs
from shared.core.wire.dialect import Dialect


def phase_of(name: str, schema: PhaseSchema, under: WireGiven, problems: Problems) -> Phase:
    """Return a phase; ``under`` is the dialect of the pipeline, that its own is laid over."""
    processors = {key: _processor(key, name, source) for key, source in (there(schema.processors) or {}).items()}
    key = f"phases.{name}"

    def rerun_of(rerun: RerunSchema) -> Rerun:
        refuse_bodies(rerun, f"{key}.rerun", problems)
        return _rerun(rerun)

    written = given(schema, rerun=rerun_of, known=lambda listed: problems.ordered(listed, f"{key}.known"))
    if written.get("known") is None:
        written.pop("known", None)
    written["completions_topic"] = there(schema.completions_topic) or ""
    written["team"] = there(schema.team) or ""
    written["wire"] = _wire(under, schema.wire, f"{key}.wire", problems)
    return Phase(name=name, **written | {"processors": processors})


def _processor(name: str, phase: str, schema: SourceSchema) -> Processor:
    """Return a processor, or one of its sources, with what the file says of it."""

    def sources(listed: Mapping[str, SourceSchema]) -> dict[str, Processor]:
        return {key: _processor(f"{name}/{key}", phase, source) for key, source in listed.items()}

    written = given(schema, aliases=tuple, disabled=_disabled, sources=sources)
    for key, empty in (("units", ""), ("sources", {})):
        written[key] = written.get(key) or empty
    return Processor(name=name, phase=phase, **written)


def _disabled(schema: DisabledSchema) -> Disabled:
    return Disabled(**given(schema))


def _rerun(schema: RerunSchema) -> Rerun:
    grace = there(schema.grace)
    return Rerun(
        schema.service,
        schema.path,
        body_of(schema),
        opens_on=tuple(map(_inputs, there(schema.opens_on) or ())),
        grace=None if grace is None else duration_of(grace),
    )


def _inputs(schema: RerunInputsSchema) -> RerunInputs:
    return RerunInputs(schema.phase, tuple(schema.processors), there(schema.mode) or "")


def _wire(under: WireGiven, own: WireGiven, key: str, problems: Problems) -> Dialect:
    """Return the dialect of a phase: its own keys laid over those of the pipeline; null takes a key back."""
    pipelines, phases = wire_given(under), wire_given(own)
    for name in pipelines.keys() - phases.keys():
        problems.inherit(f"{key}.{name}", f"wire.{name}")
    return wire_of(pipelines | phases)
