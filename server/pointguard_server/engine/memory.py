"""What memory holds of the accounts: a bounded projection of the ledger, thrown away and read again at will.

Flat arrays that the kernel changes in place (``Arrays``), and the Python side that finds, makes room for and evicts
accounts (``Memory``). Only the writer's thread touches either.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.engine.compiled.slots import evict_slots, keep_slot, slot_of
from pointguard_server.engine.reserve import on_cache_lines, reserved
from pointguard_server.engine.rows import STANDING
from pointguard_server.engine.scopes import Scopes
from pointguard_server.velocity.distinct import MEASURES_MAX, SLOTS_MAX, rehash, table_for
from pointguard_server.velocity.scopes import ScopeArrays
from pointguard_server.velocity.views import Recent, view
from pointguard_server.velocity.windows import BLOCK, EVENT, NONE

ACCOUNT = np.dtype(
    [
        *(
            (name, "<i8")
            for name in (
                "account_id",  # 0: the slot is empty
                "seq",
                "posted",
                "reserved",
                "pending",
                "earned_total",
                "redeemed_total",
                "spend_total",
                "enrolled_at",
                "accepted_at",
                "lot_points",  # of all its lots; the rest of posted never ends and may be spent
                "tally_epoch",  # the program's fraud epoch that the tallies were built for
                "touched",  # batch that last used it
            )
        ),
        *(
            (name, "<i4")
            for name in (
                "tenant_id",
                "province_id",
                "tier_id",
                "group_set_id",
                "program",  # index in the array of programs; ~index of its program's first: not placed yet
                "flags",
                "hold_count",
                "advice_count",
                # Places in the arrays below.
                "first_event",
                "last_event",
                "first_hold",
                "first_advice",
                "first_lot",
                "last_lot",
                "lot_count",
                "birth_date",  # of its member: domain/age_bands.packed; 0: not known, or nobody asks
            )
        ),
    ]
)
"""An account: no number is wider than it must be, since there are many and each takes its lines of the cache."""

HOLD = np.dtype(
    [
        (name, "<i8")
        for name in (
            "seq",
            "points",  # what is left of it
            "money",
            "captured_points",  # by captures that have left it open
            "captured_money",
            "expires_at",
            "id_high",
            "id_low",
            "event",
            "redemption_type_id",
            "business_unit_id",
            "group_set_id",
            "next",
        )
    ]
)
"""An open reservation. ``event`` is the index of its event in memory."""

LOT = np.dtype(
    [
        *((name, "<i8") for name in ("seq", "points", "matures_at", "expires_at")),
        *((name, "<i4") for name in ("rule_id", "is_pending", "next", "padding")),
    ]
)
"""What is left of the points that one award gave and that end or are held back: see ``compiled/lots.py``."""

IntArray = npt.NDArray[np.int64]
IndexArray = npt.NDArray[np.int32]
RowArray = npt.NDArray[np.void]


@view
class Arrays(NamedTuple):
    """The kernel's view.

    ``free_*`` are stacks of free indexes; ``free_counts`` their heights: blocks, holds, standing, lots.
    """

    accounts: RowArray
    tallies: IntArray  # [account, measure, (value, cursor)]
    counters: IntArray  # [account, counter, (points, start of the period)]
    distinct: IntArray  # see velocity/distinct.py
    distinct_measures: IntArray  # those that have something there
    events: RowArray
    next_block: IndexArray
    holds: RowArray
    standing: RowArray
    lots: RowArray
    free_blocks: IndexArray
    free_holds: IndexArray
    free_standing: IndexArray
    free_lots: IndexArray
    free_counts: IntArray
    scopes: ScopeArrays


class Pool:
    """A growing array of records with a stack of free indexes."""

    def __init__(self, capacity: int) -> None:
        self.capacity = 0
        self.free = np.empty(0, np.int32)
        self.free_count = 0
        self._extend(capacity)

    def _extend(self, capacity: int) -> None:
        fresh = np.arange(capacity - 1, self.capacity - 1, -1, dtype=np.int32)
        free = np.empty(capacity, np.int32)
        free[: self.free_count] = self.free[: self.free_count]
        free[self.free_count : self.free_count + fresh.size] = fresh
        self.free, self.free_count, self.capacity = free, self.free_count + fresh.size, capacity

    def require(self, count: int) -> bool:
        """Make sure that ``count`` indexes are free; return whether the arrays must grow to ``capacity``."""
        if self.free_count >= count:
            return False
        self._extend(max(self.capacity * 2, self.capacity + count))
        return True


def _tallies(accounts: int, measures_max: int) -> IntArray:
    return on_cache_lines(np.int64, accounts, max(measures_max, 1), 2)


def _grown(array: npt.NDArray[Any], capacity: int) -> npt.NDArray[Any]:
    """Return ``array`` with room for ``capacity`` rows. New pages stay untouched, so they cost no memory yet."""
    grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
    grown[: array.shape[0]] = array
    return grown


class Memory:
    """A cache of at most ``accounts_max`` accounts, the least recently used leaving first."""

    def __init__(self, accounts_max: int, measures_max: int, counters_max: int = 0) -> None:
        self.accounts_max = accounts_max
        self.evictions = 0
        self.loads = 0
        self._free_slots: list[int] = []
        self._unused_slot = 0  # slots from here on were never used
        self._blocks, self._holds, self._standing, self._lots = Pool(1024), Pool(256), Pool(256), Pool(256)
        self.table = np.full(2 << (accounts_max - 1).bit_length(), NONE, np.int32)
        self.accounts = np.zeros(accounts_max, ACCOUNT)
        self.tallies = _tallies(accounts_max, measures_max)
        self.counters = np.zeros((accounts_max, counters_max, 2), np.int64)
        self.distinct_measures: IntArray = np.zeros(0, np.int64)
        self.distinct = table_for(0)
        self.events = reserved(EVENT, 1024 * BLOCK)
        self.next_block = np.zeros(1024, np.int32)
        self.holds = np.zeros(256, HOLD)
        self.standing = np.zeros(256, STANDING)
        self.lots = np.zeros(256, LOT)
        self.scopes = Scopes()
        self._free_counts = np.zeros(len(self._pools), np.int64)
        self._recent = Recent()

    @property
    def _pools(self) -> tuple[Pool, Pool, Pool, Pool]:
        """The pools in the order of ``Arrays.free_counts``."""
        return self._blocks, self._holds, self._standing, self._lots

    def __len__(self) -> int:
        """Return how many accounts are in memory."""
        return self._unused_slot - len(self._free_slots)

    def slot_of(self, account_id: int) -> int | None:
        """Return where an account is; None if it is not in memory."""
        slot = int(slot_of(self.table, self.accounts, account_id))
        return None if slot == NONE else slot

    def resize_tallies(self, measures_max: int) -> None:
        """Make room for a program of ``measures_max`` measures.

        Every account's tallies are rebuilt on their next use.
        """
        if measures_max > self.tallies.shape[1]:
            self.tallies = _tallies(self.accounts_max, measures_max)
            self.accounts["tally_epoch"] = NONE

    def displace(self, firsts: IntArray) -> None:
        """Have every account placed anew on its next use; ``firsts``: the first index of its program, by its index."""
        used = self.accounts["program"][: self._unused_slot]
        used[:] = ~firsts[np.where(used < 0, ~used, used)]

    def take_counters(self, kept: Sequence[int]) -> None:
        """Have as counters these of those that there are, by their places, in this order."""
        self.counters = np.ascontiguousarray(self.counters[:, list(kept)])

    def take_distinct(self, measures: Sequence[int]) -> None:
        """Have these measures count different values; every account's tallies are rebuilt on their next use."""
        if measures and (self.accounts_max > SLOTS_MAX or max(measures) >= MEASURES_MAX):
            raise ValueError("windows of distinct values have no room for so many accounts or measures")
        self.distinct_measures = np.array(measures, np.int64)
        self.distinct = table_for(0)
        self.accounts["tally_epoch"][: self._unused_slot] = NONE

    def _make_room_for_distinct(self, blocks: int) -> None:
        """Have the table of distinct values grow with the events in memory and in so many more blocks."""
        events = (self._blocks.capacity - self._blocks.free_count + blocks) * BLOCK
        # Of one measure more: what ``count_between`` counts for a moment.
        table = table_for(events * (self.distinct_measures.size + 1))
        if len(table) > len(self.distinct):
            rehash(self.distinct, table)
            self.distinct = table

    def emptied(self, measures_max: int, counters_max: int = 0) -> "Memory":
        """Return a memory that holds no account: quicker than to throw every one out of this one."""
        fresh = Memory(self.accounts_max, measures_max, counters_max)
        fresh.loads, fresh.evictions = self.loads, self.evictions + len(self)
        fresh.scopes = self.scopes
        return fresh

    def arrays(self, blocks: int, holds: int, standing: int, lots: int = 0) -> Arrays:
        """Return the kernel's view with at least that many free blocks, holds, standing advice and lots."""
        if self._blocks.require(blocks):
            if self._blocks.capacity * BLOCK > len(self.events):
                self.events = _grown(self.events, self._blocks.capacity * BLOCK)
            self.next_block = _grown(self.next_block, self._blocks.capacity)
        if self.distinct_measures.size:
            self._make_room_for_distinct(blocks)
        if self._holds.require(holds):
            self.holds = _grown(self.holds, self._holds.capacity)
        if self._standing.require(standing):
            self.standing = _grown(self.standing, self._standing.capacity)
        if self._lots.require(lots):
            self.lots = _grown(self.lots, self._lots.capacity)
        self._free_counts[:] = [pool.free_count for pool in self._pools]
        arrays = Arrays(
            self.accounts,
            self.tallies,
            self.counters,
            self.distinct,
            self.distinct_measures,
            self.events,
            self.next_block,
            self.holds,
            self.standing,
            self.lots,
            self._blocks.free,
            self._holds.free,
            self._standing.free,
            self._lots.free,
            self._free_counts,
            self.scopes.arrays,
        )
        return self._recent.same(arrays)

    def settle(self, arrays: Arrays) -> None:
        """Take over what the kernel left of the free stacks."""
        for pool, count in zip(self._pools, arrays.free_counts.tolist(), strict=True):
            pool.free_count = count

    def add(self, account_id: int, turn: int) -> int:
        """Return an empty slot for the account. ``make_room`` must have been called for the batch."""
        if self._free_slots:
            slot = self._free_slots.pop()
        else:
            slot, self._unused_slot = self._unused_slot, self._unused_slot + 1
        self.accounts[slot] = np.zeros((), ACCOUNT)
        account = self.accounts[slot]
        account["account_id"] = account_id
        account["first_event"] = account["last_event"] = NONE
        account["first_hold"] = account["first_advice"] = account["tally_epoch"] = NONE
        account["first_lot"] = account["last_lot"] = NONE
        account["touched"] = turn
        self.counters[slot] = 0
        keep_slot(self.table, self.accounts, slot)
        self.loads += 1
        return slot

    @property
    def free_slots(self) -> int:
        """How many more accounts fit."""
        return len(self._free_slots) + self.accounts_max - self._unused_slot

    def make_room(self, count: int, turn: int) -> None:
        """Evict until ``count`` slots are free, sparing this batch's accounts; at least a sixteenth goes at once."""
        if self.free_slots >= count:
            return
        goal = max(count - self.free_slots, self.accounts_max // 16)
        used = self.accounts[: self._unused_slot]
        slots = ((used["account_id"] != 0) & (used["touched"] < turn)).nonzero()[0]
        if slots.size > goal:
            slots = slots[np.argpartition(used["touched"][slots], goal)[:goal]]
        self.evictions += slots.size
        self._empty(slots)
        if self.free_slots < count:
            raise MemoryError("one batch touches more accounts than memory may hold")

    def evict(self, account_ids: Iterable[int]) -> None:
        """Throw accounts out. What they were is in the ledger."""
        slots = {slot for slot in map(self.slot_of, account_ids) if slot is not None}
        self._empty(np.array(sorted(slots), np.int64))

    def _empty(self, slots: IntArray) -> None:
        arrays = self.arrays(0, 0, 0)
        evict_slots(self.table, arrays, slots)
        self.settle(arrays)
        self._free_slots += slots.tolist()
