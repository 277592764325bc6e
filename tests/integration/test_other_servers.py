"""Servers that share a ledger in PostgreSQL, each with a memory of its own: together they decide as one would."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pointguard_server.domain.codes import Decision, Operation, Outcome, Reason
from pointguard_server.domain.errors import ProgramChanged, StorageUnavailable
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine import following
from pointguard_server.engine.ask import Ask, Verdict
from tests.integration.audit import audit
from tests.support.ledger import DAY, HOUR, MINUTE, Ledger, ManualClock, Where, named, open_ledger, sandboxed
from tests.support.postgres import PostgresCluster

APPROVED, DECLINED = Decision.APPROVED, Decision.DECLINED
CARD = IdentifierKind.CARD


def fraud_rule(name: str, scope: str, window: str, threshold: int, measure: str = "COUNT", net: str = "false") -> str:
    return f"""
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
scope = "{scope}"
counts = {{ parts = ["REDEEM"], attempts = "APPROVED" }}
measure = "{measure}"
window = {{ {window} }}
threshold = {threshold}
posture = "BLOCK"
duration = "1h"
net_of_reversals = {net}
"""


RULES = (
    fraud_rule("store-points", "STORE", 'calendar = "DAY"', 4_000, "POINTS", "true")
    + fraud_rule("cashier-hour", "CASHIER", 'rolling = "1h"', 12)
    + fraud_rule("group-day", "GROUP", 'rolling = "1d"', 2_500, "POINTS", "true")
    + fraud_rule("account-hour", "ACCOUNT", 'rolling = "1h"', 4)
    + """
