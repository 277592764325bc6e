"""Requests that are serialized before the clock starts: only the idempotency key is put in when one is sent.

protobuf messages are their fields one after the other, and every key has the same 36 bytes, so a request is
prefix + key + suffix, and a batch is its items one after the other. Building one takes well under a microsecond.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pointguard.v1 import transaction_pb2
from pointguard_client import encoding, requests
from pointguard_client.requests import Identifier, Money, Origin

KEY_BYTES: Final = 36
_BLANK_KEY: Final = "0" * KEY_BYTES


class LoadOperation(Enum):
    """What a request of the load asks."""

    AUTHORISE = "authorise"
    ACCRUE = "accrue"


@dataclass(frozen=True, slots=True)
class LoadMember:
    """Who a request is about, and the store where it is rung up (empty: none)."""

    loyalty_id: str
    store_id: str = ""


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


@dataclass(frozen=True, slots=True)
class Template:
    """One request without its key: `prefix` + key + `suffix` is the request; `item_prefix` begins it in a batch."""

    operation: LoadOperation
    prefix: bytes
    item_prefix: bytes
    suffix: bytes

    def request(self, key: bytes) -> bytes:
        """Return the serialized request with this key of 36 bytes."""
        return self.prefix + key + self.suffix

    def batch_item(self, key: bytes) -> bytes:
        """Return the request as a serialized item of a ProcessBatchRequest, its tag included."""
        return self.item_prefix + key + self.suffix


class TemplatePool:
    """Makes templates of members on first use, and chooses among them at random but repeatably."""

    def __init__(
        self, members: Sequence[LoadMember], shape: LoadShape, weights: dict[LoadOperation, int], seed: int
    ) -> None:
        if not members:
            raise ValueError("a load needs at least one member")
        self._members = members
        self._shape = shape
        self._random = random.Random(seed)
        # One slot per unit of weight, so that choosing is one indexing.
        self._operations = [operation for operation, weight in weights.items() for _ in range(weight)]
        if not self._operations:
            raise ValueError("a load needs at least one operation with a weight above 0")
        self._made: dict[int, Template] = {}

    def choose(self) -> Template:
        """Return the template of a random member and a random operation, by weight."""
        slots = len(self._operations)
        chosen = int(self._random.random() * (slots * len(self._members)))
        template = self._made.get(chosen)
        if template is None:
            member, slot = divmod(chosen, slots)
            template = make_template(self._members[member], self._operations[slot], self._shape)
            self._made[chosen] = template
        return template


def make_template(member: LoadMember, operation: LoadOperation, shape: LoadShape) -> Template:
    """Serialize one request, and take it apart around its key."""
    item = encoding.encode_batch_item(_request(member, operation, shape))
    whole_item = transaction_pb2.ProcessBatchRequest(items=[item]).SerializeToString()
    message = item.accrue if operation is LoadOperation.ACCRUE else item.authorise_redemption
    whole = message.SerializeToString()
    blank = _BLANK_KEY.encode()
    prefix, _, suffix = whole.partition(blank)
    item_prefix, _, item_suffix = whole_item.partition(blank)
    if item_suffix != suffix:
        raise AssertionError("a request must be serialized the same way alone and in a batch")
    return Template(operation, prefix, item_prefix, suffix)


def _request(member: LoadMember, operation: LoadOperation, shape: LoadShape) -> requests.BatchRequest:
    identifier = Identifier.loyalty_id(member.loyalty_id)
    origin = Origin(store_id=member.store_id)
    if operation is LoadOperation.AUTHORISE:
        return requests.AuthoriseRedemption(
            identifier, shape.points, origin=origin, capture=shape.capture, idempotency_key=_BLANK_KEY
        )
    return requests.Accrue(identifier, _amount(shape), origin=origin, idempotency_key=_BLANK_KEY)


def _amount(shape: LoadShape) -> requests.Basket | Money:
    if shape.basket_lines == 0:
        return Money(shape.line_amount_minor, shape.currency_code)
    lines = tuple(
        requests.BasketLine(shape.line_amount_minor, sku=str(1000 + line), category="GROCERY", brand="National")
        for line in range(shape.basket_lines)
    )
    return requests.Basket(shape.currency_code, lines)
