"""The calls about shadows. Reached as `PointguardClient.shadows`.

    async with PointguardClient.connect() as client:
        findings = await client.shadows.get()

The API key must have the role of a manager; the sandbox's has. Errors, retries and deadlines are those of all calls.
"""

from datetime import UTC, datetime

import grpc
from google.protobuf.message import Message

from pointguard.v1 import shadow_pb2, shadow_pb2_grpc
from pointguard_client import shadow_values
from pointguard_client.calls import Caller
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.rule_client import ACTIVATION_TIMEOUT_SECONDS
from pointguard_client.rule_messages import decode_change, encode_change
from pointguard_client.rule_values import RuleChange


class ShadowClient:
    """The calls about the shadows of the API key's program.

    Methods that change something take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._shadows = shadow_pb2_grpc.ShadowServiceStub(channel)

    async def start(
        self,
        version: int,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float = ACTIVATION_TIMEOUT_SECONDS,
    ) -> shadow_values.Shadow:
        """Have a version evaluated on live traffic from now on."""
        message = shadow_pb2.StartShadowRequest(
            idempotency_key=idempotency_key or new_idempotency_key(), version=version, change=encode_change(change)
        )
        method = self._shadows.StartShadow
        answer = await self._caller.call("StartShadow", method, message, timeout_seconds, may_hedge=False)
        return _shadow(answer.shadow)

    async def stop(
        self,
        shadow_id: int,
        change: RuleChange,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> shadow_values.Shadow:
        """End the shadow that runs; what it found stays."""
        message = shadow_pb2.StopShadowRequest(
            idempotency_key=idempotency_key or new_idempotency_key(), shadow_id=shadow_id, change=encode_change(change)
        )
        method = self._shadows.StopShadow
        answer = await self._caller.call("StopShadow", method, message, timeout_seconds, may_hedge=False)
        return _shadow(answer.shadow)

    async def get(
        self, shadow_id: int = 0, *, differences_max: int = 0, timeout_seconds: float | None = None
    ) -> shadow_values.ShadowFindings:
        """Return a shadow (0: the newest) with what it found and up to 100 differences (0: 20)."""
        message = shadow_pb2.GetShadowRequest(shadow_id=shadow_id, differences_max=differences_max)
        method = self._shadows.GetShadow
        return _findings(await self._caller.call("GetShadow", method, message, timeout_seconds))


def _shadow(message: shadow_pb2.Shadow) -> shadow_values.Shadow:
    return shadow_values.Shadow(
        shadow_id=message.shadow_id,
        version=message.version,
        started_at=_time(message, "started_at"),
        started=decode_change(message.started),
        stopped_at=_time(message, "stopped_at"),
        stopped=decode_change(message.stopped) if message.HasField("stopped") else None,
    )


def _findings(message: shadow_pb2.GetShadowResponse) -> shadow_values.ShadowFindings:
    found = message.findings
    return shadow_values.ShadowFindings(
        shadow=_shadow(message.shadow),
        evaluated=found.evaluated,
        declined=found.declined,
        flips=found.flips,
        failed=found.failed,
        dropped=found.dropped,
        points=found.points,
        live_points=found.live_points,
        rules=tuple(shadow_values.ShadowRule(each.rule, each.points, each.live_points) for each in found.rules),
        differences=tuple(
            shadow_values.ShadowDifference(
                each.transaction_id, _time(each, "accepted_at"), each.points, each.live_points
            )
            for each in found.differences
        ),
        seen_to=_time(found, "seen_to"),
    )


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    moment: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return moment
