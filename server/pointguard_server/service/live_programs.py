"""Takes up a changed program without a restart: watches its files, checks, compiles, and swaps between two batches.

For ``bootstrap``. See docs/adr/0011-live-rule-changes.md for why the swap is exact.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.engine.programs import Program, Programs
from pointguard_server.rules.compiler import Child, CompiledRules, RulesError, compile_in_child, load_compiled
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.ports import Directory, Stores
from pointguard_server.service.program_sources import ProgramFiles, ProgramSources, ProgramTexts
from pointguard_server.service.programs import build_program, line_codes, write_sources
from pointguard_server.service.tenants import Tenant

LOOK_EVERY_S: Final = 1.0
FIXED: Final = {"code": "program.code", "currency": "program.currency", "time_zone": "program.time_zone"}
"""What cannot change while a server runs: accounts, amounts and calendar windows are read by it."""

log = structlog.get_logger(__name__)


class FixedChanged(ValueError):
    """A change that takes a restart, or another program; the text names the keys."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What has become durable of a program, for memory to know."""

    program: Program
    numbers: dict[tuple[CodeKind, str], int]
    stores: Stores


class LiveMetrics(Collector):
    """The metrics of what ``live`` watches; a program that nothing watches is as it should be."""

    def __init__(self) -> None:
        self.live: LivePrograms | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        refused, stale = (self.live.refused, self.live.stale) if self.live is not None else (0, False)
        yield CounterMetricFamily("pointguard_program_refused", "Changed programs that could not serve.", refused)
        yield GaugeMetricFamily(
            "pointguard_program_stale", "1 while the program's files differ from what serves.", float(stale)
        )


class LivePrograms:
    """Keeps what serves the same as what the files say, as long as they say something that can serve.

    ``sources`` are what was read of the files last, and serve; ``serve`` is told of the tenant as requests are to be
    read from then on; ``problem`` says why the files' newest content does not serve. Belongs to the event loop.
    """

    def __init__(
        self,
        files: ProgramFiles,
        sources: ProgramSources,
        tenant: Tenant,
        rules_directory: Path,
        *,
        engine: Engine,
        decider: Decider,
        names: Directory,
        clock: Clock,
        serve: Callable[[Tenant], None],
    ) -> None:
        self._files = files
        self._sources, self._tenant = sources, tenant
        self._served = self._found = files.texts
        self._judged: ProgramTexts | None = files.texts
        self._rules_directory = rules_directory
        self._engine, self._decider, self._names, self._clock, self._serve = engine, decider, names, clock, serve
        self._asked = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._compiler: Child | None = None
        self.problem = ""
        self.refused = 0

    @property
    def stale(self) -> bool:
        """Whether the files say something else than what serves."""
        return self._found != self._served

    def start(self) -> None:
        """Watch the files."""
        self._watching = asyncio.create_task(self._watch())

    def look_now(self) -> None:
        """Look at the files at once, and take them as they are."""
        self._asked.set()

    async def stop(self) -> None:
        """Watch no more, and wait for no compiler."""
        if self._watching is None:
            return
        self._watching.cancel()
        if self._compiler is not None:
            self._compiler.kill()
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
        except PointguardError as error:
            # Not the files' fault: the ledger could not be written. Another try follows.
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
            sources = await asyncio.to_thread(self._files.check, texts)
            self._check_fixed(sources)
            rules = await asyncio.to_thread(self._compile, sources.rule_set)
            await self._swap(sources, rules)
            self._served, self._sources = texts, sources

    def _check_fixed(self, sources: ProgramSources) -> None:
        serving = self._sources.config
        changed = [
            f"{key}: cannot change in a running server, which serves {getattr(serving, name)!r}"
            for name, key in FIXED.items()
            if getattr(sources.config, name) != getattr(serving, name)
        ]
        if changed:
            raise FixedChanged("\n".join(changed))

    def _compile(self, rule_set: RuleSet) -> CompiledRules:
        def keep(child: Child) -> None:
            self._compiler = child

        try:
            compile_in_child(rule_set, self._rules_directory, on_start=keep)
        finally:
            self._compiler = None
        return load_compiled(rule_set, self._rules_directory)

    async def _swap(self, sources: ProgramSources, rules: CompiledRules) -> None:
        """Write the new version, and then decide by it what is read from one moment of the loop on."""
        tenant = replace(
            self._tenant,
            reservation_ttl_max=sources.config.reservation_ttl_max // MICROSECOND,
            line_codes=line_codes(sources.rule_set, self._tenant.line_codes),
        )
        written = await self._engine.run(lambda connection: self._write(connection, sources, rules, tenant))
        # From here to the queueing of the swap nothing may be awaited: what is read before goes into batches before the
        # swap, and what is read after into batches after it.
        for (kind, text), number in written.numbers.items():
            self._names.remember(tenant.tenant_id, kind, text, number)
        self._names.keep_stores(written.stores)
        self._tenant = tenant
        self._serve(tenant)
        await self._engine.run(lambda _connection: self._decider.take_programs(Programs([written.program])))
        log.info(
            "program_taken_up",
            earn_rules_version=written.program.settings["rule_set_version"],
            fraud_rules_version=written.program.settings["fraud_rules_version"],
        )

    def _write(self, connection: Any, sources: ProgramSources, rules: CompiledRules, tenant: Tenant) -> _Written:
        numbers: dict[tuple[CodeKind, str], int] = {}

        def intern(kind: CodeKind, text: str) -> int:
            number = numbers[kind, text] = self._names.intern(connection, tenant.tenant_id, kind, text)
            return number

        known = set(self._sources.stores)
        versions = write_sources(
            self._names,
            connection,
            tenant.tenant_id,
            tenant.program_id,
            sources,
            [store for store in sources.stores if store not in known],
            self._clock.now(),
        )
        program = build_program(sources.config, sources.rule_set, rules, versions, tenant.line_codes, intern)
        return _Written(program, numbers, self._names.read_stores(connection))
