"""Reading requests from the wire into an inbox's rows: protobuf's encoding, field by field, without an object.

A kernel takes a request only if everything about it is usual: fields once and of their type, texts that are ASCII or
known, values within their limits, a basket encoded the canonical way. It leaves every other row marked ``UNREAD`` for
``rpc/decode.py``, so it needs to know what is right and nothing of what is wrong.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.domain.codes import Kind, Operation, RequestFlag
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.ledger_rows import REQUEST_FIELDS
from pointguard_server.engine.compiled.varint import put_varint, varint
from pointguard_server.engine.lexicon import UNKNOWN, ByteArray, IntArray, LexiconArrays, look_up
from pointguard_server.rpc import decode
from pointguard_server.rpc.wire import blake2
from pointguard_server.rpc.wire.encoding import (
    ABSENT,
    BYTES,
    FIELDS_MAX,
    NUMBER,
    copy,
    is_ascii,
    only,
    printable,
    read_fields,
    read_ordered_fields,
    uuid,
)
from pointguard_server.rpc.wire.matching import Matchers, Seen, begin_basket, match_text, tell_apart
from pointguard_server.rules.fields import LINE_MATCHES
from pointguard_server.service.tenants import LINE_VALUE
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

UNREAD = -2
"""The ``skip`` of a row that a kernel left to others."""
FULL, MALFORMED = -1, -2

# Kinds of text in the lexicons.
STORE, TERMINAL, CASHIER, TENDER, REDEMPTION_TYPE, LANGUAGE = range(1, 7)
IDENTIFIER = 16  # and the identifier's kind
TENANT_ID, CURRENCY_NUMBER, MONEY_SCALE, TIME_TO_LIVE_MAX, CHANNEL_MAX, PATTERNS = range(6)
CONSTANTS = 6
ACCOUNT_BITS = 32
_ACCOUNT_MAX = (1 << ACCOUNT_BITS) - 1

_REQUEST_WORDS = len(REQUEST_FIELDS)
_DIGEST_HEAD = 16  # the sizes of what is digested
AUTHORISE, ACCRUE, CAPTURE, VOID, CHECK = (
    int(each) for each in (Operation.AUTHORISE, Operation.ACCRUE, Operation.CAPTURE, Operation.VOID, Operation.CHECK)
)
_PURCHASE, _ACTIVITY, _ADHOC = int(Kind.PURCHASE), int(Kind.ACTIVITY), int(Kind.ADHOC_REDEEM)
KEEP_FLAG = int(RequestFlag.KEEP_OPEN)
CAPTURE_FLAG, PARTIAL_FLAG, COUPON_FLAG, MONEY_FLAG = (
    int(flag)
    for flag in (RequestFlag.CAPTURE, RequestFlag.ALLOW_PARTIAL, RequestFlag.COUPON_USED, RequestFlag.IN_MONEY)
)
_ACCOUNT_ID = int(IdentifierKind.ACCOUNT_ID)
POINTS_MAX, MONEY_MAX, _QUANTITY_MAX, _LINES_MAX = (
    decode.POINTS_MAX,
    decode.MONEY_MAX,
    decode.QUANTITY_MAX,
    decode.LINES_MAX,
)
_TEXT_BYTES_MAX, _KEY_BYTES_MAX = decode.TEXT_BYTES_MAX, decode.KEY_BYTES_MAX
_TIME_TO_LIVE_MIN, OCCURRED_MIN, OCCURRED_MAX = (
    decode.TIME_TO_LIVE_MIN,
    decode.OCCURRED_MIN,
    decode.OCCURRED_MAX,
)
_LINE_VALUE = LINE_VALUE
_CONTEXT_MAX = max(decode.CONTEXTS)


def _bits(*fields: int) -> int:
    return sum(1 << field for field in fields)


# The fields of each message that are numbers, and those that are bytes.
_MOMENT_NUMBERS = _bits(1, 2)
_MONEY_NUMBERS, _MONEY_BYTES = _bits(2), _bits(1)
_ORIGIN_NUMBERS, _ORIGIN_BYTES = _bits(4), _bits(1, 2, 3, 5)
_LINE_NUMBERS, _LINE_BYTES = _bits(4, 5), _bits(1, 2, 3)
_AUTHORISE_NUMBERS, _AUTHORISE_BYTES = _bits(4, 6, 9, 10), _bits(1, 2, 3, 5, 7, 8, 11, 13)
_ACCRUE_NUMBERS, _ACCRUE_BYTES = _bits(6, 8), _bits(1, 2, 3, 4, 5, 7, 9, 10)
_CAPTURE_NUMBERS, _CAPTURE_BYTES = _bits(3, 5), _bits(1, 2, 4)
_VOID_BYTES = _bits(1, 2, 3)
_CHECK_NUMBERS, _CHECK_BYTES = _bits(2), _bits(1, 3, 4)
_OPERATION_OF_ITEM = np.array([0, AUTHORISE, CAPTURE, VOID, ACCRUE], np.int64)


@view
class Reader(NamedTuple):
    """What reading needs: what is known of the tenant, and room to work in."""

    known: LexiconArrays  # texts that have numbers; what is not here may still have one
    rule_texts: LexiconArrays  # texts of lines that the rules speak of; what is not here is 0
    stores: IntArray  # [number of the store in ``known``, (store, business unit, province)]
    constants: IntArray
    digest_state: np.ndarray  # BLAKE2b's, once it has taken the tenant's key in
    key_state: np.ndarray  # BLAKE2b's for idempotency keys
    fields: IntArray  # scratch: [level, field, (what it was sent as, value or place, size)]
    words: np.ndarray  # scratch: what is digested, as words
    staging: ByteArray  # the same memory as bytes
    hashing: np.ndarray  # scratch of BLAKE2b
    matchers: Matchers  # the rules' patterns over lines
    seen: Seen  # scratch: texts of lines that no rule names


@view
class Rows(NamedTuple):
    """An inbox's arrays. ``at`` is where the next row, line and byte of a body go; moved on if all went well."""

    requests: np.ndarray
    request_words: IntArray  # the same memory as a matrix
    envelopes: np.ndarray
    lines: IntArray
    bodies: ByteArray
    at: IntArray
    extents: IntArray  # [item, (begin, end)]: where each item stands in the message
    keys: IntArray  # [item, (begin, end)]: where its idempotency key stands; empty if it was not looked for


