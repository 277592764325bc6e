"""Writes a syntax tree as one canonical text: what the digest of a rule set is taken of, and what golden tests show.

Two sources have one canonical text exactly when they differ in layout, comments, the order of a rule's clauses and ways
to write a number only.
"""

from collections.abc import Mapping

from pointguard_server.rules import syntax
from pointguard_server.rules.literals import read_literal
from pointguard_server.rules.syntax import Clause, Declaration, Expression, Literal, RuleSetSyntax, RuleSyntax
from pointguard_server.rules.texts import Texts
from pointguard_server.rules.value_types import Rounding, ValueType

CLAUSE_ORDER = (
    syntax.When,
    syntax.Valid,
    syntax.Priority,
    syntax.Best,
    syntax.Exclusive,
    syntax.Earn,
    syntax.Multiply,
    syntax.Cap,
    syntax.Round,
    syntax.Pending,
    syntax.Expire,
)
"""The order in which a rule's clauses are written. Several caps stay in theirs."""


def in_order(rule: RuleSyntax) -> list[Clause]:
    """A rule's clauses in the canonical order."""
    return sorted(rule.clauses, key=lambda clause: CLAUSE_ORDER.index(type(clause)))


def tree_text(rule_set: RuleSetSyntax, files: Mapping[str, Texts] | None = None) -> str:
    """The declarations as nested parentheses, a line for each clause; ``files`` has the entries of sets from files."""
    return "".join(_declaration(declaration, files or {}) for declaration in rule_set.declarations)


def _declaration(declaration: Declaration, files: Mapping[str, Texts]) -> str:
    match declaration:
        case syntax.LetSyntax():
            return f"(let {declaration.name.text} {_expression(declaration.value)})\n"
        case syntax.SetSyntax():
            entries = [_expression(item) for item in declaration.items]
            if declaration.file is not None:
                entries = [_quoted(entry) for entry in files.get(declaration.file.value, ())]
            return f"(set {' '.join([declaration.name.text, *entries])})\n"
        case syntax.RuleSyntax():
            return _rule(declaration)


def _rule(rule: RuleSyntax) -> str:
    clauses = [_clause(clause) for clause in in_order(rule)]
    if not any(isinstance(clause, syntax.Round) for clause in rule.clauses):
        clauses.append(f"(round {Rounding.DOWN.value})")
    return f"(rule {_quoted(rule.name.text)}" + "".join(f"\n  {clause}" for clause in clauses) + ")\n"


def _clause(clause: Clause) -> str:  # noqa: C901 - one case for each kind of clause
    match clause:
        case syntax.When():
            return _list("when", clause.condition)
        case syntax.Valid():
            zone = f" in {_quoted(clause.zone.value)}" if clause.zone else ""
            return f"(valid {_date(clause.start)} {_date(clause.end)}{zone})"
        case syntax.Priority():
            return _list("priority", clause.number)
        case syntax.Best():
            return _list("best of", clause.group)
        case syntax.Exclusive():
            return "(exclusive)"
        case syntax.Earn():
            words = [f"(earn {clause.part.text} {_expression(clause.award)}"]
            for word, node in (("per", clause.per), ("of", clause.of), ("where", clause.where)):
                words += [word, _expression(node)] if node is not None else []
            return " ".join(words) + ")"
        case syntax.Multiply():
            return _list(f"multiply {clause.part.text}", clause.factor)
        case syntax.Cap():
            return _list(f"cap {clause.period.text}", clause.number)
        case syntax.Round():
            return f"(round {clause.rounding.text})"
        case syntax.Pending():
            return _list(f"pending {clause.unit.text}", clause.number)
        case syntax.Expire():
            number = "end" if clause.number is None else _expression(clause.number)
            return f"(expire {number} {clause.unit.text})"


def _date(node: syntax.DateLiteral | None) -> str:
    return "-" if node is None else node.text


def _expression(node: Expression) -> str:  # noqa: C901 - one case for each kind of node
    match node:
        case syntax.NumberLiteral() | syntax.Quantity() | syntax.DateLiteral():
            return _literal(node)
        case syntax.TextLiteral():
            return _quoted(node.value)
        case syntax.BooleanLiteral():
            return "true" if node.value else "false"
        case syntax.CalendarPeriod():
            return f"(this {node.unit.text})"
        case syntax.Name():
            return node.text
        case syntax.FieldAccess():
            return node.name
        case syntax.Call():
            return _list(node.function.text, *node.arguments)
        case syntax.Filtered():
            return _list("where", node.source, node.condition)
        case syntax.Measured():
            return f"(of {_expression(node.measure)} {node.source.text})"
        case syntax.Unary():
            return _list(node.operator, node.operand)
        case syntax.Binary():
            return _list(node.operator, node.left, node.right)
        case syntax.Membership():
            return _list("not in" if node.negated else "in", node.operand, *node.items)
        case syntax.NamedMembership():
            return _list("not in" if node.negated else "in", node.operand, node.collection)
        case syntax.Match():
            return _list("not matches" if node.negated else "matches", node.operand, node.pattern)
        case syntax.Conditional():
            return _list("if", node.condition, node.value, node.otherwise)


def _literal(node: Literal) -> str:
    if isinstance(node, syntax.TextLiteral):
        return _quoted(node.value)
    written = read_literal(node)
    if written is None:
        # A duration; or a mistake, which the checker reports.
        unit = f" {node.unit.text}" if isinstance(node, syntax.Quantity) else ""
        return f"{node.text}{unit}"
    if written.type is ValueType.DATE:
        return node.text
    return f"{written.value}e-6{written.currency}"


def _list(head: str, *rest: Expression) -> str:
    return f"({' '.join((head, *map(_expression, rest)))})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
