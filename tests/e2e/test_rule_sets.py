"""What a manager does with a program's earn rules, by RPC on a running server: kept, attributed, exact, and for ever.

The tests share one server and leave version 1 active. Each makes versions of its own.
"""

import asyncio
import hashlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointguard_client import (
    ActiveVersionDiffers,
    Basket,
    BasketLine,
    FailedPrecondition,
    Identifier,
    InvalidArgument,
    KeyReused,
    Money,
    NotFound,
    Origin,
    PermissionDenied,
    PointguardClient,
    RuleChange,
    RuleChangeReason,
    RuleFact,
    RuleSetActivation,
    RuleSetActivationKind,
    RuleSetFileDifference,
    RuleSetVersion,
    SimulatedOrder,
    SyncPointguardClient,
    Unavailable,
    new_idempotency_key,
)
from pointguard_server.service.credentials import issue
from tests.e2e.test_live_rule_changes import wait_for_events
from tests.e2e.test_operations import scrape
from tests.support.patched_server import FATAL, UNCOMPILABLE
from tests.support.server import EARN_RULES, ServerProcess, issue_key, write_program

CHANGE = RuleChange("staff 12", RuleChangeReason.NEW_OFFER, "spring")
PATCHED = "tests.support.patched_server"
DOUBLE = 'rule "base"\n    earn base order.total * 20\n'
numbers = itertools.count(100)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """API keys by role, and where their ledger is. Each issued by the server takes a start of it: one shows that."""
    folder = tmp_path_factory.mktemp("rules")
    options = ("--tenant", "plain", *write_program(folder / "program"))
    made = {"both": issue_key(folder / "data", *options, "--role", "till", "--role", "manager")}
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite3", isolation_level=None)) as connection:
        assert connection.execute("SELECT role FROM api_keys").fetchall() == [("till manager",)]
        for role in ("till", "manager"):
            issued = issue()
            connection.execute(
                "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, ?, ?, 1)",
                (issued.key_id, role, issued.hash),
            )
            made[role] = issued.raw_key
    return made | {"folder": str(folder)}


@pytest.fixture(scope="module")
def server(keys: dict[str, str]) -> Iterator[ServerProcess]:
    """A server with a plain program and a key that may do everything."""
    folder = Path(keys["folder"])
    options = ("--tenant", "plain", *write_program(folder / "program"))
    started = ServerProcess(folder / "data", options, api_key=keys["both"], module=PATCHED)
    try:
        yield started.start()
    finally:
        started.clean_up()


@asynccontextmanager
async def connect(server: ServerProcess, api_key: str = "") -> AsyncIterator[PointguardClient]:
    key = api_key or server.api_key
    async with PointguardClient.connect(server.address, api_key=key, timeout_seconds=20) as client:
        yield client


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[PointguardClient]:
    """A client with a key that may do everything; version 1 is active afterwards, whatever the test made of it."""
    async with connect(server) as connected:
        yield connected
        if (left := await active(connected)) != 1:
            await roll_back(connected, 1, left)


def fixed(points: int) -> str:
    """Return rules that give as many points to every purchase: nothing new has to be understood to tell them apart."""
    return f'rule "fixed"\n    earn base {points}\n'


async def create(client: PointguardClient, source: str) -> int:
    return (await client.rules.create_version(source, CHANGE)).version


async def activate(client: PointguardClient, version: int, expected: int, **rest: Any) -> RuleSetActivation:
    return await client.rules.activate_version(version, CHANGE, expected_active_version=expected, **rest)


async def roll_back(client: PointguardClient, version: int, expected: int) -> RuleSetActivation:
    change = RuleChange("staff 13", RuleChangeReason.INCIDENT)
    return await client.rules.roll_back(version, change, expected_active_version=expected)


async def active(client: PointguardClient) -> int:
    return (await client.rules.list_versions(page_size=1)).active_version


async def enroll(client: PointguardClient) -> Identifier:
    member = Identifier.loyalty_id(new_idempotency_key())
    await client.enroll_member([member])
    return member


# ------------------------------------------------------------------------------------------- versions and activations


