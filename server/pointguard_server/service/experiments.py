"""What a manager does with experiments: make, start, end and promote them, and read their results. For ``rpc``.

Every change is written on the writer's thread in one atomic step with what it depends on, by way of
``serving_program``, which has the arms decide between the same two batches. See docs/adr/0016-experiments.md.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from pointguard_server.domain.codes import ExperimentEventKind, ExperimentState, RuleSetActivationKind
from pointguard_server.domain.errors import (
    ExperimentNotRunning,
    ExperimentRunning,
    ExperimentStarted,
    InvalidRequest,
    KeyReused,
    NotFound,
    Violation,
)
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.rules.rule_set import RuleSetError
from pointguard_server.service.experiment import Design, Experiment, Step
from pointguard_server.service.experiment_results import ExperimentResults, results_of
from pointguard_server.service.ports import ExperimentReader, RuleVersions
from pointguard_server.service.ports import Experiments as ExperimentStore
from pointguard_server.service.rule_sets import RuleSets
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.service.serving_program import ServingProgram

SECRET_BYTES: Final = 32

log = structlog.get_logger(__name__)


class Experiments:
    """The experiments of the program that serves. Belongs to the event loop.

    ``catch_up`` waits until readers see what was answered before.
    """

    def __init__(
        self,
        serving: ServingProgram,
        rule_sets: RuleSets,
        engine: Engine,
        store: ExperimentStore,
        versions: RuleVersions,
        reader: ExperimentReader,
        clock: Clock,
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._serving, self._rule_sets, self._engine = serving, rule_sets, engine
        self._store, self._versions, self._reader, self._clock = store, versions, reader, clock
        self._catch_up = catch_up
        self._reading = asyncio.Semaphore(1)

    @property
    def _place(self) -> tuple[int, int]:
        tenant = self._serving.tenant
        return tenant.tenant_id, tenant.program_id

    # --------------------------------------------------------------------------------------------------------- reading

    async def experiment(self, number: int) -> Experiment:
        """Return an experiment as it stands.

        Raises:
            NotFound: if there is none of that number.
        """
        found = await self._reader.experiment(*self._place, number, self._clock.now())
        if found is None:
            raise NotFound
        return found

    async def experiments(self, below: int, count: int) -> list[Experiment]:
        """Return experiments with numbers below one (0: all), newest first."""
        return await self._reader.experiments(*self._place, below, count, self._clock.now())

    async def results(self, experiment: Experiment) -> ExperimentResults | None:
        """Return what the ledger says of an experiment; None before its start. One at a time: it may take seconds."""
        if experiment.started is None:
            return None
        async with self._reading:
            await self._catch_up()
            read_at = self._clock.now()
            figures = await self._reader.figures(*self._place, experiment.experiment_id)
            return await asyncio.to_thread(results_of, experiment.design, figures, read_at)

    # -------------------------------------------------------------------------------------------------------- changing

    async def create(self, design: Design, change: RuleChange, key: RequestKey) -> Experiment:
        """Keep a design.

        Raises:
            InvalidRequest: naming each arm whose version there is none of, or that this server cannot decide by.
            KeyReused: if the key was used for another request.
        """
        await self._check_versions(design)

        def write(connection: Any) -> Experiment:
            known = self._known(connection, key, None)
            if known is not None:
                return known
            secret = secrets.token_bytes(SECRET_BYTES)
            return self._store.add(connection, *self._place, design, secret, change, self._clock.now(), key)

        made: Experiment = await self._engine.run(write)
        return made

    async def _check_versions(self, design: Design) -> None:
        violations = []
        for index, arm in enumerate(design.arms):
            try:
                version = await self._rule_sets.version(arm.version)
                await self._rule_sets.check_version(version)
            except NotFound:
                violations.append(Violation(f"arms[{index}].version", "must be a version of the earn rules"))
            except RuleSetError:
                violations.append(Violation(f"arms[{index}].version", "must be one that this server understands"))
        if violations:
            raise InvalidRequest(*violations)

    async def start(self, number: int, change: RuleChange, key: RequestKey) -> Experiment:
        """Have an experiment's arms decide. What was begun goes on if the caller gives up: a retry finds out.

        Raises:
            NotFound: if there is no such experiment.
            ExperimentStarted: if it has been started before.
            ExperimentRunning: if another one runs.
            RulesNotCompiled: if an arm's version could not be compiled.
            KeyReused: if the key was used for another request.
        """
        return await self._rule_sets.unhindered(self._start(number, change, key))

    async def _start(self, number: int, change: RuleChange, key: RequestKey) -> Experiment:
        kind = ExperimentEventKind.STARTED

        def look(connection: Any) -> tuple[Experiment, bool]:
            known = self._known(connection, key, kind)
            moment = self._serving.moment()
            return (known, True) if known is not None else (self._startable(connection, number, moment), False)

        experiment: Experiment
        experiment, is_known = await self._engine.run(look)
        if is_known:
            return experiment
        ready = [await self._rule_sets.made_ready(arm.version) for arm in experiment.design.arms]

        def step(connection: Any, moment: int) -> tuple[Experiment, bool]:
            known = self._known(connection, key, kind)
            if known is not None:
                return known, False
            self._startable(connection, number, moment)
            active = self._versions.timeline(connection, *self._place, moment).active
            if active is None:  # no program serves without one
                raise NotFound
            self._store.add_event(
                connection, *self._place, number, kind, Step(moment, change), key, activation=active.activation
            )
            return self._read(connection, number, moment), True

        return self._tell(await self._serving.change(step, *ready), kind)

    async def end(self, number: int, change: RuleChange, key: RequestKey) -> Experiment:
        """Have the active version decide for everyone again.

        Raises:
            NotFound: if there is no such experiment.
            ExperimentNotRunning: if it does not run.
            KeyReused: if the key was used for another request.
        """
        kind = ExperimentEventKind.ENDED

        def step(connection: Any, moment: int) -> tuple[Experiment, bool]:
            known = self._known(connection, key, kind)
            if known is not None:
                return known, False
            self._running(connection, number, moment)
            self._store.add_event(connection, *self._place, number, kind, Step(moment, change), key)
            return self._read(connection, number, moment), True

        return self._tell(await self._rule_sets.unhindered(self._serving.change(step)), kind)

    async def promote(self, number: int, arm: int, change: RuleChange, key: RequestKey) -> Experiment:
        """Activate an arm's version for everyone, which ends the experiment.

        Raises:
            NotFound: if there is no such experiment.
            InvalidRequest: if it has no such arm.
            ExperimentNotRunning: if it does not run.
            KeyReused: if the key was used for another request.
        """
        kind = ExperimentEventKind.PROMOTED

        def step(connection: Any, moment: int) -> tuple[Experiment, bool]:
            known = self._known(connection, key, kind)
            if known is not None:
                return known, False
            arms = {each.arm: each for each in self._read(connection, number, moment).design.arms}
            if arm not in arms:
                raise InvalidRequest(Violation("arm", "must be the number of an arm of the experiment"))
            self._running(connection, number, moment)
            activation = self._versions.add_activation(
                connection,
                *self._place,
                arms[arm].version,
                RuleSetActivationKind.PROMOTE,
                change,
                effective_at=moment,
                now=moment,
            )
            self._store.add_event(
                connection,
                *self._place,
                number,
                kind,
                Step(moment, change),
                key,
                arm=arm,
                activation=activation.activation,
            )
            return self._read(connection, number, moment), True

        return self._tell(await self._rule_sets.unhindered(self._serving.change(step)), kind)

    # --------------------------------------------------------------------------------------------- the writer's thread

    def _known(self, connection: Any, key: RequestKey, kind: ExperimentEventKind | None) -> Experiment | None:
        """Return what the request's first answer said, if it was made before."""
        known = self._store.known(connection, self._serving.tenant.tenant_id, key.key)
        if known is None:
            return None
        if known.digest != key.digest or known.kind is not kind:
            raise KeyReused
        return self._read(connection, known.experiment_id, self._serving.moment()).after(kind)

    def _read(self, connection: Any, number: int, moment: int) -> Experiment:
        found = self._store.experiment(connection, *self._place, number, moment)
        if found is None:
            raise NotFound
        return found

    def _running(self, connection: Any, number: int, moment: int) -> Experiment:
        experiment = self._read(connection, number, moment)
        if experiment.state is not ExperimentState.RUNNING:
            raise ExperimentNotRunning(number)
        return experiment

    def _startable(self, connection: Any, number: int, moment: int) -> Experiment:
        experiment = self._read(connection, number, moment)
        if experiment.state is not ExperimentState.CREATED:
            raise ExperimentStarted(number)
        other = self._serving.running(connection, moment)
        if other is not None:
            raise ExperimentRunning(other.experiment_id)
        return experiment

    def _tell(self, made: tuple[Experiment, bool], kind: ExperimentEventKind) -> Experiment:
        """Have the log tell of a step that is new."""
        experiment, is_new = made
        if is_new:
            if kind is ExperimentEventKind.PROMOTED:
                self._serving.activations[RuleSetActivationKind.PROMOTE] += 1
            log.info(
                "experiment_changed",
                experiment=experiment.experiment_id,
                step=kind.name,
                arm=experiment.end.arm if experiment.end is not None else 0,
            )
        return experiment
