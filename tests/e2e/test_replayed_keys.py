"""A key sent again: before and after a restart, in another form, after another card, and with another body."""

import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from google.protobuf import duration_pb2

from pointguard.v1 import advice_pb2, common_pb2, member_pb2, transaction_pb2
from pointguard_client import new_idempotency_key
from tests.e2e.audit import audit
from tests.e2e.raw_calls import CONFIGURATION, RPCS, Answer, RawCalls
from tests.support.server import ServerProcess

DAY = duration_pb2.Duration(seconds=86_400)


def cad(minor_units: int) -> common_pb2.Money:
    return common_pb2.Money(currency_code="CAD", minor_units=minor_units)


def enroll(raw: RawCalls, card: str = "") -> common_pb2.MemberReference:
    """Enroll a member with 1,000 dollars' worth of points or so; return its card."""
    reference = common_pb2.MemberReference(card=card or new_idempotency_key())
    assert raw.call("EnrollMember", RPCS["EnrollMember"].request(identifiers=[reference])).code == "OK"
    assert raw.call("Accrue", RPCS["Accrue"].request(member=reference, total=cad(1_000_00))).code == "OK"
    return reference


def balance(raw: RawCalls, member: common_pb2.MemberReference) -> Any:
    return raw.call("GetBalance", transaction_pb2.GetBalanceRequest(member=member)).message


def keyed_requests(raw: RawCalls, member: common_pb2.MemberReference) -> dict[str, Any]:
    """Return a request of every RPC that changes something, each of which can be done once."""
    held = [
        raw.call("AuthoriseRedemption", RPCS["AuthoriseRedemption"].request(member=member, points=10)).message
        for _ in range(3)
    ]
    bought = raw.call("Accrue", RPCS["Accrue"].request(member=member)).message.transaction_id
    return {
        "ReturnTransaction": RPCS["ReturnTransaction"].request(original_transaction_id=bought, money=cad(50)),
        "AdjustPoints": RPCS["AdjustPoints"].request(member=member, signed_points=5),
        "TransferPoints": RPCS["TransferPoints"].request(member=member, to=enroll(raw), points=3),
        "RedeemHousehold": RPCS["RedeemHousehold"].request(members=[member, enroll(raw)], points=2),
        "ConvertPoints": RPCS["ConvertPoints"].request(member=member, order_reference="card 1"),
        "RecordActivity": RPCS["RecordActivity"].request(member=member),
        "IssueAllowance": RPCS["IssueAllowance"].request(member=member, points=7),
        "RotateAllowanceKey": RPCS["RotateAllowanceKey"].request(note="a test"),
        "AuthoriseRedemption": RPCS["AuthoriseRedemption"].request(member=member, points=20, order_reference="order 1"),
        "CaptureRedemption": RPCS["CaptureRedemption"].request(reservation_id=held[0].transaction_id, points=4),
        "VoidRedemption": RPCS["VoidRedemption"].request(reservation_id=held[1].transaction_id),
        "ExtendReservation": RPCS["ExtendReservation"].request(
            reservation_id=held[2].transaction_id, time_to_live=duration_pb2.Duration(seconds=3_600)
        ),
        "Accrue": RPCS["Accrue"].request(member=member, tender="DEBIT", coupon_used=True),
        "EnrollMember": RPCS["EnrollMember"].request(
            identifiers=[common_pb2.MemberReference(external_id=new_idempotency_key())],
            profile=member_pb2.Profile(given_name="Ada", province="CA-ON"),
            tier="GOLD",
        ),
        "LinkIdentifier": RPCS["LinkIdentifier"].request(
            member=member, identifier=common_pb2.MemberReference(email=f"{new_idempotency_key()}@example.com")
        ),
        "ReplaceCard": RPCS["ReplaceCard"].request(
            card=linked_card(raw, member), replacement=common_pb2.MemberReference(card=new_idempotency_key())
        ),
        "UpdateMember": RPCS["UpdateMember"].request(member=member, tier="GOLD"),
        "SetRedemptionLock": RPCS["SetRedemptionLock"].request(member=member, locked=True),
        **advice_requests(raw, member),
        **rule_requests(raw),
        **configuration_requests(raw),
    }


