"""The life of advice over gRPC: raised by a rule or by hand, overridden, removed, listed and explained; suspensions."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import duration_pb2, timestamp_pb2

from pointguard.v1 import common_pb2
from pointguard_client import (
    AccountStatus,
    AdviceContext,
    AdviceEnded,
    AdviceEvent,
    AdviceIsCase,
    AdvicePosture,
    AdviceState,
    CaseOutcome,
    CaseResolved,
    CaseState,
    Decision,
    Factor,
    FourEyes,
    Identifier,
    Intervention,
    InterventionReason,
    KeyReused,
    Money,
    NotFound,
    Operation,
    PermissionDenied,
    PointguardClient,
    Reason,
    ReasonCode,
    SyncPointguardClient,
    TransactionKind,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from pointguard_server.service.credentials import issue, key_id_of
from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.e2e.test_rule_commands import walk
from tests.support.server import PROGRAM, ROOT, ServerProcess, issue_key, write_program

EAGER = """
[[fraud_rule]]
name = "eager"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 2
posture = "BLOCK"
duration = "1d"

[[fraud_rule]]
name = "linked"
context = "REDEMPTION"
counts = { kinds = ["CARD_LINK"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "7d" }
threshold = 1
posture = "REVIEW_BLOCK"
four_eyes = true
duration = "1d"

[[fraud_rule]]
name = "spender"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "1d" }
threshold = 100
posture = "STEP_UP"
step_up = "PIN"
duration = "0s"
"""
CLEARED = Intervention("analyst 7", InterventionReason.FALSE_POSITIVE, "the family shares a card")
SUSPECTED = Intervention("analyst 7", InterventionReason.SUSPECTED_FRAUD)
DAY = timedelta(days=1)


@dataclass
class Desk:
    """A server with a rule that trips at the third redemption, and a key of each kind."""

    server: ServerProcess
    keys: dict[str, str]

    def client(self, role: str = "all") -> SyncPointguardClient:
        return SyncPointguardClient.connect(self.server.address, api_key=self.keys[role], timeout_seconds=20)


def open_desk(folder: Path) -> Desk:
    options = ("--tenant", "plain", *write_program(folder / "program", PROGRAM + EAGER))
    roles = ("--role", "till", "--role", "manager", "--role", "fraud")
    keys = {"all": issue_key(folder / "data", *options, *roles)}
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite3", isolation_level=None)) as connection:
        for role in ("till", "manager", "fraud"):
            issued = issue()
            connection.execute(
                "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, ?, ?, 1)",
                (issued.key_id, role, issued.hash),
            )
            keys[role] = issued.raw_key
    return Desk(ServerProcess(folder / "data", options, api_key=keys["all"]), keys)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = open_desk(tmp_path_factory.mktemp("advice"))
    desk.server.start()
    yield desk
    assert desk.server.stop() == 0
    audit(desk.server.database)
    assert desk.server.complaints() == []
    desk.server.clean_up()


@pytest.fixture
def client(desk: Desk) -> Iterator[SyncPointguardClient]:
    with desk.client() as client:
        yield client


@pytest.fixture
def raw(desk: Desk) -> Iterator[RawCalls]:
    with RawCalls(desk.server) as raw:
        yield raw


def enroll(client: SyncPointguardClient) -> Identifier:
    """Enroll a member with 1,000 points."""
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member])
    assert client.accrue(member, Money(100_00, "CAD")).points == 1_000
    return member


def trip(client: SyncPointguardClient, member: Identifier) -> str:
    """Redeem until the rule trips; return the id of the advice."""
    decisions = [client.authorise_redemption(member, 1, capture=True).decision for _ in range(3)]
    assert decisions == [Decision.APPROVED, Decision.APPROVED, Decision.DECLINED]
    (advice,) = client.check_advice(member).advice
    return advice.advice_id


# ----------------------------------------------------------------------------------------------------------- overriding


def test_an_overridden_advice_stands_no_more_and_its_rule_is_suppressed(
    desk: Desk, client: SyncPointguardClient
) -> None:
    member = enroll(client)
    advice_id = trip(client, member)
    done = client.fraud.override_advice(advice_id, CLEARED)
    assert client.check_advice(member).advice == ()
    redemption = client.authorise_redemption(member, 1, capture=True)
    assert (redemption.decision, redemption.reasons) == (Decision.APPROVED, ())
    assert client.fraud.list_advice(member).advice == ()
    (history,) = client.fraud.list_advice(member, include_ended=True).advice
    assert (history.advice.advice_id, history.account_id, history.state) == (
        advice_id,
        done.account_id,
        AdviceState.OVERRIDDEN,
    )
    raised, overridden = history.steps
    assert (raised.event, raised.intervention) == (AdviceEvent.RAISED, None)
    assert (overridden.event, overridden.transaction_id) == (AdviceEvent.OVERRIDDEN, done.transaction_id)
    by = overridden.intervention
    assert by is not None
    assert (by.author, by.reason, by.note) == (CLEARED.author, CLEARED.reason, CLEARED.note)
    assert by.api_key_id == key_id_of(desk.keys["all"])
    assert raised.ends_at == overridden.ends_at == history.advice.ends_at


def test_an_explanation_says_that_a_rule_was_suppressed_and_which_advice_was_overridden(
    client: SyncPointguardClient,
) -> None:
    member = enroll(client)
    advice_id = trip(client, member)
    client.fraud.override_advice(advice_id, CLEARED)
    redemption = client.authorise_redemption(member, 1, capture=True)
    explained = client.explain_decision(redemption.transaction_id)
    assert explained.reproduced, explained.differences
    (eager,) = [check for check in explained.checks if check.rule == "eager"]
    assert (eager.tripped, eager.suppressed, eager.forbade, eager.raised) == (True, True, False, False)
    assert explained.account_before.standing_advice == ()
    assert [advice.advice_id for advice in explained.account_before.overridden_advice] == [advice_id]


@pytest.mark.parametrize("way", ["override_advice", "remove_advice"])
def test_an_advice_can_be_ended_once_and_a_retry_gives_the_first_answer(
    client: SyncPointguardClient, raw: RawCalls, way: str
) -> None:
    advice_id = trip(client, enroll(client))
    end = getattr(client.fraud, way)
    key = new_idempotency_key()
    first = end(advice_id, CLEARED, idempotency_key=key)
    assert end(advice_id, CLEARED, idempotency_key=key) == first
    for again in (client.fraud.override_advice, client.fraud.remove_advice):
        with pytest.raises(AdviceEnded):
            again(advice_id, CLEARED)
    rpc = "OverrideAdvice" if way == "override_advice" else "RemoveAdvice"
    other = raw.call(rpc, RPCS[rpc].request(advice_id=advice_id, idempotency_key=key))
    assert (other.code, other.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")


def test_the_same_request_by_another_key_of_the_staff_is_the_same_request(
    desk: Desk, client: SyncPointguardClient
) -> None:
    advice_id = trip(client, enroll(client))
    key = new_idempotency_key()
    first = client.fraud.remove_advice(advice_id, CLEARED, idempotency_key=key)
    with desk.client("fraud") as other:
        assert other.fraud.remove_advice(advice_id, CLEARED, idempotency_key=key) == first


def test_a_removed_advice_stands_no_more_and_its_rule_trips_again(client: SyncPointguardClient) -> None:
    member = enroll(client)
    advice_id = trip(client, member)
    client.fraud.remove_advice(advice_id, CLEARED)
    assert client.check_advice(member).advice == ()
    declined = client.authorise_redemption(member, 1)
    assert [reason.code for reason in declined.reasons] == [ReasonCode.FRAUD_RULE]
    newer, older = client.fraud.list_advice(member, include_ended=True).advice
    assert (newer.state, older.state) == (AdviceState.STANDING, AdviceState.REMOVED)
    assert older.advice.advice_id == advice_id != newer.advice.advice_id


# -------------------------------------------------------------------------------------------------------------- by hand


def test_advice_raised_by_hand_is_enforced_shown_and_listed_with_who_and_why(client: SyncPointguardClient) -> None:
    member = enroll(client)
    raised = client.fraud.raise_advice(member, AdviceContext.REDEMPTION, AdvicePosture.BLOCK, DAY, SUSPECTED)
    declined = client.authorise_redemption(member, 1)
    assert [(reason.code, reason.rule) for reason in declined.reasons] == [(ReasonCode.ADVICE_BLOCK, "")]
    assert client.accrue(member, Money(1_00, "CAD")).decision is Decision.APPROVED
    (advice,) = client.check_advice(member).advice
    assert advice.advice_id == raised.advice_id
    assert advice.ends_at is not None
    assert advice.starts_at is not None
    assert advice.ends_at - advice.starts_at == DAY
    (history,) = client.fraud.list_advice(member).advice
    assert (history.state, history.advice) == (AdviceState.STANDING, advice)
    (step,) = history.steps
    assert step.intervention is not None
    assert (step.intervention.author, step.intervention.reason) == (SUSPECTED.author, SUSPECTED.reason)
    client.fraud.remove_advice(raised.advice_id, CLEARED)
    assert client.authorise_redemption(member, 1).decision is Decision.APPROVED


def test_every_context_of_an_account_is_told_in_one_call(client: SyncPointguardClient) -> None:
    member = enroll(client)
    client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.WARN, DAY, SUSPECTED)
    client.fraud.raise_advice(member, AdviceContext.REDEMPTION, AdvicePosture.BLOCK, DAY, SUSPECTED)
    report = client.check_advice(member)
    assert [(each.posture, each.context) for each in report.advice] == [
        (AdvicePosture.BLOCK, AdviceContext.REDEMPTION),
        (AdvicePosture.WARN, AdviceContext.EARNING),
    ]


def test_advice_by_hand_may_end_at_a_moment_and_is_listed_as_expired_after_it(client: SyncPointguardClient) -> None:
    member = enroll(client)
    until = datetime.now(UTC) + timedelta(seconds=2)
    client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.LOG, until, SUSPECTED)
    assert [advice.ends_at for advice in client.check_advice(member).advice] == [until]
    while client.check_advice(member).advice:
        assert datetime.now(UTC) < until + timedelta(seconds=30)
    (history,) = client.fraud.list_advice(member, include_ended=True).advice
    assert history.state is AdviceState.EXPIRED
    with pytest.raises(AdviceEnded):
        client.fraud.override_advice(history.advice.advice_id, CLEARED)


PAST = timestamp_pb2.Timestamp(seconds=1_600_000_000)


@pytest.mark.parametrize(
    ("rpc", "changes", "fields"),
    [
        ("RaiseAdvice", {"intervention": None}, ("intervention.author", "intervention.reason")),
        ("OverrideAdvice", {"intervention": common_pb2.Intervention(author="a")}, ("intervention.reason",)),
        ("RemoveAdvice", {"intervention": common_pb2.Intervention(author="a")}, ("intervention.reason",)),
        ("SetAccountStatus", {"intervention": common_pb2.Intervention(author="a")}, ("intervention.reason",)),
        (
            "RemoveAdvice",
            {"intervention": common_pb2.Intervention(author="a", reason=common_pb2.INTERVENTION_REASON_OTHER)},
            ("intervention.note",),
        ),
        (
            "RemoveAdvice",
            {"intervention": common_pb2.Intervention(author="a", reason=99, api_key_id="k")},  # type: ignore[arg-type]
            ("intervention.reason", "intervention.api_key_id"),
        ),
        ("OverrideAdvice", {"advice_id": "7"}, ("advice_id",)),
        ("RaiseAdvice", {"duration": None, "context": None, "posture": None}, ("context", "posture", "end")),
        ("RaiseAdvice", {"duration": duration_pb2.Duration(nanos=1)}, ("duration",)),
        ("RaiseAdvice", {"duration": duration_pb2.Duration(seconds=10**10)}, ("duration",)),
        ("RaiseAdvice", {"duration": None, "ends_at": PAST}, ("ends_at",)),
        ("SetAccountStatus", {"status": None}, ("status",)),
        ("ListAdvice", {"page_size": 101, "page_token": "x"}, ("page_size", "page_token")),
    ],
    ids=str,
)
def test_what_is_missing_or_out_of_range_is_named(
    client: SyncPointguardClient, raw: RawCalls, rpc: str, changes: dict[str, Any], fields: tuple[str, ...]
) -> None:
    account_id = client.find_member(enroll(client)).account_id
    if "member" in RPCS[rpc].fields:
        changes = {"member": common_pb2.MemberReference(account_id=account_id), **changes}
    answer = raw.call(rpc, RPCS[rpc].request(**changes))
    assert (answer.code, answer.fields) == ("INVALID_ARGUMENT", fields)


def test_an_advice_that_was_never_raised_is_not_found(client: SyncPointguardClient) -> None:
    member = enroll(client)
    advice_id = trip(client, member)
    of_no_rule = f"{advice_id[:-4]}ffff"
    transaction_id = client.accrue(member, Money(1_00, "CAD")).transaction_id
    for unknown in (of_no_rule, transaction_id, "01890000-0000-7000-8000-000000000000"):
        with pytest.raises(NotFound):
            client.fraud.override_advice(unknown, CLEARED)
        with pytest.raises(NotFound):
            client.fraud.remove_advice(unknown, CLEARED)


# ---------------------------------------------------------------------------------------------------------------- lists


def test_lists_come_in_pages_the_advice_that_was_raised_last_first(client: SyncPointguardClient) -> None:
    member, other = enroll(client), enroll(client)
    raised = [
        client.fraud.raise_advice(each, AdviceContext.EARNING, AdvicePosture.LOG, DAY, SUSPECTED).advice_id
        for each in (member, other, member, member, member, member)
    ]
    client.fraud.remove_advice(raised[3], CLEARED)
    own = [raised[5], raised[4], raised[2], raised[0]]
    assert [each.advice.advice_id for each in client.fraud.list_advice(member).advice] == own
    pages, token = [], ""
    while True:
        page = client.fraud.list_advice(member, include_ended=True, page_size=2, page_token=token)
        pages.append([each.advice.advice_id for each in page.advice])
        token = page.next_page_token
        if not token:
            break
    assert pages == [[raised[5], raised[4]], [raised[3], raised[2]], [raised[0]]]
    program = [each.advice.advice_id for each in client.fraud.list_advice(page_size=5).advice]
    assert program == [raised[5], raised[4], raised[2], raised[1], raised[0]]


# --------------------------------------------------------------------------------------------------------------- cases


def open_case(client: SyncPointguardClient, member: Identifier) -> str:
    """Link a card too many; return the case."""
    for _ in range(2):
        client.link_identifier(member, Identifier.card(new_idempotency_key()))
    (case,) = client.fraud.list_cases(member).cases
    return case.case_id


def test_a_case_is_opened_by_a_rule_proposed_by_one_and_resolved_by_another(
    desk: Desk, client: SyncPointguardClient
) -> None:
    member, none = enroll(client), CaseOutcome.FALSE_POSITIVE
    case_id = open_case(client, member)
    assert client.authorise_redemption(member, 1).reasons == (Reason(ReasonCode.ADVICE_BLOCK, "linked"),)
    with pytest.raises(AdviceIsCase):
        client.fraud.override_advice(case_id, CLEARED)
    proposed = client.fraud.resolve_case(case_id, none, CLEARED, idempotency_key=f"{case_id} a")
    assert proposed.state is CaseState.PROPOSED
    with pytest.raises(FourEyes):
        client.fraud.resolve_case(case_id, none, replace(CLEARED, author="analyst 8"))
    with desk.client("fraud") as second:
        with pytest.raises(FourEyes):
            second.fraud.resolve_case(case_id, none, CLEARED)
        (case,) = second.fraud.list_cases(states=[CaseState.PROPOSED]).cases
        assert (case.case_id, case.state, case.outcome) == (case_id, CaseState.PROPOSED, none)
        resolved = second.fraud.resolve_case(case_id, none, replace(CLEARED, author="analyst 8"))
        assert resolved.state is CaseState.RESOLVED
        with pytest.raises(CaseResolved):
            second.fraud.resolve_case(case_id, none, SUSPECTED)
    assert client.fraud.resolve_case(case_id, none, CLEARED, idempotency_key=f"{case_id} a") == proposed
    assert client.fraud.list_cases(member).cases == ()
    (case,) = client.fraud.list_cases(member, states=[CaseState.RESOLVED]).cases
    assert [step.event for step in case.steps] == [AdviceEvent.RAISED, AdviceEvent.PROPOSED, AdviceEvent.RESOLVED]
    assert [step.intervention and step.intervention.author for step in case.steps] == [None, "analyst 7", "analyst 8"]
    assert case.advice.ends_at is not None
    assert case.steps[0].ends_at is None
    (history,) = client.fraud.list_advice(member, include_ended=True).advice
    assert (history.advice.advice_id, history.state) == (case_id, AdviceState.RESOLVED)
    assert client.authorise_redemption(member, 1).decision is Decision.APPROVED
    for transaction_id, decision in (
        (proposed.transaction_id, Decision.REVIEW),
        (resolved.transaction_id, Decision.APPROVED),
    ):
        explained = client.explain_decision(transaction_id)
        assert explained.reproduced, explained.differences
        assert explained.transaction is not None
        assert (explained.transaction.operation, explained.transaction.decision) == (Operation.RESOLVE_CASE, decision)
        assert {each.name: each.value for each in explained.inputs}["request.outcome"] == "FALSE_POSITIVE"


async def test_a_redemption_beside_a_resolution_is_decided_before_or_after_it(desk: Desk) -> None:
    with desk.client("fraud") as first:
        async with PointguardClient.connect(
            desk.server.address, api_key=desk.keys["all"], timeout_seconds=20
        ) as client:
            for turn in range(6):
                member = Identifier.external_id(new_idempotency_key())
                await client.enroll_member([member])
                await client.accrue(member, Money(100_00, "CAD"))
                for _ in range(2):
                    await client.link_identifier(member, Identifier.card(new_idempotency_key()))
                (case,) = (await client.fraud.list_cases(member)).cases
                await asyncio.to_thread(
                    first.fraud.resolve_case, case.case_id, CaseOutcome.FALSE_POSITIVE, replace(CLEARED, author="other")
                )
                calls = [
                    client.fraud.resolve_case(case.case_id, CaseOutcome.FALSE_POSITIVE, CLEARED),
                    client.authorise_redemption(member, 1, capture=True),
                ]
                answers = await asyncio.gather(*(calls if turn % 2 else reversed(calls)))
                end, redemption = answers if turn % 2 else reversed(answers)
                resolution = await client.get_transaction(end.transaction_id)
                explained = await client.explain_decision(redemption.transaction_id)
                assert explained.reproduced, explained.differences
                assert explained.transaction is not None
                came_after = explained.transaction.seq > resolution.seq
                assert redemption.decision is (Decision.APPROVED if came_after else Decision.DECLINED)


def test_a_till_that_is_asked_for_a_factor_says_that_it_has_verified_it_and_its_transaction_says_so(
    client: SyncPointguardClient,
) -> None:
    member = enroll(client)
    asked = client.authorise_redemption(member, 101, idempotency_key=f"{member.value} asked")
    assert asked.reasons == (Reason(ReasonCode.STEP_UP_PIN, "spender"),)
    with pytest.raises(KeyReused):
        client.authorise_redemption(member, 101, idempotency_key=f"{member.value} asked", verified_by=(Factor.PIN,))
    passed = client.authorise_redemption(member, 101, verified_by=(Factor.SUPERVISOR, Factor.PIN))
    assert (passed.decision, passed.reasons) == (Decision.APPROVED, ())
    explained = client.explain_decision(passed.transaction_id)
    assert explained.reproduced, explained.differences
    assert explained.transaction is not None
    assert explained.transaction.verified_by == (Factor.PIN, Factor.SUPERVISOR)
    (spender,) = [check for check in explained.checks if check.rule == "spender"]
    assert (spender.tripped, spender.verified, spender.forbade, spender.raised) == (True, True, False, True)


def test_a_till_is_told_which_factor_advice_asks_for(client: SyncPointguardClient) -> None:
    member = enroll(client)
    step_up = AdvicePosture.STEP_UP
    client.fraud.raise_advice(member, AdviceContext.REDEMPTION, step_up, DAY, SUSPECTED)
    client.fraud.raise_advice(member, AdviceContext.REDEMPTION, AdvicePosture.LOCK, DAY, SUSPECTED)
    client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.SUSPEND, DAY, SUSPECTED)
    report = client.check_advice(member)
    assert [advice.posture for advice in report.advice] == [AdvicePosture.SUSPEND, AdvicePosture.LOCK, step_up]
    assert (report.posture, report.redemption_locked, report.suspended) == (AdvicePosture.SUSPEND, True, True)
    declined = client.authorise_redemption(member, 1)
    assert [reason.code for reason in declined.reasons] == [
        ReasonCode.ACCOUNT_SUSPENDED,
        ReasonCode.REDEMPTION_LOCKED,
        ReasonCode.STEP_UP,
    ]


# ---------------------------------------------------------------------------------------------------------------- roles


def test_only_a_key_for_fraud_may_intervene_and_it_may_do_nothing_else(desk: Desk) -> None:
    with desk.client() as client:
        member = enroll(client)
        advice_id = trip(client, member)
    calls: list[Callable[[SyncPointguardClient], Any]] = [
        lambda client: client.fraud.list_advice(member),
        lambda client: client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.LOG, DAY, SUSPECTED),
        lambda client: client.fraud.set_account_status(member, AccountStatus.ACTIVE, CLEARED),
        lambda client: client.fraud.override_advice(advice_id, CLEARED),
    ]
    for role in ("till", "manager"):
        with desk.client(role) as client:
            for call in calls:
                with pytest.raises(PermissionDenied):
                    call(client)
            with pytest.raises(PermissionDenied):
                client.fraud.remove_advice(advice_id, CLEARED)
    with desk.client("fraud") as client:
        for call in calls:
            call(client)
        with pytest.raises(PermissionDenied):
            client.accrue(member, Money(1_00, "CAD"))
    with RawCalls(desk.server) as raw:
        watched = {
            role: raw.call("WatchAdvice", b"", metadata=[("authorization", f"Bearer {desk.keys[role]}")]).code
            for role in ("till", "manager", "fraud")
        }
    assert watched == {"till": "PERMISSION_DENIED", "manager": "PERMISSION_DENIED", "fraud": "OK"}


def test_only_an_agents_key_gives_points(desk: Desk) -> None:
    with desk.client() as client:
        member = enroll(client)
    for role in ("till", "manager", "fraud", "all"):
        with desk.client(role) as client, pytest.raises(PermissionDenied):
            client.adjust_points(member, 1, "agent 7", "GOODWILL", "late")


# ---------------------------------------------------------------------------------------------------------- suspensions


def test_a_suspended_account_neither_redeems_nor_earns_until_it_is_reinstated(client: SyncPointguardClient) -> None:
    member = enroll(client)
    reserved = client.authorise_redemption(member, 10)
    assert client.fraud.set_account_status(member, AccountStatus.SUSPENDED, SUSPECTED).status is AccountStatus.SUSPENDED
    redemption, accrual = client.authorise_redemption(member, 1), client.accrue(member, Money(1_00, "CAD"))
    for transaction_id, reasons in (
        (redemption.transaction_id, redemption.reasons),
        (accrual.transaction_id, accrual.reasons),
    ):
        assert [reason.code for reason in reasons] == [ReasonCode.ACCOUNT_SUSPENDED]
        assert client.explain_decision(transaction_id).reproduced
    assert client.check_advice(member).suspended
    assert client.get_balance(member).suspended
    assert client.quote_redemption(member).points_max == 0
    assert client.capture_redemption(reserved.transaction_id).points == 10
    assert client.fraud.set_account_status(member, AccountStatus.ACTIVE, CLEARED).status is AccountStatus.ACTIVE
    assert not client.check_advice(member).suspended
    assert client.accrue(member, Money(1_00, "CAD")).decision is Decision.APPROVED


# ---------------------------------------------------------------------------------------- transactions, explanations


def test_every_intervention_is_a_transaction_that_says_who_and_why_and_is_reproduced(
    desk: Desk, client: SyncPointguardClient
) -> None:
    member = enroll(client)
    tripped = trip(client, member)
    raised = client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.WARN, DAY, SUSPECTED)
    made = {
        Operation.RAISE_ADVICE: raised.transaction_id,
        Operation.OVERRIDE_ADVICE: client.fraud.override_advice(tripped, CLEARED).transaction_id,
        Operation.REMOVE_ADVICE: client.fraud.remove_advice(raised.advice_id, CLEARED).transaction_id,
        Operation.SET_ACCOUNT_STATUS: client.fraud.set_account_status(
            member, AccountStatus.SUSPENDED, SUSPECTED
        ).transaction_id,
    }
    steps, ended = [], {made[Operation.OVERRIDE_ADVICE], made[Operation.REMOVE_ADVICE]}
    for operation, transaction_id in made.items():
        transaction = client.get_transaction(transaction_id)
        kind = TransactionKind.OVERRIDE if transaction_id in ended else TransactionKind.INTERVENTION
        assert (transaction.operation, transaction.kind) == (operation, kind)
        assert transaction.intervention is not None
        assert transaction.intervention.author == "analyst 7"
        assert transaction.intervention.api_key_id == key_id_of(desk.keys["all"])
        steps += [(change.event, change.advice.advice_id) for change in transaction.advice]
        explained = client.explain_decision(transaction_id)
        assert explained.reproduced, explained.differences
        assert explained.transaction == transaction
        inputs = {each.name: each.value for each in explained.inputs}
        assert inputs["intervention.reason"] == transaction.intervention.reason.name
    assert steps == [
        (AdviceEvent.RAISED, raised.advice_id),
        (AdviceEvent.OVERRIDDEN, tripped),
        (AdviceEvent.REMOVED, raised.advice_id),
    ]


async def test_a_redemption_beside_an_override_is_decided_before_or_after_it_and_explained_so(desk: Desk) -> None:
    decisions = set()
    async with PointguardClient.connect(desk.server.address, api_key=desk.keys["all"], timeout_seconds=20) as client:
        for turn in range(12):
            member = Identifier.external_id(new_idempotency_key())
            await client.enroll_member([member])
            await client.accrue(member, Money(100_00, "CAD"))
            for _ in range(3):
                await client.authorise_redemption(member, 1, capture=True)
            (advice,) = (await client.check_advice(member)).advice
            calls = [
                client.fraud.override_advice(advice.advice_id, CLEARED),
                client.authorise_redemption(member, 1, capture=True),
            ]
            answers = await asyncio.gather(*(calls if turn % 2 else reversed(calls)))
            end, redemption = answers if turn % 2 else reversed(answers)
            override = await client.get_transaction(end.transaction_id)
            explained = await client.explain_decision(redemption.transaction_id)
            assert explained.reproduced, explained.differences
            assert explained.transaction is not None
            came_after = explained.transaction.seq > override.seq
            assert redemption.decision is (Decision.APPROVED if came_after else Decision.DECLINED)
            before = explained.account_before
            told = before.overridden_advice if came_after else before.standing_advice
            assert [each.advice_id for each in told] == [advice.advice_id]
            decisions.add(redemption.decision)
    assert decisions <= {Decision.APPROVED, Decision.DECLINED}


# -------------------------------------------------------------------------------------------------------------- crashes


@pytest.mark.long
def test_interventions_that_were_answered_outlive_a_kill(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    server = desk.server
    server.start()
    try:
        with desk.client() as client:
            member, suspended, reviewed, exempt = (enroll(client) for _ in range(4))
            client.fraud.add_exemption(exempt, datetime.now(UTC) + DAY, CLEARED, rule="eager")
            overridden = trip(client, member)
            raised = client.fraud.raise_advice(member, AdviceContext.EARNING, AdvicePosture.BLOCK, DAY, SUSPECTED)
            end = client.fraud.override_advice(overridden, CLEARED, idempotency_key="override")
            client.fraud.set_account_status(suspended, AccountStatus.SUSPENDED, SUSPECTED)
            case_id = open_case(client, reviewed)
            client.fraud.resolve_case(case_id, CaseOutcome.INCONCLUSIVE, SUSPECTED)
            server.kill()
        server.start()
        with desk.client() as client:
            assert [advice.advice_id for advice in client.check_advice(member).advice] == [raised.advice_id]
            assert client.authorise_redemption(member, 1).decision is Decision.APPROVED
            assert client.accrue(member, Money(1_00, "CAD")).decision is Decision.DECLINED
            assert client.accrue(suspended, Money(1_00, "CAD")).decision is Decision.DECLINED
            assert client.fraud.override_advice(overridden, CLEARED, idempotency_key="override") == end
            states = {each.advice.advice_id: each.state for each in client.fraud.list_advice(include_ended=True).advice}
            assert states == {
                overridden: AdviceState.OVERRIDDEN, raised.advice_id: AdviceState.STANDING,
                case_id: AdviceState.STANDING,
            }  # fmt: skip
            passed = [client.authorise_redemption(exempt, 1).decision for _ in range(4)]
            assert passed == [Decision.APPROVED] * 4
            (case,) = client.fraud.list_cases().cases
            assert (case.case_id, case.state, len(case.steps)) == (case_id, CaseState.PROPOSED, 2)
        assert server.stop() == 0
        audit(server.database)
    finally:
        server.clean_up()


# --------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_lists_raises_overrides_and_suspends(
    desk: Desk, client: SyncPointguardClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POINTGUARD_ADDRESS", desk.server.address)
    monkeypatch.setenv("POINTGUARD_API_KEY", desk.keys["fraud"])
    member = enroll(client)
    advice_id = trip(client, member)

    def run(*arguments: str) -> str:
        assert main(["fraud", *arguments]) == 0
        return capsys.readouterr().out

    who = ("--author", "analyst 7", "--reason")
    found = ("--external-id", str(member.value))
    run("raise", *found, "--context", "earning", "--posture", "warn", "--for", "3600", *who, "suspected-fraud")
    run("override", advice_id, *who, "false-positive", "--note", "a family")
    listed = run("list", *found, "--ended")
    for words in ("OVERRIDDEN", "STANDING", "analyst 7", "FALSE_POSITIVE a family", advice_id):
        assert words in listed
    assert "OVERRIDDEN" not in run("list", *found)
    assert "SUSPENDED" in run("suspend", *found, *who, "account-takeover")
    assert client.check_advice(member).suspended
    assert "ACTIVE" in run("reinstate", *found, *who, "member-verified")
    shown = client.check_advice(member).advice[0]
    run("remove", shown.advice_id, *who, "resolved")
    assert client.check_advice(member).advice == ()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "scripts"),
    [
        ("fraud.md", 3),
        ("advice.md", 3),
        *((f"{page}.md", 1) for page in ("activity", "adjustments", "transfers")),
    ],
)
def test_the_pages_about_fraud_run_as_they_stand(
    shared_server: ServerProcess, tmp_path: Path, name: str, scripts: int
) -> None:
    page = (ROOT / "docs" / name).read_text()
    examples = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", page, re.DOTALL)
    assert len(examples) == page.count("```sh") == scripts
    for script, said in examples:
        printed = walk(shared_server, tmp_path, script)
        for line in said.splitlines():
            assert re.sub(" +", " ", line) in re.sub(" +", " ", printed), line
