import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import rule_pb2 as _rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExperimentMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPERIMENT_METRIC_UNSPECIFIED: _ClassVar[ExperimentMetric]
    EXPERIMENT_METRIC_POINTS: _ClassVar[ExperimentMetric]
    EXPERIMENT_METRIC_SPEND: _ClassVar[ExperimentMetric]
    EXPERIMENT_METRIC_TRANSACTIONS: _ClassVar[ExperimentMetric]

class ExperimentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPERIMENT_STATE_UNSPECIFIED: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_CREATED: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_RUNNING: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_OVER: _ClassVar[ExperimentState]

class ExperimentEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPERIMENT_END_UNSPECIFIED: _ClassVar[ExperimentEnd]
    EXPERIMENT_END_ENDED: _ClassVar[ExperimentEnd]
    EXPERIMENT_END_PROMOTED: _ClassVar[ExperimentEnd]
    EXPERIMENT_END_ACTIVATED: _ClassVar[ExperimentEnd]
    EXPERIMENT_END_ROLLED_BACK: _ClassVar[ExperimentEnd]
    EXPERIMENT_END_FILE_CHANGED: _ClassVar[ExperimentEnd]
EXPERIMENT_METRIC_UNSPECIFIED: ExperimentMetric
EXPERIMENT_METRIC_POINTS: ExperimentMetric
EXPERIMENT_METRIC_SPEND: ExperimentMetric
EXPERIMENT_METRIC_TRANSACTIONS: ExperimentMetric
EXPERIMENT_STATE_UNSPECIFIED: ExperimentState
EXPERIMENT_STATE_CREATED: ExperimentState
EXPERIMENT_STATE_RUNNING: ExperimentState
EXPERIMENT_STATE_OVER: ExperimentState
EXPERIMENT_END_UNSPECIFIED: ExperimentEnd
EXPERIMENT_END_ENDED: ExperimentEnd
EXPERIMENT_END_PROMOTED: ExperimentEnd
EXPERIMENT_END_ACTIVATED: ExperimentEnd
EXPERIMENT_END_ROLLED_BACK: ExperimentEnd
EXPERIMENT_END_FILE_CHANGED: ExperimentEnd

class ExperimentArm(_message.Message):
    __slots__ = ("arm", "label", "version", "weight")
    ARM_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    arm: int
    label: str
    version: int
    weight: int
    def __init__(self, arm: _Optional[int] = ..., label: _Optional[str] = ..., version: _Optional[int] = ..., weight: _Optional[int] = ...) -> None: ...

class ExperimentStep(_message.Message):
    __slots__ = ("at", "change")
    AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    change: _rule_pb2.RuleChange
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ("experiment_id", "name", "arms", "primary_metric", "state", "created", "started", "ended", "ended_by", "promoted_arm", "version_before")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_METRIC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    ENDED_BY_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_BEFORE_FIELD_NUMBER: _ClassVar[int]
    experiment_id: int
    name: str
    arms: _containers.RepeatedCompositeFieldContainer[ExperimentArm]
    primary_metric: ExperimentMetric
    state: ExperimentState
    created: ExperimentStep
    started: ExperimentStep
    ended: ExperimentStep
    ended_by: ExperimentEnd
    promoted_arm: int
    version_before: int
    def __init__(self, experiment_id: _Optional[int] = ..., name: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[ExperimentArm, _Mapping]]] = ..., primary_metric: _Optional[_Union[ExperimentMetric, str]] = ..., state: _Optional[_Union[ExperimentState, str]] = ..., created: _Optional[_Union[ExperimentStep, _Mapping]] = ..., started: _Optional[_Union[ExperimentStep, _Mapping]] = ..., ended: _Optional[_Union[ExperimentStep, _Mapping]] = ..., ended_by: _Optional[_Union[ExperimentEnd, str]] = ..., promoted_arm: _Optional[int] = ..., version_before: _Optional[int] = ...) -> None: ...

