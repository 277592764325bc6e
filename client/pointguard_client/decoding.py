"""Turns protobuf answers into the client's results. Only the client's own modules use it."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import activity_pb2, advice_pb2, common_pb2, member_pb2, transaction_pb2
from pointguard_client import results
from pointguard_client.activity_values import RecordedActivity
from pointguard_client.errors import CallError, Failure, FieldViolation, error_from_failure, status_name
from pointguard_client.requests import Identifier, Money, Profile
from pointguard_client.words import (
    AdviceContext,
    AdviceEntity,
    AdviceEvent,
    AdvicePosture,
    Channel,
    Decision,
    EntryType,
    Factor,
    FraudScope,
    IdentifierKind,
    InterventionReason,
    Operation,
    ReasonCode,
    TransactionKind,
    TransactionPart,
)


def decode_quote(message: transaction_pb2.QuoteRedemptionResponse) -> results.Quote:
    """Return what may be spent."""
    return results.Quote(
        account_id=message.account_id,
        points_max=message.points_max,
        money_max=_money(message.money_max) if message.HasField("money_max") else None,
        limits=decode_reasons(message.limits),
        balance=decode_balance(message.balance),
        advice=_advice(message.advice),
    )


def decode_redemption(message: transaction_pb2.AuthoriseRedemptionResponse) -> results.Redemption:
    """Return the decision on a redemption."""
    return results.Redemption(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        points=message.points,
        money=_money(message.money) if message.HasField("money") else None,
        expires_at=decode_time(message.expires_at) if message.HasField("expires_at") else None,
        balance=decode_balance(message.balance),
    )


def decode_capture(message: transaction_pb2.CaptureRedemptionResponse) -> results.Capture:
    """Return what was captured."""
    return results.Capture(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        points=message.points,
        points_released=message.points_released,
        balance=decode_balance(message.balance),
        expires_at=decode_time(message.expires_at) if message.HasField("expires_at") else None,
    )


def decode_extension(message: transaction_pb2.ExtendReservationResponse) -> results.Extension:
    """Return until when a reservation stands."""
    return results.Extension(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        points=message.points,
        expires_at=decode_time(message.expires_at),
        balance=decode_balance(message.balance),
    )


def decode_void(message: transaction_pb2.VoidRedemptionResponse) -> results.Void:
    """Return what was released."""
    return results.Void(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        points_released=message.points_released,
        balance=decode_balance(message.balance),
    )


def decode_accrual(message: transaction_pb2.AccrueResponse) -> results.Accrual:
    """Return the decision on an accrual."""
    return results.Accrual(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        points=message.points,
        awards=tuple(
            results.Award(rule=award.rule, part=TransactionPart(award.part), points=award.points)
            for award in message.awards
        ),
        balance=decode_balance(message.balance),
        experiment_id=message.experiment_id,
        arm=message.arm,
    )


def decode_adjustment(message: transaction_pb2.AdjustPointsResponse) -> results.Adjustment:
    """Return the decision on points given or taken by hand."""
    return results.Adjustment(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        signed_points=message.signed_points,
        balance=decode_balance(message.balance),
    )


def decode_return(message: transaction_pb2.ReturnTransactionResponse) -> results.Return:
    """Return what was undone."""
    return results.Return(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        signed_points=message.signed_points,
        points_not_moved=message.points_not_moved,
        money=_money(message.money) if message.HasField("money") else None,
        balance=decode_balance(message.balance),
    )


def decode_transfer(message: transaction_pb2.TransferPointsResponse) -> results.Transfer:
    """Return the decision on a transfer."""
    return results.Transfer(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        points=message.points,
        balance=decode_balance(message.balance),
    )


def decode_conversion(message: transaction_pb2.ConvertPointsResponse) -> results.PointsConversion:
    """Return the decision on a conversion."""
    return results.PointsConversion(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        points=message.points,
        conversion=_conversion(message.conversion) if message.HasField("conversion") else None,
        balance=decode_balance(message.balance),
    )


def _conversion(message: transaction_pb2.Conversion) -> results.Conversion:
    return results.Conversion(message.conversion, message.units, message.unit)


def decode_household(message: transaction_pb2.RedeemHouseholdResponse) -> results.HouseholdRedemption:
    """Return the decision on a household redemption."""
    return results.HouseholdRedemption(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        decision=Decision(message.decision),
        reasons=decode_reasons(message.reasons),
        points=message.points,
        balance=decode_balance(message.balance),
    )


def decode_transaction(message: transaction_pb2.GetTransactionResponse) -> results.Transaction:
    """Return a transaction with its entries, and its other legs."""
    return replace(_leg(message.transaction), other_legs=tuple(map(_leg, message.other_legs)))


def _leg(transaction: transaction_pb2.Transaction) -> results.Transaction:
    return results.Transaction(
        transaction_id=transaction.transaction_id,
        account_id=transaction.account_id,
        seq=transaction.seq,
        position=transaction.position,
        operation=Operation(transaction.operation),
        kind=TransactionKind(transaction.kind),
        decision=Decision(transaction.decision),
        reasons=decode_reasons(transaction.reasons),
        points=transaction.points,
        money=_money(transaction.money) if transaction.HasField("money") else None,
        accepted_at=decode_time(transaction.accepted_at) if transaction.HasField("accepted_at") else None,
        occurred_at=decode_time(transaction.occurred_at) if transaction.HasField("occurred_at") else None,
        store_id=transaction.store_id,
        terminal_id=transaction.terminal_id,
        cashier_id=transaction.cashier_id,
        channel=Channel(transaction.channel),
        order_reference=transaction.order_reference,
        rule_set_version=transaction.rule_set_version,
        fraud_rules_version=transaction.fraud_rules_version,
        balance=decode_balance(transaction.balance),
        entries=tuple(_entry(entry) for entry in transaction.entries),
        expires_at=decode_time(transaction.expires_at) if transaction.HasField("expires_at") else None,
        original_transaction_id=transaction.original_transaction_id,
        experiment_id=transaction.experiment_id,
        arm=transaction.arm,
        advice=tuple(map(decode_advice_change, transaction.advice)),
        intervention=decode_intervention(transaction.intervention) if transaction.HasField("intervention") else None,
        verified_by=tuple(Factor(each) for each in transaction.verified_by),
        agent_id=transaction.agent_id,
        adjustment=_adjustment_reason(transaction.adjustment) if transaction.HasField("adjustment") else None,
        identified_by=IdentifierKind(transaction.identified_by),
        conversion=_conversion(transaction.conversion) if transaction.HasField("conversion") else None,
    )


def _adjustment_reason(message: transaction_pb2.Adjustment) -> results.AdjustmentReason:
    return results.AdjustmentReason(message.reason_code, message.note, message.api_key_id)


def decode_advice_change(message: common_pb2.AdviceChange) -> results.AdviceChange:
    """Return a step that a transaction took in the life of an advice."""
    return results.AdviceChange(AdviceEvent(message.event), decode_advice(message.advice))


def decode_intervention(message: common_pb2.Intervention) -> results.Intervention:
    """Return who of the staff did something about an account, and why."""
    reason = InterventionReason(message.reason)
    return results.Intervention(message.author, reason, message.note, message.api_key_id, message.session_id)


def decode_entries(messages: Iterable[transaction_pb2.Entry]) -> tuple[results.Entry, ...]:
    """Return entries."""
    return tuple(_entry(entry) for entry in messages)


def decode_account_balance(message: transaction_pb2.GetBalanceResponse) -> results.AccountBalance:
    """Return an account's points."""
    return results.AccountBalance(
        account_id=message.account_id,
        balance=decode_balance(message.balance),
        seq=message.seq,
        redemption_locked=message.redemption_locked,
        suspended=message.suspended,
        next_expiry=_next_expiry(message.next_expiry) if message.HasField("next_expiry") else None,
        position=message.position,
    )


