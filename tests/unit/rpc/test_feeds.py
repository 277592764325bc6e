"""A stream that answers a call is no faster than its reader."""

import asyncio
from collections.abc import Awaitable, Callable

from pointguard_server.rpc.feeds import UNTAKEN_MAX, Feeds
from pointguard_server.rpc.guard import Feed, Refusal
from pointguard_server.rpc.link import FOR_EVER, Frame, FrameKind
from pointguard_server.rpc.status import StatusCode

CALL = 7
FRAME = Frame(FrameKind.CALL, 0, CALL, FOR_EVER, "key", b"")


async def tell_of_everything(
    _credential: str, _remaining_s: float, _data: bytes, send: Callable[[bytes], Awaitable[None]]
) -> Refusal | None:
    """Answer as fast as may be, with 100 messages."""
    for number in range(100):
        await send(str(number).encode())
    return None


async def settle() -> None:
    """Let everything happen that can."""
    for _ in range(UNTAKEN_MAX * 10):
        await asyncio.sleep(0)


async def test_nothing_is_sent_ahead_of_a_reader_but_a_few_messages() -> None:
    sent: list[bytes | Refusal] = []
    done: list[int] = []
    feeds = Feeds(lambda _call, answer: sent.append(answer), done.append)
    feeds.take(Feed("Watch", tell_of_everything), FRAME)
    await settle()
    assert len(sent) == UNTAKEN_MAX
    for taken in range(1, 100):
        feeds.taken(CALL)
        await settle()
        assert len(sent) == min(UNTAKEN_MAX + taken, 100)
    assert sent == [str(number).encode() for number in range(100)]
    assert done == [CALL]
    feeds.taken(CALL)  # the last of them leave after the stream is over


async def test_a_reader_that_takes_nothing_is_told_when_the_server_ends_and_nothing_when_it_has_gone() -> None:
    sent: list[bytes | Refusal] = []
    feeds = Feeds(lambda _call, answer: sent.append(answer), lambda _call: None)
    feeds.take(Feed("Watch", tell_of_everything), FRAME)
    feeds.take(Feed("Watch", tell_of_everything), FRAME._replace(call=CALL + 1))
    await settle()
    feeds.cancel(CALL + 1)
    await settle()
    await feeds.stop()
    (refusal,) = [answer for answer in sent if isinstance(answer, Refusal)]
    assert (refusal.code, refusal.message) == (StatusCode.UNAVAILABLE, "the server is shutting down")
