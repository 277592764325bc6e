"""Which card a transaction names its account by. Compiled; used by the engine's kernels."""

from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.velocity.compiling import part

_CARD, _LOYALTY_ID = int(IdentifierKind.CARD), int(IdentifierKind.LOYALTY_ID)


@part
def card_of(row):
    """Return the number of the card that a leg or an envelope names its account by, or 0."""
    return row.identifier_id if row.identifier_kind in (_CARD, _LOYALTY_ID) else 0
