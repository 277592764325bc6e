"""The calls of those who account for points. Reached as `PointguardClient.books`.

    async with PointguardClient.connect() as client:
        report = await client.books.liability()

The API key must have the role of a manager, but a till's may reconcile; the sandbox's has both. Errors are those of all
calls.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, cast

import grpc

from pointguard.v1 import books_pb2, books_pb2_grpc, common_pb2
from pointguard_client import books_values
from pointguard_client.calls import Caller
from pointguard_client.decoding import decode_balance, decode_time
from pointguard_client.encoding import encode_time
from pointguard_client.errors import Failure, ServerFault, error_from_failure, failure_from_rpc_error
from pointguard_client.requests import Money
from pointguard_client.words import Decision, DifferenceKind, EntryType, Operation, TransactionKind

REPORT_TIMEOUT_SECONDS: Final = 3_600.0


class BooksClient:
    """The calls about the books of the API key's program. Nothing is written."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._books = books_pb2_grpc.BooksServiceStub(channel)

    async def liability(
        self,
        as_of: datetime | None = None,
        *,
        since: datetime | None = None,
        on_progress: Callable[[books_values.LiabilityProgress], None] = lambda _progress: None,
        timeout_seconds: float = REPORT_TIMEOUT_SECONDS,
    ) -> books_values.Liability:
        """Return what the points of all members come to as of a moment, by default now, and what moved since another.

        `on_progress` is told about once a second how far it is. It is not tried again by itself.
        """
        message = books_pb2.LiabilityReportRequest(
            as_of=None if as_of is None else encode_time(as_of, "as_of"),
            since=None if since is None else encode_time(since, "since"),
        )
        call = self._books.LiabilityReport(message, timeout=timeout_seconds, metadata=self._caller.metadata)
        try:
            async for event in call:
                if event.HasField("report"):
                    return _liability(event.report)
                progress = event.progress
                on_progress(books_values.LiabilityProgress(progress.accounts, progress.accounts_total))
        except grpc.aio.AioRpcError as error:
            raise error_from_failure(failure_from_rpc_error(error), "LiabilityReport") from None
        finally:
            call.cancel()
        raise ServerFault(Failure("INTERNAL", "the stream ended without a report"), "LiabilityReport")

    async def reconcile_day(
        self,
        business_date: date,
        *,
        business_unit_id: str = "",
        store_id: str = "",
        terminal_id: str = "",
        totals: Sequence[books_values.SaidTotal] = (),
        said: Sequence[books_values.SaidTransaction] | None = None,
        timeout_seconds: float = REPORT_TIMEOUT_SECONDS,
    ) -> books_values.ReconciledDay:
        """Compare a day of the program's time zone with what terminals say of it: totals and, with `said`, each.

        The API key may be a till's. It is not tried again by itself.
        """
        message = books_pb2.ReconcileDayRequest(
            business_date=business_date.isoformat(),
            business_unit_id=business_unit_id,
            store_id=store_id,
            terminal_id=terminal_id,
            totals=[_encode_total(each) for each in totals],
        )
        if said is not None:
            message.said.SetInParent()
            message.said.transactions.extend(_encode_said(each) for each in said)
        call = self._books.ReconcileDay(message, timeout=timeout_seconds, metadata=self._caller.metadata)
        try:
            parts = [part async for part in call]
        except grpc.aio.AioRpcError as error:
            raise error_from_failure(failure_from_rpc_error(error), "ReconcileDay") from None
        finally:
            call.cancel()
        if not parts or not parts[0].HasField("day"):
            raise ServerFault(Failure("INTERNAL", "the stream ended without a day"), "ReconcileDay")
        return _day(parts)


