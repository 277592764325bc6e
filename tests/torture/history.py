"""What clients saw, on disk while they see it: each call as it was sent and as it ended, with the machine's own time.

A line is written before a call is sent and one when it has ended, so that a history outlives whoever is killed. Times
are of ``time.monotonic_ns()``, which all processes of a machine share. ``checker.py`` reads it.
"""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointguard.v1 import common_pb2, member_pb2, transaction_pb2

MESSAGES: dict[str, tuple[Any, Any]] = {
    "EnrollMember": (member_pb2.EnrollMemberRequest, member_pb2.EnrollMemberResponse),
    "Accrue": (transaction_pb2.AccrueRequest, transaction_pb2.AccrueResponse),
    "AuthoriseRedemption": (transaction_pb2.AuthoriseRedemptionRequest, transaction_pb2.AuthoriseRedemptionResponse),
    "CaptureRedemption": (transaction_pb2.CaptureRedemptionRequest, transaction_pb2.CaptureRedemptionResponse),
    "VoidRedemption": (transaction_pb2.VoidRedemptionRequest, transaction_pb2.VoidRedemptionResponse),
    "TransferPoints": (transaction_pb2.TransferPointsRequest, transaction_pb2.TransferPointsResponse),
    "RedeemHousehold": (transaction_pb2.RedeemHouseholdRequest, transaction_pb2.RedeemHouseholdResponse),
    "GetBalance": (transaction_pb2.GetBalanceRequest, transaction_pb2.GetBalanceResponse),
}
"""Request and answer of each RPC that a history knows."""
NAMES = {request: name for name, (request, _) in MESSAGES.items()}
READS = frozenset({"GetBalance"})
ANSWERED, REFUSED, LOST = "answered", "refused", "lost"


@dataclass(slots=True)
class Call:
    """One call: answered, refused (nothing was written), or neither: then nobody knows what became of it."""

    name: str
    request: Any
    sent_at: int
    ended_at: int | None = None  # never, where the client did not live to see it
    answer: Any = None
    refused: str = ""  # with this status

    @property
    def key(self) -> str:
        """The request's idempotency key."""
        return str(self.request.idempotency_key)

    @property
    def balance(self) -> common_pb2.Balance:
        """The balance that the answer tells."""
        balance: common_pb2.Balance = self.answer.balance
        return balance


@dataclass
class History:
    """All calls in the order in which they were sent, and what the machine's clock is ahead of their times, in ns."""

    calls: list[Call]
    clock_ahead_ns: int = 0

    def wall_us(self, at_ns: int) -> int:
        """Return a time of the history as microseconds since 1970, as the ledger has its moments."""
        return (at_ns + self.clock_ahead_ns) // 1_000


class HistoryFile:
    """Writes a history; calls are numbered in the order in which they are sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls = 0
        self._write("clock", time.time_ns() - time.monotonic_ns())

    def send(self, request: Any) -> int:
        """Note a call that is about to be sent; return its number."""
        self._calls += 1
        self._write("sent", self._calls, NAMES[type(request)], _text(request))
        return self._calls

    def answer(self, call: int, answer: Any) -> None:
        """Note the answer to a call."""
        self._write(ANSWERED, call, _text(answer))

    def refuse(self, call: int, status: str) -> None:
        """Note that a call was refused."""
        self._write(REFUSED, call, status)

    def lose(self, call: int, status: str) -> None:
        """Note that nobody knows what became of a call."""
        self._write(LOST, call, status)

    def _write(self, what: str, call: int, *more: str) -> None:
        with self._path.open("a") as lines:
            lines.write(json.dumps((what, time.monotonic_ns(), call, *more)) + "\n")


def _text(message: Any) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


def read_history(path: Path) -> History:
    """Return a history; a last line that is not whole is left out."""
    calls: dict[int, Call] = {}
    clock_ahead_ns = 0
    for what, at, number, *more in _lines_of(path):
        if what == "clock":
            clock_ahead_ns = number
        elif what == "sent":
            name, request = more
            calls[number] = Call(name, MESSAGES[name][0].FromString(base64.b64decode(request)), at)
        else:
            call = calls[number]
            call.ended_at = at
            if what == ANSWERED:
                call.answer = MESSAGES[call.name][1].FromString(base64.b64decode(more[0]))
            elif what == REFUSED:
                call.refused = more[0]
    return History(list(calls.values()), clock_ahead_ns)


def _lines_of(path: Path) -> Iterator[list[Any]]:
    with path.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
