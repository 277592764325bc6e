"""ExperimentService: what a program's manager does with experiments."""

from google.protobuf.message import Message

from pointguard.v1 import experiment_pb2
from pointguard_server.rpc.experiment_messages import (
    design_digest_parts,
    design_of,
    experiment_message,
    experiment_number,
    results_message,
)
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import key_digest_parts, page, rule_change
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.experiments import Experiments
from pointguard_server.service.rule_versions import RequestKey, RuleChange


class ExperimentService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, experiments: Experiments) -> None:
        self._desk = desk
        self._experiments = experiments

    async def create_experiment(self, call: Call, request: experiment_pb2.CreateExperimentRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        design = design_of(decoder, request)
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(b"CreateExperiment", key_digest_parts(change), design_digest_parts(design))
        experiment = await self._experiments.create(design, change, RequestKey(key, digest))
        return experiment_pb2.CreateExperimentResponse(experiment=experiment_message(experiment))

    async def start_experiment(self, call: Call, request: experiment_pb2.StartExperimentRequest) -> Message:
        """See the contract."""
        experiment = await self._experiments.start(*self._step(call, request, b"StartExperiment"))
        return experiment_pb2.StartExperimentResponse(experiment=experiment_message(experiment))

    async def end_experiment(self, call: Call, request: experiment_pb2.EndExperimentRequest) -> Message:
        """See the contract."""
        experiment = await self._experiments.end(*self._step(call, request, b"EndExperiment"))
        return experiment_pb2.EndExperimentResponse(experiment=experiment_message(experiment))

    def _step(
        self,
        call: Call,
        request: experiment_pb2.StartExperimentRequest | experiment_pb2.EndExperimentRequest,
        name: bytes,
    ) -> tuple[int, RuleChange, RequestKey]:
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        number = experiment_number(decoder, request.experiment_id)
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(name, key_digest_parts(change, number), b"")
        return number, change, RequestKey(key, digest)

    async def promote_arm(self, call: Call, request: experiment_pb2.PromoteArmRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        key = decoder.key(request.idempotency_key)
        number = experiment_number(decoder, request.experiment_id)
        if request.arm < 1:
            decoder.fault("arm", "must be 1 or more")
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(b"PromoteArm", key_digest_parts(change, number, request.arm), b"")
        experiment = await self._experiments.promote(number, request.arm, change, RequestKey(key, digest))
        return experiment_pb2.PromoteArmResponse(
            experiment=experiment_message(experiment),
            activation=experiment.end.activation if experiment.end is not None else 0,
        )

    async def list_experiments(self, call: Call, request: experiment_pb2.ListExperimentsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        experiments = await self._experiments.experiments(below, size + 1)
        return experiment_pb2.ListExperimentsResponse(
            experiments=[experiment_message(experiment) for experiment in experiments[:size]],
            next_page_token=str(experiments[size - 1].experiment_id) if len(experiments) > size else "",
        )

    async def get_experiment(self, call: Call, request: experiment_pb2.GetExperimentRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        number = experiment_number(decoder, request.experiment_id)
        decoder.check()
        experiment = await self._experiments.experiment(number)
        return results_message(experiment, await self._experiments.results(experiment))
