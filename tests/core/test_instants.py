"""An instant is read in every spelling that can mean only one, and refused in every other (behaviour R5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire import instants
from shared.core.wire.instants import instant

END = datetime(2026, 1, 22, 10, 58, tzinfo=UTC)
TENTH = END + timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-22T10:58:00+00:00", END),
        ("2026-01-22T10:58:00Z", END),
        ("2026-01-22t10:58:00z", END),
        ("2026-01-22T05:58:00-05:00", END),
        ("2026-01-22 05:58:00 -0500", END),
        ("2026-01-22 05:58:00-05", END),
        ("2026-01-22T10:58:00", END),
        ("2026-01-22 10:58:00", END),
        ("2026-01-22T10:58", END),
        ("2026/01/22 10:58:00", END),
        ("20260122T105800Z", END),
        ("2026-01-22 10:58:00 UTC", END),
        ("2026-01-22 10:58:00UTC", END),
        ("2026-01-22T10:58:00 GMT", END),
        ("2026-01-22 10:58:00 +0000 UTC", END),
        (" 2026-01-22T10:58:00\u200bZ ", END),
        ("2026-01-22T10:58:00.1Z", TENTH),
        ("2026-01-22T10:58:00,1Z", TENTH),
        ("2026-01-22T10:58:00.100000", TENTH),
        ("2026-01-22T10:58:00.100000999Z", TENTH),
        ("2026-01-22 10:58:00.100000 UTC", TENTH),
        ("2026-01-22T05:58:00-05:00[America/New_York]", END),
        ("2026-01-22T05:58:00[America/New_York]", END),
        ("2026-01-22T10:58:00Z[UTC]", END),
        ("2026-01-22 05:58:00 America/New_York", END),
        ("2026-07-22 06:58:00 America/New_York", datetime(2026, 7, 22, 10, 58, tzinfo=UTC)),
        ("Thu, 22 Jan 2026 10:58:00 GMT", END),
        ("Thu, 22 Jan 2026 10:58:00 +0000", END),
        ("Thu, 22 Jan 2026 05:58:00 -0500", END),
        ("22 Jan 2026 05:58:00 EST", END),
        ("22 Jan 2026 10:58", END),
        (1769079480, END),
        (1769079480.1, TENTH),
        ("1769079480", END),
        ("1769079480.1", TENTH),
        ("1.76907948E9", END),
        (1769079480100, TENTH),
        ("1769079480100", TENTH),
        (1769079480100000, TENTH),
        ("1769079480100000999", TENTH),
        (None, None),
        ("", None),
    ],
)
def test_what_can_mean_one_instant_only_is_read(sent: object, read: datetime | None) -> None:
    """ISO 8601 in its forms, a number since 1970 in four units, the form of mail; without a zone it is UTC."""
    assert instant(sent) == read


@pytest.mark.parametrize(
    "sent",
    [
        "soon", "now", "None", " ", "2026-01-22", "20260122", 20260122, "20260122105800", "01/22/2026 10:58:00",
        "22.01.2026 10:58", "2026-01-22T24:00:00", "2026-02-30T10:00:00Z", "2026-1-2T10:00:00Z",
        "2026-01-22 05:58:00 EST", "2026-01-22T05:58:00-08:00[America/New_York]", "2026-01-22T05:58:00[Nowhere/Else]",
        "2026-01-22T05:58:00[../../etc/passwd]", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "Thu, 22 Foo 2026 10:58:00 GMT", "Thu, 22 Jan 2026 10:58:00 XYZ", 0, 5, -1e9,
        1e30, float("nan"), float("inf"), True, [1769079480], {"seconds": 1769079480}, "9" * 5000,
        "\uff11769079480", "1.7E99", "2026-01-22T10:58:00" + " " * 500 + "Z",
    ],
)  # fmt: skip
def test_what_may_mean_another_or_none_is_refused(sent: object) -> None:
    """Never taken as absent: the reason shows what was sent, in bounded length."""
    with pytest.raises(ValueError, match="is not an instant") as caught:
        instant(sent)
    assert len(str(caught.value)) < 200


@given(
    st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    st.sampled_from([1, 10**3, 10**6, 10**9]),
)
def test_an_epoch_in_any_unit_is_the_instant_it_was(moment: datetime, per_second: int) -> None:
    """Seconds, milli-, micro- and nanoseconds are told apart by their size alone, to the precision of the unit."""
    micro = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    number = micro * per_second // 10**6
    read = instant(number)
    assert read is not None
    assert timedelta(0) <= moment - read < timedelta(seconds=1) / per_second + timedelta(microseconds=1)
    assert instant(str(number)) == read


@given(st.text(max_size=60) | st.floats() | st.integers())
def test_anything_is_read_or_refused(sent: object) -> None:
    """No other error, and only instants that every zone can show."""
    try:
        read = instant(sent)
    except ValueError:
        return
    assert read is None or 1900 <= read.year <= 2200


@given(
    moment=st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - hypothesis draws local times
    fraction=st.booleans(),
    offset=st.sampled_from(["", "Z", "+00:00", "-05:00", "+05:45", "-00:00", "+24:00", "+9:00", "+0900"]),
    broken=st.sampled_from([("", ""), ("T0", "T2"), (":", ":9"), ("-", "-1"), ("T", " ")]),
)
def test_the_usual_way_of_writing_is_read_as_all_others_are(
    moment: datetime, fraction: bool, offset: str, broken: tuple[str, str]
) -> None:
    """What is read at once means what it means when it is read like everything else, or is refused as it is there."""
    text = moment.isoformat(timespec="microseconds" if fraction else "seconds").replace(*broken, 1) + offset
    never = re.compile(r"(?!)")

    def read() -> object:
        try:
            return instant(text)
        except ValueError as error:
            return str(error)

    at_once = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instants, "USUAL", never)
        assert read() == at_once
