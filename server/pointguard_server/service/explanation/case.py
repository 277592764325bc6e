"""A past decision as a case to be tried again: what it saw, and what the second decision comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from pointguard_server.domain.calendar import MICROSECOND
from pointguard_server.domain.codes import (
    ADVICE_A_LEG,
    CASES,
    UNTIL_RESOLVED,
    AdviceEntity,
    AdviceEvent,
    Context,
    Decision,
    EntryType,
    Factor,
    Part,
    Posture,
    Reason,
    RequestFlag,
    Scope,
    precedence,
)
from pointguard_server.domain.interventions import Intervention
from pointguard_server.rules.checked import NOT_COMPUTED
from pointguard_server.rules.conditions import HOLDS
from pointguard_server.rules.fixed_point import MOST, SCALE
from pointguard_server.rules.inputs import WindowMeasure, window_text
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.directive import Exemption
from pointguard_server.service.explanation.checks import Check, measure_count, rule_windows
from pointguard_server.service.explanation.past import (
    APPROVED,
    BLOCKED,
    RECORDED,
    STOPPED_FLAG,
    AccountState,
    OpenReservation,
    Past,
    PastEvent,
    counts_at,
)
from pointguard_server.service.explanation.ports import PastAdvice
from pointguard_server.service.explanation.scopes import ScopedPast, most_of
from pointguard_server.service.explanation.windows import Counting, SeenWindow, look
from pointguard_server.service.fraud_settings import FailMode
from pointguard_server.service.program_config import ProgramConfig
from pointguard_server.service.programs import looks_back
from pointguard_server.service.rule_simulation import MONEY_MAX, POINTS_MAX, Known, Order, Simulation, points_of

FORBIDDING: Final = {
    Posture.BLOCK: Reason.ADVICE_BLOCK,
    Posture.REVIEW_BLOCK: Reason.ADVICE_BLOCK,
    Posture.LOCK: Reason.REDEMPTION_LOCKED,
    Posture.SUSPEND: Reason.ACCOUNT_SUSPENDED,
}
"""The postures that decline, with what is told where their advice stands."""
WARNING: Final = {Posture.WARN: Reason.FRAUD_WARNING, Posture.REVIEW: Reason.UNDER_REVIEW}
"""Those that only tell."""
STOPPED: Final = NOT_COMPUTED - 1
"""What a condition came to whose sandbox was stopped."""
_WITHOUT_CONDITION: Final[dict[int | None, Reason]] = {
    NOT_COMPUTED: Reason.RULE_ARITHMETIC,
    STOPPED: Reason.RULES_STOPPED,
}
"""What is told of a rule that forbids because nobody knows whether its condition holds."""
_VERIFIED: Final = {
    Factor.PIN: RequestFlag.PIN_VERIFIED,
    Factor.ID_DOCUMENT: RequestFlag.ID_DOCUMENT_VERIFIED,
    Factor.ONE_TIME_CODE: RequestFlag.ONE_TIME_CODE_VERIFIED,
    Factor.SUPERVISOR: RequestFlag.SUPERVISOR_VERIFIED,
}
NO_CONTEXT: Final = 0
"""The context of a fact of the account."""
BY_STAFF: Final = -1
"""Stands for that of an intervention: checks of agents alone look at it."""
NO_PART: Final = 0
"""The part of an entry by which points end or settle what was owed."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision saw. ``request`` holds the request's numbers; it is empty for what the server did itself.

    ``texts`` has the texts of the numbers that occur, ``order`` is an accrual's, its windows filled;
    ``reservation_seq`` is that of the reservation that a capture or a void names, 0 if it is not the account's.
    """

    transaction_id: bytes
    operation: int
    moment: int
    request: dict[str, int]
    past: Past
    config: ProgramConfig
    checks: tuple[Check, ...]
    zone: ZoneInfo
    store_province_id: int
    texts: dict[int, str]
    reservation_seq: int = 0
    refers_to_seq: int = 0
    rule_set: RuleSet | None = None
    order: Order | None = None
    earn_windows: tuple[tuple[str, int, SeenWindow], ...] = ()  # as text, its number, what it held
    conditions: RuleSet | None = None  # of the fraud rules
    asked: Order | None = None  # what conditions see of the request, where there are any
    counters: tuple[tuple[int, int], ...] = ()  # the numbers of what caps asked for, and what it was
    said: Intervention | None = None  # by the staff, of an intervention
    scoped: Mapping[tuple[Scope, Counting], tuple[ScopedPast, ...]] = field(default_factory=dict)
    recorded: Mapping[int, int] = field(default_factory=dict)  # what windows held, by their numbers
    exemptions: tuple[Exemption, ...] = ()  # in force, that name what the request is about
    stopped_by: tuple[Reason, ...] = ()  # the reasons of the stops in force that name where the request was made
    about_agent: tuple[PastAdvice, ...] = ()  # who asks: what had not ended, the first that was raised first
    card_id: int = 0  # that the account was named by
    device_id: int = 0  # likewise
    leg_number: int = 0
    earn_stopped: bool = False  # whether the sandbox with little fuel stopped the earn rules, as is recorded
    conditions_stopped: bool = False  # likewise those of the fraud rules


@dataclass(frozen=True, slots=True)
class MadeEntry:
    """An entry that the second decision makes; ``rule`` is empty where no earn rule gave the points."""

    entry_type: EntryType
    part: Part | int
    signed_points: int
    running_balance: int
    rule: str = ""


@dataclass(frozen=True, slots=True)
class MadeAdvice:
    """A step of an advice that the second decision takes."""

    event: AdviceEvent
    advice_id: bytes
    rule: str
    context: int
    posture: int
    starts_at: int
    ends_at: int
    measured: int
    threshold: int
    window_starts_after: int


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """What became of one check. ``window`` is None where provinces are compared.

    ``seen`` is the window's value with this transaction counted, and None if the check does not count it; ``held`` says
    what became of its condition, None if it has none: 1, 0, or NOT_COMPUTED. ``forbids``
    and ``warns`` are what it does to this transaction; ``stood`` means that its advice stood already, and
    ``suppressed`` that it was overridden: the check has no effect then. ``verified``: it asks for a factor, and the
    till has verified the member by it. ``exempted_by`` is the number of the exemption that lets pass what exceeds it, 0
    for none.
    """

    check: Check
    window: SeenWindow | None
    seen: int | None
    tripped: bool
    forbids: bool
    warns: bool
    raises: bool
    stood: PastAdvice | None
    held: int | None = None
    suppressed: bool = False
    entity: str = ""  # of a wider scope: whose window it is
    verified: bool = False
    exempted_by: int = 0
    unavailable: bool = False  # nobody knew what its window held


@dataclass(slots=True)
class Retrial:
    """The second decision, as it takes shape. ``points`` and ``money`` are the leg's, whatever was decided."""

    after: AccountState
    decision: Decision = Decision.APPROVED
    reasons: list[tuple[Reason, str]] = field(default_factory=list)
    kind: int = 0
    parts: int = 0
    points: int = 0
    money: int = 0
    released: int = 0
    event_flags: int = APPROVED
    refers_to_seq: int = 0
    hold_expires_at: int = 0
    redemption_type_id: int = 0
    open_from_seq: int = 0
    entries: list[MadeEntry] = field(default_factory=list)
    advice: list[MadeAdvice] = field(default_factory=list)
    windows: dict[int, int] = field(default_factory=dict)
    checked: list[CheckedRule] = field(default_factory=list)
    earned: Simulation | None = None
    ended: OpenReservation | None = None
    left_open: OpenReservation | None = None  # what is open of it after a capture that was not the last
    groups: str | None = None  # the text of the member's set of groups, where it was changed by adding or removing one

    def add_reason(self, code: Reason, rule: str = "") -> None:
        """Add a reason once, in order of precedence."""
        if (code, rule) not in self.reasons:
            self.reasons = sorted([*self.reasons, (code, rule)], key=lambda reason: precedence(reason[0]))

    def post(self, entry_type: EntryType, part: Part | int, signed_points: int, rule: str = "") -> None:
        """Make an entry and move the account's points by it."""
        self.after = replace(self.after, posted=self.after.posted + signed_points)
        self.entries.append(MadeEntry(entry_type, part, signed_points, self.after.posted, rule))


