"""BooksService: what the ledger comes to, for those who account for it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import date, timedelta
from itertools import islice
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from pointguard.v1 import books_pb2, common_pb2
from pointguard_server.domain.calendar import start_of
from pointguard_server.domain.codes import CodeKind
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.books import Books, Liability, Progress
from pointguard_server.service.reconciliation import (
    TILL_OPERATIONS,
    Asked,
    DayTotal,
    Difference,
    Place,
    Reconciliation,
    Said,
    SaidTotal,
    Sums,
)
from pointguard_server.service.tenants import Tenant

A_MESSAGE: Final = 1_000
TOTALS_MAX: Final = 1_000
SAID_MAX: Final = 10_000
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
_OPERATIONS = frozenset((0, *map(int, TILL_OPERATIONS)))
_KINDS, _DECISIONS = frozenset(common_pb2.TransactionKind.values()), frozenset(common_pb2.Decision.values())
Item = TypeVar("Item")


class BooksService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, books: Books, reconciliation: Reconciliation) -> None:
        self._desk, self._books, self._reconciliation = desk, books, reconciliation

    async def liability_report(self, call: Call, request: books_pb2.LiabilityReportRequest) -> AsyncGenerator[Message]:
        """See the contract."""
        decoder = self._desk.decoder(call)
        as_of = moment(decoder, request.as_of, "as_of") if request.HasField("as_of") else None
        since = moment(decoder, request.since, "since") if request.HasField("since") else None
        decoder.check()
        async with aclosing(self._books.liability(call.tenant.tenant_id, as_of, since)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    progress = books_pb2.LiabilityProgress(accounts=event.accounts, accounts_total=event.accounts_total)
                    yield books_pb2.LiabilityReportResponse(progress=progress)
                else:
                    yield books_pb2.LiabilityReportResponse(report=_report(event, call.tenant))

    async def reconcile_day(self, call: Call, request: books_pb2.ReconcileDayRequest) -> AsyncGenerator[Message]:
        """See the contract."""
        decoder = self._desk.decoder(call)
        asked = self._asked(call, decoder, request)
        decoder.check()
        found = await self._reconciliation.reconcile(call.tenant.tenant_id, asked)
        day = books_pb2.ReconciledDay(
            begins_at=timestamp(asked.begins_at),
            ends_before=timestamp(asked.ends_before),
            position=found.position,
            over=found.over,
            differing_totals=[
                books_pb2.ComparedTotal(index=index, said=request.totals[index].sums, ledger=_sums(sums))
                for index, sums in found.differing
            ],
            difference_count=found.difference_count,
        )
        yield books_pb2.ReconcileDayResponse(day=day)
        for totals in batched(found.totals, A_MESSAGE):
            yield books_pb2.ReconcileDayResponse(totals=[self._total(each) for each in totals])
        for differences in batched(found.differences, A_MESSAGE):
            # Others have their turn between two messages.
            await asyncio.sleep(0)
            yield books_pb2.ReconcileDayResponse(differences=[self._difference(each, request) for each in differences])

    def _asked(self, call: Call, decoder: Decoder, request: books_pb2.ReconcileDayRequest) -> Asked:
        begins_at, ends_before = _day(decoder, request.business_date, call.tenant.zone)
        unit = self._code(decoder, CodeKind.BUSINESS_UNIT, request.business_unit_id, "business_unit_id")
        place = Place(unit, *self._terminal(call, decoder, request.store_id, request.terminal_id, ""))
        if len(request.totals) > TOTALS_MAX:
            decoder.fault("totals", f"must be at most {TOTALS_MAX:,}")
            return Asked(begins_at, ends_before, place, (), None)
        totals = [self._said_total(call, decoder, each, f"totals[{n}].") for n, each in enumerate(request.totals)]
        said = _said(decoder, request.said.transactions) if request.HasField("said") else None
        return Asked(begins_at, ends_before, place, totals, said)

    def _code(self, decoder: Decoder, kind: CodeKind, text: str, field: str) -> int:
        """Return the number of a code; of one that nobody has named, -1: nothing happened there."""
        return (decoder.code(kind, text, field) or -1) if text else 0

    def _terminal(self, call: Call, decoder: Decoder, store_id: str, terminal_id: str, path: str) -> tuple[int, int]:
        """Return the numbers of a store and a terminal of it."""
        store = self._desk.directory.store(call.tenant.tenant_id, store_id) if store_id else None
        if store_id and store is None:
            decoder.fault(f"{path}store_id", "is not a store of this tenant")
        if terminal_id and not store_id:
            decoder.fault(f"{path}store_id", "must be given with terminal_id")
        number = self._code(decoder, CodeKind.TERMINAL, terminal_id, f"{path}terminal_id")
        return (0 if store is None else store.store_id), number

    def _said_total(self, call: Call, decoder: Decoder, said: books_pb2.SaidTotal, path: str) -> SaidTotal:
        place = Place(0, *self._terminal(call, decoder, said.store_id, said.terminal_id, path))
        if said.operation not in _OPERATIONS:
            names = ", ".join(each.name for each in TILL_OPERATIONS)
            decoder.fault(f"{path}operation", f"must be one of {names}")
        if said.kind not in _KINDS:
            decoder.fault(f"{path}kind", "is not a known kind")
        sums = Sums(said.sums.count, said.sums.points, said.sums.money_minor_units)
        if min(sums) < 0:
            decoder.fault(f"{path}sums", "must be 0 or more")
        return SaidTotal(place, said.operation, said.kind, sums)

    def _total(self, total: DayTotal) -> books_pb2.DayTotal:
        text = self._desk.directory.text
        return books_pb2.DayTotal(
            business_unit_id=text(total.place.business_unit_id),
            store_id=text(total.place.store_id),
            terminal_id=text(total.place.terminal_id),
            operation=total.operation,  # type: ignore[arg-type]
            kind=total.kind,  # type: ignore[arg-type]
            approved=_sums(total.approved),
            declined_count=total.declined,
        )

    def _difference(self, difference: Difference, request: books_pb2.ReconcileDayRequest) -> books_pb2.DayDifference:
        message = books_pb2.DayDifference(kinds=[int(kind) for kind in difference.kinds])  # type: ignore[misc]
        if difference.index is not None:
            message.said.CopyFrom(request.said.transactions[difference.index])
        if (leg := difference.leg) is not None:
            text = self._desk.directory.text
            message.ledger.CopyFrom(
                books_pb2.DayTransaction(
                    transaction_id=uuid_text(leg.transaction_id),
                    operation=leg.operation,  # type: ignore[arg-type]
                    kind=leg.kind,  # type: ignore[arg-type]
                    decision=leg.decision,  # type: ignore[arg-type]
                    points=leg.points,
                    money_minor_units=leg.money,
                    accepted_at=timestamp(leg.accepted_at),
                    store_id=text(leg.store_id),
                    terminal_id=text(leg.terminal_id),
                    order_reference=leg.order_reference,
                )
            )
        return message


def batched(items: Sequence[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Yield items some at a time."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some


def _sums(sums: Sums) -> books_pb2.DaySums:
    return books_pb2.DaySums(count=sums.transactions, points=sums.points, money_minor_units=sums.money)


def _day(decoder: Decoder, text: str, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first moment of a business day, and that of the next one."""
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-11-23") else date.min
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= LATEST:
        decoder.fault("business_date", "must be an ISO 8601 date such as 2026-11-23, from 2000 to 2099")
        return 0, 0
    return start_of(day, zone), start_of(day + timedelta(days=1), zone)


