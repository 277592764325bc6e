"""What tills are shown: the messages of fraud rules in answers, whoever decodes and encodes them, and in repeats."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_server.domain.codes import Operation
from pointguard_server.engine.inbox import Inbox
from pointguard_server.rpc.encode import Encoder
from pointguard_server.rpc.wire.codec import DECODE, Codec, count_items
from pointguard_server.service.messages import Messages
from pointguard_server.service.program_config import load_program_config
from tests.support.ledger import DAY, Ledger
from tests.support.messages import Counter

NewLedger = Callable[..., Ledger]
RULE = """
[[fraud_rule]]
name = "eager"
context = "{context}"
counts = {{ kinds = ["{kind}"], attempts = "ALL" }}
measure = "COUNT"
window = {{ rolling = "7d" }}
threshold = 2
posture = "{posture}"
duration = "10d"
message = {{ en = "{{measured}} in {{days}} days, until {{until}}", fr = "{{measured}} en {{days}} jours" }}
"""
WARNS = RULE.format(context="REDEMPTION", kind="ADHOC_REDEEM", posture="WARN")
# The ledger's moment is 2026-09-21T14:13:20Z.
UNTIL = "2026-10-01 10:14"


def told_by(ledger: Ledger) -> tuple[Counter, Messages]:
    """Return a codec that has the messages of a ledger's program."""
    counter = Counter(ledger)
    messages = Messages(load_program_config(ledger.configuration, "test"))
    counter.tenant = replace(counter.tenant, messages=messages)
    counter.codec.serve(counter.tenant)
    return counter, messages


def authorise(key: str, language: str = "") -> transaction_pb2.AuthoriseRedemptionRequest:
    member = common_pb2.MemberReference(account_id=1)
    return transaction_pb2.AuthoriseRedemptionRequest(idempotency_key=key, member=member, points=1, language=language)


def answer(counter: Counter, *requests: Any) -> list[Any]:
    """Have requests read and decided as one batch, and their answers written."""
    inbox, responses = Inbox(), []
    for request in requests:
        operation = Operation.ACCRUE if isinstance(request, transaction_pb2.AccrueRequest) else Operation.AUTHORISE
        counter.codec.read_one(inbox, operation, request.SerializeToString(), type(request), counter.decoder())
    answers = counter.ledger.decider.decide_inbox(inbox)
    for row, request in enumerate(requests):
        written = counter.codec.write_one(answers, row)
        assert isinstance(written, bytes)
        is_accrual = isinstance(request, transaction_pb2.AccrueRequest)
        response = transaction_pb2.AccrueResponse() if is_accrual else transaction_pb2.AuthoriseRedemptionResponse()
        response.ParseFromString(written)
        responses.append(response)
    return responses


def texts(response: Message) -> list[str]:
    return [reason.text for reason in response.reasons]  # type: ignore[attr-defined]


def test_an_answer_has_the_message_in_the_language_that_its_request_asks_for(new_ledger: NewLedger) -> None:
    counter, _ = told_by(new_ledger(rules=WARNS))
    first, second = answer(counter, authorise("1"), authorise("2"))
    assert not first.reasons
    assert not second.reasons
    third, fourth, fifth = answer(counter, authorise("3", "fr-CA"), authorise("4", "de"), authorise("5", "fr-CA"))
    # What trips, and then what stands: the advice has seen three, and goes on standing.
    assert texts(third) == ["3 en 7 jours"]
    assert texts(fourth) == [f"3 in 7 days, until {UNTIL}"]
    assert texts(fifth) == ["3 en 7 jours"]


def test_a_repeat_has_the_same_values_in_its_own_language(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=WARNS)
    counter, _ = told_by(ledger)
    *_, first = answer(counter, authorise("1"), authorise("2"), authorise("3"))
    ledger.clock.moment += DAY
    answer(counter, *(authorise(f"more {number}") for number in range(3)))
    again, french, another = answer(counter, authorise("3"), authorise("3", "fr"), authorise("3", "en"))
    assert first == again == another
    assert texts(again) == [f"3 in 7 days, until {UNTIL}"]
    assert texts(french) == ["3 en 7 jours"]
    ledger.restart_decider()
    assert answer(counter, authorise("3"))[0] == first