ROW, LINE, BODY = range(3)


# --------------------------------------------------------------------------------------------------------------- parts


@part
def digest_key(reader, envelope, size):
    """Set the key to the digest of what is staged."""
    blake2.digest(reader.hashing, reader.key_state, 0, reader.words, reader.staging, size)
    envelope.idempotency_key_high = np.int64(reader.hashing[0])
    envelope.idempotency_key_low = np.int64(reader.hashing[1])


@part
def _key(reader, data, field, envelope):
    """Set the key's 16 bytes, as ``engine.identifiers.key_bytes`` does; return whether it is usual."""
    at, size = field[1], field[2]
    if size < 1 or size > _KEY_BYTES_MAX or not is_ascii(data, at, size):
        return False
    if size == 36 and data[at + 14] == 0x37:
        high, low, well_formed = uuid(data, at)
        if well_formed and low >> 6 & 3 == 2:
            envelope.idempotency_key_high = high
            envelope.idempotency_key_low = low
            return True
    for i in range(size):
        reader.staging[i] = data[at + i]
    digest_key(reader, envelope, size)
    return True


@part
def set_identified(envelope, kind, known):
    """Set what an identifier of a kind finds: see ``identified``."""
    envelope.account_id = known & _ACCOUNT_MAX
    envelope.identifier_kind = kind
    envelope.identifier_id = known >> ACCOUNT_BITS


def identified(account_id: int, identifier_id: int) -> int:
    """Return what the lexicon has of an identifier: its account and its own number; UNKNOWN if it has no room."""
    fits = account_id <= _ACCOUNT_MAX and identifier_id < 1 << 31
    return identifier_id << ACCOUNT_BITS | account_id if fits else UNKNOWN


