"""The numbers that stand in the ledger, one enum per column. Every layer uses them.

They equal the wire contract's numbers (``protos/pointguard/v1``; a unit test compares them) and are never renumbered,
since ledger rows are never rewritten.
"""

from enum import IntEnum, IntFlag


class Operation(IntEnum):
    """What the caller asked the ledger to do. From ``QUOTE`` on: reads, which write no row."""

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
    QUOTE = 64
    CHECK = 65
    BALANCE = 66
    SETTLE = 67  # writes down what time has done, as any write of the account would; asked for by the sweeper alone


FIRST_READ = Operation.QUOTE


SERVER_OPERATIONS = frozenset((Operation.EXPIRE, Operation.MATURE))
"""What the server writes by itself: such a leg has no request."""
OF_RESERVATIONS = frozenset((Operation.CAPTURE, Operation.VOID, Operation.EXTEND))
"""What a caller does about a reservation, by its id: the account is the reservation's."""
SEVERAL_ACCOUNTS = frozenset((Operation.TRANSFER, Operation.REDEEM_HOUSEHOLD))
"""What moves points of several accounts at once: its transaction has a leg for each."""
INTERVENTIONS = frozenset(
    (
        Operation.RAISE_ADVICE,
        Operation.OVERRIDE_ADVICE,
        Operation.REMOVE_ADVICE,
        Operation.SET_ACCOUNT_STATUS,
        Operation.RESOLVE_CASE,
        Operation.CHANGE_GROUPS,
    )
)
"""What the staff do about an account. The member did nothing: no window counts such a leg, and no rule looks at it."""


class Kind(IntEnum):
    """What kind of business a transaction is."""

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
    OVERRIDE = 16  # an intervention that ends advice: of the leg alone, so that old requests keep their digests
    CONVERSION = 17  # an authorise whose points are turned into something else


class Part(IntEnum):
    """A part of a transaction. A leg's ``parts`` column holds the sum of ``1 << part``."""

    REDEEM = 1
    HOUSEHOLD_REDEEM = 2
    BASE = 3
    BONUS = 4
    TARGETED = 5
    DISCRETIONARY = 6
    PPE = 7
    TRANSFER_OUT = 8
    TRANSFER_IN = 9


class Decision(IntEnum):
    """The verdict on a transaction."""

    APPROVED = 1
    DECLINED = 2
    REVIEW = 3


class Reason(IntEnum):
    """Why a decision fell as it did; ``precedence`` orders them. ``STEP_UP`` and a ``Factor`` make its own reason."""

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


_STANDS_WITH = {Reason.RULES_STOPPED: Reason.RULE_ARITHMETIC, Reason.RULE_UNAVAILABLE: Reason.RULE_ARITHMETIC}
_BEHIND = {Reason.UNDER_REVIEW: (Reason.RULE_ARITHMETIC, 2), Reason.RULE_SKIPPED: (Reason.FRAUD_WARNING, 1)}
_CREDIT_LIMITS = range(Reason.CREDIT_LIMIT, Reason.ACCOUNT_MONTHLY_LIMIT + 1)
STOPS = range(Reason.REDEMPTIONS_STOPPED, Reason.TERMINAL_STOPPED + 1)
"""The reasons of stops of redemptions, the widest first: they come before all others."""


def precedence(reason: Reason) -> tuple[int, int]:
    """Return what reasons are ordered by: the one that decides comes first.

    As their numbers, but that RULES_STOPPED and RULE_UNAVAILABLE stand with RULE_ARITHMETIC, what a till can do
    something about, and a case, come behind all that declines for good and before a warning, the limits of what agents
    give stand with the cap of what is redeemed, and RULE_SKIPPED and what only tells are last. What the staff has
    stopped comes before all: no account has to do with it.
    """
    if reason in STOPS:
        return 0, 0
    if reason in _CREDIT_LIMITS:
        return Reason.DAILY_REDEMPTION_CAP, 1
    if Reason.STEP_UP <= reason <= Reason.STEP_UP_SUPERVISOR:
        return Reason.RULE_ARITHMETIC, 1
    return _BEHIND.get(reason, (_STANDS_WITH.get(reason, reason), 0))


