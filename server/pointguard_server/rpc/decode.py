"""From messages to asks: every field checked, every text numbered, every request brought into its normal form.

A ``Decoder`` is made for one call. Faults are gathered, not raised at the first; codes that have no number yet are
gathered too, so that the caller can have them learned and decode again.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.adjustments import Adjustment
from pointguard_server.domain.codes import CODE_BYTES_MAX, LEGS_MAX, CodeKind, Factor, Kind, Operation, RequestFlag
from pointguard_server.domain.errors import InvalidRequest, Violation
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.domain.record import encode_body
from pointguard_server.domain.returns import encode_lines
from pointguard_server.engine.ask import Ask, Member
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.line_texts import LineTexts
from pointguard_server.rpc.parsing import packed_numbers
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.line_codes import LINE_DOMAINS
from pointguard_server.service.messages import OWN_LANGUAGE
from pointguard_server.service.ports import Directory, StoreFacts
from pointguard_server.service.tenants import LINE_VALUE, Tenant, Vocabulary
from pointguard_server.service.vault import InvalidIdentifier, normalize_identifier

KEY_BYTES_MAX = 64
AUTHOR_BYTES_MAX, NOTE_BYTES_MAX = 64, 500
GROUPS_MAX = 32
TEXT_BYTES_MAX = 64
POINTS_MAX = 10**12
MONEY_MAX = 10**12
QUANTITY_MAX = 1_000_000
LINES_MAX = 1_000
TIME_TO_LIVE_MIN = 1_000_000
# A terminal's clock may be wrong, but not by centuries: from 2000 to 2100.
OCCURRED_MIN, OCCURRED_MAX = 946_684_800, 4_102_444_800
ADJUST_KINDS = {
    0: Kind.DISCRETIONARY,
    int(Kind.DISCRETIONARY): Kind.DISCRETIONARY,
    int(Kind.ADJUSTMENT): Kind.ADJUSTMENT,
    int(Kind.CORRECTION): Kind.CORRECTION,
}
KIND_FIELDS = {kind.name.lower(): kind for kind in IdentifierKind}
AUTHORISE_KINDS = {0: Kind.ADHOC_REDEEM, int(Kind.PURCHASE): Kind.PURCHASE, int(Kind.ADHOC_REDEEM): Kind.ADHOC_REDEEM}
ACCRUE_KINDS = {0: Kind.PURCHASE, int(Kind.PURCHASE): Kind.PURCHASE, int(Kind.ACTIVITY): Kind.ACTIVITY}
CONTEXTS = frozenset(common_pb2.AdviceContext.values())
CHANNELS = frozenset(common_pb2.Channel.values())

_CAPTURE, _ALLOW_PARTIAL, _COUPON_USED, _IN_MONEY = (
    int(flag)
    for flag in (RequestFlag.CAPTURE, RequestFlag.ALLOW_PARTIAL, RequestFlag.COUPON_USED, RequestFlag.IN_MONEY)
)
_FACTORS = frozenset(Factor)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NIL_UUID = "00000000-0000-0000-0000-000000000000"
_NO_STORE = StoreFacts(0, 0, 0)

PLACES_MAX = 65_536

Place = tuple[int, int, int, int, StoreFacts]
Places = dict[tuple[int, str, str, str, int], Place]
"""Origins that were decoded before, by tenant and what they say; most tills say the same all day."""

Where = tuple[int, int, int, int, int, StoreFacts]
AboutReservation = (
    transaction_pb2.CaptureRedemptionRequest
    | transaction_pb2.VoidRedemptionRequest
    | transaction_pb2.ExtendReservationRequest
)


@lru_cache(maxsize=65_536)
def _normalized(kind: IdentifierKind, value: str) -> str:
    return normalize_identifier(kind, value)


def verified(factor: int) -> int:
    """Return the flag of a request that says by which factor the member was verified."""
    return int(RequestFlag.PIN_VERIFIED) << factor - 1


class Decoder:
    """Decodes the requests of one call for one tenant."""

    def __init__(self, tenant: Tenant, directory: Directory, vocabulary: Vocabulary, places: Places) -> None:
        self.tenant = tenant
        self._directory = directory
        self._vocabulary = vocabulary
        self._places = places
        self._violations: list[Violation] = []
        self.unknown_codes: list[tuple[CodeKind, str]] = []

    def fault(self, field: str, description: str) -> None:
        """Note that a field is wrong."""
        self._violations.append(Violation(field, description))

    def check(self) -> None:
        """Raise what was found wrong since the last check.

        Raises:
            InvalidRequest: naming every field.
        """
        if self._violations:
            violations, self._violations = self._violations, []
            raise InvalidRequest(*violations)

    # ---------------------------------------------------------------------------------------------------------- fields

    def key(self, key: str, field: str = "idempotency_key") -> bytes:
        """Return an idempotency key's 16 bytes."""
        if not key or len(key) > KEY_BYTES_MAX or (not key.isascii() and len(key.encode()) > KEY_BYTES_MAX):
            self.fault(field, f"must have 1 to {KEY_BYTES_MAX} bytes")
            return bytes(16)
        return key_bytes(key)

    def member(self, reference: common_pb2.MemberReference, field: str = "member") -> Member:
        """Return (account id, None) or (0, (kind, normalized value))."""
        which = reference.WhichOneof("identifier")
        if which is None:
            self.fault(field, "must name an identifier")
            return 0, None
        value = getattr(reference, which)
        if which == "account_id":
            if value <= 0:
                self.fault(f"{field}.account_id", "must be positive")
            return value, None
        kind = KIND_FIELDS[which]
        if kind not in self.tenant.identifiers:
            self.fault(f"{field}.{which}", "is of a kind that finds no member of this program")
            return 0, None
        try:
            return 0, (int(kind), _normalized(kind, value))
        except InvalidIdentifier as error:
            self.fault(f"{field}.{which}", error.problem)
            return 0, None

    def code(self, kind: CodeKind, text: str, field: str, bytes_max: int = CODE_BYTES_MAX) -> int:
        """Return the number of a code, 0 for none."""
        if not text:
            return 0
        if len(text) > bytes_max or not text.isprintable() or len(text.encode()) > bytes_max:
            self.fault(field, f"must be printable and have at most {bytes_max} bytes")
            return 0
        number = self._vocabulary.find(self.tenant.tenant_id, kind, text)
        if number is None:
            self.unknown_codes.append((kind, text))
            return 0
        return number

    def groups(self, groups: Sequence[str], field: str) -> int:
        """Return the number of a set of groups, 0 for none."""
        if len(groups) > GROUPS_MAX:
            self.fault(field, f"must be at most {GROUPS_MAX}")
            return 0
        faulty = False
        for index, group in enumerate(groups):
            if not group or not group.isprintable() or len(group.encode()) > CODE_BYTES_MAX:
                self.fault(f"{field}[{index}]", f"must be printable and have 1 to {CODE_BYTES_MAX} bytes")
                faulty = True
        if faulty or not groups:
            return 0
        text = GROUP_SEPARATOR.join(sorted(set(groups)))
        number = self._vocabulary.find(self.tenant.tenant_id, CodeKind.GROUP_SET, text)
        if number is None:
            self.unknown_codes.append((CodeKind.GROUP_SET, text))
            return 0
        return number

    def text(self, text: str, field: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
        """Return a text that is printable and not too long."""
        if text and (len(text) > bytes_max or not text.isprintable() or len(text.encode()) > bytes_max):
            self.fault(field, f"must be printable and have at most {bytes_max} bytes")
            return ""
        return text

    def language(self, tag: str) -> int:
        """Return the number of a language, 0 for the program's own."""
        if tag and not self.tenant.languages.is_tag(tag):
            self.fault("language", 'must be a BCP 47 tag such as "fr-CA"')
            return OWN_LANGUAGE
        return self.tenant.languages.number(tag)

    def where(self, origin: common_pb2.Origin) -> Where:
        """Return (store, terminal, cashier, channel, occurred at, facts of the store)."""
        occurred_at = self._moment(origin.occurred_at) if origin.HasField("occurred_at") else 0
        name = (self.tenant.tenant_id, origin.store_id, origin.terminal_id, origin.cashier_id, origin.channel)
        place = self._places.get(name)
        if place is None:
            place = self._place(origin)
            if not self._violations and not self.unknown_codes:
                if len(self._places) >= PLACES_MAX:
                    self._places.clear()
                self._places[name] = place
        store_id, terminal, cashier, channel, store = place
        return store_id, terminal, cashier, channel, occurred_at, store

    def _place(self, origin: common_pb2.Origin) -> Place:
        store = _NO_STORE
        if origin.store_id:
            found = self._directory.store(self.tenant.tenant_id, origin.store_id)
            if found is None:
                self.fault("origin.store_id", "is not a store of this tenant")
            else:
                store = found
        channel = origin.channel
        if channel not in CHANNELS:
            self.fault("origin.channel", "is not a known channel")
        return (
            store.store_id,
            self.code(CodeKind.TERMINAL, origin.terminal_id, "origin.terminal_id"),
            self.code(CodeKind.CASHIER, origin.cashier_id, "origin.cashier_id"),
            channel,
            store,
        )

    def _moment(self, timestamp: Timestamp) -> int:
        if not OCCURRED_MIN <= timestamp.seconds < OCCURRED_MAX or not 0 <= timestamp.nanos < 1_000_000_000:
            self.fault("origin.occurred_at", "must be a moment from 2000 to 2100")
            return 0
        return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000

    def money(self, money: common_pb2.Money, field: str, least: int) -> int:
        """Return an amount in the program's currency."""
        if money.currency_code != self.tenant.currency:
            self.fault(f"{field}.currency_code", "must be the program's currency")
        return self._number(money.minor_units, f"{field}.minor_units", least, MONEY_MAX)

    def _number(self, value: int, field: str, least: int, most: int) -> int:
        if not least <= value <= most:
            self.fault(field, f"must be from {least} to {most}")
            return least
        return value

    def _kind(self, kind: int, allowed: dict[int, Kind]) -> int:
        known = allowed.get(kind)
        if known is None:
            names = sorted({each.name for each in allowed.values()})
            self.fault("kind", f"must be {' or '.join(names)}")
            return 0
        return int(known)

    def _time_to_live(self, duration: Duration) -> int:
        most = self.tenant.reservation_ttl_max
        if not 0 <= duration.seconds <= 86_400 * 366 or not 0 <= duration.nanos < 1_000_000_000:
            self.fault("time_to_live", f"must be from 1 s to {most // 1_000_000} s")
            return 0
        value = duration.seconds * 1_000_000 + duration.nanos // 1000
        if not TIME_TO_LIVE_MIN <= value <= most:
            self.fault("time_to_live", f"must be from 1 s to {most // 1_000_000} s")
        return value

    def transaction_id(self, text: str, field: str) -> bytes:
        """Return a UUID's 16 bytes."""
        if len(text) != 36 or not _UUID.fullmatch(text):
            self.fault(field, "must be a UUID")
            return bytes(16)
        return bytes.fromhex(text.replace("-", ""))

    # ------------------------------------------------------------------------------------------------------------ asks

    def ask(
        self,
        key: bytes,
        fields: RequestFields,
        member: Member,
        store: StoreFacts,
        *,
        reference: str = "",
        basket: bytes = b"",
        private: bytes = b"",
    ) -> Ask:
        """Return the ask of checked parts. ``private`` is in the digest and nowhere else."""
        packed = fields.pack()
        body = encode_body(reference, basket) if reference or basket else b"\0\0"
        account_id, identifier = member
        names = b"" if identifier is None else f"{identifier[0]} {identifier[1]}".encode()
        return Ask(
            tenant_id=self.tenant.tenant_id,
            fields=packed,
            key=key,
            digest=self.tenant.digest(packed, names, body, private),
            account_id=account_id,
            identifier=identifier,
            business_unit_id=store.business_unit_id,
            store_province_id=store.province_id,
            body=body,
        )

    def authorise(self, request: transaction_pb2.AuthoriseRedemptionRequest) -> Ask:
        """Return the ask of an AuthoriseRedemption."""
        points = money = 0
        flags = 0
        which = request.WhichOneof("amount")
        if which == "points":
            points = self._number(request.points, "points", 1, POINTS_MAX)
        elif which == "money":
            money = self.money(request.money, "money", 1)
            flags |= _IN_MONEY
        else:
            self.fault("amount", "must be points or money")
        if request.capture:
            flags |= _CAPTURE
            if request.HasField("time_to_live"):
                self.fault("time_to_live", "must be absent with capture: there is no reservation")
        if request.allow_partial:
            flags |= _ALLOW_PARTIAL
        flags |= self.verified_by(request.verified_by)
        time_to_live = self._time_to_live(request.time_to_live) if request.HasField("time_to_live") else 0
        store_id, terminal, cashier, channel, occurred_at, store = self.where(request.origin)
        member = self.member(request.member)
        fields = RequestFields(
            operation=1,
            kind=self._kind(request.kind, AUTHORISE_KINDS),
            account_id=member[0],
            points=points,
            money=money,
            time_to_live=time_to_live,
            flags=flags,
            store_id=store_id,
            terminal_id=terminal,
            cashier_id=cashier,
            channel=channel,
            redemption_type_id=self.code(CodeKind.REDEMPTION_TYPE, request.redemption_type, "redemption_type"),
            occurred_at=occurred_at,
        )
        reference = self.text(request.order_reference, "order_reference")
        ask = self.ask(self.key(request.idempotency_key), fields, member, store, reference=reference)
        ask.language = self.language(request.language)
        if money:
            ask.currency = self.tenant.currency_number
        return ask

    def accrue(self, request: transaction_pb2.AccrueRequest) -> Ask:
        """Return the ask of an Accrue."""
        which = request.WhichOneof("amount")
        total, lines, count, basket = 0, b"", 0, b""
        if which == "basket":
            total, lines, count = self._basket(request.basket)
            # What the contract does not know is no part of the request.
            request.basket.DiscardUnknownFields()
            basket = request.basket.SerializeToString(deterministic=True)
        elif which == "total":
            total = self.money(request.total, "total", 0)
            # A total is one line of an unknown article, so that rules over lines see it too.
            lines, count = packed_numbers((0, 0, 0, LINE_VALUE, total * self.tenant.money_scale, 0)), 1
        else:
            self.fault("amount", "must be a basket or a total")
        store_id, terminal, cashier, channel, occurred_at, store = self.where(request.origin)
        member = self.member(request.member)
        fields = RequestFields(
            operation=5,
            kind=self._kind(request.kind, ACCRUE_KINDS),
            account_id=member[0],
            money=total,
            flags=_COUPON_USED if request.coupon_used else 0,
            store_id=store_id,
            terminal_id=terminal,
            cashier_id=cashier,
            channel=channel,
            tender_id=self.code(CodeKind.TENDER, request.tender, "tender"),
            occurred_at=occurred_at,
        )
        reference = self.text(request.order_reference, "order_reference")
        ask = self.ask(self.key(request.idempotency_key), fields, member, store, reference=reference, basket=basket)
        ask.currency = self.tenant.currency_number
        ask.language = self.language(request.language)
        ask.lines, ask.line_count = lines, count
        return ask

    def _basket(self, basket: transaction_pb2.Basket) -> tuple[int, bytes, int]:
        """Return (total in minor units, packed lines, how many)."""
        if basket.currency_code != self.tenant.currency:
            self.fault("basket.currency_code", "must be the program's currency")
        count = len(basket.lines)
        if not 1 <= count <= LINES_MAX:
            self.fault("basket.lines", f"must be 1 to {LINES_MAX}")
            return 0, b"", 0
        codes, scale = self.tenant.line_codes, self.tenant.money_scale
        sku_of, category_of, brand_of = (LineTexts(codes, domain).number for domain in LINE_DOMAINS)
        total = 0
        numbers: list[int] = []
        for index, line in enumerate(basket.lines):
            sku, category, brand, quantity, amount = (
                line.sku,
                line.category,
                line.brand,
                line.quantity,
                line.amount_minor_units,
            )
            if not 0 <= quantity <= QUANTITY_MAX:
                self.fault(f"basket.lines[{index}].quantity", f"must be from 0 to {QUANTITY_MAX}")
                quantity = 0
            if not 0 <= amount <= MONEY_MAX:
                self.fault(f"basket.lines[{index}].amount_minor_units", f"must be from 0 to {MONEY_MAX}")
                amount = 0
            if len(sku) + len(category) + len(brand) > TEXT_BYTES_MAX or not (
                sku.isascii() and category.isascii() and brand.isascii()
            ):
                self._line_texts(index, sku, category, brand)
            total += amount
            numbers += (
                sku_of(sku, index),
                category_of(category, index),
                brand_of(brand, index),
                quantity * LINE_VALUE,
                amount * scale,
                codes.matches(sku, category, brand) if codes.patterns else 0,
            )
        if total > MONEY_MAX:
            self.fault("basket", f"must come to at most {MONEY_MAX}")
            return 0, b"", 0
        return total, packed_numbers(numbers), count

    def _line_texts(self, index: int, *texts: str) -> None:
        for name, text in zip(("sku", "category", "brand"), texts, strict=True):
            if len(text.encode()) > TEXT_BYTES_MAX:
                self.fault(f"basket.lines[{index}].{name}", f"must have at most {TEXT_BYTES_MAX} bytes")

    def capture(self, request: transaction_pb2.CaptureRedemptionRequest) -> Ask:
        """Return the ask of a CaptureRedemption."""
        points = self._number(request.points, "points", 0, POINTS_MAX)
        flags = int(RequestFlag.KEEP_OPEN) if request.keep_open else 0
        return self._about_reservation(Operation.CAPTURE, request, points=points, flags=flags)

    def void(self, request: transaction_pb2.VoidRedemptionRequest) -> Ask:
        """Return the ask of a VoidRedemption."""
        return self._about_reservation(Operation.VOID, request)

    def extend(self, request: transaction_pb2.ExtendReservationRequest) -> Ask:
        """Return the ask of an ExtendReservation."""
        time_to_live = self._time_to_live(request.time_to_live) if request.HasField("time_to_live") else 0
        return self._about_reservation(Operation.EXTEND, request, time_to_live=time_to_live)

    def _about_reservation(
        self,
        operation: Operation,
        request: AboutReservation,
        **said: int,
    ) -> Ask:
        """Return the ask of what is to become of a reservation; ``said`` are fields of the request."""
        reservation = self.transaction_id(request.reservation_id, "reservation_id")
        store_id, terminal, cashier, channel, occurred_at, store = self.where(request.origin)
        fields = RequestFields(
            operation=int(operation),
            store_id=store_id,
            terminal_id=terminal,
            cashier_id=cashier,
            channel=channel,
            occurred_at=occurred_at,
            **said,
            reservation_high=int.from_bytes(reservation[:8], "little", signed=True),
            reservation_low=int.from_bytes(reservation[8:], "little", signed=True),
        )
        return self.ask(self.key(request.idempotency_key), fields, (0, None), store)

    def return_transaction(self, request: transaction_pb2.ReturnTransactionRequest) -> Ask:
        """Return the ask of a ReturnTransaction."""
        points = money = flags = 0
        lines: list[tuple[int, int]] = []
        which = request.WhichOneof("amount")
        if which == "money":
            money = self.money(request.money, "money", 1)
        elif which == "points":
            points = self._number(request.points, "points", 1, POINTS_MAX)
        elif which == "lines":
            lines = self._returned_lines(request.lines)
        else:
            flags = int(RequestFlag.WHOLE)
        original = bytes(16)  # stands for no receipt
        if request.original_transaction_id == _NIL_UUID:
            self.fault("original_transaction_id", "must be a transaction's UUID")
        elif request.original_transaction_id:
            original = self.transaction_id(request.original_transaction_id, "original_transaction_id")
        else:
            if not request.HasField("member"):
                self.fault("member", "must be given without original_transaction_id")
            if which != "money":
                self.fault("amount", "must be money without original_transaction_id")
        member: Member = self.member(request.member) if request.HasField("member") else (0, None)
        store_id, terminal, cashier, channel, occurred_at, store = self.where(request.origin)
        fields = RequestFields(
            operation=int(Operation.RETURN),
            kind=int(Kind.RETURN),
            account_id=member[0],
            points=points,
            money=money,
            flags=flags,
            store_id=store_id,
            terminal_id=terminal,
            cashier_id=cashier,
            channel=channel,
            occurred_at=occurred_at,
            reservation_high=int.from_bytes(original[:8], "little", signed=True),
            reservation_low=int.from_bytes(original[8:], "little", signed=True),
        )
        reference = self.text(request.order_reference, "order_reference")
        key = self.key(request.idempotency_key)
        ask = self.ask(key, fields, member, store, reference=reference, basket=encode_lines(lines))
        if money:
            ask.currency = self.tenant.currency_number
        return ask

    def transfer(self, request: transaction_pb2.TransferPointsRequest) -> Ask:
        """Return the ask of a TransferPoints."""
        agent = self.text(request.agent_id, "agent_id", AUTHOR_BYTES_MAX)
        other = self.member(request.to, "to")
        member = self.member(request.member)
        fields = RequestFields(
            operation=int(Operation.TRANSFER),
            kind=int(Kind.POINTS_TRANSFER),
            account_id=member[0],
            points=self._number(request.points, "points", 1, POINTS_MAX),
            flags=self.verified_by(request.verified_by),
        )
        ask = self._of_several(request, fields, (member, other), agent.encode())
        ask.agent_id = self.agent(agent)
        return ask

    def redeem_household(self, request: transaction_pb2.RedeemHouseholdRequest) -> Ask:
        """Return the ask of a RedeemHousehold."""
        if not 2 <= len(request.members) <= LEGS_MAX:
            self.fault("members", f"must be 2 to {LEGS_MAX}")
        named = request.members[:LEGS_MAX]
        members = [self.member(each, f"members[{index}]") for index, each in enumerate(named)] or [(0, None)]
        fields = RequestFields(
            operation=int(Operation.REDEEM_HOUSEHOLD),
            kind=self._kind(request.kind, AUTHORISE_KINDS),
            account_id=members[0][0],
            points=self._number(request.points, "points", 1, POINTS_MAX),
            flags=self.verified_by(request.verified_by),
            redemption_type_id=self.code(CodeKind.REDEMPTION_TYPE, request.redemption_type, "redemption_type"),
        )
        return self._of_several(request, fields, members)

    def _of_several(
        self,
        request: transaction_pb2.TransferPointsRequest | transaction_pb2.RedeemHouseholdRequest,
        fields: RequestFields,
        members: Sequence[Member],
        said: bytes = b"",
    ) -> Ask:
        """Return the ask of a request that is about several accounts; its digest is over all of them."""
        store_id, terminal, cashier, channel, occurred_at, store = self.where(request.origin)
        fields = fields._replace(
            store_id=store_id, terminal_id=terminal, cashier_id=cashier, channel=channel, occurred_at=occurred_at
        )
        reference = self.text(request.order_reference, "order_reference")
        private = repr(members[1:]).encode() + said
        ask = self.ask(
            self.key(request.idempotency_key), fields, members[0], store, reference=reference, private=private
        )
        ask.others = members[1:]
        ask.language = self.language(request.language)
        return ask

    def verified_by(self, factors: Sequence[int]) -> int:
        """Return the flags of a request that say by which factors the member was verified."""
        flags = 0
        for index, factor in enumerate(factors):
            if int(factor) not in _FACTORS:
                self.fault(f"verified_by[{index}]", "must be a known factor")
            else:
                flags |= verified(factor)
        return flags

    def agent(self, text: str, field: str = "agent_id") -> int:
        """Return the number of who of the staff asks, 0 for nobody."""
        return self.code(CodeKind.AUTHOR, text, field, AUTHOR_BYTES_MAX)

    def adjust(self, request: transaction_pb2.AdjustPointsRequest, key_id: str) -> Ask:
        """Return the ask of an AdjustPoints. That another API key makes it again does not make it another request."""
        kind = self._kind(request.kind, ADJUST_KINDS)
        points = request.signed_points
        least = 1 if kind == Kind.DISCRETIONARY else -POINTS_MAX
        if not points or not least <= points <= POINTS_MAX:
            self.fault("signed_points", f"must be from {least} to {POINTS_MAX}, and not 0")
        original = bytes(16)  # stands for none
        if (kind == Kind.CORRECTION) != bool(request.corrects_transaction_id):
            self.fault("corrects_transaction_id", "must be given for a CORRECTION, and for nothing else")
        elif request.corrects_transaction_id == _NIL_UUID:
            self.fault("corrects_transaction_id", "must be a transaction's UUID")
        elif request.corrects_transaction_id:
            original = self.transaction_id(request.corrects_transaction_id, "corrects_transaction_id")
        for field, most in (("agent_id", AUTHOR_BYTES_MAX), ("reason_code", CODE_BYTES_MAX), ("note", NOTE_BYTES_MAX)):
            if not getattr(request, field):
                self.fault(field, f"must have 1 to {most} bytes")
        said = Adjustment(
            self.text(request.agent_id, "agent_id", AUTHOR_BYTES_MAX),
            self.text(request.reason_code, "reason_code", CODE_BYTES_MAX),
            self.text(request.note, "note", NOTE_BYTES_MAX),
            key_id,
        )
        member = self.member(request.member)
        fields = RequestFields(
            operation=int(Operation.ADJUST),
            kind=kind,
            account_id=member[0],
            points=points,
            reservation_high=int.from_bytes(original[:8], "little", signed=True),
            reservation_low=int.from_bytes(original[8:], "little", signed=True),
        )
        ask = self.ask(self.key(request.idempotency_key), fields, member, _NO_STORE, basket=said.said)
        ask.body = encode_body("", said.encode())
        ask.agent_id = self.agent(said.agent_id)
        reasons = self.tenant.adjustment_reasons
        ask.reason_code = reasons.index(said.reason_code) + 1 if said.reason_code in reasons else 0
        return ask

    def _returned_lines(self, lines: transaction_pb2.ReturnedLines) -> list[tuple[int, int]]:
        """Return (place in the original basket, minor units; 0: all of it) of each line."""
        if not 1 <= len(lines.lines) <= LINES_MAX:
            self.fault("lines.lines", f"must be 1 to {LINES_MAX}")
            return []
        found: dict[int, int] = {}
        for index, line in enumerate(lines.lines):
            place = f"lines.lines[{index}]"
            number = self._number(line.line, f"{place}.line", 1, LINES_MAX)
            if number in found:
                self.fault(f"{place}.line", "must be named once")
            found[number] = self._number(line.amount_minor_units, f"{place}.amount_minor_units", 0, MONEY_MAX)
        return list(found.items())

    def item(self, item: transaction_pb2.BatchItem) -> Ask:
        """Return the ask of one request of a batch."""
        which = item.WhichOneof("request")
        if which == "authorise_redemption":
            return self.authorise(item.authorise_redemption)
        if which == "accrue":
            return self.accrue(item.accrue)
        if which == "capture_redemption":
            return self.capture(item.capture_redemption)
        if which == "void_redemption":
            return self.void(item.void_redemption)
        if which == "extend_reservation":
            return self.extend(item.extend_reservation)
        if which == "return_transaction":
            return self.return_transaction(item.return_transaction)
        if which == "transfer_points":
            return self.transfer(item.transfer_points)
        if which == "redeem_household":
            return self.redeem_household(item.redeem_household)
        self.fault("request", "must be set")
        raise InvalidRequest(*self._take_violations())

    def _take_violations(self) -> Sequence[Violation]:
        violations, self._violations = self._violations, []
        return violations

    def quote(self, request: transaction_pb2.QuoteRedemptionRequest) -> Ask:
        """Return the ask of a QuoteRedemption."""
        self.language(request.language)
        redemption_type = self.code(CodeKind.REDEMPTION_TYPE, request.redemption_type, "redemption_type")
        return self.read_where(Operation.QUOTE, request.member, request.origin, redemption_type_id=redemption_type)

    def read_where(
        self, operation: Operation, reference: common_pb2.MemberReference, origin: common_pb2.Origin, **more: int
    ) -> Ask:
        """Return the ask of a read about redemptions that are made somewhere; ``more`` are fields of the request."""
        store_id, terminal, cashier, channel, _, store = self.where(origin)
        ask = self.read(
            operation,
            reference,
            int(Kind.ADHOC_REDEEM),
            store_id=store_id,
            terminal_id=terminal,
            cashier_id=cashier,
            channel=channel,
            **more,
        )
        ask.business_unit_id, ask.store_province_id = store.business_unit_id, store.province_id
        return ask

    def check_advice(self, request: advice_pb2.CheckAdviceRequest) -> Ask:
        """Return the ask of a CheckAdvice."""
        if request.context not in CONTEXTS:
            self.fault("context", "is not a known context")
        ask = self.read_where(Operation.CHECK, request.member, request.origin, time_to_live=int(request.context))
        ask.language = self.language(request.language)
        return ask

    def read(self, operation: Operation, reference: common_pb2.MemberReference, kind: int = 0, **place: int) -> Ask:
        """Return the ask of a read; ``place`` are fields of the request that say where it is made."""
        member = self.member(reference)
        fields = RequestFields(int(operation), kind, member[0], **place)
        return Ask(self.tenant.tenant_id, fields.pack(), account_id=member[0], identifier=member[1])
