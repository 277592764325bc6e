"""Reservations: set aside, captured in whole or in part, given back, ended by time."""

from collections.abc import Callable

from pointguard_server.domain.codes import Decision, Kind, Operation, Outcome, Reason
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, HOUR, MINUTE, SECOND, Ledger

CAP = 'daily_cap = { money_minor = 100, posture = "BLOCK" }'


def codes(verdict: Verdict) -> list[Reason]:
    """The reasons' codes."""
    return [Reason(code) for code, _ in verdict.reasons]


def operations(ledger: Ledger, account: int) -> list[Operation]:
    """What an account's legs are, in order."""
    return [Operation(leg["operation"]) for leg in ledger.legs(account)]


def test_reserved_points_are_still_posted_but_may_not_be_spent_twice(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 70)
    assert (reserved.posted, reserved.reserved, reserved.entries) == (100, 70, ())
    assert ledger.authorise(account, 31).decision == Decision.DECLINED
    assert ledger.quote(account).points == 30


def test_a_capture_spends_the_whole_reservation(ledger: Ledger) -> None:
    account = ledger.member(100)
    captured = ledger.capture(ledger.authorise_reserving(account, 70))
    assert (captured.points, captured.released, captured.posted, captured.reserved) == (70, 0, 30, 0)
    assert [entry.signed_points for entry in captured.entries] == [-70]


def test_a_partial_capture_spends_a_part_and_releases_the_rest(ledger: Ledger) -> None:
    account = ledger.member(100)
    captured = ledger.capture(ledger.authorise_reserving(account, 70), 20)
    assert (captured.points, captured.released, captured.posted, captured.reserved) == (20, 50, 80, 0)
    assert ledger.authorise(account, 80).decision == Decision.APPROVED


def test_more_than_is_reserved_cannot_be_captured_and_the_reservation_stays(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 70)
    before = len(ledger.legs(account))
    assert ledger.capture(reserved, 71).outcome == Outcome.CAPTURE_ABOVE_RESERVATION
    assert len(ledger.legs(account)) == before
    assert ledger.capture(reserved, 70).points == 70


def test_an_ended_reservation_can_be_neither_captured_nor_voided(ledger: Ledger) -> None:
    account = ledger.member(1_000)
    captured, voided, expired = (ledger.authorise_reserving(account, 10) for _ in range(3))
    ledger.capture(captured)
    ledger.void(voided)
    ledger.clock.moment += DAY
    for ended in (captured, voided, expired):
        assert ledger.capture(ended).outcome == Outcome.RESERVATION_ENDED
        assert ledger.void(ended).outcome == Outcome.RESERVATION_ENDED
    assert operations(ledger, account)[-1] == Operation.EXPIRE
    assert ledger.balance(account).posted == 990


def test_a_reservation_that_is_not_there_is_unknown(ledger: Ledger) -> None:
    ledger.member(100)
    assert ledger.one(ledger.end_ask(Operation.CAPTURE, bytes(range(16)))).outcome == Outcome.RESERVATION_UNKNOWN
    assert ledger.one(ledger.end_ask(Operation.VOID, bytes(range(16)))).outcome == Outcome.RESERVATION_UNKNOWN


def test_a_one_step_redemption_and_a_declined_one_leave_nothing_to_capture(ledger: Ledger) -> None:
    account = ledger.member(100)
    for verdict in (ledger.authorise(account, 10), ledger.authorise_reserving(account, 1_000)):
        assert ledger.capture(verdict).outcome == Outcome.RESERVATION_ENDED
    assert ledger.balance(account).posted == 90


def test_of_a_capture_and_a_void_in_one_batch_the_first_wins(ledger: Ledger) -> None:
    account = ledger.member(100)
    reservation = ledger.authorise_reserving(account, 50).transaction_id
    verdicts = ledger.decide(
        ledger.end_ask(Operation.VOID, reservation), ledger.end_ask(Operation.CAPTURE, reservation)
    )
    assert [verdict.outcome for verdict in verdicts] == [Outcome.DONE, Outcome.RESERVATION_ENDED]
    assert ledger.balance(account).posted == 100


def test_a_reservation_stands_until_the_microsecond_before_its_end(ledger: Ledger) -> None:
    account = ledger.member(100)
    first, second = (ledger.authorise_reserving(account, 50, time_to_live=HOUR) for _ in range(2))
    ledger.clock.moment = first.expires_at - 1
    assert ledger.balance(account).reserved == 100
    ledger.clock.moment = second.expires_at - 1
    assert ledger.balance(account).reserved == 50
    assert ledger.capture(second).points == 50
    assert ledger.capture(first).outcome == Outcome.RESERVATION_ENDED


