"""OfflineService: allowances that are signed out to terminals, and uploads of what happened there."""

import asyncio
import time
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message

from pointguard.v1 import common_pb2, offline_pb2, transaction_pb2
from pointguard_server.domain.calendar import stretches_of
from pointguard_server.domain.codes import CodeKind, Decision, RequestFlag
from pointguard_server.domain.errors import InvalidRequest, PointguardError, Violation
from pointguard_server.domain.offline import Discrepancy, Occurrence, Terms, when
from pointguard_server.domain.record import encode_body
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.activity_service import activity_ask
from pointguard_server.rpc.decode import NOTE_BYTES_MAX, OCCURRED_MAX, OCCURRED_MIN, POINTS_MAX, Decoder
from pointguard_server.rpc.encode import Encoder, fill_balance, fill_error, fill_timestamp, timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.parsing import packed_numbers
from pointguard_server.rpc.status import refusal
from pointguard_server.rpc.transaction_service import AT_ONCE, Desk
from pointguard_server.service.allowance_keys import AllowanceKeys, Rotation, SigningKey
from pointguard_server.service.occurrences import Occurrences, redemption_claim
from pointguard_server.service.rule_versions import RequestKey
from pointguard_server.service.tenants import Tenant

OCCURRENCES_MAX = 1_000
SEQUENCE_MAX = 2**53
"""What every language's numbers hold exactly."""
_FIELDS = Struct(f"<{len(RequestFields._fields)}q")
_NUMBER = Struct("<q").pack
_ITEMS = {
    "accrue": "accrue",
    "capture_redemption": "capture_redemption",
    "void_redemption": "void_redemption",
    "return_transaction": "return_transaction",
}
"""What happens at terminals just as on calls, by its field of a ``BatchItem``."""


class _Place(NamedTuple):
    """A terminal that uploads: its codes, and their numbers."""

    store: str
    terminal: str
    store_id: int
    terminal_id: int


class _Read(NamedTuple):
    """An occurrence that was read: its ask, and what is kept of it."""

    ask: Ask
    occurrence: Occurrence


