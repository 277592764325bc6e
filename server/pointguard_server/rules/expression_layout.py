"""Lays an expression out as lines of source text, in the one canonical way. For ``formatter`` alone.

An expression that fits stands on one line. One that does not breaks at its loosest operators, which then begin lines,
or at the commas of a call or a list. Parentheses stand only where the reading would change without them.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from pointguard_server.rules import syntax
from pointguard_server.rules.syntax import Expression

WIDTH: Final = 120
INDENTATION: Final = "    "


class Level(IntEnum):
    """How tightly an expression holds together, the loosest first: as the grammar nests them."""

    CONDITIONAL = 0
    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    PRIMARY = 8


_CHAINS: Final = {
    "or": Level.OR,
    "and": Level.AND,
    "+": Level.SUM,
    "-": Level.SUM,
    "*": Level.PRODUCT,
    "/": Level.PRODUCT,
}


def expression_lines(node: Expression, width: int, wanted: Level = Level.CONDITIONAL) -> list[str]:
    """The lines of ``node``, each at most ``width`` long where that can be.

    Args:
        node: the expression.
        width: the length of a line.
        wanted: the place takes expressions of this level or a tighter one; others get parentheses.

    Lines after the first are indented as far as they belong below the first.
    """
    if _level(node) < wanted:
        return _parenthesized(node, width)
    flat = _flat(node)
    return [flat] if len(flat) <= width else _broken(node, width)


def list_lines(opening: str, items: tuple[Expression, ...], width: int) -> list[str]:
    """The lines of a list in parentheses, of which ``opening`` ends with the first."""
    flat = f"{opening}{', '.join(map(_flat, items))})"
    return [flat] if len(flat) <= width else _bracketed(opening, items, width)


def quoted(text: str) -> str:
    """A text as a literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _level(node: Expression) -> Level:
    match node:
        case syntax.Conditional():
            return Level.CONDITIONAL
        case syntax.Binary():
            return _CHAINS.get(node.operator, Level.COMPARISON)
        case syntax.Membership() | syntax.NamedMembership() | syntax.Match():
            return Level.COMPARISON
        case syntax.Unary():
            return Level.NOT if node.operator == "not" else Level.SIGN
        case _:
            return Level.PRIMARY


def _flat(  # noqa: C901 - one case for each kind of node
    node: Expression, wanted: Level = Level.CONDITIONAL
) -> str:
    """The expression on one line, however long."""
    if _level(node) < wanted:
        return f"({_flat(node)})"
    match node:
        case syntax.NumberLiteral() | syntax.Name() | syntax.DateLiteral():
            return node.text
        case syntax.Quantity():
            return f"{node.text}%" if node.unit.text == "%" else f"{node.text} {node.unit.text}"
        case syntax.CalendarPeriod():
            return f"this {node.unit.text}"
        case syntax.TextLiteral():
            return quoted(node.value)
        case syntax.BooleanLiteral():
            return "true" if node.value else "false"
        case syntax.FieldAccess():
            return node.name
        case syntax.Call():
            return f"{node.function.text}({', '.join(map(_flat, node.arguments))})"
        case syntax.Filtered():
            return f"{_flat(node.source)} where {_flat(node.condition)}"
        case syntax.Measured():
            return f"{_flat(node.measure)} of {node.source.text}"
        case syntax.Unary():
            return f"not {_flat(node.operand, Level.NOT)}" if node.operator == "not" else _negative(node)
        case syntax.Membership():
            return f"{_flat(node.operand, Level.SUM)} {_negatable(node, 'in')} ({', '.join(map(_flat, node.items))})"
        case syntax.NamedMembership():
            return f"{_flat(node.operand, Level.SUM)} {_negatable(node, 'in')} {_flat(node.collection)}"
        case syntax.Match():
            return f"{_flat(node.operand, Level.SUM)} {_negatable(node, 'matches')} {quoted(node.pattern.value)}"
        case syntax.Binary():
            left, right = _sides(node)
            return f"{_flat(node.left, left)} {node.operator} {_flat(node.right, right)}"
        case syntax.Conditional():
            value, condition = _flat(node.value, Level.OR), _flat(node.condition, Level.OR)
            return f"{value} if {condition} else {_flat(node.otherwise)}"


def _negative(node: syntax.Unary) -> str:
    return f"-{_flat(node.operand, Level.SIGN)}"


def _negatable(node: syntax.Membership | syntax.NamedMembership | syntax.Match, word: str) -> str:
    return f"not {word}" if node.negated else word


def _sides(node: syntax.Binary) -> tuple[Level, Level]:
    """What a binary operator takes on its left and on its right: chains group from the left, comparisons not at all."""
    level = _level(node)
    if level is Level.COMPARISON:
        return Level.SUM, Level.SUM
    return level, Level(level + 1)


