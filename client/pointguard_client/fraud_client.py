"""The calls of those who look into fraud. Reached as `PointguardClient.fraud`.

    async with PointguardClient.connect() as client:
        page = await client.fraud.list_advice()

The API key must have the role "fraud"; the sandbox's has. Errors, retries and deadlines are those of all calls.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import grpc
from google.protobuf.message import Message

from pointguard.v1 import advice_pb2, advice_pb2_grpc, common_pb2, member_pb2, member_pb2_grpc
from pointguard_client import fraud_values
from pointguard_client.calls import Caller
from pointguard_client.decoding import decode_advice, decode_advice_change, decode_intervention
from pointguard_client.encoding import encode_context, encode_identifier, encode_time
from pointguard_client.errors import error_from_failure, failure_from_rpc_error
from pointguard_client.fraud_values import ExemptSubject, StopSubject
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.requests import Identifier
from pointguard_client.results import Intervention
from pointguard_client.words import (
    AccountStatus,
    AdviceContext,
    AdviceEvent,
    AdvicePosture,
    AdviceState,
    CaseOutcome,
    CaseState,
)


class FraudClient:
    """The calls about advice, groups and suspended accounts of the API key's program.

    Methods that change something take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty. What they
    change is a transaction of the account: every decision after it heeds it.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._advice = advice_pb2_grpc.AdviceServiceStub(channel)
        self._members = member_pb2_grpc.MemberServiceStub(channel)

    async def list_advice(
        self,
        member: Identifier | None = None,
        *,
        include_ended: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.AdviceHistories:
        """Return a page of advice with its steps: of one account, or of the whole program."""
        message = advice_pb2.ListAdviceRequest(include_ended=include_ended, page_size=page_size, page_token=page_token)
        if member is not None:
            message.member.CopyFrom(encode_identifier(member))
        answer = await self._caller.call("ListAdvice", self._advice.ListAdvice, message, timeout_seconds)
        return fraud_values.AdviceHistories(tuple(_history(each) for each in answer.advice), answer.next_page_token)

    async def watch(
        self,
        after_position: int | None = None,
        *,
        context: AdviceContext = AdviceContext.UNSPECIFIED,
        posture_min: AdvicePosture = AdvicePosture.UNSPECIFIED,
        follow: bool = True,
    ) -> AsyncGenerator[fraud_values.AdviceNotice]:
        """Yield what changes the advice against accounts and their status, in order: after a position, or from now on.

        Position 0 is the ledger's beginning. With a `context` or a least posture only such steps of advice are told. It
        follows for as long as somebody asks for more, and makes its connection again by itself, from where it was;
        without `follow` it ends with what there is.
        """
        position, failed = after_position, 0
        while True:
            message = advice_pb2.WatchAdviceRequest(
                after_position=position,
                context=encode_context(context),
                posture_min=cast("common_pb2.AdvicePosture", int(posture_min)),
                follow=follow,
            )
            call = self._advice.WatchAdvice(message, metadata=self._caller.metadata)
            try:
                async for answer in call:
                    position, failed = answer.position, 0
                    if answer.HasField("notice"):
                        yield _notice(answer)
                return
            except grpc.aio.AioRpcError as error:
                failure = failure_from_rpc_error(error)
            finally:
                call.cancel()
            failed += 1
            # It has no deadline, so the server may be away for as long as it likes.
            tried = min(failed, max(self._caller.retry_policy.attempts_max - 1, 1))
            delay = self._caller.retry_policy.delay_seconds(failure, tried)
            if delay is None:
                raise error_from_failure(failure, "WatchAdvice")
            await asyncio.sleep(delay)

    async def raise_advice(
        self,
        member: Identifier,
        context: AdviceContext,
        posture: AdvicePosture,
        until: datetime | timedelta,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.AdviceIntervention:
        """Raise advice that stands until a moment, or for so long from now on."""
        message = advice_pb2.RaiseAdviceRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encode_identifier(member),
            context=encode_context(context),
            posture=cast("common_pb2.AdvicePosture", int(posture)),
            intervention=_intervention(intervention),
        )
        if isinstance(until, datetime):
            message.ends_at.CopyFrom(encode_time(until, "ends_at"))
        else:
            message.duration.FromTimedelta(until)
        answer = await self._caller.call("RaiseAdvice", self._advice.RaiseAdvice, message, timeout_seconds)
        return fraud_values.AdviceIntervention(answer.transaction_id, answer.account_id, answer.advice_id)

    async def override_advice(
        self,
        advice_id: str,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.AdviceIntervention:
        """Have an advice no longer stand, and its rule have no effect until the advice would have ended."""
        message = advice_pb2.OverrideAdviceRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            advice_id=advice_id,
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call("OverrideAdvice", self._advice.OverrideAdvice, message, timeout_seconds)
        return fraud_values.AdviceIntervention(answer.transaction_id, answer.account_id, advice_id)

    async def remove_advice(
        self,
        advice_id: str,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.AdviceIntervention:
        """Have an advice no longer stand; its rule may trip again at once."""
        message = advice_pb2.RemoveAdviceRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            advice_id=advice_id,
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call("RemoveAdvice", self._advice.RemoveAdvice, message, timeout_seconds)
        return fraud_values.AdviceIntervention(answer.transaction_id, answer.account_id, advice_id)

    async def list_cases(
        self,
        member: Identifier | None = None,
        *,
        states: Iterable[CaseState] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.Cases:
        """Return a page of cases with their steps, of one account or of the whole program.

        Without `states`: those that are not resolved.
        """
        message = advice_pb2.ListCasesRequest(
            states=[cast("advice_pb2.CaseState", int(state)) for state in states],
            page_size=page_size,
            page_token=page_token,
        )
        if member is not None:
            message.member.CopyFrom(encode_identifier(member))
        answer = await self._caller.call("ListCases", self._advice.ListCases, message, timeout_seconds)
        return fraud_values.Cases(tuple(_case(each) for each in answer.cases), answer.next_page_token)

    async def resolve_case(
        self,
        case_id: str,
        outcome: CaseOutcome,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.CaseResolution:
        """Resolve a case; where its rule asks for four eyes, by two authors with API keys of their own."""
        message = advice_pb2.ResolveCaseRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            case_id=case_id,
            outcome=cast("advice_pb2.CaseOutcome", int(outcome)),
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call("ResolveCase", self._advice.ResolveCase, message, timeout_seconds)
        return fraud_values.CaseResolution(answer.transaction_id, answer.account_id, CaseState(answer.state))

    async def add_exemption(
        self,
        subject: Identifier | ExemptSubject,
        until: datetime,
        intervention: Intervention,
        *,
        context: AdviceContext = AdviceContext.UNSPECIFIED,
        rule: str = "",
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.Exemption:
        """Have fraud rules let a member's account, or what is named, pass until a moment: one rule, or every one."""
        message = advice_pb2.AddExemptionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            context=encode_context(context),
            rule=rule,
            ends_at=encode_time(until, "ends_at"),
            intervention=_intervention(intervention),
        )
        if isinstance(subject, Identifier):
            message.member.CopyFrom(encode_identifier(subject))
        else:
            setattr(message, subject.kind, subject.code)
        answer = await self._caller.call("AddExemption", self._advice.AddExemption, message, timeout_seconds)
        return _exemption(answer.exemption)

    async def end_exemption(
        self,
        exemption_id: int,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.Exemption:
        """Have an exemption let nothing pass any more."""
        message = advice_pb2.EndExemptionRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            exemption_id=exemption_id,
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call("EndExemption", self._advice.EndExemption, message, timeout_seconds)
        return _exemption(answer.exemption)

    async def list_exemptions(
        self,
        *,
        include_ended: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.Exemptions:
        """Return a page of exemptions, the newest first."""
        message = advice_pb2.ListExemptionsRequest(
            include_ended=include_ended, page_size=page_size, page_token=page_token
        )
        answer = await self._caller.call("ListExemptions", self._advice.ListExemptions, message, timeout_seconds)
        return fraud_values.Exemptions(tuple(_exemption(each) for each in answer.exemptions), answer.next_page_token)

    async def stop_redemptions(
        self,
        subject: StopSubject,
        intervention: Intervention,
        *,
        until: datetime | None = None,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.RedemptionStop:
        """Have every redemption of the program, or of what is named, declined: until a moment, or until released."""
        message = advice_pb2.StopRedemptionsRequest(
            idempotency_key=idempotency_key or new_idempotency_key(), intervention=_intervention(intervention)
        )
        if subject.kind == "program":
            message.program = True
        elif subject.kind == "terminal":
            message.terminal.store_id, message.terminal.terminal_id = subject.code, subject.terminal_id
        else:
            setattr(message, subject.kind, subject.code)
        if until is not None:
            message.ends_at.CopyFrom(encode_time(until, "ends_at"))
        answer = await self._caller.call("StopRedemptions", self._advice.StopRedemptions, message, timeout_seconds)
        return _stop(answer.stop)

    async def release_redemptions(
        self,
        stop_id: int,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.RedemptionStop:
        """Have a stop decline nothing any more."""
        message = advice_pb2.ReleaseRedemptionsRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            stop_id=stop_id,
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call(
            "ReleaseRedemptions", self._advice.ReleaseRedemptions, message, timeout_seconds
        )
        return _stop(answer.stop)

    async def list_redemption_stops(
        self,
        *,
        include_ended: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.RedemptionStops:
        """Return a page of stops of redemptions, the newest first."""
        message = advice_pb2.ListRedemptionStopsRequest(
            include_ended=include_ended, page_size=page_size, page_token=page_token
        )
        answer = await self._caller.call(
            "ListRedemptionStops", self._advice.ListRedemptionStops, message, timeout_seconds
        )
        return fraud_values.RedemptionStops(tuple(_stop(each) for each in answer.stops), answer.next_page_token)

    async def add_to_group(
        self,
        group: str,
        members: Sequence[Identifier],
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> tuple[fraud_values.GroupChange, ...]:
        """Put up to 1,000 members into a group: all of them or, if one is unknown, none."""
        message = member_pb2.AddToGroupRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            group=group,
            members=[encode_identifier(member) for member in members],
            intervention=_intervention(intervention),
        )
        answer = await self._caller.call("AddToGroup", self._members.AddToGroup, message, timeout_seconds)
        return _group_changes(answer.changes)

    async def remove_from_group(
        self,
        group: str,
        members: Sequence[Identifier],
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> tuple[fraud_values.GroupChange, ...]:
        """Take up to 1,000 members out of a group: all of them or, if one is unknown, none."""
        message = member_pb2.RemoveFromGroupRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            group=group,
            members=[encode_identifier(member) for member in members],
            intervention=_intervention(intervention),
        )
        method = self._members.RemoveFromGroup
        answer = await self._caller.call("RemoveFromGroup", method, message, timeout_seconds)
        return _group_changes(answer.changes)

    async def list_group_members(
        self, group: str, *, page_size: int = 0, page_token: str = "", timeout_seconds: float | None = None
    ) -> fraud_values.GroupMembers:
        """Return a page of the accounts whose members are in a group."""
        message = member_pb2.ListGroupMembersRequest(group=group, page_size=page_size, page_token=page_token)
        method = self._members.ListGroupMembers
        answer = await self._caller.call("ListGroupMembers", method, message, timeout_seconds)
        return fraud_values.GroupMembers(tuple(answer.account_ids), answer.next_page_token)

    async def set_account_status(
        self,
        member: Identifier,
        status: AccountStatus,
        intervention: Intervention,
        *,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> fraud_values.AccountStanding:
        """Suspend an account, which then neither redeems nor earns, or reinstate it."""
        message = member_pb2.SetAccountStatusRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encode_identifier(member),
            status=cast("member_pb2.AccountStatus", int(status)),
            intervention=_intervention(intervention),
        )
        method = self._members.SetAccountStatus
        answer = await self._caller.call("SetAccountStatus", method, message, timeout_seconds)
        return fraud_values.AccountStanding(answer.transaction_id, answer.account_id, AccountStatus(answer.status))


def _group_changes(changes: Iterable[member_pb2.GroupChange]) -> tuple[fraud_values.GroupChange, ...]:
    return tuple(fraud_values.GroupChange(each.transaction_id, each.account_id) for each in changes)


def _intervention(intervention: Intervention) -> common_pb2.Intervention:
    reason = cast("common_pb2.InterventionReason", int(intervention.reason))
    return common_pb2.Intervention(
        author=intervention.author, reason=reason, note=intervention.note, session_id=intervention.session_id
    )


def _notice(message: advice_pb2.WatchAdviceResponse) -> fraud_values.AdviceNotice:
    notice = message.notice
    return fraud_values.AdviceNotice(
        position=message.position,
        transaction_id=notice.transaction_id,
        account_id=notice.account_id,
        seq=notice.seq,
        happened_at=_time(notice, "happened_at"),
        steps=tuple(map(decode_advice_change, notice.steps)),
        redemption_locked=notice.redemption_locked,
        suspended=notice.suspended,
        intervention=decode_intervention(notice.intervention) if notice.HasField("intervention") else None,
    )


def _history(message: advice_pb2.AdviceHistory) -> fraud_values.AdviceHistory:
    return fraud_values.AdviceHistory(
        advice=decode_advice(message.advice),
        account_id=message.account_id,
        state=AdviceState(message.state),
        steps=tuple(_step(each) for each in message.steps),
        agent_id=message.agent_id,
    )


def _exemption(message: advice_pb2.Exemption) -> fraud_values.Exemption:
    which = message.WhichOneof("subject")
    return fraud_values.Exemption(
        exemption_id=message.exemption_id,
        account_id=message.account_id,
        subject=ExemptSubject(which, getattr(message, which)) if which not in (None, "account_id") else None,
        context=AdviceContext(message.context),
        rule=message.rule,
        starts_at=_time(message, "starts_at"),
        ends_at=_time(message, "ends_at"),
        added=decode_intervention(message.added),
        ended_at=_time(message, "ended_at"),
        ended=decode_intervention(message.ended) if message.HasField("ended") else None,
    )


def _stop(message: advice_pb2.RedemptionStop) -> fraud_values.RedemptionStop:
    which = message.WhichOneof("subject") or ""
    subject = StopSubject(which)
    if which == "terminal":
        subject = StopSubject.terminal(message.terminal.store_id, message.terminal.terminal_id)
    elif which in ("business_unit_id", "store_id"):
        subject = StopSubject(which, getattr(message, which))
    return fraud_values.RedemptionStop(
        stop_id=message.stop_id,
        subject=subject,
        starts_at=_time(message, "starts_at"),
        ends_at=_time(message, "ends_at"),
        stopped=decode_intervention(message.stopped),
        released_at=_time(message, "released_at"),
        released=decode_intervention(message.released) if message.HasField("released") else None,
    )


def _case(message: advice_pb2.Case) -> fraud_values.Case:
    return fraud_values.Case(
        case_id=message.case_id,
        account_id=message.account_id,
        state=CaseState(message.state),
        outcome=CaseOutcome(message.outcome),
        advice=decode_advice(message.advice),
        steps=tuple(_step(each) for each in message.steps),
        agent_id=message.agent_id,
    )


def _step(message: advice_pb2.AdviceStep) -> fraud_values.AdviceStep:
    return fraud_values.AdviceStep(
        event=AdviceEvent(message.event),
        transaction_id=message.transaction_id,
        happened_at=_time(message, "happened_at"),
        ends_at=_time(message, "ends_at"),
        intervention=decode_intervention(message.intervention) if message.HasField("intervention") else None,
        outcome=CaseOutcome(message.outcome),
    )


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    moment: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return moment
