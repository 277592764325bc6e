"""A file of sealed records that only grows, and survives a power cut at any byte. For `terminal`.

A record is there once `append` has returned: it has been flushed. What a cut leaves behind it is a torn tail, which
nobody was ever told of, and the next opening takes it away. Each record is AES-256-GCM under the queue's key and bound
to its place and to the record before: none can be read, changed, left out, doubled or moved without the key.

The file: `pgqueue1`, 16 random bytes that name it, and for each record the length of its ciphertext and the CRC-32 of
that (4 bytes each, little endian), a random nonce of 12 bytes, and the ciphertext with its tag of 16. A length that is
damaged so is not taken for that of a record which a cut has torn, with all that lies behind it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Final, Self
from zlib import crc32

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

with suppress(ImportError):  # not POSIX: whoever opens a queue sees to it that nobody else does
    import fcntl

KEY_BYTES: Final = 32
RECORD_BYTES_MAX: Final = 1 << 20
_MAGIC: Final = b"pgqueue1"
_NAME_BYTES: Final = 16
_HEADER_BYTES: Final = len(_MAGIC) + _NAME_BYTES
_LENGTH: Final = Struct("<II")
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_BEFORE: Final = _LENGTH.size + _NONCE_BYTES
_PLACE: Final = Struct("<Q")
_SECTOR_BYTES: Final = 512


class QueueError(Exception):
    """A queue cannot be used."""


class QueueDamaged(QueueError):
    """The file is no queue, was opened with another key, or was changed: it stays as it is, for someone to look at."""


class QueueInUse(QueueError):
    """Another process has the queue open."""


class QueueBroken(QueueError):
    """A write or a flush failed, and what is on disk is unknown: open the queue again."""


class RecordFile:
    """The file, opened by one process; `records` are those that were there, and belong to whoever opened it."""

    def __init__(self, path: Path, key: bytes, lock: int) -> None:
        """Use `open`."""
        self._path, self._key, self._cipher, self._lock = path, key, AESGCM(key), lock
        self._descriptor = -1
        self._name, self._last, self._count, self._size = b"", bytes(_TAG_BYTES), 0, 0
        self._broken = False
        self.records: list[bytes] = []
        self.torn_bytes = 0
        """How much of a record was there that a cut had torn."""

    @classmethod
    def open(cls, path: Path, key: bytes) -> Self:
        """Open a queue, or make it if there is none.

        Raises:
            ValueError: the key has not 32 bytes.
            QueueDamaged, QueueInUse: see there.
            OSError: the file cannot be read or made.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of a queue has {KEY_BYTES} bytes")
        file = cls(path, key, _locked(path))
        try:
            if not path.exists():
                write_file(path, key, ())
            file._read()
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Let others open it."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Put these in the place of all records, as a whole or not at all; `records` are those that are there then.

        Raises:
            OSError: nothing has changed; or the queue must be opened again, as what is added next will say.
        """
        try:
            write_file(self._path, self._key, records)
        except OSError:
            # Nothing may go into a file that another one has taken the place of.
            self._broken = not os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
            raise
        os.close(self._descriptor)
        self._descriptor, self.records = -1, []
        self._last, self._count = bytes(_TAG_BYTES), 0
        self._read()

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._size

    def append(self, record: bytes) -> None:
        """Add a record; it is on disk when this returns.

        Raises:
            QueueBroken: nobody knows whether it is there; nothing more may be added.
            OSError: it is not there, and the file is as it was.
        """
        if self._broken or self._descriptor < 0:
            raise QueueBroken(f"{self._path} must be opened again")
        sealed = _sealed(self._cipher, self._name, self._count, self._last, record)
        try:
            _write_at(self._descriptor, self._size, sealed)
        except OSError as error:
            self._take_back(error)
            raise
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            # What a failed flush has left on disk nobody knows, and a second one may say that all is well.
            self._broken = True
            raise QueueBroken(f"{self._path} could not be flushed") from error
        self._last, self._count, self._size = sealed[-_TAG_BYTES:], self._count + 1, self._size + len(sealed)

    def _take_back(self, error: OSError) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)
        except OSError:
            self._broken = True
            raise QueueBroken(f"{self._path} could not be written") from error

    def _read(self) -> None:
        """Open the file, read all records, and take a torn tail away."""
        self._descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        content = _content(self._descriptor)
        if not content.startswith(_MAGIC) or len(content) < _HEADER_BYTES:
            raise QueueDamaged(f"{self._path} is no queue")
        self._name, at = content[len(_MAGIC) : _HEADER_BYTES], _HEADER_BYTES
        while at < len(content):
            end = _end_of(content, at)
            record = None if end is None else self._opened(content[at:end])
            if record is None:
                if not _may_be_torn(content, at):
                    raise QueueDamaged(f"{self._path} is damaged at byte {at}, or this is not its key")
                break
            assert end is not None  # noqa: S101  (there is a record)
            self.records.append(record)
            self._last, self._count, at = content[end - _TAG_BYTES : end], self._count + 1, end
        self._size, self.torn_bytes = at, len(content) - at
        if self.torn_bytes:
            os.ftruncate(self._descriptor, at)
            os.fsync(self._descriptor)

    def _opened(self, sealed: bytes) -> bytes | None:
        nonce, ciphertext = sealed[_LENGTH.size : _BEFORE], sealed[_BEFORE:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _bound_to(self._name, self._count, self._last))
        except InvalidTag:
            return None


def _locked(path: Path) -> int:
    """Return what holds the lock of a queue; it is of a file beside it, which stays when the queue is written anew.

    Raises:
        QueueInUse: another process has it.
    """
    if os.name != "posix":
        return -1
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise QueueInUse(f"{path} is open in another process") from error
    return lock


def write_file(path: Path, key: bytes, records: Iterable[bytes]) -> None:
    """Write a new queue of these records in the place of what is there, as a whole or not at all."""
    cipher, name, last = AESGCM(key), os.urandom(_NAME_BYTES), bytes(_TAG_BYTES)
    fresh = path.with_name(path.name + ".new")
    parts = [_MAGIC + name]
    for place, record in enumerate(records):
        parts.append(_sealed(cipher, name, place, last, record))
        last = parts[-1][-_TAG_BYTES:]
    with suppress(FileNotFoundError):
        fresh.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        file.write(b"".join(parts))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    if os.name == "posix":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _sealed(cipher: AESGCM, name: bytes, place: int, last: bytes, record: bytes) -> bytes:
    if len(record) > RECORD_BYTES_MAX:
        raise ValueError(f"a record has at most {RECORD_BYTES_MAX} bytes")
    # Random, and no counter: after a torn tail another record takes the same place.
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext = cipher.encrypt(nonce, record, _bound_to(name, place, last))
    return _length_bytes(len(ciphertext)) + nonce + ciphertext


def _length_bytes(length: int) -> bytes:
    return _LENGTH.pack(length, crc32(length.to_bytes(4, "little")))


def _length_at(content: bytes, at: int) -> int | None:
    """Return the length that stands at a place; None: none that was ever written."""
    length: int = _LENGTH.unpack_from(content, at)[0]
    is_one = content[at : at + _LENGTH.size] == _length_bytes(length)
    return length if is_one and _TAG_BYTES <= length <= RECORD_BYTES_MAX + _TAG_BYTES else None


def _bound_to(name: bytes, place: int, last: bytes) -> bytes:
    return name + _PLACE.pack(place) + last


def _end_of(content: bytes, at: int) -> int | None:
    """Return where the record at a place ends; None if it is not all there."""
    if len(content) - at < _BEFORE + _TAG_BYTES:
        return None
    length = _length_at(content, at)
    return None if length is None or at + _BEFORE + length > len(content) else at + _BEFORE + length


def _may_be_torn(content: bytes, at: int) -> bool:
    """Whether what is behind the last good record may be one that a cut has torn.

    One record at most is under way at a time, and a file system may have its length before its bytes.
    """
    left = len(content) - at
    if left < _LENGTH.size:
        return True
    if not any(content[at + _LENGTH.size :]):
        return left <= _BEFORE + RECORD_BYTES_MAX + _TAG_BYTES
    length = _length_at(content, at)
    if length is None:
        return False
    return left < _BEFORE + length or (left == _BEFORE + length and _has_hole(content, at))


def _has_hole(content: bytes, at: int) -> bool:
    """Whether the part that some sector has of what is behind a place is empty; by chance once in 2^64 times."""
    while at < len(content):
        end = min(at - at % _SECTOR_BYTES + _SECTOR_BYTES, len(content))
        if end - at >= 8 and not any(content[at:end]):
            return True
        at = end
    return not any(content[-8:])


def _content(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read()


def _write_at(descriptor: int, at: int, data: bytes) -> None:
    os.lseek(descriptor, at, os.SEEK_SET)
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
