"""Writing the answers to a batch as the wire has them: one kernel for all rows, with no object for an answer.

It gives the bytes that ``rpc/encode.py`` would. What the kernel did not answer itself (a replayed key, a refusal) it
leaves out.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.domain.codes import EntryType, Operation
from pointguard_server.engine.compiled.varint import put_varint
from pointguard_server.engine.lexicon import ByteArray, IntArray
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

FULL = -1
_PREFIX_MAX = 12  # two tags and two sizes
_AUTHORISE, _ACCRUE, _CAPTURE, _VOID = (
    int(each) for each in (Operation.AUTHORISE, Operation.ACCRUE, Operation.CAPTURE, Operation.VOID)
)
_EARN, _BONUS = int(EntryType.EARN), int(EntryType.BONUS)
_HEX = np.frombuffer(bytearray(b"0123456789abcdef"), np.uint8)
_RESULT_FIELD = np.zeros(int(max(Operation)) + 1, np.int64)  # of BatchResult, by operation
_RESULT_FIELD[[_AUTHORISE, _CAPTURE, _VOID, _ACCRUE]] = 1, 2, 3, 4


@view
class Names(NamedTuple):
    """The names of rules: that of ``ids[i]`` ends at ``ends[i]`` of ``texts`` and begins where the one before ends."""

    ids: IntArray
    ends: IntArray
    texts: ByteArray


@view
class Written(NamedTuple):
    """Where each row's answer stands: as a result of a batch from ``begins`` to ``ends``, alone from ``inners`` on.

    ``inners`` is -1 where there is none.
    """

    buffer: ByteArray
    begins: IntArray
    inners: IntArray
    ends: IntArray


@part
def _number(buffer, at, field, value):
    """Write a number's field, unless it is 0."""
    if value == 0:
        return at
    buffer[at] = np.uint8(field << 3)
    return put_varint(buffer, at + 1, value)


@part
def _begin(buffer, at, field):
    """Write the head of a message of less than 128 bytes; ``_end`` sets its size."""
    buffer[at] = np.uint8(field << 3 | 2)
    return at + 2


@part
def _end(buffer, begun, at):
    buffer[begun - 1] = np.uint8(at - begun)
    return at


@part
def _half(buffer, at, word):
    """Write eight bytes as hexadecimal digits; return the place after them."""
    for i in range(8):
        byte = np.uint64(word) >> np.uint64(8 * i) & np.uint64(0xFF)
        buffer[at] = _HEX[byte >> np.uint64(4)]
        buffer[at + 1] = _HEX[byte & np.uint64(15)]
        at += 2
    return at


@part
def _transaction_id(buffer, at, answer):
    """Write field 1, a UUID's text."""
    buffer[at] = np.uint8(0x0A)
    buffer[at + 1] = np.uint8(36)
    first = at + 2
    # 32 digits, then room is made for the dashes from the back.
    _half(buffer, first, answer.transaction_id_high)
    _half(buffer, first + 16, answer.transaction_id_low)
    for i in range(35, -1, -1):
        if i in (8, 13, 18, 23):
            buffer[first + i] = np.uint8(0x2D)
        else:
            dashes = (i > 8) + (i > 13) + (i > 18) + (i > 23)
            buffer[first + i] = buffer[first + i - dashes]
    return first + 36


@part
def _name_of(names, rule_id):
    """Return the (begin, end) of a rule's name; an end of -1 if it has none."""
    if rule_id == 0:
        return np.int64(0), np.int64(0)
    for i in range(names.ids.shape[0]):
        if names.ids[i] == rule_id:
            return names.ends[i - 1] if i > 0 else np.int64(0), names.ends[i]
    return np.int64(0), np.int64(-1)


@part
def _name(buffer, at, field, names, rule_id):
    """Write a rule's name; return -1 if it has none."""
    begin, end = _name_of(names, rule_id)
    if end < 0:
        return np.int64(-1)
    if begin == end:
        return at
    buffer[at] = np.uint8(field << 3 | 2)
    at = put_varint(buffer, at + 1, end - begin)
    for i in range(begin, end):
        buffer[at] = names.texts[i]
        at += 1
    return at


@part
def _balance(buffer, at, field, answer):
    at = begun = _begin(buffer, at, field)
    at = _number(buffer, at, 1, answer.posted)
    at = _number(buffer, at, 2, answer.reserved)
    at = _number(buffer, at, 3, answer.pending)
    at = _number(buffer, at, 4, answer.posted - answer.pending - answer.reserved)
    return _end(buffer, begun, at)


