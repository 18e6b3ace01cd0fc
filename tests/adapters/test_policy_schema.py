"""The JSON schema of the policy file, which editors use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.config.policy_json_schema import SCHEMA, schema_text
from tests.policy_files import GONE, edit, nba


def schema_faults(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "$") -> list[str]:
    """Return what a schema has against a value; a keyword of the schema that is not judged here is an error."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        tried = [schema_faults(value, alternative, root, where) for alternative in schema["anyOf"]]
        return [] if any(not faults for faults in tried) else [fault for faults in tried for fault in faults]
    if "type" in schema and not KEYWORDS["type"](value, schema["type"]):
        return [f"{where} is not of type {schema['type']!r}"]
    problems = []
    for word, want in schema.items():
        fits = KEYWORDS[word](value, want)
        problems += [] if fits else [f"{where} is not of {word} {want!r}"]
    if isinstance(value, list):
        for place, item in enumerate(value):
            problems += schema_faults(item, schema.get("items", {}), root, f"{where}[{place}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, item in value.items():
            problems += schema_faults(key, schema.get("propertyNames", {}), root, f"{where} key {key}")
            below = properties.get(key, schema.get("additionalProperties", {}))
            problems += (
                [f"{where}.{key} is unknown"] if below is False else schema_faults(item, below, root, f"{where}.{key}")
            )
    return problems


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
    "boolean": bool,
}
KEYWORDS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, want: isinstance(value, TYPES[want]) and (want == "boolean" or not isinstance(value, bool)),
    "enum": lambda value, want: value in want,
    "pattern": lambda value, want: re.search(want, value) is not None,
    "minLength": lambda value, want: len(value) >= want,
    "minItems": lambda value, want: len(value) >= want,
    "minProperties": lambda value, want: len(value) >= want,
    "minimum": lambda value, want: value >= want,
    "maximum": lambda value, want: value <= want,
    "required": lambda value, want: set(want) <= value.keys(),
    **dict.fromkeys(
        ["title", "description", "examples", "format", "items", "properties", "propertyNames", "additionalProperties"],
        lambda value, want: True,
    ),
}


def test_the_schema_is_fresh() -> None:
    """The checked-in schema is what the types say.

    `python -m shared.adapters.config.policy_json_schema` writes it anew.
    """
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_the_reference_policy_validates_against_the_schema() -> None:
    """An editor that uses the checked-in schema finds nothing wrong with config/nba.yaml."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema_faults(json.loads(json.dumps(nba(), default=str)), schema, schema) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"claim_leese": "2m"}, "$.claim_leese is unknown"),
        ({"timezone": GONE}, "$ is not of required"),
        ({"modes/overnight/opens_at": "24:00"}, "$.modes.overnight.opens_at is not of pattern"),
        (
            {"transitions/phase3_to_phase4/expects/overnight/tiers/0/at_least": 0},
            "tiers[0].at_least is not of minimum 1",
        ),
    ],
)
def test_the_schema_finds_mistakes(changes: dict[str, Any], fault: str) -> None:
    """The same editor marks a key that is unknown, missing, or of the wrong form."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    policy = json.loads(json.dumps(edit(nba(), changes), default=str))
    assert any(fault in schema_fault for schema_fault in schema_faults(policy, schema, schema))
