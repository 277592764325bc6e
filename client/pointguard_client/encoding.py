"""Turns the caller's values into protobuf messages. Only the client's own modules use it.

Nothing is validated here beyond what Python cannot express on the wire: the server names the field at fault better.
"""

from datetime import datetime
from typing import Final, cast

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import common_pb2, member_pb2, transaction_pb2
from pointguard_client import requests
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.words import AdviceContext, IdentifierKind

_IDENTIFIER_FIELDS: Final = {kind: kind.name.lower() for kind in IdentifierKind if kind}
_COLUMNS: Final = tuple(
    field.name
    for field in transaction_pb2.ProcessBatchColumnsRequest.DESCRIPTOR.fields
    if field.is_repeated and field.name != "origins"
)


def encode_identifier(identifier: requests.Identifier) -> common_pb2.MemberReference:
    """Return the message that finds the account."""
    message = common_pb2.MemberReference()
    setattr(message, _IDENTIFIER_FIELDS[identifier.kind], identifier.value)
    return message


def encode_money(money: requests.Money) -> common_pb2.Money:
    """Return the message for an amount."""
    return common_pb2.Money(currency_code=money.currency_code, minor_units=money.minor_units)


def encode_origin(origin: requests.Origin) -> common_pb2.Origin | None:
    """Return the message for an origin; None if it says nothing."""
    if origin == requests.NOWHERE:
        return None
    return common_pb2.Origin(
        store_id=origin.store_id,
        terminal_id=origin.terminal_id,
        cashier_id=origin.cashier_id,
        channel=cast("common_pb2.Channel", int(origin.channel)),
        occurred_at=None if origin.occurred_at is None else encode_time(origin.occurred_at),
    )


def encode_context(context: AdviceContext) -> common_pb2.AdviceContext:
    """Return the context as the contract's stubs type it."""
    return cast("common_pb2.AdviceContext", int(context))


def encode_basket(basket: requests.Basket) -> transaction_pb2.Basket:
    """Return the message for a basket."""
    lines = (
        transaction_pb2.BasketLine(
            sku=line.sku,
            category=line.category,
            brand=line.brand,
            quantity=line.quantity,
            amount_minor_units=line.amount_minor_units,
        )
        for line in basket.lines
    )
    return transaction_pb2.Basket(currency_code=basket.currency_code, lines=lines)


def encode_authorise(request: requests.AuthoriseRedemption) -> transaction_pb2.AuthoriseRedemptionRequest:
    """Return the message for an authorise, with a new idempotency key if it has none."""
    message = transaction_pb2.AuthoriseRedemptionRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        member=encode_identifier(request.member),
        origin=encode_origin(request.origin),
        kind=cast("common_pb2.TransactionKind", int(request.kind)),
        redemption_type=request.redemption_type,
        time_to_live=request.time_to_live,
        capture=request.capture,
        allow_partial=request.allow_partial,
        order_reference=request.order_reference,
        verified_by=[cast("common_pb2.Factor", int(factor)) for factor in request.verified_by],
        language=request.language,
    )
    if isinstance(request.amount, requests.Money):
        message.money.CopyFrom(encode_money(request.amount))
    else:
        message.points = request.amount
    return message


def encode_capture(request: requests.CaptureRedemption) -> transaction_pb2.CaptureRedemptionRequest:
    """Return the message for a capture, with a new idempotency key if it has none."""
    return transaction_pb2.CaptureRedemptionRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        reservation_id=request.reservation_id,
        points=request.points,
        origin=encode_origin(request.origin),
        keep_open=request.keep_open,
    )


def encode_extension(request: requests.ExtendReservation) -> transaction_pb2.ExtendReservationRequest:
    """Return the message for an extension, with a new idempotency key if it has none."""
    message = transaction_pb2.ExtendReservationRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        reservation_id=request.reservation_id,
        origin=encode_origin(request.origin),
    )
    if request.time_to_live is not None:
        message.time_to_live.FromTimedelta(request.time_to_live)
    return message


def encode_void(request: requests.VoidRedemption) -> transaction_pb2.VoidRedemptionRequest:
    """Return the message for a void, with a new idempotency key if it has none."""
    return transaction_pb2.VoidRedemptionRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        reservation_id=request.reservation_id,
        origin=encode_origin(request.origin),
    )


def encode_accrue(request: requests.Accrue) -> transaction_pb2.AccrueRequest:
    """Return the message for an accrual, with a new idempotency key if it has none."""
    message = transaction_pb2.AccrueRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        member=encode_identifier(request.member),
        origin=encode_origin(request.origin),
        kind=cast("common_pb2.TransactionKind", int(request.kind)),
        tender=request.tender,
        coupon_used=request.coupon_used,
        order_reference=request.order_reference,
        language=request.language,
    )
    if isinstance(request.amount, requests.Money):
        message.total.CopyFrom(encode_money(request.amount))
    else:
        message.basket.CopyFrom(encode_basket(request.amount))
    return message


