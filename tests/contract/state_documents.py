"""What the state store's contract is tried with: generated documents, and equality that tells True from 1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

_ZONES = [
    UTC,
    timezone(timedelta(hours=5, minutes=45)),
    ZoneInfo("America/New_York"),
    ZoneInfo("Pacific/Auckland"),
]


def _storable(name: str) -> bool:
    return not (name.startswith("__") and name.endswith("__"))


texts = st.text(max_size=30)
field_names = st.one_of(
    st.text(min_size=1, max_size=12).filter(_storable),
    st.sampled_from(["$at", "$float", "$", "$$at", "a.b", "a`b", 'a"b', "a\\b", "0", "with space", "é", "\x00"]),
)
ids = st.one_of(
    st.text(min_size=1, max_size=12).filter(
        lambda name: "/" not in name and name not in (".", "..") and _storable(name)
    ),
    st.sampled_from(["nba%2F2026-01-21%2Fovernight", "phase3.player_game_summary", "\uffee", "\U0001f3c0", "Dončić"]),
)
instants = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the zone is drawn
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(_ZONES),
    allow_imaginary=False,
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    texts,
    instants,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner.filter(lambda item: not isinstance(item, list)), max_size=4),
        st.dictionaries(field_names, inner, max_size=4),
    ),
    max_leaves=12,
)
documents = st.dictionaries(field_names, values, max_size=6)


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type, however deep."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return right.utcoffset() is not None and left - right == timedelta()
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
