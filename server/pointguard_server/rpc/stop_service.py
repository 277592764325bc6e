"""The RPCs of AdviceService about stops of redemptions."""

import time

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2
from pointguard_server.domain.codes import UNTIL_RESOLVED, CodeKind, Reason
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import intervention_message, said_with_key
from pointguard_server.rpc.rule_messages import moment, page
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.directive import Stop
from pointguard_server.service.stops import Stops

_UNTIL_RELEASED = UNTIL_RESOLVED


class StopService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, stops: Stops) -> None:
        self._desk, self._stops = desk, stops

    async def stop_redemptions(self, call: Call, request: advice_pb2.StopRedemptionsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        unit, store, terminal = self._subject(call, decoder, request)
        ends_at = moment(decoder, request.ends_at, "ends_at") if request.HasField("ends_at") else _UNTIL_RELEASED
        said, key = said_with_key(call, decoder, request)
        decoder.check()
        made = await self._stops.add(Stop(0, unit, store, terminal, 0, ends_at, said), key)
        return advice_pb2.StopRedemptionsResponse(stop=await self._message(made))

    def _subject(
        self, call: Call, decoder: Decoder, request: advice_pb2.StopRedemptionsRequest
    ) -> tuple[int, int, int]:
        """Return the unit, store and terminal to stop. All must be known: a misspelled one would stop nothing."""
        unit = store = terminal = 0
        match request.WhichOneof("subject"):
            case None:
                decoder.fault("subject", "must be set")
            case "program":
                if not request.program:
                    decoder.fault("program", "must be true, or another subject be set")
            case "business_unit_id":
                unit = self._known(decoder, CodeKind.BUSINESS_UNIT, request.business_unit_id, "business_unit_id")
            case "store_id":
                store = self._store(call, decoder, request.store_id, "store_id")
            case "terminal":
                store = self._store(call, decoder, request.terminal.store_id, "terminal.store_id")
                if store:
                    named = request.terminal.terminal_id
                    terminal = self._known(decoder, CodeKind.TERMINAL, named, "terminal.terminal_id")
        return unit, store, terminal

    def _known(self, decoder: Decoder, kind: CodeKind, text: str, field: str) -> int:
        number = self._stops.known_code(kind, text)
        if not number:
            decoder.fault(field, "must have been named by a transaction or a store before")
        return number

    def _store(self, call: Call, decoder: Decoder, code: str, field: str) -> int:
        store = self._desk.directory.store(call.tenant.tenant_id, code)
        if store is None:
            decoder.fault(field, "is not a store of this tenant")
        return 0 if store is None else store.store_id

    async def release_redemptions(self, call: Call, request: advice_pb2.ReleaseRedemptionsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if request.stop_id < 1:
            decoder.fault("stop_id", "must be 1 or more")
        said, key = said_with_key(call, decoder, request)
        decoder.check()
        released = await self._stops.end(request.stop_id, said, key)
        return advice_pb2.ReleaseRedemptionsResponse(stop=await self._message(released))

    async def list_redemption_stops(self, call: Call, request: advice_pb2.ListRedemptionStopsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        below, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        now = 0 if request.include_ended else time.time_ns() // 1000
        found = await self._stops.listed(below, size + 1, now)
        return advice_pb2.ListRedemptionStopsResponse(
            stops=[await self._message(each) for each in found[:size]],
            next_page_token=str(found[size - 1].number) if len(found) > size else "",
        )

    async def _message(self, found: Stop) -> advice_pb2.RedemptionStop:
        message = advice_pb2.RedemptionStop(
            stop_id=found.number, starts_at=timestamp(found.starts_at), stopped=intervention_message(found.added)
        )
        text = self._desk.reader.text
        match found.reason:
            case Reason.TERMINAL_STOPPED:
                message.terminal.store_id = await text(found.store_id)
                message.terminal.terminal_id = await text(found.terminal_id)
            case Reason.STORE_STOPPED:
                message.store_id = await text(found.store_id)
            case Reason.BUSINESS_UNIT_STOPPED:
                message.business_unit_id = await text(found.business_unit_id)
            case _:
                message.program = True
        if found.ends_at < _UNTIL_RELEASED:
            message.ends_at.CopyFrom(timestamp(found.ends_at))
        if found.ended is not None:
            message.released_at.CopyFrom(timestamp(found.ended_at))
            message.released.CopyFrom(intervention_message(found.ended))
        return message
