"""Transaction ids and idempotency keys: their form, their order, and that no two are alike."""

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.engine.identifiers import key_bytes, transaction_of, uuid_text, write_transaction_ids

MOMENT = 1_790_000_000_123_456


def raw_ids(now: int, count: int) -> list[bytes]:
    ids = np.zeros((count, 2), np.int64)
    write_transaction_ids(ids, now)
    return [pair.tobytes() for pair in ids]


def test_a_transaction_id_is_a_uuid_of_version_seven_that_tells_its_millisecond() -> None:
    for raw in raw_ids(MOMENT, 100):
        parsed = uuid.UUID(bytes=raw)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert int.from_bytes(raw[:6], "big") == MOMENT // 1000
        assert uuid_text(raw) == str(parsed)


def test_ids_grow_inside_a_batch_and_from_one_moment_to_the_next() -> None:
    ids = [raw for now in range(MOMENT, MOMENT + 3_000, 7) for raw in raw_ids(now, 3)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_the_largest_batch_has_ids_that_differ_and_grow() -> None:
    ids = raw_ids(MOMENT, 65_536)
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(raw[8] >> 6 == 0b10 for raw in ids)


def test_the_last_two_bytes_are_left_to_the_advice_that_a_transaction_raises() -> None:
    raw = raw_ids(MOMENT, 1)[0]
    assert raw[14:] == b"\0\0"
    assert transaction_of(raw[:14] + b"\x05\x01") == raw


def test_ids_of_one_moment_cannot_be_guessed() -> None:
    assert raw_ids(MOMENT, 1) != raw_ids(MOMENT, 1)


def test_a_key_that_is_a_uuid_of_version_seven_is_its_own_sixteen_bytes() -> None:
    raw = raw_ids(MOMENT, 1)[0]
    assert key_bytes(uuid_text(raw)) == raw
    assert key_bytes(uuid_text(raw).upper()) == raw


@pytest.mark.parametrize(
    "key",
    ["", "till 7 / 000123", str(uuid.UUID(int=0)), "é" * 32, "16438a8e-67d1-4a0f-bc4e-6a46b646e971"],
)
def test_any_other_key_is_digested_to_sixteen_bytes(key: str) -> None:
    assert len(key_bytes(key)) == 16
    assert key_bytes(key) == key_bytes(key)
    assert key_bytes(key) != key_bytes(key + " ")


@given(st.sets(st.text(max_size=64), min_size=2, max_size=20))
def test_keys_that_differ_have_bytes_that_differ(keys: set[str]) -> None:
    assert len({key_bytes(key) for key in keys}) == len(keys)
