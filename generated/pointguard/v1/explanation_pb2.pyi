import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from pointguard.v1 import rule_pb2 as _rule_pb2
from pointguard.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainDecisionRequest(_message.Message):
    __slots__ = ("transaction_id", "idempotency_key", "trace", "leg")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    LEG_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    idempotency_key: str
    trace: bool
    leg: int
    def __init__(self, transaction_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., trace: _Optional[bool] = ..., leg: _Optional[int] = ...) -> None: ...

class DecisionDifference(_message.Message):
    __slots__ = ("part", "recorded", "reproduced")
    PART_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REPRODUCED_FIELD_NUMBER: _ClassVar[int]
    part: str
    recorded: str
    reproduced: str
    def __init__(self, part: _Optional[str] = ..., recorded: _Optional[str] = ..., reproduced: _Optional[str] = ...) -> None: ...

class DecidedBy(_message.Message):
    __slots__ = ("program_epoch", "configuration_version", "configuration_digest", "configuration", "rule_set_version", "rule_set_digest", "rule_set_source")
    PROGRAM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    RULE_SET_VERSION_FIELD_NUMBER: _ClassVar[int]
    RULE_SET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RULE_SET_SOURCE_FIELD_NUMBER: _ClassVar[int]
    program_epoch: int
    configuration_version: int
    configuration_digest: str
    configuration: str
    rule_set_version: int
    rule_set_digest: str
    rule_set_source: str
    def __init__(self, program_epoch: _Optional[int] = ..., configuration_version: _Optional[int] = ..., configuration_digest: _Optional[str] = ..., configuration: _Optional[str] = ..., rule_set_version: _Optional[int] = ..., rule_set_digest: _Optional[str] = ..., rule_set_source: _Optional[str] = ...) -> None: ...

class OpenReservation(_message.Message):
    __slots__ = ("transaction_id", "points", "expires_at")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    points: int
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, transaction_id: _Optional[str] = ..., points: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountBefore(_message.Message):
    __slots__ = ("balance", "earned_total", "redeemed_total", "spend_total", "tier", "province", "enrolled_at", "redemption_locked", "suspended", "transaction_count", "standing_advice", "open_reservations", "overridden_advice")
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    EARNED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REDEEMED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SPEND_TOTAL_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    PROVINCE_FIELD_NUMBER: _ClassVar[int]
    ENROLLED_AT_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_LOCKED_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    STANDING_ADVICE_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_ADVICE_FIELD_NUMBER: _ClassVar[int]
    balance: _common_pb2.Balance
    earned_total: int
    redeemed_total: int
    spend_total: _common_pb2.Money
    tier: str
    province: str
    enrolled_at: _timestamp_pb2.Timestamp
    redemption_locked: bool
    suspended: bool
    transaction_count: int
    standing_advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    open_reservations: _containers.RepeatedCompositeFieldContainer[OpenReservation]
    overridden_advice: _containers.RepeatedCompositeFieldContainer[_common_pb2.Advice]
    def __init__(self, balance: _Optional[_Union[_common_pb2.Balance, _Mapping]] = ..., earned_total: _Optional[int] = ..., redeemed_total: _Optional[int] = ..., spend_total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., tier: _Optional[str] = ..., province: _Optional[str] = ..., enrolled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., redemption_locked: _Optional[bool] = ..., suspended: _Optional[bool] = ..., transaction_count: _Optional[int] = ..., standing_advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ..., open_reservations: _Optional[_Iterable[_Union[OpenReservation, _Mapping]]] = ..., overridden_advice: _Optional[_Iterable[_Union[_common_pb2.Advice, _Mapping]]] = ...) -> None: ...

class DecisionInput(_message.Message):
    __slots__ = ("name", "value", "gone")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    gone: bool
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., gone: _Optional[bool] = ...) -> None: ...

class CountedTransaction(_message.Message):
    __slots__ = ("transaction_id", "accepted_at", "amount")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    accepted_at: _timestamp_pb2.Timestamp
    amount: int
    def __init__(self, transaction_id: _Optional[str] = ..., accepted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., amount: _Optional[int] = ...) -> None: ...

class ExplainedWindow(_message.Message):
    __slots__ = ("starts_after", "ends_at", "value", "transaction_count", "transactions")
    STARTS_AFTER_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    starts_after: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    value: int
    transaction_count: int
    transactions: _containers.RepeatedCompositeFieldContainer[CountedTransaction]
    def __init__(self, starts_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., value: _Optional[int] = ..., transaction_count: _Optional[int] = ..., transactions: _Optional[_Iterable[_Union[CountedTransaction, _Mapping]]] = ...) -> None: ...

