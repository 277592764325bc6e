"""A whole ledger without a network, for tests: a real SQLite file, a real kernel, a clock that the test moves.

``Ledger.decide`` takes asks made by its own small methods, so that a test reads as what a member did. ``open_ledger``
makes one in a folder of its own that goes away with it.
"""

import atexit
import functools
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pointguard_server.domain.adjustments import Adjustment
from pointguard_server.domain.age_bands import AGE_BANDS
from pointguard_server.domain.calendar import stretches_of, to_microseconds
from pointguard_server.domain.codes import (
    PARTS_SHIFT,
    CaseOutcome,
    Channel,
    CodeKind,
    Context,
    Factor,
    InterventionReason,
    Kind,
    Operation,
    Part,
    Posture,
    RequestFlag,
    RuleSetActivationKind,
)
from pointguard_server.domain.identifiers import CARDS, IdentifierKind
from pointguard_server.domain.interventions import Intervention
from pointguard_server.domain.record import encode_body
from pointguard_server.domain.returns import encode_lines
from pointguard_server.engine.ask import Ask, Claim, Verdict
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.group_sets import GroupSets
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.ports import LedgerStore
from pointguard_server.engine.programs import Program, Programs
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.rules.compiler import compile_in_child, load_compiled
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, SandboxLimits
from pointguard_server.service.birth_inputs import birth_inputs_of
from pointguard_server.service.code_matches import GROUP_SEPARATOR, CodeMatches
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.line_codes import LineCodes, line_codes
from pointguard_server.service.members import link_claim
from pointguard_server.service.ports import NewMember
from pointguard_server.service.program_config import ProgramConfig, load_program_config
from pointguard_server.service.program_start import activate_configuration_file
from pointguard_server.service.programs import CompiledEarnRules, Versions, build_program
from pointguard_server.service.rule_compiler import ReadyRules
from pointguard_server.service.rule_versions import FILE_CHANGE
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.configuration_versions import ConfigurationVersions
from pointguard_server.storage.database import open_lookup
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.journaled_ledger import JournaledLedger
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.storage.postgres_ledger import PostgresLedger
from pointguard_server.storage.rule_versions import RuleVersions
from pointguard_server.storage.sql_ledger import SqlLedger
from pointguard_server.storage.sqlite_ledger import SqliteLedger
from tests.support.databases import connect

EARN = 'rule "base"\n    earn base order.total * 10\n'
"""Ten points a dollar."""

CONFIG = """
[program]
code = "test"
name = "Test"
time_zone = "{zone}"
currency = "CAD"
{settings}
{lots}
{returns}
{adjustments}
[program.redemption]
points = {rate_points}
money_minor = {rate_money}
{controls}
[program.earn]
rules = "earn.rules"
{rules}
"""
"""A point is worth a cent, unless a ledger says otherwise."""

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
TENANT = 1


class Terms(NamedTuple):
    """Those of an advice that is raised by hand."""

    context: int
    posture: int
    duration: int
    ends_at: int


NO_TERMS = Terms(0, 0, 0, 0)


class Where(NamedTuple):
    """Where and by whom a transaction is rung up, by names."""

    store: str = ""
    cashier: str = ""
    terminal: str = ""
    unit: str = ""


NOWHERE = Where()


@functools.cache
def compiled_rules_directory() -> Path:
    """Return a folder for compiled earn rules that lasts as long as this process."""
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    return directory


def sandboxed(rule_set: RuleSet, fuel: int = DEFAULT_FUEL) -> CompiledEarnRules:
    """Return a rule set in a sandbox: made in milliseconds, where machine code takes seconds, and called alike."""
    # Imported where it is needed, as the server does: what memory benchmarks measure has none.
    from pointguard_server.rules import wasm_backend, wasm_engine
    from pointguard_server.rules.wasm_code import WasmRules

    code = wasm_engine.compile_module(wasm_backend.write_module(rule_set.checked))
    return WasmRules(code, rule_set.checked, SandboxLimits(fuel))


