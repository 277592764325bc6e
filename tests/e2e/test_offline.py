"""Allowances and uploads from end to end: a terminal goes on without a line, and the ledger comes out right."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointguard.v1 import offline_pb2
from pointguard_client import (
    Accrue,
    Activity,
    Allowance,
    Decision,
    DiscrepancyKind,
    Identifier,
    KeyReused,
    Money,
    Occurrence,
    OfflineRedemption,
    Operation,
    Origin,
    ReasonCode,
    RefusedOccurrence,
    SyncPointguardClient,
    TakenOccurrence,
    TransactionKind,
    new_idempotency_key,
)
from pointguard_client.offline import NotCovered, OfflineTerminal
from tests.support.server import ServerProcess

STORE = "34280"
HOURS = timedelta(hours=8)


@pytest.fixture
def client(shared_server: ServerProcess) -> Iterator[SyncPointguardClient]:
    with SyncPointguardClient.connect(shared_server.address, api_key=shared_server.api_key) as client:
        yield client


@pytest.fixture
def member(client: SyncPointguardClient) -> Identifier:
    """A member with 1,000 points or so."""
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member])
    client.accrue(member, Money(1_000_00, "CAD"))
    return member


@pytest.fixture
def till() -> Origin:
    """A terminal that nobody has seen before."""
    return Origin(store_id=STORE, terminal_id=f"offline {new_idempotency_key()[-12:]}")


@pytest.fixture
def terminal(client: SyncPointguardClient, till: Origin, tmp_path: Path) -> Iterator[OfflineTerminal]:
    with OfflineTerminal.open(
        tmp_path / "queue", bytes(32), store_id=till.store_id, terminal_id=till.terminal_id
    ) as terminal:
        terminal.trust(client.offline.keys())
        yield terminal


def issued(client: SyncPointguardClient, member: Identifier, points: int, till: Origin, **more: Any) -> Allowance:
    made = client.offline.issue_allowance(member, points, origin=till, time_to_live=HOURS, **more)
    assert made.decision is Decision.APPROVED
    assert made.allowance is not None
    return made.allowance


def happened(till: Origin, ago: timedelta = timedelta()) -> Origin:
    return replace(till, occurred_at=datetime.now(UTC) - ago)


def spent(allowance: Allowance, points: int, till: Origin, ago: timedelta = timedelta()) -> OfflineRedemption:
    return OfflineRedemption(allowance, points, happened(till, ago), "R-1", new_idempotency_key())


def kinds(client: SyncPointguardClient, till: Origin) -> list[tuple[DiscrepancyKind, int, int]]:
    found = client.offline.discrepancies(till.store_id, till.terminal_id).found
    return [(each.kind, each.first_sequence, each.last_sequence) for each in found]


def upload(client: SyncPointguardClient, till: Origin, *occurrences: Occurrence) -> list[Any]:
    return list(client.offline.upload(till.store_id, till.terminal_id, occurrences).results)


def test_a_day_without_a_line_ends_reconciled_to_the_point(
    client: SyncPointguardClient, member: Identifier, till: Origin, terminal: OfflineTerminal
) -> None:
    before = client.get_balance(member).balance
    terminal.keep(issued(client, member, 300, till), member)
    held = client.get_balance(member).balance
    assert (held.posted, held.reserved) == (before.posted, before.reserved + 300)
    # The line is gone.
    approval = terminal.redeem(member, 120, receipt="R-7")
    terminal.record(Accrue(member, Money(50_00, "CAD")))
    with pytest.raises(NotCovered):
        terminal.redeem(member, 181)
    second = terminal.redeem(member, 80)
    terminal.give_back(approval.allowance_id)
    # It is back.
    report = client.offline.upload_from(terminal.upload)
    assert ([each.sequence for each in report.taken], report.refused) == ([1, 2, 3, 4], ())
    first, earned, again, _ = report.taken
    assert (first.points, again.points, first.reasons) == (120, 80, ())
    after = client.get_balance(member).balance
    assert (after.posted, after.reserved) == (before.posted - 200 + earned.points, before.reserved)
    assert kinds(client, till) == []
    kept = client.get_transaction(first.transaction_id)
    assert (kept.operation, kept.order_reference) == (Operation.CAPTURE, "R-7")
    assert kept.occurred_at == approval.occurred_at
    assert kept.original_transaction_id == approval.allowance_id
    assert second.allowance_id == approval.allowance_id
    for each in report.taken:
        explained = client.explain_decision(each.transaction_id)
        assert explained.reproduced, explained.differences


def test_an_upload_lands_once_however_often_and_in_whatever_order_it_comes(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    allowance = issued(client, member, 100, till)
    occurrences = [
        Occurrence(1, Accrue(member, Money(10_00, "CAD"), happened(till), idempotency_key=new_idempotency_key())),
        Occurrence(2, spent(allowance, 60, till)),
        Occurrence(
            3,
            Activity(
                new_idempotency_key(), member, TransactionKind.PURCHASE, datetime.now(UTC),
                origin=replace(till, cashier_id="7"),
            ),
        ),
    ]  # fmt: skip
    (third,) = upload(client, till, occurrences[2])
    assert isinstance(third, TakenOccurrence)
    assert kinds(client, till) == [(DiscrepancyKind.GAP, 1, 2)]
    answers = upload(client, till, *reversed(occurrences), occurrences[0])
    assert all(isinstance(each, TakenOccurrence) for each in answers)
    assert [each.sequence for each in answers] == [3, 2, 1, 1]
    assert answers[3] == answers[2]
    assert upload(client, till, *occurrences) == [*reversed(answers[:3])]
    assert kinds(client, till) == []
    assert client.offline.upload(till.store_id, till.terminal_id, []).last_sequence == 3


def test_a_request_that_was_sent_with_a_line_and_is_uploaded_too_is_done_once(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    request = Accrue(member, Money(10_00, "CAD"), happened(till), idempotency_key=new_idempotency_key())
    made = client.accrue(member, request.amount, origin=request.origin, idempotency_key=request.idempotency_key)
    (taken,) = upload(client, till, Occurrence(1, request))
    assert taken.transaction_id == made.transaction_id
    assert kinds(client, till) == []


def test_one_number_for_two_occurrences_books_both_and_is_told(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    first, second = (
        Accrue(member, Money(minor, "CAD"), happened(till), idempotency_key=new_idempotency_key())
        for minor in (10_00, 20_00)
    )
    answers = upload(client, till, Occurrence(1, first), Occurrence(1, second))
    assert [type(each) for each in answers] == [TakenOccurrence, TakenOccurrence]
    assert kinds(client, till) == [(DiscrepancyKind.OVERLAP, 1, 1)]
    (other,) = upload(client, till, Occurrence(2, replace(first, amount=Money(11_00, "CAD"))))
    assert isinstance(other, RefusedOccurrence)
    assert isinstance(other.error, KeyReused)
    assert kinds(client, till) == [(DiscrepancyKind.OVERLAP, 1, 1), (DiscrepancyKind.REFUSED, 2, 2)]


def test_what_is_spent_without_a_line_is_never_more_than_what_was_signed_out(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    before = client.get_balance(member).balance.posted
    allowance = issued(client, member, 100, till, points_each_max=70)
    answers = upload(
        client, till, *(Occurrence(number, spent(allowance, points, till)) for number, points in ((1, 70), (2, 31)))
    )
    assert isinstance(answers[0], TakenOccurrence)
    assert answers[1].error.reason == "ABOVE_ALLOWANCE"
    (third,) = upload(client, till, Occurrence(3, spent(allowance, 30, till)))
    assert isinstance(third, TakenOccurrence)
    (fourth,) = upload(client, till, Occurrence(4, spent(allowance, 71, till)))
    assert [each.field for each in fourth.error.field_violations] == ["points"]
    assert client.get_balance(member).balance.posted == before - 100
    assert (DiscrepancyKind.ABOVE_ALLOWANCE, 2, 2) in kinds(client, till)


def test_what_comes_after_the_allowance_was_given_back_is_taken_and_told(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    available = client.get_balance(member).balance.available
    allowance = issued(client, member, available, till)
    terms = offline_pb2.AllowanceTerms.FromString(allowance.terms)
    client.void_redemption(terms.allowance_id)
    client.authorise_redemption(member, available - 40, capture=True)
    late = spent(allowance, 100, till, timedelta(minutes=1))
    (taken,) = upload(client, till, Occurrence(1, late))
    assert (taken.decision, taken.points) == (Decision.APPROVED, 100)
    assert ReasonCode.ALLOWANCE_ENDED in {reason.code for reason in taken.reasons}
    assert taken.balance.available == 40 - 100
    (found,) = client.offline.discrepancies(till.store_id, till.terminal_id).found
    assert (found.kind, found.points, found.overspent_points) == (DiscrepancyKind.UNCOVERED, 100, 60)
    assert found.transaction_id == taken.transaction_id
    assert found.occurred_at == late.origin.occurred_at
    explained = client.explain_decision(taken.transaction_id)
    assert explained.reproduced, explained.differences
    assert upload(client, till, Occurrence(1, late)) == [taken]
    given = client.return_transaction(taken.transaction_id)
    assert (given.signed_points, given.balance.available) == (100, 40)


def test_an_allowance_is_good_for_its_own_terminal_and_as_it_was_signed(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    allowance = issued(client, member, 100, till)
    other = replace(till, terminal_id=till.terminal_id + "b")
    changed = replace(allowance, terms=allowance.terms.replace(b"\x28\x64", b"\x28\x65"))
    assert changed != allowance
    unknown = replace(allowance, key_id="9-none")
    for wrong, where in ((allowance, other), (changed, till), (unknown, till)):
        (refused,) = upload(client, where, Occurrence(1, spent(wrong, 10, where)))
        assert [each.field for each in refused.error.field_violations] == ["allowance"]


def test_a_wrong_clock_is_told_and_its_moment_is_the_nearest_that_is_possible(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    allowance = issued(client, member, 100, till)
    ahead = Accrue(member, Money(1_00, "CAD"), happened(till, -HOURS), idempotency_key=new_idempotency_key())
    upload(
        client, till,
        Occurrence(1, ahead),
        Occurrence(2, replace(ahead, origin=happened(till, timedelta(days=40)), idempotency_key=new_idempotency_key())),
        Occurrence(3, spent(allowance, 10, till, HOURS)),
        Occurrence(4, spent(allowance, 10, till, -HOURS * 2)),
    )  # fmt: skip
    found = client.offline.discrepancies(till.store_id, till.terminal_id).found
    assert [(each.kind.name, each.first_sequence) for each in found] == [
        ("CLOCK_AHEAD", 1), ("CLOCK_BEHIND", 2), ("CLOCK_BEHIND", 3), ("APPROVED_LATE", 4), ("CLOCK_AHEAD", 4),
    ]  # fmt: skip
    terms = offline_pb2.AllowanceTerms.FromString(allowance.terms)
    assert found[0].happened_at == found[0].received_at
    assert found[2].happened_at == terms.issued_at.ToDatetime(UTC)
    assert found[4].happened_at == found[4].received_at


def test_a_clock_that_lost_its_year_loses_no_redemption_and_windows_count_it_when_it_can_have_happened(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    allowance = issued(client, member, 100, till)
    terms = offline_pb2.AllowanceTerms.FromString(allowance.terms)
    client.void_redemption(terms.allowance_id)
    reset, far = (replace(till, occurred_at=datetime(year, 1, 1, 3, tzinfo=UTC)) for year in (1970, 2106))
    told = [
        Occurrence(number, OfflineRedemption(allowance, 10, where, "R-1", new_idempotency_key()))
        for number, where in enumerate((reset, far, replace(reset, occurred_at=datetime(2001, 1, 1, tzinfo=UTC))), 1)
    ]
    told.append(Occurrence(4, Accrue(member, Money(1_00, "CAD"), reset, idempotency_key=new_idempotency_key())))
    taken = upload(client, till, *told)
    assert [type(each) for each in taken] == [TakenOccurrence] * 4
    assert upload(client, till, *told) == taken
    clocks = [each for each in kinds(client, till) if each[0].name.startswith("CLOCK")]
    assert [(kind.name, number) for kind, number, _ in clocks] == [
        ("CLOCK_BEHIND", 1), ("CLOCK_AHEAD", 2), ("CLOCK_BEHIND", 3), ("CLOCK_BEHIND", 4),
    ]  # fmt: skip
    booked = [client.get_transaction(each.transaction_id) for each in taken[:3]]
    issued_at = terms.issued_at.ToDatetime(UTC)
    assert [each.occurred_at for each in booked[::2]] == [issued_at, issued_at]
    last, accepted_at = booked[1].occurred_at, booked[1].accepted_at
    assert last is not None
    assert accepted_at is not None
    assert issued_at < last <= accepted_at
    for each in booked:
        explained = client.explain_decision(each.transaction_id)
        assert explained.reproduced, explained.differences


def test_keys_are_rotated_and_what_was_signed_before_stays_valid(
    client: SyncPointguardClient, member: Identifier, till: Origin, terminal: OfflineTerminal
) -> None:
    asked: Any = {"origin": till, "time_to_live": HOURS, "idempotency_key": new_idempotency_key()}
    first = client.offline.issue_allowance(member, 50, **asked)
    rotation = new_idempotency_key()
    made = client.offline.rotate_key(idempotency_key=rotation)
    assert client.offline.rotate_key(idempotency_key=rotation) == made
    assert client.offline.keys()[0] == made
    second = issued(client, member, 50, till)
    assert second.key_id == made.key_id
    assert first.allowance is not None
    assert first.allowance.key_id != made.key_id
    assert client.offline.issue_allowance(member, 50, **asked) == first
    terminal.trust(client.offline.keys())
    for allowance in (first.allowance, second):
        terminal.keep(allowance, member)
    for _ in range(2):
        terminal.redeem(member, 50)
    report = client.offline.upload_from(terminal.upload)
    assert [each.points for each in report.taken] == [50, 50]


def test_a_wrong_origin_is_told_once_and_a_terminal_that_nobody_knows_has_no_discrepancies(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    assert client.offline.discrepancies(STORE, "never seen").last_sequence == 0
    elsewhere = replace(happened(till), store_id="12", cashier_id="x" * 33)
    (refused,) = upload(client, till, Occurrence(1, Accrue(member, Money(1_00, "CAD"), elsewhere)))
    fields = [violation.field for violation in refused.error.field_violations]
    assert sorted(fields) == ["origin.cashier_id", "origin.store_id"]


def test_a_declined_allowance_has_its_reasons_and_nothing_is_signed(
    client: SyncPointguardClient, member: Identifier, till: Origin
) -> None:
    available = client.get_balance(member).balance.available
    declined = client.offline.issue_allowance(member, available + 1, origin=till, time_to_live=HOURS)
    assert (declined.decision, declined.allowance) == (Decision.DECLINED, None)
    assert ReasonCode.INSUFFICIENT_POINTS in {reason.code for reason in declined.reasons}
    part = issued(client, member, available + 1, till, allow_partial=True)
    assert offline_pb2.AllowanceTerms.FromString(part.terms).points == available
