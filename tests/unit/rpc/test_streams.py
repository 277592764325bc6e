"""A stream that was refused is over: it is told once, and nothing that comes after it is looked at."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.errors import Unauthenticated
from pointguard_server.rpc.guard import Call, Refusal
from pointguard_server.rpc.link import FOR_EVER, Frame, FrameKind
from pointguard_server.rpc.status import StatusCode
from pointguard_server.rpc.streams import Streams
from pointguard_server.service.metrics import CallTally

TENANT = cast("Any", SimpleNamespace(tenant_id=1))
SOUND = transaction_pb2.StreamTransactionsRequest(items=[transaction_pb2.BatchItem()]).SerializeToString()
MALFORMED = b"\xff"


class Caller:
    """Stands for the guard: a caller is known once it was verified, unless its key is a bad one."""

    def __init__(self, *, known: bool) -> None:
        self._verified = False
        self._known = known

    def known_caller(self, _credential: str, deadline: float) -> Call | None:
        return Call({TENANT.tenant_id: TENANT}, TENANT.tenant_id, "till", deadline) if self._verified else None

    async def caller(self, credential: str, deadline: float) -> Call | None:
        await asyncio.sleep(0)
        if not self._known:
            raise Unauthenticated
        self._verified = True
        return self.known_caller(credential, deadline)


@pytest.mark.parametrize(
    ("known", "message", "code"),
    [(False, SOUND, StatusCode.UNAUTHENTICATED), (True, MALFORMED, StatusCode.INVALID_ARGUMENT)],
)
async def test_a_stream_is_refused_once_whatever_it_sends_after(known: bool, message: bytes, code: StatusCode) -> None:
    async def learn_items(_call: Call, _data: bytes) -> None:
        """There is nothing to learn."""

    answers: list[bytes | Refusal] = []
    desk = cast("Any", SimpleNamespace(learn_items=learn_items))
    streams = Streams(
        desk,
        cast("Any", Caller(known=known)),
        cast("Any", {1: None}),
        CallTally(),
        lambda _call, it: answers.append(it),
    )
    for _ in range(3):
        streams.take(Frame(FrameKind.MESSAGE, 0, 7, FOR_EVER, "key", message))
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)
    streams.take(Frame(FrameKind.MESSAGE, 0, 7, FOR_EVER, "key", message))
    await asyncio.sleep(0.01)
    assert [answer.code for answer in answers if isinstance(answer, Refusal)] == [code]
    assert len(answers) == 1
