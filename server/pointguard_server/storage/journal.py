"""The journal: files that batches are appended to, block by block, and flushed before they are answered.

For ``journaled_ledger``. A file, called a segment, is written full of zeros before it is used, and used again once its
batches are in the database: so a flush has data to write and no news of the file itself, and takes a fraction of a
millisecond. A block begins at a multiple of ``ALIGNMENT``: no sector with an answered batch is ever written again.

Appending is the writer's thread's; making room and retiring is another's (``projector``).
"""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pointguard_server.domain.errors import PointguardError, StorageBroken, StorageUnavailable
from pointguard_server.storage.blocks import Block, decode_block

SEGMENT_BYTES: Final = 8 * 1024 * 1024
ALIGNMENT: Final = 512
SPARE_SEGMENTS: Final = 2
_LABEL: Final = struct.Struct("<8sQI")
_MAGIC: Final = b"pgjourn1"


class JournalDamaged(PointguardError):
    """The journal does not fit the ledger that it belongs to."""

    reason = "JOURNAL_DAMAGED"

    def __init__(self, what: str) -> None:
        super().__init__(f"the journal is damaged: {what}")


class _Segment:
    """One file, its number in the order of use, and the last batch in it."""

    def __init__(self, path: Path, file: int, size: int, number: int) -> None:
        self.path, self.file, self.size, self.number = path, file, size, number
        self.last_batch = 0


class Journal:
    """What was appended since the journal was opened; see ``read_blocks`` for what was there before."""

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)
        self._directory, self._segment_bytes = directory, segment_bytes
        self._lock = threading.Lock()  # of the spare and the full ones
        self._spare: list[_Segment] = []
        self._full: list[_Segment] = []
        self._names = 0
        self._current = self._make(1, segment_bytes)
        self._at = ALIGNMENT

    def make_room(self, size: int) -> int:
        """Return the number of a segment that has room for a block of so many bytes, which is the next to be appended.

        Raises:
            StorageUnavailable: there is no room on the disk.
        """
        if self._at + size > self._current.size:
            following = self._take_spare(size)
            with self._lock:
                self._full.append(self._current)
            self._current, self._at = following, ALIGNMENT
        return self._current.number

    def append(self, block: bytes, batch_id: int) -> None:
        """Append a block and flush it.

        Raises:
            StorageUnavailable: it could not be written, and is not in the journal.
            StorageBroken: it may or may not be there.
        """
        written = 0
        try:
            while written < len(block):
                written += os.pwrite(self._current.file, memoryview(block)[written:], self._at + written)
        except OSError as error:
            raise StorageUnavailable from error
        try:
            os.fdatasync(self._current.file)
        except OSError as error:
            raise StorageBroken from error
        self._at += _aligned(len(block))
        self._current.last_batch = batch_id

    def retire(self, batch_id: int) -> None:
        """Use the files of batches up to ``batch_id`` again, or delete them: the database has them for good."""
        with self._lock:
            done = [segment for segment in self._full if segment.last_batch <= batch_id]
            self._full = [segment for segment in self._full if segment.last_batch > batch_id]
        for segment in done:
            if len(self._spare) < SPARE_SEGMENTS and segment.size == self._segment_bytes and _emptied(segment):
                with self._lock:
                    self._spare.append(segment)
            else:
                _delete(segment)

    def prepare(self) -> None:
        """See to it that a spare segment is there, so that the writer need not wait for one.

        Raises:
            StorageUnavailable: there is no room on the disk.
        """
        if not self._spare:
            made = self._make(0, self._segment_bytes)
            with self._lock:
                self._spare.append(made)

    def close(self, *, keep: bool = True) -> None:
        """Close the files; delete them unless they are to be kept."""
        for segment in (*self._full, *self._spare, self._current):
            if keep:
                os.close(segment.file)
            else:
                _delete(segment)

    def _take_spare(self, size: int) -> _Segment:
        number = self._current.number + 1
        with self._lock:
            spare = self._spare.pop() if self._spare and ALIGNMENT + size <= self._segment_bytes else None
        if spare is None:
            return self._make(number, max(self._segment_bytes, ALIGNMENT + size))
        try:
            _label(spare, number)
        except OSError as error:
            with self._lock:
                self._spare.append(spare)
            raise StorageUnavailable from error
        return spare

    def _make(self, number: int, size: int) -> _Segment:
        """Make a segment, all of it on disk."""
        self._names += 1
        path = self._directory / str(self._names)
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailable from error
        segment = _Segment(path, file, size, number)
        try:
            left = size
            while left:
                left -= os.write(file, bytes(min(left, 1 << 20)))
            _label(segment, number)
            os.fsync(file)
            sync_directory(self._directory)
        except OSError as error:
            _delete(segment)
            raise StorageUnavailable from error
        return segment


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _label(segment: _Segment, number: int) -> None:
    """Write a segment's number at its beginning; the flush of its first block makes it durable."""
    numbered = struct.pack("<Q", number)
    os.pwrite(segment.file, _LABEL.pack(_MAGIC, number, zlib.crc32(numbered)), 0)
    segment.number = number


def _emptied(segment: _Segment) -> bool:
    """Make a segment one that has no blocks, on disk; return whether that succeeded.

    Under its old number a power cut in its next use would show old blocks behind the first new one, as if that had been
    damaged.
    """
    try:
        _label(segment, 0)
        os.fdatasync(segment.file)
    except OSError:
        return False
    return True


def _delete(segment: _Segment) -> None:
    os.close(segment.file)
    segment.path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_blocks(directory: Path) -> Iterator[Block]:
    """Read back what a server left in its journal, in order.

    A block at the end that is not whole was never answered, and is passed over.

    Raises:
        JournalDamaged: a block that is not whole is followed by others.
    """
    segments: dict[int, Path] = {}
    for path in directory.glob("*"):
        with path.open("rb") as file:
            label = file.read(_LABEL.size)
        if len(label) == _LABEL.size:
            magic, number, check = _LABEL.unpack(label)
            if magic == _MAGIC and number and zlib.crc32(struct.pack("<Q", number)) == check:
                segments[number] = path
    for number in sorted(segments):
        yield from _blocks_of(memoryview(segments[number].read_bytes()), number)


def _blocks_of(data: memoryview, segment: int) -> Iterator[Block]:
    at = ALIGNMENT
    while (block := decode_block(data[at:], segment)) is not None:
        yield block
        at += _aligned(block.header.size)
    for later in range(at, len(data), ALIGNMENT):
        if decode_block(data[later:], segment) is not None:
            raise JournalDamaged(f"a block before byte {later} of segment {segment} was changed")


def delete_segments(directory: Path) -> None:
    """Delete what a server left: the database has it all."""
    if directory.exists():
        for path in directory.glob("*"):
            path.unlink()
        sync_directory(directory)
