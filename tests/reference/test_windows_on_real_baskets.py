"""Windows over the sample's real baskets, at the moments when they were rung up, against a recount of the ledger."""

from pointguard_client.sample import read_baskets
from pointguard_server.domain.calendar import to_microseconds
from pointguard_server.domain.codes import Decision, Operation
from tests.integration.audit import audit
from tests.reference.test_scopes import CODES, check_recorded
from tests.reference.test_scopes import WATCHERS as WIDE_WATCHERS
from tests.reference.test_windows import CONTROLS, GUARDS, WATCHERS, check_recorded_windows
from tests.support.ledger import MINUTE, Where, open_ledger

BASKETS = 1_200
REDEEM_EVERY, RESERVE_EVERY, FORGET_EVERY = 3, 7, 97
OF_THE_YEAR = 90
"""Of so many baskets of the year one: a recount of wider windows looks at every leg for every leg."""


def test_every_window_of_weeks_of_real_baskets_equals_a_recount_of_the_ledger() -> None:
    baskets = list(read_baskets(BASKETS))
    with open_ledger(rules=WATCHERS + GUARDS, controls=CONTROLS) as ledger:
        ledger.clock.moment = to_microseconds(baskets[0].occurred_at) - MINUTE
        accounts = {household: ledger.member() for household in sorted({basket.household_id for basket in baskets})}
        approved = declined = 0
        for number, basket in enumerate(baskets):
            account = accounts[basket.household_id]
            ledger.clock.moment = max(ledger.clock.moment, to_microseconds(basket.occurred_at))
            asks = [ledger.accrue_ask(account, basket.total_minor)]
            if number % REDEEM_EVERY == 0:
                asks.append(ledger.authorise_ask(account, 1 + basket.total_minor // 12))
            if number % RESERVE_EVERY == 0:
                asks.append(ledger.authorise_ask(account, 5, capture=False, time_to_live=MINUTE))
            for ask, verdict in zip(asks, ledger.decide(*asks), strict=True):
                redeems = ask.fields[0] == Operation.AUTHORISE
                approved += redeems and verdict.decision == Decision.APPROVED
                declined += redeems and verdict.decision == Decision.DECLINED
            if number % FORGET_EVERY == 0:
                ledger.restart_decider()
        audit(ledger)
        for account in accounts.values():
            check_recorded_windows(ledger, account)
    assert approved > 100
    assert declined > 100


def test_every_wider_window_of_a_year_of_real_baskets_equals_a_recount_of_the_ledger() -> None:
    baskets = list(read_baskets())[::OF_THE_YEAR]
    with open_ledger(rules=WIDE_WATCHERS, adjustments=CODES) as ledger:
        ledger.clock.moment = to_microseconds(baskets[0].occurred_at) - MINUTE
        households = sorted({basket.household_id for basket in baskets})
        accounts = {
            household: ledger.member(1_000, groups=("odd",) if number % 2 else ("even", "all"))
            for number, household in enumerate(households)
        }
        for number, basket in enumerate(baskets):
            account = accounts[basket.household_id]
            ledger.clock.moment = max(ledger.clock.moment, to_microseconds(basket.occurred_at))
            where = Where(basket.store_id, f"cashier {number % 4}", f"till {number % 3}", f"unit {number % 2}")
            bought = ledger.one(ledger.accrue_ask(account, basket.total_minor, where=where))
            if number % REDEEM_EVERY == 0:
                ledger.one(ledger.authorise_ask(account, 1 + basket.total_minor // 12, where=where))
            if number % RESERVE_EVERY == 0:
                ledger.one(ledger.authorise_ask(account, 5, capture=False, time_to_live=MINUTE, where=where))
                ledger.one(ledger.return_ask(bought.transaction_id, money=basket.total_minor // 3))
            if number % FORGET_EVERY == 0:
                ledger.restart_decider()
        assert check_recorded(ledger) > 2_000
