"""The journal: what was flushed is read back, what was not whole is passed over, and damage is told from a torn end."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointguard_server.domain.errors import StorageBroken, StorageUnavailable
from pointguard_server.engine.ports import Heads, Rows
from pointguard_server.storage.blocks import HEADER_BYTES, block_bytes, decode_block, encode_block
from pointguard_server.storage.journal import ALIGNMENT, Journal, JournalDamaged, delete_segments, read_blocks
from tests.support.ledger_rows import batch, id_of

EMPTY = Heads(0, 0, 0, 0, 0, bytes(32))
SEGMENT_BYTES = 16 * 1024


def rows_of(number: int, legs: int = 2) -> Rows:
    """The rows of a batch of that number."""
    heads = Heads(10 * number, 20 * number, 5 * number, number - 1, 1_000 * number, bytes([number]) * 32)
    advice = [{"advice_id": id_of(number), "rule_id": 3}]
    return batch(heads, *({"seq": seq, "points": -seq} for seq in range(1, legs + 1)), entries=3, advice=advice)


def append(journal: Journal, rows: Rows) -> None:
    size = block_bytes(rows)
    segment = journal.make_room(size)
    number = rows.batch.batch_id
    journal.append(encode_block(rows, size, segment, 20 * number + 1, 5 * number + 1), number)


def batches_in(directory: Path) -> list[int]:
    return [block.header.batch.batch_id for block in read_blocks(directory)]


def fill(directory: Path, numbers: Sequence[int], **options: Any) -> Journal:
    journal = Journal(directory, **options)
    append_many(journal, numbers)
    return journal


def append_many(journal: Journal, numbers: Sequence[int]) -> None:
    for number in numbers:
        append(journal, rows_of(number))


def segments(directory: Path) -> list[Path]:
    return sorted(directory.iterdir(), key=lambda path: int(path.name))


@given(st.integers(1, 255), st.integers(1, 40), st.integers(0, 2**60))
def test_a_block_read_back_is_the_rows_that_were_written(number: int, legs: int, segment: int) -> None:
    rows = rows_of(number, legs)
    block = encode_block(rows, block_bytes(rows), segment, 20 * number + 1, 5 * number + 1)
    assert len(block) == block_bytes(rows)
    found = decode_block(memoryview(block + bytes(100)), segment)
    assert found is not None
    assert found.rows.batch == rows.batch
    assert found.rows.texts == rows.texts
    for name in ("legs", "entries", "advice"):
        assert getattr(found.rows, name).tobytes() == getattr(rows, name).tobytes(), name
    assert decode_block(memoryview(block), segment + 1) is None, "left by an earlier use of the file"


def test_batches_come_back_in_order_over_as_many_files_as_they_take(tmp_path: Path) -> None:
    fill(tmp_path, range(1, 60), segment_bytes=SEGMENT_BYTES).close()
    assert len(segments(tmp_path)) > 3
    assert batches_in(tmp_path) == list(range(1, 60))


def test_a_batch_that_is_larger_than_a_file_gets_a_file_of_its_size(tmp_path: Path) -> None:
    journal = fill(tmp_path, [1], segment_bytes=SEGMENT_BYTES)
    append(journal, rows_of(2, legs=200))
    append(journal, rows_of(3))
    journal.close()
    assert batches_in(tmp_path) == [1, 2, 3]
    assert [len(block.rows.legs) for block in read_blocks(tmp_path)] == [2, 200, 2]


@pytest.mark.parametrize("torn_at", [0, 1, 7, 8, 40, HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 300])
def test_the_last_batch_is_passed_over_if_any_of_it_did_not_reach_the_disk(tmp_path: Path, torn_at: int) -> None:
    fill(tmp_path, [1, 2]).close()
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    second = ALIGNMENT + -(-block_bytes(rows_of(1)) // ALIGNMENT) * ALIGNMENT
    data[second + torn_at :] = bytes(len(data) - second - torn_at)
    path.write_bytes(data)
    assert batches_in(tmp_path) == [1]


@pytest.mark.parametrize("changed", [0, 9, 20, 60, HEADER_BYTES, HEADER_BYTES + 200])
def test_a_changed_byte_before_other_batches_is_damage_and_not_the_end(tmp_path: Path, changed: int) -> None:
    fill(tmp_path, [1, 2, 3]).close()
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[ALIGNMENT + changed] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(JournalDamaged):
        batches_in(tmp_path)


def test_files_whose_batches_are_in_the_database_are_used_again_and_their_old_batches_are_not_seen(
    tmp_path: Path,
) -> None:
    journal = fill(tmp_path, [], segment_bytes=SEGMENT_BYTES)
    for number in range(1, 200):
        append(journal, rows_of(number))
        journal.retire(number)
        journal.prepare()
    journal.close()
    assert len(segments(tmp_path)) <= 3
    left = batches_in(tmp_path)
    assert left[-1] == 199
    assert left == sorted(left)
    assert left == list(range(left[0], 200))


def test_a_file_that_waits_to_be_used_again_has_no_batches_whatever_its_next_use_leaves_of_them(tmp_path: Path) -> None:
    journal = fill(tmp_path, range(1, 60), segment_bytes=SEGMENT_BYTES)
    first, *_ = segments(tmp_path)
    journal.retire(30)
    journal.close()
    content = first.read_bytes()
    # Of the first block of its next use, half has reached the disk, and the new number has not.
    first.write_bytes(content[:ALIGNMENT] + bytes(ALIGNMENT) + content[2 * ALIGNMENT :])
    left = batches_in(tmp_path)
    assert left == list(range(left[0], 60))
    assert 1 < left[0] <= 31


def test_a_journal_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    fill(tmp_path, range(1, 60), segment_bytes=SEGMENT_BYTES).close(keep=False)
    assert segments(tmp_path) == []
    fill(tmp_path, [1]).close()
    delete_segments(tmp_path)
    assert segments(tmp_path) == []


def failing(error: OSError) -> Callable[..., int]:
    def fail(*_arguments: object) -> int:
        raise error

    return fail


def test_a_batch_that_could_not_be_written_is_not_there_and_the_next_one_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = fill(tmp_path, [1])
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", failing(OSError(28, "no space")))
        with pytest.raises(StorageUnavailable):
            append(journal, rows_of(2))
    append(journal, rows_of(3))
    journal.close()
    assert batches_in(tmp_path) == [1, 3]


def test_a_write_that_the_system_cuts_short_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: whole(file, data[:100], at))
    fill(tmp_path, [1, 2]).close()
    assert batches_in(tmp_path) == [1, 2]


def test_a_failed_flush_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = fill(tmp_path, [1])
    monkeypatch.setattr(os, "fdatasync", failing(OSError(5, "input/output error")))
    with pytest.raises(StorageBroken):
        append(journal, rows_of(2))
    journal.close()


def test_where_there_is_no_room_for_another_file_the_one_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = fill(tmp_path, range(1, 4), segment_bytes=SEGMENT_BYTES)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", failing(OSError(28, "no space")))
        with pytest.raises(StorageUnavailable):
            append_many(journal, range(4, 60))
        with pytest.raises(StorageUnavailable):
            journal.prepare()
    assert len(segments(tmp_path)) == 1
    append(journal, rows_of(61))
    journal.close()
    assert batches_in(tmp_path)[-1] == 61


def test_a_process_without_file_handles_gets_no_other_file_and_goes_on_with_the_one_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = fill(tmp_path, [1], segment_bytes=SEGMENT_BYTES)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", failing(OSError(24, "too many open files")))
        with pytest.raises(StorageUnavailable):
            journal.prepare()
    append(journal, rows_of(2))
    journal.close()
    assert batches_in(tmp_path) == [1, 2]
