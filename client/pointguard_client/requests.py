"""The values that a caller hands to the client: who, where, how much, what was bought. Frozen, without protobuf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from pointguard_client.words import Channel, Factor, IdentifierKind, TransactionKind


@dataclass(frozen=True, slots=True)
class Identifier:
    """What finds an account. `value` is an int for ACCOUNT_ID and a text for every other kind."""

    kind: IdentifierKind
    value: str | int

    @classmethod
    def account_id(cls, value: int) -> Self:
        """Find by the number that enrolling returned."""
        return cls(IdentifierKind.ACCOUNT_ID, value)

    @classmethod
    def loyalty_id(cls, value: str) -> Self:
        """Find by the number printed on the loyalty card."""
        return cls(IdentifierKind.LOYALTY_ID, value)

    @classmethod
    def external_id(cls, value: str) -> Self:
        """Find by the client company's own number."""
        return cls(IdentifierKind.EXTERNAL_ID, value)

    @classmethod
    def card(cls, value: str) -> Self:
        """Find by a payment or loyalty card token, never a primary account number."""
        return cls(IdentifierKind.CARD, value)

    @classmethod
    def phone(cls, value: str) -> Self:
        """Find by a telephone number in E.164 form."""
        return cls(IdentifierKind.PHONE, value)

    @classmethod
    def email(cls, value: str) -> Self:
        """Find by an e-mail address."""
        return cls(IdentifierKind.EMAIL, value)

    @classmethod
    def device_guid(cls, value: str) -> Self:
        """Find by the GUID of a web or mobile client."""
        return cls(IdentifierKind.DEVICE_GUID, value)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (1250 is 12.50) of an ISO 4217 currency."""

    minor_units: int
    currency_code: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where, on what and by whom a transaction is rung up.

    `occurred_at` is the terminal's clock and must know its time zone.
    """

    store_id: str = ""
    terminal_id: str = ""
    cashier_id: str = ""
    channel: Channel = Channel.UNSPECIFIED
    occurred_at: datetime | None = None


NOWHERE: Final = Origin()


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line of a basket; `amount_minor_units` is what the whole line cost after discounts."""

    amount_minor_units: int
    sku: str = ""
    category: str = ""
    brand: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Basket:
    """What was bought; every amount is in the one currency."""

    currency_code: str
    lines: tuple[BasketLine, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's personal data; never shown by repr. `birth_date` is ISO 8601, `province` is ISO 3166-2."""

    given_name: str = field(default="", repr=False)
    family_name: str = field(default="", repr=False)
    province: str = ""
    birth_date: str = field(default="", repr=False)


NO_PROFILE: Final = Profile()


