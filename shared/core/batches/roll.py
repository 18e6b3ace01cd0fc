"""Who is in a batch: rows or a list become members, once each, in pages that fit a document."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.core.errors import Malformed
from shared.core.policy.batches import BATCH_NAMES, MEMBER_NAMES, BatchPolicy
from shared.core.wire import templates
from shared.core.wire.dialect import value_at
from shared.core.wire.spelling import encodable

MOST_MEMBERS = 100_000
PAGE = 100
PAGE_BYTES = 400_000
MEMBER_BYTES = 100_000
MAX_KEY = 1_000
# A page is published at once, and the next one waits for its share of the pace: not longer than a claim allows.
PAGE_TAKES = 30


class NotMembers(ValueError):
    """What should list members does not, and will not by being read again; the text is for a person."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One member: its name, and those of its columns that a request speaks of."""

    key: str
    columns: Mapping[str, Any]


def members_of(declared: BatchPolicy, rows: Iterable[Any]) -> list[Listed]:
    """Return the members in their order; one that is named twice is one member.

    Raises ``NotMembers`` for a row without a name, one that is too large, or too many of them.
    """
    names = templates.names(declared.request.body, templates.COLUMN) | {declared.members.key}
    members: dict[str, Listed] = {}
    for row in rows:
        columns = row if isinstance(row, Mapping) else {declared.members.key: row}
        key = _name(_named_by(columns, declared.members.key), declared.members.key)
        if key in members:
            continue
        try:
            kept = {name: _plain(columns[name]) for name in sorted(names & columns.keys())}
            size = len(json.dumps(kept))
        except RecursionError:
            raise NotMembers(f"{key[:100]} holds lists or objects in one another without end") from None
        if size > MEMBER_BYTES:
            raise NotMembers(f"{key[:100]} takes {size} bytes; at most {MEMBER_BYTES} fit into a request")
        members[key] = Listed(key, kept)
        if len(members) > MOST_MEMBERS:
            raise NotMembers(f"more than {MOST_MEMBERS} members")
    _lacking(declared, members.values())
    return list(members.values())


def _named_by(columns: Mapping[str, Any], key: str) -> object:
    """Return what names a member: the column, or a field further in of an element (`path.name`)."""
    if key in columns:
        return columns[key]
    try:
        return value_at(columns, tuple(key.split(".")))
    except Malformed:
        return None


def _name(value: object, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise NotMembers(f"a member is not named by {column}: {str(value)[:100]!r}")
    name = encodable(str(value))
    if len(name) > MAX_KEY:
        raise NotMembers(f"a name of {len(name)} characters; at most {MAX_KEY} are taken: {name[:60]!r}...")
    return name


def _lacking(declared: BatchPolicy, members: Iterable[Listed]) -> None:
    """Refuse members without a column that the request speaks of: rendering would fail for each of them."""
    needed = templates.names(declared.request.body, templates.COLUMN) - BATCH_NAMES - MEMBER_NAMES
    for member in members:
        lacks = sorted(needed - member.columns.keys())
        if lacks:
            raise NotMembers(f"{member.key[:100]} has no {', '.join(lacks)}, which the request speaks of")


def _plain(value: Any) -> Any:
    """Return a value as JSON carries it: dates, times and numbers of the warehouse as text, and so what is no number
    (NaN) or no finite one."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {encodable(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return encodable(str(value))


def page_size(per_second: float) -> int:
    """Return how many members are asked at once."""
    return max(1, min(PAGE, int(per_second * PAGE_TAKES)))


def pages_of(members: Sequence[Listed], size: int) -> Iterator[list[Listed]]:
    """Yield the members in pages of so many at the most, none of them too large for a document."""
    page: list[Listed] = []
    filled = 0
    for member in members:
        length = len(json.dumps(member.columns)) + len(member.key) * 4
        if page and (len(page) == size or filled + length > PAGE_BYTES):
            yield page
            page, filled = [], 0
        page.append(member)
        filled += length
    if page:
        yield page
