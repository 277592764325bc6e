"""Interventions: who of the staff does something about an account, and why. For the services that have such calls."""

from dataclasses import replace

from google.protobuf.duration_pb2 import Duration

from pointguard.v1 import advice_pb2, common_pb2
from pointguard_server.domain.codes import (
    CASES,
    CaseOutcome,
    CodeKind,
    Context,
    InterventionReason,
    Kind,
    Operation,
    Posture,
)
from pointguard_server.domain.interventions import Intervention
from pointguard_server.domain.record import encode_body
from pointguard_server.engine.ask import Ask, Member
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.decode import AUTHOR_BYTES_MAX, NOTE_BYTES_MAX, Decoder
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.parsing import packed_numbers
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.service.rule_versions import RequestKey

DURATION_MIN_S, DURATION_MAX_S = 1, 3_650 * 86_400
_REASONS, _CONTEXTS, _POSTURES = frozenset(InterventionReason), frozenset(Context), frozenset(Posture) - CASES
_BEARING: dict[int, tuple[int, ...]] = {
    Posture.STEP_UP: (Context.REDEMPTION, Context.TRANSFER),
    Posture.LOCK: (Context.REDEMPTION,),
}
"""The contexts of which postures stop something, where it is not every one."""
_OUTCOMES = frozenset(CaseOutcome)
Changing = (
    advice_pb2.AddExemptionRequest
    | advice_pb2.EndExemptionRequest
    | advice_pb2.StopRedemptionsRequest
    | advice_pb2.ReleaseRedemptionsRequest
)


def said_by(decoder: Decoder, message: common_pb2.Intervention, key_id: str) -> Intervention:
    """Return who intervenes and why."""
    if not message.author:
        decoder.fault("intervention.author", f"must have 1 to {AUTHOR_BYTES_MAX} bytes")
    author = decoder.text(message.author, "intervention.author", AUTHOR_BYTES_MAX)
    reason = int(message.reason)
    if reason not in _REASONS:
        decoder.fault("intervention.reason", "must be one of the contract's reasons")
    note = decoder.text(message.note, "intervention.note", NOTE_BYTES_MAX)
    if reason == InterventionReason.OTHER and not message.note:
        decoder.fault("intervention.note", "must say what the reason is, if it is OTHER")
    if message.api_key_id:
        decoder.fault("intervention.api_key_id", "must be empty: the server knows it")
    session = decoder.text(message.session_id, "intervention.session_id")
    return Intervention(author, reason, note, key_id, session=session)


def said_with_key(call: Call, decoder: Decoder, request: Changing) -> tuple[Intervention, RequestKey]:
    """Return who puts a directive in force or ends it and why, and what stands under the request's key."""
    said = said_by(decoder, request.intervention, call.key_id)
    name = type(request).__name__.encode()
    request.DiscardUnknownFields()
    request.intervention.session_id = ""  # a retry may come from another one
    digest = call.tenant.digest(name, request.SerializeToString(deterministic=True), b"")
    return said, RequestKey(decoder.key(request.idempotency_key), digest)


def with_terms(decoder: Decoder, said: Intervention, request: advice_pb2.RaiseAdviceRequest) -> Intervention:
    """Return the intervention with the terms of the advice that it raises."""
    if int(request.context) not in _CONTEXTS:
        decoder.fault("context", "must be a known context")
    if int(request.posture) not in _POSTURES:
        decoder.fault("posture", "must be a known posture, and not a case's")
    elif int(request.context) not in _BEARING.get(int(request.posture), (int(request.context),)):
        decoder.fault("posture", "stops nothing of this context")
    duration = ends_at = 0
    which = request.WhichOneof("end")
    if which == "duration":
        duration = _duration(decoder, request.duration)
    elif which == "ends_at":
        ends_at = moment(decoder, request.ends_at, "ends_at")
    else:
        decoder.fault("end", "must be a duration or ends_at")
    return replace(said, context=request.context, posture=request.posture, duration=duration, ends_at=ends_at)


def _duration(decoder: Decoder, message: Duration) -> int:
    """Return a duration in microseconds."""
    value: int = message.seconds * 1_000_000 + message.nanos // 1000
    is_sound = abs(message.seconds) <= DURATION_MAX_S and 0 <= message.nanos < 1_000_000_000
    if not is_sound or not DURATION_MIN_S * 1_000_000 <= value <= DURATION_MAX_S * 1_000_000:
        decoder.fault("duration", f"must be from {DURATION_MIN_S} s to {DURATION_MAX_S} s")
        return 0
    return value


def intervention_ask(
    decoder: Decoder, key: str, operation: Operation, said: Intervention, member: Member = (0, None),
    *, advice_id: bytes = bytes(16), flags: int = 0, actor: int = 0, private: bytes = b"",
) -> Ask:  # fmt: skip
    """Return the ask of an intervention. Another API key or session that makes it again makes no other request."""
    fields = RequestFields(
        operation=int(operation),
        kind=int(Kind.INTERVENTION),
        account_id=member[0],
        flags=flags,
        reservation_high=int.from_bytes(advice_id[:8], "little", signed=True),
        reservation_low=int.from_bytes(advice_id[8:], "little", signed=True),
    )
    nowhere = decoder.where(common_pb2.Origin())[-1]
    ask = decoder.ask(decoder.key(key), fields, member, nowhere, basket=said.said, private=private)
    ask.body = encode_body("", said.encode())
    reason = said.outcome or said.reason
    ask.lines = packed_numbers((said.context, said.posture, said.duration, said.ends_at, reason, actor))
    ask.line_count = 1
    ask.agent_id = decoder.agent(said.author, "intervention.author")
    return ask


def resolution_ask(decoder: Decoder, request: advice_pb2.ResolveCaseRequest, key_id: str) -> Ask:
    """Return the ask of a ResolveCase."""
    if int(request.outcome) not in _OUTCOMES:
        decoder.fault("outcome", "must be a known outcome")
    said = replace(said_by(decoder, request.intervention, key_id), outcome=int(request.outcome))
    author = decoder.agent(said.author, "intervention.author")
    actor = author << 32 | decoder.code(CodeKind.API_KEY, key_id, "intervention.api_key_id", AUTHOR_BYTES_MAX)
    case_id = decoder.transaction_id(request.case_id, "case_id")
    return intervention_ask(
        decoder, request.idempotency_key, Operation.RESOLVE_CASE, said, advice_id=case_id, actor=actor
    )


def intervention_message(said: Intervention) -> common_pb2.Intervention:
    """Return who intervened and why."""
    return common_pb2.Intervention(
        author=said.author,
        reason=said.reason,  # type: ignore[arg-type]
        note=said.note,
        api_key_id=said.key_id,
        session_id=said.session,
    )
