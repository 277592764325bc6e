"""What of a program decides, and the one way to change it between two batches. For those who change rules or files.

See docs/adr/0011-live-rule-changes.md for why the swap is exact, 0014-rule-set-versions.md for the versions, and
0024-interpret-until-compiled.md for what decides while there is no machine code.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import ActiveVersionDiffers, PointguardError, StorageUnavailable
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.engine.recount import Recount
from pointguard_server.rules.compiler import RulesError
from pointguard_server.service.configuration_ports import ConfigurationVersions
from pointguard_server.service.configuration_versions import ConfigurationVersion
from pointguard_server.service.experiment import Experiment
from pointguard_server.service.fixed_settings import fixed_changes
from pointguard_server.service.messages import Messages
from pointguard_server.service.ports import Directory, Stores
from pointguard_server.service.program_config import ProgramConfigError
from pointguard_server.service.program_start import ProgramStart
from pointguard_server.service.programs import scope_keys_of
from pointguard_server.service.rule_compiler import ReadyRules, RuleCompiler
from pointguard_server.service.rule_plan import Configuration, Plan, Planner
from pointguard_server.service.rule_preparation import Prepared, RulePreparation
from pointguard_server.service.rule_versions import RuleSetActivation, RuleSetVersion
from pointguard_server.service.tenants import Tenant

LOOK_EVERY_S: Final = 1.0
LEAST_WAIT_S: Final = 0.001
LOOKS_TO_NEXT_COMPILATION: Final = 60
COMPILE_AGAIN_S: Final = 60.0
Answer = TypeVar("Answer")
Step = Callable[[Any, int], Answer]
"""What is written with a change, on the writer's thread: takes the connection and the moment of the change."""

log = structlog.get_logger(__name__)

_SETTINGS: Final = (
    "reservation_ttl_max", "offline_grace", "rate", "adjustment_reasons", "zone", "cards_a_month", "conversions",
)  # fmt: skip
"""What of a tenant requests are read by and the configuration says."""


class NotFollowed(PointguardError):
    """What another server has changed cannot decide here; the text says why, and ``takes_restart`` what would help."""

    reason = "PROGRAM_NOT_FOLLOWED"

    def __init__(self, problem: str, *, takes_restart: bool = False) -> None:
        super().__init__(problem)
        self.takes_restart = takes_restart


