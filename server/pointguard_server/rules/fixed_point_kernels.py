"""``fixed_point`` for compiled code: the same results, in 64-bit steps. For what ``numba_backend`` writes, and tests.

Operations that can fail return (status, value); the value means nothing unless the status is 0. Numba gives mixed
signed and unsigned operands a float type, so every mix is cast away.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from pointguard_server.rules.constants import HASH_FACTOR, HASH_SHIFT

# What an int64 is where Numba compiles, and where a test calls.
Signed = int | np.int64

_OVERFLOW = 1
_DIVISION_BY_ZERO = 2
_SCALE = 1_000_000
_LEAST, _MOST = -(2**63), 2**63 - 1
_UNSIGNED_SCALE = np.uint64(1_000_000)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_HALF_WORD = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_SIGN_BIT = np.uint64(2**63)
_MOST_SCALABLE = np.uint64((2**64 - 1) // 1_000_000)
_HASH_FACTOR = np.uint64(HASH_FACTOR)
_HASH_SHIFT = np.uint64(HASH_SHIFT)
# Products whose estimate is below this are below 2^63 for certain: a double is right to 1 part in 2^52.
_SAFE_PRODUCT = 9.0e18


@njit(error_model="numpy")
def magnitude(value: int) -> np.uint64:
    """|value| as an unsigned word, which holds 2^63 too."""
    return _ZERO - np.uint64(value) if value < 0 else np.uint64(value)


@njit(error_model="numpy")
def with_sign(quotient: np.uint64, negative: bool) -> tuple[int, Signed]:
    """(status, value) of an unsigned quotient and a sign."""
    if negative:
        if quotient > _SIGN_BIT:
            return _OVERFLOW, 0
        return 0, np.int64(_ZERO - quotient)
    if quotient >= _SIGN_BIT:
        return _OVERFLOW, 0
    return 0, np.int64(quotient)


@njit(error_model="numpy")
def half_even(quotient: np.uint64, remainder: np.uint64, divisor: np.uint64) -> np.uint64:
    """The quotient, one more if the remainder asks for it. No overflow: ``divisor − remainder`` is at least 1."""
    rest = divisor - remainder
    if remainder > rest or (remainder == rest and (quotient & _ONE) == _ONE):
        return quotient + _ONE
    return quotient


@njit(error_model="numpy")
def wide_product(left: np.uint64, right: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128-bit product of two unsigned words as (high, low), by halves of a word."""
    left_high, left_low = left >> _HALF_WORD, left & _LOW_HALF
    right_high, right_low = right >> _HALF_WORD, right & _LOW_HALF
    low = left_low * right_low
    middle = left_high * right_low + (low >> _HALF_WORD)
    other = left_low * right_high + (middle & _LOW_HALF)
    high = left_high * right_high + (middle >> _HALF_WORD) + (other >> _HALF_WORD)
    return high, (other << _HALF_WORD) | (low & _LOW_HALF)


@njit(error_model="numpy")
def multiply(left: int, right: int) -> tuple[int, Signed]:
    """(status, left × right rounded half to even at the sixth place)."""
    negative = (left < 0) != (right < 0)
    estimate = np.float64(left) * np.float64(right)
    if -_SAFE_PRODUCT < estimate < _SAFE_PRODUCT:
        product = magnitude(left * right)
        quotient = product // _UNSIGNED_SCALE
        return with_sign(half_even(quotient, product % _UNSIGNED_SCALE, _UNSIGNED_SCALE), negative)
    return multiply_wide(magnitude(left), magnitude(right), negative)


@njit(error_model="numpy")
def multiply_wide(left: np.uint64, right: np.uint64, negative: bool) -> tuple[int, Signed]:
    """``multiply`` for products beyond a word: long division of four half words by the scale, which is below one."""
    high, low = wide_product(left, right)
    if high >= _UNSIGNED_SCALE:
        return _OVERFLOW, 0
    # The quotient is below 2^64, for high < scale; so its two halves are all of it.
    partial = (high << _HALF_WORD) | (low >> _HALF_WORD)
    upper = partial // _UNSIGNED_SCALE
    partial = ((partial % _UNSIGNED_SCALE) << _HALF_WORD) | (low & _LOW_HALF)
    quotient = (upper << _HALF_WORD) | (partial // _UNSIGNED_SCALE)
    if quotient > _SIGN_BIT:
        return _OVERFLOW, 0
    return with_sign(half_even(quotient, partial % _UNSIGNED_SCALE, _UNSIGNED_SCALE), negative)


@njit(error_model="numpy")
def divide(left: int, right: int) -> tuple[int, Signed]:
    """(status, left ÷ right rounded half to even at the sixth place)."""
    if right == 0:
        return _DIVISION_BY_ZERO, 0
    negative = (left < 0) != (right < 0)
    dividend, divisor = magnitude(left), magnitude(right)
    if dividend <= _MOST_SCALABLE:
        scaled = dividend * _UNSIGNED_SCALE
        return with_sign(half_even(scaled // divisor, scaled % divisor, divisor), negative)
    return divide_wide(dividend, divisor, negative)


@njit(error_model="numpy")
def divide_wide(dividend: np.uint64, divisor: np.uint64, negative: bool) -> tuple[int, Signed]:
    """``divide`` for dividends whose scaled value is beyond a word: division bit by bit."""
    high, low = wide_product(dividend, _UNSIGNED_SCALE)
    if high >= divisor:
        return _OVERFLOW, 0
    remainder, quotient = high, _ZERO
    for bit in range(63, -1, -1):
        # The remainder stays below the divisor, which is at most 2^63: doubling it cannot overflow.
        remainder = (remainder << _ONE) | ((low >> np.uint64(bit)) & _ONE)
        quotient = quotient << _ONE
        if remainder >= divisor:
            remainder = remainder - divisor
            quotient = quotient | _ONE
    if quotient > _SIGN_BIT:
        return _OVERFLOW, 0
    return with_sign(half_even(quotient, remainder, divisor), negative)


@njit(error_model="numpy")
def floor(value: int) -> tuple[int, Signed]:
    """(status, the largest whole number that is not above ``value``)."""
    # The remainder of a division by a positive number is never negative here, as in Python.
    remainder = value % _SCALE
    if value < _LEAST + remainder:
        return _OVERFLOW, 0
    return 0, value - remainder


@njit(error_model="numpy")
def ceiling(value: int) -> tuple[int, Signed]:
    """(status, the least whole number that is not below ``value``)."""
    remainder = value % _SCALE
    if remainder == 0:
        return 0, value
    if value > _MOST - (_SCALE - remainder):
        return _OVERFLOW, 0
    return 0, value + (_SCALE - remainder)


@njit(error_model="numpy")
def is_member(table: npt.NDArray[np.int64], start: int, size: int, text: int) -> bool:
    """Whether an id is in the hash table of ``size`` entries from ``start`` on: see ``constants``."""
    if text <= 0:
        return False
    slot = (np.uint64(text) * _HASH_FACTOR >> _HASH_SHIFT) & np.uint64(size - 1)
    while table[start + np.int64(slot)] != 0:
        if table[start + np.int64(slot)] == text:
            return True
        slot = (slot + _ONE) & np.uint64(size - 1)
    return False


@njit(error_model="numpy")
def is_new(table: npt.NDArray[np.int64], start: int, size: int, text: int) -> bool:
    """Put an id above 0 into the same kind of hash table; return whether it was not there."""
    slot = (np.uint64(text) * _HASH_FACTOR >> _HASH_SHIFT) & np.uint64(size - 1)
    while table[start + np.int64(slot)] != 0:
        if table[start + np.int64(slot)] == text:
            return False
        slot = (slot + _ONE) & np.uint64(size - 1)
    table[start + np.int64(slot)] = text
    return True


@njit(error_model="numpy")
def points_down(value: int) -> int:
    """An award as whole points, rounded down."""
    return value // _SCALE if value > 0 else 0


@njit(error_model="numpy")
def points_up(value: int) -> int:
    """An award as whole points, rounded up."""
    return value // _SCALE + (1 if value % _SCALE > 0 else 0) if value > 0 else 0


@njit(error_model="numpy")
def points_half_up(value: int) -> int:
    """An award as whole points, a half rounded up."""
    return value // _SCALE + (1 if value % _SCALE >= _SCALE // 2 else 0) if value > 0 else 0


@njit(error_model="numpy")
def points_half_even(value: int) -> Signed:
    """An award as whole points, a half rounded to the even one."""
    if value <= 0:
        return 0
    return np.int64(half_even(np.uint64(value // _SCALE), np.uint64(value % _SCALE), _UNSIGNED_SCALE))


@njit(error_model="numpy")
def refuse(awards: npt.NDArray[np.int64], count: int, status: int) -> int:
    """No award is left standing when one could not be decided. Returns the status."""
    for index in range(count):
        awards[index] = 0
    return status