async def test_a_version_is_made_compared_activated_and_rolled_back(client: PointguardClient) -> None:
    member, dollar = await enroll(client), Money(1_00, "CAD")
    before = await client.accrue(member, dollar)
    source = DOUBLE + 'rule "bonus"\n    earn bonus 5\n'
    made = await client.rules.create_version(source, CHANGE)
    assert (made.change.author, made.change.reason, made.change.note) == (
        "staff 12",
        RuleChangeReason.NEW_OFFER,
        "spring",
    )
    assert await active(client) == 1
    assert (await client.accrue(member, dollar)).points == before.points == 10

    found = await client.rules.diff_versions(1, made.version)
    assert (found.added_rules, found.removed_rules, found.changed_rules) == (("bonus",), (), ("base",))
    assert found.text_diff.splitlines()[:2] == ["--- version 1", f"+++ version {made.version}"]
    assert "-    earn base order.total * 10" in found.text_diff.splitlines()

    activation = await activate(client, made.version, 1)
    assert (activation.version, activation.previous_version) == (made.version, 1)
    assert activation.kind is RuleSetActivationKind.ACTIVATE
    assert activation.effective_at == activation.activated_at
    assert await active(client) == made.version
    doubled = await client.accrue(member, dollar)
    assert [(award.rule, award.points) for award in doubled.awards] == [("base", 20), ("bonus", 5)]

    back = await roll_back(client, 1, made.version)
    assert (back.version, back.previous_version, back.kind) == (1, made.version, RuleSetActivationKind.ROLLBACK)
    again = await client.accrue(member, dollar)
    assert again.awards == before.awards
    decided_by = [
        (await client.get_transaction(accrual.transaction_id)).rule_set_version for accrual in (before, doubled, again)
    ]
    assert decided_by == [1, made.version, 1]
    newest = (await client.rules.list_activations(page_size=2)).activations
    assert newest == (back, activation)
    assert newest[0].change.author == "staff 13"
    assert newest[0].change.api_key_id == made.change.api_key_id != ""


async def test_the_files_own_version_says_that_it_came_from_the_file(client: PointguardClient) -> None:
    first = await client.rules.get_version(1)
    assert (first.source, first.change) == (EARN_RULES, RuleChange("file", RuleChangeReason.FILE))
    page = await client.rules.list_activations(page_size=100)
    assert (page.activations[-1].version, page.activations[-1].kind) == (1, RuleSetActivationKind.FILE)
    assert page.activations[-1].previous_version == 0


async def test_the_files_of_sets_come_with_the_rules_and_are_kept_and_compared(client: PointguardClient) -> None:
    source = 'set near from "near.txt"\nrule "a"\n    when any(lines, line.sku in near)\n    earn base 7\n'
    report = await client.rules.validate(source)
    assert [(problem.line, problem.message) for problem in report.problems] == [
        (1, "the file of the set cannot be read: it is not among the files that came with the rules")
    ]
    assert (await client.rules.validate(source, files={"near.txt": "S1\n"})).rules == ("a",)
    faulty = await client.rules.validate(source, files={"near.txt": "S1\n" + "x" * 129})
    assert "line 2 is not a text of at most 128" in faulty.problems[0].message
    key = new_idempotency_key()
    first = await client.rules.create_version(
        source, CHANGE, files={"near.txt": "# near\nS1\n\nS2\nS1\n"}, idempotency_key=key
    )
    assert [(file.name, file.entry_count, file.digest) for file in first.files] == [
        ("near.txt", 2, hashlib.sha256(b"S1\nS2\n").hexdigest())
    ]
    with pytest.raises(KeyReused):
        await client.rules.create_version(source, CHANGE, files={"near.txt": "S1\n"}, idempotency_key=key)
    second = await client.rules.create_version(source, CHANGE, files={"near.txt": "S2\nS3\nS4\n"})
    assert (await client.rules.get_version(second.version)).files == second.files
    found = await client.rules.diff_versions(first.version, second.version)
    assert (found.text_diff, found.changed_rules) == ("", ("a",))
    assert found.changed_files == (
        RuleSetFileDifference("near.txt", 2, 1, first.files[0].digest, second.files[0].digest),
    )
    member = await enroll(client)
    await activate(client, second.version, 1)
    baskets = [Basket("CAD", (BasketLine(sku=sku, amount_minor_units=1_00),)) for sku in ("S1", "S3")]
    assert [(await client.accrue(member, basket)).points for basket in baskets] == [0, 7]


