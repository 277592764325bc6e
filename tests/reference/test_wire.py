"""The money path's messages: what kernels read and write is what the slow, obvious way does."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.domain.errors import InvalidRequest, PointguardError
from pointguard_server.engine.inbox import Inbox
from pointguard_server.engine.lexicon import UNKNOWN, Lexicon, look_up
from pointguard_server.rpc.encode import fill_error
from pointguard_server.rpc.status import refusal
from pointguard_server.rpc.wire import blake2, columns
from pointguard_server.rpc.wire.codec import DECODE, Codec, Items, MustLearn, count_items
from pointguard_server.velocity.compiling import entry
from tests.support import messages
from tests.support.ledger import open_ledger
from tests.support.messages import Counter, checks, item, requests

LINES_MAX = 100_000
RULES = """
[[fraud_rule]]
name = "ADVICE_CHECK_ACCOUNT_BURN_DAY"
window = { calendar = "DAY" }
threshold = 300
posture = "WARN"
duration = "1d"
"""


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    with open_ledger() as ledger:
        yield Counter(ledger)


# ------------------------------------------------------------------------------------------------------------- digests


@entry
def digest(scratch: Any, state: Any, counted: Any, words: Any, message: Any, size: Any) -> None:
    blake2.digest(scratch, state, counted, words, message, size)


@given(message=st.binary(min_size=1, max_size=700), person=st.binary(max_size=16))
@settings(deadline=None, max_examples=60)
def test_a_digest_is_hashlib_s(message: bytes, person: bytes) -> None:
    words = np.full(len(message) // 8 + 2 * blake2.BLOCK, 2**64 - 1, np.uint64)
    staging = words.view(np.uint8)
    staging[: len(message)] = np.frombuffer(message, np.uint8)
    scratch = np.zeros(blake2.SCRATCH_WORDS, np.uint64)
    digest(scratch, blake2.initial_state(0, person), 0, words, staging, len(message))
    assert scratch[:2].tobytes() == hashlib.blake2b(message, digest_size=16, person=person).digest()


@entry
def find(lexicon: Any, kind: Any, data: Any) -> Any:
    return look_up(lexicon, kind, data, 0, data.shape[0])


@given(texts=st.dictionaries(st.tuples(st.integers(1, 40), st.text(max_size=20)), st.integers(0, 2**62), max_size=40))
@settings(deadline=None, max_examples=60)
def test_a_lexicon_is_a_dictionary_that_may_forget_but_never_errs(texts: dict[tuple[int, str], int]) -> None:
    lexicon = Lexicon(16)
    learned: dict[tuple[int, str], int] = {}
    for (kind, text), value in texts.items():
        lexicon.learn(kind, text, value)
        learned[kind, text] = value
        for (known_kind, known), number in learned.items():
            found = find(lexicon.arrays, known_kind, np.frombuffer(bytearray(known.encode()), np.uint8))
            assert found in (number, UNKNOWN)
        assert find(lexicon.arrays, kind, np.frombuffer(bytearray(text.encode()), np.uint8)) == value
        assert find(lexicon.arrays, kind + 50, np.frombuffer(bytearray(text.encode()), np.uint8)) == UNKNOWN


# ------------------------------------------------------------------------------------------------------------- reading


def rows_of(inbox: Inbox, counter: Counter) -> list[dict[str, Any]]:
    """Return everything that an inbox says of each request, however it got there."""
    named = {row: (kind, value) for row, kind, value in inbox.identifiers}
    rows = []
    for row in range(inbox.count):
        envelope = inbox.envelopes[row]
        facts = {name: int(envelope[name]) for name in envelope.dtype.names or ()}
        first, count = facts.pop("first_line"), facts.pop("line_count")
        at, size = facts.pop("body_at"), facts.pop("body_size")
        if row in named:
            found = counter.ledger.store.find_identifier(1, *named[row]) or (0, 0)
            facts["account_id"], facts["identifier_id"] = found
            facts["identifier_kind"] = named[row][0] if found[0] else 0
        if facts["skip"]:
            facts = {"skip": facts["skip"]}
        rows.append(
            facts
            | {"request": inbox.requests[row].tolist() if not facts["skip"] else ()}
            | {"lines": inbox.lines[first : first + count].tolist() if not facts["skip"] else ()}
            | {"body": inbox.bodies[at : at + size].tobytes() if not facts["skip"] else b""}
        )
    return rows


def read_slowly(counter: Counter, batch: transaction_pb2.ProcessBatchRequest) -> tuple[Inbox, dict[int, str]]:
    """Read a batch by the decoder alone."""
    inbox, errors = Inbox(), {}
    for number, each in enumerate(batch.items):
        decoder = counter.decoder()
        try:
            ask = decoder.item(each)
            decoder.check()
        except InvalidRequest as error:
            errors[number] = str(error)
            nothing = counter.ledger.read_ask(Operation.BALANCE, 0)
            inbox.settle(inbox.put(nothing))
        else:
            if decoder.unknown_codes:
                raise MustLearn
            inbox.put(ask)
    return inbox, errors


def known(counter: Counter, number: int) -> tuple[int, str, int, int]:
    """Return what the kernel learns of a member."""
    identified = counter.ledger.store.find_identifier(1, 2, f"m{number}")
    assert identified is not None
    return 2, f"m{number}", *identified


def learn_everything(counter: Counter) -> None:
    """Have the kernel know every member and every code."""
    counter.codec.learn_members([known(counter, number) for number in range(1, len(counter.accounts) + 1)])
    for store in ("", *messages.STORES):
        for terminal in messages.TERMINALS:
            for cashier in messages.CASHIERS:
                origin = common_pb2.Origin(store_id=store, terminal_id=terminal, cashier_id=cashier)
                member = common_pb2.MemberReference(account_id=1)
                total = common_pb2.Money(currency_code="CAD")
                for request in (
                    transaction_pb2.AccrueRequest(
                        idempotency_key="é", origin=origin, tender="cash", member=member, total=total
                    ),
                    transaction_pb2.AuthoriseRedemptionRequest(
                        idempotency_key="é", origin=origin, redemption_type="fuel", member=member, points=1
                    ),
                ):
                    data = transaction_pb2.ProcessBatchRequest(items=[item(request)]).SerializeToString()
                    counter.codec.read_items(Inbox(), data, 1, counter.decoder(), LINES_MAX)


@given(batch=st.lists(requests, min_size=1, max_size=6), learned=st.booleans())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_kernels_read_what_the_decoder_reads(counter: Counter, batch: list[Any], learned: bool) -> None:
    if learned:
        learn_everything(counter)
    message = transaction_pb2.ProcessBatchRequest(items=[item(request) for request in batch])
    check_reading(counter, message.SerializeToString())


def check_reading(counter: Counter, data: bytes) -> None:
    """Read a message both ways, and compare."""
    inbox = Inbox()
    try:
        slow, errors = read_slowly(counter, transaction_pb2.ProcessBatchRequest.FromString(data))
    except (DecodeError, MustLearn) as refused:
        with pytest.raises(InvalidRequest if isinstance(refused, DecodeError) else MustLearn):
            read(counter, inbox, data)
        assert inbox.count == 0
        return
    items = read(counter, inbox, data)
    assert {number: str(error) for number, error in items.errors.items()} == errors
    assert rows_of(inbox, counter) == rows_of(slow, counter)


def read(counter: Counter, inbox: Inbox, data: bytes) -> Items:
    """Read a message as the server does."""
    count, data = count_items(data)
    return counter.codec.read_items(inbox, data, count, counter.decoder(), LINES_MAX)


@given(
    batch=st.lists(requests, min_size=1, max_size=3),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["flip", "drop", "double"]), st.integers(0, 255))),
)
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_kernels_read_damaged_messages_as_the_decoder_does(counter: Counter, batch: list[Any], edits: Any) -> None:
    learn_everything(counter)
    data = bytearray(transaction_pb2.ProcessBatchRequest(items=[item(each) for each in batch]).SerializeToString())
    for place, how, byte in edits:
        if not data:
            break
        at = place % len(data)
        if how == "flip":
            data[at] ^= byte
        elif how == "drop":
            del data[at]
        else:
            data[at:at] = data[max(at - byte, 0) : at]
    check_reading(counter, bytes(data))


@given(data=st.binary(max_size=300))
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_kernels_read_any_bytes_as_the_decoder_does(counter: Counter, data: bytes) -> None:
    check_reading(counter, data)


@given(request=requests)
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_a_request_alone_is_read_as_in_a_batch(counter: Counter, request: Any) -> None:
    learn_everything(counter)
    operation = next(each for each in DECODE if each.name.lower() in type(request).__name__.lower())
    alone, together = Inbox(), Inbox()
    data = transaction_pb2.ProcessBatchRequest(items=[item(request)]).SerializeToString()
    outcomes = []
    for read in (
        lambda: counter.codec.read_one(alone, operation, request.SerializeToString(), type(request), counter.decoder()),
        lambda: raised(counter.codec.read_items(together, data, 1, counter.decoder(), LINES_MAX)),
    ):
        try:
            read()
            outcomes.append("")
        except (InvalidRequest, MustLearn) as error:
            outcomes.append(repr(error) + str(error))
    assert outcomes[0] == outcomes[1]
    if not outcomes[0]:
        assert rows_of(alone, counter) == rows_of(together, counter)


@given(
    request=checks,
    learned=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([1, 8, 128])), max_size=2),
)
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_kernels_read_a_check_of_advice_as_the_decoder_does(
    counter: Counter, request: Any, learned: bool, edits: list[tuple[int, int]]
) -> None:
    if learned:
        learn_everything(counter)
    data = bytearray(request.SerializeToString())
    for place, bit in edits if data else ():
        data[place % len(data)] ^= bit
    quick, slow = Inbox(), Inbox()
    decoder = counter.decoder()
    try:
        ask = decoder.check_advice(advice_pb2.CheckAdviceRequest.FromString(bytes(data)))
        decoder.check()
    except (DecodeError, InvalidRequest) as refused:
        why = ".*" if isinstance(refused, DecodeError) else f"^{re.escape(str(refused))}$"
        with pytest.raises(InvalidRequest, match=why):
            counter.codec.read_one(quick, Operation.CHECK, bytes(data), type(request), counter.decoder())
        assert quick.count == 0
        return
    slow.put(ask)
    counter.codec.read_one(quick, Operation.CHECK, bytes(data), type(request), counter.decoder())
    assert rows_of(quick, counter) == rows_of(slow, counter)


def raised(items: Items) -> None:
    """Raise what is wrong with the only item."""
    if items.errors:
        raise items.errors[0]


# ------------------------------------------------------------------------------------------------------------- writing


def written_slowly(counter: Counter, answers: Any, items: Items) -> transaction_pb2.ProcessBatchResponse:
    """Return the answers to a batch by the encoder alone."""
    response = transaction_pb2.ProcessBatchResponse()
    verdicts = answers.verdicts()
    for number in range(items.count):
        result, verdict = response.results.add(), verdicts[items.first + number]
        if number in items.errors:
            fill_error(result.error, items.errors[number])
        elif verdict.outcome > 0:
            fill_error(result.error, refusal(verdict.outcome))
        else:
            operation = int(answers.requests["operation"][items.first + number])
            counter.encoder.fill_result(result, operation, verdict)
    return response


@given(batches=st.lists(st.lists(requests, min_size=1, max_size=8), min_size=1, max_size=3), again=st.booleans())
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_kernels_write_what_the_encoder_writes(batches: list[list[Any]], again: bool) -> None:
    with open_ledger(rules=RULES) as ledger:
        counter = Counter(ledger)
        for batch in batches * (1 + again):
            ledger.clock.moment += 1_000_000
            data = transaction_pb2.ProcessBatchRequest(items=[item(each) for each in batch]).SerializeToString()
            inbox = Inbox()
            try:
                items = counter.codec.read_items(inbox, data, len(batch), counter.decoder(), LINES_MAX)
            except MustLearn:
                continue
            answers = ledger.decider.decide_inbox(inbox)
            # Twice: the first time, the kernel does not know the rules' names yet.
            for _ in range(2):
                check_writing(counter, answers, items, data)
                counter.codec.__dict__["_written_for"] = None


@given(asked=st.lists(checks | requests, min_size=1, max_size=8))
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_checks_of_advice_among_other_requests_are_answered_each_by_itself(asked: list[Any]) -> None:
    with open_ledger(rules=RULES) as ledger:
        counter = Counter(ledger)
        for _ in range(2):  # the second time there may be advice
            ledger.clock.moment += 1_000_000
            inbox, checked = Inbox(), []
            for request in asked:
                is_check = isinstance(request, advice_pb2.CheckAdviceRequest)
                operation = next(each for each in DECODE if each.name.lower() in type(request).__name__.lower())
                row = inbox.count
                with suppress(InvalidRequest, MustLearn):
                    counter.codec.read_one(
                        inbox, operation, request.SerializeToString(), type(request), counter.decoder()
                    )
                    checked += [row] * is_check
            if not inbox.count:
                return
            answers = ledger.decider.decide_inbox(inbox)
            alone = [answers.verdict(row) for row in range(inbox.count)]
            written = [counter.codec.write_one(answers, row) for row in checked]
            assert alone == answers.verdicts()
            for row, answer in zip(checked, written, strict=True):
                if answers.verdicts()[row].outcome > 0:
                    assert isinstance(answer, PointguardError)
                else:
                    language = counter.tenant.languages.tag(int(answers.languages[row]))
                    assert answer == counter.encoder.check(alone[row], language).SerializeToString()


def check_writing(counter: Counter, answers: Any, items: Items, data: bytes) -> None:
    slow = written_slowly(counter, answers, items)
    assert counter.codec.write_items(answers, items) == slow.SerializeToString(deterministic=True)
    stream = transaction_pb2.StreamTransactionsResponse.FromString(
        counter.codec.write_stream_items(answers, items, data)
    )
    assert [each.result for each in stream.results] == list(slow.results)
    sent = transaction_pb2.ProcessBatchRequest.FromString(data)
    asked = [getattr(each, each.WhichOneof("request") or "") for each in sent.items]
    assert [each.idempotency_key for each in stream.results] == [each.idempotency_key for each in asked]
    for number, result in enumerate(slow.results):
        if number in items.errors:
            continue
        alone = counter.codec.write_one(answers, items.first + number)
        inner = getattr(result, result.WhichOneof("outcome") or "")
        if isinstance(alone, PointguardError):
            assert inner.reason == alone.reason
        else:
            assert alone == inner.SerializeToString(deterministic=True)


# ------------------------------------------------------------------------------------------------------------- columns

MEMBERS = st.sampled_from([(1, ""), (2, ""), (0, "m1"), (0, "m4"), (0, "nobody"), (0, ""), (-1, ""), (99, "")])
ROW = st.fixed_dictionaries(
    {
        "operation": st.sampled_from([1, 1, 1, 5, 5, 5, 2, 3]),
        "member": MEMBERS,
        "points": messages.usual(st.integers(0, 400), messages.odd_numbers),
        "money": messages.usual(st.integers(0, 20_000), messages.odd_numbers),
        "origin": st.integers(0, 3),
        "occurred_at": messages.usual(st.just(0), st.sampled_from([1, -1, 1_700_000_000_000_001])),
        "kind": st.sampled_from([0, 0, 1, 6, 2, 14]),
        "capture": st.booleans(),
        "partial": st.booleans(),
        "coupon": st.booleans(),
        "keep": st.booleans(),
        "key": st.uuids() | st.integers(0, 5).map(lambda n: f"0189000000007000800000000000000{n}"),
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=12), currency=st.sampled_from(["CAD"] * 5 + ["USD"]))
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_columns_are_decided_as_a_batch_is(rows: list[dict[str, Any]], currency: str) -> None:
    with open_ledger(rules=RULES) as ledger, open_ledger(rules=RULES) as other:
        by_columns, by_items = Counter(ledger), Counter(other)
        origins = [
            common_pb2.Origin(store_id="s1", terminal_id="t1"),
            common_pb2.Origin(store_id="nowhere"),
            common_pb2.Origin(channel=common_pb2.CHANNEL_ONLINE),
        ]
        message = transaction_pb2.ProcessBatchColumnsRequest(
            idempotency_keys=b"".join(bytes.fromhex(str(row["key"]).replace("-", "")) for row in rows),
            operations=[row["operation"] for row in rows],
            account_ids=[row["member"][0] for row in rows],
            loyalty_ids=[row["member"][1] for row in rows],
            points=[row["points"] for row in rows],
            money_minor_units=[row["money"] for row in rows],
            currency_code=currency,
            origins=origins,
            origin_numbers=[row["origin"] for row in rows],
            occurred_at_micros=[row["occurred_at"] for row in rows],
            kinds=[row["kind"] for row in rows],
            captures=[row["capture"] for row in rows],
            allow_partials=[row["partial"] for row in rows],
            coupon_useds=[row["coupon"] for row in rows],
            keep_opens=[row["keep"] for row in rows],
            reservation_ids=bytes(16 * len(rows)),
        )
        data = message.SerializeToString()
        for repeated in (False, True):
            request = columns.look_at(data)
            inbox = Inbox()
            items = by_columns.codec.read_columns(inbox, request, data, by_columns.decoder())
            answers = ledger.decider.decide_inbox(inbox)
            response = transaction_pb2.ProcessBatchColumnsResponse.FromString(
                by_columns.codec.write_columns(answers, items)
            )
            said = [request.item(row) for row in range(len(rows)) if request.violation(row) is None]
            assume(said)
            batch = transaction_pb2.ProcessBatchRequest(items=said).SerializeToString()
            inbox = Inbox()
            items = by_items.codec.read_items(inbox, batch, len(said), by_items.decoder(), LINES_MAX)
            expected = transaction_pb2.ProcessBatchResponse.FromString(
                by_items.codec.write_items(other.decider.decide_inbox(inbox), items)
            )
            compare(request, response, iter(expected.results))
            assert ledger_of(by_columns) == ledger_of(by_items), repeated
            # The second time around the members are known to the kernel, and every key is a replay.
            by_columns.codec.learn_members([known(by_columns, 1), known(by_columns, 4)])


def compare(request: Any, response: Any, results: Iterator[Any]) -> None:
    """Compare the answers in columns with those of a batch."""
    errors = {error.row: error.error for error in response.errors}
    reasons: dict[int, list[Any]] = {}
    for reason in response.reasons:
        reasons.setdefault(reason.row, []).append(reason.reason)
    for row in range(request.count):
        if request.violation(row) is not None:
            assert errors[row].field_violations[0].field == "amount"
            continue
        result = next(results)
        if result.WhichOneof("outcome") == "error":
            assert errors[row] == result.error
            assert response.account_ids[row] == 0
            continue
        answer = getattr(result, result.WhichOneof("outcome"))
        assert row not in errors
        assert response.account_ids[row] == answer.account_id
        assert (response.posted[row], response.reserved[row]) == (answer.balance.posted, answer.balance.reserved)
        assert response.points[row] == getattr(answer, "points", 0)
        assert response.decisions[row] == getattr(answer, "decision", 1)
        assert reasons.get(row, []) == list(getattr(answer, "reasons", ()))
        if result.WhichOneof("outcome") == "authorise_redemption":
            assert response.money_minor_units[row] == answer.money.minor_units
            assert response.expires_at_micros[row] == answer.expires_at.ToMicroseconds()


def ledger_of(counter: Counter) -> list[tuple[Any, ...]]:
    """Return a ledger's legs but for what is random."""
    cursor = counter.ledger.connection.execute("SELECT * FROM legs ORDER BY position")
    names = [column[0] for column in cursor.description]
    kept = [index for index, name in enumerate(names) if name not in ("transaction_id", "record")]
    return [tuple(row[index] for index in kept) for row in cursor]


