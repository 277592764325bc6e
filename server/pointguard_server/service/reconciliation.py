"""Reconciling a business day: what the ledger has of it beside what terminals say, and the transactions that differ.

For ``rpc``. Reads as ``books`` does, beside the money path, up to a position that the answer names.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from pointguard_server.domain.codes import Decision, Operation
from pointguard_server.domain.errors import InvalidRequest, Violation
from pointguard_server.service.books import REST, Books

LEGS_A_PAGE: Final = 20_000
KEYS_A_PAGE: Final = 500
DIFFERENCES_MAX: Final = 10_000
TILL_OPERATIONS: Final = (
    Operation.AUTHORISE,
    Operation.CAPTURE,
    Operation.VOID,
    Operation.ACCRUE,
    Operation.RETURN,
    Operation.TRANSFER,
    Operation.REDEEM_HOUSEHOLD,
)
"""What a terminal's day consists of: what moves points, or sets them aside, where a member stands."""


class DifferenceKind(IntEnum):
    """How a transaction differs: see the contract."""

    NOT_IN_LEDGER = 1
    NOT_SAID = 2
    OTHER_DAY = 3
    OTHER_PLACE = 4
    DECISION = 5
    POINTS = 6
    MONEY = 7


class Sums(NamedTuple):
    """How many transactions, and what they come to."""

    transactions: int = 0
    points: int = 0
    money: int = 0


class Place(NamedTuple):
    """Where a transaction was rung up, by numbers of codes. Of what is asked for, 0: anywhere, -1: nowhere."""

    business_unit_id: int = 0
    store_id: int = 0
    terminal_id: int = 0

    def holds(self, other: "Place") -> bool:
        """Whether a transaction's place is one of those that are asked for."""
        return all(asked in (0, number) for asked, number in zip(self, other, strict=True))


class DayLeg(NamedTuple):
    """What a day's totals need of a leg: columns of ``legs`` by their names."""

    transaction_id: bytes
    leg_number: int
    idempotency_key: bytes
    operation: int
    kind: int
    decision: int
    points: int
    money: int
    accepted_at: int
    business_unit_id: int
    store_id: int
    terminal_id: int
    order_reference: str

    @property
    def place(self) -> Place:
        """Where it was rung up."""
        return Place(self.business_unit_id, self.store_id, self.terminal_id)


class Said(NamedTuple):
    """What a terminal says of a transaction: decision 0: it had no answer; no money: it is not compared."""

    key: bytes
    decision: int
    points: int
    money: int | None


class SaidTotal(NamedTuple):
    """What a terminal says of approved transactions; operation and kind 0: any."""

    place: Place
    operation: int
    kind: int
    sums: Sums

    @property
    def name(self) -> tuple[int, ...]:
        """What it is the total of; 0: any."""
        return (*self.place, self.operation, self.kind)


@dataclass(frozen=True, slots=True)
class Asked:
    """A day, from its first moment to before the next one's, a place, and what is said of them.

    ``said`` of None: totals alone are compared.
    """

    begins_at: int
    ends_before: int
    place: Place
    totals: Sequence[SaidTotal]
    said: Sequence[Said] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a transaction differs; ``index`` is its place in what was said, None if it was not."""

    kinds: tuple[DifferenceKind, ...]
    index: int | None
    leg: DayLeg | None


class DayTotal(NamedTuple):
    """Of one terminal, operation and kind: what was approved, and how many were declined."""

    place: Place
    operation: int
    kind: int
    approved: Sums
    declined: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A day as the ledger has it up to a position. ``differing`` has the places of totals that differ, with its own.

    Of ``difference_count`` differences the first are in ``differences``.
    """

    position: int
    over: bool
    totals: tuple[DayTotal, ...]
    differing: tuple[tuple[int, Sums], ...]
    differences: tuple[Difference, ...]
    difference_count: int


