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

class AdviceState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_STATE_UNSPECIFIED: _ClassVar[AdviceState]
    ADVICE_STATE_STANDING: _ClassVar[AdviceState]
    ADVICE_STATE_OVERRIDDEN: _ClassVar[AdviceState]
    ADVICE_STATE_REMOVED: _ClassVar[AdviceState]
    ADVICE_STATE_EXPIRED: _ClassVar[AdviceState]
    ADVICE_STATE_RESOLVED: _ClassVar[AdviceState]

class CaseOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASE_OUTCOME_UNSPECIFIED: _ClassVar[CaseOutcome]
    CASE_OUTCOME_CONFIRMED_FRAUD: _ClassVar[CaseOutcome]
    CASE_OUTCOME_FALSE_POSITIVE: _ClassVar[CaseOutcome]
    CASE_OUTCOME_INCONCLUSIVE: _ClassVar[CaseOutcome]

class CaseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASE_STATE_UNSPECIFIED: _ClassVar[CaseState]
    CASE_STATE_OPEN: _ClassVar[CaseState]
    CASE_STATE_PROPOSED: _ClassVar[CaseState]
    CASE_STATE_RESOLVED: _ClassVar[CaseState]
ADVICE_STATE_UNSPECIFIED: AdviceState
ADVICE_STATE_STANDING: AdviceState
ADVICE_STATE_OVERRIDDEN: AdviceState
ADVICE_STATE_REMOVED: AdviceState
ADVICE_STATE_EXPIRED: AdviceState
ADVICE_STATE_RESOLVED: AdviceState
CASE_OUTCOME_UNSPECIFIED: CaseOutcome
CASE_OUTCOME_CONFIRMED_FRAUD: CaseOutcome
CASE_OUTCOME_FALSE_POSITIVE: CaseOutcome
CASE_OUTCOME_INCONCLUSIVE: CaseOutcome
CASE_STATE_UNSPECIFIED: CaseState
CASE_STATE_OPEN: CaseState
CASE_STATE_PROPOSED: CaseState
CASE_STATE_RESOLVED: CaseState

class CheckAdviceRequest(_message.Message):
    __slots__ = ("member", "context", "language", "origin")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    context: _common_pb2.AdviceContext
    language: str
    origin: _common_pb2.Origin
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., language: _Optional[str] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ...) -> None: ...

class CheckAdviceResponse(_message.Message):
    __slots__ = ("account_id", "posture", "advice", "redemption_locked", "suspended", "redemptions_stopped", "redemption_reasons")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    POSTURE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_LOCKED_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    REDEMPTIONS_STOPPED_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_REASONS_FIELD_NUMBER: _ClassVar[int]
    account_id: int
    posture: _common_pb2.AdvicePosture
    advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    redemption_locked: bool
    suspended: bool
    redemptions_stopped: _containers.RepeatedScalarFieldContainer[_common_pb2.ReasonCode]
    redemption_reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    def __init__(self, account_id: _Optional[int] = ..., posture: _Optional[_Union[_common_pb2.AdvicePosture, str]] = ..., advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ..., redemption_locked: _Optional[bool] = ..., suspended: _Optional[bool] = ..., redemptions_stopped: _Optional[_Iterable[_Union[_common_pb2.ReasonCode, str]]] = ..., redemption_reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ...) -> None: ...

class ListAdviceRequest(_message.Message):
    __slots__ = ("member", "include_ended", "page_size", "page_token")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ENDED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    include_ended: bool
    page_size: int
    page_token: str
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., include_ended: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class AdviceStep(_message.Message):
    __slots__ = ("event", "transaction_id", "happened_at", "ends_at", "intervention", "outcome")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    event: _common_pb2.AdviceEvent
    transaction_id: str
    happened_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    intervention: _common_pb2.Intervention
    outcome: CaseOutcome
    def __init__(self, event: _Optional[_Union[_common_pb2.AdviceEvent, str]] = ..., transaction_id: _Optional[str] = ..., happened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ..., outcome: _Optional[_Union[CaseOutcome, str]] = ...) -> None: ...

class AdviceHistory(_message.Message):
    __slots__ = ("advice", "account_id", "state", "steps", "agent_id")
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    advice: _common_pb2.Advice
    account_id: int
    state: AdviceState
    steps: _containers.RepeatedCompositeFieldContainer[AdviceStep]
    agent_id: str
    def __init__(self, advice: _Optional[_Union[_common_pb2.Advice, _Mapping]] = ..., account_id: _Optional[int] = ..., state: _Optional[_Union[AdviceState, str]] = ..., steps: _Optional[_Iterable[_Union[AdviceStep, _Mapping]]] = ..., agent_id: _Optional[str] = ...) -> None: ...

