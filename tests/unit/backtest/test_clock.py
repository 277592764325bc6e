"""Local time over columns."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.backtest.clock import ZoneClock
from pointguard_server.domain.calendar import local_time, to_microseconds

BEGIN = to_microseconds(datetime(2025, 1, 1, tzinfo=UTC))
END = to_microseconds(datetime(2027, 1, 1, tzinfo=UTC))
NAMES = ("America/Toronto", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC")
CLOCKS = {name: ZoneClock(ZoneInfo(name), BEGIN, END) for name in NAMES}


@given(st.sampled_from(NAMES), st.lists(st.integers(BEGIN, END), min_size=1, max_size=20))
def test_each_moments_date_is_the_calendars(name: str, moments: list[int]) -> None:
    dates = CLOCKS[name].dates(np.array(moments, np.int64))
    assert dates.tolist() == [local_time(moment, ZoneInfo(name)).date for moment in moments]


@pytest.mark.parametrize("name", NAMES)
def test_the_offset_is_right_to_the_microsecond_where_clocks_change(name: str) -> None:
    zone, clock = ZoneInfo(name), CLOCKS[name]
    for change in clock._starts.tolist()[1:]:
        moments = np.array([change - 1, change], np.int64)
        expected = [
            datetime.fromtimestamp(moment // 1_000_000, UTC).astimezone(zone).utcoffset() for moment in moments.tolist()
        ]
        assert [int(offset) // 1_000_000 for offset in clock.offsets(moments)] == [
            int(offset.total_seconds()) for offset in expected if offset is not None
        ]
        assert expected[0] != expected[1]
    assert len(clock._starts) == {"UTC": 1, "Asia/Kathmandu": 1}.get(name, 5)
