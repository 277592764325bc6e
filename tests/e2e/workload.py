"""Tills under load that remember every key they sent and every answer they got. For the tests that pull the plug.

Requests are the contract's own messages and each is sent once: whether it is tried again is the test's business. All
that is sent and comes back is also a history on disk (``tests/torture/history.py``).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from pointguard.v1 import common_pb2, member_pb2, member_pb2_grpc, transaction_pb2, transaction_pb2_grpc
from pointguard_client import new_idempotency_key
from tests.support.server import ServerProcess
from tests.torture.history import NAMES, HistoryFile

UNCERTAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})
"""After these nobody knows whether the request was done."""
BATCH_ITEMS = 20
READS = 0.1
"""One read in so many calls of a till."""
REQUEST_FIELDS = {
    transaction_pb2.AuthoriseRedemptionRequest: "authorise_redemption",
    transaction_pb2.CaptureRedemptionRequest: "capture_redemption",
    transaction_pb2.VoidRedemptionRequest: "void_redemption",
    transaction_pb2.AccrueRequest: "accrue",
    transaction_pb2.TransferPointsRequest: "transfer_points",
    transaction_pb2.RedeemHouseholdRequest: "redeem_household",
}
TAKEN_UP = 0.7
"""The part of the reservations that somebody ends, where those that nobody does end by themselves."""


@dataclass
class Sent:
    """One request, and what came of it: an answer, a refusal (nothing was written), or neither yet."""

    request: Any
    answer: Any = None
    refused: grpc.StatusCode | None = None
    uncertain: list[grpc.StatusCode] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.answer is None and self.refused is None

    @property
    def item(self) -> transaction_pb2.BatchItem:
        """The request as an item of a batch."""
        return transaction_pb2.BatchItem(**{REQUEST_FIELDS[type(self.request)]: self.request})


class Till:
    """One connection, and the services behind it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.transactions = transaction_pb2_grpc.TransactionServiceStub(channel)
        self.members = member_pb2_grpc.MemberServiceStub(channel)

    def method(self, request: Any) -> Callable[..., Any]:
        """Return what a request is sent by."""
        service: Any = self.members if isinstance(request, member_pb2.EnrollMemberRequest) else self.transactions
        method: Callable[..., Any] = getattr(service, NAMES[type(request)])
        return method