def _parenthesized(node: Expression, width: int) -> list[str]:
    flat = f"({_flat(node)})"
    if len(flat) <= width:
        return [flat]
    return ["(", *_indented(expression_lines(node, width - len(INDENTATION))), ")"]


def _indented(lines: Iterable[str]) -> list[str]:
    return [INDENTATION + line for line in lines]


def _broken(node: Expression, width: int) -> list[str]:
    match node:
        case syntax.Conditional():
            return _conditional(node, width)
        case syntax.Binary() if node.operator in _CHAINS:
            return _chain(node, width)
        case syntax.Binary():
            right = _behind(f"{node.operator} ", node.right, width, Level.SUM)
            return [*expression_lines(node.left, width, Level.SUM), *_indented(right)]
        case syntax.Membership():
            return _membership(node, width)
        case syntax.NamedMembership():
            return _tailed(node.operand, f"{_negatable(node, 'in')} {_flat(node.collection)}", width)
        case syntax.Match():
            return _tailed(node.operand, f"{_negatable(node, 'matches')} {quoted(node.pattern.value)}", width)
        case syntax.Filtered():
            source = expression_lines(node.source, width)
            return [*source, *_indented(_behind("where ", node.condition, width - len(INDENTATION), Level.CONDITIONAL))]
        case syntax.Measured():
            return _tailed(node.measure, f"of {node.source.text}", width)
        case syntax.Unary():
            sign, level = ("not ", Level.NOT) if node.operator == "not" else ("-", Level.SIGN)
            return _behind(sign, node.operand, width, level)
        case syntax.Call():
            return _bracketed(f"{node.function.text}(", node.arguments, width)
        case _:
            return [_flat(node)]


def _behind(prefix: str, node: Expression, width: int, wanted: Level) -> list[str]:
    """The lines of ``node`` with a word before the first."""
    first, *rest = expression_lines(node, width - len(prefix), wanted)
    return [prefix + first, *rest]


def _conditional(node: syntax.Conditional, width: int) -> list[str]:
    """A line for each branch, with its condition behind it; one level for a whole run of ``else`` branches."""
    lines = _branch("", node, width)
    otherwise = node.otherwise
    while isinstance(otherwise, syntax.Conditional):
        lines += _branch("else ", otherwise, width)
        otherwise = otherwise.otherwise
    return [*lines, *_behind("else ", otherwise, width, Level.CONDITIONAL)]


def _branch(prefix: str, node: syntax.Conditional, width: int) -> list[str]:
    flat = f"{prefix}{_flat(node.value, Level.OR)} if {_flat(node.condition, Level.OR)}"
    if len(flat) <= width:
        return [flat]
    condition = _indented(_behind("if ", node.condition, width - len(INDENTATION), Level.OR))
    return [*_behind(prefix, node.value, width, Level.OR), *condition]


def _chain(node: syntax.Binary, width: int) -> list[str]:
    """The operands of one level, a line each, the operator before all but the first."""
    level = _level(node)
    operands: list[tuple[str, Expression]] = []
    left: Expression = node
    while isinstance(left, syntax.Binary) and _level(left) == level:
        operands.append((f"{left.operator} ", left.right))
        left = left.left
    lines = _operand("", left, width, level)
    for prefix, operand in reversed(operands):
        lines += _operand(prefix, operand, width, level)
    return lines


def _operand(prefix: str, node: Expression, width: int, level: Level) -> list[str]:
    first, *rest = expression_lines(node, width - len(prefix) - len(INDENTATION), Level(level + 1))
    return [prefix + first, *_hanging(rest)]


def _hanging(rest: list[str]) -> list[str]:
    """Lines below a first one, which must not look like what comes next, unless they close a bracket."""
    return rest if rest and rest[-1].startswith(")") else _indented(rest)


def _membership(node: syntax.Membership, width: int) -> list[str]:
    *before, last = expression_lines(node.operand, width, Level.SUM)
    return [*before, *_bracketed(f"{last} {_negatable(node, 'in')} (", node.items, width)]


def _tailed(node: Expression, tail: str, width: int) -> list[str]:
    *before, last = expression_lines(node, width - len(tail) - 1, Level.SUM)
    return [*before, f"{last} {tail}"]


def _bracketed(opening: str, items: tuple[Expression, ...], width: int) -> list[str]:
    """The items between brackets: as many short ones to a line as fit, a long one on lines of its own."""
    lines: list[str] = []
    fresh = True
    for index, item in enumerate(items):
        comma = "" if index == len(items) - 1 else ","
        first, *rest = expression_lines(item, width - 2 * len(INDENTATION) - len(comma))
        parts = [first, *_hanging(rest)]
        parts[-1] += comma
        if fresh or len(parts) > 1 or len(lines[-1]) + 1 + len(parts[0]) > width - len(INDENTATION):
            lines += parts
        else:
            lines[-1] += f" {parts[0]}"
        fresh = len(parts) > 1
    return [opening, *_indented(lines), ")"]
