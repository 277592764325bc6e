"""The errors of the domain. ``rpc`` maps each to one status; no other layer knows a status.

PointguardError
├── InvalidRequest          a field is malformed or out of range
├── NotFound                an account, reservation or transaction that this tenant does not have
├── KeyReused               the idempotency key was used for another request
├── IdentifierTaken         the identifier is another account's, or was replaced
├── CardLinkingCap          the business unit has linked as many cards to the account as it may in a month
├── ReservationEnded        the reservation was captured, voided or expired
├── CaptureAboveReservation more points than are left of the reservation
├── ReservationLimit        the reservation would stand longer than the program lets any
├── AboveAllowance          more points than are left of the allowance
├── NotReturnable           the transaction neither gave nor spent points, or was declined
├── ReturnAboveOriginal     more than is left of the original
├── ReturnWindowOver        the original is older than what may be returned
├── ReceiptRequired         the program takes no return without a receipt
├── ReasonCodeUnknown       the program has no such reason code for adjustments
├── NotCorrectable          the transaction moved no points, was declined, or is a correction itself
├── CorrectionAboveOriginal more than the original and its corrections come to
├── AdviceEnded             the advice was overridden or removed, or its time was up
├── AdviceIsCase            the advice is a case, which is resolved
├── CaseResolved            the case has been resolved
├── FourEyes                the case must be resolved by another author with another API key
├── ExemptionEnded          the exemption was ended, or its time was up
├── TooManyExemptions       too many are in force
├── StopEnded               the stop of redemptions was released, or its time was up
├── TooManyStops            too many are in force
├── RuleChangeRefused       a version of the earn rules cannot be activated
│   ├── ActiveVersionDiffers    another version is active than was expected
│   ├── AlreadyActive           it is the active one
│   ├── NotAnEarlierVersion     it is not one to go back to
│   ├── TooManyPlanned          too many activations are planned
│   ├── ActivationNotPlanned    it is not to come: its moment has come, or it was called off
│   ├── RulesNotCompiled        it could not be compiled
│   └── ExperimentRunning       an experiment runs, which decides instead
├── ExperimentStarted       the experiment has been started before
├── ExperimentNotRunning    the experiment is not one that runs
├── ShadowRunning           a shadow runs, and there is one at a time
├── ShadowNotRunning        the shadow was stopped
├── BacktestUnderWay        the program has a backtest already
├── BacktestFailed          a backtest ended without a result
├── NotOnThisDatabase       what is asked for needs the ledger in a file
├── RulesNotChecked         the process that checks rule sets ended
├── Unauthenticated         no credential, or a bad one
├── PermissionDenied        the credential's role does not allow the call
├── Overloaded              too much is waiting; try again after a while
├── Expired                 the deadline passed before the request was looked at
├── Draining                the server is shutting down
└── StorageUnavailable      the ledger could not be read or written
    ├── ProgramChanged      ... by what decides here: another server has changed it
    └── StorageBroken       ... and must not be tried again by this process
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class PointguardError(Exception):
    """Base of all; its text may be shown to a client, and so may its ``evidence``: what was found, by name."""

    reason = "ERROR"
    evidence: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field: its path in the request, and what it must be. Never the value itself."""

    field: str
    description: str


class InvalidRequest(PointguardError):
    """The request is not valid."""

    reason = "INVALID_REQUEST"

    def __init__(self, *violations: Violation) -> None:
        super().__init__("the request is not valid: " + "; ".join(f"{v.field} {v.description}" for v in violations))
        self.violations = violations


class NotFound(PointguardError):
    """Nothing here has that identifier."""

    reason = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("not found")


class KeyReused(PointguardError):
    """The idempotency key was used before, for another request."""

    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("the idempotency key was used before, for another request")


class IdentifierTaken(PointguardError):
    """The identifier belongs to another account, or was replaced: it finds nobody again."""

    reason = "IDENTIFIER_TAKEN"

    def __init__(self) -> None:
        super().__init__("the identifier belongs to another account, or was replaced")


class CardLinkingCap(PointguardError):
    """The business unit has linked as many cards to the account as it may in a month."""

    reason = "CARD_LINKING_CAP"

    def __init__(self, evidence: Mapping[str, str] = MappingProxyType({})) -> None:
        told = f" ({', '.join(f'{name} {value}' for name, value in evidence.items())})" if evidence else ""
        super().__init__(f"the business unit has linked as many cards to the account as it may in a month{told}")
        self.evidence = evidence


class ReservationEnded(PointguardError):
    """The reservation has ended: captured, voided or expired."""

    reason = "RESERVATION_ENDED"

    def __init__(self) -> None:
        super().__init__("the reservation has ended: captured, voided or expired")


class AdviceEnded(PointguardError):
    """The advice stands no more: overridden, removed or expired."""

    reason = "ADVICE_ENDED"

    def __init__(self) -> None:
        super().__init__("the advice stands no more: overridden, removed or expired")