class EntryType(IntEnum):
    """What an entry does to a balance."""

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


class Channel(IntEnum):
    """The channel that the member used; 0 is "not said"."""

    IN_STORE = 1
    ONLINE = 2
    MOBILE = 3
    CALL_CENTER = 4


class Context(IntEnum):
    """The business that a fraud rule or an advice bears on."""

    REDEMPTION = 1
    EARNING = 2
    ADJUSTMENT = 3
    TRANSFER = 4


class Posture(IntEnum):
    """What a fraud rule or an advice does; 0 is "off". ``STRENGTH`` orders them.

    REVIEW opens a case and lets the transaction go on; REVIEW_BLOCK opens one and blocks until it is resolved.
    """

    LOG = 1
    WARN = 2
    BLOCK = 3
    REVIEW = 4
    STEP_UP = 5
    REVIEW_BLOCK = 6
    LOCK = 7
    SUSPEND = 8


STRENGTH = (
    Posture.LOG,
    Posture.WARN,
    Posture.REVIEW,
    Posture.STEP_UP,
    Posture.BLOCK,
    Posture.REVIEW_BLOCK,
    Posture.LOCK,
    Posture.SUSPEND,
)
"""The postures, weakest first."""
CASES = frozenset((Posture.REVIEW, Posture.REVIEW_BLOCK))
"""The postures whose advice is a case: it stands until it is resolved."""
LEGS_MAX, ADVICE_A_LEG = 16, 1024
"""How many legs a transaction may have, and how many advices one of them may raise: their ids are counted through."""
UNTIL_RESOLVED = 253_370_764_800_000_000
"""Where an advice that is a case has its end: in the year 9999."""


class Factor(IntEnum):
    """By what a till verifies that the member is who it says; 0 in a rule: by any."""

    PIN = 1
    ID_DOCUMENT = 2
    ONE_TIME_CODE = 3
    SUPERVISOR = 4


class ExemptEntity(IntEnum):
    """What an exemption names."""

    ACCOUNT = 1
    GROUP = 2
    STORE = 3
    CASHIER = 4
    REDEMPTION_TYPE = 5


class AdviceEntity(IntEnum):
    """What an advice speaks about."""

    ACCOUNT = 1
    AGENT = 2


class AdviceEvent(IntEnum):
    """A step in the life of an advice. That it expires is no step: its last one says when."""

    RAISED = 1
    EXTENDED = 2
    OVERRIDDEN = 3
    REMOVED = 4
    PROPOSED = 5  # of a case: one resolved it, and another one must
    RESOLVED = 6


class CaseOutcome(IntEnum):
    """What was found when a case was resolved."""

    CONFIRMED_FRAUD = 1
    FALSE_POSITIVE = 2
    INCONCLUSIVE = 3


class CaseState(IntEnum):
    """Where in its life a case is."""

    OPEN = 1
    PROPOSED = 2
    RESOLVED = 3


class AdviceState(IntEnum):
    """Where in its life an advice is."""

    STANDING = 1
    OVERRIDDEN = 2
    REMOVED = 3
    EXPIRED = 4
    RESOLVED = 5


class AccountStatus(IntEnum):
    """Whether an account may move points."""

    ACTIVE = 1
    SUSPENDED = 2


class InterventionReason(IntEnum):
    """Why the staff did something about an account."""

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


class Measure(IntEnum):
    """What a window adds up."""

    COUNT = 1
    POINTS = 2
    MONEY = 3


class WindowKind(IntEnum):
    """How a window's start follows from its end."""

    ROLLING = 0
    DAY = 1
    WEEK = 2
    MONTH = 3


class Scope(IntEnum):
    """Whose transactions a fraud rule's window counts."""

    ACCOUNT = 1
    PROGRAM = 2
    STORE = 3
    CASHIER = 4
    TERMINAL = 5
    BUSINESS_UNIT = 6
    GROUP = 7
    AGENT = 8
    CARD = 9


