from pointguard.v1 import common_pb2 as _common_pb2
from pointguard.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordActivityRequest(_message.Message):
    __slots__ = ("event_id", "member", "origin", "kind", "parts", "points", "money", "redemption_type", "order_reference")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    member: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    kind: _common_pb2.TransactionKind
    parts: _containers.RepeatedScalarFieldContainer[_transaction_pb2.TransactionPart]
    points: int
    money: _common_pb2.Money
    redemption_type: str
    order_reference: str
    def __init__(self, event_id: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., parts: _Optional[_Iterable[_Union[_transaction_pb2.TransactionPart, str]]] = ..., points: _Optional[int] = ..., money: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., redemption_type: _Optional[str] = ..., order_reference: _Optional[str] = ...) -> None: ...

class RecordActivityResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "seq", "reasons", "advice")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    seq: int
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., seq: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ...) -> None: ...

class RecordActivitiesRequest(_message.Message):
    __slots__ = ("activities",)
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    activities: _containers.RepeatedCompositeFieldContainer[RecordActivityRequest]
    def __init__(self, activities: _Optional[_Iterable[_Union[RecordActivityRequest, _Mapping]]] = ...) -> None: ...

class RecordActivityResult(_message.Message):
    __slots__ = ("recorded", "error")
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    recorded: RecordActivityResponse
    error: _transaction_pb2.BatchError
    def __init__(self, recorded: _Optional[_Union[RecordActivityResponse, _Mapping]] = ..., error: _Optional[_Union[_transaction_pb2.BatchError, _Mapping]] = ...) -> None: ...

class RecordActivitiesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecordActivityResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RecordActivityResult, _Mapping]]] = ...) -> None: ...

class StreamActivitiesRequest(_message.Message):
    __slots__ = ("activities",)
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    activities: _containers.RepeatedCompositeFieldContainer[RecordActivityRequest]
    def __init__(self, activities: _Optional[_Iterable[_Union[RecordActivityRequest, _Mapping]]] = ...) -> None: ...

class ActivityFault(_message.Message):
    __slots__ = ("place", "event_id", "error")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    place: int
    event_id: str
    error: _transaction_pb2.BatchError
    def __init__(self, place: _Optional[int] = ..., event_id: _Optional[str] = ..., error: _Optional[_Union[_transaction_pb2.BatchError, _Mapping]] = ...) -> None: ...

class StreamActivitiesResponse(_message.Message):
    __slots__ = ("received", "recorded", "replayed", "refused", "faults")
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    received: int
    recorded: int
    replayed: int
    refused: int
    faults: _containers.RepeatedCompositeFieldContainer[ActivityFault]
    def __init__(self, received: _Optional[int] = ..., recorded: _Optional[int] = ..., replayed: _Optional[int] = ..., refused: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[ActivityFault, _Mapping]]] = ...) -> None: ...
