"""The requests of a batch to come, in the arrays that kernels read. Filled on the event loop, decided by the writer.

A request is put here either as an ``Ask`` or by a kernel that reads messages; both leave the same rows. While a batch
is decided nobody else may touch its inbox.
"""

from collections.abc import Sequence
from struct import Struct

import numpy as np

from pointguard_server.engine.ask import Ask, Claim, Member
from pointguard_server.engine.rows import ENVELOPE, REQUEST, SETTLED, words_of
from pointguard_server.rules.fields import LINE_FIELD_COUNT

_NO_ID = bytes(16)
# As rows.ENVELOPE_FIELDS; what the engine finds out later is empty, and there is no slot yet.
_PACK_ENVELOPE = Struct("<2q16s16s19q").pack_into
_ENVELOPE_SIZE, _REQUEST_SIZE = ENVELOPE.itemsize, REQUEST.itemsize
_ROWS, _LINES, _BODY_BYTES = 64, 256, 8_192
INBOXES = 4
"""So many at the most take turns, and are kept for that. Two, but behind a job that takes long."""


class Inbox:
    """Rows of requests with their envelopes, their lines (row-major, ``rules/fields.py``) and their bodies."""

    def __init__(self) -> None:
        self.requests = np.zeros(_ROWS, REQUEST)
        self.envelopes = np.zeros(_ROWS, ENVELOPE)
        self.lines = np.zeros((_LINES, LINE_FIELD_COUNT), np.int64)
        self.bodies = np.zeros(_BODY_BYTES, np.uint8)
        self.at = np.zeros(3, np.int64)  # for kernels that put requests here: where the next row, line and byte go
        self._view()
        self.clear()

    def clear(self) -> None:
        """Forget all requests."""
        self.count = self.line_count = self.body_size = 0
        self.identifiers: list[tuple[int, int, str]] = []  # (row, kind, normalized value) of accounts to be found
        self.claims: dict[int, Claim] = {}  # by row
        self.others: dict[int, Sequence[Member]] = {}  # by row: the accounts beside the request's own

    def reserve(self, rows: int, lines: int, body_bytes: int) -> None:
        """Make room for that much more."""
        if (
            self.count + rows <= len(self.requests)
            and self.line_count + lines <= len(self.lines)
            and self.body_size + body_bytes <= len(self.bodies)
        ):
            return
        if self.count + rows > len(self.requests):
            self.requests = _grown(self.requests, self.count + rows)
            self.envelopes = _grown(self.envelopes, self.count + rows)
        if self.line_count + lines > len(self.lines):
            self.lines = _grown(self.lines, self.line_count + lines)
        if self.body_size + body_bytes > len(self.bodies):
            self.bodies = _grown(self.bodies, self.body_size + body_bytes)
        self._view()

    def hand_over(self) -> None:
        """Say where a kernel is to put requests; ``take_back`` what it has put there."""
        self.at[:] = self.count, self.line_count, self.body_size

    def take_back(self) -> None:
        """Have what a kernel put here."""
        self.count, self.line_count, self.body_size = self.at.tolist()

    def cut(self, count: int, line_count: int, body_size: int) -> None:
        """Take back what was put since there was that much."""
        self.count, self.line_count, self.body_size = count, line_count, body_size
        self.identifiers = [named for named in self.identifiers if named[0] < count]
        self.claims = {row: claim for row, claim in self.claims.items() if row < count}
        self.others = {row: others for row, others in self.others.items() if row < count}

    def settle(self, row: int) -> None:
        """Have a row left undecided: it is answered otherwise."""
        self.envelopes["skip"][row] = SETTLED
        self.envelopes["body_at"][row] = self.envelopes["body_size"][row] = 0

    def hurry(self, first: int, count: int) -> None:
        """Say of rows that their deadline is near."""
        self.envelopes["is_hurried"][first : first + count] = 1

    def _view(self) -> None:
        self.request_words = words_of(self.requests)
        self._request_bytes, self._envelope_bytes, self._line_bytes, self._body_bytes = (
            array.view(np.uint8).reshape(-1).data for array in (self.requests, self.envelopes, self.lines, self.bodies)
        )

    def put(self, ask: Ask) -> int:
        """Add a request; return its row."""
        row = self.count
        self.reserve(1, ask.line_count, len(ask.body))
        self.count += 1
        self.place(row, ask)
        return row

    def place(self, row: int, ask: Ask) -> None:
        """Make a row that is there the ask's; there must be room for its lines and its body."""
        at = row * _REQUEST_SIZE
        self._request_bytes[at : at + _REQUEST_SIZE] = ask.fields
        _PACK_ENVELOPE(
            self._envelope_bytes,
            row * _ENVELOPE_SIZE,
            ask.tenant_id,
            ask.account_id,
            ask.key or _NO_ID,
            ask.digest or _NO_ID,
            0,
            -1,
            0,
            ask.business_unit_id,
            ask.store_province_id,
            ask.currency,
            self.line_count,
            ask.line_count,
            self.body_size,
            len(ask.body),
            ask.group_set_id,
            ask.birth_date,
            ask.agent_id,
            ask.reason_code,
            ask.language,
            ask.group_set_before,
            0,
            0,
            0,
        )
        if ask.line_count:
            at = self.line_count * 8 * LINE_FIELD_COUNT
            self._line_bytes[at : at + len(ask.lines)] = ask.lines
            self.line_count += ask.line_count
        self._body_bytes[self.body_size : self.body_size + len(ask.body)] = ask.body
        self.body_size += len(ask.body)
        if ask.identifier is not None:
            self.identifiers.append((row, *ask.identifier))
        if ask.claim is not None:
            self.claims[row] = ask.claim
        if ask.others:
            self.others[row] = ask.others

    def body(self, row: int) -> bytes:
        """Return a request's body: see ``domain.record.encode_body``."""
        at, size = int(self.envelopes["body_at"][row]), int(self.envelopes["body_size"][row])
        return bytes(self._body_bytes[at : at + size])

    def order_reference(self, row: int) -> str:
        """Return a request's order reference, which begins its body."""
        at = int(self.envelopes["body_at"][row])
        return bytes(self._body_bytes[at + 1 : at + 1 + self._body_bytes[at]]).decode()

    def order_references(self) -> dict[int, str]:
        """Return the order references of the requests that have one."""
        sizes = self.bodies[self.envelopes["body_at"][: self.count]]
        return {row: self.order_reference(row) for row in sizes.nonzero()[0].tolist()}


def _grown(array: np.ndarray, length: int) -> np.ndarray:
    """Return a copy that is at least that long, and not for a few rows only."""
    larger = np.zeros((max(length, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
