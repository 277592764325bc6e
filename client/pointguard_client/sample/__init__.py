"""A stretch of grocery baskets, for replays, load and trials. README.md says where they come from and what they are."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import groupby, islice
from typing import Final

CURRENCY_CODE: Final = "CAD"
"""The currency that the sandbox counts the sample's amounts in."""

_BASKETS: Final = files("pointguard_client.sample").joinpath("baskets.csv.gz")


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line: ``amount_minor`` is what the whole line cost the member after discounts and coupons, in minor units.

    ``coupon_minor`` is what coupons took off it. ``category`` and ``brand`` are empty where they are not known.
    """

    sku: str
    category: str
    brand: str
    quantity: int
    amount_minor: int
    coupon_minor: int


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit to a till. ``household_id`` is the member's loyalty id in the sandbox; ``occurred_at`` is in UTC."""

    basket_id: str
    household_id: str
    store_id: str
    occurred_at: datetime
    lines: tuple[BasketLine, ...]

    @property
    def total_minor(self) -> int:
        """What the basket cost, in minor units."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def coupon_used(self) -> bool:
        """Whether a coupon took something off any line."""
        return any(line.coupon_minor for line in self.lines)


def read_baskets(limit: int | None = None) -> Iterator[Basket]:
    """Yields the baskets, oldest first; at most ``limit``, if given.

    Raises:
        ValueError: if ``limit`` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit must be 0 or more, but it is {limit}")
    return islice(_read_all(), limit)


def _read_all() -> Iterator[Basket]:
    with _BASKETS.open("rb") as compressed, gzip.open(compressed, "rt", encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        next(rows)  # the names of the columns
        for (basket_id, household_id, store_id, occurred_at), lines in groupby(rows, key=lambda row: tuple(row[:4])):
            yield Basket(
                basket_id=basket_id,
                household_id=household_id,
                store_id=store_id,
                occurred_at=datetime.fromisoformat(occurred_at),
                lines=tuple(_read_lines(lines)),
            )


def _read_lines(rows: Iterable[list[str]]) -> Iterator[BasketLine]:
    for _, _, _, _, sku, category, brand, quantity, amount_minor, coupon_minor in rows:
        yield BasketLine(sku, category, brand, int(quantity), int(amount_minor), int(coupon_minor))
