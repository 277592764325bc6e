"""Starts and ends the processes of a benchmark: each side of a comparison runs in its own. For the benchmarks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.002
KIBIBYTES_A_MIB = 1024


class ProcessFailed(RuntimeError):
    """A process of the benchmark did not do its part; the text ends with what it said."""


class ServerProcess:
    """A server in a process of its own: started, waited for, ended.

    The process must write a JSON line with ``"event": "ready"``, ``grpc_port`` and, if it has one, ``http_port`` to
    standard error when it listens.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self._log = log
        self._output = log.open("w", encoding="utf-8")
        command = [sys.executable, "-m", module, *arguments]
        self.started = time.perf_counter()
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=self._output)
        self.ready_s = 0.0
        self.address = ""
        self.http_address = ""

    def __enter__(self) -> Self:
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def _wait_until_ready(self) -> None:
        deadline = self.started + READY_TIMEOUT_S
        while (ready := self._ready_line()) is None:
            if self._process.poll() is not None or time.perf_counter() > deadline:
                raise ProcessFailed(f"the server did not come up: {self._log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(POLL_S)
        self.ready_s = time.perf_counter() - self.started
        self.address = f"127.0.0.1:{ready['grpc_port']}"
        self.http_address = f"127.0.0.1:{ready.get('http_port', 0)}"

    def _ready_line(self) -> dict[str, Any] | None:
        for line in self._log.read_text(encoding="utf-8").splitlines():
            if '"ready"' in line:
                with suppress(json.JSONDecodeError):
                    fields: dict[str, Any] = json.loads(line)
                    return fields
        return None

    def resident_mib(self) -> float:
        """Memory of the process and its children that is in use now, in MiB."""
        return sum(resident_mib(each) for each in (self.pid, *children(self.pid)))

    def stop(self) -> None:
        """End the process: politely, and after a while by force."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._output.close()


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use now, in MiB."""
    output = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(output) / KIBIBYTES_A_MIB


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used, all threads; 0 where the system does not tell."""
    return sum(_processor_seconds(each) for each in (pid, *children(pid)))


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the numbers of a process's children; none where the system does not tell."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text(encoding="utf-8").split()]


def machine_seconds() -> float:
    """Processor time that all processes of the machine have used; 0 where the system does not tell."""
    try:
        head = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, *_ = map(int, head[1:])
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")


class Neighbors:
    """The processes that have no part in what this process and its children measure, from now on."""

    def __init__(self) -> None:
        self._used, self._started = self._seconds(), time.perf_counter()

    @staticmethod
    def _seconds() -> float:
        return machine_seconds() - processor_seconds(os.getpid())

    def cores_busy(self) -> float:
        """Return how many cores they have kept busy."""
        return max(self._seconds() - self._used, 0.0) / (time.perf_counter() - self._started)


def start_worker(module: str, job: dict[str, Any]) -> "subprocess.Popen[str]":
    """Start a process that reads one JSON object and writes one when it is done."""
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    process.stdin = None
    return process


def finish_worker(process: "subprocess.Popen[str]", timeout_s: float) -> dict[str, Any]:
    """Return what a worker wrote.

    Raises:
        ProcessFailed: if it took too long or failed.
    """
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ProcessFailed(f"a worker took more than {timeout_s:.0f} s") from None
        raise
    if process.returncode != 0:
        raise ProcessFailed(f"a worker failed with status {process.returncode}")
    answer: dict[str, Any] = json.loads(output)
    return answer


def run_worker(module: str, job: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Run a worker to its end and return what it wrote."""
    return finish_worker(start_worker(module, job), timeout_s)
