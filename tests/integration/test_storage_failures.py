"""What a failing database does: nothing is said, nothing is kept, and the next batch is right."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from pointguard_server.domain.codes import Decision, Operation, Reason
from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.engine import Engine
from pointguard_server.service import directives
from pointguard_server.service.directive import Stop
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.service.stops import Stops
from pointguard_server.storage import account_histories
from pointguard_server.storage.directives import STOPS, DirectiveStore
from tests.integration.audit import audit
from tests.support.ledger import DAY, SECOND, Ledger

BURN = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_WEEK"
window = { rolling = "7d" }
threshold = 3
posture = "BLOCK"
duration = "1d"
"""
RING = """
[[fraud_rule]]
name = "ring"
context = "REDEMPTION"
scope = "PROGRAM"
counts = { parts = ["REDEEM"], attempts = "APPROVED" }
measure = "POINTS"
window = { rolling = "7d" }
threshold = 100
posture = "BLOCK"
duration = "0s"
net_of_reversals = true
"""


class FailingConnection:
    """The writer's connection, but a statement that begins or ends with ``failing`` raises.

    With ``late`` it does so when the statement was run.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.failing = ""
        self.late = False
        self.error: sqlite3.Error = sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        fails = bool(self.failing) and (statement.startswith(self.failing) or statement.endswith(self.failing))
        if fails and not self.late:
            raise self.error
        cursor = self._connection.execute(statement, *values)
        if fails:
            raise self.error
        return cursor


@pytest.fixture
def failing(new_ledger: Callable[..., Ledger]) -> tuple[Ledger, FailingConnection]:
    """A ledger, and the connection that it writes by."""
    ledger = new_ledger(rules=BURN)
    connection = FailingConnection(ledger.connection)
    ledger.database._connection = ledger.database._histories._connection = connection
    return ledger, connection


STATEMENTS = (
    "BEGIN",
    "SELECT idempotency_key",
    "INSERT INTO legs",
    "INSERT INTO entries",
    "INSERT INTO advice",
    "INSERT INTO batches",
    "COMMIT",
)


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.sqlite
def test_a_batch_that_cannot_be_written_leaves_no_trace_and_the_next_one_is_right(
    failing: tuple[Ledger, FailingConnection], statement: str
) -> None:
    ledger, connection = failing
    account, other = ledger.member(100), ledger.member(100)
    reserved = ledger.authorise_reserving(account, 10, time_to_live=DAY)
    for _ in range(2):
        ledger.authorise(account, 1)
    before = {table: ledger.rows(table) for table in ("legs", "entries", "advice", "batches", "members")}
    # The lock, the reservation's end, the advice raised and the new member must all be forgotten.
    asks = [
        ledger.authorise_ask(account, 1),
        ledger.end_ask(Operation.CAPTURE, reserved.transaction_id),
        ledger.authorise_ask(other, 50),
        ledger.lock_ask(account, locked=True),
        ledger.enroll_ask("newcomer"),
    ]
    connection.failing = statement
    with pytest.raises(StorageUnavailable):
        ledger.decide(*asks)
    connection.failing = ""
    assert {table: ledger.rows(table) for table in before} == before
    assert not ledger.connection.in_transaction
    assert (ledger.balance(account).posted, ledger.balance(account).reserved) == (98, 10)
    assert ledger.check(account).advice == ()
    verdicts = ledger.decide(*asks)
    assert [verdict.decision for verdict in verdicts] == [2, 1, 1, 1, 1]
    assert (verdicts[1].posted, verdicts[2].posted) == (88, 50)
    assert not any(verdict.replayed for verdict in verdicts)
    audit(ledger)


@pytest.mark.parametrize("statement", [*STATEMENTS, "late"])
@pytest.mark.sqlite
def test_a_batch_that_cannot_be_written_counts_for_no_wider_window_and_one_that_was_counts_once(
    failing: tuple[Ledger, FailingConnection], statement: str
) -> None:
    ledger, connection = failing
    ledger.change(rules=RING)
    first, second = ledger.member(1_000), ledger.member(1_000)
    reserved = ledger.authorise_reserving(first, 40, time_to_live=DAY)
    asks = [
        ledger.end_ask(Operation.VOID, reserved.transaction_id),
        ledger.authorise_ask(first, 50),
        ledger.authorise_ask(second, 30),
        ledger.authorise_ask(second, 60),  # trips
        ledger.enroll_ask("newcomer"),
    ]
    connection.late = statement == "late"
    connection.failing = "COMMIT" if connection.late else statement
    with pytest.raises(StorageUnavailable):
        ledger.decide(*asks)
    connection.failing = ""
    # Where the commit was done after all, 80 points count; if not, the 40 that are set aside.
    assert ledger.quote(second).points == (20 if connection.late else 60)
    ledger.decide(*asks)
    assert ledger.quote(second).points == 20
    assert ledger.rehearse(ledger.read_ask(Operation.QUOTE, second))[0].points == 20


def test_late_activity_that_cannot_be_written_counts_for_no_window_that_has_passed(
    failing: tuple[Ledger, FailingConnection],
) -> None:
    ledger, connection = failing
    day = RING.replace('rolling = "7d"', 'calendar = "DAY"').replace("threshold = 100", "threshold = 4")
    ledger.change(rules=day)
    account = ledger.member(1_000)
    ledger.authorise(account, 3)
    ledger.clock.moment += 3 * DAY
    ledger.authorise(account, 2)
    told = ledger.record_ask(account, ledger.clock.now() - DAY, points=5)
    connection.failing = "COMMIT"
    with pytest.raises(StorageUnavailable):
        ledger.one(told)
    connection.failing = ""
    assert [advice.measured for advice in ledger.one(told).advice] == [5]
    assert ledger.quote(account).points == 2


def test_an_account_that_cannot_be_read_is_not_taken_for_an_empty_one(
    failing: tuple[Ledger, FailingConnection],
) -> None:
    ledger, connection = failing
    account = ledger.member(100)
    ledger.restart_decider()
    for statement in (account_histories.READ_NEWEST, account_histories.READ_ADVICE, account_histories.READ_LOTS):
        connection.failing = statement
        with pytest.raises(StorageUnavailable):
            ledger.authorise(account, 1)
    connection.failing = ""
    assert ledger.authorise(account, 100).decision == Decision.APPROVED


def test_a_failed_flush_says_that_the_process_must_not_go_on(failing: tuple[Ledger, FailingConnection]) -> None:
    ledger, connection = failing
    account = ledger.member(100)
    connection.failing, connection.error = "COMMIT", sqlite3.OperationalError("disk I/O error")
    connection.error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    with pytest.raises(StorageBroken):
        ledger.authorise(account, 1)


def test_after_a_commit_that_was_done_and_reported_as_failed_the_same_key_finds_the_answer(
    failing: tuple[Ledger, FailingConnection],
) -> None:
    ledger, connection = failing
    account = ledger.member(100)
    ask = ledger.authorise_ask(account, 40)
    connection.failing, connection.late = "COMMIT", True
    with pytest.raises(StorageUnavailable):
        ledger.one(ask)
    connection.failing = ""
    again = ledger.one(ask)
    assert (again.replayed, again.decision, again.posted) == (True, Decision.APPROVED, 60)
    assert ledger.authorise(account, 60).decision == Decision.APPROVED
    audit(ledger)


def test_a_clock_that_steps_back_never_makes_the_ledger_go_back(ledger: Ledger) -> None:
    account = ledger.member(100)
    ledger.authorise(account, 1)
    latest = ledger.decider.heads.accepted_at
    ledger.clock.moment -= DAY
    for restarted in (False, True):
        if restarted:
            ledger.restart_decider()
        ledger.authorise(account, 1)
    times = [leg["accepted_at"] for leg in ledger.legs(account)]
    assert times[-2:] == [latest + 1, latest + 2]
    audit(ledger)


def test_a_clock_that_steps_back_after_a_quote_gives_no_cap_twice(new_ledger: Callable[..., Ledger]) -> None:
    ledger = new_ledger(controls='daily_cap = { money_minor = 100, posture = "BLOCK" }')
    account = ledger.member(1_000)
    ledger.clock.set("2026-11-10T23:59:50-05:00")
    assert ledger.authorise(account, 100).decision == Decision.APPROVED
    ledger.clock.set("2026-11-11T00:00:10-05:00")
    assert ledger.quote(account).points == 100
    ledger.clock.moment -= 15 * SECOND
    assert ledger.authorise(account, 1).decision == ledger.rehearse(ledger.authorise_ask(account, 1))[0].decision


async def test_a_stop_whose_commit_nobody_heard_of_is_heeded_without_a_retry(
    failing: tuple[Ledger, FailingConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, connection = failing
    monkeypatch.setattr(directives, "LOOK_AGAIN_S", 0.01)
    account = ledger.member(100)
    engine = Engine(ledger.decider, ledger.store.write)
    engine.start()
    place = (1, ledger.programs.programs[0].program_id)
    stops = Stops(engine, ledger.decider, DirectiveStore(STOPS), cast("Any", None), ledger.names, place)
    wanted = Stop(0, 0, 0, 0, 0, ledger.clock.now() + DAY, Intervention("analyst 7", 1))
    connection.failing, connection.late = "COMMIT", True
    with pytest.raises(StorageUnavailable):
        await stops.add(wanted, RequestKey(bytes(16), bytes(16)))
    connection.failing = ""
    looking = stops._looking
    assert looking is not None
    await asyncio.wait_for(looking, 10)
    (verdict,) = await engine.submit([ledger.authorise_ask(account, 1)], time.monotonic() + 10)
    assert (verdict.decision, verdict.reasons[0][0]) == (Decision.DECLINED, Reason.REDEMPTIONS_STOPPED)
    await engine.stop()
