"""From verdicts to messages. Messages are filled in place: one made beforehand would be copied into the one around it.

Both a fresh verdict and one read back from a record give the same message.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import advice_pb2, common_pb2, transaction_pb2
from pointguard_server.domain.codes import (
    STOPS,
    STRENGTH,
    UNTIL_RESOLVED,
    AccountFlag,
    EntryType,
    Operation,
    Posture,
)
from pointguard_server.domain.conversions import Conversion
from pointguard_server.domain.errors import InvalidRequest, PointguardError
from pointguard_server.engine.ask import StandingAdvice, Verdict
from pointguard_server.engine.identifiers import transaction_of, uuid_text
from pointguard_server.rpc.status import code_of
from pointguard_server.service.explanation.ports import PastAdvice
from pointguard_server.service.messages import NO_MESSAGES, Messages
from pointguard_server.service.scope_entities import scope_entity

Text = Callable[[int], str]
_STRENGTH = {int(posture): place for place, posture in enumerate(STRENGTH, 1)}

AWARDS = frozenset((EntryType.EARN, EntryType.BONUS))
_AUTHORISE, _ACCRUE, _CAPTURE = int(Operation.AUTHORISE), int(Operation.ACCRUE), int(Operation.CAPTURE)
_RETURN, _EXTEND = int(Operation.RETURN), int(Operation.EXTEND)
_TRANSFER, _REDEEM_HOUSEHOLD = int(Operation.TRANSFER), int(Operation.REDEEM_HOUSEHOLD)


def timestamp(moment: int) -> Timestamp:
    """Return microseconds since 1970 as a Timestamp."""
    seconds, microseconds = divmod(moment, 1_000_000)
    return Timestamp(seconds=seconds, nanos=microseconds * 1000)


def fill_timestamp(message: Timestamp, moment: int) -> None:
    """Set a Timestamp to microseconds since 1970."""
    message.seconds, message.nanos = moment // 1_000_000, moment % 1_000_000 * 1000


def fill_end(message: common_pb2.Advice | advice_pb2.AdviceStep, moment: int) -> None:
    """Set until when an advice stands; nothing if it is a case, which stands until it is resolved."""
    if moment < UNTIL_RESOLVED:
        fill_timestamp(message.ends_at, moment)


def fill_balance(message: common_pb2.Balance, verdict: Verdict) -> None:
    """Set an account's points."""
    message.posted = verdict.posted
    message.reserved = verdict.reserved
    message.pending = verdict.pending
    message.available = verdict.posted - verdict.pending - verdict.reserved


def conversion_message(made: Conversion) -> transaction_pb2.Conversion:
    """Return what points became."""
    return transaction_pb2.Conversion(conversion=made.code, units=made.units, unit=made.unit)


def balance(verdict: Verdict) -> common_pb2.Balance:
    """Return an account's points."""
    message = common_pb2.Balance()
    fill_balance(message, verdict)
    return message