def heed_stops(case: Case, retrial: Retrial) -> int:
    """Add the reasons of the stops of redemptions in force; return STOPPED_FLAG if there are any, or else 0."""
    for reason in case.stopped_by:
        retrial.add_reason(reason)
    return STOPPED_FLAG if case.stopped_by else 0


def heed_standing(case: Case, retrial: Retrial, context: int) -> tuple[bool, bool]:
    """Add the reasons of the advice that stands in a context.

    Return (it forbids, it asks for a factor by which the till has not verified the member).
    """
    forbidden = unverified = False
    for advice in case.past.standing:
        posture, rule = Posture(advice.posture), case.texts[advice.rule_id]
        if (
            advice.entity == AdviceEntity.AGENT
            or advice.overridden
            or (advice.context != context and posture is not Posture.SUSPEND)
        ):
            continue
        if posture in FORBIDDING:
            retrial.add_reason(FORBIDDING[posture], rule)
            forbidden = True
        elif posture in WARNING:
            retrial.add_reason(WARNING[posture], rule)
        elif posture is Posture.STEP_UP:
            raised_by = check_of(case, advice)
            factor = raised_by.step_up if raised_by else None
            if not is_verified(case, factor):
                retrial.add_reason(Reason(Reason.STEP_UP + (factor or 0)), rule)
                unverified = True
    return forbidden, unverified


