"""A terminal without a line: what it approves, what it keeps through a power cut, and what it sends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from pointguard.v1 import offline_pb2
from pointguard_client import (
    Accrue,
    Decision,
    Identifier,
    Money,
    NotFound,
    Overloaded,
    RefusedOccurrence,
    TakenOccurrence,
    Unavailable,
    Upload,
)
from pointguard_client.errors import Failure
from pointguard_client.offline import AllowanceInvalid, Approval, NotCovered, OfflineTerminal, Refusal
from pointguard_client.results import Balance
from tests.support.allowances import ISSUED, MEMBER, STORE, TERMINAL, Signer

KEY = bytes(range(32))
PURCHASE = Accrue(MEMBER, Money(42_50, "CAD"))


class Clock:
    """A till's clock, which a test moves."""

    def __init__(self) -> None:
        self.now = ISSUED

    def __call__(self) -> datetime:
        return self.now


class Server:
    """Takes uploads as the server does, each number once; `lost_answers` calls are taken and not answered."""

    def __init__(self, lost_answers: int = 0) -> None:
        self.taken: dict[int, offline_pb2.Occurrence] = {}
        self.lost_answers = lost_answers
        self.refuses: set[int] = set()
        self.puts_off: set[int] = set()

    async def send(self, message: offline_pb2.UploadOccurrencesRequest, **_: object) -> Upload:
        assert (message.store_id, message.terminal_id) == (STORE, TERMINAL)
        for each in message.occurrences:
            assert self.taken.setdefault(each.sequence, each) == each
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable(Failure("UNAVAILABLE"), "UploadOccurrences", "")
        results = [self._result(each.sequence) for each in message.occurrences]
        return Upload(tuple(results), max(self.taken, default=0))

    def _result(self, sequence: int) -> TakenOccurrence | RefusedOccurrence:
        if sequence in self.refuses:
            return RefusedOccurrence(sequence, NotFound(Failure("NOT_FOUND"), "UploadOccurrences", ""))
        if sequence in self.puts_off:
            return RefusedOccurrence(sequence, Overloaded(Failure("RESOURCE_EXHAUSTED"), "UploadOccurrences", ""))
        return TakenOccurrence(sequence, "", 7, Decision.APPROVED, (), 0, Balance(0, 0, 0, 0))

    def spent(self) -> int:
        return sum(each.redemption.points for each in self.taken.values())


async def upload(terminal: OfflineTerminal, server: Server) -> Any:
    return await terminal.upload(cast("Any", server))


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reopen(tmp_path: Path, clock: Clock) -> Callable[..., OfflineTerminal]:
    """Opens the terminal's queue as a till that starts does."""

    def opened(path: Path = tmp_path / "till-3.queue") -> OfflineTerminal:
        return OfflineTerminal.open(path, KEY, store_id=STORE, terminal_id=TERMINAL, clock=clock)

    return opened


@pytest.fixture
def terminal(reopen: Callable[..., OfflineTerminal], signer: Signer) -> OfflineTerminal:
    """A terminal that trusts the signer."""
    opened = reopen()
    opened.trust([signer.key])
    return opened


def refusal_of(terminal: OfflineTerminal, points: int) -> Refusal:
    with pytest.raises(NotCovered) as refused:
        terminal.redeem(MEMBER, points)
    return refused.value.refusal


def test_an_allowance_is_spent_up_to_its_points_and_no_further(terminal: OfflineTerminal, signer: Signer) -> None:
    assert refusal_of(terminal, 1) is Refusal.NO_ALLOWANCE
    terminal.keep(signer.allowance(500, each=300), MEMBER)
    assert refusal_of(terminal, 301) is Refusal.TOO_MANY_AT_ONCE
    approval = terminal.redeem(MEMBER, 301 - 2, receipt="R-1")
    assert (approval.sequence, approval.points, approval.money) == (1, 299, Money(448, "CAD"))
    assert refusal_of(terminal, 202) is Refusal.NOT_ENOUGH_LEFT
    terminal.redeem(MEMBER, 201)
    assert refusal_of(terminal, 1) is Refusal.NOT_ENOUGH_LEFT
    assert terminal.waiting == 2


def test_an_expired_allowance_approves_nothing_also_when_the_clock_is_put_back(
    terminal: OfflineTerminal, signer: Signer, clock: Clock
) -> None:
    kept = terminal.keep(signer.allowance(500), MEMBER)
    clock.now = kept.expires_at - timedelta(microseconds=1)
    terminal.redeem(MEMBER, 1)
    clock.now = kept.expires_at
    assert refusal_of(terminal, 1) is Refusal.EXPIRED
    clock.now = ISSUED
    assert refusal_of(terminal, 1) is Refusal.EXPIRED


