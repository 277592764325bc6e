"""Idempotency keys: UUIDv7 in text form, made by the client so that a retry can repeat its key. Anyone may use it.

The layout is that of RFC 9562, section 5.7: 48 bits of Unix milliseconds, the version, and 74 bits of our own. Within
one millisecond the 74 bits grow by a random step (the RFC's "monotonic random" method), so keys sort in the order in
which one process made them and stay unguessable.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

RANDOM_BITS: Final = 74
RANDOM_MAX: Final = (1 << RANDOM_BITS) - 1
_RAND_B_BITS: Final = 62
_RAND_B_MAX: Final = (1 << _RAND_B_BITS) - 1
_STEP_BYTES: Final = 4
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def _random_74_bits() -> int:
    # The top bit stays clear: every millisecond starts in the lower half and so has room to grow.
    return int.from_bytes(os.urandom(10)) >> 7


def _random_step() -> int:
    return int.from_bytes(os.urandom(_STEP_BYTES)) + 1


class Uuid7Source:
    """A source of strictly growing UUIDv7s; safe to share between threads.

    `unix_ms` gives the time in milliseconds. When it stands still or goes backwards, the source keeps counting in the
    last millisecond that it saw, and borrows from the next one when the 74 bits are used up.
    """

    def __init__(
        self,
        unix_ms: Callable[[], int] = _unix_ms,
        random_start: Callable[[], int] = _random_74_bits,
        random_step: Callable[[], int] = _random_step,
    ) -> None:
        self._unix_ms = unix_ms
        self._random_start = random_start
        self._random_step = random_step
        self._lock = threading.Lock()
        self._last_ms = -1
        self._last_random = 0

    def next_int(self) -> int:
        """Return the next UUIDv7 as a 128-bit integer."""
        with self._lock:
            now_ms = self._unix_ms()
            if now_ms > self._last_ms:
                self._last_ms, self._last_random = now_ms, self._random_start()
            else:
                self._last_random += self._random_step()
                if self._last_random > RANDOM_MAX:
                    self._last_ms, self._last_random = self._last_ms + 1, self._random_start()
            milliseconds, random = self._last_ms, self._last_random
        return milliseconds << 80 | _VERSION | random >> _RAND_B_BITS << 64 | _VARIANT | random & _RAND_B_MAX

    def next_text(self) -> str:
        """Return the next UUIDv7 in its 36-character text form."""
        return uuid_text(self.next_int())

    def texts(self) -> Iterator[str]:
        """Yield UUIDv7s in text form without end."""
        while True:
            yield self.next_text()


def uuid_text(number: int) -> str:
    """Return a UUID that is given as a 128-bit integer in its 36-character text form."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_process_source: Final = Uuid7Source()


def uuid7() -> UUID:
    """Return a new UUIDv7, greater than every earlier one of this process."""
    return UUID(int=_process_source.next_int())


def new_idempotency_key() -> str:
    """Return a new idempotency key: a UUIDv7 in its 36-character text form."""
    return _process_source.next_text()


def new_idempotency_keys(count: int) -> bytes:
    """Return so many new idempotency keys as a column: 16 bytes a row, growing."""
    return b"".join([_process_source.next_int().to_bytes(16) for _ in range(count)])
