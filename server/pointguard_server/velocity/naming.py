"""Which card or device a transaction names its account by. Compiled; used by the engine's kernels.

Windows keep one number of it: a card's own, a device's below 0, and 0 of whatever else named the account.
"""

from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.velocity.compiling import part

_CARD, _LOYALTY_ID, _DEVICE = (
    int(IdentifierKind.CARD),
    int(IdentifierKind.LOYALTY_ID),
    int(IdentifierKind.DEVICE_GUID),
)


@part
def named_by(row):
    """Return what windows keep of the identifier by which a leg or an envelope names its account."""
    if row.identifier_kind in (_CARD, _LOYALTY_ID):
        return row.identifier_id
    return -row.identifier_id if row.identifier_kind == _DEVICE else 0
