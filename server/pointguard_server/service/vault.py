"""The member vault: personal data sealed under each member's own key, and the blind index that finds it again.

For the use cases that enroll, find and erase members. It does no I/O: whoever calls it keeps the wrapped data key, the
sealed values and the blind indexes in tables, none of them in the ledger.

To erase a member: delete the wrapped data key (every sealed value becomes noise, in backups of the values too) and the
member's blind indexes (pseudonyms that the tenant's key could still confirm).

Errors
    VaultError
    ├── InvalidIdentifier    the caller sent something that is no such identifier
    ├── MemberErased         the data key was destroyed on purpose
    ├── DataKeyUnreadable    the wrapped key is damaged, or its tenant's key is missing or another one
    └── SealedValueUnreadable   the sealed value is damaged, or belongs to another member, tenant or purpose
None of them ever carries the value, and none chains an exception that does.
"""

import hmac
import os
import re
import struct
import unicodedata
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pointguard_server.domain.identifiers import IdentifierKind

DATA_KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
BLIND_INDEX_BYTES: Final = 16
"""128 bits of the HMAC are kept: with 16 thousand million identifiers in one tenant, the chance that any two meet is
below 10^-18, and nobody without the key can search for such a pair. The index takes half the room of a whole HMAC."""
CODE_BYTES_MAX: Final = 64
EMAIL_BYTES_MAX: Final = 254
"""RFC 5321: a path has at most 256 octets, two of them the angle brackets."""
PURPOSE_BYTES_MAX: Final = 64

_SEALED_FORMAT: Final = 1
_SEALED_OVERHEAD: Final = 1 + NONCE_BYTES + TAG_BYTES
_SEALED_CONTEXT: Final = b"pointguard member value"
_RAW_CHARACTERS_MAX: Final = 1024
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_DEVICE_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class VaultError(Exception):
    """The vault could not do what was asked."""


class InvalidIdentifier(VaultError):
    """A value is no identifier of its kind; ``problem`` is fit for a client and does not repeat the value."""

    def __init__(self, kind: IdentifierKind, problem: str) -> None:
        super().__init__(f"{kind.name.lower()} {problem}")
        self.kind = kind
        self.problem = problem


class MemberErased(VaultError):
    """The member's data key was destroyed; the personal data cannot be read again."""


class DataKeyUnreadable(VaultError):
    """A member's wrapped data key cannot be opened with the keys of the tenant."""


class SealedValueUnreadable(VaultError):
    """A sealed value is damaged, or was sealed for another tenant, member or purpose, or under another key."""


class KeyCustodian(Protocol):
    """What holds the tenants' keys: the key ring file, or a key management service.

    All keys have 32 bytes. ``unwrap`` raises ``DataKeyUnreadable``. A custodian makes a tenant's keys when they are
    first needed for ``wrap``, ``blind_index_key`` or ``digest_key``, and has them safe on disk before it returns.
    """

    def wrap(self, tenant_id: int, data_key: bytes) -> bytes:
        """Encrypt ``data_key`` under the tenant's active key-encryption key."""

    def unwrap(self, tenant_id: int, wrapped: bytes) -> bytes:
        """Decrypt what ``wrap`` returned, under whichever version of the tenant's key made it."""

    def blind_index_key(self, tenant_id: int) -> bytes:
        """The tenant's HMAC key for blind indexes; it is never rotated, or nothing would be found again."""

    def digest_key(self, tenant_id: int) -> bytes:
        """The tenant's key for request digests, so that a digest in the ledger confirms nobody's personal data."""


