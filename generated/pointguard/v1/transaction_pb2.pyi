import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransactionPart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSACTION_PART_UNSPECIFIED: _ClassVar[TransactionPart]
    TRANSACTION_PART_REDEEM: _ClassVar[TransactionPart]
    TRANSACTION_PART_HOUSEHOLD_REDEEM: _ClassVar[TransactionPart]
    TRANSACTION_PART_BASE: _ClassVar[TransactionPart]
    TRANSACTION_PART_BONUS: _ClassVar[TransactionPart]
    TRANSACTION_PART_TARGETED: _ClassVar[TransactionPart]
    TRANSACTION_PART_DISCRETIONARY: _ClassVar[TransactionPart]
    TRANSACTION_PART_PPE: _ClassVar[TransactionPart]
    TRANSACTION_PART_TRANSFER_OUT: _ClassVar[TransactionPart]
    TRANSACTION_PART_TRANSFER_IN: _ClassVar[TransactionPart]

class EntryType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_TYPE_UNSPECIFIED: _ClassVar[EntryType]
    ENTRY_TYPE_EARN: _ClassVar[EntryType]
    ENTRY_TYPE_BONUS: _ClassVar[EntryType]
    ENTRY_TYPE_CONVERT: _ClassVar[EntryType]
    ENTRY_TYPE_CREDIT: _ClassVar[EntryType]
    ENTRY_TYPE_REDEEM: _ClassVar[EntryType]
    ENTRY_TYPE_EXPIRE: _ClassVar[EntryType]
    ENTRY_TYPE_VOID: _ClassVar[EntryType]
    ENTRY_TYPE_REVERSE: _ClassVar[EntryType]
    ENTRY_TYPE_ADJUST: _ClassVar[EntryType]
    ENTRY_TYPE_TRANSFER_IN: _ClassVar[EntryType]
    ENTRY_TYPE_TRANSFER_OUT: _ClassVar[EntryType]
TRANSACTION_PART_UNSPECIFIED: TransactionPart
TRANSACTION_PART_REDEEM: TransactionPart
TRANSACTION_PART_HOUSEHOLD_REDEEM: TransactionPart
TRANSACTION_PART_BASE: TransactionPart
TRANSACTION_PART_BONUS: TransactionPart
TRANSACTION_PART_TARGETED: TransactionPart
TRANSACTION_PART_DISCRETIONARY: TransactionPart
TRANSACTION_PART_PPE: TransactionPart
TRANSACTION_PART_TRANSFER_OUT: TransactionPart
TRANSACTION_PART_TRANSFER_IN: TransactionPart
ENTRY_TYPE_UNSPECIFIED: EntryType
ENTRY_TYPE_EARN: EntryType
ENTRY_TYPE_BONUS: EntryType
ENTRY_TYPE_CONVERT: EntryType
ENTRY_TYPE_CREDIT: EntryType
ENTRY_TYPE_REDEEM: EntryType
ENTRY_TYPE_EXPIRE: EntryType
ENTRY_TYPE_VOID: EntryType
ENTRY_TYPE_REVERSE: EntryType
ENTRY_TYPE_ADJUST: EntryType
ENTRY_TYPE_TRANSFER_IN: EntryType
ENTRY_TYPE_TRANSFER_OUT: EntryType

class QuoteRedemptionRequest(_message.Message):
    __slots__ = ("member", "origin", "redemption_type", "language")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    redemption_type: str
    language: str
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., redemption_type: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class QuoteRedemptionResponse(_message.Message):
    __slots__ = ("account_id", "points_max", "money_max", "limits", "balance", "advice")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_MAX_FIELD_NUMBER: _ClassVar[int]
    MONEY_MAX_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    account_id: int
    points_max: int
    money_max: _common_pb2.Money
    limits: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    balance: _common_pb2.Balance
    advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    def __init__(self, account_id: _Optional[int] = ..., points_max: _Optional[int] = ..., money_max: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., limits: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ...) -> None: ...

class AuthoriseRedemptionRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "origin", "points", "money", "kind", "redemption_type", "time_to_live", "capture", "allow_partial", "order_reference", "verified_by", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LIVE_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    points: int
    money: _common_pb2.Money
    kind: _common_pb2.TransactionKind
    redemption_type: str
    time_to_live: _duration_pb2.Duration
    capture: bool
    allow_partial: bool
    order_reference: str
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., points: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., redemption_type: _Optional[str] = ..., time_to_live: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., capture: _Optional[bool] = ..., allow_partial: _Optional[bool] = ..., order_reference: _Optional[str] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., language: _Optional[str] = ...) -> None: ...

class AuthoriseRedemptionResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "points", "money", "expires_at", "balance", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    money: _common_pb2.Money
    expires_at: _timestamp_pb2.Timestamp
    balance: _common_pb2.Balance
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., account_id: _Optional[int] = ...) -> None: ...

class CaptureRedemptionRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "points", "origin", "keep_open")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KEEP_OPEN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    points: int
    origin: _common_pb2.Origin
    keep_open: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., points: _Optional[int] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., keep_open: _Optional[bool] = ...) -> None: ...

class CaptureRedemptionResponse(_message.Message):
    __slots__ = ("transaction_id", "points", "points_released", "balance", "account_id", "expires_at")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    points: int
    points_released: int
    balance: _common_pb2.Balance
    account_id: int
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, transaction_id: _Optional[str] = ..., points: _Optional[int] = ..., points_released: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., account_id: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class VoidRedemptionRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "origin")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    origin: _common_pb2.Origin
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ...) -> None: ...

class VoidRedemptionResponse(_message.Message):
    __slots__ = ("transaction_id", "points_released", "balance", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    points_released: int
    balance: _common_pb2.Balance
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., points_released: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., account_id: _Optional[int] = ...) -> None: ...

class ExtendReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "time_to_live", "origin")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LIVE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    time_to_live: _duration_pb2.Duration
    origin: _common_pb2.Origin
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., time_to_live: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ...) -> None: ...

class ExtendReservationResponse(_message.Message):
    __slots__ = ("transaction_id", "points", "expires_at", "balance", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    points: int
    expires_at: _timestamp_pb2.Timestamp
    balance: _common_pb2.Balance
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., points: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., account_id: _Optional[int] = ...) -> None: ...

class BasketLine(_message.Message):
    __slots__ = ("sku", "category", "brand", "quantity", "amount_minor_units")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    category: str
    brand: str
    quantity: int
    amount_minor_units: int
    def __init__(self, sku: _Optional[str] = ..., category: _Optional[str] = ..., brand: _Optional[str] = ..., quantity: _Optional[int] = ..., amount_minor_units: _Optional[int] = ...) -> None: ...

class Basket(_message.Message):
    __slots__ = ("currency_code", "lines")
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    currency_code: str
    lines: _containers.RepeatedCompositeFieldContainer[BasketLine]
    def __init__(self, currency_code: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[BasketLine, _Mapping]]] = ...) -> None: ...

class AccrueRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "origin", "basket", "total", "kind", "tender", "coupon_used", "order_reference", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    BASKET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENDER_FIELD_NUMBER: _ClassVar[int]
    COUPON_USED_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    basket: Basket
    total: _common_pb2.Money
    kind: _common_pb2.TransactionKind
    tender: str
    coupon_used: bool
    order_reference: str
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., basket: _Optional[_Union[Basket, _Mapping]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., tender: _Optional[str] = ..., coupon_used: _Optional[bool] = ..., order_reference: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class Award(_message.Message):
    __slots__ = ("rule", "part", "points")
    RULE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    part: TransactionPart
    points: int
    def __init__(self, rule: _Optional[str] = ..., part: _Optional[_Union[TransactionPart, str]] = ..., points: _Optional[int] = ...) -> None: ...

class AccrueResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "points", "awards", "balance", "account_id", "experiment_id", "arm")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    AWARDS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    awards: _containers.RepeatedCompositeFieldContainer[Award]
    balance: _common_pb2.Balance
    account_id: int
    experiment_id: int
    arm: int
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., awards: _Optional[_Iterable[_Union[Award, _Mapping]]] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., account_id: _Optional[int] = ..., experiment_id: _Optional[int] = ..., arm: _Optional[int] = ...) -> None: ...

class ReturnedLine(_message.Message):
    __slots__ = ("line", "amount_minor_units")
    LINE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    line: int
    amount_minor_units: int
    def __init__(self, line: _Optional[int] = ..., amount_minor_units: _Optional[int] = ...) -> None: ...

class ReturnedLines(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[ReturnedLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[ReturnedLine, _Mapping]]] = ...) -> None: ...