def test_a_reservation_whose_time_is_up_counts_as_released_before_any_row_says_so(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(150)
    reserved = ledger.authorise_reserving(account, 100, time_to_live=HOUR)
    assert (ledger.quote(account).points, codes(ledger.quote(account))) == (0, [Reason.DAILY_REDEMPTION_CAP])
    ledger.clock.moment = reserved.expires_at
    legs = len(ledger.legs(account))
    assert (ledger.balance(account).posted, ledger.balance(account).reserved) == (150, 0)
    quoted = ledger.quote(account)
    assert (quoted.points, quoted.reserved) == (100, 0)
    assert len(ledger.legs(account)) == legs  # reads never write
    assert ledger.authorise(account, 100).decision == Decision.APPROVED


def test_the_next_decision_writes_down_what_time_has_ended(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 60, time_to_live=HOUR)
    ledger.clock.moment += DAY
    verdict = ledger.accrue(account, 100)
    assert (verdict.seq, verdict.reserved) == (5, 0)
    leg = ledger.legs(account)[3]
    assert (leg["operation"], leg["kind"], leg["refers_to_seq"]) == (Operation.EXPIRE, Kind.EXPIRY, 3)
    assert (leg["points"], leg["released"], leg["occurred_at"]) == (60, 60, reserved.expires_at)
    assert leg["accepted_at"] == ledger.decider.heads.accepted_at
    assert leg["batch_id"] == ledger.legs(account)[4]["batch_id"]


def test_reservations_end_in_the_order_of_their_times(ledger: Ledger) -> None:
    account = ledger.member(100)
    for hours in (3, 1, 2):
        ledger.authorise_reserving(account, hours, time_to_live=hours * HOUR)
    ledger.clock.moment += DAY
    ledger.accrue(account, 0)
    assert [leg["points"] for leg in ledger.legs(account) if leg["operation"] == Operation.EXPIRE] == [1, 2, 3]
    audit(ledger)


def test_a_refused_capture_still_writes_down_that_the_reservation_ended(ledger: Ledger) -> None:
    account = ledger.member(100)
    reserved = ledger.authorise_reserving(account, 60, time_to_live=SECOND)
    ledger.clock.moment += MINUTE
    assert ledger.capture(reserved).outcome == Outcome.RESERVATION_ENDED
    assert operations(ledger, account)[-1] == Operation.EXPIRE
    audit(ledger)


def test_a_restart_forgets_no_reservation(ledger: Ledger) -> None:
    account = ledger.member(100)
    standing = ledger.authorise_reserving(account, 30, time_to_live=DAY)
    ledger.authorise_reserving(account, 20, time_to_live=HOUR)
    ledger.void(ledger.authorise_reserving(account, 10))
    ledger.clock.moment += 2 * HOUR
    ledger.restart_decider()
    assert ledger.balance(account).reserved == 30
    assert ledger.capture(standing).posted == 70
    audit(ledger)


def test_many_open_reservations_of_one_account_all_end(ledger: Ledger) -> None:
    account = ledger.member(1_000)
    ledger.decide(*(ledger.authorise_ask(account, 1, capture=False) for _ in range(500)))
    assert ledger.balance(account).reserved == 500
    ledger.clock.moment += DAY
    assert ledger.authorise(account, 1_000).decision == Decision.APPROVED
    assert operations(ledger, account).count(Operation.EXPIRE) == 500


def test_a_void_gives_the_daily_cap_back(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    reserved = ledger.authorise_reserving(account, 100)
    assert codes(ledger.authorise(account, 1)) == [Reason.DAILY_REDEMPTION_CAP]
    ledger.void(reserved)
    assert ledger.quote(account).points == 100
    assert ledger.authorise(account, 100).decision == Decision.APPROVED


def test_a_partial_capture_gives_the_rest_of_the_daily_cap_back(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    ledger.capture(ledger.authorise_reserving(account, 100), 35)
    assert ledger.quote(account).points == 65
    assert ledger.authorise(account, 66).decision == Decision.DECLINED
    assert ledger.authorise(account, 65).decision == Decision.APPROVED


def test_a_void_after_midnight_gives_back_yesterdays_cap_not_todays(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    ledger.clock.set("2027-06-10T23:50-04:00")
    yesterday = ledger.authorise_reserving(account, 80, time_to_live=HOUR)
    ledger.clock.set("2027-06-11T00:10-04:00")
    ledger.authorise(account, 90)
    ledger.void(yesterday)
    assert ledger.quote(account).points == 10


def test_a_partial_capture_is_worth_what_the_rate_makes_of_it_and_never_more_than_was_authorised(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rate_points=1, rate_money=3)
    account = ledger.member(100)
    whole = ledger.authorise(account, 0, money=4, capture=False)
    assert ledger.capture(whole).money == 4
    part = ledger.authorise(account, 0, money=4, capture=False)
    assert ledger.capture(part, 1).money == 3


# ---------------------------------------------------------------------------------------------------- several captures


def test_a_capture_that_is_not_the_last_leaves_the_rest_reserved(ledger: Ledger) -> None:
    account = ledger.member(100)
    held = ledger.authorise_reserving(account, 70)
    first = ledger.capture(held, 20, keep_open=True)
    assert (first.points, first.released, first.posted, first.reserved) == (20, 0, 80, 50)
    assert first.expires_at == held.expires_at
    assert ledger.capture(held, 51).outcome == Outcome.CAPTURE_ABOVE_RESERVATION
    second = ledger.capture(held, 10, keep_open=True)
    assert (second.posted, second.reserved) == (70, 40)
    last = ledger.capture(held, 15)
    assert (last.points, last.released, last.posted, last.reserved, last.expires_at) == (15, 25, 55, 0, 0)
    assert ledger.capture(held).outcome == Outcome.RESERVATION_ENDED
    audit(ledger)


def test_the_rest_of_a_reservation_can_be_voided_and_ends_by_itself(ledger: Ledger) -> None:
    account = ledger.member(100)
    voided, expired = (ledger.authorise_reserving(account, 40, time_to_live=HOUR) for _ in range(2))
    for held in (voided, expired):
        ledger.capture(held, 10, keep_open=True)
    released = ledger.void(voided)
    assert (released.points, released.released, released.reserved) == (30, 30, 30)
    ledger.clock.moment = expired.expires_at
    assert (ledger.balance(account).posted, ledger.balance(account).reserved) == (80, 0)
    ledger.accrue(account, 0)
    assert [leg["released"] for leg in ledger.legs(account) if leg["operation"] == Operation.EXPIRE] == [30]
    audit(ledger)


def test_a_capture_that_leaves_nothing_ends_the_reservation_whatever_it_says(ledger: Ledger) -> None:
    account = ledger.member(100)
    whole, in_parts = (ledger.authorise_reserving(account, 40) for _ in range(2))
    assert ledger.capture(whole, keep_open=True).expires_at == 0
    ledger.capture(in_parts, 30, keep_open=True)
    assert ledger.capture(in_parts, 10, keep_open=True).expires_at == 0
    for held in (whole, in_parts):
        assert ledger.void(held).outcome == Outcome.RESERVATION_ENDED


def test_parts_are_worth_together_what_was_authorised_however_they_are_cut(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rate_points=3, rate_money=1)
    account = ledger.member(100)
    held = ledger.authorise(account, 0, money=10, capture=False)
    parts = [ledger.capture(held, 1, keep_open=True) for _ in range(held.points - 1)]
    parts.append(ledger.capture(held))
    assert held.points == 30
    assert sum(part.money for part in parts) == held.money == 10
    assert [part.money for part in parts] == [0, 0, 1] * 10


def test_a_restart_between_two_captures_changes_nothing(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(rate_points=3, rate_money=1, controls=CAP)
    account = ledger.member(1_000)
    held = ledger.authorise_reserving(account, 100, time_to_live=HOUR)
    ledger.capture(held, 34, keep_open=True)
    ledger.restart_decider()
    assert ledger.balance(account).reserved == 66
    ledger.extend(held, DAY)
    ledger.restart_decider()
    ledger.clock.moment += 2 * HOUR
    assert ledger.capture(held, 34, keep_open=True).money == 22 - 11
    ledger.restart_decider()
    last = ledger.capture(held, 1)
    assert (last.released, last.money) == (31, 23 - 22)
    # 100 cents a day, of which 23 are spent.
    assert ledger.quote(account).money == 77
    audit(ledger)


def test_captures_of_one_batch_share_what_is_reserved(ledger: Ledger) -> None:
    account = ledger.member(100)
    held = ledger.authorise_reserving(account, 50).transaction_id
    asks = [ledger.end_ask(Operation.CAPTURE, held, 20, keep_open=True) for _ in range(3)]
    verdicts = ledger.decide(*asks, ledger.end_ask(Operation.CAPTURE, held), asks[0])
    assert [verdict.outcome for verdict in verdicts] == [0, 0, Outcome.CAPTURE_ABOVE_RESERVATION, 0, 0]
    assert [verdict.points for verdict in verdicts if not verdict.outcome] == [20, 20, 10, 20]
    assert verdicts[-1].replayed
    assert ledger.balance(account).posted == 50
    audit(ledger)


def test_what_several_captures_spent_can_be_returned_each_for_itself(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls=CAP)
    account = ledger.member(1_000)
    held = ledger.authorise_reserving(account, 100)
    first, second = (ledger.capture(held, 30, keep_open=True) for _ in range(2))
    assert ledger.give_back(first).points == 30
    assert ledger.give_back(second, points=10).points == 10
    assert ledger.void(held).released == 40
    # Of 100 cents a day 20 are spent.
    assert ledger.quote(account).points == 80
    assert ledger.give_back(second).points == 20
    assert ledger.quote(account).points == 100
    assert ledger.balance(account).posted == 1_000
    audit(ledger)


# -------------------------------------------------------------------------------------------------------- a later end


def test_an_extended_reservation_stands_until_its_new_end(ledger: Ledger) -> None:
    account = ledger.member(100)
    held = ledger.authorise_reserving(account, 70, time_to_live=HOUR)
    ledger.clock.moment += HOUR // 2
    extended = ledger.extend(held, HOUR)
    assert extended.expires_at == ledger.decider.heads.accepted_at + HOUR
    assert (extended.points, extended.reserved, extended.posted, extended.entries) == (70, 70, 100, ())
    ledger.clock.moment = held.expires_at
    assert ledger.balance(account).reserved == 70
    ledger.restart_decider()
    ledger.clock.moment = extended.expires_at - 1
    assert ledger.balance(account).reserved == 70
    ledger.clock.moment = extended.expires_at
    assert ledger.balance(account).reserved == 0
    assert ledger.extend(held, HOUR).outcome == Outcome.RESERVATION_ENDED
    expired = ledger.legs(account)[-1]
    assert (expired["operation"], expired["occurred_at"]) == (Operation.EXPIRE, extended.expires_at)
    audit(ledger)


def test_a_reservation_never_ends_earlier_for_being_extended(ledger: Ledger) -> None:
    held = ledger.authorise_reserving(ledger.member(100), 70, time_to_live=DAY)
    assert ledger.extend(held, HOUR).expires_at == held.expires_at
    assert ledger.extend(held).expires_at == held.expires_at
    audit(ledger)


def test_a_reservation_stands_no_longer_than_the_program_lets_any(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(settings='reservation_ttl_max = "2h"\nreservation_ttl_default = "30m"')
    account = ledger.member(100)
    held = ledger.authorise_reserving(account, 70)
    opened = ledger.decider.heads.accepted_at
    ledger.clock.moment = opened + HOUR // 4 - 1
    assert ledger.extend(held).expires_at == opened + HOUR // 4 + HOUR // 2 - 1  # by the program's default
    ledger.clock.moment = opened + HOUR // 2
    legs = len(ledger.legs(account))
    assert ledger.extend(held, 2 * HOUR).outcome == Outcome.RESERVATION_LIMIT
    assert len(ledger.legs(account)) == legs
    assert ledger.extend(held, 3 * HOUR // 2).expires_at == opened + 2 * HOUR
    assert ledger.extend(held, 3 * HOUR // 2).outcome == Outcome.RESERVATION_LIMIT
    audit(ledger)


def test_a_reservation_that_is_not_there_cannot_be_extended(ledger: Ledger) -> None:
    account = ledger.member(100)
    assert ledger.one(ledger.end_ask(Operation.EXTEND, bytes(range(16)))).outcome == Outcome.RESERVATION_UNKNOWN
    for verdict in (ledger.authorise(account, 10), ledger.authorise_reserving(account, 1_000)):
        assert ledger.extend(verdict, HOUR).outcome == Outcome.RESERVATION_ENDED


def test_a_locked_account_lets_captures_and_extensions_of_open_reservations_go_on(ledger: Ledger) -> None:
    account = ledger.member(100)
    held = ledger.authorise_reserving(account, 70)
    ledger.lock(account)
    assert ledger.extend(held, HOUR).outcome == Outcome.DONE
    assert ledger.capture(held, 20, keep_open=True).points == 20
    assert ledger.capture(held).points == 50


def test_several_captures_an_extension_and_returns_are_explained_from_the_ledger_alone(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rate_points=3, rate_money=1, controls=CAP)
    account = ledger.member(1_000)
    held = ledger.authorise_reserving(account, 100, time_to_live=HOUR)
    first = ledger.capture(held, 20, keep_open=True)
    ledger.extend(held, DAY)
    ledger.clock.moment += 2 * HOUR
    ledger.give_back(first, points=5)
    ledger.capture(held, 31, keep_open=True)
    ledger.authorise(account, 90)
    ledger.clock.moment += 2 * DAY
    ledger.authorise(account, 100)
    with explaining(ledger) as explainer:
        explanations = list(explainer.all_legs())
    assert {each.stored.leg["operation"] for each in explanations} >= {Operation.EXTEND, Operation.EXPIRE}
    for explanation in explanations:
        assert explanation.reproduced, explanation.differences
