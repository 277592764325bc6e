"""The books: what accounts held at an earlier moment, and what all of them came to, made of the ledger alone.

For ``rpc``. Belongs to the event loop; what reads and adds up runs on a thread, a page of accounts at a time. Rows up
to a position never change, so whatever is decided meanwhile changes no figure.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import from_microseconds
from pointguard_server.domain.codes import EntryType
from pointguard_server.domain.errors import InvalidRequest, StorageUnavailable, Violation
from pointguard_server.service.explanation.past import OpenReservation, past_of
from pointguard_server.service.explanation.ports import PastLeg, StoredText
from pointguard_server.service.program_config import ProgramConfig, ProgramConfigError

ACCOUNTS_A_PAGE: Final = 500
ENTRIES_A_PAGE: Final = 50_000
REST: Final = 1.0
"""For each second of reading, so many are left to the money path."""
TELL_EVERY_S: Final = 1.0
_NEVER: Final = 1 << 63
_QUARTER: Final = 900_000_000
"""Local days begin at quarters of an hour, in every zone that there is."""

Found = TypeVar("Found")


class AccountThen(NamedTuple):
    """What an account's newest leg up to a position left: columns of ``legs`` by their names."""

    account_id: int
    seq: int
    accepted_at: int
    posted: int
    reserved: int
    account_flags: int
    open_from_seq: int


class LotLeft(NamedTuple):
    """What entries up to a position left of a lot: its name, points, and moments (0: none)."""

    lot_seq: int
    rule_id: int
    expires_at: int
    points: int
    matures_at: int


class Decided(NamedTuple):
    """By what a leg was decided."""

    program_id: int
    configuration_version: int


class BooksReader(Protocol):
    """Reads the committed ledger beside the writer, from one thread at a time.

    A ledger that cannot be read is raised as ``StorageUnavailable``.
    """

    def position_at(self, moment: int) -> int:
        """Return the position of the last leg up to a moment; 0 for none."""
        ...

    def decided(self, tenant_id: int, position: int) -> Decided | None:
        """Return by what the newest leg up to a position was decided; None if there is none."""
        ...

    def configuration(self, tenant_id: int, program_id: int, version: int) -> StoredText | None:
        """Return a version of a program's configuration."""
        ...

    def account(self, tenant_id: int, account_id: int, position: int) -> AccountThen | None:
        """Return an account as of a position; None if it had no leg by then."""
        ...

    def account_count(self, tenant_id: int) -> int:
        """Return how many accounts there are."""
        ...

    def accounts(self, tenant_id: int, after: int, count: int, position: int) -> tuple[int, list[AccountThen]]:
        """Return the last of the next accounts after one, 0 if there are none, and those of them with a leg by then."""
        ...

    def lots(self, tenant_id: int, first: int, last: int, position: int) -> list[tuple[int, LotLeft]]:
        """Return what was left of the lots of a range of accounts: (account, lot), each account's together."""
        ...

    def is_past(self, moment: int) -> bool:
        """Whether there is a leg after a moment: then there are all up to it."""
        ...

    def reserving_legs(self, tenant_id: int, account_id: int, first_seq: int, last_seq: int) -> list[PastLeg]:
        """Return legs of an account by their places in its sequence, oldest first: those that make or end holds."""
        ...

    def entries_up_to(self, position: int) -> int:
        """Return the position of the last entry of the legs up to a position; 0 for none."""
        ...

    def movements(self, tenant_id: int, after: int, up_to: int) -> list[tuple[int, int]]:
        """Return (entry type, sum of points) of the entries behind a place and up to another."""
        ...


@dataclass(slots=True)
class LotThen:
    """What was left of a lot at a moment. ``expires_at`` of 0: it never ends."""

    points: int
    matures_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class BalanceThen:
    """An account's points at a moment, whatever had been written down by then.

    ``rest`` is what the points outside of ``lots`` came to, below zero what was owed; ``gone`` is what had ended and no
    entry said so yet.
    """

    account_id: int
    seq: int
    account_flags: int
    reserved: int
    rest: int
    lots: tuple[LotThen, ...]
    moment: int
    gone: int = 0

    @property
    def posted(self) -> int:
        """The points of all lots, and those in none."""
        return self.rest + sum(lot.points for lot in self.lots)

    @property
    def pending(self) -> int:
        """The points that had not matured."""
        return sum(lot.points for lot in self.lots if lot.matures_at > self.moment)

    @property
    def next_expiry(self) -> tuple[int, int]:
        """The points that ended next, and when; (0, 0) if none did."""
        ends = [lot.expires_at for lot in self.lots if lot.expires_at > self.moment]
        first = min(ends, default=0)
        return sum(lot.points for lot in self.lots if first and lot.expires_at == first), first


