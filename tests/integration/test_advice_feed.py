"""The feed of advice as it is read: every step and every change of status, in order, a page at a time, by indexes."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from pointguard_server.domain.codes import AccountFlag, AdviceEvent, CaseOutcome, Operation
from pointguard_server.feeds.schema import account_of, event_of
from pointguard_server.service.ports import AccountState, Notice
from pointguard_server.storage.notices import _NEWEST, _NOTICES, _STATE, _STEPS, NoticeReader
from tests.support.databases import open_readers
from tests.support.ledger import DAY, SECOND, TENANT, Ledger, Where, sandboxed

Read = TypeVar("Read")
EXTENDING = """
[[fraud_rule]]
name = "eager"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 2
posture = "WARN"
duration = "1d"
extends = true
"""


def read(ledger: Ledger, ask: Callable[[NoticeReader], Awaitable[Read]]) -> Read:
    async def look() -> Read:
        engine = open_readers(ledger.path, ledger.postgres_url)
        try:
            return await ask(NoticeReader(engine))
        finally:
            await engine.dispose()

    ledger.catch_up()
    return asyncio.run(look())


def notices(ledger: Ledger, after: int = 0, count: int = 100, tenant: int = TENANT) -> list[Notice]:
    return read(ledger, lambda reader: reader.notices(tenant, after, count))


def test_every_step_and_every_change_of_status_is_told_once_in_the_ledgers_order(
    new_ledger: Callable[..., Ledger],
) -> None:
    ledger = new_ledger(rules=EXTENDING, journaled=True, back_end=sandboxed)
    account, other = ledger.member(100), ledger.member(100)
    for _ in range(4):
        ledger.clock.moment += SECOND
        ledger.authorise(account, 1)
    by_hand = ledger.one(ledger.raise_ask(other)).transaction_id
    ledger.one(ledger.status_ask(account, suspended=True))
    ledger.lock(other)
    ledger.one(ledger.settle_ask(Operation.REMOVE_ADVICE, other, by_hand))
    found = notices(ledger)
    assert [(each.account_id, [AdviceEvent(event) for event, _ in each.steps]) for each in found] == [
        (account, [AdviceEvent.RAISED]),
        (account, [AdviceEvent.EXTENDED]),
        (other, [AdviceEvent.RAISED]),
        (account, []),
        (other, []),
        (other, [AdviceEvent.REMOVED]),
    ]
    assert [each.account_flags for each in found[3:]] == [
        AccountFlag.SUSPENDED, AccountFlag.REDEMPTION_LOCKED, AccountFlag.REDEMPTION_LOCKED,
    ]  # fmt: skip
    assert [each.record is not None for each in found] == [False, False, True, True, False, True]
    legs = {leg["position"]: leg for leg in ledger.rows("legs")}
    for each in found:
        leg = legs[each.position]
        assert (each.transaction_id, each.seq, each.happened_at) == (
            leg["transaction_id"], leg["seq"], leg["accepted_at"],
        )  # fmt: skip
    assert read(ledger, lambda reader: reader.newest(TENANT)) == found[-1].position


def test_pages_of_any_size_make_the_same_feed_and_nobody_elses_is_in_it(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(tenants=2, journaled=True, back_end=sandboxed)
    account = ledger.member()
    for number in range(7):
        ledger.one(ledger.raise_ask(account) if number % 3 else ledger.lock_ask(account, bool(number % 2)))
    ledger.tenant = 2
    ledger.one(ledger.raise_ask(ledger.member()))
    whole = notices(ledger)
    assert len(whole) == 7
    assert len(notices(ledger, tenant=2)) == 1
    for size in (1, 2, 5):
        found: list[Notice] = []
        while page := notices(ledger, found[-1].position if found else 0, size):
            assert len(page) <= size
            found += page
        assert found == whole


def test_an_accounts_state_is_of_its_newest_leg_and_has_what_stands(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(journaled=True, back_end=sandboxed)
    account = ledger.member(100)
    kept = ledger.one(ledger.raise_ask(account)).transaction_id
    removed = ledger.one(ledger.raise_ask(account)).transaction_id
    ledger.one(ledger.settle_ask(Operation.REMOVE_ADVICE, account, removed))
    ledger.one(ledger.raise_ask(account, duration=SECOND))
    ledger.accrue(account, 1_00)

    def state(moment: int, of: int = account) -> AccountState | None:
        return read(ledger, lambda reader: reader.account_state(TENANT, of, moment))

    found = state(ledger.clock.moment + 2 * SECOND)
    assert found is not None
    assert (found.seq, [each.advice_id for each in found.advice]) == (7, [kept])
    after = state(ledger.clock.moment + 2 * DAY)
    assert after is not None
    assert after.advice == ()
    assert state(0, account + 99) is None


def test_a_case_stands_until_it_is_resolved_and_each_resolution_is_told(new_ledger: Callable[..., Ledger]) -> None:
    reviewing = EXTENDING.replace('posture = "WARN"', 'posture = "REVIEW"').replace("extends", "four_eyes")
    ledger = new_ledger(rules=reviewing, journaled=True, back_end=sandboxed)
    account = ledger.member(100)
    for _ in range(3):
        ledger.clock.moment += SECOND
        ledger.authorise(account, 1)
    ((_, case),) = notices(ledger)[0].steps
    stood = []
    for author in ("a", "b"):
        ledger.one(ledger.resolve_ask(account, case.advice_id, CaseOutcome.INCONCLUSIVE, author, f"key {author}"))
        found = read(ledger, lambda reader: reader.account_state(TENANT, account, ledger.clock.moment))
        assert found is not None
        stood.append([each.advice_id for each in found.advice])
    assert stood == [[case.advice_id], []]
    told = [[AdviceEvent(event) for event, _ in each.steps] for each in notices(ledger)]
    assert told == [[AdviceEvent.RAISED], [AdviceEvent.PROPOSED], [AdviceEvent.RESOLVED]]


def test_what_is_published_says_whose_transactions_a_rule_had_counted_but_not_which_of_the_staff(
    new_ledger: Callable[..., Ledger],
) -> None:
    scopes = {
        "ACCOUNT": None, "PROGRAM": None, "STORE": "north", "CASHIER": "ann", "TERMINAL": "north 1", "GROUP": "vip",
    }  # fmt: skip
    watched = EXTENDING.replace("threshold = 2", "threshold = 0").replace("extends = true\n", "")
    rules = "".join(
        watched.replace('name = "eager"', f'name = "{scope}"\nscope = "{scope}"') for scope in scopes
    ) + watched.replace('name = "eager"', 'name = "AGENT"\nscope = "AGENT"').replace(
        "REDEMPTION", "ADJUSTMENT"
    ).replace('parts = ["REDEEM"]', 'kinds = ["DISCRETIONARY"]')
    codes = '[program.adjustments]\nreason_codes = ["GOODWILL"]\n'
    ledger = new_ledger(rules=rules, adjustments=codes, journaled=True, back_end=sandboxed)
    account = ledger.member(100, groups=("vip",))
    ledger.authorise(account, 1, where=Where("north", "ann", "1"))
    ledger.adjust(account, 1)

    def told(advice: list[dict[str, Any]]) -> dict[str, str | None]:
        assert all(each["scope"] == each["rule"] for each in advice)
        return {each["rule"]: each.get("scope_entity") for each in advice}

    published = [event_of(notice, "acme", ledger.names.text) for notice in notices(ledger)]
    assert told([step["advice"] for event in published for step in event["steps"]]) == scopes | {"AGENT": None}
    state = read(ledger, lambda reader: reader.account_state(TENANT, account, ledger.clock.moment))
    assert state is not None
    assert told(account_of(state, "acme", account, ledger.names.text)["advice"]) == scopes
    by_hand = ledger.one(ledger.raise_ask(account)).transaction_id
    (step,) = event_of(notices(ledger)[-1], "acme", ledger.names.text)["steps"]
    assert step["advice"]["advice_id"].replace("-", "") == by_hand.hex()
    assert "scope" not in step["advice"]


@pytest.mark.sqlite
def test_no_statement_of_the_feed_scans_a_table(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(back_end=sandboxed)
    values = {"tenant": 1, "after": 0, "count": 1, "last": 1, "account": 1, "moment": 1}
    for statement in (_NEWEST, _NOTICES, _STEPS, _STATE):
        plan = ledger.connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", values).fetchall()
        steps = [step for *_, step in plan]
        # What is looked through is what other steps have found: the parts of a union, its result.
        assert [step for step in steps if re.match(r"SCAN (legs|advice|[anl])\b", step)] == [], steps
