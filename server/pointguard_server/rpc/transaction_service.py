"""TransactionService: the money path."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from google.protobuf.message import Message

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.domain.codes import AccountFlag, CodeKind, Operation
from pointguard_server.domain.errors import InvalidRequest, NotFound
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.engine import Engine
from pointguard_server.rpc.decode import Decoder, Places
from pointguard_server.rpc.encode import Encoder, balance, fill_timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.history import transaction_message
from pointguard_server.rpc.parsing import parse
from pointguard_server.rpc.rule_messages import moment
from pointguard_server.rpc.status import refusal
from pointguard_server.service.books import BalanceThen, Books
from pointguard_server.service.ports import Directory, Reader
from pointguard_server.service.tenants import Tenant, Vocabulary

AT_ONCE = 64  # items: a few milliseconds of the loop, then other calls have their turn


class Desk:
    """What every service shares: decoding with learning, submitting, encoding."""

    def __init__(self, engine: Engine, directory: Directory, vocabulary: Vocabulary, reader: Reader) -> None:
        self.engine = engine
        self.directory = directory
        self.vocabulary = vocabulary
        self.reader = reader
        self._places: Places = {}

    def decoder(self, call: Call) -> Decoder:
        """Return a decoder for one call."""
        return Decoder(call.tenant, self.directory, self.vocabulary, self._places)

    def forget_places(self) -> None:
        """Look stores up again: they may have changed."""
        self._places.clear()

    async def decode(self, call: Call, decode: Callable[[Decoder], Ask]) -> Ask:
        """Return the ask, every code in it numbered.

        Raises:
            InvalidRequest: naming every faulty field.
        """
        decoder = self.decoder(call)
        ask = decode(decoder)
        decoder.check()
        # A read writes nothing: to it, a code that nobody has used yet is no code.
        if decoder.unknown_codes and ask.key:
            await self.learn(call, decoder.unknown_codes)
            ask = decode(self.decoder(call))
        return ask

    async def learn(self, call: Call, codes: Sequence[tuple[CodeKind, str]]) -> None:
        """Have codes numbered."""
        await self.vocabulary.learn(call.tenant.tenant_id, codes)

    async def learn_items(self, call: Call, data: bytes) -> None:
        """Have the codes of a message of items numbered.

        Raises:
            InvalidRequest: if the message is malformed.
        """
        request = transaction_pb2.ProcessBatchRequest()
        parse(request, data)
        codes: list[tuple[CodeKind, str]] = []
        for number, item in enumerate(request.items):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            decoder = self.decoder(call)
            with suppress(InvalidRequest):  # it will be told so when it is read
                decoder.item(item)
                decoder.check()
                codes += decoder.unknown_codes
        if codes:
            await self.learn(call, codes)

    async def submit(self, call: Call, ask: Ask) -> Verdict:
        """Have an ask decided.

        Raises:
            PointguardError: if it was refused.
        """
        verdict = (await self.engine.submit((ask,), call.deadline))[0]
        if verdict.outcome > 0:
            raise refusal(verdict.outcome)
        return verdict

    def encoder(self, tenant: Tenant) -> Encoder:
        """Return an encoder for a tenant's program."""
        return Encoder(tenant.currency, self.directory.text, tenant.messages)


class TransactionService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self._desk, self._books = desk, books

    async def quote_redemption(self, call: Call, request: transaction_pb2.QuoteRedemptionRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.quote(request))
        return self._desk.encoder(call.tenant).quote(await self._desk.submit(call, ask), request.language)

    async def return_transaction(self, call: Call, request: transaction_pb2.ReturnTransactionRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.return_transaction(request))
        response = transaction_pb2.ReturnTransactionResponse()
        self._desk.encoder(call.tenant).fill_return(response, await self._desk.submit(call, ask))
        return response

    async def transfer_points(self, call: Call, request: transaction_pb2.TransferPointsRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.transfer(request))
        response = transaction_pb2.TransferPointsResponse()
        verdict = await self._desk.submit(call, ask)
        self._desk.encoder(call.tenant).fill_several(response, verdict, request.language)
        return response

    async def redeem_household(self, call: Call, request: transaction_pb2.RedeemHouseholdRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.redeem_household(request))
        response = transaction_pb2.RedeemHouseholdResponse()
        verdict = await self._desk.submit(call, ask)
        self._desk.encoder(call.tenant).fill_several(response, verdict, request.language)
        return response

    async def extend_reservation(self, call: Call, request: transaction_pb2.ExtendReservationRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.extend(request))
        response = transaction_pb2.ExtendReservationResponse()
        self._desk.encoder(call.tenant).fill_extension(response, await self._desk.submit(call, ask))
        return response

    async def adjust_points(self, call: Call, request: transaction_pb2.AdjustPointsRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.adjust(request, call.key_id))
        return self._desk.encoder(call.tenant).adjustment(await self._desk.submit(call, ask))

    async def get_balance(self, call: Call, request: transaction_pb2.GetBalanceRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        as_of = moment(decoder, request.as_of, "as_of") if request.HasField("as_of") else None
        ask = decoder.read(Operation.BALANCE, request.member)
        decoder.check()
        verdict = await self._desk.submit(call, ask)
        if as_of is not None:
            return _balance_then(*await self._books.balance(call.tenant.tenant_id, verdict.account_id, as_of))
        response = transaction_pb2.GetBalanceResponse(
            account_id=verdict.account_id,
            balance=balance(verdict),
            seq=verdict.seq,
            redemption_locked=bool(verdict.account_flags & AccountFlag.REDEMPTION_LOCKED),
            suspended=bool(verdict.account_flags & AccountFlag.SUSPENDED),
        )
        if verdict.expiring_at:
            response.next_expiry.points = verdict.expiring_points
            fill_timestamp(response.next_expiry.expires_at, verdict.expiring_at)
        return response

    async def get_transaction(self, call: Call, request: transaction_pb2.GetTransactionRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        transaction_id = decoder.transaction_id(request.transaction_id, "transaction_id")
        decoder.check()
        found = await self._desk.reader.records(call.tenant.tenant_id, transaction_id)
        if not found:
            raise NotFound
        legs = [await transaction_message(self._desk.reader, call.tenant.tenant_id, *each) for each in found]
        return transaction_pb2.GetTransactionResponse(transaction=legs[0], other_legs=legs[1:])


def _balance_then(then: BalanceThen, position: int) -> Message:
    """Return an account's balance as of an earlier moment, and up to where the ledger was read."""
    response = transaction_pb2.GetBalanceResponse(
        account_id=then.account_id,
        balance=common_pb2.Balance(
            posted=then.posted,
            reserved=then.reserved,
            pending=then.pending,
            available=then.posted - then.pending - then.reserved,
        ),
        seq=then.seq,
        redemption_locked=bool(then.account_flags & AccountFlag.REDEMPTION_LOCKED),
        suspended=bool(then.account_flags & AccountFlag.SUSPENDED),
        position=position,
    )
    points, expires_at = then.next_expiry
    if points:
        response.next_expiry.points = points
        fill_timestamp(response.next_expiry.expires_at, expires_at)
    return response
