"""Past decisions explained over gRPC: every kind, every reason, after changes of rules and stores, a crash, an erasure.

One server makes the history, changes its rules, moves a store, is killed and started again; all tests look at that.
"""

# ruff: noqa: S608  (the statements are made of the names of our own tables)

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from pointguard_client import (
    Basket,
    BasketLine,
    Channel,
    Decision,
    Explanation,
    Identifier,
    InvalidArgument,
    Money,
    NotFound,
    Origin,
    PermissionDenied,
    Profile,
    ReasonCode,
    RuleChange,
    RuleChangeReason,
    RuleFact,
    SimulatedOrder,
    SyncPointguardClient,
    TransactionKind,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from pointguard_server.service.credentials import issue
from tests.e2e.test_live_rule_changes import wait_for_events
from tests.e2e.test_rule_commands import walk
from tests.support.server import ROOT, STORES, ServerProcess, issue_key, write_program

PROGRAM = """
[program]
code = "plain"
name = "Plain"
time_zone = "America/Toronto"
currency = "CAD"

[program.redemption]
points = 1
money_minor = 1
daily_cap = { money_minor = 500, posture = "BLOCK" }
out_of_province = { posture = "BLOCK" }

[program.earn]
rules = "earn.rules"

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
name = "fond-of-activities"
context = "EARNING"
counts = { kinds = ["ACTIVITY"], attempts = "APPROVED" }
measure = "COUNT"
window = { calendar = "MONTH" }
threshold = 1
posture = "WARN"
duration = "0s"
"""

EARN = """
rule "base"
    earn base order.total * 10

rule "berries"
    when count(purchases, 7 days) >= 1
    earn bonus 5 * count(lines, line.category == "BERRIES")

rule "overflow"
    when order.coupon_used
    earn bonus 9000000000000 * account.posted
"""
CHANGE = RuleChange("staff 12", RuleChangeReason.TRIAL)
ONTARIO, QUEBEC = Origin(store_id="s1"), Origin(store_id="s2")
BERRIES = Basket("CAD", (BasketLine(category="BERRIES", amount_minor_units=700), BasketLine(amount_minor_units=300)))


@dataclass
class Story:
    """A server's history: its transactions by what they are, and how each was explained before it was killed."""

    server: ServerProcess
    keys: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    explained: dict[str, Explanation] = field(default_factory=dict)

    def client(self, role: str = "both") -> SyncPointguardClient:
        return SyncPointguardClient.connect(self.server.address, api_key=self.keys[role], timeout_seconds=20)

    def enroll(self, client: SyncPointguardClient, name: str, province: str = "CA-ON") -> Identifier:
        """Make a member with 1,000 points."""
        member = Identifier.loyalty_id(name)
        enrolled = client.enroll_member([member], profile=Profile(given_name="Ada", province=province), tier="GOLD")
        self.ids[f"{name} points"] = client.accrue(member, Money(100_00, "CAD")).transaction_id
        assert enrolled.account_id
        return member

    def explain(self, what: str) -> Explanation:
        with self.client("manager") as client:
            return client.explain_decision(self.ids[what], trace=True)

    def change(self, statement: str, *values: object) -> None:
        """Change the ledger behind the server's back."""
        with closing(sqlite3.connect(self.server.database, isolation_level=None, timeout=20)) as connection:
            triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            found = connection.execute(triggers).fetchall()
            for name, _ in found:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement, values)
            for _, text in found:
                connection.execute(text)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("explained")
    options = ("--tenant", "plain", *write_program(folder / "program", PROGRAM))
    (folder / "program" / "earn.rules").write_text(EARN)
    keys = {"both": issue_key(folder / "data", *options, "--role", "till", "--role", "manager")}
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite3", isolation_level=None)) as connection:
        for role in ("till", "manager"):
            issued = issue()
            connection.execute(
                "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, 1, ?, ?, 1)",
                (issued.key_id, role, issued.hash),
            )
            keys[role] = issued.raw_key
    server = ServerProcess(folder / "data", options, api_key=keys["both"])
    try:
        made = Story(server.start(), keys)
        make_history(made, folder / "program")
        server.kill()
        server.start()
        yield made
    finally:
        server.clean_up()


