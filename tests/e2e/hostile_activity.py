"""Requests about recorded activity that are sound but for one field, and the field. For hostile tests."""

from collections.abc import Iterator

from pointguard.v1 import common_pb2
from tests.e2e.hostile_rules import INT64_MIN, Case

INT64_MAX = 2**63 - 1


def activity_cases() -> Iterator[Case]:
    """Yield wrong names, kinds, parts and amounts of activities, and some without a time."""
    for text in ("", "x" * 65, "é" * 33):
        yield "RecordActivity", {"event_id": text}, "event_id"
    for kind in (0, -1, 15, 99, 2**31 - 1):
        yield "RecordActivity", {"kind": kind}, "kind"
    for part in (0, -1, 10, 3, 2**31 - 1):
        yield "RecordActivity", {"parts": [3, part]}, "parts[1]"
    for points in (-1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield "RecordActivity", {"points": points}, "points"
    for units in (-1, 10**12 + 1, INT64_MIN):
        yield "RecordActivity", {"money": common_pb2.Money(currency_code="CAD", minor_units=units)}, "money.minor_units"
    yield "RecordActivity", {"money": common_pb2.Money(currency_code="USD", minor_units=100)}, "money.currency_code"
    for origin in (None, common_pb2.Origin(cashier_id="ann")):
        yield "RecordActivity", {"origin": origin}, "origin.occurred_at"
