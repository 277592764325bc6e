"""What fraud rules let pass: by account, group, store, cashier and kind of redemption, until it ends; explained."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointguard_client import (
    AdviceContext,
    Decision,
    ExemptionEnded,
    ExemptSubject,
    Identifier,
    KeyReused,
    Money,
    NotFound,
    Origin,
    SyncPointguardClient,
    new_idempotency_key,
)
from pointguard_client.__main__ import main
from tests.e2e.audit import audit
from tests.e2e.test_advice import CLEARED, SUSPECTED, Desk, open_desk

TOMORROW = datetime.now(UTC) + timedelta(days=1)
WHERE = Origin(store_id="s1", cashier_id="c1")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = open_desk(tmp_path_factory.mktemp("exemptions"))
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


def enroll(client: SyncPointguardClient) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member])
    client.update_member(member, groups=["staff", "vip"])
    client.accrue(member, Money(100_00, "CAD"))
    return member


def redeem(client: SyncPointguardClient, member: Identifier, **how: Any) -> Any:
    asked: dict[str, Any] = {"origin": WHERE, "redemption_type": "GIFT"} | how
    return client.authorise_redemption(member, 1, capture=True, **asked)


def at_the_limit(client: SyncPointguardClient) -> Identifier:
    """Enroll a member whose next redemption trips the rule."""
    member = enroll(client)
    assert [redeem(client, member).decision for _ in range(2)] == [Decision.APPROVED] * 2
    return member


SUBJECTS = (
    None,
    ExemptSubject.group("vip"),
    ExemptSubject.store("s1"),
    ExemptSubject.cashier("c1"),
    ExemptSubject.redemption_type("GIFT"),
)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda each: each.kind if each else "account")
def test_what_an_exemption_names_passes_until_it_is_ended_and_nothing_else_does(
    client: SyncPointguardClient, subject: ExemptSubject | None
) -> None:
    member, other = at_the_limit(client), at_the_limit(client)
    made = client.fraud.add_exemption(subject or member, TOMORROW, CLEARED, rule="eager")
    passed = redeem(client, member)
    assert (passed.decision, passed.reasons) == (Decision.APPROVED, ())
    explained = client.explain_decision(passed.transaction_id)
    assert explained.reproduced, explained.differences
    (eager,) = [check for check in explained.checks if check.rule == "eager"]
    assert (eager.tripped, eager.exemption_id, eager.forbade, eager.raised) == (True, made.exemption_id, False, False)
    strange: dict[str, Any] = {}
    if subject is not None:
        strange = {"origin": Origin(store_id="s2", cashier_id="c2"), "redemption_type": "CASH"}
        client.update_member(other, groups=["staff"])
    stopped = redeem(client, other, **strange)
    assert stopped.decision is Decision.DECLINED
    assert client.explain_decision(stopped.transaction_id).reproduced
    client.fraud.end_exemption(made.exemption_id, SUSPECTED)
    after = redeem(client, member)
    assert [reason.rule for reason in after.reasons] == ["eager"]
    for transaction in (passed, after):
        again = client.explain_decision(transaction.transaction_id)
        assert again.reproduced, "it is explained by what was in force then"


def test_an_exemption_from_other_rules_or_of_another_context_lets_nothing_pass(client: SyncPointguardClient) -> None:
    member = at_the_limit(client)
    client.fraud.add_exemption(member, TOMORROW, CLEARED, rule="spender")
    client.fraud.add_exemption(member, TOMORROW, CLEARED, context=AdviceContext.EARNING)
    assert client.quote_redemption(member, origin=WHERE).points_max == 0
    assert redeem(client, member).decision is Decision.DECLINED


def test_an_exempt_account_is_quoted_what_it_has(client: SyncPointguardClient) -> None:
    member = at_the_limit(client)
    made = client.fraud.add_exemption(member, TOMORROW, CLEARED)
    assert client.quote_redemption(member, origin=WHERE).points_max == 998
    assert client.fraud.end_exemption(made.exemption_id, CLEARED).ended == made.added
    assert client.quote_redemption(member, origin=WHERE).points_max == 0


def test_an_exemption_is_added_and_ended_once_and_a_retry_gets_the_first_answer(client: SyncPointguardClient) -> None:
    member, key = enroll(client), new_idempotency_key()
    made = client.fraud.add_exemption(member, TOMORROW, replace(CLEARED, session_id="desk 1"), idempotency_key=key)
    from_desk_2 = replace(SUSPECTED, session_id="desk 2")
    ended = client.fraud.end_exemption(made.exemption_id, from_desk_2, idempotency_key=key + "e")
    assert (ended.added.session_id, ended.ended and ended.ended.session_id) == ("desk 1", "desk 2")
    # A retry may come from another session.
    assert client.fraud.add_exemption(member, TOMORROW, CLEARED, idempotency_key=key) == made
    assert client.fraud.end_exemption(made.exemption_id, SUSPECTED, idempotency_key=key + "e") == ended
    with pytest.raises(KeyReused):
        client.fraud.add_exemption(member, TOMORROW, SUSPECTED, idempotency_key=key)
    with pytest.raises(ExemptionEnded):
        client.fraud.end_exemption(made.exemption_id, SUSPECTED)
    with pytest.raises(NotFound):
        client.fraud.end_exemption(10**6, SUSPECTED)
    assert made.exemption_id not in {each.exemption_id for each in client.fraud.list_exemptions().exemptions}
    first = client.fraud.list_exemptions(include_ended=True, page_size=1)
    (listed,) = first.exemptions
    assert listed == ended
    assert (listed.added.author, listed.ended and listed.ended.reason) == ("analyst 7", SUSPECTED.reason)
    another = client.fraud.add_exemption(member, TOMORROW, CLEARED)
    newest = client.fraud.list_exemptions(page_size=1, include_ended=True)
    assert newest.exemptions == (another,)
    assert client.fraud.list_exemptions(
        include_ended=True, page_size=1, page_token=newest.next_page_token
    ).exemptions == (listed,)


@pytest.mark.long
def test_the_command_line_adds_lists_and_ends_exemptions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POINTGUARD_ADDRESS", desk.server.address)
    monkeypatch.setenv("POINTGUARD_API_KEY", desk.keys["fraud"])

    def run(*arguments: str) -> str:
        assert main(["fraud", *arguments]) == 0
        return capsys.readouterr().out

    who = ("--author", "analyst 7", "--reason", "resolved")
    run("exempt", "--cashier", "c9", "--rule", "eager", "--until", TOMORROW.isoformat(), *who)
    (line,) = [line for line in run("exemptions").splitlines() if "c9" in line]
    assert "cashier_id c9: eager, every context" in line
    run("end-exemption", line.split()[0], *who)
    assert "c9" not in run("exemptions")
