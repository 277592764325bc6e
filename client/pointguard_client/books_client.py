"""The calls of those who account for points. Reached as `PointguardClient.books`.

    async with PointguardClient.connect() as client:
        report = await client.books.liability()

The API key must have the role of a manager; the sandbox's has. Errors are those of all calls.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

import grpc

from pointguard.v1 import books_pb2, books_pb2_grpc, common_pb2
from pointguard_client import books_values
from pointguard_client.calls import Caller
from pointguard_client.decoding import decode_balance, decode_time
from pointguard_client.encoding import encode_time
from pointguard_client.errors import Failure, ServerFault, error_from_failure, failure_from_rpc_error
from pointguard_client.requests import Money
from pointguard_client.words import EntryType

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