class MeanEstimate(_message.Message):
    __slots__ = ("mean", "low", "high")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    mean: float
    low: float
    high: float
    def __init__(self, mean: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class MeanDifference(_message.Message):
    __slots__ = ("difference", "low", "high", "p_value")
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    difference: float
    low: float
    high: float
    p_value: float
    def __init__(self, difference: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., p_value: _Optional[float] = ...) -> None: ...

class MetricResult(_message.Message):
    __slots__ = ("metric", "total", "per_member", "against_first")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PER_MEMBER_FIELD_NUMBER: _ClassVar[int]
    AGAINST_FIRST_FIELD_NUMBER: _ClassVar[int]
    metric: ExperimentMetric
    total: int
    per_member: MeanEstimate
    against_first: MeanDifference
    def __init__(self, metric: _Optional[_Union[ExperimentMetric, str]] = ..., total: _Optional[int] = ..., per_member: _Optional[_Union[MeanEstimate, _Mapping]] = ..., against_first: _Optional[_Union[MeanDifference, _Mapping]] = ...) -> None: ...

class ArmResult(_message.Message):
    __slots__ = ("arm", "members", "transactions", "metrics", "weight_share", "member_share")
    ARM_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SHARE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_SHARE_FIELD_NUMBER: _ClassVar[int]
    arm: int
    members: int
    transactions: int
    metrics: _containers.RepeatedCompositeFieldContainer[MetricResult]
    weight_share: float
    member_share: float
    def __init__(self, arm: _Optional[int] = ..., members: _Optional[int] = ..., transactions: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[MetricResult, _Mapping]]] = ..., weight_share: _Optional[float] = ..., member_share: _Optional[float] = ...) -> None: ...

class SampleRatioCheck(_message.Message):
    __slots__ = ("p_value", "mismatch")
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    MISMATCH_FIELD_NUMBER: _ClassVar[int]
    p_value: float
    mismatch: bool
    def __init__(self, p_value: _Optional[float] = ..., mismatch: _Optional[bool] = ...) -> None: ...

class CreateExperimentRequest(_message.Message):
    __slots__ = ("idempotency_key", "name", "arms", "primary_metric", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_METRIC_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    name: str
    arms: _containers.RepeatedCompositeFieldContainer[ExperimentArm]
    primary_metric: ExperimentMetric
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., name: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[ExperimentArm, _Mapping]]] = ..., primary_metric: _Optional[_Union[ExperimentMetric, str]] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class CreateExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class StartExperimentRequest(_message.Message):
    __slots__ = ("idempotency_key", "experiment_id", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    experiment_id: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., experiment_id: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class StartExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class EndExperimentRequest(_message.Message):
    __slots__ = ("idempotency_key", "experiment_id", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    experiment_id: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., experiment_id: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class EndExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class PromoteArmRequest(_message.Message):
    __slots__ = ("idempotency_key", "experiment_id", "arm", "change")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    experiment_id: int
    arm: int
    change: _rule_pb2.RuleChange
    def __init__(self, idempotency_key: _Optional[str] = ..., experiment_id: _Optional[int] = ..., arm: _Optional[int] = ..., change: _Optional[_Union[_rule_pb2.RuleChange, _Mapping]] = ...) -> None: ...

class PromoteArmResponse(_message.Message):
    __slots__ = ("experiment", "activation")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    activation: int
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ..., activation: _Optional[int] = ...) -> None: ...

class ListExperimentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListExperimentsResponse(_message.Message):
    __slots__ = ("experiments", "next_page_token")
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[Experiment]
    next_page_token: str
    def __init__(self, experiments: _Optional[_Iterable[_Union[Experiment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetExperimentRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: int
    def __init__(self, experiment_id: _Optional[int] = ...) -> None: ...

class GetExperimentResponse(_message.Message):
    __slots__ = ("experiment", "results", "sample_ratio", "read_at")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATIO_FIELD_NUMBER: _ClassVar[int]
    READ_AT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    results: _containers.RepeatedCompositeFieldContainer[ArmResult]
    sample_ratio: SampleRatioCheck
    read_at: _timestamp_pb2.Timestamp
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ..., results: _Optional[_Iterable[_Union[ArmResult, _Mapping]]] = ..., sample_ratio: _Optional[_Union[SampleRatioCheck, _Mapping]] = ..., read_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
