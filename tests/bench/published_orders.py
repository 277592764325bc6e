"""Orders for the thirty published rules, as the wire has them and as other engines take them. For ``rules``."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pointguard.v1 import transaction_pb2

CURRENCY = "USD"
MOST_LINES = 5
_HOTELS = ("ELEMENT", "RESIDENCE INN", "STUDIORES", "EXECUTIVE APARTMENTS", "WESTIN", "MOXY", "SHERATON")
_HILTONS = ("HOME2 SUITES", "TRU", "HAMPTON", "CONRAD", "DOUBLETREE")
_GROCERIES = ("GROCERY", "PRODUCE", "GIFT CARDS", "PHARMACY", "TOBACCO", "MEAT")
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "MARRIOTT": (("MEMBER", "SILVER", "GOLD", "PLATINUM", "TITANIUM", "AMBASSADOR"), ("ROOM", "DINING"), _HOTELS),
    "HILTON": (("MEMBER", "SILVER", "GOLD", "DIAMOND"), ("ROOM", "DINING"), _HILTONS),
    "DELTA": (("MEMBER", "SILVER", "GOLD", "PLATINUM", "DIAMOND"), ("FARE",), ("DELTA",)),
    "KROGER": (("MEMBER",), _GROCERIES, ("KROGER", "OTHER")),
    "ULTA": (("MEMBER", "PLATINUM", "DIAMOND"), ("MAKEUP", "SKIN"), ("ULTA", "OTHER")),
    "SEPHORA": (("INSIDER", "VIB", "ROUGE"), ("MAKEUP", "SKIN"), ("SEPHORA", "OTHER")),
    "STARBUCKS": (("MEMBER",), ("DRINKS", "FOOD"), ("STARBUCKS",)),
}
"""By program, which is a business unit and has one store of its name: its tiers, categories and brands."""
TENDERS = ("VISA", "CASH", "STARBUCKS CARD")


@dataclass(frozen=True, slots=True)
class PublishedOrder:
    """One order of member ``account_id``; money in cents."""

    account_id: int
    program: str
    tier: str
    tender: str
    coupon_used: bool
    lines: tuple[tuple[str, str, str, int, int], ...]  # article, category, brand, quantity, amount

    def fields(self) -> dict[str, Any]:
        """Return what the other engines are given."""
        names = ("sku", "category", "brand", "quantity", "amount")
        return {
            "program": self.program,
            "tier": self.tier,
            "tender": self.tender,
            "coupon_used": self.coupon_used,
            "total": sum(line[-1] for line in self.lines),
            "lines": [dict(zip(names, line, strict=True)) for line in self.lines],
        }

    def request(self, number: int) -> transaction_pb2.AccrueRequest:
        """Return the request that a till would send."""
        request = transaction_pb2.AccrueRequest(
            idempotency_key=f"order-{number}", tender=self.tender, coupon_used=self.coupon_used
        )
        request.member.account_id = self.account_id
        request.origin.store_id = self.program
        request.basket.currency_code = CURRENCY
        for sku, category, brand, quantity, amount in self.lines:
            request.basket.lines.add(
                sku=sku, category=category, brand=brand, quantity=quantity, amount_minor_units=amount
            )
        return request


def make_orders(count: int) -> list[PublishedOrder]:
    """Return orders of members 1 to ``count``, always the same."""
    draw = Random(1)
    return [_order(draw, account_id) for account_id in range(1, count + 1)]


def _order(draw: Random, account_id: int) -> PublishedOrder:
    program = draw.choice(list(PROGRAMS))
    tiers, categories, brands = PROGRAMS[program]
    lines = tuple(
        (
            f"A{draw.randrange(10_000)}",
            draw.choice(categories),
            draw.choice(brands),
            draw.randint(1, 4),
            # Now and then a fare that runs into the cap of a ticket.
            draw.randint(1_000_000, 2_000_000) if draw.random() < 0.02 else draw.randint(0, 40_000),
        )
        for _ in range(draw.randint(1, MOST_LINES))
    )
    return PublishedOrder(account_id, program, draw.choice(tiers), draw.choice(TENDERS), draw.random() < 0.3, lines)


def batch_of(orders: Sequence[PublishedOrder], first: int) -> bytes:
    """Return the message of a batch of orders; their idempotency keys count from ``first``."""
    request = transaction_pb2.ProcessBatchRequest()
    for number, order in enumerate(orders, first):
        request.items.add().accrue.CopyFrom(order.request(number))
    return request.SerializeToString()