def test_what_was_refused_as_expired_stays_so_and_a_clock_far_ahead_spoils_nothing_else(
    terminal: OfflineTerminal, reopen: Callable[..., OfflineTerminal], signer: Signer, clock: Clock
) -> None:
    kept = terminal.keep(signer.allowance(500), MEMBER)
    clock.now = kept.expires_at + timedelta(days=30_000)
    assert refusal_of(terminal, 1) is Refusal.EXPIRED
    clock.now = ISSUED + timedelta(minutes=1)
    terminal.close()
    terminal = reopen()
    assert refusal_of(terminal, 1) is Refusal.EXPIRED
    terminal.keep(signer.allowance(100, lives=timedelta(hours=9)), MEMBER)
    assert terminal.redeem(MEMBER, 100).occurred_at > kept.expires_at


def test_nothing_is_approved_before_the_allowance_was_issued(
    terminal: OfflineTerminal, signer: Signer, clock: Clock
) -> None:
    clock.now = ISSUED - timedelta(days=20_000)
    terminal.keep(signer.allowance(100), MEMBER)
    assert terminal.redeem(MEMBER, 1).occurred_at > ISSUED


async def test_a_queue_that_is_written_anew_under_a_wrong_clock_forgets_nothing_that_was_spent(
    terminal: OfflineTerminal, signer: Signer, clock: Clock
) -> None:
    allowance = signer.allowance(500)
    terminal.keep(allowance, MEMBER)
    terminal.redeem(MEMBER, 500)
    await upload(terminal, Server())
    clock.now = ISSUED + timedelta(days=30_000)
    terminal.compact()
    clock.now = ISSUED + timedelta(minutes=1)
    assert terminal.keep(allowance, MEMBER).left == 0
    assert refusal_of(terminal, 1) is Refusal.NOT_ENOUGH_LEFT


@pytest.mark.parametrize("changed", ["terms", "signature", "key", "terminal"])
def test_an_allowance_that_no_trusted_key_has_signed_for_this_terminal_is_not_kept(
    terminal: OfflineTerminal, signer: Signer, changed: str
) -> None:
    allowance = signer.allowance(500)
    forged = {
        "terms": replace(allowance, terms=allowance.terms[:-1] + bytes([allowance.terms[-1] ^ 1])),
        "signature": replace(allowance, signature=bytes(64)),
        "key": Signer().allowance(500),
        "terminal": signer.allowance(500, terminal="till-4"),
    }[changed]
    if changed == "key":
        forged = replace(forged, key_id="2-other")
    with pytest.raises(AllowanceInvalid):
        terminal.keep(forged, MEMBER)
    assert terminal.allowances(MEMBER) == []


def test_the_allowance_that_expires_first_and_suffices_is_spent_first(
    terminal: OfflineTerminal, signer: Signer
) -> None:
    late = terminal.keep(signer.allowance(100, lives=timedelta(hours=9)), MEMBER)
    early = terminal.keep(signer.allowance(100), MEMBER)
    terminal.keep(signer.allowance(100), Identifier.loyalty_id("386"))
    spent = [terminal.redeem(MEMBER, points).allowance_id for points in (60, 60, 40)]
    assert spent == [early.allowance_id, late.allowance_id, early.allowance_id]


def test_what_is_given_back_is_spent_no_more_and_is_told_behind_what_was_spent(
    terminal: OfflineTerminal, signer: Signer
) -> None:
    kept = terminal.keep(signer.allowance(100), MEMBER)
    terminal.redeem(MEMBER, 30)
    terminal.give_back(kept.allowance_id)
    terminal.give_back(kept.allowance_id)
    assert (kept.left, terminal.waiting) == (0, 2)
    assert refusal_of(terminal, 1) is Refusal.EXPIRED
    used_up = terminal.keep(signer.allowance(5), MEMBER)
    terminal.redeem(MEMBER, 5)
    terminal.give_back(used_up.allowance_id)
    assert terminal.waiting == 3


async def test_an_upload_that_breaks_off_is_sent_again_as_it_was_and_lands_once(
    terminal: OfflineTerminal, reopen: Callable[..., OfflineTerminal], signer: Signer
) -> None:
    terminal.keep(signer.allowance(500), MEMBER)
    terminal.redeem(MEMBER, 100)
    terminal.record(PURCHASE)
    server = Server(lost_answers=1)
    server.refuses = {2}
    with pytest.raises(Unavailable):
        await upload(terminal, server)
    terminal.close()
    terminal = reopen()
    assert terminal.waiting == 2
    report = await upload(terminal, server)
    assert [each.sequence for each in report.taken] == [1]
    assert [each.sequence for each in report.refused] == [2]
    assert (terminal.waiting, server.spent()) == (0, 100)
    assert terminal.record(PURCHASE) == 3


async def test_what_the_server_cannot_take_now_goes_on_waiting_alone(terminal: OfflineTerminal, signer: Signer) -> None:
    terminal.keep(signer.allowance(500), MEMBER)
    for _ in range(3):
        terminal.redeem(MEMBER, 100)
    server = Server()
    server.puts_off = {2}
    report = await upload(terminal, server)
    assert ([each.sequence for each in report.taken], report.refused) == ([1, 3], ())
    assert [each.sequence for each in report.put_off] == [2]
    assert [each.sequence for each in terminal.waiting_occurrences()] == [2]
    server.puts_off.clear()
    assert [each.sequence for each in (await upload(terminal, server)).taken] == [2]
    assert server.spent() == 300