@dataclass(frozen=True, slots=True)
class AuthoriseRedemption:
    """Asks to spend points: `amount` is points (int) or money to cover.

    Without an `idempotency_key` the client makes one when it sends the request. `verified_by` says by what the till has
    verified the member, `language` (a BCP 47 tag) in which language to have texts for people.
    """

    member: Identifier
    amount: int | Money
    origin: Origin = NOWHERE
    kind: TransactionKind = TransactionKind.UNSPECIFIED
    redemption_type: str = ""
    time_to_live: timedelta | None = None
    capture: bool = False
    allow_partial: bool = False
    order_reference: str = ""
    idempotency_key: str = ""
    verified_by: tuple[Factor, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class CaptureRedemption:
    """Asks to spend what is left of a reservation, all of it for 0 points.

    What it leaves is released, or with `keep_open` stays reserved for further captures.
    """

    reservation_id: str
    points: int = 0
    origin: Origin = NOWHERE
    idempotency_key: str = ""
    keep_open: bool = False


@dataclass(frozen=True, slots=True)
class ExtendReservation:
    """Asks for a later end of a reservation: so long from now on; None: as long as the program's default."""

    reservation_id: str
    time_to_live: timedelta | None = None
    origin: Origin = NOWHERE
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class VoidRedemption:
    """Asks to release a reservation."""

    reservation_id: str
    origin: Origin = NOWHERE
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Accrue:
    """Asks to earn points for a basket, or for an eligible total where the till knows no lines.

    `language` is as in `AuthoriseRedemption`.
    """

    member: Identifier
    amount: Basket | Money
    origin: Origin = NOWHERE
    kind: TransactionKind = TransactionKind.UNSPECIFIED
    tender: str = ""
    coupon_used: bool = False
    order_reference: str = ""
    idempotency_key: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """A line of the original's basket that goes back: its place, from 1, and how much of it (0: all)."""

    line: int
    amount_minor_units: int = 0


@dataclass(frozen=True, slots=True)
class ReturnTransaction:
    """Asks to undo an accrual or a redemption.

    `amount` is money or lines of an accrual, points (int) of a redemption, or None for all that is left. Without a
    receipt `original_transaction_id` is empty, and `member` and money must be given.
    """

    original_transaction_id: str = ""
    amount: Money | int | Sequence[ReturnedLine] | None = None
    member: Identifier | None = None
    origin: Origin = NOWHERE
    order_reference: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class TransferPoints:
    """Asks to move points of `member` to another account; `agent_id` is who of the staff does it, if anybody does."""

    member: Identifier
    to: Identifier
    points: int
    origin: Origin = NOWHERE
    agent_id: str = ""
    order_reference: str = ""
    idempotency_key: str = ""
    verified_by: tuple[Factor, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class RedeemHousehold:
    """Asks to spend points of 2 to 16 members' accounts, of each what it has, in their order."""

    members: Sequence[Identifier]
    points: int
    origin: Origin = NOWHERE
    kind: TransactionKind = TransactionKind.UNSPECIFIED
    redemption_type: str = ""
    order_reference: str = ""
    idempotency_key: str = ""
    verified_by: tuple[Factor, ...] = ()
    language: str = ""


BatchRequest = (
    AuthoriseRedemption
    | CaptureRedemption
    | VoidRedemption
    | Accrue
    | ReturnTransaction
    | TransferPoints
    | RedeemHousehold
    | ExtendReservation
)


# A list, array("q"), memoryview, NumPy array … of whole numbers, and a buffer of bytes.
NumberColumn = Iterable[int]
BytesColumn = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class BatchColumns:
    """Many redemptions, captures, voids and accruals of totals, a column for each field.

    `idempotency_keys` has 16 bytes a row (`new_idempotency_keys` makes them), and so says how many rows there are; so
    has `reservation_ids`, for captures and voids, with zeros in the other rows. Every other column is empty, given for
    no row, or has a whole number for each row, where 0 is "not given": members by `account_ids` or by `loyalty_ids`,
    `operations` and `kinds` as numbers of `Operation` and `TransactionKind`, `origin_numbers` counting `origins` from
    1, times in microseconds since 1970-01-01 UTC, money in minor units of `currency_code`, switches as 0 or 1.
    """

    idempotency_keys: BytesColumn
    operations: NumberColumn
    account_ids: NumberColumn = ()
    loyalty_ids: Sequence[str] = ()
    points: NumberColumn = ()
    money_minor_units: NumberColumn = ()
    currency_code: str = ""
    origins: Sequence[Origin] = ()
    origin_numbers: NumberColumn = ()
    occurred_at_micros: NumberColumn = ()
    kinds: NumberColumn = ()
    captures: NumberColumn = ()
    allow_partials: NumberColumn = ()
    coupon_useds: NumberColumn = ()
    reservation_ids: BytesColumn = b""
    keep_opens: NumberColumn = ()


@dataclass(frozen=True, slots=True)
class EnrollMember:
    """Asks to enroll a member with 1 to 16 identifiers, none of them ACCOUNT_ID."""

    identifiers: Sequence[Identifier]
    profile: Profile = NO_PROFILE
    tier: str = ""
    idempotency_key: str = ""
    groups: Sequence[str] = ()
