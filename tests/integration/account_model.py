"""An account in plain Python: what the engine must decide, in the words of the design. For the model's test.

Nothing is clever: windows are recounted each time (``tests/reference/windows.py``), reservations and advice are lists
that are gone through. A point is worth a cent here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import (
    CASES,
    UNTIL_RESOLVED,
    CaseOutcome,
    Context,
    Factor,
    Kind,
    Outcome,
    Part,
    Posture,
    Reason,
)
from pointguard_server.domain.codes import Measure as Adds
from tests.reference.windows import Event, History, Measure, Release

APPROVED, DECLINED, REVIEW = 1, 2, 3
FORBIDDING = {
    Posture.BLOCK: Reason.ADVICE_BLOCK,
    Posture.REVIEW_BLOCK: Reason.ADVICE_BLOCK,
    Posture.LOCK: Reason.REDEMPTION_LOCKED,
    Posture.SUSPEND: Reason.ACCOUNT_SUSPENDED,
}
TELLING = {Posture.WARN: Reason.FRAUD_WARNING, Posture.REVIEW: Reason.UNDER_REVIEW}
STEP_UPS = {
    None: Reason.STEP_UP,
    Factor.PIN: Reason.STEP_UP_PIN,
    Factor.ID_DOCUMENT: Reason.STEP_UP_ID_DOCUMENT,
    Factor.ONE_TIME_CODE: Reason.STEP_UP_ONE_TIME_CODE,
    Factor.SUPERVISOR: Reason.STEP_UP_SUPERVISOR,
}


@dataclass(frozen=True)
class Rule:
    """A fraud rule or control; ``measure`` of None compares provinces."""

    name: str
    measure: Measure | None
    threshold: int
    posture: Posture
    context: Context
    duration: int
    extends: bool = False
    reason: Reason = Reason.FRAUD_RULE
    is_limit: bool = False
    factor: Factor | None = None
    four_eyes: bool = False

    def stops(self, verified: Factor | None) -> bool:
        """Whether it declines what trips it, given by what the till has verified the member."""
        return self.posture in FORBIDDING or (self.posture is Posture.STEP_UP and not satisfies(verified, self.factor))

    def touches(self, context: Context) -> bool:
        """Whether it bears on a transaction of this context."""
        return self.context is context or (self.posture is Posture.SUSPEND and self.measure is not None)


def satisfies(verified: Factor | None, asked: Factor | None) -> bool:
    """Whether what the till has verified is what was asked for; None asked: any."""
    return verified is not None and asked in (None, verified)


@dataclass(frozen=True)
class Hold:
    """Points set aside by the leg ``seq``, less what was captured of them."""

    seq: int
    points: int
    expires_at: int
    opened_at: int


@dataclass(frozen=True)
class Advice:
    """A finding that has not ended. ``number`` is its place among all that were raised; ``rule`` of None: by hand."""

    number: int
    rule: Rule | None
    context: Context
    posture: Posture
    ends_at: int
    overridden: bool = False
    proposed: tuple[CaseOutcome, str] | None = None  # what, and by whom

    @property
    def name(self) -> str:
        return self.rule.name if self.rule else ""


@dataclass(frozen=True)
class Answer:
    """What an answer must say: a refusal's outcome, or the decision."""

    outcome: Outcome = Outcome.DONE
    decision: int = 0
    points: int = 0
    released: int = 0
    reasons: frozenset[tuple[int, str]] = frozenset()


