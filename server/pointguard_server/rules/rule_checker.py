"""Gives a rule's clauses their meaning. For ``checker``."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Final, TypeVar

from pointguard_server.rules import checked, syntax
from pointguard_server.rules.checked import ArithmeticOperator, Checked, CheckedCap, CheckedRule, Expiry
from pointguard_server.rules.expression_checker import ExpressionChecker
from pointguard_server.rules.fields import FIELDS
from pointguard_server.rules.fixed_point import MOST, SCALE
from pointguard_server.rules.functions import FUNCTIONS, NUMERIC
from pointguard_server.rules.inputs import EarnedInput, LocalDateInput
from pointguard_server.rules.literals import read_literal
from pointguard_server.rules.scope import A, Scope, one_of, suggest, text_of
from pointguard_server.rules.syntax import Clause, RuleSyntax, SourceRange, Word
from pointguard_server.rules.value_types import CapPeriod, ExpiryUnit, Part, Rounding, ValueType, Vector

HIGHEST_PRIORITY: Final = 1_000
LARGEST_CAP: Final = 10**12
LONGEST_PENDING_DAYS: Final = 3_650
LONGEST_NAME: Final = 80
LONGEST_ZONE: Final = 64

CLAUSE_WORDS: Final = {
    syntax.When: "when",
    syntax.Valid: "valid",
    syntax.Priority: "priority",
    syntax.Best: "best of",
    syntax.Exclusive: "exclusive",
    syntax.Round: "round",
    syntax.Pending: "pending",
    syntax.Expire: "expire",
}
_AWARD: Final = "earn base …, earn bonus …, earn targeted … or multiply base by …"
_ONE: Final = SCALE

T = TypeVar("T")


class RuleChecker:
    """Checks one rule after the other. ``groups`` are numbered as they are met."""

    def __init__(self, scope: Scope, expressions: ExpressionChecker) -> None:
        self._scope = scope
        self._expressions = expressions
        self._ordinals = count()
        self._groups: dict[str, int] = {}
        self._group_is_base: dict[str, bool] = {}

    def rule(self, rule: RuleSyntax) -> CheckedRule | None:
        """The checked rule, or None."""
        ordinal = next(self._ordinals)
        before = len(self._scope.problems)
        self._refuse_doubles(rule)
        when = _only(rule.clauses, syntax.When)
        condition = self._expressions.of_type(when.condition, ValueType.BOOLEAN, "`when`") if when else None
        validity = self._validity(_only(rule.clauses, syntax.Valid))
        part, award = self._award(rule)
        rounding = self._rounding(_only(rule.clauses, syntax.Round))
        priority = self._whole(_only(rule.clauses, syntax.Priority), "priority", 0, HIGHEST_PRIORITY)
        group = self._group(_only(rule.clauses, syntax.Best), part)
        self._refuse_both(rule)
        caps = self._caps(rule, ordinal)
        pending = _only(rule.clauses, syntax.Pending)
        pending_days = self._days(pending, "pending")
        expiry = self._expiry(_only(rule.clauses, syntax.Expire))
        if len(self._scope.problems) > before or part is None or award is None:
            return None
        return CheckedRule(
            validity=validity,
            condition=condition,
            award=award,
            part=part,
            rounding=rounding,
            priority=priority,
            group=group,
            exclusive=_only(rule.clauses, syntax.Exclusive) is not None,
            caps=caps,
            pending_days=pending_days,
            pending_range=pending.source_range if pending else None,
            expiry=expiry,
            source_range=rule.source_range,
        )

    def _refuse_doubles(self, rule: RuleSyntax) -> None:
        for kind, word in CLAUSE_WORDS.items():
            for clause in [clause for clause in rule.clauses if isinstance(clause, kind)][1:]:
                message = f"the rule has `{word}` already"
                self._scope.report(clause.source_range, word, message, "each clause once, but for `cap`")
        awards = [clause for clause in rule.clauses if isinstance(clause, syntax.Earn | syntax.Multiply)]
        if not awards:
            self._scope.report(rule.name.source_range, rule.name.text, "the rule has no award", _AWARD)
        for clause in awards[1:]:
            hint = "share the condition: let name = …"
            self._scope.report(
                clause.source_range, "earn", "the rule has an award already", "a rule of its own for each award", hint
            )

    def _refuse_both(self, rule: RuleSyntax) -> None:
        best, exclusive = _only(rule.clauses, syntax.Best), _only(rule.clauses, syntax.Exclusive)
        if best and exclusive:
            message = "a rule is `exclusive` or one of a group, not both"
            self._scope.report(exclusive.source_range, "exclusive", message, "`exclusive` or `best of`")

    # Awards

    def _award(self, rule: RuleSyntax) -> tuple[Part | None, Checked | None]:
        award: syntax.Earn | syntax.Multiply | None = _only(rule.clauses, syntax.Earn)
        award = award or _only(rule.clauses, syntax.Multiply)
        match award:
            case syntax.Earn():
                part = self._choice_of(award.part, [part.value for part in Part], "part")
                return (Part(part) if part else None), self._earned(award)
            case syntax.Multiply():
                self._choice_of(award.part, [Part.BASE.value], "part to multiply")
                return Part.BONUS, self._multiplied(award)
            case None:
                return None, None

    def _earned(self, award: syntax.Earn) -> Checked | None:
        if award.per is None:
            return self._expressions.of_types(award.award, NUMERIC, "`earn`")
        if isinstance(award.per, syntax.Name) and award.per.text == "line":
            return self._per_line(award)
        return self._rate(award, award.per)

    def _per_line(self, award: syntax.Earn) -> Checked | None:
        if award.of is not None:
            expected = "`per line` alone, or with `where`"
            self._scope.report(award.of.source_range, text_of(award.of), "`per line` is of nothing else", expected)
            return None
        function = FUNCTIONS["sum"]
        return self._expressions.calls.over_lines(function, award.where, award.award, award.source_range)

    def _rate(self, award: syntax.Earn, unit: syntax.Expression) -> Checked | None:
        """``10 per 1.00 CAD of order.total``: multiplied first, so that the division rounds once."""
        if award.where is not None:
            expected = "per line where condition"
            self._scope.report(award.where.source_range, text_of(award.where), "`where` chooses among lines", expected)
            return None
        points = self._expressions.of_type(award.award, ValueType.NUMBER, "a rate")
        per = self._expressions.of_types(unit, NUMERIC, "`per`")
        whole = self._whole_of(award)
        if points is None or per is None or whole is None:
            return None
        if per.type is not whole.type:
            message = f"the rate divides {A[whole.type]} by {A[per.type]}"
            self._scope.report(unit.source_range, text_of(unit), message, A[whole.type], self._rate_hint())
            return None
        if isinstance(per, checked.Constant) and per.value <= 0:
            self._scope.report(unit.source_range, text_of(unit), "the rate is per nothing", "more than 0")
            return None
        place = award.source_range
        product = checked.Arithmetic(ArithmeticOperator.MULTIPLY, whole, points, place, whole.type)
        return checked.Arithmetic(ArithmeticOperator.DIVIDE, product, per, place)

    def _whole_of(self, award: syntax.Earn) -> Checked | None:
        if award.of is not None:
            return self._expressions.of_types(award.of, NUMERIC, "`of`")
        total = FIELDS["order.total"]
        return checked.FieldValue(total.type, total.vector, total.index, award.source_range)

    def _rate_hint(self) -> str:
        return f"earn base 10 per 1.00 {self._scope.currency or 'CAD'}"

    def _multiplied(self, award: syntax.Multiply) -> Checked | None:
        """What the base points come to beyond themselves."""
        factor = self._expressions.of_type(award.factor, ValueType.NUMBER, "`by`")
        if factor is None:
            return None
        place = award.source_range
        one = checked.Constant(ValueType.NUMBER, _ONE, place)
        beyond = checked.Arithmetic(ArithmeticOperator.SUBTRACT, factor, one, place)
        return checked.Arithmetic(ArithmeticOperator.MULTIPLY, checked.BasePoints(place), beyond, place)

    # Words and numbers

    def _choice_of(self, word: Word, choices: list[str], kind: str) -> str | None:
        if word.text in choices:
            return word.text
        message = f"unknown {kind} `{word.text}`"
        self._scope.report(word.source_range, word.text, message, one_of(choices), suggest(word.text, choices))
        return None

    def _rounding(self, clause: syntax.Round | None) -> Rounding:
        modes = [rounding.value for rounding in Rounding]
        chosen = self._choice_of(clause.rounding, modes, "rounding") if clause else None
        return Rounding(chosen) if chosen else Rounding.DOWN

    def _whole(self, clause: syntax.Priority | syntax.Cap | None, word: str, least: int, most: int) -> int:
        return self._number(clause.number, word, least, most) if clause else 0

    def _number(self, node: syntax.NumberLiteral, word: str, least: int, most: int) -> int:
        written = read_literal(node)
        if (
            written is not None
            and written.value % SCALE == 0
            and least * SCALE <= written.value <= min(most * SCALE, MOST)
        ):
            return written.value // SCALE
        expected = f"a whole number from {least:,} to {most:,}"
        self._scope.report(node.source_range, node.text, f"`{word}` takes no such number", expected)
        return 0

    def _days(self, clause: syntax.Pending | None, word: str) -> int:
        if clause is None:
            return 0
        self._is_day(clause.unit)
        return self._number(clause.number, word, 1, LONGEST_PENDING_DAYS)

    def _is_day(self, unit: Word) -> None:
        if unit.text not in ("day", "days"):
            self._scope.report(unit.source_range, unit.text, f"unknown unit `{unit.text}`", "days")

    def _expiry(self, clause: syntax.Expire | None) -> Expiry | None:
        if clause is None:
            return None
        if clause.number is not None:
            self._is_day(clause.unit)
            days = self._number(clause.number, "expire after", 1, LONGEST_PENDING_DAYS)
            return Expiry(ExpiryUnit.DAYS, days, clause.source_range)
        ends = [ExpiryUnit.END_OF_MONTH.value, ExpiryUnit.END_OF_YEAR.value]
        chosen = self._choice_of(clause.unit, ends, "end")
        return Expiry(ExpiryUnit(chosen), 0, clause.source_range) if chosen else None

    # Stacking, caps and validity

    def _group(self, clause: syntax.Best | None, part: Part | None) -> int | None:
        if clause is None:
            return None
        name, place = clause.group.value, clause.group.source_range
        if not name.strip() or len(name) > LONGEST_NAME:
            self._scope.report(
                place, name[:LONGEST_NAME], "the group's name is empty or too long", f"1 to {LONGEST_NAME} characters"
            )
            return None
        is_base = part is Part.BASE
        if part is not None and self._group_is_base.setdefault(name, is_base) is not is_base:
            message = f'the group "{name}" has base awards and others'
            hint = "what others give may depend on the base points, so they are chosen later"
            self._scope.report(place, name, message, "a group of its own for base awards", hint)
        return self._groups.setdefault(name, len(self._groups))

    def _caps(self, rule: RuleSyntax, ordinal: int) -> tuple[CheckedCap, ...]:
        caps: dict[CapPeriod, CheckedCap] = {}
        for clause in rule.clauses:
            if isinstance(clause, syntax.Cap):
                cap = self._cap(clause, ordinal)
                if cap is not None and cap.period in caps:
                    message = f"the rule has a cap per {cap.period} already"
                    self._scope.report(clause.source_range, cap.period, message, "one cap for each period")
                elif cap is not None:
                    caps[cap.period] = cap
        return tuple(caps[period] for period in CapPeriod if period in caps)

    def _cap(self, clause: syntax.Cap, ordinal: int) -> CheckedCap | None:
        chosen = self._choice_of(clause.period, [period.value for period in CapPeriod], "period")
        points = self._whole(clause, "cap", 1, LARGEST_CAP)
        if chosen is None:
            return None
        period = CapPeriod(chosen)
        if period is CapPeriod.TRANSACTION:
            return CheckedCap(period, points, None, clause.source_range)
        index = self._scope.input(EarnedInput(ordinal, period), clause.source_range, "cap")
        return None if index is None else CheckedCap(period, points, index, clause.source_range)

    def _validity(self, clause: syntax.Valid | None) -> Checked | None:
        if clause is None:
            return None
        today = self._today(clause)
        start = self._expressions.written(clause.start) if clause.start else None
        end = self._expressions.written(clause.end) if clause.end else None
        if today is None or (clause.start and start is None) or (clause.end and end is None):
            return None
        if start and end and start.value > end.value:
            self._scope.report(clause.source_range, "valid", "the rule ends before it begins", "a later end")
            return None
        place = clause.source_range
        sides = [
            checked.Comparison(operator, today, checked.Constant(ValueType.DATE, bound.value, place), place)
            for operator, bound in (
                (checked.ComparisonOperator.GREATER_EQUAL, start),
                (checked.ComparisonOperator.LESS_EQUAL, end),
            )
            if bound is not None
        ]
        return sides[0] if len(sides) == 1 else checked.Both(sides[0], sides[1], place)

    def _today(self, clause: syntax.Valid) -> checked.FieldValue | None:
        today = FIELDS["time.date"]
        place: SourceRange = clause.source_range
        here = checked.FieldValue(today.type, today.vector, today.index, place)
        if clause.zone is None:
            return here
        zone = clause.zone.value
        if not 1 <= len(zone) <= LONGEST_ZONE or not zone.replace("/", "").replace("_", "").isascii():
            expected = 'an IANA time zone such as "America/Toronto"'
            self._scope.report(clause.zone.source_range, zone[:LONGEST_ZONE], "this is no time zone", expected)
            return None
        index = self._scope.input(LocalDateInput(zone), place, zone)
        return None if index is None else replace(here, vector=Vector.FACTS, index=index)


def _only(clauses: Iterable[Clause], kind: type[T]) -> T | None:
    """The first clause of a kind."""
    return next((clause for clause in clauses if isinstance(clause, kind)), None)
