"""Writing the answers to a batch as the wire has them: one kernel for all rows, with no object for an answer.

It gives the bytes that ``rpc/encode.py`` would. What the kernel did not answer itself (a replayed key, a refusal) it
leaves out.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.domain.codes import EntryType, Operation
from pointguard_server.engine.compiled.varint import put_varint
from pointguard_server.engine.lexicon import ByteArray, IntArray
from pointguard_server.rpc.wire.checks import ADVICE_BYTES_MAX, end_of_shown, put_check
from pointguard_server.rpc.wire.fields import begin, end, put_name, put_number, put_reasons, put_timestamp, put_uuid
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.views import view

FULL = -1
_PREFIX_MAX = 12  # two tags and two sizes
_AUTHORISE, _ACCRUE, _CAPTURE, _VOID, _CHECK = (
    int(each) for each in (Operation.AUTHORISE, Operation.ACCRUE, Operation.CAPTURE, Operation.VOID, Operation.CHECK)
)
_EARN, _BONUS = int(EntryType.EARN), int(EntryType.BONUS)
_RESULT_FIELD = np.zeros(int(max(Operation)) + 1, np.int64)  # of BatchResult, by operation
_RESULT_FIELD[[_AUTHORISE, _CAPTURE, _VOID, _ACCRUE]] = 1, 2, 3, 4
_RESULT_FIELD[_CHECK] = -1  # none: it is no item of a batch


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
def _balance(buffer, at, field, answer):
    at = begun = begin(buffer, at, field)
    at = put_number(buffer, at, 1, answer.posted)
    at = put_number(buffer, at, 2, answer.reserved)
    at = put_number(buffer, at, 3, answer.pending)
    at = put_number(buffer, at, 4, answer.posted - answer.pending - answer.reserved)
    return end(buffer, begun, at)


@part
def _awards(buffer, at, out, answer, names):
    """Write field 5; return -1 if a rule has no name."""
    for i in range(answer.entry_count):
        given = out.entries[answer.first_entry + i]
        if given.entry_type != _EARN and given.entry_type != _BONUS:
            continue
        at = begun = begin(buffer, at, 5)
        at = put_name(buffer, at, 1, names, given.rule_id)
        if at < 0:
            return at
        at = put_number(buffer, at, 2, given.part)
        at = put_number(buffer, at, 3, given.signed_points)
        at = end(buffer, begun, at)
    return at


@part
def _authorise(buffer, at, out, r, names, currency):
    answer = out.answers[r]
    at = put_uuid(buffer, at, answer.transaction_id_high, answer.transaction_id_low)
    at = put_number(buffer, at, 2, answer.decision)
    at = put_reasons(buffer, at, 3, out, r, 0, names)
    if at < 0:
        return at
    at = put_number(buffer, at, 4, answer.points)
    at = begun = begin(buffer, at, 5)
    buffer[at] = np.uint8(0x0A)
    buffer[at + 1] = np.uint8(currency.shape[0])
    for i in range(currency.shape[0]):
        buffer[at + 2 + i] = currency[i]
    at = end(buffer, begun, put_number(buffer, at + 2 + currency.shape[0], 2, answer.money))
    at = _expires_at(buffer, at, answer)
    return put_number(buffer, _balance(buffer, at, 7, answer), 8, answer.account_id)


@part
def _expires_at(buffer, at, answer):
    """Write field 6, if there is a reservation."""
    return put_timestamp(buffer, at, 6, answer.expires_at) if answer.expires_at else at


@part
def _accrue(buffer, at, out, r, names):
    answer = out.answers[r]
    at = put_uuid(buffer, at, answer.transaction_id_high, answer.transaction_id_low)
    at = put_number(buffer, at, 2, answer.decision)
    at = put_reasons(buffer, at, 3, out, r, 0, names)
    if at < 0:
        return at
    at = _awards(buffer, put_number(buffer, at, 4, answer.points), out, answer, names)
    if at < 0:
        return at
    at = put_number(buffer, _balance(buffer, at, 6, answer), 7, answer.account_id)
    return put_number(buffer, put_number(buffer, at, 8, answer.experiment_id), 9, answer.arm)


@part
def _message(buffer, at, out, r, operation, names, currency):
    """Write the answer to an operation; return the place after it, or -1 if others must."""
    answer = out.answers[r]
    if operation == _AUTHORISE:
        return _authorise(buffer, at, out, r, names, currency)
    if operation == _ACCRUE:
        return _accrue(buffer, at, out, r, names)
    at = put_uuid(buffer, at, answer.transaction_id_high, answer.transaction_id_low)
    if operation == _CAPTURE:
        at = put_number(buffer, at, 2, answer.points)
        at = put_number(buffer, at, 3, answer.released)
        at = put_number(buffer, _balance(buffer, at, 4, answer), 5, answer.account_id)
        return _expires_at(buffer, at, answer)
    at = put_number(buffer, at, 2, answer.released)
    return put_number(buffer, _balance(buffer, at, 3, answer), 4, answer.account_id)


@part
def _size_of(value):
    size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


@entry
def write_answers(out, operations, names, currency, row_bytes_max, written):
    """Write every row's answer; return the size in all, or FULL. None is longer than ``row_bytes_max``, but for advice.

    A check's answer stands alone: it is no result of a batch.
    """
    at = shown = 0
    buffer = written.buffer
    for r in range(operations.shape[0]):
        written.begins[r] = written.ends[r] = at
        written.inners[r] = -1
        operation = operations[r]
        first, shown = shown, end_of_shown(out, r, shown)
        if out.answers[r].outcome != 0 or operation >= _RESULT_FIELD.shape[0] or _RESULT_FIELD[operation] == 0:
            continue
        if at + row_bytes_max + ADVICE_BYTES_MAX * (shown - first) > buffer.shape[0]:
            return FULL
        if operation == _CHECK:
            after = put_check(buffer, at, out, r, first, shown, names)
            if after >= 0:
                written.inners[r] = at
                at = after
                written.ends[r] = at
            continue
        body = at + _PREFIX_MAX
        after = _message(buffer, body, out, r, operation, names, currency)
        if after < 0:
            continue
        size = after - body
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