def encode_return(request: requests.ReturnTransaction) -> transaction_pb2.ReturnTransactionRequest:
    """Return the message for a return, with a new idempotency key if it has none."""
    message = transaction_pb2.ReturnTransactionRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        original_transaction_id=request.original_transaction_id,
        member=None if request.member is None else encode_identifier(request.member),
        origin=encode_origin(request.origin),
        order_reference=request.order_reference,
    )
    match request.amount:
        case None:
            pass
        case requests.Money():
            message.money.CopyFrom(encode_money(request.amount))
        case int():
            message.points = request.amount
        case _:
            message.lines.SetInParent()
            for line in request.amount:
                message.lines.lines.add(line=line.line, amount_minor_units=line.amount_minor_units)
    return message


def encode_transfer(request: requests.TransferPoints) -> transaction_pb2.TransferPointsRequest:
    """Return the message for a transfer, with a new idempotency key if it has none."""
    return transaction_pb2.TransferPointsRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        member=encode_identifier(request.member),
        to=encode_identifier(request.to),
        points=request.points,
        origin=encode_origin(request.origin),
        agent_id=request.agent_id,
        order_reference=request.order_reference,
        verified_by=[cast("common_pb2.Factor", int(factor)) for factor in request.verified_by],
        language=request.language,
    )


def encode_household(request: requests.RedeemHousehold) -> transaction_pb2.RedeemHouseholdRequest:
    """Return the message for a household redemption, with a new idempotency key if it has none."""
    return transaction_pb2.RedeemHouseholdRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        members=[encode_identifier(each) for each in request.members],
        points=request.points,
        origin=encode_origin(request.origin),
        kind=cast("common_pb2.TransactionKind", int(request.kind)),
        redemption_type=request.redemption_type,
        order_reference=request.order_reference,
        verified_by=[cast("common_pb2.Factor", int(factor)) for factor in request.verified_by],
        language=request.language,
    )


def encode_batch_item(request: requests.BatchRequest) -> transaction_pb2.BatchItem:
    """Return the message for one request of a batch."""
    match request:
        case requests.AuthoriseRedemption():
            return transaction_pb2.BatchItem(authorise_redemption=encode_authorise(request))
        case requests.CaptureRedemption():
            return transaction_pb2.BatchItem(capture_redemption=encode_capture(request))
        case requests.VoidRedemption():
            return transaction_pb2.BatchItem(void_redemption=encode_void(request))
        case requests.ExtendReservation():
            return transaction_pb2.BatchItem(extend_reservation=encode_extension(request))
        case requests.Accrue():
            return transaction_pb2.BatchItem(accrue=encode_accrue(request))
        case requests.ReturnTransaction():
            return transaction_pb2.BatchItem(return_transaction=encode_return(request))
        case requests.TransferPoints():
            return transaction_pb2.BatchItem(transfer_points=encode_transfer(request))
        case requests.RedeemHousehold():
            return transaction_pb2.BatchItem(redeem_household=encode_household(request))


def encode_columns(columns: requests.BatchColumns) -> transaction_pb2.ProcessBatchColumnsRequest:
    """Return the message for a batch of columns; raise ValueError, naming the column, for what no column can hold."""
    message = transaction_pb2.ProcessBatchColumnsRequest(
        idempotency_keys=bytes(memoryview(columns.idempotency_keys)),
        currency_code=columns.currency_code,
        origins=[encode_origin(origin) or common_pb2.Origin() for origin in columns.origins],
        reservation_ids=bytes(memoryview(columns.reservation_ids)),
    )
    for name in _COLUMNS:
        try:
            getattr(message, name).extend(getattr(columns, name))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
    return message


def encode_enroll(request: requests.EnrollMember) -> member_pb2.EnrollMemberRequest:
    """Return the message for an enrollment, with a new idempotency key if it has none."""
    profile = request.profile
    return member_pb2.EnrollMemberRequest(
        idempotency_key=request.idempotency_key or new_idempotency_key(),
        identifiers=[encode_identifier(identifier) for identifier in request.identifiers],
        profile=member_pb2.Profile(
            given_name=profile.given_name,
            family_name=profile.family_name,
            province=profile.province,
            birth_date=profile.birth_date,
        ),
        tier=request.tier,
        groups=request.groups,
    )


def encode_time(moment: datetime, field: str = "occurred_at") -> Timestamp:
    """Return the message for a moment; `field` is what an error calls it."""
    if moment.tzinfo is None:
        raise ValueError(f"{field} must know its time zone")
    message = Timestamp()
    message.FromDatetime(moment)
    return message
