"""The rule set that means something: names resolved, types proved. Made by ``checker``, read by the back ends.

A node holds numbers, indexes and enumerations, never a text of the source, so a back end that writes code has nothing
of the user's to write. Source ranges stay, for traces.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pointguard_server.rules.fields import FACT_FIELD_COUNT
from pointguard_server.rules.functions import Function
from pointguard_server.rules.inputs import Input
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.texts import Literals
from pointguard_server.rules.value_types import CapPeriod, ExpiryUnit, Part, Rounding, ValueType, Vector

NOT_COMPUTED: Final = -1
"""What an independent rule gives that failed."""


class ArithmeticOperator(StrEnum):
    """Operators from two numbers to a number."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"


class ComparisonOperator(StrEnum):
    """Operators from two numbers to a boolean. The first two also compare booleans and texts."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, money or date (scaled), or a boolean (0 or 1)."""

    type: ValueType
    value: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class FieldValue:
    """Entry ``index`` of the facts, or of the row of the line that is being looked at.

    Facts from ``fields.FACT_FIELD_COUNT`` on are the rule set's own ``inputs``.
    """

    type: ValueType
    vector: Vector
    index: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class BitTest:
    """Whether bit ``bit`` of an entry of the facts or of a line is set, a bit of the rule set's own numbering.

    The host says by a constant which bit of its own that is: see ``CheckedRuleSet.mask_index``.
    """

    vector: Vector
    index: int
    bit: int
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class TextConstant:
    """The host's id of a text: entry ``index`` of the constants. Its type is text."""

    index: int
    source_range: SourceRange
    type: ValueType = ValueType.TEXT


