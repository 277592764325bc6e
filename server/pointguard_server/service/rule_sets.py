"""What a manager does with a program's earn rules: versions, their activation, going back. For ``rpc``.

Every change is written on the writer's thread, in one atomic step with what it depends on; see ``serving_program`` for
how the rules that decide change with it.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import (
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
from pointguard_server.service.rule_compiler import ReadyRules
from pointguard_server.service.rule_versions import (
    NO_FILES,
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
Made = TypeVar("Made", RuleSetVersion, RuleSetActivation)
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

    def now(self) -> int:
        """Return the wall clock's time."""
        return self._clock.now()

    # --------------------------------------------------------------------------------------------------------- reading

    async def check(self, source: str, files: SetFiles = NO_FILES) -> RuleSet:
        """Return the rule set of a source text.

        Raises:
            RuleSetError: with its mistakes.
        """
        digest = source_digest(source, files)
        rule_set = self._checked.pop(digest, None)
        if rule_set is None:
            with _told():
                rule_set = await self._serving.compiler.check(source, "source", files)
        if len(self._checked) >= CHECKED_MAX:
            del self._checked[next(iter(self._checked))]
        self._checked[digest] = rule_set
        return rule_set

    async def check_version(self, version: RuleSetVersion) -> RuleSet:
        """Return the rule set of a version, as ``check`` does."""
        return await self.check(version.source, version.files)

    async def formatted(self, source: str) -> str:
        """Return a source text in its canonical layout.

        Raises:
            RuleSetError: if its form is wrong.
        """
        with _told():
            return await self._serving.compiler.formatted(source)

    async def checked(self, source: str, field: str = "source") -> RuleSet:
        """Return the rule set of a source text that a request holds.

        Raises:
            InvalidRequest: if it has mistakes. They quote the text, so they are for ``check`` to tell.
        """
        try:
            return await self.check(source)
        except RuleSetError as error:
            place = error.problems[0].source_range
            many = len(error.problems)
            raise InvalidRequest(
                Violation(
                    field,
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

    async def create(self, source: str, change: RuleChange, key: RequestKey) -> RuleSetVersion:
        """Keep a source text as a new version.

        Raises:
            InvalidRequest: if it has mistakes.
            KeyReused: if the key was used for another request.
        """
        await self.checked(source)
        tenant = self._serving.tenant

        def write(connection: Any) -> RuleSetVersion:
            known = self._known(connection, key, RuleSetVersion)
            return known or self._versions.add_version(
                connection, tenant.tenant_id, tenant.program_id, source, change, self._clock.now(), key
            )

        version: RuleSetVersion = await self._engine.run(write)
        return version

    async def activate(self, asked: Activation, key: RequestKey) -> RuleSetActivation:
        """Have a version decide. What was begun goes on if the caller gives up: a retry finds out.

        Raises:
            NotFound: if there is no such version.
            KeyReused: if the key was used for another request.
            RuleChangeRefused: if it cannot be, and why.
        """
        return await self.unhindered(self._activate(asked, key))

    async def _activate(self, asked: Activation, key: RequestKey) -> RuleSetActivation:
        def look(connection: Any) -> RuleSetVersion | RuleSetActivation:
            known = self._known(connection, key, RuleSetActivation)
            if known is not None:
                return known
            moment = self._serving.moment()
            if asked.effective_at and asked.effective_at <= moment:
                raise InvalidRequest(Violation("effective_at", "must be a moment to come"))
            return self._judge(connection, asked, moment)

        found = await self._engine.run(look)
        if isinstance(found, RuleSetActivation):
            return found
        ready = await self._ready(found)

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

    def _known(self, connection: Any, key: RequestKey, kind: type[Made]) -> Made | None:
        """Return what the request has made before; the writer's thread."""
        known = self._versions.known(connection, self._serving.tenant.tenant_id, key.key)
        if known is None:
            return None
        if known.digest != key.digest or not isinstance(known.made, kind):
            raise KeyReused
        return known.made

    def _judge(self, connection: Any, asked: Activation, moment: int) -> RuleSetVersion:
        """Return the version that is to be activated, if it may be; the writer's thread."""
        place = (connection, self._serving.tenant.tenant_id, self._serving.tenant.program_id)
        version = self._versions.version(*place, asked.version)
        if version is None:
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
        return version

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

    async def _ready(self, version: RuleSetVersion) -> ReadyRules:
        try:
            return await self._serving.compiler.ready(version)
        except (RulesError, OSError, RuleSetError) as error:
            # A mistake's text would quote the source, and it has none that was there when the version was made.
            problem = _why(error) if isinstance(error, RuleSetError) else str(error)
            log.error("rule_set_refused", version=version.version, problem=problem)  # noqa: TRY400  (it says it all)
            raise RulesNotCompiled(version.version, self.active_version, _why(error)) from error

    async def made_ready(self, number: int) -> ReadyRules:
        """Return a version with its machine code.

        Raises:
            NotFound: if there is none of that number.
            RulesNotCompiled: if it could not be compiled.
        """
        return await self._ready(await self.version(number))

    async def unhindered(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something to its end, also if the caller gives up."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._landed)
        return await asyncio.shield(task)

    def _landed(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if the caller has given up


@contextmanager
def _told(field: str = "source") -> Iterator[None]:
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
