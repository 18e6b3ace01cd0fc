"""Values as Firestore's protocol buffers and back; works on the messages it is given and imports no library."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_fields(data: Mapping[str, Any], fields: Any) -> None:
    """Write ``data`` (as ``checked`` returns it) into a message map of values."""
    for key, value in data.items():
        encode(value, fields[key])


def encode(value: Any, message: Any) -> None:
    """Write one value into a ``Value`` message."""
    match value:
        case None:
            message.null_value = 0
        case bool():
            message.boolean_value = value
        case int():
            message.integer_value = value
        case float():
            message.double_value = value
        case str():
            message.string_value = value
        case datetime():
            _encode_instant(value, message.timestamp_value)
        case list():
            message.array_value.SetInParent()  # an empty list is a list all the same
            for item in value:
                encode(item, message.array_value.values.add())
        case dict():
            message.map_value.SetInParent()
            encode_fields(value, message.map_value.fields)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be stored")


def decode_fields(fields: Any) -> dict[str, Any]:
    """Read a message map of values."""
    return {key: decode(message) for key, message in fields.items()}


def decode(message: Any) -> Any:
    """Read one ``Value`` message: instants in UTC, to the microsecond Firestore keeps."""
    kind = message.WhichOneof("value_type")
    match kind:
        case "null_value":
            return None
        case "boolean_value" | "integer_value" | "double_value" | "string_value":
            return getattr(message, kind)
        case "timestamp_value":
            instant = message.timestamp_value
            return _EPOCH + timedelta(seconds=instant.seconds, microseconds=instant.nanos // 1000)
        case "array_value":
            return [decode(item) for item in message.array_value.values]
        case "map_value":
            return decode_fields(message.map_value.fields)
        case _:
            raise ValueError(f"a {kind} stands in the store, which the port does not know")


def _encode_instant(value: datetime, message: Any) -> None:
    since = value - _EPOCH
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1000