def advice_requests(raw: RawCalls, member: common_pb2.MemberReference) -> dict[str, Any]:
    """Return a request of every RPC by which the staff intervenes."""
    overridden, removed = (
        raw.call("RaiseAdvice", RPCS["RaiseAdvice"].request(member=member, duration=DAY)).message.advice_id
        for _ in range(2)
    )
    return {
        "RaiseAdvice": RPCS["RaiseAdvice"].request(member=member, duration=DAY),
        "OverrideAdvice": RPCS["OverrideAdvice"].request(advice_id=overridden),
        "RemoveAdvice": RPCS["RemoveAdvice"].request(advice_id=removed),
        "ResolveCase": RPCS["ResolveCase"].request(case_id=open_case(raw)),
        "AddExemption": RPCS["AddExemption"].request(member=member, cashier_id=None),
        "EndExemption": RPCS["EndExemption"].request(
            exemption_id=raw.call("AddExemption", RPCS["AddExemption"].request()).message.exemption.exemption_id
        ),
        "StopRedemptions": RPCS["StopRedemptions"].request(),
        "ReleaseRedemptions": RPCS["ReleaseRedemptions"].request(
            stop_id=raw.call("StopRedemptions", RPCS["StopRedemptions"].request()).message.stop.stop_id
        ),
        "AddToGroup": RPCS["AddToGroup"].request(members=[member, enroll(raw)]),
        "RemoveFromGroup": RPCS["RemoveFromGroup"].request(members=[member, enroll(raw)]),
        "SetAccountStatus": RPCS["SetAccountStatus"].request(member=member, status=member_pb2.ACCOUNT_STATUS_SUSPENDED),
    }


def linked_card(raw: RawCalls, member: common_pb2.MemberReference) -> common_pb2.MemberReference:
    """Link a card to a member; return it."""
    card = common_pb2.MemberReference(card=new_idempotency_key())
    assert raw.call("LinkIdentifier", RPCS["LinkIdentifier"].request(member=member, identifier=card)).code == "OK"
    return card


def open_case(raw: RawCalls) -> str:
    """Link more cards to a member of its own than the sandbox lets pass; return the id of the case."""
    member = enroll(raw)
    for _ in range(3):
        card = common_pb2.MemberReference(card=new_idempotency_key())
        assert raw.call("LinkIdentifier", RPCS["LinkIdentifier"].request(member=member, identifier=card)).code == "OK"
    (case,) = raw.call("ListCases", RPCS["ListCases"].request(member=member)).message.cases
    found: str = case.case_id
    return found


def rule_requests(raw: RawCalls) -> dict[str, Any]:
    """Return a request of every RPC that changes rules, in an order in which each can be done.

    A version takes over from version 1, and back, between two experiments; a shadow stops and another one starts.
    """
    made = raw.call("CreateRuleSetVersion", RPCS["CreateRuleSetVersion"].request()).message.version.version
    later = RPCS["ActivateRuleSetVersion"].request(version=made, expected_active_version=1)
    later.effective_at.FromSeconds(int(time.time()) + 86_400)
    planned = raw.call("ActivateRuleSetVersion", later).message.activation
    ended, promoted = (
        raw.call("CreateExperiment", RPCS["CreateExperiment"].request()).message.experiment.experiment_id
        for _ in range(2)
    )
    assert raw.call("StartExperiment", RPCS["StartExperiment"].request(experiment_id=ended)).code == "OK"
    shadow = raw.call("StartShadow", RPCS["StartShadow"].request(version=made)).message.shadow.shadow_id
    return {
        "EndExperiment": RPCS["EndExperiment"].request(experiment_id=ended),
        "CreateRuleSetVersion": RPCS["CreateRuleSetVersion"].request(source='rule "new"\n    earn base 2\n'),
        "ActivateRuleSetVersion": RPCS["ActivateRuleSetVersion"].request(version=made, expected_active_version=1),
        "RollbackRuleSet": RPCS["RollbackRuleSet"].request(version=1, expected_active_version=made),
        "CancelRuleSetActivation": RPCS["CancelRuleSetActivation"].request(activation=planned.activation),
        "CreateExperiment": RPCS["CreateExperiment"].request(name="third"),
        "StartExperiment": RPCS["StartExperiment"].request(experiment_id=promoted),
        "PromoteArm": RPCS["PromoteArm"].request(experiment_id=promoted, arm=1),
        "StopShadow": RPCS["StopShadow"].request(shadow_id=shadow),
        "StartShadow": RPCS["StartShadow"].request(version=made),
    }


