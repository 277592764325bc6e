"""The processes that a server starts: finding them, holding them, and seeing them end."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from pointguard_server.rules import background


def children(process_id: int) -> list[int]:
    """Return the numbers of a process's children."""
    found = Path(f"/proc/{process_id}/task").glob("*/children")
    try:
        return [int(child) for path in found for child in path.read_text().split()]
    except OSError:
        return []


def child_running(process_id: int, module: str) -> int | None:
    """Return the number of the child that runs a Python module, if there is one."""
    return next((child for child in children(process_id) if module in arguments_of(child)), None)


def arguments_of(process_id: int) -> list[str]:
    """Return a process's command line; nothing if it is gone."""
    try:
        return Path(f"/proc/{process_id}/cmdline").read_text().split("\0")
    except OSError:
        return []


def ends_soon(process_id: int) -> bool:
    """Whether a process is gone, or only waits for its parent to take notice, within some seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@dataclass(frozen=True, slots=True)
class InBackground:
    """A program in the background, and the process that has it rest (``rules/background.py``)."""

    keeper: int
    program: int

    @classmethod
    def of(cls, process_id: int, module: str) -> "InBackground | None":
        """Return the one that runs a module for a process, if there is one."""
        keeper = child_running(process_id, module)
        program = None if keeper is None else child_running(keeper, module)
        # Until it is a program of its own, it does not end with its keeper.
        if keeper is None or program is None or background.__name__ in arguments_of(program):
            return None
        return cls(keeper, program)

    def hold(self) -> None:
        """Stop the program for as long as the test likes."""
        # The keeper first: it would have the program go on.
        os.kill(self.keeper, signal.SIGSTOP)
        os.kill(self.program, signal.SIGSTOP)

    def let_go(self) -> None:
        """Have it go on."""
        os.kill(self.program, signal.SIGCONT)
        os.kill(self.keeper, signal.SIGCONT)
