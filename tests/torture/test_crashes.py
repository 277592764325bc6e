"""``kill -9`` under load: nothing that was answered is lost, nothing is spent twice, and all that clients saw fits."""

import pytest

from tests.torture.crashes import ENDS, Crashes, crash_migrations

CYCLES = 5
"""As many as ``make crash`` runs by itself."""


def survives(seed: int, ends: tuple[str, ...]) -> Crashes:
    crashes = Crashes(seed)
    crashes.run(len(ends), ends)
    assert crashes.faults == []
    assert crashes.ends.total() == len(ends)
    assert crashes.in_doubt >= len(ends), "the ends must catch calls on their way"
    assert crashes.legs > 500, "there must be load"
    return crashes


def test_nothing_answered_is_lost_and_nothing_spent_twice_when_the_server_is_killed_under_load() -> None:
    assert survives(7, ENDS[:CYCLES]).notices, "there must be advice to follow"


@pytest.mark.long
def test_it_is_so_at_every_other_point() -> None:
    survives(8, ENDS[CYCLES:])


@pytest.mark.long
def test_a_first_start_that_is_killed_while_it_makes_the_tables_is_followed_by_one_that_succeeds() -> None:
    ends, faults = crash_migrations(seed=1, times=1)
    assert (ends, faults) == (1, [])
