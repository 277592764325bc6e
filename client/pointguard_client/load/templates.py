"""Requests that are serialized before the clock starts: only the idempotency key is put in when one is sent.

protobuf messages are their fields one after the other, and every key has the same 36 bytes, so a request is
prefix + key + suffix, and a batch or a message of a stream is its items one after the other. Building one takes well
under a microsecond.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, transaction_pb2
from pointguard_client import encoding, requests
from pointguard_client.load.members import UNIFORM, LoadMember, Skew
from pointguard_client.requests import Identifier, Money, Origin

KEY_BYTES: Final = 36
_BLANK_KEY: Final = "0" * KEY_BYTES
# A pool of a million members makes the rarer ones anew each time.
_TEMPLATES_KEPT_MAX: Final = 100_000


class LoadOperation(Enum):
    """What a request of the load asks."""

    AUTHORISE = "authorise"
    ACCRUE = "accrue"
    QUOTE = "quote"
    BALANCE = "balance"
    ADVICE = "advice"


WRITES: Final = frozenset({LoadOperation.AUTHORISE, LoadOperation.ACCRUE})
"""The operations that change state, and so have a key; batches, streams and columns hold these alone."""


@dataclass(frozen=True, slots=True)
class LoadShape:
    """What the requests look like: the accrual's basket (0 lines: a total alone) and the redemption's points.

    `capture` spends in one step; otherwise reservations stay until they expire.
    """

    basket_lines: int = 3
    line_amount_minor: int = 499
    points: int = 1
    capture: bool = True
    currency_code: str = "CAD"

    @property
    def total_minor(self) -> int:
        """What an accrual is about, in minor units."""
        return self.line_amount_minor * max(self.basket_lines, 1)


@dataclass(frozen=True, slots=True)
class Template:
    """One request without its key: `prefix` + key + `suffix` is the request; `item_prefix` begins it in a batch."""

    operation: LoadOperation
    prefix: bytes
    item_prefix: bytes
    suffix: bytes

    def request(self, key: bytes) -> bytes:
        """Return the serialized request with this key of 36 bytes; a request that only reads has none."""
        return self.prefix + key + self.suffix if self.operation in WRITES else self.prefix

    def batch_item(self, key: bytes) -> bytes:
        """Return the request as a serialized item of a batch or of a stream's message, its tag included."""
        return self.item_prefix + key + self.suffix


class TemplatePool:
    """Chooses members and operations at random but repeatably, and makes their templates on first use.

    Raises:
        ValueError: if there is no member, or no operation with a weight above 0.
    """

    def __init__(
        self,
        members: Sequence[LoadMember],
        shape: LoadShape,
        weights: Mapping[LoadOperation, int],
        seed: int,
        skew: Skew = UNIFORM,
    ) -> None:
        if not members:
            raise ValueError("a load needs at least one member")
        # One slot per unit of weight, so that choosing is one indexing.
        self._slots = [operation for operation, weight in weights.items() for _ in range(weight)]
        if not self._slots:
            raise ValueError("a load needs at least one operation with a weight above 0")
        self.members = members
        self.shape = shape
        self._random = random.Random(seed)
        self._choose_member = skew.chooser(len(members), self._random)
        self._made: dict[tuple[int, LoadOperation], Template] = {}

    def choose(self) -> tuple[int, LoadOperation]:
        """Return the index of a member, and an operation by weight."""
        return self._choose_member(), self._slots[int(self._random.random() * len(self._slots))]

    def choose_template(self) -> Template:
        """Return the template of a chosen member and operation."""
        chosen = member, operation = self.choose()
        template = self._made.get(chosen)
        if template is None:
            template = make_template(self.members[member], operation, self.shape)
            if len(self._made) < _TEMPLATES_KEPT_MAX:
                self._made[chosen] = template
        return template


def make_template(member: LoadMember, operation: LoadOperation, shape: LoadShape) -> Template:
    """Serialize one request, and take it apart around its key."""
    if operation not in WRITES:
        return Template(operation, _read(member, operation).SerializeToString(), b"", b"")
    item = encoding.encode_batch_item(_write(member, operation, shape))
    whole_item = transaction_pb2.ProcessBatchRequest(items=[item]).SerializeToString()
    message = item.accrue if operation is LoadOperation.ACCRUE else item.authorise_redemption
    whole = message.SerializeToString()
    blank = _BLANK_KEY.encode()
    prefix, _, suffix = whole.partition(blank)
    item_prefix, _, item_suffix = whole_item.partition(blank)
    if item_suffix != suffix:
        raise AssertionError("a request must be serialized the same way alone and in a batch")
    return Template(operation, prefix, item_prefix, suffix)


def _read(member: LoadMember, operation: LoadOperation) -> Message:
    reference = encoding.encode_identifier(Identifier.loyalty_id(member.loyalty_id))
    if operation is LoadOperation.ADVICE:
        return advice_pb2.CheckAdviceRequest(member=reference)
    if operation is LoadOperation.BALANCE:
        return transaction_pb2.GetBalanceRequest(member=reference)
    origin = encoding.encode_origin(Origin(store_id=member.store_id))
    return transaction_pb2.QuoteRedemptionRequest(member=reference, origin=origin)


def _write(member: LoadMember, operation: LoadOperation, shape: LoadShape) -> requests.BatchRequest:
    identifier = Identifier.loyalty_id(member.loyalty_id)
    origin = Origin(store_id=member.store_id)
    if operation is LoadOperation.AUTHORISE:
        return requests.AuthoriseRedemption(
            identifier, shape.points, origin=origin, capture=shape.capture, idempotency_key=_BLANK_KEY
        )
    return requests.Accrue(identifier, _amount(shape), origin=origin, idempotency_key=_BLANK_KEY)


def _amount(shape: LoadShape) -> requests.Basket | Money:
    if shape.basket_lines == 0:
        return Money(shape.total_minor, shape.currency_code)
    lines = tuple(
        requests.BasketLine(shape.line_amount_minor, sku=str(1000 + line), category="GROCERY", brand="National")
        for line in range(shape.basket_lines)
    )
    return requests.Basket(shape.currency_code, lines)
