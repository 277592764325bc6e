"""Writing the answer to a CheckAdvice: parts of the kernel that writes answers.

They leave to ``rpc/encode.py`` what needs more than the names of rules: messages for tills, and whom a rule had counted
if it was not the account or the program.
"""

import numpy as np

from pointguard_server.domain.codes import STOPS, STRENGTH, UNTIL_RESOLVED, AccountFlag, Posture, Scope
from pointguard_server.engine.world import SHOWN
from pointguard_server.rpc.wire.fields import (
    begin,
    begin_long,
    end,
    end_long,
    put_name,
    put_number,
    put_reasons,
    put_timestamp,
    put_uuid,
)
from pointguard_server.velocity.compiling import part

ADVICE_BYTES_MAX = 384
"""What an advice takes at the most: two ids of 38 bytes, a name of 66, three times of 20, and ten numbers of 11."""
_LOCK, _SUSPEND = int(Posture.LOCK), int(Posture.SUSPEND)
_LOCKED, _SUSPENDED = int(AccountFlag.REDEMPTION_LOCKED), int(AccountFlag.SUSPENDED)
_FIRST_STOP, _LAST_STOP = int(STOPS[0]), int(STOPS[-1])
_PROGRAM = int(Scope.PROGRAM)  # of what is up to it, nobody is named
_STRENGTH = np.zeros(int(max(STRENGTH)) + 1, np.int64)
_STRENGTH[list(STRENGTH)] = range(1, len(STRENGTH) + 1)
# Of an advice's id, the last two of its 16 bytes are the rule's: without them it is that of the transaction.
_OF_TRANSACTION = 0x0000_FFFF_FFFF_FFFF
_IN_ORDER_MAX = 64  # they are put in order by looking at all for each


@part
def end_of_shown(out, r, first):
    """Return the row after those of ``out.shown`` that a request is shown; they begin at ``first``."""
    while first < out.counts[SHOWN] and out.shown_request[first] == r:
        first += 1
    return first


@part
def _is_less(one, other):
    """Return whether eight bytes come before eight others; both as words in memory's order."""
    for i in range(8):
        shift = np.uint64(8 * i)
        left, right = np.uint64(one) >> shift & np.uint64(0xFF), np.uint64(other) >> shift & np.uint64(0xFF)
        if left != right:
            return left < right
    return False


@part
def _comes_before(one, other):
    """Return whether an advice is told before another: the stronger, then what ends later, then by the id."""
    if _STRENGTH[one.posture] != _STRENGTH[other.posture]:
        return _STRENGTH[one.posture] > _STRENGTH[other.posture]
    if one.ends_at != other.ends_at:
        return one.ends_at > other.ends_at
    if one.advice_id_high != other.advice_id_high:
        return _is_less(one.advice_id_high, other.advice_id_high)
    return _is_less(one.advice_id_low, other.advice_id_low)


@part
def _next_advice(out, first, last, told):
    """Return the row of the advice that is told after the one of row ``told``, or first of all if that is -1."""
    found = np.int64(-1)
    for row in range(first, last):
        later = told < 0 or _comes_before(out.shown[told], out.shown[row])
        if later and (found < 0 or _comes_before(out.shown[row], out.shown[found])):
            found = np.int64(row)
    return found


@part
def _advice(buffer, at, advice, names):
    """Write field 3; return -1 if others must."""
    if advice.scope > _PROGRAM:
        return np.int64(-1)
    at = begun = begin_long(buffer, at, 3)
    at = put_uuid(buffer, at, advice.advice_id_high, advice.advice_id_low)
    at = put_number(buffer, at, 2, advice.entity)
    at = put_number(buffer, at, 3, advice.context)
    at = put_number(buffer, at, 4, advice.posture)
    at = put_timestamp(buffer, at, 5, advice.starts_at)
    if advice.ends_at < UNTIL_RESOLVED:
        at = put_timestamp(buffer, at, 6, advice.ends_at)
    at = put_name(buffer, at, 7, names, advice.rule_id)
    if at < 0:
        return at
    at = put_number(buffer, at, 8, advice.rule_version)
    at = evidence = begin(buffer, at, 9)
    at = put_uuid(buffer, at, advice.advice_id_high, advice.advice_id_low & _OF_TRANSACTION)
    at = put_number(buffer, at, 2, advice.measured)
    at = put_number(buffer, at, 3, advice.threshold)
    if advice.window_starts_after:
        at = put_timestamp(buffer, at, 4, advice.window_starts_after)
    at = end(buffer, evidence, at)
    at = put_number(buffer, at, 10, advice.factor)
    return end_long(buffer, begun, put_number(buffer, at, 11, advice.scope))


@part
def _stops(buffer, at, out, r):
    """Write field 6; return (the place after it, how many of the reasons these were)."""
    count = 0
    while count < out.answers[r].reason_count and _FIRST_STOP <= out.reasons[r, 2 * count] <= _LAST_STOP:
        count += 1
    if count:
        at = begun = begin(buffer, at, 6)
        for i in range(count):
            buffer[at] = np.uint8(out.reasons[r, 2 * i])
            at += 1
        at = end(buffer, begun, at)
    return at, count


@part
def put_check(buffer, at, out, r, first, last, names):
    """Write the answer about an account that is shown rows ``first`` up to ``last``; return -1 if others must."""
    if last - first > _IN_ORDER_MAX:
        return np.int64(-1)
    flags = out.answers[r].account_flags
    locked, suspended = (flags & _LOCKED) != 0, (flags & _SUSPENDED) != 0
    at = put_number(buffer, at, 1, out.answers[r].account_id)
    strongest = told = _next_advice(out, first, last, np.int64(-1))
    if strongest >= 0:
        at = put_number(buffer, at, 2, out.shown[strongest].posture)
    while told >= 0:
        at = _advice(buffer, at, out.shown[told], names)
        if at < 0:
            return at
        locked = locked or out.shown[told].posture == _LOCK
        suspended = suspended or out.shown[told].posture == _SUSPEND
        told = _next_advice(out, first, last, told)
    at = put_number(buffer, at, 4, np.int64(locked))
    at = put_number(buffer, at, 5, np.int64(suspended))
    at, count = _stops(buffer, at, out, r)
    return put_reasons(buffer, at, 7, out, r, count, names)