def check_of(case: Case, advice: PastAdvice) -> Check | None:
    """Return the check that raised an advice, as the configuration has it."""
    return next(
        (
            check
            for check in case.checks
            if check.name == case.texts[advice.rule_id] and check.context == advice.context
        ),
        None,
    )


def is_verified(case: Case, factor: Factor | None) -> bool:
    """Return whether the till had verified the member by a factor; None: by any."""
    wanted = _VERIFIED.values() if factor is None else (_VERIFIED[factor],)
    return any(case.request["flags"] & flag for flag in wanted)


def judge(case: Case, retrial: Retrial, context: int, flags: int) -> bool:
    """Look at every check; return whether one forbids. ``flags`` say how the transaction counts if none trips.

    A check of another context does not touch this transaction, but trips and raises advice all the same.
    """
    held = conditions_held(case, retrial, flags)
    results = {
        ordinal: _look(case, retrial, check, context, flags, None if check.condition is None else held[check.condition])
        for ordinal, check in enumerate(case.checks, 1)
        if context != BY_STAFF or check.scope is Scope.AGENT
    }
    for ordinal, result in results.items():
        check = result.check
        if result.unavailable and (result.forbids or result.warns):
            retrial.add_reason(Reason.RULE_UNAVAILABLE if result.forbids else Reason.RULE_SKIPPED, check.name)
        elif result.forbids:
            retrial.add_reason(_WITHOUT_CONDITION.get(result.held, check.reason), check.name)
        elif result.warns:
            retrial.add_reason(WARNING[check.posture], check.name)
        if check.measure >= 0 and result.seen is not None:
            retrial.windows[check.measure] = result.seen
            if check.scope is Scope.GROUP and check.counting is not None:
                names = [past.entity for past in case.scoped[check.scope, check.counting]]
                retrial.windows[check.measure + 1] = names.index(result.entity) + 1
        if result.raises:
            retrial.advice.append(_advice(case, result, ordinal))
    retrial.checked += results.values()
    return any(result.forbids for result in results.values())


def _has_deeds(check: Check, window: SeenWindow) -> bool:
    """Return whether a window holds what an agent did and no transaction says: his next one is judged by it."""
    return check.scope is Scope.AGENT and any(each.amount and not each.transaction_id for each in window.transactions)


def _look(case: Case, retrial: Retrial, check: Check, context: int, flags: int, held: int | None) -> CheckedRule:
    window, seen, entity, unavailable = None, None, "", False
    if check.is_condition:
        if check.context == context and (check.extends or not flags & BLOCKED):
            seen = 1
    elif check.counting is None:
        if check.context == context:
            seen = int(_other_province(case))
    else:
        if check.scope is Scope.ACCOUNT:
            window = _window_of(case, retrial, check.counting, flags)
        else:
            window, entity = _look_wider(case, retrial, check, check.counting)
        counts = window is not None and _counts(case, retrial, check.counting, flags, window)
        if window is not None and (counts or _has_deeds(check, window)):
            # What a wide window held is recorded, unless it was not known.
            unavailable = check.scope is not Scope.ACCOUNT and check.measure not in case.recorded
            if not unavailable:
                seen = window.value + (check.counting.amount(retrial.points, retrial.money) if counts else 0)
    exceeded = seen is not None and seen > check.threshold
    tripped = exceeded and held in (None, HOLDS)
    advice = advice_of(case, check)
    suppressed = advice is not None and advice.overridden
    exempted_by = exemption_from(case, check)
    passed_over = suppressed or exempted_by > 0
    # A fact is recorded whatever trips: it has no context.
    suspends = context > NO_CONTEXT and check.posture is Posture.SUSPEND
    bears = (check.context == context or suspends) and not check.is_shadow and not passed_over
    unknown, bears = bears and unavailable and held != 0, bears and exceeded
    verified = check.posture is Posture.STEP_UP and is_verified(case, check.step_up)
    stops = check.posture in FORBIDDING or (check.posture is Posture.STEP_UP and not verified)
    return CheckedRule(
        check=check,
        window=window,
        seen=seen,
        tripped=tripped,
        # What cannot be computed is no leave to pass.
        forbids=stops
        and (
            (bears and (tripped or held in _WITHOUT_CONDITION))
            or (unknown and case.config.fraud.fail[check.context] is FailMode.CLOSED)
        ),
        # That a case is open about an agent is not told to him.
        warns=unknown
        or (
            bears
            and tripped
            and advice is None
            and check.posture in WARNING
            and not (check.scope is Scope.AGENT and check.posture is Posture.REVIEW)
        ),
        raises=tripped and not check.is_shadow and not passed_over and (advice is None or _extends(check, advice)),
        stood=None if suppressed else advice,
        held=held,
        suppressed=suppressed,
        entity=entity,
        verified=bears and tripped and verified,
        exempted_by=exempted_by if exceeded and held != 0 else 0,
        unavailable=unavailable,
    )