def configuration_requests(raw: RawCalls) -> dict[str, Any]:
    """Return a request of every RPC that changes the configuration: a version takes over from version 1, and back."""
    made = raw.call("CreateConfigurationVersion", RPCS["CreateConfigurationVersion"].request()).message.version.version
    return {
        "CreateConfigurationVersion": RPCS["CreateConfigurationVersion"].request(source=f"{CONFIGURATION}# new\n"),
        "ActivateConfigurationVersion": RPCS["ActivateConfigurationVersion"].request(
            version=made, expected_active_version=1
        ),
        "RollbackConfiguration": RPCS["RollbackConfiguration"].request(version=1, expected_active_version=made),
    }


ANOTHER_BODY: dict[str, dict[str, Any]] = {
    "ReturnTransaction": {"money": cad(51)},
    "AdjustPoints": {"note": "another"},
    "TransferPoints": {"to": common_pb2.MemberReference(loyalty_id="another")},
    "RedeemHousehold": {"points": 3},
    "ConvertPoints": {"points": 1_000},
    "RecordActivity": {"points": 6},
    "IssueAllowance": {"points_each_max": 3},
    "RotateAllowanceKey": {"note": "another"},
    "AuthoriseRedemption": {"points": 21},
    "CaptureRedemption": {"points": 4, "keep_open": True},
    "ExtendReservation": {"time_to_live": duration_pb2.Duration(seconds=7_200)},
    "VoidRedemption": {"reservation_id": "01890000-0000-7000-8000-000000000000"},
    "Accrue": {"coupon_used": False},
    "EnrollMember": {"tier": "SILVER"},
    "LinkIdentifier": {"identifier": common_pb2.MemberReference(card="another card")},
    "ReplaceCard": {"replacement": common_pb2.MemberReference(card="another card")},
    "AddToGroup": {"group": "another"},
    "RemoveFromGroup": {"members": [common_pb2.MemberReference(loyalty_id="another")]},
    "UpdateMember": {"groups": member_pb2.MemberGroups()},
    "SetRedemptionLock": {"locked": False},
    "RaiseAdvice": {"posture": common_pb2.ADVICE_POSTURE_WARN},
    "OverrideAdvice": {"advice_id": "01890000-0000-7000-8000-000000000000"},
    "RemoveAdvice": {
        "intervention": common_pb2.Intervention(author="another", reason=common_pb2.INTERVENTION_REASON_CORRECTION)
    },
    "ResolveCase": {"outcome": advice_pb2.CASE_OUTCOME_INCONCLUSIVE},
    "AddExemption": {"rule": "OUT_OF_PROVINCE"},
    "EndExemption": {"exemption_id": 99},
    "StopRedemptions": {"store_id": "34038"},
    "ReleaseRedemptions": {"stop_id": 99},
    "SetAccountStatus": {"status": member_pb2.ACCOUNT_STATUS_ACTIVE},
    "CreateRuleSetVersion": {"source": 'rule "other"\n    earn base 3\n'},
    "ActivateRuleSetVersion": {"version": 1},
    "RollbackRuleSet": {"expected_active_version": 1},
    "CancelRuleSetActivation": {"activation": 1},
    "CreateConfigurationVersion": {"source": f"{CONFIGURATION}# other\n"},
    "ActivateConfigurationVersion": {"version": 1},
    "RollbackConfiguration": {"expected_active_version": 1},
    "CreateExperiment": {"name": "another"},
    "StartExperiment": {"experiment_id": 99},
    "EndExperiment": {"experiment_id": 99},
    "PromoteArm": {"arm": 2},
    "StartShadow": {"version": 1},
    "StopShadow": {"shadow_id": 99},
}