class ReturnTransactionRequest(_message.Message):
    __slots__ = ("idempotency_key", "original_transaction_id", "member", "origin", "money", "lines", "points", "order_reference")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    original_transaction_id: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    money: _common_pb2.Money
    lines: ReturnedLines
    points: int
    order_reference: str
    def __init__(self, idempotency_key: _Optional[str] = ..., original_transaction_id: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., lines: _Optional[_Union[ReturnedLines, _Mapping]] = ..., points: _Optional[int] = ..., order_reference: _Optional[str] = ...) -> None: ...

class ReturnTransactionResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "signed_points", "points_not_moved", "money", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_POINTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_NOT_MOVED_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    signed_points: int
    points_not_moved: int
    money: _common_pb2.Money
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., signed_points: _Optional[int] = ..., points_not_moved: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class AdjustPointsRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "kind", "signed_points", "agent_id", "reason_code", "note", "corrects_transaction_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIGNED_POINTS_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CORRECTS_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    kind: _common_pb2.TransactionKind
    signed_points: int
    agent_id: str
    reason_code: str
    note: str
    corrects_transaction_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., signed_points: _Optional[int] = ..., agent_id: _Optional[str] = ..., reason_code: _Optional[str] = ..., note: _Optional[str] = ..., corrects_transaction_id: _Optional[str] = ...) -> None: ...

class AdjustPointsResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "signed_points", "account_id", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SIGNED_POINTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    signed_points: int
    account_id: int
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., signed_points: _Optional[int] = ..., account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class Adjustment(_message.Message):
    __slots__ = ("reason_code", "note", "api_key_id")
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    API_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    reason_code: str
    note: str
    api_key_id: str
    def __init__(self, reason_code: _Optional[str] = ..., note: _Optional[str] = ..., api_key_id: _Optional[str] = ...) -> None: ...

class TransferPointsRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "to", "points", "origin", "agent_id", "order_reference", "verified_by", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    to: _common_pb2.MemberReference
    points: int
    origin: _common_pb2.Origin
    agent_id: str
    order_reference: str
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., to: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., points: _Optional[int] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., agent_id: _Optional[str] = ..., order_reference: _Optional[str] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., language: _Optional[str] = ...) -> None: ...

class TransferPointsResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "points", "account_id", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    account_id: int
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class RedeemHouseholdRequest(_message.Message):
    __slots__ = ("idempotency_key", "members", "points", "origin", "kind", "redemption_type", "order_reference", "verified_by", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    members: _containers.RepeatedCompositeFieldContainer[_common_pb2.MemberReference]
    points: int
    origin: _common_pb2.Origin
    kind: _common_pb2.TransactionKind
    redemption_type: str
    order_reference: str
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., members: _Optional[_Iterable[_Union[_common_pb2.MemberReference, _Mapping]]] = ..., points: _Optional[int] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., redemption_type: _Optional[str] = ..., order_reference: _Optional[str] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., language: _Optional[str] = ...) -> None: ...

class RedeemHouseholdResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "points", "account_id", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    account_id: int
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class ConvertPointsRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "origin", "conversion", "points", "order_reference", "verified_by", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    conversion: str
    points: int
    order_reference: str
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., conversion: _Optional[str] = ..., points: _Optional[int] = ..., order_reference: _Optional[str] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., language: _Optional[str] = ...) -> None: ...

class Conversion(_message.Message):
    __slots__ = ("conversion", "units", "unit")
    CONVERSION_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    conversion: str
    units: int
    unit: str
    def __init__(self, conversion: _Optional[str] = ..., units: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class ConvertPointsResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "points", "account_id", "balance", "conversion")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    account_id: int
    balance: _common_pb2.Balance
    conversion: Conversion
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., conversion: _Optional[_Union[Conversion, _Mapping]] = ...) -> None: ...

