"""Turns a source text into ``syntax``, or into problems. The only file that knows ANTLR; for ``rule_set`` and tests.

ANTLR's Python parser has no limits of its own, so ``source_limits`` comes first. The grammar needs one token of
look-ahead only, so the SLL prediction mode is exact: there is no second, slower attempt.
"""

from collections.abc import Callable
from typing import Any, Final

from antlr4 import CommonTokenStream, InputStream, PredictionMode
from antlr4.error.ErrorListener import ErrorListener

from pointguard_grammar.PointguardRulesLexer import PointguardRulesLexer as Lexer
from pointguard_grammar.PointguardRulesParser import PointguardRulesParser as Grammar
from pointguard_server.rules import source_limits
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.syntax import (
    Best,
    Binary,
    BooleanLiteral,
    CalendarPeriod,
    Call,
    Cap,
    Clause,
    Comment,
    Conditional,
    DateLiteral,
    Declaration,
    Earn,
    Exclusive,
    Expire,
    Expression,
    FieldAccess,
    Filtered,
    LetSyntax,
    Literal,
    Match,
    Measured,
    Membership,
    Multiply,
    Name,
    NamedMembership,
    NumberLiteral,
    Pending,
    Priority,
    Quantity,
    Round,
    RuleSetSyntax,
    RuleSyntax,
    SetSyntax,
    SourceRange,
    TextLiteral,
    Unary,
    Valid,
    When,
    Word,
    children,
    expressions,
)

DEEPEST_TREE: Final = 64
SYNTAX_PROBLEMS_AT_MOST: Final = 20

# What belongs together is named once in what was expected, the largest first.
_GROUPS: Final = {
    "an expression": frozenset(
        (
            *(Lexer.NUMBER, Lexer.DATE, Lexer.TEXT, Lexer.TRUE, Lexer.FALSE, Lexer.THIS, Lexer.NAME),
            *(Lexer.LEFT_PARENTHESIS, Lexer.MINUS),
        )
    ),
    "a clause of a rule": frozenset(
        (
            *(Lexer.WHEN, Lexer.VALID, Lexer.PRIORITY, Lexer.BEST, Lexer.EXCLUSIVE, Lexer.EARN, Lexer.MULTIPLY),
            *(Lexer.CAP, Lexer.ROUND, Lexer.PENDING, Lexer.EXPIRE),
        )
    ),
    "a declaration": frozenset((Lexer.RULE, Lexer.LET, Lexer.SET)),
    "a comparison": frozenset(
        (
            *(Lexer.EQUAL, Lexer.NOT_EQUAL, Lexer.LESS, Lexer.LESS_EQUAL, Lexer.GREATER, Lexer.GREATER_EQUAL),
            *(Lexer.IN, Lexer.MATCHES, Lexer.NOT),
        )
    ),
    "an arithmetic sign": frozenset((Lexer.PLUS, Lexer.MINUS, Lexer.STAR, Lexer.SLASH)),
}
_COMPARISONS: Final = _GROUPS["a comparison"] - {Lexer.IN, Lexer.MATCHES, Lexer.NOT}
_TOKEN_NAMES: Final = {
    Lexer.NUMBER: "a number",
    Lexer.NAME: "a name",
    Lexer.TEXT: "a quoted text",
    Lexer.DATE: "a date such as 2026-12-31",
    -1: "the end",
}
_HINTS: Final = {
    "=": "did you mean `==`?",
    "&": "did you mean `and`?",
    "|": "did you mean `or`?",
    "!": "did you mean `not`?",
    "'": 'texts are written in double quotes: "text"',
    ";": "rules need no separator",
    "$": "money is written with its currency behind it: 5.00 CAD",
}

# ANTLR's runtime carries no types; its parse tree is `Any` and ends in this file.
Context = Any


