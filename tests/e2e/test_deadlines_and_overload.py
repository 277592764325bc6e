"""What happens while the ledger cannot be written for a while: deadlines, shedding, and finding out afterwards.

Another process that holds the database's write lock plays the slow disk.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client import new_idempotency_key
from tests.e2e.audit import audit
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess

DEADLINE_DEFAULT_S = 2.0


@contextmanager
def stalled(server: ServerProcess) -> Iterator[None]:
    """Keep the server from writing while the block runs: its writer enrolls, and somebody else has the database."""
    with (
        closing(sqlite3.connect(server.database, isolation_level=None)) as connection,
        RawCalls(server) as raw,
        ThreadPoolExecutor(1) as pool,
    ):
        # The connection must not checkpoint when it closes: only the server may.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("BEGIN IMMEDIATE")
        pool.submit(raw.call, "EnrollMember", RPCS["EnrollMember"].request())
        time.sleep(0.3)
        yield
        connection.execute("ROLLBACK")


@pytest.mark.long
def test_a_call_without_a_deadline_gets_one_and_its_key_finds_out_what_happened(own_server: ServerProcess) -> None:
    with RawCalls(own_server) as raw:
        assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
        request = RPCS["Accrue"].request()
        with stalled(own_server):
            started = time.monotonic()
            answer = raw.call("Accrue", request, timeout_s=None)
            took = time.monotonic() - started
        assert (answer.code, answer.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
        assert DEADLINE_DEFAULT_S - 0.1 < took < DEADLINE_DEFAULT_S + 1
        found = raw.call("Accrue", request)
        assert found.code == "OK"
        assert raw.call("Accrue", request) == found
    keys = audit(own_server.database).transactions_by_key
    assert list(keys.values()).count(found.message.transaction_id) == 1


def test_what_waited_past_its_deadline_is_not_done(own_server: ServerProcess) -> None:
    """The first call is in the writer's hands and may be done; those behind it have nobody waiting any more."""
    with RawCalls(own_server) as raw:
        first = RPCS["Accrue"].request()
        behind = [RPCS["Accrue"].request() for _ in range(5)]
        with ThreadPoolExecutor(8) as pool:
            with stalled(own_server):
                taken = pool.submit(raw.call, "Accrue", first)
                time.sleep(0.3)
                waiting = [pool.submit(raw.call, "Accrue", request, timeout_s=0.3) for request in behind]
                assert {call.result().code for call in waiting} == {"DEADLINE_EXCEEDED"}
                assert not taken.done()
            assert taken.result().code == "OK"
        assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
    keys = {key.hex() for key in audit(own_server.database).transactions_by_key}
    assert not keys & {request.idempotency_key.replace("-", "") for request in behind}


def test_more_than_can_wait_is_shed_with_a_time_to_come_back(own_server: ServerProcess) -> None:
    def full_batch() -> transaction_pb2.ProcessBatchRequest:
        return transaction_pb2.ProcessBatchRequest(
            items=[
                transaction_pb2.BatchItem(
                    void_redemption=transaction_pb2.VoidRedemptionRequest(
                        idempotency_key=new_idempotency_key(), reservation_id=new_idempotency_key()
                    )
                )
                for _ in range(10_000)
            ]
        )

    batches = [full_batch() for _ in range(6)]
    with RawCalls(own_server) as raw:
        assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
        with ThreadPoolExecutor(6) as pool:
            with stalled(own_server):
                calls = [pool.submit(raw.call, "ProcessBatch", batch) for batch in batches]
                while sum(call.done() for call in calls) < 3:
                    time.sleep(0.01)
                shed = [call.result() for call in calls if call.done()]
                single = raw.call("GetBalance", RPCS["GetBalance"].request(), timeout_s=0.3)
            answers = [call.result() for call in calls]
        assert Counter(answer.code for answer in answers) == {"OK": 3, "RESOURCE_EXHAUSTED": 3}
        assert single.code == "DEADLINE_EXCEEDED", "there is room for one more, which waits"
        for answer in shed:
            assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
            assert answer.retry_after_s is not None
            assert 0 < answer.retry_after_s <= 5
        codes = {result.error.code for answer in answers if answer.message for result in answer.message.results}
        assert codes == {5}, "reservations that nobody made are not found"
        member = common_pb2.MemberReference(loyalty_id="5")
        assert raw.call("Accrue", RPCS["Accrue"].request(member=member)).code == "OK"
    assert own_server.complaints() == []
