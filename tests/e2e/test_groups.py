"""Groups of members and cards through the client: many at once, attributed, listed, replayed, refused as a whole."""

from collections.abc import Iterator

import pytest

from pointguard_client import (
    Identifier,
    IdentifierKind,
    IdentifierTaken,
    Intervention,
    InterventionReason,
    KeyReused,
    Money,
    NotFound,
    SyncPointguardClient,
    new_idempotency_key,
)
from tests.support.server import ServerProcess

WHY = Intervention("analyst 7", InterventionReason.POLICY_ABUSE, "ring of resellers")


@pytest.fixture
def client(shared_server: ServerProcess) -> Iterator[SyncPointguardClient]:
    with SyncPointguardClient.connect(shared_server.address, api_key=shared_server.api_key) as client:
        yield client


def enroll(client: SyncPointguardClient, groups: tuple[str, ...] = ()) -> Identifier:
    member = Identifier.external_id(new_idempotency_key())
    client.enroll_member([member], groups=groups)
    return member


def test_members_are_put_into_a_group_and_taken_out_and_listed(client: SyncPointguardClient) -> None:
    group, key = new_idempotency_key()[-12:], new_idempotency_key()
    members = [enroll(client), enroll(client, ("vip",)), enroll(client, ("staff", "vip"))]
    accounts = [client.find_member(member).account_id for member in members]
    # One who is named twice is in the group once.
    changes = client.fraud.add_to_group(group, [*members, members[0]], WHY, idempotency_key=key)
    assert [each.account_id for each in changes] == [*accounts, accounts[0]]
    groups = [client.find_member(member).groups for member in members]
    assert groups == [(group,), tuple(sorted((group, "vip"))), tuple(sorted((group, "staff", "vip")))]
    said = client.get_transaction(changes[1].transaction_id).intervention
    assert said is not None
    assert (said.author, said.note) == (WHY.author, WHY.note)
    page = client.fraud.list_group_members(group, page_size=2)
    rest = client.fraud.list_group_members(group, page_token=page.next_page_token)
    assert [*page.account_ids, *rest.account_ids] == sorted(accounts)
    client.fraud.remove_from_group(group, members[1:2], WHY)
    assert client.find_member(members[1]).groups == ("vip",)
    assert client.fraud.list_group_members(group).account_ids == tuple(sorted((accounts[0], accounts[2])))
    # A replay is answered as before, and changes nothing.
    assert client.fraud.add_to_group(group, [*members, members[0]], WHY, idempotency_key=key) == changes
    assert client.find_member(members[1]).groups == ("vip",)
    with pytest.raises(KeyReused):
        client.fraud.add_to_group(group, [*members, *members], WHY, idempotency_key=key)


def test_a_call_with_a_member_whom_nobody_knows_changes_nobody(client: SyncPointguardClient) -> None:
    member, nobody = enroll(client), Identifier.external_id(new_idempotency_key())
    with pytest.raises(NotFound):
        client.fraud.add_to_group("vip", [member, nobody], WHY)
    assert client.find_member(member).groups == ()


def test_a_replaced_card_finds_nobody_at_once_and_a_transaction_says_what_was_used(
    client: SyncPointguardClient,
) -> None:
    member, old, new = enroll(client), Identifier.card(new_idempotency_key()), Identifier.card(new_idempotency_key())
    client.link_identifier(member, old)
    # The second time the reading kernel knows the card.
    for bought in [client.accrue(old, Money(10_00, "CAD")).transaction_id for _ in range(2)]:
        assert client.get_transaction(bought).identified_by is IdentifierKind.CARD
    key = new_idempotency_key()
    replaced = client.replace_card(old, new, idempotency_key=key)
    with pytest.raises(NotFound):
        client.accrue(old, Money(10_00, "CAD"))
    assert client.accrue(new, Money(10_00, "CAD")).transaction_id
    assert client.replace_card(old, new, idempotency_key=key) == replaced
    assert set(client.find_member(member).identifiers) == {member, new}
    with pytest.raises(IdentifierTaken):
        client.link_identifier(enroll(client), old)
