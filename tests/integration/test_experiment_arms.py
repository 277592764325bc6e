"""Accounts in the arms of an experiment, in the engine: who is where, what decides, and what windows hold in each.

The experiment's place in the tables and its RPCs are tested elsewhere; here its programs are put together by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pointguard_server.domain.codes import Operation
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.programs import Arms, Program, Programs
from pointguard_server.engine.split import Split
from tests.support.ledger import EARN, Ledger

SPLIT = Split(7, b"k" * 32, (1, 1))
FIVE = 'rule "five"\n    earn base 5\n'
# What a member has bought in thirty days, this purchase not counted: a window that the other arm has not.
BEFORE = 'rule "before"\n    earn base count(purchases, 30 days) + 100\n'


@dataclass
class Trial:
    """A ledger, the programs of two texts, and an account of each arm."""

    ledger: Ledger
    active: Program
    other: Program
    accounts: dict[int, int]

    def start(self) -> None:
        self.take(Arms(SPLIT, (self.active, self.other)))

    def take(self, *arms: Arms) -> None:
        self.ledger.programs = Programs([self.active], arms)
        self.ledger.decider.take_programs(self.ledger.programs)

    def buy(self, arm: int) -> int:
        return self.ledger.accrue(self.accounts[arm], 1_00).points

    def marks(self, arm: int) -> list[tuple[int, int]]:
        """The marks of an account's legs, in order; the columns and the records say the same."""
        legs = [leg for leg in self.ledger.rows("legs") if leg["account_id"] == self.accounts[arm]]
        marks = [(leg["experiment_id"], leg["arm"]) for leg in legs]
        records = [decode_record(leg["record"]).leg for leg in legs]
        assert [(leg["experiment_id"], leg["arm"]) for leg in records] == marks
        return marks


@pytest.fixture
def trial(new_ledger: Callable[..., Ledger]) -> Trial:
    ledger = new_ledger()
    active = ledger.programs.served[0]
    ledger.change(earn=BEFORE)
    other = ledger.programs.served[0]
    ledger.change(earn=EARN)
    members = [ledger.member() for _ in range(20)]
    return Trial(ledger, active, other, {SPLIT.arm_of(account): account for account in members})


def test_accounts_in_memory_go_to_their_arms_at_the_start_and_back_at_the_end(trial: Trial) -> None:
    trial.take()
    assert (trial.buy(1), trial.buy(2)) == (10, 10)
    trial.start()
    assert (trial.buy(1), trial.buy(2)) == (10, 101)
    trial.take()
    assert (trial.buy(1), trial.buy(2)) == (10, 10)
    for arm in (1, 2):
        assert trial.marks(arm) == [(0, 0), (0, 0), (7, arm), (0, 0)]


def test_an_arms_windows_hold_what_happened_before_it_and_in_any_other(trial: Trial) -> None:
    trial.take()
    trial.buy(2), trial.buy(2)
    trial.start()
    assert [trial.buy(2), trial.buy(2)] == [102, 103]
    trial.take()
    assert trial.buy(2) == 10
    trial.start()
    assert trial.buy(2) == 105


def test_an_account_read_from_the_ledger_is_in_the_arm_that_it_was_in(trial: Trial) -> None:
    trial.start()
    before = [trial.buy(1), trial.buy(2)]
    trial.ledger.restart_decider()
    assert [trial.buy(1), trial.buy(2)] == [before[0], before[1] + 1]
    trial.ledger.decider.memory.evict(trial.accounts.values())
    assert trial.buy(2) == before[1] + 2
    assert trial.marks(2)[1:] == [(7, 2)] * 3


def test_a_member_who_joins_while_it_runs_is_in_an_arm_from_the_first_leg_on(trial: Trial) -> None:
    trial.start()
    account = trial.ledger.member()
    trial.accounts[3] = account
    assert trial.marks(3) == [(7, SPLIT.arm_of(account))]


def test_everything_that_an_account_does_names_its_arm_and_reads_write_nothing(trial: Trial) -> None:
    ledger, account = trial.ledger, trial.accounts[2]
    trial.start()
    ledger.accrue(account, 100_00)
    reserved = ledger.authorise_reserving(account, 1)
    ledger.one(ledger.read_ask(Operation.QUOTE, account))
    ledger.one(ledger.end_ask(Operation.VOID, reserved.transaction_id))
    ledger.one(ledger.lock_ask(account, True))
    assert trial.marks(2)[1:] == [(7, 2)] * 4


def test_a_quote_is_the_first_that_an_account_does_in_its_arm(trial: Trial) -> None:
    trial.take()
    trial.buy(2)
    trial.start()
    assert trial.ledger.one(trial.ledger.read_ask(Operation.QUOTE, trial.accounts[2])).points == 10
    assert trial.buy(2) == 101


def test_answers_and_replays_name_the_arm(trial: Trial) -> None:
    trial.start()
    ask = trial.ledger.accrue_ask(trial.accounts[2], 1_00, key="named")
    first, again = trial.ledger.one(ask), trial.ledger.one(ask)
    trial.take()
    later = trial.ledger.one(ask)
    assert [(each.experiment_id, each.arm, each.replayed) for each in (first, again, later)] == [
        (7, 2, False), (7, 2, True), (7, 2, True),
    ]  # fmt: skip


def test_another_experiment_divides_the_same_accounts_anew(trial: Trial) -> None:
    trial.start()
    trial.buy(1), trial.buy(2)
    turned = Split(8, b"other".ljust(32), (1, 10_000))
    trial.take(Arms(turned, (trial.active, trial.other)))
    for arm in (1, 2):
        trial.buy(arm)
        assert trial.marks(arm)[-1] == (8, turned.arm_of(trial.accounts[arm]))


def test_decisions_are_counted_by_arm_and_only_while_an_experiment_runs(trial: Trial) -> None:
    trial.take()
    trial.buy(1)
    assert trial.ledger.decider.totals.by_arm == {}
    trial.start()
    trial.buy(1), trial.buy(2), trial.buy(2)
    assert trial.ledger.decider.totals.by_arm == {(7, 1, 1): 1, (7, 2, 1): 2}
