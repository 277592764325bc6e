"""A small stand-in for the server, for tests of the client alone: the real contract over real gRPC, accounts in a dict.

It keeps the promises that the client builds on (idempotency keys, declined is an answer, typed error details), counts
what it is asked, and fails on request.
"""

# The names of the methods are the contract's.
# ruff: noqa: N802

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

from pointguard.v1 import (
    advice_pb2,
    advice_pb2_grpc,
    common_pb2,
    member_pb2,
    member_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
)
from tests.unit.client.fake_bulk import FakeBulk, StreamBehavior

API_KEY = "pg_test_key"
REDEMPTIONS_BEFORE_ADVICE = 10
NOON = Timestamp(seconds=43_200)
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class PlannedFailure:
    """What one call shall fail with."""

    code: grpc.StatusCode
    message: str = "planned"
    details: tuple[Message, ...] = ()


@dataclass(frozen=True)
class SeenCall:
    """One call as the server saw it."""

    rpc: str
    request: Message
    metadata: dict[str, str]
    seconds_left: float


@dataclass
class FakeAccount:
    """The points of one account, and the open reservations."""

    posted: int = 0
    reservations: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    locked: bool = False

    def balance(self) -> common_pb2.Balance:
        reserved = sum(self.reservations.values())
        return common_pb2.Balance(posted=self.posted, reserved=reserved, available=self.posted - reserved)


class FakeServer:
    """What the servicers share."""

    def __init__(self) -> None:
        self.address = ""
        self.calls: list[SeenCall] = []
        self.failures: defaultdict[str, deque[PlannedFailure]] = defaultdict(deque)
        self.delay_seconds: defaultdict[str, float] = defaultdict(float)
        self.accounts: defaultdict[str, FakeAccount] = defaultdict(FakeAccount)
        self.stored: dict[str, tuple[bytes, Message]] = {}
        self.active_by_member: Counter[str] = Counter()
        self.active_by_member_max = 0
        self.in_flight = 0
        self.in_flight_max = 0
        self.streams = StreamBehavior()
        self._called = asyncio.Condition()

    @property
    def transactions_written(self) -> int:
        return len(self.stored)

    def fail_next(self, rpc: str, *failures: PlannedFailure) -> None:
        self.failures[rpc].extend(failures)

    async def until_calls(self, count: int) -> None:
        """Return when so many calls have come in."""
        async with self._called:
            await self._called.wait_for(lambda: len(self.calls) >= count)

    def calls_of(self, rpc: str) -> list[SeenCall]:
        return [call for call in self.calls if call.rpc == rpc]

    async def answer(self, rpc: str, request: Any, context: Context, make: Callable[[], Message]) -> Any:
        """Note the call, fail if that is planned, else give the stored or a new answer."""
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        metadata["x-peer"] = context.peer()
        self.calls.append(SeenCall(rpc, request, metadata, context.time_remaining()))
        async with self._called:
            self._called.notify_all()
        if self.failures[rpc]:
            await abort(context, self.failures[rpc].popleft())
        if metadata.get("authorization") != f"Bearer {API_KEY}":
            await abort(context, PlannedFailure(grpc.StatusCode.UNAUTHENTICATED, "no valid credential"))
        return await self._tracked(rpc, request, lambda: self._once(request, context, make))

    async def _tracked(self, rpc: str, request: Any, work: Callable[[], Awaitable[Message]]) -> Message:
        member = getattr(getattr(request, "member", None), "loyalty_id", "")
        self.in_flight += 1
        self.active_by_member[member] += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        if member:
            self.active_by_member_max = max(self.active_by_member_max, self.active_by_member[member])
        try:
            await asyncio.sleep(self.delay_seconds[rpc])
            return await work()
        finally:
            self.in_flight -= 1
            self.active_by_member[member] -= 1

    async def _once(self, request: Any, context: Context, make: Callable[[], Message]) -> Message:
        key = getattr(request, "idempotency_key", "")
        if not key:
            return make()
        body = request.SerializeToString(deterministic=True)
        if key in self.stored:
            first_body, first_answer = self.stored[key]
            if first_body != body:
                await abort(context, PlannedFailure(grpc.StatusCode.ALREADY_EXISTS, "key reused"))
            return first_answer
        self.stored[key] = (body, make())
        return self.stored[key][1]

    def account_of(self, member: common_pb2.MemberReference) -> FakeAccount:
        return self.accounts[member.loyalty_id]

    def owner_of(self, reservation_id: str) -> FakeAccount | None:
        return next((account for account in self.accounts.values() if reservation_id in account.reservations), None)

    def advice_of(self, member: common_pb2.MemberReference) -> list[common_pb2.Advice]:
        if self.account_of(member).attempts <= REDEMPTIONS_BEFORE_ADVICE:
            return []
        return [
            common_pb2.Advice(
                advice_id=f"advice-{member.loyalty_id}",
                entity=common_pb2.ADVICE_ENTITY_ACCOUNT,
                context=common_pb2.ADVICE_CONTEXT_REDEMPTION,
                posture=common_pb2.ADVICE_POSTURE_BLOCK,
                rule="ADVICE_CHECK_ACCOUNT_BURN_WEEK",
                rule_version=1,
                evidence=common_pb2.Evidence(measured=11, threshold=10),
            )
        ]


