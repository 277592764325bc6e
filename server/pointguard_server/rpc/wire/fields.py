"""Writing fields of messages as the wire has them: the parts of kernels that write answers.

A part that writes returns the place after what it has written.
"""

from typing import NamedTuple

import numpy as np

from pointguard_server.engine.compiled.varint import put_varint
from pointguard_server.engine.lexicon import ByteArray, IntArray
from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.views import view

MICROSECONDS = 1_000_000
_HEX = np.frombuffer(bytearray(b"0123456789abcdef"), np.uint8)


@view
class Names(NamedTuple):
    """The names of rules: that of ``ids[i]`` ends at ``ends[i]`` of ``texts`` and begins where the one before ends."""

    ids: IntArray
    ends: IntArray
    texts: ByteArray


@part
def put_number(buffer, at, field, value):
    """Write a number's field, unless it is 0."""
    if value == 0:
        return at
    buffer[at] = np.uint8(field << 3)
    return put_varint(buffer, at + 1, value)


@part
def begin(buffer, at, field):
    """Write the head of a message of less than 128 bytes; ``end`` sets its size."""
    buffer[at] = np.uint8(field << 3 | 2)
    return at + 2


@part
def end(buffer, begun, at):
    """Set the size of the message that stands from ``begun`` on."""
    buffer[begun - 1] = np.uint8(at - begun)
    return at


@part
def _half(buffer, at, word):
    """Write eight bytes as hexadecimal digits."""
    for i in range(8):
        byte = np.uint64(word) >> np.uint64(8 * i) & np.uint64(0xFF)
        buffer[at] = _HEX[byte >> np.uint64(4)]
        buffer[at + 1] = _HEX[byte & np.uint64(15)]
        at += 2
    return at


@part
def put_uuid(buffer, at, high, low):
    """Write field 1, a UUID's text; its halves are as its bytes stand in memory."""
    buffer[at] = np.uint8(0x0A)
    buffer[at + 1] = np.uint8(36)
    first = at + 2
    # 32 digits, then room is made for the dashes from the back.
    _half(buffer, first, high)
    _half(buffer, first + 16, low)
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
def put_name(buffer, at, field, names, rule_id):
    """Write a rule's name; return -1 if it has none."""
    first, last = _name_of(names, rule_id)
    if last < 0:
        return np.int64(-1)
    if first == last:
        return at
    buffer[at] = np.uint8(field << 3 | 2)
    at = put_varint(buffer, at + 1, last - first)
    for i in range(first, last):
        buffer[at] = names.texts[i]
        at += 1
    return at


@part
def begin_long(buffer, at, field):
    """Write the head of a message of less than 16,384 bytes; ``end_long`` sets its size."""
    buffer[at] = np.uint8(field << 3 | 2)
    return at + 3


@part
def end_long(buffer, begun, at):
    """Set the size of the message that stands from ``begun`` on; what is short moves up."""
    size = at - begun
    if size < 128:
        for i in range(begun, at):
            buffer[i - 1] = buffer[i]
        buffer[begun - 2] = np.uint8(size)
        return at - 1
    put_varint(buffer, begun - 2, size)
    return at


@part
def put_timestamp(buffer, at, field, moment):
    """Write a Timestamp of microseconds since 1970."""
    at = begun = begin(buffer, at, field)
    at = put_number(buffer, at, 1, moment // MICROSECONDS)
    return end(buffer, begun, put_number(buffer, at, 2, moment % MICROSECONDS * 1000))


@part
def put_reasons(buffer, at, field, out, r, first, names):
    """Write a row's reasons from the one numbered ``first`` on; return -1 if a rule has no name."""
    for i in range(first, out.answers[r].reason_count):
        at = begun = begin(buffer, at, field)
        at = put_number(buffer, at, 1, out.reasons[r, 2 * i])
        at = put_name(buffer, at, 2, names, out.reasons[r, 2 * i + 1])
        if at < 0:
            return at
        at = end(buffer, begun, at)
    return at
