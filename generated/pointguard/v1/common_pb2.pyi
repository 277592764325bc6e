import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_IN_STORE: _ClassVar[Channel]
    CHANNEL_ONLINE: _ClassVar[Channel]
    CHANNEL_MOBILE: _ClassVar[Channel]
    CHANNEL_CALL_CENTER: _ClassVar[Channel]

class TransactionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSACTION_KIND_UNSPECIFIED: _ClassVar[TransactionKind]
    TRANSACTION_KIND_PURCHASE: _ClassVar[TransactionKind]
    TRANSACTION_KIND_ACTIVITY: _ClassVar[TransactionKind]
    TRANSACTION_KIND_ADJUSTMENT: _ClassVar[TransactionKind]
    TRANSACTION_KIND_DISCRETIONARY: _ClassVar[TransactionKind]
    TRANSACTION_KIND_POINTS_TRANSFER: _ClassVar[TransactionKind]
    TRANSACTION_KIND_ADHOC_REDEEM: _ClassVar[TransactionKind]
    TRANSACTION_KIND_RETURN: _ClassVar[TransactionKind]
    TRANSACTION_KIND_EXPIRY: _ClassVar[TransactionKind]
    TRANSACTION_KIND_CORRECTION: _ClassVar[TransactionKind]
    TRANSACTION_KIND_EMAIL_UPDATE: _ClassVar[TransactionKind]
    TRANSACTION_KIND_PROFILE_UPDATE: _ClassVar[TransactionKind]
    TRANSACTION_KIND_CARD_LINK: _ClassVar[TransactionKind]
    TRANSACTION_KIND_CARD_REPLACE: _ClassVar[TransactionKind]
    TRANSACTION_KIND_REDEMPTION_LOCK: _ClassVar[TransactionKind]
    TRANSACTION_KIND_INTERVENTION: _ClassVar[TransactionKind]
    TRANSACTION_KIND_OVERRIDE: _ClassVar[TransactionKind]
    TRANSACTION_KIND_CONVERSION: _ClassVar[TransactionKind]

class IdentifierKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IDENTIFIER_KIND_UNSPECIFIED: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_ACCOUNT_ID: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_LOYALTY_ID: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_EXTERNAL_ID: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_CARD: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_PHONE: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_EMAIL: _ClassVar[IdentifierKind]
    IDENTIFIER_KIND_DEVICE_GUID: _ClassVar[IdentifierKind]

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_AUTHORISE: _ClassVar[Operation]
    OPERATION_CAPTURE: _ClassVar[Operation]
    OPERATION_VOID: _ClassVar[Operation]
    OPERATION_EXPIRE: _ClassVar[Operation]
    OPERATION_ACCRUE: _ClassVar[Operation]
    OPERATION_ENROLL: _ClassVar[Operation]
    OPERATION_LINK_IDENTIFIER: _ClassVar[Operation]
    OPERATION_SET_REDEMPTION_LOCK: _ClassVar[Operation]
    OPERATION_MATURE: _ClassVar[Operation]
    OPERATION_UPDATE_MEMBER: _ClassVar[Operation]
    OPERATION_RAISE_ADVICE: _ClassVar[Operation]
    OPERATION_OVERRIDE_ADVICE: _ClassVar[Operation]
    OPERATION_REMOVE_ADVICE: _ClassVar[Operation]
    OPERATION_SET_ACCOUNT_STATUS: _ClassVar[Operation]
    OPERATION_RESOLVE_CASE: _ClassVar[Operation]
    OPERATION_RETURN: _ClassVar[Operation]
    OPERATION_RECORD_ACTIVITY: _ClassVar[Operation]
    OPERATION_ADJUST: _ClassVar[Operation]
    OPERATION_CHANGE_GROUPS: _ClassVar[Operation]
    OPERATION_TRANSFER: _ClassVar[Operation]
    OPERATION_REDEEM_HOUSEHOLD: _ClassVar[Operation]
    OPERATION_EXTEND: _ClassVar[Operation]

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_APPROVED: _ClassVar[Decision]
    DECISION_DECLINED: _ClassVar[Decision]
    DECISION_REVIEW: _ClassVar[Decision]

class ReasonCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_CODE_UNSPECIFIED: _ClassVar[ReasonCode]
    REASON_CODE_ACCOUNT_SUSPENDED: _ClassVar[ReasonCode]
    REASON_CODE_REDEMPTION_LOCKED: _ClassVar[ReasonCode]
    REASON_CODE_ADVICE_BLOCK: _ClassVar[ReasonCode]
    REASON_CODE_OUT_OF_PROVINCE: _ClassVar[ReasonCode]
    REASON_CODE_FRAUD_RULE: _ClassVar[ReasonCode]
    REASON_CODE_DAILY_REDEMPTION_CAP: _ClassVar[ReasonCode]
    REASON_CODE_INSUFFICIENT_POINTS: _ClassVar[ReasonCode]
    REASON_CODE_RULE_ARITHMETIC: _ClassVar[ReasonCode]
    REASON_CODE_FRAUD_WARNING: _ClassVar[ReasonCode]
    REASON_CODE_RULES_STOPPED: _ClassVar[ReasonCode]
    REASON_CODE_STEP_UP: _ClassVar[ReasonCode]
    REASON_CODE_STEP_UP_PIN: _ClassVar[ReasonCode]
    REASON_CODE_STEP_UP_ID_DOCUMENT: _ClassVar[ReasonCode]
    REASON_CODE_STEP_UP_ONE_TIME_CODE: _ClassVar[ReasonCode]
    REASON_CODE_STEP_UP_SUPERVISOR: _ClassVar[ReasonCode]
    REASON_CODE_UNDER_REVIEW: _ClassVar[ReasonCode]
    REASON_CODE_CREDIT_LIMIT: _ClassVar[ReasonCode]
    REASON_CODE_AGENT_DAILY_LIMIT: _ClassVar[ReasonCode]
    REASON_CODE_AGENT_MONTHLY_LIMIT: _ClassVar[ReasonCode]
    REASON_CODE_ACCOUNT_MONTHLY_LIMIT: _ClassVar[ReasonCode]
    REASON_CODE_RULE_UNAVAILABLE: _ClassVar[ReasonCode]
    REASON_CODE_RULE_SKIPPED: _ClassVar[ReasonCode]
    REASON_CODE_REDEMPTIONS_STOPPED: _ClassVar[ReasonCode]
    REASON_CODE_BUSINESS_UNIT_STOPPED: _ClassVar[ReasonCode]
    REASON_CODE_STORE_STOPPED: _ClassVar[ReasonCode]
    REASON_CODE_TERMINAL_STOPPED: _ClassVar[ReasonCode]
    REASON_CODE_ALLOWANCE_ENDED: _ClassVar[ReasonCode]

class AdviceEntity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_ENTITY_UNSPECIFIED: _ClassVar[AdviceEntity]
    ADVICE_ENTITY_ACCOUNT: _ClassVar[AdviceEntity]
    ADVICE_ENTITY_AGENT: _ClassVar[AdviceEntity]

