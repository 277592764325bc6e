"""Writes a syntax tree as one canonical text: what the digest of a rule set is taken of, and what golden tests show.

Two sources have one canonical text exactly when they differ in layout, comments and ways to write a number only.
"""

from pointguard_server.rules import syntax
from pointguard_server.rules.checker import scale
from pointguard_server.rules.syntax import Expression, RuleSetSyntax, RuleSyntax
from pointguard_server.rules.value_types import Rounding


def tree_text(rule_set: RuleSetSyntax) -> str:
    """The rules as nested parentheses, one line for each clause."""
    return "".join(_rule(rule) for rule in rule_set.rules)


def _rule(rule: RuleSyntax) -> str:
    rounding = rule.rounding.text if rule.rounding else Rounding.DOWN.value
    condition = "" if rule.condition is None else f"\n  (when {_expression(rule.condition)})"
    award = f"\n  (earn {rule.part.text} {_expression(rule.award)})"
    return f"(rule {_quoted(rule.name.text)}{condition}{award}\n  (round {rounding}))\n"


def _expression(node: Expression) -> str:
    match node:
        case syntax.NumberLiteral():
            return f"{scale(node.text)}e-6"
        case syntax.TextLiteral():
            return _quoted(node.value)
        case syntax.BooleanLiteral():
            return "true" if node.value else "false"
        case syntax.Name():
            return node.text
        case syntax.FieldAccess():
            return node.name
        case syntax.Call():
            return _list(node.function.text, *node.arguments)
        case syntax.Unary():
            return _list(node.operator, node.operand)
        case syntax.Binary():
            return _list(node.operator, node.left, node.right)
        case syntax.Membership():
            return _list("not in" if node.negated else "in", node.operand, *node.items)
        case syntax.Conditional():
            return _list("if", node.condition, node.value, node.otherwise)


def _list(head: str, *rest: Expression) -> str:
    return f"({' '.join((head, *map(_expression, rest)))})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
