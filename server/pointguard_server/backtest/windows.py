"""What accounts' windows held just before each order: their legs read from the ledger, and walked in sequence.

Nothing is kept from one stretch of orders to the next, so memory does not grow with the range: the legs of a stretch's
accounts are read again as far back as its windows reach. For ``run``.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pointguard_server.backtest.clock import ZoneClock
from pointguard_server.backtest.orders import IntArray, Orders
from pointguard_server.backtest.record_kernel import History
from pointguard_server.backtest.window_kernel import EVENT, NONE, Legs, walk
from pointguard_server.domain.calendar import start_of
from pointguard_server.domain.codes import INTERVENTIONS, Operation
from pointguard_server.domain.identifiers import CARDS, IdentifierKind
from pointguard_server.rules.fixed_point import MOST, SCALE
from pointguard_server.rules.inputs import CalendarUnit, WindowInput, WindowMeasure
from pointguard_server.service.explanation.past import ENDS, NO_EVENTS
from pointguard_server.service.programs import earn_measure
from pointguard_server.velocity.windows import MEASURE, RECORDED

Held = dict[WindowInput, IntArray]
"""What a window held before each order, as rules have numbers."""

_SECOND: Final = 1_000_000
_EPOCH: Final = date(1970, 1, 1)
_TOLD_APART: Final = ("store_id", "cashier_id", "terminal_id", "named_by")
_NO_EVENTS: Final = (*NO_EVENTS, *INTERVENTIONS)


class _Leg(NamedTuple):
    """What is read of a leg."""

    seq: int
    account_id: int
    accepted_at: int
    occurred_at: int
    operation: int
    refers_to_seq: int
    hold_expires_at: int
    kind: int
    parts: int
    event_flags: int
    points: int
    money: int
    released: int
    store_id: int
    cashier_id: int
    terminal_id: int
    identifier_kind: int
    identifier_id: int


_LEGS = (
    f"SELECT {', '.join(_Leg._fields)} FROM legs"  # noqa: S608  (names of ours)
    " WHERE tenant_id = ? AND account_id = ? AND seq <= ? ORDER BY seq DESC"
)


class PastWindows:
    """The windows that some rule sets look at. ``clock`` is the local one of ``zone``, and knows all orders' moments.

    ``by_occurred_at``: not only orders but all that happened before them is seen when the terminal said.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        tenant_id: int,
        windows: Sequence[WindowInput],
        zone: ZoneInfo,
        clock: ZoneClock,
        money_scale: int,
        *,
        by_occurred_at: bool,
    ) -> None:
        self._connection, self._tenant_id = connection, tenant_id
        self._windows, self._zone, self._clock = tuple(windows), zone, clock
        self._money_scale, self._by_occurred_at = money_scale, by_occurred_at
        self._measures = np.array([earn_measure(window) for window in windows], MEASURE)

    def held(self, orders: Orders, history: History) -> Held:
        """Return what each window held; orders are at the moments at which the rules see them."""
        if not self._windows or not len(orders.moment):
            return {}
        starts = np.stack([self._starts(window, orders.moment) for window in self._windows], axis=1)
        legs = self._legs(history, starts)
        most = max(int(np.abs(legs.events[name]).max(initial=0)) for name in _TOLD_APART)
        values = np.zeros(starts.shape, np.int64)
        seen = np.zeros(most + 1, np.int64)
        walk(legs, self._measures, orders.moment, starts, not self._by_occurred_at, seen, values)
        return {window: self._number(window, values[:, column]) for column, window in enumerate(self._windows)}

    def _number(self, window: WindowInput, values: IntArray) -> IntArray:
        scale = self._money_scale if window.measure is WindowMeasure.MONEY else SCALE
        return np.minimum(values, MOST // scale) * scale

    def _starts(self, window: WindowInput, moments: IntArray) -> IntArray:
        """Return the moment after which a window that ends at each moment counts."""
        if window.calendar is None:
            return moments - window.seconds * _SECOND
        dates, places = np.unique(self._clock.dates(moments), return_inverse=True)
        starts = [start_of(_first_date(window.calendar, each), self._zone) - 1 for each in dates.tolist()]
        found: IntArray = np.array(starts, np.int64)[places]
        return found

    def _legs(self, history: History, starts: IntArray) -> Legs:
        """Return the legs of the orders' accounts, as far back as their windows reach."""
        oldest = starts.min(axis=1).tolist()
        wanted: dict[int, tuple[int, int]] = {}  # by account: the last order's place, and how far back
        for account, seq, start in zip(history.account_id.tolist(), history.seq.tolist(), oldest, strict=True):
            newest, first = wanted.get(account, (0, start))
            wanted[account] = max(newest, seq), min(first, start)
        rows: list[tuple[int, ...]] = []
        firsts: dict[int, tuple[int, int]] = {}  # by account: the place and the seq of its first leg
        for account, (newest, after) in wanted.items():
            of_account = self._read(account, newest, after)
            firsts[account] = len(rows), of_account[0][0]
            rows += of_account
        columns = _Leg._make(np.array(rows, np.int64).T)
        order = np.full(len(rows), NONE, np.int64)
        places = zip(history.account_id.tolist(), history.seq.tolist(), strict=True)
        order[[firsts[account][0] + seq - firsts[account][1] for account, seq in places]] = np.arange(len(history.seq))
        lengths = np.diff([*(place for place, _ in firsts.values()), len(rows)])
        first = np.repeat([place for place, _ in firsts.values()], lengths)
        first_seq = np.repeat([seq for _, seq in firsts.values()], lengths)
        return self._released(columns, first, first_seq, order)

    def _read(self, account: int, newest: int, after: int) -> list[tuple[int, ...]]:
        """Return an account's legs in sequence, back to a moment; the order itself is always among them."""
        found: list[tuple[int, ...]] = []
        with closing(self._connection.execute(_LEGS, (self._tenant_id, account, newest))) as rows:
            for row in rows:
                # The terminal may say any moment, so all legs are read then.
                if found and row[2] <= after and not self._by_occurred_at:
                    break
                found.append(row)
        found.reverse()
        return found

    def _released(self, legs: "_Leg", first: IntArray, first_seq: IntArray, order: IntArray) -> Legs:
        """Return the legs as events, and what each gives back of another."""
        columns: dict[str, IntArray] = {name: np.asarray(column) for name, column in legs._asdict().items()}
        events = np.zeros(len(first), EVENT)
        for name in ("seq", "kind", "parts", "points", "money", "store_id", "cashier_id", "terminal_id"):
            events[name] = columns[name]
        occurred = columns["occurred_at"] if self._by_occurred_at else np.zeros(len(first), np.int64)
        kinds, named = columns["identifier_kind"], columns["identifier_id"]
        devices = np.where(kinds == IdentifierKind.DEVICE_GUID, -named, 0)
        events["named_by"] = np.where(np.isin(kinds, list(CARDS)), named, devices)
        events["time"] = np.where(occurred > 0, occurred, columns["accepted_at"])
        operation = columns["operation"]
        # Earn rules do not see what another system did, or a terminal without a line.
        is_none = np.isin(operation, _NO_EVENTS) | (columns["event_flags"] & RECORDED != 0)
        events["flags"] = np.where(is_none, 0, columns["event_flags"])
        refers_to = columns["refers_to_seq"]
        # An EXPIRE leg of lots refers to none.
        is_end = np.isin(operation, ENDS) & (refers_to >= first_seq) & (refers_to > 0)
        ends = np.where(is_end, first + refers_to - first_seq, NONE)
        # The last of them gives back what no capture has taken, those before it nothing.
        is_capture = is_end & (operation == int(Operation.CAPTURE))
        is_last = is_end & (columns["hold_expires_at"] == 0)
        points, money = (
            np.where(is_last, columns[name][ends] - _captured(ends, is_capture, columns[name])[ends], 0)
            for name in ("points", "money")
        )
        # A return gives back of its original's event: of a capture, of its authorise's.
        is_return = (operation == int(Operation.RETURN)) & (refers_to >= first_seq) & (refers_to > 0)
        original = np.where(is_return, first + refers_to - first_seq, NONE)
        of_capture = is_return & (operation[original] == int(Operation.CAPTURE))
        ends = np.where(is_return, np.where(of_capture, ends[original], original), ends)
        points = np.where(is_return, columns["points"] + columns["released"], points)
        money = np.where(is_return, columns["money"], money)
        return Legs(events, first, ends, points, money, order)


def _captured(ends: IntArray, is_capture: npt.NDArray[np.bool_], values: IntArray) -> IntArray:
    """Return what captures have taken of each leg."""
    taken = np.zeros(len(values), np.int64)
    np.add.at(taken, ends[is_capture], values[is_capture])
    return taken


def _first_date(unit: CalendarUnit, days: int) -> date:
    """Return the first date of the stretch of the calendar that holds a date, in days since 1970-01-01."""
    today = _EPOCH + timedelta(days=days)
    match unit:
        case CalendarUnit.DAY:
            return today
        case CalendarUnit.WEEK:
            return today - timedelta(days=today.weekday())
        case CalendarUnit.MONTH:
            return today.replace(day=1)
