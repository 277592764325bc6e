"""Which slot of memory holds an account: a hash table of slots, by linear probing. Called by ``engine/memory.py``.

The table has a power of two of places, at least twice as many as there can be accounts, each a slot or NONE; an
account's id is looked up where its slot says. A removal moves back what it would cut off, so that no marks stay.
"""

import numpy as np

from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.distinct import forget_distinct
from pointguard_server.velocity.windows import BLOCK, NONE

# 2^64 divided by the golden ratio: spreads neighboring ids over the table.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(32)


@part
def _home(table, account_id):
    """Return the first place where an account is looked for."""
    spread = np.uint64(account_id) * _SPREAD
    return np.int64((spread ^ (spread >> _MIX)) & np.uint64(table.shape[0] - 1))


@part
def _place(table, accounts, account_id):
    """Return the place of an account, or the empty one where it would be."""
    place = _home(table, account_id)
    while table[place] != NONE and accounts[table[place]].account_id != account_id:
        place = (place + 1) & (table.shape[0] - 1)
    return place


@entry
def slot_of(table, accounts, account_id):
    """Return the slot of an account, or NONE."""
    return np.int64(table[_place(table, accounts, account_id)])


@entry
def keep_slot(table, accounts, slot):
    """Have the slot's account found there."""
    table[_place(table, accounts, accounts[slot].account_id)] = slot


@entry
def find_slots(table, accounts, envelopes, turn):
    """Note the slot of every account that is asked about, and that it was used.

    Return how many are not in memory, and how many are there and have no program yet. Another tenant's account stays
    without a slot: it is as unknown as one that is not there.
    """
    missing = 0
    unplaced = 0
    for r in range(envelopes.shape[0]):
        envelope = envelopes[r]
        if envelope.slot == NONE:
            if envelope.skip != 0 or envelope.account_id == 0:
                continue
            slot = table[_place(table, accounts, envelope.account_id)]
            if slot == NONE:
                missing += 1
                continue
            if accounts[slot].tenant_id != envelope.tenant_id:
                continue
            envelope.slot = slot
        accounts[envelope.slot].touched = turn
        if accounts[envelope.slot].program < 0:
            unplaced += 1
    return missing, unplaced


@entry
def evict_slots(table, arrays, slots):
    """Empty slots: what their accounts took is free again."""
    accounts = arrays.accounts
    for i in range(slots.shape[0]):
        account = accounts[slots[i]]
        if arrays.distinct_measures.shape[0] > 0:
            forget_distinct(arrays, account, slots[i])
        _remove(table, accounts, account.account_id)
        _free_blocks(arrays, account)
        index = account.first_hold
        while index != NONE:
            arrays.free_holds[arrays.free_counts[1]] = index
            arrays.free_counts[1] += 1
            index = arrays.holds[index].next
        index = account.first_advice
        while index != NONE:
            arrays.free_standing[arrays.free_counts[2]] = index
            arrays.free_counts[2] += 1
            index = arrays.standing[index].next
        account.account_id = 0


@part
def _free_blocks(arrays, account):
    if account.first_event == NONE:
        return
    block = account.first_event // BLOCK
    while block != NONE:
        arrays.free_blocks[arrays.free_counts[0]] = block
        arrays.free_counts[0] += 1
        block = arrays.next_block[block]


@part
def _remove(table, accounts, account_id):
    """Empty an account's place, and move what follows it to where it is found without that place."""
    last = table.shape[0] - 1
    empty = _place(table, accounts, account_id)
    place = empty
    while True:
        place = (place + 1) & last
        slot = table[place]
        if slot == NONE:
            break
        home = _home(table, accounts[slot].account_id)
        # It may move unless its home lies after the empty place, up to where it is now.
        if ((place - home) & last) >= ((place - empty) & last):
            table[empty] = slot
            empty = place
    table[empty] = NONE