class DayReader(Protocol):
    """Reads the committed ledger beside the writer, from one thread at a time.

    A ledger that cannot be read is raised as ``StorageUnavailable``.
    """

    def position_at(self, moment: int) -> int:
        """Return the position of the last leg up to a moment; 0 for none."""
        ...

    def day_legs(self, tenant_id: int, after: int, up_to: int, place: Place, operations: Iterable[int]) -> list[DayLeg]:
        """Return the legs of some operations of a place, behind a position and up to another, in order."""
        ...

    def legs_of_keys(self, tenant_id: int, keys: Sequence[bytes], position: int) -> list[DayLeg]:
        """Return the legs up to a position that some idempotency keys made, in order."""
        ...


@dataclass(slots=True)
class _Day:
    """A day as it is gone through."""

    asked: Asked
    sums: dict[tuple[Place, int, int], list[int]] = field(default_factory=dict)
    found: dict[bytes, DayLeg] = field(default_factory=dict)  # by key, of what was said
    unsaid: list[Difference] = field(default_factory=list)
    unsaid_count: int = 0
    wanted: frozenset[bytes] = frozenset()

    def __post_init__(self) -> None:
        self.wanted = frozenset(each.key for each in self.asked.said or ())

    def take(self, leg: DayLeg) -> None:
        """Add a transaction."""
        sums = self.sums.setdefault((leg.place, leg.operation, leg.kind), [0, 0, 0, 0])
        if leg.decision == Decision.APPROVED:
            sums[0] += 1
            sums[1] += leg.points
            sums[2] += leg.money
        else:
            sums[3] += 1
        if leg.idempotency_key in self.wanted:
            self.found[leg.idempotency_key] = leg
        elif self.asked.said is not None:
            self.unsaid_count += 1
            if len(self.unsaid) < DIFFERENCES_MAX:
                self.unsaid.append(Difference((DifferenceKind.NOT_SAID,), None, leg))

    def totals(self) -> Iterator[DayTotal]:
        for (place, operation, kind), (count, points, money, declined) in sorted(self.sums.items()):
            yield DayTotal(place, operation, kind, Sums(count, points, money), declined)

    def differing(self) -> Iterator[list[tuple[int, Sums]]]:
        """Yield the totals that were said and that the ledger's differ from, those that name the same things together.

        So the ledger's are gone through once for what is named, and not for each that was said.
        """
        said: dict[tuple[bool, ...], list[int]] = {}
        for index, total in enumerate(self.asked.totals):
            said.setdefault(tuple(map(bool, total.name)), []).append(index)
        for named, indexes in said.items():
            own: dict[tuple[int, ...], list[int]] = {}
            for (place, operation, kind), sums in self.sums.items():
                name = tuple(
                    number * is_named for number, is_named in zip((*place, operation, kind), named, strict=True)
                )
                together = own.setdefault(name, [0, 0, 0])
                for column in range(3):
                    together[column] += sums[column]
            totals = ((index, self.asked.totals[index]) for index in indexes)
            compared = ((index, total.sums, Sums(*own.get(total.name, (0, 0, 0)))) for index, total in totals)
            yield [(index, its) for index, said_sums, its in compared if its != said_sums]

    def differences(self) -> Iterator[Difference]:
        """Yield what was said and is otherwise in the ledger, or not there."""
        for index, said in enumerate(self.asked.said or ()):
            leg = self.found.get(said.key)
            kinds = tuple(differing(said, leg, self.asked))
            if kinds:
                yield Difference(kinds, index, leg)


def differing(said: Said, leg: DayLeg | None, asked: Asked) -> Iterator[DifferenceKind]:
    """Yield how a transaction differs from what was said of it; of approved ones, points and money are compared."""
    if leg is None:
        yield DifferenceKind.NOT_IN_LEDGER
        return
    if not asked.begins_at <= leg.accepted_at < asked.ends_before:
        yield DifferenceKind.OTHER_DAY
    if not asked.place.holds(leg.place):
        yield DifferenceKind.OTHER_PLACE
    if said.decision and said.decision != leg.decision:
        yield DifferenceKind.DECISION
    elif said.decision == Decision.APPROVED:
        if said.points != leg.points:
            yield DifferenceKind.POINTS
        if said.money not in (None, leg.money):
            yield DifferenceKind.MONEY


