"""Tills under load that remember every key they sent and every answer they got. For the tests that pull the plug.

Requests are the contract's own messages and each is sent once: whether it is tried again is the test's business.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from pointguard.v1 import common_pb2, member_pb2, member_pb2_grpc, transaction_pb2, transaction_pb2_grpc
from pointguard_client import new_idempotency_key
from tests.support.server import ServerProcess

UNCERTAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})
"""After these nobody knows whether the request was done."""
BATCH_ITEMS = 20
REQUEST_FIELDS = {
    transaction_pb2.AuthoriseRedemptionRequest: "authorise_redemption",
    transaction_pb2.CaptureRedemptionRequest: "capture_redemption",
    transaction_pb2.VoidRedemptionRequest: "void_redemption",
    transaction_pb2.AccrueRequest: "accrue",
    transaction_pb2.TransferPointsRequest: "transfer_points",
}
METHODS = {
    transaction_pb2.AuthoriseRedemptionRequest: "AuthoriseRedemption",
    transaction_pb2.CaptureRedemptionRequest: "CaptureRedemption",
    transaction_pb2.VoidRedemptionRequest: "VoidRedemption",
    transaction_pb2.AccrueRequest: "Accrue",
    transaction_pb2.TransferPointsRequest: "TransferPoints",
}


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


@asynccontextmanager
async def transactions(server: ServerProcess) -> AsyncIterator["transaction_pb2_grpc.TransactionServiceAsyncStub"]:
    """Open a connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield transaction_pb2_grpc.TransactionServiceStub(channel)


