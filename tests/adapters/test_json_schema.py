"""An editor shows what each key of a file is for."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from shared.adapters.config import policy_json_schema, validation_json_schema
from shared.adapters.config.json_schema import descriptions, schema_text
from shared.adapters.config.schema_types import Schema

# What the types say of a value: of no use as the description of a key.
GENERIC = {"a name", "a text", "a duration", "a quoted time of day", "a table with its dataset", "a date", "a number"}
SCHEMAS = {"policy": policy_json_schema.schema_text(), "validation": validation_json_schema.schema_text()}


def keys(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every key of every mapping, by its place."""
    parts = schema["$defs"].items()
    return {f"{name}.{key}": value for name, part in parts for key, value in part.get("properties", {}).items()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described(name: str) -> None:
    """With words of its own, not those of its type."""
    described = {where: value.get("description", "") for where, value in keys(json.loads(SCHEMAS[name])).items()}
    assert len(described) > 20
    assert sorted(where for where, words in described.items() if not words or words in GENERIC) == []


class Below(Schema):
    """What is below.

    - `end`: when it ends, in words that
      go on
    """

    end: str


class Above(Below):
    """What is above.

    - `start`: when it starts
    """

    start: str
    below: Below


def test_docstrings_become_descriptions() -> None:
    """Words above the list describe the mapping, each item its key; a shape has those of what it extends."""
    assert descriptions(Above) == {"end": "when it ends, in words that go on", "start": "when it starts"}
    schema = json.loads(schema_text(Above, "A file"))
    assert schema["$defs"]["Above"]["description"] == "What is above."
    assert schema["$defs"]["Above"]["properties"]["start"]["description"] == "when it starts"


def test_a_docstring_names_keys_only() -> None:
    """A key that was renamed or removed leaves no description behind."""
    stale = []
    shapes = [Schema]
    while shapes:
        shape = shapes.pop()
        shapes += shape.__subclasses__()
        if shape.__module__.startswith("shared."):
            field_names = {field.encode_name for field in msgspec.structs.fields(shape)}
            stale += [f"{shape.__name__}.{key}" for key in descriptions(shape) if key not in field_names]
    assert stale == []
