"""The member vault over a real key ring: sealing, erasing, rotation, identifiers and their blind index."""

import hashlib
import hmac
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pointguard.v1 import common_pb2
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.service.vault import (
    DataKeyUnreadable,
    InvalidIdentifier,
    MemberErased,
    MemberVault,
    SealedValueUnreadable,
    normalize_identifier,
)
from pointguard_server.storage.keyring import KeyRing

CODES = [IdentifierKind.CARD, IdentifierKind.LOYALTY_ID, IdentifierKind.EXTERNAL_ID]
INDEXED = [kind for kind in IdentifierKind if kind is not IdentifierKind.ACCOUNT_ID]
SECRET = "Zyxwvut9"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    directory = tmp_path_factory.mktemp("vault")
    directory.chmod(0o700)
    return KeyRing.open_or_create(directory / "keyring.json")


@pytest.fixture(scope="module")
def vault(ring: KeyRing) -> MemberVault:
    return MemberVault(ring)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    member_id=st.integers(-(2**63), 2**63 - 1), purpose=st.text("abc.é", min_size=1, max_size=32), plaintext=st.binary()
)
def test_what_is_sealed_opens_unchanged(vault: MemberVault, member_id: int, purpose: str, plaintext: bytes) -> None:
    key = vault.new_data_key(1)
    sealed = vault.seal(1, member_id, key, purpose, plaintext)
    assert vault.open(1, member_id, key, purpose, sealed) == plaintext
    assert len(sealed) == 1 + 12 + len(plaintext) + 16


def test_sealing_twice_gives_different_ciphertexts_that_do_not_show_the_value(vault: MemberVault) -> None:
    key = vault.new_data_key(1)
    sealed = {vault.seal(1, 5, key, "profile", SECRET.encode()) for _ in range(100)}
    assert len(sealed) == 100
    assert len({value[1:13] for value in sealed}) == 100
    assert not any(SECRET.encode() in value for value in sealed)


@pytest.mark.parametrize(
    ("member_id", "purpose"), [(6, "profile"), (5, "email"), (5, "profile2"), (5, "profil"), (-5, "profile")]
)
def test_a_sealed_value_moved_to_another_member_or_field_does_not_open(
    vault: MemberVault, member_id: int, purpose: str
) -> None:
    # The same data key on purpose: the binding must hold by itself.
    key = vault.new_data_key(1)
    sealed = vault.seal(1, 5, key, "profile", SECRET.encode())
    with pytest.raises(SealedValueUnreadable) as refused:
        vault.open(1, member_id, key, purpose, sealed)
    assert SECRET not in str(refused.value)


def test_a_sealed_value_does_not_open_under_another_members_key(vault: MemberVault) -> None:
    sealed = vault.seal(1, 5, vault.new_data_key(1), "profile", b"value")
    with pytest.raises(SealedValueUnreadable):
        vault.open(1, 5, vault.new_data_key(1), "profile", sealed)


def test_one_tenant_cannot_open_what_another_sealed(vault: MemberVault) -> None:
    key = vault.new_data_key(1)
    sealed = vault.seal(1, 5, key, "profile", b"value")
    vault.new_data_key(2)
    with pytest.raises(DataKeyUnreadable):
        vault.open(2, 5, key, "profile", sealed)


class OneKeyForAll:
    """A custodian that keeps tenants no better apart than a careless key service would."""

    def wrap(self, tenant_id: int, data_key: bytes) -> bytes:
        return data_key

    def unwrap(self, tenant_id: int, wrapped: bytes) -> bytes:
        return wrapped

    def blind_index_key(self, tenant_id: int) -> bytes:
        return bytes(32)

    def digest_key(self, tenant_id: int) -> bytes:
        return bytes(32)


def test_tenants_stay_apart_even_if_the_custodian_gives_them_one_key() -> None:
    vault = MemberVault(OneKeyForAll())
    key = vault.new_data_key(1)
    sealed = vault.seal(1, 5, key, "profile", b"value")
    assert vault.open(1, 5, key, "profile", sealed) == b"value"
    with pytest.raises(SealedValueUnreadable):
        vault.open(2, 5, key, "profile", sealed)


def test_a_custodian_that_returns_a_short_key_is_noticed() -> None:
    with pytest.raises(DataKeyUnreadable):
        MemberVault(OneKeyForAll()).seal(1, 5, bytes(16), "profile", b"value")


def test_a_sealed_value_with_any_byte_changed_or_cut_off_does_not_open(vault: MemberVault) -> None:
    key = vault.new_data_key(1)
    sealed = vault.seal(1, 5, key, "profile", b"value")
    damaged = [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]
    damaged += [sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :] for at in range(len(sealed))]
    for value in damaged:
        with pytest.raises(SealedValueUnreadable):
            vault.open(1, 5, key, "profile", value)