def make_history(story: Story, files: Path) -> None:
    ids = story.ids
    with story.client() as client:
        plain = story.enroll(client, "plain")
        short = client.authorise_redemption(plain, 1, time_to_live=timedelta(seconds=1))
        ids["berries"] = client.accrue(
            plain, BERRIES, origin=Origin(store_id="s1", channel=Channel.IN_STORE), tender="CASH", order_reference="r 7"
        ).transaction_id
        ids["arithmetic"] = client.accrue(plain, Money(1_00, "CAD"), coupon_used=True).transaction_id
        poor = story.enroll(client, "poor")
        ids["reserved"] = client.authorise_redemption(poor, 60, origin=ONTARIO).transaction_id
        ids["captured"] = client.capture_redemption(ids["reserved"], points=20).transaction_id
        ids["insufficient"] = client.authorise_redemption(poor, 10**6).transaction_id
        ids["eager"] = client.authorise_redemption(poor, 1, idempotency_key="an eager till").transaction_id
        ids["blocked"] = client.authorise_redemption(poor, 1).transaction_id
        spender = story.enroll(client, "spender")
        ids["cap"] = client.authorise_redemption(spender, 501, capture=True).transaction_id
        ids["partly"] = client.authorise_redemption(spender, 501, capture=True, allow_partial=True).transaction_id
        traveler = story.enroll(client, "traveler")
        ids["province"] = client.authorise_redemption(traveler, 1, origin=QUEBEC).transaction_id
        held = client.authorise_redemption(traveler, 30, origin=ONTARIO).transaction_id
        ids["voided"] = client.void_redemption(held).transaction_id
        ids["switched"] = client.set_redemption_lock(traveler, locked=True).transaction_id
        ids["locked"] = client.authorise_redemption(traveler, 1).transaction_id
        card = Identifier.card(new_idempotency_key())
        ids["linked"] = client.link_identifier(traveler, card).transaction_id
        activity = TransactionKind.ACTIVITY
        warned = [client.accrue(traveler, Money(1_00, "CAD"), kind=activity).transaction_id for _ in range(2)]
        ids["warned"] = warned[1]
        assert short.expires_at is not None
        change_rules_and_stores(story, client, files)
        ids["moved"] = client.authorise_redemption(story.enroll(client, "mover"), 1, origin=ONTARIO).transaction_id
        ids["changed"] = client.accrue(plain, Money(1_00, "CAD")).transaction_id
    # What is not there yet is waited for, and with it all before.
    story.explain("changed")
    ids |= of_the_server_itself(story)
    for what in ids:
        story.explained[what] = story.explain(what)


def change_rules_and_stores(story: Story, client: SyncPointguardClient, files: Path) -> None:
    version = client.rules.create_version('rule "fixed"\n    earn base 3\n', CHANGE).version
    client.rules.activate_version(version, CHANGE, expected_active_version=1)
    (files / "stores.csv").write_text(STORES.replace("s1,MAIN,CA,CA-ON", "s1,MAIN,CA,CA-QC"))
    wait_for_events(story.server, "program_taken_up", 1)


def of_the_server_itself(story: Story) -> dict[str, str]:
    """The enrollment, and the end of the reservation that time has ended."""
    found = {}
    with closing(sqlite3.connect(story.server.database, timeout=20)) as connection:
        for what, operation in (("enrolled", 6), ("expired", 4)):
            query = "SELECT transaction_id FROM legs WHERE operation = ? ORDER BY position LIMIT 1"
            (transaction_id,) = connection.execute(query, (operation,)).fetchone()
            text = transaction_id.hex()
            found[what] = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return found


pytestmark = pytest.mark.long
EVERYTHING = (
    "plain points", "berries", "arithmetic", "reserved", "captured", "insufficient", "eager", "blocked", "cap",
    "partly", "province", "voided", "switched", "locked", "linked", "warned", "moved", "changed", "enrolled", "expired",
)  # fmt: skip


@pytest.mark.parametrize("what", EVERYTHING)
def test_every_decision_is_reproduced_also_after_a_crash_and_a_start(story: Story, what: str) -> None:
    again = story.explain(what)
    assert again.differences == ()
    assert again.reproduced
    assert again == story.explained[what]
    assert again.transaction is not None
    assert (again.reasons, again.entries) == (again.transaction.reasons, again.transaction.entries)


@pytest.mark.parametrize(
    ("what", "code", "rule"),
    [
        ("locked", ReasonCode.REDEMPTION_LOCKED, ""),
        ("blocked", ReasonCode.ADVICE_BLOCK, "eager"),
        ("province", ReasonCode.OUT_OF_PROVINCE, "OUT_OF_PROVINCE"),
        ("eager", ReasonCode.FRAUD_RULE, "eager"),
        ("cap", ReasonCode.DAILY_REDEMPTION_CAP, "DAILY_REDEMPTION_CAP"),
        ("insufficient", ReasonCode.INSUFFICIENT_POINTS, ""),
        ("arithmetic", ReasonCode.RULE_ARITHMETIC, ""),
    ],
)
def test_a_decline_is_explained_by_its_reason(story: Story, what: str, code: ReasonCode, rule: str) -> None:
    found = story.explain(what)
    assert found.transaction is not None
    assert found.transaction.decision is Decision.DECLINED
    assert (found.reasons[0].code, found.reasons[0].rule) == (code, rule)


