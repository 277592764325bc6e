"""The calls of terminals that may lose their line. Reached as `PointguardClient.offline`.

    async with PointguardClient.connect() as client:
        issued = await client.offline.issue_allowance(member, 500, origin=TILL, time_to_live=timedelta(hours=8))

What a terminal does with an allowance while there is no line is in `pointguard_client.offline`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import grpc

from pointguard.v1 import common_pb2, offline_pb2, offline_pb2_grpc, transaction_pb2
from pointguard_client import decoding, encoding
from pointguard_client.activity_client import encode_activity
from pointguard_client.activity_values import Activity
from pointguard_client.calls import Caller
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.offline_values import (
    Allowance,
    AllowanceKey,
    Discrepancies,
    Discrepancy,
    IssuedAllowance,
    Occurrence,
    OccurrenceRequest,
    OfflineRedemption,
    RefusedOccurrence,
    TakenOccurrence,
    Upload,
)
from pointguard_client.requests import Accrue, CaptureRedemption, Identifier, Origin, VoidRedemption
from pointguard_client.words import Decision, DiscrepancyKind, Factor

UPLOAD_MAX: Final = 1_000
"""So many occurrences go into one call."""


class OfflineClient:
    """Allowances, and uploads of what happened. All of it may be sent again at any time."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._stub = offline_pb2_grpc.OfflineServiceStub(channel)

    async def issue_allowance(
        self,
        member: Identifier,
        points: int,
        *,
        origin: Origin,
        time_to_live: timedelta,
        points_each_max: int = 0,
        allow_partial: bool = False,
        redemption_type: str = "",
        verified_by: tuple[Factor, ...] = (),
        language: str = "",
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> IssuedAllowance:
        """Have points signed out to the terminal that `origin` names, to be spent within `time_to_live`.

        `points_each_max` bounds each redemption by it, if it is not 0.
        """
        message = offline_pb2.IssueAllowanceRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            origin=encoding.encode_origin(origin),
            points=points,
            points_each_max=points_each_max,
            allow_partial=allow_partial,
            redemption_type=redemption_type,
            verified_by=[cast("common_pb2.Factor", int(each)) for each in verified_by],
            language=language,
        )
        message.time_to_live.FromTimedelta(time_to_live)
        answer = await self._caller.call("IssueAllowance", self._stub.IssueAllowance, message, timeout_seconds)
        return IssuedAllowance(
            answer.transaction_id,
            Decision(answer.decision),
            decoding.decode_reasons(answer.reasons),
            decode_allowance(answer.allowance) if answer.HasField("allowance") else None,
            answer.account_id,
            decoding.decode_balance(answer.balance),
        )

    async def keys(self, *, timeout_seconds: float | None = None) -> tuple[AllowanceKey, ...]:
        """Return the public keys by which allowances are verified, the newest first."""
        message = offline_pb2.ListAllowanceKeysRequest()
        answer = await self._caller.call("ListAllowanceKeys", self._stub.ListAllowanceKeys, message, timeout_seconds)
        return tuple(map(_key, answer.keys))

    async def rotate_key(
        self, note: str = "", *, idempotency_key: str = "", timeout_seconds: float | None = None
    ) -> AllowanceKey:
        """Have allowances signed by a new key from now on. Needs an API key with the role "manager"."""
        message = offline_pb2.RotateAllowanceKeyRequest(
            idempotency_key=idempotency_key or new_idempotency_key(), note=note
        )
        answer = await self._caller.call("RotateAllowanceKey", self._stub.RotateAllowanceKey, message, timeout_seconds)
        return _key(answer.key)

    async def upload(
        self,
        store_id: str,
        terminal_id: str,
        occurrences: Sequence[Occurrence],
        *,
        timeout_seconds: float | None = None,
    ) -> Upload:
        """Tell what happened at a terminal, up to 1,000 occurrences; each gets an answer of its own.

        None at all ask how far the terminal has come.
        """
        message = offline_pb2.UploadOccurrencesRequest(
            store_id=store_id, terminal_id=terminal_id, occurrences=map(encode_occurrence, occurrences)
        )
        return await self.send(message, timeout_seconds=timeout_seconds)

    async def send(
        self, message: offline_pb2.UploadOccurrencesRequest, *, timeout_seconds: float | None = None
    ) -> Upload:
        """Upload occurrences as a terminal has kept them."""
        answer = await self._caller.call(
            "UploadOccurrences", self._stub.UploadOccurrences, message, timeout_seconds, may_hedge=False
        )
        return Upload(tuple(map(_result, answer.results)), answer.last_sequence)

    async def discrepancies(
        self, store_id: str, terminal_id: str, *, timeout_seconds: float | None = None
    ) -> Discrepancies:
        """Return what does not fit together in what a terminal has uploaded."""
        message = offline_pb2.ListDiscrepanciesRequest(store_id=store_id, terminal_id=terminal_id)
        found: list[Discrepancy] = []
        while True:
            answer = await self._caller.call(
                "ListDiscrepancies", self._stub.ListDiscrepancies, message, timeout_seconds
            )
            found += map(_discrepancy, answer.discrepancies)
            if not answer.next_after_sequence:
                return Discrepancies(tuple(found), answer.last_sequence)
            message.after_sequence = answer.next_after_sequence


