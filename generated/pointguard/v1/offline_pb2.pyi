import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import activity_pb2 as _activity_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from pointguard.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DiscrepancyKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISCREPANCY_KIND_UNSPECIFIED: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_GAP: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_OVERLAP: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_REFUSED: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_UNCOVERED: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_APPROVED_LATE: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_CLOCK_AHEAD: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_CLOCK_BEHIND: _ClassVar[DiscrepancyKind]
    DISCREPANCY_KIND_ABOVE_ALLOWANCE: _ClassVar[DiscrepancyKind]
DISCREPANCY_KIND_UNSPECIFIED: DiscrepancyKind
DISCREPANCY_KIND_GAP: DiscrepancyKind
DISCREPANCY_KIND_OVERLAP: DiscrepancyKind
DISCREPANCY_KIND_REFUSED: DiscrepancyKind
DISCREPANCY_KIND_UNCOVERED: DiscrepancyKind
DISCREPANCY_KIND_APPROVED_LATE: DiscrepancyKind
DISCREPANCY_KIND_CLOCK_AHEAD: DiscrepancyKind
DISCREPANCY_KIND_CLOCK_BEHIND: DiscrepancyKind
DISCREPANCY_KIND_ABOVE_ALLOWANCE: DiscrepancyKind

class IssueAllowanceRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "origin", "points", "time_to_live", "points_each_max", "allow_partial", "redemption_type", "verified_by", "language")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LIVE_FIELD_NUMBER: _ClassVar[int]
    POINTS_EACH_MAX_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_BY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    points: int
    time_to_live: _duration_pb2.Duration
    points_each_max: int
    allow_partial: bool
    redemption_type: str
    verified_by: _containers.RepeatedScalarFieldContainer[_common_pb2.Factor]
    language: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., points: _Optional[int] = ..., time_to_live: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., points_each_max: _Optional[int] = ..., allow_partial: _Optional[bool] = ..., redemption_type: _Optional[str] = ..., verified_by: _Optional[_Iterable[_Union[_common_pb2.Factor, str]]] = ..., language: _Optional[str] = ...) -> None: ...