def test_a_window_says_what_it_held_and_of_which_transactions(story: Story) -> None:
    (check,) = [check for check in story.explain("eager").checks if check.rule == "eager"]
    assert check.window is not None
    assert (check.window.value, check.seen, check.threshold) == (2, 3, 2)
    assert (check.tripped, check.forbade, check.raised, check.stood) == (True, True, True, False)
    counted = [each.transaction_id for each in check.window.transactions]
    assert counted == [story.ids["reserved"], story.ids["insufficient"]]
    assert check.window.ends_at is not None
    assert check.window.starts_after == check.window.ends_at - timedelta(days=7)
    (standing,) = story.explain("blocked").account_before.standing_advice
    assert (standing.rule, standing.evidence.transaction_id) == ("eager", story.ids["eager"])


def test_an_accrual_shows_its_basket_its_rules_and_what_they_saw(story: Story) -> None:
    found = story.explain("berries")
    assert found.basket == BERRIES
    assert found.earning is not None
    assert [(outcome.rule, outcome.points) for outcome in found.earning.outcomes] == [
        ("base", 100), ("berries", 5), ("overflow", 0),
    ]  # fmt: skip
    assert [(window.window, window.held.value) for window in found.earning.windows] == [
        ("count(purchases, 7 days)", 1),
    ]
    (held,) = found.earning.windows[0].held.transactions
    assert held.transaction_id == story.ids["plain points"]
    trace = found.earning.outcomes[1].trace
    assert trace is not None
    assert (trace.held, trace.computed) == (True, "5")
    inputs = {each.name: each.value for each in found.inputs}
    assert inputs.items() >= {
        "store.id": "s1", "store.province": "CA-ON", "channel": "IN_STORE", "request.tender": "CASH",
        "request.order_reference": "r 7", "request.coupon_used": "no",
    }.items()  # fmt: skip
    before = found.account_before
    assert (before.balance.posted, before.balance.reserved, before.tier, before.province) == (1_000, 1, "GOLD", "CA-ON")


def test_a_decision_is_explained_by_the_texts_and_the_stores_of_its_own_time(story: Story) -> None:
    before, after = story.explain("berries"), story.explain("changed")
    assert before.decided_by.rule_set_source == EARN
    assert after.decided_by.rule_set_source == 'rule "fixed"\n    earn base 3\n'
    assert after.decided_by.rule_set_version == 2
    assert before.decided_by.configuration == PROGRAM
    moved = {each.name: each.value for each in story.explain("moved").inputs}
    assert moved["store.province"] == "CA-QC"
    assert story.explain("moved").reasons[0].code is ReasonCode.OUT_OF_PROVINCE


def test_a_decision_is_found_by_the_key_of_its_request(story: Story) -> None:
    with story.client("manager") as client:
        found = client.explain_decision(idempotency_key="an eager till")
        assert found.transaction is not None
        assert found.transaction.transaction_id == story.ids["eager"]
        with pytest.raises(NotFound):
            client.explain_decision(idempotency_key="never used")
        with pytest.raises(NotFound):
            client.explain_decision("01890000-0000-7000-8000-000000000000")
        with pytest.raises(InvalidArgument) as refused:
            client.explain_decision("no uuid")
        assert refused.value.field_violations[0].field == "transaction_id"


def test_a_tills_key_gets_no_explanation(story: Story) -> None:
    with story.client("till") as client, pytest.raises(PermissionDenied):
        client.explain_decision(story.ids["eager"])


def test_of_a_person_who_was_erased_it_says_what_is_gone_and_reproduces_the_rest(story: Story) -> None:
    before = story.explain("linked")
    assert not [each for each in before.inputs if each.gone]
    assert before.transaction is not None
    story.change(
        "UPDATE members SET wrapped_key = NULL WHERE member_id IN"
        " (SELECT member_id FROM account_members WHERE account_id = ?)",
        before.transaction.account_id,
    )
    for what, gone in (("linked", ["member.identifiers", "request.identifier"]), ("locked", ["member.identifiers"])):
        found = story.explain(what)
        assert [each.name for each in found.inputs if each.gone] == gone
        assert found.reproduced