async def abort(context: Context, failure: PlannedFailure) -> None:
    """Fail a call, with its details in the trailing metadata as the contract says."""
    status = Status(code=failure.code.value[0], message=failure.message)
    for detail in failure.details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    if failure.details:
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(failure.code, failure.message)


class FakeTransactions(FakeBulk):
    """The money path over the dict of accounts: one point for each ten minor units."""

    def __init__(self, fake: FakeServer) -> None:
        super().__init__(fake.streams)
        self._fake = fake

    async def QuoteRedemption(self, request: transaction_pb2.QuoteRedemptionRequest, context: Context) -> Any:
        def make() -> Message:
            balance = self._fake.account_of(request.member).balance()
            return transaction_pb2.QuoteRedemptionResponse(
                account_id=7,
                points_max=balance.available,
                money_max=common_pb2.Money(currency_code="CAD", minor_units=balance.available),
                balance=balance,
                advice=self._fake.advice_of(request.member),
            )

        return await self._fake.answer("QuoteRedemption", request, context, make)

    async def AuthoriseRedemption(self, request: transaction_pb2.AuthoriseRedemptionRequest, context: Context) -> Any:
        return await self._fake.answer("AuthoriseRedemption", request, context, lambda: self._authorise(request))

    async def CaptureRedemption(self, request: transaction_pb2.CaptureRedemptionRequest, context: Context) -> Any:
        if request.idempotency_key not in self._fake.stored and not self._fake.owner_of(request.reservation_id):
            await abort(context, PlannedFailure(grpc.StatusCode.NOT_FOUND, "no such reservation"))
        return await self._fake.answer("CaptureRedemption", request, context, lambda: self._capture(request))

    async def ExtendReservation(self, request: transaction_pb2.ExtendReservationRequest, context: Context) -> Any:
        answer = transaction_pb2.ExtendReservationResponse(
            transaction_id=f"extend-{request.reservation_id}",
            points=request.time_to_live.seconds,
            account_id=7,
            balance=common_pb2.Balance(posted=5, available=5),
        )
        answer.expires_at.FromSeconds(1_800_000_000)
        return await self._fake.answer("ExtendReservation", request, context, lambda: answer)

    async def VoidRedemption(self, request: transaction_pb2.VoidRedemptionRequest, context: Context) -> Any:
        if request.idempotency_key not in self._fake.stored and not self._fake.owner_of(request.reservation_id):
            await abort(context, PlannedFailure(grpc.StatusCode.NOT_FOUND, "no such reservation"))
        return await self._fake.answer("VoidRedemption", request, context, lambda: self._void(request))

    async def ReturnTransaction(self, request: transaction_pb2.ReturnTransactionRequest, context: Context) -> Any:
        answer = transaction_pb2.ReturnTransactionResponse(
            transaction_id=f"return-{request.idempotency_key}",
            account_id=7,
            signed_points=request.points or -request.money.minor_units,
            points_not_moved=len(request.lines.lines),
            balance=common_pb2.Balance(posted=5, available=5),
        )
        return await self._fake.answer("ReturnTransaction", request, context, lambda: answer)

    async def TransferPoints(self, request: transaction_pb2.TransferPointsRequest, context: Context) -> Any:
        answer = transaction_pb2.TransferPointsResponse(
            transaction_id=f"{request.member.loyalty_id} {request.to.loyalty_id} {request.agent_id}",
            decision=common_pb2.DECISION_APPROVED,
            points=request.points,
            account_id=len(request.verified_by),
            balance=common_pb2.Balance(posted=5, available=5),
        )
        return await self._fake.answer("TransferPoints", request, context, lambda: answer)

    async def RedeemHousehold(self, request: transaction_pb2.RedeemHouseholdRequest, context: Context) -> Any:
        answer = transaction_pb2.RedeemHouseholdResponse(
            transaction_id=" ".join(member.loyalty_id for member in request.members),
            decision=common_pb2.DECISION_APPROVED,
            points=request.points,
            account_id=int(request.kind),
            balance=common_pb2.Balance(posted=5, available=5),
        )
        return await self._fake.answer("RedeemHousehold", request, context, lambda: answer)

    async def ConvertPoints(self, request: transaction_pb2.ConvertPointsRequest, context: Context) -> Any:
        answer = transaction_pb2.ConvertPointsResponse(
            transaction_id=f"{request.member.loyalty_id} {request.order_reference}",
            decision=common_pb2.DECISION_APPROVED,
            points=request.points,
            account_id=len(request.verified_by),
            balance=common_pb2.Balance(posted=5, available=5),
            conversion=transaction_pb2.Conversion(conversion=request.conversion, units=7, unit="miles"),
        )
        return await self._fake.answer("ConvertPoints", request, context, lambda: answer)

    async def AdjustPoints(self, request: transaction_pb2.AdjustPointsRequest, context: Context) -> Any:
        answer = transaction_pb2.AdjustPointsResponse(
            transaction_id=f"{request.agent_id} {request.reason_code} {request.note}",
            decision=common_pb2.DECISION_APPROVED,
            signed_points=request.signed_points,
            account_id=int(request.kind),
            balance=common_pb2.Balance(posted=5, available=5),
        )
        return await self._fake.answer("AdjustPoints", request, context, lambda: answer)

    async def Accrue(self, request: transaction_pb2.AccrueRequest, context: Context) -> Any:
        return await self._fake.answer("Accrue", request, context, lambda: self._accrue(request))

    async def GetBalance(self, request: transaction_pb2.GetBalanceRequest, context: Context) -> Any:
        account = self._fake.account_of(request.member)
        answer = transaction_pb2.GetBalanceResponse(
            account_id=7, balance=account.balance(), seq=3, redemption_locked=account.locked
        )
        return await self._fake.answer("GetBalance", request, context, lambda: answer)

    async def GetTransaction(self, request: transaction_pb2.GetTransactionRequest, context: Context) -> Any:
        transaction = transaction_pb2.Transaction(
            transaction_id=request.transaction_id,
            account_id=7,
            seq=2,
            operation=common_pb2.OPERATION_ACCRUE,
            kind=common_pb2.TRANSACTION_KIND_PURCHASE,
            decision=common_pb2.DECISION_APPROVED,
            points=125,
            money=common_pb2.Money(currency_code="CAD", minor_units=1250),
            entries=[
                transaction_pb2.Entry(
                    entry_type=transaction_pb2.ENTRY_TYPE_EARN,
                    part=transaction_pb2.TRANSACTION_PART_BASE,
                    signed_points=125,
                    running_balance=125,
                    rule="everyday points",
                )
            ],
        )
        transaction.accepted_at.FromJsonString("2026-03-01T12:00:00.5Z")
        answer = transaction_pb2.GetTransactionResponse(transaction=transaction)
        return await self._fake.answer("GetTransaction", request, context, lambda: answer)

    async def ProcessBatch(self, request: transaction_pb2.ProcessBatchRequest, context: Context) -> Any:
        def make() -> Message:
            return transaction_pb2.ProcessBatchResponse(results=[self.batch_result(item) for item in request.items])

        return await self._fake.answer("ProcessBatch", request, context, make)

    def batch_result(self, item: transaction_pb2.BatchItem) -> transaction_pb2.BatchResult:
        match item.WhichOneof("request"):
            case "accrue":
                return transaction_pb2.BatchResult(accrue=self._accrue(item.accrue))
            case "authorise_redemption":
                return transaction_pb2.BatchResult(authorise_redemption=self._authorise(item.authorise_redemption))
            case _:
                violation = transaction_pb2.FieldViolation(field="reservation_id", description="must be known")
                error = transaction_pb2.BatchError(
                    code=grpc.StatusCode.NOT_FOUND.value[0],
                    reason="RESERVATION_NOT_FOUND",
                    message="no such reservation",
                    field_violations=[violation],
                )
                return transaction_pb2.BatchResult(error=error)

    def _accrue(self, request: transaction_pb2.AccrueRequest) -> transaction_pb2.AccrueResponse:
        account = self._fake.account_of(request.member)
        minor_units = request.total.minor_units + sum(line.amount_minor_units for line in request.basket.lines)
        points = minor_units // 10
        account.posted += points
        return transaction_pb2.AccrueResponse(
            transaction_id=f"accrual-{request.idempotency_key}",
            decision=common_pb2.DECISION_APPROVED,
            points=points,
            awards=[transaction_pb2.Award(rule="everyday", part=transaction_pb2.TRANSACTION_PART_BASE, points=points)],
            balance=account.balance(),
            account_id=7,
        )

    def _authorise(
        self, request: transaction_pb2.AuthoriseRedemptionRequest
    ) -> transaction_pb2.AuthoriseRedemptionResponse:
        account = self._fake.account_of(request.member)
        account.attempts += 1
        answer = transaction_pb2.AuthoriseRedemptionResponse(
            transaction_id=f"redemption-{request.idempotency_key}", account_id=7
        )
        reason = self._refusal(account, request.points)
        if reason is not None:
            answer.decision = common_pb2.DECISION_DECLINED
            answer.reasons.append(reason)
        else:
            answer.decision = common_pb2.DECISION_APPROVED
            answer.points = request.points
            if request.capture:
                account.posted -= request.points
            else:
                account.reservations[answer.transaction_id] = request.points
        answer.balance.CopyFrom(account.balance())
        return answer

    def _refusal(self, account: FakeAccount, points: int) -> common_pb2.Reason | None:
        if account.attempts > REDEMPTIONS_BEFORE_ADVICE:
            return common_pb2.Reason(code=common_pb2.REASON_CODE_ADVICE_BLOCK, rule="ADVICE_CHECK_ACCOUNT_BURN_WEEK")
        if points > account.balance().available:
            return common_pb2.Reason(code=common_pb2.REASON_CODE_INSUFFICIENT_POINTS)
        return None

    def _capture(self, request: transaction_pb2.CaptureRedemptionRequest) -> transaction_pb2.CaptureRedemptionResponse:
        account = self._fake.owner_of(request.reservation_id)
        assert account is not None
        reserved = account.reservations.pop(request.reservation_id)
        points = request.points or reserved
        account.posted -= points
        answer = transaction_pb2.CaptureRedemptionResponse(
            transaction_id=f"capture-{request.idempotency_key}", points=points, account_id=7
        )
        if request.keep_open and points < reserved:
            account.reservations[request.reservation_id] = reserved - points
            answer.expires_at.FromSeconds(1_800_000_000)
        else:
            answer.points_released = reserved - points
        answer.balance.CopyFrom(account.balance())
        return answer

    def _void(self, request: transaction_pb2.VoidRedemptionRequest) -> transaction_pb2.VoidRedemptionResponse:
        account = self._fake.owner_of(request.reservation_id)
        assert account is not None
        return transaction_pb2.VoidRedemptionResponse(
            transaction_id=f"void-{request.idempotency_key}",
            points_released=account.reservations.pop(request.reservation_id),
            balance=account.balance(),
            account_id=7,
        )


