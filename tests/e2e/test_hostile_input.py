"""Malformed, extreme and hostile requests: each is refused by the status and the field that the contract promises.

Whatever is sent, a client never sees INTERNAL or UNKNOWN, a word of an exception, of SQL, or of what it sent itself.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import common_pb2, member_pb2, transaction_pb2
from pointguard_client import new_idempotency_key
from tests.e2e.hostile_activity import activity_cases
from tests.e2e.hostile_advice import advice_cases
from tests.e2e.hostile_books import books_cases
from tests.e2e.hostile_experiments import experiment_cases
from tests.e2e.hostile_offline import offline_cases
from tests.e2e.hostile_rules import rule_cases
from tests.e2e.hostile_shadows import shadow_cases
from tests.e2e.hostile_transfers import transfer_cases
from tests.e2e.raw_calls import OCCURRED, RAW_TILL, RPCS, Answer, RawCalls
from tests.support.server import ServerProcess

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UNKNOWN_ID = "0189abcd-0000-7000-8000-00000000beef"
"""A well-formed id that nothing has."""
CANARY = "canary'); DROP TABLE legs;--"
"""Stands in hostile texts: it must not come back."""
TELLTALES = (
    b"canary",
    b"Traceback",
    b'File "',
    b"sqlite",
    b"SELECT",
    b"Error(",
    b"Exception",
    b"numpy",
    b"pointguard_server",
)
LONG = CANARY + "x" * 100


@pytest.fixture(autouse=True)
def no_fault_is_logged(shared_server: ServerProcess) -> Iterator[None]:
    """No request, however hostile, may show a defect: the log stays as it was and the ledger stays open."""
    before = shared_server.complaints()
    yield
    assert shared_server.complaints() == before
    assert shared_server.get("/readyz")[0] == 200


def assert_refused(answer: Answer, code: str, *fields: str) -> None:
    """The call was refused by this status, naming exactly these fields, and gives nothing away."""
    assert (answer.code, set(answer.fields)) == (code, set(fields)), answer
    assert len(answer.error_id) == 32
    for telltale in TELLTALES:
        assert telltale not in answer.raw_details
        assert telltale not in answer.text.encode()


@dataclass(frozen=True, slots=True)
class Case:
    """A request that is sound but for some fields, and the field that the refusal names."""

    rpc: str
    changes: dict[str, Any]
    field: str

    def __str__(self) -> str:
        values = " ".join(f"{name}={str(value).strip()[:40]!r}" for name, value in self.changes.items())
        return f"{self.rpc} {values}".replace("\n", " ")


def money(minor_units: int = 100, currency_code: str = "CAD") -> common_pb2.Money:
    return common_pb2.Money(currency_code=currency_code, minor_units=minor_units)


def basket(*lines: transaction_pb2.BasketLine, currency_code: str = "CAD") -> transaction_pb2.Basket:
    return transaction_pb2.Basket(currency_code=currency_code, lines=lines)


def line(**fields: Any) -> transaction_pb2.BasketLine:
    return transaction_pb2.BasketLine(**{"quantity": 1, "amount_minor_units": 100, **fields})


def bad_references() -> Iterator[tuple[common_pb2.MemberReference, str]]:
    """Yield references that can find nobody, and the end of the field's path."""
    reference: Any = common_pb2.MemberReference
    yield reference(), ""
    for number in (0, -1, INT64_MIN):
        yield reference(account_id=number), ".account_id"
    for name in ("loyalty_id", "external_id", "card"):
        for text in ("", "   ", "x" * 65, "é" * 33, "a\0b", "a\nb", "\u202eabc", "x" * 2000):
            yield reference(**{name: text}), f".{name}"
    for text in ("", "4165550123", "+0123456789", "+1416555012345678", "+1 416 555 0123", "+1416555\n", CANARY):
        if text.strip() != "+1416555":
            yield reference(phone=text), ".phone"
    for text in ("", "ada", "@example.com", "ada@", "a@b@c", "a b@example.com", f"{'x' * 250}@example.com", "a\0@b"):
        yield reference(email=text), ".email"
    for text in ("", "not a guid", "01890000-0000-7000-8000-00000000000g", "0" * 32):
        yield reference(device_guid=text), ".device_guid"