def _next_expiry(message: transaction_pb2.NextExpiry) -> results.NextExpiry:
    return results.NextExpiry(points=message.points, expires_at=decode_time(message.expires_at))


def decode_batch_result(
    message: transaction_pb2.BatchResult, idempotency_key: str, rpc: str = "ProcessBatch"
) -> results.BatchResult:
    """Return the answer to the request of a batch or stream that had this key."""
    match message.WhichOneof("outcome"):
        case "authorise_redemption":
            return decode_redemption(message.authorise_redemption)
        case "capture_redemption":
            return decode_capture(message.capture_redemption)
        case "void_redemption":
            return decode_void(message.void_redemption)
        case "extend_reservation":
            return decode_extension(message.extend_reservation)
        case "accrue":
            return decode_accrual(message.accrue)
        case "return_transaction":
            return decode_return(message.return_transaction)
        case "transfer_points":
            return decode_transfer(message.transfer_points)
        case "redeem_household":
            return decode_household(message.redeem_household)
        case "error":
            return decode_batch_error(message.error, rpc, idempotency_key)
        case _:
            unknown = Failure(code="UNKNOWN", message="the answer is of a kind that this client does not know")
            return error_from_failure(unknown, rpc, idempotency_key)


def decode_batch_error(message: transaction_pb2.BatchError, rpc: str, idempotency_key: str) -> CallError:
    """Return why one request of many was refused."""
    return error_from_failure(_batch_failure(message), rpc, idempotency_key)