def changed(request: Any, **changes: Any) -> Any:
    """Return the request with other fields, under the same key."""
    copy = type(request)()
    copy.CopyFrom(request)
    for name in changes:
        copy.ClearField(name)
    copy.MergeFrom(type(request)(**changes))
    return copy


def test_every_keyed_rpc_gives_its_first_answer_again_before_and_after_a_restart(own_server: ServerProcess) -> None:
    server = own_server
    with RawCalls(server) as raw:
        member = enroll(raw)
        requests = keyed_requests(raw, member)
        assert set(requests) == {name for name, rpc in RPCS.items() if rpc.keyed} == set(ANOTHER_BODY)
        first = {name: raw.call(name, request) for name, request in requests.items()}
        assert {answer.code for answer in first.values()} == {"OK"}
        assert {name: raw.call(name, request) for name, request in requests.items()} == first
        before = audit(server.database)
    assert server.stop() == 0
    server.start()
    with RawCalls(server) as raw:
        assert {name: raw.call(name, request) for name, request in requests.items()} == first
        for name, request in requests.items():
            refused = raw.call(name, changed(request, **ANOTHER_BODY[name]))
            assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED"), name
        assert balance(raw, member).redemption_locked
    after = audit(server.database)
    assert after.transactions_by_key == before.transactions_by_key
    assert (len(after.legs), after.batches) == (len(before.legs), before.batches), (
        "a replay or a refusal wrote something"
    )
    assert server.stop() == 0


@pytest.mark.long
def test_a_replay_is_found_after_its_card_finds_nobody_any_more(own_server: ServerProcess) -> None:
    """The key comes before the identifier: what was asked then was answered then."""
    server = own_server
    with RawCalls(server) as raw:
        member = enroll(raw)
        requests = keyed_requests(raw, member)
        first = {name: raw.call(name, request) for name, request in requests.items()}
    assert server.stop() == 0
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM identifiers")
    server.start()
    with RawCalls(server) as raw:
        assert raw.call("GetBalance", transaction_pb2.GetBalanceRequest(member=member)).code == "NOT_FOUND"
        assert {name: raw.call(name, request) for name, request in requests.items()} == first


def test_a_replay_is_found_after_another_card_was_linked(raw: RawCalls) -> None:
    member = enroll(raw)
    request = RPCS["AuthoriseRedemption"].request(member=member, points=5, capture=True)
    first = raw.call("AuthoriseRedemption", request)
    another = common_pb2.MemberReference(card=new_idempotency_key())
    assert raw.call("LinkIdentifier", RPCS["LinkIdentifier"].request(member=member, identifier=another)).code == "OK"
    assert raw.call("AuthoriseRedemption", request) == first
    assert_reused(raw.call("AuthoriseRedemption", changed(request, member=another)))


def test_a_key_of_a_call_is_replayed_by_an_item_of_a_batch_and_the_other_way_round(raw: RawCalls) -> None:
    member = enroll(raw)
    unary = RPCS["Accrue"].request(member=member)
    batched = RPCS["AuthoriseRedemption"].request(member=member, points=3)
    by_call = raw.call("Accrue", unary).message
    in_batch = send_batch(raw, transaction_pb2.BatchItem(authorise_redemption=batched))[0].authorise_redemption
    seq = balance(raw, member).seq
    assert send_batch(raw, transaction_pb2.BatchItem(accrue=unary))[0].accrue == by_call
    assert raw.call("AuthoriseRedemption", batched).message == in_batch
    assert balance(raw, member).seq == seq