async def test_a_planned_activation_is_called_off_with_who_and_why(client: PointguardClient) -> None:
    version = await create(client, fixed(61))
    planned = await activate(client, version, 1, effective_at=datetime.now(UTC) + timedelta(days=2))
    change = RuleChange("staff 14", RuleChangeReason.OFFER_END, "nobody wants it")
    cancelled = await client.rules.cancel_activation(planned.activation, change)
    assert cancelled.cancellation is not None
    assert replace(cancelled.cancellation.change, api_key_id="") == change
    assert replace(cancelled, cancellation=None) == planned
    with pytest.raises(FailedPrecondition, match="was called off before"):
        await client.rules.cancel_activation(planned.activation, change)
    at_once = await activate(client, version, 1)
    with pytest.raises(FailedPrecondition, match="its moment has come"):
        await client.rules.cancel_activation(at_once.activation, change)
    (newest, listed) = (await client.rules.list_activations(page_size=2)).activations
    assert (newest, listed) == (at_once, cancelled)


async def test_versions_are_listed_in_pages_newest_first_without_their_texts(client: PointguardClient) -> None:
    made = [await create(client, fixed(number)) for number in range(3)]
    seen: list[RuleSetVersion] = []
    token = ""
    while True:
        page = await client.rules.list_versions(page_size=2, page_token=token)
        assert len(page.versions) == 2 or not page.next_page_token
        seen += page.versions
        token = page.next_page_token
        if not token:
            break
    assert [version.version for version in seen] == list(range(made[-1], 0, -1))
    assert {version.source for version in seen} == {""}
    assert [version.digest for version in seen] == [
        (await client.rules.get_version(version.version)).digest for version in seen
    ]


async def test_a_text_with_mistakes_is_reported_whole_and_kept_nowhere(client: PointguardClient) -> None:
    report = await client.rules.validate('rule "a"\n    when order.totl > 5\n    earn bonis 10\n')
    assert [(problem.line, problem.column, problem.text) for problem in report.problems] == [
        (2, 10, "order.totl"),
        (3, 10, "bonis"),
    ]
    assert (report.problems[0].end_line, report.problems[0].end_column) == (2, 20)
    assert report.problems[0].message == "unknown field `order.totl`"
    assert report.problems[0].hint == "did you mean `order.total`?"
    assert report.rules == ()
    assert (await client.rules.validate(DOUBLE)).rules == ("base",)
    before = (await client.rules.list_versions(page_size=1)).versions
    with pytest.raises(InvalidArgument) as refused:
        await create(client, 'rule "a"\n    when order.totl > 5\n    earn bonis 10\n')
    assert [(violation.field, "2, the first in line 2, column 10" in violation.description)
            for violation in refused.value.field_violations] == [("source", True)]  # fmt: skip
    assert (await client.rules.list_versions(page_size=1)).versions == before


async def test_a_key_gives_its_first_answer_for_ever_and_no_other_request_has_it(client: PointguardClient) -> None:
    create_key, activate_key = new_idempotency_key(), new_idempotency_key()
    made = await client.rules.create_version(DOUBLE, CHANGE, idempotency_key=create_key)
    assert await client.rules.create_version(DOUBLE, CHANGE, idempotency_key=create_key) == made
    activation = await activate(client, made.version, 1, idempotency_key=activate_key)
    await roll_back(client, 1, made.version)
    assert await activate(client, made.version, 1, idempotency_key=activate_key) == activation
    assert await active(client) == 1, "a replay changes nothing"
    for other in (
        client.rules.create_version(fixed(1), CHANGE, idempotency_key=create_key),
        client.rules.create_version(DOUBLE, CHANGE, idempotency_key=activate_key),
        activate(client, made.version, 1, idempotency_key=create_key),
        activate(client, 1, made.version, idempotency_key=activate_key),
    ):
        with pytest.raises(KeyReused):
            await other


async def test_of_two_activations_at_once_one_wins_and_the_other_hears_the_active_version(
    client: PointguardClient,
) -> None:
    made = [await create(client, fixed(next(numbers))) for _ in range(2)]
    both = await asyncio.gather(*(activate(client, version, 1) for version in made), return_exceptions=True)
    (winner,) = [found for found in both if isinstance(found, RuleSetActivation)]
    (loser,) = [found for found in both if isinstance(found, ActiveVersionDiffers)]
    assert loser.failure.message == f"version {winner.version} is active, not the one that was expected"
    assert await active(client) == winner.version
    assert (await client.rules.list_activations(page_size=1)).activations == (winner,)
    await roll_back(client, 1, winner.version)


