"""The RPCs of AdviceService about exemptions: what fraud rules let pass."""

import time
from dataclasses import replace

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2
from pointguard_server.domain.codes import CodeKind, Context, ExemptEntity, Operation
from pointguard_server.domain.interventions import Intervention
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import intervention_message, said_by
from pointguard_server.rpc.rule_messages import moment, page
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.exemption import Exemption
from pointguard_server.service.exemptions import Exemptions
from pointguard_server.service.rule_versions import RequestKey

_CONTEXTS = frozenset((0, Context.REDEMPTION, Context.EARNING, Context.TRANSFER))
"""What agents do is never exempted."""
_TEXTS = {
    "group": (ExemptEntity.GROUP, CodeKind.GROUP_SET),
    "cashier_id": (ExemptEntity.CASHIER, CodeKind.CASHIER),
    "redemption_type": (ExemptEntity.REDEMPTION_TYPE, CodeKind.REDEMPTION_TYPE),
}
_FIELDS = {
    ExemptEntity.GROUP: "group",
    ExemptEntity.STORE: "store_id",
    ExemptEntity.CASHIER: "cashier_id",
    ExemptEntity.REDEMPTION_TYPE: "redemption_type",
}
Changing = advice_pb2.AddExemptionRequest | advice_pb2.EndExemptionRequest


class ExemptionService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, exemptions: Exemptions) -> None:
        self._desk, self._exemptions = desk, exemptions

    async def add_exemption(self, call: Call, request: advice_pb2.AddExemptionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        wanted = self._wanted(call, decoder, request)
        said, key = _said(call, decoder, request)
        named = decoder.read(Operation.BALANCE, request.member) if request.HasField("member") else None
        decoder.check()
        if decoder.unknown_codes:
            await self._desk.learn(call, decoder.unknown_codes)
            wanted = self._wanted(call, self._desk.decoder(call), request)
        made = await self._exemptions.known(key)
        if made is None:
            if named is not None:
                wanted = replace(wanted, subject_id=(await self._desk.submit(call, named)).account_id)
            made = await self._exemptions.add(replace(wanted, added=said), key)
        return advice_pb2.AddExemptionResponse(exemption=await self._message(made))

    def _wanted(self, call: Call, decoder: Decoder, request: advice_pb2.AddExemptionRequest) -> Exemption:
        """Return what is asked for; of a member, the account is still to be found."""
        which = request.WhichOneof("subject")
        entity, subject_id = ExemptEntity.ACCOUNT, 0
        if which is None:
            decoder.fault("subject", "must be set")
        elif which == "store_id":
            entity = ExemptEntity.STORE
            store = self._desk.directory.store(call.tenant.tenant_id, request.store_id)
            if store is None:
                decoder.fault("store_id", "is not a store of this tenant")
            else:
                subject_id = store.store_id
        elif which != "member":
            entity, kind = _TEXTS[which]
            if not getattr(request, which):
                decoder.fault(which, "must not be empty")
            subject_id = decoder.code(kind, getattr(request, which), which)
        if int(request.context) not in _CONTEXTS:
            decoder.fault("context", "must be a context that can be exempted")
        rule_id = 0
        if request.rule:
            rule_id = self._exemptions.rule(request.rule)
            if not rule_id:
                decoder.fault("rule", "is not a fraud rule or control of the program")
        if not request.HasField("ends_at"):
            decoder.fault("ends_at", "must be given")
        ends_at = moment(decoder, request.ends_at, "ends_at") if request.HasField("ends_at") else 0
        return Exemption(0, entity, subject_id, int(request.context), rule_id, 0, ends_at, Intervention("", 0))

    async def end_exemption(self, call: Call, request: advice_pb2.EndExemptionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.exemption_id < 1:
            decoder.fault("exemption_id", "must be 1 or more")
        said, key = _said(call, decoder, request)
        decoder.check()
        ended = await self._exemptions.end(request.exemption_id, said, key)
        return advice_pb2.EndExemptionResponse(exemption=await self._message(ended))

    async def list_exemptions(self, call: Call, request: advice_pb2.ListExemptionsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        now = 0 if request.include_ended else time.time_ns() // 1000
        found = await self._exemptions.listed(below, size + 1, now)
        return advice_pb2.ListExemptionsResponse(
            exemptions=[await self._message(each) for each in found[:size]],
            next_page_token=str(found[size - 1].number) if len(found) > size else "",
        )

    async def _message(self, found: Exemption) -> advice_pb2.Exemption:
        message = advice_pb2.Exemption(
            exemption_id=found.number,
            context=found.context,  # type: ignore[arg-type]
            rule=await self._desk.reader.text(found.rule_id),
            starts_at=timestamp(found.starts_at),
            ends_at=timestamp(found.ends_at),
            added=intervention_message(found.added),
        )
        if found.entity is ExemptEntity.ACCOUNT:
            message.account_id = found.subject_id
        else:
            setattr(message, _FIELDS[found.entity], await self._desk.reader.text(found.subject_id))
        if found.ended is not None:
            message.ended_at.CopyFrom(timestamp(found.ended_at))
            message.ended.CopyFrom(intervention_message(found.ended))
        return message


def _said(call: Call, decoder: Decoder, request: Changing) -> tuple[Intervention, RequestKey]:
    """Return who does it and why, and what stands under the request's key."""
    said = said_by(decoder, request.intervention, call.key_id)
    name = type(request).__name__.encode()
    request.DiscardUnknownFields()
    request.intervention.session_id = ""  # a retry may come from another one
    digest = call.tenant.digest(name, request.SerializeToString(deterministic=True), b"")
    return said, RequestKey(decoder.key(request.idempotency_key), digest)
