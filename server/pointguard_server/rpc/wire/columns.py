"""ProcessBatchColumns: from packed columns into an inbox's rows, and from a batch's answers to packed columns.

The columns are looked at where they stand in the message. A row that is unusual becomes the request of a ProcessBatch
that means the same, and goes that way, so that both say the same about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import InvalidRequest, PointguardError, Violation
from pointguard_server.domain.record import decode_varint, encode_varint
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.engine.lexicon import IntArray, look_up
from pointguard_server.engine.rows import ANSWER_COLUMNS
from pointguard_server.engine.verdicts import Answers, reasons_of
from pointguard_server.rpc.encode import Encoder, fill_error
from pointguard_server.rpc.wire import reading
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

ROWS_MAX = 10_000
ORIGINS_MAX = 10_000
_KEY_BYTES = 16
_LOYALTY_ID = 2
_FIELD_NUMBERS = {field.name: field.number for field in transaction_pb2.ProcessBatchColumnsRequest.DESCRIPTOR.fields}
_ANSWER_NUMBERS = {field.name: field.number for field in transaction_pb2.ProcessBatchColumnsResponse.DESCRIPTOR.fields}
_WIDE = ("account_ids", "points", "money_minor_units", "occurred_at_micros")
_NARROW = ("operations", "kinds", "captures", "allow_partials", "coupon_useds", "keep_opens")
_TYPES = dict.fromkeys(_WIDE, "<i8") | dict.fromkeys(_NARROW, "<u1") | {"origin_numbers": "<u4"}
_OPERATIONS = {int(each) for each in (Operation.AUTHORISE, Operation.ACCRUE, Operation.CAPTURE, Operation.VOID)}


@view
class Columns(NamedTuple):
    """The columns as the kernel takes them, each with a value for every row."""

    keys: IntArray  # [row, (high, low)]
    reservations: IntArray  # [row, (high, low)]
    operations: IntArray
    account_ids: IntArray
    loyalty_ids: IntArray  # [row, (begin, end)] in the message
    points: IntArray
    money: IntArray
    origins: IntArray  # the number of each row's, 0: none
    occurred_at: IntArray
    kinds: IntArray
    captures: IntArray
    allow_partials: IntArray
    coupon_useds: IntArray
    keep_opens: IntArray
    places: IntArray  # [origin, (store, business unit, province, terminal, cashier, channel)]; -1: it is wrong


@dataclass(frozen=True, slots=True)
class Request:
    """A message of columns, looked at."""

    count: int
    columns: Columns
    texts: list[str]  # the loyalty ids; empty if the column is
    origins: list[common_pb2.Origin]
    currency: str

    def item(self, row: int) -> transaction_pb2.BatchItem:
        """Return a row as the request of a ProcessBatch that means the same."""
        columns = self.columns
        operation, origin = int(columns.operations[row]), self.origin(row)
        key = uuid_text(columns.keys[row].tobytes())
        item = transaction_pb2.BatchItem()
        if operation in (Operation.CAPTURE, Operation.VOID):
            end: Any = item.capture_redemption if operation == Operation.CAPTURE else item.void_redemption
            end.idempotency_key = key
            end.reservation_id = uuid_text(columns.reservations[row].tobytes())
            if operation == Operation.CAPTURE:
                end.points = int(columns.points[row])
                end.keep_open = bool(columns.keep_opens[row])
            _place(end, origin)
            return item
        asked: Any = item.accrue if operation == Operation.ACCRUE else item.authorise_redemption
        asked.idempotency_key = key
        asked.kind = int(columns.kinds[row])
        _place(asked, origin)
        if columns.account_ids[row]:
            asked.member.account_id = int(columns.account_ids[row])
        elif self.texts and self.texts[row]:
            asked.member.loyalty_id = self.texts[row]
        money = common_pb2.Money(currency_code=self.currency, minor_units=int(columns.money[row]))
        if operation == Operation.ACCRUE:
            asked.total.CopyFrom(money)
            asked.coupon_used = bool(columns.coupon_useds[row])
        else:
            asked.capture, asked.allow_partial = bool(columns.captures[row]), bool(columns.allow_partials[row])
            if columns.points[row]:
                asked.points = int(columns.points[row])
            elif columns.money[row]:
                asked.money.CopyFrom(money)
        return item

    def violation(self, row: int) -> Violation | None:
        """Return what is wrong with a row that a request of a ProcessBatch could not even say."""
        columns = self.columns
        if columns.operations[row] == Operation.AUTHORISE and columns.points[row] and columns.money[row]:
            return Violation("amount", "must be points or money, not both")
        return None

    def origin(self, row: int) -> common_pb2.Origin | None:
        """Return where and when a row says it happened."""
        number, occurred_at = int(self.columns.origins[row]), int(self.columns.occurred_at[row])
        if not number and not occurred_at:
            return None
        origin = common_pb2.Origin()
        if number:
            origin.CopyFrom(self.origins[number - 1])
        if occurred_at:
            origin.occurred_at.seconds = occurred_at // 1_000_000
            origin.occurred_at.nanos = occurred_at % 1_000_000 * 1000
        return origin


def _place(asked: Any, origin: common_pb2.Origin | None) -> None:
    if origin is not None:
        asked.origin.CopyFrom(origin)


# ------------------------------------------------------------------------------------------------------------- reading


class _Malformed(ValueError):
    """The message's columns cannot be; the text says what it must have."""