def bad_origins(rpc: str) -> Iterator[tuple[common_pb2.Origin, str]]:
    """Yield origins that cannot be, and the field at fault."""

    def origin(**fields: Any) -> common_pb2.Origin:
        # What happened elsewhere happened at some time.
        usual: dict[str, Any] = {"occurred_at": OCCURRED.occurred_at} if rpc == "RecordActivity" else {}
        if rpc == "IssueAllowance":
            usual = {"store_id": RAW_TILL.store_id, "terminal_id": RAW_TILL.terminal_id}
        return common_pb2.Origin(**(usual | fields))

    for text in ("no such store", LONG, "1' OR '1'='1", "\0", " 12"):
        yield origin(store_id=text), "origin.store_id"
    for name in ("terminal_id", "cashier_id"):
        for text in ("x" * 33, "é" * 17, "a\tb", "\x7f", LONG):
            yield origin(**{name: text}), f"origin.{name}"
    for number in (-1, 5, 99, 2**31 - 1, -(2**31)):
        yield origin(channel=number), "origin.channel"
    for seconds, nanos in ((0, 0), (INT64_MAX, 0), (INT64_MIN, 0), (1_700_000_000, -1), (1_700_000_000, 10**9)):
        yield origin(occurred_at=Timestamp(seconds=seconds, nanos=nanos)), "origin.occurred_at"


TEXT_FIELDS = {
    "idempotency_key": ("", "x" * 65, "é" * 33, "x" * 100_000),
    "redemption_type": ("x" * 33, "é" * 17, "a\nb", LONG),
    "tender": ("x" * 33, "é" * 17, "a\nb", LONG),
    "tier": ("x" * 33, "é" * 17, "a\nb", LONG),
    "order_reference": ("x" * 65, "é" * 33, "a\0", LONG),
    "reservation_id": ("", "1", "x" * 36, "0189000000007000800000000000000000", f"{{{UNKNOWN_ID}}}", CANARY),
    "advice_id": ("", "1", "x" * 36, "0189000000007000800000000000000000", f"{{{UNKNOWN_ID}}}", CANARY),
    "transaction_id": ("", "1", "x" * 36, "0189000000007000800000000000000000", f"{{{UNKNOWN_ID}}}", CANARY),
}


def cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC, for every way in which it can be wrong."""
    for rpc, has in RPCS.items():
        names = has.request_class.DESCRIPTOR.fields_by_name
        for name, texts in TEXT_FIELDS.items():
            # An order that is tried out is one or the other.
            without = {"order": None} if name == "transaction_id" and "order" in names else {}
            if name in names:
                yield from (Case(rpc, {name: text, **without}, name) for text in texts)
        for name in {"member", "identifier"} & set(names):
            yield from (Case(rpc, {name: reference}, name + end) for reference, end in bad_references())
            # Without a member they are about the whole program, or about something else that they name.
            if rpc not in ("ListAdvice", "ListCases", "AddExemption", "ReturnTransaction"):
                yield Case(rpc, {name: None}, name)
        if "origin" in names:
            yield from (Case(rpc, {"origin": origin}, field) for origin, field in bad_origins(rpc))
    yield from amount_cases()
    yield from member_cases()
    yield from column_cases()
    yield from (Case(*case) for case in (*rule_cases(), *experiment_cases(), *shadow_cases(), *advice_cases()))
    yield from (Case(*case) for case in transfer_cases(list(bad_references())))
    yield from (Case(*case) for case in (*activity_cases(), *books_cases(), *offline_cases()))


def return_cases() -> Iterator[Case]:
    """Yield wrong originals, amounts and lines of returns."""
    for text in ("1", "x" * 36, CANARY, "00000000-0000-0000-0000-000000000000"):
        yield Case("ReturnTransaction", {"original_transaction_id": text}, "original_transaction_id")
    yield Case("ReturnTransaction", {"original_transaction_id": None}, "member")
    member = common_pb2.MemberReference(loyalty_id="1")
    without = {"original_transaction_id": None, "member": member, "money": None}
    yield Case("ReturnTransaction", without, "amount")
    yield Case("ReturnTransaction", {**without, "points": 5}, "amount")
    for points in (0, -1, 10**12 + 1, INT64_MIN):
        yield Case("ReturnTransaction", {"money": None, "points": points}, "points")
    for units in (0, -1, 10**12 + 1, INT64_MAX):
        yield Case("ReturnTransaction", {"money": money(units)}, "money.minor_units")
    yield Case("ReturnTransaction", {"money": money(100, "USD")}, "money.currency_code")
    lines: Any = transaction_pb2.ReturnedLines
    for count in (0, 1_001):
        many = [transaction_pb2.ReturnedLine(line=number) for number in range(1, count + 1)]
        yield Case("ReturnTransaction", {"money": None, "lines": lines(lines=many)}, "lines.lines")
    for line, amount, field in (
        (0, 1, "[0].line"),
        (-1, 1, "[0].line"),
        (1_001, 1, "[0].line"),
        (1, -1, "[0].amount_minor_units"),
        (1, INT64_MAX, "[0].amount_minor_units"),
    ):
        one = transaction_pb2.ReturnedLine(line=line, amount_minor_units=amount)
        yield Case("ReturnTransaction", {"money": None, "lines": lines(lines=[one])}, f"lines.lines{field}")
    twice = [transaction_pb2.ReturnedLine(line=1)] * 2
    yield Case("ReturnTransaction", {"money": None, "lines": lines(lines=twice)}, "lines.lines[1].line")


def adjustment_cases() -> Iterator[Case]:
    """Yield wrong points, kinds, originals and words of adjustments."""
    for points in (0, -1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield Case("AdjustPoints", {"signed_points": points}, "signed_points")
    adjustment, correction = common_pb2.TRANSACTION_KIND_ADJUSTMENT, common_pb2.TRANSACTION_KIND_CORRECTION
    yield Case("AdjustPoints", {"kind": adjustment, "signed_points": -(10**12) - 1}, "signed_points")
    for kind in (-1, common_pb2.TRANSACTION_KIND_PURCHASE, 99):
        yield Case("AdjustPoints", {"kind": kind}, "kind")
    yield Case("AdjustPoints", {"kind": correction}, "corrects_transaction_id")
    yield Case("AdjustPoints", {"corrects_transaction_id": UNKNOWN_ID}, "corrects_transaction_id")
    for text in ("1", "x" * 36, CANARY, "00000000-0000-0000-0000-000000000000"):
        original = {"kind": correction, "corrects_transaction_id": text}
        yield Case("AdjustPoints", original, "corrects_transaction_id")
    for name, length in (("agent_id", 64), ("reason_code", 32), ("note", 500)):
        for text in ("", "x" * (length + 1), "a\0b", CANARY + "x" * length):
            yield Case("AdjustPoints", {name: text}, name)
    for text in ("x" * 65, "a\0b"):
        yield Case("SetRedemptionLock", {"agent_id": text}, "agent_id")


def amount_cases() -> Iterator[Case]:
    """Yield wrong points, money, kinds, times to live and baskets."""
    for points in (0, -1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield Case("AuthoriseRedemption", {"points": points}, "points")
    for points in (-1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield Case("CaptureRedemption", {"points": points}, "points")
    for seconds in (0, -1, 7 * 86_400 + 1, 10**11):
        yield Case("ExtendReservation", {"time_to_live": Duration(seconds=seconds)}, "time_to_live")
    yield from return_cases()
    yield from adjustment_cases()
    yield Case("AuthoriseRedemption", {"points": None}, "amount")
    for factor in (0, -1, 5, 2**31 - 1):
        yield Case("AuthoriseRedemption", {"verified_by": [common_pb2.FACTOR_PIN, factor]}, "verified_by[1]")
    yield Case("Accrue", {"total": None}, "amount")
    for units in (0, -1, 10**12 + 1, INT64_MAX, INT64_MIN):
        yield Case("AuthoriseRedemption", {"points": None, "money": money(units)}, "money.minor_units")
        if units:
            yield Case("Accrue", {"total": money(units)}, "total.minor_units")
    for code in ("", "USD", "cad", "CAD ", "C\0D", LONG):
        yield Case("AuthoriseRedemption", {"points": None, "money": money(100, code)}, "money.currency_code")
        yield Case("Accrue", {"total": money(100, code)}, "total.currency_code")
        yield Case("Accrue", {"total": None, "basket": basket(line(), currency_code=code)}, "basket.currency_code")
    for kind in (-1, 2, 3, 8, 15, 2**31 - 1):
        yield Case("AuthoriseRedemption", {"kind": kind}, "kind")
        if kind != 2:
            yield Case("Accrue", {"kind": kind}, "kind")
    for seconds, nanos in (
        (0, 0),
        (0, 999_999_999),
        (-1, 0),
        (7 * 86_400, 1000),
        (INT64_MAX, 0),
        (INT64_MIN, 0),
        (5, -5),
    ):
        yield Case("AuthoriseRedemption", {"time_to_live": Duration(seconds=seconds, nanos=nanos)}, "time_to_live")
    yield Case("AuthoriseRedemption", {"capture": True, "time_to_live": Duration(seconds=60)}, "time_to_live")
    for changes, end in (
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1_000_001}, "quantity"),
        ({"quantity": INT64_MAX}, "quantity"),
        ({"amount_minor_units": -1}, "amount_minor_units"),
        ({"amount_minor_units": INT64_MAX}, "amount_minor_units"),
        ({"amount_minor_units": INT64_MIN}, "amount_minor_units"),
        ({"sku": "x" * 65}, "sku"),
        ({"category": LONG}, "category"),
        ({"brand": "é" * 33}, "brand"),
    ):
        yield Case("Accrue", {"total": None, "basket": basket(line(), line(**changes))}, f"basket.lines[1].{end}")
    yield Case("Accrue", {"total": None, "basket": basket()}, "basket.lines")
    yield Case("Accrue", {"total": None, "basket": basket(*[line()] * 1_001)}, "basket.lines")
    yield Case("Accrue", {"total": None, "basket": basket(*[line(amount_minor_units=10**12)] * 2)}, "basket")


def column_cases() -> Iterator[Case]:
    """Yield columns that do not fit."""
    origin = common_pb2.Origin(occurred_at=Timestamp(seconds=1_700_000_000))
    changes: dict[str, Any]
    for changes in (
        {"idempotency_keys": b""},
        {"idempotency_keys": bytes(15)},
        {"idempotency_keys": bytes(16 * 10_001)},
        {"operations": []},
        {"operations": [4]},
        {"operations": [5, 5]},
        {"operations": [300]},
        {"account_ids": [1, 2]},
        {"loyalty_ids": ["a", "b"]},
        {"points": [1, 2]},
        {"money_minor_units": [1, 2]},
        {"origin_numbers": [1]},
        {"kinds": [200]},
        {"captures": [True, False]},
        {"reservation_ids": bytes(17)},
    ):
        yield Case("ProcessBatchColumns", changes, next(iter(changes)))
    yield Case("ProcessBatchColumns", {"origins": [origin]}, "origins[0].occurred_at")


def member_cases() -> Iterator[Case]:
    """Yield wrong enrollments and contexts."""
    reference: Any = common_pb2.MemberReference
    yield Case("EnrollMember", {"identifiers": []}, "identifiers")
    many = [reference(card=f"card {number}") for number in range(17)]
    yield Case("EnrollMember", {"identifiers": many}, "identifiers")
    yield Case("EnrollMember", {"identifiers": [reference(account_id=5)]}, "identifiers[0].account_id")
    yield Case("EnrollMember", {"identifiers": [many[0], reference(phone="12")]}, "identifiers[1].phone")
    yield Case("EnrollMember", {"identifiers": [many[0], reference()]}, "identifiers[1]")
    yield Case("LinkIdentifier", {"identifier": reference(account_id=5)}, "identifier.account_id")
    for name in ("given_name", "family_name"):
        for text in ("x" * 129, "é" * 65, "a\0b", LONG * 2):
            yield Case("EnrollMember", {"profile": member_pb2.Profile(**{name: text})}, f"profile.{name}")
    for text in ("Ontario", "ca-on", "CA-", "CA-ONTA", "CA-ON\n", CANARY):
        yield Case("EnrollMember", {"profile": member_pb2.Profile(province=text)}, "profile.province")
    for text in (
        "1980",
        "29.02.1980",
        "1981-02-29",
        "0001-01-01",
        "1980-02-29T00:00",
        "\uff11\uff19\uff18\uff10-02-29",
        "1899-12-31",
        "9999-12-31",
        "19800229",
        CANARY,
    ):
        yield Case("UpdateMember", {"birth_date": text}, "birth_date")
        yield Case("EnrollMember", {"profile": member_pb2.Profile(birth_date=text)}, "profile.birth_date")
    for card in ("card", "replacement"):
        for wrong in (reference(account_id=5), reference(phone="+14165550100"), reference()):
            yield Case("ReplaceCard", {card: wrong}, card)
    yield from group_cases()
    for context in (-1, 5, 2**31 - 1):
        yield Case("CheckAdvice", {"context": context}, "context")


def group_cases() -> Iterator[Case]:
    """Yield wrong groups and wrong members of them."""
    member: Any = common_pb2.MemberReference
    for rpc in ("AddToGroup", "RemoveFromGroup"):
        yield Case(rpc, {"members": []}, "members")
        yield Case(rpc, {"members": [member(account_id=5)] * 1_001}, "members")
        yield Case(rpc, {"members": [member(account_id=5), member(phone="12")]}, "members[1].phone")
        nobody = common_pb2.Intervention(reason=common_pb2.INTERVENTION_REASON_CORRECTION)
        yield Case(rpc, {"intervention": nobody}, "intervention.author")
    for rpc in ("AddToGroup", "RemoveFromGroup", "ListGroupMembers"):
        for text in ("", "x" * 33, "a\nb", LONG):
            yield Case(rpc, {"group": text}, "group")
    for size in (-1, 1_001):
        yield Case("ListGroupMembers", {"page_size": size}, "page_size")
    yield Case("ListGroupMembers", {"page_token": "x"}, "page_token")


CASES = list(cases())
LISTS = {name for name in RPCS if name.startswith("List")} - {"ListGroupMembers", "ListDiscrepancies"}
"""RPCs whose empty message asks for the first page."""
NEWEST = {"GetShadow", "WatchAdvice", "GetConfigurationVersion", "LiabilityReport"}
"""RPCs whose empty message asks for the newest of all, or what is in force, if any; they take no texts."""
OVERLONG_TEXT = b"\x12\x04\x12\x02\xc0\x80"
NO_TEXT = (b"\x0a\x02\xff\xfe", b"\x0a\x03\xed\xa0\x80")
"""A first field that holds no UTF-8."""


@pytest.mark.parametrize("rpc", sorted(RPCS))
def test_a_field_that_is_wrong_is_named(raw: RawCalls, rpc: str) -> None:
    own = [case for case in CASES if case.rpc == rpc]
    assert len(own) > 4 or rpc in ("ProcessBatch", "StreamTransactions", "RecordActivities", "StreamActivities"), (
        "those have items, which have cases of their own"
    )
    for case in own:
        answer = raw.call(rpc, RPCS[rpc].request(**case.changes))
        assert set(answer.fields) == {case.field}, f"{case}: {answer}"
        assert_refused(answer, "INVALID_ARGUMENT", case.field)


@pytest.mark.parametrize(
    "rpc",
    [
        "AuthoriseRedemption",
        "CaptureRedemption",
        "VoidRedemption",
        "ExtendReservation",
        "Accrue",
        "ReturnTransaction",
        "TransferPoints",
        "RedeemHousehold",
    ],
)
def test_an_item_of_a_batch_is_refused_as_the_call_alone_would_be(raw: RawCalls, rpc: str) -> None:
    names = {"AuthoriseRedemption": "authorise_redemption", "CaptureRedemption": "capture_redemption"}
    names |= {"VoidRedemption": "void_redemption", "Accrue": "accrue", "ReturnTransaction": "return_transaction"}
    names |= {"ExtendReservation": "extend_reservation"}
    names |= {"TransferPoints": "transfer_points", "RedeemHousehold": "redeem_household"}
    name = names[rpc]
    own = [case for case in CASES if case.rpc == rpc]
    items = [transaction_pb2.BatchItem(**{name: RPCS[rpc].request(**case.changes)}) for case in own]
    answer = raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=[*items, transaction_pb2.BatchItem()]))
    assert answer.code == "OK"
    *refused, empty = answer.message.results
    assert [violation.field for violation in empty.error.field_violations] == ["request"]
    for case, result in zip(own, refused, strict=True):
        assert (result.error.code, result.error.reason) == (3, "INVALID_REQUEST"), case
        assert {violation.field for violation in result.error.field_violations} == {case.field}, case
    assert not [telltale for telltale in TELLTALES if telltale in answer.message.SerializeToString()]


def test_every_wrong_field_is_named_at_once(raw: RawCalls) -> None:
    request = transaction_pb2.AuthoriseRedemptionRequest(
        kind=99,  # type: ignore[arg-type]
        redemption_type="x" * 33,
        origin=common_pb2.Origin(store_id="nowhere", channel=77),  # type: ignore[arg-type]
    )
    answer = raw.call("AuthoriseRedemption", request)
    wrong = ("idempotency_key", "member", "amount", "kind", "redemption_type", "origin.store_id", "origin.channel")
    assert_refused(answer, "INVALID_ARGUMENT", *wrong)


@pytest.mark.parametrize("rpc", sorted(RPCS.keys() - LISTS - NEWEST))
def test_an_empty_message_is_invalid(raw: RawCalls, rpc: str) -> None:
    answer = raw.call(rpc, b"")
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.fields


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x0a\x05ab",
        *NO_TEXT,
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x0b" * 200,
        b"\x00\x00",
        b"\x07",
        OVERLONG_TEXT,
    ],
    ids=[
        "an endless varint",
        "cut short",
        "not UTF-8",
        "a surrogate",
        "four gigabytes announced",
        "groups that never end",
        "field number 0",
        "an unknown wire type",
        "an overlong zero",
    ],
)
@pytest.mark.parametrize("rpc", sorted(RPCS))
def test_bytes_that_are_no_message_are_invalid(raw: RawCalls, rpc: str, data: bytes) -> None:
    if rpc in LISTS and data in NO_TEXT:
        pytest.skip("its first field is a number: a text in its place is passed over as unknown")
    if rpc in ("ListAdvice", "ListExemptions", "ListRedemptionStops", "ListAllowanceKeys") and data == OVERLONG_TEXT:
        pytest.skip("its second field is no text: one in its place is passed over as unknown")
    if rpc in NEWEST and data in (*NO_TEXT, OVERLONG_TEXT):
        pytest.skip("it has no texts: those in the places of others are passed over as unknown")
    answer = raw.call(rpc, data)
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.fields
    assert_refused(answer, "INVALID_ARGUMENT", *answer.fields)


@pytest.mark.parametrize("rpc", sorted(RPCS))
def test_a_message_cut_anywhere_is_answered_in_an_orderly_way(raw: RawCalls, rpc: str) -> None:
    whole = RPCS[rpc].request().SerializeToString()
    for size in range(len(whole)):
        answer = raw.call(rpc, whole[:size])
        assert answer.code in ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS"), (size, answer)


def test_fields_of_another_type_are_passed_over_as_unknown(raw: RawCalls) -> None:
    key_as_number = b"\x08\x07" + RPCS["Accrue"].request(idempotency_key=None).SerializeToString()
    assert_refused(raw.call("Accrue", key_as_number), "INVALID_ARGUMENT", "idempotency_key")


@pytest.mark.parametrize(
    ("rpc", "changes"),
    [
        ("GetBalance", {"member": common_pb2.MemberReference(account_id=INT64_MAX)}),
        ("GetBalance", {"member": common_pb2.MemberReference(loyalty_id="nobody")}),
        ("GetBalance", {"member": common_pb2.MemberReference(card=CANARY)}),
        ("QuoteRedemption", {"member": common_pb2.MemberReference(email="nobody@example.com")}),
        ("CheckAdvice", {"member": common_pb2.MemberReference(phone="+14165559999")}),
        ("FindMember", {"member": common_pb2.MemberReference(device_guid=UNKNOWN_ID)}),
        ("Accrue", {"member": common_pb2.MemberReference(external_id="1' OR '1'='1")}),
        ("AuthoriseRedemption", {"member": common_pb2.MemberReference(loyalty_id="%")}),
        (
            "LinkIdentifier",
            {
                "member": common_pb2.MemberReference(account_id=10**15),
                # One that is somebody's already would be refused for that.
                "identifier": common_pb2.MemberReference(card=UNKNOWN_ID),
            },
        ),
        ("UpdateMember", {"member": common_pb2.MemberReference(account_id=10**15)}),
        ("SetRedemptionLock", {"member": common_pb2.MemberReference(account_id=10**15)}),
        ("RaiseAdvice", {"member": common_pb2.MemberReference(account_id=10**15)}),
        ("SetAccountStatus", {"member": common_pb2.MemberReference(account_id=10**15)}),
        ("ListAdvice", {"member": common_pb2.MemberReference(account_id=10**15)}),
        ("OverrideAdvice", {"advice_id": UNKNOWN_ID}),
        ("RemoveAdvice", {"advice_id": "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
        ("CaptureRedemption", {"reservation_id": UNKNOWN_ID}),
        ("ExtendReservation", {"reservation_id": UNKNOWN_ID}),
        ("ReturnTransaction", {"original_transaction_id": UNKNOWN_ID}),
        ("TransferPoints", {"to": common_pb2.MemberReference(card=UNKNOWN_ID)}),
        ("RedeemHousehold", {"members": [common_pb2.MemberReference(card=UNKNOWN_ID)] * 2}),
        ("VoidRedemption", {"reservation_id": "00000000-0000-0000-0000-000000000000"}),
        ("GetTransaction", {"transaction_id": "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
        ("ExplainDecision", {"transaction_id": "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
        ("ExplainDecision", {"transaction_id": None, "idempotency_key": "never used"}),
        ("SimulateRuleSet", {"transaction_id": "ffffffff-ffff-ffff-ffff-ffffffffffff", "order": None}),
        ("SimulateRuleSet", {"version": INT64_MAX}),
        ("GetRuleSetVersion", {"version": INT64_MAX}),
        ("DiffRuleSetVersions", {"from_version": INT64_MAX}),
        ("DiffRuleSetVersions", {"to_version": INT64_MAX}),
        ("ActivateRuleSetVersion", {"version": INT64_MAX}),
        ("RollbackRuleSet", {"version": INT64_MAX}),
        ("CancelRuleSetActivation", {"activation": INT64_MAX}),
        ("GetConfigurationVersion", {"version": INT64_MAX}),
        ("DiffConfigurationVersions", {"from_version": INT64_MAX}),
        ("DiffConfigurationVersions", {"to_version": INT64_MAX}),
        ("ActivateConfigurationVersion", {"version": INT64_MAX}),
        ("RollbackConfiguration", {"version": INT64_MAX}),
        *(
            (rpc, {"experiment_id": INT64_MAX})
            for rpc in ("StartExperiment", "EndExperiment", "PromoteArm", "GetExperiment")
        ),
    ],
    ids=str,
)
def test_what_is_not_there_is_not_found_by_one_text(raw: RawCalls, rpc: str, changes: dict[str, Any]) -> None:
    answer = raw.call(rpc, RPCS[rpc].request(**changes))
    assert_refused(answer, "NOT_FOUND")
    assert (answer.text, answer.reason) == ("not found", "NOT_FOUND")


def test_a_transaction_that_is_no_reservation_cannot_be_captured(raw: RawCalls) -> None:
    earned = raw.call("Accrue", RPCS["Accrue"].request()).message
    for rpc in ("CaptureRedemption", "VoidRedemption", "ExtendReservation"):
        answer = raw.call(rpc, RPCS[rpc].request(reservation_id=earned.transaction_id))
        assert answer.code in ("NOT_FOUND", "FAILED_PRECONDITION")


def bad_credentials() -> dict[str, Callable[[str], tuple[tuple[str, str | bytes], ...]]]:
    return {
        "none": lambda key: (),
        "empty": lambda key: (("authorization", ""),),
        "no scheme": lambda key: (("authorization", key),),
        "another scheme": lambda key: (("authorization", f"Basic {key}"),),
        "no key": lambda key: (("authorization", "Bearer "),),
        "cut short": lambda key: (("authorization", f"Bearer {key[:-1]}"),),
        "too long": lambda key: (("authorization", f"Bearer {key}{key}"),),
        "another secret": lambda key: (("authorization", f"Bearer {key[:16]}{'A' * 43}"),),
        "another id": lambda key: (("authorization", f"Bearer pg_aaaaaaaaaaaa{key[15:]}"),),
        "garbled": lambda key: (("authorization", f"Bearer pg_{CANARY}"),),
        "another header": lambda key: (("x-api-key", key),),
        "binary": lambda key: (("authorization-bin", key.encode()),),
        "spaces": lambda key: (("authorization", f"Bearer  {key}"),),
    }


@pytest.mark.parametrize("rpc", sorted(RPCS))
def test_without_a_good_credential_nothing_is_answered(raw: RawCalls, shared_server: ServerProcess, rpc: str) -> None:
    key = shared_server.api_key
    for name, metadata in bad_credentials().items():
        answer = raw.call(rpc, RPCS[rpc].request(), metadata=metadata(key))
        assert answer.code == "UNAUTHENTICATED", name
        assert_refused(answer, "UNAUTHENTICATED")
        assert answer.text == "no valid credential", "nobody learns what was wrong with it"


def test_a_bad_credential_is_refused_before_the_message_is_read(raw: RawCalls) -> None:
    assert_refused(raw.call("Accrue", b"\xff\xff\xff", metadata=()), "UNAUTHENTICATED")


def test_metadata_above_the_limit_is_refused(raw: RawCalls, shared_server: ServerProcess) -> None:
    for size in (10_000, 200_000):
        metadata = (*shared_server.authorization, ("x-junk", "j" * size))
        answer = raw.call("GetBalance", RPCS["GetBalance"].request(), metadata=metadata)
        assert answer.code == "RESOURCE_EXHAUSTED"
    assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"


def test_a_message_above_the_limit_is_refused(raw: RawCalls) -> None:
    answer = raw.call("Accrue", RPCS["Accrue"].request(order_reference="x" * (16 * 1024 * 1024)))
    assert answer.code == "RESOURCE_EXHAUSTED"
    below = raw.call("Accrue", RPCS["Accrue"].request(order_reference="x" * (15 * 1024 * 1024)))
    assert_refused(below, "INVALID_ARGUMENT", "order_reference")


def test_a_batch_of_more_than_ten_thousand_is_refused_whole(raw: RawCalls) -> None:
    item = transaction_pb2.BatchItem(accrue=RPCS["Accrue"].request())
    for count in (10_001, 100_000):
        answer = raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=[item] * count))
        assert_refused(answer, "INVALID_ARGUMENT", "items")
    millions_of_empty_items = b"\x0a\x00" * (1 << 20)
    assert_refused(raw.call("ProcessBatch", millions_of_empty_items), "INVALID_ARGUMENT", "items")


def test_a_basket_of_a_million_lines_is_refused(raw: RawCalls) -> None:
    request = RPCS["Accrue"].request(total=None).SerializeToString()
    lines = b"\x0a\x03CAD" + b"\x12\x00" * (1 << 20)
    size = len(lines)
    prefix = b"\x22" + bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21))
    assert_refused(raw.call("Accrue", request + prefix + lines), "INVALID_ARGUMENT", "basket.lines")


def test_a_full_batch_and_a_full_basket_are_taken(raw: RawCalls) -> None:
    fullest = RPCS["Accrue"].request(total=None, basket=basket(*[line(sku="s" * 64, category="c" * 64)] * 1_000))
    assert raw.call("Accrue", fullest).code == "OK"
    items = [
        transaction_pb2.BatchItem(accrue=RPCS["Accrue"].request(member=common_pb2.MemberReference(loyalty_id="5")))
        for _ in range(10_000)
    ]
    answer = raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=items))
    assert answer.code == "OK"
    assert {result.WhichOneof("outcome") for result in answer.message.results} == {"accrue"}
    posted = [result.accrue.balance.posted for result in answer.message.results]
    assert posted == sorted(set(posted)), "the order of the items is the order of the account"


def test_texts_that_look_like_an_attack_are_just_texts(raw: RawCalls) -> None:
    for text in (
        "'; DROP TABLE legs; --",
        '"; x',
        "{{7*7}}",
        "%s%n",
        "../../etc/passwd",
        "<script>",
        "\U0001d56c\U0001d589 \U0001f600",
        "\U0001f3f3",
    ):
        reference = common_pb2.MemberReference(external_id=f"{text} {new_idempotency_key()[-12:]}")
        enrolled = raw.call("EnrollMember", RPCS["EnrollMember"].request(identifiers=[reference]))
        assert enrolled.code == "OK", text
        request = RPCS["Accrue"].request(
            member=reference, order_reference=text, origin=common_pb2.Origin(cashier_id=text[:16])
        )
        earned = raw.call("Accrue", request)
        assert earned.code == "OK", text
        read = raw.call("GetTransaction", RPCS["GetTransaction"].request(transaction_id=earned.message.transaction_id))
        assert read.message.transaction.order_reference == text
        assert read.message.transaction.cashier_id == text[:16]


def test_any_printable_or_unprintable_key_of_64_bytes_is_a_key(raw: RawCalls) -> None:
    for key in ("k", "é" * 32, "\0" * 64, "x" * 64, "a\r\nb", CANARY):
        request = RPCS["Accrue"].request(idempotency_key=key)
        assert raw.call("Accrue", request) == raw.call("Accrue", request)
        assert raw.call("Accrue", request).code == "OK"


def test_a_deadline_that_is_over_is_answered_as_such(raw: RawCalls) -> None:
    for timeout_s in (-0.1, -1.0):
        answer = raw.call("Accrue", RPCS["Accrue"].request(), timeout_s=timeout_s)
        assert answer.code == "DEADLINE_EXCEEDED"


def test_a_deadline_too_near_to_keep_leaves_a_key_that_can_be_asked_again(raw: RawCalls) -> None:
    # gRPC rounds a deadline up to the next millisecond, and a quick disk may keep even that one.
    for timeout_s in (0.0, 0.000_001, 0.001):
        request = RPCS["Accrue"].request()
        assert raw.call("Accrue", request, timeout_s=timeout_s).code in {"OK", "DEADLINE_EXCEEDED"}
        assert raw.call("Accrue", request).code == "OK"


def test_rpcs_that_do_not_exist_are_unimplemented(raw: RawCalls) -> None:
    import grpc

    for path in ("/pointguard.v1.TransactionService/Nothing", "/pointguard.v1.Nobody/Accrue", "/", "/x"):
        method: Any = raw.channel.unary_unary(path)
        with pytest.raises(grpc.RpcError) as refused:
            method(b"", timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_storm_of_bad_credentials_does_not_stop_good_ones(raw: RawCalls, shared_server: ServerProcess) -> None:
    started = time.monotonic()
    for number in range(200):
        metadata = (("authorization", f"Bearer pg_{'a' * 12}_{number:043d}"),)
        assert raw.call("GetBalance", RPCS["GetBalance"].request(), metadata=metadata).code == "UNAUTHENTICATED"
    assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
    assert time.monotonic() - started < 10, "a key that is not known costs no Argon2"


def test_a_batch_of_more_lines_than_are_allowed_is_refused_and_others_are_answered_meanwhile(raw: RawCalls) -> None:
    basket = transaction_pb2.Basket(currency_code="CAD", lines=[transaction_pb2.BasketLine()] * 1_000)
    item = transaction_pb2.BatchItem(accrue=RPCS["Accrue"].request(basket=basket, total=None))
    answer = raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=[item] * 101))
    assert (answer.code, answer.fields) == ("INVALID_ARGUMENT", ("items",))
    assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
