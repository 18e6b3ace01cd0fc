"""JSON schemas for editors, each key with its description from the docstring of its shape."""

from __future__ import annotations

import json
import re
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

KEY = re.compile(r"^- `(\w+)`: (.+(?:\n  .+)*)", re.MULTILINE)


def schema_text(shape: type[msgspec.Struct], title: str) -> str:
    """Return the schema of a file, as the checked-in file holds it."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **msgspec.json.schema(shape),
    }
    shapes = dict[str, type[msgspec.Struct]]()
    _collect(inspect.type_info(shape), shapes)
    for name, struct in shapes.items():
        _describe(schema["$defs"][name], struct)
    return json.dumps(schema, indent=2) + "\n"


def _describe(part: dict[str, Any], shape: type[msgspec.Struct]) -> None:
    """Give a mapping the words above its keys as its description, and each key its own."""
    part["description"] = KEY.sub("", cleandoc(part.get("description", ""))).strip()
    texts = descriptions(shape)
    for key, value in part.get("properties", {}).items():
        if key in texts:
            # Beside a reference a description is allowed since draft 2019-09.
            value["description"] = texts[key]


def descriptions(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstrings of a shape and of those it extends say of their keys."""
    texts: dict[str, str] = {}
    for base in reversed(shape.__mro__):
        texts |= {name: " ".join(words.split()) for name, words in KEY.findall(cleandoc(base.__doc__ or ""))}
    return texts


def _collect(info: inspect.Type, shapes: dict[str, type[msgspec.Struct]]) -> None:
    """Gather the shapes that a type leads to, by the names that a schema gives them."""
    match info:
        case inspect.StructType(cls=shape, fields=fields):
            if shape.__name__ not in shapes:
                shapes[shape.__name__] = shape
                for field in fields:
                    _collect(field.type, shapes)
        case inspect.Metadata(type=below) | inspect.ListType(item_type=below) | inspect.DictType(value_type=below):
            _collect(below, shapes)
        case inspect.UnionType(types=types):
            for member in types:
                _collect(member, shapes)
        case _:
            pass
