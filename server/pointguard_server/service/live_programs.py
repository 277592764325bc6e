"""Takes up a changed program without a restart: watches its files, checks and compiles what they say.

For ``bootstrap``. See docs/adr/0011-live-rule-changes.md; the swap itself is ``serving_program``'s.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.codes import RuleSetActivationKind
from pointguard_server.domain.errors import PointguardError, RuleChangeRefused
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.rules.compiler import RulesError
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.checking_messages import Order
from pointguard_server.service.checking_worker import CheckerLost, SourceTooCostly
from pointguard_server.service.configuration_ports import ConfigurationVersions
from pointguard_server.service.fixed_settings import fixed_changes
from pointguard_server.service.ports import Directory, RuleVersions, Stores
from pointguard_server.service.program_sources import ProgramFiles, ProgramSources, ProgramTexts
from pointguard_server.service.program_start import activate_file, configuration_is_new
from pointguard_server.service.rule_checking import Check
from pointguard_server.service.rule_files import keep_long_files
from pointguard_server.service.rule_plan import Configuration
from pointguard_server.service.rule_versions import FILE_CHANGE, RuleSetActivation
from pointguard_server.service.serving_program import ServingProgram

LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


class FixedChanged(ValueError):
    """A change that takes a restart, or another program; the text names the keys."""


class LiveMetrics(Collector):
    """The metrics of what ``live`` watches; a program that nothing watches is as it should be."""

    def __init__(self) -> None:
        self.live: LivePrograms | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        refused, stale = (self.live.refused, self.live.stale) if self.live is not None else (0, False)
        yield CounterMetricFamily("pointguard_program_refused", "Changed programs that could not serve.", refused)
        yield GaugeMetricFamily(
            "pointguard_program_stale", "1 while the program's files differ from what was taken up.", float(stale)
        )


class LivePrograms:
    """Has what the files say serve when it changes, if it can; what a call activated since then goes on until it does.

    ``sources`` are what was taken up of the files last; ``problem`` says why their newest content does not serve.
    Belongs to the event loop.
    """

    def __init__(
        self,
        files: ProgramFiles,
        sources: ProgramSources,
        serving: ServingProgram,
        *,
        engine: Engine,
        names: Directory,
        versions: RuleVersions,
        configurations: ConfigurationVersions,
        clock: Clock,
    ) -> None:
        self._configurations = configurations
        self._files = files
        self._sources = sources
        self._serving = serving
        self._served = self._found = files.texts
        self._judged: ProgramTexts | None = files.texts
        self._engine, self._names, self._versions, self._clock = engine, names, versions, clock
        self._asked = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.problem = ""
        self.refused = 0

    @property
    def stale(self) -> bool:
        """Whether the files say something else than what was taken up of them last."""
        return self._found != self._served

    def start(self) -> None:
        """Watch the files."""
        self._watching = asyncio.create_task(self._watch())

    def look_now(self) -> None:
        """Look at the files at once, and take them as they are."""
        self._asked.set()

    async def stop(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    # -------------------------------------------------------------------------------------------------------- watching

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._asked.wait()
            asked = self._asked.is_set()
            self._asked.clear()
            await self._look(asked)

    async def _look(self, asked: bool) -> None:
        """Judge what the files say if it has stayed the same since the last look: an editor may be in the midst."""
        before, self._found = self._found, await asyncio.to_thread(self._files.read)
        if self._found == self._judged or not (asked or self._found == before):
            return
        self._judged = self._found
        try:
            await self._take_up(self._found)
            self.problem = ""
        except RuleChangeRefused as error:
            self._refuse(str(error))
        except (PointguardError, CheckerLost) as error:
            # Not the files' fault: the ledger could not be written, or the checking process ended. Another try follows.
            self._judged = None
            self.problem = f"the program could not be taken up yet: {error}"
        except (RulesError, OSError, ValueError) as error:
            self._refuse(str(error))
        except Exception:
            # The watch must outlive a defect.
            log.exception("program_fault")
            self._refuse("a defect of the server: see its log")

    def _refuse(self, problem: str) -> None:
        self.problem = problem
        self.refused += 1
        log.error("program_refused", problems=[line.strip() for line in problem.splitlines()])

    # ------------------------------------------------------------------------------------------------------- taking up

    async def _take_up(self, texts: ProgramTexts) -> None:
        """Have a changed program decide from some batch on; nothing has changed if this fails.

        Raises:
            RulesError, OSError, ValueError: if it cannot serve.
            PointguardError: if the ledger cannot be written.
        """
        if texts != self._served:
            sources = await asyncio.to_thread(self._files.check, texts, self._checked_elsewhere())
            self._check_fixed(sources)
            rules = await self._serving.compiler.compile(sources.rule_set)
            conditions = await self._serving.compiler.compile_any(sources.fraud_conditions)
            await keep_long_files(self._engine, self._versions, self._serving.tenant.tenant_id, sources.rule_set.files)
            version, stores = await self._engine.run(lambda connection: self._write(connection, sources))
            # Without a new one, what was activated by a call goes on to decide.
            configuration = Configuration(sources.config, version, conditions) if version else None
            activation = await self._serving.change(
                lambda connection, moment: self._activate(connection, sources.rule_set, version, moment),
                rules,
                configuration=configuration,
                stores=stores,
            )
            self._served, self._sources = texts, sources
            if activation is not None:
                self._serving.activations[activation.kind] += 1
            if configuration is not None:
                self._serving.configuration_activations[RuleSetActivationKind.FILE] += 1
            log.info(
                "program_taken_up",
                earn_rules_version=self._serving.active_version,
                fraud_rules_version=self._serving.configuration.version,
            )

    def _checked_elsewhere(self) -> Check:
        """Return what has the checking process look at rules, so that no file holds this one up; for another thread."""
        loop, checking = asyncio.get_running_loop(), self._serving.compiler.checking

        def check(order: Order) -> RuleSet:
            try:
                return asyncio.run_coroutine_threadsafe(checking.take(order), loop).result()
            except SourceTooCostly as error:
                raise SourceTooCostly(f"{order.name}: {error}") from error

        return check

    def _check_fixed(self, sources: ProgramSources) -> None:
        if changed := fixed_changes(sources.config, self._serving.configuration.config):
            raise FixedChanged("\n".join(map(str, changed)))

    def _write(self, connection: Any, sources: ProgramSources) -> tuple[int, Stores]:
        """Write what readers of requests need and what the change names: nothing decides by it yet.

        Return the version that a new configuration has become, 0 if it is not new, and all stores.
        """
        tenant, known = self._serving.tenant, set(self._sources.stores)
        for store in sources.stores:
            if store not in known:
                self._names.add_store(connection, tenant.tenant_id, *store)
        place, version = (connection, tenant.tenant_id, tenant.program_id), 0
        if configuration_is_new(self._configurations, *place, sources.configuration):
            made = self._configurations.add_version(*place, sources.configuration, FILE_CHANGE, self._clock.now())
            version = made.version
        return version, self._names.read_stores(connection)

    def _activate(
        self, connection: Any, rule_set: RuleSet, configuration: int, moment: int
    ) -> RuleSetActivation | None:
        """Activate the file's version of the configuration, unless that is 0, and its earn rules, if they are new."""
        place = (connection, self._serving.tenant.tenant_id, self._serving.tenant.program_id)
        if configuration:
            kind = RuleSetActivationKind.FILE
            self._configurations.add_activation(*place, configuration, kind, FILE_CHANGE, moment)
        return activate_file(self._versions, *place, rule_set, moment)
