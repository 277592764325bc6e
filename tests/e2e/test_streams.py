"""StreamTransactions as a gateway meets it: order, errors, half-close, a client that does not read, a broken stream."""

import queue
import time
from collections.abc import Iterator
from typing import Any, Self

import grpc
import pytest

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client.idempotency import new_idempotency_key
from tests.e2e.audit import audit, ledger_copy
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess, StartServer

MESSAGES = 150
PATH = "/pointguard.v1.TransactionService/StreamTransactions"


class Stream:
    """A stream that says what it is told and hands over what it hears."""

    def __init__(self, raw: RawCalls, server: ServerProcess, metadata: Any = None) -> None:
        self._sent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        method: Any = raw.channel.stream_stream(PATH, None, transaction_pb2.StreamTransactionsResponse.FromString)
        self.call: Any = method(
            iter(self._sent.get, None), metadata=server.authorization if metadata is None else metadata, timeout=60
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.half_close()
        self.call.cancel()

    def send(self, *requests: Any) -> None:
        """Send requests as one message."""
        items = [transaction_pb2.BatchItem(accrue=request) for request in requests]
        self.send_bytes(transaction_pb2.StreamTransactionsRequest(items=items).SerializeToString())

    def send_bytes(self, data: bytes) -> None:
        self._sent.put(data)

    def half_close(self) -> None:
        self._sent.put(None)

    def results(self) -> list[Any]:
        """Return the answers of the next message."""
        return list(next(self.call).results)


def accrual(**changes: Any) -> Any:
    member = {"member": common_pb2.MemberReference(loyalty_id="1")}
    return RPCS["Accrue"].request(**{**member, **changes})


def error_of(stream: Stream) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        next(stream.call)
    code: grpc.StatusCode = refused.value.code()
    return code.name


def keys_of(server: ServerProcess) -> set[str]:
    """The idempotency keys that the ledger knows."""
    with ledger_copy(server.database) as ledger:
        return {row[0].hex() for row in ledger.execute("SELECT idempotency_key FROM legs")}


def leg_count(server: ServerProcess) -> int:
    with ledger_copy(server.database) as ledger:
        return int(ledger.execute("SELECT count(*) FROM legs").fetchone()[0])


@pytest.fixture
def raw(shared_server: ServerProcess) -> Iterator[RawCalls]:
    with RawCalls(shared_server) as calls:
        yield calls


def test_every_request_is_answered_under_its_key_and_an_account_s_in_order(
    raw: RawCalls, shared_server: ServerProcess
) -> None:
    member = common_pb2.MemberReference(external_id=new_idempotency_key())
    assert raw.call("EnrollMember", RPCS["EnrollMember"].request(identifiers=[member])).code == "OK"
    requests = [accrual(member=member) for _ in range(40)]
    with Stream(raw, shared_server) as stream:
        for first in range(0, 40, 8):
            stream.send(*requests[first : first + 8])
        stream.half_close()
        results = [result for message in stream.call for result in message.results]
        assert stream.call.code() is grpc.StatusCode.OK
    assert [result.idempotency_key for result in results] == [request.idempotency_key for request in requests]
    balances = [result.result.accrue.balance.posted for result in results]
    assert balances == sorted(balances)
    assert len(set(balances)) == 40


def test_codes_and_members_that_are_new_keep_the_order_too(raw: RawCalls, shared_server: ServerProcess) -> None:
    with Stream(raw, shared_server) as stream:
        new = f"t{new_idempotency_key()[-12:]}"
        requests = [
            accrual(),
            accrual(origin=common_pb2.Origin(terminal_id=new)),
            accrual(),
            accrual(origin=common_pb2.Origin(cashier_id=new)),
            accrual(),
        ]
        for request in requests:
            stream.send(request)
        heard = [stream.results()[0] for _ in requests]
    assert [each.idempotency_key for each in heard] == [request.idempotency_key for request in requests]
    balances = [each.result.accrue.balance.posted for each in heard]
    assert balances == sorted(balances)


def test_a_request_that_is_wrong_leaves_the_others_and_the_stream_alone(
    raw: RawCalls, shared_server: ServerProcess
) -> None:
    with Stream(raw, shared_server) as stream:
        wrong = accrual(kind=99)
        stream.send(accrual(), wrong, accrual())
        results = stream.results()
        assert [result.result.WhichOneof("outcome") for result in results] == ["accrue", "error", "accrue"]
        assert results[1].idempotency_key == wrong.idempotency_key
        assert [each.field for each in results[1].result.error.field_violations] == ["kind"]
        stream.send(accrual())
        assert stream.results()[0].result.WhichOneof("outcome") == "accrue"


def test_a_message_that_cannot_be_read_ends_the_stream_after_what_came_before(
    raw: RawCalls, shared_server: ServerProcess
) -> None:
    for bad in (b"", b"\xff", transaction_pb2.StreamTransactionsRequest(
        items=[transaction_pb2.BatchItem()] * 1_001
    ).SerializeToString()):  # fmt: skip
        after = accrual()
        with Stream(raw, shared_server) as stream:
            stream.send(accrual())
            stream.send_bytes(bad)
            stream.send(after)
            assert stream.results()[0].result.WhichOneof("outcome") == "accrue"
            assert error_of(stream) == "INVALID_ARGUMENT"
        # What came after the message was not looked at.
        assert after.idempotency_key.replace("-", "") not in keys_of(shared_server)


def test_a_stream_needs_a_credential(raw: RawCalls, shared_server: ServerProcess) -> None:
    for metadata in ((), (("authorization", "Bearer nobody"),)):
        with Stream(raw, shared_server, metadata) as stream:
            stream.send(accrual())
            assert error_of(stream) == "UNAUTHENTICATED"


def test_what_a_broken_stream_left_unanswered_gets_the_same_answers_when_sent_again(
    raw: RawCalls, shared_server: ServerProcess
) -> None:
    requests = [accrual() for _ in range(600)]
    with Stream(raw, shared_server) as stream:
        for first in range(0, 600, 50):
            stream.send(*requests[first : first + 50])
        heard = {each.idempotency_key: each.result for each in stream.results()}
        stream.call.cancel()
    with Stream(raw, shared_server) as stream:
        for first in range(0, 600, 50):
            stream.send(*requests[first : first + 50])
        again = {each.idempotency_key: each.result for _ in range(12) for each in stream.results()}
    assert len(again) == 600
    assert all(again[key] == result for key, result in heard.items())
    by_key = audit(shared_server.database).transactions_by_key
    assert all(bytes.fromhex(request.idempotency_key.replace("-", "")) in by_key for request in requests)


@pytest.mark.long
def test_a_client_that_does_not_read_is_not_read_from(raw: RawCalls, shared_server: ServerProcess) -> None:
    before = leg_count(shared_server)
    with Stream(raw, shared_server) as stream:
        # Answers of about 100 KiB each: what is under way, what gRPC holds (some sixty), and then no more is taken.
        for _ in range(MESSAGES):
            stream.send(*(accrual() for _ in range(500)))
        seen = -1
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = leg_count(shared_server) - before
            if now == seen > 0:
                break
            seen = now
        assert 0 < seen < MESSAGES * 500, "the server took everything although nobody read"
        heard = sum(len(stream.results()) for _ in range(MESSAGES))
        assert heard == MESSAGES * 500, "whoever reads again is served on"


def test_a_server_that_stops_answers_what_it_has_read_and_ends_the_stream(own_server: ServerProcess) -> None:
    with RawCalls(own_server) as raw, Stream(raw, own_server) as stream:
        stream.send(accrual())
        assert stream.results()
        own_server.stop()
        assert list(stream.call) == []
        assert stream.call.code() is grpc.StatusCode.OK


@pytest.mark.long
def test_a_server_that_is_killed_breaks_the_stream(start_server: StartServer) -> None:
    server = start_server()
    with RawCalls(server) as raw, Stream(raw, server) as stream:
        stream.send(accrual())
        assert stream.results()
        server.kill()
        assert error_of(stream) == "UNAVAILABLE"
    server.start()
    with RawCalls(server) as raw:
        assert raw.call("Accrue", accrual()).code == "OK"