async def test_what_cannot_be_activated_says_why(client: PointguardClient) -> None:
    newer = await create(client, fixed(next(numbers)))
    broken = await create(client, UNCOMPILABLE + "\n" + DOUBLE)
    for attempt, reason, text in (
        (activate(client, 1, 1), "ALREADY_ACTIVE", "version 1 is active already"),
        (activate(client, newer, newer), "ACTIVE_VERSION_DIFFERS", "version 1 is active"),
        (roll_back(client, newer, 1), "NOT_AN_EARLIER_VERSION", "was never active"),
        (activate(client, broken, 1), "RULES_NOT_COMPILED", "the compiler failed or took too long"),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            await attempt
        assert refused.value.reason == reason
        assert text in refused.value.failure.message
    with pytest.raises(NotFound):
        await activate(client, 10**9, 1)
    with pytest.raises(InvalidArgument):
        await activate(client, newer, 1, effective_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await active(client) == 1
    assert (await client.accrue(await enroll(client), Money(1_00, "CAD"))).points == 10


# ------------------------------------------------------------------------------------------------------------- planned


@pytest.mark.long
async def test_a_planned_version_decides_from_its_moment_on_and_not_before(
    client: PointguardClient, server: ServerProcess
) -> None:
    version = await create(client, fixed(7))
    # Compiled once, it takes no time the second time.
    await roll_back(client, 1, (await activate(client, version, 1)).version)
    due = datetime.now(UTC) + timedelta(seconds=2)
    planned = await activate(client, version, 1, effective_at=due)
    assert planned.effective_at is not None
    assert abs(planned.effective_at - due) < timedelta(milliseconds=1)
    assert await active(client) == 1
    assert scrape(server)["pointguard_rule_set_planned_timestamp_seconds", ()] == pytest.approx(due.timestamp())
    member = await enroll(client)
    accruals = []
    while await active(client) == 1 or datetime.now(UTC) < due:
        accruals += await asyncio.gather(*(client.accrue(member, Money(1_00, "CAD")) for _ in range(8)))
    accruals.append(await client.accrue(member, Money(1_00, "CAD")))
    seen = [await client.get_transaction(accrual.transaction_id) for accrual in accruals]
    for transaction in seen:
        assert transaction.accepted_at is not None
        is_after = transaction.accepted_at >= planned.effective_at
        assert (transaction.rule_set_version, transaction.points) == ((version, 7) if is_after else (1, 10))
    assert {transaction.rule_set_version for transaction in seen} == {1, version}
    await roll_back(client, 1, version)
    assert scrape(server)["pointguard_rule_set_planned_timestamp_seconds", ()] == 0


async def test_a_planned_version_is_called_off_by_planning_another_for_the_same_moment(
    client: PointguardClient,
) -> None:
    version = await create(client, fixed(next(numbers)))
    due = datetime.now(UTC) + timedelta(days=1)
    await activate(client, version, 1, effective_at=due)
    with pytest.raises(ActiveVersionDiffers):
        await activate(client, 1, 1, effective_at=due)
    called_off = await activate(client, 1, version, effective_at=due)
    assert (called_off.version, called_off.previous_version) == (1, version)


# ------------------------------------------------------------------------------------------------------------ simulate


async def test_a_simulation_gives_what_the_purchase_then_gives_and_writes_nothing(client: PointguardClient) -> None:
    source = (
        'rule "fruit"\n    earn base 10 * count(lines, line.category == "FRUIT" and line.quantity >= 2)\n'
        'rule "home"\n    when store.province == "CA-ON" and order.channel == "IN_STORE" and not order.coupon_used\n'
        "    earn bonus order.total / 3\n"
        'rule "gold"\n    when member.tier == "GOLD" and account.posted > 100\n    earn targeted 1000\n'
    )
    basket = Basket("CAD", (BasketLine(3_50, category="FRUIT", quantity=2), BasketLine(1_00, category="FRUIT")))
    order = SimulatedOrder(basket, Origin("s1", channel=1), tender="cash", tier="SILVER", posted=250)  # type: ignore[arg-type]
    positions = (await client.accrue(await enroll(client), basket)).transaction_id
    found = await client.rules.simulate(order, source=source)
    assert [(outcome.rule, outcome.part.name, outcome.points) for outcome in found.outcomes] == [
        ("fruit", "BASE", 10), ("home", "BONUS", 1), ("gold", "TARGETED", 0)
    ]  # fmt: skip
    assert (found.version, found.points, found.reasons) == (0, 11, ())
    assert found.facts == (
        RuleFact("order.total", "4.5"),
        RuleFact("order.channel", "IN_STORE"),
        RuleFact("order.coupon_used", False),
        RuleFact("store.province", "CA-ON"),
        RuleFact("member.tier", "SILVER"),
        RuleFact("account.posted", "250"),
    )
    next_one = await client.get_transaction((await client.accrue(await enroll(client), basket)).transaction_id)
    # Enrolled and accrued twice, and nothing in between.
    assert next_one.position - (await client.get_transaction(positions)).position == 2


async def test_a_past_purchase_is_tried_out_by_any_version(client: PointguardClient) -> None:
    member = await enroll(client)
    await client.accrue(member, Money(5_00, "CAD"))
    past = await client.accrue(member, Money(1_23, "CAD"), origin=Origin("s2"), tender="card")
    version = await create(
        client,
        'rule "seen"\n    when order.tender == "card" and store.province == "CA-QC" and order.kind == "PURCHASE"\n'
        "    earn base account.posted + 1000 * member.days_since_enrolment\n",
    )
    recorded = await client.rules.simulate(past.transaction_id, version=1)
    assert [(outcome.rule, outcome.points) for outcome in recorded.outcomes] == [("base", past.points)]
    assert (await client.rules.simulate(past.transaction_id)).version == 1, "the active version"
    other = await client.rules.simulate(past.transaction_id, version=version)
    assert (other.version, other.points) == (version, 50)
    redemption = await client.authorise_redemption(member, 1)
    with pytest.raises(InvalidArgument):
        await client.rules.simulate(redemption.transaction_id)


async def test_arithmetic_that_fails_is_told_with_its_place(client: PointguardClient) -> None:
    order = SimulatedOrder(Money(1_00, "CAD"))
    source = 'rule "a"\n    earn base 1 / account.posted\n'
    found = await client.rules.simulate(order, source=source)
    assert ([reason.code.name for reason in found.reasons], found.points) == (["RULE_ARITHMETIC"], 0)
    assert found.facts == (RuleFact("account.posted", "0"),)
    assert (found.failed_line, found.outcomes[0].trace) == (0, None)
    traced = await client.rules.simulate(order, source=source, trace=True)
    assert (traced.failed_line, traced.failed_column) == (2, 15)


async def test_a_trace_tells_how_each_outcome_came_about(client: PointguardClient) -> None:
    source = (
        'rule "gold"\n    when member.tier == "GOLD" and order.total > 5 CAD\n    earn bonus 7 / 2\n    round up\n'
        "    cap 3 per transaction\n"
        'rule "summer"\n    valid from 2026-06-01 until 2026-08-31\n    earn bonus 5\n'
        'rule "fruit"\n    earn base count(lines where line.category == "FRUIT")\n'
    )
    lines = (BasketLine(3_00, category="FRUIT"), BasketLine(4_50))
    order = SimulatedOrder(Basket("CAD", lines), tier="GOLD", accepted_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    found = await client.rules.simulate(order, source=source, trace=True)
    assert [(outcome.points, outcome.limit.name) for outcome in found.outcomes] == [
        (3, "CAP_PER_TRANSACTION"), (0, "UNSPECIFIED"), (1, "UNSPECIFIED")
    ]  # fmt: skip
    gold, summer, fruit = (outcome.trace for outcome in found.outcomes)
    assert gold is not None
    assert summer is not None
    assert fruit is not None
    assert (gold.held, gold.computed, gold.rounded, gold.capped) == (True, "3.5", 4, 3)
    seen = {(value.line, value.column, value.end_column): value.value for value in gold.seen}
    assert seen[2, 10, 21] == "GOLD"
    assert seen[2, 36, 47] == "7.5"
    assert seen[2, 10, 55] is True
    assert (summer.valid, summer.held, summer.computed) == (False, None, "")
    assert [(value.basket_line, value.value) for value in fruit.seen if value.value in ("FRUIT", None)][:1] == [
        (1, "FRUIT")
    ]
    assert not found.trace_is_cut


async def test_a_window_holds_what_the_request_says_and_the_facts_show_it(client: PointguardClient) -> None:
    condition, award = "count(purchases, 7 days) >= 3", "sum(money of purchases, this month) / 1 CAD"
    source = f'rule "often"\n    when {condition}\n    earn bonus {award}\n'
    order = SimulatedOrder(Money(1_00, "CAD"))
    windows = {"count(purchases, 7 days)": "3", "sum(money of purchases, this month)": "12.5"}
    found = await client.rules.simulate(order, source=source, windows=windows)
    assert (found.points, {fact.field: fact.value for fact in found.facts}) == (12, windows)
    without = await client.rules.simulate(order, source=source)
    assert (without.points, [fact.value for fact in without.facts]) == (0, ["0", "0"])


async def test_a_text_is_brought_into_its_canonical_layout(client: PointguardClient) -> None:
    formatted = await client.rules.format('rule   "a" # why\n earn base order.total*10')
    assert formatted.problems == ()
    assert formatted.source == 'rule "a"  # why\n    earn base order.total * 10\n'
    assert (await client.rules.format(formatted.source)).source == formatted.source
    broken = await client.rules.format('rule "a"\n    earn base (1\n')
    assert (broken.source, broken.problems[0].line) == ("", 3)


async def test_a_set_that_changes_changes_the_rules_that_use_it_and_no_other(client: PointguardClient) -> None:
    text = (
        'set cities = ("CA-ON"{more})\nlet near = member.province in cities\n'
        'rule "near"\n    when near\n    earn base 1\nrule "any"\n    earn bonus 1\n'
    )
    before, after = await create(client, text.format(more="")), await create(client, text.format(more=', "CA-QC"'))
    found = await client.rules.diff_versions(before, after)
    assert (found.added_rules, found.removed_rules, found.changed_rules) == ((), (), ("near",))
    report = await client.rules.validate('set cities from "cities.txt"\n' + text.format(more=""))
    assert "not among the files that came with the rules" in str(report.problems)
    assert 0 < (await client.rules.validate(text.format(more=""))).cost < 10


# --------------------------------------------------------------------------------------------------------------- roles


async def test_a_tills_key_may_not_touch_rules_and_a_managers_not_transactions(
    server: ServerProcess, keys: dict[str, str]
) -> None:
    async with connect(server, keys["till"]) as till, connect(server, keys["manager"]) as manager:
        order = SimulatedOrder(Money(1_00, "CAD"))
        for refused in (
            till.rules.validate(DOUBLE),
            till.rules.create_version(DOUBLE, CHANGE),
            till.rules.get_version(1),
            till.rules.list_versions(),
            till.rules.diff_versions(1, 1),
            activate(till, 1, 1),
            roll_back(till, 1, 1),
            till.rules.list_activations(),
            till.rules.simulate(order),
            till.books.liability(),
            till.offline.rotate_key(),
            manager.offline.upload("s1", "till-3", []),
            manager.offline.keys(),
            manager.enroll_member([Identifier.loyalty_id("1")]),
            manager.accrue(Identifier.loyalty_id("1"), Money(1_00, "CAD")),
            manager.get_balance(Identifier.loyalty_id("1")),
            manager.check_advice(Identifier.loyalty_id("1")),
            manager.process_batch([]),
        ):
            with pytest.raises(PermissionDenied) as error:
                await refused
            assert error.value.reason == "PERMISSION_DENIED"
        assert (await manager.rules.simulate(order)).points == 10
        assert (await till.accrue(await enroll(till), Money(1_00, "CAD"))).points == 10


def test_the_synchronous_client_makes_the_same_calls(server: ServerProcess) -> None:
    with SyncPointguardClient.connect(server.address, api_key=server.api_key, timeout_seconds=20) as client:
        made = client.rules.create_version(DOUBLE, CHANGE)
        assert client.rules.get_version(made.version).source == DOUBLE
        assert client.rules.validate(DOUBLE).problems == ()
        activation = client.rules.activate_version(made.version, CHANGE, expected_active_version=1)
        assert client.rules.simulate(SimulatedOrder(Money(1_00, "CAD"))).points == 20
        back = client.rules.roll_back(1, CHANGE, expected_active_version=made.version)
        assert client.rules.list_activations(page_size=2).activations == (back, activation)
        assert client.rules.diff_versions(1, made.version).changed_rules == ("base",)
        assert client.rules.list_versions(page_size=1).active_version == 1


# ------------------------------------------------------------------------------------------- metrics, restart, kill -9


async def test_metrics_and_log_tell_what_was_activated_and_what_failed(
    client: PointguardClient, server: ServerProcess
) -> None:
    def figures() -> dict[str, float]:
        samples = scrape(server)
        kinds = {kind: samples["pointguard_rule_set_activations_total", (("kind", kind),)]
                 for kind in ("ACTIVATE", "ROLLBACK", "FILE")}  # fmt: skip
        return kinds | {"failures": samples["pointguard_rule_set_failures_total", ()]}

    before = figures()
    version = await create(client, DOUBLE)
    broken = await create(client, UNCOMPILABLE + "\n" + DOUBLE)
    activation = await activate(client, version, 1)
    samples = scrape(server)
    assert [value for (name, labels), value in samples.items()
            if name == "pointguard_rules_version" and ("rules", "earn") in labels] == [version]  # fmt: skip
    assert samples["pointguard_rule_set_stale", ()] == 0
    await roll_back(client, 1, version)
    with pytest.raises(FailedPrecondition):
        await activate(client, broken, 1)
    after = figures()
    assert {name: after[name] - before[name] for name in after} == {
        "ACTIVATE": 1, "ROLLBACK": 1, "FILE": 0, "failures": 1
    }  # fmt: skip
    told = [event for event in server.events() if event["event"].startswith("rule_set_")][-3:]
    assert [(event["event"], event["version"]) for event in told] == [
        ("rule_set_activated", version), ("rule_set_activated", 1), ("rule_set_refused", broken)
    ]  # fmt: skip
    assert (told[0]["activation"], told[0]["kind"]) == (activation.activation, "ACTIVATE")


@pytest.mark.long
async def test_the_active_version_outlives_a_restart_and_a_kill_before_it_took_effect(server: ServerProcess) -> None:
    async with connect(server) as client:
        kept = await create(client, fixed(33))
        await activate(client, kept, 1)
        fatal = await create(client, FATAL + "\n" + fixed(44))
    assert await asyncio.to_thread(server.stop) == 0
    await asyncio.to_thread(server.start)
    async with connect(server) as client:
        assert await active(client) == kept
        member = await enroll(client)
        assert (await client.accrue(member, Money(1_00, "CAD"))).points == 33
        with pytest.raises(Unavailable):
            await activate(client, fatal, kept, timeout_seconds=3)
    assert await asyncio.to_thread(server.wait) == -9
    await asyncio.to_thread(server.start)
    async with connect(server) as client:
        assert await active(client) == fatal
        assert (await client.accrue(member, Money(1_00, "CAD"))).points == 44
        (newest,) = (await client.rules.list_activations(page_size=1)).activations
        assert (newest.version, newest.previous_version) == (fatal, kept)
        # A file that says the same as ever changes nothing; one that is changed takes over.
        page = await client.rules.list_versions(page_size=100)
        assert [v.version for v in page.versions if v.change.reason is RuleChangeReason.FILE] == [1]
        await roll_back(client, 1, fatal)


@pytest.mark.long
async def test_a_changed_file_becomes_a_version_that_is_activated_and_can_be_rolled_back(server: ServerProcess) -> None:
    rules = Path(server.options[server.options.index("--program") + 1]).with_name("earn.rules")
    async with connect(server) as client:
        rules.write_text(DOUBLE + "# from the file\n")
        await asyncio.to_thread(wait_for_events, server, "program_taken_up", 1)
        (newest,) = (await client.rules.list_activations(page_size=1)).activations
        assert (newest.kind, newest.change.author) == (RuleSetActivationKind.FILE, "file")
        assert (await client.rules.get_version(newest.version)).source == DOUBLE + "# from the file\n"
        back = await roll_back(client, 1, newest.version)
        assert await asyncio.to_thread(server.stop) == 0
    await asyncio.to_thread(server.start)
    async with connect(server) as client:
        assert await active(client) == 1
        assert (await client.rules.list_activations(page_size=1)).activations == (back,)
