"""What a manager does with a program's earn rules: versions, their activation, going back. For ``rpc``.

Every change is written on the writer's thread, in one atomic step with what it depends on; see ``serving_program`` for
how the rules that decide change with it.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import (
    ActivationNotPlanned,
    ActiveVersionDiffers,
    AlreadyActive,
    ExperimentRunning,
    InvalidRequest,
    KeyReused,
    NotAnEarlierVersion,
    NotFound,
    RulesNotChecked,
    RulesNotCompiled,
    TooManyPlanned,
    Violation,
)
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.rules.compiler import CompilationFailed, RulesError
from pointguard_server.rules.rule_set import RuleSet, RuleSetError
from pointguard_server.service.checking_worker import CheckerLost, CheckingFailed, SourceTooCostly
from pointguard_server.service.ports import RuleVersionReader, RuleVersions
from pointguard_server.service.program_config import LotsConfig
from pointguard_server.service.rule_compiler import ReadyRules
from pointguard_server.service.rule_files import keep_long_files
from pointguard_server.service.rule_versions import (
    NO_FILES,
    CancelledActivation,
    RequestKey,
    RuleChange,
    RuleSetActivation,
    RuleSetVersion,
    SetFiles,
    source_digest,
)
from pointguard_server.service.serving_program import ServingProgram

PLANNED_MAX: Final = 16
CHECKED_MAX: Final = 32
HEAD_START_S: Final = 1.0
"""How long before its moment an activation is written at the latest, so that it decides from its moment on."""
Made = TypeVar("Made", RuleSetVersion, RuleSetActivation, CancelledActivation)
SetTexts = Mapping[str, str]
"""The texts of files that sets name, by the files' names."""
NO_TEXTS: Final[SetTexts] = {}
Value = TypeVar("Value")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Activation:
    """What an activation asks for. ``effective_at`` 0 is at once."""

    version: int
    expected_active_version: int
    kind: RuleSetActivationKind
    change: RuleChange
    effective_at: int = 0


