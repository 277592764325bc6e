"""The parts of the extraction that can go wrong without anyone seeing it in the files."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.sandbox.extract_sample_data import (
    PROVINCE_SHARES,
    Visit,
    categorize,
    choose_home,
    count_shared_visits,
    draw,
    place_other_stores,
    place_stores,
    rank_tiers,
    to_minor,
)

VISITS = st.lists(st.builds(Visit, st.integers(1, 12), st.integers(1, 15), st.just(1), st.just(100)), max_size=80)


@given(st.integers(0, 10**9))
def test_dollars_become_cents_exactly_although_the_source_holds_floats(cents: int) -> None:
    assert to_minor(float(Decimal(cents) / 100)) == cents


def test_a_sum_of_floats_is_rounded_to_the_nearest_cent() -> None:
    assert to_minor(0.1 + 0.2) == 30
    assert to_minor(sum([1.1] * 10)) == 1100


def test_fuel_and_gift_cards_are_told_by_their_product_type() -> None:
    assert categorize("MISCELLANEOUS", "GASOLINE-REG UNLEADED") == "FUEL"
    assert categorize("DRUG GM", "ELECTRONIC GIFT CARDS ACTIVATI") == "GIFT CARDS"
    assert categorize("PRODUCE", "BANANAS") == "PRODUCE"
    assert categorize("", "") == ""


@given(st.integers(0, 10**12), st.integers(1, 10_000))
def test_a_draw_is_in_range_and_always_the_same(number: int, sides: int) -> None:
    assert 0 <= draw(number, "test", sides) < sides
    assert draw(number, "test", sides) == draw(number, "test", sides)


def test_three_in_a_hundred_households_live_elsewhere() -> None:
    homes = Counter(choose_home(household, "CA-ON") for household in range(20_000))
    away = 20_000 - homes["CA-ON"]
    assert 400 <= away <= 800
    assert set(homes) == set(PROVINCE_SHARES)


@given(st.dictionaries(st.integers(1, 1_000), st.integers(0, 50), min_size=1))
def test_whoever_spends_more_is_never_in_a_lower_tier(spent: dict[int, int]) -> None:
    order = ["BASIC", "SILVER", "GOLD"]
    tiers = rank_tiers(Counter(spent))
    assert set(tiers) == set(spent)
    spent_by_tier = [[spent[household] for household in spent if tiers[household] == tier] for tier in order]
    reached = [amounts for amounts in spent_by_tier if amounts]
    assert all(max(lower) <= min(higher) for lower, higher in pairwise(reached))


@given(VISITS)
def test_shared_visits_agree_with_a_slow_count(visits: list[Visit]) -> None:
    shared = count_shared_visits(visits)
    households = {visit.household_id for visit in visits}
    stores = {visit.store_id for visit in visits}

    def paid(household: int, store: int) -> int:
        return sum(visit.household_id == household and visit.store_id == store for visit in visits)

    for one in stores:
        for other in stores - {one}:
            expected = sum(min(paid(household, one), paid(household, other)) for household in households)
            assert shared.get(one, Counter())[other] == expected


def test_stores_beyond_the_stretch_join_those_they_share_visits_with_and_move_none() -> None:
    visits = [
        Visit(1, 10, 1, 100),
        Visit(1, 11, 1, 100),
        Visit(2, 12, 1, 100),
        Visit(2, 13, 1, 100),
        Visit(3, 14, 1, 100),
    ]
    placed = {10: "CA-QC", 12: "CA-BC"}
    everywhere = place_other_stores(visits, placed)
    assert (everywhere[10], everywhere[11], everywhere[12], everywhere[13]) == ("CA-QC", "CA-QC", "CA-BC", "CA-BC")
    assert everywhere[14] in PROVINCE_SHARES
    assert everywhere == place_other_stores(visits[::-1], placed)


@given(VISITS)
def test_every_visited_store_is_placed_whatever_the_order_of_visits(visits: list[Visit]) -> None:
    placed = place_stores(visits)
    assert set(placed) == {visit.store_id for visit in visits}
    assert set(placed.values()) <= set(PROVINCE_SHARES)
    assert place_stores(visits[::-1]) == placed
