"""The server with a profiler in its event loop and in its writer. Started by ``profile``.

    python -m tests.bench.profiled_server FOLDER server arguments…

It measures from when ``FOLDER/begin`` exists until ``FOLDER/end`` does, and then writes ``FOLDER/profile.json``. The
clock is the thread's processor time, so that waiting for the disk, for work or for the interpreter lock weighs nothing.
Looking costs time itself, about half a microsecond a call: small functions that are called often look dearer than they
are.
"""

import asyncio
import cProfile
import json
import os
import sys
import time
from pathlib import Path
from types import CodeType
from typing import Any

from pointguard_server import bootstrap
from pointguard_server.__main__ import main
from tests.bench.processes import ROOT

NANOSECOND = 1e-9
LOOK_EVERY_S = 0.05
FOLDER = Path(sys.argv[1])


class ThreadProfile:
    """A profile of one thread; both methods must be called in that thread."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile(time.thread_time_ns, NANOSECOND)
        self._started_s = 0.0
        self.cpu_s = 0.0

    def begin(self) -> None:
        """Start to measure."""
        self._started_s = time.thread_time()
        self._profile.enable()

    def end(self) -> None:
        """Measure no more."""
        self._profile.disable()
        self.cpu_s = time.thread_time() - self._started_s

    def document(self) -> dict[str, Any]:
        """Return the thread's processor seconds and, of each function, its calls and seconds, own and whole."""
        functions = [
            {
                "name": _name_of(entry.code),
                "calls": entry.callcount,
                "own_s": entry.inlinetime,
                "whole_s": entry.totaltime,
            }
            for entry in self._profile.getstats()
        ]
        return {"cpu_s": self.cpu_s, "functions": functions}


def _name_of(code: CodeType | str) -> str:
    """Return a function's file and name; a function of compiled code has no file."""
    if isinstance(code, str):
        return code.strip("<>")
    path = Path(code.co_filename)
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else path.parts
    return f"{'/'.join(parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def _native_cpu_s() -> dict[str, float]:
    """Return the processor seconds of every thread that the system knows, also of those that Python did not start."""
    found = {}
    ticks = os.sysconf("SC_CLK_TCK")
    for path in Path("/proc/self/task").glob("*/stat"):
        head, _, rest = path.read_text(encoding="utf-8").rpartition(")")
        fields = rest.split()
        found[f"{head.partition('(')[2]} {path.parent.name}"] = (int(fields[11]) + int(fields[12])) / ticks
    return found


async def _until(path: Path) -> None:
    # The signs come from another process: there is nothing to wait for but the folder.
    while not path.exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(LOOK_EVERY_S)


class ProfiledServer(bootstrap.Server):
    """A server that profiles itself between the two signs."""

    async def start(self) -> None:
        """Listen, and wait for the first sign."""
        await super().start()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        loop, writer = ThreadProfile(), ThreadProfile()
        await _until(FOLDER / "begin")
        native, started = _native_cpu_s(), time.perf_counter()
        await self.engine.run(lambda _connection: writer.begin())
        loop.begin()
        await _until(FOLDER / "end")
        loop.end()
        await self.engine.run(lambda _connection: writer.end())
        document = {
            "seconds": time.perf_counter() - started,
            "threads": {"event loop": loop.document(), "writer": writer.document()},
            "native_cpu_s": {name: used - native.get(name, 0.0) for name, used in _native_cpu_s().items()},
        }
        part = FOLDER / "profile.part"
        part.write_text(json.dumps(document), encoding="utf-8")
        part.rename(FOLDER / "profile.json")


if __name__ == "__main__":
    # ``main`` takes the class from its module when it starts to serve.
    bootstrap.Server = ProfiledServer  # type: ignore[misc]
    main(sys.argv[2:])
