"""What a load draws by lot and when its calls are due, against slow and obvious definitions."""

import argparse
import random
from collections import Counter
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.commands.load import mix
from pointguard_client.load.members import LoadMember, NumberedMembers, Skew, SkewKind
from pointguard_client.load.schedule import NANOSECONDS, Arrivals, arrival_times
from pointguard_client.load.templates import LoadOperation

DRAWS = 20_000
RATES = st.floats(min_value=0.01, max_value=100_000)
SKEWS = st.one_of(
    st.just(Skew()),
    st.builds(Skew, st.just(SkewKind.ZIPF), st.floats(0.01, 10)),
    st.builds(Skew, st.just(SkewKind.HOT), st.floats(0.01, 1)),
)


def slow_shares(skew: Skew, members: int) -> list[float]:
    """The share of all requests that each member shall get, by the definition."""
    if skew.kind is SkewKind.ZIPF:
        weights = [1 / (number + 1) ** skew.parameter for number in range(members)]
        return [weight / sum(weights) for weight in weights]
    if skew.kind is SkewKind.HOT and members > 1:
        return [skew.parameter] + [(1 - skew.parameter) / (members - 1)] * (members - 1)
    return [1 / members] * members


@pytest.mark.parametrize("text", ["uniform", "zipf:1", "zipf:0.5", "zipf:2", "hot:0.5", "hot:1"])
@pytest.mark.parametrize("members", [1, 2, 7, 100])
def test_members_are_drawn_in_the_shares_that_the_skew_says(text: str, members: int) -> None:
    skew = Skew.parse(text)
    choose = skew.chooser(members, random.Random(1))
    drawn = Counter(choose() for _ in range(DRAWS))
    for member, share in enumerate(slow_shares(skew, members)):
        # Five standard deviations.
        tolerance = 5 * (DRAWS * share * (1 - share)) ** 0.5 + 1e-6
        assert abs(drawn[member] - DRAWS * share) <= tolerance, member


@given(skew=SKEWS, members=st.integers(1, 1000), seed=st.integers())
def test_every_draw_is_a_member_and_repeatable(skew: Skew, members: int, seed: int) -> None:
    first, second = (skew.chooser(members, random.Random(seed)) for _ in range(2))
    drawn = [first() for _ in range(20)]
    assert drawn == [second() for _ in range(20)]
    assert all(0 <= member < members for member in drawn)


@given(skew=SKEWS)
def test_a_skew_is_read_as_it_is_written(skew: Skew) -> None:
    assert str(Skew.parse(str(skew))) == str(skew)


@pytest.mark.parametrize(
    "text", ["", "normal", "zipf", "zipf:0", "zipf:-1", "zipf:x", "zipf:nan", "hot", "hot:0", "hot:1.5", "uniform:2"]
)
def test_a_skew_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, several kinds of it, none of which people see
        Skew.parse(text)


@given(rate=RATES, parts=st.integers(1, 5))
def test_at_a_constant_rate_the_processes_together_send_at_equal_distances(rate: float, parts: int) -> None:
    chance = random.Random(1)
    schedules = [arrival_times(Arrivals.CONSTANT, rate / parts, part / parts, chance) for part in range(parts)]
    together = sorted(due for schedule in schedules for due in islice(schedule, 20))[:20]
    for number, due in enumerate(together):
        assert abs(due - Fraction(number) / Fraction(rate) * NANOSECONDS) <= 1 + due * 1e-12


@given(rate=RATES, seed=st.integers())
def test_arrivals_by_chance_never_go_backwards_and_repeat_with_their_seed(rate: float, seed: int) -> None:
    first, second = (list(islice(arrival_times(Arrivals.POISSON, rate, 0, random.Random(seed)), 50)) for _ in range(2))
    assert first == second
    assert all(earlier <= later for earlier, later in pairwise(first))


def test_arrivals_by_chance_come_at_the_rate_and_as_unevenly_as_independent_callers_do() -> None:
    due = list(islice(arrival_times(Arrivals.POISSON, 1_000, 0, random.Random(1)), DRAWS))
    assert due[-1] / NANOSECONDS == pytest.approx(DRAWS / 1_000, rel=0.05)
    in_each_ms = Counter(moment // 1_000_000 for moment in due)
    empty = 1 - len(in_each_ms) / (due[-1] / 1_000_000)
    assert empty == pytest.approx(2.718281828**-1, abs=0.02)


@given(count=st.integers(1, 50))
def test_numbered_members_are_a_list_that_takes_no_memory(count: int) -> None:
    members = NumberedMembers("till-", count, "s1")
    assert list(members) == [LoadMember(f"till-{number}", "s1") for number in range(1, count + 1)]
    assert members[-3:] == list(members)[-3:]
    with pytest.raises(IndexError):
        members[count]


def test_a_mix_names_operations_and_weights() -> None:
    assert mix("authorise=1, accrue=3") == {LoadOperation.AUTHORISE: 1, LoadOperation.ACCRUE: 3}
    assert mix("balance=1") == {LoadOperation.BALANCE: 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1:1", "'1:1' is none of authorise, accrue, quote, balance, advice"),
        ("redeem=1", "'redeem' is none of"),
        ("accrue", "'accrue' must be accrue=WEIGHT"),
        ("accrue=-1", "must be accrue=WEIGHT"),
        ("accrue=1001", "0 to 1000"),
        ("accrue=0,authorise=0", "above 0"),
    ],
)
def test_a_mix_that_cannot_be_is_refused_with_the_part_at_fault(text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        mix(text)
