"""The file in which a terminal keeps what happened: cut at every byte, damaged, full, and opened twice."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pointguard_client.offline import QueueBroken, QueueDamaged, QueueInUse
from pointguard_client.offline import queue as queues
from pointguard_client.offline.queue import RecordFile

KEY = bytes(range(32))
RECORDS = [b"first", b"", b"third" * 20, b"fourth"]


def written(path: Path, records: Sequence[bytes] = RECORDS) -> list[int]:
    """Write records, and return the file's size after each, the empty file's first."""
    file = RecordFile.open(path, KEY)
    sizes = [file.size]
    for record in records:
        file.append(record)
        sizes.append(file.size)
    file.close()
    assert sizes[-1] == path.stat().st_size
    return sizes


def read(path: Path, key: bytes = KEY) -> list[bytes]:
    file = RecordFile.open(path, key)
    file.close()
    return file.records


def test_a_cut_at_any_byte_loses_no_record_that_was_flushed_and_the_next_one_follows(tmp_path: Path) -> None:
    sizes = written(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for cut in range(sizes[0], len(content) + 1):
        path.write_bytes(content[:cut])
        whole = sum(size <= cut for size in sizes[1:])
        file = RecordFile.open(path, KEY)
        assert file.records == RECORDS[:whole]
        assert file.torn_bytes == cut - sizes[whole]
        file.append(b"next")
        file.close()
        assert read(path) == [*RECORDS[:whole], b"next"]


@pytest.mark.parametrize("kept", [0, 1, 3, 4, 7, 8, 20, 21, 60, 100])
def test_a_record_whose_length_came_to_the_disk_before_its_bytes_is_torn(tmp_path: Path, kept: int) -> None:
    sizes = written(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()[: sizes[3]]
    third = sizes[3] - sizes[2]
    path = tmp_path / "holed"
    path.write_bytes(content[: sizes[2] + kept] + bytes(third - kept))
    assert read(path) == RECORDS[:2]


def test_a_sector_of_the_last_record_that_was_never_written_is_a_tear(tmp_path: Path) -> None:
    written(tmp_path / "whole", [b"first", bytes(2_000)])
    content = bytearray((tmp_path / "whole").read_bytes())
    content[512:1024] = bytes(512)
    (tmp_path / "holed").write_bytes(content)
    assert read(tmp_path / "holed") == [b"first"]


def test_a_changed_byte_is_damage_wherever_it_is_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    written(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    path = tmp_path / "changed"
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 0x55
        path.write_bytes(changed)
        with pytest.raises(QueueDamaged):
            read(path)
        assert path.read_bytes() == changed


def test_records_cannot_be_left_out_doubled_moved_or_put_into_another_queue(tmp_path: Path) -> None:
    sizes = written(tmp_path / "whole")
    written(tmp_path / "other")
    content, other = (tmp_path / "whole").read_bytes(), (tmp_path / "other").read_bytes()
    head, *parts = (content[start:end] for start, end in zip([0, *sizes], sizes, strict=False))
    theirs = other[sizes[0] : sizes[1]]
    path = tmp_path / "forged"
    for forged in ([*parts[1:]], [parts[0], *parts], [parts[1], parts[0], *parts[2:]], [theirs, *parts[1:]]):
        path.write_bytes(head + b"".join(forged))
        with pytest.raises(QueueDamaged):
            read(path)


def test_another_key_opens_nothing_and_what_is_kept_cannot_be_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    written(path)
    assert b"third" not in path.read_bytes()
    with pytest.raises(QueueDamaged):
        read(path, bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        RecordFile.open(path, b"short")
    (tmp_path / "none").write_bytes(b"something else altogether")
    with pytest.raises(QueueDamaged, match="is no queue"):
        read(tmp_path / "none")


def test_one_process_has_it_open_at_a_time(tmp_path: Path) -> None:
    file = RecordFile.open(tmp_path / "queue", KEY)
    with pytest.raises(QueueInUse):
        RecordFile.open(tmp_path / "queue", KEY)
    file.close()
    assert read(tmp_path / "queue") == []


def test_nobody_else_has_it_while_it_is_made_or_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write, tried = tmp_path / "queue", queues.write_file, []

    def another_process(*arguments: Any) -> None:
        for _ in ("before", "after"):
            with pytest.raises(QueueInUse):
                RecordFile.open(path, KEY)
            tried.append(path.exists())
            write(*arguments)

    monkeypatch.setattr(queues, "write_file", another_process)
    file = RecordFile.open(path, KEY)
    file.rewrite([b"kept"])
    with pytest.raises(QueueInUse):
        RecordFile.open(path, KEY)
    file.append(b"added")
    file.close()
    assert tried == [False, True, True, True]
    assert read(path) == [b"kept", b"added"]


def test_nothing_is_added_to_a_file_that_another_one_has_taken_the_place_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "queue"
    file = RecordFile.open(path, KEY)
    file.append(b"before")
    flush, flushed = os.fsync, []

    def fail_the_second(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == 2:
            raise OSError(errno.EIO, "the directory could not be flushed")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fail_the_second)
    with pytest.raises(OSError, match="directory"):
        file.rewrite([b"new"])
    with pytest.raises(QueueBroken):
        file.append(b"lost")
    file.close()
    assert read(path) == [b"new"]


def test_a_full_disk_leaves_the_file_as_it_was_and_it_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RecordFile.open(tmp_path / "queue", KEY)
    file.append(b"before")
    write = os.write

    def half(descriptor: int, data: bytes | memoryview) -> int:
        if len(data) > 20:
            return write(descriptor, data[:20])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="no space"):
        file.append(b"lost" * 10)
    monkeypatch.undo()
    file.append(b"after")
    file.close()
    assert read(tmp_path / "queue") == [b"before", b"after"]


@pytest.mark.parametrize("failing", ["fsync", "ftruncate"])
def test_after_a_failed_flush_nothing_more_is_kept_until_it_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    file = RecordFile.open(tmp_path / "queue", KEY)

    def fail(*_arguments: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, failing, fail)
    if failing == "ftruncate":
        monkeypatch.setattr(os, "write", fail)
    with pytest.raises(QueueBroken):
        file.append(b"unsure")
    monkeypatch.undo()
    with pytest.raises(QueueBroken):
        file.append(b"later")
    file.close()
    assert read(tmp_path / "queue") in ([], [b"unsure"])


def test_a_queue_that_is_written_anew_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "queue"
    written(path)

    def cut(*_arguments: object) -> None:
        raise OSError(errno.EIO, "the power is gone")

    cuts: list[tuple[object, str, Callable[..., None]]] = [(os, "fsync", cut), (Path, "replace", cut)]
    for place, name, fail in cuts:
        with monkeypatch.context() as failing:
            failing.setattr(place, name, fail)
            with pytest.raises(OSError, match="power"):
                queues.write_file(path, KEY, [b"new"])
        assert read(path) == RECORDS
    queues.write_file(path, KEY, [b"new"])
    assert read(path) == [b"new"]
