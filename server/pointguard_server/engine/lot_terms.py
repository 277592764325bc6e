"""What becomes of an award's points: held back for a while, and gone at an end. For ``programs``."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from pointguard_server.domain.expiry import NEVER, Expiry, ExpiryModel


class LotTerms(NamedTuple):
    """What a rule and its program say of the points that an award gives: ``pending`` is in microseconds.

    ``spares_groups``: the end is the program's word, which does not hold for its exempt groups.
    """

    pending: int = 0
    expiry: Expiry = NEVER
    spares_groups: bool = False

    @property
    def makes_lots(self) -> bool:
        """Whether the points must be told from those that never end."""
        return self.pending > 0 or self.expiry.model is not ExpiryModel.NEVER

    @property
    def expires_after(self) -> int:
        """Return the time from award to end where it is the same for all awards, in microseconds; else 0."""
        if self.expiry.model is not ExpiryModel.ROLLING:
            return 0
        return self.expiry.end(0, self.pending, ZoneInfo("UTC"))

    def expires_at(self, now: int, zone: ZoneInfo) -> int:
        """Return the end of points that are given in the minute that begins at ``now``, where the calendar says it.

        Whole minutes will do, since the days of every zone begin with one.
        """
        if self.expiry.model is ExpiryModel.ROLLING:
            return 0
        return self.expiry.end(now, now + self.pending, zone)


FOREVER = LotTerms()