class MemberVault:
    """Seals members' personal data and computes blind indexes. Thread-safe if its custodian is."""

    def __init__(self, custodian: KeyCustodian) -> None:
        self._custodian = custodian

    def new_data_key(self, tenant_id: int) -> bytes:
        """Make a member's data key and return it wrapped; only the wrapped form may be stored."""
        return self._custodian.wrap(tenant_id, os.urandom(DATA_KEY_BYTES))

    def rewrap(self, tenant_id: int, wrapped_key: bytes) -> bytes:
        """Wrap the same data key under the tenant's active key, after a rotation. Sealed values stay as they are."""
        return self._custodian.wrap(tenant_id, self._data_key(tenant_id, wrapped_key))

    def seal(self, tenant_id: int, member_id: int, wrapped_key: bytes, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt ``plaintext`` for one member and purpose: format byte, 12-byte nonce, ciphertext with 16-byte tag.

        ``purpose`` names the field (1 to 64 bytes). A random nonce is safe here: one key seals one member's few values,
        very far from the 2^32 that AES-GCM allows. Raises MemberErased, DataKeyUnreadable.
        """
        associated = _associated_data(tenant_id, member_id, purpose)
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = AESGCM(self._data_key(tenant_id, wrapped_key)).encrypt(nonce, plaintext, associated)
        return bytes((_SEALED_FORMAT,)) + nonce + ciphertext

    def open(self, tenant_id: int, member_id: int, wrapped_key: bytes, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what ``seal`` returned for the same tenant, member and purpose.

        Raises MemberErased, DataKeyUnreadable, SealedValueUnreadable.
        """
        associated = _associated_data(tenant_id, member_id, purpose)
        cipher = AESGCM(self._data_key(tenant_id, wrapped_key))
        if len(sealed) < _SEALED_OVERHEAD or sealed[0] != _SEALED_FORMAT:
            raise SealedValueUnreadable("a sealed value has an unknown format")
        try:
            return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], associated)
        except InvalidTag:
            raise SealedValueUnreadable("a sealed value does not open for this tenant, member and purpose") from None

    def blind_index(self, tenant_id: int, identifier_kind: IdentifierKind, value: str) -> bytes:
        """The 16 bytes under which an identifier is stored and found; ``value`` may be raw or normalized.

        Equal identifiers of one kind and tenant give equal bytes; without the tenant's key they say nothing.
        Raises InvalidIdentifier.
        """
        normalized = normalize_identifier(identifier_kind, value)
        message = bytes((identifier_kind,)) + normalized.encode()
        return hmac.digest(self._custodian.blind_index_key(tenant_id), message, "sha256")[:BLIND_INDEX_BYTES]

    def _data_key(self, tenant_id: int, wrapped_key: bytes) -> bytes:
        if not wrapped_key:
            raise MemberErased("the member's data key was destroyed")
        data_key = self._custodian.unwrap(tenant_id, wrapped_key)
        if len(data_key) != DATA_KEY_BYTES:
            raise DataKeyUnreadable("a data key has the wrong length")
        return data_key


def normalize_identifier(kind: IdentifierKind, value: str) -> str:
    """The one spelling of an identifier; normalizing it again changes nothing. Raises InvalidIdentifier.

    Characters that Unicode has not assigned are refused along with invisible ones: their normal form may change with
    the Unicode tables of the next Python, and the member would not be found any more.
    """
    if len(value) > _RAW_CHARACTERS_MAX:
        raise InvalidIdentifier(kind, "is too long")
    stripped = value.strip()
    if not stripped:
        raise InvalidIdentifier(kind, "is empty")
    if not stripped.isprintable():
        raise InvalidIdentifier(kind, "contains a control, invisible or unassigned character")
    match kind:
        case IdentifierKind.EMAIL:
            return _normalize_email(stripped)
        case IdentifierKind.PHONE:
            return _normalize_phone(stripped)
        case IdentifierKind.DEVICE_GUID:
            return _normalize_device_guid(stripped)
        case IdentifierKind.CARD | IdentifierKind.LOYALTY_ID | IdentifierKind.EXTERNAL_ID:
            return _within(kind, unicodedata.normalize("NFC", stripped), CODE_BYTES_MAX)
        case IdentifierKind.ACCOUNT_ID:
            # It is no personal data and finds the account by itself: an index over it would only be a second truth.
            raise InvalidIdentifier(kind, "is looked up as it is, not as an identifier")


def _normalize_email(value: str) -> str:
    kind = IdentifierKind.EMAIL
    # Folding a decomposed string and composing the result is Unicode's canonical caseless match (definition D145).
    normalized = unicodedata.normalize("NFC", unicodedata.normalize("NFD", value).casefold())
    if " " in normalized:
        raise InvalidIdentifier(kind, "contains a space")
    local, at, host = normalized.rpartition("@")
    if not at:
        raise InvalidIdentifier(kind, "has no @")
    if not local or not host or "@" in local:
        raise InvalidIdentifier(kind, "must have one @, with something on both sides of it")
    return _within(kind, normalized, EMAIL_BYTES_MAX)


def _normalize_phone(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise InvalidIdentifier(IdentifierKind.PHONE, "must be in E.164 form: + and 7 to 15 digits, the first not 0")
    return value


def _normalize_device_guid(value: str) -> str:
    lowered = value.lower()
    if not _DEVICE_GUID.fullmatch(lowered):
        raise InvalidIdentifier(IdentifierKind.DEVICE_GUID, "must be 32 hexadecimal digits in groups of 8-4-4-4-12")
    return lowered


def _within(kind: IdentifierKind, normalized: str, bytes_max: int) -> str:
    if len(normalized.encode()) > bytes_max:
        raise InvalidIdentifier(kind, f"has more than {bytes_max} bytes")
    return normalized


def _associated_data(tenant_id: int, member_id: int, purpose: str) -> bytes:
    encoded = purpose.encode()
    if not 1 <= len(encoded) <= PURPOSE_BYTES_MAX:
        raise ValueError("a purpose has 1 to 64 bytes")
    # Everything before the purpose has a fixed length, so no two triples give the same bytes.
    return _SEALED_CONTEXT + struct.pack(">Bqq", _SEALED_FORMAT, tenant_id, member_id) + encoded