class ServingProgram:
    """Keeps what serves the same as what the tables say, and changes both together. Belongs to the event loop.

    ``tenant`` is how requests are read now; ``serve`` is told of it when that changes, and ``prepare`` before, in a
    thread, so that there is little to do then. ``count_past`` counts most of the ledger's legs for a recount, on any
    thread. ``problem`` says why something
    does not serve that the tables want. ``activations`` counts them by kind since the start.
    """

    def __init__(
        self,
        tenant: Tenant,
        start: ProgramStart,
        *,
        engine: Engine,
        decider: Decider,
        names: Directory,
        configurations: ConfigurationVersions,
        planner: Planner,
        compiler: RuleCompiler,
        clock: Clock,
        serve: Callable[[Tenant], None],
        prepare: Callable[[Tenant], None] = lambda _tenant: None,
        count_past: Callable[[Recount], None] = lambda _recount: None,
    ) -> None:
        self.tenant, self.configuration = tenant, start.configuration
        self._ready = dict(start.ready)
        self._engine, self._decider, self._names, self._clock, self._serve = engine, decider, names, clock, serve
        self._prepare, self._count_past = prepare, count_past
        self._configurations = configurations
        self.compiler, self._planner = compiler, planner
        self._preparation = RulePreparation(engine, names, tenant.tenant_id)
        self._changing = asyncio.Lock()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._told: set[bytes] = set()  # digests of what is interpreted, and the log has told of
        self._lacking = asyncio.Event()  # set when there is more to compile
        self._is_behind = False  # whether what should decide is not ready
        self._unsure = False  # whether something was written that does not serve
        self._looks_to_wait = 0
        self.planned: tuple[RuleSetActivation, ...] = ()
        self.problem = ""
        self.activations: Counter[RuleSetActivationKind] = Counter()
        self.configuration_activations: Counter[RuleSetActivationKind] = Counter()
        self._settle(start.plan)

    @property
    def active_version(self) -> int:
        """The version of the earn rules that decides."""
        return int(self._decider.programs.served[0].settings["rule_set_version"])

    def moment(self) -> int:
        """Return the moment of what is written next; for the writer's thread, inside a job."""
        return self._decider.moment()

    @property
    def interpreted(self) -> tuple[ReadyRules, ...]:
        """What decides, or will, and has no machine code yet: what decides now comes first."""
        return tuple(rules for rules in (*self._ready.values(), *self.configuration.compiled) if rules.is_interpreted)

    def is_ready(self, digest: bytes) -> bool:
        """Whether the rule set with a digest may decide without being compiled first."""
        return digest in self._ready

    def running(self, connection: Any, moment: int) -> Experiment | None:
        """Return the experiment that runs at a moment, if one does; for the writer's thread."""
        return self._planner.running(connection, moment)

    def start(self) -> None:
        """Take planned activations up at their time, compile what is interpreted, and try again what failed.

        And count on what a start, or a step that follows other servers, did not count of wider windows.
        """
        steps = (self._keep(), self._complete(), self._count_on())
        self._tasks = tuple(asyncio.create_task(step) for step in steps)

    async def stop(self) -> None:
        """Change nothing more, and wait for no compiler."""
        for task in self._tasks:
            task.cancel()
        await self.compiler.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -------------------------------------------------------------------------------------------------------- changing

    async def change(
        self,
        step: Step[Answer],
        *ready: ReadyRules,
        configuration: Configuration | None = None,
        conditions: ReadyRules | None = None,
        stores: Stores | None = None,
    ) -> Answer:
        """Have a step written and, between the same two batches, have decide what should decide then.

        What the step activates must be among ``ready`` or decide already. ``conditions`` take the place of those of the
        fraud rules that have the same text. What the step raises is raised, and nothing has changed then: what was read
        meanwhile by what came to nothing is refused. Who gives up waiting does not stop it.

        Raises:
            TooManyPatterns: if requests cannot be read for all that may decide.
            PointguardError: if the ledger cannot be written.
        """
        running: asyncio.Future[tuple[Answer, Plan, int]]
        async with self._changing:
            after = (configuration or self.configuration).with_conditions(conditions)
            # Machine code that is there goes on, also if its file is gone.
            more = (rules for rules in ready if not (rules.is_interpreted and rules.digest in self._ready))
            known = self._ready | {rules.digest: rules for rules in more}
            # What was read for the fraud rules' conditions of before may still be in a batch.
            asking = (*self.configuration.compiled, *after.compiled)
            prepared = await self._preparation.prepare(known, asking, self.tenant.line_codes)
            tenant = replace(
                self.tenant,
                reservation_ttl_max=after.config.reservation_ttl_max // MICROSECOND,
                adjustment_reasons=after.config.adjustments.reason_codes,
                line_codes=prepared.lines,
                messages=Messages(after.config),
                zone=ZoneInfo(after.config.time_zone),
                cards_a_month=after.config.cards_a_month,
                rate=(after.config.redemption.points, after.config.redemption.money_minor),
                offline_grace=after.config.offline_grace // MICROSECOND,
                conversions=after.config.conversions,
            )
            if tenant.line_codes is not self.tenant.line_codes:
                await asyncio.to_thread(self._prepare, tenant)
            recount = await self._recount(after)
            # From here to the queueing nothing may be awaited: what is read before goes into batches before the change,
            # what is read after into batches after it.
            before, stores_before = self.tenant, self._names.stores if stores is not None else None
            is_read_anew = self._read_by(tenant, stores)
            was_unsure = self._unsure

            def put_back() -> None:
                if self._read_by(before, stores_before):
                    self._engine.refuse_waiting()

            def write(connection: Any) -> tuple[Answer, Plan, int]:
                moment = self._decider.moment()
                if stores is not None or was_unsure:
                    self._names.version_stores(connection, self.tenant.tenant_id, moment)
                answer = step(connection, moment)
                plan = self._planner.plan(
                    connection, moment, after, known, prepared.lines, self.active_version, prepared.constants
                )
                return answer, plan, self._configured(connection)

            try:
                running = self._engine.run(write, partial(self._take, recount), put_back)
            except PointguardError:
                self._read_by(before, stores_before)
                raise
            is_given_up = await _ended(running)
            try:
                return self._changed(running, after, known, prepared)
            finally:
                if is_read_anew:
                    # A batch that found another server's change, and waits, was overtaken by this one.
                    self._engine.refuse_held()
                if is_given_up:
                    raise asyncio.CancelledError

    def _changed(
        self,
        running: "asyncio.Future[tuple[Answer, Plan, int]]",
        after: Configuration,
        known: dict[bytes, ReadyRules],
        prepared: Prepared,
    ) -> Answer:
        """Take note of how a change has ended, and return what its step did."""
        try:
            answer, plan, configured = running.result()
        except StorageUnavailable:
            # It may be written all the same.
            self._ready, self._unsure = known, True
            self.problem = "a change may be written that does not serve: the ledger cannot be written"
            raise
        self._preparation.adopt(prepared)
        self.configuration, self._ready, self._unsure = after, known, configured != after.version
        self._settle(plan)
        if self._unsure:
            self.problem = f"version {configured} of the configuration is active and does not serve yet"
        return answer

    def _configured(self, connection: Any) -> int:
        """Return the version of the configuration that the tables have in force."""
        active = self._configurations.active(connection, self.tenant.tenant_id, self.tenant.program_id)
        return active.version if active is not None else self.configuration.version

    def _read_by(self, tenant: Tenant, stores: Stores | None) -> bool:
        """Read requests so that any of the rule sets may decide them: a text that is known keeps its number.

        Return whether they are read differently now.
        """
        if stores is not None:
            self._names.keep_stores(stores)
        before, self.tenant = self.tenant, tenant
        is_other = tenant.line_codes is not before.line_codes or not tenant.messages.says_the_same(before.messages)
        settings_differ = any(getattr(tenant, each) != getattr(before, each) for each in _SETTINGS)
        if stores is None and not is_other and not settings_differ:
            return False
        # Where another server's change is followed, what waits was read for what decides no more.
        self._engine.refuse_held()
        self._serve(tenant)
        return True

    async def _recount(self, after: Configuration) -> Recount | None:
        """Count for the wider windows that are new what the ledger has so far; the swap then counts the rest."""
        decider = self._decider
        asked = scope_keys_of(after.config, self.tenant.program_id)
        new = [key for key in asked if key not in decider.memory.scopes.keys]
        if not new:
            return None
        recount = decider.programs.recount(new, decider.heads.accepted_at)
        await asyncio.to_thread(self._count_past, recount)
        return recount

    def _take(self, recount: Recount | None, written: tuple[object, Plan, int]) -> None:
        """Decide by a plan from the next batch on: for the writer's thread, once the plan's step is durable."""
        _, plan, _ = written
        for (kind, text), number in plan.numbers.items():
            self._names.remember(self.tenant.tenant_id, kind, text, number)
        self._decider.take_programs(plan.programs, plan.upcoming, recount)

    def _settle(self, plan: Plan) -> None:
        """Remember what is planned, let go of rules that nothing needs, and say what is missing."""
        self.planned, self._is_behind = plan.planned, plan.is_behind
        self._ready = {digest: self._ready[digest] for digest in plan.used}
        self._preparation.keep(plan.used)
        self.problem = "; ".join(f"version {number} of the earn rules is not ready" for number in plan.missing)
        self._tell_of_interpreted()

    def _tell_of_interpreted(self) -> None:
        """Have the log tell of what is interpreted from now on, and have it compiled."""
        interpreted = {rules.digest: rules.rule_set.name for rules in self.interpreted}
        for digest in interpreted.keys() - self._told:
            log.warning("rules_interpreted", rules=interpreted[digest])
            self._lacking.set()
        self._told = set(interpreted)

    def count(self, activation: RuleSetActivation) -> None:
        """Count an activation that was made, and have the log say what it means."""
        self.activations[activation.kind] += 1
        if activation in self.planned:
            log.info("rule_set_planned", **_named(activation))
        else:
            log.info("rule_set_activated", **_named(activation))

    async def _count_on(self) -> None:
        """Count to the end what is to be counted beside the writer, and have it known between two batches."""
        while True:
            if (recount := self._decider.recounting) is None:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                await asyncio.to_thread(self._count_past, recount)
                await self._engine.run(lambda _connection: recount, self._decider.take_counted)
            except PointguardError:
                await asyncio.sleep(LOOK_EVERY_S)  # the ledger cannot be read: another try follows
            except Exception:
                log.exception("rule_set_fault")
                self.problem = "a defect of the server: see its log"
                return
            else:
                log.info("scopes_counted", counters=len(recount.keys), position=recount.position)

    # --------------------------------------------------------------------------------------------------------- keeping

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._seconds_to_next_look())
            try:
                await self._look()
            except PointguardError:
                continue  # the ledger cannot be written: another look follows
            except Exception:
                # The keeper must outlive a defect.
                log.exception("rule_set_fault")
                self.problem = "a defect of the server: see its log"
                self._looks_to_wait = LOOKS_TO_NEXT_COMPILATION

    def _seconds_to_next_look(self) -> float:
        if not self.planned:
            return LOOK_EVERY_S
        wait = timedelta(microseconds=self.planned[0].effective_at - self._clock.now())
        return min(max(wait.total_seconds(), LEAST_WAIT_S), LOOK_EVERY_S)

    async def _look(self) -> None:
        """Have what is due decide also where no request comes, and try again what failed."""
        if self.planned and self.planned[0].effective_at <= self._clock.now():
            self._pass(await self._engine.run(lambda _connection: self._decider.moment()))
        if self._unsure:
            await self._catch_up()
        elif self.problem:
            self._looks_to_wait -= 1
            if self._looks_to_wait <= 0:
                self._looks_to_wait = LOOKS_TO_NEXT_COMPILATION
                await self._catch_up()

    def _pass(self, moment: int) -> None:
        """Note that the moments of planned activations have come."""
        due = [activation for activation in self.planned if activation.effective_at <= moment]
        self.planned = self.planned[len(due) :]
        for activation in due:
            log.info("rule_set_activated", **_named(activation))

    async def follow(self) -> None:
        """Make ready what other servers have put into the tables, and have it decide; the engine is held meanwhile.

        Raises:
            NotFollowed: it cannot decide here, or not without a restart.
            PointguardError: if the ledger cannot be written.
        """
        is_done = False
        while not is_done:
            # What another one activates meanwhile is looked for again.
            with suppress(ActiveVersionDiffers):
                await self._catch_up(with_stores=True)
                is_done = True
        if self._unsure or self._is_behind:
            raise NotFollowed(self.problem)

    async def _catch_up(self, *, with_stores: bool = False) -> None:
        """Make ready what the tables want, and have it decide."""
        place = (self.tenant.tenant_id, self.tenant.program_id)

        def look(connection: Any) -> tuple[list[RuleSetVersion], ConfigurationVersion | None, Stores | None]:
            wanted = self._configured(connection)
            needed = self._planner.needed(connection, self._decider.moment())
            stores = self._names.read_stores(connection) if with_stores else None
            if wanted == self.configuration.version:
                return needed, None, stores
            return needed, self._configurations.version(connection, *place, wanted), stores

        def step(connection: Any, _moment: int) -> None:
            if wanted is not None and self._configured(connection) != wanted.version:
                raise ActiveVersionDiffers(self._configured(connection))

        needed, wanted, stores = await self._engine.run(look)
        configuration = None
        if wanted is not None:
            with suppress(RulesError, OSError, ProgramConfigError):
                configuration = await self.made_ready(wanted, at_once=True)
        if configuration is not None and (changed := fixed_changes(configuration.config, self.configuration.config)):
            raise NotFollowed("\n".join(map(str, changed)), takes_restart=True)
        ready = []
        for version in needed:
            if version.digest not in self._ready:
                with suppress(RulesError, OSError, ValueError):
                    ready.append(await self.compiler.ready_at_once(version))
        await self.change(
            step, *ready, configuration=configuration, stores=stores if stores != self._names.stores else None
        )

    async def made_ready(self, version: ConfigurationVersion, *, at_once: bool = False) -> Configuration:
        """Return a version of the configuration, checked, with the conditions of its fraud rules compiled.

        With ``at_once``, since decisions may wait, they are interpreted if no machine code is kept of them.

        Raises:
            ProgramConfigError: with every mistake.
            RulesError, OSError: if it cannot be checked or compiled.
        """
        name = f"version {version.version} of the configuration"
        config, conditions = await self.compiler.checking.configuration(version.source, name)
        if conditions is None:
            return Configuration(config, version.version, None)
        make = self.compiler.at_once if at_once else self.compiler.compile
        return Configuration(config, version.version, await make(conditions))

    # ------------------------------------------------------------------------------------------------------- compiling

    async def _complete(self) -> None:
        """Compile what is interpreted as soon as it is, and again later what failed."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPILE_AGAIN_S if self.interpreted else None):
                    await self._lacking.wait()
            self._lacking.clear()
            for rules in self.interpreted:
                await self._compile(rules)

    async def _compile(self, interpreted: ReadyRules) -> None:
        """Have machine code take the interpreter's place between two batches."""
        name = interpreted.rule_set.name
        try:
            compiled = await self.compiler.compile(interpreted.rule_set)
            ready = (compiled,) if compiled.digest in self._ready else ()
            await self.change(lambda _connection, _moment: None, *ready, conditions=compiled)
        except (RulesError, OSError) as error:
            log.error("rules_not_compiled", rules=name, problem=str(error))  # noqa: TRY400  (it says it all)
        except PointguardError:
            return  # the ledger cannot be written: another try follows
        except Exception:
            # Whoever compiles must outlive a defect.
            log.exception("rule_set_fault")
        else:
            log.info("rules_compiled", rules=name)


async def _ended(running: "asyncio.Future[Any]") -> bool:
    """Wait until what is queued has ended, however it does; return whether whoever waits has given up."""
    is_given_up = False
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError:
            is_given_up = True
    return is_given_up


def _named(activation: RuleSetActivation) -> dict[str, int | str]:
    """Return what the log says of an activation."""
    return {"version": activation.version, "activation": activation.activation, "kind": activation.kind.name}
