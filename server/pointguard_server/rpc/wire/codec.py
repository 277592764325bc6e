"""One tenant's reading and writing of the money path's messages, by kernels where that is possible.

What the kernels cannot read is decoded by ``rpc/decode.py`` and learned, so that they can the next time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.codes import CodeKind, Operation
from pointguard_server.domain.errors import InvalidRequest, PointguardError, Violation
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import encode_varint
from pointguard_server.engine import constant_tables, lexicon
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.inbox import INBOXES, Inbox
from pointguard_server.engine.lexicon import ByteArray, Lexicon
from pointguard_server.engine.verdicts import Answers, verdict_of_record
from pointguard_server.rpc.decode import CHANNELS, Decoder
from pointguard_server.rpc.encode import Encoder, fill_error
from pointguard_server.rpc.parsing import parse
from pointguard_server.rpc.status import refusal
from pointguard_server.rpc.wire import blake2, columns, reading, writing
from pointguard_server.rpc.wire.encoding import FIELDS_MAX
from pointguard_server.rpc.wire.fields import Names
from pointguard_server.rpc.wire.matching import Matchers, Seen, matchers_for, seen_for
from pointguard_server.rpc.wire.reading import Reader, Rows
from pointguard_server.rpc.wire.writing import Written
from pointguard_server.service.line_codes import LineCodes
from pointguard_server.service.ports import Directory
from pointguard_server.service.tenants import Tenant
from pointguard_server.velocity.compiling import entry
from pointguard_server.velocity.views import Recent

TEXTS_MAX = 262_144
STORES_MAX = 65_536
NAMES_MAX, NAME_BYTES_MAX = 256, 64
_STAGING_BYTES = 4_096
_ANSWER_BYTES = 512  # an answer without reasons and awards
_REASON_BYTES = NAME_BYTES_MAX + 16
_LEVELS = 3  # of messages in messages
_NO_EXTENTS = np.zeros((0, 2), np.int64)
REQUESTS: dict[Operation, type[Message]] = {
    Operation.AUTHORISE: transaction_pb2.AuthoriseRedemptionRequest,
    Operation.CAPTURE: transaction_pb2.CaptureRedemptionRequest,
    Operation.VOID: transaction_pb2.VoidRedemptionRequest,
    Operation.ACCRUE: transaction_pb2.AccrueRequest,
    Operation.CHECK: advice_pb2.CheckAdviceRequest,
}


class MustLearn(Exception):
    """A request has codes without a number yet: they must be learned first, which takes a step of the ledger."""


class Named(NamedTuple):
    """A member that a request named by an identifier, to be known by the next."""

    row: int
    kind: int
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a message in an inbox: rows from ``first`` on, one an item."""

    first: int
    count: int
    errors: dict[int, PointguardError]  # by item
    named: list[Named]
    keys: npt.NDArray[np.int64]  # [item, (begin, end)] of the idempotency key's text in the message
    key_texts: dict[int, str]  # by item, where ``keys`` does not say

    def key(self, data: bytes, item: int) -> bytes:
        """Return an item's idempotency key."""
        if item in self.key_texts:
            return self.key_texts[item].encode()
        begin, end = self.keys[item].tolist()
        return data[begin:end]


@entry
def _take_key(state, key):
    blake2.absorb_key(state, key, key.shape[0])


