"""How many statements may change one table at once, in ten seconds and in a day (deploy/LIMITS.md).

BigQuery runs two mutating statements of a table, queues 20 more and fails the rest; it takes 25 in ten seconds, and the
first 1,500 inserts of 24 hours are run at once. Whoever else changes the table counts too: what is ours stays below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.limits.waits import NEVER_WAITED, Waits

AT_ONCE = 15
IN_TEN_SECONDS = 20
A_DAY = 1_300
TEN_SECONDS, HOUR, DAY = timedelta(seconds=10), timedelta(hours=1), timedelta(hours=24)
# A statement is given up after 20 s, here and at BigQuery: after so long it is over, whatever became of who began it.
HELD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A statement that may be at work on a table, until then at the latest."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """How many statements were begun in the hour that began then (UTC)."""

    hour: datetime
    count: int


@dataclass(frozen=True, slots=True)
class TableUse:
    """What is at work on a table, what was begun in the last ten seconds, and in each hour of the last day; ``waits``
    are how long was waited for each place that was ever taken."""

    table: str
    places: tuple[Place, ...] = ()
    recent: tuple[datetime, ...] = ()
    hours: tuple[Begun, ...] = ()
    waits: Waits = NEVER_WAITED

    def begun_since_a_day(self, now: datetime) -> int:
        """Return how many statements were begun in the last 24 hours; of the oldest hour all count."""
        return sum(begun.count for begun in self.hours if _counts(begun, now))


class Bound(StrEnum):
    """What there is only so much of."""

    AT_ONCE = "at_once"
    IN_TEN_SECONDS = "in_ten_seconds"
    A_DAY = "a_day"


@dataclass(frozen=True, slots=True)
class Full:
    """One more statement would be too many; at ``again_at`` there is room at the latest, if nobody else takes it."""

    bound: Bound
    reason: str
    again_at: datetime


def take(use: TableUse, owner: str, now: datetime, waited: timedelta = timedelta(0)) -> TableUse | Full:
    """Return the use with one more statement, by an owner whose name is new for each and who has ``waited`` so long;
    ``Full`` where there is no room.

    What was taken counts for the day even if the statement is never begun.
    """
    places = tuple(place for place in use.places if place.until > now)
    recent = tuple(at for at in use.recent if at + TEN_SECONDS > now)
    hours = tuple(begun for begun in use.hours if _counts(begun, now))
    if len(places) >= AT_ONCE:
        until = min(place.until for place in places)
        return Full(Bound.AT_ONCE, f"{AT_ONCE} statements are at work on {use.table}", until)
    if sum(begun.count for begun in hours) >= A_DAY:
        reason = f"{A_DAY:,} statements have changed {use.table} in 24 hours"
        return Full(Bound.A_DAY, reason, min(begun.hour for begun in hours) + HOUR + DAY)
    if len(recent) >= IN_TEN_SECONDS:
        reason = f"{IN_TEN_SECONDS} statements on {use.table} were begun in ten seconds"
        return Full(Bound.IN_TEN_SECONDS, reason, min(recent) + TEN_SECONDS)
    return replace(
        use,
        places=(*places, Place(owner, now + HELD)),
        recent=(*recent, now),
        hours=_one_more(hours, now),
        waits=use.waits.one_more(waited),
    )


def give_back(use: TableUse, owner: str) -> TableUse:
    """Return the use once an owner's statement is over, whatever came of it."""
    return replace(use, places=tuple(place for place in use.places if place.owner != owner))


def _counts(begun: Begun, now: datetime) -> bool:
    return begun.hour + HOUR + DAY > now


def _one_more(hours: tuple[Begun, ...], now: datetime) -> tuple[Begun, ...]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    before = next((begun.count for begun in hours if begun.hour == hour), 0)
    return (*(begun for begun in hours if begun.hour != hour), Begun(hour, before + 1))


# Which tables a text of GoogleSQL changes.

_TOKEN = re.compile(
    r"""(?P<noise>--[^\n]*|\#[^\n]*|/\*.*?\*/|\s+)
    |[rRbB]{0,2}(?P<text>'{3}(?:\\.|.)*?'{3}|"{3}(?:\\.|.)*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
    |(?P<name>(?:`[^`]+`|[A-Za-z_][\w-]*)(?:\s*\.\s*(?:`[^`]+`|[\w-]+))*)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
# Behind these words of a script a statement begins.
_OPENS = frozenset({"BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "TRANSACTION"})
_SCRIPTED = frozenset(
    {"BEGIN", "IF", "ELSEIF", "ELSE", "END", "EXCEPTION", "WHILE", "FOR", "LOOP", "REPEAT", "UNTIL", "CASE", "WHEN"}
)
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "LOAD"})
# Between the first word of a change and the name of its table.
_BETWEEN = frozenset({"INTO", "FROM", "TABLE", "OR", "REPLACE", "IF", "NOT", "EXISTS", "DATA", "OVERWRITE"})


def changed_tables(sql: str) -> tuple[str, ...]:
    """Return the tables that a text changes, as ``dataset.table``, each once in their order; () if it only reads.

    Statements of a script count wherever they are. Names without a dataset are temporary tables, which nobody shares;
    those of another project are taken for tables of the same name here. What a text makes up while it runs (EXECUTE
    IMMEDIATE) and what a procedure does (CALL) is not seen.
    """
    return tuple(dict.fromkeys(table for table in _changed(sql) if table))


def _changed(sql: str) -> Iterator[str]:
    begins, scripted = True, False
    words = _words(sql)
    for word in words:
        upper = word.upper()
        if word == ";":
            begins, scripted = True, False
        elif begins and upper in _CHANGES:
            yield _target(upper, words)
            begins, scripted = False, False
        else:
            scripted = scripted or (begins and upper in _SCRIPTED)
            begins = scripted and upper in _OPENS


def _target(change: str, words: Iterator[str]) -> str:
    """Return the table of a change whose first word was read, "" where it has none that is shared."""
    made_of = {"CREATE"}
    for word in words:
        upper = word.upper()
        if upper in _BETWEEN:
            made_of.add(upper)
        elif change == "CREATE" and "TABLE" not in made_of:
            return ""  # a view, a function, a temporary table
        else:
            return _shared(word)
    return ""


def _shared(name: str) -> str:
    parts = [part.strip() for part in name.replace("`", "").split(".")]
    return ".".join(parts[-2:]) if len(parts) > 1 else ""


def _words(sql: str) -> Iterator[str]:
    for match in _TOKEN.finditer(sql):
        if match.lastgroup == "name" or match["other"] == ";":
            yield match[0]
