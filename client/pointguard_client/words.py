"""The contract's enumerations as Python enums: same names without the prefix, same numbers. Anyone may use them.

A number that this version of the client does not know, sent by a newer server, reads as UNSPECIFIED.
"""

from enum import IntEnum
from typing import Self


class ContractEnum(IntEnum):
    """An enumeration of the contract; each member's value is its number on the wire."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls(0) if isinstance(value, int) and value != 0 else None

    def __str__(self) -> str:
        return self.name


class Channel(ContractEnum):
    """The channel that the member used."""

    UNSPECIFIED = 0
    IN_STORE = 1
    ONLINE = 2
    MOBILE = 3
    CALL_CENTER = 4


class TransactionKind(ContractEnum):
    """What kind of business a transaction is. UNSPECIFIED in a request: the RPC's own default."""

    UNSPECIFIED = 0
    PURCHASE = 1
    ACTIVITY = 2
    ADJUSTMENT = 3
    DISCRETIONARY = 4
    POINTS_TRANSFER = 5
    ADHOC_REDEEM = 6
    RETURN = 7
    EXPIRY = 8
    CORRECTION = 9
    EMAIL_UPDATE = 10
    PROFILE_UPDATE = 11
    CARD_LINK = 12
    CARD_REPLACE = 13
    REDEMPTION_LOCK = 14
    INTERVENTION = 15
    OVERRIDE = 16
    CONVERSION = 17


class Operation(ContractEnum):
    """What a caller asked the ledger to do."""

    UNSPECIFIED = 0
    AUTHORISE = 1
    CAPTURE = 2
    VOID = 3
    EXPIRE = 4
    ACCRUE = 5
    ENROLL = 6
    LINK_IDENTIFIER = 7
    SET_REDEMPTION_LOCK = 8
    MATURE = 9
    UPDATE_MEMBER = 10
    RAISE_ADVICE = 11
    OVERRIDE_ADVICE = 12
    REMOVE_ADVICE = 13
    SET_ACCOUNT_STATUS = 14
    RESOLVE_CASE = 15
    RETURN = 16
    RECORD_ACTIVITY = 17
    ADJUST = 18
    CHANGE_GROUPS = 19
    TRANSFER = 20
    REDEEM_HOUSEHOLD = 21
    EXTEND = 22


class Decision(ContractEnum):
    """The verdict on a transaction."""

    UNSPECIFIED = 0
    APPROVED = 1
    DECLINED = 2
    REVIEW = 3


class ReasonCode(ContractEnum):
    """Why a decision fell as it did."""

    UNSPECIFIED = 0
    ACCOUNT_SUSPENDED = 1
    REDEMPTION_LOCKED = 2
    ADVICE_BLOCK = 3
    OUT_OF_PROVINCE = 4
    FRAUD_RULE = 5
    DAILY_REDEMPTION_CAP = 6
    INSUFFICIENT_POINTS = 7
    RULE_ARITHMETIC = 8
    FRAUD_WARNING = 9
    RULES_STOPPED = 10
    STEP_UP = 11
    STEP_UP_PIN = 12
    STEP_UP_ID_DOCUMENT = 13
    STEP_UP_ONE_TIME_CODE = 14
    STEP_UP_SUPERVISOR = 15
    UNDER_REVIEW = 16
    CREDIT_LIMIT = 17
    AGENT_DAILY_LIMIT = 18
    AGENT_MONTHLY_LIMIT = 19
    ACCOUNT_MONTHLY_LIMIT = 20
    RULE_UNAVAILABLE = 21
    RULE_SKIPPED = 22
    REDEMPTIONS_STOPPED = 23
    BUSINESS_UNIT_STOPPED = 24
    STORE_STOPPED = 25
    TERMINAL_STOPPED = 26
    ALLOWANCE_ENDED = 27


class AdviceEntity(ContractEnum):
    """What an advice speaks about."""

    UNSPECIFIED = 0
    ACCOUNT = 1
    AGENT = 2


class AdviceContext(ContractEnum):
    """The business that an advice bears on. UNSPECIFIED in a request: every context."""

    UNSPECIFIED = 0
    REDEMPTION = 1
    EARNING = 2
    ADJUSTMENT = 3
    TRANSFER = 4


class Factor(ContractEnum):
    """By what a till verifies that the member is who it says. UNSPECIFIED: any."""

    UNSPECIFIED = 0
    PIN = 1
    ID_DOCUMENT = 2
    ONE_TIME_CODE = 3
    SUPERVISOR = 4


class AdvicePosture(ContractEnum):
    """What an advice does; UNSPECIFIED: nothing stands.

    From weakest to strongest: LOG, WARN, REVIEW, STEP_UP, BLOCK, REVIEW_BLOCK, LOCK, SUSPEND.
    """

    UNSPECIFIED = 0
    LOG = 1
    WARN = 2
    BLOCK = 3
    REVIEW = 4
    STEP_UP = 5
    REVIEW_BLOCK = 6
    LOCK = 7
    SUSPEND = 8


class FraudScope(ContractEnum):
    """Whose transactions a fraud rule's window counts. UNSPECIFIED: it has no window."""

    UNSPECIFIED = 0
    ACCOUNT = 1
    PROGRAM = 2
    STORE = 3
    CASHIER = 4
    TERMINAL = 5
    BUSINESS_UNIT = 6
    GROUP = 7
    AGENT = 8
    CARD = 9


