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
    Binary,
    BooleanLiteral,
    Call,
    Comment,
    Conditional,
    Expression,
    FieldAccess,
    Membership,
    Name,
    NumberLiteral,
    RuleSetSyntax,
    RuleSyntax,
    SourceRange,
    TextLiteral,
    Unary,
    Word,
    children,
)

DEEPEST_TREE: Final = 64
SYNTAX_PROBLEMS_AT_MOST: Final = 20

_EXPRESSION: Final = "an expression"
# What may start an expression is named once, not as nine token names.
_EXPRESSION_STARTS: Final = frozenset((Lexer.NUMBER, Lexer.TRUE, Lexer.NAME, Lexer.LEFT_PARENTHESIS, Lexer.MINUS))
_OPERATORS: Final = {
    "a comparison": frozenset(
        (Lexer.EQUAL, Lexer.NOT_EQUAL, Lexer.LESS, Lexer.LESS_EQUAL, Lexer.GREATER, Lexer.GREATER_EQUAL)
    ),
    "an arithmetic sign": frozenset((Lexer.PLUS, Lexer.MINUS, Lexer.STAR, Lexer.SLASH)),
}
_TOKEN_NAMES: Final = {Lexer.NUMBER: "a number", Lexer.NAME: "a name", Lexer.TEXT: "a quoted text", -1: "the end"}
_HINTS: Final = {
    "=": "did you mean `==`?",
    "&": "did you mean `and`?",
    "|": "did you mean `or`?",
    "!": "did you mean `not`?",
    "'": 'texts are written in double quotes: "text"',
    "%": "percentages are written as fractions: 0.05",
    ";": "rules need no separator",
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
    rule_set = RuleSetSyntax(tuple(_rule(child) for child in tree.ruleDeclaration()), comments)
    too_deep = _too_deep(rule_set)
    return (None, too_deep) if too_deep else (rule_set, ())


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
            return
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
    tree = grammar.ruleSet()
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
    if token.type in _OPERATORS["a comparison"] and not _expected(recognizer) >= _EXPRESSION_STARTS:
        return "comparisons do not chain: write `a < b and b < c`"
    return _HINTS.get(token.text, "")


def _expected(recognizer: Any) -> set[int]:
    return {token for interval in recognizer.getExpectedTokens().intervals for token in interval}


def _expectation(recognizer: Any) -> str:
    types = _expected(recognizer)
    words = []
    if types >= _EXPRESSION_STARTS:
        words.append(_EXPRESSION)
        types -= _EXPRESSION_STARTS | {Lexer.TEXT, Lexer.FALSE, Lexer.NOT}
    for name, group in _OPERATORS.items():
        if types >= group:
            words.append(name)
            types -= group
    words.extend(_token_name(recognizer, token) for token in sorted(types, key=lambda kind: (kind < 0, kind)))
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


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


def _rule(context: Context) -> RuleSyntax:
    when, earn, rounding = context.whenClause(), context.earnClause(), context.roundClause()
    return RuleSyntax(
        name=_quoted(context.name),
        condition=_expression(when.expression()) if when else None,
        part=_word(earn.part),
        award=_expression(earn.expression()),
        rounding=_word(rounding.rounding) if rounding else None,
        source_range=_range(context),
    )


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
    source_range = left.source_range.to(_range(tail))
    if tail.operator is not None:
        return Binary(tail.operator.text, left, _additive(tail.additive()), source_range)
    items = tuple(_literal(item) for item in tail.literal())
    return Membership(left, items, tail.NOT() is not None, source_range)


def _literal(context: Context) -> NumberLiteral | TextLiteral:
    if context.TEXT() is not None:
        return TextLiteral(_unquote(context.TEXT().symbol.text), _range(context))
    sign = "-" if context.MINUS() is not None else ""
    return NumberLiteral(sign + context.NUMBER().symbol.text, _range(context))


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
    first = context.start
    if first.type == Lexer.NUMBER:
        return NumberLiteral(first.text, _token_range(first))
    if first.type == Lexer.TEXT:
        return TextLiteral(_unquote(first.text), _token_range(first))
    if first.type in (Lexer.TRUE, Lexer.FALSE):
        return BooleanLiteral(first.type == Lexer.TRUE, _token_range(first))
    return _named(context)


def _named(context: Context) -> Expression:
    first = _word(context.start)
    if context.arguments() is not None:
        arguments = tuple(_expression(argument) for argument in context.arguments().expression())
        return Call(first, arguments, _range(context))
    if context.DOT() is not None:
        return FieldAccess(first, _word(context.stop), _range(context))
    return Name(first.text, first.source_range)


def _too_deep(rule_set: RuleSetSyntax) -> tuple[Problem, ...]:
    """Problems for chains, which the parser takes in a loop, but over which everything after it recurses."""
    expressions = [node for rule in rule_set.rules for node in (rule.condition, rule.award) if node is not None]
    return tuple(
        Problem(
            node.source_range, "", "the expression is too long a chain", f"at most {DEEPEST_TREE} steps", _CHAIN_HINT
        )
        for node in expressions
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