@pytest.mark.parametrize("purpose", ["", "p" * 65])
def test_a_purpose_that_is_empty_or_too_long_is_a_mistake_of_the_caller(vault: MemberVault, purpose: str) -> None:
    with pytest.raises(ValueError, match="purpose"):
        vault.seal(1, 5, vault.new_data_key(1), purpose, b"value")


def test_old_members_still_open_after_the_tenants_key_is_rotated(ring: KeyRing, vault: MemberVault) -> None:
    old_key = vault.new_data_key(3)
    old = vault.seal(3, 1, old_key, "profile", b"old")
    index = vault.blind_index(3, IdentifierKind.EMAIL, "a@example.com")
    ring.rotate(3)
    new_key = vault.new_data_key(3)
    new = vault.seal(3, 2, new_key, "profile", b"new")
    assert vault.open(3, 1, old_key, "profile", old) == b"old"
    assert vault.open(3, 2, new_key, "profile", new) == b"new"
    assert vault.blind_index(3, IdentifierKind.EMAIL, "a@example.com") == index


def test_a_rewrapped_key_is_under_the_active_version_and_opens_the_same_values(
    ring: KeyRing, vault: MemberVault
) -> None:
    old_key = vault.new_data_key(4)
    sealed = vault.seal(4, 1, old_key, "profile", b"value")
    version = ring.rotate(4)
    rewrapped = vault.rewrap(4, old_key)
    assert int.from_bytes(old_key[1:5], "big") < int.from_bytes(rewrapped[1:5], "big") == version
    assert vault.open(4, 1, rewrapped, "profile", sealed) == b"value"


def test_destroying_one_data_key_makes_that_members_values_unreadable_and_nobody_elses(
    ring: KeyRing, vault: MemberVault
) -> None:
    purposes = ["profile", "email", "phone"]
    keys = {member_id: vault.new_data_key(5) for member_id in range(1, 5)}
    sealed = {(m, p): vault.seal(5, m, key, p, f"{m} {p}".encode()) for m, key in keys.items() for p in purposes}
    keys[2] = b""
    for purpose in purposes:
        with pytest.raises(MemberErased):
            vault.open(5, 2, keys[2], purpose, sealed[2, purpose])
        for guess in (*(keys[member_id] for member_id in (1, 3, 4)), vault.new_data_key(5)):
            with pytest.raises(SealedValueUnreadable):
                vault.open(5, 2, guess, purpose, sealed[2, purpose])
        for member_id in (1, 3, 4):
            opened = vault.open(5, member_id, keys[member_id], purpose, sealed[member_id, purpose])
            assert opened == f"{member_id} {purpose}".encode()
    with pytest.raises(MemberErased):
        vault.seal(5, 2, keys[2], "profile", b"again")
    with pytest.raises(MemberErased):
        vault.rewrap(5, keys[2])


def test_a_blind_index_is_the_first_half_of_the_keyed_hash_of_kind_and_value(ring: KeyRing, vault: MemberVault) -> None:
    oracle = hmac.new(ring.blind_index_key(1), b"\x06ann@example.com", hashlib.sha256).digest()
    assert vault.blind_index(1, IdentifierKind.EMAIL, " Ann@Example.COM ") == oracle[:16]


def test_the_same_value_has_another_index_for_each_kind_and_tenant(vault: MemberVault) -> None:
    indexes = {vault.blind_index(tenant_id, kind, "12345") for tenant_id in (1, 2) for kind in CODES}
    assert len(indexes) == 6