def balance_at(
    then: AccountThen, lots: Iterable[LotLeft], reservations: Iterable[tuple[int, OpenReservation]], moment: int
) -> BalanceThen:
    """Return what time has made of an account since its leg: reservations end, points mature, points end.

    ``reservations`` are those that no leg up to then ended, each with when it was made. In the order of docs/lots.md.
    """
    known = [lot for lot in lots if lot.expires_at or lot.matures_at > then.accepted_at]
    known.sort(key=lambda lot: (lot.expires_at or _NEVER, lot.matures_at, lot.lot_seq, lot.rule_id))
    left = [LotThen(lot.points, lot.matures_at, lot.expires_at) for lot in known]
    rest = then.posted - sum(lot.points for lot in left)
    for lot in sorted(left, key=lambda lot: lot.matures_at):
        if then.accepted_at < lot.matures_at <= moment:
            paid = min(max(-rest, 0), lot.points)
            rest, lot.points = rest + paid, lot.points - paid
            if not lot.expires_at:
                rest, lot.points = rest + lot.points, 0
    reserved, held = then.reserved, []
    for made_at, each in reservations:
        if each.expires_at <= moment:
            reserved -= each.points
        else:
            held.append((made_at, each.points))
    gone = kept = 0
    for lot in left:
        if 0 < lot.expires_at <= moment:
            needed = sum(points for made_at, points in held if made_at < lot.expires_at)
            keep = min(lot.points, max(needed - kept, 0))
            kept, gone, lot.points = kept + keep, gone + lot.points - keep, keep
    lots_left = tuple(lot for lot in left if lot.points)
    return BalanceThen(then.account_id, then.seq, then.account_flags, reserved, rest, lots_left, moment, gone)


