"""Where stores lay when orders were rung up, as far as the ledger tells. For ``ledger``."""

import sqlite3
from typing import Final

import numpy as np

from pointguard_server.backtest.orders import Orders

STORE_FIELDS: Final = frozenset(("store.province", "store.country"))
_VERSIONS: Final = (
    "SELECT store_id, effective_at, province_id, country FROM store_versions WHERE tenant_id = ?"
    " ORDER BY store_id, version"
)


class Stores:
    """What was known of a tenant's stores, from when on. ``countries`` have numbers of their own.

    ``is_guessed``: for some order the ledger does not tell what was known then, but only what was known first.
    """

    def __init__(self, connection: sqlite3.Connection, tenant_id: int) -> None:
        rows = connection.execute(_VERSIONS, (tenant_id,)).fetchall()
        self.countries: dict[str, int] = {}
        self.is_guessed = False
        numbers = [
            (store, since, province, self.countries.setdefault(country, len(self.countries) + 1) if country else 0)
            for store, since, province, country in rows
        ]
        # The last row is for stores of which nothing is known.
        self._store, self._since, self._province, self._country = np.array([*numbers, (0, 0, 0, 0)], np.int64).T
        most = int(self._store.max())
        self._first = np.full(most + 1, len(rows), np.int64)
        self._count = np.zeros(most + 1, np.int64)
        for place, store in reversed(list(enumerate(self._store[:-1].tolist()))):
            self._first[store] = place
            self._count[store] += 1

    def fill(self, orders: Orders) -> None:
        """Set where the orders' stores lay at their moments."""
        store = np.minimum(orders.store_id, len(self._first) - 1)
        known = store == orders.store_id
        first = np.where(known, self._first[store], len(self._store) - 1)
        count = np.where(known, self._count[store], 0)
        place = first
        for version in range(1, int(self._count.max(initial=0))):
            later = np.minimum(first + version, len(self._store) - 1)
            place = np.where((version < count) & (self._since[later] <= orders.moment), later, place)
        was_known = self._since[place] <= orders.moment
        orders.store_province_id[:] = np.where(was_known, self._province[place], 0)
        orders.store_country_id[:] = np.where(was_known, self._country[place], 0)
        self.is_guessed |= bool(((count > 0) & (self._since[place] == 0)).any())
