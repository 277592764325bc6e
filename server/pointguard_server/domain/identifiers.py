"""The kinds of identifier that find an account. Every layer may use it."""

from enum import IntEnum


class IdentifierKind(IntEnum):
    """What sort of identifier a value is; the numbers are stored and never change.

    They are the field numbers of ``MemberReference`` in the contract.
    """

    ACCOUNT_ID = 1
    LOYALTY_ID = 2
    EXTERNAL_ID = 3
    CARD = 4
    PHONE = 5
    EMAIL = 6
    DEVICE_GUID = 7


CARDS = frozenset((IdentifierKind.CARD, IdentifierKind.LOYALTY_ID))
"""What counts as a card: a loyalty id is the number printed on one."""


def card_number(kind: int, number: int) -> int:
    """Return the number of an identifier of some kind if it is a card, or else 0."""
    return number if kind in CARDS else 0


def device_number(kind: int, number: int) -> int:
    """Return the number of an identifier of some kind if it is a device, or else 0."""
    return number if kind == IdentifierKind.DEVICE_GUID else 0
