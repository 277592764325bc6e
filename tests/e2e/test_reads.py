"""Calls that look: they write nothing, whatever they are asked."""

import pytest

from pointguard.v1 import common_pb2
from tests.e2e.audit import ledger_copy
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import ServerProcess

BATCHES = {"ProcessBatch", "ProcessBatchColumns", "StreamTransactions", "RecordActivities", "StreamActivities"}
"""Their keys are not the request's own."""
READS = sorted({name for name, rpc in RPCS.items() if not rpc.keyed} - BATCHES)
TABLES = ("legs", "entries", "advice", "batches", "codes", "members", "accounts", "identifiers", "stores")


def row_counts(server: ServerProcess) -> dict[str, int]:
    with ledger_copy(server.database) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608


@pytest.mark.sqlite  # it looks into the file
@pytest.mark.parametrize("name", READS)
def test_a_read_writes_no_row_anywhere(raw: RawCalls, shared_server: ServerProcess, name: str) -> None:
    names = RPCS[name].request_class.DESCRIPTOR.fields_by_name
    strange = {
        "origin": common_pb2.Origin(store_id="12", terminal_id=f"till of {name}", cashier_id=f"cashier of {name}"),
        "redemption_type": f"type of {name}",
    }
    before = row_counts(shared_server)
    answer = raw.call(name, RPCS[name].request(**{field: value for field, value in strange.items() if field in names}))
    assert answer.code in ("OK", "NOT_FOUND")
    assert row_counts(shared_server) == before


def test_a_balance_does_not_move_the_account(raw: RawCalls) -> None:
    first = raw.call("GetBalance", RPCS["GetBalance"].request())
    for name in READS:
        raw.call(name, RPCS[name].request())
    assert raw.call("GetBalance", RPCS["GetBalance"].request()) == first
