"""The link between the front and the engine's process carries every frame whole, however the bytes are cut."""

import asyncio
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.rpc.link import FOR_EVER, TEXT_BYTES_MAX, Frame, Link

FRAMES = st.lists(
    st.builds(
        Frame,
        kind=st.integers(0, 255),
        number=st.integers(0, 255),
        call=st.integers(0, 2**64 - 1),
        seconds=st.floats(allow_nan=False),
        text=st.text(max_size=20),
        data=st.binary(max_size=300),
    ),
    max_size=12,
)


class Pipe:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.written += data
        self.writes += 1

    def close(self) -> None:
        pass


async def sent(frames: list[Frame]) -> Pipe:
    """Return what a link writes for frames that are sent in one turn of the loop."""
    pipe: Any = Pipe()
    link = Link(lambda _frame: None, lambda: None)
    link.connection_made(pipe)
    for frame in frames:
        link.send(frame.kind, frame.call, frame.number, frame.text, frame.data, frame.seconds)
    await asyncio.sleep(0)
    found: Pipe = pipe
    return found


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 5_000), max_size=30))
def test_frames_arrive_as_they_were_sent(frames: list[Frame], cuts: list[int]) -> None:
    data = bytes(asyncio.run(sent(frames)).written)
    received: list[Frame] = []
    link = Link(received.append, lambda: None)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in itertools.pairwise(places):
        link.data_received(data[begin:end])
    assert received == frames


def test_the_frames_of_one_turn_leave_in_one_write() -> None:
    frames = [Frame(1, 2, call, FOR_EVER, "text", b"data") for call in range(50)]
    assert asyncio.run(sent(frames)).writes == 1


def test_a_text_that_is_too_long_is_cut_and_harms_no_other_frame() -> None:
    frames = [Frame(1, 0, 1, FOR_EVER, "x" * 100_000, b"a"), Frame(1, 0, 2, FOR_EVER, "", b"b")]
    received: list[Frame] = []
    Link(received.append, lambda: None).data_received(bytes(asyncio.run(sent(frames)).written))
    assert [(len(frame.text), frame.data) for frame in received] == [(TEXT_BYTES_MAX, b"a"), (0, b"b")]


def test_what_is_sent_to_an_end_that_is_gone_is_dropped() -> None:
    lost: list[bool] = []

    async def send() -> None:
        link = Link(lambda _frame: None, lambda: lost.append(True))
        link.send(1)
        link.connection_made(Pipe())  # type: ignore[arg-type]
        link.connection_lost(None)
        link.send(1)
        link.close()

    asyncio.run(send())
    assert lost == [True]
