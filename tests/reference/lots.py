"""An account with lots in plain Python: time goes by moment for moment, and nothing is clever. For the model's test."""

from dataclasses import dataclass, field

WEEK = 7 * 86_400_000_000


@dataclass
class Lot:
    """Points of one award. ``expires_at`` of 0: they never end, ``matures_at`` of 0: they were not held back."""

    number: int
    points: int
    matures_at: int = 0
    expires_at: int = 0

    @property
    def order(self) -> tuple[float, int, int]:
        return self.expires_at or float("inf"), self.matures_at, self.number


@dataclass
class Hold:
    """Points set aside by the leg ``seq``."""

    seq: int
    points: int
    opened_at: int
    expires_at: int


@dataclass
class LotAccount:
    """The model. What never ends and is not held back is ``rest``, which a floor below zero lets become a debt."""

    floor: int = 0
    now: int = 0
    rest: int = 0
    expired: int = 0  # in all
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    numbers: int = 0
    spent: list[tuple[int, int, int, int]] = field(default_factory=list)  # by the latest spending: as ``put_back``

    @property
    def posted(self) -> int:
        return self.rest + sum(lot.points for lot in self.lots)

    @property
    def pending(self) -> int:
        return sum(lot.points for lot in self.lots if lot.matures_at > self.now)

    @property
    def reserved(self) -> int:
        return sum(hold.points for hold in self.holds)

    @property
    def available(self) -> int:
        return self.posted - self.pending - self.reserved - self.floor

    @property
    def next_expiry(self) -> tuple[int, int]:
        """The points that end next, and when; nothing, at 0."""
        ends = [lot.expires_at for lot in self.lots if lot.expires_at > self.now and lot.points]
        first = min(ends, default=0)
        return sum(lot.points for lot in self.lots if first and lot.expires_at == first), first

    def come_to(self, now: int) -> None:
        """Let time go by: at each moment reservations end first, then points mature, then points end."""
        moments = {hold.expires_at for hold in self.holds}
        moments |= {moment for lot in self.lots for moment in (lot.matures_at, lot.expires_at)}
        for moment in [*sorted(each for each in moments if self.now < each < now), now]:
            self.now = max(moment, self.now)
            self.holds = [hold for hold in self.holds if hold.expires_at > self.now]
            self._mature()
            self._end()

    def _mature(self) -> None:
        """What may be spent from now on pays what is owed; what a reservation keeps past its end does not."""
        for lot in sorted(self.lots, key=lambda lot: (lot.matures_at, lot.order)):
            if lot.matures_at <= self.now and not 0 < lot.expires_at <= self.now:
                paid = min(max(-self.rest, 0), lot.points)
                lot.points, self.rest = lot.points - paid, self.rest + paid
                if not lot.expires_at:
                    lot.points, self.rest = 0, self.rest + lot.points
        self._clean()

    def _end(self) -> None:
        """What has ended is gone, but for what reservations that are older than the end still need."""
        kept = 0
        for lot in sorted(self.lots, key=lambda lot: lot.order):
            if lot.expires_at and lot.expires_at <= self.now:
                held = sum(hold.points for hold in self.holds if hold.opened_at < lot.expires_at)
                keep = min(lot.points, max(held - kept, 0))
                kept += keep
                self.expired += lot.points - keep
                lot.points = keep
        self._clean()

    def _clean(self) -> None:
        self.lots = [lot for lot in self.lots if lot.points]

    def earn(self, now: int, awards: list[tuple[int, int, int]]) -> None:
        """Be given (points, matures at, expires at)."""
        self.come_to(now)
        for points, matures_at, expires_at in awards:
            self.numbers += 1
            if points and (matures_at or expires_at):
                self.lots.append(Lot(self.numbers, points, matures_at, expires_at))
                self._mature()
            else:
                self.rest += points

    def redeem(self, now: int, points: int) -> bool:
        """Spend at once; whether there was enough."""
        self.come_to(now)
        if self.available < points:
            return False
        self._spend(points, now)
        return True

    def _spend(self, points: int, since: int) -> None:
        self.spent = []
        for lot in sorted(self.lots, key=lambda lot: lot.order):
            if lot.matures_at <= self.now and not (lot.expires_at and lot.expires_at <= since):
                taken = min(points, lot.points)
                lot.points, points = lot.points - taken, points - taken
                if taken:
                    self.spent.append((lot.number, taken, lot.matures_at, lot.expires_at))
        self.rest -= points
        if points:
            self.spent.append((0, points, 0, 0))
        self._clean()

    def reserve(self, now: int, points: int, seq: int, time_to_live: int) -> bool:
        """Set points aside; whether there was enough."""
        self.come_to(now)
        if self.available < points:
            return False
        self.holds.append(Hold(seq, points, now, now + time_to_live))
        return True

    def take_back(self, now: int, own: list[tuple[int, int, int, int]], room: int | None) -> int:
        """Take points of awards back: (award's number, points, matures at, expires at); return how many were taken.

        Of what could be spent, ``room`` may be taken.
        """
        before = self.posted
        for number, due, matures_at, expires_at in own:
            points = due
            for lot in self.lots:
                if lot.number == number and not (lot.expires_at and lot.expires_at <= now):
                    taken = min(points, lot.points)
                    if lot.matures_at <= now and room is not None:
                        taken = min(taken, room)
                        room -= taken
                    lot.points, points = lot.points - taken, points - taken
            if room is not None:
                points = min(points, room)
                room -= points
            if not expires_at and matures_at <= now:
                taken = min(points, max(self.rest, 0))
                self.rest, points = self.rest - taken, points - taken
            self._spend(points, now)
        return before - self.posted

    def put_back(self, number: int, points: int, matures_at: int, expires_at: int) -> None:
        """Give points back that were spent of an award."""
        if not expires_at:
            self.rest += points
            return
        lot = next((lot for lot in self.lots if lot.number == number), None)
        if lot is None:
            lot = Lot(number, 0, matures_at, expires_at)
            self.lots.append(lot)
        lot.points += points
        self._mature()

    def extend(self, now: int, seq: int, time_to_live: int) -> bool:
        """Have a reservation end later; whether it was open, and may stand so long (7 days)."""
        self.come_to(now)
        hold = next((hold for hold in self.holds if hold.seq == seq), None)
        if hold is None or (now + time_to_live > hold.expires_at and now + time_to_live > hold.opened_at + WEEK):
            return False
        hold.expires_at = max(hold.expires_at, now + time_to_live)
        return True

    def end(self, now: int, seq: int, captured: int, *, keep_open: bool = False) -> bool:
        """Capture or (0) void a reservation; whether it was open and large enough."""
        self.come_to(now)
        hold = next((hold for hold in self.holds if hold.seq == seq), None)
        if hold is None or captured > hold.points:
            return False
        if keep_open and captured < hold.points:
            hold.points -= captured
        else:
            self.holds.remove(hold)
        if captured:
            self._spend(captured, hold.opened_at)
        self._end()
        return True