def _encode_total(total: books_values.SaidTotal) -> books_pb2.SaidTotal:
    return books_pb2.SaidTotal(
        store_id=total.store_id,
        terminal_id=total.terminal_id,
        operation=cast("common_pb2.Operation", int(total.operation)),
        kind=cast("common_pb2.TransactionKind", int(total.kind)),
        sums=books_pb2.DaySums(
            count=total.sums.count, points=total.sums.points, money_minor_units=total.sums.money_minor_units
        ),
    )


def _encode_said(said: books_values.SaidTransaction) -> books_pb2.SaidTransaction:
    return books_pb2.SaidTransaction(
        idempotency_key=said.idempotency_key,
        decision=cast("common_pb2.Decision", int(said.decision)),
        points=said.points,
        money_minor_units=said.money_minor_units,
    )


def _day(parts: Sequence[books_pb2.ReconcileDayResponse]) -> books_values.ReconciledDay:
    day = parts[0].day
    return books_values.ReconciledDay(
        begins_at=decode_time(day.begins_at),
        ends_before=decode_time(day.ends_before),
        position=day.position,
        over=day.over,
        totals=tuple(_total(each) for part in parts for each in part.totals),
        differing_totals=tuple(
            books_values.ComparedTotal(each.index, _sums(each.said), _sums(each.ledger))
            for each in day.differing_totals
        ),
        differences=tuple(_difference(each) for part in parts for each in part.differences),
        difference_count=day.difference_count,
    )


def _sums(message: books_pb2.DaySums) -> books_values.DaySums:
    return books_values.DaySums(message.count, message.points, message.money_minor_units)


def _total(message: books_pb2.DayTotal) -> books_values.DayTotal:
    return books_values.DayTotal(
        business_unit_id=message.business_unit_id,
        store_id=message.store_id,
        terminal_id=message.terminal_id,
        operation=Operation(message.operation),
        kind=TransactionKind(message.kind),
        approved=_sums(message.approved),
        declined_count=message.declined_count,
    )


def _difference(message: books_pb2.DayDifference) -> books_values.DayDifference:
    said, leg = message.said, message.ledger
    return books_values.DayDifference(
        kinds=tuple(DifferenceKind(kind) for kind in message.kinds),
        said=books_values.SaidTransaction(
            idempotency_key=said.idempotency_key,
            decision=Decision(said.decision),
            points=said.points,
            money_minor_units=said.money_minor_units if said.HasField("money_minor_units") else None,
        )
        if message.HasField("said")
        else None,
        ledger=books_values.DayTransaction(
            transaction_id=leg.transaction_id,
            operation=Operation(leg.operation),
            kind=TransactionKind(leg.kind),
            decision=Decision(leg.decision),
            points=leg.points,
            money_minor_units=leg.money_minor_units,
            accepted_at=decode_time(leg.accepted_at),
            store_id=leg.store_id,
            terminal_id=leg.terminal_id,
            order_reference=leg.order_reference,
        )
        if message.HasField("ledger")
        else None,
    )


def _liability(message: books_pb2.LiabilityReport) -> books_values.Liability:
    return books_values.Liability(
        as_of=decode_time(message.as_of),
        position=message.position,
        accounts=message.accounts,
        outstanding_points=message.outstanding_points,
        owed_points=message.owed_points,
        balance=decode_balance(message.balance),
        outstanding_money=_money(message.outstanding_money),
        configuration_version=message.configuration_version,
        lots=tuple(
            books_values.LiabilityLot(
                last_day=date.fromisoformat(lot.last_day) if lot.last_day else None,
                points=lot.points,
                pending_points=lot.pending_points,
                money=_money(lot.money),
            )
            for lot in message.lots
        ),
        since=decode_time(message.since) if message.HasField("since") else None,
        opening_points=message.opening_points,
        movements={EntryType(each.entry_type): each.signed_points for each in message.movements},
        breakage_points=message.breakage_points,
        breakage_money=_money(message.breakage_money),
    )


def _money(message: common_pb2.Money) -> Money | None:
    return Money(message.minor_units, message.currency_code) if message.currency_code else None