@part
def _member(reader, data, field, request, envelope, fields):
    """Set the account; return the identifier's (kind, place, size), a kind of 0 for none, or -1 if it is unusual."""
    if field[0] != BYTES or not read_fields(data, field[1], field[1] + field[2], fields):
        return -1, 0, 0
    found = 0
    for kind in range(FIELDS_MAX):
        if fields[kind, 0] != ABSENT:
            if found:
                return -1, 0, 0
            found = kind
    if found == _ACCOUNT_ID:
        if fields[found, 0] != NUMBER or fields[found, 1] <= 0:
            return -1, 0, 0
        request.account_id = envelope.account_id = fields[found, 1]
        return 0, 0, 0
    if found == 0 or fields[found, 0] != BYTES:
        return -1, 0, 0
    known = look_up(reader.known, IDENTIFIER + found, data, fields[found, 1], fields[found, 2])
    if known == UNKNOWN:
        return -1, 0, 0
    set_identified(envelope, found, known)
    return found, fields[found, 1], fields[found, 2]


@part
def _code(reader, kind, data, field):
    """Return a text's number, 0 for none, or UNKNOWN."""
    if field[2] == 0:
        return np.int64(0)
    return look_up(reader.known, kind, data, field[1], field[2])


@part
def _moment(data, field, fields):
    """Return a Timestamp's or a Duration's (seconds, nanoseconds, whether it is usual)."""
    if not read_fields(data, field[1], field[1] + field[2], fields) or not only(fields, _MOMENT_NUMBERS, 0):
        return np.int64(0), np.int64(0), False
    nanos = fields[2, 1]
    return fields[1, 1], nanos, 0 <= nanos < 1_000_000_000


@part
def _origin(reader, data, field, request, envelope, fields, deeper):
    """Set where it happens; return whether it is usual."""
    if field[0] == ABSENT:
        return True
    if not read_fields(data, field[1], field[1] + field[2], fields) or not only(fields, _ORIGIN_NUMBERS, _ORIGIN_BYTES):
        return False
    store = _code(reader, STORE, data, fields[1])
    terminal = _code(reader, TERMINAL, data, fields[2])
    cashier = _code(reader, CASHIER, data, fields[3])
    channel = fields[4, 1]
    if min(store, terminal, cashier) < 0 or channel < 0 or channel > reader.constants[CHANNEL_MAX]:
        return False
    if fields[5, 0] == BYTES:
        seconds, nanos, usual = _moment(data, fields[5], deeper)
        if not usual or seconds < OCCURRED_MIN or seconds >= OCCURRED_MAX:
            return False
        request.occurred_at = seconds * 1_000_000 + nanos // 1000
    request.store_id = reader.stores[store, 0]
    envelope.business_unit_id = reader.stores[store, 1]
    envelope.store_province_id = reader.stores[store, 2]
    request.terminal_id = terminal
    request.cashier_id = cashier
    request.channel = channel
    return True


@part
def _in_currency(reader, data, field):
    """Return whether a text is the program's currency."""
    if field[2] != 3:
        return False
    number = np.int64(0)
    for i in range(3):
        number = number << 8 | np.int64(data[field[1] + i])
    return number == reader.constants[CURRENCY_NUMBER]


@part
def _money(reader, data, field, fields):
    """Return an amount in the program's currency, or -1 if it is unusual."""
    if not read_fields(data, field[1], field[1] + field[2], fields) or not only(fields, _MONEY_NUMBERS, _MONEY_BYTES):
        return np.int64(-1)
    amount = fields[2, 1]
    if not _in_currency(reader, data, fields[1]) or amount < 0 or amount > MONEY_MAX:
        return np.int64(-1)
    return amount


@part
def _line_text(reader, data, i, at, size, line):
    """Return the number of a line's i-th text."""
    if size == 0:
        return np.int64(0)
    code = look_up(reader.rule_texts, i, data, at, size)
    if code != UNKNOWN:
        return code
    if reader.seen.told_apart[i]:
        return tell_apart(reader.seen, reader.rule_texts.seed[0], i, data, at, size, line)
    return np.int64(0)


