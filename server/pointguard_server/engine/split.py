"""How a running experiment divides a program's accounts among its arms. For ``programs`` and tests.

An account's arm follows from the experiment's key, its weights and the account alone: every server finds the same one,
before and after a restart, and nothing has to be kept for each account.
"""

import hmac
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

ACCOUNT_BYTES = 8
BUCKET_BYTES = 8


@dataclass(frozen=True, slots=True)
class Split:
    """One experiment's split: its number, its secret key, and the weight of each arm in order."""

    experiment_id: int
    key: bytes
    weights: tuple[int, ...]

    def arm_of(self, account_id: int) -> int:
        """Return an account's arm, from 1.

        The first 8 bytes of HMAC-SHA-256 (key, account id as 8 bytes), read as a number of 64 bits, fall into one of as
        many equal ranges as the weights come to; the first arm has the first ones. All bytes are big-endian.
        """
        digest = hmac.digest(self.key, account_id.to_bytes(ACCOUNT_BYTES, "big"), "sha256")
        limits = list(accumulate(self.weights))
        place = int.from_bytes(digest[:BUCKET_BYTES], "big") * limits[-1] >> 8 * BUCKET_BYTES
        return bisect_right(limits, place) + 1
