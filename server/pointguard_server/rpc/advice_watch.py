"""WatchAdvice: the feed of advice as a stream. Part of AdviceService."""

from collections.abc import AsyncGenerator

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, common_pb2
from pointguard_server.domain.codes import STRENGTH, AccountFlag, Posture
from pointguard_server.domain.interventions import decode_intervention
from pointguard_server.domain.record import decode_record
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import advice_message, timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import intervention_message
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.ports import Notice

_CONTEXTS, _POSTURES = frozenset(common_pb2.AdviceContext.values()), frozenset(common_pb2.AdvicePosture.values())


class AdviceWatch:
    """The RPC, of a ``Call`` and a request."""

    def __init__(self, desk: Desk, feed: AdviceFeed) -> None:
        self._desk, self._feed = desk, feed

    async def watch_advice(self, call: Call, request: advice_pb2.WatchAdviceRequest) -> AsyncGenerator[Message]:
        """See the contract."""
        position = self._begin(self._desk.decoder(call), request, await self._feed.ledger_end())
        end = await self._feed.present()
        yield advice_pb2.WatchAdviceResponse(position=position)
        while request.follow or position < end:
            await self._feed.beyond(position)
            told = position
            for notice in await self._feed.page(position):
                position = notice.position
                message = self._message(notice, request)
                if message is not None:
                    told = position
                    yield advice_pb2.WatchAdviceResponse(position=position, notice=message)
            if told < position:
                # Whoever goes on from here need not have it all looked at again.
                yield advice_pb2.WatchAdviceResponse(position=position)

    def _begin(self, decoder: Decoder, request: advice_pb2.WatchAdviceRequest, ledger_end: int) -> int:
        """Return the position after which the stream begins."""
        position = request.after_position if request.HasField("after_position") else ledger_end
        if not 0 <= position <= ledger_end:
            decoder.fault("after_position", "must be a position of this ledger, or 0")
        if request.context not in _CONTEXTS:
            decoder.fault("context", "is not a known context")
        if request.posture_min not in _POSTURES:
            decoder.fault("posture_min", "is not a known posture")
        decoder.check()
        return position

    def _message(self, notice: Notice, request: advice_pb2.WatchAdviceRequest) -> advice_pb2.AdviceNotice | None:
        """Return a notice with the steps that pass the filters; None if it is of no interest."""
        least = STRENGTH.index(Posture(request.posture_min)) if request.posture_min else 0
        steps = [
            common_pb2.AdviceChange(
                event=event,  # type: ignore[arg-type]
                advice=advice_message(advice, self._desk.directory.text),
            )
            for event, advice in notice.steps
            if request.context in (0, advice.context) and STRENGTH.index(Posture(advice.posture)) >= least
        ]
        if not steps and (request.context or request.posture_min):
            return None
        message = advice_pb2.AdviceNotice(
            transaction_id=uuid_text(notice.transaction_id),
            account_id=notice.account_id,
            seq=notice.seq,
            happened_at=timestamp(notice.happened_at),
            steps=steps,
            redemption_locked=bool(notice.account_flags & AccountFlag.REDEMPTION_LOCKED),
            suspended=bool(notice.account_flags & AccountFlag.SUSPENDED),
        )
        if notice.record is not None:
            said = decode_intervention(decode_record(notice.record).basket)
            message.intervention.CopyFrom(intervention_message(said))
        return message