async def test_a_power_cut_anywhere_loses_nothing_that_was_approved_and_doubles_nothing(
    tmp_path: Path, terminal: OfflineTerminal, reopen: Callable[..., OfflineTerminal], signer: Signer
) -> None:
    path, server = tmp_path / "till-3.queue", Server()
    terminal.keep(signer.allowance(100), MEMBER)
    told: list[tuple[int, Approval | int]] = []  # and the size of the file once it was told
    told.append((path.stat().st_size, 0))
    for points in (30, 20):
        approval = terminal.redeem(MEMBER, points)
        told.append((path.stat().st_size, approval))
    sequence = terminal.record(PURCHASE)
    told.append((path.stat().st_size, sequence))
    await upload(terminal, server)
    approval = terminal.redeem(MEMBER, 10)
    told.append((path.stat().st_size, approval))
    terminal.close()
    content = path.read_bytes()
    for cut in range(told[0][0], len(content) + 1, 11):
        path.write_bytes(content[:cut])
        known = [each for size, each in told[1:] if size <= cut]
        after = reopen()
        approved = [each for each in known if isinstance(each, Approval)]
        assert after.last_sequence == len(known)
        (kept,) = after.allowances(MEMBER)
        assert kept.spent == sum(each.points for each in approved)
        # It goes on: the allowance is spent to its end and no further, and no number that anybody saw comes again.
        last = after.redeem(MEMBER, kept.left)
        assert last.sequence == len(known) + 1
        assert refusal_of(after, 1) is Refusal.NOT_ENOUGH_LEFT
        seen = Server()
        seen.taken = {number: each for number, each in server.taken.items() if number <= len(known)}
        await upload(after, seen)
        assert sorted(seen.taken) == list(range(1, len(known) + 2))
        assert seen.spent() == 100
        assert {each.idempotency_key for each in approved} < {
            each.redemption.idempotency_key for each in seen.taken.values()
        }
        after.close()


async def test_a_queue_that_is_written_anew_keeps_what_waits_what_is_left_and_where_it_goes_on(
    terminal: OfflineTerminal, reopen: Callable[..., OfflineTerminal], signer: Signer, clock: Clock
) -> None:
    server, used_up, given_back = Server(), signer.allowance(7), signer.allowance(9, lives=timedelta(hours=9))
    kept = terminal.keep(signer.allowance(100, lives=timedelta(hours=10)), MEMBER)
    terminal.keep(used_up, MEMBER)
    terminal.redeem(MEMBER, 7)
    terminal.redeem(MEMBER, 30)
    terminal.give_back(terminal.keep(given_back, MEMBER).allowance_id)
    await upload(terminal, server)
    terminal.redeem(MEMBER, 20)
    for _ in range(2):
        terminal.compact()
        # What is over may be given once more, and stays over.
        assert [terminal.keep(each, MEMBER).left for each in (used_up, given_back)] == [0, 0]
        assert [each.left for each in terminal.allowances(MEMBER)] == [0, 0, 50]
        assert (terminal.waiting, terminal.last_sequence) == (1, 4)
        terminal.close()
        terminal = reopen()
    clock.now = kept.expires_at - timedelta(hours=1)
    terminal.redeem(MEMBER, 1)
    await upload(terminal, server)
    terminal.compact()
    assert [each.allowance_id for each in terminal.allowances(MEMBER)] == [kept.allowance_id]
    assert server.spent() == 58
    # Nor does the clock go back behind what the queue has seen.
    clock.now = ISSUED
    terminal.keep(used_up, MEMBER)
    assert terminal.redeem(MEMBER, 49).allowance_id == kept.allowance_id
    assert refusal_of(terminal, 1) is Refusal.NOT_ENOUGH_LEFT


def test_a_terminal_that_lost_its_disk_goes_on_behind_what_the_server_has(
    terminal: OfflineTerminal, reopen: Callable[..., OfflineTerminal]
) -> None:
    terminal.go_on_behind(41)
    terminal.go_on_behind(7)
    assert terminal.record(PURCHASE) == 42
    terminal.close()
    assert reopen().last_sequence == 42


def test_nothing_is_approved_that_could_not_be_kept(
    terminal: OfflineTerminal, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = terminal.keep(signer.allowance(100), MEMBER)

    def fail(_record: bytes) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as failing:
        failing.setattr(terminal._file, "append", fail)
        with pytest.raises(OSError, match="full"):
            terminal.redeem(MEMBER, 30)
    assert (kept.spent, terminal.waiting, terminal.last_sequence) == (0, 0, 0)
    with pytest.raises(ValueError, match="1 or more"):
        terminal.redeem(MEMBER, 0)