@pytest.mark.parametrize(
    ("table", "column", "change", "part"),
    [
        ("legs", "points", "points + 1", "legs.points"),
        ("legs", "decision", "3 - decision", "legs.decision"),
        ("legs", "record", "CAST(substr(record, 1, length(record) - 1) || x'01' AS BLOB)", "record"),
        ("entries", "signed_points", "signed_points + 1", "entries[0].signed_points"),
        ("batches", "accepted_at", "accepted_at + 1", "batches.digest"),
    ],
)
def test_a_changed_ledger_is_reported_and_nothing_is_hidden(
    story: Story, table: str, column: str, change: str, part: str
) -> None:
    transaction_id = bytes.fromhex(story.ids["partly"].replace("-", ""))
    key, leg_column = {
        "legs": ("position", "position"),
        "entries": ("position", "first_entry"),
        "batches": ("batch_id", "batch_id"),
    }[table]
    row = f"{key} = (SELECT {leg_column} FROM legs WHERE transaction_id = ?)"
    with closing(sqlite3.connect(story.server.database, timeout=20)) as connection:
        ((before,),) = connection.execute(f"SELECT {column} FROM {table} WHERE {row}", (transaction_id,))
    story.change(f"UPDATE {table} SET {column} = {change} WHERE {row}", transaction_id)
    try:
        found = story.explain("partly")
        assert not found.reproduced
        assert part in [difference.part for difference in found.differences]
    finally:
        story.change(f"UPDATE {table} SET {column} = ? WHERE {row}", before, transaction_id)
    assert story.explain("partly").reproduced


def test_a_change_of_an_earlier_decision_shows_where_it_mattered(story: Story) -> None:
    reserved = bytes.fromhex(story.ids["reserved"].replace("-", ""))
    story.change("UPDATE legs SET kind = 1, parts = 8 WHERE transaction_id = ?", reserved)
    try:
        found = story.explain("eager")
        assert not found.reproduced
        assert {"decision", "reasons"} <= {difference.part for difference in found.differences}
    finally:
        story.change("UPDATE legs SET kind = 6, parts = 2 WHERE transaction_id = ?", reserved)
    assert story.explain("eager").reproduced


def test_a_past_purchase_is_simulated_on_the_account_and_the_windows_of_its_time(story: Story) -> None:
    with story.client("manager") as client:
        found = client.rules.simulate(story.ids["berries"], version=1)
        assert found.points == 105
        assert [(entry.rule, entry.signed_points, entry.running_balance) for entry in found.entries] == [
            ("base", 100, 1_100),
            ("berries", 5, 1_105),
        ]
        assert RuleFact("count(purchases, 7 days)", "1") in found.facts
        given = client.rules.simulate(story.ids["berries"], version=1, windows={"count(purchases, 7 days)": "0"})
        assert given.points == 100
        with pytest.raises(InvalidArgument):
            client.rules.simulate(story.ids["eager"], version=1)


def test_an_order_with_a_member_is_simulated_on_the_account_as_it_stands(story: Story) -> None:
    source = """
        rule "base" earn base account.posted
        rule "available" earn bonus account.available
        rule "spent" when member.tier == "GOLD" and member.province == "CA-ON" earn bonus account.spend / 1.00 CAD
        rule "bought" earn bonus 1000 * count(purchases, 7 days) + count(redemptions, 7 days)
    """
    order = SimulatedOrder(Money(1_00, "CAD"), member=Identifier.loyalty_id("poor"))
    with story.client() as client:
        before = client.get_balance(Identifier.loyalty_id("poor"))
        found = client.rules.simulate(order, source=source)
        # The reservation that was captured in part counts for what was captured.
        assert [outcome.points for outcome in found.outcomes] == [980, 980, 100, 1_001]
        assert client.get_balance(Identifier.loyalty_id("poor")) == before
        with pytest.raises(InvalidArgument) as refused:
            client.rules.simulate(replace(order, tier="GOLD", posted=5), source=source)
        fields = [violation.field for violation in refused.value.field_violations]
        assert fields == ["order.tier", "order.posted"]
        with pytest.raises(NotFound):
            client.rules.simulate(replace(order, member=Identifier.loyalty_id("nobody")), source=source)


def test_the_command_explains_for_people_and_for_programs(
    story: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POINTGUARD_ADDRESS", story.server.address)
    monkeypatch.setenv("POINTGUARD_API_KEY", story.keys["manager"])
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["explain", story.ids["eager"]]) == 0
    printed = capsys.readouterr().out
    for words in ("reproduced", "DECLINED · FRAUD_RULE eager", "trips, BLOCK REDEMPTION: forbids it, raises advice"):
        assert words in printed
    assert story.ids["reserved"] in printed
    assert main(["explain", "--key", "an eager till", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["reproduced"], found["checks"][2]["rule"], found["checks"][2]["seen"]) == (True, "eager", 3)
    assert main(["explain", story.ids["berries"], "--trace", "--texts"]) == 0
    printed = capsys.readouterr().out
    assert 'count(lines, line.category == "BERRIES")' in printed
    assert "daily_cap = { money_minor = 500" in printed


def test_the_page_about_explanations_runs_as_it_stands(shared_server: ServerProcess, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "explain.md").read_text()
    steps = re.findall(r"<!-- example -->\n```sh\n(.*?)```\n\n```printed\n(.*?)```", page, re.DOTALL)
    assert len(steps) == page.count("```sh") == page.count("```printed") > 1
    for script, said in steps:
        printed = walk(shared_server, tmp_path, script)
        for line in said.splitlines():
            assert line in printed, script