def look_at(data: bytes) -> Request:
    """Find the columns in a message.

    Raises:
        InvalidRequest: if the message is malformed, or a column has not a value for every row.
    """
    message = transaction_pb2.ProcessBatchColumnsRequest()
    packed: dict[int, memoryview] = {}
    extents: list[int] = []
    rest = bytearray()
    try:
        for number, begin, at, end in _fields(data):
            if number == _FIELD_NUMBERS["loyalty_ids"]:
                extents += at, end
            elif number not in _PACKED:
                rest += data[begin:end]  # what is small: protobuf knows how
            else:
                packed[number] = _once(packed, number, memoryview(data)[at:end])
        message.ParseFromString(bytes(rest))
        texts = [data[begin:end].decode() for begin, end in zip(extents[::2], extents[1::2], strict=True)]
    except _Malformed as error:
        raise InvalidRequest(Violation("request", str(error))) from None
    except (DecodeError, ValueError):
        raise InvalidRequest(Violation("request", "must be a well-formed message")) from None
    return _assembled(message, packed, np.array(extents, np.int64).reshape(-1, 2), texts)


_PACKED = {_FIELD_NUMBERS[name] for name in (*_TYPES, "idempotency_keys", "reservation_ids")}


def _once(packed: dict[int, memoryview], number: int, column: memoryview) -> memoryview:
    if number in packed:
        raise _Malformed("must have every column once")
    return column


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield (number, begin, place of the content, end) of the fields of a message that are bytes.

    Raises:
        ValueError: if it is cut short.
        _Malformed: if it has other fields: proto3's encoders pack columns.
    """
    at = 0
    while at < len(data):
        begin = at
        tag, at = decode_varint(data, at)
        if tag & 7 != 2:
            raise _Malformed("must have its columns packed")
        size, at = decode_varint(data, at)
        if size > len(data) - at:
            raise ValueError("a field is cut short")
        yield tag >> 3, begin, at, at + size
        at += size


def _assembled(
    message: transaction_pb2.ProcessBatchColumnsRequest,
    packed: dict[int, memoryview],
    extents: IntArray,
    texts: list[str],
) -> Request:
    keys = packed.get(_FIELD_NUMBERS["idempotency_keys"], memoryview(b""))
    count = len(keys) // _KEY_BYTES
    if len(keys) % _KEY_BYTES or not 1 <= count <= ROWS_MAX:
        raise InvalidRequest(
            Violation("idempotency_keys", f"must be {_KEY_BYTES} bytes for each of 1 to {ROWS_MAX} rows")
        )
    violations = []
    columns: dict[str, IntArray] = {}
    for name, kind in _TYPES.items():
        column = np.frombuffer(packed.get(_FIELD_NUMBERS[name], b""), np.uint8)
        # Of numbers of one byte each, none has a second one.
        if column.size not in (0, np.dtype(kind).itemsize * count) or (kind == "<u1" and (column > 0x7F).any()):
            violations.append(Violation(name, "must have a value for every row, or none"))
            column = column[:0]
        columns[name] = column.view(kind).astype(np.int64) if column.size else np.zeros(count, np.int64)
    if len(message.origins) > ORIGINS_MAX:
        violations.append(Violation("origins", f"must be at most {ORIGINS_MAX}"))
    for number, origin in enumerate(message.origins):
        if origin.HasField("occurred_at"):
            violations.append(Violation(f"origins[{number}].occurred_at", "must be absent: it is a column"))
    reservations = packed.get(_FIELD_NUMBERS["reservation_ids"], memoryview(b""))
    if len(reservations) not in (0, _KEY_BYTES * count):
        violations.append(Violation("reservation_ids", "must have 16 bytes for every row, or none"))
    if len(extents) not in (0, count):
        violations.append(Violation("loyalty_ids", "must have a value for every row, or none"))
    if not set(np.unique(columns["operations"]).tolist()) <= _OPERATIONS:
        violations.append(Violation("operations", "must be AUTHORISE, CAPTURE, VOID or ACCRUE in every row"))
    if int(columns["origin_numbers"].max()) > len(message.origins):
        violations.append(Violation("origin_numbers", "must not exceed the number of origins"))
    if violations:
        raise InvalidRequest(*violations)
    return Request(
        count=count,
        columns=Columns(
            keys=_pairs(keys, count),
            reservations=_pairs(reservations, count),
            operations=columns["operations"],
            account_ids=columns["account_ids"],
            loyalty_ids=extents if len(extents) else np.zeros((count, 2), np.int64),
            points=columns["points"],
            money=columns["money_minor_units"],
            origins=columns["origin_numbers"],
            occurred_at=columns["occurred_at_micros"],
            kinds=columns["kinds"],
            captures=columns["captures"],
            allow_partials=columns["allow_partials"],
            coupon_useds=columns["coupon_useds"],
            keep_opens=columns["keep_opens"],
            places=np.full((len(message.origins) + 1, 6), -1, np.int64),
        ),
        texts=texts,
        origins=list(message.origins),
        currency=message.currency_code,
    )


def _pairs(data: memoryview, count: int) -> IntArray:
    """Return 16-byte ids as rows of two integers."""
    return np.frombuffer(bytearray(data) or bytearray(_KEY_BYTES * count), np.int64).reshape(count, 2)


@part
def _digit(nibble):
    return np.uint8(nibble + 0x30 if nibble < 10 else nibble + 0x57)


@part
def _key(reader, columns, row, envelope):
    """Set the key that the text of a UUID with these bytes has."""
    high, low = columns.keys[row, 0], columns.keys[row, 1]
    if (high >> 52 & 15) == 7 and (low >> 6 & 3) == 2:
        envelope.idempotency_key_high = high
        envelope.idempotency_key_low = low
        return
    staging = reader.staging
    at = 0
    for i in range(16):
        if i in (4, 6, 8, 10):
            staging[at] = 0x2D
            at += 1
        byte = (high >> 8 * i if i < 8 else low >> 8 * (i - 8)) & 0xFF
        staging[at] = _digit(byte >> 4)
        staging[at + 1] = _digit(byte & 15)
        at += 2
    reading.digest_key(reader, envelope, at)


@part
def _origin(columns, row, request, envelope):
    """Set where and when it happens; return whether that is usual."""
    occurred_at = columns.occurred_at[row]
    if occurred_at != 0:
        if occurred_at < reading.OCCURRED_MIN * 1_000_000 or occurred_at >= reading.OCCURRED_MAX * 1_000_000:
            return False
        request.occurred_at = occurred_at
    place = columns.places[columns.origins[row]]
    if place[0] < 0:
        return False
    request.store_id, envelope.business_unit_id, envelope.store_province_id = place[0], place[1], place[2]
    request.terminal_id, request.cashier_id, request.channel = place[3], place[4], place[5]
    return True


@part
def _row(reader, data, columns, in_currency, row, rows, at):  # noqa: C901  (one case an operation)
    """Read a row; what is unusual stays marked UNREAD. Lines and bodies have room."""
    operation = columns.operations[row]
    into = at[reading.ROW] + row
    reading.begin(reader, rows, into, operation, at)
    request, envelope = rows.requests[into], rows.envelopes[into]
    _key(reader, columns, row, envelope)
    kind, begin, size = np.int64(0), np.int64(0), np.int64(0)
    lines = np.int64(0)
    points, money = columns.points[row], columns.money[row]
    if operation == reading.CAPTURE or operation == reading.VOID:
        if columns.reservations[row, 0] == 0 and columns.reservations[row, 1] == 0:
            return
        request.reservation_high, request.reservation_low = columns.reservations[row, 0], columns.reservations[row, 1]
        if operation == reading.CAPTURE:
            if points < 0 or points > reading.POINTS_MAX:
                return
            request.points = points
            if columns.keep_opens[row]:
                request.flags |= reading.KEEP_FLAG
    else:
        if columns.account_ids[row] > 0:
            request.account_id = envelope.account_id = columns.account_ids[row]
        else:
            kind, begin = np.int64(_LOYALTY_ID), columns.loyalty_ids[row, 0]
            size = columns.loyalty_ids[row, 1] - begin
            known = look_up(reader.known, reading.IDENTIFIER + _LOYALTY_ID, data, begin, size) if size else -1
            if columns.account_ids[row] != 0 or known < 0:
                return
            reading.set_identified(envelope, _LOYALTY_ID, known)
        if operation == reading.ACCRUE:
            if (
                not in_currency
                or money < 0
                or money > reading.MONEY_MAX
                or not reading.set_accrual_kind(request, columns.kinds[row])
            ):
                return
            reading.put_total(reader, rows, envelope.first_line, money)
            request.money, lines = money, np.int64(1)
            if columns.coupon_useds[row]:
                request.flags |= reading.COUPON_FLAG
            envelope.currency = reader.constants[reading.CURRENCY_NUMBER]
        else:
            if not reading.set_redemption_kind(request, columns.kinds[row]):
                return
            if points > 0 and money == 0 and points <= reading.POINTS_MAX:
                request.points = points
            elif in_currency and points == 0 and 0 < money <= reading.MONEY_MAX:
                request.money = money
                request.flags |= reading.MONEY_FLAG
                envelope.currency = reader.constants[reading.CURRENCY_NUMBER]
            else:
                return
            if columns.captures[row]:
                request.flags |= reading.CAPTURE_FLAG
            if columns.allow_partials[row]:
                request.flags |= reading.PARTIAL_FLAG
    if _origin(columns, row, request, envelope):
        reading.end_empty(reader, data, rows, into, kind, begin, size, lines, at)


@entry
def read_columns(reader, data, columns, in_currency, rows):
    """Read columns into rows from ``rows.at`` on; return how many were left UNREAD. There is room for all.

    ``in_currency``: whether money is in the program's currency.
    """
    unread = 0
    count = columns.operations.shape[0]
    for row in range(count):
        _row(reader, data, columns, in_currency, row, rows, rows.at)
        unread += rows.envelopes[rows.at[reading.ROW] + row].skip == reading.UNREAD
    rows.at[reading.ROW] += count
    return unread


def warm_up(reader: reading.Reader, rows: reading.Rows) -> None:
    """Have the kernel compiled, or loaded from the cache."""
    pairs, column = np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    none = Columns(
        keys=pairs, reservations=pairs, operations=column, account_ids=column, loyalty_ids=pairs, points=column,
        money=column, origins=column, occurred_at=column, kinds=column, captures=column, allow_partials=column,
        coupon_useds=column, keep_opens=column, places=np.zeros((1, 6), np.int64),
    )  # fmt: skip
    read_columns(reader, np.zeros(0, np.uint8), none, True, rows)


# ------------------------------------------------------------------------------------------------------------- writing


def write_columns(
    answers: Answers, first: int, count: int, errors: dict[int, PointguardError], encoder: Encoder, refused: Any
) -> bytes:
    """Return the answers to rows as a ``ProcessBatchColumnsResponse``.

    ``errors`` are those of rows that were not decided; ``refused(row)`` gives the verdict or the error on a row that
    the kernel has not answered.
    """
    table = answers.out.answers[first : first + count].copy()
    left = table["outcome"] != 0
    response = transaction_pb2.ProcessBatchColumnsResponse()
    table[left] = np.zeros((), table.dtype)
    reasons = {row: found for row, found in reasons_of(answers.out, first, count).items() if not left[row]}
    for row in left.nonzero()[0].tolist():
        verdict = errors.get(row) or refused(first + row)
        if isinstance(verdict, PointguardError):
            error = response.errors.add(row=row)
            fill_error(error.error, verdict)
            continue
        columns = table.view(ANSWER_COLUMNS)
        for name in ("transaction_id", *_ANSWERED.values(), "decision"):
            columns[name][row] = getattr(verdict, name)
        reasons[row] = verdict.reasons
    for row in sorted(reasons):
        for reason in encoder.reasons(reasons[row]):
            response.reasons.add(row=row, reason=reason)
    # The worth of an authorise's points only: an accrual's money is what the caller said.
    table["money"][answers.requests["operation"][first : first + count] != int(Operation.AUTHORISE)] = 0
    parts = [
        _packed("transaction_ids", table.view(ANSWER_COLUMNS)["transaction_id"].tobytes()),
        _packed("decisions", table["decision"].astype(np.uint8).tobytes()),
        *(_packed(name, np.ascontiguousarray(table[field]).tobytes()) for name, field in _ANSWERED.items()),
    ]
    return b"".join(parts) + response.SerializeToString()


_ANSWERED = {
    "points": "points",
    "points_released": "released",
    "money_minor_units": "money",
    "expires_at_micros": "expires_at",
    "account_ids": "account_id",
    "posted": "posted",
    "reserved": "reserved",
    "pending": "pending",
}


def _packed(name: str, content: bytes) -> bytes:
    return encode_varint(_ANSWER_NUMBERS[name] << 3 | 2) + encode_varint(len(content)) + content
