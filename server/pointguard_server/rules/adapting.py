"""Where a number as written stands for money. For the files of the checker.

A number as written (``75``, not a name that stands for it) is taken as money where it is compared with money, or is the
other branch or argument beside money: there it can mean nothing else. It is never added to money, but for 0.
"""

from dataclasses import replace

from pointguard_server.rules import checked, syntax
from pointguard_server.rules.checked import Checked
from pointguard_server.rules.syntax import Expression
from pointguard_server.rules.value_types import ValueType


def adapted(node: Expression, value: Checked, other: Checked) -> Checked:
    """``value``, as money if it is a number as written and ``other`` is money."""
    if other.type is not ValueType.MONEY or value.type is not ValueType.NUMBER:
        return value
    if isinstance(value, checked.Constant) and isinstance(node, syntax.NumberLiteral):
        return replace(value, type=ValueType.MONEY)
    if isinstance(value, checked.Negation) and isinstance(node, syntax.Unary):
        operand = adapted(node.operand, value.operand, other)
        return replace(value, operand=operand, type=operand.type)
    return value


def adapted_zero(value: Checked, other: Checked) -> Checked:
    """``value``, as money if it is 0 and ``other`` is money: nothing is nothing in any currency."""
    if other.type is ValueType.MONEY and isinstance(value, checked.Constant) and value.value == 0:
        return replace(value, type=ValueType.MONEY)
    return value
