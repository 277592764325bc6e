"""Putting a server together. The only file that knows every implementation; ``__main__`` calls it.

``Server.open`` reads and builds, ``start`` listens, ``stop`` drains: no answer that is owed is lost.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from pointguard_server.data_directory import DataDirectory
from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.errors import ProgramChanged
from pointguard_server.engine import compiled
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.ports import LedgerStore, Others
from pointguard_server.engine.recount import Recount
from pointguard_server.feeds.metrics import PublishMetrics
from pointguard_server.feeds.opening import open_publishers
from pointguard_server.feeds.publisher import Publisher
from pointguard_server.http.server import HttpServer
from pointguard_server.kernels import codec_compiled_beside
from pointguard_server.rpc.guard import Guard
from pointguard_server.rpc.offline_service import OfflineService
from pointguard_server.rpc.rule_orders import basket_lines
from pointguard_server.rpc.server import RpcServer, Tls
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.rules.sandbox_limits import SandboxLimits
from pointguard_server.sandbox import data as sandbox_data
from pointguard_server.sandbox.seed import read_key, seed_members, write_key
from pointguard_server.service import health
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.allowance_keys import AllowanceKeys
from pointguard_server.service.backtests import Backtests
from pointguard_server.service.books import Books
from pointguard_server.service.case_watch import CaseWatch
from pointguard_server.service.configurations import Configurations
from pointguard_server.service.credentials import AGENT, FRAUD, MANAGER, TILL, Authenticator, issue, key_id_of
from pointguard_server.service.disk import DiskSpace
from pointguard_server.service.duty import Duty
from pointguard_server.service.exemptions import Exemptions
from pointguard_server.service.experiment_metrics import ExperimentMetrics
from pointguard_server.service.experiments import Experiments
from pointguard_server.service.explanation.explainer import CheckedConfiguration, Explainer
from pointguard_server.service.live_programs import LiveMetrics, LivePrograms
from pointguard_server.service.messages import Messages
from pointguard_server.service.metrics import Metrics
from pointguard_server.service.occurrences import Occurrences
from pointguard_server.service.program_config import ProgramConfig
from pointguard_server.service.program_follower import ProgramFollower
from pointguard_server.service.program_sources import ProgramFiles, ProgramSources, Store, check_program, check_stores
from pointguard_server.service.program_start import ProgramStart, ProgramStarter, Undisturbed
from pointguard_server.service.reconciliation import Reconciliation
from pointguard_server.service.rule_compiler import RuleCompiler
from pointguard_server.service.rule_metrics import RuleMetrics
from pointguard_server.service.rule_plan import Planner
from pointguard_server.service.rule_sets import RuleSets, told
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.shadow_metrics import ShadowMetrics
from pointguard_server.service.shadows import Shadows
from pointguard_server.service.stops import Stops
from pointguard_server.service.sweeper import Sweeper, SweepMetrics
from pointguard_server.service.tenants import Tenant, Vocabulary
from pointguard_server.settings import Settings, split_address
from pointguard_server.storage.books_reader import BooksReader
from pointguard_server.storage.configuration_versions import ConfigurationReader, ConfigurationVersions
from pointguard_server.storage.connections import Connection
from pointguard_server.storage.database import DATABASE_FILE
from pointguard_server.storage.decision_reader import DecisionReader
from pointguard_server.storage.directives import EXEMPTIONS, STOPS, DirectiveReader, DirectiveStore
from pointguard_server.storage.due_accounts import DueReader
from pointguard_server.storage.experiments import ExperimentReader
from pointguard_server.storage.experiments import Experiments as ExperimentStore
from pointguard_server.storage.journaled_ledger import JOURNAL, JournaledLedger, recover
from pointguard_server.storage.keyring import KEY_RING_FILE
from pointguard_server.storage.notices import NoticeReader
from pointguard_server.storage.offline import AllowanceKeyStore, OccurrenceReader, OccurrenceStore
from pointguard_server.storage.other_servers import OthersReader
from pointguard_server.storage.publications import Publications
from pointguard_server.storage.readers import Reader
from pointguard_server.storage.rule_versions import RuleVersionReader, RuleVersions
from pointguard_server.storage.shadow_book import SHADOW_FILE, read_findings
from pointguard_server.storage.shadows import ShadowReader
from pointguard_server.storage.shadows import Shadows as ShadowStore
from pointguard_server.storage.sql_ledger import LEGS_AT_A_TIME, SqlLedger
from pointguard_server.storage.sqlite_ledger import SqliteLedger

if TYPE_CHECKING:
    from pointguard_server.service.tracing import Tracing

SANDBOX_ROLES = f"{TILL} {MANAGER} {FRAUD} {AGENT}"
log = structlog.get_logger(__name__)
_LEFT_OPEN: list["Ledger"] = []
"""Ledgers that are not closed before the process ends."""


class WallClock:
    """The machine's clock, in microseconds since 1970-01-01 UTC."""

    def now(self) -> int:
        """Return the time."""
        return time.time_ns() // 1000


