"""Plans a replay: who shops when, who redeems how, and under which idempotency keys. Pure: no I/O, no clock.

The same baskets, options and run id give the same plan and the same keys, so a second run with the same run id asks the
server nothing new: every answer is the stored one.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from pointguard_client.sample import Basket

RAPID_REDEMPTIONS: Final = 13
_RAPID_BASKETS_MIN: Final = 4
_BEYOND_BALANCE_EXTRA: Final = 1_000


class RedemptionStyle(Enum):
    """How a planned redemption is carried out."""

    CAPTURED = "authorised, then captured"
    CAPTURED_IN_PART = "authorised, then captured in part"
    IN_ONE_STEP = "authorised and captured in one step"
    VOIDED = "authorised, then voided"
    BEYOND_BALANCE = "asked for more than the balance"
    RAPID = "many in quick succession"


_STYLE_WEIGHTS: Final = {
    RedemptionStyle.CAPTURED: 60,
    RedemptionStyle.CAPTURED_IN_PART: 10,
    RedemptionStyle.IN_ONE_STEP: 14,
    RedemptionStyle.VOIDED: 8,
    RedemptionStyle.BEYOND_BALANCE: 8,
}


@dataclass(frozen=True, slots=True)
class PlannedRedemption:
    """A redemption after a basket: its style and the share of the available points that it asks for, in percent."""

    style: RedemptionStyle
    share_percent: int

    def points(self, available: int) -> int:
        """Return the points to ask for, 1 or more, when so many are available."""
        if self.style is RedemptionStyle.BEYOND_BALANCE:
            return max(available, 0) + _BEYOND_BALANCE_EXTRA
        return max(1, available * self.share_percent // 100)


@dataclass(frozen=True, slots=True)
class Visit:
    """One basket of one household. `order` is its place in the whole replay; `starts_session` asks for advice first."""

    order: int
    basket: Basket
    starts_session: bool
    redemption: PlannedRedemption | None


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """All visits in order of time, and the households that redeem in quick succession."""

    visits: tuple[Visit, ...]
    rapid_households: frozenset[str]


def plan_replay(baskets: Iterable[Basket], seed: int, redeem_every: int, rapid_household_count: int) -> ReplayPlan:
    """Plan a replay of baskets in order of time.

    Each household redeems after every `redeem_every` baskets, from a start of its own; `rapid_household_count`
    households redeem many times in a row once, in the middle of their baskets.
    """
    ordered = tuple(baskets)
    basket_counts = Counter(basket.household_id for basket in ordered)
    rapid = _choose_rapid(basket_counts, seed, rapid_household_count)
    seen: Counter[str] = Counter()
    last_session: dict[str, tuple[str, object]] = {}
    visits = []
    for order, basket in enumerate(ordered):
        household = basket.household_id
        seen[household] += 1
        session = (basket.store_id, basket.occurred_at.date())
        starts_session = last_session.get(household) != session
        last_session[household] = session
        if household in rapid and seen[household] == (basket_counts[household] + 1) // 2:
            redemption: PlannedRedemption | None = PlannedRedemption(RedemptionStyle.RAPID, 2)
        else:
            redemption = _plan_redemption(basket, seen[household], seed, redeem_every)
        visits.append(Visit(order, basket, starts_session, redemption))
    return ReplayPlan(tuple(visits), rapid)


def derived_key(run_id: str, basket: Basket, step: str) -> str:
    """Return the idempotency key of one step of a visit: always the same for the same run id.

    It has the shape of a UUIDv7 and the basket's time, so the ledger's index grows at its end, as with any till's keys.
    """
    digest = hashlib.blake2b(f"{run_id}\0{basket.basket_id}\0{step}".encode(), digest_size=10).digest()
    noise = int.from_bytes(digest)
    unix_ms = int(basket.occurred_at.timestamp() * 1000)
    random_a, random_b = noise >> 68, noise & ((1 << 62) - 1)
    return str(UUID(int=unix_ms << 80 | 7 << 76 | random_a << 64 | 2 << 62 | random_b))


def _choose_rapid(basket_counts: Counter[str], seed: int, count: int) -> frozenset[str]:
    candidates: Sequence[str] = sorted(
        household for household, baskets in basket_counts.items() if baskets >= _RAPID_BASKETS_MIN
    )
    return frozenset(random.Random(f"{seed}:rapid").sample(candidates, min(count, len(candidates))))


def _plan_redemption(basket: Basket, ordinal: int, seed: int, redeem_every: int) -> PlannedRedemption | None:
    offset = random.Random(f"{seed}:{basket.household_id}").randrange(redeem_every)
    if (ordinal + offset) % redeem_every != 0:
        return None
    chance = random.Random(f"{seed}:{basket.basket_id}")
    style = chance.choices(list(_STYLE_WEIGHTS), weights=list(_STYLE_WEIGHTS.values()))[0]
    return PlannedRedemption(style, chance.randint(20, 70))
