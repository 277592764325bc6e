"""Whose account a request names by an identifier. Used by ``engine/batch.py``."""

from collections.abc import Container, Iterable

import numpy as np

from pointguard_server.engine.ports import IntArray, LedgerStore, RowArray


def identify(
    store: LedgerStore, envelopes: RowArray, skip: IntArray, identifiers: Iterable[tuple[int, int, str]]
) -> None:
    """Find the accounts of requests (row, kind, normalized value), but of those that are to be skipped."""
    for row, kind, value in identifiers:
        if not skip[row]:
            found = store.find_identifier(int(envelopes["tenant_id"][row]), kind, value)
            if found is not None:
                envelopes["account_id"][row], envelopes["identifier_id"][row] = found
                envelopes["identifier_kind"][row] = kind


def leave_ended(store: LedgerStore, envelopes: RowArray, claims: Container[int]) -> None:
    """Have identifiers find nobody that are ended: who read the requests may know them from before.

    Requests with ``claims``, by their rows, are found as the claims before left it.
    """
    ended = store.ended_identifiers
    if not ended.size:
        return
    named: IntArray = envelopes["identifier_id"]
    places = np.minimum(np.searchsorted(ended, named), ended.size - 1)
    for row in (ended[places] == named).nonzero()[0].tolist():
        if row not in claims and store.is_ended(int(named[row])):
            envelopes["account_id"][row] = 0
