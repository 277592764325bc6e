"""Idempotency keys: the first answer for ever, no second effect, and never another request's answer."""

import dataclasses
from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import Decision, Operation, Outcome
from pointguard_server.engine.ask import Ask, Verdict
from tests.integration.audit import audit
from tests.support.ledger import DAY, HOUR, Ledger


def first_answer(verdict: Verdict) -> Verdict:
    """The verdict as a replay gives it: places in the batch's output mean nothing in another batch."""
    return verdict._replace(leg_row=-1, first_entry=0, replayed=True)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_replay_gives_the_first_answer_whatever_has_happened_since(ledger: Ledger, restarted: bool) -> None:
    enroll = ledger.enroll_ask("someone", "CA-ON")
    enrolled = ledger.one(enroll)
    account = enrolled.account_id
    reserve = ledger.authorise_ask(account, 30, capture=False)
    asks: list[Ask] = [ledger.accrue_ask(account, 1_000), ledger.authorise_ask(account, 10), reserve]
    answers = [ledger.one(ask) for ask in asks]
    reservation = answers[2].transaction_id
    asks += [
        ledger.end_ask(Operation.CAPTURE, reservation, 20),
        ledger.authorise_ask(account, 10_000),
        ledger.authorise_ask(account, 10_000, partial=True),
        ledger.lock_ask(account, locked=True),
    ]
    answers += [ledger.one(ask) for ask in asks[3:]]
    assert [answer.decision for answer in answers] == [1, 1, 1, 1, 2, 1, 1]
    ledger.clock.moment += 30 * DAY
    ledger.accrue(account, 5_000)
    if restarted:
        ledger.restart_decider()
    legs = ledger.rows("legs")
    again = ledger.decide(enroll, *asks)
    assert again == [first_answer(answer) for answer in (enrolled, *answers)]
    assert ledger.rows("legs") == legs


def test_the_same_request_twice_in_one_batch_is_done_once(ledger: Ledger) -> None:
    account = ledger.member(100)
    ask = ledger.authorise_ask(account, 60, key="once")
    first, second = ledger.decide(ask, dataclasses.replace(ask))
    assert second == first._replace(replayed=True)
    assert ledger.balance(account).posted == 40
    audit(ledger)


def test_one_key_for_two_requests_of_one_batch_is_done_for_the_first_and_refused_for_the_second(ledger: Ledger) -> None:
    account = ledger.member(100)
    first, second = ledger.decide(
        ledger.authorise_ask(account, 10, key="once"), ledger.authorise_ask(account, 20, key="once")
    )
    assert (first.decision, second.outcome) == (Decision.APPROVED, Outcome.KEY_REUSED)
    assert ledger.balance(account).posted == 90


def test_a_key_is_refused_for_another_request_and_nothing_is_written(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.authorise(account, 10, key="once")
    legs = ledger.rows("legs")
    assert ledger.authorise(account, 11, key="once").outcome == Outcome.KEY_REUSED
    assert ledger.accrue(account, 100, key="once").outcome == Outcome.KEY_REUSED
    assert ledger.rows("legs") == legs


def test_a_replay_is_answered_even_behind_a_wrong_use_of_its_key_in_the_same_batch(ledger: Ledger) -> None:
    account = ledger.member(100)
    right = ledger.authorise_ask(account, 10, key="once")
    answer = ledger.one(right)
    wrong = ledger.authorise_ask(account, 11, key="once")
    refused, replayed = ledger.decide(wrong, right)
    assert refused.outcome == Outcome.KEY_REUSED
    assert replayed == first_answer(answer)


def test_a_refused_request_leaves_its_key_free(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 10)
    assert ledger.capture(reserved, 11, key="later").outcome == Outcome.CAPTURE_ABOVE_RESERVATION
    assert ledger.capture(reserved, 10, key="later").points == 10


def test_a_replay_moves_no_window_and_no_clock(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls='daily_cap = { money_minor = 100, posture = "BLOCK" }')
    account = ledger.member(1_000)
    ask = ledger.authorise_ask(account, 60)
    ledger.one(ask)
    head = ledger.decider.heads
    for _ in range(3):
        assert ledger.one(ask).replayed
    assert ledger.decider.heads == head
    assert ledger.quote(account).points == 40


def test_a_replay_finds_the_answer_for_a_reservation_that_has_ended_since(ledger: Ledger) -> None:
    account = ledger.member(100)
    ask = ledger.authorise_ask(account, 60, capture=False, time_to_live=HOUR)
    first = ledger.one(ask)
    ledger.clock.moment += DAY
    again = ledger.one(ask)
    assert (again.decision, again.reserved, again.expires_at) == (Decision.APPROVED, 60, first.expires_at)
    assert ledger.balance(account).reserved == 0


def test_an_identifier_that_is_taken_is_refused_and_leaves_no_member_behind(ledger: Ledger) -> None:
    ledger.one(ledger.enroll_ask("card 1"))
    members = ledger.rows("members")
    assert ledger.one(ledger.enroll_ask("card 1")).outcome == Outcome.IDENTIFIER_TAKEN
    first, second = ledger.decide(ledger.enroll_ask("card 2"), ledger.enroll_ask("card 2"))
    assert (first.outcome, second.outcome) == (Outcome.DONE, Outcome.IDENTIFIER_TAKEN)
    assert len(ledger.rows("members")) == len(members) + 1
    audit(ledger)