class OfflineService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk, keys: AllowanceKeys, occurrences: Occurrences) -> None:
        self._desk, self._keys, self._occurrences = desk, keys, occurrences

    # ------------------------------------------------------------------------------------------------------ allowances

    async def issue_allowance(self, call: Call, request: offline_pb2.IssueAllowanceRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: _issue_ask(decoder, request))
        verdict = await self._desk.submit(call, ask)
        encoder = self._desk.encoder(call.tenant)
        response = offline_pb2.IssueAllowanceResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            decision=verdict.decision,  # type: ignore[arg-type]
            account_id=verdict.account_id,
        )
        encoder.fill_reasons(response.reasons, verdict, request.language)
        fill_balance(response.balance, verdict)
        if verdict.decision == Decision.APPROVED:
            issued_at = int.from_bytes(verdict.transaction_id[:6], "big") * 1_000
            terms = _terms(call.tenant, encoder, request, verdict, issued_at)
            signed = terms.SerializeToString(deterministic=True)
            # Of its last millisecond a key may sign what the next one's first should have: both are valid.
            key_id, signature = await self._keys.sign(signed, issued_at)
            response.allowance.terms, response.allowance.key_id = signed, key_id
            response.allowance.signature = signature
        return response

    async def list_allowance_keys(self, call: Call, request: offline_pb2.ListAllowanceKeysRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        wanted = decoder.text(request.key_id, "key_id")
        decoder.check()
        keys = (key for key in await self._keys.all() if wanted in ("", key.key_id))
        return offline_pb2.ListAllowanceKeysResponse(keys=map(_key_message, keys))

    async def rotate_allowance_key(self, call: Call, request: offline_pb2.RotateAllowanceKeyRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        note = decoder.text(request.note, "note", NOTE_BYTES_MAX)
        digest = call.tenant.digest(b"RotateAllowanceKey", b"", note.encode())
        why = Rotation(RequestKey(decoder.key(request.idempotency_key), digest), note, call.key_id)
        decoder.check()
        return offline_pb2.RotateAllowanceKeyResponse(key=_key_message(await self._keys.rotate(why)))

    # --------------------------------------------------------------------------------------------------------- uploads

    async def upload_occurrences(self, call: Call, request: offline_pb2.UploadOccurrencesRequest) -> Message:
        """See the contract."""
        place = await self._place(call, request.store_id, request.terminal_id, learns=True)
        if len(request.occurrences) > OCCURRENCES_MAX:
            raise InvalidRequest(Violation("occurrences", f"must be at most {OCCURRENCES_MAX}"))
        read, unknown = await self._read(call, place, request.occurrences)
        if unknown:
            await self._desk.learn(call, unknown)
            read, _ = await self._read(call, place, request.occurrences)
        sound = [each for each in read if isinstance(each, _Read)]
        asks = [each.ask for each in sound]
        verdicts = iter(await self._desk.engine.submit(asks, call.deadline) if asks else ())
        # Before anything is answered: a terminal forgets what it has an answer to.
        last = await self._occurrences.keep(place[2:], [each.occurrence for each in sound])
        response = offline_pb2.UploadOccurrencesResponse(last_sequence=last)
        encoder = self._desk.encoder(call.tenant)
        for occurrence, each in zip(request.occurrences, read, strict=True):
            outcome = _outcome(next(verdicts)) if isinstance(each, _Read) else each
            _fill(response.results.add(sequence=occurrence.sequence), encoder, outcome)
        return response

    async def list_discrepancies(self, call: Call, request: offline_pb2.ListDiscrepanciesRequest) -> Message:
        """See the contract."""
        place = await self._place(call, request.store_id, request.terminal_id, learns=False)
        if not 0 <= request.after_sequence <= SEQUENCE_MAX:
            raise InvalidRequest(Violation("after_sequence", f"must be from 0 to {SEQUENCE_MAX}"))
        if not place.terminal_id:
            return offline_pb2.ListDiscrepanciesResponse()
        found, last, go_on = await self._occurrences.discrepancies(place[2:], request.after_sequence)
        return offline_pb2.ListDiscrepanciesResponse(
            discrepancies=map(_discrepancy_message, found), last_sequence=last, next_after_sequence=go_on
        )

    async def _place(self, call: Call, store: str, terminal: str, *, learns: bool) -> _Place:
        """Return a terminal that is named; one that nobody knows has the number 0, unless it is learned.

        Raises:
            InvalidRequest: if it is not named whole, or its store is none of the tenant's.
        """
        decoder = self._desk.decoder(call)
        for field, text in (("store_id", store), ("terminal_id", terminal)):
            if not text:
                decoder.fault(field, "must be given")
        found = self._desk.directory.store(call.tenant.tenant_id, store)
        if found is None and store:
            decoder.fault("store_id", "is not a store of this tenant")
        number = decoder.code(CodeKind.TERMINAL, terminal, "terminal_id")
        decoder.check()
        if decoder.unknown_codes and learns:
            await self._desk.learn(call, decoder.unknown_codes)
            number = decoder.code(CodeKind.TERMINAL, terminal, "terminal_id")
        return _Place(store, terminal, found.store_id if found else 0, number)

    async def _read(
        self, call: Call, place: _Place, occurrences: Sequence[offline_pb2.Occurrence]
    ) -> tuple[list[_Read | PointguardError], list[tuple[CodeKind, str]]]:
        """Return what each occurrence asks, or what is wrong with it, and the codes that have no number yet."""
        read: list[_Read | PointguardError] = []
        unknown: list[tuple[CodeKind, str]] = []
        for number, occurrence in enumerate(occurrences, 1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            decoder = self._desk.decoder(call)
            try:
                found = await self._read_one(decoder, place, occurrence)
                decoder.check()
            except InvalidRequest as error:
                read.append(error)
            else:
                read.append(found)
                unknown += decoder.unknown_codes
        return read, unknown

    async def _read_one(self, decoder: Decoder, place: _Place, occurrence: offline_pb2.Occurrence) -> _Read:
        """Read an occurrence.

        Raises:
            InvalidRequest: if it says nothing.
        """
        if not 1 <= occurrence.sequence <= SEQUENCE_MAX:
            decoder.fault("sequence", f"must be from 1 to {SEQUENCE_MAX}")
        which = occurrence.WhichOneof("request")
        if which is None:
            raise InvalidRequest(Violation("request", "must be set"))
        request = getattr(occurrence, which)
        _check_origin(decoder, request.origin, place)
        terms, points = None, 0
        if which == "activity":
            ask = activity_ask(decoder, request)
        elif which == "redemption":
            terms, points = await self._verified(decoder, request), request.points
            ask = _redemption_ask(decoder, request, terms)
        else:
            ask = decoder.item(transaction_pb2.BatchItem(**{_ITEMS[which]: request}))
        kept = Occurrence(
            place.store_id,
            place.terminal_id,
            occurrence.sequence,
            ask.key,
            ask.digest,
            _fields(ask).occurred_at,
            terms,
            points,
        )
        if terms is not None:
            ask.claim = redemption_claim(decoder.tenant.tenant_id, kept)
            _count_when_possible(ask, kept, decoder.tenant)
        return _Read(ask, kept)

    async def _verified(self, decoder: Decoder, request: offline_pb2.OfflineRedemption) -> Terms:
        """Return what the ledger must heed of an allowance that this server has signed for the terminal.

        Raises:
            InvalidRequest: if it has not, or the redemption is more than it says.
        """
        key = await self._keys.find(request.allowance.key_id)
        if key is None or not key.verifies(request.allowance.terms, request.allowance.signature):
            raise InvalidRequest(Violation("allowance", "must be one that this server has signed"))
        terms = offline_pb2.AllowanceTerms()
        try:
            terms.ParseFromString(request.allowance.terms)
        except DecodeError:  # nobody signs that
            raise InvalidRequest(Violation("allowance.terms", "must be well-formed")) from None
        if (terms.store_id, terms.terminal_id) != (request.origin.store_id, request.origin.terminal_id):
            decoder.fault("allowance", "must be one of this terminal")
        most = terms.points_each_max or terms.points
        if not 1 <= request.points <= most:
            decoder.fault("points", f"must be from 1 to {most}")
        return Terms(
            decoder.transaction_id(terms.allowance_id, "allowance"),
            terms.account_id,
            terms.points,
            terms.issued_at.ToMicroseconds(),
            terms.expires_at.ToMicroseconds(),
        )


def _issue_ask(decoder: Decoder, request: offline_pb2.IssueAllowanceRequest) -> Ask:
    """Return the ask of an IssueAllowance: an authorise whose reservation outlives the allowance by the grace."""
    for field in ("store_id", "terminal_id"):
        if not getattr(request.origin, field):
            decoder.fault(f"origin.{field}", "must be given")
    if not 0 <= request.points_each_max <= POINTS_MAX:
        decoder.fault("points_each_max", f"must be from 0 to {POINTS_MAX}")
    if not request.HasField("time_to_live"):
        decoder.fault("time_to_live", "must be given")
    ask = decoder.authorise(
        transaction_pb2.AuthoriseRedemptionRequest(
            idempotency_key=request.idempotency_key,
            member=request.member,
            origin=request.origin,
            points=request.points,
            time_to_live=request.time_to_live,
            redemption_type=request.redemption_type,
            allow_partial=request.allow_partial,
            verified_by=request.verified_by,
            language=request.language,
        )
    )
    # What the caller asks for is what the key stands for, whatever the program's grace is when it is asked again.
    ask.digest = decoder.tenant.digest(ask.digest, b"allowance", _NUMBER(request.points_each_max))
    fields = _fields(ask)
    grace, most = decoder.tenant.offline_grace, decoder.tenant.reservation_ttl_max
    if fields.time_to_live + grace > most:
        decoder.fault("time_to_live", f"must be at most {max(most - grace, 0) // 1_000_000} s")
    ask.fields = fields._replace(time_to_live=fields.time_to_live + grace).pack()
    return ask


def _terms(
    tenant: Tenant, encoder: Encoder, request: offline_pb2.IssueAllowanceRequest, verdict: Verdict, issued_at: int
) -> offline_pb2.AllowanceTerms:
    rate_points, rate_money = tenant.rate
    return offline_pb2.AllowanceTerms(
        allowance_id=uuid_text(verdict.transaction_id),
        account_id=verdict.account_id,
        store_id=request.origin.store_id,
        terminal_id=request.origin.terminal_id,
        points=verdict.points,
        points_each_max=request.points_each_max,
        rate_points=rate_points,
        rate_money=encoder.money(rate_money),
        issued_at=timestamp(issued_at),
        expires_at=timestamp(issued_at + request.time_to_live.ToMicroseconds()),
        settle_by=timestamp(verdict.expires_at),
        redemption_type=request.redemption_type,
    )


def _fields(ask: Ask) -> RequestFields:
    return RequestFields(*_FIELDS.unpack(ask.fields))


def _redemption_ask(decoder: Decoder, request: offline_pb2.OfflineRedemption, terms: Terms) -> Ask:
    """Return the ask of an offline redemption: a capture that is taken also when its reservation has ended."""
    capture = transaction_pb2.CaptureRedemptionRequest(
        idempotency_key=request.idempotency_key,
        reservation_id=uuid_text(terms.allowance_id),
        points=request.points,
        origin=request.origin,
        keep_open=True,  # what is left waits for the next one
    )
    ask = decoder.item(transaction_pb2.BatchItem(capture_redemption=capture))
    reference = decoder.text(request.order_reference, "order_reference")
    ask.digest = decoder.tenant.digest(ask.digest, b"offline redemption", reference.encode())
    fields = _fields(ask)
    ask.fields = fields._replace(flags=fields.flags | RequestFlag.OFFLINE).pack()
    ask.body = encode_body(reference, b"")
    return ask


def _count_when_possible(ask: Ask, occurrence: Occurrence, tenant: Tenant) -> None:
    """Have the ledger and its windows take a redemption for one of the nearest moment that is possible."""
    happened_at, _ = when(occurrence, time.time_ns() // 1_000)
    ask.fields = _fields(ask)._replace(occurred_at=happened_at).pack()
    ask.lines, ask.line_count = packed_numbers(stretches_of(happened_at, tenant.zone)), 1


def _check_origin(decoder: Decoder, origin: common_pb2.Origin, place: _Place) -> None:
    """Note what is wrong with where and when something happened.

    A clock that was set back by a flat battery loses nothing: the moment becomes the nearest that there is.
    """
    for field, code in (("store_id", place.store), ("terminal_id", place.terminal)):
        if getattr(origin, field) != code:
            decoder.fault(f"origin.{field}", "must be the uploading terminal's")
    if not origin.HasField("occurred_at"):
        decoder.fault("origin.occurred_at", "must be given")
    elif origin.occurred_at.seconds < OCCURRED_MIN:
        origin.occurred_at.FromSeconds(OCCURRED_MIN)
    elif origin.occurred_at.seconds >= OCCURRED_MAX:
        origin.occurred_at.FromSeconds(OCCURRED_MAX - 1)


def _outcome(verdict: Verdict) -> Verdict | PointguardError:
    return refusal(verdict.outcome) if verdict.outcome > 0 else verdict


def _fill(result: offline_pb2.OccurrenceResult, encoder: Encoder, outcome: Verdict | PointguardError) -> None:
    if isinstance(outcome, PointguardError):
        fill_error(result.error, outcome)
        return
    taken = result.taken
    taken.transaction_id = uuid_text(outcome.transaction_id)
    taken.account_id = outcome.account_id
    taken.decision = outcome.decision  # type: ignore[assignment]
    taken.points = outcome.points
    encoder.fill_reasons(taken.reasons, outcome, "")
    fill_balance(taken.balance, outcome)


def _key_message(key: SigningKey) -> offline_pb2.AllowanceKey:
    return offline_pb2.AllowanceKey(key_id=key.key_id, public_key=key.public, starts_at=timestamp(key.starts_at))


def _discrepancy_message(found: Discrepancy) -> offline_pb2.Discrepancy:
    message = offline_pb2.Discrepancy(
        kind=int(found.kind),  # type: ignore[arg-type]
        first_sequence=found.first,
        last_sequence=found.last,
    )
    about = found.about
    if about is not None:
        message.transaction_id = uuid_text(about.transaction_id) if about.transaction_id else ""
        message.points = about.points
        message.overspent_points = about.overspent or 0
        fill_timestamp(message.occurred_at, about.occurred_at)
        fill_timestamp(message.happened_at, about.happened_at)
        fill_timestamp(message.received_at, about.received_at)
    return message