class GetTransactionRequest(_message.Message):
    __slots__ = ("transaction_id",)
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("entry_type", "part", "signed_points", "running_balance", "rule", "matures_at", "expires_at")
    ENTRY_TYPE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    SIGNED_POINTS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_BALANCE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MATURES_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    entry_type: EntryType
    part: TransactionPart
    signed_points: int
    running_balance: int
    rule: str
    matures_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, entry_type: _Optional[_Union[EntryType, str]] = ..., part: _Optional[_Union[TransactionPart, str]] = ..., signed_points: _Optional[int] = ..., running_balance: _Optional[int] = ..., rule: _Optional[str] = ..., matures_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ("transaction_id", "account_id", "seq", "position", "operation", "kind", "decision", "reasons", "points", "money", "accepted_at", "occurred_at", "store_id", "terminal_id", "cashier_id", "channel", "order_reference", "rule_set_version", "fraud_rules_version", "balance", "entries", "expires_at", "original_transaction_id", "experiment_id", "arm", "advice", "intervention", "verified_by", "agent_id", "adjustment", "identified_by", "conversion")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    CASHIER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RULE_SET_VERSION_FIELD_NUMBER: _ClassVar[int]
    FRAUD_RULES_VERSION_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    seq: int
    position: int
    operation: _common_pb2.Operation
    kind: _common_pb2.TransactionKind
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    money: _common_pb2.Money
    accepted_at: _timestamp_pb2.Timestamp
    occurred_at: _timestamp_pb2.Timestamp
    store_id: str
    terminal_id: str
    cashier_id: str
    channel: _common_pb2.Channel
    order_reference: str
    rule_set_version: int
    fraud_rules_version: int
    balance: _common_pb2.Balance
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    expires_at: _timestamp_pb2.Timestamp
    original_transaction_id: str
    experiment_id: int
    arm: int
    advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.AdviceChange]
    intervention: _common_pb2.Intervention
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    agent_id: str
    adjustment: Adjustment
    identified_by: _common_pb2.IdentifierKind
    conversion: Conversion
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., seq: _Optional[int] = ..., position: _Optional[int] = ..., operation: _Optional[_Union[_common_pb2.Operation, str]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., cashier_id: _Optional[str] = ..., channel: _Optional[_Union[_common_pb2.Channel, str]] = ..., order_reference: _Optional[str] = ..., rule_set_version: _Optional[int] = ..., fraud_rules_version: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., original_transaction_id: _Optional[str] = ..., experiment_id: _Optional[int] = ..., arm: _Optional[int] = ..., advice: _Optional[_Iterable[_Union[_common_pb2.AdviceChange, _Mapping]]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., agent_id: _Optional[str] = ..., adjustment: _Optional[_Union[Adjustment, _Mapping]] = ..., identified_by: _Optional[_Union[_common_pb2.IdentifierKind, str]] = ..., conversion: _Optional[_Union[Conversion, _Mapping]] = ...) -> None: ...

class GetTransactionResponse(_message.Message):
    __slots__ = ("transaction", "other_legs")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    OTHER_LEGS_FIELD_NUMBER: _ClassVar[int]
    transaction: Transaction
    other_legs: _containers.RepeatedCompositeFieldContainer[Transaction]
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., other_legs: _Optional[_Iterable[_Union[Transaction, _Mapping]]] = ...) -> None: ...

class GetBalanceRequest(_message.Message):
    __slots__ = ("member", "as_of")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class NextExpiry(_message.Message):
    __slots__ = ("points", "expires_at")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    points: int
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, points: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetBalanceResponse(_message.Message):
    __slots__ = ("account_id", "balance", "seq", "redemption_locked", "next_expiry", "suspended", "position")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_LOCKED_FIELD_NUMBER: _ClassVar[int]
    NEXT_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    account_id: int
    balance: _common_pb2.Balance
    seq: int
    redemption_locked: bool
    next_expiry: NextExpiry
    suspended: bool
    position: int
    def __init__(self, account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., seq: _Optional[int] = ..., redemption_locked: _Optional[bool] = ..., next_expiry: _Optional[_Union[NextExpiry, _Mapping]] = ..., suspended: _Optional[bool] = ..., position: _Optional[int] = ...) -> None: ...

class BatchItem(_message.Message):
    __slots__ = ("authorise_redemption", "capture_redemption", "void_redemption", "accrue", "return_transaction", "transfer_points", "redeem_household", "extend_reservation")
    AUTHORISE_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    VOID_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    ACCRUE_FIELD_NUMBER: _ClassVar[int]
    RETURN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_POINTS_FIELD_NUMBER: _ClassVar[int]
    REDEEM_HOUSEHOLD_FIELD_NUMBER: _ClassVar[int]
    EXTEND_RESERVATION_FIELD_NUMBER: _ClassVar[int]
    authorise_redemption: AuthoriseRedemptionRequest
    capture_redemption: CaptureRedemptionRequest
    void_redemption: VoidRedemptionRequest
    accrue: AccrueRequest
    return_transaction: ReturnTransactionRequest
    transfer_points: TransferPointsRequest
    redeem_household: RedeemHouseholdRequest
    extend_reservation: ExtendReservationRequest
    def __init__(self, authorise_redemption: _Optional[_Union[AuthoriseRedemptionRequest, _Mapping]] = ..., capture_redemption: _Optional[_Union[CaptureRedemptionRequest, _Mapping]] = ..., void_redemption: _Optional[_Union[VoidRedemptionRequest, _Mapping]] = ..., accrue: _Optional[_Union[AccrueRequest, _Mapping]] = ..., return_transaction: _Optional[_Union[ReturnTransactionRequest, _Mapping]] = ..., transfer_points: _Optional[_Union[TransferPointsRequest, _Mapping]] = ..., redeem_household: _Optional[_Union[RedeemHouseholdRequest, _Mapping]] = ..., extend_reservation: _Optional[_Union[ExtendReservationRequest, _Mapping]] = ...) -> None: ...

class ProcessBatchRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[BatchItem]
    def __init__(self, items: _Optional[_Iterable[_Union[BatchItem, _Mapping]]] = ...) -> None: ...

class FieldViolation(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class BatchError(_message.Message):
    __slots__ = ("code", "reason", "message", "field_violations")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    field_violations: _containers.RepeatedCompositeFieldContainer[FieldViolation]
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., field_violations: _Optional[_Iterable[_Union[FieldViolation, _Mapping]]] = ...) -> None: ...

class BatchResult(_message.Message):
    __slots__ = ("authorise_redemption", "capture_redemption", "void_redemption", "accrue", "error", "return_transaction", "transfer_points", "redeem_household", "extend_reservation")
    AUTHORISE_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    VOID_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    ACCRUE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RETURN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_POINTS_FIELD_NUMBER: _ClassVar[int]
    REDEEM_HOUSEHOLD_FIELD_NUMBER: _ClassVar[int]
    EXTEND_RESERVATION_FIELD_NUMBER: _ClassVar[int]
    authorise_redemption: AuthoriseRedemptionResponse
    capture_redemption: CaptureRedemptionResponse
    void_redemption: VoidRedemptionResponse
    accrue: AccrueResponse
    error: BatchError
    return_transaction: ReturnTransactionResponse
    transfer_points: TransferPointsResponse
    redeem_household: RedeemHouseholdResponse
    extend_reservation: ExtendReservationResponse
    def __init__(self, authorise_redemption: _Optional[_Union[AuthoriseRedemptionResponse, _Mapping]] = ..., capture_redemption: _Optional[_Union[CaptureRedemptionResponse, _Mapping]] = ..., void_redemption: _Optional[_Union[VoidRedemptionResponse, _Mapping]] = ..., accrue: _Optional[_Union[AccrueResponse, _Mapping]] = ..., error: _Optional[_Union[BatchError, _Mapping]] = ..., return_transaction: _Optional[_Union[ReturnTransactionResponse, _Mapping]] = ..., transfer_points: _Optional[_Union[TransferPointsResponse, _Mapping]] = ..., redeem_household: _Optional[_Union[RedeemHouseholdResponse, _Mapping]] = ..., extend_reservation: _Optional[_Union[ExtendReservationResponse, _Mapping]] = ...) -> None: ...

class ProcessBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchResult, _Mapping]]] = ...) -> None: ...

class ProcessBatchColumnsRequest(_message.Message):
    __slots__ = ("idempotency_keys", "operations", "account_ids", "loyalty_ids", "points", "money_minor_units", "currency_code", "origins", "origin_numbers", "occurred_at_micros", "kinds", "captures", "allow_partials", "coupon_useds", "reservation_ids", "keep_opens")
    IDEMPOTENCY_KEYS_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_IDS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_NUMBERS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    CAPTURES_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIALS_FIELD_NUMBER: _ClassVar[int]
    COUPON_USEDS_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_IDS_FIELD_NUMBER: _ClassVar[int]
    KEEP_OPENS_FIELD_NUMBER: _ClassVar[int]
    idempotency_keys: bytes
    operations: _containers.RepeatedScalarFieldContainer[_common_pb2.Operation]
    account_ids: _containers.RepeatedScalarFieldContainer[int]
    loyalty_ids: _containers.RepeatedScalarFieldContainer[str]
    points: _containers.RepeatedScalarFieldContainer[int]
    money_minor_units: _containers.RepeatedScalarFieldContainer[int]
    currency_code: str
    origins: _containers.RepeatedCompositeFieldContainer[_common_pb2.Origin]
    origin_numbers: _containers.RepeatedScalarFieldContainer[int]
    occurred_at_micros: _containers.RepeatedScalarFieldContainer[int]
    kinds: _containers.RepeatedScalarFieldContainer[_common_pb2.TransactionKind]
    captures: _containers.RepeatedScalarFieldContainer[bool]
    allow_partials: _containers.RepeatedScalarFieldContainer[bool]
    coupon_useds: _containers.RepeatedScalarFieldContainer[bool]
    reservation_ids: bytes
    keep_opens: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, idempotency_keys: _Optional[bytes] = ..., operations: _Optional[_Iterable[_Union[_common_pb2.Operation, str]]] = ..., account_ids: _Optional[_Iterable[int]] = ..., loyalty_ids: _Optional[_Iterable[str]] = ..., points: _Optional[_Iterable[int]] = ..., money_minor_units: _Optional[_Iterable[int]] = ..., currency_code: _Optional[str] = ..., origins: _Optional[_Iterable[_Union[_common_pb2.Origin, _Mapping]]] = ..., origin_numbers: _Optional[_Iterable[int]] = ..., occurred_at_micros: _Optional[_Iterable[int]] = ..., kinds: _Optional[_Iterable[_Union[_common_pb2.TransactionKind, str]]] = ..., captures: _Optional[_Iterable[bool]] = ..., allow_partials: _Optional[_Iterable[bool]] = ..., coupon_useds: _Optional[_Iterable[bool]] = ..., reservation_ids: _Optional[bytes] = ..., keep_opens: _Optional[_Iterable[bool]] = ...) -> None: ...

