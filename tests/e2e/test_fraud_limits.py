"""The limit of each built-in rule and each control over gRPC, one below and one above; ways around them; and races."""

import asyncio
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointguard.v1 import member_pb2
from pointguard_client import (
    AccountStatus,
    Accrue,
    Activity,
    AdviceContext,
    AuthoriseRedemption,
    BatchColumns,
    Decision,
    FailedPrecondition,
    Identifier,
    Intervention,
    InterventionReason,
    InvalidArgument,
    Money,
    Operation,
    Origin,
    PointguardClient,
    Profile,
    Redemption,
    RuleChange,
    RuleChangeReason,
    SyncPointguardClient,
    TransactionKind,
    TransactionPart,
    new_idempotency_key,
    new_idempotency_keys,
)
from pointguard_server.service.credentials import issue
from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.e2e.test_operations import scrape
from tests.support.server import PROGRAM, ServerProcess, write_program

LIMITS = {"DAY": 2, "WEEK": 3, "MONTH": 4}
RULE = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_{family}_{unit}"
window = {{ calendar = "{unit}" }}
threshold = {threshold}
posture = "WARN"
duration = "1d"
"""
CONTROLS = """
[program.redemption.daily_cap]
money_minor = 100
posture = "BLOCK"

[program.redemption.out_of_province]
posture = "BLOCK"

[program.redemption.spend_access]
money_minor = 10_00
bypassing_types = ["DONATION"]
posture = "BLOCK"

[program.card_linking]

