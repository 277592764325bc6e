"""ActivityService: what members did in other systems, one by one, in batches and on streams."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import structlog
from google.protobuf.message import Message

from pointguard.v1 import activity_pb2
from pointguard_server.domain.calendar import stretches_of
from pointguard_server.domain.codes import PARTS_SHIFT, CodeKind, Kind, Operation, Part
from pointguard_server.domain.errors import InvalidRequest, PointguardError, Violation
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.decode import POINTS_MAX, Decoder
from pointguard_server.rpc.encode import Encoder, fill_error
from pointguard_server.rpc.guard import Call, Guard, refuse
from pointguard_server.rpc.lanes import BATCH_ITEMS_MAX, Answer
from pointguard_server.rpc.link import Frame
from pointguard_server.rpc.parsing import packed_numbers, parse
from pointguard_server.rpc.status import Fault, code_of, refusal
from pointguard_server.rpc.streams import ITEMS_MAX
from pointguard_server.rpc.transaction_service import AT_ONCE, Desk
from pointguard_server.service.metrics import CallTally

STREAM = "StreamActivities"
FAULTS_MAX = 100
MESSAGE_S = 30.0
"""A message of a stream may wait for so long before it is refused: what has happened already is in no hurry."""
_KINDS = frozenset(Kind) - {Kind.INTERVENTION}
_PARTS = frozenset(Part)
_USUAL_PARTS = {
    Kind.PURCHASE: 1 << Part.BASE,
    Kind.ACTIVITY: 1 << Part.BASE,
    Kind.ADHOC_REDEEM: 1 << Part.REDEEM,
    Kind.DISCRETIONARY: 1 << Part.DISCRETIONARY,
}
"""The parts of an activity that names none: those that a transaction of its kind would have here."""

log = structlog.get_logger(__name__)


class ActivityService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def record_activity(self, call: Call, request: activity_pb2.RecordActivityRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: activity_ask(decoder, request))
        response = activity_pb2.RecordActivityResponse()
        _fill(response, self._desk.encoder(call.tenant), await self._desk.submit(call, ask))
        return response

    async def record_activities(self, call: Call, request: activity_pb2.RecordActivitiesRequest) -> Message:
        """See the contract."""
        _check_count(request.activities, BATCH_ITEMS_MAX)
        response = activity_pb2.RecordActivitiesResponse()
        encoder = self._desk.encoder(call.tenant)
        for outcome in await self.decide(call, request.activities):
            result = response.results.add()
            if isinstance(outcome, PointguardError):
                fill_error(result.error, outcome)
            else:
                _fill(result.recorded, encoder, outcome)
        return response

    async def decide(
        self, call: Call, activities: Sequence[activity_pb2.RecordActivityRequest]
    ) -> list[Verdict | PointguardError]:
        """Have activities recorded, in order; return what became of each.

        Raises:
            PointguardError: if none could be.
        """
        asks, unknown = await self._decode(call, activities)
        if unknown:
            await self._desk.learn(call, unknown)
            asks, _ = await self._decode(call, activities)
        sound = [ask for ask in asks if isinstance(ask, Ask)]
        verdicts = iter(await self._desk.engine.submit(sound, call.deadline) if sound else ())
        return [_outcome(next(verdicts)) if isinstance(ask, Ask) else ask for ask in asks]

    async def _decode(
        self, call: Call, activities: Sequence[activity_pb2.RecordActivityRequest]
    ) -> tuple[list[Ask | PointguardError], list[tuple[CodeKind, str]]]:
        """Return the ask of each activity, or what is wrong with it, and the codes that have no number yet."""
        asks: list[Ask | PointguardError] = []
        unknown: list[tuple[CodeKind, str]] = []
        for number, activity in enumerate(activities, 1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            decoder = self._desk.decoder(call)
            ask = activity_ask(decoder, activity)
            try:
                decoder.check()
            except InvalidRequest as error:
                asks.append(error)
            else:
                asks.append(ask)
                unknown += decoder.unknown_codes
        return asks, unknown


def activity_ask(decoder: Decoder, request: activity_pb2.RecordActivityRequest) -> Ask:
    """Return the ask of a RecordActivity; its line says where the calendar was."""
    kind, parts = _kind(decoder, request), 0
    for index, part in enumerate(request.parts):
        if int(part) not in _PARTS or parts >> part & 1:
            decoder.fault(f"parts[{index}]", "must be a known part, named once")
        else:
            parts |= 1 << part
    if not 0 <= request.points <= POINTS_MAX:
        decoder.fault("points", f"must be from 0 to {POINTS_MAX}")
    names_money = request.HasField("money")
    money = decoder.money(request.money, "money", 0) if names_money else 0
    store_id, terminal_id, cashier_id, channel, occurred_at, store = decoder.where(request.origin)
    if not request.origin.HasField("occurred_at"):
        decoder.fault("origin.occurred_at", "must be given")
    member = decoder.member(request.member)
    fields = RequestFields(
        operation=int(Operation.RECORD_ACTIVITY),
        kind=int(kind),
        account_id=member[0],
        points=request.points if 0 <= request.points <= POINTS_MAX else 0,
        money=money,
        flags=(parts or _USUAL_PARTS.get(kind, 0)) << PARTS_SHIFT,
        store_id=store_id,
        terminal_id=terminal_id,
        cashier_id=cashier_id,
        channel=channel,
        redemption_type_id=decoder.code(CodeKind.REDEMPTION_TYPE, request.redemption_type, "redemption_type"),
        occurred_at=occurred_at,
    )
    reference = decoder.text(request.order_reference, "order_reference")
    ask = decoder.ask(decoder.key(request.event_id, "event_id"), fields, member, store, reference=reference)
    if names_money:
        ask.currency = decoder.tenant.currency_number
    ask.lines, ask.line_count = packed_numbers(stretches_of(occurred_at, decoder.tenant.zone)), 1
    return ask


def _kind(decoder: Decoder, request: activity_pb2.RecordActivityRequest) -> Kind:
    if int(request.kind) in _KINDS:
        return Kind(request.kind)
    decoder.fault("kind", "must be a known kind, and not INTERVENTION")
    return Kind.ACTIVITY


def _check_count(activities: Sequence[object], most: int) -> None:
    if not 1 <= len(activities) <= most:
        raise InvalidRequest(Violation("activities", f"must be 1 to {most}"))


def _outcome(verdict: Verdict) -> Verdict | PointguardError:
    return refusal(verdict.outcome) if verdict.outcome > 0 else verdict


def _fill(response: activity_pb2.RecordActivityResponse, encoder: Encoder, verdict: Verdict) -> None:
    response.transaction_id = uuid_text(verdict.transaction_id)
    response.account_id = verdict.account_id
    response.seq = verdict.seq
    response.reasons.extend(encoder.reasons(verdict.reasons))
    response.advice.extend(encoder.advice(verdict.advice))


class ActivityStreams:
    """All open streams of activities. Each message is answered with what became of its stream up to then."""

    def __init__(self, service: ActivityService, guard: Guard, tally: CallTally, answer: Answer) -> None:
        self.service, self.guard, self.tally, self.answer = service, guard, tally, answer
        self._open: dict[int, _Stream] = {}

    def take(self, frame: Frame) -> None:
        """Take a message; the first of a stream opens it."""
        stream = self._open.get(frame.call)
        if stream is None:
            stream = self._open[frame.call] = _Stream(frame.call, self)
        stream.take(frame)

    def close(self, call: int) -> None:
        """Forget a stream that is over; what it has in the queue is recorded all the same."""
        stream = self._open.pop(call, None)
        if stream is not None:
            stream.close()


class _Stream:
    """One stream: a message is looked at when the one before is on disk."""

    def __init__(self, call: int, streams: ActivityStreams) -> None:
        self._call, self._streams = call, streams
        self._waiting: deque[Frame] = deque()
        self._recording: asyncio.Task[None] | None = None
        self._so_far = activity_pb2.StreamActivitiesResponse()
        self._refused = False

    def take(self, frame: Frame) -> None:
        """Have a message recorded after those before it; after an error, nothing."""
        if self._refused:
            return
        self._waiting.append(frame)
        if self._recording is None:
            self._recording = asyncio.get_running_loop().create_task(self._record())

    def close(self) -> None:
        """Take nothing more."""
        if self._recording is not None:
            self._recording.cancel()
        self._waiting.clear()

    async def _record(self) -> None:
        try:
            while self._waiting:
                started = time.monotonic()
                await self._record_one(self._waiting.popleft(), started)
                self._streams.tally.observe("OK", time.monotonic() - started)
                self._streams.answer(self._call, self._so_far.SerializeToString())
                log.debug("call", rpc=STREAM, code="OK")
        except PointguardError as error:
            self._refuse(error)
        except Exception as defect:  # noqa: BLE001  (the outermost: nothing unknown may pass)
            self._refuse(Fault.of(defect))
        finally:
            self._recording = None

    async def _record_one(self, frame: Frame, started: float) -> None:
        call = await self._streams.guard.caller(frame.text, started + MESSAGE_S)
        request = activity_pb2.StreamActivitiesRequest()
        parse(request, frame.data)
        _check_count(request.activities, ITEMS_MAX)
        so_far = self._so_far
        for activity, outcome in zip(
            request.activities, await self._streams.service.decide(call, request.activities), strict=True
        ):
            if isinstance(outcome, PointguardError):
                so_far.refused += 1
                if len(so_far.faults) < FAULTS_MAX:
                    fault = so_far.faults.add(place=so_far.received, event_id=activity.event_id)
                    fill_error(fault.error, outcome)
            else:
                so_far.recorded += 1
                so_far.replayed += outcome.replayed
            so_far.received += 1

    def _refuse(self, error: PointguardError) -> None:
        """End the stream by an error; what was answered before it is recorded."""
        self._streams.tally.observe(code_of(error).name, 0.0)
        self._refused = True
        self._waiting.clear()
        self._streams.answer(self._call, refuse(STREAM, error))