def encode_allowance(allowance: Allowance) -> offline_pb2.Allowance:
    """Return an allowance as a message."""
    return offline_pb2.Allowance(terms=allowance.terms, key_id=allowance.key_id, signature=allowance.signature)


def decode_allowance(message: offline_pb2.Allowance) -> Allowance:
    """Return an allowance that a message has."""
    return Allowance(message.terms, message.key_id, message.signature)


def encode_occurrence(occurrence: Occurrence) -> offline_pb2.Occurrence:
    """Return an occurrence as a message."""
    return offline_pb2.Occurrence(sequence=occurrence.sequence, **_request(occurrence.request))  # type: ignore[arg-type]


def _request(request: OccurrenceRequest) -> dict[str, object]:
    if isinstance(request, Activity):
        return {"activity": encode_activity(request)}
    if isinstance(request, OfflineRedemption):
        redemption = offline_pb2.OfflineRedemption(
            idempotency_key=request.idempotency_key or new_idempotency_key(),
            allowance=encode_allowance(request.allowance),
            points=request.points,
            origin=encoding.encode_origin(request.origin),
            order_reference=request.order_reference,
        )
        return {"redemption": redemption}
    if isinstance(request, Accrue):
        return {"accrue": encoding.encode_accrue(request)}
    if isinstance(request, CaptureRedemption):
        return {"capture_redemption": encoding.encode_capture(request)}
    if isinstance(request, VoidRedemption):
        return {"void_redemption": encoding.encode_void(request)}
    return {"return_transaction": encoding.encode_return(request)}


def _key(message: offline_pb2.AllowanceKey) -> AllowanceKey:
    return AllowanceKey(message.key_id, message.public_key, message.starts_at.ToDatetime(UTC))


def _result(message: offline_pb2.OccurrenceResult) -> TakenOccurrence | RefusedOccurrence:
    if message.HasField("error"):
        error: transaction_pb2.BatchError = message.error
        return RefusedOccurrence(message.sequence, decoding.decode_batch_error(error, "UploadOccurrences", ""))
    taken = message.taken
    return TakenOccurrence(
        message.sequence,
        taken.transaction_id,
        taken.account_id,
        Decision(taken.decision),
        decoding.decode_reasons(taken.reasons),
        taken.points,
        decoding.decode_balance(taken.balance),
    )


def _discrepancy(message: offline_pb2.Discrepancy) -> Discrepancy:
    def moment(field: str) -> datetime | None:
        at: datetime = getattr(message, field).ToDatetime(UTC)
        return at if message.HasField(field) else None

    return Discrepancy(
        DiscrepancyKind(message.kind),
        message.first_sequence,
        message.last_sequence,
        message.transaction_id,
        message.points,
        message.overspent_points,
        moment("occurred_at"),
        moment("happened_at"),
        moment("received_at"),
    )
