"""The accounts of requests that are about several: transfers and household redemptions. For ``batch``."""

from collections.abc import Mapping, Sequence

import numpy as np

from pointguard_server.engine.ask import Member
from pointguard_server.engine.identifying import identify
from pointguard_server.engine.ports import IntArray, LedgerStore, RowArray
from pointguard_server.engine.rows import ENVELOPE
from pointguard_server.engine.world import SIDE
from pointguard_server.velocity.windows import NONE

LOTS_MOVED = 4_096
"""So many lots may the transfers of a batch take over, beside each lot that there is once: rows must have an end."""

_NONE = np.zeros(0, ENVELOPE)
_NO_SIDES = np.zeros(0, SIDE)


class OtherAccounts:
    """The accounts of a batch's requests beside those that the requests themselves have.

    ``envelopes`` has a row for each, as if somebody asked for it alone: who finds the accounts of requests finds these.
    """

    def __init__(self, others: Mapping[int, Sequence[Member]], envelopes: RowArray) -> None:
        """Take the others of requests, by their rows in ``envelopes``."""
        self._others = others
        self._members = [member for each in others.values() for member in each]
        self.count = len(self._members)
        self.envelopes: RowArray = _NONE
        if self.count:
            rows = [row for row, each in others.items() for _ in each]
            self.envelopes = np.zeros(self.count, ENVELOPE)
            for name in ("tenant_id", "skip"):
                self.envelopes[name] = envelopes[name][rows]
            self.envelopes["account_id"] = [account for account, _ in self._members]
            self.envelopes["slot"] = -1

    def identify(self, store: LedgerStore) -> None:
        """Find those that are named by an identifier."""
        named = ((row, *each) for row, (_, each) in enumerate(self._members) if each is not None)
        identify(store, self.envelopes, self.envelopes["skip"], named)

    @property
    def slots(self) -> IntArray:
        """Where memory has those that are known."""
        slots: IntArray = self.envelopes["slot"]
        return slots[slots >= 0]

    def sides(self, envelopes: RowArray) -> RowArray:
        """Return all accounts of the requests that have others, each request's own first: ``world.SIDE``.

        Each request's ``refers_to`` becomes 1 + the row of its first.
        """
        if not self.count:
            return _NO_SIDES
        sides = np.zeros(self.count + len(self._others), SIDE)
        ends = np.cumsum([0, *(1 + len(each) for each in self._others.values())])
        own, rows = ends[:-1], list(self._others)
        is_other = np.ones(len(sides), bool)
        is_other[own] = False
        for name in ("slot", "identifier_kind", "identifier_id"):
            sides[name][own] = envelopes[name][rows]
            sides[name][is_other] = self.envelopes[name]
        sides["count"][own] = np.diff(ends)
        envelopes["refers_to"][rows] = own + 1
        return sides


NO_OTHERS = OtherAccounts({}, _NONE)


def without_slot(envelopes: RowArray) -> set[tuple[int, int]]:
    """Return the (tenant, account) that are asked for and have no slot."""
    wanted = envelopes[(envelopes["slot"] == NONE) & (envelopes["skip"] == 0) & (envelopes["account_id"] != 0)]
    return set(zip(wanted["tenant_id"].tolist(), wanted["account_id"].tolist(), strict=True))
