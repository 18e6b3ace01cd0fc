"""The date that a value of another system means: a date, an instant in any spelling, or the digits of an epoch."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from shared.core.wire.instants import EPOCH, YEARS, instant

AUTO, ISO, COMPACT, EPOCH_SECONDS, EPOCH_MILLIS = "auto", "iso", "compact", "epoch", "epoch_ms"
FORMATS = (AUTO, ISO, COMPACT, EPOCH_SECONDS, EPOCH_MILLIS)
"""Named formats; any other has a `%` and is one of `strptime`."""
_SHOWN = 60
_SAMPLE = datetime(2026, 11, 23, 17, 45, 58, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_WITHOUT_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?", re.ASCII)
_WITH_TIME = re.compile(r"%[HIMSpXcfsz]")


def day_of(text: str, form: str, zone: tzinfo, written_in: tzinfo | None = None) -> date:
    """Return the date that a text means; an instant is the date on which it lies in ``zone``, a time without a zone
    an instant in ``written_in``, or without that the date that it names.

    Raises ``ValueError`` for what is none in this format, and for years that no calendar has.
    """
    value = _read(text.strip(), form)
    if isinstance(value, datetime):
        value = value.replace(tzinfo=written_in) if value.tzinfo is None else value
        value = value.date() if value.tzinfo is None else value.astimezone(zone).date()
    if value.year not in YEARS:
        raise ValueError(f"{text[:_SHOWN]!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return value


def flaw_of(form: str) -> str:
    """Return why a format of ``strptime`` cannot say a date, "" where a date that is written by it is read again."""
    try:
        again = datetime.strptime(_SAMPLE.strftime(form), form).date()  # noqa: DTZ007, only its date is compared
    except (ValueError, re.error) as error:
        return f"is no format of strptime: {error}"
    return "" if again == _SAMPLE.date() else "does not say year, month and day: what it leaves out would be invented"


def _read(text: str, form: str) -> date | datetime:
    if form in (EPOCH_SECONDS, EPOCH_MILLIS):
        return _epoch(text, 1 if form == EPOCH_SECONDS else 1000)
    if form not in FORMATS:
        by_format = datetime.strptime(text, form)  # noqa: DTZ007, a time without a zone is the date that it names
        return by_format if _WITH_TIME.search(form) else by_format.date()
    if form in (AUTO, COMPACT) and (match := _COMPACT.fullmatch(text)) is not None:
        return date(int(match[1]), int(match[2]), int(match[3]))
    if form == COMPACT:
        raise ValueError(f"{text[:_SHOWN]!r} is not a date like 20260121")
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    if (match := _WITHOUT_ZONE.fullmatch(text)) is not None:
        return datetime.fromisoformat(text)
    moment: datetime | None = instant(text) if form == AUTO or not _NUMBER.fullmatch(text) else None
    if moment is None:
        raise ValueError(f"{text[:_SHOWN]!r} is neither a date nor an instant")
    return moment


def _epoch(text: str, scale: int) -> datetime:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:_SHOWN]!r} is no time since 1970")
    try:
        return EPOCH + timedelta(seconds=float(text) / scale)
    except OverflowError:
        raise ValueError(f"{text[:_SHOWN]!r} is beyond every calendar") from None
