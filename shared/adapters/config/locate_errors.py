"""Where a value does not have the shape it should: every fault with its exact key, for the path that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from shared.core.policy.config_error import ConfigError, dotted, suggest

Key = tuple[str | int, ...]


def locate_errors(value: object, kind: Any, key: Key = ()) -> Iterator[ConfigError]:
    """Yield each place below ``key`` where ``value`` is not of ``kind``."""
    tagged = _tagged(kind)
    if tagged:
        yield from _one_of(value, tagged, key)
        return
    kind = _meant(value, kind)
    bare, meta = _unwrapped(kind)
    origin = get_origin(bare) or bare
    if bare is Any or (value is None and _may_be_null(kind)):
        return
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        yield from _struct(value, origin, key)
    elif origin is dict:
        yield from _mapping(value, bare, meta, key)
    elif origin is list:
        yield from _list(value, bare, meta, key)
    else:
        yield from _leaf(value, kind, key)


def _struct(value: object, shape: type[msgspec.Struct], key: Key) -> Iterator[ConfigError]:
    if not isinstance(value, Mapping):
        yield _unexpected(key, "a mapping", value, "write its keys below it")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name in value:
        if name not in fields:
            yield ConfigError(dotted((*key, _shown_key(name))), "there is no such key", suggest(str(name), fields))
    for name, field in fields.items():
        if name in value:
            yield from locate_errors(value[name], field.type, (*key, name))
        elif field.required:
            yield ConfigError(dotted((*key, name)), "is missing", f"add it: {_words(field.type)}")


def _tagged(kind: Any) -> dict[str, type[msgspec.Struct]]:
    """Return the shapes of a choice by the words that tell them apart, none for what is no such choice."""
    inner = _undescribed(kind)
    shapes = [member for member in get_args(inner) if isinstance(member, type) and issubclass(member, msgspec.Struct)]
    if get_origin(inner) not in (Union, UnionType) or any(shape.__struct_config__.tag is None for shape in shapes):
        return {}
    return {str(shape.__struct_config__.tag): shape for shape in shapes}


def _one_of(value: object, shapes: dict[str, type[msgspec.Struct]], key: Key) -> Iterator[ConfigError]:
    if not isinstance(value, Mapping):
        yield _unexpected(key, "a mapping", value, "write its keys below it")
        return
    field = str(next(iter(shapes.values())).__struct_config__.tag_field)
    word = value.get(field)
    if field not in value:
        yield ConfigError(dotted((*key, field)), "is missing", f"add it: one of {', '.join(shapes)}")
    elif not isinstance(word, str) or word not in shapes:
        yield _unexpected((*key, field), f"one of {', '.join(shapes)}", word, suggest(str(word), shapes))
    else:
        yield from _struct({name: item for name, item in value.items() if name != field}, shapes[word], key)


def _mapping(value: object, kind: Any, meta: msgspec.Meta | None, key: Key) -> Iterator[ConfigError]:
    if not isinstance(value, Mapping):
        yield _unexpected(key, "a mapping", value, "write its keys below it")
        return
    if meta is not None and len(value) < (meta.min_length or 0):
        yield ConfigError(dotted(key), "is empty", "name at least one")
    name_kind, value_kind = get_args(kind)
    for name, item in value.items():
        here = (*key, _shown_key(name))
        yield from _leaf(name, name_kind, here)
        yield from locate_errors(item, value_kind, here)


def _list(value: object, kind: Any, meta: msgspec.Meta | None, key: Key) -> Iterator[ConfigError]:
    if not isinstance(value, list | tuple):
        yield _unexpected(key, "a list", value, "write it in brackets: [a, b]")
        return
    if meta is not None and len(value) < (meta.min_length or 0):
        yield ConfigError(dotted(key), "is empty", "name at least one")
    for place, item in enumerate(value):
        yield from locate_errors(item, get_args(kind)[0], (*key, place))


def _leaf(value: object, kind: Any, key: Key) -> Iterator[ConfigError]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        choices = _choices(_unwrapped(kind)[0])
        hint = suggest(str(value), choices) if choices else f"such as {', '.join(_examples(kind))}"
        yield _unexpected(key, _words(kind), value, hint)


def _unexpected(key: Key, expected: str, value: object, hint: str) -> ConfigError:
    return ConfigError(dotted(key), f"expected {expected}, got {_shown(value)}", hint)


def _meant(value: object, kind: Any) -> Any:
    """Return the shape that a mapping is taken for where a key may hold one or a plain value."""
    bare = _undescribed(kind)
    if not isinstance(value, Mapping) or get_origin(bare) not in (Union, UnionType):
        return kind
    shapes = (member for member in get_args(bare) if isinstance(member, type) and issubclass(member, msgspec.Struct))
    return next(shapes, kind)


def _unwrapped(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    """Return the type itself and its constraints, without the null and UNSET that may be beside it."""
    kind = _undescribed(kind)
    if get_origin(kind) in (Union, UnionType):
        kind = next(member for member in get_args(kind) if member not in (NoneType, msgspec.UnsetType))
    if get_origin(kind) is Annotated:
        bare, *metas = get_args(kind)
        return bare, next((meta for meta in metas if isinstance(meta, msgspec.Meta)), None)
    return kind, None


def _undescribed(kind: Any) -> Any:
    """Return what a key may hold, without the description of the key."""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return inner if get_origin(inner) in (Union, UnionType) else kind


def _may_be_null(kind: Any) -> bool:
    kind = _undescribed(kind)
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)


def _choices(bare: Any) -> list[str]:
    if get_origin(bare) is Literal:
        return [str(value) for value in get_args(bare)]
    return [str(member.value) for member in bare] if isinstance(bare, type) and issubclass(bare, Enum) else []


def _words(kind: Any) -> str:
    bare, meta = _unwrapped(kind)
    if meta is not None and meta.description:
        return meta.description
    if choices := _choices(bare):
        return f"one of {', '.join(choices)}"
    words = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        date: "a date",
        list: "a list",
    }
    return words.get(get_origin(bare) or bare, "a mapping")


def _examples(kind: Any) -> list[str]:
    meta = _unwrapped(kind)[1]
    return [str(example) for example in meta.examples] if meta is not None and meta.examples else ["1"]


def _shown(value: object) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _shown_key(name: object) -> str:
    return str(name) or '""'
