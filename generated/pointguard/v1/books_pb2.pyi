import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from pointguard.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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
