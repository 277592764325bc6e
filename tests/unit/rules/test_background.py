"""Running what nobody waits for: idle, resting when others want the processor, and gone when it should be."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointguard_server.rules import background

pytestmark = pytest.mark.skipif(
    not (hasattr(os, "pidfd_open") and hasattr(os, "SCHED_IDLE")), reason="this system does not tell enough"
)

SPIN = "import os, time\nprint(os.getpid(), flush=True)\nwhile True: pass\n"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program in the background that first says its number and then takes all the processor it gets."""
    with in_background(tmp_path, SPIN) as process:
        yield process
        process.kill()


@contextmanager
def in_background(folder: Path, program: str, *arguments: str, rest: str = "4") -> Iterator[subprocess.Popen[str]]:
    (folder / "program.py").write_text(program)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    environment |= {"POINTGUARD_BACKGROUND_REST": rest}
    with subprocess.Popen(
        background.command("program", *arguments), env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def number_said_by(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def state_of(process_id: int) -> str:
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_program_runs_idle_with_its_arguments_and_its_status_is_told(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "print(os.sched_getscheduler(0) == os.SCHED_IDLE, os.getpriority(os.PRIO_PROCESS, 0), sys.argv[1:])\n"
        "sys.exit(7)\n"
    )
    with in_background(tmp_path, program, "a", "b c") as process:
        said, _ = process.communicate(timeout=60)
    assert said == "True 19 ['a', 'b c']\n"
    assert process.returncode == 7


def test_a_program_gives_way_to_nobody_if_it_is_not_to_rest(tmp_path: Path) -> None:
    program = "import os\nprint(os.sched_getscheduler(0) == os.SCHED_IDLE, os.getpriority(os.PRIO_PROCESS, 0))\n"
    with in_background(tmp_path, program, rest="0") as process:
        said, _ = process.communicate(timeout=60)
    assert said == f"False {os.getpriority(os.PRIO_PROCESS, 0)}\n"


@pytest.mark.parametrize("rest", ["often", "-1", "101", "nan"])
def test_a_rest_that_is_none_is_refused_by_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], rest: str
) -> None:
    with in_background(tmp_path, "print('here')", rest=rest) as process:
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    refused = f"POINTGUARD_BACKGROUND_REST must be a number from 0 to 100, but it is '{rest}'\n"
    assert capfd.readouterr().err == refused


def test_a_signal_that_ends_the_program_is_told_as_a_shell_does(run: subprocess.Popen[str]) -> None:
    os.kill(number_said_by(run), signal.SIGKILL)
    assert run.wait(timeout=60) == 128 + signal.SIGKILL


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_who_ends_the_process_that_was_started_ends_the_program(run: subprocess.Popen[str], stopped: bool) -> None:
    program = number_said_by(run)
    ended = os.pidfd_open(program)
    if stopped:
        os.kill(program, signal.SIGSTOP)
    run.kill()
    assert select.select([ended], [], [], 60)[0]
    os.close(ended)


def test_a_program_rests_while_others_want_every_processor(run: subprocess.Popen[str]) -> None:
    program = number_said_by(run)
    spin = [sys.executable, "-c", SPIN]
    others = [subprocess.Popen(spin, stdout=subprocess.DEVNULL) for _ in os.sched_getaffinity(0)]
    try:
        deadline = time.monotonic() + 60
        while state_of(program) != "T":
            assert time.monotonic() < deadline
            time.sleep(0.001)
    finally:
        for other in others:
            other.kill()
            other.wait()
    deadline = time.monotonic() + 60
    while state_of(program) == "T":
        assert time.monotonic() < deadline, "it must go on once they are gone"
        time.sleep(0.001)