class Encoder:
    """Encodes for one tenant's currency; ``text`` gives the names of rules, ``messages`` what tills show of them."""

    def __init__(self, currency: str, text: Text, messages: Messages = NO_MESSAGES) -> None:
        self._currency = currency
        self._text = text
        self.messages = messages

    def rule_name(self, rule_id: int) -> str:
        """Return a rule's name; empty if it has none."""
        return self._text(rule_id)

    def money(self, minor_units: int) -> common_pb2.Money:
        """Return money in the program's currency."""
        return common_pb2.Money(currency_code=self._currency, minor_units=minor_units)

    def reasons(self, reasons: tuple[tuple[int, int], ...]) -> list[common_pb2.Reason]:
        """Return reasons with their rules' names."""
        return [common_pb2.Reason(code=code, rule=self._text(rule_id)) for code, rule_id in reasons]  # type: ignore[arg-type]

    def fill_reasons(self, reasons: Any, verdict: Verdict, language: str) -> None:
        """Add a verdict's reasons to those of a message."""
        for (code, rule_id), seen in zip(verdict.reasons, verdict.evidence, strict=True):
            rule = self._text(rule_id)
            reasons.add(code=code, rule=rule, text=self.messages.text(rule, language, *seen))

    def fill_authorise(
        self, response: transaction_pb2.AuthoriseRedemptionResponse, verdict: Verdict, language: str
    ) -> None:
        """Fill the answer to an AuthoriseRedemption."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.decision = verdict.decision  # type: ignore[assignment]
        response.points = verdict.points
        response.account_id = verdict.account_id
        response.money.currency_code = self._currency
        response.money.minor_units = verdict.money
        fill_balance(response.balance, verdict)
        if verdict.reasons:
            self.fill_reasons(response.reasons, verdict, language)
        if verdict.expires_at:
            fill_timestamp(response.expires_at, verdict.expires_at)

    @staticmethod
    def fill_capture(response: transaction_pb2.CaptureRedemptionResponse, verdict: Verdict) -> None:
        """Fill the answer to a CaptureRedemption."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.points = verdict.points
        response.points_released = verdict.released
        response.account_id = verdict.account_id
        fill_balance(response.balance, verdict)
        if verdict.expires_at:
            fill_timestamp(response.expires_at, verdict.expires_at)

    @staticmethod
    def fill_extension(response: transaction_pb2.ExtendReservationResponse, verdict: Verdict) -> None:
        """Fill the answer to an ExtendReservation."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.points = verdict.points
        response.account_id = verdict.account_id
        fill_balance(response.balance, verdict)
        fill_timestamp(response.expires_at, verdict.expires_at)

    @staticmethod
    def fill_void(response: transaction_pb2.VoidRedemptionResponse, verdict: Verdict) -> None:
        """Fill the answer to a VoidRedemption."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.points_released = verdict.released
        response.account_id = verdict.account_id
        fill_balance(response.balance, verdict)

    def fill_accrue(self, response: transaction_pb2.AccrueResponse, verdict: Verdict, language: str) -> None:
        """Fill the answer to an Accrue."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.decision = verdict.decision  # type: ignore[assignment]
        response.points = verdict.points
        response.account_id = verdict.account_id
        fill_balance(response.balance, verdict)
        response.experiment_id, response.arm = verdict.experiment_id, verdict.arm
        for entry in verdict.entries:
            if entry.entry_type not in AWARDS:
                continue
            award = response.awards.add()
            award.rule = self._text(entry.rule_id)
            award.part = entry.part  # type: ignore[assignment]
            award.points = entry.signed_points
        if verdict.reasons:
            self.fill_reasons(response.reasons, verdict, language)

    def fill_return(self, response: transaction_pb2.ReturnTransactionResponse, verdict: Verdict) -> None:
        """Fill the answer to a ReturnTransaction."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.account_id = verdict.account_id
        response.signed_points = sum(entry.signed_points for entry in verdict.entries)
        response.points_not_moved = verdict.released
        response.money.currency_code = self._currency
        response.money.minor_units = verdict.money
        fill_balance(response.balance, verdict)

    def fill_several(
        self,
        response: transaction_pb2.TransferPointsResponse
        | transaction_pb2.RedeemHouseholdResponse
        | transaction_pb2.ConvertPointsResponse,
        verdict: Verdict,
        language: str,
    ) -> None:
        """Fill the answer to a TransferPoints, a RedeemHousehold or a ConvertPoints."""
        response.transaction_id = uuid_text(verdict.transaction_id)
        response.decision = verdict.decision  # type: ignore[assignment]
        response.points = verdict.points
        response.account_id = verdict.account_id
        fill_balance(response.balance, verdict)
        if verdict.reasons:
            self.fill_reasons(response.reasons, verdict, language)

    def fill_result(
        self, result: transaction_pb2.BatchResult, operation: int, verdict: Verdict, language: str = ""
    ) -> None:
        """Fill the answer to one request of a batch that was done; texts are in ``language``, as far as they can be."""
        if operation == _AUTHORISE:
            self.fill_authorise(result.authorise_redemption, verdict, language)
        elif operation == _ACCRUE:
            self.fill_accrue(result.accrue, verdict, language)
        elif operation == _CAPTURE:
            self.fill_capture(result.capture_redemption, verdict)
        elif operation == _RETURN:
            self.fill_return(result.return_transaction, verdict)
        elif operation == _TRANSFER:
            self.fill_several(result.transfer_points, verdict, language)
        elif operation == _REDEEM_HOUSEHOLD:
            self.fill_several(result.redeem_household, verdict, language)
        elif operation == _EXTEND:
            self.fill_extension(result.extend_reservation, verdict)
        else:
            self.fill_void(result.void_redemption, verdict)

    def adjustment(self, verdict: Verdict) -> transaction_pb2.AdjustPointsResponse:
        """Return the answer to an AdjustPoints."""
        return transaction_pb2.AdjustPointsResponse(
            transaction_id=uuid_text(verdict.transaction_id),
            decision=verdict.decision,  # type: ignore[arg-type]
            reasons=self.reasons(verdict.reasons),
            signed_points=sum(entry.signed_points for entry in verdict.entries),
            account_id=verdict.account_id,
            balance=balance(verdict),
        )

    def quote(self, verdict: Verdict, language: str) -> transaction_pb2.QuoteRedemptionResponse:
        """Return the answer to a QuoteRedemption."""
        response = transaction_pb2.QuoteRedemptionResponse(
            account_id=verdict.account_id,
            points_max=verdict.points,
            money_max=self.money(verdict.money),
            balance=balance(verdict),
            advice=self.advice(verdict.advice, language),
        )
        self.fill_reasons(response.limits, verdict, language)
        return response

    def check(self, verdict: Verdict, language: str) -> advice_pb2.CheckAdviceResponse:
        """Return the answer to a CheckAdvice."""
        postures = {advice.posture for advice in verdict.advice}
        response = advice_pb2.CheckAdviceResponse(
            account_id=verdict.account_id,
            posture=max(postures, key=_STRENGTH.__getitem__, default=0),  # type: ignore[arg-type]
            advice=self.advice(verdict.advice, language),
            redemption_locked=bool(verdict.account_flags & AccountFlag.REDEMPTION_LOCKED) or Posture.LOCK in postures,
            suspended=bool(verdict.account_flags & AccountFlag.SUSPENDED) or Posture.SUSPEND in postures,
            redemptions_stopped=[code for code, _ in verdict.reasons if code in STOPS],  # type: ignore[misc]
        )
        # Those of stops come first, and are told by themselves.
        told = len(response.redemptions_stopped)
        others = verdict._replace(reasons=verdict.reasons[told:], evidence=verdict.evidence[told:])
        self.fill_reasons(response.redemption_reasons, others, language)
        return response

    def advice(self, standing: tuple[StandingAdvice, ...], language: str = "") -> list[common_pb2.Advice]:
        """Return standing advice, strongest posture first, then the one that ends last, with what tills show of it."""
        ordered = sorted(standing, key=lambda advice: (-_STRENGTH[advice.posture], -advice.ends_at, advice.advice_id))
        messages = [advice_message(advice, self._text) for advice in ordered]
        if self.messages:
            for advice, message in zip(ordered, messages, strict=True):
                if advice.posture != Posture.LOG:
                    message.text = self.messages.text(message.rule, language, advice.measured, advice.ends_at)
        return messages


