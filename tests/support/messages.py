"""A tenant's codec beside a whole ledger, and requests as tills make them, for tests of the money path's messages."""

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.codes import CodeKind
from pointguard_server.rpc.decode import Decoder, Places
from pointguard_server.rpc.encode import Encoder
from pointguard_server.rpc.wire.codec import Codec
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.service.line_codes import NO_NUMBERS, LineCodes, LinePattern
from pointguard_server.service.tenants import Tenant
from tests.support.ledger import DAY, Ledger

ACCOUNTS = 6
STORES = {"s1": "CA-ON", "s2": "CA-QC"}
TERMINALS, CASHIERS, TENDERS, TYPES = ("t1", "t2"), ("Zoë",), ("cash",), ("fuel",)
KNOWN = LineCodes(
    numbers=NO_NUMBERS.including([(0, "milk\ncrème\n".encode()), (1, b"dairy\n"), (2, b"own\n")]),
    patterns=(LinePattern("line.sku", "*r?*"), None, LinePattern("line.brand", "*"), LinePattern("line.sku", "m*k")),
    told_apart=frozenset(("sku", "brand")),
)


class Vocabulary:
    """The codes that a ledger has numbered."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, tenant_id: int, kind: CodeKind, text: str) -> int | None:
        return self._ledger.names.code(tenant_id, kind, text) if text else 0


@dataclass
class Counter:
    """A ledger with members 1 to ``ACCOUNTS`` (loyalty ids "m1"…), stores and codes, and the codec of its tenant."""

    ledger: Ledger
    places: Places = field(default_factory=dict)

    def __post_init__(self) -> None:
        ledger = self.ledger
        self.accounts = [
            ledger.one(ledger.enroll_ask(f"m{number}", "CA-ON")).account_id for number in range(1, ACCOUNTS + 1)
        ]
        for account in self.accounts[: ACCOUNTS // 2]:
            ledger.accrue(account, 50_000)
        for store, province in STORES.items():
            ledger.names.add_store(ledger.connection, ledger.tenant, store, "MAIN", "CA", province)
        for kind, texts in (
            (CodeKind.TERMINAL, TERMINALS),
            (CodeKind.CASHIER, CASHIERS),
            (CodeKind.TENDER, TENDERS),
            (CodeKind.REDEMPTION_TYPE, TYPES),
        ):
            for text in texts:
                ledger.names.remember(ledger.tenant, kind, text, ledger.code(kind, text))
        ledger.names.load(ledger.connection)
        program = ledger.programs.programs[0]
        self.tenant = Tenant(ledger.tenant, program.program_id, "CAD", SCALE // 100, 7 * DAY, KNOWN, b"k" * 32)
        self.encoder = Encoder("CAD", ledger.names.text)
        self.codec = Codec(self.tenant, self.encoder)

    def decoder(self) -> Decoder:
        return Decoder(self.tenant, self.ledger.names, Vocabulary(self.ledger), self.places)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------ requests

odd_texts = st.sampled_from(["", "x", "é", "a\nb", "x" * 33, "x" * 65, "\0", "nobody has this one"])
odd_numbers = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 127, 128, 10**6 + 1, 10**12, 10**12 + 1, 2**63 - 1])


def usual(strategy: SearchStrategy[Any], odd: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Mostly what is right."""
    return st.one_of(*[strategy] * 9, odd)


def _maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | strategy


