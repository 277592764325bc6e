"""The calls of a platform that has pointguard look for fraud. Reached as `PointguardClient.activity`.

    async with PointguardClient.connect() as client:
        await client.activity.stream(activities)

Each activity has a name of its own, so all of it may be sent again at any time. Errors, retries and deadlines are those
of all calls, but a stream is not tried again.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Final, cast

import grpc

from pointguard.v1 import activity_pb2, activity_pb2_grpc, common_pb2, transaction_pb2
from pointguard_client.activity_values import (
    Activity,
    ActivityFault,
    ActivityResult,
    RecordedActivity,
    StreamedActivities,
)
from pointguard_client.calls import Caller
from pointguard_client.decoding import decode_activity, decode_batch_error
from pointguard_client.encoding import encode_identifier, encode_money, encode_origin
from pointguard_client.errors import error_from_failure, failure_from_rpc_error

MESSAGE_ACTIVITIES_MAX: Final = 1_000


class ActivityClient:
    """The calls that tell what members did elsewhere. Windows count it when it happened; nothing declines it."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._stub = activity_pb2_grpc.ActivityServiceStub(channel)

    async def record(self, activity: Activity, *, timeout_seconds: float | None = None) -> RecordedActivity:
        """Record one activity."""
        message = encode_activity(activity)
        answer = await self._caller.call("RecordActivity", self._stub.RecordActivity, message, timeout_seconds)
        return decode_activity(answer)

    async def record_all(
        self, activities: Sequence[Activity], *, timeout_seconds: float | None = None
    ) -> tuple[ActivityResult, ...]:
        """Record up to 10,000 activities; return one answer for each, in their order.

        An activity that was refused gives its CallError as a value.
        """
        message = activity_pb2.RecordActivitiesRequest(activities=map(encode_activity, activities))
        answer = await self._caller.call(
            "RecordActivities", self._stub.RecordActivities, message, timeout_seconds, may_hedge=False
        )
        return tuple(
            decode_activity(result.recorded)
            if result.HasField("recorded")
            else decode_batch_error(result.error, "RecordActivities", activity.event_id)
            for activity, result in zip(activities, answer.results, strict=True)
        )

    async def stream(
        self, activities: Iterable[Activity] | AsyncIterable[Activity], *, timeout_seconds: float | None = None
    ) -> StreamedActivities:
        """Record activities as they come, as fast as the server takes them; return what became of them all.

        There is no deadline unless one is given. When the call fails, some have been recorded: send all of them again.
        """
        call = self._stub.StreamActivities(
            _messages(activities), timeout=timeout_seconds, metadata=self._caller.metadata
        )
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            raise error_from_failure(failure_from_rpc_error(error), "StreamActivities") from None
        faults = (
            ActivityFault(
                fault.place, fault.event_id, decode_batch_error(fault.error, "StreamActivities", fault.event_id)
            )
            for fault in answer.faults
        )
        return StreamedActivities(answer.received, answer.recorded, answer.replayed, answer.refused, tuple(faults))


async def _messages(
    activities: Iterable[Activity] | AsyncIterable[Activity],
) -> AsyncIterator[activity_pb2.StreamActivitiesRequest]:
    message = activity_pb2.StreamActivitiesRequest()
    async for activity in _one_by_one(activities):
        message.activities.append(encode_activity(activity))
        if len(message.activities) == MESSAGE_ACTIVITIES_MAX:
            yield message
            message = activity_pb2.StreamActivitiesRequest()
    if message.activities:
        yield message


async def _one_by_one(activities: Iterable[Activity] | AsyncIterable[Activity]) -> AsyncIterator[Activity]:
    if isinstance(activities, AsyncIterable):
        async for activity in activities:
            yield activity
    else:
        for activity in activities:
            yield activity


def encode_activity(activity: Activity) -> activity_pb2.RecordActivityRequest:
    """Return an activity as a message."""
    message = activity_pb2.RecordActivityRequest(
        event_id=activity.event_id,
        member=encode_identifier(activity.member),
        origin=encode_origin(replace(activity.origin, occurred_at=activity.occurred_at)),
        kind=cast("common_pb2.TransactionKind", int(activity.kind)),
        parts=[cast("transaction_pb2.TransactionPart", int(part)) for part in activity.parts],
        points=activity.points,
        redemption_type=activity.redemption_type,
        order_reference=activity.order_reference,
    )
    if activity.money is not None:
        message.money.CopyFrom(encode_money(activity.money))
    return message
