"""The server with a sampler beside it: where do its threads spend their time? Started by ``profile``.

    python -m tests.bench.sampled_server FOLDER server arguments…

It samples once a millisecond from when ``FOLDER/begin`` exists until ``FOLDER/end`` does, and then writes
``FOLDER/samples.json``. Each sample is weighted with the processor time that the thread has used since the one before it, so
that waiting weighs nothing. The sampler needs the interpreter lock: what runs inside one call of compiled code is
charged to the Python function that called it.
"""

import json
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

from pointguard_server.__main__ import main
from tests.bench.processes import ROOT

INTERVAL_S = 0.001
LOOKS_EVERY = 100


class Sampler:
    """Counts, by thread and function, the processor time of its own code and of what it called."""

    def __init__(self) -> None:
        self.own: dict[str, Counter[str]] = defaultdict(Counter)
        self.whole: dict[str, Counter[str]] = defaultdict(Counter)
        self.lines: dict[str, Counter[str]] = defaultdict(Counter)
        self.cpu_ns: Counter[str] = Counter()
        self.samples = 0
        self._clocks: dict[int, tuple[str, int]] = {}
        self._last_ns: dict[int, int] = {}

    def sample(self) -> None:
        """Look at every thread once."""
        self.samples += 1
        own_ident = threading.get_ident()
        for ident, frame in sys._current_frames().items():
            if ident == own_ident:
                continue
            name, clock = self._clocks.get(ident) or self._meet(ident)
            used_ns = time.clock_gettime_ns(clock)
            spent_ns = used_ns - self._last_ns.get(ident, used_ns)
            self._last_ns[ident] = used_ns
            if spent_ns:
                self._charge(name, frame, spent_ns)

    def _meet(self, ident: int) -> tuple[str, int]:
        name = next((thread.name for thread in threading.enumerate() if thread.ident == ident), str(ident))
        self._clocks[ident] = (name, time.pthread_getcpuclockid(ident))
        return self._clocks[ident]

    def _charge(self, thread: str, frame: FrameType, spent_ns: int) -> None:
        self.cpu_ns[thread] += spent_ns
        top = _function_of(frame)
        self.own[thread][top] += spent_ns
        self.lines[thread][f"{top}:{frame.f_lineno}"] += spent_ns
        seen: set[str] = set()
        at: FrameType | None = frame
        while at is not None:
            seen.add(_function_of(at))
            at = at.f_back
        for function in seen:
            self.whole[thread][function] += spent_ns


_NAMES: dict[Any, str] = {}


def _function_of(frame: FrameType) -> str:
    code = frame.f_code
    name = _NAMES.get(code)
    if name is None:
        path = Path(code.co_filename)
        parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else path.parts
        _NAMES[code] = name = f"{'/'.join(parts[-2:])} {code.co_qualname}"
    return name


def _native_threads() -> dict[str, float]:
    """Return the processor seconds of every thread by the system's number; threads that Python did not start are here alone."""
    found = {}
    for path in Path("/proc/self/task").glob("*/stat"):
        head, _, rest = path.read_text(encoding="utf-8").rpartition(")")
        fields = rest.split()
        found[f"{head.partition('(')[2]} {path.parent.name}"] = (int(fields[11]) + int(fields[12])) / 100
    return found


def watch(folder: Path) -> None:
    """Sample between the two signs and write what was seen."""
    while not (folder / "begin").exists():
        time.sleep(0.02)
    sampler, native, started = Sampler(), _native_threads(), time.perf_counter()
    while sampler.samples % LOOKS_EVERY or not (folder / "end").exists():
        sampler.sample()
        time.sleep(INTERVAL_S)
    ended = time.perf_counter()
    document = {
        "seconds": ended - started,
        "samples": sampler.samples,
        "cpu_ns": sampler.cpu_ns,
        "own": sampler.own,
        "whole": sampler.whole,
        "lines": sampler.lines,
        "native_cpu_seconds": {name: used - native.get(name, 0.0) for name, used in _native_threads().items()},
    }
    written = folder / "samples.part"
    written.write_text(json.dumps(document), encoding="utf-8")
    written.rename(folder / "samples.json")


if __name__ == "__main__":
    threading.Thread(target=watch, args=(Path(sys.argv[1]),), name="sampler", daemon=True).start()
    main(sys.argv[2:])
