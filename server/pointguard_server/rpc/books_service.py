"""BooksService: what the ledger comes to, for those who account for it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.protobuf.message import Message

from pointguard.v1 import books_pb2, common_pb2
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.books import Books, Liability, Progress
from pointguard_server.service.tenants import Tenant


class BooksService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self._desk, self._books = desk, books

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
