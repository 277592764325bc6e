"""MemberService: enrolling, finding and linking members, and the redemption lock."""

import re
from datetime import date

from google.protobuf.message import Message

from pointguard.v1 import common_pb2, member_pb2
from pointguard_server.domain.codes import CodeKind, Kind, Operation, RequestFlag
from pointguard_server.domain.errors import NotFound
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.members import enroll_claim, link_claim
from pointguard_server.service.ports import NewMember

IDENTIFIERS_MAX = 16
NAME_BYTES_MAX = 128
SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_LINK_KINDS = {
    IdentifierKind.EMAIL: Kind.EMAIL_UPDATE,
    IdentifierKind.CARD: Kind.CARD_LINK,
    IdentifierKind.LOYALTY_ID: Kind.CARD_LINK,
}


class MemberService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def enroll_member(self, call: Call, request: member_pb2.EnrollMemberRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: self._enroll_ask(decoder, request))
        verdict = await self._desk.submit(call, ask)
        found = await self._desk.reader.member(call.tenant.tenant_id, verdict.account_id)
        if found is None:
            raise NotFound
        return member_pb2.EnrollMemberResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            member_id=found.member_id,
            account_id=verdict.account_id,
        )

    def _enroll_ask(self, decoder: Decoder, request: member_pb2.EnrollMemberRequest) -> Ask:
        identifiers = _identifiers(decoder, request)
        profile = request.profile
        # What the contract does not know is no part of the request.
        profile.DiscardUnknownFields()
        decoder.text(profile.given_name, "profile.given_name", NAME_BYTES_MAX)
        decoder.text(profile.family_name, "profile.family_name", NAME_BYTES_MAX)
        if profile.province and not SUBDIVISION.fullmatch(profile.province):
            decoder.fault("profile.province", "must be an ISO 3166-2 code such as CA-ON")
        if profile.birth_date and not _is_date(profile.birth_date):
            decoder.fault("profile.birth_date", "must be an ISO 8601 date such as 1980-02-29")
        fields = RequestFields(
            operation=int(Operation.ENROLL),
            kind=int(Kind.PROFILE_UPDATE),
            province_id=decoder.code(CodeKind.PROVINCE, profile.province, "profile.province"),
            tier_id=decoder.code(CodeKind.TIER, request.tier, "tier"),
        )
        groups = decoder.groups(request.groups, "groups")
        serialized = profile.SerializeToString(deterministic=True)
        named = "\n".join(f"{kind} {value}" for kind, value in identifiers).encode()
        private = named + b"\0" + serialized + _private_groups(groups)
        where = decoder.where(common_pb2.Origin())
        ask = decoder.ask(decoder.key(request.idempotency_key), fields, (0, None), where[-1], private=private)
        tenant = decoder.tenant
        member = NewMember(tenant.program_id, identifiers, serialized)
        ask.claim = enroll_claim(tenant.tenant_id, member, self._desk.directory)
        ask.group_set_id = groups
        return ask

    async def update_member(self, call: Call, request: member_pb2.UpdateMemberRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            member = decoder.member(request.member)
            where = decoder.where(request.origin)
            changes_tier, changes_groups = request.HasField("tier"), request.HasField("groups")
            if not changes_tier and not changes_groups:
                decoder.fault("tier", "must be given unless groups are")
            groups = decoder.groups(request.groups.groups, "groups.groups")
            flags = (RequestFlag.CHANGES_TIER if changes_tier else 0) | (
                RequestFlag.CHANGES_GROUPS if changes_groups else 0
            )
            fields = _fact(Operation.UPDATE_MEMBER, Kind.PROFILE_UPDATE, member[0], where)
            fields = fields._replace(flags=int(flags), tier_id=decoder.code(CodeKind.TIER, request.tier, "tier"))
            private = _private_groups(groups)
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.group_set_id = groups
            return ask

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        return member_pb2.UpdateMemberResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    async def find_member(self, call: Call, request: member_pb2.FindMemberRequest) -> Message:
        """See the contract."""
        ask = await self._desk.decode(call, lambda decoder: decoder.read(Operation.BALANCE, request.member))
        verdict = await self._desk.submit(call, ask)
        found = await self._desk.reader.member(call.tenant.tenant_id, verdict.account_id)
        if found is None:
            raise NotFound
        tier, groups = await self._desk.reader.standing(call.tenant.tenant_id, verdict.account_id, verdict.seq)
        return member_pb2.FindMemberResponse(
            member_id=found.member_id,
            account_id=found.account_id,
            identifiers=[common_pb2.MemberReference(**{kind.name.lower(): value}) for kind, value in found.identifiers],  # type: ignore[arg-type]
            profile=member_pb2.Profile.FromString(found.profile),
            enrolled_at=timestamp(found.enrolled_at),
            tier=tier,
            groups=groups.split(GROUP_SEPARATOR) if groups else (),
        )

    async def link_identifier(self, call: Call, request: member_pb2.LinkIdentifierRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            member = decoder.member(request.member)
            account_id, identifier = decoder.member(request.identifier, "identifier")
            if account_id:
                decoder.fault("identifier.account_id", "cannot be linked")
            kind, value = identifier or (int(IdentifierKind.EXTERNAL_ID), "")
            where = decoder.where(request.origin)
            fields = _fact(
                Operation.LINK_IDENTIFIER, _LINK_KINDS.get(IdentifierKind(kind), Kind.PROFILE_UPDATE), member[0], where
            )
            private = f"{kind} {value}".encode()
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.claim = link_claim(call.tenant.tenant_id, member, (kind, value), self._desk.directory)
            return ask

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        return member_pb2.LinkIdentifierResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    async def set_redemption_lock(self, call: Call, request: member_pb2.SetRedemptionLockRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            member = decoder.member(request.member)
            where = decoder.where(request.origin)
            fields = _fact(Operation.SET_REDEMPTION_LOCK, Kind.REDEMPTION_LOCK, member[0], where)
            fields = fields._replace(flags=int(RequestFlag.LOCKED) if request.locked else 0)
            return decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1])

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        return member_pb2.SetRedemptionLockResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            account_id=verdict.account_id,
            locked=bool(verdict.account_flags & 1),
        )


def _identifiers(decoder: Decoder, request: member_pb2.EnrollMemberRequest) -> tuple[tuple[IdentifierKind, str], ...]:
    """Return the identifiers, each once."""
    if not 1 <= len(request.identifiers) <= IDENTIFIERS_MAX:
        decoder.fault("identifiers", f"must be 1 to {IDENTIFIERS_MAX}")
        return ()
    found: dict[tuple[IdentifierKind, str], None] = {}
    for index, reference in enumerate(request.identifiers):
        account_id, identifier = decoder.member(reference, f"identifiers[{index}]")
        if account_id:
            decoder.fault(f"identifiers[{index}].account_id", "is given by the server")
        if identifier is not None:
            found[IdentifierKind(identifier[0]), identifier[1]] = None
    return tuple(found)


def _private_groups(groups: int) -> bytes:
    """Return what tells requests with other groups apart; without any, as before there were groups."""
    return f"\0{groups}".encode() if groups else b""


def _fact(
    operation: Operation, kind: Kind, account_id: int, where: tuple[int, int, int, int, int, object]
) -> RequestFields:
    store_id, terminal_id, cashier_id, channel, occurred_at, _ = where
    return RequestFields(
        operation=int(operation),
        kind=int(kind),
        account_id=account_id,
        store_id=store_id,
        terminal_id=terminal_id,
        cashier_id=cashier_id,
        channel=channel,
        occurred_at=occurred_at,
    )


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).year >= 1850
    except ValueError:
        return False
