"""A whole ledger without a network, for tests: a real SQLite file, a real kernel, a clock that the test moves.

``Ledger.decide`` takes asks made by its own small methods, so that a test reads as what a member did.
"""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pointguard_server.domain.calendar import to_microseconds
from pointguard_server.domain.codes import CodeKind, Kind, Operation, RequestFlag
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import encode_body
from pointguard_server.engine.ask import Ask, Claim, Verdict
from pointguard_server.engine.batch import Decider
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.memory import Memory
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.rules.compiler import compile_in_child, load_compiled
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.service.ports import NewMember
from pointguard_server.service.program_config import load_program_config
from pointguard_server.service.programs import Versions, build_program
from pointguard_server.service.vault import MemberVault
from pointguard_server.storage.database import migrate
from pointguard_server.storage.directory import Directory
from pointguard_server.storage.keyring import KeyRing
from pointguard_server.storage.sqlite_ledger import SqliteLedger, open_writer

EARN = 'rule "base"\n    earn base order.total * 10\n'
"""Ten points a dollar."""

CONFIG = """
[program]
code = "test"
name = "Test"
time_zone = "America/Toronto"
currency = "CAD"
[program.redemption]
points = 100
money_minor = 100
{controls}
[program.earn]
rules = "earn.rules"
{rules}
"""
"""A point is worth a cent."""

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
TENANT = 1


@dataclass
class ManualClock:
    """A clock that stands still until moved."""

    moment: int

    def now(self) -> int:
        return self.moment

    def set(self, text: str) -> None:
        """Set the clock to an ISO 8601 moment."""
        self.moment = to_microseconds(datetime.fromisoformat(text))


