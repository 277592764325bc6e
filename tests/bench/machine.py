"""What the figures were measured on: processor, versions, and what one flush to the disk costs. For the benchmarks."""

import os
import platform
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

FLUSHES = 100
PAGE = bytes(4096)


def machine_facts(directory: Path) -> dict[str, Any]:
    """Return the facts that go with every figure; ``directory`` is where the ledgers of the run are."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "grpcio": version("grpcio"),
        "protobuf": version("protobuf"),
        "numba": version("numba"),
        "sqlite": sqlite3.sqlite_version,
        "file_system": _file_system(directory),
        "flush_us_p50": round(_flush_us(directory), 1),
    }


def header_of(facts: dict[str, Any]) -> str:
    """Return the facts as lines for people."""
    return (
        f"[bold]{facts['processor']}[/], {facts['cores']} cores, {facts['system']}\n"
        f"Python {facts['python']}, grpcio {facts['grpcio']}, protobuf {facts['protobuf']}, numba {facts['numba']}, "
        f"SQLite {facts['sqlite']}\n"
        f"ledgers on {facts['file_system']}: to append 4 KiB and flush takes {facts['flush_us_p50']:,.0f} µs (median)"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(directory: Path) -> str:
    """Return the kind of file system that holds a directory: a ledger on one in memory would flush for nothing."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "an unknown file system"
    path = directory.resolve()
    holding = [mount for mount in mounts if path.is_relative_to(mount[1])]
    return max(holding, key=lambda mount: len(mount[1]))[2] if holding else "an unknown file system"


def _flush_us(directory: Path) -> float:
    path = directory / "flush-probe"
    taken: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            file.write(PAGE)
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e6)
    path.unlink()
    return median(taken)
