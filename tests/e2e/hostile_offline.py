"""Requests about allowances and uploads that are sound but for one field, and the field. For hostile tests."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from pointguard.v1 import common_pb2, offline_pb2
from tests.e2e.hostile_rules import INT64_MIN, Case

INT64_MAX = 2**63 - 1


def offline_cases() -> Iterator[Case]:
    """Yield a case for every field that no other case is about, for every way in which it can be wrong."""
    issue = "IssueAllowance"
    for points in (0, -1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield issue, {"points": points}, "points"
    for points in (-1, 10**12 + 1, INT64_MIN):
        yield issue, {"points_each_max": points}, "points_each_max"
    # With the grace of a day, no longer than the week for which a reservation may stand.
    for seconds, nanos in ((0, 0), (-1, 0), (6 * 86_400, 1_000), (INT64_MAX, 0), (60, -1), (60, 10**9)):
        yield issue, {"time_to_live": Duration(seconds=seconds, nanos=nanos)}, "time_to_live"
    yield issue, {"time_to_live": None}, "time_to_live"
    for store, terminal, field in (("", "raw", "store_id"), ("34280", "", "terminal_id")):
        yield issue, {"origin": common_pb2.Origin(store_id=store, terminal_id=terminal)}, f"origin.{field}"
    for factor in (0, -1, 5):
        yield issue, {"verified_by": [factor]}, "verified_by[0]"
    for rpc in ("UploadOccurrences", "ListDiscrepancies"):
        for text in ("", "no such store", "1' OR '1'='1", "\0"):
            yield rpc, {"store_id": text}, "store_id"
        for text in ("", "x" * 33, "a\tb"):
            yield rpc, {"terminal_id": text}, "terminal_id"
    yield "UploadOccurrences", {"occurrences": [offline_pb2.Occurrence()] * 1_001}, "occurrences"
    for number in (-1, 2**53 + 1, INT64_MIN):
        yield "ListDiscrepancies", {"after_sequence": number}, "after_sequence"
    for text in ("x" * 501, "a\0b"):
        yield "RotateAllowanceKey", {"note": text}, "note"
    for text in ("x" * 65, "é" * 33, "a\0b", "a\nb", "\x7f"):
        yield "ListAllowanceKeys", {"key_id": text}, "key_id"
