"""Lots where a random life does not come: terms by the calendar, changed terms, what is behind the journal, faults."""

from collections.abc import Callable

import pytest

from pointguard_server.domain.codes import Operation, Outcome
from tests.integration.audit import audit
from tests.support.explaining import explaining
from tests.support.ledger import DAY, SECOND, Ledger

NewLedger = Callable[..., Ledger]
ANNUAL = '[program.lots]\npending = "14d"\nexpiry = "ANNUAL"\nlast_day = "03-31"\n'
THREE = """
rule "base"
    earn base order.total * 10
rule "own terms"
    when order.total > 1
    earn bonus 5
    pending 1 days
    expire at end of month
rule "own end"
    when order.total > 1
    earn bonus 3
    expire after 2 days
"""


def test_a_rule_says_more_than_its_program_and_the_calendar_is_the_programs(new_ledger: NewLedger) -> None:
    ledger = new_ledger(earn=THREE, lots=ANNUAL)
    account = ledger.member()
    # Half past eleven in Toronto, the evening before the last of March: in UTC it is April already the day after.
    ledger.clock.set("2027-03-30T23:30-04:00")
    ledger.accrue(account, 200)
    given = [(each["signed_points"], each["matures_at"], each["expires_at"]) for each in ledger.rows("entries")]
    now = ledger.clock.now()

    def moment(text: str) -> int:
        ledger.clock.set(text)
        return ledger.clock.now()

    assert given == [
        (20, now + 14 * DAY, moment("2028-04-01T00:00-04:00")),
        (5, now + DAY, moment("2027-04-01T00:00-04:00")),
        (3, now + 14 * DAY, now + 16 * DAY),
    ]


EXEMPT = '[program.lots]\nexpiry = "ROLLING"\nexpires_after = "30d"\nexempt_groups = ["staff", "founders"]\n'


def ends(ledger: Ledger, account: int) -> list[tuple[int, bool]]:
    """What was given to an account, and whether it ends."""
    own = [each for each in ledger.rows("entries") if each["account_id"] == account and each["signed_points"] > 0]
    return [(each["signed_points"], bool(each["expires_at"])) for each in own]


def test_points_do_not_end_for_the_exempt_groups_unless_their_rule_says_when(new_ledger: NewLedger) -> None:
    ledger = new_ledger(earn=THREE, lots=EXEMPT, adjustments='[program.adjustments]\nreason_codes = ["GOODWILL"]')
    groups = [("staff",), ("gold", "founders"), ("gold",), ()]
    accounts = [ledger.member(groups=each) for each in groups]
    ledger.restart_decider()
    for account, is_spared in zip(accounts, (True, True, False, False), strict=True):
        ledger.accrue(account, 200)
        ledger.adjust(account, 7)
        assert ends(ledger, account) == [(20, not is_spared), (5, True), (3, True), (7, not is_spared)]
    ledger.clock.moment += 400 * DAY
    assert [ledger.balance(account).posted for account in accounts] == [27, 27, 0, 0]
    assert [ledger.authorise(account, 27).decision for account in accounts] == [1, 1, 2, 2]
    audit(ledger)
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())


def test_a_group_is_exempt_for_what_is_given_while_a_member_is_in_it(new_ledger: NewLedger) -> None:
    ledger = new_ledger(lots=EXEMPT)
    account = ledger.member(groups=("gold",))
    ledger.accrue(account, 100)
    ledger.one(ledger.groups_ask(account, "staff", ("gold",)))
    ledger.decide(ledger.accrue_ask(account, 200), ledger.accrue_ask(account, 300))
    ledger.one(ledger.groups_ask(account, "staff", ("gold", "staff"), is_removal=True))
    ledger.accrue(account, 400)
    assert ends(ledger, account) == [(10, True), (20, False), (30, False), (40, True)]
    ledger.change(lots=EXEMPT.replace('"founders"', '"gold"'))
    ledger.accrue(account, 500)
    ledger.change(lots=EXEMPT.replace(', "founders"', ""))
    ledger.accrue(account, 600)
    assert ends(ledger, account)[-2:] == [(50, False), (60, True)]
    with explaining(ledger) as explainer:
        assert all(each.reproduced for each in explainer.all_legs())