@dataclass
class Ledger:
    """A program of one tenant, and its members."""

    directory: Path
    cache: Path
    rules: str = ""
    controls: str = ""
    earn: str = EARN
    accounts_max: int = 1_000
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_790_000_000_000_000))
    decider: Decider = field(init=False)
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.path = self.directory / "ledger.sqlite3"
        migrate(self.path)
        self.connection = open_writer(self.path)
        self.vault = MemberVault(KeyRing.open_or_create(self.directory / "keyring.json"))
        self.names = Directory(self.vault)
        config = load_program_config(CONFIG.format(controls=self.controls, rules=self.rules), "test")
        rule_set = load_rule_set(self.earn, "test")
        compile_in_child(rule_set, self.cache)
        compiled = load_compiled(rule_set, self.cache)
        now = self.clock.now()
        tenant = self.names.tenant(self.connection, "test", "Test", now)
        program_id = self.names.program(self.connection, tenant, "test")
        versions = [
            self.names.version(self.connection, tenant, program_id, *source, now)
            for source in (("earn rules", self.earn), ("configuration", self.rules + self.controls))
        ]
        program = build_program(
            config,
            rule_set,
            compiled,
            Versions(program_id, tenant, *versions),
            lambda kind, text: self.names.intern(self.connection, tenant, kind, text),
        )
        self.names.load(self.connection)
        self.programs = Programs([program])
        self.store = SqliteLedger(self.connection, self.names, 1)
        self.restart_decider()

    def restart_decider(self) -> None:
        """Forget all that memory holds, as a restart would."""
        self.decider = Decider(
            self.store, Memory(self.accounts_max, self.programs.measures_max), self.programs, self.clock
        )

    def close(self) -> None:
        self.connection.close()

    # ------------------------------------------------------------------------------------------------------------ asks

    def ask(self, key: str | None, fields: RequestFields, **rest: Any) -> Ask:
        """Return an ask with a digest that is its fields."""
        key = key or f"key {next(self._keys)}"
        digest = key_bytes(repr(fields))
        return Ask(TENANT, fields.pack(), key_bytes(key), digest, account_id=fields.account_id, **rest)

    def enroll_ask(self, loyalty_id: str, province: str = "", key: str | None = None) -> Ask:
        member = NewMember(1, ((IdentifierKind.LOYALTY_ID, loyalty_id),), b"")
        claim = Claim(
            lambda store, now: (*store.enroll(TENANT, member, now), 1),
            lambda: self.names.forget(TENANT, member.identifiers),
        )
        fields = RequestFields(
            int(Operation.ENROLL), int(Kind.PROFILE_UPDATE), province_id=self.code(CodeKind.PROVINCE, province)
        )
        return self.ask(key, fields, claim=claim)

    def code(self, kind: CodeKind, text: str) -> int:
        return self.names.intern(self.connection, TENANT, kind, text) if text else 0

    def authorise_ask(
        self, account: int, points: int, key: str | None = None, *, capture: bool = True, partial: bool = False,
        time_to_live: int = 0, province: str = "", kind: Kind = Kind.ADHOC_REDEEM,
    ) -> Ask:  # fmt: skip
        flags = (RequestFlag.CAPTURE if capture else 0) | (RequestFlag.ALLOW_PARTIAL if partial else 0)
        fields = RequestFields(
            int(Operation.AUTHORISE), int(kind), account, points, flags=int(flags), time_to_live=time_to_live
        )
        return self.ask(key, fields, store_province_id=self.code(CodeKind.PROVINCE, province))

    def accrue_ask(self, account: int, cents: int, key: str | None = None, kind: Kind = Kind.PURCHASE) -> Ask:
        fields = RequestFields(int(Operation.ACCRUE), int(kind), account, money=cents)
        line = [0, 0, 0, 1_000_000, cents * 10_000]
        return self.ask(
            key,
            fields,
            currency=currency_number("CAD"),
            lines=b"".join(value.to_bytes(8, "little") for value in line),
            line_count=1,
            body=encode_body("receipt", b""),
        )

    def end_ask(self, operation: Operation, reservation: bytes, points: int = 0, key: str | None = None) -> Ask:
        high, low = (int.from_bytes(half, "little", signed=True) for half in (reservation[:8], reservation[8:]))
        fields = RequestFields(int(operation), points=points, reservation_high=high, reservation_low=low)
        return self.ask(key, fields, reservation=reservation)

    def lock_ask(self, account: int, locked: bool) -> Ask:
        flags = int(RequestFlag.LOCKED) if locked else 0
        return self.ask(
            None, RequestFields(int(Operation.SET_REDEMPTION_LOCK), int(Kind.REDEMPTION_LOCK), account, flags=flags)
        )

    def read_ask(self, operation: Operation, account: int, province: str = "") -> Ask:
        kind = int(Kind.ADHOC_REDEEM) if operation is Operation.QUOTE else 0
        fields = RequestFields(int(operation), kind, account)
        return Ask(
            TENANT, fields.pack(), account_id=account, store_province_id=self.code(CodeKind.PROVINCE, province)
        )

    # --------------------------------------------------------------------------------------------------------- answers

    def decide(self, *asks: Ask) -> list[Verdict]:
        """Decide the asks in one batch."""
        return self.decider.decide(asks)

    def one(self, ask: Ask) -> Verdict:
        return self.decide(ask)[0]

    def member(self, points: int = 0, province: str = "") -> int:
        """Enroll a member with that many points; return the account."""
        account = self.one(self.enroll_ask(f"member {next(self._keys)}", province)).account_id
        if points:
            assert self.one(self.accrue_ask(account, points * 10, kind=Kind.ACTIVITY)).points == points
        return account

    def authorise(self, account: int, points: int, **rest: Any) -> Verdict:
        return self.one(self.authorise_ask(account, points, **rest))

    def accrue(self, account: int, cents: int, **rest: Any) -> Verdict:
        return self.one(self.accrue_ask(account, cents, **rest))

    def reason_names(self, verdict: Verdict) -> list[str]:
        """Return the rules that the reasons name."""
        return [self.names.text(rule_id) for _, rule_id in verdict.reasons]
