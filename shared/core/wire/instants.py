"""Instants in the spellings that senders use: ISO 8601, seconds since 1970 and their fractions, RFC 2822."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from shared.core.wire.spelling import is_absent, name, shown

# Dates that every zone, store and sum of days can hold.
YEARS = range(1900, 2201)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Between 1973 and 5138 no two of these units can be meant by the same number.
UNITS = ((10**8, 10**11, 1), (10**11, 10**14, 10**3), (10**14, 10**17, 10**6), (10**17, 10**20, 10**9))
PLAIN = re.compile(r"\d{1,20}(\.\d{1,20})?(E\d{1,2})?", re.ASCII)
LONGEST = 100
BRACKET = re.compile(r"(.+?)\s*\[!?([A-Za-z0-9_+/-]+)\]")
WORD = re.compile(r"(.+?\d)\s*(?<![A-Za-z])((?:UTC|GMT|UT|Utc|Gmt|utc|gmt|ut)|[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)")
# As Python, Go and the clients of Google write an instant: read at once, and not otherwise than by what follows.
USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
ISO = re.compile(r"(\d{4})([-/]?)(\d\d)\2(\d\d)[Tt ](\d\d.*)", re.ASCII)
BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d)")
MAIL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(\d{1,2})\s+([A-Z][a-z]{2})\s+(\d{4})\s+"
    r"(\d\d):(\d\d)(?::(\d\d))?\s*(?:([+-])(\d\d)(\d\d)|([A-Z]{3}))?",
    re.ASCII,
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# Hours from UTC of the names that RFC 2822 defines.
NAMED = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}


def instant(value: object) -> datetime | None:
    """Return an instant in UTC; a time without a zone is UTC, None means that nothing was sent.

    Raises ValueError for what is no instant, or more than one: what was sent and is not read would let an older
    report replace a newer one (behaviour R5).
    """
    if is_absent(value):
        return None
    try:
        moment = _read(value)
    except (ValueError, OverflowError, KeyError, OSError):
        moment = None
    if moment is None or moment.year not in YEARS:
        raise ValueError(f"{shown(value)} is not an instant like 2026-01-22T11:00:00Z")
    return moment


def _read(value: object) -> datetime | None:
    if isinstance(value, str):
        text = name(value) if len(value) <= LONGEST else ""
        return _since_1970(f"{Decimal(text):f}") if PLAIN.fullmatch(text) else _written(text)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return _since_1970(f"{value:.6f}" if isinstance(value, float) else str(value))
    return None


def _since_1970(text: str) -> datetime | None:
    whole, _, fraction = text.partition(".")
    number = int(whole)
    for least, beyond, per_second in UNITS:
        if least <= number < beyond:
            parts = number * 10**9 + int(fraction[:9].ljust(9, "0") or 0)
            return EPOCH + timedelta(microseconds=parts // (10**3 * per_second))
    return None


def _written(text: str) -> datetime | None:
    if USUAL.fullmatch(text):
        return _in_utc(datetime.fromisoformat(text), None)
    zone: tzinfo | None = None
    for form in (BRACKET, WORD):
        if match := form.fullmatch(text):
            text, zone = match[1], _zone(match[2])
            break
    if match := ISO.fullmatch(text):
        time = BEFORE_OFFSET.sub("", match[5].rstrip()).replace("z", "Z")
        return _in_utc(datetime.fromisoformat(f"{match[1]}-{match[3]}-{match[4]}T{time}"), zone)
    if match := MAIL.fullmatch(text):
        return _mail(match, zone)
    return None


def _zone(word: str) -> tzinfo:
    return UTC if word.upper() in ("UTC", "GMT", "UT") else ZoneInfo(word)


def _in_utc(local: datetime, zone: tzinfo | None) -> datetime | None:
    """Return the instant of a time whose offset, zone or both were sent; None where they contradict each other."""
    if local.tzinfo is None:
        return local.replace(tzinfo=zone or UTC).astimezone(UTC)
    if zone is not None and local.astimezone(zone).utcoffset() != local.utcoffset():
        return None
    return local.astimezone(UTC)


def _mail(match: re.Match[str], zone: tzinfo | None) -> datetime | None:
    day, month, year, hour, minute, second, sign, hours, minutes, word = match.groups()
    offset: tzinfo | None = None
    if sign is not None:
        length = timedelta(hours=int(hours), minutes=int(minutes))
        offset = timezone(-length if sign == "-" else length)
    elif word is not None:
        offset = timezone(timedelta(hours=NAMED[word]))
    local = datetime(
        int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second or 0), tzinfo=offset
    )
    return _in_utc(local, zone)