@dataclass(slots=True)
class Totals:
    """What accounts come to at a moment. ``by_end`` has by the moment of the end: points, and those pending of them."""

    moment: int
    accounts: int = 0
    outstanding: int = 0
    owed: int = 0
    reserved: int = 0
    pending: int = 0
    gone: int = 0
    by_end: dict[int, list[int]] = field(default_factory=dict)

    @property
    def posted(self) -> int:
        """The sum of all posted points."""
        return self.outstanding - self.owed

    def add(self, balance: BalanceThen) -> None:
        """Add an account's."""
        self.accounts += 1
        self.reserved += balance.reserved
        self.gone += balance.gone
        self.owed += max(-balance.rest, 0)
        if balance.rest > 0:
            self._add(0, balance.rest, 0)
        for lot in balance.lots:
            self._add(lot.expires_at, lot.points, lot.points if lot.matures_at > self.moment else 0)

    def _add(self, expires_at: int, points: int, pending: int) -> None:
        self.outstanding += points
        self.pending += pending
        # The last quarter of an hour in which they may be spent, which lies in one day.
        end = (expires_at - 1) // _QUARTER * _QUARTER if expires_at else 0
        sums = self.by_end.setdefault(end, [0, 0])
        sums[0] += points
        sums[1] += pending

    def by_day(self, zone: ZoneInfo) -> list[tuple[str, int, int]]:
        """Return (last day, points, those pending of them) in order; those that never end last, with no day."""
        days: dict[str, list[int]] = {}
        for end, (points, pending) in self.by_end.items():
            day = from_microseconds(end).astimezone(zone).date().isoformat() if end else ""
            sums = days.setdefault(day, [0, 0])
            sums[0] += points
            sums[1] += pending
        return [(day, *days[day]) for day in sorted(days, key=lambda day: (not day, day))]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report is."""

    accounts: int
    accounts_total: int


@dataclass(frozen=True, slots=True)
class Liability:
    """What the points of all members come to at ``totals.moment``, and what moved since an earlier moment.

    ``movements`` are by entry type, with what had ended at either moment and was written down later where it belongs.
    ``points``, ``money_minor`` are the rate: so many points are worth so much; 0 points: it is not known.
    """

    totals: Totals
    position: int
    since: int | None
    opening: int
    movements: dict[EntryType, int]
    configuration_version: int
    points: int
    money_minor: int

    @property
    def breakage(self) -> int:
        """Points that ended in the period."""
        return -self.movements.get(EntryType.EXPIRE, 0)

    def worth(self, points: int) -> int | None:
        """Return what redeeming points is worth in minor units, rounded down; None if no rate is known."""
        return points * self.money_minor // self.points if self.points else None


class Books:
    """Reads the books of a ledger.

    ``catch_up`` waits until the database has all that was answered; ``passed`` returns a moment that nothing will be
    decided at any more, and ``present`` the latest there is, which takes a turn of the writer's; ``check`` returns what
    a configuration's text says, or raises ``ProgramConfigError``.
    """

    def __init__(
        self,
        reader: BooksReader,
        catch_up: Callable[[], Awaitable[None]],
        passed: Callable[[], int],
        present: Callable[[], Awaitable[int]],
        check: Callable[[str], Awaitable[ProgramConfig]],
    ) -> None:
        self._reader, self._catch_up, self._check = reader, catch_up, check
        self._passed, self._present = passed, present
        self._asking: asyncio.Task[int] | None = None
        self._reading = asyncio.Lock()
        self._one_report = asyncio.Lock()

    async def settled_moment(self, moment: int | None, field_name: str) -> int:
        """Return a moment that is over, by default the present, once the database has all that was decided by then.

        Raises:
            InvalidRequest: if it is still to come.
        """
        if moment is not None and moment <= self._passed():
            if not await self.read(lambda: self._reader.is_past(moment)):
                await self._catch_up()
            return moment
        # The turn that is shared may have been taken before this moment had come.
        present = await self._shared_present()
        if moment is not None and moment > present:
            present = await self._shared_present()
        if moment is not None and moment > present:
            raise InvalidRequest(Violation(field_name, "must not be in the future"))
        await self._catch_up()
        return present if moment is None else moment

    async def _shared_present(self) -> int:
        """Return the present, by one turn of the writer's for all who ask before it is over.

        What any of them has been answered was decided in an earlier turn.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._asked_present())
            # Where everybody has given up, nobody hears of an error.
            self._asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        return await asyncio.shield(self._asking)

    async def _asked_present(self) -> int:
        return await self._present()

    async def read(self, read: Callable[[], Found]) -> Found:
        """Return what is read of the ledger, on a thread, while nobody else reads by the same connection."""
        async with self._reading:
            return await asyncio.to_thread(read)

    async def balance(self, tenant_id: int, account_id: int, as_of: int) -> tuple[BalanceThen, int]:
        """Return an account's balance as of a moment, and the position up to which the ledger was read.

        Raises:
            InvalidRequest: if the moment is still to come.
        """
        moment = await self.settled_moment(as_of, "as_of")

        def read() -> tuple[BalanceThen, int]:
            position = self._reader.position_at(moment)
            then = self._reader.account(tenant_id, account_id, position)
            if then is None:
                return BalanceThen(account_id, 0, 0, 0, 0, (), moment), position
            lots = [lot for _, lot in self._reader.lots(tenant_id, account_id, account_id, position)]
            return balance_at(then, lots, self._reservations(tenant_id, then), moment), position

        return await self.read(read)

    async def liability(
        self, tenant_id: int, as_of: int | None, since: int | None
    ) -> AsyncGenerator[Progress | Liability]:
        """Yield how far a report is, and the report last.

        Raises:
            InvalidRequest: if ``as_of`` is still to come, or not after ``since``.
        """
        async with self._one_report:
            moment = await self.settled_moment(as_of, "as_of")
            if since is not None and since >= moment:
                raise InvalidRequest(Violation("since", "must be before as_of, and before now"))
            position = await self.read(lambda: self._reader.position_at(moment))
            before = await self.read(lambda: self._reader.position_at(since)) if since is not None else 0
            of_both = [Totals(moment), *([Totals(since)] if since is not None else [])]
            count = await self.read(lambda: self._reader.account_count(tenant_id))
            told = time.monotonic()
            looked = 0
            for totals, up_to in zip(of_both, (position, before), strict=False):
                async for more in self._sweep(tenant_id, totals, up_to):
                    looked += more
                    if time.monotonic() >= told + TELL_EVERY_S:
                        told = time.monotonic()
                        # Accounts may have come since they were counted.
                        yield Progress(looked, max(count * len(of_both), looked))
            movements = await self._movements(tenant_id, before, position)
            opening = of_both[1] if since is not None else Totals(0)
            expired = movements.get(EntryType.EXPIRE, 0) - of_both[0].gone + opening.gone
            if expired:
                movements[EntryType.EXPIRE] = expired
            else:
                movements.pop(EntryType.EXPIRE, None)
            version, *rate = await self._rate(tenant_id, position)
            yield Liability(of_both[0], position, since, opening.posted, movements, version, *rate)

    async def _sweep(self, tenant_id: int, totals: Totals, position: int) -> AsyncGenerator[int]:
        """Add up all accounts as of a position; yield how many a page had."""
        after = 0

        def read() -> tuple[int, int]:
            last, page = self._reader.accounts(tenant_id, after, ACCOUNTS_A_PAGE, position)
            for balance in self._balances(tenant_id, after, last, page, position, totals.moment) if last else ():
                totals.add(balance)
            return last, len(page)

        while position:
            started = time.monotonic()
            last, looked = await self.read(read)
            if not last:
                break
            after = last
            yield looked
            await asyncio.sleep(REST * (time.monotonic() - started))

    def _balances(
        self, tenant_id: int, after: int, last: int, page: list[AccountThen], position: int, moment: int
    ) -> Iterator[BalanceThen]:
        lots: dict[int, list[LotLeft]] = {}
        for account_id, lot in self._reader.lots(tenant_id, after + 1, last, position):
            lots.setdefault(account_id, []).append(lot)
        for then in page:
            reservations = self._reservations(tenant_id, then)
            yield balance_at(then, lots.get(then.account_id, ()), reservations, moment)

    def _reservations(self, tenant_id: int, then: AccountThen) -> list[tuple[int, OpenReservation]]:
        """Return the reservations that the account's legs left open, each with when it was made."""
        if not then.reserved:
            return []
        past = past_of(self._reader.reserving_legs(tenant_id, then.account_id, then.open_from_seq, then.seq), ())
        made_at = {event.seq: event.counts_at for event in past.events}
        return [(made_at[each.seq], each) for each in past.reservations]

    async def _movements(self, tenant_id: int, before: int, position: int) -> dict[EntryType, int]:
        """Return what the entries of the legs behind a position and up to another come to, by type."""
        after = await self.read(lambda: self._reader.entries_up_to(before))
        up_to = await self.read(lambda: self._reader.entries_up_to(position))
        sums: dict[EntryType, int] = {}
        for first in range(after, up_to, ENTRIES_A_PAGE):
            started = time.monotonic()
            place = first, min(first + ENTRIES_A_PAGE, up_to)
            for entry_type, points in await self.read(lambda place=place: self._reader.movements(tenant_id, *place)):  # type: ignore[misc]
                sums[EntryType(entry_type)] = sums.get(EntryType(entry_type), 0) + points
            await asyncio.sleep(REST * (time.monotonic() - started))
        return sums

    async def _rate(self, tenant_id: int, position: int) -> tuple[int, int, int]:
        """Return the version of the configuration that decided last, and what it says points are worth."""
        decided = await self.read(lambda: self._reader.decided(tenant_id, position))
        if decided is None:
            return 0, 0, 0
        stored = await self.read(lambda: self._reader.configuration(tenant_id, *decided))
        if stored is None:
            # The ledger names no version that is not there.
            raise StorageUnavailable
        try:
            rate = (await self._check(stored.source)).redemption
        except ProgramConfigError:
            # It is from another version of the server: the points are known all the same.
            return decided.configuration_version, 0, 0
        return decided.configuration_version, rate.points, rate.money_minor