class ColumnReason(_message.Message):
    __slots__ = ("row", "reason")
    ROW_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    row: int
    reason: _common_pb2.Reason
    def __init__(self, row: _Optional[int] = ..., reason: _Optional[_Union[_common_pb2.Reason, _Mapping]] = ...) -> None: ...

class ColumnError(_message.Message):
    __slots__ = ("row", "error")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    row: int
    error: BatchError
    def __init__(self, row: _Optional[int] = ..., error: _Optional[_Union[BatchError, _Mapping]] = ...) -> None: ...

class ProcessBatchColumnsResponse(_message.Message):
    __slots__ = ("transaction_ids", "decisions", "points", "points_released", "money_minor_units", "expires_at_micros", "account_ids", "posted", "reserved", "pending", "reasons", "errors")
    TRANSACTION_IDS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    MONEY_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    POSTED_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    transaction_ids: bytes
    decisions: _containers.RepeatedScalarFieldContainer[_common_pb2.Decision]
    points: _containers.RepeatedScalarFieldContainer[int]
    points_released: _containers.RepeatedScalarFieldContainer[int]
    money_minor_units: _containers.RepeatedScalarFieldContainer[int]
    expires_at_micros: _containers.RepeatedScalarFieldContainer[int]
    account_ids: _containers.RepeatedScalarFieldContainer[int]
    posted: _containers.RepeatedScalarFieldContainer[int]
    reserved: _containers.RepeatedScalarFieldContainer[int]
    pending: _containers.RepeatedScalarFieldContainer[int]
    reasons: _containers.RepeatedCompositeFieldContainer[ColumnReason]
    errors: _containers.RepeatedCompositeFieldContainer[ColumnError]
    def __init__(self, transaction_ids: _Optional[bytes] = ..., decisions: _Optional[_Iterable[_Union[_common_pb2.Decision, str]]] = ..., points: _Optional[_Iterable[int]] = ..., points_released: _Optional[_Iterable[int]] = ..., money_minor_units: _Optional[_Iterable[int]] = ..., expires_at_micros: _Optional[_Iterable[int]] = ..., account_ids: _Optional[_Iterable[int]] = ..., posted: _Optional[_Iterable[int]] = ..., reserved: _Optional[_Iterable[int]] = ..., pending: _Optional[_Iterable[int]] = ..., reasons: _Optional[_Iterable[_Union[ColumnReason, _Mapping]]] = ..., errors: _Optional[_Iterable[_Union[ColumnError, _Mapping]]] = ...) -> None: ...

class StreamTransactionsRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[BatchItem]
    def __init__(self, items: _Optional[_Iterable[_Union[BatchItem, _Mapping]]] = ...) -> None: ...

class StreamResult(_message.Message):
    __slots__ = ("idempotency_key", "result")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    result: BatchResult
    def __init__(self, idempotency_key: _Optional[str] = ..., result: _Optional[_Union[BatchResult, _Mapping]] = ...) -> None: ...

class StreamTransactionsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StreamResult]
    def __init__(self, results: _Optional[_Iterable[_Union[StreamResult, _Mapping]]] = ...) -> None: ...