def _said(decoder: Decoder, said: Sequence[books_pb2.SaidTransaction]) -> list[Said]:
    """Return what is said of transactions, each once."""
    if len(said) > SAID_MAX:
        decoder.fault("said.transactions", f"must be at most {SAID_MAX:,}")
        return []
    found: dict[bytes, Said] = {}
    for index, each in enumerate(said):
        path = f"said.transactions[{index}]"
        key = decoder.key(each.idempotency_key, f"{path}.idempotency_key")
        if key in found and any(key):
            decoder.fault(f"{path}.idempotency_key", "is said twice")
        if each.decision not in _DECISIONS:
            decoder.fault(f"{path}.decision", "is not a known decision")
        if each.points < 0:
            decoder.fault(f"{path}.points", "must be 0 or more")
        money = each.money_minor_units if each.HasField("money_minor_units") else None
        found[key] = Said(key, each.decision, each.points, money)
    return list(found.values())


def _report(found: Liability, tenant: Tenant) -> books_pb2.LiabilityReport:
    def money(points: int) -> common_pb2.Money | None:
        worth = found.worth(points)
        return None if worth is None else common_pb2.Money(currency_code=tenant.currency, minor_units=worth)

    totals = found.totals
    report = books_pb2.LiabilityReport(
        as_of=timestamp(totals.moment),
        position=found.position,
        accounts=totals.accounts,
        outstanding_points=totals.outstanding,
        owed_points=totals.owed,
        balance=common_pb2.Balance(
            posted=totals.posted,
            reserved=totals.reserved,
            pending=totals.pending,
            available=totals.posted - totals.pending - totals.reserved,
        ),
        outstanding_money=money(totals.outstanding),
        configuration_version=found.configuration_version,
        lots=[
            books_pb2.LiabilityLot(last_day=day, points=points, pending_points=pending, money=money(points))
            for day, points, pending in totals.by_day(tenant.zone)
        ],
        opening_points=found.opening,
        movements=[
            books_pb2.LiabilityMovement(entry_type=int(each), signed_points=points)  # type: ignore[arg-type]
            for each, points in sorted(found.movements.items())
        ],
        breakage_points=found.breakage,
        breakage_money=money(found.breakage),
    )
    if found.since is not None:
        report.since.CopyFrom(timestamp(found.since))
    return report