CODE_BYTES_MAX = 32
"""Of a text that is numbered, as UTF-8."""


class CodeKind(IntEnum):
    """Vocabularies of a tenant whose texts are numbered in the ``codes`` table."""

    BUSINESS_UNIT = 1
    STORE = 2
    TERMINAL = 3
    CASHIER = 4
    PROVINCE = 5
    TIER = 6
    REDEMPTION_TYPE = 7
    TENDER = 8
    RULE = 9
    COUNTRY = 10
    GROUP_SET = 11
    AGE_BAND = 12
    AUTHOR = 13
    API_KEY = 14


class RuleChangeReason(IntEnum):
    """Why rules were changed. ``FILE`` is the server's own word."""

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


class RuleSetActivationKind(IntEnum):
    """What made a version of the earn rules decide."""

    ACTIVATE = 1
    ROLLBACK = 2
    FILE = 3
    PROMOTE = 4


class ExperimentMetric(IntEnum):
    """What an experiment is to move: a figure of each member."""

    POINTS = 1
    SPEND = 2
    TRANSACTIONS = 3


class ExperimentEventKind(IntEnum):
    """A step in the life of an experiment."""

    STARTED = 1
    ENDED = 2
    PROMOTED = 3


class ExperimentState(IntEnum):
    """Where in its life an experiment is."""

    CREATED = 1
    RUNNING = 2
    OVER = 3


class ExperimentEnd(IntEnum):
    """What brought an experiment to its end."""

    ENDED = 1
    PROMOTED = 2
    ACTIVATED = 3
    ROLLED_BACK = 4
    FILE_CHANGED = 5


class AccountFlag(IntFlag):
    """Switches of an account, in force from the leg that carries them."""

    REDEMPTION_LOCKED = 1
    SUSPENDED = 2


class RequestFlag(IntFlag):
    """Booleans of a request."""

    CAPTURE = 1
    ALLOW_PARTIAL = 2
    COUPON_USED = 4
    IN_MONEY = 8
    LOCKED = 16
    CHANGES_TIER = 32
    CHANGES_GROUPS = 64
    CHANGES_BIRTH_DATE = 128
    SUSPENDED = 256
    PIN_VERIFIED = 512  # and so on, in the order of ``Factor``
    ID_DOCUMENT_VERIFIED = 1024
    ONE_TIME_CODE_VERIFIED = 2048
    SUPERVISOR_VERIFIED = 4096
    WHOLE = 8192
    KEEP_OPEN = 16384
    OFFLINE = 32768


PARTS_SHIFT = 32
"""Where the parts of an activity stand in its request's flags: as a leg's column has them, above all flags."""


class Outcome(IntEnum):
    """What became of a request: written, or refused with nothing written."""

    DONE = 0
    ACCOUNT_UNKNOWN = 1
    RESERVATION_UNKNOWN = 2
    RESERVATION_ENDED = 3
    CAPTURE_ABOVE_RESERVATION = 4
    KEY_REUSED = 5
    IDENTIFIER_TAKEN = 6
    CURRENCY_MISMATCH = 7
    ADVICE_ENDED = 8
    ENDS_IN_THE_PAST = 9
    CASE_RESOLVED = 10
    FOUR_EYES = 11
    ADVICE_IS_CASE = 12
    NOT_RETURNABLE = 13
    RETURN_ABOVE_ORIGINAL = 14
    RETURN_WINDOW_OVER = 15
    RETURN_AMOUNT_MISMATCH = 16
    NO_SUCH_LINE = 17
    RECEIPT_REQUIRED = 18
    REASON_CODE_UNKNOWN = 19
    NOT_CORRECTABLE = 20
    CORRECTION_ABOVE_ORIGINAL = 21
    CARD_LINKING_CAP = 22
    GROUPS_CHANGED = 23
    SAME_ACCOUNT = 24
    NAMED_TWICE = 25
    TOO_MANY_LOTS = 26
    RESERVATION_LIMIT = 27
    ABOVE_ALLOWANCE = 28
    SPENT_ALONGSIDE = 29
