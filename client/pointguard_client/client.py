"""The asynchronous client: one method for each RPC, plain values in, frozen results out. Anyone may use it.

    async with PointguardClient.connect() as client:
        quote = await client.quote_redemption(Identifier.loyalty_id("1001"))

Every call has a deadline, is tried again when that is safe (see `retry`), and raises the errors of `errors`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

import grpc

from pointguard.v1 import (
    advice_pb2,
    advice_pb2_grpc,
    explanation_pb2,
    explanation_pb2_grpc,
    member_pb2,
    member_pb2_grpc,
    transaction_pb2,
    transaction_pb2_grpc,
)
from pointguard_client import decoding, encoding, requests, results
from pointguard_client.activity_client import ActivityClient
from pointguard_client.books_client import BooksClient
from pointguard_client.calls import DEFAULT_TIMEOUT_SECONDS, Caller
from pointguard_client.channel import USUAL_CONNECTION, Connection, call_metadata, open_channel
from pointguard_client.configuration_client import ConfigurationClient
from pointguard_client.errors import Failure, ServerFault
from pointguard_client.experiment_client import ExperimentClient
from pointguard_client.explanation_messages import decode_explanation
from pointguard_client.explanation_values import Explanation
from pointguard_client.fraud_client import FraudClient
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.offline_client import OfflineClient
from pointguard_client.requests import NO_PROFILE, NOWHERE, Basket, Identifier, Money, Origin, Profile, ReturnedLine
from pointguard_client.retry import USUAL_RETRIES, RetryPolicy
from pointguard_client.rule_client import RuleClient
from pointguard_client.shadow_client import ShadowClient
from pointguard_client.stream import IN_FLIGHT_MAX, SILENCE_SECONDS_MAX, TransactionStream
from pointguard_client.words import AdviceContext, Factor, TransactionKind

EXPLANATION_TIMEOUT_SECONDS: Final = 20.0
"""The server reads all that the account did before, and explains one decision at a time."""


class PointguardClient:
    """A connection to a pointguard server; safe to share between the tasks of one event loop.

    The caller's `timeout_seconds` bounds each call with all its retries; each method takes its own to override it.
    Methods that change state take an `idempotency_key` of 1 to 64 bytes and make a UUIDv7 if it is empty. `rules`,
    `experiments` and `shadows` have the calls of a program's manager, `fraud` those of who looks into fraud,
    `configuration` those of both about what the program is set to, and `activity` those of a platform that keeps points
    of its own; `offline` has those of terminals that may lose their line.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._channel = channel
        self._caller = caller
        self._transactions = transaction_pb2_grpc.TransactionServiceStub(channel)
        self._advice = advice_pb2_grpc.AdviceServiceStub(channel)
        self._explanations = explanation_pb2_grpc.ExplanationServiceStub(channel)
        self._members = member_pb2_grpc.MemberServiceStub(channel)
        self.rules = RuleClient(channel, caller)
        self.experiments = ExperimentClient(channel, caller)
        self.shadows = ShadowClient(channel, caller)
        self.configuration = ConfigurationClient(channel, caller)
        self.fraud = FraudClient(channel, caller)
        self.activity = ActivityClient(channel, caller)
        self.books = BooksClient(channel, caller)
        self.offline = OfflineClient(channel, caller)

    @classmethod
    def connect(
        cls,
        address: str | None = None,
        *,
        api_key: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        retry_policy: RetryPolicy = USUAL_RETRIES,
        hedge_after_seconds: float | None = None,
        connection: Connection = USUAL_CONNECTION,
        plaintext: bool | None = None,
        root_certificates: bytes | None = None,
    ) -> Self:
        """Return a client; nothing is sent before the first call. Must be called in a running event loop.

        Address and API key are found as `settings` says. The loopback is spoken to in plaintext, any other address with
        TLS, unless `plaintext` or `root_certificates` (PEM) say otherwise. With `hedge_after_seconds` a call (never a
        batch) that has no answer by then is sent a second time under the same key, and the first answer counts.
        """
        caller = Caller(call_metadata(api_key), timeout_seconds, retry_policy, hedge_after_seconds)
        return cls(open_channel(address, plaintext, root_certificates, connection), caller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace_seconds: float | None = None) -> None:
        """Close the connection; calls under way are cancelled, after `grace_seconds` if that is given."""
        await self._channel.close(grace_seconds)

    async def quote_redemption(
        self,
        member: Identifier,
        *,
        origin: Origin = NOWHERE,
        redemption_type: str = "",
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Quote:
        """Ask what the member may spend now, and what binds it."""
        message = transaction_pb2.QuoteRedemptionRequest(
            member=encoding.encode_identifier(member),
            origin=encoding.encode_origin(origin),
            redemption_type=redemption_type,
            language=language,
        )
        answer = await self._caller.call(
            "QuoteRedemption", self._transactions.QuoteRedemption, message, timeout_seconds
        )
        return decoding.decode_quote(answer)

    async def authorise_redemption(
        self,
        member: Identifier,
        amount: int | Money,
        *,
        origin: Origin = NOWHERE,
        kind: TransactionKind = TransactionKind.UNSPECIFIED,
        redemption_type: str = "",
        time_to_live: timedelta | None = None,
        capture: bool = False,
        allow_partial: bool = False,
        order_reference: str = "",
        idempotency_key: str = "",
        verified_by: tuple[Factor, ...] = (),
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Redemption:
        """Set points aside, or spend them at once with `capture`. `amount` is points (int) or money to cover.

        A declined redemption is an answer, not an error. One that is asked for a factor (STEP_UP) is tried again, under
        another key, once the till has `verified_by` it.
        """
        request = requests.AuthoriseRedemption(
            member,
            amount,
            origin=origin,
            kind=kind,
            redemption_type=redemption_type,
            time_to_live=time_to_live,
            capture=capture,
            allow_partial=allow_partial,
            order_reference=order_reference,
            idempotency_key=idempotency_key,
            verified_by=verified_by,
            language=language,
        )
        message = encoding.encode_authorise(request)
        method = self._transactions.AuthoriseRedemption
        return decoding.decode_redemption(
            await self._caller.call("AuthoriseRedemption", method, message, timeout_seconds)
        )

    async def capture_redemption(
        self,
        reservation_id: str,
        *,
        points: int = 0,
        keep_open: bool = False,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Capture:
        """Spend all (0 points) or part of what is left of a reservation; release the rest, or keep it open."""
        request = requests.CaptureRedemption(reservation_id, points, origin, idempotency_key, keep_open)
        message = encoding.encode_capture(request)
        method = self._transactions.CaptureRedemption
        return decoding.decode_capture(await self._caller.call("CaptureRedemption", method, message, timeout_seconds))

    async def extend_reservation(
        self,
        reservation_id: str,
        time_to_live: timedelta | None = None,
        *,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Extension:
        """Have a reservation end later: so long from now on; None: as long as the program's default."""
        request = requests.ExtendReservation(reservation_id, time_to_live, origin, idempotency_key)
        message, method = encoding.encode_extension(request), self._transactions.ExtendReservation
        return decoding.decode_extension(await self._caller.call("ExtendReservation", method, message, timeout_seconds))

    async def void_redemption(
        self,
        reservation_id: str,
        *,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Void:
        """Release a reservation."""
        message = encoding.encode_void(requests.VoidRedemption(reservation_id, origin, idempotency_key))
        method = self._transactions.VoidRedemption
        return decoding.decode_void(await self._caller.call("VoidRedemption", method, message, timeout_seconds))

    async def accrue(
        self,
        member: Identifier,
        amount: Basket | Money,
        *,
        origin: Origin = NOWHERE,
        kind: TransactionKind = TransactionKind.UNSPECIFIED,
        tender: str = "",
        coupon_used: bool = False,
        order_reference: str = "",
        idempotency_key: str = "",
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Accrual:
        """Earn points for a basket, or for an eligible total where the till knows no lines."""
        request = requests.Accrue(
            member,
            amount,
            origin=origin,
            kind=kind,
            tender=tender,
            coupon_used=coupon_used,
            order_reference=order_reference,
            idempotency_key=idempotency_key,
            language=language,
        )
        message = encoding.encode_accrue(request)
        return decoding.decode_accrual(
            await self._caller.call("Accrue", self._transactions.Accrue, message, timeout_seconds)
        )

    async def return_transaction(
        self,
        original_transaction_id: str = "",
        amount: Money | int | Sequence[ReturnedLine] | None = None,
        *,
        member: Identifier | None = None,
        origin: Origin = NOWHERE,
        order_reference: str = "",
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Return:
        """Undo an accrual or a redemption: all that is left of it, or `amount`.

        That is money or lines of an accrual, points (int) of a redemption. Without a receipt give `member` and money;
        the program may refuse that.
        """
        request = requests.ReturnTransaction(
            original_transaction_id, amount, member, origin, order_reference, idempotency_key
        )
        message = encoding.encode_return(request)
        method = self._transactions.ReturnTransaction
        return decoding.decode_return(await self._caller.call("ReturnTransaction", method, message, timeout_seconds))

    async def transfer_points(
        self,
        member: Identifier,
        to: Identifier,
        points: int,
        *,
        origin: Origin = NOWHERE,
        agent_id: str = "",
        order_reference: str = "",
        idempotency_key: str = "",
        verified_by: tuple[Factor, ...] = (),
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Transfer:
        """Move points of a member to another account, all of it on both sides or nothing.

        A declined transfer is an answer, not an error.
        """
        request = requests.TransferPoints(
            member, to, points, origin, agent_id, order_reference, idempotency_key, verified_by, language
        )
        message, method = encoding.encode_transfer(request), self._transactions.TransferPoints
        return decoding.decode_transfer(await self._caller.call("TransferPoints", method, message, timeout_seconds))

    async def convert_points(
        self,
        member: Identifier,
        conversion: str,
        points: int,
        *,
        origin: Origin = NOWHERE,
        order_reference: str = "",
        idempotency_key: str = "",
        verified_by: tuple[Factor, ...] = (),
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.PointsConversion:
        """Turn points into something else at the program's rate; `conversion` is the code of one that it has.

        A declined conversion is an answer, not an error.
        """
        message = transaction_pb2.ConvertPointsRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            origin=encoding.encode_origin(origin),
            conversion=conversion,
            points=points,
            order_reference=order_reference,
            verified_by=[int(factor) for factor in verified_by],  # type: ignore[misc]
            language=language,
        )
        method = self._transactions.ConvertPoints
        return decoding.decode_conversion(await self._caller.call("ConvertPoints", method, message, timeout_seconds))

    async def redeem_household(
        self,
        members: Sequence[Identifier],
        points: int,
        *,
        origin: Origin = NOWHERE,
        kind: TransactionKind = TransactionKind.UNSPECIFIED,
        redemption_type: str = "",
        order_reference: str = "",
        idempotency_key: str = "",
        verified_by: tuple[Factor, ...] = (),
        language: str = "",
        timeout_seconds: float | None = None,
    ) -> results.HouseholdRedemption:
        """Spend points of 2 to 16 members' accounts at once: of each what it has, in their order; all of it or nothing.

        A declined redemption is an answer, not an error.
        """
        request = requests.RedeemHousehold(
            members, points, origin, kind, redemption_type, order_reference, idempotency_key, verified_by, language
        )
        message, method = encoding.encode_household(request), self._transactions.RedeemHousehold
        return decoding.decode_household(await self._caller.call("RedeemHousehold", method, message, timeout_seconds))

    async def adjust_points(
        self,
        member: Identifier,
        signed_points: int,
        agent_id: str,
        reason_code: str,
        note: str,
        *,
        kind: TransactionKind = TransactionKind.DISCRETIONARY,
        corrects_transaction_id: str = "",
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Adjustment:
        """Give points by hand, or take them (below 0), for one of the program's reason codes.

        A DISCRETIONARY one only gives. One that corrects an earlier transaction of the member is a CORRECTION. Needs an
        API key with the role "agent".
        """
        message = transaction_pb2.AdjustPointsRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            kind=int(TransactionKind.CORRECTION if corrects_transaction_id else kind),  # type: ignore[arg-type]
            signed_points=signed_points,
            agent_id=agent_id,
            reason_code=reason_code,
            note=note,
            corrects_transaction_id=corrects_transaction_id,
        )
        method = self._transactions.AdjustPoints
        return decoding.decode_adjustment(await self._caller.call("AdjustPoints", method, message, timeout_seconds))

    async def get_transaction(
        self, transaction_id: str, *, timeout_seconds: float | None = None
    ) -> results.Transaction:
        """Return one transaction with its entries."""
        message = transaction_pb2.GetTransactionRequest(transaction_id=transaction_id)
        method = self._transactions.GetTransaction
        return decoding.decode_transaction(await self._caller.call("GetTransaction", method, message, timeout_seconds))

    async def explain_decision(
        self,
        transaction_id: str = "",
        *,
        idempotency_key: str = "",
        trace: bool = False,
        leg: int = 0,
        timeout_seconds: float = EXPLANATION_TIMEOUT_SECONDS,
    ) -> Explanation:
        """Have a past transaction decided again, from the ledger alone; for an API key with the role of a manager.

        It is named by its id, or by the idempotency key of the request that made it. With `trace`, each earn rule of an
        accrual says how it came to its award. Of a transaction that is about several accounts, `leg` says which of its
        legs, from 0.
        """
        if bool(transaction_id) == bool(idempotency_key):
            raise ValueError("give a transaction_id or an idempotency_key")
        message = explanation_pb2.ExplainDecisionRequest(trace=trace, leg=leg)
        if transaction_id:
            message.transaction_id = transaction_id
        else:
            message.idempotency_key = idempotency_key
        method = self._explanations.ExplainDecision
        return decode_explanation(
            await self._caller.call("ExplainDecision", method, message, timeout_seconds, may_hedge=False)
        )

    async def get_balance(
        self, member: Identifier, *, as_of: datetime | None = None, timeout_seconds: float | None = None
    ) -> results.AccountBalance:
        """Return an account's points as they stand now, or stood at an earlier moment."""
        message = transaction_pb2.GetBalanceRequest(
            member=encoding.encode_identifier(member),
            as_of=None if as_of is None else encoding.encode_time(as_of, "as_of"),
        )
        method = self._transactions.GetBalance
        return decoding.decode_account_balance(await self._caller.call("GetBalance", method, message, timeout_seconds))

    async def process_batch(
        self, batch: Sequence[requests.BatchRequest], *, timeout_seconds: float | None = None
    ) -> tuple[results.BatchResult, ...]:
        """Send up to 10,000 mixed requests; return one answer for each, in their order.

        A request that was refused gives its CallError as a value, with its own idempotency key.
        """
        return await self.process_batch_items(
            [encoding.encode_batch_item(request) for request in batch], timeout_seconds=timeout_seconds
        )

    async def process_batch_items(
        self, items: Sequence[transaction_pb2.BatchItem], *, timeout_seconds: float | None = None
    ) -> tuple[results.BatchResult, ...]:
        """As `process_batch`, for requests that are messages of the contract already."""
        message = transaction_pb2.ProcessBatchRequest(items=items)
        answer = await self._caller.call(
            "ProcessBatch", self._transactions.ProcessBatch, message, timeout_seconds, may_hedge=False
        )
        if len(answer.results) != len(items):
            failure = Failure("INTERNAL", f"{len(answer.results)} answers to a batch of {len(items)} requests")
            raise ServerFault(failure, "ProcessBatch")
        keys = (getattr(item, item.WhichOneof("request") or "").idempotency_key for item in items)
        return tuple(
            decoding.decode_batch_result(result, key) for result, key in zip(answer.results, keys, strict=True)
        )

    async def process_batch_columns(
        self, columns: requests.BatchColumns, *, timeout_seconds: float | None = None
    ) -> results.ColumnAnswers:
        """Send up to 100,000 redemptions, captures, voids and accruals of totals as columns; return the answers alike.

        A row that was refused has its CallError in `errors`; a malformed column fails the call, and nothing is done.

        Raises:
            ValueError: if a column holds what it cannot, such as a number of more than 64 bits; it names the column.
        """
        message = encoding.encode_columns(columns)
        method = self._transactions.ProcessBatchColumns
        answer = await self._caller.call("ProcessBatchColumns", method, message, timeout_seconds, may_hedge=False)
        return decoding.decode_columns(answer, message.idempotency_keys)

    def stream(
        self, *, in_flight_max: int = IN_FLIGHT_MAX, silence_seconds_max: float = SILENCE_SECONDS_MAX
    ) -> TransactionStream:
        """Return a stream of requests over one connection, to be used by `async with`.

        `in_flight_max` requests may be without an answer; a server that is silent for `silence_seconds_max` while
        answers are due is connected again.
        """
        metadata = self._caller.metadata
        return TransactionStream(
            lambda: self._transactions.StreamTransactions(metadata=metadata),
            self._caller.retry_policy,
            in_flight_max,
            silence_seconds_max,
        )

    async def check_advice(
        self,
        member: Identifier,
        *,
        context: AdviceContext = AdviceContext.UNSPECIFIED,
        language: str = "",
        origin: Origin = NOWHERE,
        timeout_seconds: float | None = None,
    ) -> results.AdviceReport:
        """Return the advice that stands now, strongest first, with texts in a language (a BCP 47 tag).

        It also says whether redemptions are stopped, in the origin's store and at its terminal too if one is given.
        """
        message = advice_pb2.CheckAdviceRequest(
            member=encoding.encode_identifier(member),
            context=encoding.encode_context(context),
            language=language,
            origin=encoding.encode_origin(origin),
        )
        return decoding.decode_advice_report(
            await self._caller.call("CheckAdvice", self._advice.CheckAdvice, message, timeout_seconds)
        )

    async def enroll_member(
        self,
        identifiers: Sequence[Identifier],
        *,
        profile: Profile = NO_PROFILE,
        tier: str = "",
        groups: Sequence[str] = (),
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.Enrollment:
        """Make a member with one account; 1 to 16 identifiers find it."""
        message = encoding.encode_enroll(requests.EnrollMember(identifiers, profile, tier, idempotency_key, groups))
        return decoding.decode_enrollment(
            await self._caller.call("EnrollMember", self._members.EnrollMember, message, timeout_seconds)
        )

    async def find_member(self, member: Identifier, *, timeout_seconds: float | None = None) -> results.MemberRecord:
        """Return a member with all that finds it."""
        message = member_pb2.FindMemberRequest(member=encoding.encode_identifier(member))
        return decoding.decode_member(
            await self._caller.call("FindMember", self._members.FindMember, message, timeout_seconds)
        )

    async def link_identifier(
        self,
        member: Identifier,
        identifier: Identifier,
        *,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.IdentifierLink:
        """Let one more identifier find the member's account."""
        message = member_pb2.LinkIdentifierRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            identifier=encoding.encode_identifier(identifier),
            origin=encoding.encode_origin(origin),
        )
        return decoding.decode_link(
            await self._caller.call("LinkIdentifier", self._members.LinkIdentifier, message, timeout_seconds)
        )

    async def replace_card(
        self,
        card: Identifier,
        replacement: Identifier,
        *,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.CardReplacement:
        """Let a card find the account of another one, which finds nobody from then on."""
        message = member_pb2.ReplaceCardRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            card=encoding.encode_identifier(card),
            replacement=encoding.encode_identifier(replacement),
            origin=encoding.encode_origin(origin),
        )
        return decoding.decode_replacement(
            await self._caller.call("ReplaceCard", self._members.ReplaceCard, message, timeout_seconds)
        )

    async def update_member(
        self,
        member: Identifier,
        *,
        tier: str | None = None,
        groups: Sequence[str] | None = None,
        birth_date: str | None = None,
        origin: Origin = NOWHERE,
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.MemberUpdate:
        """Change a member's tier, groups or birth date (ISO 8601; empty: not known); what is None stays as it is."""
        message = member_pb2.UpdateMemberRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            tier=tier,
            groups=None if groups is None else member_pb2.MemberGroups(groups=groups),
            birth_date=birth_date,
            origin=encoding.encode_origin(origin),
        )
        return decoding.decode_update(
            await self._caller.call("UpdateMember", self._members.UpdateMember, message, timeout_seconds)
        )

    async def set_redemption_lock(
        self,
        member: Identifier,
        locked: bool,
        *,
        origin: Origin = NOWHERE,
        agent_id: str = "",
        idempotency_key: str = "",
        timeout_seconds: float | None = None,
    ) -> results.RedemptionLock:
        """Stop every redemption of an account, or allow them again; `agent_id` is who does it for the member."""
        message = member_pb2.SetRedemptionLockRequest(
            idempotency_key=idempotency_key or new_idempotency_key(),
            member=encoding.encode_identifier(member),
            locked=locked,
            origin=encoding.encode_origin(origin),
            agent_id=agent_id,
        )
        return decoding.decode_lock(
            await self._caller.call("SetRedemptionLock", self._members.SetRedemptionLock, message, timeout_seconds)
        )
