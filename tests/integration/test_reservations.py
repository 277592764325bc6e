"""Reservations: set aside, captured in whole or in part, given back, ended by time."""

from collections.abc import Callable

from pointguard_server.domain.codes import Decision, Kind, Operation, Outcome, Reason
from pointguard_server.engine.ask import Verdict
from tests.integration.audit import audit
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
