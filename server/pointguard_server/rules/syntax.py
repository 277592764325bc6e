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
    """A name or a text where the grammar wants exactly that: a rule's name, its part, its rounding, a field's parts."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """Decimal digits as written, perhaps with a minus inside an ``in`` list: ``1.50``."""

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
class Name:
    """A bare word. Only ``lines`` has a meaning, and only as a function's first argument."""

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
    items: tuple[NumberLiteral | TextLiteral, ...]
    negated: bool
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Conditional:
    """``value if condition else otherwise``."""

    value: "Expression"
    condition: "Expression"
    otherwise: "Expression"
    source_range: SourceRange


Expression = (
    NumberLiteral | TextLiteral | BooleanLiteral | Name | FieldAccess | Call | Unary | Binary | Membership | Conditional
)


@dataclass(frozen=True, slots=True)
class RuleSyntax:
    """One rule as written."""

    name: Word
    condition: Expression | None
    part: Word
    award: Expression
    rounding: Word | None
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its ``#``. It means nothing; the formatter keeps it."""

    text: str
    source_range: SourceRange


@dataclass(frozen=True, slots=True)
class RuleSetSyntax:
    """A whole source: its rules in order, and beside them its comments."""

    rules: tuple[RuleSyntax, ...]
    comments: tuple[Comment, ...] = ()


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly below ``node``, in source order."""
    match node:
        case Unary() | Membership():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.value, node.condition, node.otherwise)
        case Call():
            return node.arguments
        case _:
            return ()