class AdviceIsCase(PointguardError):
    """The advice is a case: it is resolved, not overridden or removed."""

    reason = "ADVICE_IS_CASE"

    def __init__(self) -> None:
        super().__init__("the advice is a case: it is resolved, not overridden or removed")


class CaseResolved(PointguardError):
    """The case has been resolved."""

    reason = "CASE_RESOLVED"

    def __init__(self) -> None:
        super().__init__("the case has been resolved")


class FourEyes(PointguardError):
    """It takes another author: a case that was proposed one with another API key, too; nobody clears himself."""

    reason = "FOUR_EYES"

    def __init__(self) -> None:
        super().__init__("another author must do it, and resolve a case that was proposed with another API key")


class ExemptionEnded(PointguardError):
    """The exemption lets nothing pass any more: it was ended, or its time was up."""

    reason = "EXEMPTION_ENDED"

    def __init__(self) -> None:
        super().__init__("the exemption has ended")


class TooManyExemptions(PointguardError):
    """As many exemptions are in force as may be."""

    reason = "TOO_MANY_EXEMPTIONS"

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most} exemptions may be in force")


class StopEnded(PointguardError):
    """The stop stops no redemption any more: it was released, or its time was up."""

    reason = "STOP_ENDED"

    def __init__(self) -> None:
        super().__init__("the stop has ended")


class TooManyStops(PointguardError):
    """As many stops of redemptions are in force as may be."""

    reason = "TOO_MANY_STOPS"

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most} stops of redemptions may be in force")


class CaptureAboveReservation(PointguardError):
    """More points than are left of the reservation."""

    reason = "CAPTURE_ABOVE_RESERVATION"

    def __init__(self) -> None:
        super().__init__("more points than are left of the reservation")


class ReservationLimit(PointguardError):
    """The reservation would stand longer from its authorise on than the program lets any."""

    reason = "RESERVATION_LIMIT"

    def __init__(self) -> None:
        super().__init__("the reservation would stand longer than the program lets any")


class AboveAllowance(PointguardError):
    """More points than are left of the allowance."""

    reason = "ABOVE_ALLOWANCE"

    def __init__(self) -> None:
        super().__init__("more points than are left of the allowance")


class NotReturnable(PointguardError):
    """The transaction neither gave nor spent points, or was declined. A reservation is voided, its capture returned."""

    reason = "NOT_RETURNABLE"

    def __init__(self) -> None:
        super().__init__("the original gave and spent no points: only an approved accrual or a capture can be returned")


class ReturnAboveOriginal(PointguardError):
    """More than is left of the original, or of one of its lines."""

    reason = "RETURN_ABOVE_ORIGINAL"

    def __init__(self) -> None:
        super().__init__("amount is more than is left of the original")


class ReturnWindowOver(PointguardError):
    """The original is older than what the program lets be returned."""

    reason = "RETURN_WINDOW_OVER"

    def __init__(self) -> None:
        super().__init__("the original is older than what may be returned")


class ReceiptRequired(PointguardError):
    """The program takes no return without a receipt."""

    reason = "RECEIPT_REQUIRED"

    def __init__(self) -> None:
        super().__init__("original_transaction_id must be given: the program takes no return without a receipt")


class ReasonCodeUnknown(PointguardError):
    """The program's list of reason codes for adjustments has no such one."""

    reason = "REASON_CODE_UNKNOWN"

    def __init__(self) -> None:
        super().__init__("reason_code must be one of the program's")


class NotCorrectable(PointguardError):
    """The transaction moved no points, was declined, or is a correction, whose original is corrected again instead."""

    reason = "NOT_CORRECTABLE"

    def __init__(self) -> None:
        super().__init__("only an approved transaction that may move points and is no correction can be corrected")


class CorrectionAboveOriginal(PointguardError):
    """A transaction with all that returned and corrected it would come to the opposite."""

    reason = "CORRECTION_ABOVE_ORIGINAL"

    def __init__(self) -> None:
        super().__init__("signed_points undo more than is left of the original")


class RuleChangeRefused(PointguardError):
    """A version of the earn rules cannot be activated; nothing was written."""

    reason = "RULE_CHANGE_REFUSED"


class ActiveVersionDiffers(RuleChangeRefused):
    """Another version is active than the one that was expected."""

    reason = "ACTIVE_VERSION_DIFFERS"

    def __init__(self, active_version: int) -> None:
        super().__init__(f"version {active_version} is active, not the one that was expected")


class AlreadyActive(RuleChangeRefused):
    """The version is the active one."""

    reason = "ALREADY_ACTIVE"

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is active already")


class NotAnEarlierVersion(RuleChangeRefused):
    """The version is not one to go back to: its number is above the active one's, and it was never active."""

    reason = "NOT_AN_EARLIER_VERSION"

    def __init__(self, version: int, active_version: int) -> None:
        super().__init__(f"version {version} is newer than {active_version}, the active one, and was never active")


