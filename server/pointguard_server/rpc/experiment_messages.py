"""Experiments and their results as messages, and parts of their requests. For ``experiment_service``."""

from collections.abc import Sequence

from pointguard.v1 import experiment_pb2
from pointguard_server.domain.codes import ExperimentMetric
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.rule_messages import change_message
from pointguard_server.service.experiment import Arm, Design, Experiment, Step
from pointguard_server.service.experiment_results import ArmResult, ExperimentResults, MetricResult

ARMS_MIN, ARMS_MAX = 2, 8
WEIGHT_MAX = 10_000
NAME_BYTES_MAX, LABEL_BYTES_MAX = 64, 32
_METRICS = {int(metric): metric for metric in ExperimentMetric}

# ------------------------------------------------------------------------------------------------------------- requests


def design_of(decoder: Decoder, request: experiment_pb2.CreateExperimentRequest) -> Design:
    """Return what an experiment is to be made of; every fault is named."""
    if not request.name:
        decoder.fault("name", f"must have 1 to {NAME_BYTES_MAX} bytes")
    name = decoder.text(request.name, "name", NAME_BYTES_MAX)
    metric = _METRICS.get(int(request.primary_metric))
    if metric is None:
        decoder.fault("primary_metric", "must be one of the contract's metrics")
    if not ARMS_MIN <= len(request.arms) <= ARMS_MAX:
        decoder.fault("arms", f"must be {ARMS_MIN} to {ARMS_MAX}")
    arms = tuple(_arm(decoder, number, message) for number, message in enumerate(request.arms[:ARMS_MAX], 1))
    _check_unique(decoder, "label", [arm.label for arm in arms])
    _check_unique(decoder, "version", [arm.version for arm in arms])
    return Design(name, metric or ExperimentMetric.POINTS, arms)


def _arm(decoder: Decoder, number: int, message: experiment_pb2.ExperimentArm) -> Arm:
    field = f"arms[{number - 1}]"
    if message.arm not in (0, number):
        decoder.fault(f"{field}.arm", "must be its place among the arms, from 1, or 0")
    if not message.label:
        decoder.fault(f"{field}.label", f"must have 1 to {LABEL_BYTES_MAX} bytes")
    label = decoder.text(message.label, f"{field}.label", LABEL_BYTES_MAX)
    if message.version < 1:
        decoder.fault(f"{field}.version", "must be 1 or more")
    if not 1 <= message.weight <= WEIGHT_MAX:
        decoder.fault(f"{field}.weight", f"must be from 1 to {WEIGHT_MAX}")
    return Arm(number, label, message.version, message.weight)


def _check_unique(decoder: Decoder, name: str, values: Sequence[object]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            decoder.fault(f"arms[{index}].{name}", "must be another than that of the arms before it")


def experiment_number(decoder: Decoder, number: int) -> int:
    """Return an experiment's number."""
    if number < 1:
        decoder.fault("experiment_id", "must be 1 or more")
    return number


def design_digest_parts(design: Design) -> bytes:
    """Return what of a design stands under its idempotency key."""
    arms = [(arm.label, arm.version, arm.weight) for arm in design.arms]
    return repr((design.name, int(design.metric), arms)).encode()


# -------------------------------------------------------------------------------------------------------------- answers


def _step_message(step: Step) -> experiment_pb2.ExperimentStep:
    return experiment_pb2.ExperimentStep(at=timestamp(step.at), change=change_message(step.change))


def experiment_message(experiment: Experiment) -> experiment_pb2.Experiment:
    """Return an experiment. Its secret stays here: who knows it could choose an arm by choosing an account."""
    message = experiment_pb2.Experiment(
        experiment_id=experiment.experiment_id,
        name=experiment.design.name,
        arms=[
            experiment_pb2.ExperimentArm(arm=arm.arm, label=arm.label, version=arm.version, weight=arm.weight)
            for arm in experiment.design.arms
        ],
        primary_metric=int(experiment.design.metric),  # type: ignore[arg-type]
        state=int(experiment.state),  # type: ignore[arg-type]
        created=_step_message(experiment.created),
        version_before=experiment.version_before,
    )
    if experiment.started is not None:
        message.started.CopyFrom(_step_message(experiment.started))
    if experiment.end is not None:
        message.ended.CopyFrom(_step_message(experiment.end.step))
        message.ended_by = int(experiment.end.by)  # type: ignore[assignment]
        message.promoted_arm = experiment.end.arm
    return message


def _metric_message(result: MetricResult) -> experiment_pb2.MetricResult:
    message = experiment_pb2.MetricResult(metric=int(result.metric), total=result.total)  # type: ignore[arg-type]
    message.per_member.SetInParent()
    if result.mean is not None:
        message.per_member.mean = result.mean
    if result.interval is not None:
        message.per_member.low, message.per_member.high = result.interval
    return message


def _difference_message(result: MetricResult) -> experiment_pb2.MeanDifference:
    message = experiment_pb2.MeanDifference()
    if result.difference is not None:
        message.difference = result.difference
    found = result.against_first
    if found is not None:
        message.low, message.high = found.low, found.high
        if found.p_value is not None:
            message.p_value = found.p_value
    return message


def _arm_message(result: ArmResult, first: ArmResult) -> experiment_pb2.ArmResult:
    message = experiment_pb2.ArmResult(
        arm=result.arm,
        members=result.members,
        transactions=result.transactions,
        weight_share=result.weight_share,
        member_share=result.member_share,
    )
    for metric in result.metrics:
        told = message.metrics.add()
        told.CopyFrom(_metric_message(metric))
        if result is not first:
            told.against_first.CopyFrom(_difference_message(metric))
    return message


def results_message(experiment: Experiment, results: ExperimentResults | None) -> experiment_pb2.GetExperimentResponse:
    """Return an experiment with what the ledger says of it; None: it has not begun."""
    response = experiment_pb2.GetExperimentResponse(experiment=experiment_message(experiment))
    if results is None:
        return response
    response.results.extend(_arm_message(arm, results.arms[0]) for arm in results.arms)
    response.sample_ratio.mismatch = results.is_mismatch
    if results.ratio_p_value is not None:
        response.sample_ratio.p_value = results.ratio_p_value
    response.read_at.CopyFrom(timestamp(results.read_at))
    return response
