"""Dataclasses to stored documents and back, without a field named twice.

After a rollback a version reads what the one after it wrote: fields it does not know are left out, and a word it
does not know is read as the enum itself says, by its class method ``of_later_version(document)``.

The names of stored fields are a contract with the revisions before and after: a class whose fields are named otherwise
says so in ``STORED_AS``, a class variable from its field to the name in the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from threading import RLock
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")
# What has no fields of its own, for most of what there is.
_PLAIN = (str, int, float, datetime, type(None))
_learning, _learnt = RLock(), set[Any]()


def document_id(name: str) -> str:
    """Return the last segment of the path under which something of this id is stored: `/` would begin another one."""
    return name.replace("/", "~")


def id_in(document: str) -> str:
    """Return the id that ``document_id`` made a path's segment of."""
    return document.replace("~", "/")


def to_data(value: object) -> dict[str, Any]:
    """Return a dataclass as what a ``StateStore`` holds: datetimes and tuples stay, dates and enums
    become text."""
    data: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    for name, stored in getattr(value, "STORED_AS", {}).items():
        data[stored] = data.pop(name)
    return data


def to_sparse_data(value: object) -> dict[str, Any]:
    """Return what ``to_data`` does without the fields that have their defaults, which ``from_data`` gives them again:
    most of a report is empty, and the store indexes and bills every field."""
    data: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    _leave_defaults_out(value, data)
    for name, stored in getattr(value, "STORED_AS", {}).items():
        if name in data:
            data[stored] = data.pop(name)
    return data


def from_data(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass that ``to_data`` wrote; keys of an older or newer shape are left out or defaulted.

    Raises ``ValueError`` for data that no version wrote.
    """
    stored_as: Mapping[str, str] = getattr(kind, "STORED_AS", {})
    if stored_as:
        data = {**data, **{name: data[stored] for name, stored in stored_as.items() if stored in data}}
    try:
        return converted(data, kind)
    except msgspec.ValidationError:
        pass
    try:
        return converted(_known(kind, data, data), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error


def to_json(value: object) -> bytes:
    """Return a value as JSON, which ``from_json`` reads again: many dataclasses that go into one document."""
    return msgspec.json.encode(value)


def from_json(kind: type[T], data: bytes) -> T:
    """Return what ``to_json`` wrote; raise ``ValueError`` for what it did not, or what a later version did."""
    try:
        return converted(msgspec.json.decode(data), kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no {kind}: {error}") from error


def converted(value: object, kind: type[T]) -> T:
    """Return a value as a dataclass or a schema; raise ``msgspec.ValidationError`` where it is none.

    Any number of threads may ask at once: msgspec shows others a type that it has half learnt, and whoever converts
    into that ends the process, so each type is learnt by one thread while the others wait.
    """
    if kind not in _learnt:
        with _learning:
            msgspec.json.Decoder(kind)
            _learnt.add(kind)
    return msgspec.convert(value, kind)


def _leave_defaults_out(value: Any, data: Any) -> None:
    if is_dataclass(value):
        for name, default in _defaults(value.__class__):
            part = getattr(value, name)
            if part == default:
                del data[name]
            elif not isinstance(part, _PLAIN):
                _leave_defaults_out(part, data[name])
    elif isinstance(value, Mapping):
        for name, part in value.items():
            _leave_defaults_out(part, data[name])
    elif isinstance(value, tuple):
        for part, builtin in zip(value, data, strict=True):
            _leave_defaults_out(part, builtin)


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a dataclass with their defaults; ``MISSING``, which equals nothing, for those without."""
    return tuple(
        (item.name, item.default if item.default_factory is MISSING else item.default_factory())
        for item in fields(kind)
    )


@cache
def _fields(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _known(kind: Any, value: Any, document: Mapping[str, Any]) -> Any:
    """Return a value of a type with every word of a later version replaced; ``document`` is what holds it."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _word(kind, value, document)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, Mapping):
            return value
        return {name: _known(_fields(kind)[name], part, value) for name, part in value.items() if name in _fields(kind)}
    inner = [argument for argument in get_args(kind) if argument not in (type(None), ...)]
    if not inner or value is None:
        return value
    if isinstance(value, Mapping) and get_origin(kind) is dict:
        return {name: _known(inner[-1], part, document) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str) and get_origin(kind) is tuple:
        return [_known(inner[0], part, document) for part in value]
    return _known(inner[0], value, document)


def _word(kind: type[Enum], value: Any, document: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or any(value == member.value for member in kind):
        return value
    instead = getattr(kind, "of_later_version", None)
    return value if instead is None else instead(document)