[program.adjustments]
reason_codes = ["GOODWILL"]
credit_max = 50
agent_daily_max = 100
agent_monthly_max = 120
account_monthly_max = 100
"""
LENIENT = """
[[fraud_rule]]
name = "lenient"
scope = "AGENT"
context = "ADJUSTMENT"
counts = { kinds = ["OVERRIDE"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1d" }
threshold = 2
posture = "BLOCK"
duration = "1h"
"""
CAD = "CAD"
NOWHERE, HERE, ELSEWHERE = Origin(), Origin(store_id="s1"), Origin(store_id="s2")


def against(answer: Any) -> list[str]:
    """Return why something was declined; nothing if it was not."""
    found = [reason.code.name for reason in answer.reasons if reason.code.name != "FRAUD_WARNING"]
    assert (answer.decision is Decision.DECLINED) == bool(found)
    return found


def redeem(client: SyncPointguardClient, member: Identifier, points: int = 1, **how: Any) -> list[str]:
    return against(client.authorise_redemption(member, points, capture=True, **how))


def at_start(client: SyncPointguardClient, member: Identifier, origin: Origin = NOWHERE) -> list[str]:
    """Return what a till hears at a session's start of why a redemption would be declined."""
    report = client.check_advice(member, origin=origin)
    assert client.check_advice(member, origin=origin, context=AdviceContext.EARNING).redemption_reasons == ()
    return [
        reason.rule if reason.code.name == "FRAUD_RULE" else reason.code.name for reason in report.redemption_reasons
    ]


def on_a_stream(server: ServerProcess, request: AuthoriseRedemption) -> list[str]:
    async def stream_it() -> Any:
        async with (
            PointguardClient.connect(server.address, api_key=server.api_key) as client,
            client.stream() as stream,
        ):
            return await (await stream.send(request))

    return against(asyncio.run(stream_it()))


def in_columns(client: SyncPointguardClient, account: int, points: int) -> list[str]:
    keys = new_idempotency_keys(1)
    row = BatchColumns(
        keys, [Operation.AUTHORISE], account_ids=[account], points=[points], captures=[1], currency_code=CAD
    )
    answers = client.process_batch_columns(row)
    assert answers.decisions[0] == Decision.DECLINED
    return [reason.code.name for reason in answers.reasons[0] if reason.code.name != "FRAUD_WARNING"]


def record(client: SyncPointguardClient, member: Identifier, part: TransactionPart) -> None:
    what = TransactionKind.ACTIVITY
    client.activity.record(Activity(new_idempotency_key(), member, what, datetime.now(UTC), parts=(part,), points=1))


FAMILIES: dict[str, Callable[[SyncPointguardClient, Identifier], object]] = {
    "BURN": redeem,
    "PURCHASE_TRANSACTION_COUNT": lambda client, member: client.accrue(member, Money(1, CAD)),
    "DISCRETIONARY_EARN": lambda client, member: client.adjust_points(member, 1, "agent 1", "GOODWILL", "late"),
    "EARN_FROM_PPE": lambda client, member: record(client, member, TransactionPart.PPE),
    "EARN_FROM_POINTS_TRANSFER": lambda client, member: client.transfer_points(enroll(client), member, 1),
    "EMAIL_UPDATE": lambda client, member: client.link_identifier(
        member, Identifier.email(f"{new_idempotency_key()}@example.com")
    ),
}
RULES = "".join(
    RULE.format(family=family, unit=unit, threshold=threshold)
    for family in FAMILIES
    for unit, threshold in LIMITS.items()
)


RACED = """
[[fraud_rule]]
name = "raced"
context = "REDEMPTION"
counts = { kinds = ["PURCHASE"], parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1s" }
threshold = 0
posture = "BLOCK"
duration = "0s"
"""
NEAR = "[program.fraud]\ndeadline_near_ms = 10_000\n"
IDENTIFIERS = 'identifiers = ["LOYALTY_ID", "EXTERNAL_ID", "CARD", "EMAIL"]\n'
LIMITED = (
    PROGRAM.replace("[program.redemption]", f"{IDENTIFIERS}[program.redemption]") + NEAR + CONTROLS + RULES + LENIENT
)
TUNED = RuleChange("analyst 7", RuleChangeReason.INCIDENT)
WHY = Intervention("analyst 7", InterventionReason.SUSPECTED_FRAUD, session_id="console 3, 14:02")


@pytest.fixture(scope="module")
def server(plain_data: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of a program with all of these, and a key with every role."""
    folder, key = tmp_path_factory.mktemp("limits"), issue()
    shutil.copytree(plain_data[0], folder / "data")
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite3", isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, ?, ?, 1)",
            (key.key_id, "till agent fraud manager", key.hash),
        )
    options = ("--tenant", "plain", *write_program(folder / "program", LIMITED))
    server = ServerProcess(folder / "data", options, api_key=key.raw_key)
    try:
        server.start()
        yield server
        assert server.stop() == 0
        audit(server.database)
        assert server.complaints() == []
    finally:
        server.clean_up()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[SyncPointguardClient]:
    with SyncPointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        yield client


def enroll(client: SyncPointguardClient, spent: int = 20_00, province: str = "") -> Identifier:
    """Enroll a member who has bought for so much."""
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member], profile=Profile(province=province))
    if spent:
        client.accrue(member, Money(spent, CAD))
    return member


@pytest.mark.parametrize("family", FAMILIES)
def test_each_built_in_rule_trips_above_its_own_threshold_and_not_at_it(
    client: SyncPointguardClient, family: str
) -> None:
    member = enroll(client, spent=0 if family == "PURCHASE_TRANSACTION_COUNT" else 20_00)
    told = []
    for _ in range(5):
        FAMILIES[family](client, member)
        told.append({advice.rule.rsplit("_", 1)[1] for advice in client.check_advice(member).advice})
    assert told == [set(), set(), {"DAY"}, {"DAY", "WEEK"}, {"DAY", "WEEK", "MONTH"}]
    rules = {advice.rule.rsplit("_", 1)[0] for advice in client.check_advice(member).advice}
    assert rules == {f"ADVICE_CHECK_ACCOUNT_{family}"}


def test_a_days_redemptions_come_to_the_cap_and_not_a_cent_beyond_whichever_way_they_come(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member = enroll(client)
    assert redeem(client, member, 90) == []
    capped = ["DAILY_REDEMPTION_CAP"]
    assert at_start(client, member) == []
    assert redeem(client, member, 11) == capped
    one = AuthoriseRedemption(member, 11, capture=True)
    assert [against(each) for each in client.process_batch([one])] == [capped]
    assert on_a_stream(server, AuthoriseRedemption(member, 11, capture=True)) == capped
    assert in_columns(client, client.find_member(member).account_id, 11) == capped
    assert client.quote_redemption(member).points_max == 10
    assert redeem(client, member, 10) == []
    assert at_start(client, member) == capped


def test_who_has_spent_a_cent_too_little_redeems_only_what_bypasses_the_control(client: SyncPointguardClient) -> None:
    member = enroll(client, spent=9_99)
    assert redeem(client, member) == ["FRAUD_RULE"]
    assert redeem(client, member, redemption_type="donation") == ["FRAUD_RULE"]
    assert redeem(client, member, redemption_type="DONATION") == []
    assert at_start(client, member) == ["SPEND_BASED_REDEMPTION_ACCESS"]
    bought = client.accrue(member, Money(1, CAD))
    assert redeem(client, member) == at_start(client, member) == []
    # What goes back has not been spent, and what an agent gives never was.
    client.return_transaction(bought.transaction_id)
    client.adjust_points(member, 50, "agent 2", "GOODWILL", "late")
    assert redeem(client, member) == ["FRAUD_RULE"]
    both = client.process_batch([AuthoriseRedemption(member, 1, capture=True), Accrue(member, Money(1, CAD))])
    assert [against(each) for each in both] == [["FRAUD_RULE"], []]
    assert redeem(client, member) == []


def test_the_third_card_of_a_month_is_refused_and_the_refusal_says_what_was_counted(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member, name = enroll(client), "pointguard_refusals_total"
    refused = (name, (("outcome", "CARD_LINKING_CAP"),))
    before = scrape(server).get(refused, 0)
    card = Identifier.card(new_idempotency_key())
    client.link_identifier(member, card, origin=HERE)
    client.link_identifier(member, Identifier.loyalty_id(new_idempotency_key()), origin=HERE)
    with pytest.raises(FailedPrecondition, match=r"linked 2, most 2, since 20\d\d-\d\d-01T0[45]:00:00\+00:00") as told:
        client.replace_card(card, Identifier.card(new_idempotency_key()), origin=HERE)
    assert told.value.reason == "CARD_LINKING_CAP"
    with pytest.raises(FailedPrecondition, match="CARD_LINKING_CAP"):
        client.link_identifier(member, Identifier.card(new_idempotency_key()), origin=HERE)
    assert scrape(server)[refused] == before + 2
    assert client.accrue(card, Money(1, CAD)).decision is Decision.APPROVED, "the old card is as it was"


def test_a_member_redeems_at_home_alone_under_any_identifier_and_with_any_card(client: SyncPointguardClient) -> None:
    member = enroll(client, province="CA-ON")
    card, other = Identifier.card(new_idempotency_key()), Identifier.card(new_idempotency_key())
    client.link_identifier(member, card)
    assert redeem(client, member, origin=HERE) == []
    client.replace_card(card, other)
    for named in (member, other):
        assert redeem(client, named, origin=ELSEWHERE) == ["OUT_OF_PROVINCE"]
    assert client.quote_redemption(other, origin=ELSEWHERE).points_max == 0
    assert (at_start(client, other, ELSEWHERE), at_start(client, other, HERE)) == (["OUT_OF_PROVINCE"], [])


def test_a_lock_stops_every_way_of_redeeming_and_nothing_else(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member, card = enroll(client), Identifier.card(new_idempotency_key())
    client.link_identifier(member, card)
    account = client.find_member(member).account_id
    spent, keep = new_idempotency_key(), new_idempotency_key()
    first = client.authorise_redemption(member, 1, capture=True, idempotency_key=spent)
    client.set_redemption_lock(member, True, idempotency_key=keep)
    client.set_redemption_lock(member, False)
    client.set_redemption_lock(member, True)
    # A retry of what was said before the lock changes nothing.
    assert client.authorise_redemption(member, 1, capture=True, idempotency_key=spent) == first
    assert client.set_redemption_lock(member, True, idempotency_key=keep).locked
    locked = ["REDEMPTION_LOCKED"]
    for named in (member, card, Identifier.account_id(account)):
        assert redeem(client, named) == locked
        assert redeem(client, named, redemption_type="DONATION", origin=HERE) == locked
    both = client.process_batch([Accrue(card, Money(1, CAD)), AuthoriseRedemption(card, 1, capture=True)])
    assert [against(each) for each in both] == [[], locked]
    assert on_a_stream(server, AuthoriseRedemption(card, 1, allow_partial=True)) == locked
    assert in_columns(client, account, 1) == locked
    new = Identifier.card(new_idempotency_key())
    client.replace_card(card, new)
    assert redeem(client, new) == locked
    assert client.adjust_points(member, -1, "agent 3", "GOODWILL", "twice", kind=TransactionKind.ADJUSTMENT).decision
    assert client.check_advice(new).redemption_locked


def test_a_suspended_account_neither_redeems_nor_earns_whichever_way_it_is_asked(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member, card = enroll(client), Identifier.card(new_idempotency_key())
    client.link_identifier(member, card)
    bought = client.accrue(member, Money(2_00, CAD))
    done = client.fraud.set_account_status(member, AccountStatus.SUSPENDED, WHY)
    said = client.get_transaction(done.transaction_id).intervention
    assert said is not None
    assert (said.author, said.session_id, bool(said.api_key_id)) == ("analyst 7", "console 3, 14:02", True)
    suspended = ["ACCOUNT_SUSPENDED"]
    both = client.process_batch([Accrue(card, Money(1, CAD)), AuthoriseRedemption(card, 1, capture=True)])
    assert [against(each) for each in both] == [suspended] * 2
    assert on_a_stream(server, AuthoriseRedemption(card, 1)) == suspended
    assert in_columns(client, done.account_id, 1) == suspended
    assert against(client.adjust_points(card, 1, "agent 4", "GOODWILL", "late")) == suspended
    new = Identifier.card(new_idempotency_key())
    client.replace_card(card, new)
    assert redeem(client, new) == suspended
    assert client.return_transaction(bought.transaction_id).signed_points == -20, "goods come back all the same"
    assert client.check_advice(new).suspended


def test_agents_give_up_to_each_limit_and_not_beyond(client: SyncPointguardClient) -> None:
    agent, member, other = new_idempotency_key(), enroll(client), enroll(client)

    def give(to: Identifier, points: int, by: str = agent) -> list[str]:
        return against(client.adjust_points(to, points, by, "GOODWILL", "late"))

    assert [give(member, 51), give(member, 50), give(member, 49)] == [["CREDIT_LIMIT"], [], []]
    assert give(other, 2) == ["AGENT_DAILY_LIMIT"]
    assert give(other, 1) == []
    assert give(member, 2, "another") == ["ACCOUNT_MONTHLY_LIMIT"]
    assert give(member, 1, "another") == []


def test_an_agent_who_adds_one_exemption_too_many_gives_no_more_points(client: SyncPointguardClient) -> None:
    agent, member = new_idempotency_key(), enroll(client)
    said = Intervention(agent, InterventionReason.MEMBER_REQUEST)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    told = []
    for _ in range(3):
        client.fraud.add_exemption(enroll(client), tomorrow, said)
        told.append(client.adjust_points(member, 1, agent, "GOODWILL", "late"))
    assert [against(each) for each in told] == [[], [], ["FRAUD_RULE"]]
    explained = client.explain_decision(told[-1].transaction_id)
    assert explained.reproduced, explained.differences
    (check,) = [each for each in explained.checks if each.rule == "lenient"]
    assert (check.seen, check.forbade, check.entity) == (3, True, agent)
    assert client.adjust_points(member, 1, "another", "GOODWILL", "late").decision is Decision.APPROVED


@contextmanager
def configured(client: SyncPointguardClient, text: str) -> Iterator[None]:
    """Have another configuration decide for a while."""
    calls = client.configuration
    before = calls.get_version().version
    version = calls.create_version(text, TUNED).version
    calls.activate_version(version, TUNED, expected_active_version=before)
    yield
    calls.roll_back(before, TUNED, expected_active_version=version)


def test_an_agent_gives_up_to_the_months_limit_and_not_beyond(client: SyncPointguardClient) -> None:
    agent, members = new_idempotency_key(), [enroll(client) for _ in range(3)]
    text = client.configuration.get_version().source.replace("agent_daily_max = 100", "agent_daily_max = 1000")
    with configured(client, text):
        told = [
            against(client.adjust_points(member, points, agent, "GOODWILL", "late"))
            for member, points in zip((*members, members[2]), (50, 50, 21, 20), strict=True)
        ]
    assert told == [[], [], ["AGENT_MONTHLY_LIMIT"], []]
    # In the month all counts, whatever decided it.
    assert against(client.adjust_points(members[0], 1, agent, "GOODWILL", "late")) == [
        "AGENT_DAILY_LIMIT",
        "AGENT_MONTHLY_LIMIT",
    ]


def test_a_call_whose_deadline_is_near_is_not_judged_by_wider_scopes_and_told_so(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    agent, member = new_idempotency_key(), enroll(client)
    with SyncPointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=9) as hasty:
        answer = hasty.adjust_points(member, 1, agent, "GOODWILL", "late")
        assert redeem(hasty, member) == [], "no rule of a wider scope looks at redemptions"
    assert [(reason.code.name, reason.rule) for reason in answer.reasons] == [
        ("RULE_UNAVAILABLE", "AGENT_DAILY_LIMIT"),
        ("RULE_UNAVAILABLE", "AGENT_MONTHLY_LIMIT"),
    ]
    assert answer.decision is Decision.DECLINED
    explained = client.explain_decision(answer.transaction_id)
    assert explained.reproduced, explained.differences
    assert against(client.adjust_points(member, 1, agent, "GOODWILL", "late")) == []


def test_an_identifier_of_a_kind_that_the_program_does_not_take_finds_and_links_nobody(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member, phone = enroll(client), Identifier.phone("+14165550123")
    for call in (
        lambda: client.link_identifier(member, phone),
        lambda: client.accrue(phone, Money(1, CAD)),
        lambda: client.enroll_member([phone]),
        lambda: client.check_advice(Identifier.device_guid("9f0c4b1e-0000-4000-8000-000000000000")),
    ):
        with pytest.raises(InvalidArgument, match="of a kind that finds no member of this program"):
            call()
    with RawCalls(server) as raw:
        request = RPCS["FindMember"].request(member={"phone": "+14165550123"})
        assert isinstance(request, member_pb2.FindMemberRequest)
        assert raw.call("FindMember", request).fields == ("member.phone",)
    assert client.accrue(Identifier.account_id(client.find_member(member).account_id), Money(1, CAD)).decision


def test_an_answer_over_grpc_carries_every_reason_the_one_that_decides_first(
    server: ServerProcess, client: SyncPointguardClient
) -> None:
    member = enroll(client)
    names = {f"{name}-{number}" for name in ("warned", "blocked") for number in range(20)}
    rules = "".join(
        RACED.replace('"raced"', f'"{name}"').replace("BLOCK", "WARN" if "warned" in name else "BLOCK")
        for name in sorted(names)
    )
    with configured(client, client.configuration.get_version().source + rules):
        answer = client.authorise_redemption(member, 1, capture=True, kind=TransactionKind.PURCHASE)
        streamed = on_a_stream(server, AuthoriseRedemption(member, 1, capture=True, kind=TransactionKind.PURCHASE))
    assert {reason.rule for reason in answer.reasons} == names
    assert [reason.code.name for reason in answer.reasons] == ["FRAUD_RULE"] * 20 + ["FRAUD_WARNING"] * 20
    assert streamed == ["FRAUD_RULE"] * 20
    assert client.explain_decision(answer.transaction_id).reproduced


async def test_a_redemption_beside_a_lock_is_decided_before_or_after_it_and_explained_so(server: ServerProcess) -> None:
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        for turn in range(8):
            member = Identifier.external_id(new_idempotency_key())
            await client.enroll_member([member])
            await client.accrue(member, Money(20_00, CAD))
            calls = [client.set_redemption_lock(member, True), client.authorise_redemption(member, 1, capture=True)]
            answers = await asyncio.gather(*(calls if turn % 2 else reversed(calls)))
            lock, redemption = answers if turn % 2 else reversed(answers)
            explained = await client.explain_decision(redemption.transaction_id)
            assert explained.reproduced, explained.differences
            assert explained.transaction is not None
            came_after = explained.transaction.seq > (await client.get_transaction(lock.transaction_id)).seq
            assert against(redemption) == (["REDEMPTION_LOCKED"] if came_after else [])


async def test_a_redemption_beside_an_activation_by_call_is_decided_by_the_version_that_it_names(
    server: ServerProcess,
) -> None:
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        members = [Identifier.external_id(new_idempotency_key()) for _ in range(24)]
        for member in members:
            await client.enroll_member([member])
            await client.accrue(member, Money(20_00, CAD))
        calls = client.configuration
        before = await calls.get_version()
        after = await calls.create_version(before.source + RACED.replace("raced", "raced-by-call"), TUNED)

        async def redeem_at(member: Identifier) -> Redemption:
            return await client.authorise_redemption(member, 1, capture=True, kind=TransactionKind.PURCHASE)

        async def activate() -> None:
            await calls.activate_version(after.version, TUNED, expected_active_version=before.version)

        first = await redeem_at(members[0])
        beside = asyncio.create_task(activate())
        raced: list[Redemption] = []
        while not beside.done():
            raced += await asyncio.gather(*(redeem_at(members[1 + (len(raced) + n) % 22]) for n in range(4)))
        await beside
        last = await redeem_at(members[23])
        await calls.roll_back(before.version, TUNED, expected_active_version=after.version)

        told = [await client.get_transaction(each.transaction_id) for each in (first, *raced, last)]
        told.sort(key=lambda each: each.position)
        versions = [each.fraud_rules_version for each in told]
        assert versions == sorted(versions), "nobody is decided by the old version after one was by the new"
        assert (versions[0], versions[-1]) == (before.version, after.version)
        change = versions.index(after.version)
        for each in (*told[max(change - 2, 0) : change + 2], told[0], told[-1]):
            is_new = each.fraud_rules_version == after.version
            assert (each.decision is Decision.DECLINED) == is_new
            explained = await client.explain_decision(each.transaction_id)
            assert explained.reproduced, explained.differences
            assert ("raced-by-call" in {check.rule for check in explained.checks}) == is_new


def change_rules(server: ServerProcess) -> None:
    Path(server.options[server.options.index("--program") + 1]).write_text(LIMITED + RACED)
    server.send_signal(signal.SIGHUP)


async def test_a_redemption_beside_a_change_of_rules_is_decided_by_the_version_that_it_names(
    server: ServerProcess,
) -> None:
    made: list[Redemption] = []
    async with PointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        members = [Identifier.external_id(new_idempotency_key()) for _ in range(12)]
        for member in members:
            await client.enroll_member([member])
            await client.accrue(member, Money(20_00, CAD))

        async def redeem_on(turn: int) -> Redemption:
            member, kind = members[turn % len(members)], TransactionKind.PURCHASE
            made.append(await client.authorise_redemption(member, 1, capture=True, kind=kind))
            return made[-1]

        assert against(await redeem_on(0)) == []
        change_rules(server)
        for turn in range(1, 1_000):
            if against(await redeem_on(turn)):
                break
            await asyncio.sleep(0.01)
        told = [await client.get_transaction(each.transaction_id) for each in made[-3:]]
        assert [each.decision for each in told] == [Decision.APPROVED, Decision.APPROVED, Decision.DECLINED]
        before, _, after = (each.fraud_rules_version for each in told)
        assert after > before
        for each in made[-2:]:
            explained = await client.explain_decision(each.transaction_id)
            assert explained.reproduced, explained.differences
            assert ("raced" in {check.rule for check in explained.checks}) == bool(against(each))
