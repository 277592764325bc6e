"""Requests about the books that are sound but for one field, and the field that is named. For hostile tests."""

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import books_pb2, common_pb2
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
    yield from _days()


def _days() -> Iterator[Case]:
    """Yield the same of ReconcileDay."""
    total, said = books_pb2.SaidTotal, books_pb2.SaidTransaction

    def all_said(*each: books_pb2.SaidTransaction) -> books_pb2.SaidTransactions:
        return books_pb2.SaidTransactions(transactions=each)

    wrong = ("", "today", "2026-13-01", "2026-02-30", "20261120", "2026-11-2", "1999-12-31", "2099-12-31", "x" * 70)
    for text in wrong:
        yield "ReconcileDay", {"business_date": text}, "business_date"
    for changes, field in (
        ({"business_unit_id": "x" * 33}, "business_unit_id"),
        ({"store_id": "nowhere"}, "store_id"),
        ({"terminal_id": "till 1"}, "store_id"),
        ({"store_id": "12", "terminal_id": "x" * 33}, "terminal_id"),
        ({"totals": [total()] * 1_001}, "totals"),
        ({"totals": [total(), total(store_id="nowhere")]}, "totals[1].store_id"),
        ({"totals": [total(terminal_id="till 1")]}, "totals[0].store_id"),
        ({"totals": [total(operation=common_pb2.OPERATION_ENROLL)]}, "totals[0].operation"),
        ({"totals": [total(kind=99)]}, "totals[0].kind"),  # type: ignore[arg-type]
        ({"totals": [total(sums=books_pb2.DaySums(points=-1))]}, "totals[0].sums"),
        ({"said": all_said(*[said(idempotency_key="a")] * 10_001)}, "said.transactions"),
        ({"said": all_said(said())}, "said.transactions[0].idempotency_key"),
        ({"said": all_said(said(idempotency_key="x" * 65))}, "said.transactions[0].idempotency_key"),
        ({"said": all_said(*[said(idempotency_key="a")] * 2)}, "said.transactions[1].idempotency_key"),
        ({"said": all_said(said(idempotency_key="a", decision=9))}, "said.transactions[0].decision"),  # type: ignore[arg-type]
        ({"said": all_said(said(idempotency_key="a", points=-1))}, "said.transactions[0].points"),
    ):
        yield "ReconcileDay", changes, field
