import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from pointguard.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DifferenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIFFERENCE_KIND_UNSPECIFIED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_NOT_IN_LEDGER: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_NOT_SAID: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OTHER_DAY: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OTHER_PLACE: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_DECISION: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_POINTS: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_MONEY: _ClassVar[DifferenceKind]
DIFFERENCE_KIND_UNSPECIFIED: DifferenceKind
DIFFERENCE_KIND_NOT_IN_LEDGER: DifferenceKind
DIFFERENCE_KIND_NOT_SAID: DifferenceKind
DIFFERENCE_KIND_OTHER_DAY: DifferenceKind
DIFFERENCE_KIND_OTHER_PLACE: DifferenceKind
DIFFERENCE_KIND_DECISION: DifferenceKind
DIFFERENCE_KIND_POINTS: DifferenceKind
DIFFERENCE_KIND_MONEY: DifferenceKind

class LiabilityReportRequest(_message.Message):
    __slots__ = ("as_of", "since")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    since: _timestamp_pb2.Timestamp
    def __init__(self, as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LiabilityProgress(_message.Message):
    __slots__ = ("accounts", "accounts_total")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    accounts: int
    accounts_total: int
    def __init__(self, accounts: _Optional[int] = ..., accounts_total: _Optional[int] = ...) -> None: ...

class LiabilityLot(_message.Message):
    __slots__ = ("last_day", "points", "pending_points", "money")
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    last_day: str
    points: int
    pending_points: int
    money: _common_pb2.Money
    def __init__(self, last_day: _Optional[str] = ..., points: _Optional[int] = ..., pending_points: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class LiabilityMovement(_message.Message):
    __slots__ = ("entry_type", "signed_points")
    ENTRY_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_POINTS_FIELD_NUMBER: _ClassVar[int]
    entry_type: _transaction_pb2.EntryType
    signed_points: int
    def __init__(self, entry_type: _Optional[_Union[_transaction_pb2.EntryType, str]] = ..., signed_points: _Optional[int] = ...) -> None: ...

class LiabilityReport(_message.Message):
    __slots__ = ("as_of", "position", "accounts", "outstanding_points", "owed_points", "balance", "outstanding_money", "configuration_version", "lots", "since", "opening_points", "movements", "breakage_points", "breakage_money")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    OUTSTANDING_POINTS_FIELD_NUMBER: _ClassVar[int]
    OWED_POINTS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    OUTSTANDING_MONEY_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOTS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    OPENING_POINTS_FIELD_NUMBER: _ClassVar[int]
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    BREAKAGE_POINTS_FIELD_NUMBER: _ClassVar[int]
    BREAKAGE_MONEY_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    position: int
    accounts: int
    outstanding_points: int
    owed_points: int
    balance: _common_pb2.Balance
    outstanding_money: _common_pb2.Money
    configuration_version: int
    lots: _containers.RepeatedCompositeFieldContainer[LiabilityLot]
    since: _timestamp_pb2.Timestamp
    opening_points: int
    movements: _containers.RepeatedCompositeFieldContainer[LiabilityMovement]
    breakage_points: int
    breakage_money: _common_pb2.Money
    def __init__(self, as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., position: _Optional[int] = ..., accounts: _Optional[int] = ..., outstanding_points: _Optional[int] = ..., owed_points: _Optional[int] = ..., balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., outstanding_money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., configuration_version: _Optional[int] = ..., lots: _Optional[_Iterable[_Union[LiabilityLot, _Mapping]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., opening_points: _Optional[int] = ..., movements: _Optional[_Iterable[_Union[LiabilityMovement, _Mapping]]] = ..., breakage_points: _Optional[int] = ..., breakage_money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class LiabilityReportResponse(_message.Message):
    __slots__ = ("progress", "report")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    progress: LiabilityProgress
    report: LiabilityReport
    def __init__(self, progress: _Optional[_Union[LiabilityProgress, _Mapping]] = ..., report: _Optional[_Union[LiabilityReport, _Mapping]] = ...) -> None: ...

class DaySums(_message.Message):
    __slots__ = ("count", "points", "money_minor_units")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    count: int
    points: int
    money_minor_units: int
    def __init__(self, count: _Optional[int] = ..., points: _Optional[int] = ..., money_minor_units: _Optional[int] = ...) -> None: ...

class SaidTotal(_message.Message):
    __slots__ = ("store_id", "terminal_id", "operation", "kind", "sums")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    terminal_id: str
    operation: _common_pb2.Operation
    kind: _common_pb2.TransactionKind
    sums: DaySums
    def __init__(self, store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., operation: _Optional[_Union[_common_pb2.Operation, str]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., sums: _Optional[_Union[DaySums, _Mapping]] = ...) -> None: ...

class SaidTransaction(_message.Message):
    __slots__ = ("idempotency_key", "decision", "points", "money_minor_units")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    decision: _common_pb2.Decision
    points: int
    money_minor_units: int
    def __init__(self, idempotency_key: _Optional[str] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., points: _Optional[int] = ..., money_minor_units: _Optional[int] = ...) -> None: ...

class SaidTransactions(_message.Message):
    __slots__ = ("transactions",)
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    transactions: _containers.RepeatedCompositeFieldContainer[SaidTransaction]
    def __init__(self, transactions: _Optional[_Iterable[_Union[SaidTransaction, _Mapping]]] = ...) -> None: ...

class ReconcileDayRequest(_message.Message):
    __slots__ = ("business_date", "business_unit_id", "store_id", "terminal_id", "totals", "said")
    BUSINESS_DATE_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    business_date: str
    business_unit_id: str
    store_id: str
    terminal_id: str
    totals: _containers.RepeatedCompositeFieldContainer[SaidTotal]
    said: SaidTransactions
    def __init__(self, business_date: _Optional[str] = ..., business_unit_id: _Optional[str] = ..., store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., totals: _Optional[_Iterable[_Union[SaidTotal, _Mapping]]] = ..., said: _Optional[_Union[SaidTransactions, _Mapping]] = ...) -> None: ...

class ComparedTotal(_message.Message):
    __slots__ = ("index", "said", "ledger")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    index: int
    said: DaySums
    ledger: DaySums
    def __init__(self, index: _Optional[int] = ..., said: _Optional[_Union[DaySums, _Mapping]] = ..., ledger: _Optional[_Union[DaySums, _Mapping]] = ...) -> None: ...

class ReconciledDay(_message.Message):
    __slots__ = ("begins_at", "ends_before", "position", "over", "differing_totals", "difference_count")
    BEGINS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_BEFORE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_TOTALS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_COUNT_FIELD_NUMBER: _ClassVar[int]
    begins_at: _timestamp_pb2.Timestamp
    ends_before: _timestamp_pb2.Timestamp
    position: int
    over: bool
    differing_totals: _containers.RepeatedCompositeFieldContainer[ComparedTotal]
    difference_count: int
    def __init__(self, begins_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., position: _Optional[int] = ..., over: _Optional[bool] = ..., differing_totals: _Optional[_Iterable[_Union[ComparedTotal, _Mapping]]] = ..., difference_count: _Optional[int] = ...) -> None: ...

class DayTotal(_message.Message):
    __slots__ = ("business_unit_id", "store_id", "terminal_id", "operation", "kind", "approved", "declined_count")
    BUSINESS_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    DECLINED_COUNT_FIELD_NUMBER: _ClassVar[int]
    business_unit_id: str
    store_id: str
    terminal_id: str
    operation: _common_pb2.Operation
    kind: _common_pb2.TransactionKind
    approved: DaySums
    declined_count: int
    def __init__(self, business_unit_id: _Optional[str] = ..., store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., operation: _Optional[_Union[_common_pb2.Operation, str]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., approved: _Optional[_Union[DaySums, _Mapping]] = ..., declined_count: _Optional[int] = ...) -> None: ...

class DayTransaction(_message.Message):
    __slots__ = ("transaction_id", "operation", "kind", "decision", "points", "money_minor_units", "accepted_at", "store_id", "terminal_id", "order_reference")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    operation: _common_pb2.Operation
    kind: _common_pb2.TransactionKind
    decision: _common_pb2.Decision
    points: int
    money_minor_units: int
    accepted_at: _timestamp_pb2.Timestamp
    store_id: str
    terminal_id: str
    order_reference: str
    def __init__(self, transaction_id: _Optional[str] = ..., operation: _Optional[_Union[_common_pb2.Operation, str]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., decision: _Optional[_Union[_common_pb2.Decision, str]] = ..., points: _Optional[int] = ..., money_minor_units: _Optional[int] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., order_reference: _Optional[str] = ...) -> None: ...

class DayDifference(_message.Message):
    __slots__ = ("kinds", "said", "ledger")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[DifferenceKind]
    said: SaidTransaction
    ledger: DayTransaction
    def __init__(self, kinds: _Optional[_Iterable[_Union[DifferenceKind, str]]] = ..., said: _Optional[_Union[SaidTransaction, _Mapping]] = ..., ledger: _Optional[_Union[DayTransaction, _Mapping]] = ...) -> None: ...

class ReconcileDayResponse(_message.Message):
    __slots__ = ("day", "totals", "differences")
    DAY_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    day: ReconciledDay
    totals: _containers.RepeatedCompositeFieldContainer[DayTotal]
    differences: _containers.RepeatedCompositeFieldContainer[DayDifference]
    def __init__(self, day: _Optional[_Union[ReconciledDay, _Mapping]] = ..., totals: _Optional[_Iterable[_Union[DayTotal, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[DayDifference, _Mapping]]] = ...) -> None: ...
