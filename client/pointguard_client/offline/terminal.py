"""What a terminal does without a line: approves by allowances, keeps what happened, and uploads it afterwards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Final, Self

from pointguard.v1 import common_pb2, offline_pb2
from pointguard_client.activity_values import Activity
from pointguard_client.encoding import encode_identifier
from pointguard_client.errors import Cancelled, DeadlineExceeded, Overloaded, Unavailable
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.offline.allowances import KeptAllowance, NotCovered, Refusal, verified
from pointguard_client.offline.queue import RecordFile
from pointguard_client.offline_client import (
    UPLOAD_MAX,
    OfflineClient,
    decode_allowance,
    encode_allowance,
    encode_occurrence,
)
from pointguard_client.offline_values import (
    Allowance,
    AllowanceKey,
    Occurrence,
    OccurrenceRequest,
    OfflineRedemption,
    RefusedOccurrence,
    TakenOccurrence,
)
from pointguard_client.requests import Identifier, Money, Origin, VoidRedemption
from pointguard_client.words import Channel, IdentifierKind

COMPACT_FROM_BYTES: Final = 1 << 20
"""A queue of this size is written anew when it is opened, without what is over."""
_KEYS, _ALLOWANCE, _OCCURRENCE, _ANSWERED, _GO_ON, _SPENT = range(1, 7)
_SIZE: Final = Struct("<I")
_NUMBER: Final = Struct("<q")
_GO_ON_BODY: Final = Struct("<qq")
_SPENT_BODY: Final = Struct("<q?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Approval:
    """A redemption that was approved without a line, and is on disk: the receipt may be printed."""

    sequence: int
    idempotency_key: str
    allowance_id: str
    points: int
    money: Money
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What became of what was uploaded; somebody must look at what was `refused`, which waits no more.

    What the server could not take now was `put_off`, and goes on waiting.
    """

    taken: tuple[TakenOccurrence, ...]
    refused: tuple[RefusedOccurrence, ...]
    put_off: tuple[RefusedOccurrence, ...] = ()


def _now() -> datetime:
    return datetime.now(UTC)


