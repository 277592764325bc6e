"""The sample's baskets as columns, over and over until there are enough. For the benchmark ``backtest``."""

from datetime import UTC, datetime
from itertools import count

import numpy as np

from pointguard_client.sample import Basket, read_baskets
from pointguard_server.backtest.orders import Orders, empty_orders
from pointguard_server.domain.calendar import to_microseconds
from pointguard_server.domain.codes import CodeKind, Kind
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.sandbox.data import read_members, read_stores

MONEY_SCALE = 10_000
_LINE = {name: FIELDS[f"line.{name}"].index for name in ("sku", "category", "brand", "quantity", "amount")}


class Numbers:
    """Numbers for texts, from 1 on."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._next = count(1)

    def number(self, domain: str, text: str) -> int:
        """Return a text's number, 0 for the empty one."""
        if not text:
            return 0
        if domain == "kind":
            return int(Kind[text])
        if (domain, text) not in self._numbers:
            self._numbers[domain, text] = next(self._next)
        return self._numbers[domain, text]

    def of_code(self, kind: CodeKind, text: str) -> int:
        """Return the number of a tenant's code."""
        return self.number(kind.name.lower(), text)


def sample_orders(numbers: Numbers, copies: int) -> Orders:
    """Return every basket of the sample, so many times over, by households and stores of the sandbox."""
    baskets = list(read_baskets())
    members = {member.loyalty_id: member for member in read_members()}
    stores = {store.store_id: store for store in read_stores()}
    orders = empty_orders(len(baskets), sum(len(basket.lines) for basket in baskets))
    line = 0
    for n, basket in enumerate(baskets):
        member, store = members[basket.household_id], stores[basket.store_id]
        orders.moment[n] = to_microseconds(basket.occurred_at)
        orders.total[n] = basket.total_minor
        orders.kind[n] = int(Kind.PURCHASE)
        orders.coupon_used[n] = basket.coupon_used
        orders.store_id[n] = numbers.number("store", basket.store_id)
        orders.business_unit_id[n] = numbers.number("business_unit", store.business_unit)
        orders.store_province_id[n] = numbers.number("province", store.province)
        orders.tier_id[n] = numbers.number("tier", member.tier)
        orders.province_id[n] = numbers.number("province", member.province)
        day = datetime(member.enrolled_on.year, member.enrolled_on.month, member.enrolled_on.day, tzinfo=UTC)
        orders.enrolled_at[n] = to_microseconds(day)
        line = _put_lines(orders, line, basket, numbers)
        orders.first_line[n + 1] = line
    return _repeated(orders, copies)


def _put_lines(orders: Orders, first: int, basket: Basket, numbers: Numbers) -> int:
    for at, line in enumerate(basket.lines, first):
        row = orders.lines[at]
        for name in ("sku", "category", "brand"):
            row[_LINE[name]] = numbers.number(name, getattr(line, name))
        row[_LINE["quantity"]] = line.quantity * SCALE
        row[_LINE["amount"]] = line.amount_minor * MONEY_SCALE
    return first + len(basket.lines)


def _repeated(orders: Orders, copies: int) -> Orders:
    columns = [np.tile(column, copies) for column in orders[:-2]]
    lines = len(orders.lines)
    first_line = np.concatenate([[0], *(orders.first_line[1:] + lines * copy for copy in range(copies))])
    return Orders._make([*columns, first_line, np.tile(orders.lines, (copies, 1))])
