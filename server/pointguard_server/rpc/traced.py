"""A span around every call, between the link and those who take and answer calls. Used by ``server.py``."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pointguard_server.rpc.guard import Refusal
from pointguard_server.rpc.lanes import Answer
from pointguard_server.rpc.link import TRACE_SEPARATOR, Frame, FrameKind
from pointguard_server.rpc.status import StatusCode

if TYPE_CHECKING:
    from pointguard_server.service.tracing import Tracing

CANCELLED = "CANCELLED"


class TracedCalls:
    """Hands frames and answers on. What a call submits to the engine while it is taken is in the call's span."""

    def __init__(
        self, tracing: "Tracing", rpcs: Sequence[str], receive: Callable[[Frame], None], answer: Answer
    ) -> None:
        self._tracing = tracing
        self._rpcs = rpcs  # names by number
        self._receive = receive
        self._answer = answer
        self._streams: dict[int, str] = {}  # open ones: call → status

    def receive(self, frame: Frame) -> None:
        """Hand a frame on, without the caller's trace."""
        if frame.kind in (FrameKind.CALL, FrameKind.MESSAGE):
            if frame.kind == FrameKind.MESSAGE:
                self._streams.setdefault(frame.call, StatusCode.OK.name)
            credential, _, traceparent = frame.text.partition(TRACE_SEPARATOR)
            with self._tracing.within(frame.call, self._rpcs[frame.number], traceparent):
                self._receive(frame._replace(text=credential))
            return
        self._receive(frame)
        if frame.kind == FrameKind.CANCEL:
            self._tracing.end(frame.call, CANCELLED)
        elif frame.kind == FrameKind.END:
            code = self._streams.pop(frame.call, StatusCode.OK.name)
            broken_off = not frame.number and code == StatusCode.OK.name
            self._tracing.end(frame.call, CANCELLED if broken_off else code)

    def done(self, call: int) -> None:
        """End the span of a call whose stream of answers is over."""
        self._tracing.end(call, StatusCode.OK.name)

    def answer(self, call: int, answer: bytes | Refusal) -> None:
        """Hand an answer on; it ends the span, unless it is a stream's, which ends when the front says so."""
        self._answer(call, answer)
        code = StatusCode(answer.code).name if isinstance(answer, Refusal) else StatusCode.OK.name
        if call in self._streams:
            self._streams[call] = code
        else:
            self._tracing.end(call, code)
