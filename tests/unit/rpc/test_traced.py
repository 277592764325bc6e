"""Every call's span begins with its first frame and ends once, with the status that the caller hears."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from pointguard_server.rpc.guard import Refusal
from pointguard_server.rpc.link import FOR_EVER, TRACE_SEPARATOR, Frame, FrameKind
from pointguard_server.rpc.status import StatusCode
from pointguard_server.rpc.traced import TracedCalls

REFUSED = Refusal(StatusCode.NOT_FOUND, "no such account", b"")


class Recorded:
    """Stands for the spans, and for those who take and answer calls."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str]] = []
        self.began: list[tuple[int, str, str]] = []
        self.ended: list[tuple[int, str]] = []

    @contextmanager
    def within(self, call: int, rpc: str, traceparent: str) -> Iterator[None]:
        self.began.append((call, rpc, traceparent))
        yield

    def end(self, call: int, code: str) -> None:
        self.ended.append((call, code))


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def traced(recorded: Recorded) -> TracedCalls:
    def take(frame: Frame) -> None:
        recorded.taken.append((frame.call, frame.text))

    return TracedCalls(cast("Any", recorded), ["Accrue", "StreamTransactions"], take, lambda _call, _answer: None)


def frame(kind: FrameKind, number: int = 0) -> Frame:
    return Frame(kind, number, 7, FOR_EVER, f"key{TRACE_SEPARATOR}parent", b"")


def test_whoever_takes_a_call_sees_the_credential_alone(traced: TracedCalls, recorded: Recorded) -> None:
    traced.receive(frame(FrameKind.CALL))
    assert recorded.taken == [(7, "key")]
    assert recorded.began == [(7, "Accrue", "parent")]
    assert recorded.ended == []


def test_a_call_ends_with_its_answer_or_its_refusal(traced: TracedCalls, recorded: Recorded) -> None:
    for answer in (b"", REFUSED):
        traced.receive(frame(FrameKind.CALL))
        traced.answer(7, answer)
    assert recorded.ended == [(7, "OK"), (7, "NOT_FOUND")]


def test_a_call_that_is_given_up_was_cancelled(traced: TracedCalls, recorded: Recorded) -> None:
    traced.receive(frame(FrameKind.CALL))
    traced.receive(frame(FrameKind.CANCEL))
    assert recorded.ended == [(7, "CANCELLED")]


@pytest.mark.parametrize(
    ("answer", "complete", "code"), [(b"", 1, "OK"), (b"", 0, "CANCELLED"), (REFUSED, 0, "NOT_FOUND")]
)
def test_a_stream_is_one_call_and_ends_when_the_front_says_so(
    traced: TracedCalls, recorded: Recorded, answer: bytes | Refusal, complete: int, code: str
) -> None:
    for _ in range(2):
        traced.receive(frame(FrameKind.MESSAGE, 1))
        traced.answer(7, b"")
    traced.answer(7, answer)
    traced.receive(frame(FrameKind.MESSAGE, 1))
    assert recorded.ended == []
    traced.receive(frame(FrameKind.END, complete))
    assert recorded.ended == [(7, code)]
    assert {rpc for _call, rpc, _parent in recorded.began} == {"StreamTransactions"}