[[fraud_rule]]
name = "busy-agent"
scope = "AGENT"
context = "ADJUSTMENT"
counts = { kinds = ["DISCRETIONARY"], attempts = "APPROVED" }
measure = "COUNT"
window = { calendar = "DAY" }
threshold = 2
posture = "BLOCK"
duration = "2d"
"""
)
SETTINGS: dict[str, Any] = {
    "rules": RULES, "adjustments": '[program.adjustments]\nreason_codes = ["GOODWILL"]\n', "back_end": sandboxed,
}  # fmt: skip


class Servers:
    """Some ledgers on one database, and one by itself on SQLite that is asked the same."""

    def __init__(self, stack: ExitStack, url: str, count: int = 2, **settings: Any) -> None:
        self.clock = ManualClock(1_790_000_000_000_000)
        settings = SETTINGS | settings | {"clock": self.clock}
        self.alone = stack.enter_context(open_ledger(**settings))
        # No two of them make the same key.
        shared = settings | {"postgres_url": url, "_keys": itertools.count()}
        self.sharing = [stack.enter_context(open_ledger(**shared)) for _ in range(count)]
        for ledger in self.sharing[1:]:
            # As copies of one key ring: each finds the members of the others.
            ledger.vault._custodian = self.sharing[0].vault._custodian

    @property
    def first(self) -> Ledger:
        return self.sharing[0]

    @property
    def second(self) -> Ledger:
        return self.sharing[1]


NewServers = Callable[..., Servers]


@pytest.fixture
def new_servers(postgres_cluster: PostgresCluster) -> Iterator[NewServers]:
    """Opens servers on a database of their own."""
    with ExitStack() as stack:
        yield lambda **settings: Servers(stack, stack.enter_context(postgres_cluster.ledger()), **settings)


def told(verdict: Verdict) -> tuple[object, ...]:
    """What a verdict says, but for what is drawn by chance."""
    advice = [each._replace(advice_id=b"") for each in verdict.advice]
    return (*verdict._replace(transaction_id=b"", leg_row=0, first_entry=0, advice=()), advice)


class Walk:
    """Asks the same of the one and, in turn, of one of those that share; remembers what can be undone."""

    def __init__(self, servers: Servers, seed: int) -> None:
        self.servers, self.random = servers, random.Random(seed)
        self.accounts: list[int] = []
        self.holds: list[tuple[Verdict, Verdict]] = []
        self.spent: list[tuple[Verdict, Verdict]] = []
        self.cases: list[tuple[bytes, bytes]] = []
        self.cards: dict[int, str] = {}
        self.steps = self.recounts = 0

    def ask(self, make: Callable[[Ledger, int], Ask]) -> tuple[Verdict, Verdict]:
        """Have both decide; ``make`` is given the ledger, and which of the two it is."""
        self.steps += 1
        server = self.random.choice(self.servers.sharing)
        server.decider.write(lambda _connection: None)
        if (recount := server.decider.recounting) is not None:
            # What was too much to be counted in the step is counted beside the writer, and known then.
            self.recounts += 1
            server.decider.take_counted(recount)
            assert server.decider.recounting is None
        theirs, ours = server.one(make(server, 1)), self.servers.alone.one(make(self.servers.alone, 0))
        assert told(theirs) == told(ours), self.steps
        return ours, theirs

    def step(self) -> None:  # noqa: C901  (one case a line of what may be asked)
        draw, steps = self.random.random(), self.random
        self.servers.clock.moment += steps.choice((0, 1, 1, MINUTE, 5 * MINUTE, HOUR, DAY // 6))
        where = Where(steps.choice(("north", "south")), steps.choice(("ann", "bob")))
        key = f"step {self.steps}"
        if len(self.accounts) < 6 or draw < 0.02:
            groups = steps.choice(((), ("vip",), ("staff", "vip")))
            name = f"member {self.steps}"
            made, _ = self.ask(lambda ledger, _: ledger.enroll_ask(name, key=key, groups=groups))
            self.accounts.append(made.account_id)
            return
        account, points, other = steps.choice(self.accounts), steps.randrange(1, 900), steps.choice(self.accounts)
        match int(draw * 20):
            case 0 | 1 | 2 | 3:
                self.ask(lambda ledger, _: ledger.accrue_ask(account, 20 * points, key, where=where))
            case 4 | 5 | 6:
                spent = self.ask(lambda ledger, _: ledger.authorise_ask(account, points, key, where=where))
                self.spent += [spent] if spent[0].decision == APPROVED else []
            case 7 | 8 | 9:
                asked: dict[str, Any] = {
                    "capture": False, "time_to_live": steps.choice((HOUR, 2 * DAY)), "where": where,
                }  # fmt: skip
                held = self.ask(lambda ledger, _: ledger.authorise_ask(account, points, key, **asked))
                self.holds += [held] if held[0].decision == APPROVED else []
            case 10 | 11 if self.holds:
                hold = self.holds.pop(steps.randrange(len(self.holds)))
                operation = steps.choice((Operation.CAPTURE, Operation.VOID))
                part = hold[0].points // 2 if operation is Operation.CAPTURE else 0
                ended = self.ask(lambda ledger, of: ledger.end_ask(operation, hold[of].transaction_id, part, key))
                if ended[0].decision == APPROVED and operation is Operation.CAPTURE and not ended[0].outcome:
                    self.spent.append(ended)
            case 12 | 13 if self.spent:
                original, part = steps.choice(self.spent), steps.choice((0, 1, 7))
                self.ask(lambda ledger, of: ledger.return_ask(original[of].transaction_id, points=part, key=key))
            case 14:
                agent = steps.choice(("agent 7", "agent 8"))
                self.ask(lambda ledger, _: ledger.adjust_ask(account, points, agent=agent, key=key))
            case 15:
                locked = steps.random() < 0.5
                self.ask(lambda ledger, _: ledger.lock_ask(account, locked, key))
            case 16:
                self.ask(lambda ledger, _: ledger.transfer_ask(account, other, points, key))
            case 17:
                old, new = self.cards.get(account, ""), f"card {self.steps}"
                self.ask(lambda ledger, _: ledger.link_ask(account, CARD, new, replaces=old, key=key))
                self.cards[account] = new
            case 18 if self.cards:
                # By a card that may have been replaced meanwhile, at another server.
                holder = steps.choice(list(self.cards))
                card = steps.choice((self.cards[holder], f"card {steps.randrange(self.steps)}"))
                self.ask(lambda ledger, _: named(ledger.accrue_ask(0, 500, key), CARD, card))
            case _:
                operation = steps.choice((Operation.BALANCE, Operation.QUOTE, Operation.CHECK))
                self.ask(lambda ledger, _: ledger.read_ask(operation, account, where=where))


@pytest.mark.parametrize(("seed", "most"), [(1, 32_768), (3, 1)])
def test_servers_that_take_turns_decide_as_one_does(
    new_servers: NewServers, monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    monkeypatch.setattr(following, "ACCOUNTS_MAX", most)
    servers = new_servers(count=3)
    walk = Walk(servers, seed)
    for _ in range(110):
        walk.step()
    assert (walk.recounts > 10) == (most == 1)
    for ledger in (servers.first, servers.alone):
        audit(ledger)
    assert len(servers.first.rows("legs")) > 60
    reasons = {code for leg in servers.first.rows("legs") for code in (leg["reason"],)}
    assert len(reasons) >= 3, "more than one thing must have been declined"


def test_advice_about_an_agent_that_one_raises_binds_him_at_the_other(new_servers: NewServers) -> None:
    servers = new_servers()
    accounts = [servers.first.member() for _ in range(3)]
    servers.second.balance(accounts[0])
    decisions = [servers.first.adjust(account, 5).decision for account in accounts]
    assert decisions == [APPROVED, APPROVED, DECLINED]
    # The window is another day's; the advice stands for two.
    servers.clock.moment += DAY
    blocked = servers.second.adjust(accounts[0], 5)
    assert [code for code, _ in blocked.reasons] == [Reason.ADVICE_BLOCK]
    assert servers.second.adjust(accounts[0], 5, agent="agent 8").decision == APPROVED


def test_a_card_that_one_replaces_finds_nobody_at_the_other(new_servers: NewServers) -> None:
    servers = new_servers()
    account = servers.first.member(100)
    servers.first.one(servers.first.link_ask(account, CARD, "old"))
    by_card = named(servers.second.accrue_ask(0, 500), CARD, "old")
    assert servers.second.one(by_card).account_id == account
    servers.first.one(servers.first.link_ask(account, CARD, "new", replaces="old"))
    for card, outcome in (("old", Outcome.ACCOUNT_UNKNOWN), ("new", Outcome.DONE)):
        assert servers.second.one(named(servers.second.accrue_ask(0, 500), CARD, card)).outcome == outcome


@pytest.mark.parametrize("is_done", [True, False])
def test_a_commit_that_nobody_heard_the_end_of_is_found_behind_what_another_server_has_written(
    new_servers: NewServers, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    servers, store = new_servers(), Where("north")
    account, other = servers.first.member(5_000), servers.first.member(5_000)
    commit = servers.first.database.commit

    def lose() -> None:
        if is_done:
            commit()
        raise StorageUnavailable

    spends = servers.first.authorise_ask(account, 1_000, "unsure", where=store)
    with monkeypatch.context() as patched:
        patched.setattr(servers.first.database, "commit", lose)
        with pytest.raises(StorageUnavailable):
            servers.first.one(spends)
    assert servers.second.authorise(other, 500, where=store).decision == APPROVED
    assert servers.first.one(spends).replayed == is_done
    # Whoever counted the thousand twice, or not at all, would leave another amount of the store's.
    for ledger in servers.sharing:
        assert ledger.quote(other, where=store).points == 2_500
    audit(servers.first)


def test_nothing_is_decided_after_a_change_of_the_program_that_was_not_taken_up(new_servers: NewServers) -> None:
    servers = new_servers()
    account = servers.first.member(100)
    decider, others = servers.second.decider, servers.second.database.others
    assert others is not None
    decider.write(lambda _connection: None)
    decider.take_up(others.latest_change.number)
    assert servers.second.authorise(account, 1).decision == APPROVED
    servers.first.store_in("CA-ON")
    with pytest.raises(ProgramChanged):
        servers.second.authorise(account, 1)
    # What it changes itself it has taken up; what another one changed before that, it has not.
    servers.second.store_in("CA-QC")
    assert decider.write(lambda _connection: 7) == 7
    with pytest.raises(ProgramChanged):
        servers.second.authorise(account, 1)
    decider.take_up(others.latest_change.number)
    decider.write(lambda connection: servers.second.names.add_store(connection, 1, "new", "MAIN", "CA", "CA-BC"))
    decider.write(lambda connection: servers.second.names.version_stores(connection, 1, 5))
    assert servers.second.authorise(account, 1).decision == APPROVED
