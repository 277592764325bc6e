"""How processes that nobody waits for give way to those that serve. For whoever starts them, and for themselves.

Knows nothing of the project: a process can call it before its other imports.
"""

import os
from contextlib import suppress
from typing import Final

LOWEST: Final = 19


def be_idle(process_id: int = 0) -> None:
    """Have a process (0: this one) run only when nobody else wants the processor, as far as the system knows how.

    One that is gone already may be.
    """
    lower_priority(process_id, LOWEST)
    if hasattr(os, "sched_setscheduler"):
        with suppress(ProcessLookupError):
            os.sched_setscheduler(process_id, os.SCHED_IDLE, os.sched_param(0))


def lower_priority(process_id: int, niceness: int) -> None:
    """Give a process less of the processor than those that serve; one that is gone already may be."""
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process_id, niceness)
