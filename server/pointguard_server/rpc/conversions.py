"""ConvertPoints: points become something else. Part of TransactionService.

In the ledger it is an authorise in one step, of kind CONVERSION: whatever counts, limits or stops redemptions does so
for it, too. The code of the conversion is its redemption type, and its record keeps what the points became.
"""

from google.protobuf.message import Message

from pointguard.v1 import transaction_pb2
from pointguard_server.domain.codes import CODE_BYTES_MAX, CodeKind, Decision, Kind, Operation, RequestFlag
from pointguard_server.domain.conversions import Conversion, decode_conversion
from pointguard_server.domain.errors import InvalidRequest, Violation
from pointguard_server.domain.record import decode_record, encode_body
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.decode import POINTS_MAX, Decoder
from pointguard_server.rpc.encode import conversion_message
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.transaction_service import Desk

_NOTHING = Conversion("", 0, "")


class Conversions:
    """The RPC, of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def convert_points(self, call: Call, request: transaction_pb2.ConvertPointsRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        if not request.conversion or len(request.conversion.encode()) > CODE_BYTES_MAX:
            decoder.fault("conversion", f"must have 1 to {CODE_BYTES_MAX} bytes")
        if not 1 <= request.points <= POINTS_MAX:
            decoder.fault("points", f"must be from 1 to {POINTS_MAX}")
        key = decoder.key(request.idempotency_key)
        decoder.check()
        # Before a code gets a number, and again after, by what the program converts then.
        await self._check(call, request, key)
        ask = await self._desk.decode(call, lambda decoder: _ask(decoder, request))
        await self._check(call, request, key)
        # From here on until it is queued nothing may be awaited: it would be made by what decides no more.
        made = _NOTHING
        if _problem(call, request) is None:
            made = call.tenant.conversions[request.conversion].of(request.points)
        ask.body = encode_body(request.order_reference, made.encode())
        verdict = await self._desk.submit(call, ask)
        if verdict.replayed and verdict.decision == Decision.APPROVED:
            made = await self._made(call, verdict)
        response = transaction_pb2.ConvertPointsResponse()
        self._desk.encoder(call.tenant).fill_several(response, verdict, request.language)
        if verdict.decision == Decision.APPROVED:
            response.conversion.CopyFrom(conversion_message(made))
        return response

    async def _check(self, call: Call, request: transaction_pb2.ConvertPointsRequest, key: bytes) -> None:
        """Refuse what the program does not convert; but a retry has the first answer, whatever it converts by now."""
        problem = _problem(call, request)
        if problem is not None and not await self._desk.reader.has_key(call.tenant.tenant_id, key):
            raise InvalidRequest(problem)

    async def _made(self, call: Call, verdict: Verdict) -> Conversion:
        """Return what was made of points, by the ledger."""
        records = await self._desk.reader.records(call.tenant.tenant_id, verdict.transaction_id)
        return decode_conversion(decode_record(records[0][0]).basket)


def _problem(call: Call, request: transaction_pb2.ConvertPointsRequest) -> Violation | None:
    """Return why the program does not convert so many points into this."""
    config = call.tenant.conversions.get(request.conversion)
    if config is None:
        return Violation("conversion", "is not one of the program's conversions")
    if not config.takes(request.points):
        limits = f"from {config.points_min} to {config.points_max}"
        return Violation("points", f"must be a multiple of {config.points} {limits}")
    return None


def _ask(decoder: Decoder, request: transaction_pb2.ConvertPointsRequest) -> Ask:
    """Return the ask. What the points become is no part of the request: a retry asks for the same by another rate."""
    store_id, terminal, cashier, channel, occurred_at, store = decoder.where(request.origin)
    member = decoder.member(request.member)
    fields = RequestFields(
        operation=int(Operation.AUTHORISE),
        kind=int(Kind.CONVERSION),
        account_id=member[0],
        points=request.points,
        flags=int(RequestFlag.CAPTURE) | decoder.verified_by(request.verified_by),
        store_id=store_id,
        terminal_id=terminal,
        cashier_id=cashier,
        channel=channel,
        redemption_type_id=decoder.code(CodeKind.REDEMPTION_TYPE, request.conversion, "conversion"),
        occurred_at=occurred_at,
    )
    reference = decoder.text(request.order_reference, "order_reference")
    ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, store, reference=reference)
    ask.language = decoder.language(request.language)
    return ask
