"""AdviceService: what stands against an account."""

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, common_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.engine.ask import Ask
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.transaction_service import Desk

CONTEXTS = frozenset(common_pb2.AdviceContext.values())


class AdviceService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def check_advice(self, call: Call, request: advice_pb2.CheckAdviceRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            if request.context not in CONTEXTS:
                decoder.fault("context", "is not a known context")
            return decoder.read(Operation.CHECK, request.member, request.context)

        ask = await self._desk.decode(call, decode)
        return self._desk.encoder(call.tenant).check(await self._desk.submit(call, ask))