class FakeAdvice(advice_pb2_grpc.AdviceServiceServicer):
    """Advice after more redemptions than are usual."""

    def __init__(self, fake: FakeServer) -> None:
        self._fake = fake

    async def CheckAdvice(self, request: advice_pb2.CheckAdviceRequest, context: Context) -> Any:
        def make() -> Message:
            advice = self._fake.advice_of(request.member)
            posture = advice[0].posture if advice else common_pb2.ADVICE_POSTURE_UNSPECIFIED
            return advice_pb2.CheckAdviceResponse(account_id=7, posture=posture, advice=advice)

        return await self._fake.answer("CheckAdvice", request, context, make)

    async def ListAdvice(self, request: advice_pb2.ListAdviceRequest, context: Context) -> Any:
        def make() -> Message:
            steps = [advice_pb2.AdviceStep(event=common_pb2.ADVICE_EVENT_RAISED, transaction_id="raise")]
            return advice_pb2.ListAdviceResponse(
                advice=[
                    advice_pb2.AdviceHistory(
                        advice=advice, account_id=7, state=advice_pb2.ADVICE_STATE_STANDING, steps=steps
                    )
                    for advice in self._fake.advice_of(request.member)
                ],
                next_page_token="17",
            )

        return await self._fake.answer("ListAdvice", request, context, make)

    async def RaiseAdvice(self, request: advice_pb2.RaiseAdviceRequest, context: Context) -> Any:
        answer = advice_pb2.RaiseAdviceResponse(transaction_id="raise", account_id=7, advice_id="raise")
        return await self._fake.answer("RaiseAdvice", request, context, lambda: answer)

    async def WatchAdvice(self, request: advice_pb2.WatchAdviceRequest, context: Context) -> AsyncIterator[Any]:
        """Tell of the positions up to 3, the first of which is only a position; break off after each other one."""
        beginning = request.after_position if request.HasField("after_position") else 0
        answer = advice_pb2.WatchAdviceResponse(position=beginning)
        yield await self._fake.answer("WatchAdvice", request, context, lambda: answer)
        for position in range(beginning + 1, 4):
            notice = advice_pb2.AdviceNotice(transaction_id=f"notice-{position}", account_id=7, suspended=True)
            yield advice_pb2.WatchAdviceResponse(position=position, notice=notice)
            if position % 2:
                await abort(context, PlannedFailure(grpc.StatusCode.UNAVAILABLE))

    async def OverrideAdvice(self, request: advice_pb2.OverrideAdviceRequest, context: Context) -> Any:
        answer = advice_pb2.OverrideAdviceResponse(transaction_id="override", account_id=7)
        return await self._fake.answer("OverrideAdvice", request, context, lambda: answer)

    async def RemoveAdvice(self, request: advice_pb2.RemoveAdviceRequest, context: Context) -> Any:
        answer = advice_pb2.RemoveAdviceResponse(transaction_id="remove", account_id=7)
        return await self._fake.answer("RemoveAdvice", request, context, lambda: answer)

    async def ListCases(self, request: advice_pb2.ListCasesRequest, context: Context) -> Any:
        case = advice_pb2.Case(
            case_id="case-1",
            account_id=7,
            state=advice_pb2.CASE_STATE_PROPOSED,
            outcome=advice_pb2.CASE_OUTCOME_FALSE_POSITIVE,
            advice=common_pb2.Advice(advice_id="case-1", posture=common_pb2.ADVICE_POSTURE_REVIEW),
            steps=[
                advice_pb2.AdviceStep(
                    event=common_pb2.ADVICE_EVENT_PROPOSED, outcome=advice_pb2.CASE_OUTCOME_FALSE_POSITIVE
                )
            ],
        )
        answer = advice_pb2.ListCasesResponse(cases=[case], next_page_token="17")
        return await self._fake.answer("ListCases", request, context, lambda: answer)

    @staticmethod
    def _exemption() -> advice_pb2.Exemption:
        return advice_pb2.Exemption(
            exemption_id=3, store_id="s1", context=common_pb2.ADVICE_CONTEXT_REDEMPTION, rule="eager",
            starts_at=NOON, added=common_pb2.Intervention(author="analyst 7"),
        )  # fmt: skip

    async def AddExemption(self, request: advice_pb2.AddExemptionRequest, context: Context) -> Any:
        answer = advice_pb2.AddExemptionResponse(exemption=self._exemption())
        return await self._fake.answer("AddExemption", request, context, lambda: answer)

    async def EndExemption(self, request: advice_pb2.EndExemptionRequest, context: Context) -> Any:
        answer = advice_pb2.EndExemptionResponse(exemption=self._exemption())
        return await self._fake.answer("EndExemption", request, context, lambda: answer)

    async def ListExemptions(self, request: advice_pb2.ListExemptionsRequest, context: Context) -> Any:
        answer = advice_pb2.ListExemptionsResponse(exemptions=[self._exemption()], next_page_token="17")
        return await self._fake.answer("ListExemptions", request, context, lambda: answer)

    @staticmethod
    def _stop() -> advice_pb2.RedemptionStop:
        return advice_pb2.RedemptionStop(
            stop_id=4, terminal=advice_pb2.TerminalReference(store_id="s1", terminal_id="t1"),
            starts_at=NOON, stopped=common_pb2.Intervention(author="analyst 7"),
        )  # fmt: skip

    async def StopRedemptions(self, request: advice_pb2.StopRedemptionsRequest, context: Context) -> Any:
        answer = advice_pb2.StopRedemptionsResponse(stop=self._stop())
        return await self._fake.answer("StopRedemptions", request, context, lambda: answer)

    async def ReleaseRedemptions(self, request: advice_pb2.ReleaseRedemptionsRequest, context: Context) -> Any:
        answer = advice_pb2.ReleaseRedemptionsResponse(stop=self._stop())
        return await self._fake.answer("ReleaseRedemptions", request, context, lambda: answer)

    async def ListRedemptionStops(self, request: advice_pb2.ListRedemptionStopsRequest, context: Context) -> Any:
        answer = advice_pb2.ListRedemptionStopsResponse(stops=[self._stop()], next_page_token="17")
        return await self._fake.answer("ListRedemptionStops", request, context, lambda: answer)

    async def ResolveCase(self, request: advice_pb2.ResolveCaseRequest, context: Context) -> Any:
        answer = advice_pb2.ResolveCaseResponse(
            transaction_id="resolve", account_id=7, state=advice_pb2.CASE_STATE_PROPOSED
        )
        return await self._fake.answer("ResolveCase", request, context, lambda: answer)