class AdviceEvent(ContractEnum):
    """A step in the life of an advice."""

    UNSPECIFIED = 0
    RAISED = 1
    EXTENDED = 2
    OVERRIDDEN = 3
    REMOVED = 4
    PROPOSED = 5
    RESOLVED = 6


class CaseOutcome(ContractEnum):
    """What was found when a case was resolved."""

    UNSPECIFIED = 0
    CONFIRMED_FRAUD = 1
    FALSE_POSITIVE = 2
    INCONCLUSIVE = 3


class CaseState(ContractEnum):
    """Where in its life a case is."""

    UNSPECIFIED = 0
    OPEN = 1
    PROPOSED = 2
    RESOLVED = 3


class AdviceState(ContractEnum):
    """Where in its life an advice is."""

    UNSPECIFIED = 0
    STANDING = 1
    OVERRIDDEN = 2
    REMOVED = 3
    EXPIRED = 4
    RESOLVED = 5


class AccountStatus(ContractEnum):
    """Whether an account may redeem and earn."""

    UNSPECIFIED = 0
    ACTIVE = 1
    SUSPENDED = 2


class InterventionReason(ContractEnum):
    """Why the staff did something about an account."""

    UNSPECIFIED = 0
    SUSPECTED_FRAUD = 1
    ACCOUNT_TAKEOVER = 2
    POLICY_ABUSE = 3
    MEMBER_REQUEST = 4
    COMPLIANCE = 5
    FALSE_POSITIVE = 6
    MEMBER_VERIFIED = 7
    RESOLVED = 8
    CORRECTION = 9
    OTHER = 10


class TransactionPart(ContractEnum):
    """The part of a transaction that an award or entry belongs to."""

    UNSPECIFIED = 0
    REDEEM = 1
    HOUSEHOLD_REDEEM = 2
    BASE = 3
    BONUS = 4
    TARGETED = 5
    DISCRETIONARY = 6
    PPE = 7
    TRANSFER_OUT = 8
    TRANSFER_IN = 9


class DifferenceKind(ContractEnum):
    """How a transaction differs from what a terminal says of it."""

    UNSPECIFIED = 0
    NOT_IN_LEDGER = 1
    NOT_SAID = 2
    OTHER_DAY = 3
    OTHER_PLACE = 4
    DECISION = 5
    POINTS = 6
    MONEY = 7


class EntryType(ContractEnum):
    """What an entry does to a balance."""

    UNSPECIFIED = 0
    EARN = 1
    BONUS = 2
    CONVERT = 3
    CREDIT = 4
    REDEEM = 5
    EXPIRE = 6
    VOID = 7
    REVERSE = 8
    ADJUST = 9
    TRANSFER_IN = 10
    TRANSFER_OUT = 11


class IdentifierKind(ContractEnum):
    """What an identifier is; each value is the identifier's field number in MemberReference."""

    UNSPECIFIED = 0
    ACCOUNT_ID = 1
    LOYALTY_ID = 2
    EXTERNAL_ID = 3
    CARD = 4
    PHONE = 5
    EMAIL = 6
    DEVICE_GUID = 7


class RuleChangeReason(ContractEnum):
    """Why rules were changed. FILE is the server's own word, for a change of its file of earn rules."""

    UNSPECIFIED = 0
    NEW_OFFER = 1
    OFFER_CHANGE = 2
    OFFER_END = 3
    CORRECTION = 4
    COST = 5
    COMPLIANCE = 6
    INCIDENT = 7
    TRIAL = 8
    OTHER = 9
    FILE = 10


class RuleSetActivationKind(ContractEnum):
    """What made a version of the earn rules decide."""

    UNSPECIFIED = 0
    ACTIVATE = 1
    ROLLBACK = 2
    FILE = 3
    PROMOTE = 4


class RuleLimit(ContractEnum):
    """Why a rule gave less than its award. UNSPECIFIED: it did not."""

    UNSPECIFIED = 0
    CAP_PER_TRANSACTION = 1
    CAP_PER_DAY = 2
    CAP_PER_MONTH = 3
    CAP_PER_LIFETIME = 4
    BETTER_IN_GROUP = 5
    EXCLUDED = 6


class BacktestCaveat(ContractEnum):
    """What a backtest takes as it is, though another version might have made it otherwise."""

    UNSPECIFIED = 0
    ACCOUNTS_AS_THEY_WERE = 1
    STORES_AS_THEY_ARE = 2
    BIRTH_DATES_MISSING = 3


class ExperimentMetric(ContractEnum):
    """What an experiment is to move: a figure of each member."""

    UNSPECIFIED = 0
    POINTS = 1
    SPEND = 2
    TRANSACTIONS = 3


class ExperimentState(ContractEnum):
    """Where in its life an experiment is."""

    UNSPECIFIED = 0
    CREATED = 1
    RUNNING = 2
    OVER = 3


class ExperimentEnd(ContractEnum):
    """What brought an experiment to its end. UNSPECIFIED: it is not over."""

    UNSPECIFIED = 0
    ENDED = 1
    PROMOTED = 2
    ACTIVATED = 3
    ROLLED_BACK = 4
    FILE_CHANGED = 5


class DiscrepancyKind(ContractEnum):
    """What does not fit in what a terminal has uploaded."""

    UNSPECIFIED = 0
    GAP = 1
    OVERLAP = 2
    REFUSED = 3
    UNCOVERED = 4
    APPROVED_LATE = 5
    CLOCK_AHEAD = 6
    CLOCK_BEHIND = 7
    ABOVE_ALLOWANCE = 8