class AdviceContext(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_CONTEXT_UNSPECIFIED: _ClassVar[AdviceContext]
    ADVICE_CONTEXT_REDEMPTION: _ClassVar[AdviceContext]
    ADVICE_CONTEXT_EARNING: _ClassVar[AdviceContext]
    ADVICE_CONTEXT_ADJUSTMENT: _ClassVar[AdviceContext]
    ADVICE_CONTEXT_TRANSFER: _ClassVar[AdviceContext]

class FraudScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRAUD_SCOPE_UNSPECIFIED: _ClassVar[FraudScope]
    FRAUD_SCOPE_ACCOUNT: _ClassVar[FraudScope]
    FRAUD_SCOPE_PROGRAM: _ClassVar[FraudScope]
    FRAUD_SCOPE_STORE: _ClassVar[FraudScope]
    FRAUD_SCOPE_CASHIER: _ClassVar[FraudScope]
    FRAUD_SCOPE_TERMINAL: _ClassVar[FraudScope]
    FRAUD_SCOPE_BUSINESS_UNIT: _ClassVar[FraudScope]
    FRAUD_SCOPE_GROUP: _ClassVar[FraudScope]
    FRAUD_SCOPE_AGENT: _ClassVar[FraudScope]
    FRAUD_SCOPE_CARD: _ClassVar[FraudScope]

class Factor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FACTOR_UNSPECIFIED: _ClassVar[Factor]
    FACTOR_PIN: _ClassVar[Factor]
    FACTOR_ID_DOCUMENT: _ClassVar[Factor]
    FACTOR_ONE_TIME_CODE: _ClassVar[Factor]
    FACTOR_SUPERVISOR: _ClassVar[Factor]

class AdvicePosture(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_POSTURE_UNSPECIFIED: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_LOG: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_WARN: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_BLOCK: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_REVIEW: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_STEP_UP: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_REVIEW_BLOCK: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_LOCK: _ClassVar[AdvicePosture]
    ADVICE_POSTURE_SUSPEND: _ClassVar[AdvicePosture]

class AdviceEvent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_EVENT_UNSPECIFIED: _ClassVar[AdviceEvent]
    ADVICE_EVENT_RAISED: _ClassVar[AdviceEvent]
    ADVICE_EVENT_EXTENDED: _ClassVar[AdviceEvent]
    ADVICE_EVENT_OVERRIDDEN: _ClassVar[AdviceEvent]
    ADVICE_EVENT_REMOVED: _ClassVar[AdviceEvent]
    ADVICE_EVENT_PROPOSED: _ClassVar[AdviceEvent]
    ADVICE_EVENT_RESOLVED: _ClassVar[AdviceEvent]

class InterventionReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERVENTION_REASON_UNSPECIFIED: _ClassVar[InterventionReason]
    INTERVENTION_REASON_SUSPECTED_FRAUD: _ClassVar[InterventionReason]
    INTERVENTION_REASON_ACCOUNT_TAKEOVER: _ClassVar[InterventionReason]
    INTERVENTION_REASON_POLICY_ABUSE: _ClassVar[InterventionReason]
    INTERVENTION_REASON_MEMBER_REQUEST: _ClassVar[InterventionReason]
    INTERVENTION_REASON_COMPLIANCE: _ClassVar[InterventionReason]
    INTERVENTION_REASON_FALSE_POSITIVE: _ClassVar[InterventionReason]
    INTERVENTION_REASON_MEMBER_VERIFIED: _ClassVar[InterventionReason]
    INTERVENTION_REASON_RESOLVED: _ClassVar[InterventionReason]
    INTERVENTION_REASON_CORRECTION: _ClassVar[InterventionReason]
    INTERVENTION_REASON_OTHER: _ClassVar[InterventionReason]
CHANNEL_UNSPECIFIED: Channel
CHANNEL_IN_STORE: Channel
CHANNEL_ONLINE: Channel
CHANNEL_MOBILE: Channel
CHANNEL_CALL_CENTER: Channel
TRANSACTION_KIND_UNSPECIFIED: TransactionKind
TRANSACTION_KIND_PURCHASE: TransactionKind
TRANSACTION_KIND_ACTIVITY: TransactionKind
TRANSACTION_KIND_ADJUSTMENT: TransactionKind
TRANSACTION_KIND_DISCRETIONARY: TransactionKind
TRANSACTION_KIND_POINTS_TRANSFER: TransactionKind
TRANSACTION_KIND_ADHOC_REDEEM: TransactionKind
TRANSACTION_KIND_RETURN: TransactionKind
TRANSACTION_KIND_EXPIRY: TransactionKind
TRANSACTION_KIND_CORRECTION: TransactionKind
TRANSACTION_KIND_EMAIL_UPDATE: TransactionKind
TRANSACTION_KIND_PROFILE_UPDATE: TransactionKind
TRANSACTION_KIND_CARD_LINK: TransactionKind
TRANSACTION_KIND_CARD_REPLACE: TransactionKind
TRANSACTION_KIND_REDEMPTION_LOCK: TransactionKind
TRANSACTION_KIND_INTERVENTION: TransactionKind
TRANSACTION_KIND_OVERRIDE: TransactionKind
TRANSACTION_KIND_CONVERSION: TransactionKind
IDENTIFIER_KIND_UNSPECIFIED: IdentifierKind
IDENTIFIER_KIND_ACCOUNT_ID: IdentifierKind
IDENTIFIER_KIND_LOYALTY_ID: IdentifierKind
IDENTIFIER_KIND_EXTERNAL_ID: IdentifierKind
IDENTIFIER_KIND_CARD: IdentifierKind
IDENTIFIER_KIND_PHONE: IdentifierKind
IDENTIFIER_KIND_EMAIL: IdentifierKind
IDENTIFIER_KIND_DEVICE_GUID: IdentifierKind
OPERATION_UNSPECIFIED: Operation
OPERATION_AUTHORISE: Operation
OPERATION_CAPTURE: Operation
OPERATION_VOID: Operation
OPERATION_EXPIRE: Operation
OPERATION_ACCRUE: Operation
OPERATION_ENROLL: Operation
OPERATION_LINK_IDENTIFIER: Operation
OPERATION_SET_REDEMPTION_LOCK: Operation
OPERATION_MATURE: Operation
OPERATION_UPDATE_MEMBER: Operation
OPERATION_RAISE_ADVICE: Operation
OPERATION_OVERRIDE_ADVICE: Operation
OPERATION_REMOVE_ADVICE: Operation
OPERATION_SET_ACCOUNT_STATUS: Operation
OPERATION_RESOLVE_CASE: Operation
OPERATION_RETURN: Operation
OPERATION_RECORD_ACTIVITY: Operation
OPERATION_ADJUST: Operation
OPERATION_CHANGE_GROUPS: Operation
OPERATION_TRANSFER: Operation
OPERATION_REDEEM_HOUSEHOLD: Operation
OPERATION_EXTEND: Operation
DECISION_UNSPECIFIED: Decision
DECISION_APPROVED: Decision
DECISION_DECLINED: Decision
DECISION_REVIEW: Decision
REASON_CODE_UNSPECIFIED: ReasonCode
REASON_CODE_ACCOUNT_SUSPENDED: ReasonCode
REASON_CODE_REDEMPTION_LOCKED: ReasonCode
REASON_CODE_ADVICE_BLOCK: ReasonCode
REASON_CODE_OUT_OF_PROVINCE: ReasonCode
REASON_CODE_FRAUD_RULE: ReasonCode
REASON_CODE_DAILY_REDEMPTION_CAP: ReasonCode
REASON_CODE_INSUFFICIENT_POINTS: ReasonCode
REASON_CODE_RULE_ARITHMETIC: ReasonCode
REASON_CODE_FRAUD_WARNING: ReasonCode
REASON_CODE_RULES_STOPPED: ReasonCode
REASON_CODE_STEP_UP: ReasonCode
REASON_CODE_STEP_UP_PIN: ReasonCode
REASON_CODE_STEP_UP_ID_DOCUMENT: ReasonCode
REASON_CODE_STEP_UP_ONE_TIME_CODE: ReasonCode
REASON_CODE_STEP_UP_SUPERVISOR: ReasonCode
REASON_CODE_UNDER_REVIEW: ReasonCode
REASON_CODE_CREDIT_LIMIT: ReasonCode
REASON_CODE_AGENT_DAILY_LIMIT: ReasonCode
REASON_CODE_AGENT_MONTHLY_LIMIT: ReasonCode
REASON_CODE_ACCOUNT_MONTHLY_LIMIT: ReasonCode
REASON_CODE_RULE_UNAVAILABLE: ReasonCode
REASON_CODE_RULE_SKIPPED: ReasonCode
REASON_CODE_REDEMPTIONS_STOPPED: ReasonCode
REASON_CODE_BUSINESS_UNIT_STOPPED: ReasonCode
REASON_CODE_STORE_STOPPED: ReasonCode
REASON_CODE_TERMINAL_STOPPED: ReasonCode
REASON_CODE_ALLOWANCE_ENDED: ReasonCode
ADVICE_ENTITY_UNSPECIFIED: AdviceEntity
ADVICE_ENTITY_ACCOUNT: AdviceEntity
ADVICE_ENTITY_AGENT: AdviceEntity
ADVICE_CONTEXT_UNSPECIFIED: AdviceContext
ADVICE_CONTEXT_REDEMPTION: AdviceContext
ADVICE_CONTEXT_EARNING: AdviceContext
ADVICE_CONTEXT_ADJUSTMENT: AdviceContext
ADVICE_CONTEXT_TRANSFER: AdviceContext
FRAUD_SCOPE_UNSPECIFIED: FraudScope
FRAUD_SCOPE_ACCOUNT: FraudScope
FRAUD_SCOPE_PROGRAM: FraudScope
FRAUD_SCOPE_STORE: FraudScope
FRAUD_SCOPE_CASHIER: FraudScope
FRAUD_SCOPE_TERMINAL: FraudScope
FRAUD_SCOPE_BUSINESS_UNIT: FraudScope
FRAUD_SCOPE_GROUP: FraudScope
FRAUD_SCOPE_AGENT: FraudScope
FRAUD_SCOPE_CARD: FraudScope
FACTOR_UNSPECIFIED: Factor
FACTOR_PIN: Factor
FACTOR_ID_DOCUMENT: Factor
FACTOR_ONE_TIME_CODE: Factor
FACTOR_SUPERVISOR: Factor
ADVICE_POSTURE_UNSPECIFIED: AdvicePosture
ADVICE_POSTURE_LOG: AdvicePosture
ADVICE_POSTURE_WARN: AdvicePosture
ADVICE_POSTURE_BLOCK: AdvicePosture
ADVICE_POSTURE_REVIEW: AdvicePosture
ADVICE_POSTURE_STEP_UP: AdvicePosture
ADVICE_POSTURE_REVIEW_BLOCK: AdvicePosture
ADVICE_POSTURE_LOCK: AdvicePosture
ADVICE_POSTURE_SUSPEND: AdvicePosture
ADVICE_EVENT_UNSPECIFIED: AdviceEvent
ADVICE_EVENT_RAISED: AdviceEvent
ADVICE_EVENT_EXTENDED: AdviceEvent
ADVICE_EVENT_OVERRIDDEN: AdviceEvent
ADVICE_EVENT_REMOVED: AdviceEvent
ADVICE_EVENT_PROPOSED: AdviceEvent
ADVICE_EVENT_RESOLVED: AdviceEvent
INTERVENTION_REASON_UNSPECIFIED: InterventionReason
INTERVENTION_REASON_SUSPECTED_FRAUD: InterventionReason
INTERVENTION_REASON_ACCOUNT_TAKEOVER: InterventionReason
INTERVENTION_REASON_POLICY_ABUSE: InterventionReason
INTERVENTION_REASON_MEMBER_REQUEST: InterventionReason
INTERVENTION_REASON_COMPLIANCE: InterventionReason
INTERVENTION_REASON_FALSE_POSITIVE: InterventionReason
INTERVENTION_REASON_MEMBER_VERIFIED: InterventionReason
INTERVENTION_REASON_RESOLVED: InterventionReason
INTERVENTION_REASON_CORRECTION: InterventionReason
INTERVENTION_REASON_OTHER: InterventionReason

class MemberReference(_message.Message):
    __slots__ = ("account_id", "loyalty_id", "external_id", "card", "phone", "email", "device_guid")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_ID_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_GUID_FIELD_NUMBER: _ClassVar[int]
    account_id: int
    loyalty_id: str
    external_id: str
    card: str
    phone: str
    email: str
    device_guid: str
    def __init__(self, account_id: _Optional[int] = ..., loyalty_id: _Optional[str] = ..., external_id: _Optional[str] = ..., card: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., device_guid: _Optional[str] = ...) -> None: ...

class Money(_message.Message):
    __slots__ = ("currency_code", "minor_units")
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    currency_code: str
    minor_units: int
    def __init__(self, currency_code: _Optional[str] = ..., minor_units: _Optional[int] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("store_id", "terminal_id", "cashier_id", "channel", "occurred_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    CASHIER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    terminal_id: str
    cashier_id: str
    channel: Channel
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ..., cashier_id: _Optional[str] = ..., channel: _Optional[_Union[Channel, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "rule", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: ReasonCode
    rule: str
    text: str
    def __init__(self, code: _Optional[_Union[ReasonCode, str]] = ..., rule: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("posted", "reserved", "pending", "available")
    POSTED_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    posted: int
    reserved: int
    pending: int
    available: int
    def __init__(self, posted: _Optional[int] = ..., reserved: _Optional[int] = ..., pending: _Optional[int] = ..., available: _Optional[int] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("advice_id", "entity", "context", "posture", "starts_at", "ends_at", "rule", "rule_version", "evidence", "factor", "scope", "scope_entity", "text")
    ADVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    POSTURE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    RULE_VERSION_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_ENTITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    advice_id: str
    entity: AdviceEntity
    context: AdviceContext
    posture: AdvicePosture
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    rule: str
    rule_version: int
    evidence: Evidence
    factor: Factor
    scope: FraudScope
    scope_entity: str
    text: str
    def __init__(self, advice_id: _Optional[str] = ..., entity: _Optional[_Union[AdviceEntity, str]] = ..., context: _Optional[_Union[AdviceContext, str]] = ..., posture: _Optional[_Union[AdvicePosture, str]] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rule: _Optional[str] = ..., rule_version: _Optional[int] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ..., factor: _Optional[_Union[Factor, str]] = ..., scope: _Optional[_Union[FraudScope, str]] = ..., scope_entity: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class AdviceChange(_message.Message):
    __slots__ = ("event", "advice")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    event: AdviceEvent
    advice: Advice
    def __init__(self, event: _Optional[_Union[AdviceEvent, str]] = ..., advice: _Optional[_Union[Advice, _Mapping]] = ...) -> None: ...

class Intervention(_message.Message):
    __slots__ = ("author", "reason", "note", "api_key_id", "session_id")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    API_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    author: str
    reason: InterventionReason
    note: str
    api_key_id: str
    session_id: str
    def __init__(self, author: _Optional[str] = ..., reason: _Optional[_Union[InterventionReason, str]] = ..., note: _Optional[str] = ..., api_key_id: _Optional[str] = ..., session_id: _Optional[str] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("transaction_id", "measured", "threshold", "window_starts_after")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    WINDOW_STARTS_AFTER_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    measured: int
    threshold: int
    window_starts_after: _timestamp_pb2.Timestamp
    def __init__(self, transaction_id: _Optional[str] = ..., measured: _Optional[int] = ..., threshold: _Optional[int] = ..., window_starts_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
