"""A shop that is opened again and again on one ledger, as restarts do: real but for its clock and what is made to fail.

For integration tests of what decides from when on: versions, activations, experiments.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.memory import Memory
from pointguard_server.rules.compiler import CompilationFailed, NotCompiled
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.checking_messages import SetTexts
from pointguard_server.service.checking_worker import CheckingFailed
from pointguard_server.service.configurations import Configurations
from pointguard_server.service.experiments import Experiments
from pointguard_server.service.live_programs import LivePrograms
from pointguard_server.service.program_sources import ProgramFiles
from pointguard_server.service.program_start import ProgramStarter
from pointguard_server.service.programs import CompiledEarnRules
from pointguard_server.service.rule_compiler import ReadyRules, RuleCompiler
from pointguard_server.service.rule_plan import Planner
from pointguard_server.service.rule_sets import NO_TEXTS, Activation, RuleSets
from pointguard_server.service.rule_versions import NO_FILES, RequestKey, RuleChange, RuleSetActivation
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.tenants import Tenant
from pointguard_server.storage.configuration_versions import ConfigurationReader, ConfigurationVersions
from pointguard_server.storage.experiments import ExperimentReader
from pointguard_server.storage.experiments import Experiments as ExperimentStore
from pointguard_server.storage.rule_versions import RuleVersionReader, RuleVersions
from tests.support.databases import open_readers
from tests.support.ledger import CONFIG, EARN, TENANT, Ledger, compiled_rules_directory

CHANGE = RuleChange("staff 12", RuleChangeReason.NEW_OFFER)
CONFIGURATION = CONFIG.format(
    zone="America/Toronto",
    settings="",
    rate_points=100,
    rate_money=100,
    controls="",
    rules="",
    lots="",
    returns="",
    adjustments="",
)
FIVE, SEVEN = ('rule "fixed"\n    earn base 5\n', 'rule "fixed"\n    earn base 7\n')


class Compiler(RuleCompiler):
    """A compiler that fails for the texts in ``fails``, has no code of them, and does not understand ``unknown``."""

    def __init__(self) -> None:
        super().__init__(compiled_rules_directory(), "CAD")
        self.fails: set[str] = set()
        self.unknown: set[str] = set()

    async def check(self, source: str, name: str, files: SetTexts = NO_FILES) -> RuleSet:
        if source in self.unknown:
            raise CheckingFailed("told to fail")
        return await super().check(source, name, files)

    def _compile(self, rule_set: RuleSet) -> ReadyRules:
        if rule_set.source in self.fails:
            raise CompilationFailed("told to fail")
        return super()._compile(rule_set)

    def _loaded(self, rule_set: RuleSet) -> CompiledEarnRules:
        if rule_set.source in self.fails:
            raise NotCompiled("told to have lost it")
        return super()._loaded(rule_set)


class Jobs:
    """Runs the engine's jobs; the next ``lost`` of them are done, but nobody hears so."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.lost = 0

    def run(self, job: Callable[[Any], Any]) -> Any:
        result = self._ledger.store.write(job)
        if self.lost:
            self.lost -= 1
            raise StorageUnavailable
        return result