class TooManyPlanned(RuleChangeRefused):
    """As many activations are planned as may be."""

    reason = "TOO_MANY_PLANNED"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} activations are planned already, and there may be no more")


class ActivationNotPlanned(RuleChangeRefused):
    """The activation cannot be called off: its moment has come, or it was called off before."""

    reason = "ACTIVATION_NOT_PLANNED"

    def __init__(self, activation: int, *, is_cancelled: bool) -> None:
        why = "was called off before" if is_cancelled else "is in force: its moment has come"
        super().__init__(f"activation {activation} {why}")


class TooManyPatterns(RuleChangeRefused):
    """The rule sets that may decide have more patterns over lines, together, than a line has bits for."""

    reason = "TOO_MANY_PATTERNS"

    def __init__(self, most: int) -> None:
        super().__init__(f"the versions that decide or are planned would have more than {most} patterns over lines")


class RulesNotCompiled(RuleChangeRefused):
    """The version could not be compiled; the active one goes on deciding."""

    reason = "RULES_NOT_COMPILED"

    def __init__(self, version: int, active_version: int, why: str) -> None:
        super().__init__(f"version {version} could not be compiled ({why}); version {active_version} goes on deciding")


class ExperimentRunning(RuleChangeRefused):
    """An experiment runs; it must be over before another version is activated or another experiment started."""

    reason = "EXPERIMENT_RUNNING"

    def __init__(self, experiment_id: int) -> None:
        super().__init__(f"experiment {experiment_id} runs: end it, promote one of its arms, or roll back")


class ExperimentStarted(PointguardError):
    """The experiment has been started before, and an experiment runs once."""

    reason = "EXPERIMENT_STARTED"

    def __init__(self, experiment_id: int) -> None:
        super().__init__(f"experiment {experiment_id} has been started before; make another with the same arms")


class ShadowRunning(PointguardError):
    """A shadow runs, and a program has one at a time."""

    reason = "SHADOW_RUNNING"

    def __init__(self, shadow_id: int) -> None:
        super().__init__(f"shadow {shadow_id} runs: stop it first")


class ShadowNotRunning(PointguardError):
    """The shadow was stopped."""

    reason = "SHADOW_NOT_RUNNING"

    def __init__(self, shadow_id: int) -> None:
        super().__init__(f"shadow {shadow_id} does not run")


class ExperimentNotRunning(PointguardError):
    """The experiment has not been started, or is over."""

    reason = "EXPERIMENT_NOT_RUNNING"

    def __init__(self, experiment_id: int) -> None:
        super().__init__(f"experiment {experiment_id} does not run")


class BacktestUnderWay(PointguardError):
    """The program has a backtest already; it ends by itself, or when its call is given up."""

    reason = "BACKTEST_UNDER_WAY"

    def __init__(self) -> None:
        super().__init__("another backtest is under way; there may be one at a time")


class BacktestFailed(PointguardError):
    """A backtest ended without a result; the log says why."""

    reason = "BACKTEST_FAILED"

    def __init__(self) -> None:
        super().__init__("the backtest ended without a result; it may be tried again")


class NotOnThisDatabase(PointguardError):
    """What is asked for needs the ledger in a file of this machine; this server keeps it in PostgreSQL."""

    reason = "NOT_ON_THIS_DATABASE"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"{wanted} is not to be had yet from a server that keeps its ledger in PostgreSQL")


class RulesNotChecked(PointguardError):
    """The process that checks rule sets ended before it answered; a retry goes to another one."""

    reason = "RULES_NOT_CHECKED"

    def __init__(self) -> None:
        super().__init__("the process that checks rule sets ended before it answered; try again")


class Unauthenticated(PointguardError):
    """No valid credential."""

    reason = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("no valid credential")


class PermissionDenied(PointguardError):
    """The credential's role does not allow this call."""

    reason = "PERMISSION_DENIED"

    def __init__(self) -> None:
        super().__init__("the credential's role does not allow this call")


class Overloaded(PointguardError):
    """Too much is waiting; try again after ``retry_after_s`` seconds."""

    reason = "OVERLOADED"

    def __init__(self, retry_after_s: float = 0.25) -> None:
        super().__init__("too much is waiting; try again later")
        self.retry_after_s = retry_after_s


class Expired(PointguardError):
    """The deadline passed before the answer; a retry with the same key finds out what happened."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("the deadline passed; a retry with the same key finds out what happened")


class Draining(PointguardError):
    """The server is shutting down."""

    reason = "DRAINING"

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class StorageUnavailable(PointguardError):
    """The ledger could not be written; a retry with the same key finds out what happened."""

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("the ledger could not be written; a retry with the same key finds out what happened")


class ProgramChanged(StorageUnavailable):
    """It was read for what does not decide: another server has changed that, or a change here came to nothing."""

    reason = "PROGRAM_CHANGED"


class StorageBroken(StorageUnavailable):
    """A flush to disk failed: what is on disk is unknown, and only a restart reads it anew."""