@asynccontextmanager
async def till_at(server: ServerProcess) -> AsyncIterator[Till]:
    """Open a connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield Till(channel)


class Workload:
    """Tills at a few accounts with few points, so that every point is fought over. ``history`` is by key.

    ``path`` is where the history on disk is begun. With ``reserve_s``, reservations end by themselves after so long.
    ``enrolls`` is the part of the tills' requests that enroll members who have not been there.
    """

    def __init__(self, seed: int, path: Path, members: int = 8, reserve_s: int = 0) -> None:
        self._random = random.Random(seed)
        self.file = HistoryFile(path)
        self._reserve_s, self.enrolls = reserve_s, 0.0
        self.members = [f"load-{number}" for number in range(members)]
        self.history: dict[str, Sent] = {}
        self._reservations: list[str] = []
        self.stopped = False

    async def enroll(self, server: ServerProcess) -> None:
        """Make the accounts."""
        async with till_at(server) as till:
            for name in self.members:
                assert await self.send(till, self._remember(self._enrollment_of(name)), server)

    async def run(self, server: ServerProcess, tills: int, gateways: int) -> None:
        """Ring up until every connection has failed or ``stopped`` is set."""
        await asyncio.gather(
            *(self._ring_up(server) for _ in range(tills)), *(self._upload(server) for _ in range(gateways))
        )

    async def _ring_up(self, server: ServerProcess) -> None:
        async with till_at(server) as till:
            while not self.stopped:
                if not await self._ring_up_once(till, server):
                    return

    async def _ring_up_once(self, till: Till, server: ServerProcess) -> bool:
        draw = self._random.random()
        if draw < READS:
            return await self.read(till, server)
        if draw < READS + self.enrolls:
            return await self.send(till, self._remember(self._enrollment_of(f"new {new_idempotency_key()}")), server)
        return await self.send(till, self._new_request(), server)

    async def _upload(self, server: ServerProcess) -> None:
        async with till_at(server) as till:
            while not self.stopped:
                sent = [self._new_request() for _ in range(BATCH_ITEMS)]
                if not await self.send_batch(till, sent, server):
                    return

    async def send(self, till: Till, sent: Sent, server: ServerProcess, timeout_s: float = 20) -> bool:
        """Send a request; return whether the server said anything about it."""
        method = till.method(sent.request)
        call = self.file.send(sent.request)
        try:
            answer = await method(sent.request, metadata=server.authorization, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            return self._note_error(sent, call, error.code())
        self._note(sent, call, answer)
        return True

    async def read(self, till: Till, server: ServerProcess) -> bool:
        """Read a balance; return whether the server said anything."""
        member = common_pb2.MemberReference(external_id=self._random.choice(self.members))
        request = transaction_pb2.GetBalanceRequest(member=member)
        call = self.file.send(request)
        try:
            answer = await till.transactions.GetBalance(request, metadata=server.authorization, timeout=20)
        except grpc.aio.AioRpcError as error:
            self.file.lose(call, error.code().name)
            return False
        self.file.answer(call, answer)
        return True

    async def send_batch(self, till: Till, sent: Sequence[Sent], server: ServerProcess) -> bool:
        """Send requests as one batch; return whether the server said anything about them."""
        request = transaction_pb2.ProcessBatchRequest(items=[each.item for each in sent])
        calls = [self.file.send(each.request) for each in sent]
        try:
            answer = await till.transactions.ProcessBatch(request, metadata=server.authorization, timeout=20)
        except grpc.aio.AioRpcError as error:
            noted = [self._note_error(each, call, error.code()) for each, call in zip(sent, calls, strict=True)]
            return all(noted)
        assert len(answer.results) == len(sent)
        for each, call, result in zip(sent, calls, answer.results, strict=True):
            field_name = result.WhichOneof("outcome")
            if field_name == "error":
                codes = {code.value[0]: code for code in grpc.StatusCode}
                self._note_error(each, call, codes[result.error.code])
            else:
                assert field_name == REQUEST_FIELDS[type(each.request)]
                self._note(each, call, getattr(result, field_name))
        return True

    def _note(self, sent: Sent, call: int, answer: Any) -> None:
        self.file.answer(call, answer)
        if sent.answer is not None:
            assert answer == sent.answer, "the same key was answered differently"
            return
        assert sent.refused is None, "what was refused was done after all"
        sent.answer = answer
        reserved = isinstance(answer, transaction_pb2.AuthoriseRedemptionResponse) and answer.HasField("expires_at")
        if reserved and (not self._reserve_s or self._random.random() < TAKEN_UP):
            self._reservations.append(answer.transaction_id)

    def _note_error(self, sent: Sent, call: int, code: grpc.StatusCode) -> bool:
        if code in UNCERTAIN:
            self.file.lose(call, code.name)
            sent.uncertain.append(code)
            return False
        self.file.refuse(call, code.name)
        assert code is grpc.StatusCode.FAILED_PRECONDITION, f"{code}: {sent.request}"
        assert sent.answer is None, "what was done was refused after all"
        sent.refused = code
        return True

    def _new_request(self) -> Sent:
        return self._remember(self._draw(new_idempotency_key()))

    def _remember(self, request: Any) -> Sent:
        sent = self.history[request.idempotency_key] = Sent(request)
        return sent

    def _enrollment_of(self, name: str) -> Any:
        return member_pb2.EnrollMemberRequest(
            idempotency_key=new_idempotency_key(), identifiers=[common_pb2.MemberReference(external_id=name)]
        )

    def _draw(self, key: str) -> Any:
        draw = self._random.random()
        member = common_pb2.MemberReference(external_id=self._random.choice(self.members))
        if draw < 0.05:
            giver, getter = self._random.sample(self.members, 2)
            return transaction_pb2.TransferPointsRequest(
                idempotency_key=key, member=common_pb2.MemberReference(external_id=giver),
                to=common_pb2.MemberReference(external_id=getter), points=self._random.randrange(1, 400),
            )  # fmt: skip
        if draw < 0.08:
            household = [common_pb2.MemberReference(external_id=name) for name in self._random.sample(self.members, 3)]
            return transaction_pb2.RedeemHouseholdRequest(
                idempotency_key=key, members=household, points=self._random.randrange(1, 600)
            )
        if draw < 0.38:
            total = common_pb2.Money(currency_code="CAD", minor_units=self._random.randrange(100, 3_000))
            return transaction_pb2.AccrueRequest(idempotency_key=key, member=member, total=total)
        if draw < 0.75 or not self._reservations:
            request = transaction_pb2.AuthoriseRedemptionRequest(
                idempotency_key=key, member=member, points=self._random.randrange(1, 400),
                capture=draw < 0.55, allow_partial=self._random.random() < 0.2,
            )  # fmt: skip
            if self._reserve_s and not request.capture:
                request.time_to_live.seconds = self._reserve_s
            return request
        # Mostly one that nobody has ended yet, at times one that somebody has.
        taken = self._reservations.pop() if draw < 0.95 else self._random.choice(self._reservations)
        if draw < 0.9:
            return transaction_pb2.CaptureRedemptionRequest(idempotency_key=key, reservation_id=taken)
        return transaction_pb2.VoidRedemptionRequest(idempotency_key=key, reservation_id=taken)

    async def find_out(self, server: ServerProcess) -> int:
        """Send every open request again, twice, once by itself and once in a batch; return how many were open."""
        unanswered = [sent for sent in self.history.values() if sent.open]
        async with till_at(server) as till:
            for sent in unanswered:
                assert await self.send(till, sent, server)
            await self._send_batches(till, unanswered, server)
        return len(unanswered)

    async def replay_everything(self, server: ServerProcess) -> int:
        """Send every request that has an answer again, in batches, and compare; return how many there are."""
        answered = [sent for sent in self.history.values() if sent.answer is not None]
        async with till_at(server) as till:
            await self._send_batches(till, answered, server)
            # Some by themselves too: a batch and a call must find the same.
            for sent in self._random.sample(answered, min(len(answered), 100)):
                assert await self.send(till, sent, server)
        return len(answered)

    async def _send_batches(self, till: Till, sent: Sequence[Sent], server: ServerProcess) -> None:
        """Send what a batch may hold of some requests, as batches."""
        some = [each for each in sent if type(each.request) in REQUEST_FIELDS]
        for first in range(0, len(some), 500):
            assert await self.send_batch(till, some[first : first + 500], server)