def decode_activity(message: activity_pb2.RecordActivityResponse) -> RecordedActivity:
    """Return what was recorded."""
    return RecordedActivity(
        transaction_id=message.transaction_id,
        account_id=message.account_id,
        seq=message.seq,
        reasons=decode_reasons(message.reasons),
        advice=_advice(message.advice),
    )


def decode_columns(message: transaction_pb2.ProcessBatchColumnsResponse, keys: bytes) -> results.ColumnAnswers:
    """Return the answers to the batch of columns that had these keys."""
    reasons: defaultdict[int, tuple[results.Reason, ...]] = defaultdict(tuple)
    for given in message.reasons:
        reasons[given.row] += decode_reasons([given.reason])
    errors = {
        refused.row: error_from_failure(
            _batch_failure(refused.error), "ProcessBatchColumns", str(UUID(bytes=keys[16 * refused.row :][:16]))
        )
        for refused in message.errors
    }
    return results.ColumnAnswers(
        transaction_ids=message.transaction_ids,
        decisions=array("q", message.decisions),
        points=array("q", message.points),
        points_released=array("q", message.points_released),
        money_minor_units=array("q", message.money_minor_units),
        expires_at_micros=array("q", message.expires_at_micros),
        account_ids=array("q", message.account_ids),
        posted=array("q", message.posted),
        reserved=array("q", message.reserved),
        pending=array("q", message.pending),
        reasons=dict(reasons),
        errors=errors,
    )


def decode_advice_report(message: advice_pb2.CheckAdviceResponse) -> results.AdviceReport:
    """Return what stands against an account."""
    return results.AdviceReport(
        account_id=message.account_id,
        posture=AdvicePosture(message.posture),
        advice=_advice(message.advice),
        redemption_locked=message.redemption_locked,
        suspended=message.suspended,
        redemptions_stopped=tuple(ReasonCode(each) for each in message.redemptions_stopped),
        redemption_reasons=decode_reasons(message.redemption_reasons),
    )


def decode_enrollment(message: member_pb2.EnrollMemberResponse) -> results.Enrollment:
    """Return the new member."""
    return results.Enrollment(
        transaction_id=message.transaction_id, member_id=message.member_id, account_id=message.account_id
    )


def decode_member(message: member_pb2.FindMemberResponse) -> results.MemberRecord:
    """Return a member; identifiers of a kind that this client does not know are left out."""
    profile = message.profile
    identifiers = (_identifier(reference) for reference in message.identifiers)
    return results.MemberRecord(
        member_id=message.member_id,
        account_id=message.account_id,
        identifiers=tuple(identifier for identifier in identifiers if identifier is not None),
        profile=Profile(
            given_name=profile.given_name,
            family_name=profile.family_name,
            province=profile.province,
            birth_date=profile.birth_date,
        ),
        enrolled_at=decode_time(message.enrolled_at) if message.HasField("enrolled_at") else None,
        tier=message.tier,
        groups=tuple(message.groups),
    )