def _counts(case: Case, retrial: Retrial, counting: Counting, flags: int, window: SeenWindow) -> bool:
    """Return whether a window counts the transaction; recorded activity may be too old for it."""
    approved, blocked = bool(flags & APPROVED), bool(flags & BLOCKED)
    matches = counting.matches(retrial.kind, retrial.parts, approved=approved, blocked=blocked)
    return matches and window.starts_after < _event(case, retrial, flags).counts_at


def _window_of(case: Case, retrial: Retrial, counting: Counting, flags: int) -> SeenWindow:
    """Return the account's window by which the transaction is judged, without itself.

    It ends now. Recorded activity is judged by the fullest of those that hold it and are known whole, the first of
    equals: they end when something happened after it, or now.
    """
    now = look(counting, case.past.events, case.moment, case.zone)
    event = _event(case, retrial, flags)
    if not event.recorded:
        return now
    oldest = case.moment - _looks_back(case)
    ends = sorted({event.counts_at, *(each.counts_at for each in case.past.events if each.counts_at > event.counts_at)})
    passed = [look(counting, case.past.events, end, case.zone) for end in ends]
    windows = [each for each in passed if oldest <= each.starts_after < event.counts_at]
    if now.starts_after < event.counts_at:
        windows.append(now)
    return max(windows, key=lambda window: window.value, default=now)


def _looks_back(case: Case) -> int:
    return looks_back(case.config) // MICROSECOND


def _look_wider(case: Case, retrial: Retrial, check: Check, counting: Counting) -> tuple[SeenWindow | None, str]:
    """Return the window of the entity that the transaction names, and its name; None if it names none.

    Of several groups it is the one that has most; of several windows, by which what is told late is judged, too.
    """
    pasts = case.scoped.get((check.scope, counting), ())
    if not pasts:
        return None, ""
    if any(past.events is None for past in pasts):
        # What is recorded counts the transaction itself.
        before = case.recorded.get(check.measure, 0) - counting.amount(retrial.points, retrial.money)
        chosen = case.recorded.get(check.measure + 1, 1) - 1 if check.scope is Scope.GROUP else 0
        start, end = pasts[chosen].windows[-1]
        return SeenWindow(start, end, (), before), pasts[chosen].entity
    found = [
        (look(counting, past.events or (), end, case.zone, start), past.entity)
        for past in pasts
        for start, end in past.windows
    ]
    return found[most_of(window.value for window, _ in found)]


def exemption_from(case: Case, check: Check) -> int:
    """Return the number of the first exemption that lets the transaction pass a check; 0 if none does.

    None lets pass what agents do.
    """
    if check.context is Context.ADJUSTMENT:
        return 0
    return next(
        (
            each.number
            for each in case.exemptions
            if each.context in (0, check.context) and each.rule_id in (0, _number_of(case, check))
        ),
        0,
    )


def _number_of(case: Case, check: Check) -> int:
    """Return the number that an exemption has for a check; -1 if none names it."""
    return next((each.rule_id for each in case.exemptions if case.texts[each.rule_id] == check.name), -1)


def _extends(check: Check, advice: PastAdvice) -> bool:
    """Return whether a check that trips again moves the end of its advice."""
    return check.extends and advice.posture not in CASES


def advice_of(case: Case, check: Check) -> PastAdvice | None:
    """Return the advice of a check that has not ended, overridden or not: about the agent, if his are its windows."""
    return next(
        (
            advice
            for advice in (case.about_agent if check.scope is Scope.AGENT else case.past.standing)
            if case.texts[advice.rule_id] == check.name and advice.context == check.context
        ),
        None,
    )


