"""From the shape of a service in the policy file, in either form, to the value of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from shared.adapters.config.build_values import given
from shared.adapters.config.service_schema import (
    AnswerSchema,
    IdentitySchema,
    ResultsSchema,
    ServiceSchema,
    StatusSchema,
)
from shared.core.policy.policy import Service
from shared.core.wire.answers import AnswerRule, Fields, Means, Results, StatusCall


def service_of(name: str, schema: ServiceSchema) -> Service:
    """Return a service from either form; a service without a path that says whether it is ready is a problem."""
    written = given(schema, status=_status, answers=_answers)
    written["answers"] = written.get("answers") or {}
    ready, who = written.pop("ready", None), written.pop("identity", None)
    written["ready_path"] = ready.path if ready is not None else written.get("ready_path") or ""
    if isinstance(who, IdentitySchema):
        if who.field is not UNSET:
            written["identity_field"] = who.field
        return Service(name=name, identity=who.is_, identity_path=who.path, **written)
    return Service(name=name, identity=who or "", **written)


def _fields(fields: Mapping[str, Any]) -> Fields:
    return {path: tuple(value) if isinstance(value, list) else (value,) for path, value in fields.items()}


def _status(schema: StatusSchema) -> StatusCall:
    written = given(schema, at_work=_fields)
    written["query"] = written.get("query") or {}
    return StatusCall(**written)


def _answers(schemas: Mapping[str, list[AnswerSchema]]) -> dict[str, tuple[AnswerRule, ...]]:
    return {path: tuple(_answer(rule) for rule in listed) for path, listed in schemas.items()}


def _answer(schema: AnswerSchema) -> AnswerRule:
    written = given(schema, status=_statuses, means=Means, body=_fields, show=tuple, results=_results)
    for name, empty in (("body", {}), ("show", ())):
        written[name] = written.get(name) or empty
    return AnswerRule(**written)


def _statuses(value: int | list[int]) -> frozenset[int]:
    return frozenset(value if isinstance(value, list) else [value])


def _results(schema: ResultsSchema) -> Results:
    return Results(**given(schema, good=tuple))
