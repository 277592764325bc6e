"""The directory of compiled rule sets. Its files become machine code of this process, so nobody else may write there.

``CodeCache`` is for ``compiler`` alone; ``private_directory`` for whoever loads machine code, ``usable_directory`` for
who would rather have another directory than none. An entry is two files: ``rules_<key>.ll`` or ``.wat``, the written
module, and ``rules_<key>.object``, the machine code behind a checksum. A file that is torn or changed reads as absent.

Several processes may use one directory: a file is there whole or not at all, and the same key means the same code. At
most ``ENTRIES_MAX`` entries stay; the least recently used leave.

    CacheDirectoryRefused     the directory is not safe to load code from
"""

import os
import stat
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
ENTRIES_MAX: Final = 256
_STRAY_AFTER_S: Final = 3600.0  # a file that is still being written is never as old
_CHECKSUM_SIZE: Final = sha256().digest_size


class CacheDirectoryRefused(PermissionError):
    """The cache directory is not a directory of the current user that only they may write."""


def private_directory(directory: Path) -> Path:
    """Make a directory, with mode 0700, if it does not exist, and return it.

    Raises:
        CacheDirectoryRefused: if it is not the current user's own, or others may write to it.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise CacheDirectoryRefused(f"the code cache {directory} is not a directory")
    if status.st_uid != os.geteuid():
        raise CacheDirectoryRefused(f"the code cache {directory} belongs to another user")
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise CacheDirectoryRefused(f"the code cache {directory} is writable by others; set its mode to 0700")
    return directory


def usable_directory(directory: Path) -> tuple[Path, str]:
    """Return a directory that is safe and can be written to, and why it is not the one that was asked for.

    The other one is new, private, and whoever asked removes it. The reason is empty if there is none.
    """
    try:
        with tempfile.TemporaryFile(dir=private_directory(directory)):
            return directory, ""
    except OSError as error:
        return Path(tempfile.mkdtemp(prefix="pointguard-rules-")), str(error)


class CodeCache:
    """One directory; made, with mode 0700, if it does not exist.

    Raises:
        CacheDirectoryRefused: on construction.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = private_directory(directory)

    def module_path(self, key: str, suffix: str) -> Path:
        """Where the written module of ``key`` is."""
        return self._directory / f"rules_{key}{suffix}"

    def object_path(self, key: str) -> Path:
        """Where the machine code of ``key`` is."""
        return self._directory / f"rules_{key}.object"

    def write_module(self, key: str, source: str, suffix: str) -> None:
        """Keep the written module."""
        self._write(self.module_path(key, suffix), source.encode())

    def write_object(self, key: str, code: bytes) -> None:
        """Keep machine code, with its checksum in front; the least recently used of too many entries leave."""
        self._write(self.object_path(key), sha256(code).digest() + code)
        self._let_go()

    def read_object(self, key: str) -> bytes | None:
        """The machine code, or None if there is none that is whole, ours, and ours alone to write."""
        try:
            with self.object_path(key).open("rb") as file:
                if not _is_ours(os.fstat(file.fileno())):
                    return None
                content = file.read()
                with suppress(OSError):
                    os.utime(file.fileno())  # it was used now
        except OSError:
            return None
        checksum, code = content[:_CHECKSUM_SIZE], content[_CHECKSUM_SIZE:]
        return code if code and sha256(code).digest() == checksum else None

    def _let_go(self) -> None:
        # Another process may do the same at once: what is gone is gone.
        entries = sorted(self._directory.glob("rules_*.object"), key=_used_at, reverse=True)
        for path in entries[ENTRIES_MAX:]:
            path.unlink(missing_ok=True)
            for suffix in (".ll", ".wat"):
                path.with_suffix(suffix).unlink(missing_ok=True)
        for path in self._directory.glob(".writing-*"):
            if 0.0 < _used_at(path) < time.time() - _STRAY_AFTER_S:
                path.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        # A reader sees the old file or the new one; a crash leaves a stray temporary file at worst.
        descriptor, temporary = tempfile.mkstemp(dir=self._directory, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_ours(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE
