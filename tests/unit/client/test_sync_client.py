"""The synchronous client against the stand-in server, which has a loop and a thread of its own."""

import asyncio
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest

from pointguard_client import (
    Accrue,
    AuthoriseRedemption,
    ConfigurationError,
    DeadlineExceeded,
    Decision,
    Identifier,
    Money,
    NotFound,
    PointguardClient,
    SyncPointguardClient,
    VoidRedemption,
)
from tests.unit.client.fake_server import API_KEY, FakeServer, PlannedFailure, running_fake_server

MEMBER = Identifier.loyalty_id("1001")


@contextmanager
def running_in_a_thread() -> Iterator[FakeServer]:
    """The stand-in server on a thread of its own: the test's thread waits for answers."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = running_fake_server()
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(5)
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with running_in_a_thread() as server:
        yield server


@pytest.fixture
def tills(fake: FakeServer) -> Iterator[SyncPointguardClient]:
    with SyncPointguardClient.connect(fake.address, api_key=API_KEY) as client:
        yield client


def test_it_has_every_method_of_the_asynchronous_client_with_the_same_arguments() -> None:
    for name, method in inspect.getmembers(PointguardClient, inspect.isfunction):
        if not name.startswith("_"):
            same = getattr(SyncPointguardClient, name)
            ours, theirs = inspect.signature(same), inspect.signature(method)
            assert list(ours.parameters.values()) == list(theirs.parameters.values()), name
            assert not inspect.iscoroutinefunction(same), name


def test_points_are_earned_set_aside_and_spent(tills: SyncPointguardClient) -> None:
    assert tills.accrue(MEMBER, Money(1250, "CAD")).points == 125
    reservation = tills.authorise_redemption(MEMBER, 100)
    assert reservation.decision is Decision.APPROVED
    assert tills.capture_redemption(reservation.transaction_id, points=60).points_released == 40
    assert tills.get_balance(MEMBER).balance.available == 65
    assert [type(a).__name__ for a in tills.process_batch([Accrue(MEMBER, Money(10, "CAD"))])] == ["Accrual"]


def test_errors_retries_and_deadlines_are_those_of_the_asynchronous_client(
    fake: FakeServer, tills: SyncPointguardClient
) -> None:
    fake.fail_next("Accrue", PlannedFailure(grpc.StatusCode.UNAVAILABLE), PlannedFailure(grpc.StatusCode.NOT_FOUND))
    with pytest.raises(NotFound):
        tills.accrue(MEMBER, Money(1250, "CAD"))
    assert len(fake.calls_of("Accrue")) == 2
    fake.delay_seconds["GetBalance"] = 5.0
    with pytest.raises(DeadlineExceeded):
        tills.get_balance(MEMBER, timeout_seconds=0.1)


def test_several_threads_share_one_client(fake: FakeServer, tills: SyncPointguardClient) -> None:
    fake.delay_seconds["Accrue"] = 0.005  # so that calls can be seen to overlap
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: tills.accrue(MEMBER, Money(10, "CAD")), range(200)))
    assert len({answer.transaction_id for answer in answers}) == 200
    assert fake.transactions_written == 200
    assert fake.in_flight_max > 1


def test_several_clients_and_event_loops_live_side_by_side(fake: FakeServer, tills: SyncPointguardClient) -> None:
    async def ask() -> int:
        async with PointguardClient.connect(fake.address, api_key=API_KEY) as client:
            return sum([(await client.get_balance(MEMBER)).account_id for _ in range(50)])

    def ask_otherwise(_: int) -> int:
        with SyncPointguardClient.connect(fake.address, api_key=API_KEY) as client:
            return sum(client.get_balance(MEMBER).account_id for _ in range(50))

    with ThreadPoolExecutor(3) as threads:
        others = threads.map(ask_otherwise, range(3))
        assert asyncio.run(ask()) == 350
        assert list(others) == [350] * 3
    assert tills.get_balance(MEMBER).account_id == 7


def test_a_stream_gives_futures_that_threads_can_wait_for(tills: SyncPointguardClient) -> None:
    with tills.stream(in_flight_max=20) as stream:
        earned = [stream.send(Accrue(MEMBER, Money(10, "CAD"))) for _ in range(100)]
        spent = stream.send(AuthoriseRedemption(MEMBER, 1, capture=True))
        refused = stream.send(VoidRedemption("unknown"))
    assert [answer.result(5).points for answer in earned] == [1] * 100
    assert spent.result(5).decision is Decision.APPROVED
    with pytest.raises(NotFound):
        refused.result(5)


def test_a_stream_that_is_broken_off_cancels_what_has_no_answer(fake: FakeServer, tills: SyncPointguardClient) -> None:
    fake.streams.may_answer.clear()
    answers = []

    def fail() -> None:
        with tills.stream() as stream:
            answers.append(stream.send(Accrue(MEMBER, Money(10, "CAD"))))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(CancelledError):
        answers[0].result(5)


def test_close_ends_the_thread_and_what_is_under_way(fake: FakeServer) -> None:
    fake.delay_seconds["GetBalance"] = 60.0
    client = SyncPointguardClient.connect(fake.address, api_key=API_KEY, timeout_seconds=60)
    before = threading.active_count()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.get_balance, MEMBER)
        while not fake.calls:
            time.sleep(0.01)
        client.close()
        with pytest.raises(CancelledError):
            call.result(5)
    client.close()
    assert threading.active_count() < before
    with pytest.raises(ValueError, match="closed"):
        client.get_balance(MEMBER)


def test_a_client_that_cannot_be_made_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with pytest.raises(ConfigurationError):
        SyncPointguardClient.connect("127.0.0.1:1", api_key="kéy")
    assert threading.active_count() == before


def test_a_client_that_nobody_closes_does_not_keep_its_program_from_ending(fake: FakeServer) -> None:
    program = (
        "from pointguard_client import SyncPointguardClient, Identifier\n"
        f"client = SyncPointguardClient.connect({fake.address!r}, api_key={API_KEY!r})\n"
        "print(client.get_balance(Identifier.loyalty_id('1')).account_id)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "7\n", "")
