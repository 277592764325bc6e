"""Runs a program that nobody waits for, so that those that serve hardly notice it.

``python -m pointguard_server.rules.background MODULE …`` is ``python -m MODULE …`` at idle priority, and resting. Idle
priority alone leaves a program every moment in which a processor is free; where those are few, waking it and putting it
aside takes more from the others than it gets done. So a process that does nothing else looks at how long the program
was ready to run while others ran, and stops it for a multiple of that.

It ends when the program does, with its status; whoever kills it ends the program. Where the system does not tell
what others take, or is not Linux, it is idle priority alone. ``POINTGUARD_BACKGROUND_REST`` in the environment is the
multiple; with 0 the program gives way to nobody.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from pointguard_server.rules.priority import be_idle

SLICE_S: Final = 0.003
"""For so long it runs before it is looked at."""
REST: Final = 4.0
"""For each second that it waited for a processor, so many are left to the others."""
REST_VARIABLE: Final = "POINTGUARD_BACKGROUND_REST"
REST_MAX: Final = 100
REST_S_LEAST: Final = 0.002
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module in the background."""
    # -P keeps the working directory, which may be anyone's, out of its import path.
    return [sys.executable, "-P", "-m", __name__, module, *arguments]


def main(module: str, arguments: list[str]) -> None:
    """Run a module; ends this process as the module does."""
    rest = _rest_told()
    program = [sys.executable, "-P", "-m", module, *arguments]
    if not _can_look():
        if rest > 0:
            be_idle()
        os.execv(sys.executable, program)  # noqa: S606 - the modules of this package
    keeper, libc = os.getpid(), ctypes.CDLL(None)

    def begin() -> None:
        libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(1)
        if rest > 0:
            be_idle()

    with subprocess.Popen(program, preexec_fn=begin) as child:  # noqa: S603, PLW1509 - there is one thread
        if rest > 0:
            look_after(child.pid, rest)
    # A signal as a shell tells of it.
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


def _rest_told() -> float:
    told = os.environ.get(REST_VARIABLE, "")
    try:
        rest = float(told or REST)
    except ValueError:
        rest = -1.0
    if not 0 <= rest <= REST_MAX:
        sys.exit(f"{REST_VARIABLE} must be a number from 0 to {REST_MAX}, but it is {told!r}")
    return rest


def look_after(process_id: int, rest: float) -> None:
    """Have a child of this process rest when others want its processor, until it has ended."""
    ended = os.pidfd_open(process_id)
    waited_s = waited_for_processor_s(process_id)
    while not _is_readable(ended, SLICE_S):
        before_s, waited_s = waited_s, waited_for_processor_s(process_id)
        rest_s = rest * (waited_s - before_s)
        if rest_s < REST_S_LEAST:
            continue
        os.kill(process_id, signal.SIGSTOP)
        _is_readable(ended, rest_s)
        os.kill(process_id, signal.SIGCONT)
        # Until it had the processor once more it could not stop; that was no wait.
        waited_s = waited_for_processor_s(process_id)
    os.close(ended)


def waited_for_processor_s(process_id: int) -> float:
    """Return for how long a process's main thread was ready to run while others ran; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{process_id}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _can_look() -> bool:
    return hasattr(os, "pidfd_open") and Path("/proc/self/schedstat").exists()


def _is_readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
