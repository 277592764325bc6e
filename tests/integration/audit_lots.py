"""What must be true of an account's lots at every moment, recounted from its entries. For ``audit``."""

from collections.abc import Collection
from typing import Any

from pointguard_server.domain.codes import SERVER_OPERATIONS, EntryType, Operation

Row = dict[str, Any]
Name = tuple[int, int, int]
GIVES = (EntryType.EARN, EntryType.BONUS, EntryType.CREDIT, EntryType.TRANSFER_IN)


class LotsAudit:
    """The lots of one account, as its entries make them: ``left`` by (seq of the leg that gave it, rule, end)."""

    def __init__(self) -> None:
        self.given: dict[Name, Row] = {}
        self.left: dict[Name, int] = {}

    def follow(self, leg: Row, entry: Row, holds: dict[int, Row]) -> None:
        """Take an entry of a leg in; ``holds`` are those that were open before the leg, by seq."""
        name, now = name_of(entry), leg["accepted_at"]
        if not entry["lot_seq"]:
            assert entry["expires_at"] == entry["matures_at"] == 0
            return
        if entry["entry_type"] in GIVES or (entry["entry_type"] == EntryType.ADJUST and entry["signed_points"] > 0):
            assert name not in self.given, "two awards of one rule in one leg"
            assert entry["lot_seq"] == leg["seq"]
            assert entry["signed_points"] > 0
            assert not entry["expires_at"] or now < entry["expires_at"] > entry["matures_at"]
            self.given[name], self.left[name] = entry, entry["signed_points"]
            return
        if entry["entry_type"] == EntryType.VOID:
            self._put_back(name, leg, entry)
            return
        lot = self.given[name]
        assert (entry["expires_at"], entry["matures_at"]) == (lot["expires_at"], lot["matures_at"])
        is_cancelled = entry["entry_type"] == EntryType.REVERSE and entry["lot_seq"] == leg["refers_to_seq"]
        assert is_cancelled or entry["matures_at"] <= now, "points were taken before they had matured"
        assert -self.left[name] <= entry["signed_points"] < 0
        if entry["entry_type"] == EntryType.EXPIRE:
            assert entry["expires_at"] <= now
        elif entry["entry_type"] in (EntryType.REDEEM, EntryType.CONVERT, EntryType.TRANSFER_OUT):
            since = holds[leg["refers_to_seq"]]["accepted_at"] if leg["operation"] == Operation.CAPTURE else now
            assert not entry["expires_at"] or entry["expires_at"] > since, "points were spent that had ended"
            self._check_first(entry, since)
        elif entry["entry_type"] == EntryType.REVERSE:
            assert not entry["expires_at"] or entry["expires_at"] > now, "points were taken that a reservation keeps"
        else:
            assert entry["entry_type"] == EntryType.ADJUST
        self.left[name] += entry["signed_points"]

    def _put_back(self, name: Name, leg: Row, entry: Row) -> None:
        """Take points in that a return puts back: into the lot that they came from, or a new one if that has ended."""
        assert entry["signed_points"] > 0
        assert leg["accepted_at"] < entry["expires_at"]
        if entry["lot_seq"] == leg["seq"]:
            assert name not in self.given
            assert (entry["rule_id"], entry["matures_at"]) == (0, 0)
            self.given[name], self.left[name] = entry, 0
        lot = self.given[name]
        assert (entry["expires_at"], entry["matures_at"]) == (lot["expires_at"], lot["matures_at"])
        self.left[name] += entry["signed_points"]
        assert entry["lot_seq"] == leg["seq"] or self.left[name] <= lot["signed_points"]

    def _check_first(self, entry: Row, since: int) -> None:
        """No lot that could be spent should have been spent before this one."""
        own = self.given[name_of(entry)]
        for name, lot in self.given.items():
            may = lot["matures_at"] <= since and not (lot["expires_at"] and lot["expires_at"] <= since)
            if may and self.left[name] and lot["expires_at"]:
                assert order(lot) >= order(own), "a lot was spent before its turn"

    def check(self, leg: Row, holds: Collection[Row], posted: int, floor: int | None) -> None:
        """Check what the leg says of the account: ``holds`` are open after it; a floor of None: there is none."""
        if leg["operation"] in SERVER_OPERATIONS:
            # More of what time has done follows, up to the request for which it was looked at.
            return
        now, reserved = leg["accepted_at"], sum(hold["points"] for hold in holds)
        lots = [(self.given[name], left) for name, left in self.left.items() if left]
        pending = sum(left for lot, left in lots if lot["matures_at"] > now)
        assert leg["pending"] == pending
        assert floor is None or posted - pending - reserved >= floor
        kept = 0
        for lot, left in sorted(lots, key=lambda each: order(each[0])):
            if lot["expires_at"] and lot["expires_at"] <= now:
                kept += left
                held = sum(hold["points"] for hold in holds if hold["accepted_at"] < lot["expires_at"])
                assert kept <= held, "points stand that have ended"


def name_of(entry: Row) -> Name:
    """What names the lot of an entry."""
    return entry["lot_seq"], entry["rule_id"], entry["expires_at"]


def order(lot: Row) -> tuple[float, int, int, int]:
    """Where a lot stands among those to be spent."""
    return lot["expires_at"] or float("inf"), lot["matures_at"], lot["lot_seq"], lot["rule_id"]
