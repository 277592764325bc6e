"""Memory is a bounded projection of the ledger: what is thrown out comes back the same, and accounts stay apart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pointguard_server.domain.codes import Decision, Operation, Outcome
from pointguard_server.engine import batch
from pointguard_server.engine.compiled.accounts import replay_legs
from pointguard_server.engine.ports import History
from pointguard_server.velocity.windows import BLOCK
from tests.support.ledger import DAY, HOUR, SECOND, Ledger
from tests.support.recount import window_values

BURN_WEEK = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
window = { rolling = "7d" }
threshold = 10
posture = "BLOCK"
duration = "15d"
"""
POINTS_WEEK = """
[[fraud_rule]]
name = "points-in-a-week"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "7d" }
threshold = 100
posture = "BLOCK"
duration = "0s"
net_of_reversals = true
"""


def test_an_account_that_was_read_again_has_windows_of_its_own(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=BURN_WEEK)
    first, second = ledger.member(1_000), ledger.member(1_000)
    for _ in range(9):
        ledger.decide(ledger.authorise_ask(first, 1), ledger.authorise_ask(second, 1))
        ledger.clock.moment += DAY
    ledger.restart_decider()
    for account in (first, second):
        live, expected = window_values(ledger, account)
        assert live == expected == [6]


def test_a_slot_keeps_nothing_of_the_account_that_had_it_before(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=BURN_WEEK, accounts_max=2)
    accounts = [ledger.member(100) for _ in range(3)]
    for number, account in enumerate(accounts):
        for _ in range(3 * number + 1):
            ledger.authorise(account, 1)
    for number, account in enumerate(accounts):
        ledger.accrue(account, 0)
        assert window_values(ledger, account) == ([3 * number + 1], [3 * number + 1])
    assert ledger.decider.memory.evictions >= 3


def test_an_account_leaves_and_returns_with_its_reservations_advice_and_lock(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=BURN_WEEK, accounts_max=2)
    account = ledger.member(1_000)
    reserved = ledger.authorise_reserving(account, 100, time_to_live=DAY)
    for _ in range(10):
        ledger.authorise(account, 1)
    ledger.lock(account)
    before = ledger.balance(account), ledger.check(account)
    for _ in range(3):
        ledger.accrue(ledger.member(), 100)
    assert ledger.decider.memory.slot_of(account) is None
    assert (ledger.balance(account), ledger.check(account)) == before
    assert len(before[1].advice) == 1
    assert ledger.capture(reserved).points == 100


def test_a_quote_after_a_long_silence_keeps_the_event_that_an_ended_reservation_gives_back(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=POINTS_WEEK)
    silent, other = ledger.member(1_000), ledger.member(1_000)
    ledger.authorise_reserving(silent, 50)
    for _ in range(2 * BLOCK):
        ledger.accrue(silent, 100)
    ledger.clock.moment += 30 * DAY
    ledger.quote(silent)
    for _ in range(3 * BLOCK):
        ledger.authorise(other, 1)
    # The reservation's end is written now; no event of the other account may take part in it.
    assert ledger.accrue(silent, 100).reserved == 0
    assert window_values(ledger, other) == ([24], [24])
    assert window_values(ledger, silent) == ([0], [0])
    ledger.clock.moment += 8 * DAY
    assert window_values(ledger, other) == ([0], [0])