def test_a_lot_keeps_the_terms_that_it_was_given(new_ledger: NewLedger) -> None:
    ledger = new_ledger(lots='[program.lots]\nexpiry = "ROLLING"\nexpires_after = "10d"\n')
    account = ledger.member()
    ledger.clock.moment += SECOND
    ledger.accrue(account, 100)
    ledger.change(lots="")
    ledger.accrue(account, 50)
    assert ledger.balance(account).expiring_points == 10
    ledger.clock.moment += 10 * DAY
    assert ledger.balance(account).posted == 5
    ledger.change(lots='[program.lots]\npending = "1d"\n')
    ledger.accrue(account, 20)
    verdict = ledger.balance(account)
    assert (verdict.posted, verdict.pending, verdict.expiring_at) == (7, 2, 0)
    audit(ledger)


def test_lots_that_are_only_in_the_journal_come_back(new_ledger: NewLedger) -> None:
    ledger = new_ledger(earn=THREE, lots=ANNUAL, journaled=True)
    account = ledger.member()
    for _ in range(5):
        ledger.accrue(account, 1_000)
        ledger.authorise(account, 1)
        ledger.decider.memory.evict([account])
    ledger.clock.moment += DAY
    expected = ledger.balance(account)
    ledger.decider.memory.evict([account])
    assert ledger.balance(account) == expected
    ledger.catch_up()
    ledger.restart_decider()
    assert ledger.balance(account) == expected
    audit(ledger)


def test_one_redemption_takes_a_thousand_lots_and_a_batch_many_from_many_accounts(new_ledger: NewLedger) -> None:
    ledger = new_ledger(lots='[program.lots]\nexpiry = "ROLLING"\nexpires_after = "10d"\n')
    accounts = [ledger.member() for _ in range(3)]
    ledger.clock.moment += SECOND
    ledger.decide(*(ledger.accrue_ask(account, 10) for _ in range(1_000) for account in accounts))
    spent = ledger.decide(*(ledger.authorise_ask(account, 999) for account in accounts))
    assert [verdict.entry_count for verdict in spent] == [999] * 3
    ledger.restart_decider()
    assert [ledger.balance(account).posted for account in accounts] == [1] * 3
    ledger.clock.moment += 10 * DAY
    assert [ledger.one(ledger.read_ask(Operation.SETTLE, account)).posted for account in accounts] == [0] * 3


def test_settling_writes_what_is_due_once_and_nothing_for_who_is_unknown(new_ledger: NewLedger) -> None:
    ledger = new_ledger(lots='[program.lots]\npending = "1d"\nexpiry = "ROLLING"\nexpires_after = "10d"\n')
    account = ledger.member()
    ledger.clock.moment += SECOND
    ledger.accrue(account, 1_000)
    settle = ledger.read_ask(Operation.SETTLE, account)
    for days, legs in ((1, 1), (0, 0), (9, 1), (0, 0), (30, 0)):
        ledger.clock.moment += days * DAY
        before = ledger.decider.heads.position
        ledger.decide(settle, settle)
        assert ledger.decider.heads.position - before == legs
    assert ledger.one(ledger.read_ask(Operation.SETTLE, 10_000)).outcome == Outcome.ACCOUNT_UNKNOWN
    audit(ledger)


@pytest.mark.parametrize("moment", ["2027-01-31T23:59:59.999999-05:00", "2027-02-01T00:00-05:00"])
def test_the_last_microsecond_of_a_month_belongs_to_it(new_ledger: NewLedger, moment: str) -> None:
    ledger = new_ledger(earn='rule "a" earn base 7 expire at end of month\n')
    account = ledger.member()
    ledger.clock.set(moment)
    ledger.accrue(account, 100)
    (given,) = ledger.rows("entries")
    ledger.clock.set("2027-02-01T00:00-05:00" if "01-31" in moment else "2027-03-01T00:00-05:00")
    assert given["expires_at"] == ledger.clock.now()