def conditions_held(case: Case, retrial: Retrial, flags: int) -> tuple[int, ...]:
    """Return what became of each condition of the fraud rules, and note what their windows held.

    The transaction itself is counted in those, as far as ``flags`` say that it counts.
    """
    if case.conditions is None or case.asked is None:
        return ()
    scale: int = SCALE // 10**case.config.currency_digits
    windows: dict[str, int] = {}
    event = _event(case, retrial, flags)
    events = (*case.past.events, event)
    for number, (wanted, counting) in enumerate(rule_windows(case.conditions), measure_count(case.checks)):
        ends = _condition_ends(case, counting, event)
        value = max(look(counting, events, end, case.zone).value for end in ends)
        unit = scale if wanted.measure is WindowMeasure.MONEY else SCALE
        windows[window_text(wanted)] = min(value, MOST // unit) * unit
        retrial.windows[number] = min(value, MOST // unit)
    seen: Known = {
        "order.total": min(retrial.money, MONEY_MAX // scale) * scale,
        "order.points": min(retrial.points, POINTS_MAX // SCALE) * SCALE,
        "order.redemption_type": case.texts[case.request["redemption_type_id"]],
    }
    state = retrial.after
    order = replace(
        case.asked,
        windows=windows,
        tier=case.texts[state.tier_id],
        province=case.texts[state.province_id],
        days_since_enrolment=case.asked.days_since_enrolment if case.past.seq else 0,
    )
    held = points_of(case.conditions, order, seen, scale, case.zone)
    return (STOPPED,) * len(held) if case.conditions_stopped else held


def _condition_ends(case: Case, counting: Counting, event: PastEvent) -> list[int]:
    """Return when the windows end of which a condition sees the fullest.

    It is the one that ends now. Of recorded activity it is the one that ends with it, if memory knows that one whole;
    and the one that ends now, if that counts it or there is no other.
    """
    if not event.recorded:
        return [case.moment]
    own = counting.starts_after(event.counts_at, case.zone) >= case.moment - _looks_back(case)
    counts = counting.matches(event.kind, event.parts, approved=event.approved, blocked=event.blocked)
    holds = counting.starts_after(case.moment, case.zone) < event.counts_at
    return [event.counts_at] * own + [case.moment] * (not own or (counts and holds))


def _event(case: Case, retrial: Retrial, flags: int) -> PastEvent:
    """Return the transaction as windows would count it."""
    flags |= retrial.event_flags & RECORDED
    return PastEvent(
        seq=case.past.seq + 1,
        transaction_id=case.transaction_id,
        counts_at=counts_at(flags, case.moment, case.request["occurred_at"]),
        kind=retrial.kind,
        parts=retrial.parts,
        approved=bool(flags & APPROVED),
        blocked=bool(flags & BLOCKED),
        points=retrial.points,
        money=retrial.money,
        store_id=case.request["store_id"],
        cashier_id=case.request["cashier_id"],
        terminal_id=case.request["terminal_id"],
        card_id=case.card_id,
        device_id=case.device_id,
        recorded=bool(flags & RECORDED),
    )


def _other_province(case: Case) -> bool:
    home, there = case.past.state.province_id, case.store_province_id
    return home != 0 and there != 0 and home != there


def _advice(case: Case, result: CheckedRule, ordinal: int) -> MadeAdvice:
    check, stood, place = result.check, result.stood, ordinal + case.leg_number * ADVICE_A_LEG
    ends_at = UNTIL_RESOLVED if check.posture in CASES else case.moment + check.duration
    return MadeAdvice(
        event=AdviceEvent.EXTENDED if stood else AdviceEvent.RAISED,
        # The transaction's id, whose last two bytes are clear, with the leg's and the check's place in them.
        advice_id=stood.advice_id if stood else case.transaction_id[:14] + place.to_bytes(2, "little"),
        rule=check.name,
        context=int(check.context),
        posture=int(check.posture),
        starts_at=stood.starts_at if stood else case.moment,
        ends_at=max(stood.ends_at, ends_at) if stood else ends_at,
        measured=result.seen or 0,
        threshold=check.threshold,
        window_starts_after=result.window.starts_after if result.window else 0,
    )


def reservations_after(case: Case, retrial: Retrial) -> list[OpenReservation]:
    """Return the reservations that are open after a decision, but for one that it makes."""
    others = [each for each in case.past.reservations if each is not retrial.ended]
    return others if retrial.left_open is None else [*others, retrial.left_open]


def close(case: Case, retrial: Retrial) -> Retrial:
    """Note from which leg on the account must be read to know all that is open after this one."""
    seq = case.past.seq + 1
    needed = [seq]
    needed += [each.seq for each in reservations_after(case, retrial)]
    moved = {advice.advice_id for advice in retrial.advice}
    needed += [advice.seq for advice in case.past.standing if advice.advice_id not in moved]
    retrial.open_from_seq = min(needed)
    return retrial