class Allowance(_message.Message):
    __slots__ = ("terms", "key_id", "signature")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    terms: bytes
    key_id: str
    signature: bytes
    def __init__(self, terms: _Optional[bytes] = ..., key_id: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AllowanceTerms(_message.Message):
    __slots__ = ("allowance_id", "account_id", "store_id", "terminal_id", "points", "points_each_max", "rate_points", "rate_money", "issued_at", "expires_at", "settle_by", "redemption_type")
    ALLOWANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_EACH_MAX_FIELD_NUMBER: _ClassVar[int]
    RATE_POINTS_FIELD_NUMBER: _ClassVar[int]
    RATE_MONEY_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    SETTLE_BY_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    allowance_id: str
    account_id: int
    store_id: str
    terminal_id: str
    points: int
    points_each_max: int
    rate_points: int
    rate_money: _common_pb2.Money
    issued_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    settle_by: _timestamp_pb2.Timestamp
    redemption_type: str
    def __init__(self, allowance_id: _Optional[str] = ..., account_id: _Optional[int] = ..., store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., points: _Optional[int] = ..., points_each_max: _Optional[int] = ..., rate_points: _Optional[int] = ..., rate_money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., issued_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settle_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., redemption_type: _Optional[str] = ...) -> None: ...

class IssueAllowanceResponse(_message.Message):
    __slots__ = ("transaction_id", "decision", "reasons", "allowance", "account_id", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    allowance: Allowance
    account_id: int
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., allowance: _Optional[_Union[Allowance, _Mapping]] = ..., account_id: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class ListAllowanceKeysRequest(_message.Message):
    __slots__ = ("key_id",)
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    def __init__(self, key_id: _Optional[str] = ...) -> None: ...

class AllowanceKey(_message.Message):
    __slots__ = ("key_id", "public_key", "starts_at")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    public_key: bytes
    starts_at: _timestamp_pb2.Timestamp
    def __init__(self, key_id: _Optional[str] = ..., public_key: _Optional[bytes] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAllowanceKeysResponse(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[AllowanceKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[AllowanceKey, _Mapping]]] = ...) -> None: ...

class RotateAllowanceKeyRequest(_message.Message):
    __slots__ = ("idempotency_key", "note")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    note: str
    def __init__(self, idempotency_key: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class RotateAllowanceKeyResponse(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: AllowanceKey
    def __init__(self, key: _Optional[_Union[AllowanceKey, _Mapping]] = ...) -> None: ...

class OfflineRedemption(_message.Message):
    __slots__ = ("idempotency_key", "allowance", "points", "origin", "order_reference")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    allowance: Allowance
    points: int
    origin: _common_pb2.Origin
    order_reference: str
    def __init__(self, idempotency_key: _Optional[str] = ..., allowance: _Optional[_Union[Allowance, _Mapping]] = ..., points: _Optional[int] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., order_reference: _Optional[str] = ...) -> None: ...

class Occurrence(_message.Message):
    __slots__ = ("sequence", "accrue", "redemption", "capture_redemption", "void_redemption", "return_transaction", "activity")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCRUE_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    VOID_REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    RETURN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    accrue: _transaction_pb2.AccrueRequest
    redemption: OfflineRedemption
    capture_redemption: _transaction_pb2.CaptureRedemptionRequest
    void_redemption: _transaction_pb2.VoidRedemptionRequest
    return_transaction: _transaction_pb2.ReturnTransactionRequest
    activity: _activity_pb2.RecordActivityRequest
    def __init__(self, sequence: _Optional[int] = ..., accrue: _Optional[_Union[_transaction_pb2.AccrueRequest, _Mapping]] = ..., redemption: _Optional[_Union[OfflineRedemption, _Mapping]] = ..., capture_redemption: _Optional[_Union[_transaction_pb2.CaptureRedemptionRequest, _Mapping]] = ..., void_redemption: _Optional[_Union[_transaction_pb2.VoidRedemptionRequest, _Mapping]] = ..., return_transaction: _Optional[_Union[_transaction_pb2.ReturnTransactionRequest, _Mapping]] = ..., activity: _Optional[_Union[_activity_pb2.RecordActivityRequest, _Mapping]] = ...) -> None: ...

class UploadOccurrencesRequest(_message.Message):
    __slots__ = ("store_id", "terminal_id", "occurrences")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCES_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    terminal_id: str
    occurrences: _containers.RepeatedCompositeFieldContainer[Occurrence]
    def __init__(self, store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., occurrences: _Optional[_Iterable[_Union[Occurrence, _Mapping]]] = ...) -> None: ...

class TakenOccurrence(_message.Message):
    __slots__ = ("transaction_id", "account_id", "decision", "reasons", "points", "balance")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    decision: _common_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    points: int
    balance: _common_pb2.Balance
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., points: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ...) -> None: ...

class OccurrenceResult(_message.Message):
    __slots__ = ("sequence", "taken", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    taken: TakenOccurrence
    error: _transaction_pb2.BatchError
    def __init__(self, sequence: _Optional[int] = ..., taken: _Optional[_Union[TakenOccurrence, _Mapping]] = ..., error: _Optional[_Union[_transaction_pb2.BatchError, _Mapping]] = ...) -> None: ...

class UploadOccurrencesResponse(_message.Message):
    __slots__ = ("results", "last_sequence")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[OccurrenceResult]
    last_sequence: int
    def __init__(self, results: _Optional[_Iterable[_Union[OccurrenceResult, _Mapping]]] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class ListDiscrepanciesRequest(_message.Message):
    __slots__ = ("store_id", "terminal_id", "after_sequence")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    terminal_id: str
    after_sequence: int
    def __init__(self, store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class Discrepancy(_message.Message):
    __slots__ = ("kind", "first_sequence", "last_sequence", "transaction_id", "points", "overspent_points", "occurred_at", "happened_at", "received_at")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OVERSPENT_POINTS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_AT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    kind: DiscrepancyKind
    first_sequence: int
    last_sequence: int
    transaction_id: str
    points: int
    overspent_points: int
    occurred_at: _timestamp_pb2.Timestamp
    happened_at: _timestamp_pb2.Timestamp
    received_at: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[DiscrepancyKind, str]] = ..., first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ..., transaction_id: _Optional[str] = ..., points: _Optional[int] = ..., overspent_points: _Optional[int] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., happened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDiscrepanciesResponse(_message.Message):
    __slots__ = ("discrepancies", "last_sequence", "next_after_sequence")
    DISCREPANCIES_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    discrepancies: _containers.RepeatedCompositeFieldContainer[Discrepancy]
    last_sequence: int
    next_after_sequence: int
    def __init__(self, discrepancies: _Optional[_Iterable[_Union[Discrepancy, _Mapping]]] = ..., last_sequence: _Optional[int] = ..., next_after_sequence: _Optional[int] = ...) -> None: ...
