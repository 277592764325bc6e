"""Where stores lay when orders were rung up: as a look through a store's versions, one after the other, says."""

import sqlite3
from collections.abc import Iterator
from random import Random

import pytest

from pointguard_server.backtest.orders import Orders, empty_orders
from pointguard_server.backtest.stores import Stores

TENANT = 7
VERSIONS = [
    # store, version, effective_at, province, country
    (3, 1, 10, 101, "CA"),
    (3, 2, 20, 102, "CA"),
    (3, 3, 40, 103, "FR"),
    (5, 1, 30, 0, ""),
    (6, 1, 1, 101, "MA"),
]


@pytest.fixture(name="connection")
def kept_versions() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE store_versions (tenant_id, store_id, version, effective_at, province_id, country)")
    rows = [(TENANT, *row) for row in VERSIONS] + [(TENANT + 1, 3, 1, 0, 999, "US")]
    connection.executemany("INSERT INTO store_versions VALUES (?, ?, ?, ?, ?, ?)", rows)
    yield connection
    connection.close()


def orders_at(*places: tuple[int, int]) -> Orders:
    orders = empty_orders(len(places), 0)
    orders.store_id[:], orders.moment[:] = zip(*places, strict=True)
    return orders


def test_an_order_sees_its_store_as_it_was_known_then(connection: sqlite3.Connection) -> None:
    draw = Random(4)
    places = [(draw.randint(0, 9), draw.randint(1, 50)) for _ in range(500)] + [(3, 10), (3, 9), (3, 40), (2_000, 50)]
    orders, stores = orders_at(*places), Stores(connection, TENANT)
    stores.fill(orders)
    texts = {number: country for country, number in stores.countries.items()} | {0: ""}
    for n, (store, moment) in enumerate(places):
        known = [row for row in VERSIONS if row[0] == store and row[2] <= moment]
        province, country = known[-1][3:] if known else (0, "")
        assert (orders.store_province_id[n], texts[int(orders.store_country_id[n])]) == (province, country)
    assert not stores.is_guessed


def test_what_was_known_before_versions_were_kept_is_called_a_guess(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO store_versions VALUES (?, 8, 1, 0, 104, 'CA')", (TENANT,))
    stores = Stores(connection, TENANT)
    stores.fill(orders_at((3, 15), (1, 15)))
    assert not stores.is_guessed
    again, orders = Stores(connection, TENANT), orders_at((8, 15))
    again.fill(orders)
    assert again.is_guessed
    assert orders.store_province_id[0] == 104


def test_a_tenant_without_stores_has_orders_all_the_same(connection: sqlite3.Connection) -> None:
    stores, orders = Stores(connection, TENANT + 2), orders_at((0, 5), (9, 5))
    stores.fill(orders)
    assert not orders.store_province_id.any()
    assert not stores.is_guessed