class RuleSets:
    """The rule sets of the program that serves. Belongs to the event loop."""

    def __init__(
        self,
        serving: ServingProgram,
        engine: Engine,
        versions: RuleVersions,
        reader: RuleVersionReader,
        clock: Clock,
    ) -> None:
        self._serving, self._engine, self._versions, self._reader = serving, engine, versions, reader
        self._clock = clock
        self._checked: dict[bytes, RuleSet] = {}  # by digest of the source text, latest use last
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def active_version(self) -> int:
        """The version that decides."""
        return self._serving.active_version

    @property
    def time_zone(self) -> str:
        """The program's time zone."""
        return self._serving.configuration.config.time_zone

    @property
    def lots(self) -> LotsConfig:
        """What the program says now of points that are held back or end."""
        return self._serving.configuration.config.lots

    def now(self) -> int:
        """Return the wall clock's time."""
        return self._clock.now()

    # --------------------------------------------------------------------------------------------------------- reading

    async def check(self, source: str, texts: SetTexts = NO_TEXTS) -> RuleSet:
        """Return the rule set of a source text; ``texts`` are the files that its sets name.

        Raises:
            RuleSetError: with its mistakes.
        """
        if texts:
            with told():
                return await self._serving.compiler.check(source, "source", texts)
        return await self._remembered(source_digest(source), source, NO_FILES)

    async def check_version(self, version: RuleSetVersion) -> RuleSet:
        """Return the rule set of a version.

        Raises:
            RuleSetError: if the server does not understand it any more.
        """
        return await self._remembered(version.digest, version.source, version.files)

    async def _remembered(self, digest: bytes, source: str, files: SetFiles) -> RuleSet:
        rule_set = self._checked.pop(digest, None)
        if rule_set is None:
            with told():
                rule_set = await self._serving.compiler.check(source, "source", files)
        # Of those with files, which may be long, the last is remembered.
        heavy = [other for other, checked in self._checked.items() if checked.files and rule_set.files]
        for other in heavy or list(self._checked)[: max(0, len(self._checked) + 1 - CHECKED_MAX)]:
            del self._checked[other]
        self._checked[digest] = rule_set
        return rule_set

    async def formatted(self, source: str) -> str:
        """Return a source text in its canonical layout.

        Raises:
            RuleSetError: if its form is wrong.
        """
        with told():
            return await self._serving.compiler.formatted(source)

    async def checked(self, source: str, texts: SetTexts = NO_TEXTS) -> RuleSet:
        """Return the rule set of a source text that a request holds, with the files that its sets name.

        Raises:
            InvalidRequest: if it has mistakes. They quote the text, so they are for ``check`` to tell.
        """
        try:
            return await self.check(source, texts)
        except RuleSetError as error:
            place = error.problems[0].source_range
            many = len(error.problems)
            raise InvalidRequest(
                Violation(
                    "source",
                    f"must be without mistakes, and has {many}, the first in line {place.line}, column {place.column}:"
                    " ValidateRuleSet tells them",
                )
            ) from None

    async def version(self, number: int) -> RuleSetVersion:
        """Return a version.

        Raises:
            NotFound: if there is none of that number.
        """
        tenant = self._serving.tenant
        version = await self._reader.version(tenant.tenant_id, tenant.program_id, number)
        if version is None:
            raise NotFound
        return version

    async def list_versions(self, below: int, count: int) -> list[RuleSetVersion]:
        """Return versions with numbers below one (0: all), newest first."""
        tenant = self._serving.tenant
        return await self._reader.versions(tenant.tenant_id, tenant.program_id, below, count)

    async def list_activations(self, below: int, count: int) -> list[RuleSetActivation]:
        """Return activations with numbers below one (0: all), newest first."""
        tenant = self._serving.tenant
        return await self._reader.activations(tenant.tenant_id, tenant.program_id, below, count)

    # -------------------------------------------------------------------------------------------------------- changing

    async def create(
        self, source: str, change: RuleChange, key: RequestKey, texts: SetTexts = NO_TEXTS
    ) -> RuleSetVersion:
        """Keep a source text, with the files that its sets name, as a new version.

        Raises:
            InvalidRequest: if it has mistakes.
            KeyReused: if the key was used for another request.
        """
        rule_set = await self.checked(source, texts)
        _refuse_unnamed(texts, rule_set)
        tenant = self._serving.tenant
        digest = await asyncio.to_thread(source_digest, source, rule_set.files)
        await keep_long_files(self._engine, self._versions, tenant.tenant_id, rule_set.files)

        def write(connection: Any) -> RuleSetVersion:
            known = self._known(connection, key, RuleSetVersion)
            return known or self._versions.add_version(
                connection, tenant.tenant_id, tenant.program_id, source, change, self._clock.now(), key,
                rule_set.files, digest,
            )  # fmt: skip

        version: RuleSetVersion = await self._engine.run(write)
        return version

    async def cancel(self, activation: int, change: RuleChange, key: RequestKey) -> RuleSetActivation:
        """Call a planned activation off. What was begun goes on if the caller gives up.

        Raises:
            NotFound: if there is no such activation.
            ActivationNotPlanned: if its moment has come, or it was called off before.
            RulesNotCompiled: if what would decide at its moment then cannot be made ready.
            KeyReused: if the key was used for another request.
        """
        return await self.unhindered(self._cancel(activation, change, key))

    async def _cancel(self, number: int, change: RuleChange, key: RequestKey) -> RuleSetActivation:
        tenant = self._serving.tenant
        place = (tenant.tenant_id, tenant.program_id)

        def look(connection: Any) -> RuleSetActivation | RuleSetVersion | None:
            known = self._known(connection, key, CancelledActivation)
            if known is not None:
                return known.activation
            activation = self._judge_planned(connection, number, self._serving.moment())
            instead = self._versions.version_without(connection, *place, activation)
            return self._versions.version(connection, *place, instead)

        found = await self._engine.run(look)
        if isinstance(found, RuleSetActivation):
            return found
        # Another plan for the same moment, which it had taken the place of, may decide now.
        ready = [] if found is None or self._serving.is_ready(found.digest) else [await self._ready(found)]

        def step(connection: Any, moment: int) -> tuple[RuleSetActivation, bool]:
            known = self._known(connection, key, CancelledActivation)
            if known is not None:
                return known.activation, False
            self._judge_planned(connection, number, moment)
            return self._versions.add_cancellation(connection, *place, number, change, now=moment, key=key), True

        cancelled, is_new = await self._serving.change(step, *ready)
        if is_new:
            log.info("rule_set_cancelled", activation=cancelled.activation, version=cancelled.version)
        return cancelled

    async def activate(self, asked: Activation, key: RequestKey) -> RuleSetActivation:
        """Have a version decide. What was begun goes on if the caller gives up: a retry finds out.

        Raises:
            NotFound: if there is no such version.
            KeyReused: if the key was used for another request.
            RuleChangeRefused: if it cannot be, and why.
        """
        return await self.unhindered(self._activate(asked, key))

    async def _activate(self, asked: Activation, key: RequestKey) -> RuleSetActivation:
        def look(connection: Any) -> RuleSetActivation | None:
            known = self._known(connection, key, RuleSetActivation)
            if known is not None:
                return known
            moment = self._serving.moment()
            if asked.effective_at and asked.effective_at <= moment:
                raise InvalidRequest(Violation("effective_at", "must be a moment to come"))
            self._judge(connection, asked, moment)
            return None

        known: RuleSetActivation | None = await self._engine.run(look)
        if known is not None:
            return known
        # What its files hold is read beside the writer's thread.
        version = await self.version(asked.version)
        ready = await (self._ready_by(version, asked.effective_at) if asked.effective_at else self._ready(version))

        def step(connection: Any, moment: int) -> tuple[RuleSetActivation, bool]:
            known = self._known(connection, key, RuleSetActivation)
            if known is not None:
                return known, False
            self._judge(connection, asked, moment)
            return self._write(connection, asked, key, moment), True

        activation, is_new = await self._serving.change(step, ready)
        if is_new:
            self._serving.count(activation)
        return activation

    def _judge_planned(self, connection: Any, number: int, moment: int) -> RuleSetActivation:
        """Return an activation if it may be called off; the writer's thread.

        The same thread decides batches: the activation's moment has come for this step if it has for any batch before.
        """
        tenant = self._serving.tenant
        activation = self._versions.activation(connection, tenant.tenant_id, tenant.program_id, number)
        if activation is None:
            raise NotFound
        if activation.cancellation is not None or activation.effective_at <= moment:
            raise ActivationNotPlanned(number, is_cancelled=activation.cancellation is not None)
        return activation

    def _known(self, connection: Any, key: RequestKey, kind: type[Made]) -> Made | None:
        """Return what the request has made before; the writer's thread."""
        known = self._versions.known(connection, self._serving.tenant.tenant_id, key.key)
        if known is None:
            return None
        if known.digest != key.digest or not isinstance(known.made, kind):
            raise KeyReused
        return known.made

    def _judge(self, connection: Any, asked: Activation, moment: int) -> None:
        """Refuse what may not be activated; the writer's thread."""
        place = (connection, self._serving.tenant.tenant_id, self._serving.tenant.program_id)
        if self._versions.digest(*place, asked.version) is None:
            raise NotFound
        timeline = self._versions.timeline(*place, moment)
        experiment = self._serving.running(connection, moment)
        if experiment is not None and asked.kind is not RuleSetActivationKind.ROLLBACK:
            raise ExperimentRunning(experiment.experiment_id)
        active = timeline.version_at(max(asked.effective_at, moment))
        if active != asked.expected_active_version:
            raise ActiveVersionDiffers(active)
        if active == asked.version:
            raise AlreadyActive(active)
        is_earlier = asked.version < active or self._versions.was_active(*place, asked.version, moment)
        if asked.kind is RuleSetActivationKind.ROLLBACK and not is_earlier:
            raise NotAnEarlierVersion(asked.version, active)
        if asked.effective_at > moment and len(timeline.planned) >= PLANNED_MAX:
            raise TooManyPlanned(PLANNED_MAX)

    def _write(self, connection: Any, asked: Activation, key: RequestKey, moment: int) -> RuleSetActivation:
        return self._versions.add_activation(
            connection,
            self._serving.tenant.tenant_id,
            self._serving.tenant.program_id,
            asked.version,
            asked.kind,
            asked.change,
            effective_at=max(asked.effective_at, moment),
            now=moment,
            key=key,
        )

    async def _ready(self, version: RuleSetVersion, making: Awaitable[ReadyRules] | None = None) -> ReadyRules:
        """Return a version with its machine code, or as it is being made."""
        try:
            return await (making or self._serving.compiler.ready(version))
        except (RulesError, OSError, RuleSetError) as error:
            # A mistake's text would quote the source, and it has none that was there when the version was made.
            problem = _why(error) if isinstance(error, RuleSetError) else str(error)
            log.error("rule_set_refused", version=version.version, problem=problem)  # noqa: TRY400  (it says it all)
            raise RulesNotCompiled(version.version, self.active_version, _why(error)) from error

    async def _ready_by(self, version: RuleSetVersion, moment: int) -> ReadyRules:
        """Return a version with its machine code, or to be interpreted if that is not there shortly before a moment."""
        compiler = self._serving.compiler
        compiling = self._begin(compiler.ready(version))
        left_s = (moment - self._clock.now()) * MICROSECOND.total_seconds()
        done, _ = await asyncio.wait((compiling,), timeout=max(left_s - HEAD_START_S, left_s / 2))
        return await self._ready(version, compiling if done else compiler.ready_at_once(version))

    async def made_ready(self, number: int) -> ReadyRules:
        """Return a version with its machine code.

        Raises:
            NotFound: if there is none of that number.
            RulesNotCompiled: if it could not be compiled.
        """
        return await self._ready(await self.version(number))

    async def unhindered(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something to its end, also if the caller gives up."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, Value]) -> "asyncio.Task[Value]":
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if the caller has given up


def _refuse_unnamed(texts: SetTexts, rule_set: RuleSet) -> None:
    """Refuse files that no set names: whoever sent them expects something of them."""
    violations = [
        Violation(f"files[{index}].name", "must be a file that a set of the source names")
        for index, name in enumerate(texts)
        if name not in rule_set.files
    ]
    if violations:
        raise InvalidRequest(*violations)


@contextmanager
def told(field: str = "source") -> Iterator[None]:
    """Tell a caller why the source of a request was not checked."""
    try:
        yield
    except SourceTooCostly as error:
        raise InvalidRequest(Violation(field, str(error))) from error
    except CheckerLost as error:
        raise RulesNotChecked from error


def _why(error: Exception) -> str:
    """Return why rules could not be compiled, for a manager; the log has the rest."""
    if isinstance(error, CheckingFailed):
        return str(error)
    if isinstance(error, RuleSetError):
        return "this server does not understand it"
    if isinstance(error, CompilationFailed):
        return "the compiler failed or took too long"
    return "the compiled code could not be kept or loaded"
