"""The calls about experiments. Reached as `PointguardClient.experiments`.

    async with PointguardClient.connect() as client:
        results = await client.experiments.get(1)

The API key must have the role of a manager; the sandbox's has. Errors, retries and deadlines are those of all calls.
"""

from collections.abc import Sequence
from typing import Final

import grpc

from pointguard.v1 import experiment_pb2, experiment_pb2_grpc
from pointguard_client import experiment_messages, experiment_values
from pointguard_client.calls import Caller
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.rule_client import ACTIVATION_TIMEOUT_SECONDS, ANALYSIS_TIMEOUT_SECONDS
from pointguard_client.rule_messages import encode_change
from pointguard_client.rule_values import RuleChange
from pointguard_client.words import ExperimentMetric

RESULTS_TIMEOUT_SECONDS: Final = 60.0
"""Results are added up from the ledger, from every transaction of the experiment."""


class ExperimentClient:
    """The calls about the experiments of the API key's program.

    Methods that change something take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._experiments = experiment_pb2_grpc.ExperimentServiceStub(channel)

    async def create(
        self,
        name: str,
        arms: Sequence[experiment_values.ExperimentArm],
        primary_metric: ExperimentMetric,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float = ANALYSIS_TIMEOUT_SECONDS,
    ) -> experiment_values.Experiment:
        """Keep a definition; it decides nothing until it is started. The first arm is what others are compared with."""
        message = experiment_pb2.CreateExperimentRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            name=name,
            arms=experiment_messages.encode_arms(arms),
            primary_metric=int(primary_metric),  # type: ignore[arg-type]
            change=encode_change(change),
        )
        method = self._experiments.CreateExperiment
        answer = await self._caller.call("CreateExperiment", method, message, timeout_seconds, may_hedge=False)
        return experiment_messages.decode_experiment(answer.experiment)

    async def start(
        self,
        experiment_id: int,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> experiment_values.Experiment:
        """Have the arms decide, at once."""
        message = experiment_pb2.StartExperimentRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            experiment_id=experiment_id,
            change=encode_change(change),
        )
        method = self._experiments.StartExperiment
        answer = await self._caller.call("StartExperiment", method, message, timeout_seconds, may_hedge=False)
        return experiment_messages.decode_experiment(answer.experiment)

    async def end(
        self,
        experiment_id: int,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> experiment_values.Experiment:
        """Have the active version decide for everyone again, at once."""
        message = experiment_pb2.EndExperimentRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            experiment_id=experiment_id,
            change=encode_change(change),
        )
        method = self._experiments.EndExperiment
        answer = await self._caller.call("EndExperiment", method, message, timeout_seconds, may_hedge=False)
        return experiment_messages.decode_experiment(answer.experiment)

    async def promote(
        self,
        experiment_id: int,
        arm: int,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> experiment_values.Experiment:
        """Activate an arm's version for everyone, which ends the experiment."""
        message = experiment_pb2.PromoteArmRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            experiment_id=experiment_id,
            arm=arm,
            change=encode_change(change),
        )
        method = self._experiments.PromoteArm
        answer = await self._caller.call("PromoteArm", method, message, timeout_seconds, may_hedge=False)
        return experiment_messages.decode_experiment(answer.experiment)

    async def list(
        self, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> experiment_values.ExperimentPage:
        """Return a page of experiments, newest first. A page has up to 100; 0 is for 20."""
        message = experiment_pb2.ListExperimentsRequest(page_size=page_size, page_token=page_token)
        method = self._experiments.ListExperiments
        return experiment_messages.decode_page(
            await self._caller.call("ListExperiments", method, message, timeout_seconds)
        )

    async def get(
        self, experiment_id: int, *, timeout_seconds: float = RESULTS_TIMEOUT_SECONDS
    ) -> experiment_values.ExperimentResults:
        """Return an experiment with its results as the ledger has them now."""
        message = experiment_pb2.GetExperimentRequest(experiment_id=experiment_id)
        method = self._experiments.GetExperiment
        return experiment_messages.decode_results(
            await self._caller.call("GetExperiment", method, message, timeout_seconds, may_hedge=False)
        )