class Workload:
    """Tills at a few accounts with few points, so that every point is fought over. ``history`` is by key."""

    def __init__(self, seed: int, members: int = 8) -> None:
        self._random = random.Random(seed)
        self.members = [f"load-{number}" for number in range(members)]
        self.accounts: dict[str, int] = {}  # by member
        self.history: dict[str, Sent] = {}
        self._reservations: list[str] = []
        self.stopped = False

    async def enroll(self, server: ServerProcess) -> None:
        """Make the accounts."""
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = member_pb2_grpc.MemberServiceStub(channel)
            for name in self.members:
                request = member_pb2.EnrollMemberRequest(
                    idempotency_key=f"enroll {name}", identifiers=[common_pb2.MemberReference(external_id=name)]
                )
                answer = await stub.EnrollMember(request, metadata=server.authorization, timeout=20)
                self.accounts[name] = answer.account_id

    async def run(self, server: ServerProcess, tills: int, gateways: int) -> None:
        """Ring up until every connection has failed or ``stopped`` is set."""
        await asyncio.gather(
            *(self._ring_up(server) for _ in range(tills)), *(self._upload(server) for _ in range(gateways))
        )

    async def _ring_up(self, server: ServerProcess) -> None:
        async with transactions(server) as stub:
            while not self.stopped:
                if not await self.send(stub, self._new_request(), server):
                    return

    async def _upload(self, server: ServerProcess) -> None:
        async with transactions(server) as stub:
            while not self.stopped:
                sent = [self._new_request() for _ in range(BATCH_ITEMS)]
                if not await self.send_batch(stub, sent, server):
                    return

    async def send(self, stub: Any, sent: Sent, server: ServerProcess, timeout_s: float = 20) -> bool:
        """Send a request; return whether the server said anything about it."""
        method: Callable[..., Any] = getattr(stub, METHODS[type(sent.request)])
        try:
            answer = await method(sent.request, metadata=server.authorization, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            return self._note_error(sent, error.code())
        self._note(sent, answer)
        return True

    async def send_batch(self, stub: Any, sent: Sequence[Sent], server: ServerProcess) -> bool:
        """Send requests as one batch; return whether the server said anything about them."""
        request = transaction_pb2.ProcessBatchRequest(items=[each.item for each in sent])
        try:
            answer = await stub.ProcessBatch(request, metadata=server.authorization, timeout=20)
        except grpc.aio.AioRpcError as error:
            noted = [self._note_error(each, error.code()) for each in sent]
            return all(noted)
        assert len(answer.results) == len(sent)
        for each, result in zip(sent, answer.results, strict=True):
            field_name = result.WhichOneof("outcome")
            if field_name == "error":
                codes = {code.value[0]: code for code in grpc.StatusCode}
                self._note_error(each, codes[result.error.code])
            else:
                assert field_name == REQUEST_FIELDS[type(each.request)]
                self._note(each, getattr(result, field_name))
        return True

    def _note(self, sent: Sent, answer: Any) -> None:
        if sent.answer is not None:
            assert answer == sent.answer, "the same key was answered differently"
            return
        assert sent.refused is None, "what was refused was done after all"
        sent.answer = answer
        if isinstance(answer, transaction_pb2.AuthoriseRedemptionResponse) and answer.HasField("expires_at"):
            self._reservations.append(answer.transaction_id)

    def _note_error(self, sent: Sent, code: grpc.StatusCode) -> bool:
        if code in UNCERTAIN:
            sent.uncertain.append(code)
            return False
        assert code is grpc.StatusCode.FAILED_PRECONDITION, f"{code}: {sent.request}"
        assert sent.answer is None, "what was done was refused after all"
        sent.refused = code
        return True

    def _new_request(self) -> Sent:
        sent = Sent(self._draw(new_idempotency_key()))
        self.history[sent.request.idempotency_key] = sent
        return sent

    def _draw(self, key: str) -> Any:
        draw = self._random.random()
        member = common_pb2.MemberReference(external_id=self._random.choice(self.members))
        if draw < 0.05:
            giver, getter = self._random.sample(self.members, 2)
            return transaction_pb2.TransferPointsRequest(
                idempotency_key=key, member=common_pb2.MemberReference(external_id=giver),
                to=common_pb2.MemberReference(external_id=getter), points=self._random.randrange(1, 400),
            )  # fmt: skip
        if draw < 0.35:
            total = common_pb2.Money(currency_code="CAD", minor_units=self._random.randrange(100, 3_000))
            return transaction_pb2.AccrueRequest(idempotency_key=key, member=member, total=total)
        if draw < 0.75 or not self._reservations:
            return transaction_pb2.AuthoriseRedemptionRequest(
                idempotency_key=key, member=member, points=self._random.randrange(1, 400),
                capture=draw < 0.55, allow_partial=self._random.random() < 0.2,
            )  # fmt: skip
        # Mostly one that nobody has ended yet, at times one that somebody has.
        taken = self._reservations.pop() if draw < 0.95 else self._random.choice(self._reservations)
        if draw < 0.9:
            return transaction_pb2.CaptureRedemptionRequest(idempotency_key=key, reservation_id=taken)
        return transaction_pb2.VoidRedemptionRequest(idempotency_key=key, reservation_id=taken)

    async def find_out(self, server: ServerProcess) -> int:
        """Send every open request again, twice, once by itself and once in a batch; return how many were open."""
        unanswered = [sent for sent in self.history.values() if sent.open]
        async with transactions(server) as stub:
            for sent in unanswered:
                assert await self.send(stub, sent, server)
            for first in range(0, len(unanswered), 500):
                assert await self.send_batch(stub, unanswered[first : first + 500], server)
        return len(unanswered)

    async def replay_everything(self, server: ServerProcess) -> int:
        """Send every request that has an answer again, in batches, and compare; return how many there are."""
        answered = [sent for sent in self.history.values() if sent.answer is not None]
        async with transactions(server) as stub:
            for first in range(0, len(answered), 500):
                assert await self.send_batch(stub, answered[first : first + 500], server)
            # Some by themselves too: a batch and a call must find the same.
            for sent in self._random.sample(answered, min(len(answered), 100)):
                assert await self.send(stub, sent, server)
        return len(answered)

    def posted_by_account(self) -> dict[int, int]:
        """Return what the answers alone say that each account holds."""
        posted: dict[int, int] = {}
        for sent in self.history.values():
            answer = sent.answer
            if answer is None:
                continue
            moved = 0
            if isinstance(answer, transaction_pb2.TransferPointsResponse):
                moved, getter = -answer.points, self.accounts[sent.request.to.external_id]
                posted[getter] = posted.get(getter, 0) + answer.points
            elif isinstance(answer, transaction_pb2.AccrueResponse):
                moved = answer.points
            elif isinstance(answer, transaction_pb2.CaptureRedemptionResponse) or (
                isinstance(answer, transaction_pb2.AuthoriseRedemptionResponse) and not answer.HasField("expires_at")
            ):
                moved = -answer.points
            posted[answer.account_id] = posted.get(answer.account_id, 0) + moved
        return posted
