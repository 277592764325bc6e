"""The key ring: every tenant's keys in one file of the data directory; the vault's built-in ``KeyCustodian``.

Losing this file loses all personal data, and nothing else can replace it: back it up apart from the database. So a file
that is torn, changed or incomplete is an error and stays as it is; only where no file exists is one made. Whoever opens
a member store and gets a fresh ring should refuse to start: compare ``ring_id`` with the one stored there.

For ``bootstrap``; the vault sees the protocol only. Several processes of one machine may share the file: each change is
made under a lock on ``<file>.lock``, starting from what the file holds then. POSIX only.

Errors
    KeyRingError
    ├── KeyRingExposed   somebody else owns the file or directory, or may read or change it
    └── KeyRingBroken    the file is damaged, has an unknown format, or is not the one that this process started with
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
import stat
import struct
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pointguard_server.service.vault import DATA_KEY_BYTES, NONCE_BYTES, TAG_BYTES, DataKeyUnreadable

KEY_RING_FILE: Final = "keyring.json"
KEY_BYTES: Final = 32
KEY_VERSION_MAX: Final = 2**32 - 1

_FILE_FORMAT: Final = 1
_WRAPPED_FORMAT: Final = 1
_WRAPPED_CONTEXT: Final = b"pointguard data key"
_WRAPPED_HEADER: Final = struct.Struct(">BI")
WRAPPED_KEY_BYTES: Final = _WRAPPED_HEADER.size + NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES


class KeyRingError(Exception):
    """The key ring cannot be used."""


class KeyRingExposed(KeyRingError):
    """The file or its directory belongs to another user, or is open to one."""


class KeyRingBroken(KeyRingError):
    """The file is not a whole key ring, or not the ring that this process knows."""


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """One version of the key that wraps a tenant's data keys: 32 bytes, versions count from 1."""

    version: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """All keys of one tenant. Old key-encryption keys stay, so that what they wrapped still opens."""

    tenant_id: int
    active_version: int
    key_encryption_keys: tuple[KeyEncryptionKey, ...]
    blind_index_key: bytes = field(repr=False)
    digest_key: bytes = field(repr=False)

    @classmethod
    def generate(cls, tenant_id: int) -> "TenantKeys":
        """Fresh random keys for a tenant."""
        first = KeyEncryptionKey(1, os.urandom(KEY_BYTES))
        return cls(tenant_id, 1, (first,), os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))

    def version(self, version: int) -> KeyEncryptionKey | None:
        """The key-encryption key of that version, if there is one."""
        return next((key for key in self.key_encryption_keys if key.version == version), None)

    @property
    def active(self) -> KeyEncryptionKey:
        """The key-encryption key that wraps new data keys."""
        active = self.version(self.active_version)
        if active is None:
            raise KeyRingBroken(f"tenant {self.tenant_id} has no key-encryption key of its active version")
        return active

    def rotated(self) -> "TenantKeys":
        """The same keys and a new active key-encryption key."""
        version = max(key.version for key in self.key_encryption_keys) + 1
        added = KeyEncryptionKey(version, os.urandom(KEY_BYTES))
        return replace(self, active_version=version, key_encryption_keys=(*self.key_encryption_keys, added))

    def keeps(self, older: "TenantKeys") -> bool:
        """Whether nothing that ``older`` holds is missing or different here."""
        same_fixed_keys = self.blind_index_key == older.blind_index_key and self.digest_key == older.digest_key
        return same_fixed_keys and set(older.key_encryption_keys) <= set(self.key_encryption_keys)


@dataclass(frozen=True, slots=True)
class _Ring:
    ring_id: str
    tenants: Mapping[int, TenantKeys]

    def with_tenant(self, keys: TenantKeys) -> "_Ring":
        return replace(self, tenants={**self.tenants, keys.tenant_id: keys})

    def keeps(self, older: "_Ring") -> bool:
        return self.ring_id == older.ring_id and all(
            tenant_id in self.tenants and self.tenants[tenant_id].keeps(keys)
            for tenant_id, keys in older.tenants.items()
        )