@dataclass
class Shop:
    """One process that serves the ledger's program, and a member who buys for a dollar."""

    ledger: Ledger
    serving: ServingProgram
    rule_sets: RuleSets
    configurations: Configurations
    decider: Decider
    live: LivePrograms
    jobs: Jobs
    experiments: Experiments
    engine: Engine
    served: list[Tenant]
    keys: int = 0

    def buy(self, account: int) -> tuple[int, int]:
        """Return the points of a purchase and the version that gave them."""
        verdict = self.decider.decide([self.ledger.accrue_ask(account, 1_00)])[0]
        (leg,) = [leg for leg in self.ledger.rows("legs") if leg["transaction_id"] == verdict.transaction_id]
        return verdict.points, leg["rule_set_version"]

    async def create(self, source: str, texts: Mapping[str, str] = NO_TEXTS) -> int:
        return (await self.rule_sets.create(source, CHANGE, self.key(), texts)).version

    async def activate(self, version: int, expected: int, effective_at: int = 0) -> RuleSetActivation:
        kind = RuleSetActivationKind.ACTIVATE
        return await self.rule_sets.activate(Activation(version, expected, kind, CHANGE, effective_at), self.key())

    async def cancel(self, activation: RuleSetActivation) -> RuleSetActivation:
        return await self.rule_sets.cancel(activation.activation, CHANGE, self.key())

    def key(self) -> RequestKey:
        """A key that was not used yet."""
        self.keys += 1
        return RequestKey(f"{id(self)} {self.keys}".encode().rjust(16)[-16:], bytes(16))


async def caught_up() -> None:
    """What is written is in the database at once."""


class Street:
    """Opens the same shop again and again, as restarts do."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        self.compiler = Compiler()
        self.write(EARN)
        (folder / "program.toml").write_text(CONFIGURATION)

    def write(self, source: str) -> None:
        (self.folder / "earn.rules").write_text(source)

    @asynccontextmanager
    async def open(self, *, keep: bool = False) -> AsyncIterator[Shop]:
        """Start a process; with ``keep`` it looks after what is planned by itself."""
        ledger, versions, store = self.ledger, RuleVersions(), ExperimentStore()
        program_id = ledger.programs.programs[0].program_id
        files = ProgramFiles(self.folder / "program.toml", None)
        sources = files.check(files.read())
        planner = Planner(TENANT, program_id, ledger.names, versions, store)
        moment = max(
            ledger.clock.now(),
            ledger.store.heads().accepted_at + 1,
            versions.latest_moment(ledger.connection, TENANT, program_id) + 1,
        )
        start = await ProgramStarter(
            ledger.store.write, TENANT, program_id,
            names=ledger.names, versions=versions, configurations=ConfigurationVersions(), planner=planner,
            compiler=self.compiler,
        ).start(sources, moment)  # fmt: skip
        programs = start.plan.programs
        memory = Memory(1_000, programs.measures_max, programs.counters_max)
        decider = Decider(ledger.store, memory, programs, ledger.clock, not_before=moment)
        decider.take_programs(programs, start.plan.upcoming)
        jobs = Jobs(ledger)
        engine = Engine(decider, jobs.run)
        engine.start()
        tenant = Tenant(
            tenant_id=TENANT, program_id=program_id, currency="CAD", money_scale=10_000,
            reservation_ttl_max=0, line_codes=start.lines, digest_key=bytes(16),
        )  # fmt: skip
        served: list[Tenant] = []
        serving = ServingProgram(
            tenant, start,
            engine=engine, decider=decider, names=ledger.names, configurations=ConfigurationVersions(), planner=planner,
            compiler=self.compiler, clock=ledger.clock, serve=served.append,
        )  # fmt: skip
        readers = open_readers(ledger.path, ledger.postgres_url)
        rule_sets = RuleSets(serving, engine, versions, RuleVersionReader(readers), ledger.clock)
        configurations = Configurations(
            serving, rule_sets, engine, ConfigurationVersions(), ConfigurationReader(readers), ledger.clock
        )
        live = LivePrograms(
            files, sources, serving, engine=engine, names=ledger.names, versions=versions,
            configurations=ConfigurationVersions(), clock=ledger.clock,
        )  # fmt: skip
        if keep:
            serving.start()
        experiments = Experiments(
            serving, rule_sets, engine, store, versions, ExperimentReader(readers), ledger.clock, caught_up
        )
        yield Shop(
            ledger, serving, rule_sets, configurations, decider, live, jobs, experiments, engine, served
        )  # fmt: skip
        if keep:
            await serving.stop()
            self.compiler = Compiler()
        await live.stop()
        await engine.stop()
        await readers.dispose()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen in time")
