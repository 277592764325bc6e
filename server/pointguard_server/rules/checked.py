"""The rule set that means something: names resolved, types proved. Made by ``checker``, read by the back ends.

A node holds numbers, indexes and enumerations, never a text of the source, so a back end that writes code has nothing
of the user's to write. Source ranges stay, for traces.
"""

from dataclasses import dataclass
from enum import StrEnum

from pointguard_server.rules.functions import Function
from pointguard_server.rules.syntax import SourceRange
from pointguard_server.rules.value_types import Part, Rounding, ValueType, Vector


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
    """A number (scaled) or a boolean (0 or 1)."""

    type: ValueType
    value: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class FieldValue:
    """Entry ``index`` of the facts, or of the row of the line that is being looked at."""

    type: ValueType
    vector: Vector
    index: int
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class TextConstant:
    """The host's id of literal ``index``. Its type is text."""

    index: int
    source_range: SourceRange
    type: ValueType = ValueType.TEXT


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` on numbers."""

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
    """``left operator right`` on two numbers or two booleans."""

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
    """Whether a number is one of ``values`` (scaled)."""

    operand: "Checked"
    values: tuple[int, ...]
    negated: bool
    source_range: SourceRange
    type: ValueType = ValueType.BOOLEAN


@dataclass(frozen=True, slots=True)
class TextMembership:
    """Whether a text is present and one of the literals ``start`` … ``stop − 1``."""

    operand: FieldValue
    start: int
    stop: int
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
    """A function of values."""

    function: Function
    arguments: "tuple[Checked, ...]"
    source_range: SourceRange

    @property
    def type(self) -> ValueType:
        """What the function gives."""
        return self.function.result


@dataclass(frozen=True, slots=True)
class LinesCall:
    """A function over the basket's lines; ``body`` is evaluated for each line, in order. Never nested."""

    function: Function
    body: "Checked | None"
    source_range: SourceRange

    @property
    def type(self) -> ValueType:
        """What the function gives."""
        return self.function.result


Checked = (
    Constant
    | FieldValue
    | TextConstant
    | Arithmetic
    | Negation
    | Comparison
    | TextEquality
    | NumberMembership
    | TextMembership
    | Not
    | Both
    | Either
    | Choice
    | ScalarCall
    | LinesCall
)


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """One rule: when ``condition`` holds (None: always), ``award`` points, rounded."""

    condition: Checked | None
    award: Checked
    part: Part
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class CheckedRuleSet:
    """Rules in order, and the literals, each as (domain, text), whose ids the host puts into ``constants``."""

    rules: tuple[CheckedRule, ...]
    literals: tuple[tuple[str, str], ...]
