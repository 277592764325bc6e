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

class RuleChangeReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULE_CHANGE_REASON_UNSPECIFIED: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_NEW_OFFER: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_OFFER_CHANGE: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_OFFER_END: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_CORRECTION: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_COST: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_COMPLIANCE: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_INCIDENT: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_TRIAL: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_OTHER: _ClassVar[RuleChangeReason]
    RULE_CHANGE_REASON_FILE: _ClassVar[RuleChangeReason]

class RuleSetActivationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULE_SET_ACTIVATION_KIND_UNSPECIFIED: _ClassVar[RuleSetActivationKind]
    RULE_SET_ACTIVATION_KIND_ACTIVATE: _ClassVar[RuleSetActivationKind]
    RULE_SET_ACTIVATION_KIND_ROLLBACK: _ClassVar[RuleSetActivationKind]
    RULE_SET_ACTIVATION_KIND_FILE: _ClassVar[RuleSetActivationKind]
    RULE_SET_ACTIVATION_KIND_PROMOTE: _ClassVar[RuleSetActivationKind]

class RuleLimit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULE_LIMIT_UNSPECIFIED: _ClassVar[RuleLimit]
    RULE_LIMIT_CAP_PER_TRANSACTION: _ClassVar[RuleLimit]
    RULE_LIMIT_CAP_PER_DAY: _ClassVar[RuleLimit]
    RULE_LIMIT_CAP_PER_MONTH: _ClassVar[RuleLimit]
    RULE_LIMIT_CAP_PER_LIFETIME: _ClassVar[RuleLimit]
    RULE_LIMIT_BETTER_IN_GROUP: _ClassVar[RuleLimit]
    RULE_LIMIT_EXCLUDED: _ClassVar[RuleLimit]

class BacktestCaveat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKTEST_CAVEAT_UNSPECIFIED: _ClassVar[BacktestCaveat]
    BACKTEST_CAVEAT_ACCOUNTS_AS_THEY_WERE: _ClassVar[BacktestCaveat]
    BACKTEST_CAVEAT_STORES_AS_THEY_ARE: _ClassVar[BacktestCaveat]
    BACKTEST_CAVEAT_BIRTH_DATES_MISSING: _ClassVar[BacktestCaveat]
RULE_CHANGE_REASON_UNSPECIFIED: RuleChangeReason
RULE_CHANGE_REASON_NEW_OFFER: RuleChangeReason
RULE_CHANGE_REASON_OFFER_CHANGE: RuleChangeReason
RULE_CHANGE_REASON_OFFER_END: RuleChangeReason
RULE_CHANGE_REASON_CORRECTION: RuleChangeReason
RULE_CHANGE_REASON_COST: RuleChangeReason
RULE_CHANGE_REASON_COMPLIANCE: RuleChangeReason
RULE_CHANGE_REASON_INCIDENT: RuleChangeReason
RULE_CHANGE_REASON_TRIAL: RuleChangeReason
RULE_CHANGE_REASON_OTHER: RuleChangeReason
RULE_CHANGE_REASON_FILE: RuleChangeReason
RULE_SET_ACTIVATION_KIND_UNSPECIFIED: RuleSetActivationKind
RULE_SET_ACTIVATION_KIND_ACTIVATE: RuleSetActivationKind
RULE_SET_ACTIVATION_KIND_ROLLBACK: RuleSetActivationKind
RULE_SET_ACTIVATION_KIND_FILE: RuleSetActivationKind
RULE_SET_ACTIVATION_KIND_PROMOTE: RuleSetActivationKind
RULE_LIMIT_UNSPECIFIED: RuleLimit
RULE_LIMIT_CAP_PER_TRANSACTION: RuleLimit
RULE_LIMIT_CAP_PER_DAY: RuleLimit
RULE_LIMIT_CAP_PER_MONTH: RuleLimit
RULE_LIMIT_CAP_PER_LIFETIME: RuleLimit
RULE_LIMIT_BETTER_IN_GROUP: RuleLimit
RULE_LIMIT_EXCLUDED: RuleLimit
BACKTEST_CAVEAT_UNSPECIFIED: BacktestCaveat
BACKTEST_CAVEAT_ACCOUNTS_AS_THEY_WERE: BacktestCaveat
BACKTEST_CAVEAT_STORES_AS_THEY_ARE: BacktestCaveat
BACKTEST_CAVEAT_BIRTH_DATES_MISSING: BacktestCaveat

