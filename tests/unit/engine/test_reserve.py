"""Arrays that grow in place."""

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointguard_server.engine import reserve
from pointguard_server.engine.memory import Memory
from pointguard_server.velocity.windows import BLOCK, EVENT

MIB = 1024 * 1024


def resident_bytes() -> int:
    """Return what this process has of the machine's memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def flags_of(address: int) -> set[str]:
    """Return what the kernel notes of the mapping that begins there, as proc(5) lists it."""
    smaps = Path("/proc/self/smaps").read_text(encoding="ascii")
    mapping = smaps[smaps.index(f"{address:x}-") :]
    (line, *_) = [line for line in mapping.splitlines() if line.startswith("VmFlags:")]
    return set(line.split()[1:])


def test_an_array_takes_memory_only_where_it_is_written() -> None:
    before = resident_bytes()
    array = reserve.reserved(EVENT, 10)
    array["points"][:1_000] = 7
    assert array.nbytes >= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 - EVENT.itemsize
    assert resident_bytes() - before < 16 * MIB
    assert array["points"][:1_001].sum() == 7_000


def test_what_is_reserved_is_no_promise_of_the_systems_and_no_child_inherits_it() -> None:
    array = reserve.reserved(EVENT, 10)
    assert flags_of(array.ctypes.data) >= {"nr", "dc"}  # no reserve, do not copy


def test_an_array_is_as_long_as_asked_for_where_no_more_addresses_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", refuse)
    assert len(reserve.reserved(EVENT, 10)) == 10


@pytest.mark.parametrize("refused", [False, True], ids=["in place", "by a copy"])
def test_events_stay_when_more_blocks_are_needed(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    if refused:
        monkeypatch.setattr("pointguard_server.engine.memory.reserved", lambda dtype, length: np.zeros(length, dtype))
    memory = Memory(10, 1)
    before = memory.arrays(1, 0, 0).events
    before["points"][:BLOCK] = range(BLOCK)
    after = memory.arrays(100_000, 0, 0).events
    assert len(after) >= 100_000 * BLOCK
    assert np.shares_memory(before, after) != refused
    assert after["points"][:BLOCK].tolist() == list(range(BLOCK))
