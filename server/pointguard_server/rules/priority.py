"""How processes that serve nobody directly give way to those that do; ``background`` goes further.

Knows nothing of the project: a process can call it before its other imports.
"""

import os
from contextlib import suppress
from typing import Final

LOWEST: Final = 19


def be_idle() -> None:
    """Have this process run only when nobody else wants the processor, as far as the system knows how."""
    lower_priority(0, LOWEST)
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def lower_priority(process_id: int, niceness: int) -> None:
    """Give a process less of the processor than those that serve; one that is gone already may be."""
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process_id, niceness)
