"""MemberService: enrolling, finding and linking members, the redemption lock and the account's status."""

import re
from datetime import UTC, date, datetime, timedelta

from google.protobuf.message import Message

from pointguard.v1 import common_pb2, member_pb2
from pointguard_server.domain.age_bands import EARLIEST, packed, read_birth_date
from pointguard_server.domain.codes import AccountFlag, AccountStatus, CodeKind, Kind, Operation, RequestFlag
from pointguard_server.domain.errors import CardLinkingCap, NotFound
from pointguard_server.domain.identifiers import CARDS, IdentifierKind
from pointguard_server.engine.ask import Ask, Claim, Verdict
from pointguard_server.engine.identifiers import uuid_text
from pointguard_server.engine.rows import RequestFields
from pointguard_server.rpc.decode import Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import intervention_ask, said_by
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.members import birth_date_claim, enroll_claim, link_claim
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
        born = _birth_date(decoder, profile.birth_date, "profile.birth_date")
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
        # A birth date changes, and decisions see it: it is kept apart.
        birth_date, profile.birth_date = profile.birth_date, ""
        kept = profile.SerializeToString(deterministic=True)
        profile.birth_date = birth_date  # the request may be decoded once more
        member = NewMember(tenant.program_id, identifiers, kept, birth_date, ask.key)
        ask.claim = enroll_claim(tenant.tenant_id, member, self._desk.directory)
        ask.group_set_id = groups
        ask.birth_date = born
        return ask

    async def update_member(self, call: Call, request: member_pb2.UpdateMemberRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            member = decoder.member(request.member)
            where = decoder.where(request.origin)
            changes_tier, changes_groups = request.HasField("tier"), request.HasField("groups")
            changes_birth_date = request.HasField("birth_date")
            if not changes_tier and not changes_groups and not changes_birth_date:
                decoder.fault("tier", "must be given unless groups or birth_date are")
            groups = decoder.groups(request.groups.groups, "groups.groups")
            flags = (
                (RequestFlag.CHANGES_TIER if changes_tier else 0)
                | (RequestFlag.CHANGES_GROUPS if changes_groups else 0)
                | (RequestFlag.CHANGES_BIRTH_DATE if changes_birth_date else 0)
            )
            fields = _fact(Operation.UPDATE_MEMBER, Kind.PROFILE_UPDATE, member[0], where)
            fields = fields._replace(flags=int(flags), tier_id=decoder.code(CodeKind.TIER, request.tier, "tier"))
            private = _private_groups(groups)
            if changes_birth_date:
                private += f"\0birth date {request.birth_date}".encode()
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.group_set_id = groups
            ask.birth_date = _birth_date(decoder, request.birth_date, "birth_date")
            if changes_birth_date:
                ask.claim = birth_date_claim(call.tenant.tenant_id, ask.key, request.birth_date)
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
        place = call.tenant.tenant_id, verdict.account_id, verdict.seq
        tier, groups = await self._desk.reader.standing(*place)
        profile = member_pb2.Profile.FromString(found.profile)
        # The profile of a member from before birth dates were kept apart has its own.
        if (birth_date := await self._desk.reader.birth_date(*place)) is not None:
            profile.birth_date = birth_date
        return member_pb2.FindMemberResponse(
            member_id=found.member_id,
            account_id=found.account_id,
            identifiers=[common_pb2.MemberReference(**{kind.name.lower(): value}) for kind, value in found.identifiers],  # type: ignore[arg-type]
            profile=profile,
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
            number, value = identifier or (int(IdentifierKind.EXTERNAL_ID), "")
            kind = IdentifierKind(number)
            where = decoder.where(request.origin)
            fields = _fact(Operation.LINK_IDENTIFIER, _LINK_KINDS.get(kind, Kind.PROFILE_UPDATE), member[0], where)
            private = f"{number} {value}".encode()
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.claim = self._link_claim(call, (kind, value), ask, evidence)
            return ask

        evidence: dict[str, str] = {}
        verdict = await self._link(call, await self._desk.decode(call, decode), evidence)
        return member_pb2.LinkIdentifierResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    async def replace_card(self, call: Call, request: member_pb2.ReplaceCardRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            old, new = _card(decoder, request.card, "card"), _card(decoder, request.replacement, "replacement")
            where = decoder.where(request.origin)
            fields = _fact(Operation.LINK_IDENTIFIER, Kind.CARD_REPLACE, 0, where)
            private = f"replace {new[0]:d} {new[1]}".encode()
            member = 0, (int(old[0]), old[1])
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.claim = self._link_claim(call, new, ask, evidence, replaces=old)
            return ask

        evidence: dict[str, str] = {}
        verdict = await self._link(call, await self._desk.decode(call, decode), evidence)
        return member_pb2.ReplaceCardResponse(
            transaction_id=uuid_text(verdict.transaction_id), account_id=verdict.account_id
        )

    def _link_claim(
        self,
        call: Call,
        identifier: tuple[IdentifierKind, str],
        ask: Ask,
        evidence: dict[str, str],
        replaces: tuple[IdentifierKind, str] | None = None,
    ) -> Claim:
        tenant, unit = call.tenant, ask.business_unit_id
        cap = tenant.cards_a_month, tenant.zone
        return link_claim(tenant.tenant_id, identifier, unit, *cap, self._desk.directory, replaces, evidence)

    async def _link(self, call: Call, ask: Ask, evidence: dict[str, str]) -> Verdict:
        """Submit what links an identifier; who meets the cap is told what was counted."""
        try:
            return await self._desk.submit(call, ask)
        except CardLinkingCap as error:
            raise CardLinkingCap(evidence) from error

    async def set_redemption_lock(self, call: Call, request: member_pb2.SetRedemptionLockRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            member = decoder.member(request.member)
            where = decoder.where(request.origin)
            fields = _fact(Operation.SET_REDEMPTION_LOCK, Kind.REDEMPTION_LOCK, member[0], where)
            fields = fields._replace(flags=int(RequestFlag.LOCKED) if request.locked else 0)
            private = f"agent {request.agent_id}".encode() if request.agent_id else b""
            ask = decoder.ask(decoder.key(request.idempotency_key), fields, member, where[-1], private=private)
            ask.agent_id = decoder.agent(request.agent_id)
            return ask

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        return member_pb2.SetRedemptionLockResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            account_id=verdict.account_id,
            locked=bool(verdict.account_flags & AccountFlag.REDEMPTION_LOCKED),
        )

    async def set_account_status(self, call: Call, request: member_pb2.SetAccountStatusRequest) -> Message:
        """See the contract."""

        def decode(decoder: Decoder) -> Ask:
            said = said_by(decoder, request.intervention, call.key_id)
            status = int(request.status)
            if status not in frozenset(AccountStatus):
                decoder.fault("status", "must be a known status")
            flags = int(RequestFlag.SUSPENDED) if status == AccountStatus.SUSPENDED else 0
            member = decoder.member(request.member)
            key, operation = request.idempotency_key, Operation.SET_ACCOUNT_STATUS
            return intervention_ask(decoder, key, operation, said, member, flags=flags)

        verdict = await self._desk.submit(call, await self._desk.decode(call, decode))
        suspended = verdict.account_flags & AccountFlag.SUSPENDED
        return member_pb2.SetAccountStatusResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            account_id=verdict.account_id,
            status=int(AccountStatus.SUSPENDED if suspended else AccountStatus.ACTIVE),  # type: ignore[arg-type]
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


def _card(decoder: Decoder, reference: common_pb2.MemberReference, field: str) -> tuple[IdentifierKind, str]:
    """Return a card's kind and normalized value."""
    _, identifier = decoder.member(reference, field)
    if reference.WhichOneof("identifier") is not None and (identifier is None or identifier[0] not in CARDS):
        decoder.fault(field, "must be a card or a loyalty_id")
    kind, value = identifier or (IdentifierKind.CARD, "")
    return IdentifierKind(kind), value


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


def _birth_date(decoder: Decoder, text: str, field: str) -> int:
    """Return a birth date as memory has it; 0 for an empty text."""
    if not text:
        return 0
    try:
        found = read_birth_date(text)
    except ValueError:
        decoder.fault(field, f"must be an ISO 8601 date such as 1980-02-29, not before {EARLIEST}")
        return 0
    if found > _latest_today():
        decoder.fault(field, "must not be in the future")
    return packed(found)


def _latest_today() -> date:
    """Return the date where it is latest: no program's zone is ahead of it."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()