class RuleChange(_message.Message):
    __slots__ = ("author", "reason", "note", "api_key_id")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    API_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    author: str
    reason: RuleChangeReason
    note: str
    api_key_id: str
    def __init__(self, author: _Optional[str] = ..., reason: _Optional[_Union[RuleChangeReason, str]] = ..., note: _Optional[str] = ..., api_key_id: _Optional[str] = ...) -> None: ...

class RuleSetVersion(_message.Message):
    __slots__ = ("version", "source", "digest", "change", "created_at", "files")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    version: int
    source: str
    digest: str
    change: RuleChange
    created_at: _timestamp_pb2.Timestamp
    files: _containers.RepeatedCompositeFieldContainer[RuleSetFile]
    def __init__(self, version: _Optional[int] = ..., source: _Optional[str] = ..., digest: _Optional[str] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., files: _Optional[_Iterable[_Union[RuleSetFile, _Mapping]]] = ...) -> None: ...

class RuleSetFile(_message.Message):
    __slots__ = ("name", "entry_count", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    entry_count: int
    digest: str
    def __init__(self, name: _Optional[str] = ..., entry_count: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class RuleSetFileContent(_message.Message):
    __slots__ = ("name", "content")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    content: str
    def __init__(self, name: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class RuleSetActivation(_message.Message):
    __slots__ = ("activation", "version", "previous_version", "kind", "effective_at", "activated_at", "change", "cancellation")
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CANCELLATION_FIELD_NUMBER: _ClassVar[int]
    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    effective_at: _timestamp_pb2.Timestamp
    activated_at: _timestamp_pb2.Timestamp
    change: RuleChange
    cancellation: RuleSetCancellation
    def __init__(self, activation: _Optional[int] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ..., kind: _Optional[_Union[RuleSetActivationKind, str]] = ..., effective_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ..., cancellation: _Optional[_Union[RuleSetCancellation, _Mapping]] = ...) -> None: ...

class RuleSetCancellation(_message.Message):
    __slots__ = ("cancelled_at", "change")
    CANCELLED_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    cancelled_at: _timestamp_pb2.Timestamp
    change: RuleChange
    def __init__(self, cancelled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ...) -> None: ...

class RuleProblem(_message.Message):
    __slots__ = ("line", "column", "end_line", "end_column", "text", "message", "expected", "hint")
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    END_COLUMN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    message: str
    expected: str
    hint: str
    def __init__(self, line: _Optional[int] = ..., column: _Optional[int] = ..., end_line: _Optional[int] = ..., end_column: _Optional[int] = ..., text: _Optional[str] = ..., message: _Optional[str] = ..., expected: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...

class ValidateRuleSetRequest(_message.Message):
    __slots__ = ("source", "files")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    source: str
    files: _containers.RepeatedCompositeFieldContainer[RuleSetFileContent]
    def __init__(self, source: _Optional[str] = ..., files: _Optional[_Iterable[_Union[RuleSetFileContent, _Mapping]]] = ...) -> None: ...

class ValidateRuleSetResponse(_message.Message):
    __slots__ = ("problems", "rules", "cost")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[RuleProblem]
    rules: _containers.RepeatedScalarFieldContainer[str]
    cost: float
    def __init__(self, problems: _Optional[_Iterable[_Union[RuleProblem, _Mapping]]] = ..., rules: _Optional[_Iterable[str]] = ..., cost: _Optional[float] = ...) -> None: ...

class FormatRuleSetRequest(_message.Message):
    __slots__ = ("source",)
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    def __init__(self, source: _Optional[str] = ...) -> None: ...

class FormatRuleSetResponse(_message.Message):
    __slots__ = ("source", "problems")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    source: str
    problems: _containers.RepeatedCompositeFieldContainer[RuleProblem]
    def __init__(self, source: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[RuleProblem, _Mapping]]] = ...) -> None: ...

class CreateRuleSetVersionRequest(_message.Message):
    __slots__ = ("idempotency_key", "source", "change", "files")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    source: str
    change: RuleChange
    files: _containers.RepeatedCompositeFieldContainer[RuleSetFileContent]
    def __init__(self, idempotency_key: _Optional[str] = ..., source: _Optional[str] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ..., files: _Optional[_Iterable[_Union[RuleSetFileContent, _Mapping]]] = ...) -> None: ...

class CreateRuleSetVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: RuleSetVersion
    def __init__(self, version: _Optional[_Union[RuleSetVersion, _Mapping]] = ...) -> None: ...

class GetRuleSetVersionRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class GetRuleSetVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: RuleSetVersion
    def __init__(self, version: _Optional[_Union[RuleSetVersion, _Mapping]] = ...) -> None: ...

class ListRuleSetVersionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRuleSetVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token", "active_version")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[RuleSetVersion]
    next_page_token: str
    active_version: int
    def __init__(self, versions: _Optional[_Iterable[_Union[RuleSetVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., active_version: _Optional[int] = ...) -> None: ...

class DiffRuleSetVersionsRequest(_message.Message):
    __slots__ = ("from_version", "to_version")
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    from_version: int
    to_version: int
    def __init__(self, from_version: _Optional[int] = ..., to_version: _Optional[int] = ...) -> None: ...

class DiffRuleSetVersionsResponse(_message.Message):
    __slots__ = ("text_diff", "added_rules", "removed_rules", "changed_rules", "changed_files")
    TEXT_DIFF_FIELD_NUMBER: _ClassVar[int]
    ADDED_RULES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_RULES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_RULES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    text_diff: str
    added_rules: _containers.RepeatedScalarFieldContainer[str]
    removed_rules: _containers.RepeatedScalarFieldContainer[str]
    changed_rules: _containers.RepeatedScalarFieldContainer[str]
    changed_files: _containers.RepeatedCompositeFieldContainer[RuleSetFileDifference]
    def __init__(self, text_diff: _Optional[str] = ..., added_rules: _Optional[_Iterable[str]] = ..., removed_rules: _Optional[_Iterable[str]] = ..., changed_rules: _Optional[_Iterable[str]] = ..., changed_files: _Optional[_Iterable[_Union[RuleSetFileDifference, _Mapping]]] = ...) -> None: ...

class RuleSetFileDifference(_message.Message):
    __slots__ = ("name", "added_count", "removed_count", "from_digest", "to_digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REMOVED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TO_DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    added_count: int
    removed_count: int
    from_digest: str
    to_digest: str
    def __init__(self, name: _Optional[str] = ..., added_count: _Optional[int] = ..., removed_count: _Optional[int] = ..., from_digest: _Optional[str] = ..., to_digest: _Optional[str] = ...) -> None: ...

class ActivateRuleSetVersionRequest(_message.Message):
    __slots__ = ("idempotency_key", "version", "expected_active_version", "effective_at", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    version: int
    expected_active_version: int
    effective_at: _timestamp_pb2.Timestamp
    change: RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., version: _Optional[int] = ..., expected_active_version: _Optional[int] = ..., effective_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ...) -> None: ...

class ActivateRuleSetVersionResponse(_message.Message):
    __slots__ = ("activation",)
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    activation: RuleSetActivation
    def __init__(self, activation: _Optional[_Union[RuleSetActivation, _Mapping]] = ...) -> None: ...

class RollbackRuleSetRequest(_message.Message):
    __slots__ = ("idempotency_key", "version", "expected_active_version", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ACTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    version: int
    expected_active_version: int
    change: RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., version: _Optional[int] = ..., expected_active_version: _Optional[int] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ...) -> None: ...

class RollbackRuleSetResponse(_message.Message):
    __slots__ = ("activation",)
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    activation: RuleSetActivation
    def __init__(self, activation: _Optional[_Union[RuleSetActivation, _Mapping]] = ...) -> None: ...

class CancelRuleSetActivationRequest(_message.Message):
    __slots__ = ("idempotency_key", "activation", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    activation: int
    change: RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., activation: _Optional[int] = ..., change: _Optional[_Union[RuleChange, _Mapping]] = ...) -> None: ...

class CancelRuleSetActivationResponse(_message.Message):
    __slots__ = ("activation",)
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    activation: RuleSetActivation
    def __init__(self, activation: _Optional[_Union[RuleSetActivation, _Mapping]] = ...) -> None: ...

class ListRuleSetActivationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRuleSetActivationsResponse(_message.Message):
    __slots__ = ("activations", "next_page_token")
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[RuleSetActivation]
    next_page_token: str
    def __init__(self, activations: _Optional[_Iterable[_Union[RuleSetActivation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SimulatedOrder(_message.Message):
    __slots__ = ("basket", "total", "origin", "kind", "tender", "coupon_used", "tier", "province", "days_since_enrolment", "posted", "accepted_at", "reserved", "spend_minor_units", "groups", "member", "birth_date")
    BASKET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENDER_FIELD_NUMBER: _ClassVar[int]
    COUPON_USED_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    PROVINCE_FIELD_NUMBER: _ClassVar[int]
    DAYS_SINCE_ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    POSTED_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    SPEND_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    BIRTH_DATE_FIELD_NUMBER: _ClassVar[int]
    basket: _transaction_pb2.Basket
    total: _common_pb2.Money
    origin: _common_pb2.Origin
    kind: _common_pb2.TransactionKind
    tender: str
    coupon_used: bool
    tier: str
    province: str
    days_since_enrolment: int
    posted: int
    accepted_at: _timestamp_pb2.Timestamp
    reserved: int
    spend_minor_units: int
    groups: _containers.RepeatedScalarFieldContainer[str]
    member: _common_pb2.MemberReference
    birth_date: str
    def __init__(self, basket: _Optional[_Union[_transaction_pb2.Basket, _Mapping]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., kind: _Optional[_Union[_common_pb2.TransactionKind, str]] = ..., tender: _Optional[str] = ..., coupon_used: _Optional[bool] = ..., tier: _Optional[str] = ..., province: _Optional[str] = ..., days_since_enrolment: _Optional[int] = ..., posted: _Optional[int] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reserved: _Optional[int] = ..., spend_minor_units: _Optional[int] = ..., groups: _Optional[_Iterable[str]] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., birth_date: _Optional[str] = ...) -> None: ...

class SimulateRuleSetRequest(_message.Message):
    __slots__ = ("order", "transaction_id", "version", "source", "trace", "windows")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    order: SimulatedOrder
    transaction_id: str
    version: int
    source: str
    trace: bool
    windows: _containers.RepeatedCompositeFieldContainer[SimulatedWindow]
    def __init__(self, order: _Optional[_Union[SimulatedOrder, _Mapping]] = ..., transaction_id: _Optional[str] = ..., version: _Optional[int] = ..., source: _Optional[str] = ..., trace: _Optional[bool] = ..., windows: _Optional[_Iterable[_Union[SimulatedWindow, _Mapping]]] = ...) -> None: ...

class SimulatedWindow(_message.Message):
    __slots__ = ("window", "value")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    window: str
    value: str
    def __init__(self, window: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class RuleOutcome(_message.Message):
    __slots__ = ("rule", "part", "points", "limit", "trace")
    RULE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    part: _transaction_pb2.TransactionPart
    points: int
    limit: RuleLimit
    trace: RuleTrace
    def __init__(self, rule: _Optional[str] = ..., part: _Optional[_Union[_transaction_pb2.TransactionPart, str]] = ..., points: _Optional[int] = ..., limit: _Optional[_Union[RuleLimit, str]] = ..., trace: _Optional[_Union[RuleTrace, _Mapping]] = ...) -> None: ...

class RuleTrace(_message.Message):
    __slots__ = ("valid", "held", "computed", "rounded", "capped", "seen")
    VALID_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_FIELD_NUMBER: _ClassVar[int]
    ROUNDED_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    held: bool
    computed: str
    rounded: int
    capped: int
    seen: _containers.RepeatedCompositeFieldContainer[SeenValue]
    def __init__(self, valid: _Optional[bool] = ..., held: _Optional[bool] = ..., computed: _Optional[str] = ..., rounded: _Optional[int] = ..., capped: _Optional[int] = ..., seen: _Optional[_Iterable[_Union[SeenValue, _Mapping]]] = ...) -> None: ...

class SeenValue(_message.Message):
    __slots__ = ("line", "column", "end_line", "end_column", "basket_line", "number", "text", "condition", "date")
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    END_COLUMN_FIELD_NUMBER: _ClassVar[int]
    BASKET_LINE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    line: int
    column: int
    end_line: int
    end_column: int
    basket_line: int
    number: str
    text: str
    condition: bool
    date: str
    def __init__(self, line: _Optional[int] = ..., column: _Optional[int] = ..., end_line: _Optional[int] = ..., end_column: _Optional[int] = ..., basket_line: _Optional[int] = ..., number: _Optional[str] = ..., text: _Optional[str] = ..., condition: _Optional[bool] = ..., date: _Optional[str] = ...) -> None: ...

class RuleFact(_message.Message):
    __slots__ = ("field", "number", "text", "condition", "date")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    field: str
    number: str
    text: str
    condition: bool
    date: str
    def __init__(self, field: _Optional[str] = ..., number: _Optional[str] = ..., text: _Optional[str] = ..., condition: _Optional[bool] = ..., date: _Optional[str] = ...) -> None: ...

class SimulateRuleSetResponse(_message.Message):
    __slots__ = ("version", "points", "outcomes", "facts", "reasons", "failed_line", "failed_column", "trace_is_cut", "entries")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    FAILED_LINE_FIELD_NUMBER: _ClassVar[int]
    FAILED_COLUMN_FIELD_NUMBER: _ClassVar[int]
    TRACE_IS_CUT_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    version: int
    points: int
    outcomes: _containers.RepeatedCompositeFieldContainer[RuleOutcome]
    facts: _containers.RepeatedCompositeFieldContainer[RuleFact]
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    failed_line: int
    failed_column: int
    trace_is_cut: bool
    entries: _containers.RepeatedCompositeFieldContainer[_transaction_pb2.Entry]
    def __init__(self, version: _Optional[int] = ..., points: _Optional[int] = ..., outcomes: _Optional[_Iterable[_Union[RuleOutcome, _Mapping]]] = ..., facts: _Optional[_Iterable[_Union[RuleFact, _Mapping]]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., failed_line: _Optional[int] = ..., failed_column: _Optional[int] = ..., trace_is_cut: _Optional[bool] = ..., entries: _Optional[_Iterable[_Union[_transaction_pb2.Entry, _Mapping]]] = ...) -> None: ...

class BacktestRuleSetRequest(_message.Message):
    __slots__ = ("version", "other_version", "begins_at", "ends_before", "examples_max", "by_occurred_at")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OTHER_VERSION_FIELD_NUMBER: _ClassVar[int]
    BEGINS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_BEFORE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_MAX_FIELD_NUMBER: _ClassVar[int]
    BY_OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    version: int
    other_version: int
    begins_at: _timestamp_pb2.Timestamp
    ends_before: _timestamp_pb2.Timestamp
    examples_max: int
    by_occurred_at: bool
    def __init__(self, version: _Optional[int] = ..., other_version: _Optional[int] = ..., begins_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., examples_max: _Optional[int] = ..., by_occurred_at: _Optional[bool] = ...) -> None: ...

class BacktestRuleSetResponse(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: BacktestProgress
    result: BacktestResult
    def __init__(self, progress: _Optional[_Union[BacktestProgress, _Mapping]] = ..., result: _Optional[_Union[BacktestResult, _Mapping]] = ...) -> None: ...

class BacktestProgress(_message.Message):
    __slots__ = ("legs", "legs_in_all", "orders", "points")
    LEGS_FIELD_NUMBER: _ClassVar[int]
    LEGS_IN_ALL_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    legs: int
    legs_in_all: int
    orders: int
    points: int
    def __init__(self, legs: _Optional[int] = ..., legs_in_all: _Optional[int] = ..., orders: _Optional[int] = ..., points: _Optional[int] = ...) -> None: ...

class BacktestRule(_message.Message):
    __slots__ = ("rule", "points", "orders", "cost_minor_units")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    COST_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    points: int
    orders: int
    cost_minor_units: int
    def __init__(self, rule: _Optional[str] = ..., points: _Optional[int] = ..., orders: _Optional[int] = ..., cost_minor_units: _Optional[int] = ...) -> None: ...

class BacktestSide(_message.Message):
    __slots__ = ("version", "points", "cost_minor_units", "failed_orders", "rules")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    COST_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    FAILED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    version: int
    points: int
    cost_minor_units: int
    failed_orders: int
    rules: _containers.RepeatedCompositeFieldContainer[BacktestRule]
    def __init__(self, version: _Optional[int] = ..., points: _Optional[int] = ..., cost_minor_units: _Optional[int] = ..., failed_orders: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[BacktestRule, _Mapping]]] = ...) -> None: ...

class BacktestGroup(_message.Message):
    __slots__ = ("code", "orders", "spend_minor_units", "issued_points", "points", "other_points", "flips")
    CODE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SPEND_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_POINTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OTHER_POINTS_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    code: str
    orders: int
    spend_minor_units: int
    issued_points: int
    points: int
    other_points: int
    flips: int
    def __init__(self, code: _Optional[str] = ..., orders: _Optional[int] = ..., spend_minor_units: _Optional[int] = ..., issued_points: _Optional[int] = ..., points: _Optional[int] = ..., other_points: _Optional[int] = ..., flips: _Optional[int] = ...) -> None: ...

class BacktestFlipRule(_message.Message):
    __slots__ = ("rule", "points", "other_points")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OTHER_POINTS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    points: int
    other_points: int
    def __init__(self, rule: _Optional[str] = ..., points: _Optional[int] = ..., other_points: _Optional[int] = ...) -> None: ...

class BacktestFlip(_message.Message):
    __slots__ = ("transaction_id", "accepted_at", "points", "other_points", "rules")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OTHER_POINTS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    accepted_at: _timestamp_pb2.Timestamp
    points: int
    other_points: int
    rules: _containers.RepeatedCompositeFieldContainer[BacktestFlipRule]
    def __init__(self, transaction_id: _Optional[str] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., points: _Optional[int] = ..., other_points: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[BacktestFlipRule, _Mapping]]] = ...) -> None: ...

class BacktestResult(_message.Message):
    __slots__ = ("orders", "declined_orders", "currency_code", "spend_minor_units", "issued_points", "issued_cost_minor_units", "side", "other", "tiers", "stores", "flips", "points_gained", "points_lost", "examples", "caveats")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    DECLINED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    SPEND_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_POINTS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_COST_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    TIERS_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    POINTS_GAINED_FIELD_NUMBER: _ClassVar[int]
    POINTS_LOST_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    CAVEATS_FIELD_NUMBER: _ClassVar[int]
    orders: int
    declined_orders: int
    currency_code: str
    spend_minor_units: int
    issued_points: int
    issued_cost_minor_units: int
    side: BacktestSide
    other: BacktestSide
    tiers: _containers.RepeatedCompositeFieldContainer[BacktestGroup]
    stores: _containers.RepeatedCompositeFieldContainer[BacktestGroup]
    flips: int
    points_gained: int
    points_lost: int
    examples: _containers.RepeatedCompositeFieldContainer[BacktestFlip]
    caveats: _containers.RepeatedScalarFieldContainer[BacktestCaveat]
    def __init__(self, orders: _Optional[int] = ..., declined_orders: _Optional[int] = ..., currency_code: _Optional[str] = ..., spend_minor_units: _Optional[int] = ..., issued_points: _Optional[int] = ..., issued_cost_minor_units: _Optional[int] = ..., side: _Optional[_Union[BacktestSide, _Mapping]] = ..., other: _Optional[_Union[BacktestSide, _Mapping]] = ..., tiers: _Optional[_Iterable[_Union[BacktestGroup, _Mapping]]] = ..., stores: _Optional[_Iterable[_Union[BacktestGroup, _Mapping]]] = ..., flips: _Optional[int] = ..., points_gained: _Optional[int] = ..., points_lost: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[BacktestFlip, _Mapping]]] = ..., caveats: _Optional[_Iterable[_Union[BacktestCaveat, str]]] = ...) -> None: ...