def decode_link(message: member_pb2.LinkIdentifierResponse) -> results.IdentifierLink:
    """Return the link."""
    return results.IdentifierLink(transaction_id=message.transaction_id, account_id=message.account_id)


def decode_replacement(message: member_pb2.ReplaceCardResponse) -> results.CardReplacement:
    """Return the replacement."""
    return results.CardReplacement(transaction_id=message.transaction_id, account_id=message.account_id)


def decode_update(message: member_pb2.UpdateMemberResponse) -> results.MemberUpdate:
    """Return the change."""
    return results.MemberUpdate(transaction_id=message.transaction_id, account_id=message.account_id)


def decode_lock(message: member_pb2.SetRedemptionLockResponse) -> results.RedemptionLock:
    """Return how the lock stands."""
    return results.RedemptionLock(
        transaction_id=message.transaction_id, account_id=message.account_id, locked=message.locked
    )


def decode_time(message: Timestamp) -> datetime:
    """Return a moment."""
    return message.ToDatetime(tzinfo=UTC)


def _money(message: common_pb2.Money) -> Money:
    return Money(minor_units=message.minor_units, currency_code=message.currency_code)


def decode_balance(message: common_pb2.Balance) -> results.Balance:
    """Return an account's points."""
    return results.Balance(
        posted=message.posted, reserved=message.reserved, pending=message.pending, available=message.available
    )


def decode_reasons(messages: Iterable[common_pb2.Reason]) -> tuple[results.Reason, ...]:
    """Return the reasons of a decision."""
    return tuple(
        results.Reason(code=ReasonCode(message.code), rule=message.rule, text=message.text) for message in messages
    )


def _advice(messages: Iterable[common_pb2.Advice]) -> tuple[results.Advice, ...]:
    return tuple(decode_advice(message) for message in messages)


def decode_advice(message: common_pb2.Advice) -> results.Advice:
    """Return an advice."""
    return results.Advice(
        advice_id=message.advice_id,
        entity=AdviceEntity(message.entity),
        context=AdviceContext(message.context),
        posture=AdvicePosture(message.posture),
        starts_at=decode_time(message.starts_at) if message.HasField("starts_at") else None,
        ends_at=decode_time(message.ends_at) if message.HasField("ends_at") else None,
        rule=message.rule,
        rule_version=message.rule_version,
        evidence=_evidence(message.evidence),
        factor=Factor(message.factor),
        scope=FraudScope(message.scope),
        scope_entity=message.scope_entity,
        text=message.text,
    )


def _evidence(message: common_pb2.Evidence) -> results.Evidence:
    starts_after = decode_time(message.window_starts_after) if message.HasField("window_starts_after") else None
    return results.Evidence(
        transaction_id=message.transaction_id,
        measured=message.measured,
        threshold=message.threshold,
        window_starts_after=starts_after,
    )


def _entry(message: transaction_pb2.Entry) -> results.Entry:
    return results.Entry(
        entry_type=EntryType(message.entry_type),
        part=TransactionPart(message.part),
        signed_points=message.signed_points,
        running_balance=message.running_balance,
        rule=message.rule,
        matures_at=decode_time(message.matures_at) if message.HasField("matures_at") else None,
        expires_at=decode_time(message.expires_at) if message.HasField("expires_at") else None,
    )


def _identifier(message: common_pb2.MemberReference) -> Identifier | None:
    field = message.WhichOneof("identifier")
    return None if field is None else Identifier(IdentifierKind[field.upper()], getattr(message, field))


def _batch_failure(message: transaction_pb2.BatchError) -> Failure:
    violations = tuple(FieldViolation(item.field, item.description) for item in message.field_violations)
    return Failure(
        code=status_name(message.code), message=message.message, reason=message.reason, field_violations=violations
    )