@part
def _reasons(buffer, at, out, r, names):
    """Write field 3; return -1 if a rule has no name."""
    for i in range(out.answers[r].reason_count):
        at = begun = _begin(buffer, at, 3)
        at = _number(buffer, at, 1, out.reasons[r, 2 * i])
        at = _name(buffer, at, 2, names, out.reasons[r, 2 * i + 1])
        if at < 0:
            return at
        at = _end(buffer, begun, at)
    return at


@part
def _awards(buffer, at, out, answer, names):
    """Write field 5; return -1 if a rule has no name."""
    for i in range(answer.entry_count):
        given = out.entries[answer.first_entry + i]
        if given.entry_type != _EARN and given.entry_type != _BONUS:
            continue
        at = begun = _begin(buffer, at, 5)
        at = _name(buffer, at, 1, names, given.rule_id)
        if at < 0:
            return at
        at = _number(buffer, at, 2, given.part)
        at = _number(buffer, at, 3, given.signed_points)
        at = _end(buffer, begun, at)
    return at


@part
def _authorise(buffer, at, out, r, names, currency):
    answer = out.answers[r]
    at = _number(buffer, _transaction_id(buffer, at, answer), 2, answer.decision)
    at = _reasons(buffer, at, out, r, names)
    if at < 0:
        return at
    at = _number(buffer, at, 4, answer.points)
    at = begun = _begin(buffer, at, 5)
    buffer[at] = np.uint8(0x0A)
    buffer[at + 1] = np.uint8(currency.shape[0])
    for i in range(currency.shape[0]):
        buffer[at + 2 + i] = currency[i]
    at = _end(buffer, begun, _number(buffer, at + 2 + currency.shape[0], 2, answer.money))
    at = _expires_at(buffer, at, answer)
    return _number(buffer, _balance(buffer, at, 7, answer), 8, answer.account_id)


@part
def _expires_at(buffer, at, answer):
    """Write field 6, if there is a reservation."""
    if answer.expires_at:
        at = begun = _begin(buffer, at, 6)
        at = _number(buffer, at, 1, answer.expires_at // 1_000_000)
        at = _end(buffer, begun, _number(buffer, at, 2, answer.expires_at % 1_000_000 * 1000))
    return at


@part
def _accrue(buffer, at, out, r, names):
    answer = out.answers[r]
    at = _number(buffer, _transaction_id(buffer, at, answer), 2, answer.decision)
    at = _reasons(buffer, at, out, r, names)
    if at < 0:
        return at
    at = _awards(buffer, _number(buffer, at, 4, answer.points), out, answer, names)
    if at < 0:
        return at
    at = _number(buffer, _balance(buffer, at, 6, answer), 7, answer.account_id)
    return _number(buffer, _number(buffer, at, 8, answer.experiment_id), 9, answer.arm)


@part
def _message(buffer, at, out, r, operation, names, currency):
    """Write the answer to an operation; return the place after it, or -1 if others must."""
    answer = out.answers[r]
    if operation == _AUTHORISE:
        return _authorise(buffer, at, out, r, names, currency)
    if operation == _ACCRUE:
        return _accrue(buffer, at, out, r, names)
    at = _transaction_id(buffer, at, answer)
    if operation == _CAPTURE:
        at = _number(buffer, at, 2, answer.points)
        at = _number(buffer, at, 3, answer.released)
        at = _number(buffer, _balance(buffer, at, 4, answer), 5, answer.account_id)
        return _expires_at(buffer, at, answer)
    at = _number(buffer, at, 2, answer.released)
    return _number(buffer, _balance(buffer, at, 3, answer), 4, answer.account_id)


@part
def _size_of(value):
    size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


@entry
def write_answers(out, operations, names, currency, row_bytes_max, written):
    """Write every row's answer; return the size in all, or FULL. No answer is longer than ``row_bytes_max``."""
    at = 0
    buffer = written.buffer
    for r in range(operations.shape[0]):
        written.begins[r] = written.ends[r] = at
        written.inners[r] = -1
        operation = operations[r]
        if out.answers[r].outcome != 0 or operation >= _RESULT_FIELD.shape[0] or _RESULT_FIELD[operation] == 0:
            continue
        if at + row_bytes_max > buffer.shape[0]:
            return FULL
        body = at + _PREFIX_MAX
        end = _message(buffer, body, out, r, operation, names, currency)
        if end < 0:
            continue
        size = end - body
        inner_size = 1 + _size_of(size) + size
        buffer[at] = np.uint8(0x0A)
        at = put_varint(buffer, at + 1, inner_size)
        buffer[at] = np.uint8(_RESULT_FIELD[operation] << 3 | 2)
        at = put_varint(buffer, at + 1, size)
        written.inners[r] = at
        for i in range(size):
            buffer[at + i] = buffer[body + i]
        at += size
        written.ends[r] = at
    return at
