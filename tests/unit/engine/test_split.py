"""How an experiment divides accounts: the definition word for word, steady, and as the weights say."""

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.engine.split import Split

KEY = bytes(range(32))
ACCOUNTS = st.integers(1, (1 << 63) - 1)
WEIGHTS = st.lists(st.integers(1, 10_000), min_size=2, max_size=8)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104, step by step."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def arm_by_definition(key: bytes, weights: list[int], account_id: int) -> int:
    """The arm whose range of [0, 1) the digest falls into, by fractions of whole numbers."""
    place = int.from_bytes(hmac_sha256(key, account_id.to_bytes(8, "big"))[:8], "big")
    passed = 0
    for arm, weight in enumerate(weights, 1):
        passed += weight
        # place / 2^64 < passed / all
        if place * sum(weights) < passed << 64:
            return arm
    raise AssertionError("the ranges cover everything")


@given(key=st.binary(min_size=32, max_size=32), weights=WEIGHTS, account_id=ACCOUNTS)
def test_an_accounts_arm_is_what_the_definition_says(key: bytes, weights: list[int], account_id: int) -> None:
    assert Split(1, key, tuple(weights)).arm_of(account_id) == arm_by_definition(key, weights, account_id)


def test_arms_are_of_the_size_that_their_weights_say() -> None:
    split = Split(1, KEY, (70, 20, 10))
    found = Counter(split.arm_of(account) for account in range(1, 20_001))
    for arm, share in {1: 0.7, 2: 0.2, 3: 0.1}.items():
        assert abs(found[arm] / 20_000 - share) < 0.01


def test_another_experiments_key_divides_accounts_without_regard_to_the_first() -> None:
    one, other = Split(1, KEY, (1, 1)), Split(2, KEY[::-1], (1, 1))
    both = Counter((one.arm_of(account), other.arm_of(account)) for account in range(1, 20_001))
    assert all(abs(count / 20_000 - 0.25) < 0.015 for count in both.values())
    assert len(both) == 4
