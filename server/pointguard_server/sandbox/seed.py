"""Seeding the sandbox.

Its stores, its members, and the API key that the bundled client finds by itself. For ``bootstrap``.

Seeding twice changes nothing: each member is enrolled under a key of its own.
"""

import os
import time
from pathlib import Path

from pointguard.v1 import member_pb2
from pointguard_server.domain.codes import CodeKind, Kind, Operation
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.identifiers import key_bytes
from pointguard_server.engine.rows import RequestFields
from pointguard_server.sandbox.data import SandboxMember, read_members
from pointguard_server.service.members import enroll_claim
from pointguard_server.service.ports import Directory, NewMember
from pointguard_server.service.tenants import Tenant, Vocabulary

KEY_FILE = "sandbox-api-key"
SEED_SECONDS_MAX = 120.0
_GIVEN_NAMES = ("Ada", "Bo", "Cleo", "Dana", "Eli", "Fay", "Gil", "Hana", "Ivo", "Jo")
_FAMILY_NAMES = ("Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Pine", "Rowan")


async def seed_members(engine: Engine, directory: Directory, vocabulary: Vocabulary, tenant: Tenant) -> int:
    """Enroll the sample's members; return how many there are."""
    members = read_members()
    codes = {(CodeKind.TIER, member.tier) for member in members} | {
        (CodeKind.PROVINCE, member.province) for member in members
    }
    await vocabulary.learn(tenant.tenant_id, codes)
    asks = [_enroll_ask(member, directory, vocabulary, tenant) for member in members]
    await engine.submit(asks, time.monotonic() + SEED_SECONDS_MAX)
    return len(members)


def _enroll_ask(member: SandboxMember, directory: Directory, vocabulary: Vocabulary, tenant: Tenant) -> Ask:
    number = int(member.loyalty_id)
    profile = member_pb2.Profile(
        given_name=_GIVEN_NAMES[number % len(_GIVEN_NAMES)],
        family_name=_FAMILY_NAMES[number % len(_FAMILY_NAMES)],
        province=member.province,
    ).SerializeToString(deterministic=True)
    identifiers = (
        (IdentifierKind.LOYALTY_ID, member.loyalty_id),
        (IdentifierKind.EXTERNAL_ID, member.external_id),
        (IdentifierKind.CARD, f"sandbox-card-{member.loyalty_id}"),
        (IdentifierKind.EMAIL, f"member-{member.loyalty_id}@example.com"),
    )
    fields = RequestFields(
        operation=int(Operation.ENROLL),
        kind=int(Kind.PROFILE_UPDATE),
        province_id=vocabulary.find(tenant.tenant_id, CodeKind.PROVINCE, member.province) or 0,
        tier_id=vocabulary.find(tenant.tenant_id, CodeKind.TIER, member.tier) or 0,
    )
    packed = fields.pack()
    new = NewMember(tenant.program_id, identifiers, profile)
    return Ask(
        tenant_id=tenant.tenant_id,
        fields=packed,
        key=key_bytes(f"sandbox member {member.loyalty_id}"),
        digest=tenant.digest(packed, b"", b"", profile),
        claim=enroll_claim(tenant.tenant_id, new, directory),
    )


def write_key(directory: Path, raw_key: str) -> None:
    """Put the sandbox's API key where the bundled client looks for it, readable by its owner alone."""
    path = directory / KEY_FILE
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(raw_key + "\n")


def read_key(directory: Path) -> str | None:
    """Return the sandbox's API key, if there is one."""
    path = directory / KEY_FILE
    return path.read_text().strip() if path.exists() else None
