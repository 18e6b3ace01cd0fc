"""From the shape of `wire` in the policy file to the dialect of the core (behaviour R8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from shared.adapters.config.wire_schema import WireSchema
from shared.core.wire.dialect import CANONICAL, PLACES, Dialect, Ignore, Path

WireGiven = WireSchema | msgspec.UnsetType | None


def wire_given(schema: WireGiven) -> dict[str, Any]:
    """Return the keys that the file names, null where it takes one back."""
    if not isinstance(schema, WireSchema):
        return {}
    values = {name: getattr(schema, name) for name in schema.__struct_fields__}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def wire_of(given: Mapping[str, Any]) -> Dialect:
    """Return the dialect of these keys; the places of R3 are looked at after those given."""
    return Dialect(**{name: _value(name, value) for name, value in given.items() if value is not None})


def _value(name: str, value: Any) -> Any:
    if name in PLACES:
        paths = _paths(value)
        return (*paths, *(path for path in getattr(CANONICAL, name) if path not in paths))
    match name:
        case "phase":
            return frozenset(value)
        case "entities":
            return {kind: _path(path) for kind, path in value.items()}
        case "rehearsal":
            return _path(value.field)
        case "foreign":
            return tuple(value)
        case "ignore":
            return tuple(Ignore(_paths(rule.has or ()), _paths(rule.lacks or ())) for rule in value)
    return value


def _paths(written: Iterable[str]) -> tuple[Path, ...]:
    return tuple(map(_path, written))


def _path(written: str) -> Path:
    return tuple(written.split("."))