def advice_message(advice: StandingAdvice | PastAdvice, text: Text) -> common_pb2.Advice:
    """Return an advice; ``text`` gives the names of its rule and of whom it had counted."""
    evidence = common_pb2.Evidence(
        transaction_id=uuid_text(transaction_of(advice.advice_id)),
        measured=advice.measured,
        threshold=advice.threshold,
    )
    if advice.window_starts_after:
        evidence.window_starts_after.CopyFrom(timestamp(advice.window_starts_after))
    message = common_pb2.Advice(
        advice_id=uuid_text(advice.advice_id),
        entity=advice.entity,  # type: ignore[arg-type]
        context=advice.context,  # type: ignore[arg-type]
        posture=advice.posture,  # type: ignore[arg-type]
        starts_at=timestamp(advice.starts_at),
        rule=text(advice.rule_id),
        rule_version=advice.rule_version,
        evidence=evidence,
    )
    fill_end(message, advice.ends_at)
    if isinstance(advice, StandingAdvice):
        message.factor = advice.factor  # type: ignore[assignment]
        message.scope = advice.scope  # type: ignore[assignment]
        message.scope_entity = scope_entity(advice, text)
    return message


def fill_error(message: transaction_pb2.BatchError, error: PointguardError) -> None:
    """Fill the answer to one request of a batch that was refused."""
    message.code = int(code_of(error))
    message.reason = error.reason
    message.message = str(error)
    for violation in error.violations if isinstance(error, InvalidRequest) else ():
        message.field_violations.add(field=violation.field, description=violation.description)
