"""Originals: the transactions that a batch's returns are about, as the kernel takes them. For ``batch``.

The ledger says what each came to and what was returned of it before. Returns of one original in one batch share its
rows, which the kernel keeps up to date.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from pointguard_server.domain.codes import Decision, EntryType, Operation
from pointguard_server.domain.identifiers import card_number
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.domain.returns import decode_lines, line_amounts
from pointguard_server.engine.ports import LedgerStore, Original
from pointguard_server.engine.world import COUNTED, ORIGINAL, ORIGINAL_PART, RETURN_REQUEST, Returns, RowArray
from pointguard_server.velocity.windows import RECORDED

_ENDS = [int(each) for each in (Operation.CAPTURE, Operation.VOID, Operation.EXPIRE)]
_GIVES = frozenset((EntryType.EARN, EntryType.BONUS))


ReadLeg = Callable[[int, int, int], RowArray | None]
"""Reads the leg of an account at a place: (tenant, account, seq); ``ports.LedgerStore.leg_of``."""


class Originals:
    """Gathers the originals of a batch; with a ``store`` to read from it says how wider windows counted them, too."""

    def __init__(self, store: LedgerStore | None = None) -> None:
        self._store = store
        self._counted: list[tuple[int, ...]] = []
        self._counted_places: dict[tuple[int, int, int], int] = {}  # by tenant, account and seq of the leg
        self._requests: list[tuple[int, int, int]] = []
        self._originals: list[tuple[int, ...]] = []
        self._parts: list[tuple[int, ...]] = []
        self._lines: list[tuple[int, int]] = []
        self._asked_lines: list[tuple[int, int]] = []
        self._places: dict[bytes, int] = {}
        self.movements = 0  # of lots and entries, at most: a return may touch each part of its original

    def add(self, transaction_id: bytes, found: Original, asked_lines: Sequence[tuple[int, int]]) -> int:
        """Add a return of a transaction with the lines that it names; return 1 + its row, or 0 if it may not be.

        An approved accrual may be returned, and what spent points.
        """
        place = self._places.get(transaction_id)
        if place is None:
            record = decode_record(found.record)
            if not is_returnable(record):
                return 0
            place = self._places[transaction_id] = self._add(record, found)
        self._requests.append((place, len(self._asked_lines), len(asked_lines)))
        self._asked_lines += asked_lines
        self.movements += self._originals[place][_PART_COUNT] + 1
        return len(self._requests)

    def _add(self, record: Record, found: Original) -> int:
        leg = cast("dict[str, int]", record.leg)
        is_redemption = leg["operation"] != Operation.ACCRUE
        entries = [cast("dict[str, int]", entry) for entry in record.entries]
        wanted = frozenset((EntryType.REDEEM,)) if is_redemption else _GIVES
        parts = [entry for entry in entries if entry["entry_type"] in wanted]
        behind = np.cumsum([0, *(abs(entry["signed_points"]) for entry in reversed(parts))])[-2::-1].tolist()
        returns = [decode_record(each) for each in found.returns.values()]
        amounts = line_amounts(record.basket) if record.basket else []
        taken = lines_returned(returns, amounts)
        returned_points = sum(_number(each, "points") + _number(each, "released") for each in returns)
        returned_money = sum(_number(each, "money") for each in returns)
        event_seq = leg["refers_to_seq"] if leg["operation"] == Operation.CAPTURE else leg["seq"]
        self._originals.append(
            (
                leg["seq"],
                event_seq,
                self._find_counted(leg, event_seq, returned_points, returned_money),
                leg["accepted_at"],
                int(is_redemption),
                leg["points"],
                leg["money"],
                returned_points,
                returned_money,
                len(returns),
                len(self._parts),
                len(parts),
                len(self._lines),
                len(amounts),
            )
        )
        self._parts += [
            (
                entry["part"], abs(entry["signed_points"]), after, entry["rule_id"], entry["lot_seq"],
                entry["matures_at"], entry["expires_at"],
            )
            for entry, after in zip(parts, behind, strict=True)
        ]  # fmt: skip
        self._lines += zip(amounts, taken, strict=True)
        return len(self._originals) - 1

    def _find_counted(self, leg: dict[str, int], event_seq: int, returned_points: int, returned_money: int) -> int:
        """Return the place of the row that the captures of one reservation share: windows count its authorise once."""
        name = (leg["tenant_id"], leg["account_id"], event_seq)
        if name not in self._counted_places:
            self._counted_places[name] = len(self._counted)
            self._counted.append(self._as_counted(leg, returned_points, returned_money))
        return self._counted_places[name]

    def _as_counted(self, leg: dict[str, int], returned_points: int, returned_money: int) -> tuple[int, ...]:
        """Return a row of ``world.COUNTED``."""
        if self._store is None:
            return _UNCOUNTED
        counted: Mapping[str, Any] = leg
        released_points, released_money = returned_points, returned_money
        if leg["operation"] == Operation.CAPTURE:
            tenant_id, account_id = leg["tenant_id"], leg["account_id"]
            (counted,) = cast("Any", self._store.leg_of(tenant_id, account_id, leg["refers_to_seq"]))
            if leg["hold_expires_at"] or leg["points"] + leg["released"] != counted["points"]:
                history = self._store.read_accounts(tenant_id, (account_id,), int(counted["accepted_at"]) - 1)
                released_points, released_money = given_back(counted, history[account_id].legs)
            else:
                # What was not captured was given back, too.
                released_points += counted["points"] - leg["points"]
                released_money += counted["money"] - leg["money"]
        return (
            _counts_at(counted), counted["kind"], counted["parts"], counted["event_flags"],
            counted["points"], counted["money"], released_points, released_money,
            counted["store_id"], counted["terminal_id"], counted["cashier_id"],
            # Wider windows tell devices apart from nothing.
            card_number(counted["identifier_kind"], counted["identifier_id"]),
            counted["business_unit_id"], counted["agent_id"], counted["group_set_id"],
        )  # fmt: skip

    def arrays(self) -> Returns:
        """Return all of them as the kernel takes them."""
        return Returns(
            np.array(self._requests, RETURN_REQUEST),
            np.array(self._originals, ORIGINAL),
            np.array(self._counted, COUNTED),
            np.array(self._parts, ORIGINAL_PART),
            np.array(self._lines, np.int64).reshape(-1, 2),
            np.array(self._asked_lines, np.int64).reshape(-1, 2),
        )


def _counts_at(leg: Mapping[str, Any]) -> int:
    """Return when windows count a leg: see ``compiled.moments.counts_at``."""
    accepted_at = cast("int", leg["accepted_at"])
    return min(leg["occurred_at"], accepted_at) if leg["event_flags"] & RECORDED else accepted_at


_UNCOUNTED = (0,) * len(COUNTED.names or ())
_PART_COUNT = (ORIGINAL.names or ()).index("part_count")
NO_RETURNS = Originals().arrays()


def given_back(authorise: Mapping[str, Any], legs: RowArray) -> tuple[int, int]:
    """Return the points and the money that were given back of a reservation that was captured in several parts.

    ``legs`` are the account's (``rows.LEG``) from its authorise on: what an end released, and what was returned of its
    captures.
    """
    own = legs[(legs["refers_to_seq"] == authorise["seq"]) & np.isin(legs["operation"], _ENDS)]
    captures = own[own["operation"] == Operation.CAPTURE]
    points = money = 0
    if (own["hold_expires_at"] == 0).any():
        points = int(authorise["points"] - captures["points"].sum())
        money = int(authorise["money"] - captures["money"].sum())
    returns = legs[(legs["operation"] == Operation.RETURN) & np.isin(legs["refers_to_seq"], captures["seq"])]
    return points + int((returns["points"] + returns["released"]).sum()), money + int(returns["money"].sum())


def lines_returned(returns: Sequence[Record], amounts: Sequence[int]) -> list[int]:
    """Return what was returned of each line of an original whose lines come to ``amounts``."""
    taken = [0] * len(amounts)
    for each in returns:
        for number, amount in decode_lines(each.basket):
            taken[number - 1] += amount or amounts[number - 1]
    return taken


def is_returnable(record: Record) -> bool:
    """Whether a transaction gave or spent points, and so may be returned."""
    leg: dict[str, Any] = record.leg
    spends = any(entry["entry_type"] == EntryType.REDEEM for entry in record.entries)
    is_kind = leg["operation"] == Operation.ACCRUE or (
        leg["operation"] in (Operation.AUTHORISE, Operation.CAPTURE) and spends
    )
    return is_kind and leg["decision"] == Decision.APPROVED


def _number(record: Record, name: str) -> int:
    return cast("int", record.leg[name])
