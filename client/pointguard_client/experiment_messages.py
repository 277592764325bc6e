"""The messages about experiments, from the caller's values and into them. Only the client's own modules use it."""

from collections.abc import Sequence
from datetime import UTC

from google.protobuf.message import Message

from pointguard.v1 import experiment_pb2
from pointguard_client import experiment_values
from pointguard_client.rule_messages import decode_change
from pointguard_client.words import ExperimentEnd, ExperimentMetric, ExperimentState


def encode_arms(arms: Sequence[experiment_values.ExperimentArm]) -> list[experiment_pb2.ExperimentArm]:
    """Return the messages for arms."""
    return [
        experiment_pb2.ExperimentArm(arm=arm.arm, label=arm.label, version=arm.version, weight=arm.weight)
        for arm in arms
    ]


def decode_experiment(message: experiment_pb2.Experiment) -> experiment_values.Experiment:
    """Return an experiment."""
    return experiment_values.Experiment(
        experiment_id=message.experiment_id,
        name=message.name,
        arms=tuple(
            experiment_values.ExperimentArm(arm.label, arm.version, arm.weight, arm.arm) for arm in message.arms
        ),
        primary_metric=ExperimentMetric(message.primary_metric),
        state=ExperimentState(message.state),
        created=_step(message.created),
        started=_step(message.started) if message.HasField("started") else None,
        ended=_step(message.ended) if message.HasField("ended") else None,
        ended_by=ExperimentEnd(message.ended_by),
        promoted_arm=message.promoted_arm,
        version_before=message.version_before,
    )


def _step(message: experiment_pb2.ExperimentStep) -> experiment_values.ExperimentStep:
    at = message.at.ToDatetime(tzinfo=UTC) if message.HasField("at") else None
    return experiment_values.ExperimentStep(at, decode_change(message.change))


def decode_page(message: experiment_pb2.ListExperimentsResponse) -> experiment_values.ExperimentPage:
    """Return a page of experiments."""
    experiments = tuple(decode_experiment(experiment) for experiment in message.experiments)
    return experiment_values.ExperimentPage(experiments, message.next_page_token)


def decode_results(message: experiment_pb2.GetExperimentResponse) -> experiment_values.ExperimentResults:
    """Return an experiment with its results."""
    return experiment_values.ExperimentResults(
        experiment=decode_experiment(message.experiment),
        arms=tuple(
            experiment_values.ArmResult(
                arm=result.arm,
                members=result.members,
                transactions=result.transactions,
                metrics=tuple(_metric(metric) for metric in result.metrics),
                weight_share=result.weight_share,
                member_share=result.member_share,
            )
            for result in message.results
        ),
        sample_ratio_p_value=_given(message.sample_ratio, "p_value"),
        mismatch=message.sample_ratio.mismatch,
        read_at=message.read_at.ToDatetime(tzinfo=UTC) if message.HasField("read_at") else None,
    )


def _metric(message: experiment_pb2.MetricResult) -> experiment_values.MetricResult:
    member, against = message.per_member, message.against_first
    return experiment_values.MetricResult(
        metric=ExperimentMetric(message.metric),
        total=message.total,
        mean=_given(member, "mean"),
        low=_given(member, "low"),
        high=_given(member, "high"),
        difference=_given(against, "difference"),
        difference_low=_given(against, "low"),
        difference_high=_given(against, "high"),
        p_value=_given(against, "p_value"),
    )


def _given(message: Message, field: str) -> float | None:
    """Return an optional number of a message, if it was set."""
    return float(getattr(message, field)) if message.HasField(field) else None