@part
def _line_matches(reader, data, fields):
    """Return the bits of the patterns that a line's texts match."""
    matched = np.int64(0)
    for i in range(3):
        if fields[1 + i, 2]:
            matched |= match_text(reader.matchers, i, data, fields[1 + i, 1], fields[1 + i, 2])
    return matched


@part
def read_basket(reader, data, begin, end, rows, first_line, fields):
    """Write a basket's lines from ``first_line`` on; return (total, lines), or lines of FULL, or 0 if it is unusual."""
    if end - begin < 5 or data[begin] != 0x0A or data[begin + 1] != 3:
        return np.int64(0), np.int64(0)
    number = np.int64(data[begin + 2]) << 16 | np.int64(data[begin + 3]) << 8 | np.int64(data[begin + 4])
    if number != reader.constants[CURRENCY_NUMBER]:
        return np.int64(0), np.int64(0)
    at = begin + 5
    total = np.int64(0)
    count = np.int64(0)
    begin_basket(reader.seen)
    while at < end:
        if data[at] != 0x12:
            return np.int64(0), np.int64(0)
        before = at + 1
        size, at = varint(data, before, end)
        if at < 0 or size < 0 or size > end - at or (at - before > 1 and data[at - 1] == 0):
            return np.int64(0), np.int64(0)
        if not read_ordered_fields(data, at, at + size, fields) or not only(fields, _LINE_NUMBERS, _LINE_BYTES):
            return np.int64(0), np.int64(0)
        at += size
        if first_line + count >= rows.lines.shape[0]:
            return np.int64(0), np.int64(FULL)
        quantity, amount = fields[4, 1], fields[5, 1]
        if quantity < 0 or quantity > _QUANTITY_MAX or amount < 0 or amount > MONEY_MAX or count == _LINES_MAX:
            return np.int64(0), np.int64(0)
        line = rows.lines[first_line + count]
        for i in range(3):
            text_at, text_size = fields[1 + i, 1], fields[1 + i, 2]
            if text_size > _TEXT_BYTES_MAX or not is_ascii(data, text_at, text_size):
                return np.int64(0), np.int64(0)
            line[i] = _line_text(reader, data, i, text_at, text_size, count)
        line[3] = quantity * _LINE_VALUE
        line[4] = amount * reader.constants[MONEY_SCALE]
        line[LINE_MATCHES] = _line_matches(reader, data, fields) if reader.constants[PATTERNS] else 0
        total += amount
        count += 1
    if total > MONEY_MAX:
        return np.int64(0), np.int64(0)
    return total, count


@part
def _put_size(staging, at, size):
    for i in range(4):
        staging[at + i] = np.uint8(size >> 8 * i & 0xFF)