keys = usual(
    st.uuids(version=4).map(str)
    | st.integers(0, 2**74 - 1).map(
        lambda n: f"01890000-0000-7{n % 4096:03x}-8{n >> 12 & 4095:03x}-{n >> 24 & 2**48 - 1:012x}"
    )
    | st.text(st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=64),
    odd_texts,
)
moments = usual(
    st.builds(Timestamp, seconds=st.integers(1_600_000_000, 1_900_000_000), nanos=st.integers(0, 10**9 - 1)),
    st.builds(Timestamp, seconds=odd_numbers, nanos=st.sampled_from([-1, 0, 10**9])),
)
money = usual(
    st.builds(common_pb2.Money, currency_code=st.just("CAD"), minor_units=st.integers(0, 10**6)),
    st.builds(common_pb2.Money, currency_code=st.sampled_from(["", "USD", "CADX"]), minor_units=odd_numbers),
)
origins = st.builds(
    common_pb2.Origin,
    store_id=usual(st.sampled_from(["", *STORES]), odd_texts),
    terminal_id=usual(st.sampled_from(["", *TERMINALS]), odd_texts),
    cashier_id=usual(st.sampled_from(["", *CASHIERS]), odd_texts),
    channel=usual(st.integers(0, 4), st.sampled_from([-1, 5])),
    occurred_at=_maybe(moments),
)
members = st.one_of(
    st.builds(common_pb2.MemberReference, account_id=usual(st.integers(1, ACCOUNTS + 1), odd_numbers)),
    st.builds(common_pb2.MemberReference, loyalty_id=usual(st.sampled_from(["m1", "m2", "m5", " m1 "]), odd_texts)),
    st.builds(common_pb2.MemberReference, phone=st.sampled_from(["+14165550123", "12"])),
    st.builds(common_pb2.MemberReference),
)
references = usual(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=64), odd_texts)
languages = usual(st.sampled_from(["", "en", "fr-CA"]), odd_texts)
checks = st.builds(
    advice_pb2.CheckAdviceRequest,
    member=_maybe(members),
    context=usual(st.integers(0, 4), st.sampled_from([-1, 5, 2**31 - 1])),
    language=languages,
    origin=_maybe(origins),
)
lines = st.builds(
    transaction_pb2.BasketLine,
    sku=usual(st.sampled_from(["", "milk", "crème", "bread"]), odd_texts),
    category=usual(st.sampled_from(["", "dairy"]), odd_texts),
    brand=usual(st.sampled_from(["", "own"]), odd_texts),
    quantity=usual(st.integers(0, 1_000_000), odd_numbers),
    amount_minor_units=usual(st.integers(0, 10**7), odd_numbers),
)
baskets = st.builds(
    transaction_pb2.Basket,
    currency_code=usual(st.just("CAD"), st.sampled_from(["", "USD"])),
    lines=st.lists(lines, max_size=4),
)


@st.composite
def authorisations(draw: DrawFn) -> transaction_pb2.AuthoriseRedemptionRequest:
    amount: dict[str, Any] = draw(
        st.one_of(
            st.builds(dict, points=usual(st.integers(1, 1_000), odd_numbers)),
            st.builds(dict, money=money),
            st.just({}),
        )
    )
    return transaction_pb2.AuthoriseRedemptionRequest(
        idempotency_key=draw(keys),
        member=draw(_maybe(members)),
        origin=draw(_maybe(origins)),
        kind=draw(usual(st.sampled_from([0, 1, 6]), st.sampled_from([2, 15, -1]))),
        redemption_type=draw(usual(st.sampled_from(["", *TYPES]), odd_texts)),
        time_to_live=draw(_maybe(usual(st.builds(Duration, seconds=st.integers(1, 600)), st.builds(Duration)))),
        capture=draw(st.booleans()),
        allow_partial=draw(st.booleans()),
        order_reference=draw(references),
        language=draw(languages),
        **amount,
    )


@st.composite
def accruals(draw: DrawFn) -> transaction_pb2.AccrueRequest:
    amount: dict[str, Any] = draw(st.one_of(st.builds(dict, basket=baskets), st.builds(dict, total=money), st.just({})))
    return transaction_pb2.AccrueRequest(
        idempotency_key=draw(keys),
        member=draw(_maybe(members)),
        origin=draw(_maybe(origins)),
        kind=draw(usual(st.sampled_from([0, 1, 2]), st.sampled_from([3, -1]))),
        tender=draw(usual(st.sampled_from(["", *TENDERS]), odd_texts)),
        coupon_used=draw(st.booleans()),
        order_reference=draw(references),
        language=draw(languages),
        **amount,
    )


reservations = usual(st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper()), odd_texts)
captures = st.builds(
    transaction_pb2.CaptureRedemptionRequest,
    idempotency_key=keys,
    reservation_id=reservations,
    points=usual(st.integers(0, 1_000), odd_numbers),
    origin=_maybe(origins),
    keep_open=st.booleans(),
)
voids = st.builds(
    transaction_pb2.VoidRedemptionRequest, idempotency_key=keys, reservation_id=reservations, origin=_maybe(origins)
)


def item(request: Message) -> transaction_pb2.BatchItem:
    """Return a request as an item of a batch."""
    names = {
        transaction_pb2.AuthoriseRedemptionRequest: "authorise_redemption",
        transaction_pb2.AccrueRequest: "accrue",
        transaction_pb2.CaptureRedemptionRequest: "capture_redemption",
        transaction_pb2.VoidRedemptionRequest: "void_redemption",
    }
    named: Any = {names[type(request)]: request}
    return transaction_pb2.BatchItem(**named)


requests = st.one_of(authorisations(), accruals(), captures, voids)
