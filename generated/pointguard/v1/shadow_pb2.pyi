import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import rule_pb2 as _rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Shadow(_message.Message):
    __slots__ = ("shadow_id", "version", "started_at", "started", "stopped_at", "stopped")
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_AT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    shadow_id: int
    version: int
    started_at: _timestamp_pb2.Timestamp
    started: _rule_pb2.RuleChange
    stopped_at: _timestamp_pb2.Timestamp
    stopped: _rule_pb2.RuleChange
    def __init__(self, shadow_id: _Optional[int] = ..., version: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ..., stopped_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stopped: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class ShadowRule(_message.Message):
    __slots__ = ("rule", "points", "live_points")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    LIVE_POINTS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    points: int
    live_points: int
    def __init__(self, rule: _Optional[str] = ..., points: _Optional[int] = ..., live_points: _Optional[int] = ...) -> None: ...

class ShadowDifference(_message.Message):
    __slots__ = ("transaction_id", "accepted_at", "points", "live_points")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    LIVE_POINTS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    accepted_at: _timestamp_pb2.Timestamp
    points: int
    live_points: int
    def __init__(self, transaction_id: _Optional[str] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., points: _Optional[int] = ..., live_points: _Optional[int] = ...) -> None: ...

class ShadowFindings(_message.Message):
    __slots__ = ("evaluated", "declined", "flips", "failed", "dropped", "points", "live_points", "rules", "differences", "seen_to")
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    LIVE_POINTS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    SEEN_TO_FIELD_NUMBER: _ClassVar[int]
    evaluated: int
    declined: int
    flips: int
    failed: int
    dropped: int
    points: int
    live_points: int
    rules: _containers.RepeatedCompositeFieldContainer[ShadowRule]
    differences: _containers.RepeatedCompositeFieldContainer[ShadowDifference]
    seen_to: _timestamp_pb2.Timestamp
    def __init__(self, evaluated: _Optional[int] = ..., declined: _Optional[int] = ..., flips: _Optional[int] = ..., failed: _Optional[int] = ..., dropped: _Optional[int] = ..., points: _Optional[int] = ..., live_points: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[ShadowRule, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[ShadowDifference, _Mapping]]] = ..., seen_to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StartShadowRequest(_message.Message):
    __slots__ = ("idempotency_key", "version", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    version: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., version: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class StartShadowResponse(_message.Message):
    __slots__ = ("shadow",)
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    shadow: Shadow
    def __init__(self, shadow: _Optional[_Union[Shadow, _Mapping]] = ...) -> None: ...

class StopShadowRequest(_message.Message):
    __slots__ = ("idempotency_key", "shadow_id", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    shadow_id: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., shadow_id: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class StopShadowResponse(_message.Message):
    __slots__ = ("shadow",)
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    shadow: Shadow
    def __init__(self, shadow: _Optional[_Union[Shadow, _Mapping]] = ...) -> None: ...

class GetShadowRequest(_message.Message):
    __slots__ = ("shadow_id", "differences_max")
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_MAX_FIELD_NUMBER: _ClassVar[int]
    shadow_id: int
    differences_max: int
    def __init__(self, shadow_id: _Optional[int] = ..., differences_max: _Optional[int] = ...) -> None: ...

class GetShadowResponse(_message.Message):
    __slots__ = ("shadow", "findings")
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    shadow: Shadow
    findings: ShadowFindings
    def __init__(self, shadow: _Optional[_Union[Shadow, _Mapping]] = ..., findings: _Optional[_Union[ShadowFindings, _Mapping]] = ...) -> None: ...