def _sandbox_sources(stores_file: Path | None) -> ProgramSources:
    """Return the sandbox's program, with its own stores unless others are given."""

    def read_rules(name: str) -> tuple[str, str]:
        return sandbox_data.read_text(name), name

    if stores_file is not None:
        stores = check_stores(stores_file.read_text(encoding="utf-8"), str(stores_file))
    else:
        stores = tuple(
            Store(store.store_id, store.business_unit, store.country, store.province)
            for store in sandbox_data.read_stores()
        )
    return check_program(sandbox_data.read_text("program.toml"), "program.toml", read_rules, stores)


class Ledger(DataDirectory):
    """An opened data directory with all that serves from it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.data_directory, settings.database)
        self.reader_pool: AsyncEngine = self.database.open_readers()
        self.reader = Reader(self.reader_pool, self.vault)
        self.due_accounts = DueReader(self.reader_pool)
        self.notices = NoticeReader(self.reader_pool)
        self.others = OthersReader(self.reader_pool)
        self.publications = Publications()
        self.rule_versions = RuleVersions()
        self.rule_version_reader = RuleVersionReader(self.reader_pool)
        self.configurations = ConfigurationVersions()
        self.experiments = ExperimentStore()
        self.experiment_reader = ExperimentReader(self.reader_pool)
        self._journaled: JournaledLedger | None = None
        self._lookups: list[Connection] = []
        # A database elsewhere is not what a process of its own can open: docs/adr/0040-postgresql.md.
        self.file = None if settings.database else settings.data_directory / DATABASE_FILE

    def open_store(self, directory: Path, writer_epoch: int, on_broken: Callable[[], None]) -> LedgerStore:
        """Open the ledger itself, with all that was answered."""
        database = self._ledger(self.connection, writer_epoch)
        self.decisions = DecisionReader(self._open_lookup(), self.vault)
        self.books = BooksReader(self._open_lookup())
        if not isinstance(database, SqliteLedger):
            return database
        recovered = recover(database, directory)
        if recovered:
            log.info("journal_recovered", legs=recovered)
        reader = SqliteLedger(self._open_lookup(), self.names, writer_epoch)
        self._journaled = JournaledLedger(database, reader, directory)
        self._journaled.projector.on_broken = on_broken
        self.reader.catch_up = self.due_accounts.catch_up = self.notices.catch_up = self.catch_up
        return self._journaled

    def _ledger(self, connection: Connection, writer_epoch: int) -> SqlLedger:
        if self.file is not None:
            return SqliteLedger(connection, self.names, writer_epoch)
        from pointguard_server.storage.postgres_ledger import PostgresLedger

        return PostgresLedger(connection, self.names, writer_epoch)

    def _open_lookup(self) -> Connection:
        self._lookups.append(self.database.open_lookup())
        return self._lookups[-1]

    def count_past(self, recount: Recount) -> None:
        """Count what the database has for a recount, until little is missing; for any thread."""
        with closing(self.database.open_lookup()) as connection:
            reader = self._ledger(connection, 0)
            counted = LEGS_AT_A_TIME
            while counted >= LEGS_AT_A_TIME:
                counted = 0
                for legs in reader.legs_after(recount.position, recount.since):
                    recount.add(legs, reader.leg_of)
                    counted += len(legs)

    async def catch_up(self) -> None:
        """Wait until the database has all that was answered."""
        if self._journaled is not None and self._journaled.projector.behind_legs:
            await asyncio.to_thread(self._journaled.projector.catch_up)

    async def close(self) -> None:
        """Close readers first: the last connection to close checkpoints, and only the writer may."""
        await self.reader_pool.dispose()
        if self._journaled is not None:
            await asyncio.to_thread(self._journaled.close)
        for lookup in self._lookups:
            lookup.close()
        if self._journaled is not None and self._journaled.broken:
            # Closing would flush what could not be flushed. The next start finds out what is on the disk.
            _LEFT_OPEN.append(self)
            return
        self.release()


class Server:
    """One server process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.health = health.Health()
        self.metrics = Metrics(_version(), self.health)
        self.metrics.registry.register(DiskSpace(settings.data_directory, DATABASE_FILE, JOURNAL))
        self._live_metrics = LiveMetrics()
        self.metrics.registry.register(self._live_metrics)
        self._rule_metrics = RuleMetrics()
        self.metrics.registry.register(self._rule_metrics)
        self._shadow_metrics = ShadowMetrics()
        self.metrics.registry.register(self._shadow_metrics)
        self._sweep_metrics = SweepMetrics()
        self.metrics.registry.register(self._sweep_metrics)
        self._publish_metrics = PublishMetrics()
        self.metrics.registry.register(self._publish_metrics)
        self._experiment_metrics = ExperimentMetrics()
        self.metrics.registry.register(self._experiment_metrics)
        self.http = HttpServer(self.metrics, self.health)
        self.grpc_port = 0
        self.http_port = 0
        self.live: LivePrograms | None = None  # none for a sandbox, whose program is part of the server
        self._sweeper: Sweeper | None = None
        self._follower: ProgramFollower | None = None  # where the ledger may be shared
        self._duty: Duty | None = None  # likewise
        self._publishers: list[Publisher] = []
        self._case_watch = CaseWatch()
        self.metrics.registry.register(self._case_watch)
        self._tracing: Tracing | None = None
        self._health_watch: asyncio.Task[None] | None = None
        self.failed = asyncio.Event()

    async def show(self) -> None:
        """Serve the operator's pages: the process lives, and says what it waits for."""
        self.http_port = await self.http.start(*split_address(self._settings.http_address))
        self.metrics.pulse.start()
        log.info("starting", version=_version(), process_id=os.getpid(), http_port=self.http_port)

    async def open(self) -> None:
        """Open the ledger, make the program ready to decide, and seed the sandbox."""
        if compiled.are_cached():
            await self._open(lambda: None)
            return
        log.info("compiling", kernels="about a minute, on the first start only")
        with codec_compiled_beside() as codec_compiled:
            await self._open(codec_compiled)

    async def _open(self, codec_compiled: Callable[[], object]) -> None:
        settings = self._settings
        files = ProgramFiles(settings.program, settings.stores) if settings.program is not None else None
        sources = files.check(files.read()) if files is not None else _sandbox_sources(settings.stores)
        self.ledger = Ledger(settings)
        clock = WallClock()
        store, start = await self._open_program(sources, clock)
        tenant = self.tenant
        with self.metrics.compiling("kernels"):
            nothing = await asyncio.to_thread(self.decider.warm_up)
        self.engine = Engine(self.decider, self.decider.write)
        self.engine.start()
        self.engine.on_broken = self.failed.set
        self.metrics.watch(self.engine, self.decider, self.ledger.names.text)
        vocabulary = Vocabulary(self.ledger.names, self.engine)
        if settings.sandbox:
            await self._seed(tenant, vocabulary)
        self.authenticator = Authenticator(self.ledger.reader.api_key)
        desk = Desk(self.engine, self.ledger.names, vocabulary, self.ledger.reader)
        if settings.otlp_endpoint:
            from pointguard_server.service.tracing import Tracing

            self._tracing = Tracing.to(settings.otlp_endpoint, _version())
            self._tracing.watch(self.engine)
        self._tenants = {tenant.tenant_id: tenant}
        guard = Guard(self.authenticator, self._tenants, self.metrics)
        self.serving = ServingProgram(
            tenant, start, planner=self._planner, compiler=self._compiler, engine=self.engine, decider=self.decider,
            names=self.ledger.names, configurations=self.ledger.configurations, clock=clock,
            serve=self._serve, prepare=self._prepare, count_past=self._count_past,
        )  # fmt: skip
        self._rule_metrics.serving = self.serving
        self.health.set(health.RULES_LOADED, self._rules_loaded)
        ledger = self.ledger
        rule_sets = RuleSets(self.serving, self.engine, ledger.rule_versions, ledger.rule_version_reader, clock)
        experiments = self._open_trials(rule_sets, clock)
        self.advice_feed = AdviceFeed(self.ledger.notices, tenant.tenant_id, self._ledger_end)
        directives = await self._open_directives(tenant)
        allowance_keys = AllowanceKeys(self.engine, self.decider, AllowanceKeyStore(), ledger.keys, tenant.tenant_id)
        self._follower = self._open_follower(store.others, (*directives, allowance_keys))
        self.rpc = RpcServer(
            desk,
            rule_sets,
            self._open_configurations(rule_sets, clock),
            experiments,
            self.shadows,
            self._open_backtests(rule_sets),
            self._explainer(rule_sets),
            *directives,
            *self._open_books(),
            self._open_offline(desk, allowance_keys, tenant),
            self.advice_feed,
            guard,
            (tenant,),
            self.metrics,
            self._tracing,
            reflect=settings.reflection,
            log_level=settings.log_level,
            on_lost=self.failed.set,
        )
        with self.metrics.compiling("codec"):
            await asyncio.to_thread(codec_compiled)
            await asyncio.to_thread(self.rpc.warm_up, nothing)
        if files is not None:
            self.live = LivePrograms(
                files, sources, self.serving,
                engine=self.engine, names=self.ledger.names, versions=self.ledger.rule_versions,
                configurations=self.ledger.configurations, clock=clock,
            )  # fmt: skip
            self._live_metrics.live = self.live

    async def _ledger_end(self) -> int:
        """Return the ledger's last position."""
        if self._follower is not None:
            return await self.ledger.others.ledger_end()
        return self.decider.heads.position

    def _open_configurations(self, rule_sets: RuleSets, clock: WallClock) -> Configurations:
        """Return what changes the configuration by calls."""
        ledger, reader = self.ledger, ConfigurationReader(self.ledger.reader_pool)
        return Configurations(self.serving, rule_sets, self.engine, ledger.configurations, reader, clock)

    def _explainer(self, rule_sets: RuleSets) -> Explainer:
        async def check(source: str, name: str) -> CheckedConfiguration:
            with told("transaction_id"):
                return await self.serving.compiler.checking.configuration(source, name)

        return Explainer(self.ledger.decisions, self.ledger.catch_up, rule_sets.check_version, check, basket_lines)

    def _open_books(self) -> tuple[Books, Reconciliation]:
        """Return what reads the ledger as of earlier moments, and what reconciles its days."""

        def passed() -> int:
            return self.decider.latest_moment - 1

        async def present() -> int:
            return int(await self.engine.run(lambda _connection: self.decider.moment())) - 1

        async def check(source: str) -> ProgramConfig:
            return (await self.serving.compiler.checking.configuration(source, "configuration"))[0]

        books = Books(self.ledger.books, self.ledger.catch_up, passed, present, check)
        return books, Reconciliation(books, self.ledger.books)

    def _open_backtests(self, rule_sets: RuleSets) -> Backtests:
        """Return the backtests, of which none runs yet."""
        settings, ledger = self._settings, self.ledger
        return Backtests(
            rule_sets, self.serving, ledger.file, ledger.reader.catch_up, settings.cache_directory / "rules",
            settings.data_directory / KEY_RING_FILE,
        )  # fmt: skip

    def _open_trials(self, rule_sets: RuleSets, clock: WallClock) -> Experiments:
        """Return the experiments, and make the shadows, which follow nothing yet."""
        settings, ledger = self._settings, self.ledger
        self._experiment_metrics.decider = self.decider
        book = settings.data_directory / SHADOW_FILE
        self.shadows = Shadows(
            self.serving, rule_sets, self.engine, ShadowStore(), ShadowReader(ledger.reader_pool),
            partial(read_findings, book),
            database=ledger.file, book=book, rules_directory=settings.cache_directory / "rules",
            key_ring=settings.data_directory / KEY_RING_FILE,
        )  # fmt: skip
        self._shadow_metrics.shadows = self.shadows
        return Experiments(
            self.serving, rule_sets, self.engine, ledger.experiments, ledger.rule_versions,
            ledger.experiment_reader, clock, catch_up=ledger.catch_up,
        )  # fmt: skip

    async def _open_directives(self, tenant: Tenant) -> tuple[Exemptions, Stops]:
        """Return the exemptions and the stops of redemptions, those in force taken up."""
        place, names, pool = (tenant.tenant_id, tenant.program_id), self.ledger.names, self.ledger.reader_pool
        exemptions = Exemptions(
            self.engine, self.decider, DirectiveStore(EXEMPTIONS), DirectiveReader(EXEMPTIONS, pool), names,
            self._planner.matches, place,
        )  # fmt: skip
        stops = Stops(self.engine, self.decider, DirectiveStore(STOPS), DirectiveReader(STOPS, pool), names, place)
        for keeper in (exemptions, stops):
            await keeper.look_again()
        return exemptions, stops

    def _open_follower(
        self, others: Others | None, takers: Sequence[Exemptions | Stops | AllowanceKeys]
    ) -> ProgramFollower | None:
        """Return what follows other servers' changes of the program, if there can be others."""
        if others is None:
            return None
        return ProgramFollower(
            self.engine, self.decider, others, self.serving,
            [taker.look_again for taker in takers], self.failed.set,
        )  # fmt: skip

    def _open_offline(self, desk: Desk, keys: AllowanceKeys, tenant: Tenant) -> OfflineService:
        """Return what serves terminals that cannot ask."""
        reader = OccurrenceReader(self.ledger.reader_pool, self.ledger.catch_up)
        occurrences = Occurrences(self.engine, self.decider, OccurrenceStore(), reader, tenant.tenant_id)
        return OfflineService(desk, keys, occurrences)

    async def _open_program(self, sources: ProgramSources, clock: WallClock) -> tuple[LedgerStore, ProgramStart]:
        """Open the ledger's store, and make ready what decides by it."""
        settings, names, versions = self._settings, self.ledger.names, self.ledger.rule_versions
        tenant_id, program_id = self._name_program(sources, clock)
        loop = asyncio.get_running_loop()
        store = await asyncio.to_thread(
            self.ledger.open_store, settings.data_directory, self._begin_epoch(clock),
            lambda: _call_from_thread(loop, self.failed.set),
        )  # fmt: skip
        self._planner = Planner(tenant_id, program_id, names, versions, self.ledger.experiments)
        self._compiler = RuleCompiler(
            settings.cache_directory / "rules",
            sources.config.currency,
            sources.config.isolation,
            SandboxLimits(sources.config.fuel),
            lambda: self.metrics.compiling("rules"),
        )
        start = await self._start_program(store, sources, clock, (tenant_id, program_id))
        store.write(names.load)
        self.tenant = self._tenant(tenant_id, program_id, start)
        programs = start.plan.programs
        memory = Memory(settings.accounts_max, programs.measures_max, programs.counters_max)
        # In a thread: where fraud rules have wide windows, it counts the ledger's legs.
        self.decider = await asyncio.to_thread(
            Decider, store, memory, programs, clock, not_before=start.moment, count_s=settings.count_s
        )
        if self.decider.recounting is not None:
            log.warning("scopes_uncounted", counters=len(programs.scoped))
        self.decider.take_programs(programs, start.plan.upcoming)
        return store, start

    async def _start_program(
        self, store: LedgerStore, sources: ProgramSources, clock: WallClock, place: tuple[int, int]
    ) -> ProgramStart:
        """Return what decides, as it is once no other server changes it meanwhile."""
        ledger = self.ledger
        while True:
            undisturbed = Undisturbed(store)
            starter = ProgramStarter(
                undisturbed.write, *place,
                names=ledger.names, versions=ledger.rule_versions, configurations=ledger.configurations,
                planner=self._planner, compiler=self._compiler,
            )  # fmt: skip
            with suppress(ProgramChanged):
                return await starter.start(sources, self._first_moment(undisturbed, store, clock, place))

    def _count_past(self, recount: Recount) -> None:
        """Count the ledger's legs for wider windows that are new."""
        self.ledger.count_past(recount)

    def _prepare(self, tenant: Tenant) -> None:
        """Make in a thread what ``_serve`` needs."""
        self.rpc.prepare(tenant)

    def _serve(self, tenant: Tenant) -> None:
        """Read requests from now on by what is known of the tenant now."""
        self._tenants[tenant.tenant_id] = tenant
        self.rpc.serve(tenant)

    def _name_program(self, sources: ProgramSources, clock: WallClock) -> tuple[int, int]:
        """Return the numbers of the tenant and its program, which are made if they are new."""
        names = self.ledger.names
        with self.ledger.writing() as connection:
            tenant_id = names.tenant(connection, self._settings.tenant, sources.config.name, clock.now())
            self.ledger.bind_tenant(tenant_id)
            return tenant_id, names.program(connection, tenant_id, sources.config.code)

    def _first_moment(
        self, undisturbed: Undisturbed, store: LedgerStore, clock: WallClock, place: tuple[int, int]
    ) -> int:
        """Return the moment from which this process decides: after all that was decided or activated before."""
        versions = self.ledger.rule_versions
        activated = undisturbed.write(lambda connection: versions.latest_moment(connection, *place))
        changed = store.others.latest_change.changed_at if store.others is not None else 0
        return int(max(clock.now(), store.heads().accepted_at + 1, activated + 1, changed + 1))

    def _tenant(self, tenant_id: int, program_id: int, start: ProgramStart) -> Tenant:
        """Return the tenant with its program as it starts."""
        config, settings = start.configuration.config, start.plan.program.settings
        log.info(
            "rules_loaded",
            program=config.code,
            earn_rules=len(start.plan.program.awards),
            earn_rules_version=settings["rule_set_version"],
            fraud_rules=len(start.plan.program.rules),
            fraud_rules_version=start.configuration.version,
        )
        return Tenant(
            tenant_id=tenant_id,
            program_id=program_id,
            currency=config.currency,
            money_scale=SCALE // 10**config.currency_digits,
            reservation_ttl_max=config.reservation_ttl_max // MICROSECOND,
            line_codes=start.lines,
            digest_key=self.ledger.keys.digest_key(tenant_id),
            messages=Messages(config),
            adjustment_reasons=config.adjustments.reason_codes,
            zone=start.plan.program.zone,
            cards_a_month=config.cards_a_month,
            rate=(config.redemption.points, config.redemption.money_minor),
            offline_grace=config.offline_grace // MICROSECOND,
            conversions=config.conversions,
            identifiers=frozenset(config.identifiers),
        )

    def _rules_loaded(self) -> health.Finding:
        """Say what is in force, and why a changed program is not: the old one serves, so the server is ready.

        But it serves no more where another server has changed it.
        """
        if self._follower is not None and self._follower.problem:
            return health.Finding(ok=False, detail=f"another server's change does not serve: {self._follower.problem}")
        settings = self.decider.programs.served[0].settings
        versions = settings["rule_set_version"], settings["fraud_rules_version"]
        detail = "earn rules version {}, fraud rules version {}".format(*versions)
        if self.live is not None and self.live.problem:
            detail += f"; the changed program does not serve: {self.live.problem}"
        if self.serving.interpreted:
            names = ", ".join(rules.rule_set.name for rules in self.serving.interpreted)
            detail += f"; interpreted until they are compiled: {names}"
        if self.serving.problem:
            detail += f"; an activation was not taken up: {self.serving.problem}"
        return health.Finding(ok=True, detail=detail)

    def _begin_epoch(self, clock: WallClock) -> int:
        """Note that a writer begins, and return its number."""
        begin = "INSERT INTO writers (writer_id, started_at) VALUES (1, ?) RETURNING writer_epoch"
        return int(self.ledger.connection.execute(begin, (clock.now(),)).fetchone()[0])

    async def _seed(self, tenant: Tenant, vocabulary: Vocabulary) -> None:
        directory = self._settings.data_directory
        await seed_members(self.engine, self.ledger.names, vocabulary, tenant)
        key = read_key(directory)
        if key is None:
            write_key(directory, await self.issue_key(tenant.tenant_id, SANDBOX_ROLES))
        else:
            # It may be from before there were roles.
            key_id, names = key_id_of(key), self.ledger.names
            await self.engine.run(lambda connection: names.set_roles(connection, key_id, SANDBOX_ROLES))

    async def issue_key(self, tenant_id: int, roles: str = TILL) -> str:
        """Make an API key that may make the calls of its roles; only its Argon2id hash is kept."""
        issued = await asyncio.to_thread(issue)
        now = WallClock().now()

        def add(connection: Any) -> None:
            self.ledger.names.add_api_key(connection, issued.key_id, tenant_id, roles, issued.hash, now)

        await self.engine.run(add)
        return issued.raw_key

    async def start(self) -> None:
        """Listen, and say that requests are taken."""
        settings = self._settings
        if self._follower is not None:
            await self._follower.start()
        await self._open_publishers()
        tls = None
        if settings.tls_certificate is not None and settings.tls_key is not None:
            tls = Tls(settings.tls_certificate, settings.tls_key)
        self.grpc_port = await self.rpc.start(settings.grpc_address, tls)
        self.health.set(health.LEDGER_WRITABLE, health.ledger_check(self.engine))
        self._health_watch = asyncio.create_task(health.watch(self.health, self.rpc.serving, self._try_ledger))
        self.serving.start()
        await self.shadows.resume()
        self._sweeper = Sweeper(self.engine, self.decider, self.ledger.due_accounts, self.ledger.names)
        self._sweep_metrics.sweeper = self._sweeper
        if (lock := self.ledger.database.duty()) is not None:
            self._duty = Duty(lock, self._take_duty, self._leave_duty, self._decides)
            self._duty.start()
        else:
            await self._take_duty()
        self._case_watch.start(self.ledger.reader, self.tenant.tenant_id)
        if self.live is not None:
            self.live.start()
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.live.look_now)
        log.info("ready", grpc_port=self.grpc_port, http_port=self.http_port, position=self.decider.heads.position)

    def _decides(self) -> bool:
        """Say whether this server can follow what the others change, so that it decides."""
        return self._follower is None or not self._follower.problem

    async def _take_duty(self) -> None:
        """Begin what one server does for all."""
        assert self._sweeper is not None  # noqa: S101  (of ``start``)
        for publisher in self._publishers:
            await publisher.open()
        # Nothing fails from here on.
        for publisher in self._publishers:
            publisher.start()
        self._sweeper.start()

    async def _leave_duty(self) -> None:
        """Leave off, until it is begun again."""
        if self._sweeper is not None:
            await self._sweeper.stop()
        for publisher in self._publishers:
            await publisher.rest()

    async def _open_publishers(self) -> None:
        """Make what publishes advice, if anything does: before any request, so that all that follows is published."""
        ledger = self.ledger
        self._publishers = self._publish_metrics.publishers = await open_publishers(
            self._settings.publishing, self.tenant.tenant_id, self._settings.tenant,
            feed=self.advice_feed, reader=ledger.notices, engine=self.engine, publications=ledger.publications,
            text=ledger.names.text, clock=WallClock(),
        )  # fmt: skip

    async def _try_ledger(self) -> None:
        """Write something that means nothing, to learn whether the ledger can be written."""
        now = str(WallClock().now())
        await self.engine.run(lambda connection: self.ledger.names.note(connection, "last tried", now))

    async def stop(self) -> None:
        """Drain: answer what is under way, decide what is queued, close the ledger."""
        log.info("draining", queued=self.engine.queued)
        draining = health.Finding(ok=False, detail="the server is ending")
        self.health.set(health.NOT_DRAINING, lambda: draining)
        if self._health_watch is not None:
            self._health_watch.cancel()
        self.rpc.serving(False)
        await self.rpc.stop(self._settings.drain_s)
        await self.http.stop()
        self.metrics.pulse.stop()
        await self.close()

    async def close(self) -> None:
        """Decide what is queued and close the ledger."""
        if self.live is not None:
            await self.live.stop()
        await self.shadows.close()
        if self._duty is not None:
            await self._duty.stop()
        await self._leave_duty()
        for publisher in self._publishers:
            await publisher.stop()
        if self._follower is not None:
            await self._follower.stop()
        await self.advice_feed.close()
        await self._case_watch.stop()
        await self.serving.stop()
        await self.engine.stop()
        self.authenticator.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        await self.ledger.close()
        log.info("stopped", position=self.decider.heads.position)


def _call_from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)


def _version() -> str:
    try:
        return version("pointguard")
    except PackageNotFoundError:
        return "unknown"
