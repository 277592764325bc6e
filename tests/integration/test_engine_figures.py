"""What an engine shows of itself to those who watch: waiting, refused, written or not."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator

import pytest

from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import Overloaded, StorageBroken, StorageUnavailable
from pointguard_server.engine import engine as engine_module
from pointguard_server.engine.engine import Engine, Observed
from tests.support.ledger import Ledger

FAR = time.monotonic() + 3_600


@pytest.fixture
async def engine(ledger: Ledger) -> AsyncIterator[Engine]:
    """An engine on a ledger that works, until the test breaks it."""
    started = Engine(ledger.decider, ledger.store.write)
    started.start()
    yield started
    await started.stop()


async def test_the_oldest_request_ages_while_the_writer_stands_still(engine: Engine, ledger: Ledger) -> None:
    account = ledger.member()
    assert engine.oldest_wait_s == 0
    stuck, go_on = threading.Event(), threading.Event()

    def hold(_connection: sqlite3.Connection) -> None:
        stuck.set()
        go_on.wait(10)

    job = engine.run(hold)
    await asyncio.to_thread(stuck.wait, 10)
    assert engine.oldest_wait_s == 0, "no request waits"
    answer = engine.submit([ledger.accrue_ask(account, 100)], FAR)
    await asyncio.sleep(0.05)
    engine.submit([ledger.accrue_ask(account, 100)], FAR)
    assert 0.05 <= engine.oldest_wait_s < 5
    assert engine.queued == 2
    go_on.set()
    await asyncio.gather(job, answer)
    await asyncio.sleep(0.05)
    assert engine.oldest_wait_s == 0


async def test_a_request_ages_while_its_own_batch_stands_still(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ledger.member()
    go_on = threading.Event()
    commit = ledger.store.commit

    def hold() -> None:
        go_on.wait(10)
        commit()

    monkeypatch.setattr(ledger.store, "commit", hold)
    answer = engine.submit([ledger.accrue_ask(account, 100)], FAR)
    await asyncio.sleep(0.1)
    assert (engine.queued, engine.oldest_wait_s > 0.05) == (0, True)
    go_on.set()
    await answer
    assert engine.oldest_wait_s == 0


async def test_requests_that_are_refused_for_overload_are_counted(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "QUEUED_REQUESTS_MAX", 2)
    asks = [ledger.accrue_ask(ledger.member(), 100) for _ in range(3)]
    with pytest.raises(Overloaded):
        engine.submit(asks, FAR)
    assert (engine.shed, engine.queued) == (3, 0)


async def test_batches_are_as_small_as_deciding_is_slow_and_grow_again(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    engine.observe = lambda batch: sizes.append(batch.report.requests)
    account = ledger.member()

    async def submit_six() -> list[int]:
        sizes.clear()
        await asyncio.gather(*[engine.submit([ledger.accrue_ask(account, 100)], FAR) for _ in range(6)])
        await asyncio.sleep(0)
        return list(sizes)

    assert await submit_six() == [6]
    monkeypatch.setattr(engine_module, "DECIDE_S_MAX", 1e-9)
    assert await submit_six() == [6], "it was gathered before anything was slow"
    assert await submit_six() == [1] * 6
    monkeypatch.setattr(engine_module, "DECIDE_S_MAX", 60.0)
    assert await submit_six() == [1] * 6, "all were gathered before the first of them was quick"
    assert [await submit_six() for _ in range(3)] == [[2, 2, 2], [4, 2], [6]]


async def test_a_write_that_failed_shows_until_one_succeeds_whatever_is_read(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ledger.member()

    def fail() -> None:
        raise StorageUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(ledger.store, "commit", fail)
        with pytest.raises(StorageUnavailable):
            await engine.submit([ledger.accrue_ask(account, 100)], FAR)
        assert not engine.writable
        with pytest.raises(StorageUnavailable):
            await engine.run(lambda _connection: None)
    await engine.submit([ledger.read_ask(Operation.BALANCE, account)], FAR)
    assert not engine.writable, "a read proves nothing"
    await engine.run(lambda connection: ledger.names.note(connection, "last tried", "now"))
    assert engine.writable


async def test_a_defect_says_nothing_about_the_disk(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ledger.member()

    def fail(_rows: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ledger.store, "append", fail)
    with pytest.raises(StorageUnavailable):
        await engine.submit([ledger.accrue_ask(account, 100)], FAR)
    assert (engine.writable, engine.failures) == (True, 1)


async def test_an_observer_that_fails_holds_nothing_up(engine: Engine, ledger: Ledger) -> None:
    def fail(_batch: Observed) -> None:
        raise ZeroDivisionError

    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: told.append(type(context["exception"]).__name__)
    )
    engine.observe = fail
    account = ledger.member()
    for _ in range(2):
        await engine.submit([ledger.accrue_ask(account, 100)], FAR)
    assert "ZeroDivisionError" in told


async def test_an_observer_gets_what_the_submissions_were_asked_for(engine: Engine, ledger: Ledger) -> None:
    seen: list[Observed] = []
    contexts = iter(["first", None, "third"])
    engine.observe, engine.context = seen.append, lambda: next(contexts)
    account = ledger.member()
    await asyncio.gather(*[engine.submit([ledger.accrue_ask(account, 100)], FAR) for _ in range(3)])
    await asyncio.sleep(0)
    assert [context for batch in seen for context in batch.contexts] == ["first", "third"]


async def test_a_caller_whose_answer_cannot_be_taken_holds_nothing_up(engine: Engine, ledger: Ledger) -> None:
    def fail(_result: object, _error: object) -> None:
        raise ZeroDivisionError

    account = ledger.member()
    inbox = engine.inbox_for(1)
    inbox.put(ledger.accrue_ask(account, 100))
    engine.submit_rows(0, FAR, lambda answers: answers, fail)
    beside = engine.submit([ledger.accrue_ask(account, 100)], FAR)
    assert [verdict.seq for verdict in await beside] == [3]
    assert [verdict.seq for verdict in await engine.submit([ledger.accrue_ask(account, 100)], FAR)] == [4]


async def test_a_job_that_finds_the_storage_broken_has_the_process_end(engine: Engine) -> None:
    ended: list[bool] = []
    engine.on_broken = lambda: ended.append(True)

    def fail(_connection: object) -> None:
        raise StorageBroken

    with pytest.raises(StorageBroken):
        await engine.run(fail)
    assert (engine.broken, ended) == (True, [True])
    with pytest.raises(StorageUnavailable):
        await engine.run(lambda _connection: None)