class OfflineTerminal:
    """A terminal with its queue on disk. One thread may use it, one process at a time.

    `clock` gives the terminal's time, which never runs backwards here: an allowance that has expired stays so.
    """

    def __init__(self, file: RecordFile, store_id: str, terminal_id: str, clock: Callable[[], datetime]) -> None:
        """Use `open`."""
        self._file, self._clock = file, clock
        self.store_id, self.terminal_id = store_id, terminal_id
        self._trusted: dict[str, bytes] = {}
        self._allowances: dict[str, KeptAllowance] = {}
        self._waiting: dict[int, bytes] = {}
        self._last_sequence = 0
        self._latest = _EPOCH

    @classmethod
    def open(
        cls, path: Path, key: bytes, *, store_id: str, terminal_id: str, clock: Callable[[], datetime] = _now
    ) -> Self:
        """Open a terminal's queue, or make it; `key` has 32 bytes, and belongs into the till's key store.

        Raises:
            ValueError: the key has not 32 bytes.
            QueueDamaged, QueueInUse: see there.
            OSError: the file cannot be read or made.
        """
        file = RecordFile.open(path, key)
        terminal = cls(file, store_id, terminal_id, clock)
        for record in file.records:
            terminal._take(record)
        file.records.clear()
        if file.size >= COMPACT_FROM_BYTES:
            terminal.compact()
        return terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the queue; it is whole at any time."""
        self._file.close()

    # ------------------------------------------------------------------------------------------------------ allowances

    def trust(self, keys: Iterable[AllowanceKey]) -> None:
        """Verify allowances by these keys, too: as the line has them, never as an allowance brings them."""
        message = offline_pb2.ListAllowanceKeysResponse()
        for key in keys:
            message.keys.add(key_id=key.key_id, public_key=key.public_key)
        self._keep(_KEYS, message.SerializeToString())

    def keep(self, allowance: Allowance, member: Identifier) -> KeptAllowance:
        """Keep an allowance of a member, once however often it is given.

        Raises:
            AllowanceInvalid: if no trusted key has signed it for this terminal.
        """
        found = verified(allowance, member, self._trusted, self.store_id, self.terminal_id)
        if found.allowance_id not in self._allowances:
            self._keep(_ALLOWANCE, _allowance_record(allowance, member)[1:])
        return self._allowances[found.allowance_id]

    def allowances(self, member: Identifier) -> list[KeptAllowance]:
        """Return a member's allowances, the one that expires first before the others."""
        found = [each for each in self._allowances.values() if each.member == member]
        return sorted(found, key=lambda each: (each.expires_at, each.allowance_id))

    def redeem(self, member: Identifier, points: int, *, cashier_id: str = "", receipt: str = "") -> Approval:
        """Approve a redemption without a line. It is on disk when this returns.

        Raises:
            NotCovered: no allowance covers it. Nothing was kept.
            ValueError: there must be 1 point at least.
            QueueBroken, OSError: it could not be kept, and is not approved.
        """
        if points < 1:
            raise ValueError("points must be 1 or more")
        now = self._moment()
        refusal = Refusal.NO_ALLOWANCE
        for kept in self.allowances(member):
            found = kept.refusal(points, now)
            if found is None:
                break
            refusal = found
        else:
            self._keep_expired(member, now)
            raise NotCovered(refusal)
        key = new_idempotency_key()
        origin = Origin(self.store_id, self.terminal_id, cashier_id, Channel.IN_STORE, now)
        money = kept.money(points)
        sequence = self._add(OfflineRedemption(kept.allowance, points, origin, receipt, key))
        return Approval(sequence, key, kept.allowance_id, points, money, now)

    def _keep_expired(self, member: Identifier, now: datetime) -> None:
        """Have what has expired stay so, whatever the clock says later; a clock that is ahead spoils no other one."""
        ends = [each.expires_at for each in self.allowances(member) if each.expires_at <= now]
        if ends and ends[-1] > self._latest:
            self._keep(_GO_ON, _GO_ON_BODY.pack(self._last_sequence, _microseconds(ends[-1])))

    def give_back(self, allowance_id: str) -> None:
        """Spend no more by an allowance; the upload gives back what is left of it, behind all that was spent."""
        kept = self._allowances[allowance_id]
        if kept.left:
            origin = Origin(self.store_id, self.terminal_id, occurred_at=self._moment())
            self._add(VoidRedemption(allowance_id, origin, new_idempotency_key()))

    # --------------------------------------------------------------------------------------------------- what happened

    def record(self, request: OccurrenceRequest) -> int:
        """Keep what happened, and return its number; where and when is filled in, and so is a key, where it has none.

        A request that was sent already and had no answer keeps its key: it lands once, whichever way it came.
        """
        if isinstance(request, Activity):
            where = replace(request.origin, store_id=self.store_id, terminal_id=self.terminal_id)
            return self._add(replace(request, origin=where))
        where = replace(
            request.origin,
            store_id=self.store_id,
            terminal_id=self.terminal_id,
            occurred_at=request.origin.occurred_at or self._moment(),
        )
        return self._add(
            replace(request, origin=where, idempotency_key=request.idempotency_key or new_idempotency_key())
        )

    @property
    def last_sequence(self) -> int:
        """The highest number that was ever given here; 0: none."""
        return self._last_sequence

    @property
    def waiting(self) -> int:
        """How many occurrences have no answer yet."""
        return len(self._waiting)

    def waiting_occurrences(self) -> list[offline_pb2.Occurrence]:
        """Return what has no answer yet, in its order."""
        return [offline_pb2.Occurrence.FromString(each) for each in self._waiting.values()]

    def go_on_behind(self, sequence: int) -> None:
        """Give no number up to this one: a terminal that lost its disk asks the server how far it had come."""
        if sequence > self._last_sequence:
            self._keep(_GO_ON, _GO_ON_BODY.pack(sequence, _microseconds(self._latest)))

    async def upload(self, client: OfflineClient, *, timeout_seconds: float = 30.0) -> UploadReport:
        """Upload all that has no answer yet, in its order. Where it breaks off, the next call goes on.

        Raises:
            CallError: there is no line (yet). What was answered before is remembered.
        """
        taken: list[TakenOccurrence] = []
        refused: list[RefusedOccurrence] = []
        put_off: list[RefusedOccurrence] = []
        while self._waiting and not put_off:
            sending = list(self._waiting.items())[:UPLOAD_MAX]
            message = offline_pb2.UploadOccurrencesRequest(store_id=self.store_id, terminal_id=self.terminal_id)
            for _, occurrence in sending:
                message.occurrences.add().MergeFromString(occurrence)
            done = await client.send(message, timeout_seconds=timeout_seconds)
            answered = [each for each in done.results if not _may_pass(each)]
            if answered:
                self._keep(_ANSWERED, b"".join(_NUMBER.pack(each.sequence) for each in answered))
            for result in done.results:
                if isinstance(result, TakenOccurrence):
                    taken.append(result)
                else:
                    (put_off if _may_pass(result) else refused).append(result)
        return UploadReport(tuple(taken), tuple(refused), tuple(put_off))

    # ------------------------------------------------------------------------------------------------------- the queue

    def compact(self) -> None:
        """Write the queue anew without what is over: answered occurrences, and allowances that cover nothing more."""
        self._file.rewrite(list(self._state()))
        self._allowances.clear()
        self._waiting.clear()
        for record in self._file.records:
            self._take(record)
        self._file.records.clear()

    def _state(self) -> Iterable[bytes]:
        """Return the records that a new queue begins with.

        An allowance that is used up stays until it has expired: it might be given once more. Not by the clock, which
        may be wrong now and right later, but by the latest moment that the queue has seen and never goes back behind.
        """
        now = self._latest
        yield _tagged(_GO_ON, _GO_ON_BODY.pack(self._last_sequence, _microseconds(self._latest)))
        keys = offline_pb2.ListAllowanceKeysResponse()
        for key_id, public in self._trusted.items():
            keys.keys.add(key_id=key_id, public_key=public)
        yield _tagged(_KEYS, keys.SerializeToString())
        waiting: dict[str, int] = {}
        for occurrence in self.waiting_occurrences():
            allowance_id = _spent_by(occurrence)
            waiting[allowance_id] = waiting.get(allowance_id, 0) + occurrence.redemption.points
        for kept in self._allowances.values():
            if kept.allowance_id in waiting or now < (kept.settle_by if kept.left else kept.expires_at):
                yield _allowance_record(kept.allowance, kept.member)
                spent = kept.spent - waiting.get(kept.allowance_id, 0)
                yield _tagged(_SPENT, _SPENT_BODY.pack(spent, kept.is_given_back) + kept.allowance_id.encode())
        for each in self._waiting.values():
            yield _tagged(_OCCURRENCE, each)

    def _moment(self) -> datetime:
        """Return the time, which stands still where the clock steps back."""
        return max(self._clock(), self._latest + _ONE_MICROSECOND)

    def _add(self, request: OccurrenceRequest) -> int:
        sequence = self._last_sequence + 1
        self._keep(_OCCURRENCE, encode_occurrence(Occurrence(sequence, request)).SerializeToString())
        return sequence

    def _keep(self, kind: int, body: bytes) -> None:
        """Have it on disk, and then in memory."""
        record = _tagged(kind, body)
        self._file.append(record)
        self._take(record)

    def _take(self, record: bytes) -> None:
        kind, body = record[0], record[1:]
        if kind == _OCCURRENCE:
            self._take_occurrence(body)
        elif kind == _ANSWERED:
            for (sequence,) in _NUMBER.iter_unpack(body):
                self._waiting.pop(sequence, None)
        elif kind == _KEYS:
            message = offline_pb2.ListAllowanceKeysResponse.FromString(body)
            self._trusted |= {key.key_id: key.public_key for key in message.keys}
        elif kind == _ALLOWANCE:
            self._take_allowance(body)
        elif kind == _GO_ON:
            self._last_sequence, latest = _GO_ON_BODY.unpack(body)
            self._latest = _EPOCH + latest * _ONE_MICROSECOND
        elif kind == _SPENT:
            kept = self._allowances[body[_SPENT_BODY.size :].decode()]
            kept.spent, kept.is_given_back = _SPENT_BODY.unpack_from(body)

    def _take_allowance(self, body: bytes) -> None:
        (size,) = _SIZE.unpack_from(body)
        named = common_pb2.MemberReference.FromString(body[_SIZE.size : _SIZE.size + size])
        which = named.WhichOneof("identifier")
        assert which is not None  # noqa: S101  (it was written by ``keep``)
        member = Identifier(IdentifierKind[which.upper()], getattr(named, which))
        signed = decode_allowance(offline_pb2.Allowance.FromString(body[_SIZE.size + size :]))
        kept = verified(signed, member, self._trusted, self.store_id, self.terminal_id)
        self._allowances[kept.allowance_id] = kept
        issued_at = offline_pb2.AllowanceTerms.FromString(signed.terms).issued_at.ToDatetime(UTC)
        self._latest = max(self._latest, issued_at)

    def _take_occurrence(self, body: bytes) -> None:
        occurrence = offline_pb2.Occurrence.FromString(body)
        self._waiting[occurrence.sequence] = body
        self._last_sequence = occurrence.sequence
        which = occurrence.WhichOneof("request")
        origin: common_pb2.Origin = getattr(occurrence, which or "accrue").origin
        if which == "redemption":
            self._latest = max(self._latest, origin.occurred_at.ToDatetime(UTC))
        if (kept := self._allowances.get(_spent_by(occurrence))) is not None:
            kept.spent += occurrence.redemption.points
            kept.is_given_back = kept.is_given_back or which == "void_redemption"


def _may_pass(result: TakenOccurrence | RefusedOccurrence) -> bool:
    """Whether an occurrence was refused for now alone: it goes on waiting."""
    transient = (Unavailable, DeadlineExceeded, Cancelled, Overloaded)
    return isinstance(result, RefusedOccurrence) and isinstance(result.error, transient)


def _spent_by(occurrence: offline_pb2.Occurrence) -> str:
    """Return the id of the allowance that an occurrence spends or gives back; empty: none."""
    if occurrence.HasField("redemption"):
        return offline_pb2.AllowanceTerms.FromString(occurrence.redemption.allowance.terms).allowance_id
    return occurrence.void_redemption.reservation_id


def _allowance_record(allowance: Allowance, member: Identifier) -> bytes:
    named = encode_identifier(member).SerializeToString()
    return _tagged(_ALLOWANCE, _SIZE.pack(len(named)) + named + encode_allowance(allowance).SerializeToString())


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _ONE_MICROSECOND


def _tagged(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + body