@contextmanager
def open_ledger(**settings: Any) -> "Iterator[Ledger]":
    """Open a new ledger; ``settings`` are fields of ``Ledger``."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger(Path(directory), compiled_rules_directory(), **settings)
        try:
            yield ledger
        finally:
            ledger.close()


@dataclass
class ManualClock:
    """A clock that stands still until moved."""

    moment: int

    def now(self) -> int:
        return self.moment

    def set(self, text: str) -> None:
        """Set the clock to an ISO 8601 moment."""
        self.moment = to_microseconds(datetime.fromisoformat(text))


class Rehearsal:
    """A ledger store whose commits undo everything: what a decision would be, without making it."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self) -> None:
        """Undo everything since ``begin``."""
        self._store.rollback()


def named(ask: Ask, kind: IdentifierKind, value: str) -> Ask:
    """Return the ask of one who names the member by an identifier."""
    return replace(ask, account_id=0, identifier=(int(kind), value))


@dataclass
class Ledger:
    """One program for each tenant, all alike, and their members. ``tenant`` is the one whose asks are made."""

    directory: Path
    cache: Path
    rules: str = ""
    controls: str = ""
    settings: str = ""
    lots: str = ""  # the table of that name
    returns: str = ""  # likewise
    adjustments: str = ""  # likewise
    earn: str = EARN
    zone: str = "America/Toronto"
    rate_points: int = 100
    rate_money: int = 100
    accounts_max: int = 1_000
    tenants: int = 1
    back_end: Callable[[RuleSet], CompiledEarnRules] | None = None  # for all rules, in the place of the usual ones
    journaled: bool = False  # with the journal before the database, as the server's
    postgres_url: str = ""  # of an empty ledger on PostgreSQL, in the place of SQLite
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_790_000_000_000_000))
    tenant: int = TENANT
    countries: dict[int, int] = field(default_factory=dict)  # of stores, both by number
    decider: Decider = field(init=False)
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.path = self.directory / "ledger.sqlite3"
        self.connection: Any = connect(self.path, self.postgres_url)
        self.vault = MemberVault(KeyRing.open_or_create(self.directory / "keyring.json"))
        self.names = Directory(self.vault)
        self.database: SqlLedger = (PostgresLedger if self.postgres_url else SqliteLedger)(
            self.connection, self.names, 1
        )
        self.database.write(lambda _connection: None)  # from its first step on it is told of texts that others number
        self.programs = self._read_programs()
        self.names.load(self.connection)
        self.store: LedgerStore = self.database
        self.journal: JournaledLedger | None = None
        if self.journaled:
            self.open_journal()
        self.restart_decider()

    def open_journal(self) -> None:
        """Put the journal before the database. Nothing else may write by ``connection`` from now on."""
        assert isinstance(self.database, SqliteLedger)
        self._lookup = open_lookup(self.path)
        self.journal = JournaledLedger(self.database, SqliteLedger(self._lookup, self.names, 1), self.directory)
        self.store = self.journal

    @property
    def configuration(self) -> str:
        """The text that the settings make."""
        return CONFIG.format(
            controls=self.controls,
            rules=self.rules,
            settings=self.settings,
            lots=self.lots,
            returns=self.returns,
            adjustments=self.adjustments,
            zone=self.zone,
            rate_points=self.rate_points,
            rate_money=self.rate_money,
        )

    def _read_programs(self) -> Programs:
        """Return the programs that the settings make, their versions written."""
        config = load_program_config(self.configuration, "test")
        rule_set = load_rule_set(self.earn, "test")
        compiled = (self.back_end or self._compiled)(rule_set)
        conditions = check_conditions(config, "test")
        ready = None
        if conditions is not None:
            ready = ReadyRules(conditions, (self.back_end or sandboxed)(conditions))
        return Programs([self._program(config, rule_set, compiled, ready, number) for number in range(self.tenants)])

    def _compiled(self, rule_set: RuleSet) -> CompiledEarnRules:
        compile_in_child(rule_set, self.cache)
        return load_compiled(rule_set, self.cache)

    def change(self, **settings: Any) -> None:
        """Change fields that make the programs, and have them decide without a restart."""
        for name, value in settings.items():
            setattr(self, name, value)
        self.programs = self._read_programs()
        self.decider.take_programs(self.programs)

    def _program(
        self, config: ProgramConfig, rule_set: RuleSet, compiled: CompiledEarnRules, conditions: ReadyRules | None,
        number: int,
    ) -> Program:  # fmt: skip
        """Make a tenant with its program."""
        now = self.clock.now()
        tenant = self.names.tenant(self.connection, f"test{number}", "Test", now)
        program_id = self.names.program(self.connection, tenant, "test")
        text = self.configuration
        configuration = activate_configuration_file(
            ConfigurationVersions(), self.connection, tenant, program_id, text, now
        )
        matches, sets = CodeMatches(self.names.codes), GroupSets()

        def note(tenant_id: int, kind: CodeKind, text: str, number: int) -> None:
            matches.note(tenant_id, kind, text, number)
            if kind is CodeKind.GROUP_SET:
                sets.put(number, text.split(GROUP_SEPARATOR))

        self.names.on_new_code = note
        for groups, known in self.names.codes(self.connection, tenant, CodeKind.GROUP_SET):
            note(tenant, CodeKind.GROUP_SET, groups, known)
        rule_sets = [rule_set, *([conditions.rule_set] if conditions else [])]
        matches.take(self.connection, tenant, [each.checked for each in rule_sets])
        lines = LineCodes()
        for each in rule_sets:
            lines = line_codes(each, lines)
        program = build_program(
            config,
            rule_set,
            compiled,
            Versions(program_id, tenant, self._rule_set_version(tenant, program_id, now), configuration),
            lines,
            lambda kind, text: self.names.intern(self.connection, tenant, kind, text),
            matches,
            self.countries,
            conditions,
            group_sets=sets,
        )
        bands = AGE_BANDS if any(birth_inputs_of(each.checked) for each in rule_sets) else ()
        numbers = (self.names.intern(self.connection, tenant, CodeKind.AGE_BAND, band) for band in bands)
        return replace(program, age_bands=tuple(numbers))

    def _rule_set_version(self, tenant: int, program_id: int, now: int) -> int:
        """Keep the earn rules as a version, unless they are the newest already."""
        versions = RuleVersions()
        last = versions.last_of_file(self.connection, tenant, program_id)
        if last is None or last.source != self.earn:
            last = versions.add_version(self.connection, tenant, program_id, self.earn, FILE_CHANGE, now)
            # As a start does: a version that came from the file was activated.
            versions.add_activation(
                self.connection, tenant, program_id, last.version, RuleSetActivationKind.FILE, FILE_CHANGE,
                effective_at=now, now=now,
            )  # fmt: skip
        return last.version

    def restart_decider(self) -> None:
        """Forget all that memory holds, as a restart would."""
        self.decider = self._fresh_decider(self.store, self.accounts_max)

    def _fresh_decider(self, store: LedgerStore, accounts_max: int) -> Decider:
        memory = Memory(accounts_max, self.programs.measures_max, self.programs.counters_max)
        decider = Decider(store, memory, self.programs, self.clock)
        # A start takes up what is in force.
        decider.directives = self.decider.directives if hasattr(self, "decider") else decider.directives
        return decider

    def rehearse(self, *asks: Ask) -> list[Verdict]:
        """Return what a server that has just started would answer, and leave no trace."""
        return self._fresh_decider(Rehearsal(self.store), 100).decide(asks)

    def catch_up(self) -> None:
        """Wait until the database has all that was decided."""
        if self.journal is not None:
            self.journal.projector.catch_up()

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self._lookup.close()
        self.connection.close()

    # ------------------------------------------------------------------------------------------------------------ asks

    def ask(self, key: str | None, fields: RequestFields, **rest: Any) -> Ask:
        """Return an ask with a digest that is its fields."""
        key = key or f"key {next(self._keys)}"
        digest = key_bytes(repr(fields))
        return Ask(self.tenant, fields.pack(), key_bytes(key), digest, account_id=fields.account_id, **rest)

    def enroll_ask(
        self, loyalty_id: str, province: str = "", key: str | None = None, groups: Sequence[str] = ()
    ) -> Ask:
        tenant, program_id = self.tenant, self.programs.programs[self.tenant - 1].program_id
        member = NewMember(program_id, ((IdentifierKind.LOYALTY_ID, loyalty_id),), b"")
        claim = Claim(
            lambda store, _known, now: (*store.enroll(tenant, member, now), program_id),
            lambda: self.names.forget(tenant, member.identifiers),
        )
        fields = RequestFields(
            int(Operation.ENROLL), int(Kind.PROFILE_UPDATE), province_id=self.code(CodeKind.PROVINCE, province)
        )
        groups_text = GROUP_SEPARATOR.join(sorted(groups))
        return self.ask(key, fields, claim=claim, group_set_id=self.code(CodeKind.GROUP_SET, groups_text))

    def code(self, kind: CodeKind, text: str) -> int:
        if not text:
            return 0
        known = self.names.code(self.tenant, kind, text)
        if known is None:
            known = self.store.write(lambda connection: self.names.intern(connection, self.tenant, kind, text))
            self.names.remember(self.tenant, kind, text, known)
        return known

    def store_in(self, province: str) -> int:
        """Return a store that lies in a province, known from the first moment on; 0 for no province."""
        if not province:
            return 0
        code = f"store in {province}"
        if self.names.code(self.tenant, CodeKind.STORE, code) is None:

            def add(connection: Any) -> None:
                self.names.add_store(connection, self.tenant, code, "MAIN", "CA", province)
                self.names.version_stores(connection, self.tenant, 0)

            self.store.write(add)
        return self.code(CodeKind.STORE, code)

    def authorise_ask(
        self, account: int, points: int, key: str | None = None, *, capture: bool = True, partial: bool = False,
        time_to_live: int = 0, province: str = "", kind: Kind = Kind.ADHOC_REDEEM, money: int = 0,
        channel: Channel | None = None, redemption_type: str = "", verified: Factor | None = None,
        where: Where = NOWHERE,
    ) -> Ask:  # fmt: skip
        """Ask to redeem points, or ``money`` where it is given; ``capture``: in one step."""
        flags = (
            (RequestFlag.CAPTURE if capture else 0)
            | (RequestFlag.ALLOW_PARTIAL if partial else 0)
            | (RequestFlag.IN_MONEY if money else 0)
            | (RequestFlag[f"{verified.name}_VERIFIED"] if verified else 0)
        )
        fields = RequestFields(
            int(Operation.AUTHORISE), int(kind), account, points, money, time_to_live=time_to_live, flags=int(flags),
            channel=int(channel or 0),
            redemption_type_id=self.code(CodeKind.REDEMPTION_TYPE, redemption_type), **self.place(where, province),
        )  # fmt: skip
        rest = {"store_province_id": self.code(CodeKind.PROVINCE, province)}
        return self.ask(key, fields, business_unit_id=self.code(CodeKind.BUSINESS_UNIT, where.unit), **rest)

    def place(self, where: Where, province: str = "") -> dict[str, int]:
        """Return the numbers of a place, as a request has them; its store is one in the province, if that is given."""
        return {
            "store_id": self.store_in(province) or self.code(CodeKind.STORE, where.store),
            "terminal_id": self.code(CodeKind.TERMINAL, where.terminal),
            "cashier_id": self.code(CodeKind.CASHIER, where.cashier),
        }

    def accrue_ask(
        self, account: int, cents: int, key: str | None = None, kind: Kind = Kind.PURCHASE, where: Where = NOWHERE
    ) -> Ask:
        fields = RequestFields(int(Operation.ACCRUE), int(kind), account, money=cents, **self.place(where))
        line = [0, 0, 0, 1_000_000, cents * 10_000, 0]
        return self.ask(
            key,
            fields,
            business_unit_id=self.code(CodeKind.BUSINESS_UNIT, where.unit),
            currency=currency_number("CAD"),
            lines=b"".join(value.to_bytes(8, "little") for value in line),
            line_count=1,
            body=encode_body("receipt", b""),
        )

    def end_ask(
        self, operation: Operation, reservation: bytes, points: int = 0, key: str | None = None, *,
        keep_open: bool = False, time_to_live: int = 0,
    ) -> Ask:  # fmt: skip
        """Ask to capture, to extend or to void a reservation."""
        high, low = (int.from_bytes(half, "little", signed=True) for half in (reservation[:8], reservation[8:]))
        fields = RequestFields(
            int(operation), points=points, time_to_live=time_to_live, reservation_high=high, reservation_low=low,
            flags=int(RequestFlag.KEEP_OPEN) if keep_open else 0,
        )  # fmt: skip
        return self.ask(key, fields)

    def return_ask(
        self, original: bytes = bytes(16), *, money: int = 0, points: int = 0, lines: Sequence[tuple[int, int]] = (),
        account: int = 0, key: str | None = None,
    ) -> Ask:  # fmt: skip
        """Ask to return all of a transaction, or so much of it; without an original: money of an account."""
        high, low = (int.from_bytes(half, "little", signed=True) for half in (original[:8], original[8:]))
        flags = 0 if money or points or lines else int(RequestFlag.WHOLE)
        fields = RequestFields(
            int(Operation.RETURN), int(Kind.RETURN), account, points, money, flags=flags,
            reservation_high=high, reservation_low=low,
        )  # fmt: skip
        return self.ask(key, fields, body=encode_body("", encode_lines(lines)))

    def record_ask(
        self, account: int, at: int, kind: Kind = Kind.ADHOC_REDEEM, parts: Sequence[Part] = (Part.REDEEM,),
        points: int = 1, money: int = 0, key: str | None = None, where: Where = NOWHERE,
    ) -> Ask:  # fmt: skip
        """Ask to record what happened at a moment in another system."""
        fields = RequestFields(
            int(Operation.RECORD_ACTIVITY), int(kind), account, points, money,
            flags=sum(1 << part for part in parts) << PARTS_SHIFT, occurred_at=at, **self.place(where),
        )  # fmt: skip
        stretches = stretches_of(at, self.programs.programs[0].zone)
        return self.ask(
            key,
            fields,
            business_unit_id=self.code(CodeKind.BUSINESS_UNIT, where.unit),
            lines=b"".join(value.to_bytes(8, "little") for value in stretches),
            line_count=1,
        )

    def adjust_ask(
        self, account: int, points: int, *, agent: str = "agent 7", kind: Kind = Kind.DISCRETIONARY,
        corrects: bytes = bytes(16), reason_code: int = 1, key: str | None = None,
    ) -> Ask:  # fmt: skip
        """Ask to give points by hand, or to take them; ``reason_code`` is its place in the program's list, from 1."""
        high, low = (int.from_bytes(half, "little", signed=True) for half in (corrects[:8], corrects[8:]))
        kind = Kind.CORRECTION if any(corrects) else kind
        fields = RequestFields(
            int(Operation.ADJUST), int(kind), account, points, reservation_high=high, reservation_low=low
        )
        said = Adjustment(agent, "GOODWILL", "a test", "tests")
        return self.ask(
            key, fields, body=encode_body("", said.encode()), agent_id=self.code(CodeKind.AUTHOR, agent),
            reason_code=reason_code,
        )  # fmt: skip

    def transfer_ask(
        self, account: int, to: int | tuple[int, str], points: int, key: str | None = None, *, agent: str = "",
        verified: Factor | None = None,
    ) -> Ask:  # fmt: skip
        """Ask to move points to another account, or to whom an identifier (kind, value) finds."""
        flags = int(RequestFlag[f"{verified.name}_VERIFIED"]) if verified else 0
        fields = RequestFields(int(Operation.TRANSFER), int(Kind.POINTS_TRANSFER), account, points, flags=flags)
        other = (to, None) if isinstance(to, int) else (0, to)
        ask = self.ask(key, fields, agent_id=self.code(CodeKind.AUTHOR, agent))
        return replace(ask, others=(other,), digest=key_bytes(repr((fields, other))))

    def household_ask(self, accounts: Sequence[int], points: int, key: str | None = None) -> Ask:
        """Ask to spend points of several accounts, in this order."""
        fields = RequestFields(int(Operation.REDEEM_HOUSEHOLD), int(Kind.ADHOC_REDEEM), accounts[0], points)
        others = [(each, None) for each in accounts[1:]]
        return replace(self.ask(key, fields), others=others, digest=key_bytes(repr((fields, others))))

    def lock_ask(self, account: int, locked: bool, key: str | None = None, agent: str = "") -> Ask:
        """Ask to lock redemptions, or to unlock them; without an agent the member does it."""
        flags = int(RequestFlag.LOCKED) if locked else 0
        fields = RequestFields(int(Operation.SET_REDEMPTION_LOCK), int(Kind.REDEMPTION_LOCK), account, flags=flags)
        return self.ask(key, fields, agent_id=self.code(CodeKind.AUTHOR, agent))

    def link_ask(
        self, account: int, kind: IdentifierKind, value: str, *, unit: str = "", most: int | None = None,
        replaces: str = "", key: str | None = None,
    ) -> Ask:  # fmt: skip
        """Ask to link an identifier, in the place of a card if there is one, under a cap if there is one."""
        unit_id, zone = self.code(CodeKind.BUSINESS_UNIT, unit), self.programs.programs[0].zone
        done = Kind.CARD_REPLACE if replaces else Kind.CARD_LINK if kind in CARDS else Kind.PROFILE_UPDATE
        old = (IdentifierKind.CARD, replaces) if replaces else None
        claim = link_claim(self.tenant, (kind, value), unit_id, most, zone, self.names, old)
        fields = RequestFields(int(Operation.LINK_IDENTIFIER), int(done), account)
        ask = self.ask(key, fields, business_unit_id=unit_id, claim=claim)
        return named(ask, *old) if old else ask

    def groups_ask(self, account: int, group: str, names: Sequence[str], *, is_removal: bool = False) -> Ask:
        """Ask to put a member who is in some groups into another one, or to take it out."""
        fields = RequestFields(int(Operation.CHANGE_GROUPS), int(Kind.INTERVENTION), account)
        reason = int(InterventionReason.OTHER)
        said = Intervention("analyst 7", reason, "n", "tests", group=group, is_removal=int(is_removal))
        before, after = (
            self.code(CodeKind.GROUP_SET, GROUP_SEPARATOR.join(sorted(each)))
            for each in (names, said.groups_after(names))
        )
        ask = self._saying(None, fields, account, said, (*NO_TERMS, reason, 0))
        return replace(ask, group_set_before=before, group_set_id=after)

    def raise_ask(
        self, account: int, key: str | None = None, *, posture: Posture = Posture.BLOCK, duration: int = DAY,
        ends_at: int = 0, context: Context = Context.REDEMPTION,
    ) -> Ask:  # fmt: skip
        """Ask to raise advice by hand: for a while, or until a moment."""
        terms = Terms(int(context), int(posture), 0 if ends_at else duration, ends_at)
        fields = RequestFields(int(Operation.RAISE_ADVICE), int(Kind.INTERVENTION), account)
        return self._intervention(key, fields, account, terms)

    def settle_ask(
        self, operation: Operation, account: int, advice_id: bytes, key: str | None = None, author: str = "analyst 7"
    ) -> Ask:
        """Ask to override or to remove an advice."""
        high, low = (int.from_bytes(half, "little", signed=True) for half in (advice_id[:8], advice_id[8:]))
        fields = RequestFields(int(operation), int(Kind.INTERVENTION), reservation_high=high, reservation_low=low)
        return self._intervention(key, fields, account, author=author)

    def resolve_ask(
        self, account: int, case_id: bytes, outcome: CaseOutcome, author: str = "analyst 7", key_id: str = "tests",
        key: str | None = None,
    ) -> Ask:  # fmt: skip
        """Ask to resolve a case."""
        high, low = (int.from_bytes(half, "little", signed=True) for half in (case_id[:8], case_id[8:]))
        fields = RequestFields(
            int(Operation.RESOLVE_CASE), int(Kind.INTERVENTION), reservation_high=high, reservation_low=low
        )
        said = Intervention(author, int(InterventionReason.RESOLVED), "", key_id, outcome=int(outcome))
        actor = self.code(CodeKind.AUTHOR, author) << 32 | self.code(CodeKind.API_KEY, key_id)
        return self._saying(key, fields, account, said, (*NO_TERMS, int(outcome), actor))

    def status_ask(self, account: int, suspended: bool, key: str | None = None) -> Ask:
        flags = int(RequestFlag.SUSPENDED) if suspended else 0
        fields = RequestFields(int(Operation.SET_ACCOUNT_STATUS), int(Kind.INTERVENTION), account, flags=flags)
        return self._intervention(key, fields, account)

    def _intervention(
        self, key: str | None, fields: RequestFields, account: int, terms: Terms = NO_TERMS, author: str = "analyst 7"
    ) -> Ask:
        said = Intervention(author, int(InterventionReason.FALSE_POSITIVE), "", "tests", *terms)
        return self._saying(key, fields, account, said, (*terms, said.reason, 0))

    def _saying(
        self, key: str | None, fields: RequestFields, account: int, said: Intervention, line: Iterable[int]
    ) -> Ask:
        ask = self.ask(
            key,
            fields,
            lines=b"".join(value.to_bytes(8, "little") for value in line),
            line_count=1,
            body=encode_body("", said.encode()),
        )
        return replace(ask, account_id=account, agent_id=self.code(CodeKind.AUTHOR, said.author))

    def read_ask(
        self, operation: Operation, account: int, province: str = "", redemption_type: str = "", where: Where = NOWHERE
    ) -> Ask:
        kind = int(Kind.ADHOC_REDEEM) if operation in (Operation.QUOTE, Operation.CHECK) else 0
        known = self.code(CodeKind.REDEMPTION_TYPE, redemption_type)
        fields = RequestFields(int(operation), kind, account, redemption_type_id=known, **self.place(where, province))
        return Ask(
            self.tenant, fields.pack(), account_id=account, store_province_id=self.code(CodeKind.PROVINCE, province),
            business_unit_id=self.code(CodeKind.BUSINESS_UNIT, where.unit),
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------------------- answers

    def decide(self, *asks: Ask) -> list[Verdict]:
        """Decide the asks in one batch."""
        return self.decider.decide(asks)

    def one(self, ask: Ask) -> Verdict:
        return self.decide(ask)[0]

    def member(self, points: int = 0, province: str = "", groups: Sequence[str] = ()) -> int:
        """Enroll a member with that many points; return the account."""
        account = self.one(self.enroll_ask(f"member {next(self._keys)}", province, groups=groups)).account_id
        if points:
            assert self.one(self.accrue_ask(account, points * 10, kind=Kind.ACTIVITY)).points == points
        return account

    def authorise(self, account: int, points: int, **rest: Any) -> Verdict:
        return self.one(self.authorise_ask(account, points, **rest))

    def accrue(self, account: int, cents: int, **rest: Any) -> Verdict:
        return self.one(self.accrue_ask(account, cents, **rest))

    def authorise_reserving(self, account: int, points: int, **rest: Any) -> Verdict:
        """Set points aside, to be captured or voided later."""
        return self.authorise(account, points, capture=False, **rest)

    def capture(self, reservation: Verdict, points: int = 0, **rest: Any) -> Verdict:
        return self.one(self.end_ask(Operation.CAPTURE, reservation.transaction_id, points, **rest))

    def extend(self, reservation: Verdict, time_to_live: int = 0, **rest: Any) -> Verdict:
        ask = self.end_ask(Operation.EXTEND, reservation.transaction_id, time_to_live=time_to_live, **rest)
        return self.one(ask)

    def void(self, reservation: Verdict, **rest: Any) -> Verdict:
        return self.one(self.end_ask(Operation.VOID, reservation.transaction_id, **rest))

    def record(self, account: int, at: int, **rest: Any) -> Verdict:
        """Record what happened at a moment in another system."""
        return self.one(self.record_ask(account, at, **rest))

    def give_back(self, original: Verdict, **rest: Any) -> Verdict:
        """Return a transaction, or so much of it."""
        return self.one(self.return_ask(original.transaction_id, **rest))

    def adjust(self, account: int, points: int, **rest: Any) -> Verdict:
        """Give points by hand, or take them."""
        return self.one(self.adjust_ask(account, points, **rest))

    def transfer(self, account: int, to: int | tuple[int, str], points: int, **rest: Any) -> Verdict:
        """Move points to another account."""
        return self.one(self.transfer_ask(account, to, points, **rest))

    def redeem_household(self, accounts: Sequence[int], points: int, **rest: Any) -> Verdict:
        """Spend points of several accounts."""
        return self.one(self.household_ask(accounts, points, **rest))

    def lock(self, account: int, locked: bool = True) -> Verdict:
        return self.one(self.lock_ask(account, locked))

    def quote(self, account: int, province: str = "", redemption_type: str = "", where: Where = NOWHERE) -> Verdict:
        return self.one(self.read_ask(Operation.QUOTE, account, province, redemption_type, where))

    def check(self, account: int) -> Verdict:
        return self.one(self.read_ask(Operation.CHECK, account))

    def balance(self, account: int) -> Verdict:
        return self.one(self.read_ask(Operation.BALANCE, account))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return a table's rows in the order of their numbers."""
        self.catch_up()
        cursor = self.connection.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def legs(self, account: int) -> list[dict[str, Any]]:
        """Return an account's legs in order."""
        return [leg for leg in self.rows("legs") if leg["account_id"] == account]

    def reason_names(self, verdict: Verdict) -> list[str]:
        """Return the rules that the reasons name."""
        return [self.names.text(rule_id) for _, rule_id in verdict.reasons]
