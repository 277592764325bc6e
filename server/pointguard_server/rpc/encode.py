"""From verdicts to messages. Both a fresh verdict and one read back from a record give the same message."""

from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.codes import AccountFlag, AdviceEntity, EntryType, Operation
from pointguard_server.domain.errors import InvalidRequest, PointguardError
from pointguard_server.engine.ask import StandingAdvice, Verdict
from pointguard_server.engine.identifiers import transaction_of, uuid_text
from pointguard_server.rpc.status import code_of

Text = Callable[[int], str]


def timestamp(moment: int) -> Timestamp:
    """Return microseconds since 1970 as a Timestamp."""
    seconds, microseconds = divmod(moment, 1_000_000)
    return Timestamp(seconds=seconds, nanos=microseconds * 1000)


class Encoder:
    """Encodes for one tenant's currency; ``text`` gives the names of rules."""

    def __init__(self, currency: str, text: Text) -> None:
        self._currency = currency
        self._text = text

    def money(self, minor_units: int) -> common_pb2.Money:
        """Return money in the program's currency."""
        return common_pb2.Money(currency_code=self._currency, minor_units=minor_units)

    @staticmethod
    def balance(verdict: Verdict) -> common_pb2.Balance:
        """Return the account's points."""
        return common_pb2.Balance(
            posted=verdict.posted,
            reserved=verdict.reserved,
            pending=verdict.pending,
            available=verdict.posted - verdict.reserved,
        )

    def reasons(self, reasons: tuple[tuple[int, int], ...]) -> list[common_pb2.Reason]:
        """Return reasons with their rules' names."""
        return [common_pb2.Reason(code=code, rule=self._text(rule_id)) for code, rule_id in reasons]  # type: ignore[arg-type]

    def authorise(self, verdict: Verdict) -> transaction_pb2.AuthoriseRedemptionResponse:
        """Return the answer to an AuthoriseRedemption."""
        response = transaction_pb2.AuthoriseRedemptionResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            decision=verdict.decision,  # type: ignore[arg-type]
            points=verdict.points,
            money=self.money(verdict.money),
            balance=self.balance(verdict),
            account_id=verdict.account_id,
        )
        if verdict.reasons:
            response.reasons.extend(self.reasons(verdict.reasons))
        if verdict.expires_at:
            response.expires_at.CopyFrom(timestamp(verdict.expires_at))
        return response

    def capture(self, verdict: Verdict) -> transaction_pb2.CaptureRedemptionResponse:
        """Return the answer to a CaptureRedemption."""
        return transaction_pb2.CaptureRedemptionResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            points=verdict.points,
            points_released=verdict.released,
            balance=self.balance(verdict),
            account_id=verdict.account_id,
        )

    def void(self, verdict: Verdict) -> transaction_pb2.VoidRedemptionResponse:
        """Return the answer to a VoidRedemption."""
        return transaction_pb2.VoidRedemptionResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            points_released=verdict.released,
            balance=self.balance(verdict),
            account_id=verdict.account_id,
        )

    def accrue(self, verdict: Verdict) -> transaction_pb2.AccrueResponse:
        """Return the answer to an Accrue."""
        response = transaction_pb2.AccrueResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            decision=verdict.decision,  # type: ignore[arg-type]
            points=verdict.points,
            awards=[
                transaction_pb2.Award(rule=self._text(entry.rule_id), part=entry.part, points=entry.signed_points)  # type: ignore[arg-type]
                for entry in verdict.entries
                if entry.entry_type in (EntryType.EARN, EntryType.BONUS)
            ],
            balance=self.balance(verdict),
            account_id=verdict.account_id,
        )
        if verdict.reasons:
            response.reasons.extend(self.reasons(verdict.reasons))
        return response

    def result(self, operation: int, verdict: Verdict) -> transaction_pb2.BatchResult:
        """Return the answer to one request of a batch that was done."""
        if operation == Operation.AUTHORISE:
            return transaction_pb2.BatchResult(authorise_redemption=self.authorise(verdict))
        if operation == Operation.ACCRUE:
            return transaction_pb2.BatchResult(accrue=self.accrue(verdict))
        if operation == Operation.CAPTURE:
            return transaction_pb2.BatchResult(capture_redemption=self.capture(verdict))
        return transaction_pb2.BatchResult(void_redemption=self.void(verdict))

    def quote(self, verdict: Verdict) -> transaction_pb2.QuoteRedemptionResponse:
        """Return the answer to a QuoteRedemption."""
        return transaction_pb2.QuoteRedemptionResponse(
            account_id=verdict.account_id,
            points_max=verdict.points,
            money_max=self.money(verdict.money),
            limits=self.reasons(verdict.reasons),
            balance=self.balance(verdict),
            advice=self.advice(verdict.advice),
        )

    def check(self, verdict: Verdict) -> advice_pb2.CheckAdviceResponse:
        """Return the answer to a CheckAdvice."""
        return advice_pb2.CheckAdviceResponse(
            account_id=verdict.account_id,
            posture=max((advice.posture for advice in verdict.advice), default=0),  # type: ignore[arg-type]
            advice=self.advice(verdict.advice),
            redemption_locked=bool(verdict.account_flags & AccountFlag.REDEMPTION_LOCKED),
        )

    def advice(self, standing: tuple[StandingAdvice, ...]) -> list[common_pb2.Advice]:
        """Return standing advice, strongest posture first, then the one that ends last."""
        ordered = sorted(standing, key=lambda advice: (-advice.posture, -advice.ends_at, advice.advice_id))
        return [self._advice(advice) for advice in ordered]

    def _advice(self, advice: StandingAdvice) -> common_pb2.Advice:
        evidence = common_pb2.Evidence(
            transaction_id=uuid_text(transaction_of(advice.advice_id)),
            measured=advice.measured,
            threshold=advice.threshold,
        )
        if advice.window_starts_after:
            evidence.window_starts_after.CopyFrom(timestamp(advice.window_starts_after))
        return common_pb2.Advice(
            advice_id=uuid_text(advice.advice_id),
            entity=int(AdviceEntity.ACCOUNT),  # type: ignore[arg-type]
            context=advice.context,  # type: ignore[arg-type]
            posture=advice.posture,  # type: ignore[arg-type]
            starts_at=timestamp(advice.starts_at),
            ends_at=timestamp(advice.ends_at),
            rule=self._text(advice.rule_id),
            rule_version=advice.rule_version,
            evidence=evidence,
        )


def batch_error(error: PointguardError) -> transaction_pb2.BatchResult:
    """Return the answer to one request of a batch that was refused."""
    violations = error.violations if isinstance(error, InvalidRequest) else ()
    code: Any = code_of(error).value
    return transaction_pb2.BatchResult(
        error=transaction_pb2.BatchError(
            code=code[0],
            reason=error.reason,
            message=str(error),
            field_violations=[
                transaction_pb2.FieldViolation(field=violation.field, description=violation.description)
                for violation in violations
            ],
        )
    )
