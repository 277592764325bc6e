"""The rule set as it was written: a frozen tree of plain data, every node with its source range.

Made by ``parser``; read by ``checker`` and ``tree_text``. Nothing here is known to be meaningful.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceRange:
    """Where something was written. Lines and columns count from 1, in characters; the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, end: "SourceRange") -> "SourceRange":
        """The range from the start of this one to the end of ``end``."""
        return SourceRange(self.line, self.column, end.end_line, end.end_column)


@dataclass(frozen=True, slots=True)
class Word:
    """A name, text or sign where the grammar wants exactly that: a rule's name, its part, a field's parts, a unit."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """Decimal digits as written, perhaps with a minus inside a list: ``1.50``."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A quoted text, its escapes resolved."""

    value: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    """``true`` or ``false``."""

    value: bool
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """``2026-06-01`` as written."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: ``5.00 CAD``, ``15%`` (whose unit is ``%``), ``7 days``."""

    text: str
    unit: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class CalendarPeriod:
    """``this month``."""

    unit: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word: ``lines``, what a window counts, or the name of a ``let``."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """``object.field``."""

    object: Word
    field: Word
    source_range: SourceRange

    @property
    def name(self) -> str:
        """Both words with the dot."""
        return f"{self.object.text}.{self.field.text}"


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``."""

    function: Word
    arguments: "tuple[Expression, ...]"
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Unary:
    """``-operand`` or ``not operand``."""

    operator: str
    operand: "Expression"
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``: arithmetic, comparison, ``and``, ``or``."""

    operator: str
    left: "Expression"
    right: "Expression"
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Membership:
    """``operand in (items)`` or ``operand not in (items)``."""

    operand: "Expression"
    items: "tuple[Literal, ...]"
    negated: bool
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class NamedMembership:
    """``operand in name`` or ``operand not in name``, the name being a set's or a field's."""

    operand: "Expression"
    collection: "Name | FieldAccess"
    negated: bool
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Match:
    """``operand matches "pattern"`` or ``operand not matches "pattern"``."""

    operand: "Expression"
    pattern: TextLiteral
    negated: bool
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Filtered:
    """``source where condition``, as an argument."""

    source: "Expression"
    condition: "Expression"
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Measured:
    """``points of purchases``, as an argument."""

    measure: "Expression"
    source: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Conditional:
    """``value if condition else otherwise``."""

    value: "Expression"
    condition: "Expression"
    otherwise: "Expression"
    source_range: SourceRange


Literal = NumberLiteral | Quantity | TextLiteral | DateLiteral

Expression = (
    NumberLiteral
    | Quantity
    | TextLiteral
    | DateLiteral
    | BooleanLiteral
    | CalendarPeriod
    | Name
    | FieldAccess
    | Call
    | Filtered
    | Measured
    | Unary
    | Binary
    | Membership
    | NamedMembership
    | Match
    | Conditional
)


@dataclass(frozen=True, slots=True)
class When:
    """``when condition``."""

    condition: Expression
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Valid:
    """``valid from date until date in "zone"``; ``start`` or ``end`` is there, or both."""

    start: DateLiteral | None
    end: DateLiteral | None
    zone: TextLiteral | None
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Priority:
    """``priority number``."""

    number: NumberLiteral
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Best:
    """``best of "group"``."""

    group: TextLiteral
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Exclusive:
    """``exclusive``."""

    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Earn:
    """``earn part award``, perhaps ``per unit of base`` or ``per line where condition``."""

    part: Word
    award: Expression
    per: Expression | None
    of: Expression | None
    where: Expression | None
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Multiply:
    """``multiply part by factor``."""

    part: Word
    factor: Expression
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Cap:
    """``cap number per period``."""

    number: NumberLiteral
    period: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Round:
    """``round rounding``."""

    rounding: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Pending:
    """``pending number days``."""

    number: NumberLiteral
    unit: Word
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Expire:
    """``expire after number days``, or ``expire at end of unit`` without a number."""

    number: NumberLiteral | None
    unit: Word
    source_range: SourceRange


Clause = When | Valid | Priority | Best | Exclusive | Earn | Multiply | Cap | Round | Pending | Expire


@dataclass(frozen=True, slots=True)
class RuleSyntax:
    """One rule as written."""

    name: Word
    clauses: tuple[Clause, ...]
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class LetSyntax:
    """``let name = value``."""

    name: Word
    value: Expression
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class SetSyntax:
    """``set name = (items)``, or ``set name from "file"`` without items."""

    name: Word
    items: tuple[Literal, ...]
    file: TextLiteral | None
    source_range: SourceRange


Declaration = LetSyntax | SetSyntax | RuleSyntax


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its ``#``. It means nothing; the formatter keeps it."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class RuleSetSyntax:
    """A whole source: its declarations in order, and beside them its comments."""

    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = ()

    @property
    def rules(self) -> tuple[RuleSyntax, ...]:
        """The rules in order."""
        return tuple(declaration for declaration in self.declarations if isinstance(declaration, RuleSyntax))


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly below ``node``, in source order."""
    match node:
        case Unary() | Membership() | Match() | NamedMembership():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.value, node.condition, node.otherwise)
        case Call():
            return node.arguments
        case Filtered():
            return (node.source, node.condition)
        case Measured():
            return (node.measure,)
        case _:
            return ()


def expressions(declaration: Declaration) -> tuple[Expression, ...]:
    """The outermost expressions of a declaration, in source order."""
    match declaration:
        case LetSyntax():
            return (declaration.value,)
        case SetSyntax():
            return ()
        case RuleSyntax():
            return tuple(expression for clause in declaration.clauses for expression in clause_expressions(clause))


def clause_expressions(clause: Clause) -> tuple[Expression, ...]:
    """The outermost expressions of a clause, in source order."""
    match clause:
        case When():
            return (clause.condition,)
        case Multiply():
            return (clause.factor,)
        case Earn():
            return tuple(part for part in (clause.award, clause.per, clause.of, clause.where) if part is not None)
        case _:
            return ()