SPELLINGS = [
    (IdentifierKind.EMAIL, "Ann@Example.com", "  ann@EXAMPLE.com\t"),
    (IdentifierKind.EMAIL, "jos\u00e9@example.com", "JOSE\u0301@example.com"),
    (IdentifierKind.EMAIL, "stra\u00dfe@example.com", "STRASSE@example.com"),
    (IdentifierKind.EMAIL, "\u1fb4@example.com", "\u03b1\u0345\u0301@example.com"),
    (IdentifierKind.DEVICE_GUID, "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    (IdentifierKind.CARD, "caf\u00e9", " cafe\u0301\n"),
    (IdentifierKind.PHONE, "+14165550123", " +14165550123 "),
]


@pytest.mark.parametrize(("kind", "one", "other"), SPELLINGS)
def test_spellings_of_one_identifier_are_found_under_one_index(
    vault: MemberVault, kind: IdentifierKind, one: str, other: str
) -> None:
    assert vault.blind_index(1, kind, one) == vault.blind_index(1, kind, other)


@pytest.mark.parametrize("kind", CODES)
def test_letter_case_of_a_code_matters(vault: MemberVault, kind: IdentifierKind) -> None:
    assert vault.blind_index(1, kind, "abc") != vault.blind_index(1, kind, "ABC")


PRINTABLE = st.text(st.characters().filter(str.isprintable), min_size=1, max_size=16)
SPACE = st.sampled_from(["", " ", "\t", "\n", "\u00a0"])
SHAPES = {
    IdentifierKind.EMAIL: st.builds("{}@{}".format, PRINTABLE, PRINTABLE) | st.emails(),
    IdentifierKind.PHONE: st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
    IdentifierKind.DEVICE_GUID: st.uuids().map(str) | st.uuids().map(str).map(str.upper),
    **dict.fromkeys(CODES, PRINTABLE),
}


@pytest.mark.parametrize("kind", INDEXED)
@given(data=st.data(), before=SPACE, after=SPACE)
def test_normalizing_twice_changes_nothing(kind: IdentifierKind, data: st.DataObject, before: str, after: str) -> None:
    try:
        once = normalize_identifier(kind, before + data.draw(SHAPES[kind]) + after)
    except InvalidIdentifier:
        assume(False)
    assert normalize_identifier(kind, once) == once
    assert once == once.strip() == unicodedata.normalize("NFC", once)


@given(value=PRINTABLE, host=st.sampled_from(["example.com", "EXAMPLE.com"]))
def test_an_email_is_the_same_however_its_accents_are_composed(value: str, host: str) -> None:
    try:
        expected = normalize_identifier(IdentifierKind.EMAIL, f"{value}@{host}")
    except InvalidIdentifier:
        assume(False)
    for form in ("NFC", "NFD"):
        respelled = unicodedata.normalize(form, value.strip())
        assert normalize_identifier(IdentifierKind.EMAIL, f"{respelled}@example.com") == expected


REFUSED = [
    (IdentifierKind.EMAIL, SECRET, "has no @"),
    (IdentifierKind.EMAIL, f"@{SECRET}", "both sides"),
    (IdentifierKind.EMAIL, f"{SECRET}@", "both sides"),
    (IdentifierKind.EMAIL, f"{SECRET}@a@b", "one @"),
    (IdentifierKind.EMAIL, f"{SECRET} x@example.com", "a space"),
    (IdentifierKind.EMAIL, f"{SECRET}\u200b@example.com", "invisible"),
    (IdentifierKind.EMAIL, f"{SECRET}@{'x' * 246}", "more than 254 bytes"),
    (IdentifierKind.PHONE, "4165550123", "E.164"),
    (IdentifierKind.PHONE, "+04165550123", "E.164"),
    (IdentifierKind.PHONE, "+1 416 555 0123", "E.164"),
    (IdentifierKind.PHONE, "+123456", "E.164"),
    (IdentifierKind.PHONE, "+1234567890123456", "E.164"),
    (IdentifierKind.PHONE, "+\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "E.164"),
    (IdentifierKind.DEVICE_GUID, SECRET, "hexadecimal"),
    (IdentifierKind.DEVICE_GUID, "{0f8fad5b-d9cb-469f-a165-70867728950e}", "hexadecimal"),
    (IdentifierKind.ACCOUNT_ID, "17", "as it is"),
    *((kind, SECRET * 8 + "x", "more than 64 bytes") for kind in CODES),
    *((kind, "\u00e9" * 33, "more than 64 bytes") for kind in CODES),
    *((kind, f"{SECRET}\0", "control") for kind in INDEXED),
    *((kind, f"{SECRET}\ud800", "control") for kind in INDEXED),
    *((kind, f"{SECRET}\U000e0fff", "unassigned") for kind in INDEXED),
    *((kind, "", "empty") for kind in INDEXED),
    *((kind, " \t\u00a0", "empty") for kind in INDEXED),
    *((kind, SECRET * 200, "too long") for kind in INDEXED),
]


@pytest.mark.parametrize(("kind", "value", "problem"), REFUSED)
def test_what_is_no_identifier_is_refused_with_a_reason_that_does_not_repeat_it(
    kind: IdentifierKind, value: str, problem: str
) -> None:
    with pytest.raises(InvalidIdentifier, match=kind.name.lower()) as refused:
        normalize_identifier(kind, value)
    assert problem in refused.value.problem
    assert not value.strip() or value.strip() not in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.kind is kind
    assert refused.value.__cause__ is refused.value.__context__ is None


@pytest.mark.parametrize("kind", CODES)
def test_a_code_of_exactly_64_bytes_is_accepted(kind: IdentifierKind) -> None:
    assert normalize_identifier(kind, "\u00e9" * 32) == "\u00e9" * 32


def test_the_numbers_of_the_kinds_are_the_field_numbers_of_the_contract() -> None:
    fields = common_pb2.MemberReference.DESCRIPTOR.fields
    assert {field.name.upper(): field.number for field in fields} == {kind.name: kind.value for kind in IdentifierKind}
