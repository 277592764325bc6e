"""ShadowService: a version of the earn rules evaluated on live traffic, never enforced."""

from google.protobuf.message import Message

from pointguard.v1 import shadow_pb2
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.rule_messages import change_message, key_digest_parts, rule_change, version_number
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.service.shadow import Findings, Shadow
from pointguard_server.service.shadows import Shadows

DIFFERENCES_DEFAULT, DIFFERENCES_MAX = 20, 100


class ShadowService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, shadows: Shadows) -> None:
        self._desk = desk
        self._shadows = shadows

    async def start_shadow(self, call: Call, request: shadow_pb2.StartShadowRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        version = version_number(decoder, request.version)
        change, key = self._change(call, decoder, request, version)
        shadow = await self._shadows.start(version, change, key)
        return shadow_pb2.StartShadowResponse(shadow=_shadow_message(shadow))

    async def stop_shadow(self, call: Call, request: shadow_pb2.StopShadowRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.shadow_id < 1:
            decoder.fault("shadow_id", "must be 1 or more")
        change, key = self._change(call, decoder, request, request.shadow_id)
        shadow = await self._shadows.stop(request.shadow_id, change, key)
        return shadow_pb2.StopShadowResponse(shadow=_shadow_message(shadow))

    @staticmethod
    def _change(
        call: Call,
        decoder: Decoder,
        request: shadow_pb2.StartShadowRequest | shadow_pb2.StopShadowRequest,
        number: int,
    ) -> tuple[RuleChange, RequestKey]:
        key = decoder.key(request.idempotency_key)
        change = rule_change(decoder, request.change, call.key_id)
        decoder.check()
        digest = call.tenant.digest(type(request).__name__.encode(), key_digest_parts(change, number), b"")
        return change, RequestKey(key, digest)

    async def get_shadow(self, call: Call, request: shadow_pb2.GetShadowRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.shadow_id < 0:
            decoder.fault("shadow_id", "must be 0 or more")
        if not 0 <= request.differences_max <= DIFFERENCES_MAX:
            decoder.fault("differences_max", f"must be from 0 to {DIFFERENCES_MAX}")
        decoder.check()
        shadow = await self._shadows.shadow(request.shadow_id)
        count = request.differences_max or DIFFERENCES_DEFAULT
        findings = await self._shadows.findings(shadow.shadow_id, count)
        return shadow_pb2.GetShadowResponse(shadow=_shadow_message(shadow), findings=_findings_message(findings))


def _shadow_message(shadow: Shadow) -> shadow_pb2.Shadow:
    message = shadow_pb2.Shadow(
        shadow_id=shadow.shadow_id,
        version=shadow.version,
        started_at=timestamp(shadow.started.at),
        started=change_message(shadow.started.change),
    )
    if shadow.stopped is not None:
        message.stopped_at.CopyFrom(timestamp(shadow.stopped.at))
        message.stopped.CopyFrom(change_message(shadow.stopped.change))
    return message


def _findings_message(findings: Findings) -> shadow_pb2.ShadowFindings:
    message = shadow_pb2.ShadowFindings(
        evaluated=findings.evaluated,
        declined=findings.declined,
        flips=findings.flips,
        failed=findings.failed,
        dropped=findings.dropped,
        points=findings.points,
        live_points=findings.live_points,
    )
    for rule, (points, live_points) in findings.rules.items():
        message.rules.add(rule=rule, points=points, live_points=live_points)
    for each in findings.differences:
        message.differences.add(
            transaction_id=uuid_text(each.transaction_id),
            accepted_at=timestamp(each.accepted_at),
            points=each.points,
            live_points=each.live_points,
        )
    if findings.seen_to:
        message.seen_to.CopyFrom(timestamp(findings.seen_to))
    return message