_GROUP_CHANGE = member_pb2.GroupChange(transaction_id="group", account_id=7)


class FakeMembers(member_pb2_grpc.MemberServiceServicer):
    """Members that need no storage."""

    def __init__(self, fake: FakeServer) -> None:
        self._fake = fake

    async def EnrollMember(self, request: member_pb2.EnrollMemberRequest, context: Context) -> Any:
        answer = member_pb2.EnrollMemberResponse(transaction_id="enrollment", member_id=5, account_id=7)
        return await self._fake.answer("EnrollMember", request, context, lambda: answer)

    async def FindMember(self, request: member_pb2.FindMemberRequest, context: Context) -> Any:
        answer = member_pb2.FindMemberResponse(
            member_id=5,
            account_id=7,
            identifiers=[common_pb2.MemberReference(loyalty_id="1001"), common_pb2.MemberReference()],
            profile=member_pb2.Profile(given_name="Ada", family_name="Example", province="CA-ON"),
        )
        answer.enrolled_at.FromJsonString("2026-01-02T03:04:05Z")
        return await self._fake.answer("FindMember", request, context, lambda: answer)

    async def LinkIdentifier(self, request: member_pb2.LinkIdentifierRequest, context: Context) -> Any:
        answer = member_pb2.LinkIdentifierResponse(transaction_id="link", account_id=7)
        return await self._fake.answer("LinkIdentifier", request, context, lambda: answer)

    async def ReplaceCard(self, request: member_pb2.ReplaceCardRequest, context: Context) -> Any:
        answer = member_pb2.ReplaceCardResponse(transaction_id="replacement", account_id=7)
        return await self._fake.answer("ReplaceCard", request, context, lambda: answer)

    async def AddToGroup(self, request: member_pb2.AddToGroupRequest, context: Context) -> Any:
        answer = member_pb2.AddToGroupResponse(changes=[_GROUP_CHANGE] * len(request.members))
        return await self._fake.answer("AddToGroup", request, context, lambda: answer)

    async def RemoveFromGroup(self, request: member_pb2.RemoveFromGroupRequest, context: Context) -> Any:
        answer = member_pb2.RemoveFromGroupResponse(changes=[_GROUP_CHANGE] * len(request.members))
        return await self._fake.answer("RemoveFromGroup", request, context, lambda: answer)

    async def ListGroupMembers(self, request: member_pb2.ListGroupMembersRequest, context: Context) -> Any:
        answer = member_pb2.ListGroupMembersResponse(account_ids=[7, 8], next_page_token="8")
        return await self._fake.answer("ListGroupMembers", request, context, lambda: answer)

    async def UpdateMember(self, request: member_pb2.UpdateMemberRequest, context: Context) -> Any:
        answer = member_pb2.UpdateMemberResponse(transaction_id="update", account_id=7)
        return await self._fake.answer("UpdateMember", request, context, lambda: answer)

    async def SetRedemptionLock(self, request: member_pb2.SetRedemptionLockRequest, context: Context) -> Any:
        def make() -> Message:
            self._fake.account_of(request.member).locked = request.locked
            return member_pb2.SetRedemptionLockResponse(transaction_id="lock", account_id=7, locked=request.locked)

        return await self._fake.answer("SetRedemptionLock", request, context, make)

    async def SetAccountStatus(self, request: member_pb2.SetAccountStatusRequest, context: Context) -> Any:
        answer = member_pb2.SetAccountStatusResponse(transaction_id="status", account_id=7, status=request.status)
        return await self._fake.answer("SetAccountStatus", request, context, lambda: answer)


@asynccontextmanager
async def running_fake_server(address: str = "127.0.0.1:0") -> AsyncIterator[FakeServer]:
    """Start the stand-in on a free port of the loopback, and stop it at the end."""
    fake = FakeServer()
    server = grpc.aio.server(options=_SERVER_OPTIONS)
    transaction_pb2_grpc.add_TransactionServiceServicer_to_server(FakeTransactions(fake), server)
    advice_pb2_grpc.add_AdviceServiceServicer_to_server(FakeAdvice(fake), server)
    member_pb2_grpc.add_MemberServiceServicer_to_server(FakeMembers(fake), server)
    fake.address = f"127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)


_SERVER_OPTIONS: Final = (("grpc.so_reuseport", 0),)
