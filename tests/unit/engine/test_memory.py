"""The cache of accounts by itself: slots, room, and what leaves first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.engine.memory import Memory, Pool

IDS = (*range(1, 9), 2**62, 2**62 + 1, 2**63 - 1)


def held(memory: Memory) -> set[int]:
    """The accounts in memory."""
    return {account_id for account_id in memory.accounts["account_id"].tolist() if account_id}


def test_the_account_that_was_longest_unused_leaves_first() -> None:
    memory = Memory(3, 1)
    for batch_id, account_id in enumerate((10, 20, 30), 1):
        memory.make_room(1, batch_id)
        memory.add(account_id, batch_id)
    memory.accounts["touched"][memory.slot_of(10)] = 4
    memory.make_room(1, 5)
    memory.add(40, 5)
    assert held(memory) == {10, 30, 40}
    assert memory.evictions == 1


def test_accounts_of_the_present_batch_are_spared() -> None:
    memory = Memory(2, 1)
    for account_id in (10, 20):
        memory.make_room(1, 7)
        memory.add(account_id, 7)
    with pytest.raises(MemoryError):
        memory.make_room(1, 7)
    assert held(memory) == {10, 20}


def test_a_sixteenth_leaves_at_once_so_that_not_every_batch_has_to_search() -> None:
    memory = Memory(64, 1)
    for account_id in range(1, 65):
        memory.add(account_id, account_id)
    memory.make_room(1, 100)
    assert (memory.free_slots, memory.evictions) == (4, 4)
    assert held(memory) == set(range(5, 65))


@given(st.lists(st.tuples(st.sampled_from(IDS), st.booleans()), max_size=60))
def test_an_account_is_found_in_the_slot_that_it_was_given_until_it_leaves(steps: list[tuple[int, bool]]) -> None:
    memory = Memory(8, 2)
    slots: dict[int, int] = {}
    for batch_id, (account_id, leaves) in enumerate(steps, 1):
        if leaves:
            memory.evict([account_id])
            slots.pop(account_id, None)
        elif memory.slot_of(account_id) is None:
            memory.make_room(1, batch_id)
            slots = {each: slot for each, slot in slots.items() if each in held(memory)}
            slots[account_id] = memory.add(account_id, batch_id)
        assert {each: memory.slot_of(each) for each in IDS} == {each: slots.get(each) for each in IDS}
        assert len(set(slots.values())) == len(memory) == len(slots)
        assert memory.free_slots == 8 - len(slots)


@given(st.lists(st.integers(0, 40), max_size=20))
def test_a_pool_hands_out_each_index_once_however_it_grows(demands: list[int]) -> None:
    pool = Pool(4)
    taken: set[int] = set()
    for count in demands:
        pool.require(count)
        assert pool.free_count >= count
        for _ in range(count):
            pool.free_count -= 1
            index = int(pool.free[pool.free_count])
            assert 0 <= index < pool.capacity
            assert index not in taken
            taken.add(index)


def test_a_pool_says_when_its_arrays_must_grow() -> None:
    pool = Pool(4)
    assert not pool.require(4)
    assert pool.require(5)
    assert pool.capacity >= 8