class _Together:
    """Makes one of the legs of a transaction that spends points of several accounts."""

    def __init__(self) -> None:
        self._held: DayLeg | None = None

    def take(self, legs: Iterable[DayLeg]) -> Iterator[DayLeg]:
        """Yield the transactions that are whole."""
        for leg in legs:
            held = self._held
            if leg.leg_number == 0:
                if held is not None:
                    yield held
                self._held = leg
            elif held is not None and leg.operation == Operation.REDEEM_HOUSEHOLD:
                self._held = held._replace(points=held.points + leg.points, money=held.money + leg.money)

    def end(self) -> Iterator[DayLeg]:
        """Yield the last one."""
        if self._held is not None:
            yield self._held
            self._held = None


class Reconciliation:
    """Reconciles days of a ledger, one at a time."""

    def __init__(self, books: Books, reader: DayReader) -> None:
        self._books, self._reader = books, reader
        self._one = asyncio.Lock()

    async def reconcile(self, tenant_id: int, asked: Asked) -> Reconciled:
        """Return a day of the ledger beside what was said of it.

        Raises:
            InvalidRequest: if the day is still to come.
        """
        async with self._one:
            present = await self._books.settled_moment(None, "business_date")
            if asked.begins_at > present:
                raise InvalidRequest(Violation("business_date", "must not be in the future"))
            position = await self._books.read(lambda: self._reader.position_at(present))
            after = await self._books.read(lambda: self._reader.position_at(asked.begins_at - 1))
            up_to = min(position, await self._books.read(lambda: self._reader.position_at(asked.ends_before - 1)))
            day, together = _Day(asked), _Together()

            def look(first: int, last: int) -> None:
                legs = self._reader.day_legs(tenant_id, first, last, asked.place, TILL_OPERATIONS)
                for leg in together.take(legs):
                    day.take(leg)

            for first in range(after, up_to, LEGS_A_PAGE):
                started = time.monotonic()
                last = min(first + LEGS_A_PAGE, up_to)
                await self._books.read(lambda first=first, last=last: look(first, last))  # type: ignore[misc]
                await asyncio.sleep(REST * (time.monotonic() - started))
            for leg in together.end():
                day.take(leg)
            await self._find_elsewhere(tenant_id, day, position)
            differing = [each async for some in self._differing(day) for each in some]
            differences = await self._books.read(lambda: list(day.differences()))
            totals = await self._books.read(lambda: tuple(day.totals()))
        return Reconciled(
            position=position,
            over=present >= asked.ends_before - 1,
            totals=totals,
            differing=tuple(sorted(differing)),
            differences=tuple((*differences, *day.unsaid)[:DIFFERENCES_MAX]),
            difference_count=len(differences) + day.unsaid_count,
        )

    async def _differing(self, day: _Day) -> AsyncGenerator[list[tuple[int, Sums]]]:
        """Yield the totals that differ, and leave as long to the money path as each step took."""
        steps = day.differing()
        while True:
            started = time.monotonic()
            some = await self._books.read(lambda: next(steps, None))
            if some is None:
                return
            yield some
            await asyncio.sleep(REST * (time.monotonic() - started))

    async def _find_elsewhere(self, tenant_id: int, day: _Day, position: int) -> None:
        """Find what was said and is not of that day and place."""
        missing = sorted(day.wanted - day.found.keys())
        for first in range(0, len(missing), KEYS_A_PAGE):
            keys = missing[first : first + KEYS_A_PAGE]
            legs = await self._books.read(lambda keys=keys: self._reader.legs_of_keys(tenant_id, keys, position))  # type: ignore[misc]
            together = _Together()
            day.found |= {leg.idempotency_key: leg for leg in (*together.take(legs), *together.end())}
