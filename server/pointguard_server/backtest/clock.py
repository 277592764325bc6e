"""Local time over whole columns: where a zone's clocks stood, and each moment's date. For evaluation."""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from pointguard_server.backtest.orders import IntArray
from pointguard_server.domain.calendar import MICROSECOND, from_microseconds

_HOUR = 3_600_000_000
_STEP = 6 * _HOUR  # no zone has changed its clocks twice within it
DAY = 24 * _HOUR


@lru_cache(maxsize=8)
def zone_clock(zone: ZoneInfo, begin: int, end: int) -> "ZoneClock":
    """Return one zone's clock; of a hundred years it takes a quarter of a second to make."""
    return ZoneClock(zone, begin, end)


class ZoneClock:
    """One zone's offset from UTC between two moments, in microseconds. Exact: changes are found by bisection."""

    def __init__(self, zone: ZoneInfo, begin: int, end: int) -> None:
        self._zone = zone
        starts, offsets = [begin], [self._offset_at(begin)]
        for at in range(begin + _STEP, end + _STEP, _STEP):
            offset = self._offset_at(at)
            if offset != offsets[-1]:
                starts.append(self._change(at - _STEP, at, offset))
                offsets.append(offset)
        self._starts, self._offsets = np.array(starts, np.int64), np.array(offsets, np.int64)

    def offsets(self, moments: IntArray) -> IntArray:
        """Return what is to be added to each moment, which must not be before ``begin``."""
        found: IntArray = self._offsets[np.searchsorted(self._starts, moments, side="right") - 1]
        return found

    def dates(self, moments: IntArray) -> IntArray:
        """Return each moment's local date, in days since 1970-01-01."""
        found: IntArray = (moments + self.offsets(moments)) // DAY
        return found

    def _offset_at(self, moment: int) -> int:
        offset = from_microseconds(moment).astimezone(self._zone).utcoffset() or timedelta()
        return offset // MICROSECOND

    def _change(self, low: int, high: int, offset: int) -> int:
        """Return the first moment of an offset that does not hold at ``low`` and does at ``high``."""
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset_at(middle) == offset:
                high = middle
            else:
                low = middle
        return high