def test_the_same_request_in_other_bytes_is_the_same_request(raw: RawCalls) -> None:
    member = enroll(raw)
    request = RPCS["Accrue"].request(member=member, order_reference="receipt 9", coupon_used=True)
    first = raw.call("Accrue", request)
    parts = [
        transaction_pb2.AccrueRequest(**{descriptor.name: value}).SerializeToString()
        for descriptor, value in request.ListFields()
    ]
    backwards = b"".join(reversed(parts)) + b"\xfa\x3f\x03new"  # a field of some later version, too
    assert backwards != request.SerializeToString()
    assert raw.call("Accrue", backwards) == first
    upper = changed(request, idempotency_key=request.idempotency_key.upper())
    assert raw.call("Accrue", upper) == first, "a UUID is the same in capitals"


def test_a_key_is_refused_for_another_rpc(raw: RawCalls) -> None:
    member = enroll(raw)
    earned = RPCS["Accrue"].request(member=member)
    assert raw.call("Accrue", earned).code == "OK"
    seq = balance(raw, member).seq
    key = earned.idempotency_key
    spend = RPCS["AuthoriseRedemption"].request(member=member, idempotency_key=key)
    lock = RPCS["SetRedemptionLock"].request(member=member, idempotency_key=key, locked=True)
    for answer in (raw.call("AuthoriseRedemption", spend), raw.call("SetRedemptionLock", lock)):
        assert_reused(answer)
    refused = send_batch(raw, transaction_pb2.BatchItem(authorise_redemption=spend))[0].error
    assert (refused.code, refused.reason) == (6, "IDEMPOTENCY_KEY_REUSED")
    assert balance(raw, member).seq == seq


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 6},
        {"money": cad(5)},
        {"capture": True},
        {"allow_partial": True},
        {"kind": common_pb2.TRANSACTION_KIND_PURCHASE},
        {"redemption_type": "GIFT"},
        {"verified_by": [common_pb2.FACTOR_PIN]},
        {"order_reference": "another"},
        {"origin": common_pb2.Origin(store_id="12")},
        {"origin": common_pb2.Origin(terminal_id="till-1")},
        {"origin": common_pb2.Origin(cashier_id="cashier-1")},
        {"origin": common_pb2.Origin(channel=common_pb2.CHANNEL_ONLINE)},
        {"member": common_pb2.MemberReference(loyalty_id="17")},
    ],
    ids=str,
)
def test_every_field_of_a_redemption_is_part_of_what_its_key_stands_for(raw: RawCalls, changes: dict[str, Any]) -> None:
    member = enroll(raw)
    request = RPCS["AuthoriseRedemption"].request(member=member, points=5)
    assert raw.call("AuthoriseRedemption", request).code == "OK"
    assert_reused(raw.call("AuthoriseRedemption", changed(request, **changes)))


def test_a_declined_redemption_stays_declined_although_the_points_came_meanwhile(raw: RawCalls) -> None:
    member = common_pb2.MemberReference(card=new_idempotency_key())
    assert raw.call("EnrollMember", RPCS["EnrollMember"].request(identifiers=[member])).code == "OK"
    request = RPCS["AuthoriseRedemption"].request(member=member, points=5)
    declined = raw.call("AuthoriseRedemption", request)
    assert declined.message.decision == common_pb2.DECISION_DECLINED
    assert raw.call("Accrue", RPCS["Accrue"].request(member=member, total=cad(100_00))).code == "OK"
    assert raw.call("AuthoriseRedemption", request) == declined


def test_replays_never_count_in_a_window(raw: RawCalls) -> None:
    member = enroll(raw)
    request = RPCS["AuthoriseRedemption"].request(member=member, points=1, capture=True)
    answers = {raw.call("AuthoriseRedemption", request).message.transaction_id for _ in range(15)}
    assert len(answers) == 1
    for _ in range(9):
        another = RPCS["AuthoriseRedemption"].request(member=member, points=1, capture=True)
        assert raw.call("AuthoriseRedemption", another).message.decision == common_pb2.DECISION_APPROVED


def send_batch(raw: RawCalls, *items: transaction_pb2.BatchItem) -> Any:
    """Return the results of a batch."""
    answer = raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=items))
    assert answer.code == "OK"
    return answer.message.results


def assert_reused(answer: Answer) -> None:
    assert (answer.code, answer.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")
