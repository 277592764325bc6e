"""Requests about the books that are sound but for one field, and the field that is named. For hostile tests."""

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from tests.e2e.hostile_rules import INT64_MIN, Case

NO_MOMENTS = (
    Timestamp(seconds=0),
    Timestamp(seconds=INT64_MIN),
    Timestamp(seconds=4_102_444_800),
    Timestamp(seconds=1_780_000_000, nanos=-1),
)
TO_COME = Timestamp(seconds=4_000_000_000)


def books_cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC about the books, for every way in which it can be wrong."""
    for rpc, fields in (("LiabilityReport", ("as_of", "since")), ("GetBalance", ("as_of",))):
        for field in fields:
            yield from ((rpc, {field: wrong}, field) for wrong in (*NO_MOMENTS, TO_COME))
    yield "LiabilityReport", {"as_of": Timestamp(seconds=1_780_000_000)}, "since"
