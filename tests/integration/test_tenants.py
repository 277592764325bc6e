"""Tenants see nothing of each other: accounts, reservations, keys and identifiers."""

from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import Decision, Operation, Outcome
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.ledger import Ledger


@pytest.fixture
def shared(new_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger of two tenants, asked by the first."""
    return new_ledger(tenants=2)


def without_account(verdict: Verdict) -> Verdict:
    """The verdict less what differs between two accounts of equal history."""
    return verdict._replace(account_id=0)


@pytest.mark.parametrize("restarted", [False, True])
def test_another_tenants_account_is_as_unknown_as_one_that_is_not_there(shared: Ledger, restarted: bool) -> None:
    account = shared.member(100)
    legs = shared.rows("legs")
    shared.tenant = 2
    if restarted:
        shared.restart_decider()
    for theirs, missing in (
        (shared.authorise_ask(account, 1), shared.authorise_ask(99, 1)),
        (shared.accrue_ask(account, 100), shared.accrue_ask(99, 100)),
        (shared.lock_ask(account, locked=True), shared.lock_ask(99, locked=True)),
        (shared.read_ask(Operation.QUOTE, account), shared.read_ask(Operation.QUOTE, 99)),
        (shared.read_ask(Operation.BALANCE, account), shared.read_ask(Operation.BALANCE, 99)),
        (shared.read_ask(Operation.CHECK, account), shared.read_ask(Operation.CHECK, 99)),
    ):
        verdict = shared.one(theirs)
        assert verdict.outcome == Outcome.ACCOUNT_UNKNOWN
        assert without_account(verdict) == without_account(shared.one(missing))
        assert verdict.account_id == 0
    assert shared.rows("legs") == legs


def test_another_tenants_reservation_is_unknown(shared: Ledger) -> None:
    account = shared.member(100)
    reserved = shared.authorise_reserving(account, 10)
    shared.tenant = 2
    assert shared.capture(reserved).outcome == Outcome.RESERVATION_UNKNOWN
    assert shared.void(reserved).outcome == Outcome.RESERVATION_UNKNOWN
    shared.tenant = 1
    assert shared.capture(reserved).points == 10


def test_two_tenants_may_use_the_same_key_even_in_one_batch(shared: Ledger) -> None:
    mine = shared.member(100)
    my_ask = shared.authorise_ask(mine, 10, key="once")
    shared.tenant = 2
    theirs = shared.member(100)
    their_ask = shared.authorise_ask(theirs, 20, key="once")
    first, second = shared.decide(my_ask, their_ask)
    assert (first.posted, second.posted) == (90, 80)
    again = shared.decide(my_ask, their_ask)
    assert [(verdict.replayed, verdict.posted) for verdict in again] == [(True, 90), (True, 80)]
    audit(shared)


def test_two_tenants_may_enroll_the_same_identifier(shared: Ledger) -> None:
    mine = shared.one(shared.enroll_ask("card 1"))
    shared.tenant = 2
    theirs = shared.one(shared.enroll_ask("card 1"))
    assert (mine.outcome, theirs.outcome) == (Outcome.DONE, Outcome.DONE)
    assert mine.account_id != theirs.account_id
    found = [shared.store.find_identifier(tenant, 2, "card 1") for tenant in (1, 2)]
    assert [each and each.account_id for each in found] == [mine.account_id, theirs.account_id]


def test_asking_for_another_tenants_account_in_its_own_tenants_batch_changes_nothing_for_the_owner(
    shared: Ledger,
) -> None:
    account = shared.member(100)
    mine = shared.authorise_ask(account, 10)
    shared.tenant = 2
    thief = shared.authorise_ask(account, 10)
    shared.restart_decider()
    first, second = shared.decide(thief, mine)
    assert (first.outcome, second.decision) == (Outcome.ACCOUNT_UNKNOWN, Decision.APPROVED)
    assert second.posted == 90
