"""The synchronous client and hedging against a real server."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pointguard_client import (
    Accrual,
    Accrue,
    AdvicePosture,
    Decision,
    FraudScope,
    Identifier,
    Money,
    NotFound,
    PointguardClient,
    ReasonCode,
    SyncPointguardClient,
    new_idempotency_key,
)
from tests.support.server import ServerProcess

TOTAL = Money(10_00, "CAD")


@pytest.fixture
def till(shared_server: ServerProcess) -> Iterator[SyncPointguardClient]:
    """A synchronous client of the shared server."""
    address, api_key = shared_server.address, shared_server.api_key
    with SyncPointguardClient.connect(address, api_key=api_key, timeout_seconds=10) as client:
        yield client


def enroll(till: SyncPointguardClient) -> Identifier:
    """Enroll a member and return what finds it."""
    member = Identifier.external_id(new_idempotency_key())
    till.enroll_member([member])
    return member


def test_a_till_without_an_event_loop_earns_reserves_and_spends(till: SyncPointguardClient) -> None:
    member = enroll(till)
    earned = till.accrue(member, TOTAL)
    reservation = till.authorise_redemption(member, 10)
    assert reservation.decision is Decision.APPROVED
    captured = till.capture_redemption(reservation.transaction_id, points=4)
    assert (captured.points, captured.points_released) == (4, 6)
    assert till.get_balance(member).balance.posted == earned.points - 4
    assert till.get_transaction(captured.transaction_id).original_transaction_id == reservation.transaction_id
    with pytest.raises(NotFound):
        till.get_balance(Identifier.loyalty_id("nobody at all"))


def test_the_threads_of_one_client_lose_and_double_nothing(till: SyncPointguardClient) -> None:
    member = enroll(till)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: till.accrue(member, TOTAL), range(80)))
    assert len({answer.transaction_id for answer in answers}) == 80
    assert till.get_balance(member).balance.posted == sum(answer.points for answer in answers)


def test_a_batch_is_answered_without_an_event_loop(till: SyncPointguardClient) -> None:
    member = enroll(till)
    answers = till.process_batch([Accrue(member, TOTAL) for _ in range(20)])
    assert all(isinstance(answer, Accrual) for answer in answers)


async def test_hedged_calls_book_nothing_twice(shared_server: ServerProcess) -> None:
    """So short a time that nearly every call is sent twice."""
    hedging = PointguardClient.connect(
        shared_server.address, api_key=shared_server.api_key, timeout_seconds=10, hedge_after_seconds=0.0005
    )
    async with hedging as client:
        member = Identifier.external_id(new_idempotency_key())
        await client.enroll_member([member])
        answers = await asyncio.gather(*(client.accrue(member, TOTAL) for _ in range(100)))
        balance = await client.get_balance(member)
    assert len({answer.transaction_id for answer in answers}) == 100
    assert balance.balance.posted == sum(answer.points for answer in answers)
    # The enrollment comes first.
    assert balance.seq == 1 + 100


async def test_a_deadline_is_kept_though_the_server_is_away() -> None:
    started = time.monotonic()
    async with PointguardClient.connect("127.0.0.1:1", api_key="none", hedge_after_seconds=0.05) as client:
        with pytest.raises(Exception, match="UNAVAILABLE"):
            await client.get_balance(Identifier.loyalty_id("1"), timeout_seconds=0.5)
    assert time.monotonic() - started < 2.0


def test_it_watches_advice_and_shows_what_a_rule_says_in_the_language_of_the_till(till: SyncPointguardClient) -> None:
    member = enroll(till)
    till.accrue(member, TOTAL)
    redeemed = [till.authorise_redemption(member, 1, capture=True, language="fr-CA") for _ in range(6)]
    (warned,) = redeemed[-1].reasons
    assert warned.code is ReasonCode.FRAUD_WARNING
    assert warned.text == "6 échanges aujourd'hui : demandez une pièce d'identité."
    (shown,) = till.check_advice(member, language="de").advice
    assert (shown.text, shown.scope) == ("6 redemptions today: ask for an identity card.", FraudScope.ACCOUNT)
    position = till.get_transaction(redeemed[-1].transaction_id).position
    told = till.fraud.watch(position - 1, posture_min=AdvicePosture.WARN)
    notice = next(told)
    assert notice.transaction_id == redeemed[-1].transaction_id
    assert [step.advice.rule for step in notice.steps] == [shown.rule]
    told.close()
    assert not list(till.fraud.watch(position, follow=False))