class KeyRing:
    """Tenants' keys, made on first use and kept in a file that only this user can read. Thread-safe.

    Implements ``KeyCustodian``. Looking a known tenant up takes no lock and touches no file.
    """

    def __init__(self, path: Path, ring: _Ring) -> None:
        """Use ``open_or_create``."""
        self._path = path
        self._ring = ring
        self._changing = threading.Lock()

    @classmethod
    def open_or_create(cls, path: Path) -> "KeyRing":
        """Open the ring at ``path``, or make it if there is none; the directory must exist. Raises KeyRingError."""
        _check_directory(path.parent)
        with _locked(path):
            ring = _read(path)
            if ring is None:
                ring = _Ring(uuid.uuid4().hex, {})
                _write(path, ring)
        return cls(path, ring)

    @property
    def ring_id(self) -> str:
        """32 hexadecimal digits that name this ring for ever; not secret."""
        return self._ring.ring_id

    def tenant_keys(self, tenant_id: int) -> TenantKeys:
        """The tenant's keys; on first use they are made, and safe on disk before this returns. Raises KeyRingError."""
        known = self._ring.tenants.get(tenant_id)
        if known is not None:
            return known
        return self._change(tenant_id, lambda keys: keys if keys is not None else TenantKeys.generate(tenant_id))

    def rotate(self, tenant_id: int) -> int:
        """Give the tenant a new active key-encryption key and return its version. Raises KeyRingError.

        Old versions stay: members open as before, and ``MemberVault.rewrap`` moves their data keys at leisure. Other
        processes wrap under the version they know until they meet the new one, which is as readable.
        """
        return self._change(
            tenant_id, lambda keys: keys.rotated() if keys is not None else TenantKeys.generate(tenant_id)
        ).active_version

    def wrap(self, tenant_id: int, data_key: bytes) -> bytes:
        """Encrypt a data key: format byte, 4-byte key version, 12-byte nonce, ciphertext with tag; 65 bytes in all.

        Nonces are random: rotate before one version has wrapped 2^32 data keys. Raises KeyRingError.
        """
        if len(data_key) != DATA_KEY_BYTES:
            raise ValueError(f"a data key has {DATA_KEY_BYTES} bytes")
        active = self.tenant_keys(tenant_id).active
        header = _WRAPPED_HEADER.pack(_WRAPPED_FORMAT, active.version)
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + AESGCM(active.key).encrypt(nonce, data_key, _wrapped_context(header, tenant_id))

    def unwrap(self, tenant_id: int, wrapped: bytes) -> bytes:
        """Decrypt a wrapped data key. Raises DataKeyUnreadable, and KeyRingError where the file must be read again."""
        if len(wrapped) != WRAPPED_KEY_BYTES or wrapped[0] != _WRAPPED_FORMAT:
            raise DataKeyUnreadable("a wrapped data key has an unknown format")
        header, sealed = wrapped[: _WRAPPED_HEADER.size], wrapped[_WRAPPED_HEADER.size :]
        key = self._key_encryption_key(tenant_id, _WRAPPED_HEADER.unpack(header)[1])
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _wrapped_context(header, tenant_id))
        except InvalidTag:
            raise DataKeyUnreadable("a wrapped data key does not open with its tenant's key") from None

    def blind_index_key(self, tenant_id: int) -> bytes:
        """The tenant's HMAC key for blind indexes, 32 bytes. Raises KeyRingError."""
        return self.tenant_keys(tenant_id).blind_index_key

    def digest_key(self, tenant_id: int) -> bytes:
        """The tenant's key for request digests, 32 bytes. Raises KeyRingError."""
        return self.tenant_keys(tenant_id).digest_key

    def fingerprint(self, tenant_id: int) -> str:
        """Tells the tenant's keys that never change from others, and says nothing of them. Raises KeyRingError."""
        keys = self.tenant_keys(tenant_id)
        return hashlib.blake2b(
            keys.blind_index_key + keys.digest_key, digest_size=16, person=b"fingerprint"
        ).hexdigest()

    def _key_encryption_key(self, tenant_id: int, version: int) -> bytes:
        key = self._known_key(tenant_id, version)
        if key is None:
            # Another process may have made the tenant's keys or rotated them since this one last looked.
            with self._changing, _locked(self._path):
                self._ring = self._current()
            key = self._known_key(tenant_id, version)
        if key is None:
            raise DataKeyUnreadable(f"the key ring has no version {version} of the key of tenant {tenant_id}")
        return key

    def _known_key(self, tenant_id: int, version: int) -> bytes | None:
        keys = self._ring.tenants.get(tenant_id)
        found = keys.version(version) if keys is not None else None
        return found.key if found is not None else None

    def _change(self, tenant_id: int, make: Callable[[TenantKeys | None], TenantKeys]) -> TenantKeys:
        with self._changing, _locked(self._path):
            current = self._current()
            before = current.tenants.get(tenant_id)
            after = make(before)
            if after != before:
                current = current.with_tenant(after)
                _write(self._path, current)
            self._ring = current
            return after

    def _current(self) -> _Ring:
        """What the file holds now. Writing over a file that lost keys would make the loss final, so refuse that."""
        current = _read(self._path)
        if current is None:
            raise KeyRingBroken(f"{self._path} has disappeared; put it back from the backup and restart")
        if not current.keeps(self._ring):
            raise KeyRingBroken(f"{self._path} lacks keys that are in use; it was replaced by another or an older ring")
        return current


