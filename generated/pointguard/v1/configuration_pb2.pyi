import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import rule_pb2 as _rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConfigurationVersion(_message.Message):
    __slots__ = ("version", "source", "digest", "change", "created_at")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    version: int
    source: str
    digest: str
    change: _rule_pb2.RuleChange
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[int] = ..., source: _Optional[str] = ..., digest: _Optional[str] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ConfigurationActivation(_message.Message):
    __slots__ = ("activation", "version", "previous_version", "kind", "activated_at", "change")
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    activation: int
    version: int
    previous_version: int
    kind: _rule_pb2.RuleSetActivationKind
    activated_at: _timestamp_pb2.Timestamp
    change: _rule_pb2.RuleChange
    def __init__(self, activation: _Optional[int] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., kind: _Optional[_Union[_rule_pb2.RuleSetActivationKind, str]] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class ConfigurationProblem(_message.Message):
    __slots__ = ("field", "message", "line")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    field: str
    message: str
    line: int
    def __init__(self, field: _Optional[str] = ..., message: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class ValidateConfigurationRequest(_message.Message):
    __slots__ = ("source",)
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    def __init__(self, source: _Optional[str] = ...) -> None: ...

class ValidateConfigurationResponse(_message.Message):
    __slots__ = ("problems",)
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[ConfigurationProblem]
    def __init__(self, problems: _Optional[_Iterable[_Union[ConfigurationProblem, _Mapping]]] = ...) -> None: ...

class CreateConfigurationVersionRequest(_message.Message):
    __slots__ = ("idempotency_key", "source", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    source: str
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., source: _Optional[str] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class CreateConfigurationVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: ConfigurationVersion
    def __init__(self, version: _Optional[_Union[ConfigurationVersion, _Mapping]] = ...) -> None: ...

class GetConfigurationVersionRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class GetConfigurationVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: ConfigurationVersion
    def __init__(self, version: _Optional[_Union[ConfigurationVersion, _Mapping]] = ...) -> None: ...

class ListConfigurationVersionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConfigurationVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token", "active_version")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[ConfigurationVersion]
    next_page_token: str
    active_version: int
    def __init__(self, versions: _Optional[_Iterable[_Union[ConfigurationVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., active_version: _Optional[int] = ...) -> None: ...

class DiffConfigurationVersionsRequest(_message.Message):
    __slots__ = ("from_version", "to_version")
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    from_version: int
    to_version: int
    def __init__(self, from_version: _Optional[int] = ..., to_version: _Optional[int] = ...) -> None: ...

class DiffConfigurationVersionsResponse(_message.Message):
    __slots__ = ("text_diff",)
    TEXT_DIFF_FIELD_NUMBER: _ClassVar[int]
    text_diff: str
    def __init__(self, text_diff: _Optional[str] = ...) -> None: ...

class ActivateConfigurationVersionRequest(_message.Message):
    __slots__ = ("idempotency_key", "version", "expected_active_version", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    version: int
    expected_active_version: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., version: _Optional[int] = ..., expected_active_version: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class ActivateConfigurationVersionResponse(_message.Message):
    __slots__ = ("activation",)
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    activation: ConfigurationActivation
    def __init__(self, activation: _Optional[_Union[ConfigurationActivation, _Mapping]] = ...) -> None: ...

class RollbackConfigurationRequest(_message.Message):
    __slots__ = ("idempotency_key", "version", "expected_active_version", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    version: int
    expected_active_version: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., version: _Optional[int] = ..., expected_active_version: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class RollbackConfigurationResponse(_message.Message):
    __slots__ = ("activation",)
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    activation: ConfigurationActivation
    def __init__(self, activation: _Optional[_Union[ConfigurationActivation, _Mapping]] = ...) -> None: ...

class ListConfigurationActivationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConfigurationActivationsResponse(_message.Message):
    __slots__ = ("activations", "next_page_token")
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[ConfigurationActivation]
    next_page_token: str
    def __init__(self, activations: _Optional[_Iterable[_Union[ConfigurationActivation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
