"""Accruals' canonical records as columns of orders, by a kernel; ``domain/record.py`` describes the bytes.

The kernel takes a record only if everything about it is usual; the few others are decoded by ``decode_record``, one by
one. So a record of a version that the kernel does not know is slow, never misread.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from pointguard.v1 import transaction_pb2
from pointguard_server.backtest.orders import IntArray, Orders, empty_orders, in_order
from pointguard_server.backtest.record_kernel import (
    FULL,
    ID_BYTES,
    REQUEST_SIZE,
    Basket,
    History,
    Layout,
    Lines,
    Scratch,
    read_records,
)
from pointguard_server.domain.codes import Decision, RequestFlag
from pointguard_server.domain.ledger_rows import LEG_FIELDS
from pointguard_server.domain.record import (
    RAW_FIELDS,
    RECORD_ADVICE_FIELDS,
    RECORD_ADVICE_FIELDS_BY_VERSION,
    RECORD_LEG_FIELDS,
    RECORD_REASON_SIZES,
    Record,
    decode_record,
)
from pointguard_server.engine.rows import currency_number
from pointguard_server.rpc.line_texts import LineTexts
from pointguard_server.rpc.wire import reading
from pointguard_server.rpc.wire.encoding import FIELDS_MAX
from pointguard_server.rpc.wire.matching import matchers_for, seen_for
from pointguard_server.service.line_codes import LINE_DOMAINS, LineCodes
from pointguard_server.service.tenants import LINE_VALUE

__all__ = ["History", "RecordReader"]

_VERSIONS = (1, 2, 3, 4)  # that the kernel reads
_TAKEN = (
    "kind",
    "channel",
    "store_id",
    "business_unit_id",
    "tier_id",
    "province_id",
    "group_set_id",
    "reserved",
)
"""The columns of a leg that an order has as they are."""
_COUPON_USED, _APPROVED = int(RequestFlag.COUPON_USED), int(Decision.APPROVED)


def _raw(names: Sequence[str]) -> IntArray:
    return np.array([name in RAW_FIELDS for name in names], np.int64)


class RecordReader:
    """Reads records of accruals; ``codes`` say how texts of lines become numbers."""

    def __init__(self, currency: str, money_scale: int, codes: LineCodes) -> None:
        constants = np.zeros(reading.CONSTANTS, np.int64)
        constants[reading.CURRENCY_NUMBER] = currency_number(currency)
        constants[reading.MONEY_SCALE] = money_scale
        constants[reading.PATTERNS] = any(codes.patterns)
        sizes = np.zeros((3, max(_VERSIONS) + 1), np.int64)
        for version in _VERSIONS:
            sizes[:, version] = (
                len(RECORD_LEG_FIELDS[version]),
                RECORD_REASON_SIZES[version],
                len(RECORD_ADVICE_FIELDS_BY_VERSION[version]),
            )
        self._layout = Layout(sizes[0], sizes[1], sizes[2], _raw(LEG_FIELDS), _raw(RECORD_ADVICE_FIELDS))
        self._basket = Basket(constants, codes.numbers.arrays, matchers_for(codes.patterns), seen_for(codes))
        self._codes, self._money_scale = codes, money_scale
        self._scratch = Scratch(
            np.zeros(len(LEG_FIELDS), np.int64), np.zeros(REQUEST_SIZE, np.int64), np.zeros((FIELDS_MAX, 3), np.int64)
        )
        self._lines = 1_024

    def read(self, records: Sequence[bytes]) -> tuple[Orders, History]:
        """Return what the records say, in their order.

        ``enrolled_at``, ``birth_date`` and where the store lies are 0: records do not hold them.
        """
        data = np.frombuffer(bytearray(b"".join(records)), np.uint8)
        ends = np.cumsum([len(record) for record in records], dtype=np.int64)
        unusual = np.zeros(len(records), np.int64)
        while True:
            orders, history = empty_orders(len(records), self._lines), _empty_history(len(records))
            count = read_records(
                data, ends, self._layout, self._basket, Lines(orders.lines), orders, history, unusual, self._scratch
            )
            if count != FULL:
                break
            self._lines *= 2
        orders, history = orders.slice(0, count), History._make([column[:count] for column in history])
        left = unusual.nonzero()[0]
        if not len(left):
            return orders, history
        more, more_history = self._decoded([records[n] for n in left.tolist()])
        places = np.concatenate([(unusual == 0).nonzero()[0], left])
        order = np.argsort(places)
        columns = [
            np.concatenate((getattr(history, name), getattr(more_history, name)))[order] for name in History._fields
        ]
        return in_order([orders, more], places), History._make(columns)

    def _decoded(self, records: Sequence[bytes]) -> tuple[Orders, History]:
        """Return what unusual records say, the slow and obvious way."""
        decoded = [decode_record(record) for record in records]
        baskets = [transaction_pb2.Basket.FromString(record.basket).lines for record in decoded]
        orders = empty_orders(len(records), sum(max(len(lines), 1) for lines in baskets))
        history = _empty_history(len(records))
        at = 0
        for n, (record, lines) in enumerate(zip(decoded, baskets, strict=True)):
            self._put(orders, history, n, record)
            texts = [LineTexts(self._codes, domain) for domain in LINE_DOMAINS]
            total = transaction_pb2.BasketLine(quantity=1, amount_minor_units=int(orders.total[n]))
            for index, line in enumerate(lines or [total]):
                words = (line.sku, line.category, line.brand)
                known = (each.number(word, index) for each, word in zip(texts, words, strict=True))
                numbers = line.quantity * LINE_VALUE, line.amount_minor_units * self._money_scale
                orders.lines[at] = [*known, *numbers, self._codes.matches(*words)]
                at += 1
            orders.first_line[n + 1] = at
        return orders, history

    @staticmethod
    def _put(orders: Orders, history: History, n: int, record: Record) -> None:
        leg, request = cast("dict[str, int]", record.leg), cast("dict[str, int]", record.request)
        approved = leg["decision"] == _APPROVED
        earned = sum(cast("int", each["signed_points"]) for each in record.entries)
        for name in _TAKEN:
            getattr(orders, name)[n] = leg[name]
        orders.moment[n], orders.total[n] = leg["accepted_at"], leg["money"]
        orders.tender_id[n], orders.coupon_used[n] = request["tender_id"], bool(request["flags"] & _COUPON_USED)
        orders.posted[n] = leg["posted"] - earned
        held = sum(cast("int", each["signed_points"]) for each in record.entries if each["matures_at"])
        orders.pending[n] = leg["pending"] - held
        orders.spend[n] = leg["spend_total"] - (leg["money"] if approved else 0)
        history.account_id[n], history.seq[n], history.approved[n] = leg["account_id"], leg["seq"], approved
        history.issued[n] = leg["points"] if approved else 0
        history.occurred_at[n] = leg["occurred_at"]
        history.transaction_id[n] = np.frombuffer(cast("bytes", record.leg["transaction_id"]), np.uint8)


def _empty_history(orders: int) -> History:
    numbers = np.zeros((len(History._fields) - 1, orders), np.int64)
    return History._make([*numbers, np.zeros((orders, ID_BYTES), np.uint8)])
