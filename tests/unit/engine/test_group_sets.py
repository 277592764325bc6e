"""The groups of numbered sets."""

from pointguard_server.engine.group_sets import GroupSets


def test_a_group_has_one_number_in_all_sets_and_a_set_keeps_its_order() -> None:
    sets = GroupSets()
    sets.put(7, ["staff", "vip"])
    sets.put(1_000, ["new", "vip"])
    staff, vip = sets.of(7).tolist()
    assert sets.of(1_000).tolist() == [3, vip]
    assert (staff, sets.most, sets.group_count) == (1, 2, 3)


def test_a_set_that_nobody_spoke_of_has_no_groups() -> None:
    sets = GroupSets()
    sets.put(3, ["staff"])
    assert sets.of(0).size == sets.of(4).size == sets.of(10**9).size == 0


def test_a_number_that_was_given_in_vain_has_the_groups_that_it_was_given_for_later() -> None:
    sets = GroupSets()
    sets.put(5, ["staff", "vip"])
    sets.put(5, ["new"])
    assert sets.of(5).tolist() == [3]


def test_there_is_room_for_any_number_of_sets() -> None:
    sets = GroupSets()
    for number in range(1, 2_000):
        sets.put(number, [f"g{number % 50}", f"g{(number + 1) % 50}"])
    assert sets.group_count == 50
    assert sets.of(1_999).tolist() == sets.of(1_949).tolist()
