"""Groups of members, for ``MemberService``: putting members into one, taking them out, and saying who is in it.

A member's groups are numbered together, as a set, and the new set follows from the one before. So the groups are read
first, and a change is refused, and made anew, if they are others when it is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from pointguard.v1 import member_pb2
from pointguard_server.domain.codes import CODE_BYTES_MAX, Operation, Outcome
from pointguard_server.domain.errors import InvalidRequest, Violation
from pointguard_server.domain.interventions import Intervention
from pointguard_server.engine.ask import Ask, Verdict
from pointguard_server.engine.identifiers import key_bytes, uuid_text
from pointguard_server.rpc.decode import GROUPS_MAX, Decoder
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.interventions import intervention_ask, said_by
from pointguard_server.rpc.rule_messages import page
from pointguard_server.rpc.status import refusal
from pointguard_server.rpc.transaction_service import Desk
from pointguard_server.service.code_matches import GROUP_SEPARATOR

MEMBERS_MAX = 1_000
TRIES = 5

Request = member_pb2.AddToGroupRequest | member_pb2.RemoveFromGroupRequest


@dataclass(frozen=True, slots=True)
class _Change:
    """The change of one member's groups, and what reads the groups before it."""

    change: Ask
    read: Ask


class GroupService:
    """The RPCs, each of a ``Call`` and a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def add_to_group(self, call: Call, request: member_pb2.AddToGroupRequest) -> Message:
        """See the contract."""
        return member_pb2.AddToGroupResponse(changes=await self._change(call, request, is_removal=False))

    async def remove_from_group(self, call: Call, request: member_pb2.RemoveFromGroupRequest) -> Message:
        """See the contract."""
        return member_pb2.RemoveFromGroupResponse(changes=await self._change(call, request, is_removal=True))

    async def list_group_members(self, call: Call, request: member_pb2.ListGroupMembersRequest) -> Message:
        """See the contract."""
        decoder = self._desk.decoder(call)
        _check_group(decoder, request.group)
        after, size = page(decoder, request.page_size, request.page_token)
        decoder.check()
        found = await self._desk.reader.group_members(call.tenant.tenant_id, request.group, after, size + 1)
        return member_pb2.ListGroupMembersResponse(
            account_ids=found[:size], next_page_token=str(found[size - 1]) if len(found) > size else ""
        )

    async def _change(self, call: Call, request: Request, *, is_removal: bool) -> list[member_pb2.GroupChange]:
        """Change the groups of all members, or of none if one is unknown."""
        decoder = self._desk.decoder(call)
        _check_group(decoder, request.group)
        if not 1 <= len(request.members) <= MEMBERS_MAX:
            decoder.fault("members", f"must be 1 to {MEMBERS_MAX}")
        said = said_by(decoder, request.intervention, call.key_id)
        said = replace(said, group=request.group, is_removal=int(is_removal))
        changes = _changes(decoder, request, said)
        decoder.check()
        await self._read_groups(call, said, changes)
        # The first has the request's own key: another request under that key is refused before anything is written.
        verdicts = await self._decide(call, said, changes[:1])
        if changes[1:]:
            verdicts += await self._decide(call, said, changes[1:])
        return [
            member_pb2.GroupChange(transaction_id=uuid_text(each.transaction_id), account_id=each.account_id)
            for each in verdicts
        ]

    async def _decide(self, call: Call, said: Intervention, changes: Sequence[_Change]) -> list[Verdict]:
        verdicts: dict[int, Verdict] = {}
        left = list(range(len(changes)))
        for _ in range(TRIES):
            found = await self._desk.engine.submit([changes[n].change for n in left], call.deadline)
            verdicts |= zip(left, found, strict=True)
            left = [n for n in left if verdicts[n].outcome == Outcome.GROUPS_CHANGED]
            if not left:
                break
            await self._read_groups(call, said, [changes[n] for n in left])
        for verdict in verdicts.values():
            if verdict.outcome > 0:
                raise refusal(verdict.outcome)
        return [verdicts[n] for n in range(len(changes))]

    async def _read_groups(self, call: Call, said: Intervention, changes: Sequence[_Change]) -> None:
        """Set what groups the members are in, and what they are in after the change."""
        engine, reader = self._desk.engine, self._desk.reader
        found = await engine.submit([each.read for each in changes], call.deadline)
        unknown = [each.change for each, verdict in zip(changes, found, strict=True) if verdict.outcome > 0]
        # An unknown member's change writes nothing; but the key may be known, and its answer with it.
        for verdict in await engine.submit(unknown, call.deadline) if unknown else ():
            if verdict.outcome > 0:
                raise refusal(verdict.outcome)
        texts = {number: await reader.text(number) for number in {verdict.group_set_id for verdict in found}}
        sets: dict[int, int] = {}  # by account: one that is named twice has the groups that it was just given
        for each, verdict in zip(changes, found, strict=True):
            if verdict.outcome > 0:
                continue
            before = sets.get(verdict.account_id, verdict.group_set_id)
            groups = said.groups_after(texts[before].split(GROUP_SEPARATOR) if texts[before] else ())
            if len(groups) > GROUPS_MAX:
                raise InvalidRequest(Violation("members", f"must be in at most {GROUPS_MAX} groups each"))
            each.change.group_set_before = before
            each.change.group_set_id = sets[verdict.account_id] = after = await self._number(call, groups)
            texts[after] = GROUP_SEPARATOR.join(groups)

    async def _number(self, call: Call, groups: Sequence[str]) -> int:
        """Return the number of a set of groups, given now if nobody has been in these before."""
        decoder = self._desk.decoder(call)
        number = decoder.groups(groups, "group")
        if decoder.unknown_codes:
            await self._desk.learn(call, decoder.unknown_codes)
            number = decoder.groups(groups, "group")
        return number


def _changes(decoder: Decoder, request: Request, said: Intervention) -> list[_Change]:
    members = [decoder.member(member, f"members[{place}]") for place, member in enumerate(request.members)]
    operation, key = Operation.CHANGE_GROUPS, request.idempotency_key
    found = []
    for place, (member, reference) in enumerate(zip(members, request.members, strict=True)):
        change = intervention_ask(decoder, key, operation, said, member, private=repr(members).encode())
        if place:
            change.key = key_bytes(f"{key} of member {place:>64}")  # longer than any client's
        found.append(_Change(change, decoder.read(Operation.BALANCE, reference)))
    return found


def _check_group(decoder: Decoder, group: str) -> None:
    if not group or not group.isprintable() or len(group.encode()) > CODE_BYTES_MAX:
        decoder.fault("group", f"must be printable and have 1 to {CODE_BYTES_MAX} bytes")
