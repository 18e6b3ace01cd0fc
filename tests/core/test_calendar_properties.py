"""What holds of any local time in any zone (behaviour T6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.calendar import instant

NAMES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC", "Asia/Kolkata")
ZONES = [ZoneInfo(name) for name in NAMES]


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.dates(date(2008, 1, 1), date(2030, 12, 31)),
    st.times().map(lambda at: at.replace(microsecond=0, fold=0)),
)
def test_an_instant_is_the_first_at_or_after_its_local_time(zone: ZoneInfo, day: date, at: time) -> None:
    """T6: not reached a second before, reached now, and shown for the first time."""
    moment = instant(day, at, zone)
    local_time = datetime.combine(day, at)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    just_before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert moment.tzinfo is UTC
    assert shown >= local_time
    assert just_before < local_time
    earlier = [moment - timedelta(minutes=30 * n) for n in range(1, 5)]
    assert local_time not in [candidate.astimezone(zone).replace(tzinfo=None) for candidate in earlier]
