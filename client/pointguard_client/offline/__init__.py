"""A terminal that goes on without a line: allowances to spend by, and a queue on disk of all that happened.

    terminal = OfflineTerminal.open(Path("till-3.queue"), key, store_id="12", terminal_id="till-3")
    terminal.trust(await client.offline.keys())
    terminal.keep(issued.allowance, member)
    approval = terminal.redeem(member, 200)             # no line needed
    report = await terminal.upload(client.offline)      # when there is one

Needs the extra `offline` (cryptography). What a store must know is in docs/offline.md.
"""

from pointguard_client.offline.allowances import AllowanceInvalid, KeptAllowance, NotCovered, Refusal
from pointguard_client.offline.queue import QueueBroken, QueueDamaged, QueueError, QueueInUse
from pointguard_client.offline.terminal import Approval, OfflineTerminal, UploadReport

__all__ = [
    "AllowanceInvalid",
    "Approval",
    "KeptAllowance",
    "NotCovered",
    "OfflineTerminal",
    "QueueBroken",
    "QueueDamaged",
    "QueueError",
    "QueueInUse",
    "Refusal",
    "UploadReport",
]