def test_columns_that_do_not_fit_are_named() -> None:
    good: dict[str, Any] = {"idempotency_keys": bytes(32), "operations": [5, 5], "account_ids": [1, 2]}
    for changes, field in (
        ({"idempotency_keys": b""}, "idempotency_keys"),
        ({"idempotency_keys": bytes(33)}, "idempotency_keys"),
        ({"operations": [5]}, "operations"),
        ({"operations": [5, 4]}, "operations"),
        ({"operations": []}, "operations"),
        ({"points": [1]}, "points"),
        ({"loyalty_ids": ["a"]}, "loyalty_ids"),
        ({"kinds": [1, 300]}, "kinds"),
        ({"origin_numbers": [0, 1]}, "origin_numbers"),
        ({"reservation_ids": bytes(16)}, "reservation_ids"),
    ):
        message = transaction_pb2.ProcessBatchColumnsRequest(**{**good, **changes})
        with pytest.raises(InvalidRequest) as refused:
            columns.look_at(message.SerializeToString())
        assert field in [violation.field for violation in refused.value.violations], changes
    for data in (b"\x0a", b"\x0a\x7f", b"\xff" * 20, b"\x08\x01", 2 * (b"\x0a\x10" + bytes(16))):
        with pytest.raises(InvalidRequest):
            columns.look_at(data)


def test_a_codec_forgets_and_learns_again(counter: Counter) -> None:
    codec = Codec(counter.tenant, counter.encoder)
    request = transaction_pb2.AccrueRequest(
        idempotency_key="k",
        member=common_pb2.MemberReference(loyalty_id="m1"),
        total=common_pb2.Money(currency_code="CAD", minor_units=1),
    )
    operation = Operation.ACCRUE
    inbox = Inbox()
    named = codec.read_one(inbox, operation, request.SerializeToString(), type(request), counter.decoder())
    assert [(each.kind, each.text) for each in named] == [(2, "m1")]
    codec.learn_members([known(counter, 1)])
    assert not codec.read_one(inbox, operation, request.SerializeToString(), type(request), counter.decoder())
    assert rows_of(inbox, counter)[0] == rows_of(inbox, counter)[1]
