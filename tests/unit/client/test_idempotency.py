"""UUIDv7 idempotency keys: their layout, and that they only ever grow."""

import itertools
import threading
from collections.abc import Iterator
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from pointguard_client.idempotency import RANDOM_MAX, Uuid7Source, new_idempotency_key, uuid7

MILLISECONDS = st.integers(min_value=0, max_value=2**47)
RANDOM_74_BITS = st.integers(min_value=0, max_value=RANDOM_MAX)


def source_of(clock: list[int], starts: list[int], steps: list[int]) -> Uuid7Source:
    def cycle(values: list[int]) -> Iterator[int]:
        while True:
            yield from values

    times, random_starts, random_steps = cycle(clock), cycle(starts), cycle(steps)
    return Uuid7Source(lambda: next(times), lambda: next(random_starts), lambda: next(random_steps))


@given(
    clock=st.lists(MILLISECONDS, min_size=1, max_size=30),
    starts=st.lists(RANDOM_74_BITS, min_size=1, max_size=5),
    steps=st.lists(st.integers(min_value=1, max_value=2**32), min_size=1, max_size=5),
)
def test_keys_grow_strictly_whatever_the_clock_does(clock: list[int], starts: list[int], steps: list[int]) -> None:
    source = source_of(clock, starts, steps)
    made = [UUID(int=source.next_int()) for _ in clock * 2]
    assert all(earlier < later for earlier, later in itertools.pairwise(made))
    assert [str(key) for key in made] == sorted(str(key) for key in made)
    assert all(key.version == 7 and key.variant == RFC_4122 for key in made)


@given(unix_ms=MILLISECONDS, start=RANDOM_74_BITS)
def test_a_key_holds_the_milliseconds_and_every_random_bit(unix_ms: int, start: int) -> None:
    key = source_of([unix_ms], [start], [1]).next_int()
    assert key >> 80 == unix_ms
    random_a, random_b = key >> 64 & 0xFFF, key & (1 << 62) - 1
    assert random_a << 62 | random_b == start


@given(start=RANDOM_74_BITS)
def test_the_text_form_is_that_of_the_uuid(start: int) -> None:
    source, same = source_of([1_700_000_000_000], [start], [1]), source_of([1_700_000_000_000], [start], [1])
    assert source.next_text() == str(UUID(int=same.next_int()))


def test_when_the_random_bits_are_used_up_the_next_millisecond_is_borrowed() -> None:
    source = source_of([1000, 1000, 1000], [RANDOM_MAX, 5], [1])
    first, second = source.next_int(), source.next_int()
    assert first >> 80 == 1000
    assert second >> 80 == 1001
    assert second > first


def test_threads_never_get_the_same_key() -> None:
    source = Uuid7Source()
    made: list[int] = []

    def make() -> None:
        made.extend([source.next_int() for _ in range(2000)])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


def test_the_public_functions_share_one_growing_sequence() -> None:
    first, second, third = str(uuid7()), new_idempotency_key(), str(uuid7())
    assert first < second < third