def _wrapped_context(header: bytes, tenant_id: int) -> bytes:
    return _WRAPPED_CONTEXT + header + struct.pack(">q", tenant_id)


# The file.


def _check_directory(directory: Path) -> None:
    try:
        status = directory.stat()
    except OSError as error:
        raise KeyRingError(f"{directory}, the directory of the key ring, cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise KeyRingError(f"{directory}, the directory of the key ring, is no directory")
    if status.st_uid != os.geteuid():
        raise KeyRingExposed(f"{directory} belongs to another user; the key ring needs a directory of its own user")
    if status.st_mode & 0o022:
        raise KeyRingExposed(f"{directory} can be written by group or others; make it 0700")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of the ring file. A lock on the ring itself would be lost with each rename."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise KeyRingError(f"{lock_path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _read(path: Path) -> _Ring | None:
    """The ring in the file, None if there is no such file."""
    try:
        # O_NONBLOCK: opening a named pipe must not wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyRingError(f"{path} cannot be opened as a plain file: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRingBroken(f"{path} is no plain file")
        if status.st_uid != os.geteuid():
            raise KeyRingExposed(f"{path} belongs to another user")
        if status.st_mode & 0o077:
            raise KeyRingExposed(f"{path} is open to group or others; make it 0600 and consider its keys known")
        content = file.read()
    try:
        return _decoded(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # The cause could quote key material, so it is not chained.
        raise KeyRingBroken(f"{path} is damaged or no key ring; put it back from the backup") from None


def _write(path: Path, ring: _Ring) -> None:
    """Replace the file as a whole; after this returns, it survives a power cut."""
    fresh = path.with_name(path.name + ".new")
    try:
        _write_durably(fresh, _encoded(ring))
        fresh.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise KeyRingError(f"{path} cannot be written: {error.strerror}") from error


def _write_durably(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # what a crash left behind
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# The file's content: JSON, keys in base64, and a checksum, since a changed key would look as good as the right one.


def _encoded(ring: _Ring) -> bytes:
    body = {
        "format": _FILE_FORMAT,
        "ring_id": ring.ring_id,
        "tenants": {str(tenant_id): _tenant_fields(keys) for tenant_id, keys in sorted(ring.tenants.items())},
    }
    return json.dumps({**body, "checksum": _checksum(body)}, indent=2).encode() + b"\n"


def _tenant_fields(keys: TenantKeys) -> dict[str, Any]:
    return {
        "active_version": keys.active_version,
        "key_encryption_keys": {str(key.version): _text(key.key) for key in keys.key_encryption_keys},
        "blind_index_key": _text(keys.blind_index_key),
        "digest_key": _text(keys.digest_key),
    }


def _decoded(content: bytes) -> _Ring:
    fields = json.loads(content)
    checksum = fields.pop("checksum")
    if fields["format"] != _FILE_FORMAT or checksum != _checksum(fields):
        raise ValueError("unknown format or wrong checksum")
    tenants = {int(tenant_id): _tenant_keys(int(tenant_id), entry) for tenant_id, entry in fields["tenants"].items()}
    return _Ring(str(fields["ring_id"]), tenants)


def _tenant_keys(tenant_id: int, fields: dict[str, Any]) -> TenantKeys:
    versions = tuple(
        KeyEncryptionKey(int(version), _key(text)) for version, text in fields["key_encryption_keys"].items()
    )
    if not all(1 <= key.version <= KEY_VERSION_MAX for key in versions):
        raise ValueError("a key version is out of range")
    active_version = int(fields["active_version"])
    if active_version not in {key.version for key in versions}:
        raise ValueError("the active version is missing")
    return TenantKeys(tenant_id, active_version, versions, _key(fields["blind_index_key"]), _key(fields["digest_key"]))


def _checksum(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a key is not base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError("a key has the wrong length")
    return key