def parse(source: str) -> tuple[RuleSetSyntax | None, tuple[Problem, ...]]:
    """The tree of ``source``, or None and what is wrong with its form. Never raises for any text."""
    excess = source_limits.find_excess(source)
    if excess is not None:
        return None, (excess,)
    tree, comments, problems = _run_antlr(source)
    if problems:
        return None, problems
    rule_set = RuleSetSyntax(tuple(_declaration(child.getChild(0)) for child in tree.declaration()), comments)
    too_deep = _too_deep(rule_set)
    return (None, too_deep) if too_deep else (rule_set, ())


class _EnoughProblemsError(Exception):
    """Ends a parse that nobody will read more problems of."""


class _ProblemCollector(ErrorListener):  # type: ignore[misc]
    """Makes problems of ANTLR's syntax errors."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[Problem] = []

    def syntaxError(  # noqa: N802 - the name is ANTLR's
        self, recognizer: Any, offending: Any, line: int, column: int, message: str, error: Any
    ) -> None:
        """Called by ANTLR for each error, before it recovers."""
        if len(self.problems) >= SYNTAX_PROBLEMS_AT_MOST:
            raise _EnoughProblemsError
        text = "" if offending.type == -1 else offending.text
        place = SourceRange(line, column + 1, line, column + 1 + len(text))
        self.problems.append(
            Problem(place, text, _complaint(offending), _expectation(recognizer), _hint(recognizer, offending))
        )


def _run_antlr(source: str) -> tuple[Context, tuple[Comment, ...], tuple[Problem, ...]]:
    collector = _ProblemCollector()
    lexer = Lexer(InputStream(source))
    lexer.removeErrorListeners()
    tokens = CommonTokenStream(lexer)
    grammar = Grammar(tokens)
    grammar.removeErrorListeners()
    grammar.addErrorListener(collector)
    grammar._interp.predictionMode = PredictionMode.SLL  # noqa: SLF001 - ANTLR has no other way
    try:
        tree = grammar.ruleSet()
    except _EnoughProblemsError:
        return None, (), tuple(collector.problems)
    return (
        tree,
        tuple(_comment(token) for token in tokens.tokens if token.type == Lexer.COMMENT),
        tuple(collector.problems),
    )


def _complaint(token: Any) -> str:
    if token.type == -1:
        return "the rule set ends too early"
    if token.type == Lexer.UNCLOSED_TEXT:
        return "the text is not closed"
    return f"unexpected `{token.text}`"


def _hint(recognizer: Any, token: Any) -> str:
    if token.type == Lexer.UNCLOSED_TEXT:
        return 'a text ends with " on the same line; inside it, write \\" and \\\\'
    if token.type in _COMPARISONS and not _expected(recognizer) >= _GROUPS["an expression"]:
        return "comparisons do not chain: write `a < b and b < c`"
    return _HINTS.get(token.text, "")


def _expected(recognizer: Any) -> set[int]:
    return {token for interval in recognizer.getExpectedTokens().intervals for token in interval}


def _expectation(recognizer: Any) -> str:
    types = _expected(recognizer)
    words = []
    for name, group in _GROUPS.items():
        if types >= group:
            words.append(name)
            types -= group | ({Lexer.NOT} if name == "an expression" else set())
    if "a declaration" in words and _is_in_rule(recognizer):
        words.insert(0, "a clause of the rule")
    words.extend(_token_name(recognizer, token) for token in sorted(types, key=lambda kind: (kind < 0, kind)))
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _is_in_rule(recognizer: Any) -> bool:
    """Whether the declaration before the offending token is a rule, which any clause may follow."""
    here = recognizer.getCurrentToken().tokenIndex
    declarations = [
        token.type for token in recognizer.getTokenStream().tokens[:here] if token.type in _GROUPS["a declaration"]
    ]
    return bool(declarations) and declarations[-1] == Lexer.RULE


def _token_name(recognizer: Any, token: int) -> str:
    return _TOKEN_NAMES.get(token) or recognizer.literalNames[token].replace("'", "`")


def _range(context: Context) -> SourceRange:
    return _token_range(context.start).to(_token_range(context.stop))


def _token_range(token: Any) -> SourceRange:
    # No token of this grammar spans lines.
    column = token.column + 1
    return SourceRange(token.line, column, token.line, column + len(token.text))


def _word(token: Any) -> Word:
    return Word(token.text, _token_range(token))


def _quoted(token: Any) -> Word:
    return Word(_unquote(token.text), _token_range(token))


def _unquote(text: str) -> str:
    characters = iter(text[1:-1])
    return "".join(next(characters) if character == "\\" else character for character in characters)


def _comment(token: Any) -> Comment:
    return Comment(token.text.rstrip(), _token_range(token))


def _declaration(context: Context) -> Declaration:
    place = _range(context)
    match context:
        case Grammar.LetDeclarationContext():
            return LetSyntax(_word(context.name), _expression(context.expression()), place)
        case Grammar.SetDeclarationContext():
            items = tuple(_literal(item) for item in context.literal())
            return SetSyntax(_word(context.name), items, _text(context.source) if context.source else None, place)
        case _:
            clauses = tuple(_clause(clause.getChild(0)) for clause in context.clause())
            return RuleSyntax(_quoted(context.name), clauses, place)


def _clause(context: Context) -> Clause:
    place = _range(context)
    match context:
        case Grammar.WhenClauseContext():
            return When(_expression(context.expression()), place)
        case Grammar.ValidClauseContext():
            zone = _text(context.zone) if context.zone else None
            return Valid(_date(context.first), _date(context.last), zone, place)
        case Grammar.PriorityClauseContext():
            return Priority(_digits(context.NUMBER()), place)
        case Grammar.BestClauseContext():
            return Best(_text(context.group), place)
        case Grammar.ExclusiveClauseContext():
            return Exclusive(place)
        case Grammar.EarnClauseContext():
            return _earn(context)
        case Grammar.MultiplyClauseContext():
            return Multiply(_word(context.part), _expression(context.expression()), place)
        case Grammar.CapClauseContext():
            return Cap(_digits(context.NUMBER()), _word(context.period), place)
        case Grammar.RoundClauseContext():
            return Round(_word(context.rounding), place)
        case Grammar.PendingClauseContext():
            return Pending(_digits(context.NUMBER()), _word(context.unit), place)
        case _:
            number = _digits(context.NUMBER()) if context.NUMBER() else None
            return Expire(number, _word(context.unit or context.period), place)


def _date(token: Any) -> DateLiteral | None:
    return DateLiteral(token.text, _token_range(token)) if token else None


def _earn(context: Context) -> Earn:
    award, *others = (_expression(child) for child in context.expression())
    per = others[0] if others else None
    of = others[1] if context.OF() is not None else None
    where = others[1] if context.WHERE() is not None else None
    return Earn(_word(context.part), award, per, of, where, _range(context))


def _expression(context: Context) -> Expression:
    value = _chain(context.disjunction(0), _conjunctions)
    if context.IF() is None:
        return value
    condition = _chain(context.disjunction(1), _conjunctions)
    return Conditional(value, condition, _expression(context.expression()), _range(context))


def _conjunctions(context: Context) -> Expression:
    return _chain(context, _negation)


def _chain(context: Context, operand: Callable[[Context], Expression]) -> Expression:
    """``a op b op c`` as written, grouped from the left, without recursion over its length."""
    parts = list(context.getChildren())
    result = operand(parts[0])
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        right = operand(part)
        result = Binary(sign.symbol.text, result, right, result.source_range.to(right.source_range))
    return result


def _negation(context: Context) -> Expression:
    if context.NOT() is None:
        return _comparison(context.comparison())
    return Unary("not", _negation(context.negation()), _range(context))


def _comparison(context: Context) -> Expression:
    left, tail = _additive(context.additive()), context.comparisonTail()
    return left if tail is None else _comparison_tail(left, tail)


def _comparison_tail(left: Expression, tail: Context) -> Expression:
    place = left.source_range.to(_range(tail))
    if tail.operator is not None:
        return Binary(tail.operator.text, left, _additive(tail.additive()), place)
    negated = tail.NOT() is not None
    if tail.pattern is not None:
        return Match(left, _text(tail.pattern), negated, place)
    collection = tail.collection()
    if collection.NAME():
        return NamedMembership(left, _named(collection), negated, place)
    return Membership(left, tuple(_literal(item) for item in collection.literal()), negated, place)


def _literal(context: Context) -> Literal:
    first = context.start
    if first.type == Lexer.TEXT:
        return _text(first)
    if first.type == Lexer.DATE:
        return DateLiteral(first.text, _token_range(first))
    return _quantity(context.quantity(), "-" if context.MINUS() is not None else "", _range(context))


def _quantity(context: Context, sign: str, place: SourceRange) -> NumberLiteral | Quantity:
    text = sign + context.NUMBER().symbol.text
    if context.getChildCount() == 1:
        return NumberLiteral(text, place)
    return Quantity(text, _word(context.stop), place)


def _text(token: Any) -> TextLiteral:
    return TextLiteral(_unquote(token.text), _token_range(token))


def _digits(node: Any) -> NumberLiteral:
    return NumberLiteral(node.symbol.text, _token_range(node.symbol))


def _additive(context: Context) -> Expression:
    return _chain(context, _multiplicative)


def _multiplicative(context: Context) -> Expression:
    return _chain(context, _signed)


def _signed(context: Context) -> Expression:
    if context.MINUS() is None:
        return _primary(context.primary())
    return Unary("-", _signed(context.signed()), _range(context))


def _primary(context: Context) -> Expression:
    if context.expression() is not None:
        return _expression(context.expression())
    if context.quantity() is not None:
        return _quantity(context.quantity(), "", _range(context))
    first = context.start
    match first.type:
        case Lexer.TEXT:
            return _text(first)
        case Lexer.DATE:
            return DateLiteral(first.text, _token_range(first))
        case Lexer.TRUE | Lexer.FALSE:
            return BooleanLiteral(first.type == Lexer.TRUE, _token_range(first))
        case Lexer.THIS:
            return CalendarPeriod(_word(context.stop), _range(context))
        case _:
            return _call(context) if context.arguments() is not None else _named(context)


def _call(context: Context) -> Call:
    arguments = tuple(_argument(argument) for argument in context.arguments().argument())
    return Call(_word(context.start), arguments, _range(context))


def _argument(context: Context) -> Expression:
    first = _expression(context.expression(0))
    if context.WHERE() is not None:
        return Filtered(first, _expression(context.expression(1)), _range(context))
    if context.OF() is not None:
        return Measured(first, _word(context.stop), _range(context))
    return first


def _named(context: Context) -> Name | FieldAccess:
    first = _word(context.start)
    if context.DOT() is not None:
        return FieldAccess(first, _word(context.stop), _range(context))
    return Name(first.text, first.source_range)


def _too_deep(rule_set: RuleSetSyntax) -> tuple[Problem, ...]:
    """Problems for chains, which the parser takes in a loop, but over which everything after it recurses."""
    nodes = [node for declaration in rule_set.declarations for node in expressions(declaration)]
    return tuple(
        Problem(
            node.source_range, "", "the expression is too long a chain", f"at most {DEEPEST_TREE} steps", _CHAIN_HINT
        )
        for node in nodes
        if _depth(node) > DEEPEST_TREE
    )


_CHAIN_HINT: Final = "use `in (…)` for lists, or split the rule"


def _depth(root: Expression) -> int:
    deepest = 0
    pending = [(root, 1)]
    while pending:
        node, depth = pending.pop()
        deepest = max(deepest, depth)
        pending.extend((child, depth + 1) for child in children(node))
    return deepest