def test_a_batch_tells_each_of_its_requests_in_its_own_language(new_ledger: NewLedger) -> None:
    counter, _ = told_by(new_ledger(rules=RULE.format(context="EARNING", kind="PURCHASE", posture="BLOCK")))
    total = common_pb2.Money(currency_code="CAD", minor_units=100)
    member = common_pb2.MemberReference(loyalty_id="m2")
    asked = [
        transaction_pb2.AccrueRequest(idempotency_key=f"{n}", member=member, total=total, language=language)
        for n, language in enumerate(("", "fr", "en", "fr"))
    ]
    batch = transaction_pb2.ProcessBatchRequest(items=[transaction_pb2.BatchItem(accrue=each) for each in asked])
    # Members begin with a purchase, and the second is the last that passes.
    for _ in range(2):
        inbox, data = Inbox(), batch.SerializeToString()
        items = counter.codec.read_items(inbox, data, count_items(data)[0], counter.decoder(), 100)
        written = counter.codec.write_items(counter.ledger.decider.decide_inbox(inbox), items)
        results = transaction_pb2.ProcessBatchResponse.FromString(written).results
        told = [texts(result.accrue) for result in results]
        assert told == [[], ["3 en 7 jours"], [f"3 in 7 days, until {UNTIL}"], ["3 en 7 jours"]]


def test_the_kernel_reads_a_language_that_was_named_before_and_writes_what_has_no_message(
    new_ledger: NewLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger(rules=WARNS)
    counter, _ = told_by(ledger)
    answer(counter, authorise("1", "fr"))

    def refuse(*_: object) -> None:
        raise AssertionError("a request was decoded, or an answer encoded")

    monkeypatch.setitem(DECODE, Operation.AUTHORISE, refuse)
    monkeypatch.setattr(Encoder, "fill_result", refuse)
    assert not answer(counter, authorise("2", "fr"))[0].reasons


def test_messages_are_those_of_the_rules_that_decide_now(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=WARNS.split("message")[0])
    counter = Counter(ledger)
    *_, silent = answer(counter, authorise("1"), authorise("2"), authorise("3"))
    assert texts(silent) == [""]
    messages = Messages(load_program_config(ledger.configuration + 'message = { en = "Ask for a PIN." }', "test"))
    counter.codec.serve(replace(counter.tenant, messages=messages))
    fresh, again = answer(counter, authorise("4"), authorise("3"))
    assert texts(fresh) == texts(again) == ["Ask for a PIN."]


def test_checks_and_quotes_show_messages_but_of_advice_that_only_records(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=WARNS + WARNS.replace('"eager"', '"watched"') + 'mode = "ALERT_ONLY"\n')
    counter, messages = told_by(ledger)
    answer(counter, authorise("1"), authorise("2"), authorise("3"))
    account = counter.accounts[0]
    encoder = Encoder("CAD", ledger.names.text, messages)
    shown = encoder.check(ledger.check(account), "fr")
    assert [(advice.rule, advice.text) for advice in shown.advice] == [("eager", "3 en 7 jours"), ("watched", "")]
    assert {advice.scope for advice in shown.advice} == {common_pb2.FRAUD_SCOPE_ACCOUNT}
    quote = encoder.quote(ledger.quote(account), "")
    assert [advice.text for advice in quote.advice] == [f"3 in 7 days, until {UNTIL}", ""]
    warned = [reason for reason in quote.limits if reason.code == common_pb2.REASON_CODE_FRAUD_WARNING]
    assert [reason.text for reason in warned] == [f"3 in 7 days, until {UNTIL}"]


def test_a_language_that_is_no_tag_is_refused_with_its_field(new_ledger: NewLedger) -> None:
    counter, _ = told_by(new_ledger(rules=WARNS))
    decoder = counter.decoder()
    DECODE[Operation.AUTHORISE](decoder, authorise("1", "fr_CA"))
    with pytest.raises(Exception, match="language"):
        decoder.check()


def test_a_codec_that_learned_a_rule_s_name_forgets_it_once_it_has_a_message(new_ledger: NewLedger) -> None:
    ledger = new_ledger(rules=WARNS)
    counter, messages = told_by(ledger)
    plain = replace(counter.tenant, messages=Messages())
    codec = counter.codec = Codec(plain, Encoder("CAD", ledger.names.text))
    answer(counter, authorise("1"), authorise("2"), authorise("3"))
    assert texts(answer(counter, authorise("4"))[0]) == [""]
    codec.serve(replace(plain, messages=messages))
    assert texts(answer(counter, authorise("5"))[0]) == [f"3 in 7 days, until {UNTIL}"]