@dataclass(frozen=True, slots=True)
class LetValue:
    """The value of ``CheckedRuleSet.lets[index]``."""

    type: ValueType
    index: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class BasePoints:
    """The points that all base awards of the transaction gave; for awards that multiply them."""

    source_range: SourceRange
    type: ValueType = ValueType.NUMBER


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` on scaled values."""

    operator: ArithmeticOperator
    left: "Checked"
    right: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.NUMBER


@dataclass(frozen=True, slots=True)
class Negation:
    """``−operand``."""

    operand: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.NUMBER


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right`` on two values of one type that is not text."""

    operator: ComparisonOperator
    left: "Checked"
    right: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class TextEquality:
    """Whether two texts are present and the same; ``negated`` gives the opposite of that."""

    left: "FieldValue | TextConstant"
    right: "FieldValue | TextConstant"
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class NumberMembership:
    """Whether a number, money or a date is one of ``values`` (scaled)."""

    operand: "Checked"
    values: tuple[int, ...]
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class TextMembership:
    """Whether a text is present and one of the constants ``start`` … ``stop − 1``."""

    operand: FieldValue
    start: int
    stop: int
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class TableMembership:
    """Whether a text is present and in the table of ``size`` (a power of two) constants from ``start`` on.

    ``start`` counts from the first constant behind those of single texts.
    """

    operand: FieldValue
    start: int
    size: int
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """``not operand``."""

    operand: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Both:
    """``left and right``; ``right`` is not evaluated when ``left`` is false."""

    left: "Checked"
    right: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Either:
    """``left or right``; ``right`` is not evaluated when ``left`` is true."""

    left: "Checked"
    right: "Checked"
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Choice:
    """``value if condition else otherwise``; only the chosen branch is evaluated. The branches have one type."""

    type: ValueType
    value: "Checked"
    condition: "Checked"
    otherwise: "Checked"
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class ScalarCall:
    """A function of values, all of one type."""

    function: Function
    arguments: "tuple[Checked, ...]"
    type: ValueType
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class LinesCall:
    """A function over the basket's lines; ``body`` is evaluated for each that ``only`` lets through. Never nested."""

    function: Function
    only: "Checked | None"
    body: "Checked | None"
    type: ValueType
    source_range: SourceRange


Checked = (
    Constant
    | FieldValue
    | BitTest
    | TextConstant
    | LetValue
    | BasePoints
    | Arithmetic
    | Negation
    | Comparison
    | TextEquality
    | NumberMembership
    | TextMembership
    | TableMembership
    | Not
    | Both
    | Either
    | Choice
    | ScalarCall
    | LinesCall
)


def operands(node: Checked) -> tuple[Checked, ...]:
    """The nodes directly below ``node``, in source order. What a ``let`` holds is not below those who read it."""
    match node:
        case Arithmetic() | Comparison() | TextEquality() | Both() | Either():
            return (node.left, node.right)
        case Negation() | NumberMembership() | TextMembership() | TableMembership() | Not():
            return (node.operand,)
        case Choice():
            return (node.value, node.condition, node.otherwise)
        case ScalarCall():
            return node.arguments
        case LinesCall():
            return tuple(part for part in (node.only, node.body) if part is not None)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class CheckedLet:
    """A named expression, computed on first need and at most once a transaction.

    One that reads fields of the line is ``per_line``: it is computed where it is read, for that line.
    """

    name: str
    value: Checked
    per_line: bool


@dataclass(frozen=True, slots=True)
class CheckedCap:
    """What a rule may give one account in a period. ``earned`` is the fact that holds what it gave before, in points.

    A transaction has none: nothing was given in it before.
    """

    period: CapPeriod
    points: int
    earned: int | None
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Expiry:
    """When an award's points expire: ``days`` after they are given, or at the end of the calendar's month or year."""

    unit: ExpiryUnit
    days: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """One rule: when ``validity`` and ``condition`` hold (None: always), ``award`` points, rounded, at most the caps.

    ``group`` numbers the rules of which only the best gives its points. The points may be spent after ``pending_days``,
    which is written at ``pending_range`` if the rule has any.
    """

    validity: Checked | None
    condition: Checked | None
    award: Checked
    part: Part
    rounding: Rounding
    priority: int
    group: int | None
    exclusive: bool
    caps: tuple[CheckedCap, ...]
    pending_days: int
    pending_range: SourceRange | None
    expiry: Expiry | None
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Turn:
    """Rules, by their ordinals, that are decided one after the other, and then what is left of them by group.

    Of each group only the rule that gives most keeps its points; of equals the first.
    """

    rules: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A set of texts in the constants: a hash table of ``size`` entries from ``start`` on.

    Its members are the literals ``first`` … ``stop − 1``. All three count from ``constant_literals``.
    """

    first: int
    stop: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class CheckedRuleSet:
    """Rules in order, and what the host must know to give them their inputs.

    ``literals`` are (domain, text) pairs: the ids of the first ``constant_literals`` are the first constants, the
    others are the members of ``tables``. ``inputs`` are facts of this rule set alone, behind those of ``fields``.
    ``line_patterns`` are (field, pattern) pairs, ``named_texts`` (domain, text) pairs, both by bit.

    Of ``independent`` rules, one that cannot be computed gives NOT_COMPUTED and the others go on; of others, none gives
    anything then. Such rules have no caps or groups, are not exclusive and do not read the base points.
    """

    rules: tuple[CheckedRule, ...]
    lets: tuple[CheckedLet, ...]
    literals: Literals
    constant_literals: int
    tables: tuple[Table, ...]
    inputs: tuple[Input, ...]
    line_patterns: tuple[tuple[str, str], ...]
    named_texts: tuple[tuple[str, str], ...]
    currency: str
    independent: bool = False

    @property
    def fact_count(self) -> int:
        """How many facts there are, the rule set's own counted."""
        return FACT_FIELD_COUNT + len(self.inputs)

    @property
    def constant_count(self) -> int:
        """How many constants there are, those of tables and the masks counted."""
        return self.first_mask + len(self.line_patterns) + len(self.named_texts)

    @property
    def first_mask(self) -> int:
        """The constant that is the mask of the first line pattern; behind them come those of the named texts."""
        return self.constant_literals + sum(table.size for table in self.tables)

    def mask_index(self, test: BitTest) -> int:
        """The constant that holds the bit that a test looks for."""
        before = 0 if test.vector is Vector.LINE else len(self.line_patterns)
        return self.first_mask + before + test.bit

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """Base awards, and then the others, which may multiply them; in each turn by priority, then by place."""
        base = self._by_priority(number for number, rule in enumerate(self.rules) if rule.part is Part.BASE)
        others = self._by_priority(number for number, rule in enumerate(self.rules) if rule.part is not Part.BASE)
        return self._turn(base), self._turn(others)

    @property
    def exclusive_order(self) -> tuple[int, ...]:
        """The ordinals of the exclusive rules, the highest priority first."""
        return self._by_priority(number for number, rule in enumerate(self.rules) if rule.exclusive)

    def _by_priority(self, numbers: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(numbers, key=lambda number: (-self.rules[number].priority, number)))

    def _turn(self, numbers: tuple[int, ...]) -> Turn:
        groups: dict[int, list[int]] = {}
        for number in numbers:
            group = self.rules[number].group
            if group is not None:
                groups.setdefault(group, []).append(number)
        return Turn(numbers, tuple(map(tuple, groups.values())))


def nodes(rules: CheckedRuleSet) -> Iterator[Checked]:
    """All nodes of a rule set, in no particular order."""
    pending: list[Checked] = [let.value for let in rules.lets]
    for rule in rules.rules:
        pending += [node for node in (rule.validity, rule.condition, rule.award) if node is not None]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(operands(node))