class Codec:
    """Reads on the event loop, writes on the writer's thread."""

    def __init__(self, tenant: Tenant, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known = Lexicon(TEXTS_MAX)
        constants = np.zeros(reading.CONSTANTS, np.int64)
        constants[reading.TENANT_ID] = tenant.tenant_id
        constants[reading.CURRENCY_NUMBER] = tenant.currency_number
        constants[reading.MONEY_SCALE] = tenant.money_scale
        constants[reading.CHANNEL_MAX] = max(CHANNELS)
        self._reader = Reader(
            known=self._known.arrays,
            rule_texts=tenant.line_codes.numbers.arrays,
            stores=np.zeros((STORES_MAX, 3), np.int64),
            constants=constants,
            digest_state=_keyed_state(tenant.digest_key),
            key_state=blake2.initial_state(0, b"pointguard key"),
            fields=np.zeros((_LEVELS, FIELDS_MAX, 3), np.int64),
            words=np.zeros(0, np.uint64),
            staging=np.zeros(0, np.uint8),
            hashing=np.zeros(blake2.SCRATCH_WORDS, np.uint64),
            matchers=matchers_for(()),
            seen=seen_for(tenant.line_codes),
        )
        self._extent = np.zeros((1, 2), np.int64)  # for a message that is one request
        self._recent = Recent(INBOXES)
        # With what they were made of: the same are not made again.
        self._line_reading: tuple[LineCodes, Matchers, Seen] | None = None
        self._stores: dict[str, int] = {}
        self._currency: ByteArray = np.frombuffer(bytearray(tenant.currency.encode()), np.uint8)
        self._names: dict[int, bytes] = {}
        self._name_arrays = _name_arrays({})
        self._written: Written | None = None
        self._written_for: Answers | None = None
        self.serve(tenant)

    def serve(self, tenant: Tenant) -> None:
        """Read from now on by what is known of the tenant now: its program's limits and the texts of its rules."""
        if self._line_reading is None or self._line_reading[0] is not tenant.line_codes:
            self.prepare(tenant)
        self.tenant = tenant
        assert self._line_reading is not None  # noqa: S101  (made above)
        lines, matchers, seen = self._line_reading
        self._reader.constants[reading.TIME_TO_LIVE_MAX] = tenant.reservation_ttl_max
        self._reader.constants[reading.PATTERNS] = any(lines.patterns)
        self._reader = self._reader._replace(rule_texts=lines.numbers.arrays, matchers=matchers, seen=seen)

    def prepare(self, tenant: Tenant) -> None:
        """Make ready what a tenant's rules ask of lines; with many patterns that takes long: before, in a thread."""
        lines = tenant.line_codes
        self._line_reading = lines, matchers_for(lines.patterns), seen_for(lines)

    def learn_stores(self, directory: Directory) -> None:
        """Learn anew what is known of the stores that have been named."""
        for code, number in self._stores.items():
            if (facts := directory.store(self.tenant.tenant_id, code)) is not None:
                self._reader.stores[number] = facts.store_id, facts.business_unit_id, facts.province_id

    def warm_up(self, answers: Answers) -> None:
        """Have the kernels compiled, or loaded from the cache; ``answers`` may be those to an empty batch."""
        lexicon.warm_up()
        constant_tables.warm_up()
        count_items(b"")
        self._read(Inbox(), b"", 0, 0, _NO_EXTENTS, _NO_EXTENTS)
        columns.warm_up(self._sized(0), self._rows(Inbox(), _NO_EXTENTS, _NO_EXTENTS))
        self._write(answers)
        self._written_for = None

    # ---------------------------------------------------------------------------------------------------------- reading

    def read_one(
        self, inbox: Inbox, operation: Operation, data: bytes, request_class: type[Message], decoder: Decoder
    ) -> list[Named]:
        """Put a request into the inbox.

        Raises:
            InvalidRequest: naming every faulty field; nothing was put there.
            MustLearn: nothing was put there.
        """
        if not self._read(inbox, data, operation, 1, self._extent, self._extent):
            inbox.take_back()
            return []
        request: Any = request_class()
        parse(request, data)
        ask = DECODE[operation](decoder, request)
        decoder.check()
        if not decoder.unknown_codes:
            self._learn(request, decoder)
        elif ask.key:
            raise MustLearn
        # A read writes nothing: to it, a code that nobody has used yet is no code.
        return self._named(inbox.put(ask), ask, request)

    def read_items(self, inbox: Inbox, data: bytes, count: int, decoder: Decoder, lines_max: int) -> Items:
        """Put the items of a message into the inbox, ``count_items`` of them.

        Raises:
            InvalidRequest: if an item is malformed or they have more lines in all; nothing was put there.
            MustLearn: nothing was put there.
        """
        extents, keys = np.zeros((count, 2), np.int64), np.zeros((count, 2), np.int64)
        first = inbox.count
        before = (inbox.count, inbox.line_count, inbox.body_size)
        left = self._read(inbox, data, 0, count, extents, keys)
        inbox.take_back()
        items = Items(first, count, {}, [], keys, {})
        try:
            for item in self._unread(inbox, items) if left else ():
                message = transaction_pb2.BatchItem()
                parse(message, data[slice(*extents[item].tolist())])
                self._decode_item(inbox, message, item, items, decoder)
            _check_lines(inbox.line_count - before[1], lines_max)
        except BaseException:
            inbox.cut(*before)
            raise
        return items

    def read_columns(self, inbox: Inbox, request: columns.Request, data: bytes, decoder: Decoder) -> Items:
        """Put the rows of columns into the inbox.

        Raises:
            MustLearn: nothing was put there.
        """
        first, count = inbox.count, request.count
        before = (inbox.count, inbox.line_count, inbox.body_size)
        self._find_places(request, decoder)
        inbox.reserve(count, count, 2 * count)
        rows = self._rows(inbox, _NO_EXTENTS, _NO_EXTENTS)
        message = np.frombuffer(bytearray(data), np.uint8)
        in_currency = request.currency == self.tenant.currency
        left = columns.read_columns(self._sized(0), message, request.columns, in_currency, rows)
        inbox.take_back()
        items = Items(first, count, {}, [], _NO_EXTENTS, {})
        try:
            for row in self._unread(inbox, items) if left else ():
                if (violation := request.violation(row)) is not None:
                    items.errors[row] = InvalidRequest(violation)
                    inbox.settle(first + row)
                else:
                    self._decode_item(inbox, request.item(row), row, items, decoder)
        except BaseException:
            inbox.cut(*before)
            raise
        return items

    @staticmethod
    def _find_places(request: columns.Request, decoder: Decoder) -> None:
        """Say what the origins of columns are; a row with one that is wrong will be told so."""
        places = request.columns.places
        places[0] = 0
        for number, origin in enumerate(request.origins, 1):
            store_id, terminal, cashier, channel, _, store = decoder.where(origin)
            if decoder.unknown_codes:
                raise MustLearn
            try:
                decoder.check()
            except InvalidRequest:
                continue
            places[number] = store_id, store.business_unit_id, store.province_id, terminal, cashier, channel

    @staticmethod
    def _unread(inbox: Inbox, items: Items) -> list[int]:
        """Return the items that the kernel has left."""
        skip = inbox.envelopes["skip"][items.first : items.first + items.count]
        found: list[int] = (skip == reading.UNREAD).nonzero()[0].tolist()
        return found

    def _decode_item(
        self, inbox: Inbox, message: transaction_pb2.BatchItem, item: int, items: Items, decoder: Decoder
    ) -> None:
        """Put an item into its row, or its error beside."""
        row = items.first + item
        request = getattr(message, message.WhichOneof("request") or "", None)
        items.key_texts[item] = request.idempotency_key if request is not None else ""
        try:
            ask = decoder.item(message)
            decoder.check()
        except InvalidRequest as error:
            items.errors[item] = error
            inbox.settle(row)
            decoder.unknown_codes.clear()  # nothing is written with them
            return
        if decoder.unknown_codes:
            raise MustLearn
        self._learn(request, decoder)
        inbox.reserve(0, ask.line_count, len(ask.body))
        inbox.place(row, ask)
        items.named.extend(self._named(row, ask, request))

    def _read(self, inbox: Inbox, data: bytes, operation: int, count: int, extents: Any, keys: Any) -> int:
        """Have the kernel read; return how many rows it left."""
        message = np.frombuffer(bytearray(data), np.uint8)
        lines = 1
        while True:
            inbox.reserve(count, lines, 64 * count + message.size)
            rows = self._rows(inbox, extents, keys)
            left: int = reading.read(self._sized(message.size), message, int(operation), rows)
            if left != reading.FULL:
                return left
            lines = 2 * len(inbox.lines)

    def _rows(self, inbox: Inbox, extents: Any, keys: Any) -> Rows:
        inbox.hand_over()
        words, at = inbox.request_words, inbox.at
        rows = Rows(inbox.requests, words, inbox.envelopes, inbox.lines, inbox.bodies, at, extents, keys)
        return self._recent.same(rows)

    def _sized(self, size: int) -> Reader:
        """Return what the kernels read with, with room to stage a message of that size."""
        if len(self._reader.staging) < size + _STAGING_BYTES // 2:
            words = np.zeros((2 * size + _STAGING_BYTES) // 8, np.uint64)
            self._reader = self._reader._replace(words=words, staging=words.view(np.uint8))
        return self._reader

    # --------------------------------------------------------------------------------------------------------- learning

    def _learn(self, request: Any, decoder: Decoder) -> None:
        """Learn what the texts of a request that is right stand for."""
        origin = request.origin
        if origin.store_id:
            self._learn_store(origin, decoder)
        texts = [
            (reading.TERMINAL, CodeKind.TERMINAL, origin.terminal_id),
            (reading.CASHIER, CodeKind.CASHIER, origin.cashier_id),
        ]
        if isinstance(request, transaction_pb2.AccrueRequest):
            texts.append((reading.TENDER, CodeKind.TENDER, request.tender))
            self._learn_language(request.language)
        elif isinstance(request, transaction_pb2.AuthoriseRedemptionRequest):
            texts.append((reading.REDEMPTION_TYPE, CodeKind.REDEMPTION_TYPE, request.redemption_type))
            self._learn_language(request.language)
        elif isinstance(request, advice_pb2.CheckAdviceRequest):
            self._learn_language(request.language)
        for kind, code_kind, text in texts:
            if text:
                self._known.learn(kind, text, decoder.code(code_kind, text, ""))

    def _learn_language(self, tag: str) -> None:
        # What has a number of its own: there are not too many of those.
        if number := self.tenant.languages.number(tag):
            self._known.learn(reading.LANGUAGE, tag, number)

    def _learn_store(self, origin: common_pb2.Origin, decoder: Decoder) -> None:
        number = self._stores.get(origin.store_id)
        if number is None:
            if len(self._stores) == STORES_MAX - 1:
                return
            facts = decoder.where(origin)[-1]
            number = self._stores[origin.store_id] = len(self._stores) + 1
            self._reader.stores[number] = facts.store_id, facts.business_unit_id, facts.province_id
        self._known.learn(reading.STORE, origin.store_id, number)

    @staticmethod
    def _named(row: int, ask: Ask, request: Any) -> list[Named]:
        if ask.identifier is None:
            return []
        kind, text = ask.identifier
        of_household = isinstance(request, transaction_pb2.RedeemHouseholdRequest)
        named = request.members[0] if of_household else request.member
        raw = getattr(named, IdentifierKind(kind).name.lower())
        return [Named(row, kind, text)] if raw == text else []

    def learn_members(self, found: Sequence[tuple[int, str, int, int]]) -> None:
        """Learn (kind, identifier, account, the identifier's number) of members that the ledger knows."""
        for kind, text, account_id, identifier_id in found:
            self._known.learn(reading.IDENTIFIER + kind, text, reading.identified(account_id, identifier_id))

    # ---------------------------------------------------------------------------------------------------------- writing

    def write_one(self, answers: Answers, row: int) -> bytes | PointguardError:
        """Return the answer to a request, as its own response."""
        written = self._write(answers)
        asked, row = row, answers.same_as.get(row, row)
        inner = int(written.inners[row])
        if inner >= 0:
            return written.buffer[inner : written.ends[row]].tobytes()
        verdict = self._verdict(answers, row)
        if isinstance(verdict, PointguardError):
            return verdict
        operation, language = int(answers.requests["operation"][row]), self._language(answers, asked)
        if operation == Operation.CHECK:
            return self._encoder.check(verdict, language).SerializeToString()
        result = transaction_pb2.BatchResult()
        self._encoder.fill_result(result, operation, verdict, language)
        answer: Message = getattr(result, result.WhichOneof("outcome") or "")
        return answer.SerializeToString()

    def write_items(self, answers: Answers, items: Items) -> bytes:
        """Return the answers to items as a ``ProcessBatchResponse``."""
        written = self._write(answers)
        first, last = items.first, items.first + items.count
        special = (written.inners[first:last] < 0).nonzero()[0].tolist()
        if not special:
            return written.buffer[written.begins[first] : written.ends[last - 1]].tobytes()
        parts = []
        at = int(written.begins[first])
        for item in special:
            row = first + item
            parts.append(written.buffer[at : written.begins[row]].tobytes())
            parts.append(self._result(answers, row, items.errors.get(item)))
            at = int(written.ends[row])
        parts.append(written.buffer[at : written.ends[last - 1]].tobytes())
        return b"".join(parts)

    def write_stream_items(self, answers: Answers, items: Items, data: bytes) -> bytes:
        """Return the answers to items, which stand in ``data``, as a ``StreamTransactionsResponse``."""
        written = self._write(answers)
        parts = []
        for item in range(items.count):
            row = items.first + item
            begin, end = int(written.begins[row]), int(written.ends[row])
            if written.inners[row] >= 0:
                result = written.buffer[begin:end].tobytes()
            else:
                result = self._result(answers, row, items.errors.get(item))
            parts.append(_stream_result(items.key(data, item), result))
        return b"".join(parts)

    def write_columns(self, answers: Answers, items: Items) -> bytes:
        """Return the answers to the rows of columns as a ``ProcessBatchColumnsResponse``."""

        def refused(row: int) -> Verdict | PointguardError:
            return self._verdict(answers, answers.same_as.get(row, row))

        return columns.write_columns(answers, items.first, items.count, items.errors, self._encoder, refused)

    @staticmethod
    def refuse_stream_items(data: bytes, error: PointguardError) -> bytes:
        """Return the answer to a stream's message none of whose requests could be decided."""
        request = transaction_pb2.StreamTransactionsRequest.FromString(data)
        response = transaction_pb2.StreamTransactionsResponse()
        for item in request.items:
            result = response.results.add()
            asked = getattr(item, item.WhichOneof("request") or "", None)
            result.idempotency_key = asked.idempotency_key if asked is not None else ""
            fill_error(result.result.error, error)
        return response.SerializeToString()

    def _result(self, answers: Answers, row: int, error: PointguardError | None) -> bytes:
        """Return one of a ``ProcessBatchResponse``'s results, which the kernel has left out."""
        written = self._write(answers)
        same = answers.same_as.get(row, row)
        if error is None and written.inners[same] >= 0:
            return written.buffer[written.begins[same] : written.ends[same]].tobytes()
        response = transaction_pb2.ProcessBatchResponse()
        result = response.results.add()
        verdict = error or self._verdict(answers, same)
        if isinstance(verdict, PointguardError):
            fill_error(result.error, verdict)
        else:
            operation = int(answers.requests["operation"][same])
            self._encoder.fill_result(result, operation, verdict, self._language(answers, row))
        return response.SerializeToString()

    def _verdict(self, answers: Answers, row: int) -> Verdict | PointguardError:
        """Return the verdict on a row whose answer the kernel has left out, and learn the names of its rules."""
        if row in answers.replayed:
            return verdict_of_record(answers.replayed[row])
        outcome = int(answers.out.answers["outcome"][row])
        if outcome > 0:
            return refusal(outcome)
        verdict = answers.verdict(row)
        of_reasons = [rule_id for _, rule_id in verdict.reasons]
        of_entries, of_advice = ([each.rule_id for each in given] for given in (verdict.entries, verdict.advice))
        for rule_id in of_reasons + of_entries + of_advice:
            self._learn_name(rule_id)
        return verdict

    def _language(self, answers: Answers, row: int) -> str:
        return self.tenant.languages.tag(int(answers.languages[row]))

    def _learn_name(self, rule_id: int) -> None:
        """Learn a rule's name, unless it has a message: the kernel leaves out what it has no name for."""
        text = self._encoder.rule_name(rule_id)
        name = text.encode()
        if text in self._encoder.messages:
            return
        if rule_id and name and len(name) <= NAME_BYTES_MAX and rule_id not in self._names:
            if len(self._names) >= NAMES_MAX:
                self._names = {}
            self._names[rule_id] = name
            self._name_arrays = _name_arrays(self._names)

    def _write(self, answers: Answers) -> Written:
        """Return the answers to the whole batch, written once."""
        if self._written is not None and self._written_for is answers:
            return self._written
        if self._encoder.messages is not self.tenant.messages:
            self._encoder.messages = self.tenant.messages
            self._names = {}
            self._name_arrays = _name_arrays({})
        out, count = answers.out, len(answers.requests)
        row_bytes = _ANSWER_BYTES + _REASON_BYTES * (out.reasons.shape[1] // 2 + len(out.award_points))
        if self._written is None or len(self._written.begins) < count:
            self._written = _room(2 * count, max(2 * count, 16) * _ANSWER_BYTES + row_bytes)
        operations = np.ascontiguousarray(answers.requests["operation"])
        while True:
            size = writing.write_answers(out, operations, self._name_arrays, self._currency, row_bytes, self._written)
            if size != writing.FULL:
                break
            self._written = _room(len(self._written.begins), 2 * len(self._written.buffer))
        self._written_for = answers
        return self._written


DECODE: dict[Operation, Any] = {
    Operation.AUTHORISE: Decoder.authorise,
    Operation.ACCRUE: Decoder.accrue,
    Operation.CAPTURE: Decoder.capture,
    Operation.VOID: Decoder.void,
    Operation.CHECK: Decoder.check_advice,
}


def count_items(data: bytes) -> tuple[int, bytes]:
    """Return how many items a message of items has, and the message without what the contract does not know.

    Raises:
        InvalidRequest: if it is malformed.
    """
    count = int(reading.count_items(np.frombuffer(bytearray(data), np.uint8)))
    if count != reading.MALFORMED:
        return count, data
    request = transaction_pb2.ProcessBatchRequest()
    parse(request, data)
    return len(request.items), transaction_pb2.ProcessBatchRequest(items=request.items).SerializeToString()


def _check_lines(count: int, most: int) -> None:
    if count > most:
        raise InvalidRequest(Violation("items", f"must have at most {most} basket lines in all"))


def _stream_result(key: bytes, result: bytes) -> bytes:
    """Return one of a stream's results from a batch's: the same message, as field 2 beside the key."""
    inner = b"\x0a" + encode_varint(len(key)) + key + b"\x12" + result[1:]
    return b"\x0a" + encode_varint(len(inner)) + inner


def _keyed_state(key: bytes) -> npt.NDArray[np.uint64]:
    state = np.zeros(blake2.SCRATCH_WORDS, np.uint64)
    state[:8] = blake2.initial_state(len(key), b"")
    _take_key(state, np.frombuffer(bytearray(key.ljust(blake2.BLOCK, b"\0")), np.uint64))
    return state[:8].copy()


def _name_arrays(names: dict[int, bytes]) -> Names:
    ids = np.array(list(names), np.int64)
    ends = np.cumsum(np.array([len(name) for name in names.values()], np.int64), dtype=np.int64)
    return Names(ids, ends, np.frombuffer(bytearray(b"".join(names.values()) or b"\0"), np.uint8))


def _room(rows: int, size: int) -> Written:
    return Written(
        np.zeros(size, np.uint8), np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    )