@dataclass
class Account:
    """The model. ``advice`` holds what has not ended."""

    rules: Sequence[Rule]
    zone: ZoneInfo
    province: str = ""
    seq: int = 0
    posted: int = 0
    locked: bool = False
    suspended: bool = False
    raised: int = 0
    holds: list[Hold] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)

    @property
    def reserved(self) -> int:
        return sum(hold.points for hold in self.holds)

    def open_holds(self, now: int) -> list[Hold]:
        """What is reserved at a moment, whether or not a row says that the rest has ended."""
        return [hold for hold in self.holds if hold.expires_at > now]

    def come_to(self, now: int) -> None:
        """Let time do its work: end the reservations and the advice whose time is up."""
        for hold in sorted(self.holds, key=lambda hold: hold.expires_at):
            if hold.expires_at <= now:
                self._end(hold, captured=0)
        self.advice = [advice for advice in self.advice if advice.ends_at > now]

    def _end(self, hold: Hold, captured: int) -> None:
        self.seq += 1
        self.holds.remove(hold)
        rest = hold.points - captured
        opened = next(event for event in self.events if event.seq == hold.seq)
        self.releases.append(Release(self.seq, hold.seq, rest, rest, whole=rest == opened.points))

    # ---------------------------------------------------------------------------------------------------------- facts

    def record_fact(self, now: int, kind: Kind) -> Answer:
        """Enroll, or switch the lock."""
        self.come_to(now)
        self.seq += 1
        fact = Event(self.seq, now, kind, frozenset(), approved=True, blocked=False, points=0, money=0)
        self._raise(fact, None, "")
        self.events.append(fact)
        return Answer(decision=APPROVED)

    # -------------------------------------------------------------------------------------------------- interventions

    def suspend(self, now: int, *, suspended: bool) -> Answer:
        """Stop redeeming and earning, or let it go on; windows do not count it."""
        self.come_to(now)
        self.seq += 1
        self.suspended = suspended
        return Answer(decision=APPROVED)

    def raise_by_hand(self, now: int, context: Context, posture: Posture, duration: int) -> Answer:
        """Raise advice that no rule gave."""
        self.come_to(now)
        self.seq += 1
        self._add(None, context, posture, now + duration)
        return Answer(decision=APPROVED)

    def override(self, now: int, number: int) -> Answer:
        """Have an advice no longer stand, and its rule have no effect until the advice would have ended."""
        return self._end_advice(now, number, lambda advice: [replace(advice, overridden=True)])

    def remove(self, now: int, number: int) -> Answer:
        """Have an advice no longer stand."""
        return self._end_advice(now, number, lambda _: [])

    def _end_advice(self, now: int, number: int, become: Callable[[Advice], list[Advice]]) -> Answer:
        self.come_to(now)
        if number not in {advice.number for advice in self.standing}:
            return Answer(Outcome.ADVICE_ENDED)
        if any(advice.number == number and advice.posture in CASES for advice in self.standing):
            return Answer(Outcome.ADVICE_IS_CASE)
        self.seq += 1
        self.advice = [
            after for advice in self.advice for after in (become(advice) if advice.number == number else [advice])
        ]
        return Answer(decision=APPROVED)

    def resolve(self, now: int, number: int, outcome: CaseOutcome, author: str) -> Answer:
        """Resolve a case, or propose to; each author has an API key of its own."""
        self.come_to(now)
        case = next((each for each in self.standing if each.number == number and each.posture in CASES), None)
        if case is None or case.rule is None:
            return Answer(Outcome.CASE_RESOLVED)
        after = [replace(case, proposed=(outcome, author))]
        decision = REVIEW
        if not case.rule.four_eyes or (case.proposed and case.proposed[0] is outcome):
            if case.rule.four_eyes and case.proposed and case.proposed[1] == author:
                return Answer(Outcome.FOUR_EYES)
            decision = APPROVED
            rests = case.rule.duration if outcome is CaseOutcome.FALSE_POSITIVE else 0
            after = [replace(case, overridden=True, ends_at=now + rests)] if rests else []
        self.seq += 1
        self.advice = [now_is for each in self.advice for now_is in (after if each is case else [each])]
        return Answer(decision=decision)

    @property
    def standing(self) -> list[Advice]:
        """The advice that is enforced."""
        return [advice for advice in self.advice if not advice.overridden]

    def _add(self, rule: Rule | None, context: Context, posture: Posture, ends_at: int) -> None:
        self.advice.append(Advice(self.raised, rule, context, posture, ends_at))
        self.raised += 1

    def _is_suppressed(self, rule: Rule) -> bool:
        return any(advice.overridden and advice.rule is rule for advice in self.advice)

    # ------------------------------------------------------------------------------------------------- moving points

    def accrue(self, now: int, points: int, money: int, kind: Kind) -> Answer:
        """Earn what the earn rules give."""
        self.come_to(now)
        reasons = self._standing_reasons(Context.EARNING, None)
        return self._decide(now, kind, Part.BASE, points, money, Context.EARNING, reasons, "", None, enough=True)

    def authorise(
        self,
        now: int,
        points: int,
        kind: Kind,
        store: str,
        time_to_live: int,
        verified: Factor | None,
        *,
        capture: bool,
        partial: bool,
    ) -> Answer:
        """Spend or reserve."""
        self.come_to(now)
        reasons = self._standing_reasons(Context.REDEMPTION, verified)
        if self.locked:
            reasons.add((Reason.REDEMPTION_LOCKED, ""))
        available = self.posted - self.reserved
        if available < points:
            reasons.add((Reason.INSUFFICIENT_POINTS, ""))
        enough = available >= points
        if partial and not self._forbids(reasons):
            allowed = self._cut_down(now, min(points, available), kind, reasons)
            if 0 < allowed < points:
                points, enough = allowed, True
        context = Context.REDEMPTION
        answer = self._decide(now, kind, Part.REDEEM, points, points, context, reasons, store, verified, enough=enough)
        if answer.decision == APPROVED and not capture:
            self.posted += points
            self.holds.append(Hold(self.seq, points, now + time_to_live, now))
        return answer

    def _cut_down(self, now: int, points: int, kind: Kind, reasons: set[tuple[int, str]]) -> int:
        """What limits leave of ``points``, and why."""
        for rule in self.rules:
            if (
                rule.is_limit
                and rule.measure
                and not self._is_suppressed(rule)
                and rule.measure.matches(kind, [Part.REDEEM], approved=True, blocked=False)
            ):
                room = rule.threshold - self._value(rule.measure, now)
                if room < points:
                    points = max(room, 0)
                    reasons.add((rule.reason, rule.name))
        return points

    def _decide(
        self,
        now: int,
        kind: Kind,
        part: Part,
        points: int,
        money: int,
        context: Context,
        reasons: set[tuple[int, str]],
        store: str,
        verified: Factor | None,
        *,
        enough: bool,
    ) -> Answer:
        self.seq += 1
        blocked = any(advice.posture in FORBIDDING for advice in self._heeded(context))
        would_pass = enough and not self._forbids(reasons) and not any(code in STEP_UPS.values() for code, _ in reasons)
        event = Event(self.seq, now, kind, frozenset([part]), would_pass, blocked, points, money)
        tripped = [rule for rule in self._tripped(event, context, store) if rule.touches(context)]
        warned = {advice.name for advice in self.standing}
        for rule in tripped:
            if rule.stops(verified):
                reasons.add((rule.reason, rule.name))
            elif rule.posture in TELLING and rule.name not in warned:
                reasons.add((TELLING[rule.posture], rule.name))
        self._raise(event, context, store)
        approved = would_pass and not any(rule.stops(verified) for rule in tripped)
        self.events.append(replace(event, approved=approved))
        if approved:
            self.posted += -points if part is Part.REDEEM else points
        return Answer(
            decision=APPROVED if approved else DECLINED,
            points=points if approved else 0,
            reasons=frozenset(reasons),
        )

    def capture(self, now: int, seq: int, points: int, *, keep_open: bool = False) -> Answer:
        """Spend what is left of a reservation, all of it for ``points`` of 0, or a part of it."""
        self.come_to(now)
        hold = next((hold for hold in self.holds if hold.seq == seq), None)
        if hold is None:
            return Answer(Outcome.RESERVATION_ENDED)
        if points > hold.points:
            return Answer(Outcome.CAPTURE_ABOVE_RESERVATION)
        points = points or hold.points
        if keep_open and points < hold.points:
            self.seq += 1
            self.holds[self.holds.index(hold)] = replace(hold, points=hold.points - points)
            self.posted -= points
            return Answer(decision=APPROVED, points=points)
        self._end(hold, points)
        self.posted -= points
        return Answer(decision=APPROVED, points=points, released=hold.points - points)

    def extend(self, now: int, seq: int, time_to_live: int, most: int) -> Answer:
        """Have a reservation end later, at most so long after it was made."""
        self.come_to(now)
        hold = next((hold for hold in self.holds if hold.seq == seq), None)
        if hold is None:
            return Answer(Outcome.RESERVATION_ENDED)
        if now + time_to_live > hold.expires_at:
            if now + time_to_live > hold.opened_at + most:
                return Answer(Outcome.RESERVATION_LIMIT)
            self.holds[self.holds.index(hold)] = replace(hold, expires_at=now + time_to_live)
        self.seq += 1
        return Answer(decision=APPROVED, points=hold.points)

    def void(self, now: int, seq: int) -> Answer:
        """Give a reservation back."""
        self.come_to(now)
        hold = next((hold for hold in self.holds if hold.seq == seq), None)
        if hold is None:
            return Answer(Outcome.RESERVATION_ENDED)
        self._end(hold, captured=0)
        return Answer(decision=APPROVED, points=hold.points, released=hold.points)

    # ---------------------------------------------------------------------------------------------------------- rules

    def _heeded(self, context: Context) -> list[Advice]:
        """The advice that bears on this context."""
        return [each for each in self.standing if each.context is context or each.posture is Posture.SUSPEND]

    def _standing_reasons(self, context: Context, verified: Factor | None) -> set[tuple[int, str]]:
        code = FORBIDDING | TELLING
        reasons: set[tuple[int, str]] = {
            (code[advice.posture], advice.name) for advice in self._heeded(context) if advice.posture in code
        }
        for advice in self._heeded(context):
            factor = advice.rule.factor if advice.rule else None
            if advice.posture is Posture.STEP_UP and not satisfies(verified, factor):
                reasons.add((STEP_UPS[factor], advice.name))
        return reasons | ({(Reason.ACCOUNT_SUSPENDED, "")} if self.suspended else set())

    @staticmethod
    def _forbids(reasons: set[tuple[int, str]]) -> bool:
        forbidding = (Reason.ACCOUNT_SUSPENDED, Reason.ADVICE_BLOCK, Reason.REDEMPTION_LOCKED)
        return any(code in forbidding for code, _ in reasons)

    def _value(self, measure: Measure, now: int) -> int:
        return measure.value(History(self.events, self.releases), now, self.zone, self.seq + 1)

    def _tripped(self, event: Event, context: Context | None, store: str) -> list[Rule]:
        return [
            rule for rule in self.rules if not self._is_suppressed(rule) and self._trips(rule, event, context, store)
        ]

    def _trips(self, rule: Rule, event: Event, context: Context | None, store: str) -> bool:
        if rule.measure is None:
            return rule.context is context and bool(self.province) and bool(store) and store != self.province
        if not rule.measure.matches(event.kind, event.parts, approved=event.approved, blocked=event.blocked):
            return False
        return self._value(rule.measure, event.time) + rule.measure.amount(event.points, event.money) > rule.threshold

    def _raise(self, event: Event, context: Context | None, store: str) -> None:
        for rule in self._tripped(event, context, store):
            ends_at = UNTIL_RESOLVED if rule.posture in CASES else event.time + rule.duration
            stood = next((place for place, advice in enumerate(self.advice) if advice.rule is rule), None)
            if stood is None:
                if rule.duration or rule.posture in CASES:
                    self._add(rule, rule.context, rule.posture, ends_at)
                else:
                    self.raised += 1
            elif rule.extends:
                self.advice[stood] = replace(self.advice[stood], ends_at=max(self.advice[stood].ends_at, ends_at))


def quoted(account: Account, now: int, store: str) -> int:
    """The most points that an account which has come to ``now`` may spend."""
    if account.locked or account._forbids(account._standing_reasons(Context.REDEMPTION, None)):
        return 0
    limit = max(account.posted - account.reserved, 0)
    for rule in account.rules:
        if not rule.touches(Context.REDEMPTION) or rule.posture not in FORBIDDING or account._is_suppressed(rule):
            continue
        if rule.measure is None:
            if account.province and store and store != account.province:
                return 0
        elif rule.measure.matches(Kind.ADHOC_REDEEM, [Part.REDEEM], approved=True, blocked=False):
            room = max(rule.threshold - account._value(rule.measure, now), 0)
            # One more redemption fits under a count, or none does.
            limit = min(limit, room) if rule.measure.adds is not Adds.COUNT else limit * min(room, 1)
    return limit
