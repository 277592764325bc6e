"""Every RPC through the generated stubs alone: what someone without the Python client writes."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from pointguard.v1 import (
    activity_pb2,
    advice_pb2,
    advice_pb2_grpc,
    books_pb2,
    common_pb2,
    configuration_pb2,
    experiment_pb2,
    explanation_pb2,
    member_pb2,
    member_pb2_grpc,
    offline_pb2,
    rule_pb2,
    shadow_pb2,
    transaction_pb2,
    transaction_pb2_grpc,
)
from pointguard_client import new_idempotency_key
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess

CAD = common_pb2.Money(currency_code="CAD", minor_units=100_00)


def test_the_life_of_a_redemption_is_answered_step_by_step(shared_server: ServerProcess) -> None:
    credential = shared_server.authorization
    with grpc.insecure_channel(shared_server.address) as channel:
        members = member_pb2_grpc.MemberServiceStub(channel)
        transactions = transaction_pb2_grpc.TransactionServiceStub(channel)
        reference = common_pb2.MemberReference(external_id=new_idempotency_key())
        enrolled = members.EnrollMember(
            member_pb2.EnrollMemberRequest(idempotency_key=new_idempotency_key(), identifiers=[reference]),
            metadata=credential,
        )
        found = members.FindMember(member_pb2.FindMemberRequest(member=reference), metadata=credential)
        assert (found.member_id, list(found.identifiers)) == (enrolled.member_id, [reference])
        earned = transactions.Accrue(
            transaction_pb2.AccrueRequest(idempotency_key=new_idempotency_key(), member=reference, total=CAD),
            metadata=credential,
        )
        assert (earned.decision, earned.account_id) == (common_pb2.DECISION_APPROVED, enrolled.account_id)
        quote = transactions.QuoteRedemption(
            transaction_pb2.QuoteRedemptionRequest(member=reference), metadata=credential
        )
        assert quote.points_max == earned.points
        held = [
            transactions.AuthoriseRedemption(
                transaction_pb2.AuthoriseRedemptionRequest(
                    idempotency_key=new_idempotency_key(),
                    member=reference,
                    points=10,
                    time_to_live=Duration(seconds=60),
                ),
                metadata=credential,
            )
            for _ in range(2)
        ]
        captured = transactions.CaptureRedemption(
            transaction_pb2.CaptureRedemptionRequest(
                idempotency_key=new_idempotency_key(), reservation_id=held[0].transaction_id
            ),
            metadata=credential,
        )
        voided = transactions.VoidRedemption(
            transaction_pb2.VoidRedemptionRequest(
                idempotency_key=new_idempotency_key(), reservation_id=held[1].transaction_id
            ),
            metadata=credential,
        )
        assert (captured.points, voided.points_released) == (10, 10)
        read = transactions.GetTransaction(
            transaction_pb2.GetTransactionRequest(transaction_id=captured.transaction_id), metadata=credential
        )
        assert read.transaction.original_transaction_id == held[0].transaction_id


def test_every_other_rpc_of_the_contract_answers(shared_server: ServerProcess) -> None:
    credential = shared_server.authorization
    with grpc.insecure_channel(shared_server.address) as channel:
        members = member_pb2_grpc.MemberServiceStub(channel)
        transactions = transaction_pb2_grpc.TransactionServiceStub(channel)
        advice = advice_pb2_grpc.AdviceServiceStub(channel)
        reference = common_pb2.MemberReference(external_id=new_idempotency_key())
        members.EnrollMember(
            member_pb2.EnrollMemberRequest(idempotency_key=new_idempotency_key(), identifiers=[reference]),
            metadata=credential,
        )
        batch = transactions.ProcessBatch(
            transaction_pb2.ProcessBatchRequest(
                items=[
                    transaction_pb2.BatchItem(
                        accrue=transaction_pb2.AccrueRequest(
                            idempotency_key=new_idempotency_key(), member=reference, total=CAD
                        )
                    )
                ]
            ),
            metadata=credential,
        )
        earned = batch.results[0].accrue
        assert earned.points > 0
        members.LinkIdentifier(
            member_pb2.LinkIdentifierRequest(
                idempotency_key=new_idempotency_key(),
                member=reference,
                identifier=common_pb2.MemberReference(card=new_idempotency_key()),
            ),
            metadata=credential,
        )
        locked = members.SetRedemptionLock(
            member_pb2.SetRedemptionLockRequest(idempotency_key=new_idempotency_key(), member=reference, locked=True),
            metadata=credential,
        )
        checked = advice.CheckAdvice(advice_pb2.CheckAdviceRequest(member=reference), metadata=credential)
        assert locked.locked is checked.redemption_locked is True
        balance = transactions.GetBalance(transaction_pb2.GetBalanceRequest(member=reference), metadata=credential)
        assert balance.balance.posted == earned.points
        assert balance.seq == 4


def test_the_tests_know_every_rpc_of_the_contract() -> None:
    modules = (advice_pb2, member_pb2, transaction_pb2, rule_pb2, experiment_pb2, shadow_pb2, explanation_pb2)
    files = [module.DESCRIPTOR for module in (*modules, activity_pb2, configuration_pb2, books_pb2, offline_pb2)]
    services = [service for file in files for service in file.services_by_name.values()]
    contract = {method.name: service.full_name for service in services for method in service.methods}
    assert {name: rpc.service for name, rpc in RPCS.items()} == contract


@pytest.mark.parametrize("name", sorted(RPCS))
def test_a_sound_request_is_answered_or_finds_nothing_and_never_needs_a_deadline(raw: RawCalls, name: str) -> None:
    # A member of its own: other tests of the shared server enroll the usual one.
    strange = {"identifiers": [common_pb2.MemberReference(external_id=new_idempotency_key())]}
    request = RPCS[name].request(**(strange if name == "EnrollMember" else {}))
    if name == "CreateExperiment":
        # There are no two arms before there are two versions.
        raw.call("CreateRuleSetVersion", RPCS["CreateRuleSetVersion"].request())
    answer = raw.call(name, request, timeout_s=None)
    missing = {"CaptureRedemption", "VoidRedemption", "GetTransaction", "ActivateRuleSetVersion", "RollbackRuleSet"}
    missing |= {"StartExperiment", "EndExperiment", "PromoteArm", "GetExperiment", "BacktestRuleSet", "ExplainDecision"}
    missing |= {"CancelRuleSetActivation", "OverrideAdvice", "RemoveAdvice", "ResolveCase", "EndExemption"}
    missing |= {"ActivateConfigurationVersion", "RollbackConfiguration", "ReleaseRedemptions"}
    missing |= {"StartShadow", "StopShadow", "GetShadow", "ReturnTransaction", "TransferPoints"}
    missing |= {"RedeemHousehold", "ExtendReservation"}
    expected = "NOT_FOUND" if name in missing else "OK"
    assert answer.code == expected
    # Nothing in the answer is unknown to the contract.
    if answer.message is not None:
        known = answer.message.ByteSize()
        answer.message.DiscardUnknownFields()
        assert answer.message.ByteSize() == known