def test_one_batch_may_touch_as_many_accounts_as_memory_holds_and_is_refused_whole_beyond(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(accounts_max=3)
    accounts = [ledger.member(10) for _ in range(4)]
    assert [v.decision for v in ledger.decide(*(ledger.authorise_ask(a, 1) for a in accounts[1:]))] == [1, 1, 1]
    positions = len(ledger.rows("legs"))
    with pytest.raises(MemoryError):
        ledger.decide(*(ledger.authorise_ask(account, 1) for account in accounts))
    assert len(ledger.rows("legs")) == positions
    assert [v.decision for v in ledger.decide(*(ledger.authorise_ask(a, 1) for a in accounts[:3]))] == [1, 1, 1]


def test_reads_alone_may_go_through_more_accounts_than_memory_holds(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(accounts_max=3)
    accounts = [ledger.member(10) for _ in range(10)]
    assert [ledger.balance(account).posted for account in accounts] == [10] * 10


def test_an_account_of_ten_thousand_events_stays_cheap(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=POINTS_WEEK.replace("threshold = 100", "threshold = 1_000_000"))
    account = ledger.member(100_000)
    for _ in range(50):
        ledger.decide(*(ledger.authorise_ask(account, 1) for _ in range(200)))
        ledger.clock.moment += 2 * HOUR
    assert len(ledger.legs(account)) == 10_002
    ledger.clock.moment += 9 * DAY
    for _ in range(10):
        ledger.accrue(account, 0)
        ledger.clock.moment += SECOND
    memory = ledger.decider.memory
    # What no window can need is gone from memory, and is not read again.
    used = memory._blocks.capacity - memory._blocks.free_count
    assert used <= 3
    newer_than = ledger.clock.now() - ledger.programs.retention(1)
    history = ledger.store.read_accounts(1, [account], newer_than).get(account)
    assert history is not None
    assert len(history.legs) <= 11


def test_blocks_reservations_and_advice_are_all_given_back_when_accounts_leave(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=BURN_WEEK)
    accounts = [ledger.member(1_000) for _ in range(5)]
    for account in accounts:
        for _ in range(12):
            ledger.authorise_reserving(account, 1)
    memory = ledger.decider.memory
    memory.evict(accounts)
    pools = (memory._blocks, memory._holds, memory._standing)
    assert [pool.free_count for pool in pools] == [pool.capacity for pool in pools]
    assert [len(set(pool.free[: pool.free_count].tolist())) for pool in pools] == [pool.capacity for pool in pools]
    assert ledger.authorise(accounts[0], 1).decision == Decision.DECLINED


def test_a_batch_of_nothing_but_reads_needs_little_room(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rules=BURN_WEEK)
    member = ledger.member(1_000)
    for _ in range(11):
        ledger.authorise(member, 1)
    reads = [ledger.read_ask(Operation.CHECK, member) for _ in range(2_000)]
    writes = [ledger.authorise_ask(member, 1) for _ in range(20)]
    verdicts = ledger.decide(*reads, *writes, *reads)
    assert {len(verdict.advice) for verdict in (*verdicts[:2_000], *verdicts[2_020:])} == {1}
    shown = ledger.decider._buffers.output(
        requests=1,
        legs=1,
        entries=1,
        advice=1,
        shown=1,
        measures=ledger.programs.measures_max,
        awards=1,
        facts=ledger.programs.facts_max,
        work=ledger.programs.work_max,
    ).shown
    assert shown.nbytes < 150 * 2**20


@pytest.mark.sqlite
def test_an_account_with_a_damaged_record_is_read_by_the_columns_of_its_legs(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger()
    account = ledger.member(100)
    ledger.decide(*(ledger.authorise_ask(account, 1) for _ in range(3)))
    whole = ledger.store.read_accounts(1, [account], 0).get(account)
    for (trigger,) in ledger.connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        ledger.connection.execute(f"DROP TRIGGER {trigger}")
    ledger.connection.execute("UPDATE legs SET record = substr(record, 1, 40) WHERE seq = 3")
    damaged = ledger.store.read_accounts(1, [account], 0).get(account)
    assert whole is not None
    assert damaged is not None
    assert damaged.legs.tolist() == whole.legs.tolist()
    assert len(whole.legs) == 5


def test_an_account_that_cannot_be_put_into_memory_leaves_the_others_whole(
    new_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger(rules=BURN_WEEK)
    accounts = [ledger.member(1_000) for _ in range(6)]
    for account in accounts:
        for _ in range(11):
            ledger.authorise_reserving(account, 1)
    ledger.restart_decider()
    memory, seen = ledger.decider.memory, 0

    def fail_for_the_fourth(*arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == 4:
            raise ZeroDivisionError
        return replay_legs(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(batch, "replay_legs", fail_for_the_fourth)
        with pytest.raises(ZeroDivisionError):
            ledger.decide(*(ledger.authorise_ask(account, 1) for account in accounts))
    assert len(memory) == 0
    for pool in (memory._blocks, memory._holds, memory._standing, memory._lots):
        assert sorted(pool.free[: pool.free_count].tolist()) == list(range(pool.capacity))
    verdicts = ledger.decide(*(ledger.authorise_ask(account, 1) for account in accounts))
    assert {verdict.decision for verdict in verdicts} == {Decision.DECLINED}
    assert [ledger.balance(account).reserved for account in accounts] == [10] * 6


def test_an_account_of_a_program_that_nobody_serves_is_as_good_as_none(
    new_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger()
    account = ledger.member(100)
    ledger.restart_decider()
    read = ledger.store.read_accounts

    def read_another_programs(*arguments: Any, **options: Any) -> dict[int, History]:
        return {each: replace(history, program_id=999) for each, history in read(*arguments, **options).items()}

    with monkeypatch.context() as patched:
        patched.setattr(ledger.store, "read_accounts", read_another_programs)
        (verdict,) = ledger.decide(ledger.authorise_ask(account, 1))
        assert verdict.outcome == Outcome.ACCOUNT_UNKNOWN
    assert ledger.authorise(account, 1).decision == Decision.APPROVED