class ExplainedCheck(_message.Message):
    __slots__ = ("rule", "context", "posture", "reason", "window", "seen", "threshold", "tripped", "forbade", "stood", "raised", "suppressed", "verified", "exemption_id", "scope", "entity", "unavailable")
    RULE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    POSTURE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TRIPPED_FIELD_NUMBER: _ClassVar[int]
    FORBADE_FIELD_NUMBER: _ClassVar[int]
    STOOD_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    EXEMPTION_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    context: _common_pb2.AdviceContext
    posture: _common_pb2.AdvicePosture
    reason: _common_pb2.ReasonCode
    window: ExplainedWindow
    seen: int
    threshold: int
    tripped: bool
    forbade: bool
    stood: bool
    raised: bool
    suppressed: bool
    verified: bool
    exemption_id: int
    scope: _common_pb2.FraudScope
    entity: str
    unavailable: bool
    def __init__(self, rule: _Optional[str] = ..., context: _Optional[_Union[_common_pb2.AdviceContext, str]] = ..., posture: _Optional[_Union[_common_pb2.AdvicePosture, str]] = ..., reason: _Optional[_Union[_common_pb2.ReasonCode, str]] = ..., window: _Optional[_Union[ExplainedWindow, _Mapping]] = ..., seen: _Optional[int] = ..., threshold: _Optional[int] = ..., tripped: _Optional[bool] = ..., forbade: _Optional[bool] = ..., stood: _Optional[bool] = ..., raised: _Optional[bool] = ..., suppressed: _Optional[bool] = ..., verified: _Optional[bool] = ..., exemption_id: _Optional[int] = ..., scope: _Optional[_Union[_common_pb2.FraudScope, str]] = ..., entity: _Optional[str] = ..., unavailable: _Optional[bool] = ...) -> None: ...

class ExplainedRuleWindow(_message.Message):
    __slots__ = ("window", "held")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    window: str
    held: ExplainedWindow
    def __init__(self, window: _Optional[str] = ..., held: _Optional[_Union[ExplainedWindow, _Mapping]] = ...) -> None: ...

class ExplainedEarning(_message.Message):
    __slots__ = ("points", "outcomes", "facts", "windows", "failed_line", "failed_column", "trace_is_cut")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    FAILED_LINE_FIELD_NUMBER: _ClassVar[int]
    FAILED_COLUMN_FIELD_NUMBER: _ClassVar[int]
    TRACE_IS_CUT_FIELD_NUMBER: _ClassVar[int]
    points: int
    outcomes: _containers.RepeatedCompositeFieldContainer[_rule_pb2.RuleOutcome]
    facts: _containers.RepeatedCompositeFieldContainer[_rule_pb2.RuleFact]
    windows: _containers.RepeatedCompositeFieldContainer[ExplainedRuleWindow]
    failed_line: int
    failed_column: int
    trace_is_cut: bool
    def __init__(self, points: _Optional[int] = ..., outcomes: _Optional[_Iterable[_Union[_rule_pb2.RuleOutcome, _Mapping]]] = ..., facts: _Optional[_Iterable[_Union[_rule_pb2.RuleFact, _Mapping]]] = ..., windows: _Optional[_Iterable[_Union[ExplainedRuleWindow, _Mapping]]] = ..., failed_line: _Optional[int] = ..., failed_column: _Optional[int] = ..., trace_is_cut: _Optional[bool] = ...) -> None: ...

class ExplainDecisionResponse(_message.Message):
    __slots__ = ("transaction", "reproduced", "differences", "decided_by", "account_before", "inputs", "basket", "checks", "earning", "reasons", "entries")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    REPRODUCED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    BASKET_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    EARNING_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    transaction: _transaction_pb2.Transaction
    reproduced: bool
    differences: _containers.RepeatedCompositeFieldContainer[DecisionDifference]
    decided_by: DecidedBy
    account_before: AccountBefore
    inputs: _containers.RepeatedCompositeFieldContainer[DecisionInput]
    basket: _transaction_pb2.Basket
    checks: _containers.RepeatedCompositeFieldContainer[ExplainedCheck]
    earning: ExplainedEarning
    reasons: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reason]
    entries: _containers.RepeatedCompositeFieldContainer[_transaction_pb2.Entry]
    def __init__(self, transaction: _Optional[_Union[_transaction_pb2.Transaction, _Mapping]] = ..., reproduced: _Optional[bool] = ..., differences: _Optional[_Iterable[_Union[DecisionDifference, _Mapping]]] = ..., decided_by: _Optional[_Union[DecidedBy, _Mapping]] = ..., account_before: _Optional[_Union[AccountBefore, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[DecisionInput, _Mapping]]] = ..., basket: _Optional[_Union[_transaction_pb2.Basket, _Mapping]] = ..., checks: _Optional[_Iterable[_Union[ExplainedCheck, _Mapping]]] = ..., earning: _Optional[_Union[ExplainedEarning, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[_common_pb2.Reason, _Mapping]]] = ..., entries: _Optional[_Iterable[_Union[_transaction_pb2.Entry, _Mapping]]] = ...) -> None: ...