class ListAdviceResponse(_message.Message):
    __slots__ = ("advice", "next_page_token")
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    advice: _containers.RepeatedCompositeFieldContainer[AdviceHistory]
    next_page_token: str
    def __init__(self, advice: _Optional[_Iterable[_Union[AdviceHistory, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RaiseAdviceRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "context", "posture", "duration", "ends_at", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    POSTURE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    context: _common_pb2.AdviceContext
    posture: _common_pb2.AdvicePosture
    duration: _duration_pb2.Duration
    ends_at: _timestamp_pb2.Timestamp
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., posture: _Optional[_Union[_common_pb2.AdvicePosture, str]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class RaiseAdviceResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "advice_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ADVICE_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    advice_id: str
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., advice_id: _Optional[str] = ...) -> None: ...

class OverrideAdviceRequest(_message.Message):
    __slots__ = ("idempotency_key", "advice_id", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADVICE_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    advice_id: str
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., advice_id: _Optional[str] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class OverrideAdviceResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class RemoveAdviceRequest(_message.Message):
    __slots__ = ("idempotency_key", "advice_id", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADVICE_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    advice_id: str
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., advice_id: _Optional[str] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class RemoveAdviceResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class WatchAdviceRequest(_message.Message):
    __slots__ = ("after_position", "context", "posture_min", "follow")
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    POSTURE_MIN_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    after_position: int
    context: _common_pb2.AdviceContext
    posture_min: _common_pb2.AdvicePosture
    follow: bool
    def __init__(self, after_position: _Optional[int] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., posture_min: _Optional[_Union[_common_pb2.AdvicePosture, str]] = ..., follow: _Optional[bool] = ...) -> None: ...

class WatchAdviceResponse(_message.Message):
    __slots__ = ("position", "notice")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    position: int
    notice: AdviceNotice
    def __init__(self, position: _Optional[int] = ..., notice: _Optional[_Union[AdviceNotice, _Mapping]] = ...) -> None: ...

class AdviceNotice(_message.Message):
    __slots__ = ("transaction_id", "account_id", "seq", "happened_at", "steps", "redemption_locked", "suspended", "intervention")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_AT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_LOCKED_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    seq: int
    happened_at: _timestamp_pb2.Timestamp
    steps: _containers.RepeatedCompositeFieldContainer[_common_pb2.AdviceChange]
    redemption_locked: bool
    suspended: bool
    intervention: _common_pb2.Intervention
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., seq: _Optional[int] = ..., happened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[_common_pb2.AdviceChange, _Mapping]]] = ..., redemption_locked: _Optional[bool] = ..., suspended: _Optional[bool] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class ListCasesRequest(_message.Message):
    __slots__ = ("member", "states", "page_size", "page_token")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    states: _containers.RepeatedScalarFieldContainer[CaseState]
    page_size: int
    page_token: str
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., states: _Optional[_Iterable[_Union[CaseState, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Case(_message.Message):
    __slots__ = ("case_id", "account_id", "state", "outcome", "advice", "steps", "agent_id")
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    case_id: str
    account_id: int
    state: CaseState
    outcome: CaseOutcome
    advice: _common_pb2.Advice
    steps: _containers.RepeatedCompositeFieldContainer[AdviceStep]
    agent_id: str
    def __init__(self, case_id: _Optional[str] = ..., account_id: _Optional[int] = ..., state: _Optional[_Union[CaseState, str]] = ..., outcome: _Optional[_Union[CaseOutcome, str]] = ..., advice: _Optional[_Union[_common_pb2.Advice, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[AdviceStep, _Mapping]]] = ..., agent_id: _Optional[str] = ...) -> None: ...

class ListCasesResponse(_message.Message):
    __slots__ = ("cases", "next_page_token")
    CASES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cases: _containers.RepeatedCompositeFieldContainer[Case]
    next_page_token: str
    def __init__(self, cases: _Optional[_Iterable[_Union[Case, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResolveCaseRequest(_message.Message):
    __slots__ = ("idempotency_key", "case_id", "outcome", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    case_id: str
    outcome: CaseOutcome
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., case_id: _Optional[str] = ..., outcome: _Optional[_Union[CaseOutcome, str]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class ResolveCaseResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "state")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    state: CaseState
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., state: _Optional[_Union[CaseState, str]] = ...) -> None: ...

class Exemption(_message.Message):
    __slots__ = ("exemption_id", "account_id", "group", "store_id", "cashier_id", "redemption_type", "context", "rule", "starts_at", "ends_at", "added", "ended_at", "ended")
    EXEMPTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CASHIER_ID_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    exemption_id: int
    account_id: int
    group: str
    store_id: str
    cashier_id: str
    redemption_type: str
    context: _common_pb2.AdviceContext
    rule: str
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    added: _common_pb2.Intervention
    ended_at: _timestamp_pb2.Timestamp
    ended: _common_pb2.Intervention
    def __init__(self, exemption_id: _Optional[int] = ..., account_id: _Optional[int] = ..., group: _Optional[str] = ..., store_id: _Optional[str] = ..., cashier_id: _Optional[str] = ..., redemption_type: _Optional[str] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., rule: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., added: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class AddExemptionRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "group", "store_id", "cashier_id", "redemption_type", "context", "rule", "ends_at", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CASHIER_ID_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    group: str
    store_id: str
    cashier_id: str
    redemption_type: str
    context: _common_pb2.AdviceContext
    rule: str
    ends_at: _timestamp_pb2.Timestamp
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., group: _Optional[str] = ..., store_id: _Optional[str] = ..., cashier_id: _Optional[str] = ..., redemption_type: _Optional[str] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., rule: _Optional[str] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class AddExemptionResponse(_message.Message):
    __slots__ = ("exemption",)
    EXEMPTION_FIELD_NUMBER: _ClassVar[int]
    exemption: Exemption
    def __init__(self, exemption: _Optional[_Union[Exemption, _Mapping]] = ...) -> None: ...

class EndExemptionRequest(_message.Message):
    __slots__ = ("idempotency_key", "exemption_id", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EXEMPTION_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    exemption_id: int
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., exemption_id: _Optional[int] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class EndExemptionResponse(_message.Message):
    __slots__ = ("exemption",)
    EXEMPTION_FIELD_NUMBER: _ClassVar[int]
    exemption: Exemption
    def __init__(self, exemption: _Optional[_Union[Exemption, _Mapping]] = ...) -> None: ...

class ListExemptionsRequest(_message.Message):
    __slots__ = ("include_ended", "page_size", "page_token")
    INCLUDE_ENDED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    include_ended: bool
    page_size: int
    page_token: str
    def __init__(self, include_ended: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListExemptionsResponse(_message.Message):
    __slots__ = ("exemptions", "next_page_token")
    EXEMPTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    exemptions: _containers.RepeatedCompositeFieldContainer[Exemption]
    next_page_token: str
    def __init__(self, exemptions: _Optional[_Iterable[_Union[Exemption, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class TerminalReference(_message.Message):
    __slots__ = ("store_id", "terminal_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    terminal_id: str
    def __init__(self, store_id: _Optional[str] = ..., terminal_id: _Optional[str] = ...) -> None: ...

class RedemptionStop(_message.Message):
    __slots__ = ("stop_id", "program", "business_unit_id", "store_id", "terminal", "starts_at", "ends_at", "stopped", "released_at", "released")
    STOP_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_AT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    stop_id: int
    program: bool
    business_unit_id: str
    store_id: str
    terminal: TerminalReference
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    stopped: _common_pb2.Intervention
    released_at: _timestamp_pb2.Timestamp
    released: _common_pb2.Intervention
    def __init__(self, stop_id: _Optional[int] = ..., program: _Optional[bool] = ..., business_unit_id: _Optional[str] = ..., store_id: _Optional[str] = ..., terminal: _Optional[_Union[TerminalReference, _Mapping]] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stopped: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ..., released_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., released: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class StopRedemptionsRequest(_message.Message):
    __slots__ = ("idempotency_key", "program", "business_unit_id", "store_id", "terminal", "ends_at", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    program: bool
    business_unit_id: str
    store_id: str
    terminal: TerminalReference
    ends_at: _timestamp_pb2.Timestamp
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., program: _Optional[bool] = ..., business_unit_id: _Optional[str] = ..., store_id: _Optional[str] = ..., terminal: _Optional[_Union[TerminalReference, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class StopRedemptionsResponse(_message.Message):
    __slots__ = ("stop",)
    STOP_FIELD_NUMBER: _ClassVar[int]
    stop: RedemptionStop
    def __init__(self, stop: _Optional[_Union[RedemptionStop, _Mapping]] = ...) -> None: ...

class ReleaseRedemptionsRequest(_message.Message):
    __slots__ = ("idempotency_key", "stop_id", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STOP_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    stop_id: int
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., stop_id: _Optional[int] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class ReleaseRedemptionsResponse(_message.Message):
    __slots__ = ("stop",)
    STOP_FIELD_NUMBER: _ClassVar[int]
    stop: RedemptionStop
    def __init__(self, stop: _Optional[_Union[RedemptionStop, _Mapping]] = ...) -> None: ...

class ListRedemptionStopsRequest(_message.Message):
    __slots__ = ("include_ended", "page_size", "page_token")
    INCLUDE_ENDED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    include_ended: bool
    page_size: int
    page_token: str
    def __init__(self, include_ended: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRedemptionStopsResponse(_message.Message):
    __slots__ = ("stops", "next_page_token")
    STOPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    stops: _containers.RepeatedCompositeFieldContainer[RedemptionStop]
    next_page_token: str
    def __init__(self, stops: _Optional[_Iterable[_Union[RedemptionStop, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