@part
def _digest(reader, data, rows, row, envelope, kind, name_at, name_size):
    """Set the request's digest, as ``Tenant.digest`` does."""
    staging = reader.staging
    at = _DIGEST_HEAD
    for i in range(_REQUEST_WORDS):
        reader.words[at // 8] = np.uint64(rows.request_words[row, i])
        at += 8
    names = at
    if kind > 0:
        staging[at] = np.uint8(0x30 + kind)
        staging[at + 1] = 0x20
        at = copy(data, name_at, name_size, staging, at + 2)
    body = at
    at = copy(rows.bodies, envelope.body_at, envelope.body_size, staging, at)
    _put_size(staging, 0, 8 * _REQUEST_WORDS)
    _put_size(staging, 4, body - names)
    _put_size(staging, 8, at - body)
    _put_size(staging, 12, 0)
    blake2.digest(reader.hashing, reader.digest_state, blake2.BLOCK, reader.words, staging, at)
    envelope.request_digest_high = np.int64(reader.hashing[0])
    envelope.request_digest_low = np.int64(reader.hashing[1])


# ------------------------------------------------------------------------------------------------------------ requests


@part
def begin(reader, rows, row, operation, at):
    """Clear a row and mark it UNREAD; its line and its body, if it gets any, go where the next ones do."""
    for i in range(_REQUEST_WORDS):
        rows.request_words[row, i] = 0
    request = rows.requests[row]
    request.operation = operation
    envelope = rows.envelopes[row]
    envelope.tenant_id = reader.constants[TENANT_ID]
    envelope.first_line, envelope.body_at = at[LINE], at[BODY]
    envelope.account_id = 0
    envelope.skip = UNREAD
    envelope.slot = -1
    envelope.refers_to = 0
    envelope.business_unit_id = 0
    envelope.store_province_id = 0
    envelope.currency = 0
    envelope.line_count = 0
    envelope.body_size = 0
    envelope.group_set_id = 0
    envelope.birth_date = 0
    envelope.language = 0
    envelope.agent_id = 0
    envelope.reason_code = 0
    envelope.group_set_before = 0
    envelope.identifier_kind = 0
    envelope.identifier_id = 0
    envelope.is_hurried = 0


@part
def set_redemption_kind(request, kind):
    """Set what kind of business a redemption is; return whether it is one of them."""
    request.kind = kind or _ADHOC
    return request.kind in (_PURCHASE, _ADHOC)


@part
def set_accrual_kind(request, kind):
    """Set what kind of business an accrual is; return whether it is one of them."""
    request.kind = kind or _PURCHASE
    return request.kind in (_PURCHASE, _ACTIVITY)


@part
def put_total(reader, rows, first_line, amount):
    """Write a total as one line of an unknown article, so that rules over lines see it too."""
    line = rows.lines[first_line]
    line[0] = line[1] = line[2] = line[LINE_MATCHES] = 0
    line[3] = _LINE_VALUE
    line[4] = amount * reader.constants[MONEY_SCALE]


@part
def _authorise(reader, data, request, envelope, fields, scratch):  # noqa: C901  (one check a field)
    """Set what only an authorise has; return whether it is usual."""
    if not only(fields, _AUTHORISE_NUMBERS, _AUTHORISE_BYTES):
        return False
    points, money = fields[4], fields[5]
    if (points[0] == ABSENT) == (money[0] == ABSENT):
        return False
    if points[0] == NUMBER:
        if points[1] < 1 or points[1] > POINTS_MAX:
            return False
        request.points = points[1]
    else:
        amount = _money(reader, data, money, scratch[1])
        if amount < 1:
            return False
        request.money = amount
        request.flags |= MONEY_FLAG
        envelope.currency = reader.constants[CURRENCY_NUMBER]
    if not set_redemption_kind(request, fields[6, 1]):
        return False
    if fields[9, 1] < 0 or fields[9, 1] > 1 or fields[10, 1] < 0 or fields[10, 1] > 1:
        return False
    if fields[9, 1]:
        request.flags |= CAPTURE_FLAG
    if fields[10, 1]:
        request.flags |= PARTIAL_FLAG
    if fields[8, 0] == BYTES:
        seconds, nanos, usual = _moment(data, fields[8], scratch[1])
        if not usual or fields[9, 1] or seconds < 0 or seconds > 86_400 * 366:
            return False
        request.time_to_live = seconds * 1_000_000 + nanos // 1000
        if not _TIME_TO_LIVE_MIN <= request.time_to_live <= reader.constants[TIME_TO_LIVE_MAX]:
            return False
    request.redemption_type_id = _code(reader, REDEMPTION_TYPE, data, fields[7])
    return request.redemption_type_id >= 0


@part
def _accrue(reader, data, rows, request, envelope, fields, scratch):
    """Set what only an accrual has; return the lines written, FULL, or 0 if it is unusual."""
    if not only(fields, _ACCRUE_NUMBERS, _ACCRUE_BYTES):
        return np.int64(0)
    basket, total = fields[4], fields[5]
    if (basket[0] == ABSENT) == (total[0] == ABSENT):
        return np.int64(0)
    first_line = envelope.first_line
    if basket[0] == BYTES:
        request.money, count = read_basket(reader, data, basket[1], basket[1] + basket[2], rows, first_line, scratch[1])
        if count <= 0:
            return count
    else:
        amount = _money(reader, data, total, scratch[1])
        if amount < 0:
            return np.int64(0)
        if first_line >= rows.lines.shape[0]:
            return np.int64(FULL)
        put_total(reader, rows, first_line, amount)
        request.money, count = amount, np.int64(1)
    if not set_accrual_kind(request, fields[6, 1]):
        return np.int64(0)
    if fields[8, 1] < 0 or fields[8, 1] > 1:
        return np.int64(0)
    if fields[8, 1]:
        request.flags |= COUPON_FLAG
    request.tender_id = _code(reader, TENDER, data, fields[7])
    envelope.currency = reader.constants[CURRENCY_NUMBER]
    return count if request.tender_id >= 0 else np.int64(0)


@part
def _end(data, request, fields, captures):
    """Set what a capture or a void has; return whether it is usual."""
    if captures:
        if not only(fields, _CAPTURE_NUMBERS, _CAPTURE_BYTES) or fields[3, 1] < 0 or fields[3, 1] > POINTS_MAX:
            return False
        request.points = fields[3, 1]
        if fields[5, 1] != 0:
            request.flags |= KEEP_FLAG
    elif not only(fields, 0, _VOID_BYTES):
        return False
    if fields[2, 2] != 36:
        return False
    request.reservation_high, request.reservation_low, well_formed = uuid(data, fields[2, 1])
    return well_formed


@part
def _body(data, rows, envelope, reference, basket):
    """Write the record's last two parts; return whether there was room."""
    if envelope.body_at + reference[2] + basket[2] + 16 > rows.bodies.shape[0]:
        return False
    at = put_varint(rows.bodies, envelope.body_at, reference[2])
    at = copy(data, reference[1], reference[2], rows.bodies, at)
    at = put_varint(rows.bodies, at, basket[2])
    at = copy(data, basket[1], basket[2], rows.bodies, at)
    envelope.body_size = at - envelope.body_at
    return True


@part
def _end_row(reader, data, rows, row, kind, name_at, name_size, lines, at):
    """Digest a row that is read, and move on."""
    envelope = rows.envelopes[row]
    _digest(reader, data, rows, row, envelope, kind, name_at, name_size)
    envelope.skip = 0
    envelope.line_count = lines
    at[LINE] += lines
    at[BODY] += envelope.body_size


@part
def _empty_body(rows, envelope):
    rows.bodies[envelope.body_at] = rows.bodies[envelope.body_at + 1] = 0
    envelope.body_size = 2


@part
def end_empty(reader, data, rows, row, kind, name_at, name_size, lines, at):
    """End a row that has neither an order reference nor a basket."""
    _empty_body(rows, rows.envelopes[row])
    _end_row(reader, data, rows, row, kind, name_at, name_size, lines, at)


@part
def _check(reader, data, first, end, rows, request, envelope, at):
    """Read a CheckAdvice, which is written nowhere; what is unusual stays UNREAD."""
    scratch = reader.fields
    fields = scratch[0]
    if not read_fields(data, first, end, fields) or not only(fields, _CHECK_NUMBERS, _CHECK_BYTES):
        return
    if fields[2, 1] < 0 or fields[2, 1] > _CONTEXT_MAX:
        return
    kind, _, _ = _member(reader, data, fields[1], request, envelope, scratch[1])
    envelope.language = _code(reader, LANGUAGE, data, fields[3])
    if kind < 0 or envelope.language < 0:
        return
    if not _origin(reader, data, fields[4], request, envelope, scratch[1], scratch[2]):
        return
    request.kind = _ADHOC
    request.time_to_live = fields[2, 1]  # see ``engine/compiled/redemptions.check``
    request.occurred_at = 0
    envelope.idempotency_key_high = envelope.idempotency_key_low = 0
    envelope.request_digest_high = envelope.request_digest_low = 0
    _empty_body(rows, envelope)
    at[BODY] += envelope.body_size
    envelope.skip = 0


@part
def _request(reader, data, first, end, operation, rows, item, row, at):  # noqa: C901  (one case an operation)
    """Read one request into ``row``; return whether there was room. What is unusual is marked UNREAD."""
    begin(reader, rows, row, operation, at)
    request, envelope = rows.requests[row], rows.envelopes[row]
    rows.keys[item, 0] = rows.keys[item, 1] = 0
    if operation == CHECK:
        _check(reader, data, first, end, rows, request, envelope, at)
        return True
    scratch = reader.fields
    fields = scratch[0]
    if (
        not read_fields(data, first, end, fields)
        or fields[1, 0] != BYTES
        or not _key(reader, data, fields[1], envelope)
    ):
        return True
    rows.keys[item, 0], rows.keys[item, 1] = fields[1, 1], fields[1, 1] + fields[1, 2]
    kind, name_at, name_size = np.int64(0), np.int64(0), np.int64(0)
    lines = np.int64(0)
    # Of an operation's fields, those that it does not have stay absent.
    origin, reference, basket, language = fields[3], fields[0], fields[0], fields[0]
    if operation == AUTHORISE:
        if not _authorise(reader, data, request, envelope, fields, scratch):
            return True
        reference, language = fields[11], fields[13]
    elif operation == ACCRUE:
        lines = _accrue(reader, data, rows, request, envelope, fields, scratch)
        if lines <= 0:
            return lines == 0
        reference, basket, language = fields[9], fields[4], fields[10]
    elif operation == CAPTURE:
        if not _end(data, request, fields, True):
            return True
        origin = fields[4]
    elif operation == VOID:
        if not _end(data, request, fields, False):
            return True
    else:
        return True
    if operation in (AUTHORISE, ACCRUE):
        kind, name_at, name_size = _member(reader, data, fields[2], request, envelope, scratch[1])
        if kind < 0:
            return True
    envelope.language = _code(reader, LANGUAGE, data, language)
    if envelope.language < 0:
        return True
    if not _origin(reader, data, origin, request, envelope, scratch[1], scratch[2]):
        return True
    if reference[2] > _TEXT_BYTES_MAX or not printable(data, reference[1], reference[2]):
        return True
    if not _body(data, rows, envelope, reference, basket):
        return False
    _end_row(reader, data, rows, row, kind, name_at, name_size, lines, at)
    return True


@entry
def count_items(data):
    """Return how many items a message of items has, or MALFORMED if it has anything else or is cut short."""
    at, end, count = 0, data.shape[0], 0
    while at < end:
        if data[at] != 0x0A:
            return MALFORMED
        size, at = varint(data, at + 1, end)
        if at < 0 or size < 0 or size > end - at:
            return MALFORMED
        at += size
        count += 1
    return count


@part
def _item(data, begin, end):
    """Return (operation, begin) of an item's only request; an operation of 0 if it is not that."""
    if begin < end and data[begin] & 7 == 2 and 1 <= data[begin] >> 3 <= 4:
        size, inner = varint(data, begin + 1, end)
        if inner > 0 and size == end - inner:
            return _OPERATION_OF_ITEM[data[begin] >> 3], inner
    return np.int64(0), np.int64(begin)


@entry
def read(reader, data, operation, rows):
    """Read a request of that operation, or for 0 a message of items, into rows from ``rows.at`` on.

    Return how many rows were left UNREAD; ``rows.extents`` gets where each item stands. Return FULL, and have moved
    nothing on, if lines or bodies need more room; ``count_items`` has said how many rows there must be.
    """
    first_row, first_line, first_body = rows.at[ROW], rows.at[LINE], rows.at[BODY]
    at, end, item, unread = 0, data.shape[0], 0, 0
    while at < end or (operation != 0 and item == 0):
        asked, begin = operation, np.int64(at)
        if operation == 0:
            size, begin = varint(data, at + 1, end)
            at = begin + size
        else:
            at = end
        rows.extents[item, 0], rows.extents[item, 1] = begin, at
        if operation == 0:
            asked, begin = _item(data, begin, at)
        row = first_row + item
        if not _request(reader, data, begin, at, asked, rows, item, row, rows.at):
            rows.at[LINE], rows.at[BODY] = first_line, first_body
            return FULL
        unread += rows.envelopes[row].skip == UNREAD
        item += 1
    rows.at[ROW] = first_row + item
    return unread
