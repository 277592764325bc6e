"""What a batch may not do beside offline redemptions by the same allowance. Used by ``engine/batch.py``."""

from collections.abc import Collection

from pointguard_server.domain.codes import Operation, Outcome, RequestFlag
from pointguard_server.engine.ports import IntArray, RowArray
from pointguard_server.engine.rows import REQUEST_COLUMNS

_CAPTURE, _OFFLINE = int(Operation.CAPTURE), int(RequestFlag.OFFLINE)


def put_captures_off(requests: RowArray, envelopes: RowArray, skip: IntArray, claims: Collection[int]) -> None:
    """Have other captures of a reservation wait for the next batch, where this one spends of it without a line.

    ``claims`` are the rows of requests with claims, which have been taken: these know what the ledger says was spent,
    and not what this batch is about to capture.
    """
    if not claims:
        return
    flags, ids = requests["flags"], requests.view(REQUEST_COLUMNS)["reservation"]
    tenants = envelopes["tenant_id"]
    spent = {(int(tenants[row]), ids[row].tobytes()) for row in claims if not skip[row] and flags[row] & _OFFLINE}
    if not spent:
        return
    others = (requests["operation"] == _CAPTURE) & (flags & _OFFLINE == 0) & (skip == 0)
    for row in others.nonzero()[0].tolist():
        if (int(tenants[row]), ids[row].tobytes()) in spent:
            skip[row] = Outcome.SPENT_ALONGSIDE
