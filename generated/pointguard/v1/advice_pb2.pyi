from pointguard.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckAdviceRequest(_message.Message):
    __slots__ = ("member", "context")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    context: _common_pb2.AdviceContext
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ...) -> None: ...

class CheckAdviceResponse(_message.Message):
    __slots__ = ("account_id", "posture", "advice", "redemption_locked")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    POSTURE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_LOCKED_FIELD_NUMBER: _ClassVar[int]
    account_id: int
    posture: _common_pb2.AdvicePosture
    advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    redemption_locked: bool
    def __init__(self, account_id: _Optional[int] = ..., posture: _Optional[_Union[_common_pb2.AdvicePosture, str]] = ..., advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ..., redemption_locked: _Optional[bool] = ...) -> None: ...
