"""TransactionService: the money path."""

from collections.abc import Callable, Sequence

from google.protobuf.message import Message

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.codes import CodeKind, Kind, Operation, Outcome
from pointguard_server.domain.errors import InvalidRequest, NotFound, PointguardError, Violation
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.engine import Engine
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import Encoder, batch_error
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.history import transaction_message
from pointguard_server.rpc.status import refusal
from pointguard_server.service.ports import Directory, Reader
from pointguard_server.service.tenants import Vocabulary

BATCH_ITEMS_MAX = 10_000


class Desk:
    """What every service shares: decoding with learning, submitting, encoding."""

    def __init__(self, engine: Engine, directory: Directory, vocabulary: Vocabulary, reader: Reader) -> None:
        self.engine = engine
        self.directory = directory
        self.vocabulary = vocabulary
        self.reader = reader

    async def decode(self, call: Call, decode: Callable[[Decoder], Ask]) -> Ask:
        """Return the ask, every code in it numbered.

        Raises:
            InvalidRequest: naming every faulty field.
        """
        decoder = Decoder(call.tenant, self.directory, self.vocabulary)
        ask = decode(decoder)
        decoder.check()
        if decoder.unknown_codes:
            await self.learn(call, decoder.unknown_codes)
            ask = decode(Decoder(call.tenant, self.directory, self.vocabulary))
        return ask

    async def learn(self, call: Call, codes: Sequence[tuple[CodeKind, str]]) -> None:
        """Have codes numbered."""
        await self.vocabulary.learn(call.tenant.tenant_id, codes)

    async def submit(self, call: Call, ask: Ask) -> Verdict:
        """Have an ask decided.

        Raises:
            PointguardError: if it was refused.
        """
        verdict = (await self.engine.submit((ask,), call.deadline))[0]
        if verdict.outcome > 0:
            raise refusal(verdict.outcome)
        return verdict

    def encoder(self, call: Call) -> Encoder:
        """Return an encoder for the caller's program."""
        return Encoder(call.tenant.currency, self.directory.text)


class TransactionService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def quote_redemption(self, call: Call, request: transaction_pb2.QuoteRedemptionRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            ask = decoder.read(Operation.QUOTE, request.member, int(Kind.ADHOC_REDEEM))
            ask.store_province_id = decoder.where(request.origin)[-1].province_id
            decoder.code(CodeKind.REDEMPTION_TYPE, request.redemption_type, "redemption_type")
            return ask

        ask = await self._desk.decode(call, decode)
        return self._desk.encoder(call).quote(await self._desk.submit(call, ask))

    async def authorise_redemption(self, call: Call, request: transaction_pb2.AuthoriseRedemptionRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.authorise(request))
        return self._desk.encoder(call).authorise(await self._desk.submit(call, ask))

    async def capture_redemption(self, call: Call, request: transaction_pb2.CaptureRedemptionRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.end(Operation.CAPTURE, request, request.points))
        return self._desk.encoder(call).capture(await self._desk.submit(call, ask))

    async def void_redemption(self, call: Call, request: transaction_pb2.VoidRedemptionRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.end(Operation.VOID, request))
        return self._desk.encoder(call).void(await self._desk.submit(call, ask))

    async def accrue(self, call: Call, request: transaction_pb2.AccrueRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.accrue(request))
        return self._desk.encoder(call).accrue(await self._desk.submit(call, ask))

    async def get_balance(self, call: Call, request: transaction_pb2.GetBalanceRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.read(Operation.BALANCE, request.member))
        verdict = await self._desk.submit(call, ask)
        return transaction_pb2.GetBalanceResponse(
            account_id=verdict.account_id,
            balance=Encoder.balance(verdict),
            seq=verdict.seq,
            redemption_locked=bool(verdict.account_flags & 1),
        )

    async def get_transaction(self, call: Call, request: transaction_pb2.GetTransactionRequest) -> Message:
        """See the contract."""
        decoder = Decoder(call.tenant, self._desk.directory, self._desk.vocabulary)
        transaction_id = decoder.transaction_id(request.transaction_id, "transaction_id")
        decoder.check()
        found = await self._desk.reader.record(call.tenant.tenant_id, transaction_id)
        if found is None:
            raise NotFound
        transaction = await transaction_message(self._desk.reader, call.tenant.tenant_id, *found)
        return transaction_pb2.GetTransactionResponse(transaction=transaction)

    async def process_batch(self, call: Call, request: transaction_pb2.ProcessBatchRequest) -> Message:
        """See the contract."""
        count = len(request.items)
        if not 1 <= count <= BATCH_ITEMS_MAX:
            raise InvalidRequest(Violation("items", f"must be 1 to {BATCH_ITEMS_MAX}"))
        asks, errors = await self._decode_items(call, request)
        verdicts = await self._desk.engine.submit(asks, call.deadline) if asks else []
        encoder = self._desk.encoder(call)
        response = transaction_pb2.ProcessBatchResponse()
        decided = iter(zip(asks, verdicts, strict=True))
        results = []
        for index in range(count):
            if index in errors:
                results.append(batch_error(errors[index]))
                continue
            ask, verdict = next(decided)
            if verdict.outcome > Outcome.DONE:
                results.append(batch_error(refusal(verdict.outcome)))
            else:
                results.append(encoder.result(ask.fields[0], verdict))
        response.results.extend(results)
        return response

    async def _decode_items(
        self, call: Call, request: transaction_pb2.ProcessBatchRequest
    ) -> tuple[list[Ask], dict[int, PointguardError]]:
        """Return the asks of the items that are valid, in order, and what is wrong with the others."""
        desk = self._desk
        while True:
            decoder = Decoder(call.tenant, desk.directory, desk.vocabulary)
            asks: list[Ask] = []
            errors: dict[int, PointguardError] = {}
            for index, item in enumerate(request.items):
                try:
                    ask = decoder.item(item)
                    decoder.check()
                except InvalidRequest as error:
                    errors[index] = error
                else:
                    asks.append(ask)
            if not decoder.unknown_codes:
                return asks, errors
            await desk.learn(call, decoder.unknown_codes)
